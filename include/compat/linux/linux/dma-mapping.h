/* SPDX-License-Identifier: ISC */
/*
 * <linux/dma-mapping.h>: the Linux DMA API.
 *
 * Written from the kernel's documents.  Each native name is an inline call of a prefixed one.  Types, struct device,
 * gfp_t and pages come from <linux/types.h>, <linux/device.h>, <linux/gfp.h> and <linux/mm.h>: the shim's, or the
 * application's own.
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
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <mete/linux.h>

#define DMA_BIT_MASK(n) (((n) == 64) ? ~0ULL : ((1ULL << (n)) - 1))
#define DMA_MAPPING_ERROR (~(dma_addr_t)0)

/* Attributes; a hint is accepted and ignored. */
#define DMA_ATTR_WEAK_ORDERING (1UL << 1)     /* hint */
#define DMA_ATTR_WRITE_COMBINE (1UL << 2)     /* of allocations */
#define DMA_ATTR_NO_KERNEL_MAPPING (1UL << 4) /* of allocations */
#define DMA_ATTR_SKIP_CPU_SYNC (1UL << 5)
#define DMA_ATTR_FORCE_CONTIGUOUS (1UL << 6)  /* of allocations */
#define DMA_ATTR_ALLOC_SINGLE_PAGES (1UL << 7) /* hint */
#define DMA_ATTR_NO_WARN (1UL << 8)           /* nothing warns */
#define DMA_ATTR_PRIVILEGED (1UL << 9)        /* hint */
#define DMA_ATTR_MMIO (1UL << 10)
#define DMA_ATTR_REQUIRE_COHERENT (1UL << 12)

/* What unmapping will need; here always there. */
#define DEFINE_DMA_UNMAP_ADDR(name) dma_addr_t name
#define DEFINE_DMA_UNMAP_LEN(name) u32 name
#define dma_unmap_addr(ptr, name) ((ptr)->name)
#define dma_unmap_addr_set(ptr, name, value) (((ptr)->name) = (value))
#define dma_unmap_len(ptr, name) ((ptr)->name)
#define dma_unmap_len_set(ptr, name, value) (((ptr)->name) = (value))

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
#ifdef __GFP_DIRECT_RECLAIM
	if (gfp & __GFP_DIRECT_RECLAIM)
		flags |= METE_LINUX_SLEEPS;
#endif
	return flags;
}

METE_NATIVE void *dma_alloc_coherent(struct device *dev, size_t size, dma_addr_t *dma_handle, gfp_t gfp)
{
	struct mete_linux_view view;

	mete_linux_view_of(dev, &view);
	view.call = __func__;
	return mete_linux_dma_alloc_coherent(&view, size, dma_handle, mete_linux_gfp(gfp));
}

METE_NATIVE void dma_free_coherent(struct device *dev, size_t size, void *cpu_addr, dma_addr_t dma_handle)
{
	struct mete_linux_view view;

	mete_linux_view_of(dev, &view);
	view.call = __func__;
	mete_linux_dma_free_coherent(&view, size, cpu_addr, dma_handle);
}

METE_NATIVE void *dma_zalloc_coherent(struct device *dev, size_t size, dma_addr_t *dma_handle, gfp_t gfp)
{
	return dma_alloc_coherent(dev, size, dma_handle, gfp | __GFP_ZERO);
}

/* The view for calls that know limits of segments. */
METE_NATIVE void mete_linux_view_all(struct device *dev, struct mete_linux_view *ret)
{
	ret->has_mask = false;
	ret->mask = ret->bus_limit = ret->boundary_mask = 0;
	ret->max_segment = ret->min_align_mask = 0;
	ret->call = (const char *)0;
	mete_linux_view_of(dev, ret);
}

/*
 * The calls of Linux that do the same are one below.  `call` is the name that the driver used, for who observes.
 */
METE_NATIVE dma_addr_t mete_linux_map(struct device *dev, void *ptr, size_t size, enum dma_data_direction dir,
    unsigned long attrs, const char *call)
{
	struct mete_linux_view view;

	mete_linux_view_all(dev, &view);
	view.call = call;
	return (dma_addr_t)mete_linux_dma_map_single_attrs(&view, ptr, size, (int)dir, attrs);
}

METE_NATIVE dma_addr_t mete_linux_map_page(struct device *dev, struct page *page, size_t offset, size_t size,
    enum dma_data_direction dir, unsigned long attrs, const char *call)
{
	return mete_linux_map(dev, (void *)((uintptr_t)page_address(page) + offset), size, dir, attrs, call);
}

METE_NATIVE dma_addr_t mete_linux_map_at(struct device *dev, phys_addr_t phys, size_t size, enum dma_data_direction dir,
    unsigned long attrs, const char *call)
{
	struct mete_linux_view view;

	mete_linux_view_all(dev, &view);
	view.call = call;
	return (dma_addr_t)mete_linux_dma_map_phys(&view, phys, size, (int)dir, attrs);
}

