/* SPDX-License-Identifier: ISC */
/*
 * The Linux DMA API as a driver calls it, from the native header: coherent memory, streaming maps, masks.
 */
#include "support.h"

#include <errno.h>
#include <linux/dma-mapping.h>

#include <mete/host.h>

#include "small_arena.h"

struct linux_world {
	struct small_arena small;
	struct device dev;
};

static void start(struct linux_world *w)
{
	small_arena_start(&w->small);
	mete_linux_device_init(&w->dev, "test", &w->small.device);
}

static void end(struct linux_world *w)
{
	small_arena_end(&w->small);
}

/* A host world: memory above 4 GiB, below it, and below 16 MiB. */
struct host_world {
	struct mete_host *host;
	struct mete_device core;
	struct device dev;
};

static void start_host(struct host_world *w)
{
	assert_ok(mete_host_create(NULL, &w->host));
	const struct mete_device_config config = { .provider = mete_host_provider(w->host) };
	assert_ok(mete_device_init(&w->core, &config));
	mete_linux_device_init(&w->dev, "test", &w->core);
}

static void end_host(struct host_world *w)
{
	assert_ok(mete_device_fini(&w->core));
	assert_ok(mete_host_destroy(w->host));
}

static size_t order_len(size_t size)
{
	size_t len = 4096;
	while (len < size)
		len *= 2;
	return len;
}

static void test_coherent_memory_is_zeroed_and_order_aligned(void **state)
{
	struct linux_world w;
	(void)state;

	start(&w);
	memset(w.small.memory, 0xa5, SMALL_LEN);
	for (size_t size = 1; size <= 300000; size = size * 3 + 1) {
		dma_addr_t handle;
		unsigned char *cpu = dma_alloc_coherent(&w.dev, size, &handle, GFP_KERNEL);
		assert_non_null(cpu);
		assert_true(handle % order_len(size) == 0);
		assert_true((uintptr_t)cpu % order_len(size) == 0);
		for (size_t i = 0; i < (size + 4095) / 4096 * 4096; i++)
			assert_int_equal(cpu[i], 0);
		memset(cpu, 0xa5, size);
		dma_free_coherent(&w.dev, size, cpu, handle);
	}
	end(&w);
}

static void test_zalloc_is_alloc(void **state)
{
	struct linux_world w;
	dma_addr_t handle;
	(void)state;

	start(&w);
	memset(w.small.memory, 0xa5, SMALL_LEN);
	unsigned char *cpu = dma_zalloc_coherent(&w.dev, 100, &handle, GFP_ATOMIC);
	assert_non_null(cpu);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(cpu[i], 0);
	dma_free_coherent(&w.dev, 100, cpu, handle);
	end(&w);
}

static void test_coherent_memory_obeys_the_coherent_mask_only(void **state)
{
	static const u64 masks[] = { DMA_BIT_MASK(64), DMA_BIT_MASK(48), DMA_BIT_MASK(32), DMA_BIT_MASK(24) };
	struct host_world w;
	dma_addr_t handle;
	(void)state;

	start_host(&w);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(dma_set_coherent_mask(&w.dev, masks[i]), 0);
		assert_int_equal(dma_set_mask(&w.dev, masks[3 - i]), 0);
		void *cpu = dma_alloc_coherent(&w.dev, 5000, &handle, GFP_KERNEL | GFP_DMA);
		assert_non_null(cpu);
		assert_true(handle + 4999 <= masks[i]);
		assert_int_equal(handle > UINT32_MAX, i < 2); /* wide masks leave narrow memory alone; GFP_DMA is stripped */
		dma_free_coherent(&w.dev, 5000, cpu, handle);
	}
	w.dev.bus_dma_limit = 0xffffff;
	w.dev.coherent_dma_mask = DMA_BIT_MASK(64);
	void *cpu = dma_alloc_coherent(&w.dev, 4096, &handle, GFP_KERNEL);
	assert_true(handle <= 0xffffff);
	dma_free_coherent(&w.dev, 4096, cpu, handle);
	end_host(&w);
}

