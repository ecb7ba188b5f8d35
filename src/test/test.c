/* SPDX-License-Identifier: ISC */
/*
 * Test: beginning, ending, and failing between two calls of the driver.
 *
 * The test listens at the provider in front of the verifier and passes all on to it.  So it knows when the driver's call is over: a
 * framework's function that fails a test may never return, and must not be called from the middle of the library.  What the
 * verifier reports is noted, and told when the outermost call was left; at once where the core was called without a face.
 */
#define _POSIX_C_SOURCE 200809L

#include "test_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mete/host.h>

#define NESTING 16 /* calls inside callbacks inside calls */

static _Thread_local struct { const char *call; const void *site; } calls[NESTING];
static _Thread_local unsigned ncalls; /* may exceed NESTING; what is deeper counts as the deepest */
static _Thread_local char *last_text; /* what `failed` was told last, which may not have returned */

/* Hosts that cannot be destroyed, as a test that failed holds memory of them. */
static struct mete_test *kept;
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;

bool mete__test_inside(const char **ret_call, const void **ret_site)
{
	unsigned i = (ncalls < NESTING ? ncalls : NESTING) - 1;
	if (!ncalls || !calls[i].call)
		return false;
	*ret_call = calls[i].call;
	*ret_site = calls[i].site;
	return true;
}

void mete__test_found(struct mete_test *test, const char *text, const char *file, int line)
{
	pthread_mutex_lock(&test->lock);
	size_t old = test->text ? strlen(test->text) : 0;
	char *more = realloc(test->text, old + strlen(text) + 1);
	if (more) { /* without memory it fails all the same, with less to read */
		strcpy(more + old, text);
		test->text = more;
	}
	if (!test->nfound++) {
		snprintf(test->file, sizeof test->file, "%s", file ? file : "?");
		test->line = file ? line : 0;
	}
	pthread_mutex_unlock(&test->lock);
}

/* Without a framework. */
static void fail_hard(void *ctx, const struct mete_test_failure *failure)
{
	(void)ctx;
	fprintf(stderr, "%s%s:%d: the test fails\n", failure->text, failure->file, failure->line);
	abort();
}

/* The failures noted so far as one text, in front of it the one that was injected. */
static char *text_take(struct mete_test *test)
{
	char *words = mete__nth_words(test), *text = test->text;

	test->text = NULL;
	if (!words || !text)
		return words ? words : text;
	char *both = malloc(strlen(words) + strlen(text) + 1);
	if (both)
		strcat(strcpy(both, words), text);
	free(words);
	if (!both)
		return text;
	free(text);
	return both;
}

void mete__test_fail(struct mete_test *test)
{
	pthread_mutex_lock(&test->lock);
	size_t n = test->nfound;
	const struct mete_test_failure failure = { NULL, test->file, test->line };
	test->nfound = 0;
	pthread_mutex_unlock(&test->lock);
	if (!n)
		return;
	free(last_text);
	last_text = text_take(test);
	test->nfailures += n;
	test->cut = true;
	test->config.failed(test->config.ctx,
	    &(const struct mete_test_failure){ last_text ? last_text : "(no memory for more)\n", failure.file, failure.line });
	test->cut = false;
}

static void test_report(void *ctx, const struct mete_check_report *report)
{
	struct mete_test *test = ctx;

	if (report->policy == METE_POLICY_FAIL)
		mete__test_found(test, report->text, report->file, (int)report->line);
	else
		fputs(report->text, stderr);
}

static bool own_thread(const struct mete_test *test)
{
	return pthread_equal(pthread_self(), test->thread);
}

static struct mete_test *test_of(struct mete_observer *observer)
{
	return (struct mete_test *)(void *)observer;
}

static void test_event(struct mete_observer *observer, const struct mete_event *event)
{
	struct mete_test *test = test_of(observer);

	test->ear->event(test->ear, event);
	if (!own_thread(test))
		return;
	if (event->kind != METE_EVENT_STRETCH)
		mete__nth_heard(&test->nth, test->provider, event->site);
	if (!ncalls)
		mete__test_fail(test);
}

static void test_call(struct mete_observer *observer, const char *face, const char *name, const void *site, size_t count)
{
	struct mete_test *test = test_of(observer);
	unsigned i = ncalls < NESTING ? ncalls : NESTING - 1;

	if (ncalls && i && name && calls[i - 1].call) {
		calls[i] = calls[i - 1]; /* the face's own business, and not the driver's from a callback */
	} else {
		calls[i].call = name;
		calls[i].site = site;
	}
	ncalls++;
	test->ear->call(test->ear, face, name, site, count);
}

static void test_left(struct mete_observer *observer)
{
	struct mete_test *test = test_of(observer);

	test->ear->left(test->ear);
	if (ncalls)
		ncalls--;
	if (ncalls || !own_thread(test))
		return;
	mete__nth_heard(&test->nth, test->provider, NULL);
	mete__test_fail(test);
}

