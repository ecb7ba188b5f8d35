/* SPDX-License-Identifier: ISC */
/*
 * Pool: shape, order, limits, memory pressure, and every way to free wrongly.
 */
#include "support.h"

#include <mete/pool.h>

#include "small_arena.h"

static void start_pool(struct small_arena *small, struct mete_pool *pool, struct mete_pool_config config)
{
	small_arena_start(small);
	assert_ok(mete_pool_init(pool, &small->device, &config));
}

static void end_pool(struct small_arena *small, struct mete_pool *pool)
{
	assert_ok(mete_pool_fini(pool));
	small_arena_end(small);
}

static void test_fresh_blocks_ascend_one_stride_apart(void **state)
{
	struct small_arena small;
	struct mete_pool pool;
	unsigned char *cpu[64];
	mete_baddr bus[64];
	(void)state;

	start_pool(&small, &pool, (struct mete_pool_config){ .len = 60, .align = 32, .slab = SMALL_FRAME });
	for (size_t i = 0; i < 64; i++)
		assert_ok(mete_pool_alloc(&pool, 0, (void **)&cpu[i], &bus[i]));

	for (size_t i = 1; i < 64; i++) {
		assert_ptr_equal(cpu[i], cpu[i - 1] + 64);
		assert_true(bus[i] == bus[i - 1] + 64);
	}
	assert_true(bus[0] == SMALL_PHYS + (mete_baddr)(cpu[0] - small.memory));
	for (size_t i = 0; i < 64; i++)
		assert_ok(mete_pool_free(&pool, cpu[i]));
	end_pool(&small, &pool);
}

static void test_freed_blocks_come_back_last_in_first_out(void **state)
{
	struct small_arena small;
	struct mete_pool pool;
	void *cpu[3 * METE_SHELF], *again;
	const size_t n = 3 * METE_SHELF;
	(void)state;

	start_pool(&small, &pool, (struct mete_pool_config){ .len = 64 });
	for (size_t i = 0; i < n; i++)
		assert_ok(mete_pool_alloc(&pool, 0, &cpu[i], NULL));
	/* In an order that is neither ascending nor descending. */
	for (size_t i = 0; i < n; i++)
		assert_ok(mete_pool_free(&pool, cpu[i * 7 % n]));

	for (size_t i = n; i > n - METE_SHELF; i--) {
		assert_ok(mete_pool_alloc(&pool, 0, &again, NULL));
		assert_ptr_equal(again, cpu[(i - 1) * 7 % n]);
	}
	for (size_t i = n; i > n - METE_SHELF; i--)
		assert_ok(mete_pool_free(&pool, cpu[(i - 1) * 7 % n]));
	end_pool(&small, &pool);
}

