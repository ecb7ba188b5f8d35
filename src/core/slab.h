/* SPDX-License-Identifier: ISC */
/*
 * Slab: one run of a provider, cut into blocks, and the table that finds it by address.
 *
 * The record of a slab (this struct, a free map, a state byte for each block) lies in record memory.  The page table
 * leads from any frame of a run to the record by arithmetic.  A device's own allocation is a slab of one block, so that every free in the library is checked by the same few lines.
 */
#ifndef SLAB_H
#define SLAB_H

#include <mete/device.h>

#include "bits.h"
#include "bytes.h"

/* What a block is, as far as the caller is concerned. */
enum slab_state {
	SLAB_FREE, /* in its slab's map, or on the shelf */
	SLAB_LIVE,
};

struct mete_slab {
	struct mete_slab *next, *prev; /* in one of the owner's lists */
	const void *owner;             /* the pool or the device */
	struct mete_run run;
	mete_baddr bus;
	struct mete_domain *domain;    /* where `bus` is an IOVA, or NULL */
	size_t asked;                  /* bytes the caller asked for, where the run is one block of the device's */
	size_t record_len;
	enum mete_memory memory;
	uint32_t nblocks;
	uint32_t nfree;                /* bits set in map */
	uint32_t hint;                 /* no word of map below this one has a bit set */
	uint8_t *state;                /* of each block, and of what would be blocks in the rest of the run */
	uint32_t map[];                /* bit set: the block is free and not on the shelf */
};

/*
 * Outside the guard: take a run of `len` bytes for `device` within `limit` (merged and checked; NULL: the device's
 * own), write its record with `nstates` state bytes, at least one a block, and enter it into the table.  All blocks are
 * free.  Fails as mete_device_alloc() does, but
 * never waits; before METE_ENOMEM everything idle has been reclaimed.
 */
int mete__slab_create(struct mete_device *device, const struct mete_constraint *limit, size_t len, uint32_t nblocks,
    uint32_t nstates, enum mete_memory memory, const void *owner, struct mete_slab **ret_slab);

/* Inside the guard: no address leads to this slab any more. */
void mete__slab_forget(struct mete_provider *provider, struct mete_slab *slab);

/* Outside: give run and record of forgotten slabs, linked through `next`, back.  Returns how many there were. */
size_t mete__slab_destroy(struct mete_provider *provider, struct mete_slab *slabs);

int mete__table_init(struct mete_provider *provider, uintptr_t extent, uintptr_t extent_len);
void mete__table_fini(struct mete_provider *provider);

/* Inside: the slab that the frame at offset `off` of the extent belongs to, or NULL: the long way. */
struct mete_slab *mete__table_find(const struct mete_provider *p, uintptr_t off);

/* Inside: the slab that the frame of `cpu` belongs to, or NULL. */
static inline struct mete_slab *slab_find(const struct mete_provider *p, const void *cpu)
{
	uintptr_t off = (uintptr_t)cpu - p->extent;
	if (BITS_UNLIKELY(off > p->first_last))
		return mete__table_find(p, off);
	return p->first_leaf[off >> p->frame_shift];
}

#endif
