/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * A host's clock, unless the program defines one.
 */
#include <mete/shim.h>

#include <time.h>

uint64_t mete_shim_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
