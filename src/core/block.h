/* SPDX-License-Identifier: ISC */
/*
 * Block: the short way of a pool, shared by pools and size classes.
 *
 * Taking from the shelf and putting onto it, with the checks: the library's hottest lines.  They are written so that the
 * usual case calls nothing but the lock hook and keeps nothing on the stack; what is rare leaves through a tail call.
 */
#ifndef BLOCK_H
#define BLOCK_H

#include <mete/pool.h>

#include "line.h"
#include "tell.h"
#include "slab.h"

/* Outside, and only if there is an observer: tell it that the pool, or the classes it belongs to, handed out `cpu`, or not. */
void mete__pool_tell(struct mete_pool *pool, enum mete_owner_kind owner_kind, const void *owner, const void *site,
    size_t len, const void *cpu, unsigned flags, int error);

/* Take a block of `len` bytes and tell of it, before it is cleared. */
int mete__pool_alloc_observed(struct mete_pool *pool, unsigned flags, size_t len, enum mete_owner_kind owner_kind,
    const void *owner, const void *site, void **ret_cpu, mete_baddr *ret_bus);

/* mete_pool_alloc() without telling. */
int mete__pool_alloc(struct mete_pool *pool, unsigned flags, void **ret_cpu, mete_baddr *ret_bus);

/* Outside: find a block the long way: from slabs, from the provider, by waiting.  Counts a failure. */
int mete__pool_alloc_slow(struct mete_pool *pool, unsigned flags, void **ret_cpu, mete_baddr *ret_bus);

/* Inside: the newest block of the shelf, which is not empty, becomes live. */
static inline void *shelf_pop(struct mete_pool *pool)
{
	const struct mete_block *block = &pool->shelf[--pool->top & (METE_SHELF - 1)];
	*block->state = SLAB_LIVE;
	return block->cpu;
}

/* Which block of its slab begins at `off`; UINT32_MAX if none does. */
static inline uint32_t block_index(const struct mete_pool *pool, uint32_t off)
{
	uint32_t base = 0;

	if (pool->cells) {
		base = (off >> pool->cell_shift) * pool->per_cell;
		off &= pool->cell_mask;
	}
	uint32_t index = (uint32_t)(((uint64_t)off * pool->recip) >> 32);
	if (index * pool->stride != off || (pool->cells && index >= pool->per_cell))
		return UINT32_MAX;
	return base + index;
}

/* Inside: whether `cpu` may be freed, and where its state is. */
static inline int block_check(const struct mete_pool *pool, const void *cpu, uint8_t **ret_state)
{
	struct mete_slab *slab = slab_find(pool->provider, cpu);
	if (BITS_UNLIKELY(!slab || slab->owner != pool))
		return METE_EFAULT;
	/* The state bytes go on to the end of the run, so an index past the last block is harmless: it is never live. */
	uint32_t index = block_index(pool, (uint32_t)((uintptr_t)cpu - (uintptr_t)slab->run.cpu));
	if (BITS_UNLIKELY(index == UINT32_MAX))
		return METE_EFAULT;
	*ret_state = &slab->state[index];
	if (METE_CHECKS && BITS_UNLIKELY(slab->state[index] != SLAB_LIVE))
		return index < slab->nblocks ? METE_EALREADY : METE_EFAULT;
	return 0;
}

/* Inside: the block goes onto the shelf, which has room. */
static inline void shelf_push(struct mete_pool *pool, uint32_t top, void *cpu, uint8_t *state)
{
	struct mete_block *block = &pool->shelf[top & (METE_SHELF - 1)];
	block->cpu = cpu;
	block->state = state;
	pool->top = top + 1;
}

/* Inside, and leaves: free a block, whatever may come up.  Returns 0, or why not, not counted. */
int mete__pool_put(struct mete_pool *pool, void *cpu);

/*
 * Inside, and leaves: free a block of a class if nothing rare comes up.  Returns false, still inside, if something does;
 * then nothing has happened yet.
 */
static inline bool block_put_now(struct mete_pool *pool, void *cpu)
{
	struct mete_provider *p = pool->provider;
	uintptr_t at = (uintptr_t)cpu - p->extent;

	if (BITS_UNLIKELY(at > p->first_last))
		return false;
	struct mete_slab *slab = p->first_leaf[at >> p->frame_shift];
	if (BITS_UNLIKELY(!slab || slab->owner != pool))
		return false;
	uint32_t off = (uint32_t)((uintptr_t)cpu - (uintptr_t)slab->run.cpu);
	uint8_t *state = &slab->state[off >> pool->stride_shift];
	if (METE_CHECKS && BITS_UNLIKELY((off & (pool->stride - 1)) || *state != SLAB_LIVE))
		return false;
	uint32_t top = pool->top; /* read once: a store to a state byte might change it, for all the compiler knows */
	if (BITS_UNLIKELY(top - pool->bottom == pool->shelf_cap || p->nwaiting))
		return false;
	*state = SLAB_FREE;
	shelf_push(pool, top, cpu, state);
	guard_leave(p);
	return true;
}

#endif