METE_NATIVE void mete_linux_unmap(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir,
    unsigned long attrs, const char *call)
{
	struct mete_linux_view view;

	mete_linux_view_all(dev, &view);
	view.call = call;
	mete_linux_dma_unmap_phys(&view, addr, size, (int)dir, attrs);
}

METE_NATIVE void mete_linux_sync(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir,
    bool for_cpu, const char *call)
{
	struct mete_linux_view view;

	mete_linux_view_all(dev, &view);
	view.call = call;
	if (for_cpu)
		mete_linux_dma_sync_single_for_cpu(&view, addr, size, (int)dir);
	else
		mete_linux_dma_sync_single_for_device(&view, addr, size, (int)dir);
}

METE_NATIVE dma_addr_t dma_map_single_attrs(struct device *dev, void *ptr, size_t size, enum dma_data_direction dir,
    unsigned long attrs)
{
	return mete_linux_map(dev, ptr, size, dir, attrs, __func__);
}

METE_NATIVE dma_addr_t dma_map_single(struct device *dev, void *ptr, size_t size, enum dma_data_direction dir)
{
	return mete_linux_map(dev, ptr, size, dir, 0, __func__);
}

METE_NATIVE dma_addr_t dma_map_page_attrs(struct device *dev, struct page *page, size_t offset, size_t size,
    enum dma_data_direction dir, unsigned long attrs)
{
	return mete_linux_map_page(dev, page, offset, size, dir, attrs, __func__);
}

METE_NATIVE dma_addr_t dma_map_page(struct device *dev, struct page *page, size_t offset, size_t size,
    enum dma_data_direction dir)
{
	return mete_linux_map_page(dev, page, offset, size, dir, 0, __func__);
}

METE_NATIVE dma_addr_t dma_map_phys(struct device *dev, phys_addr_t phys, size_t size, enum dma_data_direction dir,
    unsigned long attrs)
{
	return mete_linux_map_at(dev, phys, size, dir, attrs, __func__);
}

METE_NATIVE dma_addr_t dma_map_resource(struct device *dev, phys_addr_t phys_addr, size_t size,
    enum dma_data_direction dir, unsigned long attrs)
{
	return mete_linux_map_at(dev, phys_addr, size, dir, attrs | DMA_ATTR_MMIO, __func__);
}

METE_NATIVE void dma_unmap_single_attrs(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir,
    unsigned long attrs)
{
	mete_linux_unmap(dev, addr, size, dir, attrs, __func__);
}

METE_NATIVE void dma_unmap_single(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir)
{
	mete_linux_unmap(dev, addr, size, dir, 0, __func__);
}

METE_NATIVE void dma_unmap_page_attrs(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir,
    unsigned long attrs)
{
	mete_linux_unmap(dev, addr, size, dir, attrs, __func__);
}

METE_NATIVE void dma_unmap_page(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir)
{
	mete_linux_unmap(dev, addr, size, dir, 0, __func__);
}

METE_NATIVE void dma_unmap_phys(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir,
    unsigned long attrs)
{
	mete_linux_unmap(dev, addr, size, dir, attrs, __func__);
}

METE_NATIVE void dma_unmap_resource(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir,
    unsigned long attrs)
{
	mete_linux_unmap(dev, addr, size, dir, attrs | DMA_ATTR_MMIO, __func__);
}

METE_NATIVE void dma_sync_single_for_cpu(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir)
{
	mete_linux_sync(dev, addr, size, dir, true, __func__);
}

METE_NATIVE void dma_sync_single_for_device(struct device *dev, dma_addr_t addr, size_t size,
    enum dma_data_direction dir)
{
	mete_linux_sync(dev, addr, size, dir, false, __func__);
}

METE_NATIVE void dma_sync_single_range_for_cpu(struct device *dev, dma_addr_t addr, unsigned long offset, size_t size,
    enum dma_data_direction dir)
{
	mete_linux_sync(dev, (dma_addr_t)(addr + offset), size, dir, true, __func__);
}

METE_NATIVE void dma_sync_single_range_for_device(struct device *dev, dma_addr_t addr, unsigned long offset,
    size_t size, enum dma_data_direction dir)
{
	mete_linux_sync(dev, (dma_addr_t)(addr + offset), size, dir, false, __func__);
}

METE_NATIVE bool dma_need_sync(struct device *dev, dma_addr_t dma_addr)
{
	struct mete_linux_view view;

	mete_linux_view_all(dev, &view);
	return mete_linux_dma_need_sync(&view, dma_addr);
}

