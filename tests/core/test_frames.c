/* SPDX-License-Identifier: ISC */
/*
 * Frames, case by case.  tests/model searches the same ground at random against an oracle; these are the cases that a
 * reader should see.
 */
#include "support.h"

#include <mete/frames.h>

#define FRAME 4096u
#define CACHED (1u << METE_MEMORY_CACHED)

struct fixture {
	struct mete_frames frames;
	void *records[4];
	size_t nrecords;
};

static void start(struct fixture *f, const mete_paddr *edges, size_t nedges)
{
	memset(f, 0, sizeof *f);
	assert_ok(mete_frames_init(&f->frames, FRAME, edges, nedges));
}

static void add(struct fixture *f, mete_paddr phys, size_t nframes)
{
	size_t len = mete_frames_records(&f->frames, phys, nframes * FRAME);
	assert_true(len > 0);
	f->records[f->nrecords] = malloc(len);
	assert_non_null(f->records[f->nrecords]);
	memset(f->records[f->nrecords], 0xee, len);
	assert_ok(mete_frames_add(&f->frames, phys, nframes * FRAME, CACHED, f->records[f->nrecords]));
	f->nrecords++;
}

static void end(struct fixture *f)
{
	assert_int_equal(f->frames.nfree, f->frames.nframes);
	for (size_t i = 0; i < f->nrecords; i++)
		free(f->records[i]);
}

static int take(struct fixture *f, struct mete_want want, mete_paddr *ret)
{
	return mete_frames_take(&f->frames, &want, ret);
}

static void test_runs_come_from_the_high_end(void **state)
{
	struct fixture f;
	mete_paddr a, b;
	(void)state;

	start(&f, NULL, 0);
	add(&f, 0x1000000, 16);
	assert_ok(take(&f, (struct mete_want){ .len = 1 }, &a));
	assert_ok(take(&f, (struct mete_want){ .len = 2 * FRAME }, &b));

	assert_int_equal(a, 0x1000000 + 15 * FRAME);
	assert_int_equal(b, 0x1000000 + 13 * FRAME);
	assert_ok(mete_frames_give(&f.frames, a, 1));
	assert_ok(mete_frames_give(&f.frames, b, 2 * FRAME));
	end(&f);
}

static void test_scarce_memory_is_used_last(void **state)
{
	struct fixture f;
	mete_paddr a, b, c;
	(void)state;

	start(&f, NULL, 0);
	add(&f, 0x00fff000, 1);     /* below 16 MiB */
	add(&f, 0x80000000, 1);     /* below 4 GiB */
#if METE_ADDR_BITS > 32
	add(&f, 0x100000000u, 1);   /* above */
	assert_ok(take(&f, (struct mete_want){ .len = 1 }, &c));
	assert_true(c == 0x100000000u);
#endif
	assert_ok(take(&f, (struct mete_want){ .len = 1 }, &b));
	assert_int_equal(b, 0x80000000);
	assert_ok(take(&f, (struct mete_want){ .len = 1 }, &a));
	assert_int_equal(a, 0x00fff000);

	assert_error(take(&f, (struct mete_want){ .len = 1 }, &a), METE_ENOMEM);
	assert_ok(mete_frames_give(&f.frames, 0x00fff000, 1));
	assert_ok(mete_frames_give(&f.frames, 0x80000000, 1));
#if METE_ADDR_BITS > 32
	assert_ok(mete_frames_give(&f.frames, c, 1));
#else
	(void)c;
#endif
	end(&f);
}

