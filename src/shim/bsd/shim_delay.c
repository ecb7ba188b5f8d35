/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * A host's short waits, unless the program defines them.  A signal does not make one shorter.
 */
#include <mete/shim.h>

#include <errno.h>
#include <time.h>

void mete_shim_delay(unsigned long us)
{
	struct timespec rest = { .tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000 };

	while (nanosleep(&rest, &rest) && errno == EINTR)
		;
}
