/* SPDX-License-Identifier: ISC */
/*
 * What the three BSDs' <sys/malloc.h> have in common here: memory for a driver's own records, by mete_shim_alloc(3).
 *
 * malloc() and free() are macros with the kernel's arguments, where the kernels have functions: they share their names
 * with the C library's.  In a unit that includes a BSD's <sys/malloc.h>, a call with the C library's arguments does not
 * compile.
 */
#ifndef METE_BSD_MALLOC_H
#define METE_BSD_MALLOC_H

#include <mete/shim.h>

#if defined(__STDC_HOSTED__) && __STDC_HOSTED__
#include <stdlib.h> /* before malloc and free are macros */
#endif

#define METE_BSD_ZERO 0x1u

/*
 * `n` times `len` bytes; NULL if that overflows or there are none.  0 bytes are a piece of memory too.  METE_BSD_ZERO
 * clears them.
 */
static inline void *mete_bsd_malloc(size_t n, size_t len, unsigned flags)
{
	if (len && n > SIZE_MAX / len)
		return NULL;
	len *= n;
	unsigned char *memory = (unsigned char *)mete_shim_alloc(len ? len : 1);
	for (size_t i = 0; memory && (flags & METE_BSD_ZERO) && i < len; i++)
		memory[i] = 0;
	return memory;
}

#endif
