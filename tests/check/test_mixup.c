/* SPDX-License-Identifier: ISC */
/*
 * The verifier over arguments that fit together for this machine only, or for none: addresses of the wrong kind, devices that
 * are gone, too many mappings, limits that contradict each other.
 */
#include "check_world.h"

#include <mete/bounce.h>
#include <mete/map.h>
#include <mete/pool.h>
#include <mete/watch.h>
#include <mete/window.h>

static unsigned char buffer[2][4096] __attribute__((aligned(4096)));

static void test_a_pointer_is_no_bus_address(void **state)
{
	struct world w;
	mete_baddr bus;
	(void)state;

	world_start(&w, 0);
	assert_ok(mete_map_single(&w.device, NULL, buffer[0], 2048, METE_DEVICE_WRITES, 0, &bus));
	assert_true(bus != (uintptr_t)buffer[0]); /* or there would be nothing to see */
	unsigned line = __LINE__ + 1;
	(void)mete_sync_single(&w.device, (mete_baddr)(uintptr_t)buffer[0] + 64, 64, METE_FOR_CPU, METE_DEVICE_WRITES);
	assert_told(&w, 1, METE_DMA_M12, line);
	line = __LINE__ + 1;
	(void)mete_unmap_single(&w.device, (mete_baddr)(uintptr_t)buffer[0], 2048, METE_DEVICE_WRITES, 0);
	assert_told(&w, 2, METE_DMA_M12, line);
	assert_non_null(strstr(w.told[1].text, "is a pointer, and a bus address was expected"));
	/* What is neither is just not mapped. */
	(void)mete_unmap_single(&w.device, (mete_baddr)(uintptr_t)buffer[1], 2048, METE_DEVICE_WRITES, 0);
	assert_told(&w, 3, METE_DMA_M09, 0);
	assert_ok(mete_unmap_single(&w.device, bus, 2048, METE_DEVICE_WRITES, 0));
	assert_silent(&w, 3);
	world_end(&w);
}

static void test_a_bus_address_is_no_pointer(void **state)
{
	struct world w;
	mete_baddr bus, again;
	void *cpu;
	(void)state;

	world_start(&w, 0);
	assert_ok(mete_device_alloc(&w.device, NULL, 4096, METE_MEMORY_COHERENT, 0, &cpu, &bus));
	assert_true(bus != (uintptr_t)cpu);
	unsigned line = __LINE__ + 1;
	assert_int_equal(mete_device_free(&w.device, (void *)(uintptr_t)bus, 4096), METE_EFAULT);
	assert_told(&w, 1, METE_DMA_M12, line);
	line = __LINE__ + 1;
	assert_ok(mete_map_single(&w.device, NULL, (void *)(uintptr_t)bus, 64, METE_DEVICE_READS, METE_MAP_SKIP_SYNC, &again));
	assert_told(&w, 2, METE_DMA_M12, line); /* the host finds an address for whatever is given */
	assert_ok(mete_unmap_single(&w.device, again, 64, METE_DEVICE_READS, METE_MAP_SKIP_SYNC));
	assert_ok(mete_device_free(&w.device, cpu, 4096));
	/* Where the CPU sees memory, a pointer is right, even if something of the same number is on the bus. */
	struct mete_device same;
	struct mete_bus_range range[2];
	for (int i = 0; i < 2; i++) {
		assert_ok(mete_map_single(&w.device, NULL, buffer[i], 64, METE_DEVICE_READS, 0, &bus));
		range[i] = (struct mete_bus_range){ .phys = bus, .bus = i ? bus : (mete_baddr)(uintptr_t)buffer[1], .len = 4096 };
		assert_ok(mete_unmap_single(&w.device, bus, 64, METE_DEVICE_READS, 0));
	}
	const struct mete_device_config config = { .provider = w.provider, .ranges = range, .nranges = 2 };
	assert_ok(mete_device_init(&same, &config));
	assert_ok(mete_map_single(&same, NULL, buffer[0], 64, METE_DEVICE_READS, 0, &bus));
	assert_int_equal(bus, (uintptr_t)buffer[1]);
	assert_ok(mete_map_single(&same, NULL, buffer[1], 64, METE_DEVICE_READS, 0, &again));
	assert_ok(mete_unmap_single(&same, again, 64, METE_DEVICE_READS, 0));
	assert_ok(mete_unmap_single(&same, bus, 64, METE_DEVICE_READS, 0));
	assert_ok(mete_device_fini(&same));
	assert_silent(&w, 2);
	world_end(&w);
}

