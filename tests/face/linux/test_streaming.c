/* SPDX-License-Identifier: ISC */
/*
 * Streaming maps as a driver makes them, on devices that reach memory directly, by stand-ins and through an IOMMU.
 *
 * The copy rules of stand-ins are those of the kernel's swiotlb, to the letter: drivers depend on what is not copied,
 * too.
 */
#include "support.h"

#include <errno.h>
#include <linux/dma-mapping.h>

#include "streaming_world.h"

static const enum world_way ways[] = { WORLD_DIRECT, WORLD_BOUNCE, WORLD_IOMMU };
static const enum dma_data_direction directions[] = { DMA_BIDIRECTIONAL, DMA_TO_DEVICE, DMA_FROM_DEVICE };

static bool all_are(const unsigned char *bytes, size_t len, unsigned char value)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

static struct mete_counters counters_of(struct world *w)
{
	return small_arena_counters(&w->small);
}

static void test_data_reach_the_device_and_come_back(void **state)
{
	static const size_t sizes[] = { 1, 63, 512, 4096, 5000, 20000 };
	unsigned char seen[20000], sent[20000];
	struct world w;
	(void)state;

	for (size_t way = 0; way < 3; way++) {
		world_start(&w, ways[way]);
		for (size_t i = 0; i < 6; i++) {
			for (size_t off = 0; off < 4096; off += 1365) {
				unsigned char *cpu = w.high + off;
				memset(cpu, 0x11, sizes[i]);
				memset(sent, 0x22, sizes[i]);
				dma_addr_t bus = dma_map_single(&w.dev, cpu, sizes[i], DMA_BIDIRECTIONAL);
				assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
				assert_true(world_device_reads(&w, bus, seen, sizes[i]));
				assert_true(all_are(seen, sizes[i], 0x11));
				assert_true(world_device_writes(&w, bus, sent, sizes[i]));
				dma_unmap_single(&w.dev, bus, sizes[i], DMA_BIDIRECTIONAL);
				assert_true(all_are(cpu, sizes[i], 0x22));
			}
		}
		world_end(&w);
	}
}

static void test_pages_and_addresses_map_alike(void **state)
{
	struct world w;
	(void)state;

	for (size_t way = 0; way < 3; way++) {
		world_start(&w, ways[way]);
		struct page *page = virt_to_page(w.high);
		for (size_t d = 0; d < 3; d++) {
			unsigned char byte = 0;
			w.high[4096 + 77] = 0x5a;
			dma_addr_t by_page = dma_map_page(&w.dev, page, 4096 + 77, 100, directions[d]);
			dma_addr_t by_cpu = dma_map_single_attrs(&w.dev, w.high + 4096 + 77, 100, directions[d],
			    DMA_ATTR_NO_WARN | DMA_ATTR_WEAK_ORDERING);
			dma_addr_t by_phys = dma_map_phys(&w.dev, SMALL_PHYS + 0xa1000 + 77, 100, directions[d], 0);
			dma_addr_t handles[] = { by_page, by_cpu, by_phys };
			for (size_t i = 0; i < 3; i++) {
				assert_int_equal(dma_mapping_error(&w.dev, handles[i]), 0);
				assert_true(handles[i] % 512 == (0xa1000 + 77) % 512);
				if (directions[d] == DMA_FROM_DEVICE && ways[way] == WORLD_IOMMU)
					continue; /* it may not read */
				assert_true(world_device_reads(&w, handles[i], &byte, 1));
				assert_int_equal(byte, 0x5a);
			}
			if (ways[way] == WORLD_DIRECT)
				assert_true(by_page == SMALL_PHYS + 0xa1000 + 77 && by_cpu == by_page && by_phys == by_page);
			dma_unmap_page(&w.dev, by_page, 100, directions[d]);
			dma_unmap_single_attrs(&w.dev, by_cpu, 100, directions[d], DMA_ATTR_NO_WARN);
			dma_unmap_phys(&w.dev, by_phys, 100, directions[d], 0);
			by_page = dma_map_page_attrs(&w.dev, page, 0, 4096, directions[d], 0);
			assert_int_equal(dma_mapping_error(&w.dev, by_page), 0);
			dma_unmap_page_attrs(&w.dev, by_page, 4096, directions[d], 0);
		}
		assert_int_equal(counters_of(&w).bad_address, 0);
		world_end(&w);
	}
}

