/* SPDX-License-Identifier: ISC */
/*
 * Scatterlists mapped for a device, in each way: what it sees, what comes back, what is joined, and what is left of a
 * list that fails.
 */
#include "support.h"

#include <errno.h>
#include <linux/dma-mapping.h>

#include "streaming_world.h"

static const enum world_way ways[] = { WORLD_DIRECT, WORLD_BOUNCE, WORLD_IOMMU };

/* A list of entries of odd lengths over `memory`, every other byte of it left out now and then. */
static size_t odd_list(struct scatterlist *sg, size_t n, unsigned char *memory)
{
	size_t at = 0, len = 0;

	sg_init_table(sg, (unsigned)n);
	for (size_t i = 0; i < n; i++) {
		unsigned int part = (unsigned int)(1 + i * 1237 % 6000);
		sg_set_buf(&sg[i], memory + at, part);
		at += part + 500;
		len += part;
	}
	return len;
}

static void test_a_list_reaches_the_device_and_comes_back(void **state)
{
	static unsigned char flat[80000], seen[80000];
	struct scatterlist sg[12], *at;
	struct world w;
	(void)state;

	for (size_t way = 0; way < 3; way++) {
		world_start(&w, ways[way]);
		size_t len = odd_list(sg, 12, w.high);
		for (size_t i = 0; i < len; i++)
			flat[i] = (unsigned char)(i * 11 + i / 251);
		sg_copy_from_buffer(sg, 12, flat, len);
		unsigned int i, n = dma_map_sg(&w.dev, sg, 12, DMA_BIDIRECTIONAL);
		assert_int_equal(n, 12); /* none of them meet at pages */
		size_t off = 0;
		for_each_sg(sg, at, n, i) {
			assert_true(sg_dma_len(at) == at->length);
			assert_true(world_device_reads(&w, sg_dma_address(at), seen + off, sg_dma_len(at)));
			off += sg_dma_len(at);
		}
		assert_int_equal(off, len);
		assert_memory_equal(seen, flat, len);

		/* The device turns every bit; the CPU sees it after a sync, and once more after unmap. */
		for (size_t round = 0; round < 2; round++) {
			off = 0;
			for (size_t byte = 0; byte < len; byte++)
				flat[byte] = (unsigned char)~flat[byte];
			for_each_sg(sg, at, n, i) {
				assert_true(world_device_writes(&w, sg_dma_address(at), flat + off, sg_dma_len(at)));
				off += sg_dma_len(at);
			}
			if (!round) {
				dma_sync_sg_for_cpu(&w.dev, sg, 12, DMA_BIDIRECTIONAL);
				sg_copy_to_buffer(sg, 12, seen, len);
				assert_memory_equal(seen, flat, len);
				dma_sync_sg_for_device(&w.dev, sg, 12, DMA_BIDIRECTIONAL);
			}
		}
		dma_unmap_sg(&w.dev, sg, 12, DMA_BIDIRECTIONAL);
		sg_copy_to_buffer(sg, 12, seen, len);
		assert_memory_equal(seen, flat, len);
		world_end(&w);
	}
}

/* Entries (page of the upper half, offset, length) for the tests of joining. */
struct odd_entry {
	unsigned page, off, len;
};

static void set_list(struct world *w, struct scatterlist *sg, const struct odd_entry *entries, unsigned n)
{
	sg_init_table(sg, n);
	for (unsigned i = 0; i < n; i++) {
		sg_set_buf(&sg[i], w->high + 4096 * entries[i].page + entries[i].off, entries[i].len);
		memset(sg_virt(&sg[i]), (int)(0x40 + i), entries[i].len);
	}
}

