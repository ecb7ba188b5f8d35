/* SPDX-License-Identifier: ISC */
/*
 * FreeBSD's bus_dma(9) as a driver calls it, from the native header, in each way of mapping, with a device that only
 * knows bus addresses.
 */
#include "support.h"

#include <pthread.h>

#include <sys/types.h>
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/uio.h>
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

static void lockfunc(void *arg, bus_dma_lock_op_t op)
{
	int *depth = arg;

	*depth += op == BUS_DMA_LOCK ? 1 : -1;
	assert_true(op == BUS_DMA_LOCK || op == BUS_DMA_UNLOCK);
	if (*depth > lock_most)
		lock_most = *depth;
}

static void callback(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
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

static void callback2(void *arg, bus_dma_segment_t *segs, int nsegs, bus_size_t mapsize, int error)
{
	callback(arg, segs, nsegs, error);
	((struct told *)arg)->mapsize = mapsize;
}

static void start(enum world_way way)
{
	lock_depth = lock_most = ndeferred = 0;
	world_start(&world, way);
	assert_ok(mete_freebsd_bus_init(&bus, &world.device, NULL, NULL));
}

static void end(void)
{
	assert_int_equal(mete_freebsd_bus_waiting(&bus), 0);
	assert_ok(mete_freebsd_bus_fini(&bus));
	world_end(&world);
}

/* A bounce area of four grains of 2 KiB. */
static void start_scarce(void)
{
	const struct mete_bounce_config config = { .len = 8192, .grain = 2048, .longest = 8192 };

	start(WORLD_SHORT);
	assert_ok(mete_bounce_init(&world.bounce, &world.device, &config));
	world.way = WORLD_BOUNCE; /* so that its end ends the area */
}

static unsigned long bad_arguments(void)
{
	return small_arena_counters(&world.small).bad_argument;
}

static unsigned char pattern(size_t i, unsigned seed)
{
	return (unsigned char)(i * 7 + i / 251 + seed);
}

static void fill(unsigned char *p, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = pattern(i, seed);
}

static bool filled(const unsigned char *p, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != pattern(i, seed))
			return false;
	}
	return true;
}

static bus_size_t total(const bus_dma_segment_t *segs, int nsegs)
{
	bus_size_t sum = 0;

	for (int i = 0; i < nsegs; i++)
		sum += segs[i].ds_len;
	return sum;
}

static void device_gets(const bus_dma_segment_t *segs, int nsegs, unsigned char *to)
{
	for (int i = 0; i < nsegs; i++) {
		assert_true(world_read(&world, segs[i].ds_addr, to, (size_t)segs[i].ds_len));
		to += segs[i].ds_len;
	}
}

static void device_puts(const bus_dma_segment_t *segs, int nsegs, const unsigned char *from)
{
	for (int i = 0; i < nsegs; i++) {
		assert_true(world_write(&world, segs[i].ds_addr, from, (size_t)segs[i].ds_len));
		from += segs[i].ds_len;
	}
}

static bus_dma_tag_t tag_of(bus_size_t maxsize, int nsegments, bus_size_t maxsegsz)
{
	bus_dma_tag_t tag = NULL;

	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, maxsize,
	    nsegments, maxsegsz, 0, lockfunc, &lock_depth, &tag), 0);
	assert_non_null(tag);
	return tag;
}

static bus_dmamap_t map_of(bus_dma_tag_t tag)
{
	bus_dmamap_t map = NULL;

	assert_int_equal(bus_dmamap_create(tag, 0, &map), 0);
	assert_non_null(map);
	return map;
}

static void drop(bus_dma_tag_t tag, bus_dmamap_t map)
{
	bus_dmamap_unload(tag, map);
	assert_int_equal(bus_dmamap_destroy(tag, map), 0);
	assert_int_equal(bus_dma_tag_destroy(tag), 0);
}

static void test_data_moves_both_ways(void **state)
{
	static unsigned char seen[10000];
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		struct told told = { 0 };
		start(ways[w]);
		bus_dma_tag_t tag = tag_of(16384, 8, 4096);
		bus_dmamap_t map = map_of(tag);
		unsigned char *buf = (unsigned char *)world_buffer(&world, 12000) + 100;
		fill(buf, sizeof seen, 1);
		assert_int_equal(bus_dmamap_load(tag, map, buf, sizeof seen, callback, &told, BUS_DMA_NOWAIT), 0);
		assert_int_equal(told.ncalls, 1); /* before the load returned */
		assert_int_equal(told.error, 0);
		assert_int_equal(total(told.segs, told.nsegs), sizeof seen);
		for (int i = 0; i < told.nsegs; i++)
			assert_true(told.segs[i].ds_len <= 4096);
		bus_dmamap_sync(tag, map, BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE);
		device_gets(told.segs, told.nsegs, seen);
		assert_true(filled(seen, sizeof seen, 1));
		fill(seen, sizeof seen, 2);
		device_puts(told.segs, told.nsegs, seen);
		bus_dmamap_sync(tag, map, BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE);
		assert_true(filled(buf, sizeof seen, 2));
		drop(tag, map);
		assert_int_equal(lock_most, 0); /* only deferred callbacks are locked */
		assert_int_equal(bad_arguments(), 0);
		end();
	}
}

/* The whole table of operations, by what each moves between the CPU's memory and a stand-in. */
static void test_each_sync_operation_moves_what_it_says(void **state)
{
	struct told told = { 0 };
	(void)state;

	start(WORLD_BOUNCE);
	bus_dma_tag_t tag = tag_of(4096, 1, 4096);
	bus_dmamap_t map = map_of(tag);
	unsigned char *buf = world_buffer(&world, 4096);
	assert_int_equal(bus_dmamap_load(tag, map, buf, 100, callback, &told, BUS_DMA_NOWAIT), 0);
	for (int op = 0; op < 16; op++) {
		unsigned char theirs = 0x22;
		buf[7] = 0x11;
		assert_true(world_write(&world, told.segs[0].ds_addr + 7, &theirs, 1));
		unsigned long bad = bad_arguments();
		bus_dmamap_sync(tag, map, op);
		assert_true(world_read(&world, told.segs[0].ds_addr + 7, &theirs, 1));
		/* POST comes first: with both, the CPU gets what the device wrote, and the device gets it back. */
		assert_int_equal(buf[7], op & BUS_DMASYNC_POSTREAD ? 0x22 : 0x11);
		assert_int_equal(theirs, op & BUS_DMASYNC_PREWRITE ? buf[7] : 0x22);
		assert_int_equal(bad_arguments() - bad, op == 0);
	}
	unsigned long bad = bad_arguments();
	bus_dmamap_sync(tag, map, 16);
	bus_dmamap_sync(tag, map, -1);
	bus_dmamap_unload(tag, map);
	bus_dmamap_sync(tag, map, BUS_DMASYNC_PREREAD);
	assert_int_equal(bad_arguments() - bad, 3);
	drop(tag, map);
	end();
}

static void test_null_maps_are_left_alone(void **state)
{
	struct told told = { 0 };
	char byte;
	(void)state;

	start(WORLD_DIRECT);
	bus_dma_tag_t tag = tag_of(4096, 1, 4096);
	bus_dmamap_sync(tag, NULL, BUS_DMASYNC_PREREAD);
	bus_dmamap_unload(tag, NULL);
	assert_int_equal(bus_dmamap_destroy(tag, NULL), 0);
	assert_int_equal(bus_dma_tag_destroy(NULL), 0);
	assert_int_equal(bad_arguments(), 0);
	assert_int_equal(bus_dmamap_load(tag, NULL, &byte, 1, callback, &told, 0), EINVAL);
	assert_int_equal(told.ncalls, 0);
	assert_int_equal(bus_dma_tag_destroy(tag), 0);
	end();
}

