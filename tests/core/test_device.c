/* SPDX-License-Identifier: ISC */
/*
 * Device: address translation, limits, whole runs, and every way to free one wrongly.
 */
#include "support.h"

#include "small_arena.h"

static void test_malformed_devices_are_refused(void **state)
{
	static const struct mete_constraint bad = { .align = 3 };
	static const struct mete_bus_range overlap_bus[] = { { 0, 0, 100 }, { 1000, 50, 100 } };
	static const struct mete_bus_range overlap_phys[] = { { 0, 0, 100 }, { 50, 1000, 100 } };
	static const struct mete_bus_range past_end[] = { { METE_PADDR_MAX - 10, 0, 12 } };
	static const struct mete_bus_range past_bus_end[] = { { 0, METE_BADDR_MAX - 10, 12 } };
	struct small_arena small;
	struct mete_device device;
	(void)state;

	small_arena_start(&small);
	struct mete_provider *p = &small.arena.provider;
	const struct {
		struct mete_device_config config;
		const char *why;
	} rows[] = {
		{ { .provider = NULL }, "no provider" },
		{ { .provider = p, .coherent = &bad }, "malformed coherent constraint" },
		{ { .provider = p, .streaming = &bad }, "malformed streaming constraint" },
		{ { .provider = p, .line = 48 }, "line not a power of two" },
		{ { .provider = p, .nranges = 1 }, "ranges missing" },
		{ { .provider = p, .ranges = overlap_bus, .nranges = METE_DEVICE_RANGES + 1 }, "too many ranges" },
		{ { .provider = p, .ranges = overlap_bus, .nranges = 2 }, "overlap on the bus" },
		{ { .provider = p, .ranges = overlap_phys, .nranges = 2 }, "overlap physically" },
		{ { .provider = p, .ranges = past_end, .nranges = 1 }, "past the end of physical space" },
		{ { .provider = p, .ranges = past_bus_end, .nranges = 1 }, "past the end of the bus" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_row(mete_device_init(&device, &rows[i].config) == METE_EINVAL, i, rows[i].why);
	assert_error(mete_device_init(NULL, &rows[0].config), METE_EINVAL);
	assert_error(mete_device_init(&device, NULL), METE_EINVAL);
	small_arena_end(&small);
}

static void test_addresses_translate_both_ways_within_one_range(void **state)
{
	static const struct mete_bus_range ranges[] = {
		{ .phys = 0x1000, .bus = 0x80001000, .len = 0x1000 },
		{ .phys = 0x4000, .bus = 0x0, .len = 0x2000 },
	};
	struct small_arena small;
	struct mete_device device;
	mete_baddr bus = 4711;
	mete_paddr phys = 4711;
	(void)state;

	small_arena_start(&small);
	const struct mete_device_config config = { .provider = &small.arena.provider, .ranges = ranges, .nranges = 2 };
	assert_ok(mete_device_init(&device, &config));

	assert_error(mete_device_bus(&device, 0xfff, 1, &bus), METE_ERANGE);
	assert_error(mete_device_bus(&device, 0x1fff, 2, &bus), METE_ERANGE);
	assert_error(mete_device_bus(&device, 0x1000, 0, &bus), METE_ERANGE);
	assert_error(mete_device_bus(&device, METE_PADDR_MAX, 2, &bus), METE_ERANGE);
	assert_error(mete_device_phys(&device, 0x2000, 1, &phys), METE_ERANGE);
	assert_true(bus == 4711 && phys == 4711);
	assert_ok(mete_device_bus(&device, 0x1fff, 1, &bus));
	assert_true(bus == 0x80001fff);
	assert_ok(mete_device_bus(&device, 0x4000, 0x2000, &bus));
	assert_true(bus == 0);
	assert_ok(mete_device_phys(&device, 0x80001800, 0x800, &phys));
	assert_true(phys == 0x1800);
	assert_ok(mete_device_fini(&device));
	small_arena_end(&small);
}

static void test_last_is_the_highest_visible_byte(void **state)
{
	static const struct mete_bus_range away[] = { { .phys = 0x1000, .bus = 0x1000, .len = 0x1000 } };
	static const struct mete_bus_range shifted[] = { { .phys = SMALL_PHYS, .bus = 0, .len = 0 } };
	struct small_arena small;
	struct mete_device device;
	struct mete_device_config config;
	(void)state;

	small_arena_start(&small);
	assert_true(mete_device_last(&small.device) == SMALL_PHYS + SMALL_LEN - 1);
	config = (struct mete_device_config){ .provider = &small.arena.provider, .ranges = shifted, .nranges = 1 };
	assert_ok(mete_device_init(&device, &config));
	assert_true(mete_device_last(&device) == SMALL_LEN - 1);
	config.ranges = away;
	assert_ok(mete_device_init(&device, &config));
	assert_true(mete_device_last(&device) == 0x1fff);
	small_arena_end(&small);
}

/* Alignment, boundary and limits are asked for on the bus, whatever the offset between the spaces. */
static void test_allocations_obey_limits_on_the_bus(void **state)
{
	static const mete_baddr offsets[] = { 0, 0x10000, 0x7fff0000, 0x80001000 };
	struct small_arena small;
	(void)state;

	small_arena_start(&small);
	for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
		const struct mete_bus_range range = { .phys = SMALL_PHYS, .bus = offsets[i], .len = SMALL_LEN };
		const struct mete_constraint limit = {
			.first = offsets[i] + 0x20000, .last = offsets[i] + 0x8ffff, .align = 0x2000, .phase = 0x1000,
			.boundary = 0x8000, .hole_first = offsets[i] + 0x40000, .hole_last = offsets[i] + 0x7ffff,
		};
		const struct mete_device_config config = { .provider = &small.arena.provider, .ranges = &range,
			.nranges = 1 };
		struct mete_device device;
		void *cpu[8];
		mete_baddr bus[8];
		assert_ok(mete_device_init(&device, &config));
		for (size_t j = 0; j < 8; j++) {
			assert_ok(mete_device_alloc(&device, &limit, 0x3000, METE_MEMORY_CACHED, 0, &cpu[j], &bus[j]));
			assert_true(mete_constraint_allows(&limit, bus[j], 0x3000));
			assert_true(bus[j] - offsets[i] == (mete_baddr)((unsigned char *)cpu[j] - small.memory));
		}
		for (size_t j = 0; j < 8; j++)
			assert_ok(mete_device_free(&device, cpu[j], 0x3000));
		assert_ok(mete_device_fini(&device));
	}
	small_arena_end(&small);
}

static void test_alignment_needs_an_offset_of_whole_frames(void **state)
{
	static const struct mete_bus_range odd = { .phys = SMALL_PHYS, .bus = 0x100, .len = SMALL_LEN };
	static const struct mete_constraint aligned = { .align = SMALL_FRAME };
	struct small_arena small;
	struct mete_device device;
	mete_baddr bus;
	void *cpu;
	(void)state;

	small_arena_start(&small);
	const struct mete_device_config config = { .provider = &small.arena.provider, .ranges = &odd, .nranges = 1 };
	assert_ok(mete_device_init(&device, &config));
	assert_error(mete_device_alloc(&device, &aligned, 16, METE_MEMORY_CACHED, 0, &cpu, &bus), METE_ERANGE);
	assert_ok(mete_device_alloc(&device, NULL, 16, METE_MEMORY_CACHED, 0, &cpu, &bus));
	assert_true(bus % SMALL_FRAME == 0x100);
	assert_ok(mete_device_free(&device, cpu, 16));
	small_arena_end(&small);
}

static void test_ranges_are_tried_in_turn(void **state)
{
	static const struct mete_bus_range ranges[] = {
		{ .phys = SMALL_PHYS, .bus = 0x9000000, .len = 0x1000 },
		{ .phys = SMALL_PHYS + 0x80000, .bus = 0x1000000, .len = 0x2000 },
	};
	struct small_arena small;
	struct mete_device device;
	void *a, *b, *c;
	mete_baddr bus;
	(void)state;

	small_arena_start(&small);
	const struct mete_device_config config = { .provider = &small.arena.provider, .ranges = ranges, .nranges = 2 };
	assert_ok(mete_device_init(&device, &config));
	assert_ok(mete_device_alloc(&device, NULL, 0x1000, METE_MEMORY_CACHED, 0, &a, &bus));
	assert_true(bus == 0x9000000);
	assert_ok(mete_device_alloc(&device, NULL, 0x2000, METE_MEMORY_CACHED, 0, &b, &bus));
	assert_true(bus == 0x1000000);
	assert_error(mete_device_alloc(&device, NULL, 0x1000, METE_MEMORY_CACHED, 0, &c, &bus), METE_ENOMEM);
	assert_error(mete_device_alloc(&device, NULL, 0x3000, METE_MEMORY_CACHED, 0, &c, &bus), METE_ERANGE);
	assert_ok(mete_device_free(&device, a, 0x1000));
	assert_ok(mete_device_free(&device, b, 0x2000));
	small_arena_end(&small);
}

static void test_bad_requests_fail_and_are_counted(void **state)
{
	static const struct mete_constraint malformed = { .align = 5 }, short_segment = { .max_segment = 99 };
	static const struct mete_constraint short_transfer = { .max_transfer = 99 }, tight = { .boundary = 64 };
	static const struct mete_constraint nowhere = { .last = 0xffff };
	static const struct {
		const struct mete_constraint *limit;
		size_t len;
		enum mete_memory memory;
		unsigned flags;
		int want;
		const char *why;
	} rows[] = {
		{ NULL, 0, METE_MEMORY_CACHED, 0, METE_EINVAL, "no length" },
		{ NULL, 1, METE_MEMORY_CACHED, 4, METE_EINVAL, "unknown flag" },
		{ NULL, 1, (enum mete_memory)9, 0, METE_EINVAL, "unknown memory" },
		{ &malformed, 1, METE_MEMORY_CACHED, 0, METE_EINVAL, "malformed limit" },
		{ &short_segment, 100, METE_MEMORY_CACHED, 0, METE_EINVAL, "longer than a segment" },
		{ &short_transfer, 100, METE_MEMORY_CACHED, 0, METE_EINVAL, "longer than a transfer" },
		{ &tight, 65, METE_MEMORY_CACHED, 0, METE_EINVAL, "longer than the boundary allows" },
		{ NULL, 1, METE_MEMORY_UNCACHED, 0, METE_ENOTSUP, "memory that is not offered" },
		{ &nowhere, 1, METE_MEMORY_CACHED, 0, METE_ERANGE, "out of reach" },
		{ NULL, SIZE_MAX, METE_MEMORY_CACHED, 0, METE_ERANGE, "longest length" },
		{ NULL, SMALL_LEN + 1, METE_MEMORY_CACHED, 0, METE_ERANGE, "longer than memory" },
	};
	struct small_arena small;
	void *cpu = &small;
	mete_baddr bus = 4711;
	(void)state;

	small_arena_start(&small);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mete_counters before = small_arena_counters(&small), after;
		assert_row(mete_device_alloc(&small.device, rows[i].limit, rows[i].len, rows[i].memory, rows[i].flags, &cpu,
		               &bus) == rows[i].want, i, rows[i].why);
		after = small_arena_counters(&small);
		assert_row(cpu == &small && bus == 4711, i, rows[i].why);
		assert_row(after.bad_argument - before.bad_argument == (rows[i].want == METE_EINVAL), i, rows[i].why);
		assert_row(after.failed - before.failed == (rows[i].want != METE_EINVAL), i, rows[i].why);
	}
	assert_error(mete_device_alloc(&small.device, NULL, 1, METE_MEMORY_CACHED, 0, NULL, NULL), METE_EINVAL);
	small_arena_end(&small);
}

