/* SPDX-License-Identifier: ISC */
/*
 * Slab: making and unmaking slabs, and the table that finds them.
 *
 * The table has one leaf for a provider with an extent, and leaves that come into being when first needed, and then stay,
 * for one without.  A leaf is allocated outside the guard and installed inside it, unless another thread was faster;
 * therefore entering a slab is a loop that stops when nothing is missing.
 *
 * A leaf holds pointers, not numbers of slabs: with 64-bit pointers that is 4 bytes more a frame (0.1 %), and it saves
 * the table of numbers and two loads on every free.
 */
#include "slab.h"

#include "checked.h"
#include "claim.h"
#include "line.h"
#include "reach.h"
#include "reclaim.h"

/* Without an extent: address bits that may occur, and those that one leaf covers. */
#if UINTPTR_MAX > 0xffffffffu
#define TABLE_BITS 48
#define TABLE_LEAF_BITS 30
#else
#define TABLE_BITS 32
#define TABLE_LEAF_BITS 22
#endif

static size_t table_leaf_len(const struct mete_provider *p)
{
	uintptr_t last = p->extent_last < p->leaf_mask ? p->extent_last : p->leaf_mask;
	return ((size_t)(last >> p->frame_shift) + 1) * sizeof(struct mete_slab *);
}

static size_t table_nleaves(const struct mete_provider *p)
{
	return (size_t)(p->extent_last >> p->leaf_shift) + 1;
}

int mete__table_init(struct mete_provider *p, uintptr_t extent, uintptr_t extent_len)
{
	p->extent = extent;
	p->extent_last = extent_len ? extent_len - 1 : UINTPTR_MAX >> (sizeof(uintptr_t) * 8 - TABLE_BITS);
	unsigned shift = extent_len ? bits_high64(p->extent_last | 1) + 1 : TABLE_LEAF_BITS;
	if (shift >= sizeof(uintptr_t) * 8) /* an extent of more than half the address space */
		shift = sizeof(uintptr_t) * 8 - 1;
	p->leaf_shift = (uint8_t)shift;
	p->leaf_mask = ((uintptr_t)1 << shift) - 1;

	size_t len;
	if (!checked_mul(table_nleaves(p), sizeof *p->leaf, &len))
		return METE_ENOMEM;
	p->leaf = p->ops->record_alloc(p->ctx, len);
	if (!p->leaf)
		return METE_ENOMEM;
	p->first_leaf = &p->nobody;
	if (!extent_len)
		return 0;
	/* The short way is not prepared for a leaf that is missing, so this one exists from the start. */
	p->leaf[0] = p->ops->record_alloc(p->ctx, table_leaf_len(p));
	if (!p->leaf[0]) {
		mete__table_fini(p);
		return METE_ENOMEM;
	}
	p->first_leaf = p->leaf[0];
	p->first_last = p->leaf_mask < p->extent_last ? p->leaf_mask : p->extent_last;
	return 0;
}

void mete__table_fini(struct mete_provider *p)
{
	for (size_t i = 0; i < table_nleaves(p); i++) {
		if (p->leaf[i])
			p->ops->record_free(p->ctx, p->leaf[i], table_leaf_len(p));
	}
	p->ops->record_free(p->ctx, p->leaf, table_nleaves(p) * sizeof *p->leaf);
	p->leaf = NULL;
}

struct mete_slab *mete__table_find(const struct mete_provider *p, uintptr_t off)
{
	if (off > p->extent_last)
		return NULL;
	struct mete_slab **leaf = p->leaf[off >> p->leaf_shift];
	return leaf ? leaf[(off & p->leaf_mask) >> p->frame_shift] : NULL;
}

/* Inside: where the first missing leaf for [first, last] belongs, or NULL if none is missing. */
static struct mete_slab ***table_missing(struct mete_provider *p, uintptr_t first, uintptr_t last)
{
	for (uintptr_t i = first >> p->leaf_shift; i <= last >> p->leaf_shift; i++) {
		if (!p->leaf[i])
			return &p->leaf[i];
	}
	return NULL;
}

/* The last offset that leads to a block's start: a single block has but one start, whatever its length. */
static uintptr_t slab_last_offset(const struct mete_provider *p, const struct mete_slab *slab)
{
	uintptr_t first = (uintptr_t)slab->run.cpu - p->extent;
	return slab->nblocks == 1 ? first : first + (slab->run.len - 1);
}

