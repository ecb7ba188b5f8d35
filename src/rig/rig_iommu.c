/* SPDX-License-Identifier: ISC */
#define _DEFAULT_SOURCE
/*
 * Page tables in the rig's RAM, and the start of a function behind them.
 *
 * VT-d's second stage and the SMMU's first stage have the same shape, three levels of 512 entries, 39 bits of address:
 *
 *   top[iova 38:30] -> middle[iova 29:21] -> leaf[iova 20:12] -> page
 *
 * They differ in an entry's bits, which the model says.  The tables lie in RAM from the rig's own provider, where the
 * device model reads them.  They are taken without the core's count of what is held, never given back one by one, and
 * gone with the rig; a table that got empty stays in its place for the next mapping.
 *
 * What lies in RAM is written and never read: a device that was let at it by mistake could have changed it.  Each table
 * has a node in the rig's records that remembers what it says.
 *
 * An entry's low half makes it valid, so it is entered high half first and removed low half first.  QEMU remembers
 * translations, but never that there was none: only removing needs a flush.
 *
 * A message-signalled interrupt is a write to RAM here (see rig_irq.c), so it is translated as well.  The words of each
 * function are therefore mapped where they are, for that function, write-only.
 */
#include "rig_iommu.h"

#include <endian.h>
#include <stdatomic.h>
#include <string.h>

#define TABLE_PAGE RIG_IOMMU_PAGE
#define TABLE_PER 512u
#define TABLE_BITS 39                     /* of IOVA; and no machine has RAM above */
#define TABLE_PHYS 0x7ffffff000ull        /* the bits of an entry that are an address */

#define IOMMU_POLLS 1000                  /* QEMU does everything within the write that asks for it */
#define IOMMU_SPACE_FIRST RIG_MIB
#define IOMMU_SPACE_LAST 0xfffffffu       /* 256 MiB: what edu reaches, and 768 KiB of records */

/* What a table says, out of every device's reach. */
struct rig_node {
	mete_paddr table;
	union {
		struct rig_node *below[TABLE_PER]; /* NULL: none */
		uint64_t page[TABLE_PER];          /* of a leaf: the entry; 0: none */
	};
};

struct iommu_entry {
	_Atomic(uint32_t) low, high;
};

int mete__rig_iommu_read(const struct rig_iommu *iommu, unsigned offset, unsigned width, uint64_t *ret_value)
{
	int error = iommu->rig->ops->read(iommu->rig, iommu->registers + offset, width, ret_value);
	/* What the register announced is in memory: later loads must not have been made earlier. */
	atomic_thread_fence(memory_order_seq_cst);
	return error;
}

int mete__rig_iommu_write(const struct rig_iommu *iommu, unsigned offset, unsigned width, uint64_t value)
{
	atomic_thread_fence(memory_order_seq_cst);
	return iommu->rig->ops->write(iommu->rig, iommu->registers + offset, width, value);
}

int mete__rig_iommu_wait(const struct rig_iommu *iommu, unsigned offset, unsigned width, uint64_t mask, uint64_t want)
{
	uint64_t value;

	for (unsigned n = 0; n < IOMMU_POLLS; n++) {
		int error = mete__rig_iommu_read(iommu, offset, width, &value);
		if (error)
			return error;
		if ((value & mask) == want)
			return 0;
	}
	return METE_EIO;
}

int mete__rig_iommu_take(const struct rig_iommu *iommu, unsigned len, mete_paddr *phys)
{
	struct mete_provider *p = mete_arena_provider(&iommu->rig->arena);
	const struct mete_want want = { .len = len, .align = len, .memory = METE_MEMORY_COHERENT };
	struct mete_run run;

	if (*phys)
		return 0;
	int error = p->ops->take(p->ctx, &want, &run);
	if (error)
		return error == METE_ERANGE ? METE_ENOMEM : error; /* of a RAM so small that no run could ever do */
	memset(run.cpu, 0, len);
	*phys = run.phys;
	return 0;
}

