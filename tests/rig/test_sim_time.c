/* SPDX-License-Identifier: ISC */
/*
 * When the simulated machine's devices do their work, who decides it, and that it is always the same.
 */
#define _GNU_SOURCE
#include "sim_bench.h"

#include <time.h>

#define LEN 256u
#define NSTEPS 4u

/* A list of copies: descriptors, a source and a target for each. */
struct list {
	unsigned char *d, *from, *to;
	uint64_t d_bus, from_bus, to_bus;
};

static void list_open(struct sim_bench *b, struct list *l)
{
	l->d = sim_bench_alloc(b, NSTEPS * METE_SIM_COPY_DESCRIPTOR, METE_MEMORY_COHERENT, &l->d_bus);
	l->from = sim_bench_alloc(b, NSTEPS * LEN, METE_MEMORY_COHERENT, &l->from_bus);
	l->to = sim_bench_alloc(b, NSTEPS * LEN, METE_MEMORY_COHERENT, &l->to_bus);
	for (unsigned i = 0; i < NSTEPS * LEN; i++)
		l->from[i] = (unsigned char)(i * 7 + i / 256);
	for (unsigned i = 0; i < NSTEPS; i++) {
		const bool last = i == NSTEPS - 1;
		sim_bench_step(l->d + i * METE_SIM_COPY_DESCRIPTOR, &(struct sim_bench_step){
			.next = last ? 0 : l->d_bus + (i + 1) * METE_SIM_COPY_DESCRIPTOR, .from = l->from_bus + i * LEN,
			.to = l->to_bus + i * LEN, .len = LEN, .flags = last, .tag = i });
	}
}

static void list_close(struct sim_bench *b, struct list *l)
{
	sim_bench_free(b, l->d, NSTEPS * METE_SIM_COPY_DESCRIPTOR);
	sim_bench_free(b, l->from, NSTEPS * LEN);
	sim_bench_free(b, l->to, NSTEPS * LEN);
}

static unsigned done(struct sim_bench *b)
{
	return (unsigned)rig_get(&b->copy, METE_SIM_COPY_DONE, 4);
}

static void start(struct sim_bench *b, const struct list *l)
{
	assert_ok(mete_rig_irq_enable(&b->copy, 0));
	rig_put(&b->copy, METE_SIM_COPY_START, 8, l->d_bus);
}

static void test_at_once_means_within_the_call(void **state)
{
	(void)state;
	struct sim_bench b;
	struct list l;

	sim_bench_open(&b, NULL);
	list_open(&b, &l);
	start(&b, &l);
	assert_int_equal(done(&b), NSTEPS);
	assert_memory_equal(l.to, l.from, NSTEPS * LEN);
	assert_ok(mete_rig_irq_wait(&b.copy, 0, 0));
	assert_error(mete_rig_irq_wait(&b.copy, 0, 1000), METE_ETIMEDOUT);
	assert_int_equal(mete_sim_step(b.rig), 0);
	list_close(&b, &l);
	sim_bench_close(&b);
}

static void test_step_by_step_each_event_is_the_tests(void **state)
{
	(void)state;
	struct sim_bench b;
	struct list l;

	sim_bench_open(&b, &(struct mete_sim_config){ .time = METE_SIM_STEP });
	list_open(&b, &l);
	start(&b, &l);
	uint64_t last = mete_sim_now(b.rig);
	for (unsigned i = 0; i < NSTEPS; i++) {
		assert_int_equal(done(&b), i);
		assert_memory_not_equal(l.to + i * LEN, l.from + i * LEN, LEN);
		assert_int_equal(mete_sim_step(b.rig), 1);
		assert_memory_equal(l.to + i * LEN, l.from + i * LEN, LEN);
		assert_true(mete_sim_now(b.rig) > last);
		last = mete_sim_now(b.rig);
	}
	assert_int_equal(mete_sim_step(b.rig), 0);
	assert_int_equal(mete_sim_run(b.rig, 10), 0);
	list_close(&b, &l);
	sim_bench_close(&b);
}

