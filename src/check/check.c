/* SPDX-License-Identifier: ISC */
/*
 * Check: the ear at the provider.
 *
 * Events are judged under one lock and reported outside of it.  Which call of a face an event belongs to is a matter of the
 * thread: calls are stacked there as they are entered, and what the core tells meanwhile is the innermost one's doing.
 */
#define _POSIX_C_SOURCE 200809L

#include "check_state.h"

#include "fill.h"
#include "shadow.h"

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

	if (!name)
		mete__busy_left(check_of(observer));
	struct entered made = { check_of(observer), { face, name, site }, count };

	if (outer && name && outer->place.call)
		made = *outer; /* the face's own business */
	calls[ncalls < NESTING ? ncalls : NESTING - 1] = made;
	ncalls++;
}

static void check_left(struct mete_observer *observer)
{
	if (ncalls) /* the verifier may have come in the middle of a call */
		ncalls--;
	const struct entered *outer = innermost();
	if (!outer || !outer->place.call)
		mete__busy_left(check_of(observer));
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

	mete__shadow_tell(check);
	found.n = 0;
	const struct place here = check_here(check, event->site, &count);
	mete__check_lock(check);
	mete__judge_event(check, event, &here, count, &found);
	mete__check_unlock(check);
	if (found.n)
		mete__report_findings(check, &found);
}

static void check_asked(struct mete_observer *observer, struct mete_device *device, mete_baddr bus)
{
	struct mete_check *check = check_of(observer);

	mete__check_lock(check);
	mete__ledger_asked(&check->ledger, device, bus);
	mete__check_unlock(check);
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
		error = mete__shadow_choose(check, config);
	if (!error)
		error = mete_provider_observe(provider, &check->observer);
	if (error) {
		free(check->repeat);
		free(check);
		return error;
	}
	mete__shadow_start(check);
	*ret_check = check;
	return 0;
}

const char *mete_check_shadow(const struct mete_check *check)
{
	return check->shadow ? check->shadow->name : "off";
}

size_t mete_check_missing(struct mete_check *check)
{
	size_t missing = 0;

	mete__shadow_tell(check);
	mete__check_lock(check);
	for (unsigned i = 0; i < METE_NMISUSES; i++)
		missing += check->expected[i];
	mete__check_unlock(check);
	return missing;
}

size_t mete_check_destroy(struct mete_check *check)
{
	if (!check)
		return 0;
	(void)mete_check_fills(check);
	(void)mete_check_leaks(check, NULL);
	(void)mete_provider_observe(check->provider, NULL);
	mete__shadow_stop(check);
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
	mete__check_lock(check);
	int error = mete__policy_parse(check->policy, text, ret_at);
	mete__check_unlock(check);
	return error;
}

void mete_check_expect(struct mete_check *check, enum mete_misuse misuse)
{
	if ((unsigned)misuse >= METE_NMISUSES)
		return;
	mete__shadow_tell(check);
	mete__check_lock(check);
	check->expected[misuse]++;
	mete__check_unlock(check);
}

size_t mete_check_count(struct mete_check *check, enum mete_misuse misuse)
{
	mete__shadow_tell(check);
	mete__check_lock(check);
	size_t count = (unsigned)misuse < METE_NMISUSES ? check->count[misuse] : 0;
	mete__check_unlock(check);
	return count;
}

size_t mete_check_failures(struct mete_check *check)
{
	mete__shadow_tell(check);
	mete__check_lock(check);
	size_t failures = check->failures;
	mete__check_unlock(check);
	return failures;
}

size_t mete_check_expected(struct mete_check *check, enum mete_misuse misuse)
{
	mete__shadow_tell(check);
	mete__check_lock(check);
	size_t expected = (unsigned)misuse < METE_NMISUSES ? check->expected[misuse] : 0;
	mete__check_unlock(check);
	return expected;
}

static size_t check_leaks(struct mete_check *check, const struct mete_device *device, size_t mark)
{
	struct findings found;
	size_t leaks = 0;

	mete__shadow_tell(check);
	do {
		found.n = 0;
		mete__check_lock(check);
		mete__judge_leaks(check, device, mark, &found);
		mete__check_unlock(check);
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
	mete__check_lock(check);
	size_t mark = check->ledger.nmade;
	mete__check_unlock(check);
	return mark;
}

size_t mete_check_leaks_since(struct mete_check *check, size_t mark)
{
	return check_leaks(check, NULL, mark);
}

bool mete_check_line(struct mete_check *check, const void *site, const char **ret_file, unsigned *ret_line,
    const char **ret_function)
{
	mete__check_lock(check);
	if (!check->where)
		check->where = mete__where_create();
	bool known = mete__where_line(check->where, site, ret_file, ret_line, ret_function);
	mete__check_unlock(check);
	return known;
}

size_t mete_check_fills(struct mete_check *check)
{
	struct findings found;
	size_t damaged = 0;

	mete__shadow_tell(check);
	do {
		found.n = 0;
		mete__check_lock(check);
		mete__fill_compare_all(check, &found);
		mete__check_unlock(check);
		damaged += found.n;
		mete__report_findings(check, &found);
	} while (found.n);
	return damaged;
}