static void test_entries_that_meet_at_pages_are_one_segment(void **state)
{
	static const struct odd_entry entries[] = {
		{ 9, 1000, 3096 }, { 3, 0, 4096 }, { 7, 0, 8192 }, { 1, 0, 100 }, /* one segment; ends in a page */
		{ 12, 0, 4096 }, { 14, 0, 4095 },                                 /* one more */
		{ 16, 1, 4095 },                                                  /* starts in a page */
		{ 18, 5, 4091 }, { 20, 0, 1 },                                    /* does so, too, and goes on */
	};
	static const unsigned lens[] = { 3096 + 4096 + 8192 + 100, 4096 + 4095, 4095, 4091 + 1 };
	static unsigned char seen[32768], back[32768];
	struct scatterlist sg[9], *at;
	struct world w;
	unsigned i;
	(void)state;

	world_start(&w, WORLD_IOMMU);
	set_list(&w, sg, entries, 9);
	for (i = 0; i < 9; i++)
		sg[i].dma_length = 77; /* of long ago */
	assert_int_equal(dma_map_sg(&w.dev, sg, 9, DMA_BIDIRECTIONAL), 4);
	size_t off = 0;
	for_each_sg(sg, at, 4, i) {
		assert_int_equal(sg_dma_len(at), lens[i]);
		assert_true(world_device_reads(&w, sg_dma_address(at), seen + off, sg_dma_len(at)));
		off += sg_dma_len(at);
	}
	assert_int_equal(sg_dma_address(sg) % 4096, 1000);
	for (i = 4; i < 9; i++)
		assert_true(!sg_dma_len(&sg[i]) && sg[i].length == entries[i].len);
	sg_copy_to_buffer(sg, 9, back, off);
	assert_memory_equal(seen, back, off);
	dma_sync_sg_for_cpu(&w.dev, sg, 9, DMA_BIDIRECTIONAL);
	dma_sync_sg_for_device(&w.dev, sg, 9, DMA_BIDIRECTIONAL);
	dma_unmap_sg(&w.dev, sg, 9, DMA_BIDIRECTIONAL);
	assert_int_equal(small_arena_counters(&w.small).bad_argument + small_arena_counters(&w.small).bad_address, 0);
	assert_int_equal(world_mapped(&w), 0);

	/* A direct device gets each entry. */
	world_end(&w);
	world_start(&w, WORLD_DIRECT);
	set_list(&w, sg, entries, 9);
	assert_int_equal(dma_map_sg(&w.dev, sg, 9, DMA_BIDIRECTIONAL), 9);
	dma_unmap_sg(&w.dev, sg, 9, DMA_BIDIRECTIONAL);
	world_end(&w);
}

