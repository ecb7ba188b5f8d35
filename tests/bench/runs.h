/* SPDX-License-Identifier: ISC */
/*
 * Runs: whole frames with constraints, in an arena that is nearly full.
 *
 * A *case* is a kind of request and a share of 1 GiB in use.  Lengths are 4 to 256 KiB, every power of two
 * as likely as the next.  A request first frees runs at random until its length fits into the share, so on average one
 * run is freed for each that is allocated.
 */
#ifndef METE_TESTS_RUNS_H
#define METE_TESTS_RUNS_H

#include "bench.h"

struct runs_case {
	const char *name;
	unsigned percent;    /* of 1 GiB, in use */
	enum bench_use use;
	size_t most;         /* longest run */
	bool natural;        /* aligned to its length, rounded up to a power of two */
	mete_baddr boundary, last;
};

#define RUNS_CASES 15
extern const struct runs_case runs_case[RUNS_CASES];

/* Whether the backend can serve such requests at all. */
bool runs_possible(const struct backend *b, const struct runs_case *c);

/* Start: fill up to the share and check that every run is as it was asked for.  One at a time in a process. */
void runs_fill(const struct backend *b, const struct runs_case *c);

/* `n` requests.  Returns how many failed. */
unsigned runs_go(const struct backend *b, unsigned n);

/* Free everything. */
void runs_empty(const struct backend *b);

#endif
