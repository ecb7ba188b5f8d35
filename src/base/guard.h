/* SPDX-License-Identifier: ISC */
/*
 * Guard: the critical section, in the three forms of METE_GUARD.
 *
 * Every call of the library enters it once, or once more around each call of the platform, which is never made inside.
 * The inline form is a test-and-set lock: sections are a few dozen instructions long, so waiting for one is cheaper
 * than any hand-over.
 */
#ifndef GUARD_H
#define GUARD_H

#include <mete/hooks.h>

#include "bits.h"

#if METE_GUARD == 2
#define GUARD_PATIENCE 100u /* looks at a busy guard before others are let run */

static BITS_NOINLINE void guard_contend(struct mete_guard *guard, const struct mete_hooks *hooks, void *ctx)
{
	unsigned looks = 0;

	do {
		while (__atomic_load_n(&guard->busy, __ATOMIC_RELAXED)) {
			if (++looks % GUARD_PATIENCE == 0 && hooks->pause)
				hooks->pause(ctx);
		}
	} while (__atomic_exchange_n(&guard->busy, 1, __ATOMIC_ACQUIRE));
}
#endif

static inline void guard_lock(struct mete_guard *guard, const struct mete_hooks *hooks, void *ctx)
{
#if METE_GUARD == 2
	if (BITS_UNLIKELY(__atomic_exchange_n(&guard->busy, 1, __ATOMIC_ACQUIRE)))
		guard_contend(guard, hooks, ctx);
#elif METE_GUARD == 1
	(void)guard;
	if (hooks->lock)
		hooks->lock(ctx);
#else
	(void)guard;
	(void)hooks;
	(void)ctx;
#endif
}

/*
 * Lock at once, or say that it would take a while.  A leaf function that calls nothing needs no stack; one that may call
 * guard_contend() does, on its fast path too.
 */
static inline bool guard_try(struct mete_guard *guard, const struct mete_hooks *hooks, void *ctx)
{
#if METE_GUARD == 2
	(void)hooks;
	(void)ctx;
	return BITS_LIKELY(!__atomic_exchange_n(&guard->busy, 1, __ATOMIC_ACQUIRE));
#else
	guard_lock(guard, hooks, ctx);
	return true;
#endif
}

static inline void guard_unlock(struct mete_guard *guard, const struct mete_hooks *hooks, void *ctx)
{
#if METE_GUARD == 2
	(void)hooks;
	(void)ctx;
	__atomic_store_n(&guard->busy, 0, __ATOMIC_RELEASE);
#elif METE_GUARD == 1
	(void)guard;
	if (hooks->unlock)
		hooks->unlock(ctx);
#else
	(void)guard;
	(void)hooks;
	(void)ctx;
#endif
}

#endif
