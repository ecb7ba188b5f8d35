/* SPDX-License-Identifier: ISC */
/*
 * <sys/malloc.h>: FreeBSD's malloc(9), as macros; see <mete/bsd_malloc.h>.
 */
#ifndef METE_SHIM_FREEBSD_SYS_MALLOC_H
#define METE_SHIM_FREEBSD_SYS_MALLOC_H

#include <sys/types.h>
#include <mete/bsd_malloc.h>

/* What memory is for: a name, without effect. */
struct malloc_type {
	const char *ks_shortdesc;
};

#define MALLOC_DECLARE(type) extern struct malloc_type type[1]
#define MALLOC_DEFINE(type, shortdesc, longdesc) struct malloc_type type[1] = { { shortdesc } }

/* Kernels define these two; here nothing has to. */
#define M_DEVBUF ((struct malloc_type *)0)
#define M_TEMP ((struct malloc_type *)0)

#define M_NOWAIT 0x0001
#define M_WAITOK 0x0002 /* NULL if there is none: nobody waits here */
#define M_ZERO 0x0100

#define malloc(size, type, flags) ((void)(type), mete_bsd_malloc(1, (size), (flags) & M_ZERO ? METE_BSD_ZERO : 0))
#define mallocarray(n, size, type, flags) \
	((void)(type), mete_bsd_malloc((n), (size), (flags) & M_ZERO ? METE_BSD_ZERO : 0))
#define free(memory, type) ((void)(type), mete_shim_free(memory))

#endif
