/* SPDX-License-Identifier: ISC */
/*
 * A struct device of one's own, and what the Linux face asks about it.
 */
#ifndef OWN_DEVICE_LINUX_DEVICE_H
#define OWN_DEVICE_LINUX_DEVICE_H

#include <linux/types.h>
#include <mete/linux.h>

struct device {
	const char *name;
	void *driver_data;
	u64 *dma_mask; /* drivers know these two by name */
	u64 coherent_dma_mask;
	u64 mask;
	struct mete_device core;
};

static inline void mete_linux_view_of(struct device *dev, struct mete_linux_view *ret)
{
	ret->core = dev ? &dev->core : NULL;
	if (!dev)
		return;
	ret->has_mask = dev->dma_mask != NULL;
	ret->mask = dev->dma_mask ? *dev->dma_mask : 0;
	ret->coherent_mask = dev->coherent_dma_mask;
	ret->bus_limit = 0;
}

static inline void mete_linux_store_mask(struct device *dev, uint64_t mask)
{
	*dev->dma_mask = mask;
}

static inline void mete_linux_store_coherent_mask(struct device *dev, uint64_t mask)
{
	dev->coherent_dma_mask = mask;
}

#endif