static void test_a_device_that_is_gone_gets_nothing(void **state)
{
	struct world w;
	struct mete_device other;
	mete_baddr bus;
	(void)state;

	world_start(&w, 0);
	const struct mete_device_config config = { .provider = w.provider, .name = "disk" };
	assert_ok(mete_device_init(&other, &config));
	assert_ok(mete_device_fini(&other));
	assert_ok(mete_map_single(&w.device, NULL, buffer[0], 64, METE_DEVICE_READS, 0, &bus));
	assert_ok(mete_unmap_single(&w.device, bus, 64, METE_DEVICE_READS, 0));
	assert_silent(&w, 0);
	unsigned line = __LINE__ + 1;
	assert_ok(mete_map_single(&other, NULL, buffer[0], 64, METE_DEVICE_READS, 0, &bus));
	assert_told(&w, 1, METE_DMA_M14, line);
	assert_ok(mete_unmap_single(&other, bus, 64, METE_DEVICE_READS, 0));
	assert_ok(mete_device_init(&other, &config)); /* another one, at the same place */
	assert_ok(mete_map_single(&other, NULL, buffer[0], 64, METE_DEVICE_READS, 0, &bus));
	assert_ok(mete_unmap_single(&other, bus, 64, METE_DEVICE_READS, 0));
	assert_ok(mete_device_fini(&other));
	assert_silent(&w, 1);
	world_end(&w);
}

static void test_no_more_mappings_than_agreed(void **state)
{
	struct world w;
	mete_baddr bus[3];
	(void)state;

	world_start(&w, 2);
	for (int round = 0; round < 3; round++) { /* one after the other is fine */
		for (int i = 0; i < 2; i++)
			assert_ok(mete_map_single(&w.device, NULL, buffer[i], 64, METE_DEVICE_READS, 0, &bus[i]));
		for (int i = 0; i < 2; i++)
			assert_ok(mete_unmap_single(&w.device, bus[i], 64, METE_DEVICE_READS, 0));
	}
	for (int i = 0; i < 2; i++)
		assert_ok(mete_map_single(&w.device, NULL, buffer[i], 64, METE_DEVICE_READS, 0, &bus[i]));
	assert_int_not_equal(mete_unmap_single(&w.device, bus[1], 64, METE_DEVICE_READS, 1u << 31), 0); /* it stays */
	assert_silent(&w, 0);
	unsigned line = __LINE__ + 1;
	assert_ok(mete_map_single(&w.device, NULL, buffer[0] + 1024, 64, METE_DEVICE_READS, 0, &bus[2]));
	assert_told(&w, 1, METE_DMA_M15, line);
	for (int i = 0; i < 3; i++)
		assert_ok(mete_unmap_single(&w.device, bus[i], 64, METE_DEVICE_READS, 0));
	world_end(&w);
}

static void test_a_wait_is_told_where_none_may_be(void **state)
{
	const struct mete_pool_config config = { .len = 100 };
	struct world w;
	struct mete_pool pool;
	void *cpu;
	(void)state;

	world_start(&w, 0);
	assert_ok(mete_pool_init(&pool, &w.device, &config));
	assert_ok(mete_pool_alloc(&pool, METE_WAIT, &cpu, NULL));
	assert_ok(mete_pool_free(&pool, cpu));
	w.atomic = true;
	assert_ok(mete_pool_alloc(&pool, 0, &cpu, NULL));
	assert_ok(mete_pool_free(&pool, cpu));
	assert_silent(&w, 0);
	unsigned line = __LINE__ + 1;
	assert_ok(mete_pool_alloc(&pool, METE_WAIT, &cpu, NULL));
	assert_told(&w, 1, METE_DMA_X01, line);
	assert_ok(mete_pool_free(&pool, cpu));
	line = __LINE__ + 1;
	assert_ok(mete_device_alloc(&w.device, NULL, 64, METE_MEMORY_COHERENT, METE_WAIT, &cpu, NULL));
	assert_told(&w, 2, METE_DMA_X01, line);
	assert_ok(mete_device_free(&w.device, cpu, 64));
	assert_ok(mete_pool_fini(&pool));
	world_end(&w);
}

