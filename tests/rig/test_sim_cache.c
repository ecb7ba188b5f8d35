/* SPDX-License-Identifier: ISC */
/*
 * The simulated machine's cache: what the CPU and a device see of each other, and what is lost when nobody takes care.
 */
#include "sim_bench.h"

#include <mete/map.h>

#define LEN 4096u

struct mishaps {
	struct mete_sim_line last;
	unsigned n[3];
};

static void mishap(void *ctx, const struct mete_sim_line *line)
{
	struct mishaps *m = ctx;

	m->last = *line;
	m->n[line->mishap]++;
}

struct bench {
	struct sim_bench b;
	struct mishaps m;
	unsigned char *p;
	uint64_t bus;
};

static void open_with(struct bench *b, const struct mete_sim_cache *cache, uint64_t seed)
{
	memset(b, 0, sizeof(*b));
	sim_bench_open(&b->b, &(struct mete_sim_config){ .cache = *cache, .seed = seed });
	assert_ok(mete_sim_watch(b->b.rig, &(struct mete_sim_hooks){ .line = mishap, .ctx = &b->m }));
	b->p = sim_bench_alloc(&b->b, LEN, METE_MEMORY_CACHED, &b->bus);
	assert_true((uintptr_t)b->p % 256 == 0);
	/* Allocating zeroed it, in the cache. */
	struct mete_provider *provider = mete_rig_provider(b->b.rig);
	provider->ops->cache(provider->ctx, METE_CACHE_CLEAN_INVALIDATE, b->p, (mete_paddr)b->bus, LEN);
	assert_int_equal(b->m.n[METE_SIM_LOST] + b->m.n[METE_SIM_CLOBBERED], 0);
}

static void open_line(struct bench *b, unsigned line)
{
	open_with(b, &(struct mete_sim_cache){ .line = line }, 1);
}

static void close_bench(struct bench *b)
{
	sim_bench_free(&b->b, b->p, LEN);
	sim_bench_close(&b->b);
}

static void cache(struct bench *b, enum mete_cache op, size_t offset, size_t len)
{
	struct mete_provider *provider = mete_rig_provider(b->b.rig);
	provider->ops->cache(provider->ctx, op, b->p + offset, (mete_paddr)(b->bus + offset), len);
}

static unsigned char device_sees(struct bench *b, size_t offset)
{
	unsigned char byte;
	assert_ok(sim_bench_get(&b->b, b->bus + offset, &byte, 1));
	return byte;
}

static void device_writes(struct bench *b, size_t offset, unsigned char byte)
{
	assert_ok(sim_bench_put(&b->b, b->bus + offset, &byte, 1));
}

static void test_the_device_sees_what_was_cleaned_and_nothing_else(void **state)
{
	(void)state;
	struct bench b;

	open_line(&b, 64);
	b.p[10] = 7;
	b.p[100] = 8;
	assert_int_equal(device_sees(&b, 10), 0);
	assert_int_equal(b.m.n[METE_SIM_STALE], 1);
	assert_int_equal(b.m.last.phys, b.bus);
	assert_int_equal(b.m.last.cpu_first, 10);
	assert_int_equal(b.m.last.cpu_last, 10);
	assert_int_equal(b.m.last.device_first, 10);
	assert_int_equal(device_sees(&b, 11), 0); /* that byte of the line is what it should be */
	assert_int_equal(b.m.n[METE_SIM_STALE], 1);

	cache(&b, METE_CACHE_CLEAN, 10, 1);
	assert_int_equal(device_sees(&b, 10), 7);
	assert_int_equal(b.m.n[METE_SIM_STALE], 1);
	assert_int_equal(device_sees(&b, 100), 0); /* another line */
	cache(&b, METE_CACHE_CLEAN, 0, LEN);
	assert_int_equal(device_sees(&b, 100), 8);
	close_bench(&b);
}

static void test_the_cpu_sees_what_was_invalidated_and_nothing_else(void **state)
{
	(void)state;
	struct bench b;

	open_line(&b, 64);
	device_writes(&b, 10, 7);
	assert_int_equal(b.p[10], 0);
	cache(&b, METE_CACHE_CLEAN, 10, 1); /* cleaning brings nothing in */
	assert_int_equal(b.p[10], 0);
	cache(&b, METE_CACHE_INVALIDATE, 64, 64);
	assert_int_equal(b.p[10], 0);
	cache(&b, METE_CACHE_INVALIDATE, 0, 1);
	assert_int_equal(b.p[10], 7);
	assert_int_equal(b.m.n[METE_SIM_LOST] + b.m.n[METE_SIM_CLOBBERED], 0);
	close_bench(&b);
}

