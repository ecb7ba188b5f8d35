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
};

/* Of the native gfp flags, those that matter here. */
#define METE_LINUX_ZERO 0x1u
#define METE_LINUX_COMP 0x2u

struct mete_linux_pool;

#ifdef __cplusplus
extern "C" {
#endif

/*
 * `ret_handle` leads to a dma_addr_t: an integer as wide as mete_baddr, of whichever type the driver's headers chose.  It
 * is written on success only.
 */
void *mete_linux_dma_alloc_coherent(const struct mete_linux_view *view, size_t size, void *ret_handle, unsigned gfp);
void mete_linux_dma_free_coherent(const struct mete_linux_view *view, size_t size, void *cpu, uint64_t handle);
uint64_t mete_linux_dma_map_single(const struct mete_linux_view *view, const void *cpu, size_t size, int direction);
void mete_linux_dma_unmap_single(const struct mete_linux_view *view, uint64_t handle, size_t size, int direction);
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
