/* SPDX-License-Identifier: ISC */
/*
 * What the three BSDs' <sys/systm.h> have in common here: the console, panic(), and the kernel's small functions.
 *
 * printf() is a macro, where their kernels have a function: it shares its name with the C library's, whose header a
 * program includes too.  A unit that includes a BSD's <sys/systm.h> prints by the hook mete_shim_vprintf(3).
 */
#ifndef METE_BSD_SYSTM_H
#define METE_BSD_SYSTM_H

#include <mete/shim.h>

#if defined(__STDC_HOSTED__) && __STDC_HOSTED__
#include <stdio.h>  /* before printf is a macro; snprintf() and its like are the host's */
#include <string.h> /* memcpy() and its like */
#endif

/* Print on the console.  Returns the bytes printed, or a negative number.  As the hook behind it: mete_shim_vprintf(). */
__attribute__((format(printf, 2, 3), unused)) static int mete_bsd_printf(int level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = mete_shim_vprintf(level, format, args);
	va_end(args);
	return len;
}

#define METE_BSD_INFO 6 /* the kernels' printf() knows no levels */
#define printf(...) mete_bsd_printf(METE_BSD_INFO, __VA_ARGS__)
#define vprintf(format, args) mete_shim_vprintf(METE_BSD_INFO, (format), (args))

/* Say why, and end: does not return. */
__attribute__((format(printf, 1, 2), noreturn, unused)) static void panic(const char *format, ...)
{
	va_list args;

	mete_bsd_printf(0, "panic: ");
	va_start(args, format);
	mete_shim_vprintf(0, format, args);
	va_end(args);
	mete_bsd_printf(0, "\n");
	mete_shim_halt();
}

/* The smaller and the larger of two numbers, which are converted to the type in the name: u_int, int, long, u_long. */
static inline unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* As above. */
static inline unsigned max(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

/* As above. */
static inline int imin(int a, int b)
{
	return a < b ? a : b;
}

/* As above. */
static inline int imax(int a, int b)
{
	return a > b ? a : b;
}

/* As above. */
static inline long lmin(long a, long b)
{
	return a < b ? a : b;
}

/* As above. */
static inline long lmax(long a, long b)
{
	return a > b ? a : b;
}

/* As above. */
static inline unsigned long ulmin(unsigned long a, unsigned long b)
{
	return a < b ? a : b;
}

/* As above. */
static inline unsigned long ulmax(unsigned long a, unsigned long b)
{
	return a > b ? a : b;
}

#endif
