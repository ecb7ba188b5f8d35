/* SPDX-License-Identifier: ISC */
/*
 * Slab: making and unmaking slabs, and the table that finds them.
 *
 * The table's parts come into being when first needed and then stay, so that a lookup never meets a part that is going
 * away.  A part is allocated outside the guard and installed inside it, unless another thread was faster; therefore
 * entering a slab is a loop that stops when nothing is missing.
 */
#include "slab.h"

#include "checked.h"
#include "claim.h"
#include "guard.h"
#include "reach.h"
#include "reclaim.h"

/* Without a window: address bits that may occur, and those that one leaf covers. */
#if UINTPTR_MAX > 0xffffffffu
#define TABLE_BITS 48
#define TABLE_LEAF_BITS 30
#else
#define TABLE_BITS 32
#define TABLE_LEAF_BITS 22
#endif
#define TABLE_SLOTS_MAX 65536u /* 2^24 slabs; each has at least a frame */

static size_t table_leaf_len(const struct mete_provider *p)
{
	uintptr_t last = p->window_last < p->leaf_mask ? p->window_last : p->leaf_mask;
	return ((size_t)(last >> p->frame_shift) + 1) * sizeof(uint32_t);
}

static size_t table_nleaves(const struct mete_provider *p)
{
	return (size_t)(p->window_last >> p->leaf_shift) + 1;
}

static uint32_t table_nslots(const struct mete_provider *p)
{
	uintptr_t frames = p->window_last >> p->frame_shift;
	uintptr_t slots = frames / SLAB_SLOTS + 2; /* + 1 for the remainder, + 1 because number 0 is not used */
	return slots < TABLE_SLOTS_MAX ? (uint32_t)slots : TABLE_SLOTS_MAX;
}

int mete__table_init(struct mete_provider *p, uintptr_t window, uintptr_t window_len)
{
	p->window = window;
	p->window_last = window_len ? window_len - 1 : UINTPTR_MAX >> (sizeof(uintptr_t) * 8 - TABLE_BITS);
	unsigned shift = window_len ? bits_high64(p->window_last | 1) + 1 : TABLE_LEAF_BITS;
	if (shift >= sizeof(uintptr_t) * 8) /* a window of more than half the address space */
		shift = sizeof(uintptr_t) * 8 - 1;
	p->leaf_shift = (uint8_t)shift;
	p->leaf_mask = ((uintptr_t)1 << shift) - 1;
	p->nslots = table_nslots(p);
	p->nnumbers = 1;

	size_t leaves_len, slots_len;
	if (!checked_mul(table_nleaves(p), sizeof *p->leaf, &leaves_len) ||
	    !checked_mul(p->nslots, sizeof *p->slots, &slots_len))
		return METE_ENOMEM;
	p->leaf = p->ops->record_alloc(p->ctx, leaves_len);
	p->slots = p->ops->record_alloc(p->ctx, slots_len);
	if (p->slots)
		p->slots[0] = p->ops->record_alloc(p->ctx, SLAB_SLOTS * sizeof **p->slots);
	if (p->leaf && window_len)
		p->leaf[0] = p->ops->record_alloc(p->ctx, table_leaf_len(p));
	if (!p->leaf || !p->slots || !p->slots[0] || (window_len && !p->leaf[0])) {
		mete__table_fini(p);
		return METE_ENOMEM;
	}
	return 0;
}

void mete__table_fini(struct mete_provider *p)
{
	for (size_t i = 0; p->leaf && i < table_nleaves(p); i++) {
		if (p->leaf[i])
			p->ops->record_free(p->ctx, p->leaf[i], table_leaf_len(p));
	}
	for (uint32_t i = 0; p->slots && i < p->nslots; i++) {
		if (p->slots[i])
			p->ops->record_free(p->ctx, p->slots[i], SLAB_SLOTS * sizeof **p->slots);
	}
	if (p->leaf)
		p->ops->record_free(p->ctx, p->leaf, table_nleaves(p) * sizeof *p->leaf);
	if (p->slots)
		p->ops->record_free(p->ctx, p->slots, p->nslots * sizeof *p->slots);
	p->leaf = NULL;
	p->slots = NULL;
}

