/* SPDX-License-Identifier: ISC */
/*
 * Bench: what the harness, the backends and the workloads know of one another.
 *
 * A *backend* is an allocator behind a few function pointers; a *workload* asks it for memory and returns nanoseconds.
 * Neither knows the other, and every backend is asked in the same way, so the harness costs each of them the same: the
 * backend `null`, which does nothing, tells how much.
 */
#ifndef METE_TESTS_BENCH_H
#define METE_TESTS_BENCH_H

#include <mete/alloc.h>

#define BENCH_FRAME 4096u

/* What a backend is going to be used for: alloc and free, or run_alloc and run_free in one of three places. */
enum bench_use {
	BENCH_OBJECTS,     /* the memory is written to */
	BENCH_RUNS,        /* nobody touches the memory; 1 GiB above 4 GiB */
	BENCH_RUNS_BELOW,  /* 1 GiB below 4 GiB is asked for, and another above it is there */
	BENCH_RUNS_ACROSS, /* 1 GiB, half of it below 4 GiB and half above */
};

struct backend {
	const char *name, *kind; /* the two lines of its column's head */
	/* Get ready.  False if the allocator is not on this machine. */
	bool (*open)(enum bench_use use);
	/* `align` is a power of two; `len` is what the caller says again at free. */
	void *(*alloc)(size_t len, size_t align);
	void (*free)(void *cpu, size_t len);
	size_t align_most; /* alignment that alloc honours; 0: any */
	/* Whole frames within `limit`, of which align, boundary and last may be set. */
	void *(*run_alloc)(const struct mete_constraint *limit, size_t len);
	void (*run_free)(void *cpu, size_t len);
	mete_baddr (*bus_of)(void *cpu); /* where the device would see a run */
	bool constrained; /* run_alloc honours more than an alignment */
};

enum { BENCH_NULL, BENCH_METE, BENCH_MIMALLOC, BENCH_GLIBC, BENCH_GLIBC_ALIGNED, BENCH_BACKENDS };
extern const struct backend bench_backend[BENCH_BACKENDS];

/* The version of mimalloc, as 209 for 2.0.9; 0 if it is not installed. */
int bench_mimalloc_version(void);

/* How long to measure.  Times are for one backend in one round. */
struct bench_budget {
	int rounds;
	int reps;                /* repetitions in a round, of which the best counts */
	double pair_ns;          /* of one repetition */
	unsigned mix_pairs;      /* in one repetition */
	unsigned mix_settle;     /* before the first */
	unsigned runs_requests;
	unsigned runs_settle;
};

/*
 * ns for one alloc and free of `len` bytes, aligned to `len`, with eight others held; and for one free and alloc in a
 * set of 10,000 live objects of 16 B to 64 KiB.  Both tell whether the objects were aligned as asked.
 */
double bench_pair(const struct backend *b, const struct bench_budget *budget, size_t len, bool *ret_aligned);
double bench_mix(const struct backend *b, const struct bench_budget *budget, bool *ret_aligned);

/* End the program: this cannot be measured. */
_Noreturn void bench_die(const char *what, const char *why);

#endif
