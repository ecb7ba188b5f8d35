/* SPDX-License-Identifier: ISC */
/*
 * Memory of bus_dma(9) as a driver of OpenBSD or NetBSD gets it, sees it, loads it and frees it.
 */
#include "support.h"

#include "bsd_face.h"

/* OpenBSD's load_raw differs from its other loads, NetBSD's does not. */
#define TOO_MANY_RAW (METE_FACE == 3 ? EINVAL_ : EFBIG_)

static void test_dma_memory_is_allocated_mapped_and_loaded(void **state)
{
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		bus_dma_segment_t seg[2];
		kva_type view = NULL;
		int nsegs = 0;
		unsigned char seen;
		start(ways[w]);
		memset(world.small.memory + WORLD_NEAR, 0xa5, SMALL_LEN - WORLD_NEAR);
		assert_int_equal(bus_dmamem_alloc(tag, 5000, 16384, 0, seg, 2, &nsegs, BUS_DMA_NOWAIT | BUS_DMA_ZERO), 0);
		assert_int_equal(nsegs, 1);
		assert_int_equal(seg[0].ds_len, 8192);
		assert_int_equal(seg[0].ds_addr % 16384, 0);
		assert_int_equal(bus_dmamem_map(tag, seg, nsegs, 5000, &view, BUS_DMA_NOWAIT | BUS_DMA_COHERENT), 0);
		char *kva = (char *)view;
		if (!BUS_DMA_ZERO)
			memset(kva, 0, 8192);
		for (size_t i = 0; i < 8192; i++)
			assert_int_equal(kva[i], 0);
		kva[7] = 'x';
		bus_dmamap_t map = create(5000, 4, 5000, 0);
		assert_int_equal(bus_dmamap_load(tag, map, kva, 5000, NULL, BUS_DMA_NOWAIT), 0);
		bus_dmamap_sync(tag, map, 0, 5000, BUS_DMASYNC_PREWRITE);
		assert_true(world_read(&world, map->dm_segs[0].ds_addr + 7, &seen, 1));
		assert_int_equal(seen, 'x');
		bus_dmamap_unload(tag, map);
		assert_int_equal(bus_dmamap_load_raw(tag, map, seg, nsegs, 5000, BUS_DMA_NOWAIT), 0);
		assert_int_equal(map->dm_mapsize, 5000);
		bus_dmamap_sync(tag, map, 0, 5000, BUS_DMASYNC_PREWRITE);
		assert_true(world_read(&world, map->dm_segs[0].ds_addr + 7, &seen, 1));
		assert_int_equal(seen, 'x');
		bus_dmamap_unload(tag, map);
		bus_dmamap_destroy(tag, map);
		mete_paddr phys = bus_dmamem_mmap(tag, seg, nsegs, 4096, 0, 0);
		assert_ptr_equal(world.small.memory + (phys - SMALL_PHYS), kva + 4096);
		bus_dmamem_unmap(tag, kva, 5000);
		bus_dmamem_free(tag, seg, nsegs);
		assert_int_equal(bad_arguments(), 0);
		end();
	}
}

static void test_impossible_memory_is_not_allocated(void **state)
{
	static const struct {
		bus_size_t size, alignment, boundary;
		int nsegs, error;
		const char *why;
	} rows[] = {
		{ 0, 1, 0, 1, EINVAL_, "nothing" },
		{ 4096, 3000, 0, 1, EINVAL_, "no power of two" },
		{ 4096, 8192 + 4096, 0, 1, EINVAL_, "no power of two above a page" },
		{ 4096, 1, 2048, 1, EINVAL_, "a boundary below the size" },
		{ 4097, 1, 4096, 1, EINVAL_, "a boundary below the size in pages" },
		{ 8192, 1, 12288, 1, EINVAL_, "a boundary that is no power of two" },
		{ 4096, 1, 0, 0, EINVAL_, "no room for a segment" },
		{ METE_BADDR_MAX, 1, 0, 1, EINVAL_, "too long to be rounded" },
		{ 2 * SMALL_LEN, 1, 0, 1, ENOMEM_, "more than there is" },
		{ 2 * SMALL_LEN, 1, 0, 4, ENOMEM_, "more than there is, in pieces" },
		{ 4096, 0x20000000, 0, 1, ENOMEM_, "no such address" },
	};
	bus_dma_segment_t seg[4] = { { 1, 2, NULL } };
	int nsegs = 77;
	(void)state;

	start(WORLD_DIRECT);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int error = bus_dmamem_alloc(tag, rows[i].size, rows[i].alignment, rows[i].boundary, seg, rows[i].nsegs,
		    &nsegs, BUS_DMA_NOWAIT);
		assert_row(error == rows[i].error, i, rows[i].why);
		assert_row(nsegs == 77 && seg[0].ds_addr == 1 && seg[0].ds_len == 2, i, rows[i].why);
	}
	assert_int_equal(bus_dmamem_alloc(tag, 2 * SMALL_LEN, 1, 0, seg, 1, &nsegs, BUS_DMA_WAITOK), ENOMEM_);
	end();
}