static void table_set(struct mete_provider *p, const struct mete_slab *slab, struct mete_slab *to)
{
	uintptr_t last = slab_last_offset(p, slab);
	for (uintptr_t off = (uintptr_t)slab->run.cpu - p->extent; off <= last; off += p->frame)
		p->leaf[off >> p->leaf_shift][(off & p->leaf_mask) >> p->frame_shift] = to;
}

static int table_enter(struct mete_provider *p, struct mete_slab *slab)
{
	uintptr_t first = (uintptr_t)slab->run.cpu - p->extent, last = slab_last_offset(p, slab);

	if (first > p->extent_last || last > p->extent_last || last < first)
		return METE_ERANGE; /* the provider broke its promise about the extent */
	for (;;) {
		guard_enter(p);
		bool complete = !table_missing(p, first, last);
		if (complete) {
			table_set(p, slab, slab);
			p->held++;
		}
		guard_leave(p);
		if (complete)
			return 0;

		struct mete_slab **leaf = p->ops->record_alloc(p->ctx, table_leaf_len(p));
		if (!leaf)
			return METE_ENOMEM;
		guard_enter(p);
		struct mete_slab ***place = table_missing(p, first, last);
		if (place)
			*place = leaf;
		guard_leave(p);
		if (!place)
			p->ops->record_free(p->ctx, leaf, table_leaf_len(p));
	}
}

void mete__slab_forget(struct mete_provider *p, struct mete_slab *slab)
{
	table_set(p, slab, NULL);
}

static struct mete_slab *slab_record(struct mete_provider *p, uint32_t nblocks, uint32_t nstates)
{
	size_t words = (nblocks + 31u) / 32u, len;

	if (!checked_mul(words, sizeof(uint32_t), &len) || !checked_add(len, sizeof(struct mete_slab), &len) ||
	    !checked_add(len, nstates, &len))
		return NULL;
	struct mete_slab *slab = p->ops->record_alloc(p->ctx, len);
	if (!slab)
		return NULL;
	slab->record_len = len;
	slab->nblocks = slab->nfree = nblocks;
	slab->state = (uint8_t *)&slab->map[words];
	for (uint32_t i = 0; i < nblocks / 32; i++)
		slab->map[i] = UINT32_MAX;
	if (nblocks % 32)
		slab->map[nblocks / 32] = (1u << (nblocks % 32)) - 1;
	return slab;
}

int mete__slab_create(struct mete_device *device, const struct mete_constraint *limit, size_t len, uint32_t nblocks,
    uint32_t nstates, enum mete_memory memory, const void *owner, struct mete_slab **ret_slab)
{
	struct mete_provider *p = device->provider;

	struct mete_slab *slab = slab_record(p, nblocks, nstates);
	if (!slab)
		return METE_ENOMEM;
	slab->owner = owner;
	slab->asked = len;
	slab->domain = device->domain;
	slab->memory = memory;
	int error = mete__reach_take(device, limit, len, memory, &slab->run, &slab->bus);
	if (error == METE_ENOMEM && mete_provider_reclaim(p))
		error = mete__reach_take(device, limit, len, memory, &slab->run, &slab->bus);
	if (error)
		goto free_record;
	error = table_enter(p, slab);
	if (error)
		goto give_run;
	*ret_slab = slab;
	return 0;

give_run:
	mete__reach_give(p, slab->domain, &slab->run, slab->bus);
free_record:
	p->ops->record_free(p->ctx, slab, slab->record_len);
	return error;
}

size_t mete__slab_destroy(struct mete_provider *p, struct mete_slab *slabs)
{
	size_t n = 0;

	for (struct mete_slab *slab = slabs, *next; slab; slab = next) {
		next = slab->next;
		mete__reach_give(p, slab->domain, &slab->run, slab->bus);
		p->ops->record_free(p->ctx, slab, slab->record_len);
		n++;
	}
	if (!n)
		return 0;
	guard_enter(p);
	p->held -= n;
	bool wake = line_release(p);
	guard_leave(p);
	if (wake)
		line_wake(p);
	return n;
}
