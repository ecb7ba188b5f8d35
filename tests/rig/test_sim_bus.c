/* SPDX-License-Identifier: ISC */
/*
 * What a device reaches on the simulated machine, and how it is told that it does not.
 */
#include "sim_bench.h"

#include <mete/observe.h>

static const unsigned char word[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static void test_memory_is_reached_where_the_bus_shows_it(void **state)
{
	(void)state;
	struct sim_bench b;
	unsigned char seen[8];
	uint64_t bus;

	for (int offset = 0; offset < 2; offset++) {
		sim_bench_open(&b, &(struct mete_sim_config){ .offset = offset });
		unsigned char *p = sim_bench_alloc(&b, 4096, METE_MEMORY_COHERENT, &bus);
		assert_ok(sim_bench_put(&b, bus + 8, word, 8));
		assert_memory_equal(p + 8, word, 8);
		memcpy(p + 64, word, 8);
		assert_ok(sim_bench_get(&b, bus + 64, seen, 8));
		assert_memory_equal(seen, word, 8);
		sim_bench_free(&b, p, 4096);
		sim_bench_close(&b);
	}
}

/* With an offset no two number spaces agree: an address that was mixed up finds nothing. */
static void test_an_offset_keeps_bus_and_physical_addresses_apart(void **state)
{
	(void)state;
	struct sim_bench b;
	mete_paddr phys;
	uint64_t bus, first = 0;

	for (uint64_t seed = 1; seed < 20; seed++) {
		sim_bench_open(&b, &(struct mete_sim_config){ .offset = true, .seed = seed });
		unsigned char *p = sim_bench_alloc(&b, 4096, METE_MEMORY_COHERENT, &bus);
		assert_ok(mete_device_phys(&b.device, (mete_baddr)bus, 4096, &phys));
		assert_true(bus != phys && bus % 4096 == 0);
		assert_true(bus >= (sizeof(mete_baddr) == 8 ? 1ull << 59 : 1ull << 31)); /* a high tag */
		assert_error(sim_bench_put(&b, phys, word, 8), METE_EFAULT);
		sim_bench_refused(&b, METE_SIM_UNMAPPED, phys, 8, true);
		assert_error(sim_bench_put(&b, 0, word, 8), METE_EFAULT);
		sim_bench_refused(&b, METE_SIM_UNMAPPED, 0, 8, true);
		assert_true(seed == 1 || bus != first); /* it is the seed's */
		first = bus;
		sim_bench_free(&b, p, 4096);
		sim_bench_close(&b);
	}
}

/* A function with 32 lines: its memory is in the upper half of what it reaches, and not where registers are. */
static void test_an_offset_stays_away_from_registers(void **state)
{
	(void)state;
	static const struct mete_sim_device copy = { .model = METE_SIM_COPY, .lines = 32 };
	struct sim_bench b;

	for (uint64_t seed = 1; seed < 30; seed++) {
		sim_bench_open(&b, &(struct mete_sim_config){ .offset = true, .seed = seed, .devices = &copy, .ndevices = 1 });
		assert_int_equal(b.bus.lines, 32);
		assert_int_equal(b.bus.nranges, 1);
		assert_int_equal(b.bus.range[0].len, SIM_BENCH_RAM - (1u << 20));
		assert_true(b.bus.range[0].bus >= 1u << 31);
		assert_true((uint64_t)b.bus.range[0].bus + b.bus.range[0].len <= 0xc0000000u);
		sim_bench_close(&b);
	}
}

/* Neighbours on the bus need not be neighbours in memory, and what is behind the last range is nothing. */
static void test_an_access_goes_from_range_to_range(void **state)
{
	(void)state;
	unsigned char seen[8], *p;
	struct sim_bench b;
	size_t len;

	sim_bench_open(&b, NULL);
	b.bus.nranges = 2;
	b.bus.range[0] = (struct mete_bus_range){ .phys = 0x201000, .bus = 0x10000, .len = 0x1000 };
	b.bus.range[1] = (struct mete_bus_range){ .phys = 0x200000, .bus = 0x11000, .len = 0x1000 };
	assert_ok(mete_sim_bus_set(&b.copy, &b.bus));
	assert_ok(sim_bench_put(&b, 0x10ffc, word, 8));
	struct mete_provider *provider = mete_rig_provider(b.rig);
	assert_ok(provider->ops->view(provider->ctx, 0x200000, 0x2000, (void **)&p, &len));
	assert_memory_equal(p + 0x1ffc, word, 4);
	assert_memory_equal(p, word + 4, 4);
	memcpy(p + 0xffc, word, 4);
	assert_error(sim_bench_get(&b, 0x11ffc, seen, 8), METE_EFAULT);
	sim_bench_refused(&b, METE_SIM_UNMAPPED, 0x11ffc, 8, false);
	assert_memory_equal(seen, "\1\2\3\4\xff\xff\xff\xff", 8);
	sim_bench_close(&b);
}

static void test_what_is_refused_moves_nothing_and_reads_as_ones(void **state)
{
	(void)state;
	struct sim_bench b;
	const uint64_t end = SIM_BENCH_RAM;
	unsigned char seen[8] = { 0 };
	struct mete_sim_counters counters;

	sim_bench_open(&b, NULL);
	assert_error(sim_bench_get(&b, end - 4, seen, 8), METE_EFAULT);
	for (int i = 0; i < 8; i++)
		assert_int_equal(seen[i], 0xff);
	sim_bench_refused(&b, METE_SIM_UNMAPPED, end - 4, 8, false);
	assert_ok(sim_bench_get(&b, end - 8, seen, 8));
	assert_error(sim_bench_put(&b, UINT64_MAX - 3, word, 8), METE_EFAULT);
	sim_bench_refused(&b, METE_SIM_WIDTH, UINT64_MAX - 3, 8, true);
	mete_sim_counters(b.rig, &counters);
	assert_int_equal(counters.accesses[METE_SIM_OK], 1);
	assert_int_equal(counters.accesses[METE_SIM_UNMAPPED], 1);
	assert_int_equal(counters.accesses[METE_SIM_WIDTH], 1);
	sim_bench_close(&b);
}

static void test_a_function_has_the_lines_it_has(void **state)
{
	(void)state;
	struct sim_bench b;
	uint64_t bus;

	sim_bench_open(&b, NULL);
	unsigned char *p = sim_bench_alloc(&b, 4096, METE_MEMORY_COHERENT, &bus);
	b.bus.lines = 22; /* 4 MiB; memory comes from the high end of 8 */
	assert_true(bus >= 1u << 22);
	assert_ok(mete_sim_bus_set(&b.copy, &b.bus));
	assert_error(sim_bench_put(&b, bus, word, 8), METE_EFAULT);
	sim_bench_refused(&b, METE_SIM_WIDTH, bus, 8, true);
	assert_error(sim_bench_put(&b, (1u << 22) - 4, word, 8), METE_EFAULT);
	sim_bench_refused(&b, METE_SIM_WIDTH, (1u << 22) - 4, 8, true);
	assert_int_equal(p[0], 0);

	b.bus.lines = 23;
	assert_ok(mete_sim_bus_set(&b.copy, &b.bus));
	assert_ok(sim_bench_put(&b, bus, word, 8));
	sim_bench_free(&b, p, 4096);
	sim_bench_close(&b);
}

static void test_a_boundary_is_never_crossed(void **state)
{
	(void)state;
	struct sim_bench b;
	uint64_t bus;

	sim_bench_open(&b, NULL);
	unsigned char *p = sim_bench_alloc(&b, 4096, METE_MEMORY_COHERENT, &bus);
	b.bus.boundary = 256;
	assert_ok(mete_sim_bus_set(&b.copy, &b.bus));
	assert_error(sim_bench_put(&b, bus + 252, word, 8), METE_EFAULT);
	sim_bench_refused(&b, METE_SIM_BOUNDARY, bus + 252, 8, true);
	assert_ok(sim_bench_put(&b, bus + 248, word, 8));
	assert_ok(sim_bench_put(&b, bus + 256, word, 8));
	sim_bench_free(&b, p, 4096);
	sim_bench_close(&b);
}

/* No device runs inside another, or inside itself. */
static void test_registers_are_out_of_every_devices_reach(void **state)
{
	(void)state;
	static const struct mete_sim_device two[] = { { .model = METE_SIM_COPY }, { .model = METE_SIM_EDU } };
	struct mete_rig_function edu;
	struct sim_bench b;
	uint64_t live;

	sim_bench_open(&b, &(struct mete_sim_config){ .devices = two, .ndevices = 2 });
	assert_ok(mete_rig_find(b.rig, 0x1234, 0x11e8, 0, &edu));
	assert_ok(mete_rig_write(&edu, 0, 4, 4, 5));
	for (int own = 0; own < 2; own++) {
		uint64_t bar = own ? b.copy.bar[0].base : edu.bar[0].base;
		assert_error(sim_bench_put(&b, bar + 4, word, 4), METE_EFAULT);
		sim_bench_refused(&b, METE_SIM_DECODE, bar + 4, 4, true);
		assert_error(sim_bench_put(&b, bar - 4, word, 8), METE_EFAULT);
		sim_bench_refused(&b, METE_SIM_DECODE, bar - 4, 8, true);
	}
	assert_ok(mete_rig_read(&edu, 0, 4, 4, &live));
	assert_int_equal(live, ~(uint32_t)5);

	/* Also when a bus range leads there. */
	b.bus.nranges = 1;
	b.bus.range[0] = (struct mete_bus_range){ .phys = (mete_paddr)edu.bar[0].base, .bus = 0x10000, .len = 0x1000 };
	assert_ok(mete_sim_bus_set(&b.copy, &b.bus));
	assert_error(sim_bench_put(&b, 0x10004, word, 4), METE_EFAULT);
	sim_bench_refused(&b, METE_SIM_DECODE, 0x10004, 4, true);

	/* And where a bus range shows memory below them: the last byte counts. */
	b.bus.range[0] = (struct mete_bus_range){ .phys = 0x200000, .bus = (mete_baddr)edu.bar[0].base - 4096, .len = 8192 };
	assert_ok(mete_sim_bus_set(&b.copy, &b.bus));
	assert_ok(sim_bench_put(&b, edu.bar[0].base - 8, word, 8));
	assert_error(sim_bench_put(&b, edu.bar[0].base - 7, word, 8), METE_EFAULT);
	sim_bench_refused(&b, METE_SIM_DECODE, edu.bar[0].base - 7, 8, true);
	sim_bench_close(&b);
}

static void test_without_mastering_nothing_is_reached(void **state)
{
	(void)state;
	struct sim_bench b;
	uint32_t command;

	sim_bench_open(&b, NULL);
	assert_ok(mete_rig_config_read(&b.copy, 4, 2, &command));
	assert_ok(mete_rig_config_write(&b.copy, 4, 2, command & ~4u));
	assert_error(sim_bench_put(&b, 2u << 20, word, 8), METE_EFAULT);
	sim_bench_refused(&b, METE_SIM_ABORTED, 2u << 20, 8, true);
	assert_ok(mete_rig_config_write(&b.copy, 4, 2, command));
	assert_ok(sim_bench_put(&b, 2u << 20, word, 8));
	sim_bench_close(&b);
}

static void test_ram_may_lie_above_4_gib(void **state)
{
	(void)state;
	struct sim_bench b;
	mete_paddr phys;
	size_t len;
	uint64_t bus;

	const struct mete_sim_config high = { .ram_phys = 5ull << 30 };
	if (sizeof(mete_paddr) < 8) { /* there is nothing above */
		assert_error(mete_rig_start_sim(&(struct mete_rig_sim){ .more = &high }, &b.rig, NULL, 0), METE_EINVAL);
		return;
	}
	sim_bench_open(&b, &high);
	unsigned char *p = sim_bench_alloc(&b, 4096, METE_MEMORY_COHERENT, &bus);
	assert_true(bus >= 5ull << 30 && bus < (5ull << 30) + SIM_BENCH_RAM);
	struct mete_provider *provider = mete_rig_provider(b.rig);
	assert_ok(provider->ops->translate(provider->ctx, p, 4096, &phys, &len));
	assert_int_equal(phys, bus);
	assert_ok(sim_bench_put(&b, bus, word, 8));
	assert_memory_equal(p, word, 8);

	/* Half an address, as a descriptor with 32 bits holds it. */
	assert_error(sim_bench_put(&b, (uint32_t)bus, word, 8), METE_EFAULT);
	sim_bench_refused(&b, METE_SIM_UNMAPPED, (uint32_t)bus, 8, true);
	sim_bench_free(&b, p, 4096);
	sim_bench_close(&b);
}

static void test_grants_are_kept_to_the_byte_or_to_the_page(void **state)
{
	(void)state;
	struct sim_bench b;
	uint64_t bus;

	sim_bench_open(&b, NULL);
	unsigned char *p = sim_bench_alloc(&b, 8192, METE_MEMORY_COHERENT, &bus);
	b.bus.protection = 1;
	assert_ok(mete_sim_bus_set(&b.copy, &b.bus));
	assert_error(sim_bench_put(&b, bus, word, 8), METE_EFAULT);
	sim_bench_refused(&b, METE_SIM_UNMAPPED, bus, 8, true);
	assert_ok(mete_sim_grant(&b.copy, bus + 100, 50, METE_DEVICE_WRITES));
	assert_ok(mete_sim_grant(&b.copy, bus + 150, 10, METE_DEVICE_READS_WRITES));

	assert_ok(sim_bench_put(&b, bus + 142, word, 8));
	assert_ok(sim_bench_put(&b, bus + 146, word, 8)); /* two grants, one behind the other */
	assert_error(sim_bench_put(&b, bus + 99, word, 8), METE_EFAULT);
	sim_bench_refused(&b, METE_SIM_UNMAPPED, bus + 99, 8, true);
	assert_error(sim_bench_put(&b, bus + 153, word, 8), METE_EFAULT);
	sim_bench_refused(&b, METE_SIM_UNMAPPED, bus + 153, 8, true);
	assert_error(sim_bench_get(&b, bus + 146, p + 1000, 8), METE_EFAULT);
	sim_bench_refused(&b, METE_SIM_PERMISSION, bus + 146, 8, false);

	b.bus.protection = 4096;
	assert_ok(mete_sim_bus_set(&b.copy, &b.bus));
	assert_ok(sim_bench_put(&b, bus + 99, word, 8)); /* what sub-page overreach looks like to an IOMMU */
	assert_error(sim_bench_put(&b, bus + 4092, word, 8), METE_EFAULT);
	sim_bench_refused(&b, METE_SIM_UNMAPPED, bus + 4092, 8, true);

	assert_ok(mete_sim_revoke(&b.copy, bus + 100, 50));
	assert_error(mete_sim_revoke(&b.copy, bus + 100, 50), METE_EFAULT);
	assert_ok(mete_sim_revoke(&b.copy, bus + 150, 10));
	/* Two that end alike: the one that was named goes. */
	b.bus.protection = 1;
	assert_ok(mete_sim_bus_set(&b.copy, &b.bus));
	assert_ok(mete_sim_grant(&b.copy, bus + 100, 50, METE_DEVICE_WRITES));
	assert_ok(mete_sim_grant(&b.copy, bus + 120, 30, METE_DEVICE_WRITES));
	assert_ok(mete_sim_revoke(&b.copy, bus + 100, 50));
	assert_ok(sim_bench_put(&b, bus + 120, word, 8));
	assert_error(sim_bench_put(&b, bus + 100, word, 8), METE_EFAULT);
	sim_bench_refused(&b, METE_SIM_UNMAPPED, bus + 100, 8, true);
	assert_error(sim_bench_put(&b, bus + 150, word, 1), METE_EFAULT);
	sim_bench_refused(&b, METE_SIM_UNMAPPED, bus + 150, 1, true);
	sim_bench_free(&b, p, 8192);
	sim_bench_close(&b);
}

struct told {
	struct mete_sim_access last;
	unsigned n;
	int inside;
	struct mete_rig_function *function;
};

static void tell(void *ctx, const struct mete_sim_access *access)
{
	struct told *told = ctx;
	uint64_t value;

	told->last = *access;
	told->n++;
	told->inside = mete_rig_read(told->function, 0, 0, 4, &value);
}

static void test_a_hook_is_told_each_access_and_cannot_come_back(void **state)
{
	(void)state;
	struct sim_bench b;
	struct told told = { .function = &b.copy };

	sim_bench_open(&b, NULL);
	assert_ok(mete_sim_watch(b.rig, &(struct mete_sim_hooks){ .access = tell, .ctx = &told }));
	assert_ok(sim_bench_put(&b, 3u << 20, word, 8));
	assert_int_equal(told.n, 1);
	assert_true(told.last.write && told.last.result == METE_SIM_OK);
	assert_int_equal(told.last.bus, 3u << 20);
	assert_int_equal(told.last.phys, 3u << 20);
	assert_error(told.inside, METE_EBUSY);
	assert_error(sim_bench_put(&b, 3u << 30, word, 8), METE_EFAULT);
	assert_int_equal(told.n, 2);
	assert_ok(mete_sim_watch(b.rig, NULL));
	assert_ok(sim_bench_put(&b, 3u << 20, word, 8));
	assert_int_equal(told.n, 2);
	sim_bench_close(&b);
}

struct ear {
	struct mete_observer observer;
	unsigned takes;
	const void *cpu;
};

static void hear(struct mete_observer *observer, const struct mete_event *event)
{
	struct ear *ear = (struct ear *)(void *)observer;

	if (event->kind != METE_EVENT_TAKE)
		return;
	ear->takes++;
	ear->cpu = event->cpu;
}

/* A verifier may fill free memory, but not where its stores would have to be cleaned, or could be late. */
static void test_free_memory_is_a_verifiers_on_a_friendly_machine_only(void **state)
{
	(void)state;
	static const struct { struct mete_sim_config more; bool stays; const char *why; } rows[] = {
		{ { .offset = true }, true, "shared" },
		{ { .cache = { .line = 64 } }, false, "a cache" },
		{ { .late_stores = true }, false, "late stores" },
	};
	struct sim_bench b;
	uint64_t bus;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ear ear = { .observer = { .event = hear } };
		sim_bench_open(&b, &rows[i].more);
		struct mete_provider *provider = mete_rig_provider(b.rig);
		if (METE_OBSERVER)
			assert_ok(mete_provider_observe(provider, &ear.observer));
		unsigned char *p = sim_bench_alloc(&b, 4096, METE_MEMORY_COHERENT, &bus);
		assert_row(provider->ops->traits(provider->ctx, p, 4096) == (METE_TRAIT_TWICE | (rows[i].stays ? METE_TRAIT_STAYS : 0u)), i,
		    rows[i].why);
		assert_row(provider->ops->traits(provider->ctx, &b, 1) == 0, i, "foreign");
		assert_row(ear.takes == (METE_OBSERVER && rows[i].stays), i, rows[i].why);
		assert_row(!ear.takes || ear.cpu == p, i, rows[i].why);
		sim_bench_free(&b, p, 4096);
		if (METE_OBSERVER)
			assert_ok(mete_provider_observe(provider, NULL));
		sim_bench_close(&b);
	}
}

