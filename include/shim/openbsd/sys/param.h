/* SPDX-License-Identifier: ISC */
/*
 * <sys/param.h>: the host's where there is one, and what OpenBSD's drivers use of theirs.
 */
#ifndef METE_SHIM_OPENBSD_SYS_PARAM_H
#define METE_SHIM_OPENBSD_SYS_PARAM_H
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

#ifndef nitems
#define nitems(a) (sizeof(a) / sizeof((a)[0]))
#endif

/* Returns after `us` microseconds at the earliest. */
static inline void delay(int us)
{
	mete_shim_delay(us > 0 ? (uint64_t)us * 1000 : 0, false);
}

#define DELAY(us) delay(us)

#endif
