/* SPDX-License-Identifier: ISC */
/*
 * mete-steps pairs | runs CASE: something to count the instructions of.
 *
 * It runs under callgrind, which writes down its count whenever steps_mark() is called.  Two marks enclose an
 * *interval*; at the end the program prints how it was built and the names of all intervals, for steps.py to put beside
 * the counts.
 *
 * Pairs: loops of N and 2N hot pairs.  Their difference is N pairs and nothing else.  The loops call OpenBSD's native
 * names, as a driver does, and the Linux face without its inline wrappers.
 * Runs: each allocation and each free in a full arena is an interval of its own, so that the worst is known, too.
 */
#include "bench_arena.h"
#include "runs.h"
#include "steps.h"

#include <mete/linux.h>
#include <sys/pool.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 1000u
#define HELD 8
#define RUNS_SETTLE 20000u
#define RUNS_REQUESTS 500u
#define INTERVALS 4096u

/* The names of the intervals so far. */
static struct {
	const char *what;
	size_t len;
	unsigned n;
} done[INTERVALS];
static unsigned ndone;

static void interval_begin(void)
{
	if (ndone == INTERVALS)
		bench_die("steps", "too many intervals");
	steps_mark();
}

static void interval_end(const char *what, size_t len, unsigned n)
{
	steps_mark();
	done[ndone].what = what;
	done[ndone].len = len;
	done[ndone++].n = n;
}

static struct mete_linux_pool *pool;

static void loop_null(size_t len, unsigned n)
{
	while (n--)
		steps_null_free(steps_null_alloc(len, PR_NOWAIT), len);
}

static void loop_nowait(size_t len, unsigned n)
{
	while (n--)
		dma_free(dma_alloc(len, PR_NOWAIT), len);
}

static void loop_waitok(size_t len, unsigned n)
{
	while (n--)
		dma_free(dma_alloc(len, PR_WAITOK), len);
}

static void loop_zero(size_t len, unsigned n)
{
	while (n--)
		dma_free(dma_alloc(len, PR_NOWAIT | PR_ZERO), len);
}

static void loop_pool(size_t len, unsigned n)
{
	uint64_t bus;

	(void)len;
	while (n--) {
		void *cpu = mete_linux_dma_pool_alloc(pool, 0, &bus);
		mete_linux_dma_pool_free(pool, cpu, bus);
	}
}

static void count(const char *what, void (*loop)(size_t len, unsigned n), size_t len)
{
	loop(len, 2); /* whatever is done once has been done */
	for (unsigned n = N; n <= 2 * N; n += N) {
		interval_begin();
		loop(len, n);
		interval_end(what, len, n);
	}
}

static void pairs_of_class(size_t len)
{
	const struct mete_linux_view view = { .core = &bench_arena_device, .coherent_mask = UINT64_MAX };
	void *held[HELD], *held_block[HELD];
	uint64_t bus[HELD];

	pool = mete_linux_dma_pool_create("steps", &view, len, len, 0);
	for (int i = 0; i < HELD; i++) {
		held[i] = dma_alloc(len, PR_NOWAIT);
		held_block[i] = mete_linux_dma_pool_alloc(pool, 0, &bus[i]);
		if (!held[i] || !held_block[i])
			bench_die("steps", "out of memory");
	}
	count("null", loop_null, len);
	count("nowait", loop_nowait, len);
	count("waitok", loop_waitok, len);
	count("zero", loop_zero, len);
	count("pool", loop_pool, len);
	for (int i = 0; i < HELD; i++) {
		dma_free(held[i], len);
		mete_linux_dma_pool_free(pool, held_block[i], bus[i]);
	}
	mete_linux_dma_pool_destroy(pool);
}

static void pairs(void)
{
	bench_arena_open(BENCH_OBJECTS);
	for (size_t len = METE_CLASS_MIN; len <= METE_CLASS_MAX; len *= 2)
		pairs_of_class(len);
}

static bool counting;

static void *counted_run_alloc(const struct mete_constraint *limit, size_t len)
{
	if (!counting)
		return bench_backend[BENCH_METE].run_alloc(limit, len);
	interval_begin();
	void *cpu = bench_backend[BENCH_METE].run_alloc(limit, len);
	interval_end(cpu ? "run-alloc" : "run-failed", len, 1);
	return cpu;
}

static void counted_run_free(void *cpu, size_t len)
{
	if (!counting) {
		bench_backend[BENCH_METE].run_free(cpu, len);
		return;
	}
	interval_begin();
	bench_backend[BENCH_METE].run_free(cpu, len);
	interval_end("run-free", len, 1);
}

static void run_ops(const struct runs_case *c)
{
	const struct backend counted = { .name = "mete", .constrained = true, .run_alloc = counted_run_alloc,
		.run_free = counted_run_free };

	bench_arena_open(c->use);
	runs_fill(&counted, c);
	runs_go(&counted, RUNS_SETTLE);
	counting = true;
	interval_begin();
	interval_end("nothing", 0, 1);
	runs_go(&counted, RUNS_REQUESTS);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "pairs") == 0) {
		pairs();
	} else if (argc == 3 && strcmp(argv[1], "runs") == 0 && strtoul(argv[2], NULL, 10) < RUNS_CASES) {
		run_ops(&runs_case[strtoul(argv[2], NULL, 10)]);
	} else {
		fprintf(stderr, "usage: mete-steps pairs | runs CASE\n");
		return 2;
	}
	printf("%s\n", METE_BUILD);
	for (unsigned i = 0; i < ndone; i++)
		printf("%s %zu %u\n", done[i].what, done[i].len, done[i].n);
	return 0;
}
