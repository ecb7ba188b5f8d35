/* SPDX-License-Identifier: ISC */
/*
 * <sys/systm.h>: FreeBSD's console, panic(9), assertions, and small functions; see <mete/bsd_systm.h>.
 */
#ifndef METE_SHIM_FREEBSD_SYS_SYSTM_H
#define METE_SHIM_FREEBSD_SYS_SYSTM_H
#if defined(__GNUC__)
#pragma GCC system_header /* lets the macros have no further arguments under -Wpedantic */
#endif

#include <sys/types.h>
#include <mete/bsd_systm.h>

/* Always look, as kernels with INVARIANTS do.  `message` is in parentheses: what panic() prints. */
#define KASSERT(e, message) \
	do { \
		if (!(e)) \
			panic message; \
	} while (0)
#define MPASS(e) KASSERT((e), ("Assertion %s failed at %s:%d", #e, __FILE__, __LINE__))

/* Returns after `us` microseconds at the earliest. */
#define DELAY(us) mete_shim_delay((uint64_t)(us) * 1000, false)

#endif
