/* SPDX-License-Identifier: ISC */
/*
 * Contract: what every provider promises, as a program.
 *
 * Plain C over the public headers, so that a porter can run it on a port, also in firmware: no test framework, no
 * printing, no allocation but the provider's.  It is installed for that purpose.
 */
#ifndef METE_CONTRACT_H
#define METE_CONTRACT_H

#include <mete/provider.h>

struct contract {
	uint32_t seed;        /* of the random wants; not 0 */
	unsigned rounds;      /* random operations; 0: 2000 */
	size_t longest;       /* longest run asked for, in bytes; 0: 16 frames */
	/* Called for each broken promise, with what it is; may be NULL. */
	void (*broken)(void *ctx, const char *promise);
	void *ctx;
};

/*
 * Hold the provider to its promises.  It must be able to give at least 8 frames of cached memory; everything taken is
 * given back.  Returns how many promises were found broken, each counted as often as it was met.
 */
unsigned long contract_run(struct mete_provider *provider, const struct contract *contract);

#endif
