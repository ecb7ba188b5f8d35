/* SPDX-License-Identifier: ISC */
/*
 * Own provider: what a porter writes, over nothing but aligned_alloc().
 */
#ifndef METE_TESTS_OWN_PROVIDER_H
#define METE_TESTS_OWN_PROVIDER_H

#include <mete/provider.h>

struct own_provider {
	struct mete_provider provider;
	size_t limit; /* bytes that may be out at one time */
	size_t taken;
};

int own_provider_start(struct own_provider *own, size_t limit);
int own_provider_end(struct own_provider *own);

#endif
