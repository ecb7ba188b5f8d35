/* SPDX-License-Identifier: ISC */
/*
 * The Linux face, as the application sees it: how a struct device leads to a mete_device.
 *
 * Linux drivers carry their device in every call.  The face must not know what else is in a struct device, because that
 * struct may be the application's own; it asks three functions instead, which whoever defines struct device defines
 * beside it.  include/shim/linux/linux/device.h does both; a harness with its own <linux/device.h> supplies:
 *
 *   void mete_linux_view_of(struct device *dev, struct mete_linux_view *ret)
 *        fill in `ret`; `dev` may be NULL: then only `core` must be set, to NULL
 *   void mete_linux_store_mask(struct device *dev, uint64_t mask)           *dev->dma_mask = mask
 *   void mete_linux_store_coherent_mask(struct device *dev, uint64_t mask)  dev->coherent_dma_mask = mask
 *
 * One that keeps segment limits in its struct device, as the shim's does, also sets the last three members of the view,
 * supplies
 *
 *   struct device_dma_parameters *mete_linux_parms_of(struct device *dev)   dev->dma_parms, or NULL
 *
 * and says so by `#define mete_linux_parms_of mete_linux_parms_of`.  Without it the limits are Linux's defaults and cannot
 * be set.
 *
 * Source followed: the kernel's DMA-API and DMA-API-HOWTO documents, up to 7.x.
 */
#ifndef METE_LINUX_H
#define METE_LINUX_H

#include <mete/device.h>
#include <mete/map.h>

/* What the face must know of a struct device, at the moment of a call. */
struct mete_linux_view {
	struct mete_device *core;  /* NULL: this device cannot do DMA */
	bool has_mask;             /* dev->dma_mask is not NULL */
	uint64_t mask;             /* *dev->dma_mask */
	uint64_t coherent_mask;    /* dev->coherent_dma_mask; 0: unset */
	uint64_t bus_limit;        /* dev->bus_dma_limit; 0: none */
	uint64_t boundary_mask;    /* dev->dma_parms->segment_boundary_mask; 0: unset */
	uint32_t max_segment;      /* dev->dma_parms->max_segment_size; 0: unset */
	uint32_t min_align_mask;   /* dev->dma_parms->min_align_mask */
	const char *call;          /* the native call, for who observes; NULL: as the face's own is called */
};

/* Of the native attributes, those that change a result; by the kernel's numbers. */
#define METE_LINUX_SKIP_SYNC (1ul << 5)
#define METE_LINUX_MMIO (1ul << 10)
#define METE_LINUX_COHERENT (1ul << 12)

/* One entry of a scatterlist. */
struct mete_linux_entry {
	void *cpu;
	size_t len;
	uint64_t bus;    /* as mapped */
	size_t bus_len;
};

/* A scatterlist, whoever defines its struct: how to get on, and how to read and write an entry. */
struct mete_linux_list {
	void *first;
	unsigned nents;
	void *(*next)(void *entry); /* NULL: the list ends before `nents` */
	void (*get)(void *entry, struct mete_linux_entry *ret);
	void (*set)(void *entry, uint64_t bus, size_t bus_len);
};

/* Of the native gfp flags, those that matter here. */
#define METE_LINUX_ZERO 0x1u
#define METE_LINUX_COMP 0x2u
#define METE_LINUX_DMA 0x4u
#define METE_LINUX_DMA32 0x8u
#define METE_LINUX_SLEEPS 0x10u /* it may, says the driver; nothing here does, but who observes hears of it */
#define METE_LINUX_LEAST(len) (((unsigned)(len) & 0xffff0u) << 4) /* kmalloc(): blocks are at least so long, a power of two */

/* kmalloc(): powers of two from 16 bytes to 4 MiB, in each of three zones. */
#define METE_LINUX_CLASSES 19
#define METE_LINUX_ZONES 3

/* What kmalloc() returns for no bytes. */
#define METE_LINUX_NOTHING ((void *)16)

struct mete_pool;

/*
 * What Linux has one of, and drivers ask for without naming a device: the memory that pages are taken from.  Storage
 * belongs to the application, contents to the library; all zero at first, must not move.  An application whose drivers
 * use such calls defines `mete_linux_here` with METE_LINUX_HERE(); others need not.
 */
struct mete_linux {
	struct mete_device any; /* reaches everything; no provider: none was chosen */
	struct mete_guard guard;
	struct mete_pool *kmalloc[METE_LINUX_ZONES][METE_LINUX_CLASSES]; /* NULL: not asked for so far */
};

#define METE_LINUX_HERE(object) struct mete_linux *const mete_linux_here = &(object)

struct mete_linux_pool;