static void test_bad_arguments_are_refused(void **state)
{
	(void)state;
	static const struct { struct mete_sim_bus bus; const char *why; } bad[] = {
		{ { .lines = 11 }, "too few lines" },
		{ { .lines = 65 }, "too many lines" },
		{ { .lines = 32, .boundary = 3 }, "a boundary that is no power of two" },
		{ { .lines = 32, .nranges = METE_DEVICE_RANGES + 1 }, "too many ranges" },
		{ { .lines = 32, .nranges = 1, .range = { { .phys = METE_PADDR_MAX, .len = 2 } } }, "a range that wraps" },
		{ { .lines = 32, .nranges = 2, .range = { { .bus = 0, .len = 2 }, { .bus = 1, .len = 2 } } }, "overlap" },
		{ { .lines = 32, .nranges = 2, .range = { { .bus = 0, .len = 0 }, { .bus = 1, .len = 2 } } }, "overlap, endless" },
		{ { .lines = 32, .protection = 64 }, "no such protection" },
	};
	struct mete_sim_access access;
	struct sim_bench b;
	unsigned char byte = 0;

	sim_bench_open(&b, NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_row(mete_sim_bus_set(&b.copy, &bad[i].bus) == METE_EINVAL, i, bad[i].why);
	assert_error(mete_sim_bus_set(&b.copy, NULL), METE_EINVAL);
	assert_error(mete_sim_bus_get(NULL, &b.bus), METE_ENOTSUP);
	assert_error(mete_sim_grant(&b.copy, 0, 0, METE_DEVICE_READS), METE_EINVAL);
	assert_error(mete_sim_grant(&b.copy, UINT64_MAX, 2, METE_DEVICE_READS), METE_EINVAL);
	assert_error(mete_sim_grant(&b.copy, 0, 1, (enum mete_access)0), METE_EINVAL);
	assert_error(mete_sim_grant(&b.copy, 0, 1, (enum mete_access)4), METE_EINVAL);
	assert_error(mete_sim_revoke(&b.copy, 0, 0), METE_EINVAL);
	assert_error(mete_sim_revoke(&b.copy, 0, 1), METE_EFAULT);
	assert_error(mete_sim_dma(&b.copy, true, 0, &byte, 0), METE_EINVAL);
	assert_error(mete_sim_dma(&b.copy, true, 0, NULL, 1), METE_EINVAL);
	assert_error(mete_sim_dma(&b.copy, true, 0, &byte, SIZE_MAX), METE_EINVAL);
	assert_error(mete_sim_refused(NULL, &access), METE_ENOTSUP);
	assert_error(mete_sim_watch(NULL, NULL), METE_ENOTSUP);
	assert_string_equal(mete_sim_result_name(METE_SIM_RESULTS), "?");
	sim_bench_close(&b);
}

static void test_refusals_are_kept_and_counted_when_there_are_too_many(void **state)
{
	(void)state;
	struct mete_sim_counters counters;
	struct mete_sim_access access;
	struct sim_bench b;

	sim_bench_open(&b, NULL);
	for (uint64_t i = 0; i < 70; i++)
		assert_error(sim_bench_put(&b, (1ull << 40) + i, word, 1), METE_EFAULT);
	for (uint64_t i = 0; i < 64; i++) {
		assert_ok(mete_sim_refused(b.rig, &access));
		assert_int_equal(access.bus, (1ull << 40) + i);
	}
	assert_error(mete_sim_refused(b.rig, &access), METE_ENODEV);
	mete_sim_counters(b.rig, &counters);
	assert_int_equal(counters.overflow, 6);
	sim_bench_close(&b);
}

static void test_machines_that_cannot_be_are_refused(void **state)
{
	(void)state;
	static const struct mete_sim_device bad_model = { .model = (enum mete_sim_model)9 }, bad_lines = { .lines = 5 },
		edu = { .model = METE_SIM_EDU, .lines = 22 };
	static const struct { struct mete_sim_config more; const char *word; } bad[] = {
		{ { .time = (enum mete_sim_time)7 }, "mode" },
		{ { .ram_phys = 12345 }, "range" },
		{ { .ram_phys = 4096 }, "range" },
		{ { .ram_phys = 0xc0000000u }, "range" },
		{ { .ram_phys = UINT64_MAX & ~(uint64_t)0xfffff }, "range" },
		{ { .devices = &bad_model, .ndevices = 1 }, "model" },
		{ { .devices = &bad_lines, .ndevices = 1 }, "lines" },
		{ { .ndevices = 1 }, "devices" },
		{ { .devices = &edu, .ndevices = 17 }, "17" },
		{ { .devices = &edu, .ndevices = 1, .offset = true }, "range" }, /* 4 MiB cannot show 8 */
		{ { .iommu_page = 8192 }, "range" },
		{ { .cache = { .line = 8 } }, "range" },
		{ { .cache = { .line = 512 } }, "range" },
		{ { .cache = { .line = 48 } }, "range" },
		{ { .cache = { .line = 64, .evict_ppm = 1000001 } }, "range" },
		{ { .time = METE_SIM_THREAD, .cache = { .line = 64 } }, "thread" },
		{ { .time = METE_SIM_THREAD, .late_stores = true }, "thread" },
		{ { .rules = "bus-write explode" }, "explode" },
		{ { .rules = "irq fail" }, "cannot happen" },
	};
	struct rig_traces before = rig_traces_now();

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct mete_rig *rig = NULL;
		char text[256];
		assert_row(mete_rig_start_sim(&(struct mete_rig_sim){ .ram = SIM_BENCH_RAM, .more = &bad[i].more }, &rig, text,
		    sizeof(text)) == METE_EINVAL, i, text);
		assert_row(strstr(text, bad[i].word), i, text);
		assert_null(rig);
	}
	rig_traces_check(&before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_reached_where_the_bus_shows_it),
		cmocka_unit_test(test_an_offset_keeps_bus_and_physical_addresses_apart),
		cmocka_unit_test(test_an_offset_stays_away_from_registers),
		cmocka_unit_test(test_an_access_goes_from_range_to_range),
		cmocka_unit_test(test_what_is_refused_moves_nothing_and_reads_as_ones),
		cmocka_unit_test(test_a_function_has_the_lines_it_has),
		cmocka_unit_test(test_a_boundary_is_never_crossed),
		cmocka_unit_test(test_registers_are_out_of_every_devices_reach),
		cmocka_unit_test(test_without_mastering_nothing_is_reached),
		cmocka_unit_test(test_ram_may_lie_above_4_gib),
		cmocka_unit_test(test_grants_are_kept_to_the_byte_or_to_the_page),
		cmocka_unit_test(test_a_hook_is_told_each_access_and_cannot_come_back),
		cmocka_unit_test(test_free_memory_is_a_verifiers_on_a_friendly_machine_only),
		cmocka_unit_test(test_bad_arguments_are_refused),
		cmocka_unit_test(test_refusals_are_kept_and_counted_when_there_are_too_many),
		cmocka_unit_test(test_machines_that_cannot_be_are_refused),
	};
	rig_folder_enter();
	return rig_folder_leave(cmocka_run_group_tests_name("rig: sim bus", tests, NULL, NULL));
}
