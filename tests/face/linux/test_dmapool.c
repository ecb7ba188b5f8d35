/* SPDX-License-Identifier: ISC */
/*
 * dma_pool as a driver calls it, from the native header.
 */
#include "support.h"

#include <limits.h>
#include <linux/dmapool.h>

#include <mete/pool.h>

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

static void test_impossible_pools_are_null(void **state)
{
	static const struct {
		size_t size, align, boundary;
		const char *why;
	} rows[] = {
		{ 0, 0, 0, "no size" }, { (size_t)INT_MAX + 1, 0, 0, "above INT_MAX" }, { SIZE_MAX, 0, 0, "longest" },
		{ 16, 3, 0, "alignment not a power of two" }, { 16, 0, 24, "boundary not a power of two" },
		{ 64, 0, 32, "boundary below the size" }, { 20, 64, 32, "boundary below the aligned size" },
		{ 1, 0, 8, "boundary below the least size" },
	};
	struct linux_world w;
	struct device no_core = { 0 };
	(void)state;

	start(&w);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t records = w.small.nrecords;
		assert_row(!dma_pool_create("bad", &w.dev, rows[i].size, rows[i].align, rows[i].boundary), i, rows[i].why);
		assert_row(w.small.nrecords == records, i, rows[i].why);
	}
	assert_int_equal(small_arena_counters(&w.small).bad_argument, sizeof rows / sizeof rows[0]);
	assert_null(dma_pool_create("bad", NULL, 16, 0, 0));
	assert_null(dma_pool_create("bad", &no_core, 16, 0, 0));
	w.small.fail_records = 0;
	assert_null(dma_pool_create("bad", &w.dev, 16, 0, 0));
	w.small.fail_records = SIZE_MAX;
	end(&w);
}

/* 68 bytes, aligned to 32, within 4 KiB: 42 blocks of 96 to a page, as Linux has it. */
static void test_blocks_are_aligned_and_never_cross_the_boundary(void **state)
{
	static const struct {
		size_t size, align, boundary, stride, per_page;
		const char *why;
	} rows[] = {
		{ 68, 32, 4096, 96, 42, "as documented" },
		{ 68, 32, 0, 96, 42, "no boundary: a page" },
		{ 4, 4, 0, 16, 256, "least size" },
		{ 1, 0, 0, 16, 256, "no alignment" },
		{ 24, 64, 256, 64, 64, "alignment above size" },
		{ 100, 4, 128, 112, 32, "a boundary that leaves gaps" },
		{ 100, 4, 65536, 112, 36, "a boundary above a page: a page" },
		{ 2048, 2048, 0, 2048, 2, "two to a page" },
		{ 4096, 4096, 4096, 4096, 1, "a page" },
		{ 5000, 8, 8192, 5008, 0, "above a page" },
	};
	struct linux_world w;
	(void)state;

	start(&w);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct dma_pool *pool = dma_pool_create("test", &w.dev, rows[i].size, rows[i].align, rows[i].boundary);
		void *cpu[96];
		dma_addr_t handle[96];
		size_t on_first_page = 0;
		assert_row(pool != NULL, i, rows[i].why);
		size_t boundary = rows[i].boundary && rows[i].boundary < 4096 ? rows[i].boundary : 4096;
		for (size_t j = 0; j < 96; j++) {
			cpu[j] = dma_pool_alloc(pool, GFP_KERNEL, &handle[j]);
			assert_row(cpu[j] != NULL, i, rows[i].why);
			assert_row((size_t)(handle[j] - SMALL_PHYS) == (size_t)((unsigned char *)cpu[j] - w.small.memory), i,
			    "the handle is the block's address");
			assert_row(!rows[i].align || handle[j] % rows[i].align == 0, i, rows[i].why);
			if (rows[i].size <= 4096)
				assert_row(handle[j] / boundary == (handle[j] + rows[i].size - 1) / boundary, i, rows[i].why);
			else
				assert_row(handle[j] / 8192 == (handle[j] + rows[i].size - 1) / 8192, i, rows[i].why);
			on_first_page += handle[j] / 4096 == handle[0] / 4096;
		}
		if (rows[i].per_page && rows[i].per_page < 96)
			assert_row(on_first_page == rows[i].per_page, i, rows[i].why);
		if (rows[i].per_page > 1 && boundary == 4096)
			assert_row(handle[1] - handle[0] == rows[i].stride, i, rows[i].why);
		for (size_t j = 0; j < 96; j++)
			dma_pool_free(pool, cpu[j], handle[j]);
		dma_pool_destroy(pool);
	}
	end(&w);
}