/* How the face walks a scatterlist. */
METE_NATIVE void *mete_linux_sg_next(void *entry)
{
	return sg_next((struct scatterlist *)entry);
}

METE_NATIVE void mete_linux_sg_get(void *entry, struct mete_linux_entry *ret)
{
	struct scatterlist *sg = (struct scatterlist *)entry;

	ret->cpu = sg_virt(sg);
	ret->len = sg->length;
	ret->bus = sg_dma_address(sg);
	ret->bus_len = sg_dma_len(sg);
}

METE_NATIVE void mete_linux_sg_set(void *entry, uint64_t bus, size_t bus_len)
{
	struct scatterlist *sg = (struct scatterlist *)entry;

	sg_dma_address(sg) = (dma_addr_t)bus;
	sg_dma_len(sg) = (unsigned int)bus_len;
}

METE_NATIVE void mete_linux_sg_list(struct scatterlist *sg, int nents, struct mete_linux_list *ret)
{
	ret->first = sg;
	ret->nents = nents > 0 ? (unsigned)nents : 0;
	ret->next = mete_linux_sg_next;
	ret->get = mete_linux_sg_get;
	ret->set = mete_linux_sg_set;
}

METE_NATIVE int mete_linux_sg_map(struct device *dev, struct scatterlist *sg, int nents, enum dma_data_direction dir,
    unsigned long attrs, const char *call)
{
	struct mete_linux_view view;
	struct mete_linux_list list;

	mete_linux_view_all(dev, &view);
	view.call = call;
	mete_linux_sg_list(sg, nents, &list);
	return mete_linux_dma_map_sg_attrs(&view, &list, (int)dir, attrs);
}

METE_NATIVE void mete_linux_sg_unmap(struct device *dev, struct scatterlist *sg, int nents, enum dma_data_direction dir,
    unsigned long attrs, const char *call)
{
	struct mete_linux_view view;
	struct mete_linux_list list;

	mete_linux_view_all(dev, &view);
	view.call = call;
	mete_linux_sg_list(sg, nents, &list);
	mete_linux_dma_unmap_sg_attrs(&view, &list, (int)dir, attrs);
}

METE_NATIVE void mete_linux_sg_sync(struct device *dev, struct scatterlist *sg, int nents, enum dma_data_direction dir,
    bool for_cpu, const char *call)
{
	struct mete_linux_view view;
	struct mete_linux_list list;

	mete_linux_view_all(dev, &view);
	view.call = call;
	mete_linux_sg_list(sg, nents, &list);
	if (for_cpu)
		mete_linux_dma_sync_sg_for_cpu(&view, &list, (int)dir);
	else
		mete_linux_dma_sync_sg_for_device(&view, &list, (int)dir);
}

METE_NATIVE unsigned int dma_map_sg_attrs(struct device *dev, struct scatterlist *sg, int nents,
    enum dma_data_direction dir, unsigned long attrs)
{
	int n = mete_linux_sg_map(dev, sg, nents, dir, attrs, __func__);
	return n > 0 ? (unsigned int)n : 0;
}

METE_NATIVE unsigned int dma_map_sg(struct device *dev, struct scatterlist *sg, int nents, enum dma_data_direction dir)
{
	int n = mete_linux_sg_map(dev, sg, nents, dir, 0, __func__);
	return n > 0 ? (unsigned int)n : 0;
}

METE_NATIVE void dma_unmap_sg_attrs(struct device *dev, struct scatterlist *sg, int nents, enum dma_data_direction dir,
    unsigned long attrs)
{
	mete_linux_sg_unmap(dev, sg, nents, dir, attrs, __func__);
}

METE_NATIVE void dma_unmap_sg(struct device *dev, struct scatterlist *sg, int nents, enum dma_data_direction dir)
{
	mete_linux_sg_unmap(dev, sg, nents, dir, 0, __func__);
}

METE_NATIVE void dma_sync_sg_for_cpu(struct device *dev, struct scatterlist *sg, int nelems,
    enum dma_data_direction dir)
{
	mete_linux_sg_sync(dev, sg, nelems, dir, true, __func__);
}

METE_NATIVE void dma_sync_sg_for_device(struct device *dev, struct scatterlist *sg, int nelems,
    enum dma_data_direction dir)
{
	mete_linux_sg_sync(dev, sg, nelems, dir, false, __func__);
}

METE_NATIVE int dma_map_sgtable(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir,
    unsigned long attrs)
{
	int n = mete_linux_sg_map(dev, sgt->sgl, (int)sgt->orig_nents, dir, attrs, __func__);

	if (n < 0)
		return n;
	sgt->nents = (unsigned int)n;
	return 0;
}

METE_NATIVE void dma_unmap_sgtable(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir,
    unsigned long attrs)
{
	mete_linux_sg_unmap(dev, sgt->sgl, (int)sgt->orig_nents, dir, attrs, __func__);
}