/* How long something takes is the seed's, within a factor of two. */
static void test_a_device_takes_its_time(void **state)
{
	(void)state;
	uint64_t shortest = UINT64_MAX, longest = 0;
	struct sim_bench b;
	struct list l;

	for (uint64_t seed = 1; seed <= 50; seed++) {
		sim_bench_open(&b, &(struct mete_sim_config){ .time = METE_SIM_STEP, .seed = seed });
		list_open(&b, &l);
		start(&b, &l);
		assert_int_equal(mete_sim_step(b.rig), 1);
		uint64_t ns = mete_sim_now(b.rig);
		shortest = ns < shortest ? ns : shortest;
		longest = ns > longest ? ns : longest;
		mete_sim_run(b.rig, 100);
		list_close(&b, &l);
		sim_bench_close(&b);
	}
	assert_true(shortest >= 2000 && longest <= 4000 && longest - shortest > 1000);
}

static void test_a_wait_moves_the_clock_and_no_further_than_it_may(void **state)
{
	(void)state;
	static const struct mete_sim_device two[] = { { .model = METE_SIM_COPY }, { .model = METE_SIM_EDU } };
	struct mete_rig_function f;
	struct sim_bench b;
	int64_t began = rig_now_ms();

	sim_bench_open(&b, &(struct mete_sim_config){ .time = METE_SIM_STEP, .devices = two, .ndevices = 2 });
	assert_ok(mete_rig_find(b.rig, 0x1234, 0x11e8, 0, &f));
	assert_ok(mete_rig_irq_enable(&f, 0));
	rig_put(&f, 0x80, 8, 0x40000);
	rig_put(&f, 0x88, 8, 2u << 20);
	rig_put(&f, 0x90, 8, 16);
	rig_put(&f, 0x98, 8, 1 | 2 | 4); /* takes 100 ms */
	assert_error(mete_rig_irq_wait(&f, 0, 30), METE_ETIMEDOUT);
	assert_int_equal(mete_sim_now(b.rig), 30000000);
	assert_ok(mete_rig_irq_wait(&f, 0, 100));
	assert_int_equal(mete_sim_now(b.rig), 100000000);
	assert_error(mete_rig_irq_wait(&f, 0, 3600000), METE_ETIMEDOUT); /* nothing will come: no hour passes */
	assert_true(rig_now_ms() - began < 5000);
	sim_bench_close(&b);
}

static void test_in_auto_mode_devices_get_on_by_themselves(void **state)
{
	(void)state;
	unsigned first = 0, differs = 0;
	struct sim_bench b;
	struct list l;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		unsigned n = 0;
		sim_bench_open(&b, &(struct mete_sim_config){ .time = METE_SIM_AUTO, .seed = seed });
		list_open(&b, &l);
		start(&b, &l);
		while (done(&b) < NSTEPS && n < 100)
			n++;
		assert_true(n < 100);
		assert_memory_equal(l.to, l.from, NSTEPS * LEN);
		differs += seed > 1 && n != first;
		first = seed > 1 ? first : n;
		list_close(&b, &l);
		sim_bench_close(&b);
	}
	assert_true(differs);
}

/* Also when the driver only calls the library. */
static void test_in_auto_mode_the_provider_counts_as_well(void **state)
{
	(void)state;
	struct mete_sim_counters counters;
	unsigned char *memory;
	struct sim_bench b;
	struct list l;
	uint64_t bus;

	sim_bench_open(&b, &(struct mete_sim_config){ .time = METE_SIM_AUTO });
	list_open(&b, &l);
	start(&b, &l);
	for (int i = 0; i < 100; i++) {
		memory = sim_bench_alloc(&b, 4096, METE_MEMORY_COHERENT, &bus);
		sim_bench_free(&b, memory, 4096);
	}
	mete_sim_counters(b.rig, &counters);
	assert_int_equal(counters.events, NSTEPS);
	assert_memory_equal(l.to, l.from, NSTEPS * LEN);
	list_close(&b, &l);
	sim_bench_close(&b);
}

static void test_a_thread_does_it_and_the_wait_waits(void **state)
{
	(void)state;
	struct sim_bench b;
	struct list l;

	for (int i = 0; i < 20; i++) {
		sim_bench_open(&b, &(struct mete_sim_config){ .time = METE_SIM_THREAD });
		list_open(&b, &l);
		start(&b, &l);
		assert_ok(mete_rig_irq_wait(&b.copy, 0, 10000));
		assert_memory_equal(l.to, l.from, NSTEPS * LEN);
		assert_int_equal(done(&b), NSTEPS);
		assert_error(mete_rig_irq_wait(&b.copy, 0, 60000), METE_ETIMEDOUT); /* at once: it has nothing to do */
		assert_int_equal(mete_sim_step(b.rig), 0);
		list_close(&b, &l);
		sim_bench_close(&b);
	}
	/* Stopped in the middle. */
	sim_bench_open(&b, &(struct mete_sim_config){ .time = METE_SIM_THREAD });
	list_open(&b, &l);
	start(&b, &l);
	assert_int_equal(mete_rig_stop(b.rig), 3);
}