/* What Linux documents for 68 bytes, aligned to 32, within 4 KiB: 42 blocks of 96. */
static void test_blocks_never_cross_the_boundary(void **state)
{
	static const struct {
		size_t len, align, boundary, stride, per_frame;
	} rows[] = {
		{ 68, 32, 4096, 96, 42 }, { 68, 32, 256, 96, 32 }, { 24, 64, 256, 64, 64 }, { 100, 4, 128, 112, 32 },
		{ 100, 4, 1024, 112, 36 }, { 5000, 8, 8192, 5008, 0 }, { 3000, 8, 16384, 3008, 0 }, { 64, 64, 64, 64, 64 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct small_arena small;
		struct mete_pool pool;
		struct mete_pool_info info;
		void *cpu[128];
		start_pool(&small, &pool, (struct mete_pool_config){ .len = rows[i].len, .align = rows[i].align,
			.boundary = rows[i].boundary, .slab = rows[i].per_frame ? SMALL_FRAME : 0 });
		for (size_t j = 0; j < 128; j++) {
			mete_baddr bus;
			assert_ok(mete_pool_alloc(&pool, 0, &cpu[j], &bus));
			assert_row(bus % rows[i].align == 0, i, "alignment");
			assert_row(bus / rows[i].boundary == (bus + rows[i].len - 1) / rows[i].boundary, i, "boundary");
			assert_row((unsigned char *)cpu[j] - small.memory == (ptrdiff_t)(bus - SMALL_PHYS), i, "address");
			for (size_t k = 0; k < j; k++) {
				size_t apart = cpu[j] > cpu[k] ? (size_t)((char *)cpu[j] - (char *)cpu[k])
				                               : (size_t)((char *)cpu[k] - (char *)cpu[j]);
				assert_row(apart >= rows[i].stride, i, "blocks overlap");
			}
		}
		mete_pool_info(&pool, &info);
		assert_row(info.stride == rows[i].stride && info.nlive == 128, i, "stride");
		if (rows[i].per_frame)
			assert_row(info.ntotal == info.nslabs * rows[i].per_frame, i, "blocks in a frame");
		for (size_t j = 0; j < 128; j++)
			assert_row(!mete_pool_free(&pool, cpu[j]), i, "free");
		end_pool(&small, &pool);
	}
}

/* Every address around and between blocks, in slabs of every shape: only the start of a live block can be freed. */
static void test_only_the_start_of_a_live_block_can_be_freed(void **state)
{
	static const struct mete_pool_config shapes[] = {
		{ .len = 16 }, { .len = 100 }, { .len = 100, .boundary = 128 }, { .len = 700, .boundary = 2048 },
		{ .len = 3000 }, { .len = 4096 }, { .len = 10000, .boundary = 16384 }, { .len = 5000, .slab = 5000 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
		struct small_arena small;
		struct mete_pool pool;
		unsigned char *live, *freed;
		start_pool(&small, &pool, shapes[i]);
		assert_ok(mete_pool_alloc(&pool, 0, (void **)&live, NULL));
		assert_ok(mete_pool_alloc(&pool, 0, (void **)&freed, NULL));
		assert_ok(mete_pool_free(&pool, freed));
		size_t tried = 0;
		for (unsigned char *at = small.memory; at < small.memory + SMALL_LEN; at += at == live - 1 ? 2 : 1) {
			if (at == live || ((at - live) % 16 && tried % 5))
				continue;
			tried++;
			int error = mete_pool_free(&pool, at);
			assert_row(error == METE_EFAULT || error == METE_EALREADY, i, "a free that should fail");
		}
		assert_error(mete_pool_free(&pool, freed), METE_EALREADY);
		assert_row(tried > 60000, i, "too few addresses tried");
		struct mete_pool_info info;
		mete_pool_info(&pool, &info);
		assert_row(info.nlive == 1, i, "one block lives");
		assert_ok(mete_pool_free(&pool, live));
		end_pool(&small, &pool);
	}
}

static void test_bad_frees_are_counted_by_kind(void **state)
{
	struct small_arena small;
	struct mete_pool pool, other;
	void *cpu;
	mete_baddr bus = 4711;
	(void)state;

	start_pool(&small, &pool, (struct mete_pool_config){ .len = 64 });
	const struct mete_pool_config config = { .len = 64 };
	assert_ok(mete_pool_init(&other, &small.device, &config));
	assert_ok(mete_pool_alloc(&pool, 0, &cpu, NULL));

	assert_ok(mete_pool_free(&pool, NULL));
	assert_error(mete_pool_free(&other, cpu), METE_EFAULT);
	assert_error(mete_pool_free(&pool, (char *)cpu + 8), METE_EFAULT);
	assert_error(mete_pool_free(&pool, &small), METE_EFAULT);
	assert_error(mete_pool_address(&other, cpu, &bus), METE_EFAULT);
	assert_ok(mete_pool_free(&pool, cpu));
	assert_error(mete_pool_free(&pool, cpu), METE_EALREADY);
	assert_error(mete_pool_address(&pool, cpu, &bus), METE_EALREADY);
	assert_true(bus == 4711);

	struct mete_counters counters = small_arena_counters(&small);
	assert_int_equal(counters.bad_address, 3);
	assert_int_equal(counters.double_free, 1);
	assert_ok(mete_pool_fini(&other));
	end_pool(&small, &pool);
}

/* Whatever is asked of a pool that was never initialised, or was ended, it says so and touches nothing. */
static void assert_pool_is_dead(struct mete_pool *pool)
{
	struct mete_pool_info info;
	mete_baddr bus = 4711;
	void *cpu = pool;

	assert_error(mete_pool_alloc(pool, METE_WAIT, &cpu, &bus), METE_EINVAL);
	assert_error(mete_pool_free(pool, pool), METE_EINVAL);
	assert_error(mete_pool_address(pool, pool, &bus), METE_EINVAL);
	assert_error(mete_pool_prime(pool, 1), METE_EINVAL);
	assert_error(mete_pool_set_hard(pool, 1), METE_EINVAL);
	mete_pool_set_low(pool, 1);
	mete_pool_set_keep(pool, 1);
	assert_int_equal(mete_pool_reclaim(pool), 0);
	mete_pool_info(pool, &info);
	assert_true(info.len == 0 && info.nslabs == 0 && info.bytes == 0);
	assert_true(bus == 4711 && cpu == pool);
}

static void test_malformed_pools_are_refused(void **state)
{
	static const struct mete_constraint phased = { .align = 64, .phase = 32 }, bad = { .align = 3 };
	static const struct mete_constraint narrow = { .boundary = 32 }, short_segment = { .max_segment = 63 };
	static const struct {
		struct mete_pool_config config;
		const char *why;
	} rows[] = {
		{ { .len = 0 }, "no length" },
		{ { .len = ((size_t)1 << 31) + 1 }, "too long" },
		{ { .len = SIZE_MAX }, "longest" },
		{ { .len = 64, .align = 48 }, "alignment not a power of two" },
		{ { .len = 64, .boundary = 100 }, "boundary not a power of two" },
		{ { .len = 65, .boundary = 64 }, "boundary below the block" },
		{ { .len = 64, .align = 128, .boundary = 64 }, "boundary below the stride" },
		{ { .len = 64, .memory = (enum mete_memory)8 }, "unknown memory" },
		{ { .len = 64, .limit = &bad }, "malformed limit" },
		{ { .len = 64, .limit = &phased }, "phase" },
		{ { .len = 64, .limit = &narrow }, "limit's boundary below the block" },
		{ { .len = 64, .limit = &short_segment }, "longer than a segment" },
	};
	struct small_arena small;
	struct mete_pool pool;
	void *cpu;
	(void)state;

	small_arena_start(&small);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_row(mete_pool_init(&pool, &small.device, &rows[i].config) == METE_EINVAL, i, rows[i].why);
		assert_row(mete_pool_alloc(&pool, 0, &cpu, NULL) == METE_EINVAL, i, "a pool that is none gives nothing");
		assert_row(mete_pool_free(&pool, &cpu) == METE_EINVAL, i, "and takes nothing");
		assert_row(mete_pool_fini(&pool) == 0, i, "and can be ended");
		assert_pool_is_dead(&pool);
	}
	assert_int_equal(small_arena_counters(&small).bad_argument, sizeof rows / sizeof rows[0]);
	assert_error(mete_pool_init(&pool, NULL, &rows[0].config), METE_EINVAL);
	assert_error(mete_pool_init(&pool, &small.device, NULL), METE_EINVAL);
	small_arena_end(&small);
}

static void test_bad_flags_are_refused(void **state)
{
	struct small_arena small;
	struct mete_pool pool;
	void *cpu = &small;
	(void)state;

	start_pool(&small, &pool, (struct mete_pool_config){ .len = 64 });
	assert_error(mete_pool_alloc(&pool, 0x80, &cpu, NULL), METE_EINVAL);
	assert_error(mete_pool_alloc(&pool, 0, NULL, NULL), METE_EINVAL);
	assert_ptr_equal(cpu, &small);
	assert_int_equal(small_arena_counters(&small).bad_argument, 2);
	end_pool(&small, &pool);
}

static void test_zero_clears_the_block_and_no_other(void **state)
{
	struct small_arena small;
	struct mete_pool pool;
	unsigned char *a, *b, *c;
	(void)state;

	start_pool(&small, &pool, (struct mete_pool_config){ .len = 40, .align = 16 });
	memset(small.memory, 0xa5, SMALL_LEN);
	assert_ok(mete_pool_alloc(&pool, 0, (void **)&a, NULL));
	assert_ok(mete_pool_alloc(&pool, METE_ZERO, (void **)&b, NULL));
	assert_ok(mete_pool_alloc(&pool, 0, (void **)&c, NULL));

	for (size_t i = 0; i < 48; i++) {
		assert_int_equal(a[i], 0xa5);
		assert_int_equal(b[i], 0);
		assert_int_equal(c[i], 0xa5);
	}
	assert_ok(mete_pool_free(&pool, a));
	assert_ok(mete_pool_free(&pool, b));
	assert_ok(mete_pool_free(&pool, c));
	end_pool(&small, &pool);
}

/* The library writes nothing into memory but zeros that were asked for, and what the device writes changes nothing. */
static void test_scribbling_devices_change_nothing(void **state)
{
	struct small_arena small;
	struct mete_pool pool;
	void *cpu[200];
	uint32_t seed = 7;
	(void)state;

	start_pool(&small, &pool, (struct mete_pool_config){ .len = 48 });
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < 200; i++)
			assert_ok(mete_pool_alloc(&pool, 0, &cpu[i], NULL));
		for (size_t i = 0; i < SMALL_LEN; i++) {
			seed = seed * 1664525 + 1013904223;
			small.memory[i] = (unsigned char)(seed >> 24);
		}
		unsigned char *copy = malloc(SMALL_LEN);
		assert_non_null(copy);
		memcpy(copy, small.memory, SMALL_LEN);
		for (size_t i = 0; i < 200; i++)
			assert_ok(mete_pool_free(&pool, cpu[(i * 77 + (size_t)round) % 200]));
		assert_memory_equal(copy, small.memory, SMALL_LEN);
		free(copy);
	}
	end_pool(&small, &pool);
}

