/* SPDX-License-Identifier: ISC */
/*
 * Support: what every unit test includes, and nothing that only some need.
 *
 * cmocka wants four standard headers before its own.  cmocka's comparisons take 64-bit integers, so that a size, an
 * address or an error code is compared in full; the macros below say which kind is meant and convert without warnings.
 */
#ifndef METE_TESTS_SUPPORT_H
#define METE_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* Here, so that cmocka does not define types and macros of its own in their place. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <mete/error.h>

/* What a call returned, by name: "METE_EINVAL, and not METE_ENOMEM". */
#define assert_error(got, want)                                                                                        \
	do {                                                                                                           \
		int support_got = (got), support_want = (want);                                                        \
		if (support_got != support_want)                                                                       \
			fail_msg("%s is %s (%d), and not %s", #got, mete_error_name(support_got), support_got,         \
			    mete_error_name(support_want));                                                            \
	} while (0)

#define assert_ok(got) assert_error(got, 0)

/* Row `i` of a table, in words, when it fails: a table test otherwise does not tell which row it was. */
#define assert_row(ok, i, why)                                                                                         \
	do {                                                                                                           \
		if (!(ok))                                                                                             \
			fail_msg("row %zu (%s): %s", (size_t)(i), (why), #ok);                                         \
	} while (0)

/* A row of main's table: a test that is there only with addresses of 64 bits.  cmocka ignores rows without a name. */
#define wide_unit_test(test)                                                                                           \
	{ METE_ADDR_BITS == 64 ? #test : NULL, METE_ADDR_BITS == 64 ? (test) : NULL, NULL, NULL, NULL }

/* Whether tests may skip: not where METE_NO_SKIP is set, as on the machines that judge a change. */
static inline bool support_may_skip(void)
{
	return getenv("METE_NO_SKIP") == NULL;
}

/* Inside a cmocka test: it cannot run here, because of `why`. */
#define skip_because(why)                                                                                              \
	do {                                                                                                           \
		if (!support_may_skip())                                                                               \
			fail_msg("cannot run, and may not skip: %s", (why));                                           \
		print_message("%s\n", (why));                                                                          \
		skip();                                                                                                \
	} while (0)

/* In main: the whole program cannot run here.  Meson knows 77 as a skip. */
static inline int support_skip_all(const char *why)
{
	printf("%s\n", why);
	return support_may_skip() ? 77 : 1;
}

#endif
