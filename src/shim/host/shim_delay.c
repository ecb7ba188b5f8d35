/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * A host's short waits, unless the program defines them.  A signal does not make one shorter.  Sleeping is exact enough for
 * every driver, which has to wait at least so long.
 */
#include <mete/shim.h>

#include <errno.h>
#include <time.h>

void mete_shim_delay(uint64_t ns, bool may_sleep)
{
	struct timespec rest = { .tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u) };

	(void)may_sleep;
	while (nanosleep(&rest, &rest) && errno == EINTR)
		;
}