static void test_a_fini_that_would_pull_memory_from_a_device_is_refused(void **state)
{
	struct small_arena small;
	struct mete_pool pool;
	void *cpu;
	(void)state;

	start_pool(&small, &pool, (struct mete_pool_config){ .len = 64 });
	assert_ok(mete_pool_alloc(&pool, 0, &cpu, NULL));
	assert_error(mete_pool_fini(&pool), METE_EBUSY);
	assert_int_equal(small_arena_counters(&small).fini_busy, 1);
	assert_ok(mete_pool_free(&pool, cpu));
	end_pool(&small, &pool);
}

static void test_hard_limit_counts_live_blocks(void **state)
{
	struct small_arena small;
	struct mete_pool pool;
	void *a, *b, *c;
	(void)state;

	start_pool(&small, &pool, (struct mete_pool_config){ .len = 64 });
	assert_ok(mete_pool_set_hard(&pool, 2));
	assert_ok(mete_pool_alloc(&pool, 0, &a, NULL));
	assert_ok(mete_pool_alloc(&pool, 0, &b, NULL));
	assert_error(mete_pool_alloc(&pool, 0, &c, NULL), METE_ENOMEM);
	assert_error(mete_pool_set_hard(&pool, 1), METE_EINVAL);
	assert_ok(mete_pool_free(&pool, a)); /* a free block on the shelf is not a live one */
	assert_ok(mete_pool_alloc(&pool, 0, &c, NULL));
	assert_error(mete_pool_alloc(&pool, 0, &a, NULL), METE_ENOMEM);
	assert_ok(mete_pool_set_hard(&pool, SIZE_MAX));
	assert_ok(mete_pool_alloc(&pool, 0, &a, NULL));
	assert_ok(mete_pool_free(&pool, a));
	assert_ok(mete_pool_free(&pool, b));
	assert_ok(mete_pool_free(&pool, c));
	end_pool(&small, &pool);
}