static void test_bad_frees_change_nothing_and_are_counted(void **state)
{
	struct small_arena small;
	struct mete_device other;
	unsigned char *cpu;
	mete_baddr bus;
	(void)state;

	small_arena_start(&small);
	const struct mete_device_config config = { .provider = &small.arena.provider };
	assert_ok(mete_device_init(&other, &config));
	assert_ok(mete_device_alloc(&small.device, NULL, 5000, METE_MEMORY_CACHED, 0, (void **)&cpu, NULL));

	assert_ok(mete_device_free(&small.device, NULL, 0));
	assert_error(mete_device_free(&small.device, cpu, 4999), METE_EMSGSIZE);
	assert_error(mete_device_free(&small.device, cpu, 8192), METE_EMSGSIZE);
	assert_error(mete_device_free(&small.device, cpu + 1, 5000), METE_EFAULT);
	assert_error(mete_device_free(&small.device, cpu + 4096, 5000), METE_EFAULT);
	assert_error(mete_device_free(&small.device, &small, 5000), METE_EFAULT);
	assert_error(mete_device_free(&other, cpu, 5000), METE_EFAULT);
	assert_error(mete_device_address(&other, cpu, &bus), METE_EFAULT);
	assert_ok(mete_device_address(&small.device, cpu, &bus));
	assert_int_equal(mete_arena_free(&small.arena), SMALL_LEN - 8192);
	assert_ok(mete_device_free(&small.device, cpu, 5000));
	assert_error(mete_device_free(&small.device, cpu, 5000), METE_EFAULT);

	struct mete_counters counters = small_arena_counters(&small);
	assert_int_equal(counters.wrong_size, 2);
	assert_int_equal(counters.bad_address, 5);
	assert_ok(mete_device_fini(&other));
	small_arena_end(&small);
}

