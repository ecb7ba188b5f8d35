/* SPDX-License-Identifier: ISC */
/*
 * Test, with cmocka: the function that fails a test, and fixtures.
 *
 *   static void test_ring_starts(void **state)
 *   {
 *           struct mete_test *test = *state;
 *           ...
 *   }
 *
 *   const struct CMUnitTest tests[] = { mete_cmocka_test(test_ring_starts) };
 */
#ifndef METE_TEST_CMOCKA_H
#define METE_TEST_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <mete/test.h>

/* For struct mete_test_config: fails cmocka's test at the driver's line. */
static inline void mete_cmocka_failed(void *ctx, const struct mete_test_failure *failure)
{
	(void)ctx;
	print_error("%s", failure->text);
	_fail(failure->file, failure->line);
}

/* A test on a host of its own is *state. */
static inline int mete_cmocka_setup(void **state)
{
	const struct mete_test_config config = { NULL, mete_cmocka_failed, NULL, NULL, NULL, METE_LEVEL_USUAL,
		METE_SHADOW_USUAL, 0, NULL };
	struct mete_test *test;

	if (mete_test_begin(&config, &test))
		return -1;
	*state = test;
	return 0;
}

/* And its end.  What failed before has failed the test; what fails now does not return from here. */
static inline int mete_cmocka_teardown(void **state)
{
	(void)mete_test_end((struct mete_test *)*state);
	return 0;
}

/* A row of cmocka's table. */
#define mete_cmocka_test(test) cmocka_unit_test_setup_teardown(test, mete_cmocka_setup, mete_cmocka_teardown)

#endif
