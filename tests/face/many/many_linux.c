/* SPDX-License-Identifier: ISC */
/*
 * The driver that is written to Linux's interface.
 *
 * Its two kinds of memory belong to different owners inside the library: coherent memory to the device, pages to the
 * memory that mete_linux_init() chose.
 */
#include <linux/dma-mapping.h>

#include "many.h"

static struct mete_linux here;
METE_LINUX_HERE(here);

static struct device dev;
static void *ring;          /* coherent */
static dma_addr_t ring_handle;
static dma_addr_t handle;   /* the load ... */
static size_t handle_len;   /* ... and its length */

static int attach(struct mete_device *device)
{
	mete_linux_device_init(&dev, "many linux", device);
	return mete_linux_init(&here, device->provider);
}

static int detach(void)
{
	return mete_linux_fini(&here);
}

static void *coherent_alloc(size_t len)
{
	ring = dma_alloc_coherent(&dev, len, &ring_handle, GFP_KERNEL);
	return ring;
}

/* Of what is not its ring the driver has no handle. */
static void coherent_release(void *cpu, size_t len)
{
	dma_free_coherent(&dev, len, cpu, cpu == ring ? ring_handle : 0);
	if (cpu == ring)
		ring = NULL;
}

void many_linux_free_coherent(void *cpu, size_t len, mete_baddr bus)
{
	dma_free_coherent(&dev, len, cpu, bus);
}

static void *pages_alloc(size_t len)
{
	struct page *page = alloc_pages(GFP_KERNEL, (unsigned)get_order(len));

	return page ? page_address(page) : NULL;
}

static void pages_release(void *cpu, size_t len)
{
	__free_pages(virt_to_page(cpu), (unsigned)get_order(len));
}

static int load(void *cpu, size_t len, struct mete_segment ret[MANY_SEGMENTS], size_t *ret_n)
{
	handle = dma_map_single(&dev, cpu, len, DMA_BIDIRECTIONAL);
	int error = dma_mapping_error(&dev, handle);
	if (error)
		return error;
	handle_len = len;
	ret[0].bus = handle;
	ret[0].len = (mete_baddr)len;
	*ret_n = 1;
	return 0;
}

static void to_device(void)
{
	dma_sync_single_for_device(&dev, handle, handle_len, DMA_BIDIRECTIONAL);
}

static void to_cpu(void)
{
	dma_sync_single_for_cpu(&dev, handle, handle_len, DMA_BIDIRECTIONAL);
}

static void unload(void)
{
	dma_unmap_single(&dev, handle, handle_len, DMA_BIDIRECTIONAL);
}

const struct many_driver many_linux = {
	"linux", -ENOMEM, -ENOMEM, /* DMA_MAPPING_ERROR tells no reasons */
	{ { "dma_alloc_coherent", true, coherent_alloc, coherent_release },
	    { "alloc_pages", false, pages_alloc, pages_release } },
	attach, detach, load, to_device, to_cpu, unload,
};
