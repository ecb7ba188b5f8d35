/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * Objects: the hot pair and the mixed steady state.
 *
 * The clock is the thread's CPU time, so that what else the machine does counts as little as possible.  What is drawn
 * is drawn before the clock starts.
 */
#include "bench.h"
#include "clock.h"
#include "draw.h"

#include <string.h>

#define HELD 8         /* others of the class: the allocator's page never becomes empty, nor new */
#define LIVE 10000u
#define DRAWN (1u << 18)

/* Whether an object is what was asked for.  glibc's malloc is not asked for an alignment above its own. */
static bool object_aligned(const struct backend *b, const void *cpu, size_t align)
{
	if (!cpu)
		bench_die(b->name, "out of memory");
	if (b->align_most && b->align_most < align)
		align = b->align_most;
	return ((uintptr_t)cpu & (align - 1)) == 0;
}

static double pair_rep(const struct backend *b, size_t len, unsigned n)
{
	double start = clock_ns();

	for (unsigned i = 0; i < n; i++)
		b->free(b->alloc(len, len), len);
	return (clock_ns() - start) / n;
}

double bench_pair(const struct backend *b, const struct bench_budget *budget, size_t len, bool *ret_aligned)
{
	void *held[HELD];
	unsigned n = 2000;

	*ret_aligned = true;
	for (int i = 0; i < HELD; i++) {
		held[i] = b->alloc(len, len);
		*ret_aligned &= object_aligned(b, held[i], len);
	}
	double best = pair_rep(b, len, n);
	best = pair_rep(b, len, n);
	n = (unsigned)(budget->pair_ns / (best + 0.1)) + 100; /* 0.1: a clock that stood still */
	for (int i = 0; i < budget->reps; i++)
		best = clock_least(best, pair_rep(b, len, n));
	for (int i = 0; i < HELD; i++)
		b->free(held[i], len);
	return best;
}

/* The size class's, which is what a driver would ask for. */
static size_t natural_align(size_t len)
{
	size_t align = METE_CLASS_MIN;
	while (align < len)
		align *= 2;
	return align;
}

/* What to do in each step of the mixed state, and what is live. */
static struct {
	uint32_t victim[DRAWN], len[DRAWN], align[DRAWN];
	void *cpu[LIVE];
	uint32_t cpu_len[LIVE];
	unsigned next;
} mix;

/* Returns whether all objects are aligned. */
static bool mix_fill(const struct backend *b)
{
	uint64_t random = 1;
	bool aligned = true;

	for (unsigned i = 0; i < DRAWN; i++) {
		mix.victim[i] = draw_below(&random, LIVE);
		mix.len[i] = (uint32_t)draw_log(&random, METE_CLASS_MIN, METE_CLASS_MAX);
		mix.align[i] = (uint32_t)natural_align(mix.len[i]);
	}
	for (unsigned i = 0; i < LIVE; i++) {
		unsigned at = DRAWN - 1 - i; /* not the sizes that come first later */
		mix.cpu[i] = b->alloc(mix.len[at], mix.align[at]);
		mix.cpu_len[i] = mix.len[at];
		aligned &= object_aligned(b, mix.cpu[i], mix.align[at]);
		memset(mix.cpu[i], 1, mix.len[at]);
	}
	return aligned;
}

static double mix_rep(const struct backend *b, unsigned n)
{
	double start = clock_ns();

	for (unsigned i = 0; i < n; i++) {
		unsigned at = mix.next++ & (DRAWN - 1);
		uint32_t victim = mix.victim[at];
		b->free(mix.cpu[victim], mix.cpu_len[victim]);
		mix.cpu[victim] = b->alloc(mix.len[at], mix.align[at]);
		mix.cpu_len[victim] = mix.len[at];
		if (!mix.cpu[victim])
			bench_die(b->name, "out of memory");
	}
	return (clock_ns() - start) / n;
}

double bench_mix(const struct backend *b, const struct bench_budget *budget, bool *ret_aligned)
{
	*ret_aligned = mix_fill(b);
	mix_rep(b, budget->mix_settle);
	double best = mix_rep(b, budget->mix_pairs);
	for (int i = 1; i < budget->reps; i++)
		best = clock_least(best, mix_rep(b, budget->mix_pairs));
	for (unsigned i = 0; i < LIVE; i++)
		b->free(mix.cpu[i], mix.cpu_len[i]);
	return best;
}
