/* SPDX-License-Identifier: ISC */
/*
 * Provider: set-up, the page table with and without an extent, counters.
 */
#include "support.h"

#include <mete/pool.h>

#include "small_arena.h"

static void test_malformed_providers_are_refused(void **state)
{
	static const struct mete_hooks half_lock = { .lock = (void (*)(void *))abort };
	static const struct mete_hooks half_wait = { .wake = (void (*)(void *))abort };
	struct small_arena small;
	struct mete_provider p;
	(void)state;

	small_arena_start(&small);
	const struct mete_provider_ops *ops = small.real_ops;
	struct mete_provider_ops holey = *ops;
	const struct mete_provider_config good = { .frame = 4096 };
	struct mete_provider_config bad = good;

	assert_error(mete_provider_init(NULL, ops, &small.arena, &good), METE_EINVAL);
	assert_error(mete_provider_init(&p, NULL, &small.arena, &good), METE_EINVAL);
	assert_error(mete_provider_init(&p, ops, &small.arena, NULL), METE_EINVAL);
	holey.translate = NULL;
	assert_error(mete_provider_init(&p, &holey, &small.arena, &good), METE_EINVAL);
	bad.frame = 0;
	assert_error(mete_provider_init(&p, ops, &small.arena, &bad), METE_EINVAL);
	bad.frame = 4097;
	assert_error(mete_provider_init(&p, ops, &small.arena, &bad), METE_EINVAL);
	bad = good;
	bad.extent = (const void *)(UINTPTR_MAX - 10);
	bad.extent_len = 12;
	assert_error(mete_provider_init(&p, ops, &small.arena, &bad), METE_EINVAL);
	bad.extent = (const void *)4097;
	bad.extent_len = 8192;
	assert_error(mete_provider_init(&p, ops, &small.arena, &bad), METE_EINVAL);
	bad = good;
	bad.hooks = &half_lock;
	assert_error(mete_provider_init(&p, ops, &small.arena, &bad), METE_EINVAL);
	bad.hooks = &half_wait;
	assert_error(mete_provider_init(&p, ops, &small.arena, &bad), METE_EINVAL);
	small_arena_end(&small);
}

static void test_failing_records_leave_nothing(void **state)
{
	struct small_arena small;
	struct mete_provider p;
	const struct mete_provider_config confined = { .frame = 4096, .extent = (const void *)0x100000,
		.extent_len = 0x100000 };
	const struct mete_provider_config open = { .frame = 4096 };
	(void)state;

	small_arena_start(&small);
	size_t before = small.nrecords;
	for (size_t n = 0; n < 2; n++) {
		small.fail_records = n;
		assert_error(mete_provider_init(&p, small.real_ops, &small.arena, &confined), METE_ENOMEM);
		assert_int_equal(small.nrecords, before);
	}
	small.fail_records = 0;
	assert_error(mete_provider_init(&p, small.real_ops, &small.arena, &open), METE_ENOMEM);
	assert_int_equal(small.nrecords, before);
	small.fail_records = SIZE_MAX;
	assert_ok(mete_provider_init(&p, small.real_ops, &small.arena, &open));
	assert_ok(mete_provider_fini(&p));
	small_arena_end(&small);
}

/* Without an extent, the page table grows with the memory that is seen; blocks are found and checked all the same. */
static void test_without_an_extent_blocks_are_found_by_address(void **state)
{
	struct small_arena small;
	struct mete_provider p;
	struct mete_device device;
	struct mete_pool pool;
	const struct mete_provider_config open = { .frame = SMALL_FRAME };
	void *cpu[300];
	mete_baddr bus;
	(void)state;

	small_arena_start(&small);
	assert_ok(mete_provider_init(&p, &small.ops, &small.arena, &open));
	const struct mete_device_config device_config = { .provider = &p };
	assert_ok(mete_device_init(&device, &device_config));
	const struct mete_pool_config pool_config = { .len = 64 };
	assert_ok(mete_pool_init(&pool, &device, &pool_config));
	for (size_t i = 0; i < 300; i++)
		assert_ok(mete_pool_alloc(&pool, 0, &cpu[i], NULL));

	for (size_t i = 0; i < 300; i++) {
		assert_ok(mete_pool_address(&pool, cpu[i], &bus));
		assert_true(bus == SMALL_PHYS + (mete_baddr)((unsigned char *)cpu[i] - small.memory));
	}
	int stranger;
	assert_error(mete_pool_free(&pool, &stranger), METE_EFAULT);
	assert_error(mete_pool_free(&pool, (void *)UINTPTR_MAX), METE_EFAULT);
	for (size_t i = 0; i < 300; i++)
		assert_ok(mete_pool_free(&pool, cpu[i]));
	assert_error(mete_provider_fini(&p), METE_EBUSY);
	assert_ok(mete_pool_fini(&pool));
	assert_ok(mete_device_fini(&device));
	assert_ok(mete_provider_fini(&p));
	small_arena_end(&small);
}

/* A provider that hands out memory beyond the extent it promised is not believed. */
static void test_a_run_outside_the_extent_is_refused(void **state)
{
	struct small_arena small;
	struct mete_provider p;
	struct mete_device device;
	void *cpu;
	(void)state;

	small_arena_start(&small);
	const struct mete_provider_config narrow = { .frame = SMALL_FRAME, .extent = small.memory,
		.extent_len = SMALL_FRAME };
	assert_ok(mete_provider_init(&p, &small.ops, &small.arena, &narrow));
	const struct mete_device_config config = { .provider = &p };
	assert_ok(mete_device_init(&device, &config));

	assert_error(mete_device_alloc(&device, NULL, SMALL_FRAME, METE_MEMORY_CACHED, 0, &cpu, NULL), METE_ERANGE);
	assert_int_equal(mete_arena_free(&small.arena), SMALL_LEN);
	assert_ok(mete_device_fini(&device));
	assert_ok(mete_provider_fini(&p));
	small_arena_end(&small);
}

static void test_fini_is_refused_while_something_is_held(void **state)
{
	struct small_arena small;
	void *cpu;
	(void)state;

	small_arena_start(&small);
	assert_ok(mete_device_alloc(&small.device, NULL, 1, METE_MEMORY_CACHED, 0, &cpu, NULL));
	assert_error(mete_arena_fini(&small.arena), METE_EBUSY);
	assert_error(mete_device_fini(&small.device), METE_EBUSY);
	assert_int_equal(small_arena_counters(&small).fini_busy, 2);
	assert_ok(mete_device_free(&small.device, cpu, 1));
	small_arena_end(&small);
}

static void test_notes_reach_their_counters(void **state)
{
	struct small_arena small;
	(void)state;

	small_arena_start(&small);
	mete_provider_note(&small.arena.provider, METE_EINVAL);
	mete_provider_note(&small.arena.provider, METE_EFAULT);
	mete_provider_note(&small.arena.provider, METE_EFAULT);
	mete_provider_note(&small.arena.provider, METE_ENOMEM);
	struct mete_counters counters = small_arena_counters(&small);
	assert_int_equal(counters.bad_argument, 1);
	assert_int_equal(counters.wrong_pair, 2);
	assert_int_equal(counters.failed, 1);
	small_arena_end(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_malformed_providers_are_refused),
		cmocka_unit_test(test_failing_records_leave_nothing),
		cmocka_unit_test(test_without_an_extent_blocks_are_found_by_address),
		cmocka_unit_test(test_a_run_outside_the_extent_is_refused),
		cmocka_unit_test(test_fini_is_refused_while_something_is_held),
		cmocka_unit_test(test_notes_reach_their_counters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
