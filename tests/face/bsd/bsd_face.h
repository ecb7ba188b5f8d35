/* SPDX-License-Identifier: ISC */
/*
 * BSD face: what the tests of OpenBSD's and NetBSD's bus_dma(9) share.  They are built once for each, as the code under
 * test is.
 */
#ifndef BSD_FACE_H
#define BSD_FACE_H

#include <sys/types.h>
#include <machine/bus.h>

#include "bus_world.h"

#if METE_FACE == 3
typedef struct mete_openbsd_tag face_tag;
#define face_tag_init mete_openbsd_tag_init
typedef caddr_t kva_type;
#else
typedef struct mete_netbsd_tag face_tag;
#define face_tag_init mete_netbsd_tag_init
typedef void *kva_type;
#define BUS_DMA_ZERO 0 /* its drivers clear memory themselves */
#endif

enum { OK = 0, EIO_ = 5, ENOMEM_ = 12, EINVAL_ = 22, EFBIG_ = 27 };

static const enum world_way ways[] = { WORLD_DIRECT, WORLD_BOUNCE, WORLD_IOVA_WAY, WORLD_CACHES };
#define NWAYS (sizeof ways / sizeof ways[0])

static struct bus_world world;
static face_tag tag_storage;
static const bus_dma_tag_t tag = &tag_storage;

static inline void start(enum world_way way)
{
	world_start(&world, way);
	assert_ok(face_tag_init(&tag_storage, &world.device));
}

static inline void end(void)
{
	world_end(&world);
}

static inline unsigned long bad_arguments(void)
{
	return small_arena_counters(&world.small).bad_argument;
}

static inline unsigned char pattern(size_t i, unsigned seed)
{
	return (unsigned char)(i * 7 + i / 251 + seed);
}

static inline void fill(unsigned char *p, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = pattern(i, seed);
}

static inline bool filled(const unsigned char *p, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != pattern(i, seed))
			return false;
	}
	return true;
}

/* What the device sees through the segments, all of them together. */
static inline void device_gets(bus_dmamap_t map, unsigned char *to)
{
	for (int i = 0; i < map->dm_nsegs; i++) {
		assert_true(world_read(&world, map->dm_segs[i].ds_addr, to, (size_t)map->dm_segs[i].ds_len));
		to += map->dm_segs[i].ds_len;
	}
}

static inline void device_puts(bus_dmamap_t map, const unsigned char *from)
{
	for (int i = 0; i < map->dm_nsegs; i++) {
		assert_true(world_write(&world, map->dm_segs[i].ds_addr, from, (size_t)map->dm_segs[i].ds_len));
		from += map->dm_segs[i].ds_len;
	}
}

static inline bus_size_t mapped(bus_dmamap_t map)
{
	bus_size_t sum = 0;

	for (int i = 0; i < map->dm_nsegs; i++)
		sum += map->dm_segs[i].ds_len;
	return sum;
}

static inline bus_dmamap_t create(bus_size_t size, int nsegments, bus_size_t maxsegsz, bus_size_t boundary)
{
	bus_dmamap_t map = NULL;

	assert_int_equal(bus_dmamap_create(tag, size, nsegments, maxsegsz, boundary, BUS_DMA_NOWAIT, &map), 0);
	assert_non_null(map);
	assert_int_equal(map->dm_mapsize, 0);
	assert_int_equal(map->dm_nsegs, 0);
	return map;
}

#endif