static void test_zeroed_memory_is_zero_to_the_end_of_its_frames(void **state)
{
	struct small_arena small;
	unsigned char *cpu;
	(void)state;

	small_arena_start(&small);
	memset(small.memory, 0xa5, SMALL_LEN);
	assert_ok(mete_device_alloc(&small.device, NULL, 5000, METE_MEMORY_CACHED, METE_ZERO, (void **)&cpu, NULL));
	for (size_t i = 0; i < 8192; i++)
		assert_int_equal(cpu[i], 0);
	assert_int_equal(cpu[-1], 0xa5); /* runs come from the high end, so this is still the arena */
	assert_ok(mete_device_free(&small.device, cpu, 5000));
	small_arena_end(&small);
}

/* Each function of the provider fails at each call in turn: the error comes back, and nothing is left behind. */
static void test_a_failing_provider_leaves_nothing(void **state)
{
	struct small_arena small;
	void *cpu;
	(void)state;

	small_arena_start(&small);
	size_t records = small.nrecords;
	small.fail_takes = 0;
	assert_error(mete_device_alloc(&small.device, NULL, 1, METE_MEMORY_CACHED, 0, &cpu, NULL), METE_ENOMEM);
	small.fail_takes = SIZE_MAX;
	for (size_t n = 0; n < 1; n++) {
		small.fail_records = n;
		assert_error(mete_device_alloc(&small.device, NULL, 1, METE_MEMORY_CACHED, 0, &cpu, NULL), METE_ENOMEM);
	}
	small.fail_records = SIZE_MAX;
	assert_int_equal(small.nrecords, records);
	assert_int_equal(small_arena_counters(&small).failed, 2);
	small_arena_end(&small);
}

