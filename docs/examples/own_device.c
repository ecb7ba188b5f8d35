/* SPDX-License-Identifier: ISC */
/*
 * The Linux face over a struct device that is not the shim's: own_device/linux/device.h comes first on the include path.
 *
 * docs/PORTING.md walks through it.
 */
#include <linux/dma-mapping.h>
#include <mete/host.h>

static int driver_probe(struct device *dev)
{
	dma_addr_t ring_bus;

	if (dma_set_mask_and_coherent(dev, DMA_BIT_MASK(24)))
		return -EIO;
	void *ring = dma_alloc_coherent(dev, 8192, &ring_bus, GFP_KERNEL);
	if (!ring)
		return -ENOMEM;
	int narrow = ring_bus + 8191 <= DMA_BIT_MASK(24);
	dma_free_coherent(dev, 8192, ring, ring_bus);
	return narrow ? 0 : -EINVAL;
}

int main(void)
{
	struct mete_host *host;
	static struct device dev = { .name = "ring" };

	dev.dma_mask = &dev.mask;
	if (mete_host_create(NULL, &host))
		return 1;
	const struct mete_device_config config = { .name = dev.name, .provider = mete_host_provider(host) };
	if (mete_device_init(&dev.core, &config) || driver_probe(&dev))
		return 2;
	return mete_device_fini(&dev.core) || mete_host_destroy(host);
}
