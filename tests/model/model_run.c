/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * Model run: see model_run.h.
 *
 * The one run of the program is kept in a static: model_differ() is called from the depths of a comparison, where
 * nobody wants to pass it along.
 */
#include "model_run.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RUN_SHARES 1000u

/* Seconds in which 512 operations must be done; half a million are usual.  Enough for a memory checker. */
#define RUN_WATCHDOG 120

static struct {
	const char *program;
	uint64_t seed;
	uint64_t ops;        /* budget of all parts */
	double seconds;      /* ... in time; 0: none */
	const char *only;    /* the one part asked for, or NULL */

	const char *part;
	uint64_t part_ops;
	double part_start, part_seconds, shown;
	struct model_tally *tally;
	struct model_tally sum;
	bool found, too_many_excuses;
} run;

static double run_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static uint64_t run_mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

void model_random_seed(struct model_random *random, uint64_t seed, const char *part)
{
	uint64_t state = run_mix(seed);

	for (; *part != '\0'; part++)
		state = run_mix(state ^ (unsigned char)*part);
	random->state = state != 0 ? state : 1;
}

uint64_t model_next(struct model_random *random)
{
	uint64_t x = random->state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	random->state = x;
	return x * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t model_below(struct model_random *random, uint64_t n)
{
	/* The slight bias of a remainder does not matter here; the low bits of xorshift* are its weakest. */
	return (model_next(random) >> 8 ^ model_next(random) << 40) % n;
}

uint64_t model_between(struct model_random *random, uint64_t first, uint64_t last)
{
	return last - first == UINT64_MAX ? model_next(random) : first + model_below(random, last - first + 1);
}

uint64_t model_log(struct model_random *random, uint64_t max)
{
	unsigned bits = 0;
	uint64_t low, high;

	while (bits < 63 && (UINT64_C(2) << bits) <= max)
		bits++;
	low = UINT64_C(1) << model_below(random, bits + 1);
	high = low * 2 - 1 < max ? low * 2 - 1 : max;
	return model_between(random, low, high);
}

bool model_chance(struct model_random *random, unsigned percent)
{
	return model_below(random, 100) < percent;
}

static void run_usage(void)
{
	fprintf(stderr, "usage: %s [--ops N] [--seed S] [--seconds T] [--part NAME]\n", run.program);
	exit(2);
}

static uint64_t run_number(const char *text)
{
	char *end = NULL;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno != 0 || end == text || *end != '\0')
		run_usage();
	return value;
}

/* Not the date: two runs in the same second must differ, and so must two machines that start together. */
static uint64_t run_random_seed(void)
{
	struct timespec now;
	uint64_t seed = 0;
	FILE *file = fopen("/dev/urandom", "rb");

	if (file != NULL) {
		if (fread(&seed, sizeof(seed), 1, file) != 1)
			seed = 0;
		fclose(file);
	}
	clock_gettime(CLOCK_REALTIME, &now);
	return seed != 0 ? seed : run_mix((uint64_t)now.tv_nsec ^ (uint64_t)(uintptr_t)&now);
}

/* Not fit for a signal handler in general; here the program is stuck in the library, and ends. */
static void run_stuck(int signal_number)
{
	(void)signal_number;
	model_differ("a call does not return");
}

void model_start(int argc, char **argv, uint64_t ops)
{
	const char *env_ops = getenv("METE_MODEL_OPS");
	const char *env_seed = getenv("METE_SEED");
	int i;

	run.program = argv[0];
	run.ops = env_ops != NULL ? run_number(env_ops) : ops;
	run.seed = env_seed != NULL ? run_number(env_seed) : run_random_seed();
	for (i = 1; i < argc; i += 2) {
		if (i + 1 == argc)
			run_usage();
		if (strcmp(argv[i], "--ops") == 0)
			run.ops = run_number(argv[i + 1]);
		else if (strcmp(argv[i], "--seed") == 0)
			run.seed = run_number(argv[i + 1]);
		else if (strcmp(argv[i], "--seconds") == 0)
			run.seconds = (double)run_number(argv[i + 1]);
		else if (strcmp(argv[i], "--part") == 0)
			run.only = argv[i + 1];
		else
			run_usage();
	}
	signal(SIGALRM, run_stuck);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("seed 0x%016" PRIx64 "\n", run.seed);
}

