/* SPDX-License-Identifier: ISC */
/*
 * Malicious devices: each byte does what it is said to, none harms the machine, and the same bytes do the same.
 */
#include "sim_bench.h"

#define AT 1024u

struct bench {
	struct sim_bench b;
	unsigned char *p;
	uint64_t bus;
};

static void open_evil(struct bench *b, const void *bytes, size_t len)
{
	memset(b, 0, sizeof(*b));
	sim_bench_open(&b->b, NULL);
	b->p = sim_bench_alloc(&b->b, 4096, METE_MEMORY_COHERENT, &b->bus);
	memset(b->p, 0x11, 4096);
	assert_ok(mete_sim_evil(&b->b.copy, bytes, len));
}

static void close_evil(struct bench *b)
{
	sim_bench_free(&b->b, b->p, 4096);
	sim_bench_close(&b->b);
}

/* How many bytes of the page are not 0x11, and where the first is. */
static unsigned changed(const struct bench *b, unsigned *ret_first)
{
	unsigned n = 0;

	*ret_first = 4096;
	for (unsigned i = 4096; i-- > 0;) {
		if (b->p[i] != 0x11) {
			n++;
			*ret_first = i;
		}
	}
	return n;
}

static void test_each_byte_does_what_it_is_said_to(void **state)
{
	(void)state;
	/* What follows one access of 8 bytes at AT; the operand is 3. */
	static const struct { unsigned char byte; unsigned n, first; const char *why; } rows[] = {
		{ 0x00, 0, 4096, "nothing" },
		{ 0x7f, 0, 4096, "nothing" },
		{ 0x98, 1, AT + 3, "changes what it read" },
		{ 0x99, 4, AT + 8, "right behind" },
		{ 0x9a, 4, AT - 4, "right before" },
		{ 0x9b, 8, AT, "writes to what it read" },
		{ 0x9c, 8, AT, "where it once was" },
		{ 0x9d, 0, 4096, "its own registers" },
		{ 0x9e, 0, 4096, "lies later" },
		{ 0x9f, 0, 4096, "interrupts" },
	};
	unsigned char data[8] = { 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11 };
	struct mete_sim_access access;
	struct bench b;
	unsigned first;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		open_evil(&b, &rows[i].byte, 1);
		assert_ok(mete_rig_irq_enable(&b.b.copy, 0));
		assert_ok(sim_bench_get(&b.b, b.bus + AT, data, 8));
		assert_row(changed(&b, &first) == rows[i].n, i, rows[i].why);
		assert_row(first == rows[i].first, i, rows[i].why);
		bool own = rows[i].byte == 0x9d;
		assert_row((mete_sim_refused(b.b.rig, &access) == 0) == own, i, rows[i].why);
		assert_row(!own || (access.result == METE_SIM_DECODE && access.bus == b.b.copy.bar[0].base), i, rows[i].why);
		bool irq = !mete_rig_irq_wait(&b.b.copy, 0, 0);
		assert_row(irq == (rows[i].byte == 0x9f), i, rows[i].why);
		/* And then it is good again. */
		memset(b.p, 0x11, 4096);
		assert_ok(sim_bench_get(&b.b, b.bus + AT, data, 8));
		assert_row(changed(&b, &first) == 0, i, rows[i].why);
		close_evil(&b);
	}
}

static void test_its_own_extra_accesses_take_no_byte(void **state)
{
	(void)state;
	static const unsigned char bytes[] = { 0x99, 0x9a };
	unsigned char data[8];
	struct bench b;
	unsigned first;

	open_evil(&b, bytes, sizeof(bytes));
	assert_ok(sim_bench_get(&b.b, b.bus + AT, data, 8));
	assert_int_equal(changed(&b, &first), 4);
	assert_int_equal(first, AT + 8);
	assert_ok(sim_bench_get(&b.b, b.bus + AT, data, 8));
	assert_int_equal(changed(&b, &first), 8);
	assert_int_equal(first, AT - 4);
	close_evil(&b);
}

