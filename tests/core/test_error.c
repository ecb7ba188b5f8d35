/* SPDX-License-Identifier: ISC */
/*
 * Errors have names, meanings and distinct negative numbers.
 */
#include "support.h"

static const int errors[] = {
#define NUMBER(name, number, text) METE_##name,
	METE_ERROR_MAP(NUMBER)
#undef NUMBER
};

static void test_errors_are_negative_and_distinct(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		assert_true(errors[i] < 0);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(errors[i], errors[j]);
	}
}

static void test_every_error_has_a_name_and_a_meaning(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		assert_int_equal(strncmp(mete_error_name(errors[i]), "METE_E", 6), 0);
		assert_true(strlen(mete_error_text(errors[i])) > 5);
		assert_int_not_equal(mete_error_text(errors[i])[strlen(mete_error_text(errors[i])) - 1], '.');
	}
	assert_string_equal(mete_error_name(METE_ENOMEM), "METE_ENOMEM");
}

static void test_other_numbers_are_not_errors(void **state)
{
	(void)state;
	assert_string_equal(mete_error_name(0), "0");
	assert_string_equal(mete_error_name(1), "?");
	assert_string_equal(mete_error_name(-9999), "?");
	assert_string_equal(mete_error_text(0), "success");
	assert_string_equal(mete_error_text(-9999), "not an error of this library");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors_are_negative_and_distinct),
		cmocka_unit_test(test_every_error_has_a_name_and_a_meaning),
		cmocka_unit_test(test_other_numbers_are_not_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