static void test_impossible_tags_are_refused(void **state)
{
	static const struct {
		const char *why;
		bus_size_t alignment, boundary, lowaddr, highaddr, maxsize;
		int nsegments;
		bus_size_t maxsegsz;
	} rows[] = {
		{ "alignment no power of two", 3, 0, ~0u, ~0u, 4096, 1, 4096 },
		{ "boundary no power of two", 1, 4097, ~0u, ~0u, 4096, 1, 4096 },
		{ "no size", 1, 0, ~0u, ~0u, 0, 1, 4096 },
		{ "no segments", 1, 0, ~0u, ~0u, 4096, 0, 4096 },
		{ "a negative number of segments", 1, 0, ~0u, ~0u, 4096, -2, 4096 },
		{ "segments of no length", 1, 0, ~0u, ~0u, 4096, 1, 0 },
		{ "a window over everything", 1, 0, 0, BUS_SPACE_MAXADDR, 4096, 1, 4096 },
		{ "a window over all that the device reaches", 1, 0, WORLD_BUS - 1, BUS_SPACE_MAXADDR, 4096, 1, 4096 },
	};
	static const struct mete_constraint high = { .first = WORLD_BUS };
	(void)state;

	start(WORLD_DIRECT);
	assert_ok(mete_device_limit(&world.device, METE_USE_STREAMING, &high));
	bus_dma_tag_t tag = NULL;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		unsigned long bad = bad_arguments();
		assert_row(bus_dma_tag_create(bus.tag, rows[i].alignment, rows[i].boundary, rows[i].lowaddr,
		    rows[i].highaddr, NULL, NULL, rows[i].maxsize, rows[i].nsegments, rows[i].maxsegsz, 0, NULL, NULL,
		    &tag) == EINVAL, i, rows[i].why);
		assert_row(tag == NULL && bad_arguments() == bad + 1, i, rows[i].why);
	}
	assert_int_equal(bus_dma_tag_create(NULL, 1, 0, ~0u, ~0u, NULL, NULL, 1, 1, 1, 0, NULL, NULL, &tag), EINVAL);
	assert_int_equal(bus_dma_tag_destroy(bus.tag), EINVAL); /* it is the application's */
	world.small.fail_records = 0;
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, ~0u, ~0u, NULL, NULL, 1, 1, 1, 0, NULL, NULL, &tag), ENOMEM);
	world.small.fail_records = SIZE_MAX;
	assert_null(tag);
	end();
}

static int any_filter(void *arg, bus_addr_t at)
{
	(void)arg;
	return at != 0;
}

static void test_filters_are_refused(void **state)
{
	bus_dma_tag_t tag = NULL;
	(void)state;

	start(WORLD_DIRECT);
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, ~0u, ~0u, any_filter, NULL, 1, 1, 1, 0, NULL, NULL, &tag),
	    EINVAL);
	assert_null(tag);
	end();
}

static void test_tags_and_maps_in_use_stay(void **state)
{
	struct told told = { 0 };
	bus_dma_tag_t child = NULL;
	(void)state;

	start(WORLD_DIRECT);
	bus_dma_tag_t tag = tag_of(4096, 1, 4096), other = tag_of(4096, 1, 4096);
	assert_int_equal(mete_freebsd_bus_fini(&bus), METE_EBUSY);
	assert_int_equal(bus_dma_tag_create(tag, 1, 0, ~0u, ~0u, NULL, NULL, 1, 1, 1, 0, NULL, NULL, &child), 0);
	assert_int_equal(bus_dma_tag_destroy(tag), EBUSY);
	assert_int_equal(bus_dma_tag_destroy(child), 0);
	bus_dmamap_t map = map_of(tag);
	assert_int_equal(bus_dma_tag_destroy(tag), EBUSY);
	assert_int_equal(bus_dmamap_load(tag, map, world_buffer(&world, 100), 100, callback, &told, 0), 0);
	assert_int_equal(bus_dmamap_destroy(tag, map), EBUSY);

	/* Another tag's map, and one that is loaded already. */
	assert_int_equal(bus_dmamap_destroy(other, map), EINVAL);
	assert_int_equal(bus_dmamap_load(tag, map, world_buffer(&world, 100), 100, callback, &told, 0), EINVAL);
	bus_dmamap_unload(other, map);
	bus_dmamap_sync(other, map, BUS_DMASYNC_PREREAD);
	assert_int_equal(told.ncalls, 1);
	assert_int_equal(bad_arguments(), 4);
	bus_dmamap_unload(tag, map);
	bus_dmamap_unload(tag, map); /* once too often is harmless */
	assert_int_equal(bad_arguments(), 4);
	drop(tag, map);
	assert_int_equal(bus_dma_tag_destroy(other), 0);
	end();
}

static void test_limits_come_from_the_whole_chain(void **state)
{
	struct told told = { 0 };
	bus_dma_tag_t parent = NULL, child = NULL;
	(void)state;

	/* The parent's boundary, 1 KiB, cuts the child's segments; the child's own, 4 KiB, is wider. */
	start(WORLD_DIRECT);
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 1024, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL,
	    BUS_SPACE_MAXSIZE, BUS_SPACE_UNRESTRICTED, BUS_SPACE_MAXSIZE, 0, NULL, NULL, &parent), 0);
	assert_int_equal(bus_dma_tag_create(parent, 1, 4096, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL,
	    4096, 8, 4096, 0, NULL, NULL, &child), 0);
	bus_dmamap_t map = map_of(child);
	unsigned char *buf = world_buffer(&world, 8192);
	assert_int_equal(bus_dmamap_load(child, map, buf + 512, 2048, callback, &told, 0), 0);
	assert_int_equal(told.nsegs, 3);
	assert_int_equal(told.segs[0].ds_len, 512);
	assert_int_equal(told.segs[1].ds_len, 1024);
	drop(child, map);
	assert_int_equal(bus_dma_tag_destroy(parent), 0);
	end();
}

static void test_the_window_is_from_lowaddr_to_highaddr(void **state)
{
	static const struct {
		const char *why;
		bus_addr_t low[2], high[2]; /* parent, child */
		bool below, inside, above;  /* whether memory there is loaded */
	} rows[] = {
		{ "no window", { BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR }, { BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR },
			true, true, true },
		{ "the child's, under a bus without one", { BUS_SPACE_MAXADDR, WORLD_BUS + 0x3fff }, { 0, WORLD_BUS + 0x7fff },
			true, false, true },
		{ "the parent's", { WORLD_BUS + 0x3fff, BUS_SPACE_MAXADDR }, { WORLD_BUS + 0x7fff, 0 }, true, false, true },
		{ "lower lowaddr and higher highaddr", { WORLD_BUS + 0x3fff, WORLD_BUS + 0x7fff },
			{ WORLD_BUS + 0x7fff, BUS_SPACE_MAXADDR }, true, false, false },
		{ "an end below its beginning is no window", { WORLD_BUS + 0x3fff, BUS_SPACE_MAXADDR }, { 0, 0 }, true, true,
			true },
	};
	(void)state;

	start(WORLD_DIRECT);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct told told = { 0 };
		bus_dma_tag_t tag[2];
		for (int t = 0; t < 2; t++)
			assert_row(bus_dma_tag_create(t ? tag[0] : bus.tag, 1, 0, rows[i].low[t], rows[i].high[t], NULL,
			    NULL, 4096, 1, 4096, 0, NULL, NULL, &tag[t]) == 0, i, rows[i].why);
		bus_dmamap_t map = map_of(tag[1]);
		const struct { size_t at; bool ok; } places[] = {
			{ 0x3f00, rows[i].below }, { 0x4000, rows[i].inside }, { 0x7f00, rows[i].inside },
			{ 0x8000, rows[i].above },
		};
		for (size_t k = 0; k < 4; k++) {
			int error = bus_dmamap_load(tag[1], map, world.small.memory + places[k].at, 256, callback, &told, 0);
			assert_row(error == (places[k].ok ? 0 : EINVAL), i, rows[i].why);
			bus_dmamap_unload(tag[1], map);
		}
		drop(tag[1], map);
		assert_int_equal(bus_dma_tag_destroy(tag[0]), 0);
	}
	end();
}

/* The area is the device's, wherever a tag's window begins: it is refused rather than shown where the tag says no. */
static void test_stand_ins_beyond_the_window_are_refused(void **state)
{
	struct told told = { 0 };
	bus_dma_tag_t tag = NULL;
	(void)state;

	start(WORLD_BOUNCE);
	assert_true(world.bounce.bus > WORLD_BUS + 0xfff);
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, WORLD_BUS + 0xfff, BUS_SPACE_MAXADDR, NULL, NULL, 2048, 1, 2048,
	    0, lockfunc, &lock_depth, &tag), 0);
	bus_dmamap_t map = map_of(tag);
	assert_int_equal(bus_dmamap_load(tag, map, world_buffer(&world, 2048), 2048, callback, &told, 0), EINVAL);
	assert_int_equal(told.ncalls, 0);
	assert_int_equal(mete_bounce_used(&world.bounce), 0);
	/* Memory below needs none. */
	assert_int_equal(bus_dmamap_load(tag, map, world.small.memory, 2048, callback, &told, 0), 0);
	drop(tag, map);
	end();
}