static void test_an_unset_coherent_mask_limits_nothing(void **state)
{
	struct linux_world w;
	dma_addr_t handle;
	(void)state;

	start(&w);
	w.dev.coherent_dma_mask = 0;
	void *cpu = dma_alloc_coherent(&w.dev, 16, &handle, GFP_KERNEL);
	assert_non_null(cpu);
	dma_free_coherent(&w.dev, 16, cpu, handle);
	end(&w);
}

static void test_bad_coherent_requests_are_null_and_leave_the_handle(void **state)
{
	struct linux_world w;
	struct device no_core = { 0 };
	dma_addr_t handle = 4711;
	(void)state;

	start(&w);
	assert_null(dma_alloc_coherent(&w.dev, 0, &handle, GFP_KERNEL));
	assert_null(dma_alloc_coherent(&w.dev, SIZE_MAX, &handle, GFP_KERNEL));
	assert_null(dma_alloc_coherent(&w.dev, SIZE_MAX / 2, &handle, GFP_KERNEL));
	assert_null(dma_alloc_coherent(&w.dev, SMALL_LEN + 1, &handle, GFP_KERNEL));
	assert_null(dma_alloc_coherent(&w.dev, 16, &handle, GFP_KERNEL | __GFP_COMP));
	assert_null(dma_alloc_coherent(NULL, 16, &handle, GFP_KERNEL));
	assert_null(dma_alloc_coherent(&no_core, 16, &handle, GFP_KERNEL));
	w.dev.coherent_dma_mask = 0xffff;
	assert_null(dma_alloc_coherent(&w.dev, 16, &handle, GFP_KERNEL));
	assert_true(handle == 4711);
	struct mete_counters counters = small_arena_counters(&w.small);
	assert_true(counters.bad_argument >= 3);
	assert_int_equal(counters.bad_argument + counters.failed, 6);
	end(&w);
}

static void test_bad_coherent_frees_do_nothing_but_count(void **state)
{
	struct linux_world w;
	dma_addr_t handle;
	(void)state;

	start(&w);
	char *cpu = dma_alloc_coherent(&w.dev, 5000, &handle, GFP_KERNEL);
	dma_free_coherent(&w.dev, 5000, NULL, handle);
	dma_free_coherent(NULL, 5000, cpu, handle);
	dma_free_coherent(&w.dev, 5001, cpu, handle);
	dma_free_coherent(&w.dev, 4096, cpu, handle);
	dma_free_coherent(&w.dev, 5000, cpu, handle + 1);
	dma_free_coherent(&w.dev, 5000, cpu + 4096, handle + 4096);
	dma_free_coherent(&w.dev, 5000, &w, handle);
	struct mete_counters counters = small_arena_counters(&w.small);
	assert_int_equal(counters.wrong_size, 2);
	assert_int_equal(counters.wrong_pair, 1);
	assert_int_equal(counters.bad_address, 2);
	assert_int_equal(mete_arena_free(&w.small.arena), SMALL_LEN - 8192);
	dma_free_coherent(&w.dev, 5000, cpu, handle);
	dma_free_coherent(&w.dev, 5000, cpu, handle);
	assert_int_equal(small_arena_counters(&w.small).bad_address, 3);
	end(&w);
}

static void test_a_map_is_where_the_device_sees_the_memory(void **state)
{
	static const enum dma_data_direction directions[] = { DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_BIDIRECTIONAL };
	struct linux_world w;
	(void)state;

	start(&w);
	for (size_t i = 0; i < 3; i++) {
		dma_addr_t handle = dma_map_single(&w.dev, w.small.memory + 77, 1500, directions[i]);
		assert_int_equal(dma_mapping_error(&w.dev, handle), 0);
		assert_true(handle == SMALL_PHYS + 77);
		dma_unmap_single(&w.dev, handle, 1500, directions[i]);
	}
	assert_int_equal(w.small.device.nmapped, 3);
	assert_int_equal(w.small.device.nunmapped, 3);
	end(&w);
}

