/* SPDX-License-Identifier: ISC */
/*
 * <sys/malloc.h>: OpenBSD's malloc(9), as macros; see <mete/bsd_malloc.h>.
 */
#ifndef METE_SHIM_OPENBSD_SYS_MALLOC_H
#define METE_SHIM_OPENBSD_SYS_MALLOC_H

#include <sys/types.h>
#include <mete/bsd_malloc.h>

/* What memory is for; no effect. */
#define M_DEVBUF 2
#define M_TEMP 127

#define M_WAITOK 0x0001 /* NULL if there is none, as with M_CANFAIL: nobody waits here */
#define M_NOWAIT 0x0002
#define M_CANFAIL 0x0004
#define M_ZERO 0x0008

#define malloc(size, type, flags) ((void)(type), mete_bsd_malloc(1, (size), (flags) & M_ZERO ? METE_BSD_ZERO : 0))
#define mallocarray(n, size, type, flags) \
	((void)(type), mete_bsd_malloc((n), (size), (flags) & M_ZERO ? METE_BSD_ZERO : 0))
/* `size` 0: not known.  It is not looked at. */
#define free(memory, type, size) ((void)(type), (void)(size), mete_shim_free(memory))

#endif