/* Even what the device only writes: else a short write would show what lay in the stand-in before. */
static void test_mapping_copies_out_in_every_direction(void **state)
{
	static const unsigned long attrs[] = { 0, DMA_ATTR_SKIP_CPU_SYNC };
	unsigned char seen[3000];
	struct world w;
	(void)state;

	world_start(&w, WORLD_BOUNCE);
	for (size_t d = 0; d < 3; d++) {
		for (size_t a = 0; a < 2; a++) {
			memset(w.high, (int)(0x10 + 4 * d + a), 3000);
			dma_addr_t bus = dma_map_single_attrs(&w.dev, w.high, 3000, directions[d], attrs[a]);
			assert_true(bus <= WORLD_REACH);
			assert_true(world_device_reads(&w, bus, seen, 3000));
			assert_true(all_are(seen, 3000, (unsigned char)(0x10 + 4 * d + a)));
			dma_unmap_single(&w.dev, bus, 3000, directions[d]);
		}
	}
	world_end(&w);
}

static void test_unmapping_copies_back_what_the_device_may_write(void **state)
{
	static const struct {
		enum dma_data_direction dir;
		unsigned long attrs;
		bool copied;
		const char *why;
	} rows[] = {
		{ DMA_FROM_DEVICE, 0, true, "the device writes" },
		{ DMA_BIDIRECTIONAL, 0, true, "the device may write" },
		{ DMA_TO_DEVICE, 0, false, "the device must not write" },
		{ DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC, false, "not wanted" },
		{ DMA_BIDIRECTIONAL, DMA_ATTR_SKIP_CPU_SYNC, false, "not wanted, both ways" },
	};
	unsigned char sent[1500];
	struct world w;
	(void)state;

	world_start(&w, WORLD_BOUNCE);
	memset(sent, 0x22, sizeof sent);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		memset(w.high, 0x11, 3000);
		dma_addr_t bus = dma_map_single(&w.dev, w.high, 3000, rows[i].dir);
		assert_true(world_device_writes(&w, bus, sent, 1500)); /* half of it */
		assert_row(all_are(w.high, 3000, 0x11), i, rows[i].why);
		dma_unmap_single_attrs(&w.dev, bus, 3000, rows[i].dir, rows[i].attrs);
		assert_row(all_are(w.high, 1500, rows[i].copied ? 0x22 : 0x11), i, rows[i].why);
		assert_row(all_are(w.high + 1500, 1500, 0x11), i, rows[i].why); /* not written: as it was */
	}
	world_end(&w);
}

static void test_sync_for_cpu_copies_back_only_where_the_device_writes(void **state)
{
	unsigned char sent[100];
	struct world w;
	(void)state;

	world_start(&w, WORLD_BOUNCE);
	memset(sent, 0x22, sizeof sent);
	for (size_t d = 0; d < 3; d++) {
		memset(w.high, 0x11, 100);
		dma_addr_t bus = dma_map_single(&w.dev, w.high, 100, directions[d]);
		assert_true(world_device_writes(&w, bus, sent, 100));
		dma_sync_single_for_cpu(&w.dev, bus, 100, directions[d]);
		assert_true(all_are(w.high, 100, directions[d] == DMA_TO_DEVICE ? 0x11 : 0x22));
		dma_unmap_single(&w.dev, bus, 100, directions[d]);
	}
	world_end(&w);
}

/* Linux 5.17 copied out what the device only writes, over what it had just written, and access points died. */
static void test_sync_for_device_copies_out_only_where_the_device_reads(void **state)
{
	unsigned char seen[100], sent[100];
	struct world w;
	(void)state;

	world_start(&w, WORLD_BOUNCE);
	memset(sent, 0x22, sizeof sent);
	for (size_t d = 0; d < 3; d++) {
		memset(w.high, 0x11, 100);
		dma_addr_t bus = dma_map_single(&w.dev, w.high, 100, directions[d]);
		assert_true(world_device_writes(&w, bus, sent, 100));
		memset(w.high, 0x33, 100);
		dma_sync_single_for_device(&w.dev, bus, 100, directions[d]);
		assert_true(world_device_reads(&w, bus, seen, 100));
		assert_true(all_are(seen, 100, directions[d] == DMA_FROM_DEVICE ? 0x22 : 0x33));
		dma_unmap_single(&w.dev, bus, 100, directions[d]);
	}
	world_end(&w);
}