METE_NATIVE void dma_sync_sgtable_for_cpu(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir)
{
	mete_linux_sg_sync(dev, sgt->sgl, (int)sgt->orig_nents, dir, true, __func__);
}

METE_NATIVE void dma_sync_sgtable_for_device(struct device *dev, struct sg_table *sgt, enum dma_data_direction dir)
{
	mete_linux_sg_sync(dev, sgt->sgl, (int)sgt->orig_nents, dir, false, __func__);
}

METE_NATIVE int dma_mapping_error(struct device *dev, dma_addr_t dma_addr)
{
	struct mete_linux_view view;

	mete_linux_view_all(dev, &view);
	view.call = __func__;
	return mete_linux_dma_mapping_error(&view, dma_addr) ? -ENOMEM : 0;
}

METE_NATIVE int dma_supported(struct device *dev, u64 mask)
{
	struct mete_linux_view view;

	mete_linux_view_of(dev, &view);
	view.call = __func__;
	return mete_linux_dma_supported(&view, mask);
}

METE_NATIVE int dma_set_mask(struct device *dev, u64 mask)
{
	struct mete_linux_view view;

	mete_linux_view_of(dev, &view);
	view.call = __func__;
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
	view.call = __func__;
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
	view.call = __func__;
	return mete_linux_dma_get_required_mask(&view);
}

/* 32 bits while unset. */
METE_NATIVE u64 dma_get_mask(struct device *dev)
{
	struct mete_linux_view view;

	mete_linux_view_all(dev, &view);
	return view.core && view.has_mask && view.mask ? view.mask : DMA_BIT_MASK(32);
}

/* Whether there is memory that the streaming mask or the bus limit does not cover. */
METE_NATIVE bool dma_addressing_limited(struct device *dev)
{
	struct mete_linux_view view;

	mete_linux_view_all(dev, &view);
	if (!view.core)
		return false;
	u64 last = dma_get_mask(dev);
	if (view.bus_limit && view.bus_limit < last)
		last = view.bus_limit;
	return last < mete_linux_dma_get_required_mask(&view);
}

METE_NATIVE size_t dma_max_mapping_size(struct device *dev)
{
	struct mete_linux_view view;

	mete_linux_view_all(dev, &view);
	return mete_linux_dma_max_mapping_size(&view);
}

METE_NATIVE size_t dma_opt_mapping_size(struct device *dev)
{
	struct mete_linux_view view;

	mete_linux_view_all(dev, &view);
	return mete_linux_dma_opt_mapping_size(&view);
}

METE_NATIVE unsigned long dma_get_merge_boundary(struct device *dev)
{
	struct mete_linux_view view;

	mete_linux_view_all(dev, &view);
	return mete_linux_dma_get_merge_boundary(&view);
}

METE_NATIVE int dma_get_cache_alignment(void)
{
#ifdef ARCH_DMA_MINALIGN
	return ARCH_DMA_MINALIGN;
#else
	return 1;
#endif
}

METE_NATIVE unsigned int dma_get_max_seg_size(struct device *dev)
{
	struct mete_linux_view view;

	mete_linux_view_all(dev, &view);
	return view.core && view.max_segment ? view.max_segment : 65536;
}

METE_NATIVE unsigned long dma_get_seg_boundary(struct device *dev)
{
	struct mete_linux_view view;

	mete_linux_view_all(dev, &view);
	return view.core && view.boundary_mask ? (unsigned long)view.boundary_mask : ~0UL;
}

METE_NATIVE unsigned int dma_get_min_align_mask(struct device *dev)
{
	struct mete_linux_view view;

	mete_linux_view_all(dev, &view);
	return view.core ? view.min_align_mask : 0;
}

/* The setters return 0, or -EIO if the device has no place for it. */
#ifdef mete_linux_parms_of
METE_NATIVE int dma_set_max_seg_size(struct device *dev, unsigned int size)
{
	struct device_dma_parameters *parms = mete_linux_parms_of(dev);

	if (!parms)
		return -EIO;
	parms->max_segment_size = size;
	return 0;
}

METE_NATIVE int dma_set_seg_boundary(struct device *dev, unsigned long mask)
{
	struct device_dma_parameters *parms = mete_linux_parms_of(dev);

	if (!parms)
		return -EIO;
	parms->segment_boundary_mask = mask;
	return 0;
}

METE_NATIVE int dma_set_min_align_mask(struct device *dev, unsigned int min_align_mask)
{
	struct device_dma_parameters *parms = mete_linux_parms_of(dev);

	if (!parms)
		return -EIO;
	parms->min_align_mask = min_align_mask;
	return 0;
}
#endif

#undef METE_NATIVE

#endif
