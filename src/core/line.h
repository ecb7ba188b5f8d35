/* SPDX-License-Identifier: ISC */
/*
 * Line: a provider's guard, the requests that wait for memory, and the counters of what went wrong.
 */
#ifndef LINE_H
#define LINE_H

#include <mete/provider.h>

#include "guard.h"

/* The guard of a provider and of all that hangs on it. */
static inline void guard_enter(struct mete_provider *p)
{
	guard_lock(&p->guard, &p->hooks, p->hooks_ctx);
}

static inline bool guard_enter_now(struct mete_provider *p)
{
	return guard_try(&p->guard, &p->hooks, p->hooks_ctx);
}

static inline void guard_leave(struct mete_provider *p)
{
	guard_unlock(&p->guard, &p->hooks, p->hooks_ctx);
}

/* Inside: something is being freed.  Returns whether line_wake() is due once the guard is left. */
static inline bool line_release(struct mete_provider *p)
{
	if (BITS_LIKELY(!p->nwaiting))
		return false;
	p->releases++;
	return true;
}

/* Outside: let those who wait try again. */
static inline void line_wake(struct mete_provider *p)
{
	p->hooks.wake(p->hooks_ctx);
}

/* Outside: count a mistake or a failure, and return `error` for the caller to return. */
int mete__line_count(struct mete_provider *p, unsigned long *counter, int error);

/* Outside: whether somebody waits, so that a request that may wait must line up. */
bool mete__line_there(struct mete_provider *p);

/*
 * Outside: `attempt` has failed with METE_ENOMEM, or others wait already; wait in line, try again each time something
 * is freed, and return what the first attempt that does not end in METE_ENOMEM returns.  METE_ENOMEM, and counted,
 * where waiting is impossible.  First come, first served.
 */
int mete__line_wait(struct mete_provider *p, int (*attempt)(void *arg), void *arg);

#endif
