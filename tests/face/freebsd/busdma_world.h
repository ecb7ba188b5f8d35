/* SPDX-License-Identifier: ISC */
/*
 * Bus_dma world: what the tests of FreeBSD's bus_dma(9) share: a bus over the bus world, a lock function and callbacks that
 * remember, and a device that only knows bus addresses.
 */
#ifndef BUSDMA_WORLD_H
#define BUSDMA_WORLD_H

#include "support.h"

#include <sys/types.h>
#include <sys/errno.h>
#include <machine/bus.h>
#include <sys/bus_dma.h>

#include "bus_world.h"

static const enum world_way ways[] = { WORLD_DIRECT, WORLD_BOUNCE, WORLD_IOVA_WAY };
#define NWAYS (sizeof ways / sizeof ways[0])

static struct bus_world world;
static struct mete_freebsd_bus bus;

/* What a callback was told, and under which lock. */
struct told {
	int ncalls, nsegs, error;
	bus_size_t mapsize;
	bus_dma_segment_t segs[16];
	int place; /* among all deferred ones */
};

static int lock_depth, lock_most, ndeferred;

static inline void lockfunc(void *arg, bus_dma_lock_op_t op)
{
	int *depth = arg;

	*depth += op == BUS_DMA_LOCK ? 1 : -1;
	assert_true(op == BUS_DMA_LOCK || op == BUS_DMA_UNLOCK);
	if (*depth > lock_most)
		lock_most = *depth;
}

static inline void callback(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
{
	struct told *told = arg;

	told->ncalls++;
	told->nsegs = nsegs;
	told->error = error;
	assert_true(nsegs >= 0 && nsegs <= 16);
	for (int i = 0; i < nsegs; i++)
		told->segs[i] = segs[i];
	if (lock_depth)
		told->place = ++ndeferred;
}

static inline void callback2(void *arg, bus_dma_segment_t *segs, int nsegs, bus_size_t mapsize, int error)
{
	callback(arg, segs, nsegs, error);
	((struct told *)arg)->mapsize = mapsize;
}

static inline void start(enum world_way way)
{
	lock_depth = lock_most = ndeferred = 0;
	world_start(&world, way);
	assert_ok(mete_freebsd_bus_init(&bus, &world.device, NULL, NULL));
}

static inline void end(void)
{
	assert_int_equal(mete_freebsd_bus_waiting(&bus), 0);
	assert_ok(mete_freebsd_bus_fini(&bus));
	world_end(&world);
}

/* A bounce area of four grains of 2 KiB. */
static inline void start_scarce(void)
{
	const struct mete_bounce_config config = { .len = 8192, .grain = 2048, .longest = 8192 };

	start(WORLD_SHORT);
	assert_ok(mete_bounce_init(&world.bounce, &world.device, &config));
	world.way = WORLD_BOUNCE; /* so that its end ends the area */
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

static inline bus_size_t total(const bus_dma_segment_t *segs, int nsegs)
{
	bus_size_t sum = 0;

	for (int i = 0; i < nsegs; i++)
		sum += segs[i].ds_len;
	return sum;
}

static inline void device_gets(const bus_dma_segment_t *segs, int nsegs, unsigned char *to)
{
	for (int i = 0; i < nsegs; i++) {
		assert_true(world_read(&world, segs[i].ds_addr, to, (size_t)segs[i].ds_len));
		to += segs[i].ds_len;
	}
}

static inline void device_puts(const bus_dma_segment_t *segs, int nsegs, const unsigned char *from)
{
	for (int i = 0; i < nsegs; i++) {
		assert_true(world_write(&world, segs[i].ds_addr, from, (size_t)segs[i].ds_len));
		from += segs[i].ds_len;
	}
}

static inline bus_dma_tag_t tag_of(bus_size_t maxsize, int nsegments, bus_size_t maxsegsz)
{
	bus_dma_tag_t tag = NULL;

	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, maxsize,
	    nsegments, maxsegsz, 0, lockfunc, &lock_depth, &tag), 0);
	assert_non_null(tag);
	return tag;
}

static inline bus_dmamap_t map_of(bus_dma_tag_t tag)
{
	bus_dmamap_t map = NULL;

	assert_int_equal(bus_dmamap_create(tag, 0, &map), 0);
	assert_non_null(map);
	return map;
}

static inline void drop(bus_dma_tag_t tag, bus_dmamap_t map)
{
	bus_dmamap_unload(tag, map);
	assert_int_equal(bus_dmamap_destroy(tag, map), 0);
	assert_int_equal(bus_dma_tag_destroy(tag), 0);
}

#endif
