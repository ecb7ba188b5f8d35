/* SPDX-License-Identifier: ISC */
#define _DEFAULT_SOURCE
/*
 * VT-d: QEMU's intel-iommu between the rig's functions and its RAM.
 *
 * Registers and tables are those of Intel's Virtualization Technology for Directed I/O, in legacy mode: a root table
 * with one entry a bus, a context table with one a function, and for each function a page table of its own with three
 * levels, which make 39 bits of address:
 *
 *   root[0] -> context[devfn] -> top[iova 38:30] -> middle[iova 29:21] -> leaf[iova 20:12] -> page
 *
 * All of them lie in RAM from the rig's own provider, where the device model reads them.  They are taken without the
 * core's count of what is held, never given back one by one, and gone with the rig; a table that got empty stays in its
 * place for the next mapping.
 *
 * An entry is 64 bits of which the low half has the permissions, so it is entered high half first and removed low half
 * first: whoever reads in between sees nothing there.  QEMU remembers translations, but never that there was none:
 * only removing needs a flush.
 *
 * A message-signalled interrupt is a write to RAM here (see rig_irq.c), so it is translated as well.  The words of each
 * function are therefore mapped where they are, for that function, write-only.
 */
#include "rig_ops.h"

#include <endian.h>
#include <mete/iommu.h>
#include <stdatomic.h>
#include <string.h>

#define VTD_VERSION 0x00
#define VTD_CAP 0x08
#define VTD_CAP_39_BITS (1ull << 9)
#define VTD_ECAP 0x10
#define VTD_GCMD 0x18
#define VTD_GSTS 0x1c
#define VTD_GSTS_ONE_SHOT 0x69000000u     /* bits that must not be written back: they would start something */
#define VTD_GCMD_TRANSLATE (1u << 31)
#define VTD_GCMD_ROOT (1u << 30)
#define VTD_ROOT 0x20
#define VTD_CONTEXT_FLUSH 0x28
#define VTD_CONTEXT_FLUSH_GO (1ull << 63)
#define VTD_CONTEXT_FLUSH_ALL (1ull << 61)
#define VTD_FAULT_STATUS 0x34
#define VTD_FAULT_OVERFLOW 0x1u
#define VTD_IOTLB_FLUSH_GO (1ull << 63)
#define VTD_IOTLB_FLUSH_DOMAIN (2ull << 60)
#define VTD_IOTLB_FLUSH_PAGES (3ull << 60)
#define VTD_FAULT_RECORD 16               /* bytes: page; source, reason, whether it is one */
#define VTD_FAULT_IS (1ull << 63)
#define VTD_FAULT_READ (1ull << 62)

#define VTD_PAGE 4096u
#define VTD_BITS 39
#define VTD_PER_TABLE 512u
#define VTD_READ 0x1u
#define VTD_WRITE 0x2u
#define VTD_PRESENT 0x1u                  /* root and context entries */
#define VTD_CONTEXT_39_BITS 0x1u
#define VTD_CONTEXT_DOMAIN 8              /* shift */

#define VTD_POLLS 1000                    /* QEMU does everything within the write that asks for it */
#define VTD_SPACE_LAST 0xfffffffu         /* 256 MiB: what edu reaches, and 768 KiB of records */

struct vtd_table {
	struct { _Atomic(uint32_t) low, high; } entry[VTD_PER_TABLE];
};

/* One function's page table. */
struct vtd_domain {
	struct rig_vtd *vtd;
	mete_paddr top;   /* 0: none yet */
	bool started;
};

/* The unit, a record of the rig's.  A domain's number is its function's place among the known ones, and 1. */
struct rig_vtd {
	struct mete_rig *rig;
	uint64_t registers;
	unsigned iotlb;       /* offset of the two registers for flushing */
	unsigned norders;     /* a selective flush is of 2^0 to 2^(norders - 1) pages; 0: there is none */
	unsigned faults;      /* offset of the fault records */
	unsigned nfaults;
	mete_paddr root, context;
	bool on;
	struct vtd_domain domain[RIG_KNOWN];
};

