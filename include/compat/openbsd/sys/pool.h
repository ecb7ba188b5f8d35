/* SPDX-License-Identifier: ISC */
/*
 * <sys/pool.h>: OpenBSD's pool(9) and dma_alloc(9).
 *
 * Written from the manual pages.  Each native name is an inline call of a prefixed one, so that a program may own other
 * functions of these names.  Differences: COMPATIBILITY in the manual pages, docs/FIDELITY.md.
 */
#ifndef METE_COMPAT_OPENBSD_SYS_POOL_H
#define METE_COMPAT_OPENBSD_SYS_POOL_H

#ifdef METE_FACE
#if METE_FACE != 3
#error "one native include root per translation unit"
#endif
#else
#define METE_FACE 3 /* openbsd */
#endif

#include <sys/types.h>
#include <mete/openbsd.h>

#define PR_WAITOK 0x0001    /* may wait */
#define PR_NOWAIT 0x0002    /* fail rather than wait */
#define PR_LIMITFAIL 0x0004 /* even with PR_WAITOK, fail at the hard limit */
#define PR_ZERO 0x0008      /* clear the item */
#define PR_RWLOCK 0x0010    /* for pool_init: the pool is never used from interrupts */

struct kmem_pa_mode;
struct pool_allocator;

struct pool {
	struct mete_pool pr_core;
	struct mete_openbsd *pr_here;
	size_t pr_size;
	size_t pr_align;
	const char *pr_wchan;
};

#ifdef __cplusplus
extern "C" {
#endif

void mete_openbsd_pool_init(struct mete_openbsd *here, struct pool *pp, size_t size, unsigned int align, int ipl,
    int flags, const char *wmesg, struct pool_allocator *palloc);
void mete_openbsd_pool_destroy(struct pool *pp);
void mete_openbsd_pool_set_constraints(struct pool *pp, const struct kmem_pa_mode *mode);
void mete_openbsd_pool_cache_init(struct pool *pp);
void *mete_openbsd_pool_get(struct pool *pp, int flags);
void mete_openbsd_pool_put(struct pool *pp, void *item);
int mete_openbsd_pool_prime(struct pool *pp, int nitems);
void mete_openbsd_pool_setlowat(struct pool *pp, int nitems);
void mete_openbsd_pool_sethiwat(struct pool *pp, int nitems);
int mete_openbsd_pool_sethardlimit(struct pool *pp, unsigned int nitems);
int mete_openbsd_pool_reclaim(struct pool *pp);
void *mete_openbsd_dma_alloc(struct mete_openbsd *here, size_t size, int flags);
void mete_openbsd_dma_free(struct mete_openbsd *here, void *m, size_t size);

#ifdef __cplusplus
}
#endif

#if defined(__GNUC__)
#define METE_NATIVE static inline __attribute__((always_inline, unused))
#else
#define METE_NATIVE static inline
#endif

METE_NATIVE void pool_init(struct pool *pp, size_t size, unsigned int align, int ipl, int flags, const char *wmesg,
    struct pool_allocator *palloc)
{
	mete_openbsd_pool_init(mete_openbsd_here, pp, size, align, ipl, flags, wmesg, palloc);
}

METE_NATIVE void pool_destroy(struct pool *pp)
{
	mete_openbsd_pool_destroy(pp);
}

METE_NATIVE void pool_set_constraints(struct pool *pp, const struct kmem_pa_mode *mode)
{
	mete_openbsd_pool_set_constraints(pp, mode);
}

METE_NATIVE void pool_cache_init(struct pool *pp)
{
	mete_openbsd_pool_cache_init(pp);
}

METE_NATIVE void *pool_get(struct pool *pp, int flags)
{
	return mete_openbsd_pool_get(pp, flags);
}

METE_NATIVE void pool_put(struct pool *pp, void *item)
{
	mete_openbsd_pool_put(pp, item);
}

METE_NATIVE int pool_prime(struct pool *pp, int nitems)
{
	return mete_openbsd_pool_prime(pp, nitems);
}

METE_NATIVE void pool_setlowat(struct pool *pp, int nitems)
{
	mete_openbsd_pool_setlowat(pp, nitems);
}

METE_NATIVE void pool_sethiwat(struct pool *pp, int nitems)
{
	mete_openbsd_pool_sethiwat(pp, nitems);
}

METE_NATIVE int pool_sethardlimit(struct pool *pp, unsigned int nitems)
{
	return mete_openbsd_pool_sethardlimit(pp, nitems);
}

METE_NATIVE int pool_reclaim(struct pool *pp)
{
	return mete_openbsd_pool_reclaim(pp);
}

METE_NATIVE void *dma_alloc(size_t size, int flags)
{
	return mete_openbsd_dma_alloc(mete_openbsd_here, size, flags);
}

METE_NATIVE void dma_free(void *m, size_t size)
{
	mete_openbsd_dma_free(mete_openbsd_here, m, size);
}

#undef METE_NATIVE

#endif
