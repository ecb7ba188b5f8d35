/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * A host has a scheduler to give the processor back to, unless the program defines something better.
 */
#include <mete/shim.h>

#include <sched.h>

void mete_shim_relax(void)
{
	(void)sched_yield();
}
