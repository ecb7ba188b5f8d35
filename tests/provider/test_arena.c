/* SPDX-License-Identifier: ISC */
/*
 * Arena and stock: set-up, running out of records, the three views of an address.
 */
#include "support.h"

#include <mete/arena.h>
#include <mete/device.h>
#include <mete/pool.h>

#include "stock.h"

#define LEN ((size_t)256 << 10)
#define PHYS 0x40000000u

static _Alignas(65536) unsigned char memory[2 * LEN];
static uint64_t records[(128 << 10) / sizeof(uint64_t)];

static void *no_records(void *ctx, size_t len)
{
	(void)ctx;
	(void)len;
	return NULL;
}

static void no_free(void *ctx, void *record, size_t len)
{
	(void)ctx;
	(void)record;
	(void)len;
}

static void test_malformed_arenas_are_refused(void **state)
{
	static const mete_paddr edges[] = { 0x1001 };
	static const struct mete_span good = { memory, PHYS, LEN, 0 };
	static const struct mete_span no_cpu = { NULL, PHYS, LEN, 0 }, empty = { memory, PHYS, 0, 0 };
	static const struct mete_span odd = { memory, PHYS, LEN - 1, 0 }, odd_phys = { memory, PHYS + 64, LEN, 0 };
	static const struct mete_span shifted = { memory, PHYS + 0x8000, LEN, 0 };
	static const struct mete_span past = { memory, METE_PADDR_MAX - 0xffff, LEN, 0 };
	static const struct mete_span same_cpu[] = { { memory, PHYS, LEN, 0 }, { memory, PHYS + LEN, LEN, 0 } };
	static const struct mete_span same_phys[] = { { memory, PHYS, LEN, 0 }, { memory + LEN, PHYS, LEN, 0 } };
	const struct {
		struct mete_arena_config config;
		int want;
		const char *why;
	} rows[] = {
		{ { .spans = &good, .nspans = 1, .records = records, .records_len = sizeof records }, 0, "well formed" },
		{ { .spans = NULL, .nspans = 1, .records = records, .records_len = sizeof records }, METE_EINVAL, "no spans" },
		{ { .spans = &good, .nspans = 0, .records = records, .records_len = sizeof records }, METE_EINVAL, "none" },
		{ { .spans = &good, .nspans = METE_ARENA_SPANS + 1, .records = records, .records_len = sizeof records },
		    METE_EINVAL, "too many spans" },
		{ { .spans = &good, .nspans = 1 }, METE_EINVAL, "no records" },
		{ { .spans = &good, .nspans = 1, .records = records, .records_len = sizeof records,
		      .record_alloc = no_records, .record_free = no_free }, METE_EINVAL, "two kinds of records" },
		{ { .spans = &good, .nspans = 1, .record_alloc = no_records }, METE_EINVAL, "half a pair" },
		{ { .spans = &good, .nspans = 1, .record_alloc = no_records, .record_free = no_free }, METE_ENOMEM,
		    "records run out" },
		{ { .spans = &good, .nspans = 1, .records = records, .records_len = 100 }, METE_ENOMEM, "too few records" },
		{ { .frame = 100, .spans = &good, .nspans = 1, .records = records, .records_len = sizeof records },
		    METE_EINVAL, "frame not a power of two" },
		{ { .frame = 32, .spans = &good, .nspans = 1, .records = records, .records_len = sizeof records },
		    METE_EINVAL, "frame too small" },
		{ { .spans = &good, .nspans = 1, .edges = edges, .nedges = 1, .records = records,
		      .records_len = sizeof records }, METE_EINVAL, "edge inside a frame" },
		{ { .spans = &good, .nspans = 1, .congruent = 3, .records = records, .records_len = sizeof records },
		    METE_EINVAL, "congruence not a power of two" },
		{ { .spans = &no_cpu, .nspans = 1, .records = records, .records_len = sizeof records }, METE_EINVAL, "cpu" },
		{ { .spans = &empty, .nspans = 1, .records = records, .records_len = sizeof records }, METE_EINVAL, "empty" },
		{ { .spans = &odd, .nspans = 1, .records = records, .records_len = sizeof records }, METE_EINVAL,
		    "not whole frames" },
		{ { .spans = &odd_phys, .nspans = 1, .records = records, .records_len = sizeof records }, METE_EINVAL,
		    "starts inside a frame" },
		{ { .spans = &shifted, .nspans = 1, .records = records, .records_len = sizeof records }, METE_EINVAL,
		    "views not congruent" },
		{ { .spans = &past, .nspans = 1, .records = records, .records_len = sizeof records }, METE_EINVAL,
		    "past the end of the address space" },
		{ { .spans = same_cpu, .nspans = 2, .records = records, .records_len = sizeof records }, METE_EINVAL,
		    "overlap in the CPU view" },
		{ { .spans = same_phys, .nspans = 2, .records = records, .records_len = sizeof records }, METE_EINVAL,
		    "overlap on the bus" },
	};
	struct mete_arena arena;
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_row(mete_arena_init(&arena, &rows[i].config) == rows[i].want, i, rows[i].why);
		if (!rows[i].want)
			assert_ok(mete_arena_fini(&arena));
	}
	assert_error(mete_arena_init(NULL, &rows[0].config), METE_EINVAL);
	assert_error(mete_arena_init(&arena, NULL), METE_EINVAL);
}

