/* SPDX-License-Identifier: ISC */
/*
 * Block: the short way of a pool, shared by pools and size classes.
 *
 * Taking from the shelf and putting onto it, with the checks.  Everything rarer is in pool.c.  These few lines are the
 * library's hottest; they are inline so that a size class costs no more than a pool.
 */
#ifndef BLOCK_H
#define BLOCK_H

#include <mete/pool.h>

#include "guard.h"
#include "slab.h"

/* What is told about a block when it leaves. */
struct block {
	struct mete_slab *slab;
	void *cpu;
	uint32_t off;
};

/* Outside: find a block the long way: from slabs, from the provider, by waiting. */
int mete__pool_alloc_slow(struct mete_pool *pool, unsigned flags, struct block *ret);

/* Inside: the shelf is full; put its oldest block back into its slab.  Returns a slab to destroy, or NULL. */
struct mete_slab *mete__pool_unshelve(struct mete_pool *pool);

/* Which block of its slab begins at `off`; UINT32_MAX if none does. */
static inline uint32_t block_index(const struct mete_pool *pool, const struct mete_slab *slab, uintptr_t off)
{
	uint32_t window = (uint32_t)(off >> pool->window_shift);
	uint32_t rest = (uint32_t)off & pool->window_mask;
	uint32_t in_window = (uint32_t)(((uint64_t)rest * pool->recip) >> 32);
	uint32_t index = window * pool->per_window + in_window;

	if (in_window * pool->stride != rest || in_window >= pool->per_window || index >= slab->nblocks)
		return UINT32_MAX;
	return index;
}

static inline int block_alloc(struct mete_pool *pool, unsigned flags, struct block *ret)
{
	struct mete_provider *p = pool->device->provider;

	guard_enter(p);
	if (BITS_LIKELY(pool->nshelf && pool->hard == SIZE_MAX && !p->nwaiting)) {
		pool->shelf_top = (pool->shelf_top - 1) & (METE_SHELF - 1);
		pool->nshelf--;
		const struct mete_shelved *top = &pool->shelf[pool->shelf_top];
		ret->slab = top->slab;
		ret->off = top->off;
		ret->cpu = (unsigned char *)top->slab->run.cpu + top->off;
		top->slab->state[top->index] = SLAB_LIVE;
		guard_leave(p);
		return 0;
	}
	guard_leave(p);
	return mete__pool_alloc_slow(pool, flags, ret);
}

/* Inside: whether `cpu` may be freed, and as which block. */
static inline int block_check(const struct mete_pool *pool, const void *cpu, struct mete_shelved *ret)
{
	struct mete_slab *slab = slab_find(pool->device->provider, cpu);
	if (BITS_UNLIKELY(!slab || slab->owner != pool))
		return METE_EFAULT;
	uintptr_t off = (uintptr_t)cpu - (uintptr_t)slab->run.cpu;
	uint32_t index = block_index(pool, slab, off);
	if (BITS_UNLIKELY(index == UINT32_MAX))
		return METE_EFAULT;
	if (METE_CHECKS && BITS_UNLIKELY(slab->state[index] != SLAB_LIVE))
		return METE_EALREADY;
	ret->slab = slab;
	ret->off = (uint32_t)off;
	ret->index = index;
	return 0;
}

/* Errors are returned, not counted: who asks knows more about them. */
static inline int block_free(struct mete_pool *pool, void *cpu)
{
	struct mete_provider *p = pool->device->provider;
	struct mete_slab *idle = NULL;
	struct mete_shelved freed;

	guard_enter(p);
	int error = block_check(pool, cpu, &freed);
	if (BITS_LIKELY(!error)) {
		freed.slab->state[freed.index] = SLAB_FREE;
		if (BITS_UNLIKELY(pool->nshelf == pool->shelf_cap))
			idle = mete__pool_unshelve(pool);
		pool->shelf[pool->shelf_top] = freed;
		pool->shelf_top = (pool->shelf_top + 1) & (METE_SHELF - 1);
		pool->nshelf++;
		guard_released(p);
	}
	guard_leave(p);
	if (BITS_UNLIKELY(idle != NULL))
		mete__slab_destroy(p, idle);
	return error;
}

#endif