static void test_a_misaligned_start_is_replaced(void **state)
{
	struct told told = { 0 };
	bus_dma_tag_t tag = NULL;
	(void)state;

	start(WORLD_BOUNCE);
	assert_int_equal(bus_dma_tag_create(bus.tag, 64, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, 2048, 1, 2048,
	    0, NULL, NULL, &tag), 0);
	bus_dmamap_t map = map_of(tag);
	unsigned char *buf = world.small.memory + 0x30004; /* within reach, but for its low bits */
	fill(buf, 100, 3);
	assert_int_equal(bus_dmamap_load(tag, map, buf, 100, callback, &told, 0), 0);
	assert_int_equal(told.segs[0].ds_addr % 64, 0);
	assert_int_equal(mete_bounce_used(&world.bounce), 1);
	unsigned char seen[100];
	device_gets(told.segs, told.nsegs, seen);
	assert_true(filled(seen, 100, 3));
	bus_dmamap_unload(tag, map);

	/* A child's smaller alignment does not undo it. */
	bus_dma_tag_t child = NULL;
	assert_int_equal(bus_dma_tag_create(tag, 4, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, 2048, 1, 2048, 0,
	    NULL, NULL, &child), 0);
	bus_dmamap_t child_map = map_of(child);
	assert_int_equal(bus_dmamap_load(child, child_map, buf, 100, callback, &told, 0), 0);
	assert_int_equal(told.segs[0].ds_addr % 64, 0);
	drop(child, child_map);
	drop(tag, map);
	end();

	/* Without a bounce area it is refused, behind an IOMMU too: that shows memory at its offset in the page. */
	for (size_t w = 0; w < NWAYS; w++) {
		if (ways[w] == WORLD_BOUNCE)
			continue;
		start(ways[w]);
		assert_int_equal(bus_dma_tag_create(bus.tag, 64, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, 2048, 1,
		    2048, 0, NULL, NULL, &tag), 0);
		map = map_of(tag);
		assert_int_equal(bus_dmamap_load(tag, map, world.small.memory + 0x30004, 100, callback, &told, 0), EINVAL);
		drop(tag, map);
		end();
	}
}

static void test_what_cannot_be_loaded_is_not(void **state)
{
	struct told told = { 0 };
	(void)state;

	start(WORLD_SHORT);
	bus_dma_tag_t tag = tag_of(4096, 2, 1024);
	bus_dmamap_t map = map_of(tag), none = NULL;
	unsigned char *far = world_buffer(&world, 4096), *near = world.small.memory + 0x20000;
	char foreign;

	/* Too many segments: the callback is told, and the load returns 0. */
	assert_int_equal(bus_dmamap_load(tag, map, near, 2049, callback, &told, 0), 0);
	assert_int_equal(told.ncalls, 1);
	assert_int_equal(told.error, EFBIG);
	assert_int_equal(told.nsegs, 0);
	/* And the map is empty. */
	assert_int_equal(bus_dmamap_load(tag, map, near, 2048, callback, &told, 0), 0);
	assert_int_equal(told.ncalls, 2);
	assert_int_equal(told.nsegs, 2);
	bus_dmamap_unload(tag, map);

	told.ncalls = 0;
	assert_int_equal(bus_dmamap_load(tag, map, near, 0, callback, &told, 0), EINVAL);
	assert_int_equal(bus_dmamap_load(tag, map, near, 4097, callback, &told, 0), EINVAL);
	assert_int_equal(bus_dmamap_load(tag, map, near, 100, NULL, NULL, 0), EINVAL);
	assert_int_equal(bus_dmamap_load(tag, map, &foreign, 1, callback, &told, 0), EINVAL);
	assert_int_equal(bus_dmamap_load(tag, map, far, 100, callback, &told, 0), EINVAL); /* and no bounce area */
	assert_int_equal(told.ncalls, 0);

	world.small.fail_records = 0;
	assert_int_equal(bus_dmamap_create(tag, 0, &none), ENOMEM);
	world.small.fail_records = SIZE_MAX;
	assert_null(none);
	assert_int_equal(bus_dmamap_create(bus.tag, 0, &none), EINVAL); /* it is only a parent */
	drop(tag, map);
	end();
}

static void test_an_iommu_that_fails_is_told(void **state)
{
	struct told told = { 0 };
	(void)state;

	start(WORLD_IOVA_WAY);
	bus_dma_tag_t tag = tag_of(4096, 2, 4096);
	bus_dmamap_t map = map_of(tag);
	world.fail_maps = 0;
	assert_int_equal(bus_dmamap_load(tag, map, world_buffer(&world, 4096), 4096, callback, &told, 0), EIO);
	assert_int_equal(told.ncalls, 0);
	assert_int_equal(world_pages(&world), 0);
	world.fail_maps = SIZE_MAX;
	drop(tag, map);
	end();
}

/* With BUS_DMA_NOWRITE an IOMMU lets the device read only. */
static void test_nowrite_is_for_reading(void **state)
{
	struct told told = { 0 };
	unsigned char byte = 1;
	(void)state;

	start(WORLD_IOVA_WAY);
	bus_dma_tag_t tag = tag_of(4096, 2, 4096);
	bus_dmamap_t map = map_of(tag);
	unsigned char *buf = world_buffer(&world, 4096);
	assert_int_equal(bus_dmamap_load(tag, map, buf, 10, callback, &told, BUS_DMA_NOWRITE), 0);
	bus_dmamap_sync(tag, map, BUS_DMASYNC_PREWRITE | BUS_DMASYNC_PREREAD);
	assert_true(world_read(&world, told.segs[0].ds_addr, &byte, 1));
	assert_false(world_write(&world, told.segs[0].ds_addr, &byte, 1));
	bus_dmamap_sync(tag, map, BUS_DMASYNC_POSTREAD);
	assert_int_equal(bad_arguments(), 0);
	drop(tag, map);
	end();
}

static void test_deferred_loads_are_served_first_come_first_served(void **state)
{
	struct told told[4] = { { 0 } };
	bus_dmamap_t map[4];
	unsigned char *buf[4];
	(void)state;

	start_scarce();
	bus_dma_tag_t tag = tag_of(8192, 4, 8192);
	for (int i = 0; i < 4; i++) {
		map[i] = map_of(tag);
		buf[i] = world_buffer(&world, 8192);
		fill(buf[i], 8192, (unsigned)i);
	}
	/* The first takes three grains of four; the second wants two, the third one: it may not overtake. */
	assert_int_equal(bus_dmamap_load(tag, map[0], buf[0], 6144, callback, &told[0], 0), 0);
	assert_int_equal(bus_dmamap_load(tag, map[1], buf[1], 4096, callback, &told[1], BUS_DMA_WAITOK), EINPROGRESS);
	assert_int_equal(bus_dmamap_load(tag, map[2], buf[2], 2048, callback, &told[2], 0), EINPROGRESS);
	assert_int_equal(bus_dmamap_load(tag, map[3], buf[3], 2048, callback, &told[3], BUS_DMA_NOWAIT), ENOMEM);
	assert_int_equal(mete_freebsd_bus_waiting(&bus), 2);
	assert_int_equal(mete_bounce_used(&world.bounce), 1);
	assert_int_equal(told[1].ncalls + told[2].ncalls + told[3].ncalls, 0);
	assert_int_equal(bus_dmamap_destroy(tag, map[1]), EBUSY);
	assert_int_equal(bus_dmamap_load(tag, map[1], buf[1], 1, callback, &told[1], 0), EINVAL);
	/* What needs no stand-in is held up by nobody. */
	assert_int_equal(bus_dmamap_load(tag, map[3], world.small.memory + 0x20000, 100, callback, &told[3], 0), 0);
	assert_int_equal(told[3].ncalls, 1);
	assert_int_equal(mete_freebsd_bus_pump(&bus), 0);

	bus_dmamap_unload(tag, map[3]); /* frees nothing */
	assert_int_equal(mete_freebsd_bus_waiting(&bus), 2);
	bus_dmamap_unload(tag, map[0]);
	assert_int_equal(mete_freebsd_bus_waiting(&bus), 0);
	assert_int_equal(told[1].place, 1);
	assert_int_equal(told[2].place, 2);
	assert_int_equal(lock_depth, 0);
	assert_int_equal(lock_most, 1);
	for (int i = 1; i < 3; i++) {
		unsigned char seen[4096];
		size_t len = i == 1 ? 4096 : 2048;
		assert_int_equal(told[i].error, 0);
		assert_int_equal(total(told[i].segs, told[i].nsegs), len);
		bus_dmamap_sync(tag, map[i], BUS_DMASYNC_PREWRITE);
		device_gets(told[i].segs, told[i].nsegs, seen);
		assert_true(filled(seen, len, (unsigned)i));
		bus_dmamap_unload(tag, map[i]);
	}
	for (int i = 1; i < 4; i++)
		assert_int_equal(bus_dmamap_destroy(tag, map[i]), 0);
	drop(tag, map[0]);
	end();
}

static void test_loads_wait_for_iova_too(void **state)
{
	struct told told[3] = { { 0 } };
	(void)state;

	start(WORLD_IOVA_WAY);
	bus_dma_tag_t tag = tag_of(WORLD_PAGES * 4096, 1, BUS_SPACE_MAXSIZE);
	bus_dmamap_t map[3] = { map_of(tag), map_of(tag), map_of(tag) };
	assert_int_equal(bus_dmamap_load(tag, map[0], world.small.memory, 40 * 4096, callback, &told[0], 0), 0);
	assert_int_equal(bus_dmamap_load(tag, map[1], world.small.memory, 40 * 4096, callback, &told[1], 0), EINPROGRESS);
	assert_int_equal(bus_dmamap_load(tag, map[2], world.small.memory, 4096, callback, &told[2], 0), EINPROGRESS);
	bus_dmamap_unload(tag, map[0]);
	assert_int_equal(told[1].place, 1);
	assert_int_equal(told[2].place, 2);
	assert_int_equal(world_pages(&world), 41);
	bus_dmamap_unload(tag, map[1]);
	bus_dmamap_unload(tag, map[2]);
	assert_int_equal(bus_dmamap_destroy(tag, map[0]), 0);
	assert_int_equal(bus_dmamap_destroy(tag, map[1]), 0);
	drop(tag, map[2]);
	end();
}