static int vtd_read(const struct rig_vtd *vtd, unsigned offset, unsigned width, uint64_t *ret_value)
{
	return vtd->rig->ops->read(vtd->rig, vtd->registers + offset, width, ret_value);
}

static int vtd_write(const struct rig_vtd *vtd, unsigned offset, unsigned width, uint64_t value)
{
	/* What the tables say must be in memory before the unit is told to look. */
	atomic_thread_fence(memory_order_seq_cst);
	return vtd->rig->ops->write(vtd->rig, vtd->registers + offset, width, value);
}

/* Wait until the register's bits in `mask` are `want`. */
static int vtd_wait(const struct rig_vtd *vtd, unsigned offset, unsigned width, uint64_t mask, uint64_t want)
{
	uint64_t value;

	for (unsigned n = 0; n < VTD_POLLS; n++) {
		int error = vtd_read(vtd, offset, width, &value);
		if (error)
			return error;
		if ((value & mask) == want)
			return 0;
	}
	return METE_EIO;
}

static int vtd_command(const struct rig_vtd *vtd, uint32_t command)
{
	uint64_t status;

	int error = vtd_read(vtd, VTD_GSTS, 4, &status);
	if (!error)
		error = vtd_write(vtd, VTD_GCMD, 4, (status & ~(uint64_t)VTD_GSTS_ONE_SHOT) | command);
	return error ? error : vtd_wait(vtd, VTD_GSTS, 4, command, command);
}

static struct vtd_table *vtd_at(const struct rig_vtd *vtd, mete_paddr table)
{
	return (struct vtd_table *)(void *)(vtd->rig->ram + table);
}

static uint64_t vtd_get(const struct rig_vtd *vtd, mete_paddr table, unsigned index)
{
	struct vtd_table *t = vtd_at(vtd, table);
	uint64_t low = le32toh(atomic_load_explicit(&t->entry[index].low, memory_order_acquire));

	return (uint64_t)le32toh(atomic_load_explicit(&t->entry[index].high, memory_order_relaxed)) << 32 | low;
}

static void vtd_enter(const struct rig_vtd *vtd, mete_paddr table, unsigned index, uint64_t value)
{
	struct vtd_table *t = vtd_at(vtd, table);

	atomic_store_explicit(&t->entry[index].high, htole32((uint32_t)(value >> 32)), memory_order_relaxed);
	atomic_store_explicit(&t->entry[index].low, htole32((uint32_t)value), memory_order_release);
}

static void vtd_remove(const struct rig_vtd *vtd, mete_paddr table, unsigned index)
{
	struct vtd_table *t = vtd_at(vtd, table);

	atomic_store_explicit(&t->entry[index].low, 0, memory_order_seq_cst);
	atomic_store_explicit(&t->entry[index].high, 0, memory_order_relaxed);
}

/* A new, empty table, unless there is one. */
static int vtd_table_take(const struct rig_vtd *vtd, mete_paddr *table)
{
	struct mete_provider *p = mete_arena_provider(&vtd->rig->arena);
	const struct mete_want want = { .len = VTD_PAGE, .align = VTD_PAGE, .memory = METE_MEMORY_COHERENT };
	struct mete_run run;

	if (*table)
		return 0;
	int error = p->ops->take(p->ctx, &want, &run);
	if (error)
		return error;
	memset(vtd->rig->ram + run.phys, 0, VTD_PAGE);
	*table = run.phys;
	return 0;
}

static unsigned vtd_index(uint64_t iova, unsigned level)
{
	return (unsigned)(iova >> (12 + 9 * level)) & (VTD_PER_TABLE - 1);
}

