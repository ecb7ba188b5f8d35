/* SPDX-License-Identifier: ISC */
/*
 * FreeBSD's bus_dma(9) as a driver calls it, from the native header, in each way of mapping, with a device that only
 * knows bus addresses: loads of buffers, syncs, memory.
 */
#include "busdma_world.h"

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

/* Memory that another face, or the application, freed: the free is counted, and what is left of the map goes. */
static void test_memory_that_others_freed_leaves_nothing(void **state)
{
	struct told told = { 0 };
	bus_dmamap_t map;
	void *cpu;
	(void)state;

	start(WORLD_DIRECT);
	bus_dma_tag_t tag = tag_of(4096, 1, 4096);
	assert_int_equal(bus_dmamem_alloc(tag, &cpu, BUS_DMA_NOWAIT, &map), 0);
	assert_int_equal(bus_dmamap_load(tag, map, cpu, 4096, callback, &told, 0), 0);
	assert_ok(mete_device_free(&world.device, cpu, 4096));
	assert_int_equal(bus_dma_tag_destroy(tag), EBUSY);
	unsigned long bad = bad_arguments();
	bus_dmamem_free(tag, cpu, map);
	assert_true(bad_arguments() > bad);
	assert_int_equal(bus_dma_tag_destroy(tag), 0);
	end();
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
		cmocka_unit_test(test_what_cannot_be_loaded_is_not),
		cmocka_unit_test(test_an_iommu_that_fails_is_told),
		cmocka_unit_test(test_nowrite_is_for_reading),
		cmocka_unit_test(test_memory_is_within_every_limit),
		cmocka_unit_test(test_memory_that_others_freed_leaves_nothing),
		cmocka_unit_test(test_memory_that_cannot_be_had_is_refused),
		cmocka_unit_test(test_kinds_of_memory_are_hints),
		cmocka_unit_test(test_memory_that_is_not_coherent_is_synced),
		cmocka_unit_test(test_a_driver_lives_its_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
