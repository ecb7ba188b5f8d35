/* SPDX-License-Identifier: ISC */
/*
 * A driver for FreeBSD, and the little that an application adds to run it: built with what pkg-config says, against an
 * installed library.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <machine/bus.h>
#include <sys/bus_dma.h>

/* The driver. */
static void driver_loaded(void *arg, bus_dma_segment_t *segs, int nseg, int error)
{
	if (error == 0 && nseg == 1)
		*(bus_addr_t *)arg = segs[0].ds_addr;
}

static int driver_attach(bus_dma_tag_t parent)
{
	bus_dma_tag_t tag;
	bus_dmamap_t map;
	bus_addr_t at = 1;
	void *ring;

	DELAY(1);
	if (bus_dma_tag_create(parent, 4096, 0, BUS_SPACE_MAXADDR_32BIT, BUS_SPACE_MAXADDR, NULL, NULL, 4096, 1, 4096, 0,
	    NULL, NULL, &tag) != 0)
		return 1;
	if (bus_dmamem_alloc(tag, &ring, BUS_DMA_NOWAIT | BUS_DMA_ZERO | BUS_DMA_COHERENT, &map) != 0)
		return 1;
	if (bus_dmamap_load(tag, map, ring, 4096, driver_loaded, &at, BUS_DMA_NOWAIT) != 0)
		return 1;
	bus_dmamap_sync(tag, map, BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE);
	bus_dmamap_unload(tag, map);
	bus_dmamem_free(tag, ring, map);
	return at % 4096 != 0 || bus_dma_tag_destroy(tag) != 0;
}

/* The application. */
#include <stdio.h>
#include <mete/freebsd.h>
#include <mete/host.h>

int main(void)
{
	struct mete_device_config config = { .name = "disk" };
	struct mete_freebsd_bus bus;
	struct mete_device disk;
	struct mete_host *host;

	if (mete_host_create(NULL, &host))
		return 1;
	config.provider = mete_host_provider(host);
	if (mete_device_init(&disk, &config) || mete_freebsd_bus_init(&bus, &disk, NULL, NULL))
		return 1;
	if (driver_attach(bus.tag))
		return 2;
	if (mete_freebsd_bus_fini(&bus) || mete_device_fini(&disk) || mete_host_destroy(host))
		return 3;
	printf("FreeBSD's bus_dma: attached\n");
	return 0;
}