bool model_part_begin(const char *name, unsigned share, struct model_random *ret_random,
    struct model_tally *ret_tally)
{
	if (run.only != NULL && strcmp(run.only, name) != 0)
		return false;
	if (run.only != NULL)
		share = RUN_SHARES;
	run.found = true;
	run.part = name;
	run.part_ops = run.ops / RUN_SHARES * share + run.ops % RUN_SHARES * share / RUN_SHARES;
	run.part_start = run.shown = run_now();
	run.part_seconds = run.seconds * share / RUN_SHARES;
	run.tally = ret_tally;
	memset(ret_tally, 0, sizeof(*ret_tally));
	model_random_seed(ret_random, run.seed, name);
	return true;
}

bool model_more(void)
{
	struct model_tally *tally = run.tally;
	double now;

	if (tally->ops == run.part_ops)
		return false;
	/* Reading the clock costs as much as an operation: not each time. */
	if (tally->ops % 512 == 0) {
		now = run_now();
		alarm(RUN_WATCHDOG);
		if (run.part_seconds > 0 && now - run.part_start >= run.part_seconds)
			return false;
		if (now - run.shown >= 5 && isatty(STDERR_FILENO)) {
			run.shown = now;
			fprintf(stderr, "%s: %" PRIu64 " of %" PRIu64 " operations\n", run.part, tally->ops,
			    run.part_ops);
		}
	}
	tally->ops++;
	return true;
}

static double run_share(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
}

static void run_add(struct model_tally *sum, const struct model_tally *part)
{
	sum->ops += part->ops;
	sum->requests += part->requests;
	sum->failed += part->failed;
	sum->excused += part->excused;
	sum->requests_full += part->requests_full;
	sum->failed_full += part->failed_full;
	sum->excused_full += part->excused_full;
	sum->checked_places += part->checked_places;
	sum->bad_gives += part->bad_gives;
}

static void run_print(const char *name, const struct model_tally *t, unsigned differences)
{
	printf("%-16s %9" PRIu64 " ops, %u differences, 0 failures while a run fitted; %" PRIu64 " requests, %" PRIu64
	       " failed, %" PRIu64 " excused by the cap (%.3f %%)",
	    name, t->ops, differences, t->requests, t->failed, t->excused, run_share(t->excused, t->failed));
	if (t->requests_full != 0)
		printf("; at 95 %% use %" PRIu64 " requests, %" PRIu64 " failed, %" PRIu64 " excused (%.3f %%)",
		    t->requests_full, t->failed_full, t->excused_full, run_share(t->excused_full, t->failed_full));
	printf("; %" PRIu64 " places checked, %" PRIu64 " misuses refused\n", t->checked_places, t->bad_gives);
}

void model_part_end(bool rare)
{
	const struct model_tally *t = run.tally;

	alarm(0);
	run_print(run.part, t, 0);
	run_add(&run.sum, t);
	/* One excuse in a short run is chance, not a share. */
	if (t->excused > 1 && t->excused * 1000 > (rare ? t->requests : t->failed))
		run.too_many_excuses = true;
	if (t->excused_full > 1 && t->excused_full * 1000 > (rare ? t->requests_full : t->failed_full))
		run.too_many_excuses = true;
	run.part = NULL;
}

int model_finish(void)
{
	if (!run.found) {
		fprintf(stderr, "%s: no part \"%s\"\n", run.program, run.only);
		return 2;
	}
	run_print("total", &run.sum, 0);
	printf("seed 0x%016" PRIx64 "\n", run.seed);
	if (run.too_many_excuses)
		printf("FAILED: the walk's cap excused more than 0.1 %%\n");
	return run.too_many_excuses ? 1 : 0;
}

void model_differ(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	printf("DIFFERENCE in %s at op %" PRIu64 ": ", run.part, run.tally->ops);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\nrepeat: %s --seed 0x%" PRIx64 " --part %s --ops %" PRIu64 "\n", run.program, run.seed, run.part,
	    run.tally->ops);
	fflush(stdout);
	_Exit(1); /* no leak report on top of it */
}

void *model_zeroed(size_t n, size_t len)
{
	void *p = calloc(n != 0 ? n : 1, len);

	if (p == NULL) {
		fprintf(stderr, "%s: out of memory\n", run.program);
		exit(2);
	}
	return p;
}

void *model_garbage(size_t len, struct model_random *random)
{
	unsigned char *p = model_zeroed(1, len != 0 ? len : 1);
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = (unsigned char)model_next(random);
	return p;
}
