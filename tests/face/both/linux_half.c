/* SPDX-License-Identifier: ISC */
/*
 * The half that is written to Linux's interface.
 */
#include <linux/dma-mapping.h>

uint64_t linux_show(struct mete_device *core, void *buffer, size_t size);
void *linux_ring(struct mete_device *core, size_t size, uint64_t *ret_bus);
void linux_unring(struct mete_device *core, size_t size, void *ring, uint64_t bus);

uint64_t linux_show(struct mete_device *core, void *buffer, size_t size)
{
	struct device dev;

	mete_linux_device_init(&dev, "linux half", core);
	dma_addr_t handle = dma_map_single(&dev, buffer, size, DMA_TO_DEVICE);
	if (dma_mapping_error(&dev, handle))
		return 0;
	dma_unmap_single(&dev, handle, size, DMA_TO_DEVICE);
	return handle;
}

void *linux_ring(struct mete_device *core, size_t size, uint64_t *ret_bus)
{
	struct device dev;
	dma_addr_t handle = 0;

	mete_linux_device_init(&dev, "linux half", core);
	void *ring = dma_alloc_coherent(&dev, size, &handle, GFP_KERNEL);
	*ret_bus = handle;
	return ring;
}

void linux_unring(struct mete_device *core, size_t size, void *ring, uint64_t bus)
{
	struct device dev;

	mete_linux_device_init(&dev, "linux half", core);
	dma_free_coherent(&dev, size, ring, (dma_addr_t)bus);
}