#ifdef __cplusplus
extern "C" {
#endif

extern struct mete_linux *const mete_linux_here;

#define mete_linux_init METE_ABI(mete_linux_init)

/*
 * Choose the memory behind pages that no device stands for: alloc_pages(), page_to_phys().  `provider` stays the
 * caller's, and must stay.  METE_EINVAL; METE_EBUSY if `here` has one.  Not for two threads at once.
 */
int mete_linux_init(struct mete_linux *here, struct mete_provider *provider);

/*
 * Forget it.  METE_EBUSY while pages or blocks of kmalloc are out; METE_EINVAL if there is none.  Not for two threads at
 * once.
 */
int mete_linux_fini(struct mete_linux *here);

/* The physical address of `cpu`; all ones if it is not memory of that provider.  Any context. */
uint64_t mete_linux_virt_to_phys(const void *cpu);

/* The reverse; NULL if that provider has no view of `phys`.  Any context. */
void *mete_linux_phys_to_virt(uint64_t phys);

/*
 * 2^`order` pages of 4096 bytes, aligned to their size; METE_LINUX_DMA: below 16 MiB, METE_LINUX_DMA32: below 4 GiB,
 * METE_LINUX_ZERO: cleared.  NULL if there are none.  Never sleeps.
 */
void *mete_linux_alloc_pages(unsigned gfp, unsigned order);

/* Free what mete_linux_alloc_pages() returned, with the same order.  NULL is allowed; a mistake is counted. */
void mete_linux_free_pages(void *cpu, unsigned order);

/*
 * `size` bytes, physically contiguous, from the same memory: the next power of two, at least 16 bytes, aligned to it up
 * to METE_CONGRUENT.  Zones as above; METE_LINUX_ZERO clears all of it.  METE_LINUX_LEAST(): at least so many bytes, from 16
 * to 512 KiB.  0 bytes: METE_LINUX_NOTHING, which may be freed.
 * NULL if there are none, or `size` is above 4 MiB, which is counted.  Never sleeps.
 */
void *mete_linux_kmalloc(size_t size, unsigned gfp);

/*
 * Free what mete_linux_kmalloc() returned.  NULL is allowed; a mistake is counted.  Any context in which the guard may be
 * taken.  Looks at up to 57 pools, fewer the less `cpu` is aligned.
 */
void mete_linux_kfree(const void *cpu);

/* The bytes there are at `cpu`; 0 for NULL, for METE_LINUX_NOTHING, and for what is not live, which is counted. */
size_t mete_linux_ksize(const void *cpu);

/*
 * `cpu`, or a copy, with at least `size` bytes; 0 bytes: free it.  NULL if there are none, or `cpu` is not live: then it
 * stays.
 */
void *mete_linux_krealloc(const void *cpu, size_t size, unsigned gfp);

/*
 * `ret_handle` leads to a dma_addr_t: an integer as wide as mete_baddr, of whichever type the driver's headers chose.  It
 * is written on success only.
 */
void *mete_linux_dma_alloc_coherent(const struct mete_linux_view *view, size_t size, void *ret_handle, unsigned gfp);
void mete_linux_dma_free_coherent(const struct mete_linux_view *view, size_t size, void *cpu, uint64_t handle);
uint64_t mete_linux_dma_map_single_attrs(const struct mete_linux_view *view, const void *cpu, size_t size, int direction,
    unsigned long attrs);
uint64_t mete_linux_dma_map_phys(const struct mete_linux_view *view, uint64_t phys, size_t size, int direction,
    unsigned long attrs);
void mete_linux_dma_unmap_phys(const struct mete_linux_view *view, uint64_t handle, size_t size, int direction,
    unsigned long attrs);
void mete_linux_dma_sync_single_for_cpu(const struct mete_linux_view *view, uint64_t handle, size_t size, int direction);
void mete_linux_dma_sync_single_for_device(const struct mete_linux_view *view, uint64_t handle, size_t size,
    int direction);
bool mete_linux_dma_mapping_error(const struct mete_linux_view *view, uint64_t handle);
bool mete_linux_dma_need_sync(const struct mete_linux_view *view, uint64_t handle);
size_t mete_linux_dma_max_mapping_size(const struct mete_linux_view *view);
size_t mete_linux_dma_opt_mapping_size(const struct mete_linux_view *view);

unsigned long mete_linux_dma_get_merge_boundary(const struct mete_linux_view *view);

/* The segments made, at most the entries, or a negative errno. */
int mete_linux_dma_map_sg_attrs(const struct mete_linux_view *view, const struct mete_linux_list *list, int direction,
    unsigned long attrs);
void mete_linux_dma_unmap_sg_attrs(const struct mete_linux_view *view, const struct mete_linux_list *list, int direction,
    unsigned long attrs);
void mete_linux_dma_sync_sg_for_cpu(const struct mete_linux_view *view, const struct mete_linux_list *list, int direction);
void mete_linux_dma_sync_sg_for_device(const struct mete_linux_view *view, const struct mete_linux_list *list,
    int direction);

int mete_linux_dma_supported(const struct mete_linux_view *view, uint64_t mask);
uint64_t mete_linux_dma_get_required_mask(const struct mete_linux_view *view);

struct mete_linux_pool *mete_linux_dma_pool_create(const char *name, const struct mete_linux_view *view, size_t size,
    size_t align, size_t boundary);
void mete_linux_dma_pool_destroy(struct mete_linux_pool *pool);
void *mete_linux_dma_pool_alloc(struct mete_linux_pool *pool, unsigned gfp, void *ret_handle);
void mete_linux_dma_pool_free(struct mete_linux_pool *pool, void *cpu, uint64_t handle);

#ifdef __cplusplus
}
#endif
#endif