static void test_joined_segments_obey_size_and_boundary(void **state)
{
	static const struct odd_entry entries[] = {
		{ 0, 0, 4096 }, { 2, 0, 4096 }, { 4, 0, 4096 }, { 6, 0, 4096 }, { 8, 0, 12288 }, { 12, 0, 4096 },
	};
	struct scatterlist sg[20];
	struct sg_table table = { sg, 0, 6 };
	struct world w;
	(void)state;

	world_start(&w, WORLD_IOMMU);
	set_list(&w, sg, entries, 6);
	assert_int_equal(dma_map_sgtable(&w.dev, &table, DMA_TO_DEVICE, 0), 0);
	assert_true(table.nents == 1 && sg_dma_len(sg) == 32768);
	dma_sync_sgtable_for_cpu(&w.dev, &table, DMA_TO_DEVICE);
	dma_unmap_sgtable(&w.dev, &table, DMA_TO_DEVICE, 0);

	dma_set_max_seg_size(&w.dev, 8192);
	assert_int_equal(dma_map_sg(&w.dev, sg, 6, DMA_TO_DEVICE), 4); /* 2, 2, one that is longer, 1 */
	assert_true(sg_dma_len(&sg[0]) == 8192 && sg_dma_len(&sg[1]) == 8192 && sg_dma_len(&sg[2]) == 12288);
	assert_false(world_device_writes(&w, sg_dma_address(sg), "x", 1)); /* as the direction says */
	dma_unmap_sg(&w.dev, sg, 6, DMA_TO_DEVICE);
	dma_set_max_seg_size(&w.dev, 12288);
	assert_int_equal(dma_map_sg(&w.dev, sg, 6, DMA_TO_DEVICE), 4); /* 3, 1 for there is no room, 1, 1 */
	assert_true(sg_dma_len(&sg[0]) == 12288 && sg_dma_len(&sg[1]) == 4096 && sg_dma_len(&sg[2]) == 12288);
	dma_unmap_sg(&w.dev, sg, 6, DMA_TO_DEVICE);

	dma_set_max_seg_size(&w.dev, 65536);
	dma_set_seg_boundary(&w.dev, 0x3fff);
	dma_addr_t page = dma_map_single(&w.dev, w.high, 1, DMA_TO_DEVICE); /* so that addresses are odd */
	unsigned n = dma_map_sg(&w.dev, sg, 4, DMA_TO_DEVICE);
	for (unsigned i = 0; i < n; i++)
		assert_true(sg_dma_address(&sg[i]) / 16384 == (sg_dma_address(&sg[i]) + sg_dma_len(&sg[i]) - 1) / 16384);
	assert_int_equal(n, 1);
	dma_unmap_sg(&w.dev, sg, 4, DMA_TO_DEVICE);
	assert_int_equal(dma_map_sg(&w.dev, sg, 6, DMA_TO_DEVICE), 2); /* 16 KiB each */
	dma_unmap_sg(&w.dev, sg, 6, DMA_TO_DEVICE);
	dma_unmap_single(&w.dev, page, 1, DMA_TO_DEVICE);

	/* The default is 64 KiB. */
	dma_set_max_seg_size(&w.dev, 0);
	dma_set_seg_boundary(&w.dev, 0);
	sg_init_table(sg, 20);
	for (unsigned i = 0; i < 20; i++)
		sg_set_buf(&sg[i], w.high + 8192 * i, 4096);
	assert_int_equal(dma_map_sg(&w.dev, sg, 20, DMA_TO_DEVICE), 2);
	assert_true(sg_dma_len(&sg[0]) == 65536 && sg_dma_len(&sg[1]) == 16384);
	dma_unmap_sg(&w.dev, sg, 20, DMA_TO_DEVICE);
	world_end(&w);
}

static void test_entries_are_apart_where_addresses_are_scarce(void **state)
{
	dma_addr_t bus[WORLD_PAGES];
	struct scatterlist sg[4];
	struct world w;
	unsigned n = 0;
	(void)state;

	world_start(&w, WORLD_IOMMU);
	sg_init_table(sg, 4);
	for (unsigned i = 0; i < 4; i++)
		sg_set_buf(&sg[i], w.high + 8192 * i, 4096);
	while (n < WORLD_PAGES && !dma_mapping_error(&w.dev, bus[n] = dma_map_single(&w.dev, w.high, 1, DMA_TO_DEVICE)))
		n++;
	for (unsigned i = 0; i < n; i += 2) /* every other page is free */
		dma_unmap_single(&w.dev, bus[i], 1, DMA_TO_DEVICE);
	assert_int_equal(dma_map_sg(&w.dev, sg, 4, DMA_TO_DEVICE), 4);
	dma_unmap_sg(&w.dev, sg, 4, DMA_TO_DEVICE);
	for (unsigned i = 1; i < n; i += 2)
		dma_unmap_single(&w.dev, bus[i], 1, DMA_TO_DEVICE);
	assert_int_equal(dma_map_sg(&w.dev, sg, 4, DMA_TO_DEVICE), 1);
	dma_unmap_sg(&w.dev, sg, 4, DMA_TO_DEVICE);

	world_end(&w);
}

