/* SPDX-License-Identifier: ISC */
/*
 * A driver for NetBSD, and the little that an application adds to run it: built with what pkg-config says, against an
 * installed library.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/bus.h>

/* The driver. */
static int driver_attach(bus_dma_tag_t tag)
{
	bus_dma_segment_t seg;
	bus_dmamap_t map;
	void *ring;
	int nsegs, wrong;

	DELAY(1);
	if (bus_dmamem_alloc(tag, 4096, 4096, 0, &seg, 1, &nsegs, BUS_DMA_NOWAIT) != 0)
		return 1;
	if (bus_dmamem_map(tag, &seg, nsegs, 4096, &ring, BUS_DMA_NOWAIT | BUS_DMA_COHERENT) != 0 ||
	    bus_dmamap_create(tag, 4096, 1, 4096, 0, BUS_DMA_NOWAIT, &map) != 0)
		return 1;
	wrong = bus_dmamap_load(tag, map, ring, 4096, NULL, BUS_DMA_NOWAIT) != 0 || map->dm_segs[0].ds_addr % 4096 != 0;
	bus_dmamap_sync(tag, map, 0, 4096, BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE);
	bus_dmamap_unload(tag, map);
	bus_dmamap_destroy(tag, map);
	bus_dmamem_unmap(tag, ring, 4096);
	bus_dmamem_free(tag, &seg, nsegs);
	return wrong;
}

/* The application. */
#include <stdio.h>
#include <mete/host.h>

int main(void)
{
	struct mete_device_config config = { .name = "adapter" };
	struct mete_netbsd_tag tag;
	struct mete_device adapter;
	struct mete_host *host;

	if (mete_host_create(NULL, &host))
		return 1;
	config.provider = mete_host_provider(host);
	if (mete_device_init(&adapter, &config) || mete_netbsd_tag_init(&tag, &adapter))
		return 1;
	if (driver_attach(&tag))
		return 2;
	if (mete_device_fini(&adapter) || mete_host_destroy(host))
		return 3;
	printf("NetBSD's bus_dma: attached\n");
	return 0;
}
