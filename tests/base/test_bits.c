/* SPDX-License-Identifier: ISC */
/*
 * bits.h against the definition: a loop over all bits.  Built twice, with and without the compiler's builtins.
 */
#include "support.h"

#include "bits.h"

static unsigned highest(uint64_t v)
{
	unsigned found = 0;
	for (unsigned i = 0; i < 64; i++) {
		if (v >> i & 1)
			found = i;
	}
	return found;
}

static unsigned lowest(uint64_t v)
{
	unsigned i = 0;
	while (!(v >> i & 1))
		i++;
	return i;
}

/* Values with few, many and mixed bits: every pair of bits, with all below and all between. */
static void for_each_value(void (*check)(uint64_t v))
{
	for (unsigned high = 0; high < 64; high++) {
		for (unsigned low = 0; low <= high; low++) {
			uint64_t top = (uint64_t)1 << high, bottom = (uint64_t)1 << low;
			check(top | bottom);
			check(top | (top - bottom));
			check(top | bottom | 0x5555555555555555u >> (63 - high));
		}
	}
}

static void check_high(uint64_t v)
{
	assert_int_equal(bits_high64(v), highest(v));
	if ((uint32_t)v)
		assert_int_equal(bits_high32((uint32_t)v), highest((uint32_t)v));
}

static void check_low(uint64_t v)
{
	if ((uint32_t)v)
		assert_int_equal(bits_low32((uint32_t)v), lowest((uint32_t)v));
}

static void check_power2(uint64_t v)
{
	assert_int_equal(bits_is_power2(v), highest(v) == lowest(v));
}

static void test_high_is_the_highest_set_bit(void **state)
{
	(void)state;
	for_each_value(check_high);
}

static void test_low_is_the_lowest_set_bit(void **state)
{
	(void)state;
	for_each_value(check_low);
}

static void test_power2_has_one_bit_and_0_is_none(void **state)
{
	(void)state;
	for_each_value(check_power2);
	assert_false(bits_is_power2(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_high_is_the_highest_set_bit),
		cmocka_unit_test(test_low_is_the_lowest_set_bit),
		cmocka_unit_test(test_power2_has_one_bit_and_0_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
