/* SPDX-License-Identifier: ISC */
/*
 * Many, BSD: what the drivers written to OpenBSD's and to NetBSD's bus_dma(9) share.  Each unit includes its native
 * headers first and names its face in DRIVER_TAG, DRIVER_TAG_INIT and DRIVER_KVA.
 *
 * A driver that mistakes foreign memory for its own has a segment of it from a load, and frees that.
 */
#ifndef METE_TESTS_MANY_BSD_H
#define METE_TESTS_MANY_BSD_H

#include "many.h"

#define DRIVER_MAXSIZE 65536

enum { DRIVER_ENOMEM = 12, DRIVER_EINVAL = 22 }; /* both systems' numbers */

static DRIVER_TAG tag_storage;
static const bus_dma_tag_t tag = &tag_storage;
static bus_dmamap_t map;
static bus_dma_segment_t segment; /* of the driver's memory ... */
static DRIVER_KVA memory;         /* ... and its view; NULL: it has none */

static int driver_attach(struct mete_device *device)
{
	int error = DRIVER_TAG_INIT(&tag_storage, device);

	return error ? error : bus_dmamap_create(tag, DRIVER_MAXSIZE, MANY_SEGMENTS, 4096, 0, BUS_DMA_NOWAIT, &map);
}

static void *dmamem_alloc(size_t len)
{
	int n;

	if (bus_dmamem_alloc(tag, (bus_size_t)len, 4096, 0, &segment, 1, &n, BUS_DMA_NOWAIT))
		return NULL;
	if (bus_dmamem_map(tag, &segment, n, len, &memory, BUS_DMA_NOWAIT)) {
		bus_dmamem_free(tag, &segment, n);
		memory = NULL;
	}
	return memory;
}

static void dmamem_release(void *cpu, size_t len)
{
	if (cpu != memory) {
		if (bus_dmamap_load(tag, map, cpu, (bus_size_t)len, NULL, BUS_DMA_NOWAIT))
			return;
		bus_dmamem_free(tag, map->dm_segs, map->dm_nsegs);
		bus_dmamap_unload(tag, map);
		return;
	}
	bus_dmamem_unmap(tag, memory, len);
	bus_dmamem_free(tag, &segment, 1);
	memory = NULL;
}

static int load(void *cpu, size_t len, struct mete_segment ret[MANY_SEGMENTS], size_t *ret_n)
{
	int error = bus_dmamap_load(tag, map, cpu, (bus_size_t)len, NULL, BUS_DMA_NOWAIT);

	if (error)
		return error;
	for (int i = 0; i < map->dm_nsegs; i++) {
		ret[i].bus = map->dm_segs[i].ds_addr;
		ret[i].len = map->dm_segs[i].ds_len;
	}
	*ret_n = (size_t)map->dm_nsegs;
	return 0;
}

static void to_device(void)
{
	bus_dmamap_sync(tag, map, 0, map->dm_mapsize, BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE);
}

static void to_cpu(void)
{
	bus_dmamap_sync(tag, map, 0, map->dm_mapsize, BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE);
}

static void unload(void)
{
	bus_dmamap_unload(tag, map);
}

#endif