static void test_a_peek_loses_nothing_that_the_device_writes_later(void **state)
{
	unsigned char one = 0x22, two = 0x33;
	struct world w;
	(void)state;

	world_start(&w, WORLD_BOUNCE);
	memset(w.high, 0, 64);
	dma_addr_t bus = dma_map_single(&w.dev, w.high, 64, DMA_FROM_DEVICE);
	assert_true(world_device_writes(&w, bus, &one, 1));
	dma_sync_single_for_cpu(&w.dev, bus, 64, DMA_FROM_DEVICE);
	assert_int_equal(w.high[0], 0x22);
	assert_true(world_device_writes(&w, bus + 1, &two, 1));
	dma_sync_single_for_device(&w.dev, bus, 64, DMA_FROM_DEVICE);
	dma_unmap_single(&w.dev, bus, 64, DMA_FROM_DEVICE);
	assert_true(w.high[0] == 0x22 && w.high[1] == 0x33 && all_are(w.high + 2, 62, 0));
	world_end(&w);
}

static void test_part_of_a_mapping_may_be_synced(void **state)
{
	unsigned char sent[8192], seen[8192];
	struct world w;
	(void)state;

	world_start(&w, WORLD_BOUNCE);
	memset(w.high, 0x11, 8192);
	memset(sent, 0x22, 8192);
	dma_addr_t bus = dma_map_single(&w.dev, w.high, 8192, DMA_BIDIRECTIONAL);
	assert_true(world_device_writes(&w, bus, sent, 8192));
	dma_sync_single_range_for_cpu(&w.dev, bus, 5000, 100, DMA_BIDIRECTIONAL);
	assert_true(all_are(w.high, 5000, 0x11) && all_are(w.high + 5000, 100, 0x22) && all_are(w.high + 5100, 3092, 0x11));
	memset(w.high, 0x33, 8192);
	dma_sync_single_range_for_device(&w.dev, bus, 1, 2, DMA_BIDIRECTIONAL);
	dma_sync_single_for_device(&w.dev, bus + 8191, 1, DMA_BIDIRECTIONAL); /* by its own address, too */
	assert_true(world_device_reads(&w, bus, seen, 8192));
	assert_true(seen[0] == 0x22 && seen[1] == 0x33 && seen[2] == 0x33 && all_are(seen + 3, 8188, 0x22) && seen[8191] == 0x33);
	dma_unmap_single(&w.dev, bus, 8192, DMA_BIDIRECTIONAL);
	world_end(&w);
}

static void test_bad_syncs_do_nothing_but_count(void **state)
{
	unsigned char sent[64];
	struct world w;
	(void)state;

	memset(sent, 0x22, sizeof sent);
	for (size_t way = 1; way < 3; way++) {
		world_start(&w, ways[way]);
		memset(w.high, 0x11, 64);
		dma_addr_t bus = dma_map_single(&w.dev, w.high, 64, DMA_FROM_DEVICE);
		assert_true(world_device_writes(&w, bus, sent, 64));
		dma_sync_single_for_cpu(NULL, bus, 64, DMA_FROM_DEVICE);
		dma_sync_single_for_cpu(&w.dev, bus, 0, DMA_FROM_DEVICE);
		dma_sync_single_for_cpu(&w.dev, bus, 64, DMA_NONE);
		dma_sync_single_for_cpu(&w.dev, DMA_MAPPING_ERROR, 64, DMA_FROM_DEVICE);
		dma_sync_single_for_device(&w.dev, bus, 64, (enum dma_data_direction)17);
		struct mete_counters counters = counters_of(&w);
		assert_int_equal(counters.bad_argument, 3);
		assert_int_equal(counters.wrong_pair, 1);
		if (ways[way] == WORLD_IOMMU) {
			dma_sync_single_for_cpu(&w.dev, bus + 4096, 64, DMA_FROM_DEVICE);
			assert_int_equal(counters_of(&w).bad_address, 1);
		} else {
			assert_true(all_are(w.high, 64, 0x11));
		}
		dma_unmap_single(&w.dev, bus, 64, DMA_FROM_DEVICE);
		assert_true(all_are(w.high, 64, 0x22));
		world_end(&w);
	}
}