static void test_prime_and_low_water_keep_blocks_ready(void **state)
{
	struct small_arena small;
	struct mete_pool pool;
	struct mete_pool_info info;
	void *all, *cpu[100];
	(void)state;

	start_pool(&small, &pool, (struct mete_pool_config){ .len = 64, .slab = SMALL_FRAME });
	mete_pool_set_low(&pool, 100);
	assert_ok(mete_pool_prime(&pool, 100));
	mete_pool_info(&pool, &info);
	assert_true(info.ntotal >= 100);
	assert_int_equal(mete_pool_reclaim(&pool), 0);

	/* Under pressure the reserve stays, and serves although the provider has nothing left. */
	assert_error(mete_device_alloc(&small.device, NULL, SMALL_LEN, METE_MEMORY_CACHED, 0, &all, NULL), METE_ENOMEM);
	small.fail_takes = 0;
	for (size_t i = 0; i < 100; i++)
		assert_ok(mete_pool_alloc(&pool, 0, &cpu[i], NULL));
	for (size_t i = 0; i < 100; i++)
		assert_ok(mete_pool_free(&pool, cpu[i]));
	assert_error(mete_pool_prime(&pool, 10000), METE_ENOMEM);
	small.fail_takes = SIZE_MAX;

	/* Without the reserve, everything idle goes back. */
	mete_pool_set_low(&pool, 0);
	assert_true(mete_pool_reclaim(&pool) >= 2);
	assert_int_equal(mete_arena_free(&small.arena), SMALL_LEN);
	end_pool(&small, &pool);
}