static void test_each_limit_moves_the_run(void **state)
{
	const mete_paddr base = 0x2000000;
	static const struct {
		struct mete_want want;
		mete_paddr at; /* frames from the base */
		const char *why;
	} rows[] = {
		{ { .len = FRAME }, 31, "no limit: the last frame" },
		{ { .len = FRAME, .align = 8 * FRAME }, 24, "alignment" },
		{ { .len = FRAME, .align = 8 * FRAME, .phase = 3 * FRAME }, 27, "phase" },
		{ { .len = 3 * FRAME, .boundary = 4 * FRAME }, 29, "boundary: fits at the end" },
		{ { .len = 3 * FRAME, .boundary = 4 * FRAME, .align = 2 * FRAME }, 28, "boundary and alignment" },
		{ { .len = 3 * FRAME, .boundary = 4 * FRAME, .boundary_phase = 2 * FRAME }, 27, "shifted boundary" },
		{ { .len = FRAME, .last = 0x2000000 + 5 * FRAME - 1 }, 4, "last address" },
		{ { .len = 100, .last = 0x2000000 + 5 * FRAME + 99 }, 5, "the rest of a frame may lie beyond the last" },
		{ { .len = 101, .last = 0x2000000 + 5 * FRAME + 99 }, 4, "the length may not" },
		{ { .len = FRAME, .hole_first = 0x2000000 + 4 * FRAME, .hole_last = METE_PADDR_MAX }, 3, "hole on top" },
		{ { .len = FRAME, .hole_first = 0x2000000 + 20 * FRAME, .hole_last = 0x2000000 + 31 * FRAME }, 19, "hole" },
		{ { .len = 32 * FRAME, .boundary = 32 * FRAME }, 0, "everything" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fixture f;
		mete_paddr at = 0;
		start(&f, NULL, 0);
		add(&f, base, 32);
		assert_row(!take(&f, rows[i].want, &at), i, rows[i].why);
		assert_row(at == base + rows[i].at * FRAME, i, rows[i].why);
		assert_ok(mete_frames_give(&f.frames, at, rows[i].want.len));
		end(&f);
	}
}

static void test_failures_tell_never_from_not_now(void **state)
{
	static const struct {
		struct mete_want want;
		int error;
		const char *why;
	} rows[] = {
		{ { .len = 0 }, METE_EINVAL, "no length" },
		{ { .len = 1, .align = 3 }, METE_EINVAL, "alignment not a power of two" },
		{ { .len = 1, .align = 8, .phase = 8 }, METE_EINVAL, "phase not below alignment" },
		{ { .len = 1, .boundary = 100 }, METE_EINVAL, "boundary not a power of two" },
		{ { .len = 1, .boundary = 64, .boundary_phase = 64 }, METE_EINVAL, "boundary phase" },
		{ { .len = 1, .boundary_phase = 1 }, METE_EINVAL, "boundary phase without boundary" },
		{ { .len = 1, .first = 2, .last = 1 }, METE_EINVAL, "ends before it starts" },
		{ { .len = 1, .hole_first = 1 }, METE_EINVAL, "hole without end" },
		{ { .len = 1, .memory = (enum mete_memory)77 }, METE_EINVAL, "unknown kind of memory" },
		{ { .len = 1, .memory = METE_MEMORY_UNCACHED }, METE_ENOTSUP, "kind of memory that is not there" },
		{ { .len = 33 * FRAME }, METE_ERANGE, "longer than all memory" },
		{ { .len = SIZE_MAX }, METE_ERANGE, "longest length" },
		{ { .len = 1, .last = 0xfff }, METE_ERANGE, "below all memory" },
		{ { .len = 1, .align = FRAME, .phase = 8 }, METE_ERANGE, "phase within a frame" },
		{ { .len = 2 * FRAME, .boundary = FRAME }, METE_ERANGE, "longer than the boundary allows" },
		{ { .len = 1, .align = (mete_paddr)1 << 31, .first = 1 }, METE_ERANGE, "no such alignment here" },
		{ { .len = 32 * FRAME }, METE_ENOMEM, "all memory, of which one frame is taken" },
		{ { .len = FRAME, .first = 0x2000000 + 31 * FRAME }, METE_ENOMEM, "the frame that is taken" },
	};
	struct fixture f;
	mete_paddr taken, untouched = 4711;
	(void)state;

	start(&f, NULL, 0);
	add(&f, 0x2000000, 32);
	assert_ok(take(&f, (struct mete_want){ .len = 1 }, &taken));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_row(take(&f, rows[i].want, &untouched) == rows[i].error, i, rows[i].why);
		assert_row(untouched == 4711, i, rows[i].why);
	}
	assert_int_equal(f.frames.nfree, 31);
	assert_ok(mete_frames_give(&f.frames, taken, 1));
	end(&f);
}