/* A relaxed doorbell: the device may see an old descriptor.  With a barrier, or an ordinary write, it never does. */
static void test_a_doorbell_without_a_barrier_is_found_out(void **state)
{
	(void)state;
	enum { PLAIN, BARRIER, RELAXED, WAYS };
	struct mete_sim_counters counters;
	unsigned wrong[WAYS] = { 0 };
	struct sim_bench b;
	struct list l;

	for (unsigned way = 0; way < WAYS; way++) {
		for (uint64_t seed = 1; seed <= 20; seed++) {
			sim_bench_open(&b, &(struct mete_sim_config){ .time = METE_SIM_STEP, .late_stores = true, .seed = seed });
			list_open(&b, &l);
			if (way == BARRIER)
				assert_ok(mete_sim_barrier(b.rig));
			if (way == PLAIN)
				rig_put(&b.copy, METE_SIM_COPY_START, 8, l.d_bus);
			else
				assert_ok(mete_rig_write_relaxed(&b.copy, 0, METE_SIM_COPY_START, 8, l.d_bus));
			assert_true(mete_sim_run(b.rig, 100) < 100);
			mete_sim_counters(b.rig, &counters);
			bool bad = memcmp(l.to, l.from, NSTEPS * LEN) != 0;
			wrong[way] += bad;
			assert_true(!bad || counters.late);
			list_close(&b, &l);
			sim_bench_close(&b);
		}
	}
	assert_int_equal(wrong[PLAIN], 0);
	assert_int_equal(wrong[BARRIER], 0);
	assert_true(wrong[RELAXED] >= 15);
}

static void test_what_a_device_wrote_is_never_late(void **state)
{
	(void)state;
	unsigned char byte, seen;
	struct sim_bench b;
	uint64_t bus, other;

	sim_bench_open(&b, &(struct mete_sim_config){ .late_stores = true });
	unsigned char *q = sim_bench_alloc(&b, 4096, METE_MEMORY_COHERENT, &other);
	unsigned char *p = sim_bench_alloc(&b, 4096, METE_MEMORY_COHERENT, &bus);
	sim_bench_free(&b, q, 4096); /* forgetting one run forgets no other */
	assert_ok(mete_sim_barrier(b.rig));
	for (unsigned i = 0; i < 4096; i += 64) {
		byte = (unsigned char)(i / 64 + 1);
		assert_ok(sim_bench_put(&b, bus + i, &byte, 1));
		assert_int_equal(p[i], byte);
		assert_ok(sim_bench_get(&b, bus + i, &seen, 1));
		assert_int_equal(seen, byte);
	}
	memset(p, 0x55, 4096);
	assert_ok(mete_sim_barrier(b.rig));
	for (unsigned i = 0; i < 4096; i += 64) {
		assert_ok(sim_bench_get(&b, bus + i, &seen, 1));
		assert_int_equal(seen, 0x55);
	}
	sim_bench_free(&b, p, 4096);
	sim_bench_close(&b);
}

static void count_late(void *ctx, const struct mete_sim_access *access)
{
	*(unsigned *)ctx += access->late;
}