/* The leaf table for `iova`, 0 if there is none and none shall be made. */
static int vtd_leaf(const struct vtd_domain *d, uint64_t iova, bool make, mete_paddr *ret_table)
{
	mete_paddr table = d->top;

	for (unsigned level = 2; level; level--) {
		unsigned index = vtd_index(iova, level);
		mete_paddr next = (mete_paddr)(vtd_get(d->vtd, table, index) & ~(uint64_t)(VTD_PAGE - 1));
		if (!next && make) {
			int error = vtd_table_take(d->vtd, &next);
			if (error)
				return error;
			/* Permissions are those of the last entry: here both. */
			vtd_enter(d->vtd, table, index, (uint64_t)next | VTD_READ | VTD_WRITE);
		}
		if (!(table = next))
			break;
	}
	*ret_table = table;
	return 0;
}

/* Bytes from `iova` to the end of what its leaf table maps, at most `len`. */
static size_t vtd_step(uint64_t iova, size_t len)
{
	const size_t span = (size_t)VTD_PAGE * VTD_PER_TABLE;
	size_t rest = span - (size_t)(iova & (span - 1));

	return len < rest ? len : rest;
}

static bool vtd_pages_ok(uint64_t iova, uint64_t phys, size_t len)
{
	const uint64_t end = 1ull << VTD_BITS;

	return len && !((iova | phys | len) & (VTD_PAGE - 1)) && iova < end && len <= end - iova;
}

/* Tables for all of the range, and see that no page of it is mapped: whoever maps twice has lost count. */
static int vtd_prepare(const struct vtd_domain *d, uint64_t iova, size_t len)
{
	mete_paddr leaf;

	for (size_t done = 0, step; done < len; done += step) {
		step = vtd_step(iova + done, len - done);
		if (vtd_leaf(d, iova + done, true, &leaf))
			return METE_ENOMEM;
		for (size_t page = 0; page < step; page += VTD_PAGE) {
			if (vtd_get(d->vtd, leaf, vtd_index(iova + done + page, 0)))
				return METE_EIO;
		}
	}
	return 0;
}

static int vtd_map(void *ctx, mete_baddr first, mete_paddr phys, size_t len, enum mete_access access)
{
	const struct vtd_domain *d = ctx;
	const uint64_t allowed = (access & METE_DEVICE_READS ? VTD_READ : 0) |
	    (access & METE_DEVICE_WRITES ? VTD_WRITE : 0);
	const uint64_t iova = first;
	mete_paddr leaf;

	if (!vtd_pages_ok(iova, phys, len) || !allowed)
		return METE_EIO;
	int error = vtd_prepare(d, iova, len);
	if (error)
		return error;
	for (size_t done = 0, step; done < len; done += step) {
		step = vtd_step(iova + done, len - done);
		(void)vtd_leaf(d, iova + done, false, &leaf);
		for (size_t at = done; at < done + step; at += VTD_PAGE)
			vtd_enter(d->vtd, leaf, vtd_index(iova + at, 0), ((uint64_t)phys + at) | allowed);
	}
	return 0;
}

static void vtd_unmap(void *ctx, mete_baddr first, size_t len)
{
	const struct vtd_domain *d = ctx;
	const uint64_t iova = first;
	mete_paddr leaf;

	if (!vtd_pages_ok(iova, 0, len))
		return;
	for (size_t done = 0, step; done < len; done += step) {
		step = vtd_step(iova + done, len - done);
		(void)vtd_leaf(d, iova + done, false, &leaf);
		for (size_t page = 0; leaf && page < step; page += VTD_PAGE)
			vtd_remove(d->vtd, leaf, vtd_index(iova + done + page, 0));
	}
}

/*
 * The unit forgets 2^order pages that start at a multiple of their number: the smallest such piece around the range,
 * and not a page more than that, so that a caller who flushes the wrong range is found out.  All of the domain if there
 * is none.
 *
 * If the machine is gone there is nobody left who remembers anything.
 */
