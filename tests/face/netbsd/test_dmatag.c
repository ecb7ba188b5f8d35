/* SPDX-License-Identifier: ISC */
/*
 * What NetBSD's bus_dma(9) has and OpenBSD's has not: tags for a part of the bus, and segments that a driver shortens.
 */
#include "support.h"

#include <sys/bus.h>

#include "bus_world.h"

#define NATIVE_EINVAL 22

static struct bus_world world;
static struct mete_netbsd_tag whole;

static void start(enum world_way way)
{
	world_start(&world, way);
	assert_ok(mete_netbsd_tag_init(&whole, &world.device));
}

static void test_a_subregion_limits_memory_and_maps(void **state)
{
	const bus_addr_t last = WORLD_BUS + WORLD_NEAR - 1;
	bus_dma_tag_t tag, inner;
	bus_dma_segment_t seg;
	bus_dmamap_t map;
	void *kva;
	int nsegs;
	(void)state;

	start(WORLD_DIRECT);
	assert_int_equal(bus_dmatag_subregion(&whole, WORLD_BUS + 4096, last, &tag, BUS_DMA_WAITOK), 0);
	assert_int_equal(bus_dmamap_create(tag, 8192, 2, 8192, 0, BUS_DMA_NOWAIT, &map), 0);
	assert_int_equal(bus_dmamap_load(tag, map, world_buffer(&world, 4096), 4096, NULL, 0), NATIVE_EINVAL);
	assert_int_equal(bus_dmamem_alloc(tag, 8192, 0, 0, &seg, 1, &nsegs, BUS_DMA_NOWAIT), 0);
	assert_int_equal(bus_dmamem_map(tag, &seg, nsegs, 8192, &kva, BUS_DMA_NOWAIT), 0);
	assert_int_equal(bus_dmamap_load(tag, map, kva, 8192, NULL, 0), 0);
	assert_true(map->dm_segs[0].ds_addr >= WORLD_BUS + 4096 && map->dm_segs[0].ds_addr + 8191 <= last);
	bus_dmamap_unload(tag, map);
	bus_dmamem_unmap(tag, kva, 8192);
	bus_dmamem_free(tag, &seg, nsegs);
	bus_dmamap_destroy(tag, map);

	/* A part of the part. */
	assert_int_equal(bus_dmatag_subregion(tag, 0, WORLD_BUS + 8191, &inner, BUS_DMA_NOWAIT), 0);
	assert_int_equal(bus_dmamem_alloc(inner, 4096, 0, 0, &seg, 1, &nsegs, BUS_DMA_NOWAIT), 0);
	assert_int_equal(seg.ds_addr, WORLD_BUS + 4096);
	bus_dmamem_free(inner, &seg, nsegs);
	bus_dmatag_destroy(inner);
	bus_dmatag_destroy(tag);
	world_end(&world);
}

static void test_impossible_subregions_are_refused(void **state)
{
	static const struct {
		bus_addr_t min, max;
		const char *why;
	} rows[] = {
		{ 2, 1, "it ends before it starts" }, { 0, WORLD_BUS - 1, "outside the tag" },
		{ WORLD_BUS + 8192, METE_BADDR_MAX, "outside the tag, too" },
	};
	struct mete_netbsd_tag untouched;
	bus_dma_tag_t part, tag = &untouched;
	(void)state;

	start(WORLD_DIRECT);
	assert_int_equal(bus_dmatag_subregion(&whole, WORLD_BUS, WORLD_BUS + 8191, &part, 0), 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_row(bus_dmatag_subregion(part, rows[i].min, rows[i].max, &tag, 0) == NATIVE_EINVAL, i, rows[i].why);
		assert_row(tag == &untouched, i, rows[i].why);
	}
	world.small.fail_records = 0;
	assert_int_equal(bus_dmatag_subregion(&whole, 0, METE_BADDR_MAX, &tag, 0), 12);
	world.small.fail_records = SIZE_MAX;
	bus_dmatag_destroy(part);
	bus_dmatag_destroy(&whole); /* none of bus_dmatag_subregion's: counted */
	assert_int_equal(small_arena_counters(&world.small).bad_argument, 4);
	world_end(&world);
}

static void test_a_driver_may_shorten_segments_for_one_load(void **state)
{
	static const enum world_way ways[] = { WORLD_DIRECT, WORLD_BOUNCE, WORLD_IOVA_WAY, WORLD_CACHES };
	(void)state;

	for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
		bus_dmamap_t map;
		start(ways[w]);
		void *buf = world_buffer(&world, 4096);
		assert_int_equal(bus_dmamap_create(&whole, 4096, 4, 4096, 0, BUS_DMA_NOWAIT, &map), 0);
		assert_int_equal(map->dm_maxsegsz, 4096);
		for (int round = 0; round < 2; round++) {
			map->dm_maxsegsz = 1024;
			assert_int_equal(bus_dmamap_load(&whole, map, buf, 4096, NULL, 0), 0);
			assert_int_equal(map->dm_nsegs, 4);
			bus_dmamap_unload(&whole, map);
			assert_int_equal(map->dm_maxsegsz, 4096);
			assert_int_equal(bus_dmamap_load(&whole, map, buf, 4096, NULL, 0), 0);
			assert_int_equal(map->dm_nsegs, 1);
			bus_dmamap_unload(&whole, map);
		}

		/* A failure does not restore, as nothing was unloaded; the driver may. */
		map->dm_maxsegsz = 1023;
		assert_int_equal(bus_dmamap_load(&whole, map, buf, 4096, NULL, 0), 27);
		map->dm_maxsegsz = 4096;
		assert_int_equal(bus_dmamap_load(&whole, map, buf, 4096, NULL, 0), 0);
		assert_int_equal(map->dm_nsegs, 1);
		bus_dmamap_unload(&whole, map);

		map->dm_maxsegsz = 4097;
		assert_int_equal(bus_dmamap_load(&whole, map, buf, 4096, NULL, 0), NATIVE_EINVAL);
		map->dm_maxsegsz = 0;
		assert_int_equal(bus_dmamap_load(&whole, map, buf, 4096, NULL, 0), NATIVE_EINVAL);
		bus_dmamap_destroy(&whole, map);
		world_end(&world);
	}
}

static void test_combined_memory_is_a_hint(void **state)
{
	bus_dma_segment_t seg;
	int nsegs;
	(void)state;

	start(WORLD_DIRECT); /* its arena has none */
	assert_int_equal(bus_dmamem_alloc(&whole, 4096, 0, 0, &seg, 1, &nsegs, BUS_DMA_NOWAIT | BUS_DMA_PREFETCHABLE), 0);
	bus_dmamem_free(&whole, &seg, nsegs);
	world_end(&world);
}

/* The name of what is absent is free: this definition would clash with a declaration. */
static int bus_dma_tag_create(void)
{
	return 1;
}

static void test_tags_with_overrides_are_not_declared(void **state)
{
	(void)state;
	assert_int_equal(bus_dma_tag_create(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_subregion_limits_memory_and_maps),
		cmocka_unit_test(test_impossible_subregions_are_refused),
		cmocka_unit_test(test_a_driver_may_shorten_segments_for_one_load),
		cmocka_unit_test(test_combined_memory_is_a_hint),
		cmocka_unit_test(test_tags_with_overrides_are_not_declared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
