/* SPDX-License-Identifier: ISC */
/*
 * <sys/systm.h>: NetBSD's console, panic(9), assertions, and small functions; see <mete/bsd_systm.h>.
 */
#ifndef METE_SHIM_NETBSD_SYS_SYSTM_H
#define METE_SHIM_NETBSD_SYS_SYSTM_H
#if defined(__GNUC__)
#pragma GCC system_header /* lets the macros have no further arguments under -Wpedantic */
#endif

#include <sys/types.h>
#include <mete/bsd_systm.h>

/* Always look, as kernels with DIAGNOSTIC do. */
#define KASSERT(e) ((e) ? (void)0 : panic("assertion \"%s\" failed: file \"%s\", line %d", #e, __FILE__, __LINE__))
#define KASSERTMSG(e, format, ...) \
	((e) ? (void)0 : panic("assertion \"%s\" failed: file \"%s\", line %d: " format, #e, __FILE__, __LINE__, ##__VA_ARGS__))

#endif
