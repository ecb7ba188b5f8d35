/* SPDX-License-Identifier: ISC */
/*
 * Constraints: what is well formed, what merging keeps, what one segment may be.
 *
 * The property of merging is tested by asking, for a small space of addresses, whether the merged constraint ever allows
 * a segment that one of the two forbids.
 */
#include "support.h"

#include <mete/constraint.h>

static void test_check_refuses_what_allows_nothing(void **state)
{
	static const struct {
		struct mete_constraint c;
		int want;
		const char *why;
	} rows[] = {
		{ { 0 }, 0, "no limits" },
		{ { .first = 1 }, 0, "a lowest address alone" },
		{ { .last = 0xfff }, 0, "a highest address alone" },
		{ { .first = 0x1000, .last = 0x1000 }, 0, "one byte" },
		{ { .first = 0x1001, .last = 0x1000 }, METE_EINVAL, "ends before it starts" },
		{ { .align = 1 }, 0, "alignment of a byte" },
		{ { .align = 3 }, METE_EINVAL, "alignment not a power of two" },
		{ { .align = 48 }, METE_EINVAL, "alignment with two bits" },
		{ { .align = 8, .phase = 7 }, 0, "phase below alignment" },
		{ { .align = 8, .phase = 8 }, METE_EINVAL, "phase not below alignment" },
		{ { .phase = 1 }, METE_EINVAL, "phase without alignment" },
		{ { .boundary = 4096 }, 0, "a page boundary" },
		{ { .boundary = 4095 }, METE_EINVAL, "boundary given as a mask" },
		{ { .boundary = 12288 }, METE_EINVAL, "boundary not a power of two" },
		{ { .hole_first = 0x10, .hole_last = 0x1f }, 0, "a hole" },
		{ { .hole_first = 0x10, .hole_last = 0x0f }, METE_EINVAL, "hole ends before it starts" },
		{ { .hole_first = 0x10 }, METE_EINVAL, "hole without an end" },
		{ { .first = 0x10, .last = 0x1f, .hole_first = 0x10, .hole_last = 0x1f }, METE_EINVAL, "all hole" },
		{ { .first = 0x10, .last = 0x1f, .hole_first = 0x11, .hole_last = 0x1f }, 0, "one byte beside the hole" },
		{ { .hole_last = METE_BADDR_MAX }, METE_EINVAL, "hole over everything" },
		{ { .max_transfer = 10, .min_transfer = 11 }, METE_EINVAL, "most below least" },
		{ { .max_transfer = 11, .min_transfer = 11 }, 0, "exactly one length" },
		{ { .min_transfer = 11 }, 0, "least alone" },
		{ { .max_segment = 511, .granularity = 512 }, METE_EINVAL, "segment below granularity" },
		{ { .max_transfer = 511, .granularity = 512 }, METE_EINVAL, "transfer below granularity" },
		{ { .max_segment = 512, .granularity = 512 }, 0, "segment of one grain" },
	};
	(void)state;

	assert_ok(mete_constraint_check(NULL));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_row(mete_constraint_check(&rows[i].c) == rows[i].want, i, rows[i].why);
}

static void test_merge_takes_the_stricter_field_by_field(void **state)
{
	const struct mete_constraint a = {
		.first = 0x100, .last = 0xffff, .align = 16, .boundary = 0x1000, .max_segment = 512, .max_transfer = 4096,
		.min_transfer = 4, .max_segments = 4, .granularity = 4, .burst_sizes = 0x0f,
	};
	const struct mete_constraint b = {
		.first = 0x80, .last = 0xfffff, .align = 4, .phase = 0, .boundary = 0x10000, .max_segment = 1024,
		.max_transfer = 2048, .min_transfer = 6, .max_segments = 0, .granularity = 6, .burst_sizes = 0x1c,
	};
	struct mete_constraint m;
	(void)state;

	assert_ok(mete_constraint_merge(&a, &b, &m));

	assert_true(m.first == 0x100 && m.last == 0xffff);
	assert_true(m.align == 16 && m.phase == 0 && m.boundary == 0x1000);
	assert_true(m.max_segment == 512 && m.max_transfer == 2048 && m.min_transfer == 6);
	assert_int_equal(m.max_segments, 4);
	assert_int_equal(m.granularity, 12);
	assert_int_equal(m.burst_sizes, 0x0c);
}