static void test_joined_lists_that_fail_are_rolled_back(void **state)
{
	static const struct odd_entry entries[] = {
		{ 0, 0, 4096 }, { 2, 0, 4096 }, { 4, 0, 4096 }, { 6, 0, 4096 }, { 8, 0, 4096 }, { 11, 0, 4096 },
	};
	static const struct odd_entry empty[] = { { 0, 0, 4096 }, { 2, 0, 0 }, { 4, 0, 4096 } };
	struct scatterlist sg[6];
	struct world w;
	(void)state;

	world_start(&w, WORLD_IOMMU);
	set_list(&w, sg, entries, 6);
	dma_set_max_seg_size(&w.dev, 8192);
	for (int fail = 0; fail < 6; fail++) { /* the page table, in the middle of a segment too */
		for (unsigned i = 0; i < 6; i++)
			sg[i].dma_length = 77; /* of long ago */
		w.fail_map = fail;
		assert_int_equal(dma_map_sg(&w.dev, sg, 6, DMA_TO_DEVICE), 0);
		assert_int_equal(world_mapped(&w), 0);
		assert_int_equal(small_arena_counters(&w.small).bad_address, 0);
	}
	w.fail_map = -1;
	w.dev.mete_mask = DMA_BIT_MASK(28); /* ends below the IOMMU's addresses */
	assert_int_equal(dma_map_sg(&w.dev, sg, 6, DMA_TO_DEVICE), 0);
	w.dev.mete_mask = DMA_BIT_MASK(32);
	assert_int_equal(dma_map_sg_attrs(&w.dev, sg, 6, DMA_TO_DEVICE, DMA_ATTR_MMIO), 0);
	dma_set_min_align_mask(&w.dev, 8191); /* more than an IOMMU's page keeps */
	sg_set_buf(&sg[0], w.high + 4096, 4096);
	if (dma_map_sg(&w.dev, sg, 2, DMA_TO_DEVICE)) {
		assert_int_equal(sg_dma_len(&sg[0]), 4096);
		assert_true(sg_dma_address(&sg[0]) & 4096);
		assert_false(sg_dma_address(&sg[1]) & 4096);
		dma_unmap_sg(&w.dev, sg, 2, DMA_TO_DEVICE);
	}
	dma_set_min_align_mask(&w.dev, 0);
	set_list(&w, sg, empty, 3);
	assert_int_equal(dma_map_sg(&w.dev, sg, 3, DMA_TO_DEVICE), 0);
	w.dev.dma_mask = NULL;
	set_list(&w, sg, entries, 6);
	assert_int_equal(dma_map_sg(&w.dev, sg, 6, DMA_TO_DEVICE), 0);
	world_end(&w);
}

static unsigned long invalidated;

static void count_cache(void *ctx, enum mete_cache op, void *cpu, mete_paddr phys, size_t len)
{
	(void)ctx;
	(void)cpu;
	(void)phys;
	(void)len;
	invalidated += op == METE_CACHE_INVALIDATE;
}

static void test_entries_with_cache_work_or_stand_ins_are_apart(void **state)
{
	struct scatterlist sg[4];
	struct world w;
	(void)state;

	world_start(&w, WORLD_IOMMU);
	w.core.noncoherent = true;
	w.small.ops.cache = count_cache;
	sg_init_table(sg, 4);
	for (unsigned i = 0; i < 4; i++)
		sg_set_buf(&sg[i], w.high + 8192 * i, 4096);
	invalidated = 0;
	assert_int_equal(dma_get_merge_boundary(&w.dev), 0);
	assert_int_equal(dma_map_sg(&w.dev, sg, 4, DMA_FROM_DEVICE), 4);
	dma_unmap_sg(&w.dev, sg, 4, DMA_FROM_DEVICE);
	assert_int_equal(invalidated, 4);

	/* Nor do devices that use a stand-in for everything. */
	static const struct mete_bounce_config area = { .len = 65536, .always = true };
	w.core.noncoherent = false;
	assert_ok(mete_bounce_init(&w.bounce, &w.core, &area));
	unsigned char *memory = w.bounce.phys < SMALL_PHYS + SMALL_LEN / 2 ? w.high : w.small.memory;
	for (unsigned i = 0; i < 4; i++)
		sg_set_buf(&sg[i], memory + 8192 * i, 4096);
	assert_int_equal(dma_map_sg(&w.dev, sg, 4, DMA_FROM_DEVICE), 4);
	assert_true(world_device_writes(&w, sg_dma_address(&sg[3]), "x", 1));
	dma_unmap_sg(&w.dev, sg, 4, DMA_FROM_DEVICE);
	assert_int_equal(memory[8192 * 3], 'x');
	assert_ok(mete_bounce_fini(&w.bounce));
	world_end(&w);
}

