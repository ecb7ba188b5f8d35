/* SPDX-License-Identifier: ISC */
/*
 * A driver for NetBSD and its test, in one file.  One mistake is in it.
 */
#include <sys/types.h>
#include <sys/bus.h>

#include <mete/netbsd.h>
#include <mete/test.h>

#define BUFFER 2048

/* The driver: receive into `buffer`. */
static int adapter_receive(bus_dma_tag_t tag, void *buffer)
{
	bus_dmamap_t map;

	if (bus_dmamap_create(tag, BUFFER, 1, BUFFER, 0, BUS_DMA_NOWAIT, &map))
		return 1;
	if (bus_dmamap_load(tag, map, buffer, BUFFER, NULL, BUS_DMA_NOWAIT | BUS_DMA_READ)) {
		bus_dmamap_destroy(tag, map);
		return 1;
	}
	/* Here the device would write. */
	bus_dmamap_sync(tag, map, 0, BUFFER, BUS_DMASYNC_POSTREAD);
	bus_dmamap_unload(tag, map);
	bus_dmamap_destroy(tag, map);
	return 0;
}

/* Its test. */
static unsigned char buffer[BUFFER] __attribute__((aligned(BUFFER)));

int main(void)
{
	struct mete_netbsd_tag tag;
	struct mete_device adapter;
	struct mete_test *test;

	if (mete_test_begin(NULL, &test))
		return 1;
	struct mete_device_config config = { .name = "adapter", .provider = mete_test_provider(test) };
	if (mete_device_init(&adapter, &config) || mete_netbsd_tag_init(&tag, &adapter) || adapter_receive(&tag, buffer) ||
	    mete_device_fini(&adapter))
		return 1;
	return mete_test_end(test) != 0;
}