/* A device that misses a store is told of only if a register was written since, and the store was to memory it still is in. */
static void test_what_a_doorbell_overtook_is_told(void **state)
{
	(void)state;
	const struct mete_sim_config config = { .time = METE_SIM_STEP, .late_stores = true, .seed = 1 };
	unsigned nlate = 0;
	const struct mete_sim_hooks hooks = { .access = count_late, .ctx = &nlate };
	struct mete_sim_counters counters;
	unsigned char seen[4096];
	struct sim_bench b;
	uint64_t bus, again;

	sim_bench_open(&b, &config);
	assert_ok(mete_sim_watch(b.rig, &hooks));
	unsigned char *p = sim_bench_alloc(&b, 4096, METE_MEMORY_COHERENT, &bus);
	assert_ok(mete_sim_barrier(b.rig));
	memset(p, 1, 4096);
	assert_ok(sim_bench_get(&b, bus, seen, 4096));
	mete_sim_counters(b.rig, &counters);
	assert_int_equal(counters.late, 1);
	assert_int_equal(nlate, 0);
	memset(p, 2, 4096);
	assert_ok(mete_rig_write_relaxed(&b.copy, 0, METE_SIM_COPY_CONTROL, 4, 0));
	memset(p, 3, 64); /* does not make it right */
	assert_ok(sim_bench_get(&b, bus, seen, 4096));
	assert_int_equal(nlate, 1);
	assert_ok(mete_sim_barrier(b.rig));
	memset(p, 4, 4096);
	assert_ok(sim_bench_get(&b, bus, seen, 4096));
	assert_int_equal(nlate, 1);

	assert_ok(mete_rig_write_relaxed(&b.copy, 0, METE_SIM_COPY_CONTROL, 4, 0));
	sim_bench_free(&b, p, 4096);
	p = sim_bench_alloc(&b, 4096, METE_MEMORY_COHERENT, &again);
	assert_int_equal(again, bus);
	assert_ok(sim_bench_get(&b, bus, seen, 4096));
	assert_int_equal(nlate, 1);
	assert_ok(mete_sim_watch(b.rig, NULL));
	sim_bench_free(&b, p, 4096);
	sim_bench_close(&b);
}

/* And a friendly machine never shows it: why the option is there. */
static void test_a_friendly_machine_hides_a_missing_barrier(void **state)
{
	(void)state;
	struct sim_bench b;
	struct list l;

	sim_bench_open(&b, &(struct mete_sim_config){ .time = METE_SIM_STEP });
	list_open(&b, &l);
	assert_ok(mete_rig_write_relaxed(&b.copy, 0, METE_SIM_COPY_START, 8, l.d_bus));
	assert_true(mete_sim_run(b.rig, 100) < 100);
	assert_memory_equal(l.to, l.from, NSTEPS * LEN);
	assert_error(mete_rig_write_relaxed(&b.copy, 0, 1, 8, 0), METE_EINVAL);
	list_close(&b, &l);
	sim_bench_close(&b);
}

static uint64_t run_hash(uint64_t seed, unsigned char change)
{
	static const struct mete_sim_config hostile = { .time = METE_SIM_AUTO, .offset = true, .late_stores = true,
		.cache = { .line = 64, .evict_ppm = 100000, .refill_ppm = 100000 } };
	struct mete_sim_config config = hostile;
	struct sim_bench b;
	struct list l;

	config.seed = seed;
	sim_bench_open(&b, &config);
	list_open(&b, &l);
	l.from[5] ^= change;
	start(&b, &l);
	mete_sim_run(b.rig, 100);
	uint64_t hash = mete_sim_hash(b.rig);
	list_close(&b, &l);
	sim_bench_close(&b);
	return hash;
}

static void test_one_seed_makes_one_run_a_thousand_times(void **state)
{
	(void)state;
	const uint64_t first = run_hash(42, 0);
	unsigned same = 0;

	for (unsigned i = 0; i < 1000; i++)
		same += run_hash(42, 0) == first;
	assert_int_equal(same, 1000);
	assert_int_not_equal(run_hash(43, 0), first);
	assert_int_not_equal(run_hash(42, 1), first); /* one byte of data */
}

static int start_plain(struct mete_rig **ret_rig, uint64_t seed, char *text, size_t text_len)
{
	const struct mete_sim_config more = { .seed = seed };
	return mete_rig_start_sim(&(struct mete_rig_sim){ .ram = SIM_BENCH_RAM, .more = &more }, ret_rig, text, text_len);
}

