/* SPDX-License-Identifier: ISC */
/*
 * Model found: what the model tests brought to light, each in as few calls as show it.
 *
 * A random run repeats only as long as its program does not change; these stay.
 */
#include "support.h"

#include <mete/arena.h>
#include <mete/pool.h>

#define FOUND_FRAME 4096
#define FOUND_FRAMES 32

struct found {
	unsigned char *memory;
	void *records;
	struct mete_arena arena;
	struct mete_device device;
};

/* Thirty-two frames and one device; records from a fixed piece of memory, half as long again as the arena asks for. */
static void found_open(struct found *f, const struct mete_constraint *coherent)
{
	struct mete_span span = { .phys = 0x100000, .len = FOUND_FRAMES * FOUND_FRAME };
	struct mete_arena_config config = { .frame = FOUND_FRAME, .spans = &span, .nspans = 1 };
	struct mete_device_config device = { .provider = &f->arena.provider, .coherent = coherent };

	f->memory = span.cpu = aligned_alloc(METE_CONGRUENT, FOUND_FRAMES * FOUND_FRAME);
	assert_non_null(f->memory);
	config.records_len = mete_arena_records(&config, FOUND_FRAMES) / 2 * 3;
	config.records = f->records = malloc(config.records_len);
	assert_ok(mete_arena_init(&f->arena, &config));
	assert_ok(mete_device_init(&f->device, &device));
}

static void found_close(struct found *f)
{
	assert_ok(mete_device_fini(&f->device));
	assert_ok(mete_arena_fini(&f->arena));
	free(f->records);
	free(f->memory);
}

/* It used to reclaim the slabs that it had just added, for ever. */
static void test_prime_ends_when_memory_does(void **state)
{
	struct found f;
	struct mete_pool pool;
	struct mete_pool_info info;
	(void)state;

	found_open(&f, NULL);
	assert_ok(mete_pool_init(&pool, &f.device, &(struct mete_pool_config){ .len = 1024 }));
	assert_error(mete_pool_prime(&pool, FOUND_FRAMES * 4 + 1), METE_ENOMEM);

	mete_pool_info(&pool, &info);
	assert_int_equal(info.ntotal, FOUND_FRAMES * 4);
	assert_ok(mete_pool_fini(&pool));
	found_close(&f);
}

/* Only the first block of a slab used to be aligned as the device wants it. */
static void test_each_block_has_the_alignment_of_its_device(void **state)
{
	struct mete_constraint constraint = { .align = 512 };
	struct found f;
	struct mete_pool pool;
	void *cpu[4];
	mete_baddr bus[4];
	(void)state;

	found_open(&f, &constraint);
	assert_ok(mete_pool_init(&pool, &f.device, &(struct mete_pool_config){ .len = 64 }));
	for (size_t i = 0; i < 4; i++)
		assert_ok(mete_pool_alloc(&pool, 0, &cpu[i], &bus[i]));

	for (size_t i = 0; i < 4; i++) {
		assert_true(mete_constraint_allows(&constraint, bus[i], 64));
		assert_ok(mete_pool_free(&pool, cpu[i]));
	}
	assert_ok(mete_pool_fini(&pool));
	found_close(&f);
}

/* A large slab that the reserve needs used to hide a small one that it does not. */
static void test_a_reserve_holds_back_no_more_than_it_needs(void **state)
{
	struct found f;
	struct mete_pool pool;
	void *cpu[20], *rest[FOUND_FRAMES];
	size_t nrest = 0;
	(void)state;

	found_open(&f, NULL);
	assert_ok(mete_pool_init(&pool, &f.device, &(struct mete_pool_config){ .len = FOUND_FRAME }));
	for (size_t i = 0; i < 16; i++) /* one slab of sixteen frames */
		assert_ok(mete_pool_alloc(&pool, 0, &cpu[i], NULL));
	/* Leave four frames, so that the next slabs are of one block each. */
	while (mete_arena_free(&f.arena) > 4 * FOUND_FRAME)
		assert_ok(mete_device_alloc(&f.device, NULL, FOUND_FRAME, METE_MEMORY_CACHED, 0, &rest[nrest++], NULL));
	for (size_t i = 16; i < 20; i++)
		assert_ok(mete_pool_alloc(&pool, 0, &cpu[i], NULL));
	mete_pool_set_keep(&pool, 20);
	mete_pool_set_low(&pool, 10);

	/* The large slab last, so that it is the first to be looked at. */
	for (size_t i = 20; i-- > 0;)
		assert_ok(mete_pool_free(&pool, cpu[i]));
	assert_int_equal(mete_pool_reclaim(&pool), 4);

	mete_pool_set_low(&pool, 0);
	while (nrest > 0)
		assert_ok(mete_device_free(&f.device, rest[--nrest], FOUND_FRAME));
	assert_ok(mete_pool_fini(&pool));
	found_close(&f);
}

/* Records above 4 KiB used to be lost when they were freed. */
static void test_large_records_are_used_again(void **state)
{
	struct mete_pool_config config = { .len = 16, .slab = 65536 }; /* 4096 blocks: a record of about 4.6 KiB */
	struct mete_pool_info info;
	struct found f;
	struct mete_pool pool;
	void *cpu;
	(void)state;

	found_open(&f, NULL);
	for (size_t i = 0; i < 100; i++) {
		assert_ok(mete_pool_init(&pool, &f.device, &config));
		assert_ok(mete_pool_alloc(&pool, 0, &cpu, NULL));
		mete_pool_info(&pool, &info);
		assert_int_equal(info.ntotal, 4096); /* without a record for it the slab would be a smaller one */
		assert_ok(mete_pool_free(&pool, cpu));
		assert_ok(mete_pool_fini(&pool));
	}
	found_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prime_ends_when_memory_does),
		cmocka_unit_test(test_each_block_has_the_alignment_of_its_device),
		cmocka_unit_test(test_a_reserve_holds_back_no_more_than_it_needs),
		cmocka_unit_test(test_large_records_are_used_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
