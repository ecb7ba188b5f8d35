/* SPDX-License-Identifier: ISC */
/*
 * Bytes: clearing and copying memory, without libc.
 *
 * A file of its own because compilers turn such loops, and assignments of large structs, into calls of memset() and
 * memcpy(), which firmware may not have.
 */
#ifndef BYTES_H
#define BYTES_H

#include <stddef.h>

/*
 * Clear `len` bytes at `p`.  Also the way to start a large struct: an initialiser may become a call of memset().
 */
void mete__bytes_zero(void *p, size_t len);

/* Copy `len` bytes; the two do not overlap. */
void mete__bytes_copy(void *to, const void *from, size_t len);

#endif