static void test_idle_memory_goes_back_before_any_request_fails(void **state)
{
	struct small_arena small;
	struct mete_pool a, b;
	const struct mete_pool_config config_a = { .len = 64 }, config_b = { .len = 1024 };
	void *cpu[64], *all;
	(void)state;

	small_arena_start(&small);
	assert_ok(mete_pool_init(&a, &small.device, &config_a));
	assert_ok(mete_pool_init(&b, &small.device, &config_b));
	for (size_t i = 0; i < 64; i++)
		assert_ok(mete_pool_alloc(i % 2 ? &a : &b, 0, &cpu[i], NULL));
	for (size_t i = 0; i < 64; i++)
		assert_ok(mete_pool_free(i % 2 ? &a : &b, cpu[i]));
	assert_true(mete_arena_free(&small.arena) < SMALL_LEN); /* both keep slabs and blocks on their shelves */

	assert_ok(mete_device_alloc(&small.device, NULL, SMALL_LEN, METE_MEMORY_CACHED, 0, &all, NULL));
	assert_true(small_arena_counters(&small).reclaimed >= 2);
	assert_error(mete_pool_alloc(&a, 0, &cpu[0], NULL), METE_ENOMEM);
	assert_ok(mete_device_free(&small.device, all, SMALL_LEN));
	assert_ok(mete_pool_fini(&a));
	assert_ok(mete_pool_fini(&b));
	small_arena_end(&small);
}

static void test_one_block_is_tried_when_a_slab_does_not_fit(void **state)
{
	struct small_arena small;
	struct mete_pool pool;
	void *runs[SMALL_LEN / SMALL_FRAME], *cpu, *second;
	const size_t n = SMALL_LEN / SMALL_FRAME;
	(void)state;

	/* 16 blocks of 4 KiB are wanted at a time; only single frames are left. */
	start_pool(&small, &pool, (struct mete_pool_config){ .len = SMALL_FRAME });
	for (size_t i = 0; i < n; i++)
		assert_ok(mete_device_alloc(&small.device, NULL, SMALL_FRAME, METE_MEMORY_CACHED, 0, &runs[i], NULL));
	assert_ok(mete_device_free(&small.device, runs[10], SMALL_FRAME));
	assert_ok(mete_device_free(&small.device, runs[20], SMALL_FRAME));

	assert_ok(mete_pool_alloc(&pool, 0, &cpu, NULL));
	assert_ok(mete_pool_alloc(&pool, 0, &second, NULL));
	assert_error(mete_pool_alloc(&pool, 0, &runs[10], NULL), METE_ENOMEM);
	assert_ok(mete_pool_free(&pool, cpu));
	assert_error(mete_pool_free(&pool, cpu), METE_EALREADY);
	assert_ok(mete_pool_free(&pool, second));
	for (size_t i = 0; i < n; i++) {
		if (i != 10 && i != 20)
			assert_ok(mete_device_free(&small.device, runs[i], SMALL_FRAME));
	}
	end_pool(&small, &pool);
}

static void test_a_failing_provider_leaves_nothing(void **state)
{
	struct small_arena small;
	struct mete_pool pool;
	void *cpu;
	(void)state;

	start_pool(&small, &pool, (struct mete_pool_config){ .len = 64 });
	size_t records = small.nrecords;
	small.fail_takes = 0;
	assert_error(mete_pool_alloc(&pool, 0, &cpu, NULL), METE_ENOMEM);
	small.fail_takes = SIZE_MAX;
	small.fail_records = 0;
	assert_error(mete_pool_alloc(&pool, 0, &cpu, NULL), METE_ENOMEM);
	small.fail_records = SIZE_MAX;
	assert_int_equal(small.nrecords, records);
	assert_int_equal(mete_arena_free(&small.arena), SMALL_LEN);
	end_pool(&small, &pool);
}

