/* SPDX-License-Identifier: ISC */
/*
 * <linux/dmapool.h>: pools of coherent blocks.
 *
 * Written from the kernel's documents; see <linux/dma-mapping.h>.
 */
#ifndef METE_COMPAT_LINUX_LINUX_DMAPOOL_H
#define METE_COMPAT_LINUX_LINUX_DMAPOOL_H

#include <linux/dma-mapping.h>

/* Opaque to drivers: the face's own pool under its native name. */
struct dma_pool;

#if defined(__GNUC__)
#define METE_NATIVE static inline __attribute__((always_inline, unused))
#else
#define METE_NATIVE static inline
#endif

METE_NATIVE struct dma_pool *dma_pool_create(const char *name, struct device *dev, size_t size, size_t align,
    size_t boundary)
{
	struct mete_linux_view view;

	mete_linux_view_of(dev, &view);
	view.call = __func__;
	return (struct dma_pool *)mete_linux_dma_pool_create(name, &view, size, align, boundary);
}

METE_NATIVE void dma_pool_destroy(struct dma_pool *pool)
{
	mete_linux_dma_pool_destroy((struct mete_linux_pool *)pool);
}

METE_NATIVE void *dma_pool_alloc(struct dma_pool *pool, gfp_t mem_flags, dma_addr_t *handle)
{
	return mete_linux_dma_pool_alloc((struct mete_linux_pool *)pool, mete_linux_gfp(mem_flags), handle);
}

METE_NATIVE void *dma_pool_zalloc(struct dma_pool *pool, gfp_t mem_flags, dma_addr_t *handle)
{
	return dma_pool_alloc(pool, mem_flags | __GFP_ZERO, handle);
}

METE_NATIVE void dma_pool_free(struct dma_pool *pool, void *vaddr, dma_addr_t addr)
{
	mete_linux_dma_pool_free((struct mete_linux_pool *)pool, vaddr, addr);
}

#undef METE_NATIVE

#endif
