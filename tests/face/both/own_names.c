/* SPDX-License-Identifier: ISC */
/*
 * A program's own functions that happen to have native names.
 */
#include "halves.h"

int dma_alloc(int channel)
{
	return channel + 1;
}

int dma_free(int channel)
{
	return channel - 1;
}

const char *dma_pool_create(int depth)
{
	return depth > 3 ? "deep" : "shallow";
}