/* Inside: where the first missing part of the table belongs, or NULL if nothing is missing. */
static void **table_missing(struct mete_provider *p, uintptr_t first, uintptr_t last, size_t *ret_len)
{
	for (uintptr_t i = first >> p->leaf_shift; i <= last >> p->leaf_shift; i++) {
		if (!p->leaf[i]) {
			*ret_len = table_leaf_len(p);
			return (void **)(void *)&p->leaf[i];
		}
	}
	uint32_t slot = p->nnumbers / SLAB_SLOTS;
	if (!p->unused && slot < p->nslots && !p->slots[slot]) {
		*ret_len = SLAB_SLOTS * sizeof **p->slots;
		return (void **)(void *)&p->slots[slot];
	}
	return NULL;
}

/* Inside, with nothing missing: a number for `slab`.  False if all are used. */
static bool table_number(struct mete_provider *p, struct mete_slab *slab)
{
	uint32_t number = p->unused;

	if (number) {
		p->unused = (uint32_t)p->slots[number / SLAB_SLOTS][number % SLAB_SLOTS].unused;
	} else {
		if (p->nnumbers / SLAB_SLOTS >= p->nslots)
			return false;
		number = p->nnumbers++;
	}
	slab->number = number;
	p->slots[number / SLAB_SLOTS][number % SLAB_SLOTS].slab = slab;
	return true;
}

/* The last offset that leads to a block's start: a single block has but one start, whatever its length. */
static uintptr_t slab_last_offset(const struct mete_provider *p, const struct mete_slab *slab)
{
	uintptr_t first = (uintptr_t)slab->run.cpu - p->window;
	return slab->nblocks == 1 ? first : first + (slab->run.len - 1);
}

static void table_set(struct mete_provider *p, const struct mete_slab *slab, uint32_t number)
{
	uintptr_t last = slab_last_offset(p, slab);
	for (uintptr_t off = (uintptr_t)slab->run.cpu - p->window; off <= last; off += p->frame)
		p->leaf[off >> p->leaf_shift][(off & p->leaf_mask) >> p->frame_shift] = number;
}

static int table_enter(struct mete_provider *p, struct mete_slab *slab)
{
	uintptr_t first = (uintptr_t)slab->run.cpu - p->window, last = slab_last_offset(p, slab);

	if (first > p->window_last || last > p->window_last || last < first)
		return METE_ERANGE; /* the provider broke its promise about the window */
	for (;;) {
		size_t len = 0;
		guard_enter(p);
		if (!table_missing(p, first, last, &len)) {
			bool done = table_number(p, slab);
			if (done) {
				table_set(p, slab, slab->number);
				p->held++;
			}
			guard_leave(p);
			return done ? 0 : METE_ENOMEM;
		}
		guard_leave(p);

		void *part = p->ops->record_alloc(p->ctx, len);
		if (!part)
			return METE_ENOMEM;
		size_t len_now = 0;
		guard_enter(p);
		void **place = table_missing(p, first, last, &len_now);
		bool used = place && len_now == len;
		if (used)
			*place = part;
		guard_leave(p);
		if (!used)
			p->ops->record_free(p->ctx, part, len);
	}
}

void mete__slab_forget(struct mete_provider *p, struct mete_slab *slab)
{
	table_set(p, slab, 0);
	p->slots[slab->number / SLAB_SLOTS][slab->number % SLAB_SLOTS].unused = p->unused;
	p->unused = slab->number;
}

static struct mete_slab *slab_record(struct mete_provider *p, uint32_t nblocks)
{
	size_t words = (nblocks + 31u) / 32u, len;

	if (!checked_mul(words, sizeof(uint32_t), &len) || !checked_add(len, sizeof(struct mete_slab), &len) ||
	    !checked_add(len, nblocks, &len))
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
    enum mete_memory memory, const void *owner, struct mete_slab **ret_slab)
{
	struct mete_provider *p = device->provider;

	struct mete_slab *slab = slab_record(p, nblocks);
	if (!slab)
		return METE_ENOMEM;
	slab->owner = owner;
	slab->asked = len;
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
	p->ops->give(p->ctx, &slab->run);
free_record:
	p->ops->record_free(p->ctx, slab, slab->record_len);
	return error;
}

size_t mete__slab_destroy(struct mete_provider *p, struct mete_slab *slabs)
{
	size_t n = 0;

	for (struct mete_slab *slab = slabs, *next; slab; slab = next) {
		next = slab->next;
		p->ops->give(p->ctx, &slab->run);
		p->ops->record_free(p->ctx, slab, slab->record_len);
		n++;
	}
	if (n) {
		guard_enter(p);
		p->held -= n;
		guard_released(p);
		guard_leave(p);
	}
	return n;
}