static void test_bad_unmaps_leave_the_mapping(void **state)
{
	struct world w;
	(void)state;

	for (size_t way = 1; way < 3; way++) {
		world_start(&w, ways[way]);
		dma_addr_t bus = dma_map_single(&w.dev, w.high, 8192, DMA_FROM_DEVICE);
		dma_unmap_single(&w.dev, DMA_MAPPING_ERROR, 8192, DMA_FROM_DEVICE);
		dma_unmap_single(&w.dev, bus, 0, DMA_FROM_DEVICE);
		dma_unmap_single(&w.dev, bus, 8192, DMA_NONE);
		dma_unmap_single(&w.dev, bus, 4096, DMA_FROM_DEVICE);
		dma_unmap_single(&w.dev, bus + 4096, 4096, DMA_FROM_DEVICE);
		dma_unmap_page(NULL, bus, 8192, DMA_FROM_DEVICE);
		assert_int_equal(world_mapped(&w), 1);
		assert_int_equal(counters_of(&w).bad_argument, 2);
		assert_int_equal(counters_of(&w).wrong_pair, 1);
		assert_int_equal(counters_of(&w).bad_address, 2);
		assert_true(world_device_writes(&w, bus, "x", 1));
		dma_unmap_single(&w.dev, bus, 8192, DMA_FROM_DEVICE);
		assert_int_equal(w.high[0], 'x');
		dma_unmap_single(&w.dev, bus, 8192, DMA_FROM_DEVICE); /* again */
		assert_int_equal(counters_of(&w).bad_address, 3);
		world_end(&w);
	}
}

static void test_a_full_bounce_area_is_the_error_value_until_something_is_unmapped(void **state)
{
	dma_addr_t bus[33];
	struct world w;
	size_t n = 0;
	(void)state;

	world_start(&w, WORLD_BOUNCE);
	for (; n < 33; n++) {
		bus[n] = dma_map_single(&w.dev, w.high + 2048 * n, 2048, DMA_TO_DEVICE);
		if (dma_mapping_error(&w.dev, bus[n]))
			break;
	}
	assert_int_equal(n, 32); /* 64 KiB of 2 KiB slots */
	assert_int_equal(counters_of(&w).map_refused, 1);
	dma_unmap_single(&w.dev, bus[7], 2048, DMA_TO_DEVICE);
	bus[7] = dma_map_single(&w.dev, w.high, 1, DMA_TO_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, bus[7]), 0);
	dma_unmap_single(&w.dev, bus[7], 1, DMA_TO_DEVICE);
	while (n--)
		if (n != 7)
			dma_unmap_single(&w.dev, bus[n], 2048, DMA_TO_DEVICE);
	world_end(&w);
}

static void test_no_stand_in_is_longer_than_the_maximum(void **state)
{
	struct world w;
	(void)state;

	world_start(&w, WORLD_BOUNCE);
	size_t most = dma_max_mapping_size(&w.dev);
	assert_int_equal(most, 32768);
	for (size_t off = 0; off < 4096; off += 511) {
		dma_addr_t bus = dma_map_single(&w.dev, w.high + off, most, DMA_TO_DEVICE);
		assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
		dma_unmap_single(&w.dev, bus, most, DMA_TO_DEVICE);
	}
	assert_true(dma_map_single(&w.dev, w.high, most + 1, DMA_TO_DEVICE) == DMA_MAPPING_ERROR);
	world_end(&w);
}

static void test_low_bits_are_kept_or_the_mapping_fails(void **state)
{
	struct world w;
	(void)state;

	world_start(&w, WORLD_BOUNCE);
	assert_int_equal(dma_set_min_align_mask(&w.dev, 511), 0);
	assert_int_equal(dma_get_min_align_mask(&w.dev), 511);
	for (size_t off = 0; off < 1024; off += 73) {
		dma_addr_t bus = dma_map_single(&w.dev, w.high + off, 700, DMA_TO_DEVICE);
		assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
		assert_true(bus % 512 == off % 512);
		dma_unmap_single(&w.dev, bus, 700, DMA_TO_DEVICE);
	}
	/* More bits than the area keeps. */
	dma_set_min_align_mask(&w.dev, 1023);
	assert_true(dma_map_single(&w.dev, w.high + 600, 10, DMA_TO_DEVICE) == DMA_MAPPING_ERROR);
	assert_true(dma_map_phys(&w.dev, SMALL_PHYS + 0xa0000 + 600, 10, DMA_TO_DEVICE, 0) == DMA_MAPPING_ERROR);
	assert_int_equal(mete_bounce_used(&w.bounce), 0);
	world_end(&w);

	world_start(&w, WORLD_IOMMU); /* which keeps the offset in the page */
	dma_set_min_align_mask(&w.dev, 4095);
	dma_addr_t bus = dma_map_single(&w.dev, w.high + 1234, 10000, DMA_TO_DEVICE);
	assert_true(bus % 4096 == 1234);
	dma_unmap_single(&w.dev, bus, 10000, DMA_TO_DEVICE);
	world_end(&w);
}

