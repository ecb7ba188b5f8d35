/* SPDX-License-Identifier: ISC */
/*
 * Test: a test's state, and what its files need of one another.
 *
 *   test.c   beginning, ending, and failing between two calls of the driver
 *   nth.c    operations that fail in turn
 */
#ifndef TEST_STATE_H
#define TEST_STATE_H

#include <pthread.h>

#include <mete/test.h>

/* What is to fail, and what did. */
struct nth {
	const struct mete_provider_ops *real; /* NULL: not armed */
	void *real_ctx;
	struct mete_provider_ops ops;
	bool (*may_wait)(void *ctx);
	size_t left;                  /* operations that succeed before the one that fails */
	bool fired;
	const void *sticky;           /* of the same kind fail until the driver has heard of it; NULL: none */
	char what[64];                /* "4096 bytes could not be allocated" */
	const char *call;             /* that it failed in; NULL: the core's own, or not known */
	const void *site;
	struct nth_domain *domains;
};

struct mete_test {
	struct mete_observer observer; /* first: the two are cast into each other */
	struct mete_test_config config;
	struct mete_provider *provider;
	struct mete_host *host;        /* NULL: the machine is the caller's */
	struct mete_check *check;
	struct mete_observer *ear;     /* the verifier's */
	size_t held;                   /* runs, at the beginning */
	pthread_t thread;
	pthread_mutex_t lock;          /* of what was found and not told yet: */
	char *text;
	char file[512];
	int line;
	size_t nfound;

	bool cut;                      /* `failed` was called and has not returned */
	size_t nfailures;
	struct nth nth;
	struct mete_test *next_kept;
};

/* The driver's call that this thread is in; false if it is in none. */
bool mete__test_inside(const char **ret_call, const void **ret_site);

/* Note a failure; `text` is whole lines.  Any thread. */
void mete__test_found(struct mete_test *test, const char *text, const char *file, int line);

/* On the test's own thread, in no call: fail if something was noted. */
void mete__test_fail(struct mete_test *test);

/* How the failure that was injected is told: whole lines, for free(); NULL if there is none, or no memory. */
char *mete__nth_words(struct mete_test *test);

/* The driver has heard of the failure; `site` is where the core was called, NULL where it was not. */
void mete__nth_heard(struct nth *nth, const struct mete_provider *provider, const void *site);

/* Nothing is to fail any more.  Returns whether something did. */
bool mete__nth_disarm(struct mete_test *test);

/* Forget domains. */
void mete__nth_fini(struct nth *nth);

#endif