void mete__rig_iommu_enter(const struct rig_iommu *iommu, mete_paddr phys, unsigned index, uint64_t value)
{
	struct iommu_entry *entry = (struct iommu_entry *)(void *)rig_at(iommu->rig, phys) + index;
	const uint32_t low = htole32((uint32_t)value), high = htole32((uint32_t)(value >> 32));

	atomic_store_explicit(&entry->low, 0, memory_order_seq_cst);
	atomic_store_explicit(&entry->high, high, memory_order_relaxed);
	atomic_store_explicit(&entry->low, low, memory_order_release);
}

/* A new, empty table and its node. */
static int table_make(const struct rig_iommu *iommu, struct rig_node **ret_node)
{
	struct mete_provider *p = mete_arena_provider(&iommu->rig->arena);

	struct rig_node *node = p->ops->record_alloc(p->ctx, sizeof(*node));
	if (!node)
		return METE_ENOMEM;
	memset(node, 0, sizeof(*node));
	int error = mete__rig_iommu_take(iommu, TABLE_PAGE, &node->table);
	if (error) {
		p->ops->record_free(p->ctx, node, sizeof(*node));
		return error;
	}
	*ret_node = node;
	return 0;
}

static unsigned table_index(uint64_t iova, unsigned level)
{
	return (unsigned)(iova >> (12 + 9 * level)) & (TABLE_PER - 1);
}

/* The leaf table for `iova`, NULL if there is none and none shall be made. */
static int table_leaf(const struct rig_domain *d, uint64_t iova, bool make, struct rig_node **ret_leaf)
{
	struct rig_node *node = d->top;

	for (unsigned level = 2; node && level; level--) {
		struct rig_node **next = &node->below[table_index(iova, level)];
		if (!*next && make) {
			int error = table_make(d->iommu, next);
			if (error)
				return error;
			mete__rig_iommu_enter(d->iommu, node->table, table_index(iova, level),
			    (uint64_t)(*next)->table | d->iommu->model->below);
		}
		node = *next;
	}
	*ret_leaf = node;
	return 0;
}

static void table_enter(const struct rig_domain *d, struct rig_node *leaf, uint64_t iova, uint64_t entry)
{
	leaf->page[table_index(iova, 0)] = entry;
	mete__rig_iommu_enter(d->iommu, leaf->table, table_index(iova, 0), entry);
}

/* Bytes from `iova` to the end of what its leaf table maps, at most `len`. */
static size_t table_step(uint64_t iova, size_t len)
{
	const size_t span = (size_t)TABLE_PAGE * TABLE_PER;
	size_t rest = span - (size_t)(iova & (span - 1));

	return len < rest ? len : rest;
}

/* Whole pages, and some, that end in 39 bits. */
static bool table_range_ok(uint64_t start, size_t len)
{
	const uint64_t end = 1ull << TABLE_BITS;

	return len && !((start | len) & (TABLE_PAGE - 1)) && start < end && len <= end - start;
}

/* Tables for all of the range, and see that no page of it is mapped: whoever maps twice has lost count. */
static int table_prepare(const struct rig_domain *d, uint64_t iova, size_t len)
{
	struct rig_node *leaf;

	for (size_t done = 0, step; done < len; done += step) {
		step = table_step(iova + done, len - done);
		int error = table_leaf(d, iova + done, true, &leaf);
		if (error)
			return error;
		for (size_t page = 0; page < step; page += TABLE_PAGE) {
			if (leaf->page[table_index(iova + done + page, 0)])
				return METE_EIO;
		}
	}
	return 0;
}

int mete__rig_iommu_map(void *ctx, mete_baddr first, mete_paddr phys, size_t len, enum mete_access access)
{
	const struct rig_domain *d = ctx;
	const uint64_t iova = first;
	struct rig_node *leaf;

	if (!table_range_ok(iova, len) || !table_range_ok(phys, len))
		return METE_EIO;
	if (access < METE_DEVICE_READS || access > METE_DEVICE_READS_WRITES || d->iommu->deaf)
		return METE_EIO;
	int error = table_prepare(d, iova, len);
	if (error)
		return error;
	for (size_t done = 0, step; done < len; done += step) {
		step = table_step(iova + done, len - done);
		(void)table_leaf(d, iova + done, false, &leaf);
		for (size_t at = done; at < done + step; at += TABLE_PAGE)
			table_enter(d, leaf, iova + at, ((uint64_t)phys + at) | d->iommu->model->page[access]);
	}
	return 0;
}