static void test_a_lie_is_told_once(void **state)
{
	(void)state;
	/* Of the tag, which the engine tells first, or of the length. */
	static const unsigned char bytes[] = { 0x80 | 3 << 3 | 6, 0x80 | 11 << 3 | 6 };
	struct bench b;

	/* One descriptor, twice: its fetch is the access after which the lie is ready. */
	for (int which = 0; which < 2; which++) {
		open_evil(&b, &bytes[which], 1);
		for (int honest = 0; honest < 2; honest++) {
			sim_bench_step(b.p, &(struct sim_bench_step){ .from = b.bus + 512, .to = b.bus + 768, .len = 64, .tag = 5 });
			rig_put(&b.b.copy, METE_SIM_COPY_START, 8, b.bus);
			assert_int_equal(sim_bench_word(b.p, METE_SIM_COPY_DONE_TAG) == 5, honest || which == 1);
			assert_int_equal(sim_bench_word(b.p, METE_SIM_COPY_DONE_LEN) == 64, honest || which == 0);
		}
		close_evil(&b);
	}
}

/* A bus that is protected stops all of it. */
static void test_malice_goes_no_further_than_the_bus_lets_it(void **state)
{
	(void)state;
	unsigned char bytes[512], data[8];
	struct mete_sim_counters counters;
	struct bench b;
	unsigned first;

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(0x80 | i);
	open_evil(&b, bytes, sizeof(bytes));
	b.b.bus.protection = 1;
	assert_ok(mete_sim_bus_set(&b.b.copy, &b.b.bus));
	assert_ok(mete_sim_grant(&b.b.copy, b.bus + AT, 8, METE_DEVICE_READS));
	for (unsigned i = 0; i < sizeof(bytes); i++)
		assert_ok(sim_bench_get(&b.b, b.bus + AT, data, 8));
	assert_int_equal(changed(&b, &first), 0);
	mete_sim_counters(b.b.rig, &counters);
	assert_true(counters.accesses[METE_SIM_UNMAPPED] && counters.accesses[METE_SIM_PERMISSION] &&
	    counters.accesses[METE_SIM_DECODE]);
	close_evil(&b);
}

static uint64_t fuzz_hash(uint64_t seed, unsigned *ret_accesses)
{
	unsigned char bytes[2000];
	struct mete_sim_counters counters;
	struct bench b;
	uint64_t x = seed;

	for (unsigned i = 0; i < sizeof(bytes); i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		bytes[i] = (unsigned char)(x >> 56);
	}
	open_evil(&b, bytes, sizeof(bytes));
	for (unsigned i = 0; i < 300; i++) {
		sim_bench_step(b.p, &(struct sim_bench_step){ .from = b.bus + 512, .to = b.bus + 768, .len = 64, .tag = i,
			.next = i % 2 ? b.bus + 64 : 0 });
		sim_bench_step(b.p + 64, &(struct sim_bench_step){ .from = b.bus + 512, .to = b.bus + 896, .len = 32, .tag = i });
		rig_put(&b.b.copy, METE_SIM_COPY_CONTROL, 4, 1);
		rig_put(&b.b.copy, METE_SIM_COPY_START, 8, b.bus);
	}
	mete_sim_counters(b.b.rig, &counters);
	*ret_accesses = (unsigned)counters.accesses[METE_SIM_OK];
	uint64_t hash = mete_sim_hash(b.b.rig);
	close_evil(&b);
	return hash;
}

/* The machine lives through anything, and the sanitizers have nothing to say. */
static void test_random_malice_ends_and_repeats(void **state)
{
	(void)state;
	unsigned n, again;

	for (uint64_t seed = 1; seed <= 30; seed++) {
		print_message("seed %u\r", (unsigned)seed);
		uint64_t hash = fuzz_hash(seed, &n);
		assert_int_equal(fuzz_hash(seed, &again), hash);
		assert_int_equal(n, again);
		assert_true(n > 300);
	}
}

static void test_bad_arguments_are_refused(void **state)
{
	(void)state;
	struct bench b;

	open_evil(&b, NULL, 0);
	assert_error(mete_sim_evil(NULL, "x", 1), METE_ENOTSUP);
	assert_error(mete_sim_evil(&b.b.copy, NULL, 1), METE_EINVAL);
	assert_error(mete_sim_evil(&b.b.copy, "x", (1u << 20) + 1), METE_EINVAL);
	close_evil(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_byte_does_what_it_is_said_to),
		cmocka_unit_test(test_its_own_extra_accesses_take_no_byte),
		cmocka_unit_test(test_a_lie_is_told_once),
		cmocka_unit_test(test_malice_goes_no_further_than_the_bus_lets_it),
		cmocka_unit_test(test_random_malice_ends_and_repeats),
		cmocka_unit_test(test_bad_arguments_are_refused),
	};
	return cmocka_run_group_tests_name("rig: sim malice", tests, NULL, NULL);
}
