/* SPDX-License-Identifier: ISC */
/*
 * Hooks: what a platform lends the library, mutual exclusion and waiting.
 *
 * Hooks are handed to a provider when it is made, and serve everything that hangs on it.
 */
#ifndef METE_HOOKS_H
#define METE_HOOKS_H

#include <mete/types.h>

/*
 * What the platform adds: mutual exclusion, waiting.  Each may be NULL, and so may the whole struct.
 *
 * lock/unlock   guard the library's state, where it is built with METE_GUARD 1.  They may mask interrupts; they are not
 *               nested; the code between them is short, bounded and calls nothing.  NULL: one thread only.
 * pause         with METE_GUARD 2: the guard has been busy for a while; let others run.  NULL: spin.
 * wait          sleep until asleep(arg) is false.  asleep() takes the guard for a moment, so ask it with whatever `wake`
 *               takes held: lock a mutex, while (asleep(arg)) wait on a condition variable, unlock.  NULL: a request
 *               never waits.
 * wake          something was freed: let every sleeper of `wait` ask again.  Called without the guard.
 * may_wait      whether the caller may sleep at this moment (not in an interrupt handler).  NULL: yes.
 */
struct mete_hooks {
	void (*lock)(void *ctx);
	void (*unlock)(void *ctx);
	void (*pause)(void *ctx);
	void (*wait)(void *ctx, bool (*asleep)(void *arg), void *arg);
	void (*wake)(void *ctx);
	bool (*may_wait)(void *ctx);
};

/* The library's own lock, where METE_GUARD is 2; else without use. */
struct mete_guard {
	unsigned char busy;
};

#endif