static void test_asked(struct mete_observer *observer, struct mete_device *device, mete_baddr bus)
{
	struct mete_test *test = test_of(observer);
	test->ear->asked(test->ear, device, bus);
}

static bool test_atomic(void *ctx)
{
	const struct mete_test *test = ctx;
	return test->config.atomic && test->config.atomic(test->config.ctx);
}

/* Let the test listen in front of the verifier. */
static int test_listen(struct mete_test *test)
{
	const struct mete_check_config config = { .report = test_report, .ctx = test, .policy = test->config.policy,
		.repeat = test->config.repeat, .level = test->config.level, .shadow = test->config.shadow,
		.most_mappings = test->config.most_mappings, .atomic = test_atomic };

	int error = mete_check_create(test->provider, &config, &test->check);
	if (error)
		return error;
	test->ear = test->provider->observer;
	test->observer = (struct mete_observer){ test_event, test_call, test_left, test_asked };
	(void)mete_provider_observe(test->provider, NULL);
	return mete_provider_observe(test->provider, &test->observer);
}

int mete_test_begin(const struct mete_test_config *config, struct mete_test **ret_test)
{
	if (!ret_test)
		return METE_EINVAL;
	const struct mete_host_config host = { .twice = true }; /* so that METE_SHADOW=trap works, whatever the test is */
	struct mete_test *test = calloc(1, sizeof *test);
	if (!test)
		return METE_ENOMEM;
	if (config)
		test->config = *config;
	if (!test->config.failed)
		test->config.failed = fail_hard;
	test->thread = pthread_self();
	ncalls = 0; /* a test may have been left in the middle of a call */
	int error = pthread_mutex_init(&test->lock, NULL) ? METE_ENOMEM : 0;
	if (!error && !test->config.provider)
		error = mete_host_create(&host, &test->host);
	if (!error) {
		test->provider = test->host ? mete_host_provider(test->host) : test->config.provider;
		test->held = mete_provider_held(test->provider);
		error = test_listen(test);
	}
	if (error) {
		(void)mete_host_destroy(test->host);
		free(test);
		return error;
	}
	*ret_test = test;
	return 0;
}

struct mete_provider *mete_test_provider(struct mete_test *test)
{
	return test->provider;
}

struct mete_check *mete_test_check(struct mete_test *test)
{
	return test->check;
}

void mete_test_expect(struct mete_test *test, enum mete_misuse misuse)
{
	mete_check_expect(test->check, misuse);
}

/* What is damaged or held, and what did not come, is noted. */
static void test_look(struct mete_test *test)
{
	char text[256];

	(void)mete_check_fills(test->check);
	size_t leaks = mete_check_leaks(test->check, NULL);
	size_t held = mete_provider_held(test->provider);
	if (!leaks && !test->nfound && !test->nfailures && held > test->held) {
		snprintf(text, sizeof text, "%zu runs of memory are still held, but nothing in them: a pool was not destroyed, say\n",
		    held - test->held);
		mete__test_found(test, text, NULL, 0);
	}
	for (unsigned i = 0; i < METE_NMISUSES; i++) {
		enum mete_misuse misuse = (enum mete_misuse)i;
		size_t n = mete_check_expected(test->check, misuse);
		if (!n)
			continue;
		snprintf(text, sizeof text, "%s %s: was expected, and did not come (%zu)\n", mete_misuse_name(misuse),
		    mete_misuse_title(misuse), n);
		mete__test_found(test, text, NULL, 0);
	}
}

void mete_test_clean(struct mete_test *test)
{
	test_look(test);
	mete__test_fail(test);
}

/* The machine goes, if it is ours.  False if it cannot. */
static bool host_end(struct mete_test *test, bool cut)
{
	if (!mete_host_destroy(test->host))
		return true;
	if (!cut && !test->nfound && !test->nfailures)
		mete__test_found(test, "a pool is left: it was not destroyed\n", NULL, 0);
	return false;
}

size_t mete_test_end(struct mete_test *test)
{
	if (!test)
		return 0;
	bool cut = test->cut;
	(void)mete__nth_disarm(test);
	test->nth.fired = false;
	if (cut) /* nothing was given back, as nobody had the time for it */
		(void)mete_check_policy(test->check, "A07=off", NULL);
	else
		test_look(test);
	(void)mete_check_destroy(test->check); /* nobody listens from here on */
	bool gone = host_end(test, cut);
	mete__nth_fini(&test->nth);

	struct mete_test last = *test; /* `failed` may not return */
	size_t failures = test->nfailures + test->nfound;
	if (gone) {
		pthread_mutex_destroy(&test->lock);
		free(test);
	} else {
		test->text = NULL;
		pthread_mutex_lock(&kept_lock);
		test->next_kept = kept;
		kept = test;
		pthread_mutex_unlock(&kept_lock);
	}
	if (pthread_mutex_init(&last.lock, NULL))
		return failures;
	mete__test_fail(&last);
	pthread_mutex_destroy(&last.lock);
	return failures;
}
