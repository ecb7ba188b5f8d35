/* SPDX-License-Identifier: ISC */
/*
 * Runs: the workload.  The time of a request includes that of the harness, which draws nothing but looks up.
 */
#include "runs.h"
#include "draw.h"

#define DRAWN (1u << 16)
#define ALL ((size_t)1 << 30)
#define LIVE (ALL / BENCH_FRAME)
#define KINDS 7 /* lengths rounded up to a power of two: 4 to 256 KiB */
#define KIB 1024u

#define THRICE(name, ...) { name, 80, __VA_ARGS__ }, { name, 90, __VA_ARGS__ }, { name, 95, __VA_ARGS__ }

const struct runs_case runs_case[RUNS_CASES] = {
	THRICE("4-256 KiB, anywhere", BENCH_RUNS, 256 * KIB, false, 0, 0),
	THRICE("4-64 KiB, no-cross 64 KiB", BENCH_RUNS, 64 * KIB, false, 64 * KIB, 0),
	THRICE("4-256 KiB, below 4 GiB", BENCH_RUNS_BELOW, 256 * KIB, false, 0, 0xffffffffu),
	THRICE("4-256 KiB, across 4 GiB", BENCH_RUNS_ACROSS, 256 * KIB, false, 0, 0),
	THRICE("4-256 KiB, natural alignment", BENCH_RUNS, 256 * KIB, true, 0, 0),
};

static struct {
	/* The case: what its requests look like, by rounded length, and how much may be live. */
	struct mete_constraint limit[KINDS];
	size_t share;

	uint32_t len[DRAWN], victim[DRAWN];
	uint8_t kind[DRAWN];
	unsigned next, next_victim;

	struct {
		void *cpu;
		size_t len;
	} live[LIVE];
	uint32_t nlive;
	size_t live_len;
} runs;

bool runs_possible(const struct backend *b, const struct runs_case *c)
{
	return b->run_alloc && (b->constrained || (c->use == BENCH_RUNS && !c->boundary));
}

static void free_one(const struct backend *b, uint32_t victim)
{
	void *cpu = runs.live[victim].cpu;
	size_t len = runs.live[victim].len;

	runs.live_len -= len;
	runs.live[victim] = runs.live[--runs.nlive];
	b->run_free(cpu, len);
}

/* One request: false if it failed. */
static bool request(const struct backend *b)
{
	unsigned at = runs.next++ & (DRAWN - 1);
	size_t len = runs.len[at];

	while (runs.live_len + len > runs.share) {
		uint64_t victim = runs.victim[runs.next_victim++ & (DRAWN - 1)];
		free_one(b, (uint32_t)(victim * runs.nlive >> 32));
	}
	void *cpu = b->run_alloc(&runs.limit[runs.kind[at]], len);
	if (!cpu)
		return false;
	runs.live[runs.nlive].cpu = cpu;
	runs.live[runs.nlive++].len = len;
	runs.live_len += len;
	return true;
}

unsigned runs_go(const struct backend *b, unsigned n)
{
	unsigned failed = 0;

	while (n--)
		failed += !request(b);
	return failed;
}

static uint8_t kind_of(size_t len)
{
	uint8_t kind = 0;
	while (((size_t)BENCH_FRAME << kind) < len)
		kind++;
	return kind;
}

void runs_fill(const struct backend *b, const struct runs_case *c)
{
	uint64_t random = 1;

	for (unsigned i = 0; i < DRAWN; i++) {
		/* Frames, and one less than the next: so that the shortest is as likely as its power of two. */
		runs.len[i] = (uint32_t)(draw_log(&random, BENCH_FRAME, c->most + BENCH_FRAME - 1) & ~(size_t)(BENCH_FRAME - 1));
		runs.kind[i] = kind_of(runs.len[i]);
		runs.victim[i] = (uint32_t)(draw_next(&random) >> 32);
	}
	for (unsigned kind = 0; kind < KINDS; kind++) {
		runs.limit[kind].align = c->natural ? (mete_baddr)BENCH_FRAME << kind : BENCH_FRAME;
		runs.limit[kind].boundary = c->boundary;
		runs.limit[kind].last = c->last;
	}
	runs.share = ALL / 100 * c->percent;

	while (runs.live_len + runs.len[runs.next & (DRAWN - 1)] <= runs.share) {
		unsigned at = runs.next & (DRAWN - 1);
		if (!request(b))
			break; /* fuller than this it does not become */
		if (b->bus_of && !mete_constraint_allows(&runs.limit[runs.kind[at]],
		    b->bus_of(runs.live[runs.nlive - 1].cpu), runs.len[at]))
			bench_die(b->name, "a run breaks its constraint");
	}
}

void runs_empty(const struct backend *b)
{
	while (runs.nlive)
		free_one(b, runs.nlive - 1);
}
