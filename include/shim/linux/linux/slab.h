/* SPDX-License-Identifier: ISC */
/*
 * <linux/slab.h>: kmalloc() and its kin.
 *
 * Memory comes from where pages do (see <linux/mm.h>), so it is physically contiguous, virt_to_phys() knows it, and
 * dma_map_single() takes it.  It takes a METE_LINUX_HERE() in the application; before mete_linux_init(3) there is none.
 */
#ifndef METE_SHIM_LINUX_LINUX_SLAB_H
#define METE_SHIM_LINUX_LINUX_SLAB_H

#include <linux/gfp.h>
#include <linux/types.h>
#include <mete/linux.h>

#ifdef ARCH_DMA_MINALIGN
#define ARCH_KMALLOC_MINALIGN ARCH_DMA_MINALIGN
#else
#define ARCH_KMALLOC_MINALIGN 16
#endif

#define KMALLOC_MAX_SIZE ((size_t)4 << 20)
#define ZERO_SIZE_PTR METE_LINUX_NOTHING
#define ZERO_OR_NULL_PTR(p) ((uintptr_t)(p) <= (uintptr_t)ZERO_SIZE_PTR)

/* Blocks are aligned to their size: one as long as the alignment has it. */
static inline unsigned mete_linux_slab_gfp(gfp_t gfp)
{
	return mete_linux_page_gfp(gfp) | METE_LINUX_LEAST(ARCH_KMALLOC_MINALIGN);
}

static inline void *kmalloc(size_t size, gfp_t gfp)
{
	return mete_linux_kmalloc(size, mete_linux_slab_gfp(gfp));
}

static inline void *kzalloc(size_t size, gfp_t gfp)
{
	return kmalloc(size, gfp | __GFP_ZERO);
}

static inline void *kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	return size && n > SIZE_MAX / size ? NULL : kmalloc(n * size, gfp);
}

static inline void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return kmalloc_array(n, size, gfp | __GFP_ZERO);
}

static inline void *krealloc(const void *cpu, size_t size, gfp_t gfp)
{
	return mete_linux_krealloc(cpu, size, mete_linux_slab_gfp(gfp));
}

static inline void *krealloc_array(const void *cpu, size_t n, size_t size, gfp_t gfp)
{
	return size && n > SIZE_MAX / size ? NULL : krealloc(cpu, n * size, gfp);
}

static inline size_t ksize(const void *cpu)
{
	return mete_linux_ksize(cpu);
}

static inline void kfree(const void *cpu)
{
	mete_linux_kfree(cpu);
}

#endif