static void test_records_are_enough_for_the_slabs_they_were_asked_for(void **state)
{
	static const struct mete_span span = { memory, PHYS, LEN, 0 };
	const size_t nslabs = LEN / 4096;
	struct mete_arena_config config = { .spans = &span, .nspans = 1 };
	struct mete_arena arena;
	struct mete_device device;
	struct mete_pool pool;
	void *cpu[16384];
	size_t n = 0;
	(void)state;

	/* The most slabs, each with the most blocks: 16-byte blocks, a frame a slab. */
	config.records_len = mete_arena_records(&config, nslabs);
	assert_true(config.records_len > 0);
	config.records = malloc(config.records_len);
	assert_non_null(config.records);
	assert_ok(mete_arena_init(&arena, &config));
	const struct mete_device_config device_config = { .provider = mete_arena_provider(&arena) };
	assert_ok(mete_device_init(&device, &device_config));
	const struct mete_pool_config pool_config = { .len = 16 };
	assert_ok(mete_pool_init(&pool, &device, &pool_config));
	while (n < 16384 && !mete_pool_alloc(&pool, 0, &cpu[n], NULL))
		n++;

	assert_int_equal(n, LEN / 16); /* memory ran out, not records */
	while (n)
		assert_ok(mete_pool_free(&pool, cpu[--n]));
	assert_ok(mete_pool_fini(&pool));
	assert_ok(mete_device_fini(&device));
	assert_ok(mete_arena_fini(&arena));
	free(config.records);
}

/* Exactly as many records as the arena says it needs let it start, whatever its size: 64 KiB to 1 GiB of addresses. */
static void test_records_are_enough_to_start_at_every_size(void **state)
{
	(void)state;
	for (unsigned bits = 16; bits <= 30; bits += 2) {
		size_t len = (size_t)1 << bits;
		/* The memory itself is never touched, so any addresses will do. */
		const struct mete_span span = { (void *)0x10000000, 0x10000000, len, 0 };
		struct mete_arena_config config = { .spans = &span, .nspans = 1 };
		struct mete_arena arena;
		for (size_t nslabs = 0; nslabs <= 100; nslabs += 50) {
			config.records_len = mete_arena_records(&config, nslabs);
			assert_true(config.records_len > 0);
			config.records = malloc(config.records_len);
			assert_non_null(config.records);
			assert_ok(mete_arena_init(&arena, &config));
			assert_ok(mete_arena_fini(&arena));
			free(config.records);
		}
	}
}

static void test_records_that_run_out_fail_cleanly(void **state)
{
	static const struct mete_span span = { memory, PHYS, LEN, 0 };
	struct mete_arena_config config = { .spans = &span, .nspans = 1, .records = records };
	struct mete_arena arena;
	struct mete_device device;
	void *cpu[LEN / 4096];
	size_t n = 0;
	(void)state;

	config.records_len = mete_arena_records(&config, 4);
	assert_ok(mete_arena_init(&arena, &config));
	const struct mete_device_config device_config = { .provider = mete_arena_provider(&arena) };
	assert_ok(mete_device_init(&device, &device_config));
	while (n < LEN / 4096 && !mete_device_alloc(&device, NULL, 1, METE_MEMORY_CACHED, 0, &cpu[n], NULL))
		n++;
	assert_true(n >= 4 && n < LEN / 4096);
	assert_int_equal(mete_arena_free(&arena), LEN - n * 4096);
	/* What is given back can be had again: records too. */
	for (int round = 0; round < 1000; round++) {
		assert_ok(mete_device_free(&device, cpu[0], 1));
		assert_ok(mete_device_alloc(&device, NULL, 1, METE_MEMORY_CACHED, 0, &cpu[0], NULL));
	}
	while (n)
		assert_ok(mete_device_free(&device, cpu[--n], 1));
	assert_ok(mete_device_fini(&device));
	assert_ok(mete_arena_fini(&arena));
}

