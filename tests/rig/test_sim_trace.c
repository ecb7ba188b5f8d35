/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * Traces: a run is written to a file, another is compared with it, and a file that is not whole is told from one that is.
 */
#include "sim_bench.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRACE "trace"
#define RECORD 32u
#define HEAD 16u
#define TAIL 16u

static int try_open(const struct mete_sim_config *more, struct mete_rig **ret_rig, char *text, size_t text_len)
{
	return mete_rig_start_sim(&(struct mete_rig_sim){ .ram = SIM_BENCH_RAM, .more = more }, ret_rig, text, text_len);
}

/* A run of `n` accesses, the last of which writes `last`. */
static void run(struct sim_bench *b, const struct mete_sim_config *more, unsigned n, unsigned char last)
{
	sim_bench_open(b, more);
	for (unsigned i = 0; i < n; i++) {
		unsigned char byte = i == n - 1 ? last : (unsigned char)i;
		assert_ok(sim_bench_put(b, (2u << 20) + i, &byte, 1));
	}
}

static void record(unsigned n)
{
	struct sim_bench b;

	run(&b, &(struct mete_sim_config){ .record = TRACE }, n, 99);
	sim_bench_close(&b);
}

static void test_the_same_run_repeats_its_trace(void **state)
{
	(void)state;
	struct sim_bench b;
	struct stat st;
	char text[256];

	record(10);
	assert_int_equal(stat(TRACE, &st), 0);
	assert_int_equal(st.st_size, HEAD + 10 * RECORD + TAIL);
	run(&b, &(struct mete_sim_config){ .compare = TRACE }, 10, 99);
	assert_ok(mete_sim_compared(b.rig, true, text, sizeof(text)));
	assert_string_equal(text, "");
	sim_bench_close(&b);
	unlink(TRACE);
}

static void test_all_that_the_bus_does_counts(void **state)
{
	(void)state;
	static const struct mete_sim_device two[] = { { .model = METE_SIM_COPY }, { .model = METE_SIM_EDU } };
	struct mete_rig_function edu;
	unsigned char byte = 0;
	struct sim_bench b;

	sim_bench_open(&b, &(struct mete_sim_config){ .devices = two, .ndevices = 2, .record = TRACE });
	assert_ok(mete_rig_find(b.rig, 0x1234, 0x11e8, 0, &edu));
	uint64_t hash[6] = { mete_sim_hash(b.rig) };
	assert_ok(mete_rig_write(&edu, 0, 4, 4, 7));
	hash[1] = mete_sim_hash(b.rig);
	(void)rig_get(&edu, 4, 4);
	hash[2] = mete_sim_hash(b.rig);
	assert_ok(sim_bench_put(&b, 2u << 20, &byte, 1));
	hash[3] = mete_sim_hash(b.rig);
	assert_ok(sim_bench_get(&b, 2u << 20, &byte, 1));
	hash[4] = mete_sim_hash(b.rig);
	assert_error(sim_bench_get(&b, 0, NULL, 0), METE_EINVAL); /* nothing */
	hash[5] = mete_sim_hash(b.rig);
	for (int i = 1; i < 5; i++)
		assert_true(hash[i] != hash[i - 1]);
	assert_true(hash[5] == hash[4]);
	sim_bench_close(&b);

	struct stat st;
	assert_int_equal(stat(TRACE, &st), 0);
	assert_int_equal(st.st_size, HEAD + 4 * RECORD + TAIL);
	/* The write of a register, and the line that it raises. */
	sim_bench_open(&b, &(struct mete_sim_config){ .devices = two, .ndevices = 2, .record = TRACE });
	assert_ok(mete_rig_find(b.rig, 0x1234, 0x11e8, 0, &edu));
	assert_ok(mete_rig_write(&edu, 0, 0x60, 4, 1));
	sim_bench_close(&b);
	assert_int_equal(stat(TRACE, &st), 0);
	assert_int_equal(st.st_size, HEAD + 2 * RECORD + TAIL);
	unlink(TRACE);
}

static void test_messages_are_in_the_trace(void **state)
{
	(void)state;
	static const struct mete_sim_device two[] = { { .model = METE_SIM_COPY }, { .model = METE_SIM_EDU } };
	struct mete_rig_function edu;
	struct sim_bench b;
	struct stat st[2];

	for (int messages = 0; messages < 2; messages++) {
		sim_bench_open(&b, &(struct mete_sim_config){ .devices = two, .ndevices = 2, .record = TRACE });
		assert_ok(mete_rig_find(b.rig, 0x1234, 0x11e8, 0, &edu));
		assert_ok(mete_rig_irq_enable(&edu, 0));
		if (messages)
			assert_ok(mete_rig_write(&edu, 0, 0x60, 4, 1));
		sim_bench_close(&b);
		assert_int_equal(stat(TRACE, &st[messages]), 0);
	}
	assert_int_equal(st[1].st_size - st[0].st_size, 2 * RECORD); /* the register, the message */
	unlink(TRACE);
}