struct once {
	const struct mete_piece *piece;
	bool done;
};

static bool once_next(void *ctx, struct mete_piece *ret)
{
	struct once *once = ctx;
	bool more = !once->done;

	once->done = true;
	*ret = *once->piece;
	return more;
}

static void once_rewind(void *ctx)
{
	((struct once *)ctx)->done = false;
}

static void test_a_window_that_there_is_not(void **state)
{
	const struct mete_piece piece = { .cpu = buffer[0], .len = 4096 };
	struct once once = { &piece, false };
	const struct mete_pieces pieces = { once_next, &once, once_rewind };
	struct mete_segment segments[1];
	struct mete_window window[2];
	struct mete_windows windows;
	struct mete_map map;
	struct world w;
	(void)state;

	world_start(&w, 0);
	assert_ok(mete_map_init(&map, &w.device, NULL, segments, 1));
	assert_ok(mete_windows_init(&windows, &map, window, 2));
	assert_ok(mete_windows_load(&windows, &pieces, METE_DEVICE_READS, 0));
	assert_ok(mete_windows_show(&windows, 0));
	assert_silent(&w, 0);
	unsigned line = __LINE__ + 1;
	assert_int_equal(mete_windows_show(&windows, windows.nwindows), METE_EINVAL);
	assert_told(&w, 1, METE_DMA_C09, line);
	assert_ok(mete_windows_unload(&windows));
	line = __LINE__ + 1;
	assert_int_equal(mete_windows_show(&windows, 0), METE_EINVAL);
	assert_told(&w, 2, METE_DMA_C09, line);
	world_end(&w);
}

/* Where syncs do something: everything is copied. */
static void test_a_mapping_without_a_sync_needs_one_by_hand(void **state)
{
	const struct mete_bounce_config config = { .len = 8192, .always = true };
	struct mete_watch_access access = { .len = 4 };
	struct mete_bounce bounce;
	struct world w;
	(void)state;

	for (int copied = 0; copied < 2; copied++) {
		world_start(&w, 0);
		if (copied)
			assert_ok(mete_bounce_init(&bounce, &w.device, &config));
		access.device = &w.device;
		for (int synced = 0; synced < 2; synced++) {
			assert_ok(mete_map_single(&w.device, NULL, buffer[0], 64, METE_DEVICE_READS, METE_MAP_SKIP_SYNC, &access.bus));
			if (synced)
				assert_ok(mete_sync_single(&w.device, access.bus, 64, METE_FOR_DEVICE, METE_DEVICE_READS));
			size_t n = mete_check_count(w.check, METE_DMA_M16); /* the same place is told of once */
			mete_watch_access(w.check, &access);
			assert_int_equal(mete_check_count(w.check, METE_DMA_M16), n + (copied && !synced));
			assert_ok(mete_unmap_single(&w.device, access.bus, 64, METE_DEVICE_READS, METE_MAP_SKIP_SYNC));
		}
		assert_int_equal(w.ntold, copied);
		if (copied)
			assert_ok(mete_bounce_fini(&bounce));
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pointer_is_no_bus_address),
		cmocka_unit_test(test_a_bus_address_is_no_pointer),
		cmocka_unit_test(test_a_device_that_is_gone_gets_nothing),
		cmocka_unit_test(test_no_more_mappings_than_agreed),
		cmocka_unit_test(test_a_wait_is_told_where_none_may_be),
		cmocka_unit_test(test_a_window_that_there_is_not),
		cmocka_unit_test(test_a_mapping_without_a_sync_needs_one_by_hand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