static void test_kinds_of_memory_are_hints(void **state)
{
	static const int flags[] = { 0, BUS_DMA_COHERENT, BUS_DMA_NOCACHE, BUS_DMA_COHERENT | BUS_DMA_NOCACHE,
		BUS_DMA_STREAMING | BUS_DMA_BUS1 | BUS_DMA_BUS2 | BUS_DMA_BUS3 | BUS_DMA_BUS4 | BUS_DMA_ALLOCNOW };
	bus_dma_segment_t seg;
	int nsegs;
	(void)state;

	start(WORLD_DIRECT); /* its arena has no uncached memory */
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		assert_int_equal(bus_dmamem_alloc(tag, 4096, 0, 0, &seg, 1, &nsegs, BUS_DMA_NOWAIT | flags[i]), 0);
		bus_dmamem_free(tag, &seg, nsegs);
	}
	end();
}

static void test_bad_segments_do_nothing_but_count(void **state)
{
	bus_dma_segment_t seg, foreign;
	kva_type kva = NULL;
	int nsegs;
	(void)state;

	start(WORLD_DIRECT);
	unsigned char *buf = world_buffer(&world, 4096);
	bus_dmamap_t map = create(8192, 1, 4096, 0);
	assert_int_equal(bus_dmamem_alloc(tag, 8192, 0, 0, &seg, 1, &nsegs, BUS_DMA_NOWAIT), 0);
	memset(&foreign, 0, sizeof foreign);
	foreign.ds_len = 4096;
	unsigned long n = bad_arguments();

	assert_int_equal(bus_dmamem_map(tag, &foreign, 1, 4096, &kva, 0), EINVAL_);
	assert_int_equal(bus_dmamem_map(tag, &seg, 1, 8193, &kva, 0), EINVAL_);
	assert_int_equal(bus_dmamem_map(tag, &seg, 1, 0, &kva, 0), EINVAL_);
	assert_int_equal(bus_dmamem_map(tag, &seg, 2, 4096, &kva, 0), EINVAL_);
	assert_int_equal(bus_dmamem_map(tag, &seg, 0, 4096, &kva, 0), EINVAL_);
	assert_null(kva);
	assert_true(bus_dmamem_mmap(tag, &seg, 1, 8192, 0, 0) == METE_PADDR_MAX);
	assert_true(bus_dmamem_mmap(tag, &seg, 1, -1, 0, 0) == METE_PADDR_MAX);
	assert_true(bus_dmamem_mmap(tag, &foreign, 1, 0, 0, 0) == METE_PADDR_MAX);
	bus_dmamem_unmap(tag, (kva_type)buf, 4096);
	bus_dmamem_unmap(tag, NULL, 4096);
	bus_dmamem_free(tag, &foreign, 1);
	bus_dmamem_free(tag, &seg, 2);
	foreign = seg;
	foreign.ds_addr += 4096;
	bus_dmamem_free(tag, &foreign, 1);
	assert_int_equal(bad_arguments() - n, 13);

	/* Loads. */
	assert_int_equal(bus_dmamap_load_raw(tag, map, &seg, 1, 8192, 0), TOO_MANY_RAW); /* two segments needed */
	assert_int_equal(bus_dmamap_load_raw(tag, map, &seg, 1, 8193, 0), EINVAL_);
	assert_int_equal(bus_dmamap_load_raw(tag, map, &seg, 1, 0, 0), EINVAL_);
	assert_int_equal(bus_dmamap_load_raw(tag, map, &seg, 0, 4096, 0), EINVAL_);
	assert_int_equal(bus_dmamap_load_raw(tag, map, NULL, 1, 4096, 0), EINVAL_);
	assert_int_equal(bus_dmamap_load_raw(tag, map, &foreign, 1, 4096, 0), EINVAL_);
	bus_dma_segment_t shorter = seg;
	shorter.ds_len = 4096;
	assert_int_equal(bus_dmamap_load_raw(tag, map, &shorter, 1, 8192, 0), EINVAL_); /* holds less */
	assert_int_equal(map->dm_mapsize, 0);

	bus_dmamem_free(tag, &shorter, 1); /* another length than allocated */
	assert_int_equal(small_arena_counters(&world.small).wrong_size, 1);
	bus_dmamem_free(tag, &seg, 1);
	n = bad_arguments();
	bus_dmamem_free(tag, &seg, 1); /* twice */
	assert_int_equal(bad_arguments(), n + 1);
	assert_int_equal(bus_dmamem_map(tag, &seg, 1, 4096, &kva, 0), EINVAL_); /* after the free */
	bus_dmamap_destroy(tag, map);
	end();
}

