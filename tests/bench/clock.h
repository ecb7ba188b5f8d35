/* SPDX-License-Identifier: ISC */
/*
 * Clock: this thread's CPU time.
 */
#ifndef METE_TESTS_CLOCK_H
#define METE_TESTS_CLOCK_H

#include <time.h>

static inline double clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline double clock_least(double a, double b)
{
	return a < b ? a : b;
}

#endif
