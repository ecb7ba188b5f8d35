/* SPDX-License-Identifier: ISC */
/*
 * A host's memory for drivers' own records, unless the program defines both.
 */
#include <mete/shim.h>

#include <stdlib.h>

void *mete_shim_alloc(size_t len)
{
	return malloc(len);
}

void mete_shim_free(void *memory)
{
	free(memory);
}