static void test_bad_gives_change_nothing(void **state)
{
	struct fixture f;
	mete_paddr run;
	(void)state;

	start(&f, NULL, 0);
	add(&f, 0x2000000, 32);
	assert_ok(take(&f, (struct mete_want){ .len = 4 * FRAME }, &run));

	assert_error(mete_frames_give(&f.frames, run + FRAME, 3 * FRAME), METE_EFAULT);
	assert_error(mete_frames_give(&f.frames, run + 1, 4 * FRAME), METE_EFAULT);
	assert_error(mete_frames_give(&f.frames, run - FRAME, FRAME), METE_EFAULT);
	assert_error(mete_frames_give(&f.frames, 0, FRAME), METE_EFAULT);
	assert_error(mete_frames_give(&f.frames, run, 3 * FRAME), METE_EMSGSIZE);
	assert_error(mete_frames_give(&f.frames, run, 5 * FRAME), METE_EMSGSIZE);
	assert_error(mete_frames_give(&f.frames, run, 0), METE_EMSGSIZE);
	assert_int_equal(f.frames.nfree, 28);

	assert_ok(mete_frames_give(&f.frames, run, 4 * FRAME));
	assert_error(mete_frames_give(&f.frames, run, 4 * FRAME), METE_EFAULT);
	end(&f);
}

/* A run inside a taken run keeps no trace of the runs that were there before. */
static void test_interior_of_a_run_is_never_a_run(void **state)
{
	struct fixture f;
	mete_paddr small[8], large;
	(void)state;

	start(&f, NULL, 0);
	add(&f, 0x2000000, 8);
	for (size_t i = 0; i < 8; i++)
		assert_ok(take(&f, (struct mete_want){ .len = FRAME }, &small[i]));
	for (size_t i = 0; i < 8; i++)
		assert_ok(mete_frames_give(&f.frames, small[i], FRAME));
	assert_ok(take(&f, (struct mete_want){ .len = 8 * FRAME }, &large));

	for (mete_paddr at = large + FRAME; at < large + 8 * FRAME; at += FRAME) {
		for (size_t n = 1; n <= 8; n++)
			assert_error(mete_frames_give(&f.frames, at, n * FRAME), METE_EFAULT);
	}
	assert_ok(mete_frames_give(&f.frames, large, 8 * FRAME));
	end(&f);
}

static void test_a_run_may_cross_an_edge_when_nothing_else_is_left(void **state)
{
	static const mete_paddr edges[] = { 0x2008000, 0x200c000 }; /* 8 frames, 4 frames, 20 frames */
	struct fixture f;
	mete_paddr run, again;
	(void)state;

	start(&f, edges, 2);
	add(&f, 0x2000000, 32);
	assert_ok(take(&f, (struct mete_want){ .len = 24 * FRAME }, &run));
	assert_int_equal(run, 0x2000000 + 8 * FRAME);
	assert_error(take(&f, (struct mete_want){ .len = 9 * FRAME }, &again), METE_ENOMEM);
	assert_ok(mete_frames_give(&f.frames, run, 24 * FRAME));

	/* Over both edges, through a zone that is shorter than the run. */
	assert_ok(take(&f, (struct mete_want){ .len = 32 * FRAME }, &run));
	assert_int_equal(run, 0x2000000);
	assert_ok(mete_frames_give(&f.frames, run, 32 * FRAME));
	assert_int_equal(mete_frames_longest(&f.frames), 32 * FRAME);

	/* Given back, it is cut at the edges again: the high zone still serves first. */
	assert_ok(take(&f, (struct mete_want){ .len = 20 * FRAME }, &run));
	assert_int_equal(run, 0x2000000 + 12 * FRAME);
	assert_ok(mete_frames_give(&f.frames, run, 20 * FRAME));
	end(&f);
}

static void test_a_run_never_crosses_into_another_span(void **state)
{
	struct fixture f;
	mete_paddr run;
	(void)state;

	start(&f, NULL, 0);
	add(&f, 0x2000000, 8);
	add(&f, 0x2008000, 8); /* right behind the first */

	assert_error(take(&f, (struct mete_want){ .len = 9 * FRAME }, &run), METE_ERANGE);
	assert_ok(take(&f, (struct mete_want){ .len = 8 * FRAME }, &run));
	assert_int_equal(run, 0x2008000);
	assert_ok(mete_frames_give(&f.frames, run, 8 * FRAME));
	end(&f);
}

static void test_the_ends_of_the_address_space_are_usable(void **state)
{
	struct fixture f;
	mete_paddr low, high;
	(void)state;

	start(&f, NULL, 0);
	add(&f, 0, 4);
	add(&f, METE_PADDR_MAX - 4 * FRAME + 1, 4);
	assert_ok(take(&f, (struct mete_want){ .len = 4 * FRAME }, &high));
	assert_true(high == METE_PADDR_MAX - 4 * FRAME + 1);
	assert_ok(take(&f, (struct mete_want){ .len = 4 * FRAME, .boundary = 4 * FRAME }, &low));
	assert_true(low == 0);
	assert_ok(mete_frames_give(&f.frames, low, 4 * FRAME));
	assert_ok(mete_frames_give(&f.frames, high, 4 * FRAME));
	end(&f);
}