static void test_what_may_not_be_deferred_fails(void **state)
{
	struct told told = { 0 };
	bus_dma_tag_t tag[3];
	bus_dmamap_t map[3], full;
	(void)state;

	start_scarce();
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, ~0u, ~0u, NULL, NULL, 8192, 1, 8192, 0, lockfunc, &lock_depth,
	    &tag[0]), 0);
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, ~0u, ~0u, NULL, NULL, 8192, 1, 8192, BUS_DMA_ALLOCNOW, lockfunc,
	    &lock_depth, &tag[1]), 0);
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, ~0u, ~0u, NULL, NULL, 8192, 1, 8192, 0, NULL, NULL, &tag[2]), 0);
	full = map_of(tag[0]);
	unsigned char *buf = world_buffer(&world, 8192);
	assert_int_equal(bus_dmamap_load(tag[0], full, buf, 8192, callback, &told, 0), 0);
	for (int i = 0; i < 3; i++) {
		map[i] = map_of(tag[i]);
		assert_int_equal(bus_dmamap_load(tag[i], map[i], buf, 1, callback, &told, i ? 0 : BUS_DMA_NOWAIT), ENOMEM);
	}
	assert_int_equal(told.ncalls, 1);
	bus_dmamap_unload(tag[0], full);
	/* It was for the moment only. */
	assert_int_equal(bus_dmamap_load(tag[2], map[2], buf, 1, callback, &told, 0), 0);
	assert_int_equal(bus_dmamap_destroy(tag[0], full), 0);
	for (int i = 0; i < 3; i++)
		drop(tag[i], map[i]);
	end();
}

static void test_a_deferred_load_can_be_cancelled(void **state)
{
	struct told told[3] = { { 0 } };
	bus_dmamap_t map[3];
	(void)state;

	start_scarce();
	bus_dma_tag_t tag = tag_of(8192, 1, 8192);
	unsigned char *buf = world_buffer(&world, 8192);
	for (int i = 0; i < 3; i++)
		map[i] = map_of(tag);
	assert_int_equal(bus_dmamap_load(tag, map[0], buf, 6144, callback, &told[0], 0), 0);
	assert_int_equal(bus_dmamap_load(tag, map[1], buf, 8192, callback, &told[1], 0), EINPROGRESS);
	assert_int_equal(bus_dmamap_load(tag, map[2], buf, 2048, callback, &told[2], 0), EINPROGRESS);
	bus_dmamap_unload(tag, map[1]);
	assert_int_equal(told[1].ncalls, 0);
	assert_int_equal(told[2].ncalls, 1); /* there was room for it all the time */
	assert_int_equal(bus_dmamap_destroy(tag, map[1]), 0);
	bus_dmamap_unload(tag, map[2]);
	assert_int_equal(bus_dmamap_destroy(tag, map[2]), 0);
	drop(tag, map[0]);
	assert_int_equal(told[1].ncalls, 0);
	end();
}

static void test_a_deferred_load_that_cannot_be_is_told(void **state)
{
	struct told told[2] = { { 0 } };
	(void)state;

	start_scarce();
	bus_dma_tag_t tag = tag_of(8192, 1, 8192);
	unsigned char *buf = world_buffer(&world, 8192);
	bus_dmamap_t full = map_of(tag), map = map_of(tag);
	assert_int_equal(bus_dmamap_load(tag, full, buf, 8192, callback, &told[0], 0), 0);
	assert_int_equal(bus_dmamap_load(tag, map, buf, 100, callback, &told[1], 0), EINPROGRESS);
	/* Meanwhile the device is limited so that no stand-in will do. */
	static const struct mete_constraint none = { .first = WORLD_BUS + SMALL_LEN };
	assert_ok(mete_device_limit(&world.device, METE_USE_STREAMING, &none));
	bus_dmamap_unload(tag, full);
	assert_int_equal(told[1].ncalls, 1);
	assert_int_equal(told[1].error, EINVAL);
	assert_int_equal(told[1].nsegs, 0);
	assert_int_equal(bus_dmamap_destroy(tag, full), 0);
	drop(tag, map);
	end();
}

/* A lock function that, as another thread could, unloads or cancels something at that very moment. */
struct meddler {
	bus_dma_tag_t tag;
	bus_dmamap_t map;
	bus_dma_lock_op_t when;
	int depth;
};

static void meddle(void *arg, bus_dma_lock_op_t op)
{
	struct meddler *m = arg;

	m->depth += op == BUS_DMA_LOCK ? 1 : -1;
	if (op == m->when && m->map) {
		bus_dmamap_t map = m->map;
		m->map = NULL;
		bus_dmamap_unload(m->tag, map);
	}
}

static void test_what_is_unloaded_while_a_pump_runs_is_not_missed(void **state)
{
	struct meddler m = { .when = BUS_DMA_UNLOCK };
	struct told told[3] = { { 0 } };
	(void)state;

	start_scarce();
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, ~0u, ~0u, NULL, NULL, 8192, 1, 8192, 0, meddle, &m, &m.tag), 0);
	unsigned char *buf = world_buffer(&world, 8192);
	bus_dmamap_t a = map_of(m.tag), b = map_of(m.tag), c = map_of(m.tag);
	assert_int_equal(bus_dmamap_load(m.tag, a, buf, 2048, callback, &told[0], 0), 0);
	assert_int_equal(bus_dmamap_load(m.tag, b, buf, 2048, callback, &told[1], 0), 0);
	assert_int_equal(bus_dmamap_load(m.tag, c, buf, 8192, callback, &told[2], 0), EINPROGRESS);
	m.map = b; /* unloaded after the turn that `a` makes room for, but not enough */
	bus_dmamap_unload(m.tag, a);
	assert_int_equal(told[2].ncalls, 1);
	assert_int_equal(told[2].error, 0);
	bus_dmamap_unload(m.tag, c);
	assert_int_equal(bus_dmamap_destroy(m.tag, a), 0);
	assert_int_equal(bus_dmamap_destroy(m.tag, b), 0);
	drop(m.tag, c);
	end();
}

static struct meddler *second;

static void under_the_second_lock(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
{
	callback(arg, segs, nsegs, error);
	assert_int_equal(second->depth, 1);
}

static void test_a_callback_runs_under_its_own_lock(void **state)
{
	struct meddler m[2] = { { .when = BUS_DMA_LOCK }, { .when = BUS_DMA_LOCK } };
	struct told told[3] = { { 0 } };
	(void)state;

	start_scarce();
	for (int i = 0; i < 2; i++)
		assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, ~0u, ~0u, NULL, NULL, 8192, 1, 8192, 0, meddle, &m[i],
		    &m[i].tag), 0);
	second = &m[1];
	unsigned char *buf = world_buffer(&world, 8192);
	bus_dmamap_t full = map_of(m[0].tag), first = map_of(m[0].tag), next = map_of(m[1].tag);
	assert_int_equal(bus_dmamap_load(m[0].tag, full, buf, 8192, callback, &told[0], 0), 0);
	assert_int_equal(bus_dmamap_load(m[0].tag, first, buf, 100, callback, &told[1], 0), EINPROGRESS);
	assert_int_equal(bus_dmamap_load(m[1].tag, next, buf, 100, under_the_second_lock, &told[2], 0), EINPROGRESS);
	m[0].map = first; /* cancelled when the pump has its lock at last */
	bus_dmamap_unload(m[0].tag, full);
	assert_int_equal(told[1].ncalls, 0);
	assert_int_equal(told[2].ncalls, 1);
	bus_dmamap_unload(m[1].tag, next);
	assert_int_equal(bus_dmamap_destroy(m[0].tag, full), 0);
	drop(m[0].tag, first);
	drop(m[1].tag, next);
	end();
}