void mete__rig_iommu_unmap(void *ctx, mete_baddr first, size_t len)
{
	const struct rig_domain *d = ctx;
	const uint64_t iova = first;
	struct rig_node *leaf;

	if (!table_range_ok(iova, len))
		return;
	for (size_t done = 0, step; done < len; done += step) {
		step = table_step(iova + done, len - done);
		(void)table_leaf(d, iova + done, false, &leaf);
		for (size_t page = 0; leaf && page < step; page += TABLE_PAGE)
			table_enter(d, leaf, iova + done + page, 0);
	}
}

int mete__rig_iommu_lookup(void *ctx, mete_baddr iova, mete_paddr *ret_phys)
{
	const struct rig_domain *d = ctx;
	struct rig_node *leaf = NULL;

	if ((uint64_t)iova >> TABLE_BITS || table_leaf(d, iova, false, &leaf) || !leaf)
		return METE_EFAULT;
	uint64_t entry = leaf->page[table_index(iova, 0)];
	if (!entry)
		return METE_EFAULT;
	*ret_phys = (mete_paddr)(entry & TABLE_PHYS);
	return 0;
}

mete_paddr mete__rig_iommu_top(const struct rig_domain *domain)
{
	return domain->top->table;
}

/* The rig's unit, found at the first call. */
static int iommu_of(const struct rig_iommu_model *model, uint64_t registers, struct mete_rig *rig)
{
	struct mete_provider *p = mete_arena_provider(&rig->arena);

	if (rig->iommu)
		return 0;
	struct rig_iommu *iommu = p->ops->record_alloc(p->ctx, model->unit_len);
	if (!iommu)
		return METE_ENOMEM;
	memset(iommu, 0, model->unit_len);
	iommu->model = model;
	iommu->rig = rig;
	iommu->registers = registers;
	int error = model->probe(iommu);
	if (error) {
		p->ops->record_free(p->ctx, iommu, model->unit_len);
		return error;
	}
	rig->iommu = iommu;
	return 0;
}

/* A function's tables, with its interrupts' words.  What was made before memory lacked is found again. */
static int iommu_tables(struct rig_domain *d)
{
	const mete_paddr words = (mete_paddr)d->iommu->rig->place->ram + RIG_WORDS + (d->number - 1) * RIG_WORDS_LEN;
	mete_paddr there;

	int error = d->top ? 0 : table_make(d->iommu, &d->top);
	if (error || !mete__rig_iommu_lookup(d, words, &there))
		return error;
	return mete__rig_iommu_map(d, words, words, RIG_WORDS_LEN, METE_DEVICE_WRITES);
}

int mete__rig_iommu_start(const struct rig_iommu_model *model, uint64_t registers,
    const struct mete_rig_function *function, struct mete_domain_config *ret_config)
{
	struct mete_rig *rig = function->rig;

	if (!registers)
		return METE_ENOTSUP;
	int error = iommu_of(model, registers, rig);
	if (error)
		return error;

	size_t index = (size_t)(function->known - rig->known);
	struct rig_domain *d = &rig->iommu->domain[index];
	if (d->started)
		return METE_EBUSY;
	d->iommu = rig->iommu;
	d->number = (unsigned)index + 1;
	d->devfn = function->known->devfn;
	if ((error = iommu_tables(d)) || (error = model->attach(d)))
		return error;
	d->started = true;
	model->ops.flush(d, 0, 0);

	*ret_config = (struct mete_domain_config){
		.ops = &model->ops,
		.ctx = d,
		.page = TABLE_PAGE,
		.first = IOMMU_SPACE_FIRST,
		.last = IOMMU_SPACE_LAST,
	};
	return 0;
}