static void test_limits_can_be_replaced(void **state)
{
	static const struct mete_constraint low = { .last = SMALL_PHYS + 0xfff }, bad = { .boundary = 7 };
	struct small_arena small;
	void *a, *b;
	mete_baddr bus;
	(void)state;

	small_arena_start(&small);
	assert_error(mete_device_limit(&small.device, METE_USE_COHERENT, &bad), METE_EINVAL);
	assert_error(mete_device_limit(&small.device, (enum mete_use)5, NULL), METE_EINVAL);
	assert_ok(mete_device_limit(&small.device, METE_USE_COHERENT, &low));
	assert_ok(mete_device_alloc(&small.device, NULL, 1, METE_MEMORY_CACHED, 0, &a, &bus));
	assert_true(bus == SMALL_PHYS);
	assert_error(mete_device_alloc(&small.device, NULL, 1, METE_MEMORY_CACHED, 0, &b, &bus), METE_ENOMEM);
	assert_ok(mete_device_limit(&small.device, METE_USE_COHERENT, NULL));
	assert_ok(mete_device_alloc(&small.device, NULL, 1, METE_MEMORY_CACHED, 0, &b, &bus));
	assert_ok(mete_device_free(&small.device, a, 1));
	assert_ok(mete_device_free(&small.device, b, 1));
	small_arena_end(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_malformed_devices_are_refused),
		cmocka_unit_test(test_addresses_translate_both_ways_within_one_range),
		cmocka_unit_test(test_last_is_the_highest_visible_byte),
		cmocka_unit_test(test_allocations_obey_limits_on_the_bus),
		cmocka_unit_test(test_alignment_needs_an_offset_of_whole_frames),
		cmocka_unit_test(test_ranges_are_tried_in_turn),
		cmocka_unit_test(test_bad_requests_fail_and_are_counted),
		cmocka_unit_test(test_bad_frees_change_nothing_and_are_counted),
		cmocka_unit_test(test_zeroed_memory_is_zero_to_the_end_of_its_frames),
		cmocka_unit_test(test_a_failing_provider_leaves_nothing),
		cmocka_unit_test(test_limits_can_be_replaced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
