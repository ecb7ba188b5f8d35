/* SPDX-License-Identifier: ISC */
/*
 * bytes.h: exactly the bytes asked for, at every alignment and many lengths.
 */
#include "support.h"

#include "bytes.h"

#define ROOM 160
#define FILL 0xa5

static void test_zero_clears_its_bytes_and_no_other(void **state)
{
	unsigned char buffer[ROOM];
	(void)state;

	for (size_t at = 0; at < 17; at++) {
		for (size_t len = 0; len < ROOM - 32; len++) {
			memset(buffer, FILL, sizeof buffer);
			mete__bytes_zero(buffer + at, len);
			for (size_t i = 0; i < ROOM; i++)
				assert_int_equal(buffer[i], i >= at && i < at + len ? 0 : FILL);
		}
	}
}

static void test_copy_moves_its_bytes_and_no_other(void **state)
{
	_Alignas(16) unsigned char from[64], to[64];
	(void)state;

	for (size_t i = 0; i < sizeof from; i++)
		from[i] = (unsigned char)(i + 1);
	/* Words where both are aligned, bytes where either is not. */
	for (size_t at = 0; at <= 8; at++) {
		for (size_t len = 0; len < 48; len++) {
			memset(to, FILL, sizeof to);
			mete__bytes_copy(to + at, from + 8, len);
			for (size_t i = 0; i < sizeof to; i++)
				assert_int_equal(to[i], i >= at && i < at + len ? (int)(i - at + 9) : FILL);
			memset(to, FILL, sizeof to);
			mete__bytes_copy(to + at, from + 5, len);
			for (size_t i = 0; i < sizeof to; i++)
				assert_int_equal(to[i], i >= at && i < at + len ? (int)(i - at + 6) : FILL);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zero_clears_its_bytes_and_no_other),
		cmocka_unit_test(test_copy_moves_its_bytes_and_no_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
