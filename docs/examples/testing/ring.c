/* SPDX-License-Identifier: ISC */
/*
 * Ring: a receiver with one buffer, for Linux.  Two mistakes are in it.
 */
#include "ring.h"

#include <linux/errno.h>

/* Give the device a buffer of RING_BUFFER bytes to write to. */
int ring_start(struct ring *ring, struct device *dev, void *buffer)
{
	ring->dev = dev;
	if (dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64)))
		return -EIO;
	ring->descriptors = dma_alloc_coherent(dev, 4096, &ring->descriptors_bus, GFP_KERNEL);
	if (!ring->descriptors)
		return -ENOMEM;
	ring->buffer_bus = dma_map_single(dev, buffer, RING_BUFFER, DMA_FROM_DEVICE);
	if (dma_mapping_error(dev, ring->buffer_bus))
		return -ENOMEM;
	return 0;
}

/* The device has written `received` bytes. */
void ring_receive(struct ring *ring, size_t received)
{
	dma_unmap_single(ring->dev, ring->buffer_bus, received, DMA_FROM_DEVICE);
}

void ring_stop(struct ring *ring)
{
	dma_free_coherent(ring->dev, 4096, ring->descriptors, ring->descriptors_bus);
}
