/* SPDX-License-Identifier: ISC */
/*
 * Shim: what a kernel's own calls need of the program below them.
 *
 * A driver prints, waits for microseconds, and wants memory that no device sees.  The shims turn its system's words for
 * that into these functions.  On a host they are in the library mete-shim, each in an object of its own: a program that
 * defines one gets its own instead, since a linker takes no member of an archive that it has no need for.  Firmware
 * defines those that its drivers use.
 */
#ifndef METE_SHIM_H
#define METE_SHIM_H

#include <stdarg.h>
#include <mete/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Print for people, as vprintf() does: the console.  Returns the bytes printed, or a negative number.  On a host:
 * standard output, through the C library.
 */
int mete_shim_vprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* Return after `us` microseconds at the earliest.  On a host: sleeps. */
void mete_shim_delay(unsigned long us);

/*
 * `len` bytes, at least 1, aligned for any type, that no device needs to reach; NULL if there are none.  Their content is
 * undefined.  The second takes them back; NULL is allowed.  On a host: malloc() and free().
 */
void *mete_shim_alloc(size_t len);
void mete_shim_free(void *memory);

/* The driver found that it cannot go on, and said so.  Does not return.  On a host: abort(). */
void mete_shim_halt(void) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif
#endif
