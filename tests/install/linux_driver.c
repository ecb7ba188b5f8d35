/* SPDX-License-Identifier: ISC */
/*
 * A driver for Linux, and the little that an application adds to run it: built with what pkg-config says, against an
 * installed library.
 */
#include <asm/byteorder.h>
#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>

MODULE_LICENSE("ISC");

/* The driver. */
struct driver_request {
	struct list_head link;
	__le32 *cpu;
	dma_addr_t bus;
};

static int driver_ring(struct device *dev, unsigned char __iomem *regs)
{
	dma_addr_t ring_bus;
	__le32 *ring;

	ring = dma_alloc_coherent(dev, 4096, &ring_bus, GFP_KERNEL);
	if (!ring)
		return -ENOMEM;
	ring[1] = cpu_to_le32(0x01020304);
	writel(lower_32_bits(ring_bus), regs + 4); /* the device reads its ring now */
	dev_info(dev, "ring at %pad, found %#x\n", (void *)&ring_bus, readl(regs + 8));
	int error = readl(regs + 8) == 0x01020304 && ring_bus <= DMA_BIT_MASK(32) ? 0 : -EIO;
	dma_free_coherent(dev, 4096, ring, ring_bus);
	return error;
}

static int driver_requests(struct device *dev)
{
	struct dma_pool *pool = dma_pool_create("requests", dev, 192, 64, 0);
	struct driver_request *request, *next;
	LIST_HEAD(all);
	int error = 0;

	for (int i = 0; i < 3 && pool; i++) {
		request = kzalloc(sizeof(*request), GFP_KERNEL);
		if (!request)
			break;
		request->cpu = dma_pool_zalloc(pool, GFP_KERNEL, &request->bus);
		list_add_tail(&request->link, &all);
	}
	list_for_each_entry_safe(request, next, &all, link) {
		if (!request->cpu || request->bus > DMA_BIT_MASK(32))
			error = -ENOMEM;
		dma_pool_free(pool, request->cpu, request->bus);
		list_del(&request->link);
		kfree(request);
	}
	dma_pool_destroy(pool);
	return error;
}

static int driver_probe(struct device *dev, unsigned char __iomem *regs)
{
	if (readl(regs) != 0x4d455445) {
		dev_err(dev, "not the device this is for\n");
		return -ENODEV;
	}
	if (dma_set_mask_and_coherent(dev, DMA_BIT_MASK(32)))
		return -EIO;
	int error = driver_ring(dev, regs);
	return error ? error : driver_requests(dev);
}

/* The device: a number at 0, the ring's place at 4, and at 8 the ring's second entry as the device reads it. */
#include <stdio.h>
#include <mete/host.h>
#include <mete/linux.h>

static struct mete_linux here;
METE_LINUX_HERE(here);

static uint32_t device_ring;

static int device_read(void *ctx, uint64_t offset, unsigned width, uint64_t *ret_value)
{
	const unsigned char *ring = mete_linux_phys_to_virt(device_ring);

	(void)ctx;
	(void)width;
	if (!offset)
		*ret_value = 0x4d455445;
	else
		*ret_value = ring ? ring[4] | ring[5] << 8 | ring[6] << 16 | (uint64_t)ring[7] << 24 : 0;
	return 0;
}

static int device_write(void *ctx, uint64_t offset, unsigned width, uint64_t value)
{
	(void)ctx;
	(void)width;
	if (offset == 4)
		device_ring = (uint32_t)value;
	return 0;
}

/* The application. */
int main(void)
{
	static const struct mete_registers_ops ops = { .read = device_read, .write = device_write };
	const struct mete_registers registers = { &ops, NULL, 16 };
	struct mete_host *host;
	struct mete_device core;
	struct device dev;

	if (mete_host_create(NULL, &host) || mete_linux_init(&here, mete_host_provider(host)))
		return 1;
	const struct mete_device_config config = { .name = "driver", .provider = mete_host_provider(host) };
	if (mete_device_init(&core, &config))
		return 1;
	mete_linux_device_init(&dev, "driver", &core);
	void __iomem *regs = mete_linux_iomap(&registers);
	if (!regs || driver_probe(&dev, regs))
		return 2;
	iounmap(regs);
	if (mete_device_fini(&core) || mete_linux_fini(&here) || mete_host_destroy(host))
		return 3;
	printf("Linux's dma_alloc_coherent, dma_pool, kmalloc and readl: probed\n");
	return 0;
}