/* In cached memory of a non-coherent device, two blocks never share a cache line; elsewhere 16 bytes stay 16. */
static void test_noncoherent_blocks_own_their_lines(void **state)
{
	static const struct {
		bool noncoherent;
		size_t line;
		enum mete_memory memory;
		size_t stride;
	} rows[] = {
		{ true, 64, METE_MEMORY_CACHED, 64 }, { true, 256, METE_MEMORY_CACHED, 256 },
		{ true, 64, METE_MEMORY_COHERENT, 16 }, { false, 64, METE_MEMORY_CACHED, 16 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct small_arena small;
		struct mete_device device;
		struct mete_pool pool;
		struct mete_pool_info info;
		void *cpu;
		mete_baddr bus;
		small_arena_start(&small);
		const struct mete_device_config config = { .provider = &small.arena.provider,
			.noncoherent = rows[i].noncoherent, .line = rows[i].line };
		assert_ok(mete_device_init(&device, &config));
		const struct mete_pool_config pool_config = { .len = 16, .memory = rows[i].memory };
		assert_ok(mete_pool_init(&pool, &device, &pool_config));
		assert_ok(mete_pool_alloc(&pool, 0, &cpu, &bus));
		mete_pool_info(&pool, &info);
		assert_row(info.stride == rows[i].stride, i, "stride");
		assert_row(bus % rows[i].stride == 0, i, "alignment");
		assert_ok(mete_pool_free(&pool, cpu));
		assert_ok(mete_pool_fini(&pool));
		assert_ok(mete_device_fini(&device));
		small_arena_end(&small);
	}
}

/* A slab that is wholly free goes back at once, but for the one that is kept. */
static void test_one_idle_slab_is_kept(void **state)
{
	struct small_arena small;
	struct mete_pool pool;
	struct mete_pool_info info;
	void *cpu[64 * 8];
	const size_t n = 64 * 8;
	(void)state;

	start_pool(&small, &pool, (struct mete_pool_config){ .len = 64, .slab = SMALL_FRAME });
	for (size_t i = 0; i < n; i++)
		assert_ok(mete_pool_alloc(&pool, 0, &cpu[i], NULL));
	mete_pool_info(&pool, &info);
	assert_int_equal(info.nslabs, 8);
	for (size_t i = 0; i < n; i++)
		assert_ok(mete_pool_free(&pool, cpu[i]));
	mete_pool_info(&pool, &info);
	assert_int_equal(info.nslabs, 2); /* one kept, one whose blocks are on the shelf */
	mete_pool_set_keep(&pool, 0);
	assert_int_equal(mete_pool_reclaim(&pool), 2);
	end_pool(&small, &pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh_blocks_ascend_one_stride_apart),
		cmocka_unit_test(test_freed_blocks_come_back_last_in_first_out),
		cmocka_unit_test(test_blocks_never_cross_the_boundary),
		cmocka_unit_test(test_only_the_start_of_a_live_block_can_be_freed),
		cmocka_unit_test(test_bad_frees_are_counted_by_kind),
		cmocka_unit_test(test_malformed_pools_are_refused),
		cmocka_unit_test(test_bad_flags_are_refused),
		cmocka_unit_test(test_zero_clears_the_block_and_no_other),
		cmocka_unit_test(test_scribbling_devices_change_nothing),
		cmocka_unit_test(test_a_fini_that_would_pull_memory_from_a_device_is_refused),
		cmocka_unit_test(test_hard_limit_counts_live_blocks),
		cmocka_unit_test(test_prime_and_low_water_keep_blocks_ready),
		cmocka_unit_test(test_idle_memory_goes_back_before_any_request_fails),
		cmocka_unit_test(test_one_block_is_tried_when_a_slab_does_not_fit),
		cmocka_unit_test(test_a_failing_provider_leaves_nothing),
		cmocka_unit_test(test_noncoherent_blocks_own_their_lines),
		cmocka_unit_test(test_one_idle_slab_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
