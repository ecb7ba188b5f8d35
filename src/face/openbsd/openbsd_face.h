/* SPDX-License-Identifier: ISC */
/*
 * What the files of the OpenBSD face share: the way from native flags to the core's.
 */
#ifndef OPENBSD_FACE_H
#define OPENBSD_FACE_H

#include <sys/pool.h>

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