static void vtd_flush(void *ctx, mete_baddr iova, size_t len)
{
	const struct vtd_domain *d = ctx;
	const struct rig_vtd *vtd = d->vtd;
	uint64_t id = (uint64_t)(d - vtd->domain + 1) << 32, go = VTD_IOTLB_FLUSH_GO | VTD_IOTLB_FLUSH_DOMAIN | id;
	unsigned order = 0;

	if (len) {
		uint64_t first = iova / VTD_PAGE, last = ((uint64_t)iova + (len - 1)) / VTD_PAGE;
		while (first >> order != last >> order)
			order++;
		if (order < vtd->norders) {
			go = VTD_IOTLB_FLUSH_GO | VTD_IOTLB_FLUSH_PAGES | id;
			if (vtd_write(vtd, vtd->iotlb, 8, (first >> order << order) * VTD_PAGE | order))
				return;
		}
	}
	if (!vtd_write(vtd, vtd->iotlb + 8, 8, go))
		(void)vtd_wait(vtd, vtd->iotlb + 8, 8, VTD_IOTLB_FLUSH_GO, 0);
}

static int vtd_lookup(void *ctx, mete_baddr iova, mete_paddr *ret_phys)
{
	const struct vtd_domain *d = ctx;
	mete_paddr leaf = 0;

	if ((uint64_t)iova >> VTD_BITS || vtd_leaf(d, iova, false, &leaf) || !leaf)
		return METE_EFAULT;
	uint64_t entry = vtd_get(d->vtd, leaf, vtd_index(iova, 0));
	if (!(entry & (VTD_READ | VTD_WRITE)))
		return METE_EFAULT;
	*ret_phys = (mete_paddr)(entry & ~(uint64_t)(VTD_PAGE - 1));
	return 0;
}

static int vtd_fault(void *ctx, struct mete_iommu_fault *ret_fault)
{
	const struct rig_vtd *vtd = ((const struct vtd_domain *)ctx)->vtd;
	uint64_t page, what;

	for (unsigned i = 0; i < vtd->nfaults; i++) {
		unsigned at = vtd->faults + VTD_FAULT_RECORD * i;
		int error = vtd_read(vtd, at + 8, 8, &what);
		if (error)
			return error;
		if (!(what & VTD_FAULT_IS))
			continue;
		/* Then let the record and the mark that some were lost be used again: both want a 1 to be cleared. */
		if ((error = vtd_read(vtd, at, 8, &page)) ||
		    (error = vtd_write(vtd, at + 12, 4, (uint32_t)(VTD_FAULT_IS >> 32))) ||
		    (error = vtd_write(vtd, VTD_FAULT_STATUS, 4, VTD_FAULT_OVERFLOW)))
			return error;
		*ret_fault = (struct mete_iommu_fault){
			.iova = (mete_baddr)(page & ~(uint64_t)(VTD_PAGE - 1)),
			.access = what & VTD_FAULT_READ ? METE_DEVICE_READS : METE_DEVICE_WRITES,
			.source = (uint32_t)(what & 0xffff),
			.reason = (uint32_t)(what >> 32 & 0xff),
		};
		return 0;
	}
	return METE_ENODEV;
}

static const struct mete_iommu_ops vtd_ops = {
	.map = vtd_map,
	.unmap = vtd_unmap,
	.flush = vtd_flush,
	.lookup = vtd_lookup,
	.fault = vtd_fault,
};

/* See whether there is a unit, and what it can do. */
static int vtd_probe(struct rig_vtd *vtd)
{
	uint64_t version, cap, ecap;

	int error = vtd_read(vtd, VTD_VERSION, 4, &version);
	if (!error)
		error = vtd_read(vtd, VTD_CAP, 8, &cap);
	if (!error)
		error = vtd_read(vtd, VTD_ECAP, 8, &ecap);
	if (error)
		return error;
	/* Where nothing answers, all bits are alike. */
	if (!version || version == 0xffffffffu || !(cap & VTD_CAP_39_BITS))
		return METE_ENODEV;
	vtd->iotlb = (unsigned)(ecap >> 8 & 0x3ff) * 16;
	vtd->norders = cap >> 39 & 1 ? (unsigned)(cap >> 48 & 0x3f) + 1 : 0;
	vtd->faults = (unsigned)(cap >> 24 & 0x3ff) * 16;
	vtd->nfaults = (unsigned)(cap >> 40 & 0xff) + 1;
	return 0;
}