/* What wants more than there is fails when nobody holds anything: at once, or when its turn comes. */
static void test_what_wants_more_than_there_is_does_not_wait_for_ever(void **state)
{
	struct told told[3] = { { 0 } };
	(void)state;

	start_scarce();
	bus_dma_tag_t tag = tag_of(12288, 8, 8192);
	unsigned char *buf = world_buffer(&world, 12288);
	bus_dmamap_t map = map_of(tag), one = map_of(tag), behind = map_of(tag);
	assert_int_equal(bus_dmamap_load(tag, map, buf, 12288, callback, &told[0], 0), ENOMEM);
	assert_int_equal(bus_dmamap_load(tag, one, buf, 2048, callback, &told[1], 0), 0);
	assert_int_equal(bus_dmamap_load(tag, map, buf, 12288, callback, &told[0], 0), EINPROGRESS);
	assert_int_equal(bus_dmamap_load(tag, behind, buf, 2048, callback, &told[2], 0), EINPROGRESS);
	assert_int_equal(told[0].ncalls + told[2].ncalls, 0);
	bus_dmamap_unload(tag, one);
	assert_int_equal(told[0].ncalls, 1);
	assert_int_equal(told[0].error, ENOMEM);
	assert_int_equal(told[0].nsegs, 0);
	assert_int_equal(told[2].ncalls, 1);
	assert_int_equal(told[2].error, 0);
	bus_dmamap_unload(tag, behind);
	assert_int_equal(bus_dmamap_destroy(tag, behind), 0);
	assert_int_equal(bus_dmamap_destroy(tag, one), 0);
	drop(tag, map);
	assert_int_equal(bus.nbusy, 0);
	end();
}

/* The application's own thread pumps, as a software interrupt would: the driver unloads with its lock held. */
struct swi {
	pthread_mutex_t word, lock; /* of the two below; the driver's */
	pthread_cond_t said;
	bool asked, over;
};

static struct swi swi;

static void swi_later(void *ctx)
{
	struct swi *s = ctx;

	pthread_mutex_lock(&s->word);
	s->asked = true;
	pthread_cond_signal(&s->said);
	pthread_mutex_unlock(&s->word);
}

static void *swi_thread(void *arg)
{
	struct swi *s = arg;

	pthread_mutex_lock(&s->word);
	while (!s->over) {
		if (!s->asked) {
			pthread_cond_wait(&s->said, &s->word);
			continue;
		}
		s->asked = false;
		pthread_mutex_unlock(&s->word);
		mete_freebsd_bus_pump(&bus);
		pthread_mutex_lock(&s->word);
	}
	pthread_mutex_unlock(&s->word);
	return NULL;
}

static void swi_lock(void *arg, bus_dma_lock_op_t op)
{
	pthread_mutex_t *lock = arg;

	if (op == BUS_DMA_LOCK)
		pthread_mutex_lock(lock);
	else
		pthread_mutex_unlock(lock);
}

/* Where the guard is the platform's lock. */
static pthread_mutex_t guard_mutex = PTHREAD_MUTEX_INITIALIZER;

static void guard_take(void *ctx)
{
	(void)ctx;
	pthread_mutex_lock(&guard_mutex);
}

static void guard_drop(void *ctx)
{
	(void)ctx;
	pthread_mutex_unlock(&guard_mutex);
}

static void swi_loaded(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
{
	bool *loaded = arg;
	(void)segs;

	if (error == 0 && nsegs == 1)
		*loaded = true;
}

static void test_another_thread_runs_callbacks_under_the_lock(void **state)
{
	enum { NMAPS = 8, NROUNDS = 2000 };
	bus_dmamap_t map[NMAPS];
	bool loaded[NMAPS] = { false }, busy[NMAPS] = { false };
	pthread_t thread;
	bus_dma_tag_t tag;
	int ndeferred_loads = 0, nserved = 0;
	(void)state;

	if (METE_GUARD == 0)
		return; /* built for one thread */
	start_scarce();
	world.small.arena.provider.hooks.lock = guard_take;
	world.small.arena.provider.hooks.unlock = guard_drop;
	assert_ok(mete_freebsd_bus_fini(&bus));
	assert_ok(mete_freebsd_bus_init(&bus, &world.device, swi_later, &swi));
	memset(&swi, 0, sizeof swi);
	pthread_mutex_init(&swi.word, NULL);
	pthread_mutex_init(&swi.lock, NULL);
	pthread_cond_init(&swi.said, NULL);
	assert_int_equal(pthread_create(&thread, NULL, swi_thread, &swi), 0);
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, 4096, 1, 4096, 0,
	    swi_lock, &swi.lock, &tag), 0);
	unsigned char *buf = world_buffer(&world, 4096);
	for (int i = 0; i < NMAPS; i++)
		map[i] = map_of(tag);
	for (int round = 0; round < NROUNDS;) {
		pthread_mutex_lock(&swi.lock);
		for (int i = 0; i < NMAPS; i++) {
			if (busy[i] && loaded[i]) {
				bus_dmamap_unload(tag, map[i]);
				busy[i] = loaded[i] = false;
				nserved++;
				round++;
			} else if (!busy[i]) {
				int error = bus_dmamap_load(tag, map[i], buf, i % 2 ? 4096 : 100, swi_loaded, &loaded[i], 0);
				busy[i] = error == 0 || error == EINPROGRESS;
				ndeferred_loads += error == EINPROGRESS;
			}
		}
		pthread_mutex_unlock(&swi.lock);
	}
	/* The rest is cancelled or unloaded. */
	pthread_mutex_lock(&swi.lock);
	for (int i = 0; i < NMAPS; i++) {
		bus_dmamap_unload(tag, map[i]);
		assert_int_equal(bus_dmamap_destroy(tag, map[i]), 0);
	}
	pthread_mutex_unlock(&swi.lock);
	pthread_mutex_lock(&swi.word);
	swi.over = true;
	pthread_cond_signal(&swi.said);
	pthread_mutex_unlock(&swi.word);
	pthread_join(thread, NULL);
	pthread_mutex_destroy(&swi.word);
	pthread_mutex_destroy(&swi.lock);
	pthread_cond_destroy(&swi.said);
	assert_true(ndeferred_loads > 0 && nserved >= NROUNDS);
	assert_int_equal(bus.nbusy, 0);
	assert_int_equal(bus_dma_tag_destroy(tag), 0);
	end();
}

static int nlater;

static void later(void *ctx)
{
	assert_ptr_equal(ctx, &world);
	nlater++;
}

static void test_the_application_may_run_callbacks_itself(void **state)
{
	struct told told[2] = { { 0 } };
	(void)state;

	start_scarce();
	assert_ok(mete_freebsd_bus_fini(&bus));
	assert_ok(mete_freebsd_bus_init(&bus, &world.device, later, &world));
	nlater = 0;
	bus_dma_tag_t tag = tag_of(8192, 1, 8192);
	unsigned char *buf = world_buffer(&world, 8192);
	bus_dmamap_t full = map_of(tag), map = map_of(tag);
	assert_int_equal(bus_dmamap_load(tag, full, buf, 8192, callback, &told[0], 0), 0);
	assert_int_equal(bus_dmamap_load(tag, map, buf, 100, callback, &told[1], 0), EINPROGRESS);
	assert_int_equal(nlater, 0);
	bus_dmamap_unload(tag, full);
	assert_int_equal(nlater, 1);
	assert_int_equal(told[1].ncalls, 0);
	assert_int_equal(mete_freebsd_bus_pump(&bus), 1);
	assert_int_equal(told[1].ncalls, 1);
	assert_int_equal(mete_freebsd_bus_pump(&bus), 0);
	bus_dmamap_unload(tag, map);
	assert_int_equal(nlater, 1); /* nobody waited */
	assert_int_equal(bus_dmamap_destroy(tag, full), 0);
	drop(tag, map);
	end();
}

/* A callback that unloads at once lets the next one run, after it and not inside it. */
struct chain {
	bus_dma_tag_t tag;
	bus_dmamap_t map;
	int ncalls, depth;
};

static int chain_depth;

static void unload_at_once(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
{
	struct chain *chain = arg;
	(void)segs;
	(void)nsegs;

	assert_int_equal(error, 0);
	chain->depth = ++chain_depth;
	chain->ncalls++;
	bus_dmamap_unload(chain->tag, chain->map);
	chain_depth--;
}

static void test_callbacks_do_not_nest(void **state)
{
	struct chain chain[3];
	struct told told = { 0 };
	(void)state;

	start_scarce();
	bus_dma_tag_t tag = tag_of(8192, 1, 8192);
	unsigned char *buf = world_buffer(&world, 8192);
	bus_dmamap_t full = map_of(tag);
	chain_depth = 0;
	assert_int_equal(bus_dmamap_load(tag, full, buf, 8192, callback, &told, 0), 0);
	for (int i = 0; i < 3; i++) {
		chain[i] = (struct chain){ tag, map_of(tag), 0, 0 };
		assert_int_equal(bus_dmamap_load(tag, chain[i].map, buf, 8192, unload_at_once, &chain[i], 0), EINPROGRESS);
	}
	bus_dmamap_unload(tag, full);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(chain[i].ncalls, 1);
		assert_int_equal(chain[i].depth, 1);
		assert_int_equal(bus_dmamap_destroy(tag, chain[i].map), 0);
	}
	drop(tag, full);
	end();
}

