/* SPDX-License-Identifier: ISC */
/*
 * <linux/dma-mapping.h>: the Linux DMA API.
 *
 * Written from the kernel's documents.  Each native name is an inline call of a prefixed one.  Types, struct device and
 * gfp_t come from <linux/types.h>, <linux/device.h> and <linux/gfp.h>: the shim's, or the application's own.
 * Differences: COMPATIBILITY in the manual pages, docs/FIDELITY.md.
 */
#ifndef METE_COMPAT_LINUX_LINUX_DMA_MAPPING_H
#define METE_COMPAT_LINUX_LINUX_DMA_MAPPING_H

#ifdef METE_FACE
#if METE_FACE != 1
#error "one native include root per translation unit"
#endif
#else
#define METE_FACE 1 /* linux */
#endif

#include <linux/types.h>
#include <linux/device.h>
#include <linux/dma-direction.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <mete/linux.h>

#define DMA_BIT_MASK(n) (((n) == 64) ? ~0ULL : ((1ULL << (n)) - 1))
#define DMA_MAPPING_ERROR (~(dma_addr_t)0)

/* A driver's handle and a bus address have one width, or the calls below would write past the handle. */
typedef char mete_linux_dma_addr_is_as_wide_as_mete_baddr[sizeof(dma_addr_t) == sizeof(mete_baddr) ? 1 : -1];

#if defined(__GNUC__)
#define METE_NATIVE static inline __attribute__((always_inline, unused))
#else
#define METE_NATIVE static inline
#endif

/* Translates the gfp flags of whoever defined them. */
METE_NATIVE unsigned mete_linux_gfp(gfp_t gfp)
{
	unsigned flags = 0;

	if (gfp & __GFP_ZERO)
		flags |= METE_LINUX_ZERO;
	if (gfp & __GFP_COMP)
		flags |= METE_LINUX_COMP;
	return flags;
}

METE_NATIVE void *dma_alloc_coherent(struct device *dev, size_t size, dma_addr_t *dma_handle, gfp_t gfp)
{
	struct mete_linux_view view;

	mete_linux_view_of(dev, &view);
	return mete_linux_dma_alloc_coherent(&view, size, dma_handle, mete_linux_gfp(gfp));
}

METE_NATIVE void dma_free_coherent(struct device *dev, size_t size, void *cpu_addr, dma_addr_t dma_handle)
{
	struct mete_linux_view view;

	mete_linux_view_of(dev, &view);
	mete_linux_dma_free_coherent(&view, size, cpu_addr, dma_handle);
}

METE_NATIVE void *dma_zalloc_coherent(struct device *dev, size_t size, dma_addr_t *dma_handle, gfp_t gfp)
{
	return dma_alloc_coherent(dev, size, dma_handle, gfp | __GFP_ZERO);
}

METE_NATIVE dma_addr_t dma_map_single(struct device *dev, void *ptr, size_t size, enum dma_data_direction dir)
{
	struct mete_linux_view view;

	mete_linux_view_of(dev, &view);
	return (dma_addr_t)mete_linux_dma_map_single(&view, ptr, size, (int)dir);
}

METE_NATIVE void dma_unmap_single(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir)
{
	struct mete_linux_view view;

	mete_linux_view_of(dev, &view);
	mete_linux_dma_unmap_single(&view, addr, size, (int)dir);
}

METE_NATIVE int dma_mapping_error(struct device *dev, dma_addr_t dma_addr)
{
	(void)dev;
	return dma_addr == DMA_MAPPING_ERROR ? -ENOMEM : 0;
}

METE_NATIVE int dma_supported(struct device *dev, u64 mask)
{
	struct mete_linux_view view;

	mete_linux_view_of(dev, &view);
	return mete_linux_dma_supported(&view, mask);
}

METE_NATIVE int dma_set_mask(struct device *dev, u64 mask)
{
	struct mete_linux_view view;

	mete_linux_view_of(dev, &view);
	mask = (dma_addr_t)mask;
	if (!view.core || !view.has_mask || !mete_linux_dma_supported(&view, mask))
		return -EIO;
	mete_linux_store_mask(dev, mask);
	return 0;
}

METE_NATIVE int dma_set_coherent_mask(struct device *dev, u64 mask)
{
	struct mete_linux_view view;

	mete_linux_view_of(dev, &view);
	mask = (dma_addr_t)mask;
	if (!view.core || !mete_linux_dma_supported(&view, mask))
		return -EIO;
	mete_linux_store_coherent_mask(dev, mask);
	return 0;
}

METE_NATIVE int dma_set_mask_and_coherent(struct device *dev, u64 mask)
{
	int error = dma_set_mask(dev, mask);
	return error ? error : dma_set_coherent_mask(dev, mask);
}

METE_NATIVE u64 dma_get_required_mask(struct device *dev)
{
	struct mete_linux_view view;

	mete_linux_view_of(dev, &view);
	return mete_linux_dma_get_required_mask(&view);
}

#undef METE_NATIVE

#endif
