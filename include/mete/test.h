/* SPDX-License-Identifier: ISC */
/*
 * Test: what tests of drivers are made of.
 *
 * A test begins with a machine and a verifier over it, and ends with the question whether anything is left.  What the driver does
 * wrong in between fails the test, at the driver's line.
 *
 * Any framework will do, as the function that fails a test is the user's: it may leave the test (longjmp) or return, and the
 * test goes on then.  <mete/test_cmocka.h> has one for cmocka; docs/TESTING-DRIVERS.md shows others.
 *
 * Hosted only.  A test begins and ends on one thread, and misuses of that thread fail it as soon as the driver's call is over,
 * so that nothing is left half done.  What other threads do wrong fails it at its end.
 */
#ifndef METE_TEST_H
#define METE_TEST_H

#include <mete/check.h>
#include <mete/iommu.h>

struct mete_test;

/* Why a test fails.  Strings live as long as the call that gets them. */
struct mete_test_failure {
	const char *text; /* for people: whole lines */
	const char *file; /* where, in the driver; "?" if that is not known */
	int line;
};

struct mete_test_config {
	struct mete_provider *provider; /* the machine's, such as a rig's; NULL: a host of the test's own */
	/* NULL: the text goes to stderr, and then abort(). */
	void (*failed)(void *ctx, const struct mete_test_failure *failure);
	void *ctx;
	const char *policy;             /* these as in struct mete_check_config */
	const char *repeat;
	enum mete_level level;
	enum mete_shadow shadow;
	size_t most_mappings;
	bool (*atomic)(void *ctx);
};

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Begin a test.  `config` may be NULL: a host, and abort().  Fresh devices are made by the test itself.  METE_EINVAL, METE_EBUSY
 * (somebody listens at the provider), METE_ENOMEM, METE_ENOTSUP (a host, and addresses of 32 bits; no such shadow here).
 */
int mete_test_begin(const struct mete_test_config *config, struct mete_test **ret_test);

/*
 * End it: leaks, damaged memory, what was expected and did not come, and what other threads did are failures now, all in one
 * call of `failed`.
 * A test that `failed` has left early is not asked for leaks.  Returns how many failures there were in all; 0: it has passed.
 * NULL is allowed.  While no other thread is in a call of the provider's objects.
 */
size_t mete_test_end(struct mete_test *test);

/* The machine's provider, and the verifier.  Both are the test's. */
struct mete_provider *mete_test_provider(struct mete_test *test);
struct mete_check *mete_test_check(struct mete_test *test);

/* The next report of `misuse` is expected; it fails nothing, and the test fails if it does not come. */
void mete_test_expect(struct mete_test *test, enum mete_misuse misuse);

/* Fail now if something was found, did not come, or is still held. */
void mete_test_clean(struct mete_test *test);

/*
 * Run `body` again and again: the first time with the first operation failing that can fail, then with the second, and so on
 * until none is left to fail; that last time it must return 0.  With a failure it may return what it likes, but must leave
 * nothing behind and do nothing wrong: else the test fails, and the text tells which operation had failed, and where.
 *
 * Operations are the provider's: memory for the driver, records, translations of what is mapped; and mappings of the domains
 * that were told to mete_test_domain().  Requests that may wait for memory do not wait while one fails.
 *
 * At most `most` runs (0: 4096), else it fails.  Returns how many operations there were to fail.  Not nested.
 */
size_t mete_test_each_failure(struct mete_test *test, int (*body)(void *ctx), void *ctx, size_t most);

/*
 * Let mappings of `domain` be among what can fail, from now until the domain is finished or the test ends.  Before a device
 * maps through it.  METE_EINVAL, METE_ENOMEM.
 */
int mete_test_domain(struct mete_test *test, struct mete_domain *domain);

#ifdef __cplusplus
}
#endif
#endif