/* A packet of three mbufs, one of them empty, is loaded as one object. */
static void test_mbufs_and_uios_are_loaded(void **state)
{
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		static unsigned char seen[5000];
		struct told told = { 0 };
		bus_dma_segment_t segs[8];
		int nsegs = 0;
		start(ways[w]);
		bus_dma_tag_t tag = tag_of(8192, 8, 4096), small = tag_of(4999, 8, 4096), narrow = tag_of(8192, 1, 512);
		bus_dmamap_t map = map_of(tag), small_map = map_of(small), narrow_map = map_of(narrow);
		unsigned char *buf = world_buffer(&world, 3 * 4096);
		fill(buf, 2000, 1);
		fill(buf + 4096, 3000, 2);
		struct mbuf m[3] = {
			{ .m_next = &m[1], .m_data = (caddr_t)buf, .m_len = 2000, .m_flags = M_PKTHDR, .m_pkthdr = { 5000 } },
			{ .m_next = &m[2] },
			{ .m_data = (caddr_t)buf + 4096, .m_len = 3000 },
		};
		assert_int_equal(bus_dmamap_load_mbuf_sg(tag, map, &m[0], segs, &nsegs, 0), 0);
		assert_int_equal(total(segs, nsegs), 5000);
		bus_dmamap_sync(tag, map, BUS_DMASYNC_PREWRITE);
		device_gets(segs, nsegs, seen);
		assert_true(filled(seen, 2000, 1) && filled(seen + 2000, 3000, 2));
		bus_dmamap_unload(tag, map);

		assert_int_equal(bus_dmamap_load_mbuf(tag, map, &m[0], callback2, &told, 0), 0);
		assert_int_equal(told.mapsize, 5000);
		assert_int_equal(total(told.segs, told.nsegs), 5000);
		bus_dmamap_unload(tag, map);

		struct iovec iov[2] = { { buf, 2000 }, { buf + 4096, 4000 } };
		struct uio uio = { .uio_iov = iov, .uio_iovcnt = 2, .uio_resid = 5000 };
		assert_int_equal(bus_dmamap_load_uio(tag, map, &uio, callback2, &told, 0), 0);
		assert_int_equal(told.mapsize, 5000);
		device_gets(told.segs, told.nsegs, seen);
		assert_true(filled(seen, 2000, 1) && filled(seen + 2000, 3000, 2));
		bus_dmamap_unload(tag, map);

		/* Longer than the tag allows, empty, and in too many segments. */
		told.ncalls = 0;
		nsegs = 4711;
		assert_int_equal(bus_dmamap_load_mbuf_sg(small, small_map, &m[0], segs, &nsegs, 0), EINVAL);
		assert_int_equal(bus_dmamap_load_mbuf(small, small_map, &m[0], callback2, &told, 0), EINVAL);
		assert_int_equal(bus_dmamap_load_mbuf_sg(tag, map, &m[1], segs, &nsegs, 0), 0);
		bus_dmamap_unload(tag, map);
		nsegs = 4711;
		m[1].m_next = NULL;
		assert_int_equal(bus_dmamap_load_mbuf_sg(tag, map, &m[1], segs, &nsegs, 0), EINVAL);
		assert_int_equal(bus_dmamap_load_mbuf_sg(narrow, narrow_map, &m[0], segs, &nsegs, 0), EFBIG);
		assert_int_equal(nsegs, 4711);
		assert_int_equal(told.ncalls, 0);
		assert_int_equal(bus_dmamap_load_mbuf(narrow, narrow_map, &m[0], callback2, &told, 0), EFBIG);
		assert_int_equal(told.ncalls, 1);
		assert_int_equal(told.error, EFBIG);
		uio.uio_resid = -1;
		assert_int_equal(bus_dmamap_load_uio(tag, map, &uio, callback2, &told, 0), EINVAL);
		uio.uio_resid = 100;
		uio.uio_iovcnt = -1;
		assert_int_equal(bus_dmamap_load_uio(tag, map, &uio, callback2, &told, 0), EINVAL);
		drop(tag, map);
		drop(small, small_map);
		drop(narrow, narrow_map);
		end();
	}
}

static void test_mbuf_and_uio_loads_are_never_deferred(void **state)
{
	struct told told = { 0 };
	bus_dma_segment_t seg;
	int nsegs;
	(void)state;

	start_scarce();
	bus_dma_tag_t tag = tag_of(8192, 1, 8192);
	unsigned char *buf = world_buffer(&world, 8192);
	bus_dmamap_t full = map_of(tag), map = map_of(tag);
	assert_int_equal(bus_dmamap_load(tag, full, buf, 8192, callback, &told, 0), 0);
	struct mbuf m = { .m_data = (caddr_t)buf, .m_len = 100 };
	struct iovec iov = { buf, 100 };
	struct uio uio = { .uio_iov = &iov, .uio_iovcnt = 1, .uio_resid = 100 };
	assert_int_equal(bus_dmamap_load_mbuf_sg(tag, map, &m, &seg, &nsegs, BUS_DMA_WAITOK), ENOMEM);
	assert_int_equal(bus_dmamap_load_mbuf(tag, map, &m, callback2, &told, BUS_DMA_WAITOK), ENOMEM);
	assert_int_equal(bus_dmamap_load_uio(tag, map, &uio, callback2, &told, BUS_DMA_WAITOK), ENOMEM);
	assert_int_equal(told.ncalls, 1);
	assert_int_equal(mete_freebsd_bus_waiting(&bus), 0);
	bus_dmamap_unload(tag, full);
	assert_int_equal(bus_dmamap_destroy(tag, full), 0);
	drop(tag, map);
	end();
}

static void test_memory_is_within_every_limit(void **state)
{
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		struct told told = { 0 };
		bus_dma_tag_t tag = NULL;
		bus_dmamap_t map = NULL;
		void *ring = NULL;
		unsigned char seen[16384];
		start(ways[w]);
		/* 16 KiB that may not straddle a multiple of 8 KiB: two segments, wherever memory would be handed out. */
		bus_dma_tag_t odd = tag_of(4096, 1, 4096);
		bus_dmamap_t odd_map;
		void *odd_frame;
		assert_int_equal(bus_dmamem_alloc(odd, &odd_frame, BUS_DMA_NOWAIT, &odd_map), 0);
		assert_int_equal(bus_dma_tag_create(bus.tag, 1, 8192, BUS_SPACE_MAXADDR_32BIT, BUS_SPACE_MAXADDR, NULL, NULL,
		    16384, 2, 16384, 0, NULL, NULL, &tag), 0);
		memset(world.small.memory, 0xa5, SMALL_LEN);
		assert_int_equal(bus_dmamem_alloc(tag, &ring, BUS_DMA_NOWAIT | BUS_DMA_ZERO | BUS_DMA_COHERENT, &map), 0);
		assert_int_equal(bus_dmamap_load(tag, map, ring, 16384, callback, &told, 0), 0);
		assert_int_equal(told.nsegs, 2);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(told.segs[i].ds_len, 8192);
			assert_int_equal(told.segs[i].ds_addr % 8192, 0);
		}
		device_gets(told.segs, told.nsegs, seen);
		for (size_t i = 0; i < sizeof seen; i++)
			assert_int_equal(seen[i], 0);
		/* CPU and device see the same bytes, without a stand-in. */
		fill(ring, 16384, 9);
		device_gets(told.segs, told.nsegs, seen);
		assert_true(filled(seen, sizeof seen, 9));
		bus_dmamap_sync(tag, map, BUS_DMASYNC_PREREAD);
		assert_int_equal(bus_dmamap_destroy(tag, map), EINVAL); /* bus_dmamem_free does that */
		bus_dmamap_unload(tag, map);
		/* A part of it, at an offset; and nothing else. */
		assert_int_equal(bus_dmamap_load(tag, map, (char *)ring + 8000, 384, callback, &told, 0), 0);
		assert_int_equal(told.nsegs, 2);
		assert_int_equal(told.segs[0].ds_len, 192);
		bus_dmamap_unload(tag, map);
		assert_int_equal(bus_dmamap_load(tag, map, (char *)ring + 16384, 1, callback, &told, 0), EINVAL);
		assert_int_equal(bus_dmamap_load(tag, map, (char *)ring + 1, 16384, callback, &told, 0), EINVAL);
		assert_int_equal(bus_dmamap_load(tag, map, (char *)ring - 1, 2, callback, &told, 0), EINVAL);
		assert_int_equal(bus_dma_tag_destroy(tag), EBUSY);
		unsigned long bad = bad_arguments();
		bus_dmamem_free(tag, (char *)ring + 1, map);
		bus_dmamem_free(tag, ring, NULL);
		assert_int_equal(bad_arguments() - bad, 2);
		/* Freed while loaded: it is unloaded. */
		assert_int_equal(bus_dmamap_load(tag, map, ring, 16384, callback, &told, 0), 0);
		bus_dmamem_free(tag, ring, map);
		bus_dmamem_free(odd, odd_frame, odd_map);
		assert_int_equal(bus_dma_tag_destroy(odd), 0);
		assert_int_equal(bus_dma_tag_destroy(tag), 0);
		end();
	}
}

