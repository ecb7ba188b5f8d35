/* SPDX-License-Identifier: ISC */
/*
 * Provider: its set-up, its counters, and the line in which requests wait.
 *
 * Waiting is one rule for everybody: a request draws a ticket, and only the one whose turn it is tries.  A try that
 * fails goes to sleep until something is freed after it began, which `releases` tells; so no wake-up is lost although the
 * try itself runs outside the guard.  Later and smaller requests do not overtake: they would starve a large one.
 * Requests that do not wait are not held up.
 */
#include <mete/provider.h>

#include "bits.h"
#include "checked.h"
#include "line.h"
#include "slab.h"
#include "tell.h"

int mete_want_check(const struct mete_want *want)
{
	mete_paddr last = want->last ? want->last : METE_PADDR_MAX;

	if (!want->len || want->first > last || (unsigned)want->memory > METE_MEMORY_UNCACHED)
		return METE_EINVAL;
	if (want->hole_last ? want->hole_first > want->hole_last : want->hole_first != 0)
		return METE_EINVAL;
	if (want->align ? !bits_is_power2(want->align) || want->phase >= want->align : want->phase != 0)
		return METE_EINVAL;
	if (want->boundary ? !bits_is_power2(want->boundary) || want->boundary_phase >= want->boundary
	                   : want->boundary_phase != 0)
		return METE_EINVAL;
	return 0;
}

static bool ops_complete(const struct mete_provider_ops *ops)
{
	return ops && ops->take && ops->give && ops->translate && ops->record_alloc && ops->record_free;
}

/* Each of a pair needs the other. */
static bool hooks_sane(const struct mete_hooks *hooks)
{
	return !hooks || (!hooks->lock == !hooks->unlock && !hooks->wait == !hooks->wake);
}

int mete_provider_init(struct mete_provider *provider, const struct mete_provider_ops *ops, void *ctx,
    const struct mete_provider_config *config)
{
	if (!provider || !config || !ops_complete(ops) || !hooks_sane(config->hooks))
		return METE_EINVAL;
	if (!bits_is_power2(config->frame) || config->frame < 64)
		return METE_EINVAL;
	if ((uintptr_t)config->extent & (config->frame - 1))
		return METE_EINVAL;
	if (config->extent_len ? config->extent_len - 1 > UINTPTR_MAX - (uintptr_t)config->extent : !!config->extent)
		return METE_EINVAL;

	mete__bytes_zero(provider, sizeof *provider);
	provider->ops = ops;
	provider->ctx = ctx;
	if (config->hooks)
		mete__bytes_copy(&provider->hooks, config->hooks, sizeof provider->hooks);
	provider->hooks_ctx = config->hooks_ctx;
	provider->frame = config->frame;
	provider->phys_last = config->phys_last ? config->phys_last : METE_PADDR_MAX;
	provider->frame_shift = (uint8_t)bits_high64(config->frame);
	return mete__table_init(provider, (uintptr_t)config->extent, config->extent_len);
}

int mete_provider_fini(struct mete_provider *provider)
{
	guard_enter(provider);
	bool busy = provider->held || provider->pools;
	if (busy)
		provider->counters.fini_busy++;
	guard_leave(provider);
	if (busy)
		return METE_EBUSY;
	mete__table_fini(provider);
	return 0;
}

void mete_provider_counters(struct mete_provider *provider, struct mete_counters *ret)
{
	guard_enter(provider);
	mete__bytes_copy(ret, &provider->counters, sizeof *ret);
	guard_leave(provider);
}

void mete_provider_note(struct mete_provider *provider, int error)
{
	struct mete_counters *counters = &provider->counters;

	mete__line_count(provider, error == METE_EINVAL ? &counters->bad_argument
	    : error == METE_EFAULT ? &counters->wrong_pair : &counters->failed, error);
	if (METE_OBSERVED(provider))
		mete__tell_mistake(provider, METE_CALLER(), error);
}

size_t mete_provider_held(struct mete_provider *provider)
{
	guard_enter(provider);
	size_t held = provider->held;
	guard_leave(provider);
	return held;
}

size_t mete_provider_waiting(struct mete_provider *provider)
{
	guard_enter(provider);
	size_t waiting = provider->nwaiting;
	guard_leave(provider);
	return waiting;
}

void mete_provider_wake(struct mete_provider *provider)
{
	guard_enter(provider);
	bool wake = line_release(provider);
	guard_leave(provider);
	if (wake)
		line_wake(provider);
}

int mete__line_count(struct mete_provider *p, unsigned long *counter, int error)
{
	guard_enter(p);
	++*counter;
	guard_leave(p);
	return error;
}

bool mete__line_there(struct mete_provider *p)
{
	guard_enter(p);
	bool line = p->nwaiting != 0;
	guard_leave(p);
	return line;
}

/* What a sleeper waits for: its turn, and something freed since it looked last. */
struct line_place {
	struct mete_provider *provider;
	unsigned long ticket;
	unsigned long seen;
};

static bool line_asleep(void *arg)
{
	const struct line_place *place = arg;
	struct mete_provider *p = place->provider;

	guard_enter(p);
	bool asleep = p->serving != place->ticket || p->releases == place->seen;
	guard_leave(p);
	return asleep;
}

/* Outside: the next in line, if there is one, gets its turn. */
static void line_leave(struct mete_provider *p)
{
	guard_enter(p);
	p->serving++;
	p->nwaiting--;
	bool wake = line_release(p);
	guard_leave(p);
	if (wake)
		line_wake(p);
}

int mete__line_wait(struct mete_provider *p, int (*attempt)(void *arg), void *arg)
{
	struct line_place place = { .provider = p };
	int error;

	if (!p->hooks.wait || (p->hooks.may_wait && !p->hooks.may_wait(p->hooks_ctx)))
		return mete__line_count(p, &p->counters.wait_refused, METE_ENOMEM);
	guard_enter(p);
	p->counters.waited++;
	p->nwaiting++;
	place.ticket = p->tickets++;
	place.seen = p->releases - 1; /* the first try needs no release: one may have come before we were in line */
	guard_leave(p);
	do {
		p->hooks.wait(p->hooks_ctx, line_asleep, &place);
		guard_enter(p);
		bool turn = p->serving == place.ticket;
		place.seen = p->releases;
		guard_leave(p);
		error = turn ? attempt(arg) : METE_ENOMEM; /* `wait` may return early */
	} while (error == METE_ENOMEM);
	line_leave(p);
	return error;
}
