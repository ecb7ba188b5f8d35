/* SPDX-License-Identifier: ISC */
/*
 * <sys/param.h>: the host's where there is one, and what NetBSD's drivers use of theirs.
 */
#ifndef METE_SHIM_NETBSD_SYS_PARAM_H
#define METE_SHIM_NETBSD_SYS_PARAM_H
#if defined(__GNUC__)
#pragma GCC system_header /* lets #include_next pass -Wpedantic */
#endif
#if defined(__has_include_next)
#if __has_include_next(<sys/param.h>)
#include_next <sys/param.h>
#endif
#endif

#include <sys/types.h>
#include <mete/bsd_param.h>
#include <mete/shim.h>

#ifndef __arraycount
#define __arraycount(a) (sizeof(a) / sizeof((a)[0]))
#endif
#ifndef roundup2
#define roundup2(x, y) ((((x) - 1) | ((y) - 1)) + 1)
#endif
#ifndef rounddown
#define rounddown(x, y) (((x) / (y)) * (y))
#endif

/* Returns after `us` microseconds at the earliest. */
static inline void delay(unsigned us)
{
	mete_shim_delay((uint64_t)us * 1000, false);
}

#define DELAY(us) delay(us)

#endif
