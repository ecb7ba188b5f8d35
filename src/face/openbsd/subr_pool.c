/* SPDX-License-Identifier: ISC */
/*
 * pool(9): a core pool inside the driver's own struct pool.
 *
 * pool_init(9) cannot fail, so a pool with impossible parameters is left as one that never gives an item.  A pool's
 * constraints are set after its creation and before its first item; the core fixes them at creation, so the core pool
 * is then made anew, with the marks it had.
 */
#include <sys/pool.h>
#include <uvm/uvm_extern.h>

#include <limits.h>

#include "bytes.h"
#include "openbsd_face.h"

/* Stands for what mete_openbsd_init() was told: recognised by its address.  The values are OpenBSD's on amd64. */
const struct uvm_constraint_range mete_openbsd_dma_constraint = { 0, 0xffffffffu };
const struct uvm_constraint_range mete_openbsd_no_constraint = { 0, METE_PADDR_MAX };

const struct kmem_pa_mode mete_openbsd_kp_dirty = { .kp_constraint = &mete_openbsd_no_constraint };
const struct kmem_pa_mode mete_openbsd_kp_zero = { .kp_constraint = &mete_openbsd_no_constraint, .kp_zero = 1 };
const struct kmem_pa_mode mete_openbsd_kp_dma = { .kp_constraint = &mete_openbsd_dma_constraint };
const struct kmem_pa_mode mete_openbsd_kp_dma_contig = { .kp_constraint = &mete_openbsd_dma_constraint,
	.kp_maxseg = 1 };
const struct kmem_pa_mode mete_openbsd_kp_dma_zero = { .kp_constraint = &mete_openbsd_dma_constraint, .kp_zero = 1 };

static int pool_start(struct pool *pp, struct mete_device *device, const struct mete_constraint *limit)
{
	struct mete_pool_config config;

	mete__bytes_zero(&config, sizeof config);
	config.name = pp->pr_wchan;
	config.len = pp->pr_size;
	config.align = pp->pr_align;
	config.limit = limit;
	return mete_pool_init(&pp->pr_core, device, &config);
}

void mete_openbsd_pool_init(struct mete_openbsd *here, struct pool *pp, size_t size, unsigned int align, int ipl,
    int flags, const char *wmesg, struct pool_allocator *palloc)
{
	(void)ipl;
	(void)flags;
	(void)palloc;
	pp->pr_here = here;
	pp->pr_size = size;
	pp->pr_align = align;
	pp->pr_wchan = wmesg;
	pp->pr_core.provider = NULL;
	if (here->ready)
		(void)pool_start(pp, &here->any, NULL);
}

void mete_openbsd_pool_destroy(struct pool *pp)
{
	POOL_CALL(pp, "pool_destroy");

	(void)mete_pool_fini(&pp->pr_core);
}

/* From native to core: which device reaches the memory, and what besides limits it. */
static struct mete_device *mode_limit(struct mete_openbsd *here, const struct kmem_pa_mode *mode,
    struct mete_constraint *ret)
{
	mete__bytes_zero(ret, sizeof *ret);
	ret->align = mode->kp_align;
	ret->boundary = mode->kp_boundary;
	if (mode->kp_constraint == &mete_openbsd_dma_constraint)
		return &here->dma;
	if (mode->kp_constraint) {
		ret->first = mode->kp_constraint->ucr_low;
		ret->last = mode->kp_constraint->ucr_high;
	}
	return &here->any;
}

void mete_openbsd_pool_set_constraints(struct pool *pp, const struct kmem_pa_mode *mode)
{
	POOL_CALL(pp, "pool_set_constraints");

	size_t low = pp->pr_core.low, hard = pp->pr_core.hard, keep = pp->pr_core.keep;
	struct mete_constraint limit;

	/* Once it has items out, the pool cannot change; OpenBSD would apply the new constraints to new pages only. */
	if (!mode || !pp->pr_core.provider || mete_pool_fini(&pp->pr_core))
		return;
	struct mete_device *device = mode_limit(pp->pr_here, mode, &limit);
	if (pool_start(pp, device, &limit))
		return;
	(void)mete_pool_set_hard(&pp->pr_core, hard);
	mete_pool_set_keep(&pp->pr_core, keep);
	mete_pool_set_low(&pp->pr_core, low);
	(void)mete_pool_prime(&pp->pr_core, low);
}

/* Per-CPU caches: the core decides by itself. */
void mete_openbsd_pool_cache_init(struct pool *pp)
{
	(void)pp;
}

static bool at_hard_limit(struct pool *pp)
{
	struct mete_pool_info info;
	mete_pool_info(&pp->pr_core, &info);
	return info.nlive >= pp->pr_core.hard;
}

void *mete_openbsd_pool_get(struct pool *pp, int flags)
{
	POOL_CALL(pp, "pool_get");

	unsigned core = openbsd_flags(flags);
	void *item;

	if ((flags & PR_LIMITFAIL) && (core & METE_WAIT) && pp->pr_core.provider) {
		if (!mete_pool_alloc(&pp->pr_core, core & ~METE_WAIT, &item, NULL))
			return item;
		if (at_hard_limit(pp))
			return NULL;
	}
	return mete_pool_alloc(&pp->pr_core, core, &item, NULL) ? NULL : item;
}

void mete_openbsd_pool_put(struct pool *pp, void *item)
{
	POOL_CALL(pp, "pool_put");

	(void)mete_pool_free(&pp->pr_core, item);
}

int mete_openbsd_pool_prime(struct pool *pp, int nitems)
{
	POOL_CALL(pp, "pool_prime");

	if (nitems < 0)
		return -METE_EINVAL;
	return -mete_pool_prime(&pp->pr_core, (size_t)nitems);
}

void mete_openbsd_pool_setlowat(struct pool *pp, int nitems)
{
	if (nitems < 0)
		return;
	mete_pool_set_low(&pp->pr_core, (size_t)nitems);
	(void)mete_pool_prime(&pp->pr_core, (size_t)nitems);
}

void mete_openbsd_pool_sethiwat(struct pool *pp, int nitems)
{
	if (nitems < 0 || !pp->pr_core.provider)
		return;
	size_t per_slab = pp->pr_core.slab_len / pp->pr_core.stride;
	mete_pool_set_keep(&pp->pr_core, ((size_t)nitems + per_slab - 1) / per_slab);
}

int mete_openbsd_pool_sethardlimit(struct pool *pp, unsigned int nitems)
{
	return -mete_pool_set_hard(&pp->pr_core, nitems == UINT_MAX ? SIZE_MAX : nitems);
}

int mete_openbsd_pool_reclaim(struct pool *pp)
{
	return mete_pool_reclaim(&pp->pr_core) != 0;
}
