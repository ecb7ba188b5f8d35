/* SPDX-License-Identifier: ISC */
/*
 * Direct maps: where the device sees memory, or why it cannot.
 */
#include "support.h"

#include <mete/map.h>

#include "small_arena.h"

static void test_a_map_is_the_address_on_the_bus(void **state)
{
	static const struct mete_bus_range range = { .phys = SMALL_PHYS, .bus = 0x8000, .len = SMALL_LEN };
	struct small_arena small;
	struct mete_device device;
	mete_baddr bus;
	(void)state;

	small_arena_start(&small);
	const struct mete_device_config config = { .provider = &small.arena.provider, .ranges = &range, .nranges = 1 };
	assert_ok(mete_device_init(&device, &config));
	assert_ok(mete_map_single(&device, NULL, small.memory + 1234, 5678, METE_DEVICE_READS, 0, &bus));
	assert_true(bus == 0x8000 + 1234);
	assert_ok(mete_unmap_single(&device, bus, 5678, METE_DEVICE_READS, 0));
	assert_int_equal(device.nmapped, 1);
	assert_int_equal(device.nunmapped, 1);
	assert_ok(mete_device_fini(&device));
	small_arena_end(&small);
}

static void test_maps_out_of_reach_are_refused_and_counted(void **state)
{
	static const struct mete_constraint streaming = { .last = SMALL_PHYS + 0x7ffff, .boundary = 0x10000,
		.max_transfer = 0x8000 };
	static const struct mete_constraint grains = { .granularity = 16, .min_transfer = 32 };
	static const struct mete_constraint low = { .last = SMALL_PHYS + 0xffff }, malformed = { .align = 6 };
	struct small_arena small;
	struct mete_device device;
	mete_baddr bus = 4711;
	(void)state;

	small_arena_start(&small);
	const struct mete_device_config config = { .provider = &small.arena.provider, .streaming = &streaming };
	assert_ok(mete_device_init(&device, &config));
	const struct {
		const struct mete_constraint *limit;
		const void *cpu;
		size_t len;
		int access;
		int want;
		const char *why;
	} rows[] = {
		{ NULL, small.memory, 0, 1, METE_EINVAL, "no length" },
		{ NULL, small.memory, 16, 0, METE_EINVAL, "no access" },
		{ NULL, small.memory, 16, 4, METE_EINVAL, "unknown access" },
		{ &malformed, small.memory, 16, 1, METE_EINVAL, "malformed limit" },
		{ NULL, &small, 16, 1, METE_EFAULT, "memory without a physical address" },
		{ NULL, NULL, 16, 1, METE_EFAULT, "null" },
		{ NULL, small.memory + SMALL_LEN - 8, 16, 1, METE_EFAULT, "beyond the end of memory" },
		{ NULL, small.memory, SIZE_MAX, 1, METE_ERANGE, "longest" },
		{ NULL, small.memory + 0x7ffff, 2, 1, METE_ERANGE, "beyond the device's reach" },
		{ NULL, small.memory + 0xffff, 2, 1, METE_ERANGE, "across the boundary" },
		{ NULL, small.memory, 0x8001, 1, METE_ERANGE, "longer than a transfer" },
		{ &low, small.memory + 0x10000, 1, 1, METE_ERANGE, "beyond the limit" },
		{ &grains, small.memory, 40, 1, METE_EINVAL, "not whole grains" },
		{ &grains, small.memory, 16, 1, METE_EINVAL, "shorter than a transfer" },
		{ &grains, small.memory, 48, 1, 0, "whole grains" },
		{ &low, small.memory + 0xffff, 1, 1, 0, "up to the limit" },
		{ NULL, small.memory + 0x7ffff, 1, 2, 0, "up to the device's reach" },
		{ NULL, small.memory + 0x10000, 0x8000, 3, 0, "from the boundary" },
	};
	unsigned long refused = 0, bad = 0;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bus = 4711;
		assert_row(mete_map_single(&device, rows[i].limit, rows[i].cpu, rows[i].len,
		               (enum mete_access)rows[i].access, 0, &bus) == rows[i].want, i, rows[i].why);
		assert_row((bus == 4711) == (rows[i].want != 0), i, rows[i].why);
		bad += rows[i].want == METE_EINVAL;
		refused += rows[i].want && rows[i].want != METE_EINVAL;
	}
	assert_error(mete_map_single(&device, NULL, small.memory, 1, METE_DEVICE_READS, 0, NULL), METE_EINVAL);
	assert_int_equal(small_arena_counters(&small).map_refused, refused);
	assert_int_equal(small_arena_counters(&small).bad_argument, bad + 1);
	assert_int_equal(device.nmapped, 4);
	small_arena_end(&small);
}

static void test_a_device_that_needs_sync_is_not_mapped_without(void **state)
{
	struct small_arena small;
	struct mete_device device;
	mete_baddr bus;
	(void)state;

	small_arena_start(&small);
	const struct mete_device_config config = { .provider = &small.arena.provider, .noncoherent = true };
	assert_ok(mete_device_init(&device, &config));
	assert_error(mete_map_single(&device, NULL, small.memory, 64, METE_DEVICE_READS, 0, &bus), METE_ENOTSUP);
	small_arena_end(&small);
}

static void test_bad_unmaps_are_refused_and_counted(void **state)
{
	static const struct mete_bus_range range = { .phys = SMALL_PHYS, .bus = 0x8000, .len = SMALL_LEN };
	struct small_arena small;
	struct mete_device device;
	(void)state;

	small_arena_start(&small);
	const struct mete_device_config config = { .provider = &small.arena.provider, .ranges = &range, .nranges = 1 };
	assert_ok(mete_device_init(&device, &config));
	assert_error(mete_unmap_single(&device, 0x8000, 0, METE_DEVICE_READS, 0), METE_EINVAL);
	assert_error(mete_unmap_single(&device, 0x8000, 1, (enum mete_access)0, 0), METE_EINVAL);
	assert_error(mete_unmap_single(&device, 0x7fff, 1, METE_DEVICE_READS, 0), METE_EFAULT);
	assert_error(mete_unmap_single(&device, METE_BADDR_MAX, 2, METE_DEVICE_READS, 0), METE_EFAULT);
	assert_int_equal(small_arena_counters(&small).bad_argument, 2);
	assert_int_equal(small_arena_counters(&small).bad_address, 2);
	assert_int_equal(device.nunmapped, 0);
	small_arena_end(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_map_is_the_address_on_the_bus),
		cmocka_unit_test(test_maps_out_of_reach_are_refused_and_counted),
		cmocka_unit_test(test_a_device_that_needs_sync_is_not_mapped_without),
		cmocka_unit_test(test_bad_unmaps_are_refused_and_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