static void test_handle_0_is_no_error(void **state)
{
	static const struct mete_bus_range range = { .phys = SMALL_PHYS, .bus = 0, .len = SMALL_LEN };
	struct linux_world w;
	struct mete_device core;
	(void)state;

	start(&w);
	const struct mete_device_config config = { .provider = &w.small.arena.provider, .ranges = &range, .nranges = 1 };
	assert_ok(mete_device_init(&core, &config));
	w.dev.mete_core = &core;
	dma_addr_t handle = dma_map_single(&w.dev, w.small.memory, 16, DMA_TO_DEVICE);
	assert_true(handle == 0);
	assert_int_equal(dma_mapping_error(&w.dev, handle), 0);
	dma_unmap_single(&w.dev, handle, 16, DMA_TO_DEVICE);
	assert_int_equal(core.nunmapped, 1);
	end(&w);
}

static void test_maps_that_cannot_be_are_the_error_value(void **state)
{
	struct linux_world w;
	struct device no_core = { 0 };
	(void)state;

	start(&w);
	const struct {
		struct device *dev;
		void *cpu;
		size_t size;
		int direction;
		const char *why;
	} rows[] = {
		{ NULL, w.small.memory, 16, DMA_TO_DEVICE, "no device" },
		{ &no_core, w.small.memory, 16, DMA_TO_DEVICE, "a device without DMA" },
		{ &w.dev, w.small.memory, 0, DMA_TO_DEVICE, "no length" },
		{ &w.dev, w.small.memory, SMALL_LEN + 1, DMA_TO_DEVICE, "past the end" },
		{ &w.dev, w.small.memory, SIZE_MAX, DMA_TO_DEVICE, "longest" },
		{ &w.dev, &w, 16, DMA_TO_DEVICE, "memory of the stack" },
		{ &w.dev, NULL, 16, DMA_TO_DEVICE, "null" },
		{ &w.dev, w.small.memory, 16, DMA_NONE, "no direction" },
		{ &w.dev, w.small.memory, 16, 17, "unknown direction" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		dma_addr_t handle = dma_map_single(rows[i].dev, rows[i].cpu, rows[i].size,
		    (enum dma_data_direction)rows[i].direction);
		assert_row(handle == DMA_MAPPING_ERROR, i, rows[i].why);
		assert_row(dma_mapping_error(rows[i].dev, handle) == -ENOMEM, i, rows[i].why);
	}
	w.dev.dma_mask = NULL;
	assert_true(dma_map_single(&w.dev, w.small.memory, 16, DMA_TO_DEVICE) == DMA_MAPPING_ERROR);
	assert_int_equal(w.small.device.nmapped, 0);
	end(&w);
}

static void test_maps_obey_mask_and_bus_limit(void **state)
{
	struct linux_world w;
	(void)state;

	start(&w);
	w.dev.mete_mask = SMALL_PHYS + 0x1ffff;
	assert_true(dma_map_single(&w.dev, w.small.memory + 0x1fff0, 16, DMA_TO_DEVICE) == SMALL_PHYS + 0x1fff0);
	assert_true(dma_map_single(&w.dev, w.small.memory + 0x1fff0, 17, DMA_TO_DEVICE) == DMA_MAPPING_ERROR);
	w.dev.mete_mask = DMA_BIT_MASK(32);
	w.dev.bus_dma_limit = SMALL_PHYS + 0xff;
	assert_true(dma_map_single(&w.dev, w.small.memory, 256, DMA_TO_DEVICE) == SMALL_PHYS);
	assert_true(dma_map_single(&w.dev, w.small.memory, 257, DMA_TO_DEVICE) == DMA_MAPPING_ERROR);
	assert_int_equal(small_arena_counters(&w.small).map_refused, 2);
	end(&w);
}

static void test_a_streaming_mask_of_0_limits_nothing(void **state)
{
	struct linux_world w;
	(void)state;

	start(&w);
	w.dev.mete_mask = 0;
	assert_true(dma_map_single(&w.dev, w.small.memory, 16, DMA_TO_DEVICE) == SMALL_PHYS);
	end(&w);
}

static void test_bad_unmaps_do_nothing_but_count(void **state)
{
	struct linux_world w;
	(void)state;

	start(&w);
	dma_unmap_single(NULL, SMALL_PHYS, 16, DMA_TO_DEVICE);
	dma_unmap_single(&w.dev, DMA_MAPPING_ERROR, 16, DMA_TO_DEVICE);
	dma_unmap_single(&w.dev, SMALL_PHYS, 0, DMA_TO_DEVICE);
	dma_unmap_single(&w.dev, SMALL_PHYS, 16, DMA_NONE);
	assert_int_equal(small_arena_counters(&w.small).wrong_pair, 1);
	assert_int_equal(small_arena_counters(&w.small).bad_argument, 2);
	assert_int_equal(w.small.device.nunmapped, 0);
	end(&w);
}

/* Without an IOMMU: 32 bits always do; fewer must cover the narrow zone, or all memory where there is less. */
static void test_masks_are_accepted_as_far_as_memory_goes(void **state)
{
	struct linux_world w;
	(void)state;

	start(&w);
	for (unsigned bits = 25; bits <= 64; bits++)
		assert_int_equal(dma_supported(&w.dev, DMA_BIT_MASK(bits)), 1);
	assert_int_equal(dma_supported(&w.dev, DMA_BIT_MASK(24)), 1);
	assert_int_equal(dma_supported(&w.dev, DMA_BIT_MASK(23)), 0);
	assert_int_equal(dma_supported(&w.dev, 0), 0);
	assert_int_equal(dma_supported(NULL, DMA_BIT_MASK(64)), 0);
	end(&w);
}

static void test_a_mask_short_of_the_narrow_zone_is_refused(void **state)
{
	struct host_world h;
	(void)state;

	start_host(&h);
	assert_int_equal(dma_supported(&h.dev, DMA_BIT_MASK(24)), 1);
	assert_int_equal(dma_supported(&h.dev, DMA_BIT_MASK(20)), 0);
	end_host(&h);
}

static void test_a_mask_that_covers_all_memory_is_accepted_however_narrow(void **state)
{
	static const struct mete_bus_range low = { .phys = SMALL_PHYS, .bus = 0, .len = SMALL_LEN };
	struct linux_world w;
	struct mete_device core;
	(void)state;

	start(&w);
	const struct mete_device_config config = { .provider = &w.small.arena.provider, .ranges = &low, .nranges = 1 };
	assert_ok(mete_device_init(&core, &config));
	w.dev.mete_core = &core;
	assert_int_equal(dma_supported(&w.dev, DMA_BIT_MASK(20)), 1); /* 1 MiB from 0 */
	assert_int_equal(dma_supported(&w.dev, DMA_BIT_MASK(19)), 0);
	assert_true(dma_get_required_mask(&w.dev) == DMA_BIT_MASK(20));
	end(&w);
}

static void test_setting_a_mask_stores_it_or_changes_nothing(void **state)
{
	struct linux_world w;
	(void)state;

	start(&w);
	assert_int_equal(dma_set_mask(&w.dev, DMA_BIT_MASK(40)), 0);
	assert_true(*w.dev.dma_mask == (dma_addr_t)DMA_BIT_MASK(40));
	assert_int_equal(dma_set_coherent_mask(&w.dev, DMA_BIT_MASK(36)), 0);
	assert_true(w.dev.coherent_dma_mask == (dma_addr_t)DMA_BIT_MASK(36));
	assert_int_equal(dma_set_mask_and_coherent(&w.dev, DMA_BIT_MASK(32)), 0);
	assert_true(*w.dev.dma_mask == DMA_BIT_MASK(32) && w.dev.coherent_dma_mask == DMA_BIT_MASK(32));

	assert_int_equal(dma_set_mask(&w.dev, DMA_BIT_MASK(8)), -EIO);
	assert_int_equal(dma_set_coherent_mask(&w.dev, DMA_BIT_MASK(8)), -EIO);
	assert_int_equal(dma_set_mask_and_coherent(&w.dev, 0), -EIO);
	assert_true(*w.dev.dma_mask == DMA_BIT_MASK(32) && w.dev.coherent_dma_mask == DMA_BIT_MASK(32));
	w.dev.dma_mask = NULL;
	assert_int_equal(dma_set_mask(&w.dev, DMA_BIT_MASK(64)), -EIO);
	assert_int_equal(dma_set_mask_and_coherent(&w.dev, DMA_BIT_MASK(64)), -EIO);
	assert_int_equal(dma_set_coherent_mask(&w.dev, DMA_BIT_MASK(64)), 0); /* needs no pointer */
	assert_int_equal(dma_set_mask(NULL, DMA_BIT_MASK(64)), -EIO);
	assert_int_equal(dma_set_coherent_mask(NULL, DMA_BIT_MASK(64)), -EIO);
	end(&w);
}

static void test_the_required_mask_covers_the_last_byte_of_memory(void **state)
{
	struct linux_world w;
	(void)state;

	start(&w);
	assert_true(dma_get_required_mask(&w.dev) == DMA_BIT_MASK(31)); /* memory ends below 0x40100000 */
	assert_true(dma_get_required_mask(NULL) == 0);
	end(&w);
}

static void test_bit_masks_are_whole(void **state)
{
	(void)state;
	assert_true(DMA_BIT_MASK(64) == ~0ULL);
	for (unsigned n = 1; n < 64; n++)
		assert_true(DMA_BIT_MASK(n) == (1ULL << n) - 1);
	assert_true(DMA_MAPPING_ERROR == (dma_addr_t)-1);
}

static void test_each_failure_of_the_provider_is_survived(void **state)
{
	struct linux_world w;
	dma_addr_t handle = 4711;
	(void)state;

	start(&w);
	size_t records = w.small.nrecords;
	w.small.fail_takes = 0;
	assert_null(dma_alloc_coherent(&w.dev, 16, &handle, GFP_KERNEL));
	w.small.fail_takes = SIZE_MAX;
	w.small.fail_records = 0;
	assert_null(dma_alloc_coherent(&w.dev, 16, &handle, GFP_KERNEL));
	w.small.fail_records = SIZE_MAX;
	assert_int_equal(w.small.nrecords, records);
	assert_true(handle == 4711);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_coherent_memory_is_zeroed_and_order_aligned),
		cmocka_unit_test(test_zalloc_is_alloc),
		wide_unit_test(test_coherent_memory_obeys_the_coherent_mask_only),
		cmocka_unit_test(test_an_unset_coherent_mask_limits_nothing),
		cmocka_unit_test(test_bad_coherent_requests_are_null_and_leave_the_handle),
		cmocka_unit_test(test_bad_coherent_frees_do_nothing_but_count),
		cmocka_unit_test(test_a_map_is_where_the_device_sees_the_memory),
		cmocka_unit_test(test_handle_0_is_no_error),
		cmocka_unit_test(test_maps_that_cannot_be_are_the_error_value),
		cmocka_unit_test(test_maps_obey_mask_and_bus_limit),
		cmocka_unit_test(test_a_streaming_mask_of_0_limits_nothing),
		cmocka_unit_test(test_bad_unmaps_do_nothing_but_count),
		cmocka_unit_test(test_masks_are_accepted_as_far_as_memory_goes),
		wide_unit_test(test_a_mask_short_of_the_narrow_zone_is_refused),
		cmocka_unit_test(test_a_mask_that_covers_all_memory_is_accepted_however_narrow),
		cmocka_unit_test(test_setting_a_mask_stores_it_or_changes_nothing),
		cmocka_unit_test(test_the_required_mask_covers_the_last_byte_of_memory),
		cmocka_unit_test(test_bit_masks_are_whole),
		cmocka_unit_test(test_each_failure_of_the_provider_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
