/* SPDX-License-Identifier: ISC */
/*
 * <linux/device.h>: of struct device, what DMA needs, and what a driver keeps in it.
 *
 * A test or an application starts one with mete_linux_device_init().  As on most buses, the streaming mask is then 32
 * bits wide; dma_mask and dma_parms point at places of the device's own.
 */
#ifndef METE_SHIM_LINUX_LINUX_DEVICE_H
#define METE_SHIM_LINUX_LINUX_DEVICE_H

#include <linux/dev_printk.h>
#include <linux/types.h>
#include <mete/linux.h>

/* Limits of a device's segments; 0: unset. */
struct device_dma_parameters {
	unsigned int max_segment_size;
	unsigned int min_align_mask;
	unsigned long segment_boundary_mask;
};

struct mete_linux_devres;

struct device {
	struct device *parent;
	const char *init_name;
	void *driver_data;
	void *platform_data;
	u64 *dma_mask;
	u64 coherent_dma_mask;
	u64 bus_dma_limit;
	struct device_dma_parameters *dma_parms;
	struct mete_device *mete_core;
	u64 mete_mask;
	struct device_dma_parameters mete_parms;
	struct mete_linux_devres *mete_devres; /* see <linux/device/devres.h> */
};

/* Start `dev`; its DMA goes through `core`, which must stay. */
static inline void mete_linux_device_init(struct device *dev, const char *name, struct mete_device *core)
{
	dev->parent = NULL;
	dev->init_name = name;
	dev->driver_data = NULL;
	dev->platform_data = NULL;
	dev->mete_mask = 0xffffffffu;
	dev->dma_mask = &dev->mete_mask;
	dev->coherent_dma_mask = 0xffffffffu;
	dev->bus_dma_limit = 0;
	dev->mete_parms.max_segment_size = 0;
	dev->mete_parms.min_align_mask = 0;
	dev->mete_parms.segment_boundary_mask = 0;
	dev->dma_parms = &dev->mete_parms;
	dev->mete_core = core;
	dev->mete_devres = NULL;
}

static inline void mete_linux_view_of(struct device *dev, struct mete_linux_view *ret)
{
	ret->core = dev ? dev->mete_core : NULL;
	if (!ret->core)
		return;
	ret->has_mask = dev->dma_mask != NULL;
	ret->mask = dev->dma_mask ? *dev->dma_mask : 0;
	ret->coherent_mask = dev->coherent_dma_mask;
	ret->bus_limit = dev->bus_dma_limit;
	ret->boundary_mask = dev->dma_parms ? dev->dma_parms->segment_boundary_mask : 0;
	ret->max_segment = dev->dma_parms ? dev->dma_parms->max_segment_size : 0;
	ret->min_align_mask = dev->dma_parms ? dev->dma_parms->min_align_mask : 0;
}

#define mete_linux_parms_of mete_linux_parms_of
static inline struct device_dma_parameters *mete_linux_parms_of(struct device *dev)
{
	return dev ? dev->dma_parms : NULL;
}

static inline void mete_linux_store_mask(struct device *dev, uint64_t mask)
{
	*dev->dma_mask = mask;
}

static inline void mete_linux_store_coherent_mask(struct device *dev, uint64_t mask)
{
	dev->coherent_dma_mask = mask;
}

static inline const char *dev_name(const struct device *dev)
{
	return dev->init_name;
}

static inline void dev_set_drvdata(struct device *dev, void *data)
{
	dev->driver_data = data;
}

static inline void *dev_get_drvdata(const struct device *dev)
{
	return dev->driver_data;
}

#include <linux/device/devres.h>

#endif