static void test_synced_lists_reach_the_device(void **state)
{
	struct scatterlist sg[3];
	unsigned char byte = 0;
	struct world w;
	(void)state;

	world_start(&w, WORLD_BOUNCE);
	memset(w.high, 0, 20000);
	odd_list(sg, 3, w.high);
	assert_int_equal(dma_map_sg_attrs(&w.dev, sg, 3, DMA_TO_DEVICE, 0), 3);
	*(unsigned char *)sg_virt(&sg[2]) = 0x77;
	dma_sync_sg_for_device(&w.dev, sg, 2, DMA_TO_DEVICE); /* too few: the third is not passed */
	assert_true(world_device_reads(&w, sg_dma_address(&sg[2]), &byte, 1));
	assert_int_equal(byte, 0);
	dma_sync_sg_for_device(&w.dev, sg, 3, DMA_TO_DEVICE);
	assert_true(world_device_reads(&w, sg_dma_address(&sg[2]), &byte, 1));
	assert_int_equal(byte, 0x77);
	dma_unmap_sg_attrs(&w.dev, sg, 3, DMA_TO_DEVICE, 0);
	world_end(&w);
}

static void test_a_list_that_fails_halfway_is_rolled_back_without_copies(void **state)
{
	struct scatterlist sg[40];
	struct world w;
	(void)state;

	/* Stand-ins run out. */
	world_start(&w, WORLD_BOUNCE);
	sg_init_table(sg, 40);
	for (unsigned i = 0; i < 40; i++)
		sg_set_buf(&sg[i], w.high + 2048 * i, 2048);
	assert_int_equal(dma_map_sg(&w.dev, sg, 40, DMA_FROM_DEVICE), 0);
	assert_int_equal(mete_bounce_used(&w.bounce), 0);
	assert_int_equal(world_mapped(&w), 0);
	assert_int_equal(dma_map_sg(&w.dev, sg, 32, DMA_FROM_DEVICE), 32);
	dma_unmap_sg(&w.dev, sg, 32, DMA_FROM_DEVICE);
	world_end(&w);

	/* The IOMMU fails at each entry in turn. */
	world_start(&w, WORLD_IOMMU);
	for (unsigned i = 0; i < 40; i++)
		sg_set_buf(&sg[i], w.high + 4096 * i, 2048);
	for (int fail = 0; fail < 40; fail += 13) {
		w.fail_map = fail;
		assert_int_equal(dma_map_sg(&w.dev, sg, 40, DMA_FROM_DEVICE), 0);
		assert_int_equal(world_mapped(&w), 0);
	}
	w.fail_map = -1;
	assert_int_equal(dma_map_sg(&w.dev, sg, 40, DMA_FROM_DEVICE), 40);
	dma_unmap_sg(&w.dev, sg, 40, DMA_FROM_DEVICE);
	world_end(&w);

	/* An entry that no device reaches. */
	static unsigned char foreign[16];
	world_start(&w, WORLD_DIRECT);
	for (unsigned i = 0; i < 40; i++)
		sg_set_buf(&sg[i], w.high + 4096 * i, 2048);
	sg_set_buf(&sg[3], foreign, 16);
	assert_int_equal(dma_map_sg(&w.dev, sg, 40, DMA_TO_DEVICE), 0);
	assert_int_equal(dma_map_sg(&w.dev, sg, 3, DMA_TO_DEVICE), 3);
	dma_unmap_sg(&w.dev, sg, 3, DMA_TO_DEVICE);
	w.core.noncoherent = true;
	w.small.ops.cache = count_cache;
	invalidated = 0;
	assert_int_equal(dma_map_sg(&w.dev, sg, 40, DMA_FROM_DEVICE), 0);
	assert_int_equal(invalidated, 0);
	assert_int_equal(dma_map_sg(&w.dev, sg, 3, DMA_FROM_DEVICE), 3);
	dma_unmap_sg(&w.dev, sg, 3, DMA_FROM_DEVICE);
	assert_int_equal(invalidated, 3);
	world_end(&w);
}