/* Drivers depend on this order: ascending when fresh, last in first out when freed. */
static void test_fresh_blocks_ascend_and_freed_ones_come_back_first(void **state)
{
	struct linux_world w;
	void *cpu[64], *again;
	dma_addr_t handle[64], bus;
	(void)state;

	start(&w);
	struct dma_pool *pool = dma_pool_create("order", &w.dev, 64, 64, 0);
	for (size_t i = 0; i < 64; i++) {
		cpu[i] = dma_pool_alloc(pool, GFP_KERNEL, &handle[i]);
		assert_true(i == 0 || handle[i] == handle[i - 1] + 64);
	}
	for (size_t i = 0; i < 64; i++)
		dma_pool_free(pool, cpu[i * 5 % 64], handle[i * 5 % 64]);
	for (size_t i = 64; i-- > 0;) {
		again = dma_pool_alloc(pool, GFP_KERNEL, &bus);
		assert_ptr_equal(again, cpu[i * 5 % 64]);
		assert_true(bus == handle[i * 5 % 64]);
	}
	for (size_t i = 0; i < 64; i++)
		dma_pool_free(pool, cpu[i], handle[i]);
	dma_pool_destroy(pool);
	end(&w);
}

static void test_zalloc_clears_the_whole_rounded_block(void **state)
{
	struct linux_world w;
	dma_addr_t handle, other;
	(void)state;

	start(&w);
	memset(w.small.memory, 0xa5, SMALL_LEN);
	struct dma_pool *pool = dma_pool_create("zero", &w.dev, 40, 32, 0);
	unsigned char *plain = dma_pool_alloc(pool, GFP_ATOMIC, &other);
	unsigned char *cpu = dma_pool_zalloc(pool, GFP_KERNEL, &handle);
	assert_int_equal(plain[0], 0xa5); /* alloc alone clears nothing */
	for (size_t i = 0; i < 64; i++)
		assert_int_equal(cpu[i], 0);
	assert_int_equal(cpu[64], 0xa5);
	dma_pool_free(pool, cpu, handle);
	dma_pool_free(pool, plain, other);
	cpu = dma_pool_alloc(pool, GFP_KERNEL | __GFP_ZERO, &handle);
	assert_int_equal(cpu[0], 0);
	dma_pool_free(pool, cpu, handle);
	dma_pool_destroy(pool);
	end(&w);
}

static void test_bad_frees_do_nothing_but_count(void **state)
{
	struct linux_world w;
	dma_addr_t handle, other;
	(void)state;

	start(&w);
	struct dma_pool *pool = dma_pool_create("test", &w.dev, 64, 64, 0);
	struct dma_pool *second = dma_pool_create("other", &w.dev, 64, 64, 0);
	char *cpu = dma_pool_alloc(pool, GFP_KERNEL, &handle);
	dma_pool_free(pool, NULL, handle);
	dma_pool_free(NULL, cpu, handle);
	dma_pool_free(pool, cpu, handle + 64);         /* wrong handle */
	dma_pool_free(pool, cpu + 16, handle + 16);    /* interior */
	dma_pool_free(pool, &w, handle);               /* foreign */
	dma_pool_free(second, cpu, handle);            /* another pool's */
	struct mete_counters counters = small_arena_counters(&w.small);
	assert_int_equal(counters.wrong_pair, 1);
	assert_int_equal(counters.bad_address, 3);
	char *fresh = dma_pool_alloc(pool, GFP_KERNEL, &other);
	assert_ptr_not_equal(fresh, cpu);
	dma_pool_free(pool, fresh, other);
	dma_pool_free(pool, cpu, handle);
	dma_pool_free(pool, cpu, handle);              /* twice */
	assert_int_equal(small_arena_counters(&w.small).double_free, 1);
	dma_pool_destroy(second);
	dma_pool_destroy(pool);
	end(&w);
}