static void test_the_first_difference_is_told(void **state)
{
	(void)state;
	static const struct { unsigned n; unsigned char last; bool whole; int want; const char *word, *why; } rows[] = {
		{ 10, 98, false, METE_EIO, "event 9: write of 1 at 0x200009", "another byte" },
		{ 11, 99, false, METE_EIO, "event 9:", "another byte, and one more" },
		{ 9, 8, false, 0, "", "shorter, so far the same" },
		{ 9, 8, true, METE_EIO, "event 9: nothing more here; in the trace: write of 1 at 0x200009", "shorter" },
	};
	char text[512];
	struct sim_bench b;

	record(10);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		run(&b, &(struct mete_sim_config){ .compare = TRACE }, rows[i].n, rows[i].last);
		assert_row(mete_sim_compared(b.rig, rows[i].whole, text, sizeof(text)) == rows[i].want, i, rows[i].why);
		assert_row(strstr(text, rows[i].word), i, text);
		sim_bench_close(&b);
	}
	run(&b, &(struct mete_sim_config){ .compare = TRACE }, 10, 99);
	assert_ok(sim_bench_put(&b, 2u << 20, "x", 1));
	assert_error(mete_sim_compared(b.rig, false, text, sizeof(text)), METE_EIO);
	assert_non_null(strstr(text, "event 10: the trace has ended"));
	sim_bench_close(&b);
	unlink(TRACE);
}

/* Change byte `at`, or cut the file there. */
static void spoil(long at, bool cut)
{
	struct stat st;
	unsigned char byte;
	int fd = open(TRACE, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	at = at < 0 ? (long)st.st_size + at : at;
	if (cut) {
		assert_int_equal(ftruncate(fd, at), 0);
	} else {
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 0x10;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	close(fd);
}

static void test_a_damaged_trace_is_refused_with_words(void **state)
{
	(void)state;
	static const struct { long at; bool cut; const char *word; } rows[] = {
		{ 0, true, "not a whole trace" },
		{ 10, true, "not a whole trace" },
		{ HEAD + TAIL - 1, true, "not a whole trace" },
		{ -1, true, "not a whole trace" },
		{ -(long)RECORD, true, "damaged" },
		{ 0, false, "no trace" },
		{ HEAD, false, "damaged" },
		{ HEAD + 5 * RECORD + 31, false, "damaged" },
		{ -1, false, "damaged" },
		{ -(long)TAIL, false, "damaged" },
	};
	struct rig_traces before = rig_traces_now();

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct mete_rig *rig = NULL;
		char text[256];
		record(10);
		spoil(rows[i].at, rows[i].cut);
		assert_row(try_open(&(struct mete_sim_config){ .compare = TRACE }, &rig, text, sizeof(text)) == METE_EIO, i, text);
		assert_row(strstr(text, rows[i].word) && strstr(text, TRACE), i, text);
		assert_null(rig);
		unlink(TRACE);
	}
	rig_traces_check(&before);
}

static void test_files_that_cannot_be_are_refused_at_once(void **state)
{
	(void)state;
	static const struct { struct mete_sim_config more; const char *word; } rows[] = {
		{ { .compare = "/nonexistent" }, "/nonexistent" },
		{ { .compare = "/" }, "not a regular file" },
		{ { .compare = "fifo" }, "not a regular file" },
		{ { .record = "/nonexistent/trace" }, "/nonexistent/trace" },
		{ { .record = "/" }, "/" },
		{ { .record = "fifo" }, "fifo" },
	};
	struct mete_rig *rig = NULL;
	struct sim_bench b;
	char text[256];

	assert_int_equal(mkfifo("fifo", 0600), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_row(try_open(&rows[i].more, &rig, text, sizeof(text)) == METE_EIO, i, text);
		assert_row(strstr(text, rows[i].word), i, text);
	}
	unlink("fifo");

	sim_bench_open(&b, NULL);
	assert_error(mete_sim_compared(b.rig, true, text, sizeof(text)), METE_EINVAL);
	assert_error(mete_sim_compared(NULL, true, text, sizeof(text)), METE_ENOTSUP);
	sim_bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same_run_repeats_its_trace),
		cmocka_unit_test(test_all_that_the_bus_does_counts),
		cmocka_unit_test(test_messages_are_in_the_trace),
		cmocka_unit_test(test_the_first_difference_is_told),
		cmocka_unit_test(test_a_damaged_trace_is_refused_with_words),
		cmocka_unit_test(test_files_that_cannot_be_are_refused_at_once),
	};
	rig_folder_enter();
	return rig_folder_leave(cmocka_run_group_tests_name("rig: sim trace", tests, NULL, NULL));
}