static void test_lists_that_make_no_sense_are_0_and_their_unmaps_are_counted(void **state)
{
	struct scatterlist sg[3];
	struct world w;
	(void)state;

	world_start(&w, WORLD_DIRECT);
	odd_list(sg, 3, w.high);
	assert_int_equal(dma_map_sg(NULL, sg, 3, DMA_TO_DEVICE), 0);
	assert_int_equal(dma_map_sg(&w.dev, sg, 0, DMA_TO_DEVICE), 0);
	assert_int_equal(dma_map_sg(&w.dev, sg, -1, DMA_TO_DEVICE), 0);
	assert_int_equal(dma_map_sg(&w.dev, NULL, 1, DMA_TO_DEVICE), 0);
	assert_int_equal(dma_map_sg(&w.dev, sg, 4, DMA_TO_DEVICE), 0); /* more than there are */
	assert_int_equal(dma_map_sg(&w.dev, sg, 3, DMA_NONE), 0);
	sg[1].length = 0;
	assert_int_equal(dma_map_sg(&w.dev, sg, 3, DMA_TO_DEVICE), 0);
	assert_int_equal(world_mapped(&w), 0);
	assert_int_equal(small_arena_counters(&w.small).bad_argument, 6);
	sg_init_table(sg, 3); /* never mapped */
	dma_unmap_sg(&w.dev, sg, 3, DMA_TO_DEVICE);
	dma_sync_sg_for_cpu(&w.dev, sg, 3, DMA_TO_DEVICE);
	dma_sync_sg_for_device(&w.dev, sg, 3, DMA_TO_DEVICE);
	dma_unmap_sg(NULL, sg, 3, DMA_TO_DEVICE);
	assert_int_equal(small_arena_counters(&w.small).bad_argument, 9); /* one for each call */
	world_end(&w);
}

static void test_tables_are_mapped_whole_or_say_why_not(void **state)
{
	unsigned char byte = 0x42;
	struct sg_table table;
	struct world w;
	(void)state;

	for (size_t way = 0; way < 3; way++) {
		world_start(&w, ways[way]);
		assert_int_equal(sg_alloc_table(&table, 3, GFP_KERNEL), 0);
		odd_list(table.sgl, 3, w.high);
		table.nents = 0;
		assert_int_equal(dma_map_sgtable(&w.dev, &table, DMA_BIDIRECTIONAL, 0), 0);
		assert_int_equal(table.nents, 3);
		table.nents = 1; /* not what the others go by */
		unsigned char *cpu = sg_virt(&table.sgl[1]);
		assert_true(world_device_writes(&w, sg_dma_address(&table.sgl[1]), &byte, 1));
		dma_sync_sgtable_for_cpu(&w.dev, &table, DMA_BIDIRECTIONAL);
		assert_int_equal(*cpu, byte);
		*cpu = (unsigned char)~byte;
		dma_sync_sgtable_for_device(&w.dev, &table, DMA_BIDIRECTIONAL);
		assert_true(world_device_reads(&w, sg_dma_address(&table.sgl[1]), &byte, 1));
		assert_int_equal(*cpu, byte);
		dma_unmap_sgtable(&w.dev, &table, DMA_BIDIRECTIONAL, 0);
		assert_int_equal(world_mapped(&w), 0);

		table.nents = 77;
		assert_int_equal(dma_map_sgtable(NULL, &table, DMA_FROM_DEVICE, 0), -EINVAL);
		assert_int_equal(dma_map_sgtable(&w.dev, &table, DMA_NONE, 0), -EINVAL);
		if (ways[way] == WORLD_IOMMU) {
			w.fail_map = 1;
			assert_int_equal(dma_map_sgtable(&w.dev, &table, DMA_FROM_DEVICE, 0), -EIO);
		}
		if (ways[way] == WORLD_BOUNCE) {
			for (unsigned i = 0; i < 3; i++)
				sg_set_buf(&table.sgl[i], w.high, 30000);
			assert_int_equal(dma_map_sgtable(&w.dev, &table, DMA_FROM_DEVICE, 0), -ENOMEM);
			sg_set_buf(&table.sgl[0], w.high, 40000);
			assert_int_equal(dma_map_sgtable(&w.dev, &table, DMA_FROM_DEVICE, 0), -EIO);
		}
		w.dev.dma_mask = NULL;
		assert_int_equal(dma_map_sgtable(&w.dev, &table, DMA_FROM_DEVICE, 0), -EINVAL);
		assert_int_equal(table.nents, 77);
		sg_free_table(&table);
		world_end(&w);
	}
}