/* A driver that needs a flag of one machine's does not compile, rather than get memory out of its reach. */
static void test_flags_of_single_machines_are_not_declared(void **state)
{
	(void)state;

#if defined(BUS_DMA_24BIT) || defined(BUS_DMA_OVERRUN) || defined(BUS_DMA_ISA)
	fail_msg("a flag that does nothing is declared");
#endif
}

#if METE_FACE == 3 && METE_ADDR_BITS == 64
/* Without BUS_DMA_64BIT a driver is promised addresses below 4 GiB. */
static void test_only_64bit_maps_go_above_4g(void **state)
{
	static const struct mete_bus_range high = { SMALL_PHYS, 0x100000000u, SMALL_LEN };
	face_tag high_tag;
	struct mete_device device;
	bus_dma_segment_t seg;
	bus_dmamap_t map;
	int nsegs;
	(void)state;

	start(WORLD_DIRECT);
	const struct mete_device_config config = { .provider = &world.small.arena.provider, .ranges = &high, .nranges = 1 };
	assert_ok(mete_device_init(&device, &config));
	assert_ok(face_tag_init(&high_tag, &device));
	unsigned char *buf = world_buffer(&world, 4096);
	for (int is64 = 0; is64 < 2; is64++) {
		int flags = BUS_DMA_NOWAIT | (is64 ? BUS_DMA_64BIT : 0);
		assert_int_equal(bus_dmamem_alloc(&high_tag, 4096, 0, 0, &seg, 1, &nsegs, flags), is64 ? 0 : ENOMEM_);
		if (is64)
			bus_dmamem_free(&high_tag, &seg, 1);
		assert_int_equal(bus_dmamap_create(&high_tag, 4096, 1, 4096, 0, flags, &map), 0);
		assert_int_equal(bus_dmamap_load(&high_tag, map, buf, 4096, NULL, 0), is64 ? 0 : EINVAL_);
		bus_dmamap_destroy(&high_tag, map);
	}
	assert_ok(mete_device_fini(&device));
	end();
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dma_memory_is_allocated_mapped_and_loaded),
		cmocka_unit_test(test_impossible_memory_is_not_allocated),
		cmocka_unit_test(test_kinds_of_memory_are_hints),
		cmocka_unit_test(test_bad_segments_do_nothing_but_count),
		cmocka_unit_test(test_flags_of_single_machines_are_not_declared),
#if METE_FACE == 3 && METE_ADDR_BITS == 64
		cmocka_unit_test(test_only_64bit_maps_go_above_4g),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
