/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * What the shim asks of its surroundings, on a host.  An application that defines one of these itself gets its own.
 */
#include <errno.h>
#include <linux/bug.h>
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/printk.h>
#include <linux/spinlock.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define HOOK __attribute__((__weak__))

HOOK void mete_linux_print(int level, const char *line)
{
	(void)level;
	fprintf(stderr, "%s\n", line);
}

HOOK void mete_linux_bug(const char *file, int line, const char *function)
{
	printk(KERN_EMERG "BUG at %s:%d: %s()", file, line, function);
	abort();
}

HOOK u64 mete_linux_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (u64)now.tv_sec * 1000000000u + (u64)now.tv_nsec;
}

/* Sleeping is exact enough for every driver that has to wait at least so long. */
HOOK void mete_linux_delay(u64 ns, bool may_sleep)
{
	struct timespec rest = { .tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u) };

	(void)may_sleep;
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, &rest) == EINTR)
		continue;
}

HOOK void mete_linux_relax(void)
{
	(void)sched_yield();
}
