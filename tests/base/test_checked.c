/* SPDX-License-Identifier: ISC */
/*
 * checked.h: the true result, or false and an untouched output.
 */
#include "support.h"

#include "checked.h"

#define UNTOUCHED 4711u

static void test_add_refuses_what_does_not_fit(void **state)
{
	size_t sum = UNTOUCHED;
	(void)state;

	assert_true(checked_add(SIZE_MAX - 1, 1, &sum));
	assert_true(sum == SIZE_MAX);
	sum = UNTOUCHED;
	assert_false(checked_add(SIZE_MAX, 1, &sum));
	assert_false(checked_add(1, SIZE_MAX, &sum));
	assert_true(sum == UNTOUCHED);
}

static void test_mul_refuses_what_does_not_fit(void **state)
{
	const size_t half = (size_t)1 << (sizeof(size_t) * 8 / 2);
	size_t product = UNTOUCHED;
	(void)state;

	assert_true(checked_mul(half, half - 1, &product));
	assert_true(product == half * (half - 1));
	product = UNTOUCHED;
	assert_false(checked_mul(half, half, &product));
	assert_false(checked_mul(SIZE_MAX, 2, &product));
	assert_true(product == UNTOUCHED);
	assert_true(checked_mul(SIZE_MAX, 0, &product));
	assert_true(product == 0);
}

static void test_up_rounds_and_refuses_to_wrap(void **state)
{
	size_t up = UNTOUCHED;
	(void)state;

	assert_true(checked_up(0, 64, &up) && up == 0);
	assert_true(checked_up(1, 64, &up) && up == 64);
	assert_true(checked_up(64, 64, &up) && up == 64);
	assert_true(checked_up(SIZE_MAX - 63, 64, &up) && up == SIZE_MAX - 63);
	up = UNTOUCHED;
	assert_false(checked_up(SIZE_MAX - 62, 64, &up));
	assert_true(up == UNTOUCHED);
}

static void test_last_exists_only_for_a_range_that_fits(void **state)
{
	mete_paddr last = UNTOUCHED;
	mete_baddr bus_last = UNTOUCHED;
	(void)state;

	assert_true(checked_last_phys(METE_PADDR_MAX - 15, 16, &last) && last == METE_PADDR_MAX);
	assert_true(checked_last_bus(METE_BADDR_MAX, 1, &bus_last) && bus_last == METE_BADDR_MAX);
	last = bus_last = UNTOUCHED;
	assert_false(checked_last_phys(METE_PADDR_MAX - 15, 17, &last));
	assert_false(checked_last_phys(0, 0, &last));
	assert_false(checked_last_bus(2, METE_BADDR_MAX, &bus_last));
	assert_false(checked_last_bus(0, 0, &bus_last));
	assert_true(last == UNTOUCHED && bus_last == UNTOUCHED);
	assert_true(checked_last_bus(1, METE_BADDR_MAX, &bus_last) && bus_last == METE_BADDR_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_refuses_what_does_not_fit),
		cmocka_unit_test(test_mul_refuses_what_does_not_fit),
		cmocka_unit_test(test_up_rounds_and_refuses_to_wrap),
		cmocka_unit_test(test_last_exists_only_for_a_range_that_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