static void test_memory_that_cannot_be_had_is_refused(void **state)
{
	static const struct {
		const char *why;
		bus_size_t alignment, boundary, lowaddr, maxsize;
		int nsegments;
		bus_size_t maxsegsz;
	} rows[] = {
		{ "more than there is", 1, 0, BUS_SPACE_MAXADDR, 2 * SMALL_LEN, 1, BUS_SPACE_MAXSIZE },
		{ "more than there ever is", 1, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXSIZE, 1, BUS_SPACE_MAXSIZE },
		{ "too many segments for their length", 1, 0, BUS_SPACE_MAXADDR, 8192, 1, 4096 },
		{ "too many segments for the boundary", 1, 4096, BUS_SPACE_MAXADDR, 8192, 1, 8192 },
		{ "no memory that low", 1, 0, WORLD_BUS - 1, 4096, 1, 4096 },
	};
	bus_dma_tag_t tag = NULL;
	bus_dmamap_t map = NULL;
	void *ring = NULL;
	(void)state;

	start(WORLD_DIRECT);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_row(bus_dma_tag_create(bus.tag, rows[i].alignment, rows[i].boundary, rows[i].lowaddr, BUS_SPACE_MAXADDR,
		    NULL, NULL, rows[i].maxsize, rows[i].nsegments, rows[i].maxsegsz, 0, NULL, NULL, &tag) == 0, i,
		    rows[i].why);
		assert_row(bus_dmamem_alloc(tag, &ring, BUS_DMA_NOWAIT, &map) == ENOMEM, i, rows[i].why);
		assert_row(!ring && !map && bus_dma_tag_destroy(tag) == 0, i, rows[i].why);
	}
	tag = tag_of(4096, 1, 4096);
	world.small.fail_takes = 0;
	assert_int_equal(bus_dmamem_alloc(tag, &ring, 0, &map), ENOMEM); /* there is nobody to wait for */
	world.small.fail_takes = SIZE_MAX;
	assert_int_equal(bus_dmamem_alloc(tag, NULL, 0, &map), EINVAL);
	assert_int_equal(bus_dma_tag_destroy(tag), 0);
	end();
}

/* Coherent and uncached memory are hints: an arena without either gives what it has. */
static void test_kinds_of_memory_are_hints(void **state)
{
	static const int hints[] = { 0, BUS_DMA_COHERENT, BUS_DMA_NOCACHE, BUS_DMA_COHERENT | BUS_DMA_NOCACHE };
	(void)state;

	start(WORLD_DIRECT);
	bus_dma_tag_t tag = tag_of(100, 1, 100);
	for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
		bus_dmamap_t map;
		void *cpu;
		assert_int_equal(bus_dmamem_alloc(tag, &cpu, BUS_DMA_NOWAIT | hints[i], &map), 0);
		bus_dmamem_free(tag, cpu, map);
	}
	assert_int_equal(bus_dma_tag_destroy(tag), 0);
	end();
}

/* On a device that is not coherent, memory that is not either is synced without a stand-in. */
static int ncache[3];

static void count_cache(void *ctx, enum mete_cache op, void *cpu, mete_paddr phys, size_t len)
{
	(void)ctx;
	(void)cpu;
	(void)phys;
	assert_int_equal(len % 64, 0);
	ncache[op]++;
}

static void test_memory_that_is_not_coherent_is_synced(void **state)
{
	struct told told = { 0 };
	bus_dmamap_t map;
	void *cpu;
	(void)state;

	start(WORLD_DIRECT);
	world.small.ops.cache = count_cache;
	world.device.noncoherent = true;
	bus_dma_tag_t tag = tag_of(4096, 1, 4096);
	assert_int_equal(bus_dmamem_alloc(tag, &cpu, BUS_DMA_NOWAIT, &map), 0);
	assert_int_equal(bus_dmamap_load(tag, map, cpu, 4096, callback, &told, 0), 0);
	memset(ncache, 0, sizeof ncache);
	bus_dmamap_sync(tag, map, BUS_DMASYNC_PREWRITE);
	assert_true(ncache[METE_CACHE_CLEAN] + ncache[METE_CACHE_CLEAN_INVALIDATE] == 1);
	memset(ncache, 0, sizeof ncache);
	bus_dmamap_sync(tag, map, BUS_DMASYNC_POSTREAD);
	assert_true(ncache[METE_CACHE_INVALIDATE] == 1);
	bus_dmamap_unload(tag, map);
	bus_dmamem_free(tag, cpu, map);
	assert_int_equal(bus_dma_tag_destroy(tag), 0);
	end();
}

/* A tag for any number of segments: parts of frames at both ends are room enough for one buffer. */
static void test_unrestricted_tags_have_room_for_a_buffer(void **state)
{
	struct told told = { 0 };
	bus_dmamap_t map = NULL;
	(void)state;

	start(WORLD_DIRECT);
	bus_dma_tag_t tag = tag_of(8192, BUS_SPACE_UNRESTRICTED, 4096), huge = tag_of(BUS_SPACE_MAXSIZE,
	    BUS_SPACE_UNRESTRICTED, BUS_SPACE_MAXSIZE);
	assert_int_equal(bus_dmamap_create(huge, 0, &map), EINVAL);
	map = map_of(tag);
	assert_int_equal(bus_dmamap_load(tag, map, world_buffer(&world, 8192), 8192, callback, &told, 0), 0);
	assert_int_equal(told.nsegs, 2);
	drop(tag, map);
	assert_int_equal(bus_dma_tag_destroy(huge), 0);
	end();
}

/* A template begins without limits, and a tag made of a clone does what its original does. */
static void test_templates_are_tags_by_name(void **state)
{
	struct told told = { 0 };
	bus_dma_tag_t tag = NULL, copy = NULL;
	bus_dma_template_t t;
	(void)state;

	start_scarce();
	bus_dma_template_init(&t, bus.tag);
	assert_ptr_equal(t.parent, bus.tag);
	assert_true(t.alignment == 1 && t.boundary == 0 && t.lowaddr == BUS_SPACE_MAXADDR &&
	    t.highaddr == BUS_SPACE_MAXADDR && t.maxsize == BUS_SPACE_MAXSIZE && t.nsegments == BUS_SPACE_UNRESTRICTED &&
	    t.maxsegsize == BUS_SPACE_MAXSIZE && t.flags == 0 && !t.lockfunc && !t.lockfuncarg && !t.name);
	BUS_DMA_TEMPLATE_FILL(&t, BD_ALIGNMENT(64), BD_BOUNDARY(4096), BD_MAXSIZE(8192), BD_NSEGMENTS(4),
	    BD_MAXSEGSIZE(2048), BD_LOCKFUNC(lockfunc), BD_LOCKFUNCARG(&lock_depth), BD_NAME("buffers"));
	assert_int_equal(bus_dma_template_tag(&t, &tag), 0);
	bus_dma_template_init(&t, NULL);
	assert_int_equal(bus_dma_template_tag(&t, &copy), EINVAL);
	bus_dma_template_clone(&t, tag);
	assert_true(t.parent == bus.tag && t.alignment == 64 && t.boundary == 4096 && t.maxsize == 8192 &&
	    t.nsegments == 4 && t.maxsegsize == 2048 && t.lockfunc == lockfunc && t.lockfuncarg == &lock_depth);
	assert_int_equal(bus_dma_template_tag(&t, &copy), 0);

	/* The copy's limits and lock function are the original's. */
	bus_dmamap_t full = map_of(tag), map = map_of(copy);
	unsigned char *buf = world_buffer(&world, 8192);
	assert_int_equal(bus_dmamap_load(tag, full, buf, 8192, callback, &told, 0), 0);
	assert_int_equal(told.nsegs, 4);
	assert_int_equal(bus_dmamap_load(copy, map, buf, 8192, callback, &told, 0), EINPROGRESS);
	bus_dmamap_unload(tag, full);
	assert_int_equal(told.ncalls, 2);
	assert_int_equal(told.nsegs, 4);
	assert_int_equal(lock_most, 1);
	bus_dmamap_unload(copy, map);
	assert_int_equal(bus_dmamap_destroy(copy, map), 0);
	assert_int_equal(bus_dmamap_destroy(tag, full), 0);
	assert_int_equal(bus_dma_tag_destroy(tag), 0);

	BUS_DMA_TEMPLATE_FILL(&t, BD_PARENT(copy), BD_FLAGS(BUS_DMA_ALLOCNOW), BD_LOWADDR(1), BD_HIGHADDR(2));
	assert_true(t.parent == copy && t.flags == BUS_DMA_ALLOCNOW && t.lowaddr == 1 && t.highaddr == 2);
	bus_dma_param_t unknown = { .key = (bus_dma_param_key_t)99, .num = 7 };
	bus_dma_template_fill(&t, &unknown, 1);
	assert_true(t.alignment == 64 && t.lowaddr == 1);
	assert_int_equal(bus_dma_tag_destroy(copy), 0);
	end();
}