static void test_invalidating_a_dirty_line_loses_what_the_cpu_wrote(void **state)
{
	(void)state;
	struct bench b;

	open_line(&b, 64);
	b.p[66] = 7;
	b.p[69] = 7;
	cache(&b, METE_CACHE_INVALIDATE, 64, 1);
	assert_int_equal(b.p[66], 0);
	assert_int_equal(b.m.n[METE_SIM_LOST], 1);
	assert_int_equal(b.m.last.phys, b.bus + 64);
	assert_int_equal(b.m.last.len, 64);
	assert_int_equal(b.m.last.cpu_first, 2);
	assert_int_equal(b.m.last.cpu_last, 5);

	/* Cleaned first, it is not lost. */
	b.p[66] = 7;
	cache(&b, METE_CACHE_CLEAN_INVALIDATE, 64, 1);
	assert_int_equal(b.p[66], 7);
	assert_int_equal(b.m.n[METE_SIM_LOST], 1);
	close_bench(&b);
}

static void test_writing_back_over_a_device_clobbers_and_names_both(void **state)
{
	(void)state;
	struct bench b;

	open_line(&b, 64);
	device_writes(&b, 128 + 4, 9);
	b.p[128 + 60] = 7; /* a neighbour in the same line */
	cache(&b, METE_CACHE_CLEAN, 128 + 60, 1);
	assert_int_equal(b.m.n[METE_SIM_CLOBBERED], 1);
	assert_int_equal(b.m.last.phys, b.bus + 128);
	assert_int_equal(b.m.last.cpu_first, 60);
	assert_int_equal(b.m.last.device_first, 4);
	assert_int_equal(b.m.last.device_last, 4);
	assert_int_equal(b.m.last.source, b.b.copy.slot << 3);
	assert_false(b.m.last.pressure);
	assert_int_equal(device_sees(&b, 128 + 4), 0);

	/* In lines of their own, both live. */
	device_writes(&b, 256, 9);
	b.p[256 + 64] = 7;
	cache(&b, METE_CACHE_CLEAN, 256, 128);
	cache(&b, METE_CACHE_INVALIDATE, 256, 128);
	assert_int_equal(b.p[256], 9);
	assert_int_equal(b.p[256 + 64], 7);
	assert_int_equal(b.m.n[METE_SIM_CLOBBERED], 1);
	close_bench(&b);
}

static void test_lines_are_as_long_as_they_were_asked_for(void **state)
{
	(void)state;
	struct bench b;

	for (unsigned line = 16; line <= 256; line *= 2) {
		open_line(&b, line);
		memset(b.p, 7, LEN);
		cache(&b, METE_CACHE_CLEAN, line, 1);
		assert_int_equal(device_sees(&b, line - 1), 0);
		assert_int_equal(device_sees(&b, line), 7);
		assert_int_equal(device_sees(&b, 2 * line - 1), 7);
		assert_int_equal(device_sees(&b, 2 * line), 0);
		close_bench(&b);
	}
}

static void test_with_write_through_the_device_always_sees_the_cpu(void **state)
{
	(void)state;
	struct bench b;

	open_with(&b, &(struct mete_sim_cache){ .line = 64, .through = true }, 1);
	device_writes(&b, 4, 9);
	b.p[60] = 7;
	assert_int_equal(device_sees(&b, 60), 7);
	assert_int_equal(device_sees(&b, 4), 9); /* only bytes go through, no lines */
	assert_int_equal(b.p[4], 0);             /* and nothing comes back */
	cache(&b, METE_CACHE_INVALIDATE, 0, 64);
	assert_int_equal(b.p[4], 9);
	assert_int_equal(b.p[60], 7);
	assert_int_equal(b.m.n[0] + b.m.n[1] + b.m.n[2], 0);
	close_bench(&b);
}

static void test_coherent_memory_is_not_in_the_cache(void **state)
{
	(void)state;
	static const enum mete_memory kinds[] = { METE_MEMORY_COHERENT, METE_MEMORY_COMBINED, METE_MEMORY_UNCACHED };
	unsigned char byte = 5, seen = 0;
	struct bench b;
	uint64_t bus;

	open_line(&b, 64);
	for (size_t i = 0; i < 3; i++) {
		unsigned char *p = sim_bench_alloc(&b.b, LEN, kinds[i], &bus);
		p[0] = 7;
		assert_ok(sim_bench_get(&b.b, bus, &seen, 1));
		assert_int_equal(seen, 7);
		assert_ok(sim_bench_put(&b.b, bus + 1, &byte, 1));
		assert_int_equal(p[1], 5);
		sim_bench_free(&b.b, p, LEN);
	}
	close_bench(&b);
}