static void test_an_iommu_shows_what_is_mapped_and_nothing_else(void **state)
{
	unsigned char byte = 0;
	struct world w;
	(void)state;

	world_start(&w, WORLD_IOMMU);
	for (size_t d = 0; d < 3; d++) {
		dma_addr_t bus = dma_map_single(&w.dev, w.high + 100, 5000, directions[d]);
		assert_true(bus >= WORLD_IOVA && bus % 4096 == 100);
		assert_int_equal(world_device_reads(&w, bus, &byte, 1), directions[d] != DMA_FROM_DEVICE);
		assert_int_equal(world_device_writes(&w, bus, &byte, 1), directions[d] != DMA_TO_DEVICE);
		assert_false(world_device_reads(&w, bus + 8192, &byte, 1));
		assert_false(world_device_reads(&w, SMALL_PHYS, &byte, 1));
		dma_unmap_single(&w.dev, bus, 5000, directions[d]);
		assert_false(world_device_reads(&w, bus, &byte, 1));
		assert_false(world_device_writes(&w, bus, &byte, 1));
	}
	world_end(&w);
}

static void test_used_up_iova_is_the_error_value_until_something_is_unmapped(void **state)
{
	struct world w;
	(void)state;

	world_start(&w, WORLD_IOMMU);
	dma_addr_t bus = dma_map_single(&w.dev, w.high, 200000, DMA_TO_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
	assert_true(dma_map_single(&w.dev, w.high, 200000, DMA_TO_DEVICE) == DMA_MAPPING_ERROR);
	dma_unmap_single(&w.dev, bus, 200000, DMA_TO_DEVICE);
	bus = dma_map_single(&w.dev, w.high, 200000, DMA_TO_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
	dma_unmap_single(&w.dev, bus, 200000, DMA_TO_DEVICE);
	w.fail_map = 0;
	assert_true(dma_map_single(&w.dev, w.high, 1, DMA_TO_DEVICE) == DMA_MAPPING_ERROR);
	world_end(&w);
}

/* Registers of another device: no memory, no copies, no stand-ins. */
static void test_resources_are_mapped_where_the_bus_shows_them(void **state)
{
	struct world w;
	(void)state;

	for (size_t way = 0; way < 3; way++) {
		world_start(&w, ways[way]);
		dma_addr_t bus = dma_map_resource(&w.dev, 0x20000000, 4096, DMA_BIDIRECTIONAL, 0);
		assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
		if (ways[way] == WORLD_IOMMU)
			assert_true(bus >= WORLD_IOVA && bus - WORLD_IOVA < WORLD_PAGES * 4096);
		else
			assert_true(bus == 0x20000000);
		dma_unmap_resource(&w.dev, bus, 4096, DMA_BIDIRECTIONAL, 0);
		bus = dma_map_phys(&w.dev, 0x20000000, 4096, DMA_TO_DEVICE, DMA_ATTR_MMIO);
		assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
		dma_unmap_phys(&w.dev, bus, 4096, DMA_TO_DEVICE, DMA_ATTR_MMIO);
		if (ways[way] != WORLD_IOMMU) {
			w.dev.mete_mask = 0x20000fff;
			assert_true(dma_map_resource(&w.dev, 0x20000001, 4096, DMA_TO_DEVICE, 0) == DMA_MAPPING_ERROR);
			w.dev.mete_mask = DMA_BIT_MASK(32);
		}
		/* Never bounced. */
		if (ways[way] == WORLD_BOUNCE)
			assert_true(dma_map_resource(&w.dev, SMALL_PHYS + 0xa0000, 16, DMA_TO_DEVICE, 0) == DMA_MAPPING_ERROR);
		world_end(&w);
	}
}

static void test_maps_that_make_no_sense_are_the_error_value(void **state)
{
	struct world w;
	struct device no_core = { 0 };
	(void)state;

	world_start(&w, WORLD_DIRECT);
	struct page *page = virt_to_page(w.high);
	assert_true(dma_map_page(NULL, page, 0, 16, DMA_TO_DEVICE) == DMA_MAPPING_ERROR);
	assert_true(dma_map_phys(&no_core, SMALL_PHYS, 16, DMA_TO_DEVICE, 0) == DMA_MAPPING_ERROR);
	assert_int_equal(counters_of(&w).bad_argument, 0);
	assert_true(dma_map_page(&w.dev, page, 0, 0, DMA_TO_DEVICE) == DMA_MAPPING_ERROR);
	assert_true(dma_map_page(&w.dev, page, 0, 16, DMA_NONE) == DMA_MAPPING_ERROR);
	assert_true(dma_map_page_attrs(&w.dev, page, 0, 16, DMA_TO_DEVICE, DMA_ATTR_MMIO) == DMA_MAPPING_ERROR);
	assert_true(dma_map_phys(&w.dev, SMALL_PHYS, 0, DMA_TO_DEVICE, 0) == DMA_MAPPING_ERROR);
	assert_true(dma_map_phys(&w.dev, SMALL_PHYS, 16, DMA_NONE, 0) == DMA_MAPPING_ERROR);
	assert_true(dma_map_resource(&w.dev, SMALL_PHYS, 0, DMA_TO_DEVICE, 0) == DMA_MAPPING_ERROR);
	assert_true(dma_map_resource(&w.dev, SMALL_PHYS, 16, DMA_NONE, 0) == DMA_MAPPING_ERROR);
	dma_unmap_resource(&w.dev, SMALL_PHYS, 0, DMA_TO_DEVICE, 0);
	assert_int_equal(counters_of(&w).bad_argument, 8);
	w.dev.dma_mask = NULL;
	assert_true(dma_map_page(&w.dev, page, 0, 16, DMA_TO_DEVICE) == DMA_MAPPING_ERROR);
	assert_true(dma_map_phys(&w.dev, SMALL_PHYS, 16, DMA_TO_DEVICE, 0) == DMA_MAPPING_ERROR);
	world_end(&w);
}

static struct world *cached_world;

static void count_cache(void *ctx, enum mete_cache op, void *cpu, mete_paddr phys, size_t len)
{
	(void)ctx;
	assert_true(phys % 64 == 0 && len % 64 == 0 && (uintptr_t)cpu % 64 == 0); /* whole lines */
	cached_world->ncache[op]++;
}

static void test_what_must_be_coherent_is_direct_or_fails(void **state)
{
	struct world w;
	(void)state;

	for (size_t way = 0; way < 3; way++) {
		world_start(&w, ways[way]);
		dma_addr_t bus = dma_map_single_attrs(&w.dev, w.high, 64, DMA_TO_DEVICE, DMA_ATTR_REQUIRE_COHERENT);
		assert_int_equal(dma_mapping_error(&w.dev, bus) == 0, ways[way] != WORLD_BOUNCE);
		if (ways[way] != WORLD_BOUNCE)
			dma_unmap_single_attrs(&w.dev, bus, 64, DMA_TO_DEVICE, DMA_ATTR_REQUIRE_COHERENT);
		bus = dma_map_phys(&w.dev, SMALL_PHYS + 0xa0000, 64, DMA_TO_DEVICE, DMA_ATTR_REQUIRE_COHERENT);
		assert_int_equal(dma_mapping_error(&w.dev, bus) == 0, ways[way] != WORLD_BOUNCE);
		if (ways[way] != WORLD_BOUNCE)
			dma_unmap_phys(&w.dev, bus, 64, DMA_TO_DEVICE, DMA_ATTR_REQUIRE_COHERENT);
		w.core.noncoherent = true;
		w.small.ops.cache = count_cache;
		cached_world = &w;
		assert_true(dma_map_single_attrs(&w.dev, w.high, 64, DMA_TO_DEVICE, DMA_ATTR_REQUIRE_COHERENT) == DMA_MAPPING_ERROR);
		world_end(&w);
	}
}

static void test_non_coherent_devices_get_their_cache_work(void **state)
{
	struct world w;
	(void)state;

	world_start(&w, WORLD_DIRECT);
	w.core.noncoherent = true;
	cached_world = &w;
	w.small.ops.cache = NULL;
	assert_true(dma_map_single(&w.dev, w.high, 128, DMA_TO_DEVICE) == DMA_MAPPING_ERROR); /* nothing could be done */
	w.small.ops.cache = count_cache;
	for (size_t skip = 0; skip < 2; skip++) {
		unsigned long attrs = skip ? DMA_ATTR_SKIP_CPU_SYNC : 0;
		memset(w.ncache, 0, sizeof w.ncache);
		dma_addr_t bus = dma_map_single_attrs(&w.dev, w.high, 128, DMA_FROM_DEVICE, attrs);
		assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
		assert_int_equal(w.ncache[METE_CACHE_CLEAN_INVALIDATE], !skip);
		dma_unmap_single_attrs(&w.dev, bus, 128, DMA_FROM_DEVICE, attrs);
		assert_int_equal(w.ncache[METE_CACHE_INVALIDATE], !skip);
		bus = dma_map_single_attrs(&w.dev, w.high, 128, DMA_TO_DEVICE, attrs);
		assert_int_equal(w.ncache[METE_CACHE_CLEAN], !skip);
		dma_unmap_single_attrs(&w.dev, bus, 128, DMA_TO_DEVICE, attrs);
		assert_int_equal(w.ncache[METE_CACHE_INVALIDATE], !skip);
	}
	assert_true(dma_need_sync(&w.dev, 0));
	world_end(&w);
}

static void test_a_line_that_is_not_all_the_buffers_is_never_written_by_the_device(void **state)
{
	unsigned char sent[10];
	struct world w;
	(void)state;

	memset(sent, 0x22, sizeof sent);
	world_start(&w, WORLD_BOUNCE);
	w.core.noncoherent = true;
	cached_world = &w;
	w.small.ops.cache = count_cache;
	unsigned char *low = w.small.memory + (w.bounce.phys == SMALL_PHYS ? 0x40000 : 0);
	mete_paddr phys = SMALL_PHYS + (mete_paddr)(low - w.small.memory);
	memset(low, 0x11, 128);
	dma_addr_t bus = dma_map_single(&w.dev, low + 4, 10, DMA_FROM_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
	assert_true(bus != phys + 4);
	assert_true(world_device_writes(&w, bus, sent, 10));
	dma_unmap_single(&w.dev, bus, 10, DMA_FROM_DEVICE);
	assert_true(all_are(low, 4, 0x11) && all_are(low + 4, 10, 0x22) && all_are(low + 14, 114, 0x11));
	bus = dma_map_single(&w.dev, low + 4, 10, DMA_TO_DEVICE); /* the device writes nothing */
	assert_true(bus == phys + 4);
	dma_unmap_single(&w.dev, bus, 10, DMA_TO_DEVICE);
	bus = dma_map_single(&w.dev, low, 128, DMA_FROM_DEVICE); /* whole lines */
	assert_true(bus == phys);
	dma_unmap_single(&w.dev, bus, 128, DMA_FROM_DEVICE);
	world_end(&w);

	world_start(&w, WORLD_DIRECT);
	w.core.noncoherent = true;
	cached_world = &w;
	w.small.ops.cache = count_cache;
	assert_true(dma_map_single(&w.dev, w.high + 4, 10, DMA_FROM_DEVICE) == DMA_MAPPING_ERROR);
	world_end(&w);
}

static void test_limits_are_defaults_until_set(void **state)
{
	struct world w;
	struct device no_core = { 0 };
	(void)state;

	world_start(&w, WORLD_DIRECT);
	assert_int_equal(dma_get_max_seg_size(&w.dev), 65536);
	assert_true(dma_get_seg_boundary(&w.dev) == ~0UL);
	assert_int_equal(dma_get_min_align_mask(&w.dev), 0);
	assert_int_equal(dma_set_max_seg_size(&w.dev, 4096), 0);
	assert_int_equal(dma_set_seg_boundary(&w.dev, 0xffff), 0);
	assert_int_equal(dma_set_min_align_mask(&w.dev, 4095), 0);
	assert_int_equal(dma_get_max_seg_size(&w.dev), 4096);
	assert_int_equal(dma_get_seg_boundary(&w.dev), 0xffff);
	assert_int_equal(dma_get_min_align_mask(&w.dev), 4095);
	w.dev.dma_parms = NULL;
	assert_int_equal(dma_set_max_seg_size(&w.dev, 4096), -EIO);
	assert_int_equal(dma_set_seg_boundary(&w.dev, 0xffff), -EIO);
	assert_int_equal(dma_set_min_align_mask(&w.dev, 4095), -EIO);
	assert_int_equal(dma_set_max_seg_size(NULL, 4096), -EIO);
	assert_int_equal(dma_get_max_seg_size(&w.dev), 65536);
	assert_int_equal(dma_get_max_seg_size(NULL), 65536);
	assert_true(dma_get_seg_boundary(&no_core) == ~0UL);
	assert_int_equal(dma_get_cache_alignment(), 1);
	world_end(&w);
}

static void test_masks_can_be_asked_for(void **state)
{
	struct world w;
	(void)state;

	world_start(&w, WORLD_DIRECT);
	assert_true(dma_get_mask(&w.dev) == DMA_BIT_MASK(32));
	assert_false(dma_addressing_limited(&w.dev));
	w.dev.mete_mask = DMA_BIT_MASK(28);
	assert_true(dma_get_mask(&w.dev) == DMA_BIT_MASK(28));
	assert_true(dma_addressing_limited(&w.dev));
	w.dev.mete_mask = 0;
	assert_true(dma_get_mask(&w.dev) == DMA_BIT_MASK(32));
	w.dev.bus_dma_limit = SMALL_PHYS;
	assert_true(dma_addressing_limited(&w.dev));
	w.dev.dma_mask = NULL;
	assert_true(dma_get_mask(&w.dev) == DMA_BIT_MASK(32));
	assert_true(dma_get_mask(NULL) == DMA_BIT_MASK(32));
	assert_false(dma_addressing_limited(NULL));
	world_end(&w);
}

static void test_mapping_sizes_are_limited_by_what_may_bounce(void **state)
{
	struct world w;
	(void)state;

	world_start(&w, WORLD_DIRECT);
	assert_true(dma_max_mapping_size(&w.dev) == SIZE_MAX && dma_opt_mapping_size(&w.dev) == SIZE_MAX);
	assert_int_equal(dma_get_merge_boundary(&w.dev), 0);
	assert_false(dma_need_sync(&w.dev, SMALL_PHYS));
	assert_int_equal(dma_max_mapping_size(NULL), 0);
	world_end(&w);
	world_start(&w, WORLD_IOMMU);
	assert_true(dma_max_mapping_size(&w.dev) == SIZE_MAX && dma_opt_mapping_size(&w.dev) == 131072);
	assert_int_equal(dma_get_merge_boundary(&w.dev), 4095);
	assert_int_equal(dma_get_merge_boundary(NULL), 0);
	world_end(&w);
	world_start(&w, WORLD_BOUNCE);
	assert_true(dma_opt_mapping_size(&w.dev) == dma_max_mapping_size(&w.dev));
	assert_true(dma_max_mapping_size(&w.dev) < SIZE_MAX && dma_need_sync(&w.dev, 0));
	/* A device that reaches all memory has no use for its area. */
	w.core.streaming.last = 0;
	assert_true(dma_max_mapping_size(&w.dev) == SIZE_MAX);
	w.core.noncoherent = true; /* but for parts of cache lines */
	assert_int_equal(dma_max_mapping_size(&w.dev), 32768);
	w.core.noncoherent = false;
	w.bounce.config.always = true;
	assert_int_equal(dma_max_mapping_size(&w.dev), 32768);
	world_end(&w);
}

static void test_unmap_fields_are_there(void **state)
{
	struct { int before; DEFINE_DMA_UNMAP_ADDR(bus); DEFINE_DMA_UNMAP_LEN(len); } ring = { 0, 0, 0 };
	(void)state;

	dma_unmap_addr_set(&ring, bus, 0x12345000);
	dma_unmap_len_set(&ring, len, 1500);
	assert_true(dma_unmap_addr(&ring, bus) == 0x12345000 && dma_unmap_len(&ring, len) == 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data_reach_the_device_and_come_back),
		cmocka_unit_test(test_pages_and_addresses_map_alike),
		cmocka_unit_test(test_mapping_copies_out_in_every_direction),
		cmocka_unit_test(test_unmapping_copies_back_what_the_device_may_write),
		cmocka_unit_test(test_sync_for_cpu_copies_back_only_where_the_device_writes),
		cmocka_unit_test(test_sync_for_device_copies_out_only_where_the_device_reads),
		cmocka_unit_test(test_a_peek_loses_nothing_that_the_device_writes_later),
		cmocka_unit_test(test_part_of_a_mapping_may_be_synced),
		cmocka_unit_test(test_bad_syncs_do_nothing_but_count),
		cmocka_unit_test(test_bad_unmaps_leave_the_mapping),
		cmocka_unit_test(test_a_full_bounce_area_is_the_error_value_until_something_is_unmapped),
		cmocka_unit_test(test_no_stand_in_is_longer_than_the_maximum),
		cmocka_unit_test(test_low_bits_are_kept_or_the_mapping_fails),
		cmocka_unit_test(test_an_iommu_shows_what_is_mapped_and_nothing_else),
		cmocka_unit_test(test_used_up_iova_is_the_error_value_until_something_is_unmapped),
		cmocka_unit_test(test_resources_are_mapped_where_the_bus_shows_them),
		cmocka_unit_test(test_maps_that_make_no_sense_are_the_error_value),
		cmocka_unit_test(test_what_must_be_coherent_is_direct_or_fails),
		cmocka_unit_test(test_non_coherent_devices_get_their_cache_work),
		cmocka_unit_test(test_a_line_that_is_not_all_the_buffers_is_never_written_by_the_device),
		cmocka_unit_test(test_limits_are_defaults_until_set),
		cmocka_unit_test(test_masks_can_be_asked_for),
		cmocka_unit_test(test_mapping_sizes_are_limited_by_what_may_bounce),
		cmocka_unit_test(test_unmap_fields_are_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