static void test_addresses_agree_in_all_views(void **state)
{
	static const struct mete_span spans[] = { { memory, PHYS, LEN, 0 }, { memory + LEN, 0x10000000, LEN, 0 } };
	const struct mete_arena_config config = { .spans = spans, .nspans = 2, .records = records,
		.records_len = sizeof records };
	struct mete_arena arena;
	mete_paddr phys;
	size_t len;
	(void)state;

	assert_ok(mete_arena_init(&arena, &config));
	const struct mete_provider_ops *ops = arena.provider.ops;
	assert_ok(ops->translate(&arena, memory + 5, 10, &phys, &len));
	assert_true(phys == PHYS + 5 && len == 10);
	assert_ok(ops->translate(&arena, memory + LEN - 5, 10, &phys, &len));
	assert_true(phys == PHYS + LEN - 5 && len == 5); /* contiguous for the CPU, not on the bus */
	assert_ok(ops->translate(&arena, memory + LEN, 1, &phys, &len));
	assert_true(phys == 0x10000000);
	assert_error(ops->translate(&arena, memory + 2 * LEN, 1, &phys, &len), METE_EFAULT);
	assert_error(ops->translate(&arena, records, 1, &phys, &len), METE_EFAULT);

	assert_ptr_equal(mete_arena_cpu(&arena, PHYS + 5, 10), memory + 5);
	assert_ptr_equal(mete_arena_cpu(&arena, 0x10000000, LEN), memory + LEN);
	assert_null(mete_arena_cpu(&arena, 0x10000000, LEN + 1));
	assert_null(mete_arena_cpu(&arena, 0x10000000, 0));
	assert_null(mete_arena_cpu(&arena, PHYS - 1, 1));
	assert_null(mete_arena_cpu(&arena, METE_PADDR_MAX, 1));
	assert_int_equal(mete_arena_free(&arena), 2 * LEN);
	assert_int_equal(mete_arena_longest(&arena), LEN);
	assert_ok(mete_arena_fini(&arena));
}

static void test_a_bad_give_changes_nothing(void **state)
{
	static const struct mete_span span = { memory, PHYS, LEN, 0 };
	const struct mete_arena_config config = { .spans = &span, .nspans = 1, .records = records,
		.records_len = sizeof records };
	struct mete_arena arena;
	struct mete_run run, bad;
	const struct mete_want want = { .len = 8192 };
	(void)state;

	assert_ok(mete_arena_init(&arena, &config));
	assert_ok(arena.provider.ops->take(&arena, &want, &run));
	bad = run;
	bad.phys += 4096;
	bad.len = 4096;
	arena.provider.ops->give(&arena, &bad);
	bad = run;
	bad.len = 4096;
	arena.provider.ops->give(&arena, &bad);
	assert_int_equal(mete_arena_free(&arena), LEN - 8192);
	arena.provider.ops->give(&arena, &run);
	arena.provider.ops->give(&arena, &run);
	assert_int_equal(mete_arena_free(&arena), LEN);
	assert_ok(mete_arena_fini(&arena));
}

static void test_stock_reuses_what_comes_back(void **state)
{
	struct mete_stock stock;
	void *a, *b;
	(void)state;

	mete__stock_init(&stock, (unsigned char *)records + 3, 4096);
	a = mete__stock_alloc(&stock, 100);
	assert_non_null(a);
	assert_true((uintptr_t)a % 16 == 0);
	size_t left = stock.left;
	memset(a, 0xff, 100);
	mete__stock_free(&stock, a, 100);
	b = mete__stock_alloc(&stock, 128);
	assert_ptr_equal(b, a);
	for (size_t i = 0; i < 128; i++)
		assert_int_equal(((unsigned char *)b)[i], 0);
	assert_int_equal(stock.left, left);
	assert_null(mete__stock_alloc(&stock, 4096));
	assert_null(mete__stock_alloc(&stock, SIZE_MAX));
	assert_int_equal(stock.left, left);

	mete__stock_init(&stock, records, 3);
	assert_null(mete__stock_alloc(&stock, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_malformed_arenas_are_refused),
		cmocka_unit_test(test_records_are_enough_for_the_slabs_they_were_asked_for),
		cmocka_unit_test(test_records_are_enough_to_start_at_every_size),
		cmocka_unit_test(test_records_that_run_out_fail_cleanly),
		cmocka_unit_test(test_addresses_agree_in_all_views),
		cmocka_unit_test(test_a_bad_give_changes_nothing),
		cmocka_unit_test(test_stock_reuses_what_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