/* The rig's unit, found at the first call. */
static int vtd_of(struct mete_rig *rig, struct rig_vtd **ret_vtd)
{
	struct mete_provider *p = mete_arena_provider(&rig->arena);

	if (!rig->ops->vtd)
		return METE_ENOTSUP;
	if (!rig->vtd) {
		struct rig_vtd *vtd = p->ops->record_alloc(p->ctx, sizeof(*vtd));
		if (!vtd)
			return METE_ENOMEM;
		vtd->rig = rig;
		vtd->registers = rig->ops->vtd;
		int error = vtd_probe(vtd);
		if (error) {
			p->ops->record_free(p->ctx, vtd, sizeof(*vtd));
			return error;
		}
		rig->vtd = vtd;
	}
	*ret_vtd = rig->vtd;
	return 0;
}

/* The tables of one function.  What was made before memory lacked is found again by the next call. */
static int vtd_tables(struct vtd_domain *d, size_t index)
{
	const mete_paddr words = RIG_WORDS_PHYS + (mete_paddr)index * RIG_WORDS_LEN;
	mete_paddr there;

	int error = vtd_table_take(d->vtd, &d->vtd->root);
	if (!error)
		error = vtd_table_take(d->vtd, &d->vtd->context);
	if (!error)
		error = vtd_table_take(d->vtd, &d->top);
	if (error || !vtd_lookup(d, words, &there))
		return error;
	return vtd_map(d, words, words, RIG_WORDS_LEN, METE_DEVICE_WRITES);
}

/* Translate from now on, or look at the new context entry. */
static int vtd_go(struct rig_vtd *vtd)
{
	int error = 0;

	if (!vtd->on && !(error = vtd_write(vtd, VTD_ROOT, 8, vtd->root)))
		error = vtd_command(vtd, VTD_GCMD_ROOT);
	if (!error)
		error = vtd_write(vtd, VTD_CONTEXT_FLUSH, 8, VTD_CONTEXT_FLUSH_GO | VTD_CONTEXT_FLUSH_ALL);
	if (!error)
		error = vtd_wait(vtd, VTD_CONTEXT_FLUSH, 8, VTD_CONTEXT_FLUSH_GO, 0);
	if (!error && !vtd->on)
		error = vtd_command(vtd, VTD_GCMD_TRANSLATE);
	vtd->on = vtd->on || !error;
	return error;
}

int mete_rig_vtd_start(const struct mete_rig_function *function, struct mete_domain_config *ret_config)
{
	struct rig_vtd *vtd;

	if (!function || !function->known || !ret_config)
		return METE_EINVAL;
	int error = vtd_of(function->rig, &vtd);
	if (error)
		return error;

	size_t index = (size_t)(function->known - function->rig->known);
	struct vtd_domain *d = &vtd->domain[index];
	if (d->started)
		return METE_EBUSY;
	d->vtd = vtd;
	if ((error = vtd_tables(d, index)))
		return error == METE_ERANGE ? METE_ENOMEM : error;

	unsigned devfn = function->known->devfn;
	vtd_enter(vtd, vtd->root, 0, (uint64_t)vtd->context | VTD_PRESENT);
	/* A context entry is 128 bits, so it takes two of ours; the half with the mark comes last. */
	unsigned at = 2 * (devfn & 0xff);
	vtd_enter(vtd, vtd->context, at + 1, (index + 1) << VTD_CONTEXT_DOMAIN | VTD_CONTEXT_39_BITS);
	vtd_enter(vtd, vtd->context, at, (uint64_t)d->top | VTD_PRESENT);
	if ((error = vtd_go(vtd)))
		return error;
	d->started = true;
	vtd_flush(d, 0, 0);

	*ret_config = (struct mete_domain_config){
		.ops = &vtd_ops,
		.ctx = d,
		.page = VTD_PAGE,
		.first = RIG_MIB,
		.last = VTD_SPACE_LAST,
	};
	return 0;
}