static void test_malformed_set_up_is_refused(void **state)
{
	static const mete_paddr descending[] = { 0x2000000, 0x1000000 }, odd[] = { 0x1000001 };
	struct mete_frames frames;
	struct fixture f;
	(void)state;

	assert_error(mete_frames_init(&frames, 0, NULL, 0), METE_EINVAL);
	assert_error(mete_frames_init(&frames, 32, NULL, 0), METE_EINVAL);
	assert_error(mete_frames_init(&frames, 4095, NULL, 0), METE_EINVAL);
	assert_error(mete_frames_init(&frames, FRAME, descending, 2), METE_EINVAL);
	assert_error(mete_frames_init(&frames, FRAME, odd, 1), METE_EINVAL);
	assert_error(mete_frames_init(&frames, FRAME, descending, METE_ZONE_EDGES + 1), METE_EINVAL);

	start(&f, NULL, 0);
	add(&f, 0x2000000, 8);
	assert_int_equal(mete_frames_records(&f.frames, 0x2000001, FRAME), 0);
	assert_int_equal(mete_frames_records(&f.frames, 0x2000000, FRAME + 1), 0);
	assert_int_equal(mete_frames_records(&f.frames, 0x2000000, 0), 0);
	assert_int_equal(mete_frames_records(&f.frames, METE_PADDR_MAX - FRAME + 1, 2 * FRAME), 0);
	assert_error(mete_frames_add(&f.frames, 0x2007000, FRAME, CACHED, f.records[0]), METE_EINVAL);
	assert_error(mete_frames_add(&f.frames, 0x3000000, FRAME, 0, f.records[0]), METE_EINVAL);
	assert_error(mete_frames_add(&f.frames, 0x3000000, FRAME, CACHED, NULL), METE_EINVAL);
	end(&f);
}

/* 300 free runs that can never hold an aligned pair, and one that can: found within the cap or counted. */
static void test_a_capped_walk_is_counted(void **state)
{
	struct fixture f;
	mete_paddr run, runs[2048];
	const size_t n = 2048;
	(void)state;

	start(&f, NULL, 0);
	add(&f, 0x4000000, n);
	for (size_t i = 0; i < n; i++)
		assert_ok(take(&f, (struct mete_want){ .len = FRAME }, &runs[i]));
	/* Free frames 1 and 2 of every four: runs of two frames that start at an odd one. */
	for (size_t i = 0; i < n; i++) {
		size_t index = (size_t)((runs[i] - 0x4000000) / FRAME);
		if (index % 4 == 1 || index % 4 == 2)
			assert_ok(mete_frames_give(&f.frames, runs[i], FRAME));
	}
	unsigned long capped = f.frames.ncapped;
	assert_error(take(&f, (struct mete_want){ .len = 2 * FRAME, .align = 2 * FRAME }, &run), METE_ENOMEM);
	assert_true(f.frames.ncapped == capped + 1); /* 512 runs are more than METE_WALK_CAP */
	assert_true(f.frames.nwalked >= METE_WALK_CAP);

	for (size_t i = 0; i < n; i++) {
		size_t index = (size_t)((runs[i] - 0x4000000) / FRAME);
		if (index % 4 != 1 && index % 4 != 2)
			assert_ok(mete_frames_give(&f.frames, runs[i], FRAME));
	}
	assert_int_equal(mete_frames_longest(&f.frames), n * FRAME);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_come_from_the_high_end),
		cmocka_unit_test(test_scarce_memory_is_used_last),
		cmocka_unit_test(test_each_limit_moves_the_run),
		cmocka_unit_test(test_failures_tell_never_from_not_now),
		cmocka_unit_test(test_bad_gives_change_nothing),
		cmocka_unit_test(test_interior_of_a_run_is_never_a_run),
		cmocka_unit_test(test_a_run_may_cross_an_edge_when_nothing_else_is_left),
		cmocka_unit_test(test_a_run_never_crosses_into_another_span),
		cmocka_unit_test(test_the_ends_of_the_address_space_are_usable),
		cmocka_unit_test(test_malformed_set_up_is_refused),
		cmocka_unit_test(test_a_capped_walk_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
