/* SPDX-License-Identifier: ISC */
/*
 * The contract of providers, run on the heap provider.
 */
#include "heap_provider.h"

#include <stdio.h>
#include "contract.h"

static void broken(void *ctx, const char *promise)
{
	(void)ctx;
	printf("broken: %s\n", promise);
}

/* How many promises the heap breaks. */
static unsigned long hold_to_contract(struct heap *heap)
{
	const struct contract contract = { .seed = 1, .broken = broken };

	return contract_run(&heap->provider, &contract);
}

int main(void)
{
	static struct heap heap;

	if (heap_start(&heap, 4 * 1024 * 1024))
		return 1;
	return hold_to_contract(&heap) != 0 || mete_provider_fini(&heap.provider);
}