static void test_used_up_memory_is_null_and_leaves_the_handle(void **state)
{
	struct linux_world w;
	dma_addr_t handle[SMALL_LEN / 4096 + 1], untouched = 4711;
	void *cpu[SMALL_LEN / 4096 + 1];
	size_t n = 0;
	(void)state;

	start(&w);
	struct dma_pool *pool = dma_pool_create("big", &w.dev, 4096, 4096, 0);
	while ((cpu[n] = dma_pool_alloc(pool, GFP_KERNEL, &handle[n])) != NULL)
		n++;
	assert_int_equal(n, SMALL_LEN / 4096);
	assert_null(dma_pool_zalloc(pool, GFP_ATOMIC, &untouched));
	assert_true(untouched == 4711);
	assert_null(dma_pool_alloc(NULL, GFP_KERNEL, &untouched));
	while (n--)
		dma_pool_free(pool, cpu[n], handle[n]);
	dma_pool_destroy(pool);
	end(&w);
}

static void test_blocks_obey_the_coherent_mask(void **state)
{
	struct linux_world w;
	dma_addr_t handle;
	(void)state;

	start(&w);
	w.dev.coherent_dma_mask = SMALL_PHYS + 0xffff;
	struct dma_pool *pool = dma_pool_create("low", &w.dev, 64, 64, 0);
	void *cpu = dma_pool_alloc(pool, GFP_KERNEL, &handle);
	assert_true(handle + 63 <= w.dev.coherent_dma_mask);
	dma_pool_free(pool, cpu, handle);
	dma_pool_destroy(pool);
	w.dev.coherent_dma_mask = 0xffff;
	pool = dma_pool_create("nowhere", &w.dev, 64, 64, 0);
	assert_non_null(pool);
	assert_null(dma_pool_alloc(pool, GFP_KERNEL, &handle));
	dma_pool_destroy(pool);
	end(&w);
}

/* A device may still use the blocks of a busy pool: as in Linux, its memory is not given back. */
static void test_a_busy_pool_keeps_its_memory(void **state)
{
	struct linux_world w;
	dma_addr_t handle;
	(void)state;

	start(&w);
	dma_pool_destroy(NULL);
	struct dma_pool *pool = dma_pool_create("busy", &w.dev, 64, 64, 0);
	void *cpu = dma_pool_alloc(pool, GFP_KERNEL, &handle);
	size_t free_before = mete_arena_free(&w.small.arena);
	dma_pool_destroy(pool);
	assert_int_equal(small_arena_counters(&w.small).fini_busy, 1);
	assert_int_equal(mete_arena_free(&w.small.arena), free_before);
	dma_pool_free(pool, cpu, handle);
	dma_pool_destroy(pool);
	end(&w);
}

static void test_names_are_cut_to_31_characters(void **state)
{
	struct linux_world w;
	(void)state;

	start(&w);
	struct dma_pool *pool = dma_pool_create("0123456789012345678901234567890123456789", &w.dev, 64, 0, 0);
	assert_non_null(pool);
	assert_string_equal(w.small.arena.provider.pools->name, "0123456789012345678901234567890");
	dma_pool_destroy(pool);
	pool = dma_pool_create(NULL, &w.dev, 64, 0, 0);
	assert_string_equal(w.small.arena.provider.pools->name, "");
	dma_pool_destroy(pool);
	end(&w);
}

static void test_each_failure_of_the_provider_is_survived(void **state)
{
	struct linux_world w;
	dma_addr_t handle = 4711;
	(void)state;

	start(&w);
	struct dma_pool *pool = dma_pool_create("test", &w.dev, 64, 0, 0);
	size_t records = w.small.nrecords;
	w.small.fail_takes = 0;
	assert_null(dma_pool_alloc(pool, GFP_KERNEL, &handle));
	w.small.fail_takes = SIZE_MAX;
	w.small.fail_records = 0;
	assert_null(dma_pool_alloc(pool, GFP_KERNEL, &handle));
	w.small.fail_records = SIZE_MAX;
	assert_true(handle == 4711);
	assert_int_equal(w.small.nrecords, records);
	dma_pool_destroy(pool);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_impossible_pools_are_null),
		cmocka_unit_test(test_blocks_are_aligned_and_never_cross_the_boundary),
		cmocka_unit_test(test_fresh_blocks_ascend_and_freed_ones_come_back_first),
		cmocka_unit_test(test_zalloc_clears_the_whole_rounded_block),
		cmocka_unit_test(test_bad_frees_do_nothing_but_count),
		cmocka_unit_test(test_used_up_memory_is_null_and_leaves_the_handle),
		cmocka_unit_test(test_blocks_obey_the_coherent_mask),
		cmocka_unit_test(test_a_busy_pool_keeps_its_memory),
		cmocka_unit_test(test_names_are_cut_to_31_characters),
		cmocka_unit_test(test_each_failure_of_the_provider_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