static void test_the_seed_comes_from_the_config_the_environment_or_the_clock(void **state)
{
	(void)state;
	static const char *const bad[] = { "many", "0", "-1", "12x", " 5", "0x", "99999999999999999999999" };
	struct mete_rig *rig;
	char text[256];

	assert_int_equal(setenv("METE_SEED", "0x1234", 1), 0);
	assert_ok(start_plain(&rig, 0, text, sizeof(text)));
	assert_int_equal(mete_sim_seed(rig), 0x1234);
	assert_true(!strncmp(mete_sim_repeat(rig), "METE_SEED=0x1234 ", 17) && strstr(mete_sim_repeat(rig), "test_sim_time"));
	mete_rig_stop(rig);
	assert_ok(start_plain(&rig, 7, text, sizeof(text)));
	assert_int_equal(mete_sim_seed(rig), 7);
	mete_rig_stop(rig);

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(setenv("METE_SEED", bad[i], 1), 0);
		assert_row(start_plain(&rig, 0, text, sizeof(text)) == METE_EINVAL, i, bad[i]);
		assert_row(strstr(text, bad[i]) && strstr(text, "METE_SEED"), i, text);
	}
	assert_int_equal(unsetenv("METE_SEED"), 0);
	assert_ok(start_plain(&rig, 0, text, sizeof(text)));
	assert_true(mete_sim_seed(rig) != 0);
	mete_rig_stop(rig);
	assert_int_equal(mete_sim_seed(NULL), 0);
	assert_string_equal(mete_sim_repeat(NULL), "");
	assert_int_equal(mete_sim_now(NULL), 0);
	assert_error(mete_sim_step(NULL), METE_ENOTSUP);
	assert_int_equal(mete_sim_run(NULL, 1), 0);
	assert_int_equal(mete_sim_hash(NULL), 0);
	assert_error(mete_sim_barrier(NULL), METE_ENOTSUP);
}

static int smaller_first(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* The median of what one step takes after this register was written; the clock's own cost is in it. */
static unsigned median_ns(struct sim_bench *b, const struct mete_rig_function *f, uint64_t offset, unsigned width,
    uint64_t value)
{
	enum { N = 20001 };
	static uint64_t ns[N];
	struct timespec before, after;

	for (unsigned i = 0; i < N; i++) {
		rig_put(f, offset, width, value);
		clock_gettime(CLOCK_MONOTONIC, &before);
		assert_int_equal(mete_sim_step(b->rig), 1);
		clock_gettime(CLOCK_MONOTONIC, &after);
		ns[i] = (uint64_t)((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec);
	}
	qsort(ns, N, sizeof(*ns), smaller_first);
	return (unsigned)ns[N / 2];
}

/* Figures, and no gate. */
static void test_what_an_event_costs(void **state)
{
	(void)state;
	static const struct mete_sim_device two[] = { { .model = METE_SIM_COPY }, { .model = METE_SIM_EDU } };
	struct mete_rig_function edu;
	struct sim_bench b;
	struct list l;

	sim_bench_open(&b, &(struct mete_sim_config){ .time = METE_SIM_STEP, .devices = two, .ndevices = 2 });
	assert_ok(mete_rig_find(b.rig, 0x1234, 0x11e8, 0, &edu));
	list_open(&b, &l);
	sim_bench_step(l.d, &(struct sim_bench_step){ .len = 64, .from = l.from_bus, .to = l.to_bus });
	print_message("an event alone: median %u ns\n", median_ns(&b, &edu, 8, 4, 5));
	print_message("an event with four accesses, of 64, 64, 64 and 12 bytes: median %u ns\n",
	    median_ns(&b, &b.copy, METE_SIM_COPY_START, 8, l.d_bus));
	list_close(&b, &l);
	sim_bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_once_means_within_the_call),
		cmocka_unit_test(test_step_by_step_each_event_is_the_tests),
		cmocka_unit_test(test_a_device_takes_its_time),
		cmocka_unit_test(test_a_wait_moves_the_clock_and_no_further_than_it_may),
		cmocka_unit_test(test_in_auto_mode_devices_get_on_by_themselves),
		cmocka_unit_test(test_in_auto_mode_the_provider_counts_as_well),
		cmocka_unit_test(test_a_thread_does_it_and_the_wait_waits),
		cmocka_unit_test(test_a_doorbell_without_a_barrier_is_found_out),
		cmocka_unit_test(test_what_a_device_wrote_is_never_late),
		cmocka_unit_test(test_what_a_doorbell_overtook_is_told),
		cmocka_unit_test(test_a_friendly_machine_hides_a_missing_barrier),
		cmocka_unit_test(test_one_seed_makes_one_run_a_thousand_times),
		cmocka_unit_test(test_the_seed_comes_from_the_config_the_environment_or_the_clock),
		cmocka_unit_test(test_what_an_event_costs),
	};
	return cmocka_run_group_tests_name("rig: sim time", tests, NULL, NULL);
}