static void test_merge_with_nothing_changes_nothing(void **state)
{
	const struct mete_constraint a = { .first = 1, .last = 99, .align = 2, .phase = 1, .burst_sizes = 3 };
	const struct mete_constraint any = { 0 };
	struct mete_constraint m;
	(void)state;

	assert_ok(mete_constraint_merge(&a, NULL, &m));
	assert_memory_equal(&m, &a, sizeof m);
	assert_ok(mete_constraint_merge(NULL, &a, &m));
	assert_memory_equal(&m, &a, sizeof m);
	assert_ok(mete_constraint_merge(NULL, NULL, &m));
	assert_memory_equal(&m, &any, sizeof m);
	m = a;
	assert_ok(mete_constraint_merge(&m, &m, &m));
	assert_memory_equal(&m, &a, sizeof m);
}

static void test_merge_refuses_contradictions_and_leaves_the_output(void **state)
{
	static const struct {
		struct mete_constraint a, b;
		const char *why;
	} rows[] = {
		{ { .last = 0xff }, { .first = 0x100 }, "no common address" },
		{ { .align = 8, .phase = 1 }, { .align = 16, .phase = 2 }, "phases that never meet" },
		{ { .align = 4 }, { .align = 4, .phase = 2 }, "same alignment, other phase" },
		{ { .burst_sizes = 1 }, { .burst_sizes = 2 }, "no common burst" },
		{ { .max_transfer = 8 }, { .min_transfer = 9 }, "most below least" },
		{ { .max_segment = 8 }, { .granularity = 16 }, "segment below granularity" },
		{ { .granularity = 0x10001 }, { .granularity = 0x10000 }, "grain too large" },
		{ { .align = 3 }, { 0 }, "malformed first" },
		{ { 0 }, { .boundary = 5 }, "malformed second" },
		{ { .last = 0x1f, .hole_first = 0x10, .hole_last = 0x1f }, { .hole_last = 0x0f }, "two holes leave nothing" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mete_constraint m, untouched;
		memset(&m, 0x5a, sizeof m);
		untouched = m;
		assert_row(mete_constraint_merge(&rows[i].a, &rows[i].b, &m) == METE_EINVAL, i, rows[i].why);
		assert_row(!memcmp(&m, &untouched, sizeof m), i, rows[i].why);
	}
}

static void test_merge_keeps_phases_that_agree(void **state)
{
	const struct mete_constraint fine = { .align = 4, .phase = 2 }, coarse = { .align = 64, .phase = 34 };
	struct mete_constraint m;
	(void)state;

	assert_ok(mete_constraint_merge(&fine, &coarse, &m));
	assert_true(m.align == 64 && m.phase == 34);
	assert_ok(mete_constraint_merge(&coarse, &fine, &m));
	assert_true(m.align == 64 && m.phase == 34);
}

static void test_segment_obeys_each_limit(void **state)
{
	static const struct {
		struct mete_constraint c;
		mete_baddr bus, len;
		bool want;
		const char *why;
	} rows[] = {
		{ { 0 }, 0, 1, true, "anything" },
		{ { 0 }, METE_BADDR_MAX, 1, true, "the last byte" },
		{ { 0 }, METE_BADDR_MAX, 2, false, "past the last byte" },
		{ { 0 }, 0, 0, false, "no length" },
		{ { .first = 16 }, 16, 1, true, "at the first" },
		{ { .first = 16 }, 15, 2, false, "before the first" },
		{ { .last = 31 }, 16, 16, true, "up to the last" },
		{ { .last = 31 }, 16, 17, false, "past the last" },
		{ { .hole_first = 8, .hole_last = 11 }, 4, 4, true, "up to the hole" },
		{ { .hole_first = 8, .hole_last = 11 }, 4, 5, false, "into the hole" },
		{ { .hole_first = 8, .hole_last = 11 }, 12, 4, true, "after the hole" },
		{ { .hole_first = 8, .hole_last = 11 }, 11, 4, false, "out of the hole" },
		{ { .hole_first = 8, .hole_last = 11 }, 0, 99, false, "over the hole" },
		{ { .align = 16, .phase = 4 }, 20, 1, true, "in phase" },
		{ { .align = 16, .phase = 4 }, 16, 1, false, "out of phase" },
		{ { .boundary = 64 }, 0, 64, true, "from boundary to boundary" },
		{ { .boundary = 64 }, 1, 64, false, "across the boundary" },
		{ { .boundary = 64 }, 63, 2, false, "across by one" },
		{ { .max_segment = 8 }, 0, 8, true, "longest" },
		{ { .max_segment = 8 }, 0, 9, false, "too long" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_row(mete_constraint_allows(&rows[i].c, rows[i].bus, rows[i].len) == rows[i].want, i, rows[i].why);
}

/* A generator for the tests only: xorshift, with a fixed seed that the failure message names. */
static uint32_t draw(uint32_t *seed, uint32_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed % below;
}

static struct mete_constraint draw_constraint(uint32_t *seed)
{
	struct mete_constraint c = { 0 };

	if (draw(seed, 2))
		c.first = draw(seed, 40);
	if (draw(seed, 2))
		c.last = 10 + draw(seed, 54);
	if (draw(seed, 2)) {
		c.hole_first = draw(seed, 60);
		c.hole_last = c.hole_first + 1 + draw(seed, 20);
	}
	if (draw(seed, 2)) {
		c.align = (mete_baddr)1 << draw(seed, 4);
		c.phase = draw(seed, (uint32_t)c.align);
	}
	if (draw(seed, 2))
		c.boundary = (mete_baddr)1 << draw(seed, 6);
	if (draw(seed, 2))
		c.max_segment = 1 + draw(seed, 20);
	return c;
}

static void test_merged_never_allows_what_one_forbids(void **state)
{
	uint32_t seed = 20261120u, merged = 0;
	(void)state;

	for (int round = 0; round < 20000; round++) {
		struct mete_constraint a = draw_constraint(&seed), b = draw_constraint(&seed), m;
		int error = mete_constraint_merge(&a, &b, &m);
		bool both = false;
		for (mete_baddr bus = 0; bus < 64; bus++) {
			for (mete_baddr len = 1; len < 24; len += 1 + len / 4) {
				bool allowed = mete_constraint_allows(&a, bus, len) && mete_constraint_allows(&b, bus, len);
				both = both || allowed;
				if (!error && mete_constraint_allows(&m, bus, len) && !allowed)
					fail_msg("round %d: merged allows %llu+%llu", round, (unsigned long long)bus,
					    (unsigned long long)len);
				/* Without holes in both, nothing is lost either. */
				if (!error && allowed && !(a.hole_last && b.hole_last) && !mete_constraint_allows(&m, bus, len))
					fail_msg("round %d: merged forbids %llu+%llu", round, (unsigned long long)bus,
					    (unsigned long long)len);
			}
		}
		merged += !error;
	}
	assert_true(merged > 2000); /* the draw must produce cases that merge, or this proves nothing */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check_refuses_what_allows_nothing),
		cmocka_unit_test(test_merge_takes_the_stricter_field_by_field),
		cmocka_unit_test(test_merge_with_nothing_changes_nothing),
		cmocka_unit_test(test_merge_refuses_contradictions_and_leaves_the_output),
		cmocka_unit_test(test_merge_keeps_phases_that_agree),
		cmocka_unit_test(test_segment_obeys_each_limit),
		cmocka_unit_test(test_merged_never_allows_what_one_forbids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
