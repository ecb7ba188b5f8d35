/* SPDX-License-Identifier: ISC */
/*
 * Guard: the one critical section a provider has, and what is only touched inside it.
 *
 * Every call of the library enters it once, or once more around each call of the provider, which is never made inside.
 */
#ifndef GUARD_H
#define GUARD_H

#include <mete/provider.h>

#include "bits.h"

static inline void guard_enter(struct mete_provider *p)
{
	if (p->hooks.lock)
		p->hooks.lock(p->hooks_ctx);
}

static inline void guard_leave(struct mete_provider *p)
{
	if (p->hooks.unlock)
		p->hooks.unlock(p->hooks_ctx);
}

/* Inside: something was freed; whoever waits tries again. */
static inline void guard_released(struct mete_provider *p)
{
	if (BITS_UNLIKELY(p->nwaiting != 0)) {
		p->releases++;
		p->hooks.wake(p->hooks_ctx);
	}
}

/* Outside: count a mistake or a failure, and return `error` for the caller to return. */
int mete__guard_count(struct mete_provider *p, unsigned long *counter, int error);

/* Outside: whether somebody waits, so that a request that may wait must line up. */
bool mete__guard_line(struct mete_provider *p);

/*
 * Outside: `attempt` has failed with METE_ENOMEM, or others wait already; wait in line, try again each time something
 * is freed, and return what the first attempt that does not end in METE_ENOMEM returns.  METE_ENOMEM, and counted,
 * where waiting is impossible.  First come, first served.
 */
int mete__guard_wait(struct mete_provider *p, int (*attempt)(void *arg), void *arg);

#endif
