/* SPDX-License-Identifier: ISC */
/*
 * Shim: what a kernel's own calls need of the program below them.
 *
 * A driver prints, waits, asks for the time, spins, wants memory that no device sees, and keeps its stores in order.  The
 * shims turn its system's words for that into these functions, the same ones for every system.  On a host they are in the
 * library mete-shim, each in an object of its own: a program that defines one gets its own instead, since a linker takes
 * no member of an archive that it has no need for.  Firmware defines those that its drivers use.
 */
#ifndef METE_SHIM_H
#define METE_SHIM_H

#include <stdarg.h>
#include <mete/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Print for people, as vprintf() does: the console.  `level` is from 0 (worst) to 7, as those of Linux and syslog(3) are; a
 * BSD's printf() has 6 and its panic() 0.  Returns the bytes printed, or a negative number.  On a host: standard error,
 * through the C library, whatever the level.
 */
int mete_shim_vprintf(int level, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* Return after `ns` nanoseconds at the earliest.  `may_sleep`: others may run meanwhile.  On a host: sleeps in any case. */
void mete_shim_delay(uint64_t ns, bool may_sleep);

/* Nanoseconds since some moment before the program began; never less than before.  On a host: CLOCK_MONOTONIC. */
uint64_t mete_shim_now(void);

/* A lock is taken by somebody else: let others run.  On a host: yields the processor. */
void mete_shim_relax(void);

/*
 * `len` bytes, at least 1, aligned for any type, that no device needs to reach; NULL if there are none.  Their content is
 * undefined.  The second takes them back; NULL is allowed.  On a host: malloc() and free().
 */
void *mete_shim_alloc(size_t len);
void mete_shim_free(void *memory);

/*
 * The driver has a barrier here that keeps stores in order: what was stored before, devices see before what is stored
 * later.  The shims' barriers are the compiler's and the CPU's fences already; this is for a machine that must be told as
 * well, and is called right after the fence.  On a host: does nothing.  Over a simulated machine, define it as
 * mete_sim_barrier().
 */
void mete_shim_barrier(void);

/* The driver found that it cannot go on, and said so.  Does not return.  On a host: abort(). */
void mete_shim_halt(void) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif
#endif
