/* SPDX-License-Identifier: ISC */
/*
 * A host's end of a driver that cannot go on, unless the program defines it.
 */
#include <mete/shim.h>

#include <stdio.h>
#include <stdlib.h>

void mete_shim_halt(void)
{
	fflush(NULL); /* what it said may still be on its way */
	abort();
}
