/* SPDX-License-Identifier: ISC */
/*
 * Steps, the null: what a loop of calls costs when the calls do nothing.
 *
 * In a file of its own, so that no compiler sees through the calls, and so that steps_mark(), at which callgrind writes
 * down its count, stays a function.
 */
#include "steps.h"

static char null_object;

void *steps_null_alloc(size_t len, int flags)
{
	(void)len;
	(void)flags;
	return &null_object;
}

void steps_null_free(void *cpu, size_t len)
{
	(void)cpu;
	(void)len;
}

/* Does something, or a compiler would make it one function with the one above. */
void steps_mark(void)
{
	static volatile unsigned marks;
	marks++;
}
