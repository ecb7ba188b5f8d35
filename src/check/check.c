/* SPDX-License-Identifier: ISC */
/*
 * Check: the ear at the provider.
 *
 * Events are judged under one lock and reported outside of it.  Which call of a face an event belongs to is a matter of the
 * thread: calls are stacked there as they are entered, and what the core tells meanwhile is the innermost one's doing.
 */
#define _POSIX_C_SOURCE 200809L

#include "check_state.h"

#include <stdlib.h>
#include <string.h>

#define NESTING 16 /* calls inside callbacks inside calls */

/* A call that this thread is in. */
struct entered {
	const struct mete_check *check;
	struct place place;
	size_t count;
};

static _Thread_local struct entered calls[NESTING];
static _Thread_local unsigned ncalls; /* may exceed NESTING; what is deeper counts as the deepest */

static struct mete_check *check_of(struct mete_observer *observer)
{
	return (struct mete_check *)(void *)observer;
}

/* The innermost call that this thread is in; NULL: none. */
static struct entered *innermost(void)
{
	return ncalls ? &calls[(ncalls < NESTING ? ncalls : NESTING) - 1] : NULL;
}

static void check_call(struct mete_observer *observer, const char *face, const char *name, const void *site,
    size_t count)
{
	const struct entered *outer = innermost();
	struct entered made = { check_of(observer), { face, name, site }, count };

	if (outer && name && outer->place.call)
		made = *outer; /* the face's own business */
	calls[ncalls < NESTING ? ncalls : NESTING - 1] = made;
	ncalls++;
}

static void check_left(struct mete_observer *observer)
{
	(void)observer;
	if (ncalls) /* the verifier may have come in the middle of a call */
		ncalls--;
}

/* The place that an event of this thread comes from. */
static struct place check_here(const struct mete_check *check, const void *site, size_t *ret_count)
{
	const struct entered *entered = innermost();
	const struct place direct = { NULL, NULL, site };

	bool called = entered && entered->check == check && entered->place.call;
	*ret_count = called ? entered->count : 0;
	return called ? entered->place : direct;
}

static void check_event(struct mete_observer *observer, const struct mete_event *event)
{
	struct mete_check *check = check_of(observer);
	struct findings found;
	size_t count;

	found.n = 0;
	const struct place here = check_here(check, event->site, &count);
	pthread_mutex_lock(&check->lock);
	mete__judge_event(check, event, &here, count, &found);
	pthread_mutex_unlock(&check->lock);
	if (found.n)
		mete__report_findings(check, &found);
}

static void check_asked(struct mete_observer *observer, struct mete_device *device, mete_baddr bus)
{
	struct mete_check *check = check_of(observer);

	pthread_mutex_lock(&check->lock);
	mete__ledger_asked(&check->ledger, device, bus);
	pthread_mutex_unlock(&check->lock);
}

int mete_check_create(struct mete_provider *provider, const struct mete_check_config *config, struct mete_check **ret_check)
{
	const char *policy = config && config->policy ? config->policy : getenv("METE_CHECK");

	if (!provider || !ret_check)
		return METE_EINVAL;
	ncalls = 0; /* a test may have left the last verifier in the middle of a call, by longjmp() */
	struct mete_check *check = calloc(1, sizeof *check);
	if (!check)
		return METE_ENOMEM;
	check->observer = (struct mete_observer){ check_event, check_call, check_left, check_asked };
	check->provider = provider;
	if (config)
		check->config = *config;
	check->config.policy = NULL; /* the caller's string */
	mete__policy_default(check->policy);
	mete__ledger_init(&check->ledger);
	RB_INIT(&check->told);
	int error = policy ? mete__policy_parse(check->policy, policy, NULL) : 0;
	if (!error && config && config->repeat && !(check->repeat = strdup(config->repeat)))
		error = METE_ENOMEM;
	if (!error && pthread_mutex_init(&check->lock, NULL))
		error = METE_ENOMEM;
	if (!error)
		error = mete_provider_observe(provider, &check->observer);
	if (error) {
		free(check->repeat);
		free(check);
		return error;
	}
	*ret_check = check;
	return 0;
}

size_t mete_check_missing(struct mete_check *check)
{
	size_t missing = 0;

	pthread_mutex_lock(&check->lock);
	for (unsigned i = 0; i < METE_NMISUSES; i++)
		missing += check->expected[i];
	pthread_mutex_unlock(&check->lock);
	return missing;
}

size_t mete_check_destroy(struct mete_check *check)
{
	if (!check)
		return 0;
	(void)mete_check_leaks(check, NULL);
	(void)mete_provider_observe(check->provider, NULL);
	size_t bad = check->failures + mete_check_missing(check);
	mete__told_forget(&check->told);
	mete__ledger_fini(&check->ledger);
	mete__where_destroy(check->where);
	pthread_mutex_destroy(&check->lock);
	free(check->repeat);
	free(check);
	return bad;
}

int mete_check_policy(struct mete_check *check, const char *text, size_t *ret_at)
{
	if (!text)
		return METE_EINVAL;
	pthread_mutex_lock(&check->lock);
	int error = mete__policy_parse(check->policy, text, ret_at);
	pthread_mutex_unlock(&check->lock);
	return error;
}

void mete_check_expect(struct mete_check *check, enum mete_misuse misuse)
{
	if ((unsigned)misuse >= METE_NMISUSES)
		return;
	pthread_mutex_lock(&check->lock);
	check->expected[misuse]++;
	pthread_mutex_unlock(&check->lock);
}

size_t mete_check_count(struct mete_check *check, enum mete_misuse misuse)
{
	pthread_mutex_lock(&check->lock);
	size_t count = (unsigned)misuse < METE_NMISUSES ? check->count[misuse] : 0;
	pthread_mutex_unlock(&check->lock);
	return count;
}

size_t mete_check_failures(struct mete_check *check)
{
	pthread_mutex_lock(&check->lock);
	size_t failures = check->failures;
	pthread_mutex_unlock(&check->lock);
	return failures;
}

size_t mete_check_expected(struct mete_check *check, enum mete_misuse misuse)
{
	pthread_mutex_lock(&check->lock);
	size_t expected = (unsigned)misuse < METE_NMISUSES ? check->expected[misuse] : 0;
	pthread_mutex_unlock(&check->lock);
	return expected;
}

static size_t check_leaks(struct mete_check *check, const struct mete_device *device, size_t mark)
{
	struct findings found;
	size_t leaks = 0;

	do {
		found.n = 0;
		pthread_mutex_lock(&check->lock);
		mete__judge_leaks(check, device, mark, &found);
		pthread_mutex_unlock(&check->lock);
		leaks += found.n;
		mete__report_findings(check, &found);
	} while (found.n);
	return leaks;
}

size_t mete_check_leaks(struct mete_check *check, const struct mete_device *device)
{
	return check_leaks(check, device, 0);
}

size_t mete_check_mark(struct mete_check *check)
{
	pthread_mutex_lock(&check->lock);
	size_t mark = check->ledger.nmade;
	pthread_mutex_unlock(&check->lock);
	return mark;
}

size_t mete_check_leaks_since(struct mete_check *check, size_t mark)
{
	return check_leaks(check, NULL, mark);
}

bool mete_check_line(struct mete_check *check, const void *site, const char **ret_file, unsigned *ret_line,
    const char **ret_function)
{
	pthread_mutex_lock(&check->lock);
	if (!check->where)
		check->where = mete__where_create();
	bool known = mete__where_line(check->where, site, ret_file, ret_line, ret_function);
	pthread_mutex_unlock(&check->lock);
	return known;
}