/* One access, half of it to memory that is not in the cache. */
static void test_an_access_may_begin_outside_of_the_cache(void **state)
{
	(void)state;
	static const unsigned char word[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	unsigned char seen[8], *low;
	struct bench b;
	size_t len;

	open_line(&b, 64);
	struct mete_provider *provider = mete_rig_provider(b.b.rig);
	assert_ok(provider->ops->view(provider->ctx, 1u << 20, 8, (void **)&low, &len));
	assert_ok(sim_bench_put(&b.b, (1u << 20) - 4, word, 8));
	assert_memory_equal(low - 4, word, 4);
	assert_int_equal(low[0], 0);
	assert_ok(sim_bench_get(&b.b, (1u << 20) - 4, seen, 8));
	assert_memory_equal(seen, word, 8);
	provider->ops->cache(provider->ctx, METE_CACHE_INVALIDATE, low, 1u << 20, 4);
	assert_memory_equal(low, word + 4, 4);
	close_bench(&b);
}

/* Operations know their part of memory, and leave the rest alone. */
static void test_an_operation_may_go_beyond_the_cache(void **state)
{
	(void)state;
	const size_t cached = (SIM_BENCH_RAM - (1u << 20)) / 4 * 3; /* a quarter is coherent; here all are whole pages */
	unsigned char *first, *last, seen;
	struct bench b;
	size_t len;

	open_line(&b, 64);
	struct mete_provider *provider = mete_rig_provider(b.b.rig);
	assert_ok(provider->ops->view(provider->ctx, 1u << 20, 64, (void **)&first, &len));
	last = first + cached - 1;
	*first = 5;
	*last = 6;
	provider->ops->cache(provider->ctx, METE_CACHE_CLEAN, first - 64, (1u << 20) - 64, 128);
	provider->ops->cache(provider->ctx, METE_CACHE_CLEAN, last, (mete_paddr)((1u << 20) + cached - 1), 8192);
	assert_ok(sim_bench_get(&b.b, 1u << 20, &seen, 1));
	assert_int_equal(seen, 5);
	assert_ok(sim_bench_get(&b.b, (1u << 20) + cached - 1, &seen, 1));
	assert_int_equal(seen, 6);
	assert_int_equal(b.m.n[METE_SIM_STALE], 0);
	/* Wholly outside, or nowhere: nothing. */
	provider->ops->cache(provider->ctx, METE_CACHE_INVALIDATE, first, 0, 4096);
	provider->ops->cache(provider->ctx, METE_CACHE_INVALIDATE, first, SIM_BENCH_RAM - 4096, 4096);
	provider->ops->cache(provider->ctx, METE_CACHE_INVALIDATE, first, SIM_BENCH_RAM, 4096);
	close_bench(&b);
}

/* What the library does for a streaming mapping is enough, and what it does is needed. */
static void test_mapping_and_syncing_make_a_copy_right(void **state)
{
	(void)state;
	unsigned char seen[500];
	struct bench b;
	mete_baddr bus;

	for (int skip = 0; skip < 2; skip++) {
		const unsigned flags = skip ? METE_MAP_SKIP_SYNC : 0;
		open_line(&b, 64);
		for (size_t i = 0; i < 500; i++)
			b.p[i] = (unsigned char)(i + 1);
		assert_ok(mete_map_single(&b.b.device, NULL, b.p, 500, METE_DEVICE_READS, flags, &bus));
		assert_ok(sim_bench_get(&b.b, bus, seen, 500));
		assert_int_equal(memcmp(seen, b.p, 500) == 0, !skip);
		assert_int_equal(b.m.n[METE_SIM_STALE] == 0, !skip);
		assert_ok(mete_unmap_single(&b.b.device, bus, 500, METE_DEVICE_READS, flags));

		unsigned char *to = b.p + 1024;
		assert_ok(mete_map_single(&b.b.device, NULL, to, 512, METE_DEVICE_WRITES, flags, &bus));
		assert_ok(sim_bench_put(&b.b, bus, b.p, 500));
		assert_ok(mete_unmap_single(&b.b.device, bus, 512, METE_DEVICE_WRITES, flags));
		assert_int_equal(memcmp(to, b.p, 500) == 0, !skip);
		assert_int_equal(b.m.n[METE_SIM_LOST] + b.m.n[METE_SIM_CLOBBERED], 0);
		close_bench(&b);
	}
}

/* A buffer that shares a line with the CPU's data goes wrong, and pressure finds it without a clean of that line. */
static void test_pressure_finds_what_a_quiet_cache_hides(void **state)
{
	(void)state;
	struct mete_sim_counters counters;
	unsigned quiet = 0, found = 0, lines = 0;
	struct bench b;

	for (int pressed = 0; pressed < 2; pressed++) {
		for (uint64_t seed = 1; seed <= 40; seed++) {
			/* Shared line: the device fills the first half, the CPU keeps a count in the second. */
			open_with(&b, &(struct mete_sim_cache){ .line = 64, .evict_ppm = pressed ? 300000 : 0,
				.refill_ppm = pressed ? 300000 : 0 }, seed);
			for (unsigned char i = 0; i < 32; i++) {
				device_writes(&b, i, (unsigned char)(i + 1));
				b.p[40]++;
			}
			*(pressed ? &found : &quiet) += b.m.n[METE_SIM_CLOBBERED] != 0;
			mete_sim_counters(b.b.rig, &counters);
			lines += pressed ? 0 : (unsigned)(counters.evicted + counters.refilled);
			if (pressed)
				assert_true(counters.evicted && counters.refilled);
			assert_true(!b.m.n[METE_SIM_CLOBBERED] || b.m.last.pressure);
			close_bench(&b);
		}
	}
	assert_int_equal(quiet, 0);
	assert_int_equal(lines, 0);
	assert_true(found >= 30);
}

/* Where buffers own their lines, and syncs are there, no pressure does any harm. */
static void test_pressure_harms_no_driver_that_is_right(void **state)
{
	(void)state;
	unsigned char pattern[512], seen[512];
	mete_baddr bus;
	struct bench b;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		open_with(&b, &(struct mete_sim_cache){ .line = 64, .evict_ppm = 500000, .refill_ppm = 500000 }, seed);
		for (unsigned i = 0; i < 20; i++) {
			memset(pattern, (int)(i + seed), sizeof(pattern));
			memcpy(b.p, pattern, sizeof(pattern));
			assert_ok(mete_map_single(&b.b.device, NULL, b.p, 512, METE_DEVICE_READS, 0, &bus));
			for (size_t at = 0; at < 512; at += 32)
				assert_ok(sim_bench_get(&b.b, bus + at, seen + at, 32));
			assert_ok(mete_unmap_single(&b.b.device, bus, 512, METE_DEVICE_READS, 0));
			assert_memory_equal(seen, pattern, 512);
			assert_ok(mete_map_single(&b.b.device, NULL, b.p + 512, 512, METE_DEVICE_WRITES, 0, &bus));
			for (size_t at = 0; at < 512; at += 32)
				assert_ok(sim_bench_put(&b.b, bus + at, pattern + at, 32));
			assert_ok(mete_unmap_single(&b.b.device, bus, 512, METE_DEVICE_WRITES, 0));
			assert_memory_equal(b.p + 512, pattern, 512);
		}
		assert_int_equal(b.m.n[0] + b.m.n[1] + b.m.n[2], 0);
		close_bench(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_device_sees_what_was_cleaned_and_nothing_else),
		cmocka_unit_test(test_the_cpu_sees_what_was_invalidated_and_nothing_else),
		cmocka_unit_test(test_invalidating_a_dirty_line_loses_what_the_cpu_wrote),
		cmocka_unit_test(test_writing_back_over_a_device_clobbers_and_names_both),
		cmocka_unit_test(test_lines_are_as_long_as_they_were_asked_for),
		cmocka_unit_test(test_with_write_through_the_device_always_sees_the_cpu),
		cmocka_unit_test(test_coherent_memory_is_not_in_the_cache),
		cmocka_unit_test(test_an_access_may_begin_outside_of_the_cache),
		cmocka_unit_test(test_an_operation_may_go_beyond_the_cache),
		cmocka_unit_test(test_mapping_and_syncing_make_a_copy_right),
		cmocka_unit_test(test_pressure_finds_what_a_quiet_cache_hides),
		cmocka_unit_test(test_pressure_harms_no_driver_that_is_right),
	};
	return cmocka_run_group_tests_name("rig: sim cache", tests, NULL, NULL);
}
