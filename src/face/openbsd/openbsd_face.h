/* SPDX-License-Identifier: ISC */
/*
 * What the files of the OpenBSD face share: the way from native flags to the core's.
 */
#ifndef OPENBSD_FACE_H
#define OPENBSD_FACE_H

#include <mete/observe.h>
#include <sys/pool.h>

/* First of all in each call of a pool: who observes hears of it. */
#define POOL_CALL(pp, name) METE_OBSERVE_CALL((pp)->pr_core.provider, "openbsd", name)

/* The one table of flags.  PR_NOWAIT is the absence of PR_WAITOK; with neither, OpenBSD waits. */
static inline unsigned openbsd_flags(int flags)
{
	unsigned core = 0;

	if (flags & PR_ZERO)
		core |= METE_ZERO;
	if ((flags & PR_WAITOK) || !(flags & PR_NOWAIT))
		core |= METE_WAIT;
	return core;
}

#endif