/* A driver may have functions of these names, or does not compile; it never gets something that does not work. */
static int bus_dma_tag_set_domain(void)
{
	return 1;
}

static int bus_dma_id_mapped(void)
{
	return 2;
}

static int bus_get_dma_tag(void)
{
	return 3;
}

static int busdma_lock_mutex(void)
{
	return 4;
}

static int bus_dmamap_load_bio(void)
{
	return 5;
}

static int bus_dmamap_load_ccb(void)
{
	return 6;
}

static int bus_dmamap_load_crp(void)
{
	return 7;
}

static int bus_dmamap_load_mem(void)
{
	return 8;
}

static void test_absent_calls_of_bus_dma_are_not_declared(void **state)
{
	(void)state;

	assert_int_equal(bus_dma_tag_set_domain() + bus_dma_id_mapped() + bus_get_dma_tag() + busdma_lock_mutex() +
	    bus_dmamap_load_bio() + bus_dmamap_load_ccb() + bus_dmamap_load_crp() + bus_dmamap_load_mem(), 36);
}

/*
 * A driver's life: a ring of descriptors in memory of its own, and buffers loaded into it, on a device that adds one to
 * each byte.
 */
struct descriptor {
	uint64_t at;
	uint32_t len, done;
};

struct softc {
	bus_dma_tag_t parent, ring_tag, buf_tag;
	bus_dmamap_t ring_map, buf_map[4];
	struct descriptor *ring;
	bus_addr_t ring_at;
	int nready;
};

static void ring_loaded(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
{
	if (error == 0 && nsegs == 1)
		*(bus_addr_t *)arg = segs[0].ds_addr;
}

static void buf_loaded(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
{
	struct softc *sc = arg;

	assert_int_equal(error, 0);
	assert_int_equal(nsegs, 1);
	sc->ring[sc->nready].at = segs[0].ds_addr;
	sc->ring[sc->nready].len = (uint32_t)segs[0].ds_len;
	sc->ring[sc->nready++].done = 0;
}

static int attach(struct softc *sc)
{
	int error = bus_dma_tag_create(bus.tag, 1, 0, BUS_SPACE_MAXADDR_32BIT, BUS_SPACE_MAXADDR, NULL, NULL,
	    BUS_SPACE_MAXSIZE_32BIT, BUS_SPACE_UNRESTRICTED, BUS_SPACE_MAXSIZE_32BIT, 0, NULL, NULL, &sc->parent);
	if (error)
		return error;
	error = bus_dma_tag_create(sc->parent, 256, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL,
	    4 * sizeof(struct descriptor), 1, 4 * sizeof(struct descriptor), 0, NULL, NULL, &sc->ring_tag);
	if (error)
		return error;
	error = bus_dma_tag_create(sc->parent, 1, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, 2048, 1, 2048, 0,
	    lockfunc, &lock_depth, &sc->buf_tag);
	if (error)
		return error;
	void *ring;
	error = bus_dmamem_alloc(sc->ring_tag, &ring, BUS_DMA_WAITOK | BUS_DMA_ZERO | BUS_DMA_COHERENT, &sc->ring_map);
	if (error)
		return error;
	sc->ring = ring;
	error = bus_dmamap_load(sc->ring_tag, sc->ring_map, ring, 4 * sizeof(struct descriptor), ring_loaded, &sc->ring_at,
	    BUS_DMA_NOWAIT);
	for (int i = 0; !error && i < 4; i++)
		error = bus_dmamap_create(sc->buf_tag, 0, &sc->buf_map[i]);
	return error;
}

static void detach(struct softc *sc)
{
	for (int i = 0; i < 4; i++) {
		bus_dmamap_unload(sc->buf_tag, sc->buf_map[i]);
		assert_int_equal(bus_dmamap_destroy(sc->buf_tag, sc->buf_map[i]), 0);
	}
	bus_dmamap_unload(sc->ring_tag, sc->ring_map);
	bus_dmamem_free(sc->ring_tag, sc->ring, sc->ring_map);
	assert_int_equal(bus_dma_tag_destroy(sc->buf_tag), 0);
	assert_int_equal(bus_dma_tag_destroy(sc->ring_tag), 0);
	assert_int_equal(bus_dma_tag_destroy(sc->parent), 0);
}

static void device_runs(bus_addr_t ring, int n)
{
	for (int i = 0; i < n; i++, ring += sizeof(struct descriptor)) {
		struct descriptor d;
		assert_true(world_read(&world, ring, &d, sizeof d));
		for (uint32_t k = 0; k < d.len; k++) {
			unsigned char byte;
			assert_true(world_read(&world, (mete_baddr)(d.at + k), &byte, 1));
			byte++;
			assert_true(world_write(&world, (mete_baddr)(d.at + k), &byte, 1));
		}
		d.done = 1;
		assert_true(world_write(&world, ring, &d, sizeof d));
	}
}

static void test_a_driver_lives_its_life(void **state)
{
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		struct softc sc = { 0 };
		start(ways[w]);
		assert_int_equal(attach(&sc), 0);
		assert_int_equal(sc.ring_at % 256, 0);
		unsigned char *buf[4];
		for (int i = 0; i < 4; i++) {
			buf[i] = (unsigned char *)world_buffer(&world, 2048) + i;
			memset(buf[i], i * 10, 1000);
			assert_int_equal(bus_dmamap_load(sc.buf_tag, sc.buf_map[i], buf[i], 1000, buf_loaded, &sc, 0), 0);
			bus_dmamap_sync(sc.buf_tag, sc.buf_map[i], BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE);
		}
		bus_dmamap_sync(sc.ring_tag, sc.ring_map, BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE);
		device_runs(sc.ring_at, sc.nready);
		bus_dmamap_sync(sc.ring_tag, sc.ring_map, BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE);
		for (int i = 0; i < 4; i++) {
			assert_int_equal(sc.ring[i].done, 1);
			bus_dmamap_sync(sc.buf_tag, sc.buf_map[i], BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE);
			for (int k = 0; k < 1000; k++)
				assert_int_equal(buf[i][k], i * 10 + 1);
		}
		detach(&sc);
		assert_int_equal(bad_arguments(), 0);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data_moves_both_ways),
		cmocka_unit_test(test_each_sync_operation_moves_what_it_says),
		cmocka_unit_test(test_null_maps_are_left_alone),
		cmocka_unit_test(test_impossible_tags_are_refused),
		cmocka_unit_test(test_filters_are_refused),
		cmocka_unit_test(test_tags_and_maps_in_use_stay),
		cmocka_unit_test(test_limits_come_from_the_whole_chain),
		cmocka_unit_test(test_the_window_is_from_lowaddr_to_highaddr),
		cmocka_unit_test(test_stand_ins_beyond_the_window_are_refused),
		cmocka_unit_test(test_a_misaligned_start_is_replaced),
		cmocka_unit_test(test_what_cannot_be_loaded_is_not),
		cmocka_unit_test(test_an_iommu_that_fails_is_told),
		cmocka_unit_test(test_nowrite_is_for_reading),
		cmocka_unit_test(test_deferred_loads_are_served_first_come_first_served),
		cmocka_unit_test(test_loads_wait_for_iova_too),
		cmocka_unit_test(test_what_may_not_be_deferred_fails),
		cmocka_unit_test(test_a_deferred_load_can_be_cancelled),
		cmocka_unit_test(test_a_deferred_load_that_cannot_be_is_told),
		cmocka_unit_test(test_what_is_unloaded_while_a_pump_runs_is_not_missed),
		cmocka_unit_test(test_a_callback_runs_under_its_own_lock),
		cmocka_unit_test(test_what_wants_more_than_there_is_does_not_wait_for_ever),
		cmocka_unit_test(test_another_thread_runs_callbacks_under_the_lock),
		cmocka_unit_test(test_the_application_may_run_callbacks_itself),
		cmocka_unit_test(test_callbacks_do_not_nest),
		cmocka_unit_test(test_mbufs_and_uios_are_loaded),
		cmocka_unit_test(test_mbuf_and_uio_loads_are_never_deferred),
		cmocka_unit_test(test_memory_is_within_every_limit),
		cmocka_unit_test(test_memory_that_cannot_be_had_is_refused),
		cmocka_unit_test(test_kinds_of_memory_are_hints),
		cmocka_unit_test(test_memory_that_is_not_coherent_is_synced),
		cmocka_unit_test(test_unrestricted_tags_have_room_for_a_buffer),
		cmocka_unit_test(test_templates_are_tags_by_name),
		cmocka_unit_test(test_absent_calls_of_bus_dma_are_not_declared),
		cmocka_unit_test(test_a_driver_lives_its_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
