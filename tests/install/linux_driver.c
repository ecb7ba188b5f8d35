/* SPDX-License-Identifier: ISC */
/*
 * A driver for Linux, and the little that an application adds to run it: built with what pkg-config says, against an
 * installed library.
 */
#include <linux/dma-mapping.h>
#include <linux/dmapool.h>

/* The driver. */
static int driver_probe(struct device *dev)
{
	struct dma_pool *requests;
	dma_addr_t ring_bus, request_bus;
	void *ring, *request;

	if (dma_set_mask_and_coherent(dev, DMA_BIT_MASK(32)))
		return -EIO;
	ring = dma_alloc_coherent(dev, 4096, &ring_bus, GFP_KERNEL);
	if (!ring)
		return -ENOMEM;
	requests = dma_pool_create("requests", dev, 192, 64, 0);
	if (!requests)
		return -ENOMEM;
	request = dma_pool_zalloc(requests, GFP_KERNEL, &request_bus);
	if (!request || ring_bus > DMA_BIT_MASK(32) || request_bus > DMA_BIT_MASK(32))
		return -ENOMEM;
	dma_pool_free(requests, request, request_bus);
	dma_pool_destroy(requests);
	dma_free_coherent(dev, 4096, ring, ring_bus);
	return 0;
}

/* The application. */
#include <stdio.h>
#include <mete/host.h>
#include <mete/linux.h>

int main(void)
{
	struct mete_host *host;
	struct mete_device core;
	struct device dev;

	if (mete_host_create(NULL, &host))
		return 1;
	const struct mete_device_config config = { .name = "driver", .provider = mete_host_provider(host) };
	if (mete_device_init(&core, &config))
		return 1;
	mete_linux_device_init(&dev, "driver", &core);
	if (driver_probe(&dev))
		return 2;
	if (mete_device_fini(&core) || mete_host_destroy(host))
		return 3;
	printf("Linux's dma_alloc_coherent and dma_pool: probed\n");
	return 0;
}