static uint32_t rng;

static uint32_t rnd(uint32_t below)
{
	rng = rng * 1664525u + 1013904223u;
	return (rng >> 8) % below;
}

static void test_segments_of_random_lists_are_their_bytes_in_order(void **state)
{
	static unsigned char seen[WORLD_PAGES * 4096], want[WORLD_PAGES * 4096];
	struct scatterlist sg[8];
	struct world w;
	(void)state;

	rng = 20261120;
	print_message("seed %u\n", (unsigned)rng);
	for (size_t way = 0; way < 3; way++) {
		world_start(&w, ways[way]);
		for (unsigned round = 0; round < 3000; round++) {
			unsigned n = 1 + rnd(8), page = 0;
			size_t len = 0, off = 0;
			sg_init_table(sg, n);
			for (unsigned i = 0; i < n; i++) {
				unsigned start = rnd(2) ? 0 : rnd(4096);
				unsigned end = rnd(2) ? 4096 * (1 + rnd(2)) : start + 1 + rnd(4096);
				page += rnd(2);
				sg_set_buf(&sg[i], w.high + 4096 * page + start, end - start);
				page += (end + 4095) / 4096;
				len += end - start;
			}
			dma_set_max_seg_size(&w.dev, rnd(2) ? 0 : 4096 * (1 + rnd(4)));
			for (size_t i = 0; i < len; i++)
				want[i] = (unsigned char)rnd(256);
			assert_int_equal(sg_copy_from_buffer(sg, n, want, len), len);
			unsigned nsegments = dma_map_sg(&w.dev, sg, (int)n, DMA_BIDIRECTIONAL);
			assert_true(nsegments >= 1 && nsegments <= n);
			if (ways[way] != WORLD_IOMMU)
				assert_int_equal(nsegments, n);
			for (unsigned i = 0; i < nsegments; i++) {
				assert_true(world_device_reads(&w, sg_dma_address(&sg[i]), seen + off, sg_dma_len(&sg[i])));
				off += sg_dma_len(&sg[i]);
			}
			assert_int_equal(off, len);
			assert_memory_equal(seen, want, len);
			for (size_t i = 0; i < len; i++)
				want[i] = (unsigned char)~want[i];
			off = 0;
			for (unsigned i = 0; i < nsegments; i++) {
				assert_true(world_device_writes(&w, sg_dma_address(&sg[i]), want + off, sg_dma_len(&sg[i])));
				off += sg_dma_len(&sg[i]);
			}
			dma_unmap_sg(&w.dev, sg, (int)n, DMA_BIDIRECTIONAL);
			sg_copy_to_buffer(sg, n, seen, len);
			assert_memory_equal(seen, want, len);
			assert_int_equal(world_mapped(&w), 0);
		}
		struct mete_counters counters = small_arena_counters(&w.small);
		assert_int_equal(counters.bad_argument + counters.bad_address + counters.map_refused, 0);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_list_reaches_the_device_and_comes_back),
		cmocka_unit_test(test_entries_that_meet_at_pages_are_one_segment),
		cmocka_unit_test(test_joined_segments_obey_size_and_boundary),
		cmocka_unit_test(test_entries_are_apart_where_addresses_are_scarce),
		cmocka_unit_test(test_joined_lists_that_fail_are_rolled_back),
		cmocka_unit_test(test_entries_with_cache_work_or_stand_ins_are_apart),
		cmocka_unit_test(test_synced_lists_reach_the_device),
		cmocka_unit_test(test_a_list_that_fails_halfway_is_rolled_back_without_copies),
		cmocka_unit_test(test_lists_that_make_no_sense_are_0_and_their_unmaps_are_counted),
		cmocka_unit_test(test_tables_are_mapped_whole_or_say_why_not),
		cmocka_unit_test(test_segments_of_random_lists_are_their_bytes_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
