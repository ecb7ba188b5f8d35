/* SPDX-License-Identifier: ISC */
/*
 * <sys/kmem.h>: kmem_alloc(9), by mete_shim_alloc(3).
 */
#ifndef METE_SHIM_NETBSD_SYS_KMEM_H
#define METE_SHIM_NETBSD_SYS_KMEM_H

#include <sys/types.h>
#include <mete/bsd_malloc.h>

#define KM_SLEEP 0x1 /* NULL if there is none: nobody waits here */
#define KM_NOSLEEP 0x2

static inline void *kmem_alloc(size_t size, int flags)
{
	(void)flags;
	return mete_bsd_malloc(1, size, 0);
}

static inline void *kmem_zalloc(size_t size, int flags)
{
	(void)flags;
	return mete_bsd_malloc(1, size, METE_BSD_ZERO);
}

/* The size is not looked at. */
static inline void kmem_free(void *memory, size_t size)
{
	(void)size;
	mete_shim_free(memory);
}

#endif
