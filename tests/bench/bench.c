/* SPDX-License-Identifier: ISC */
#define _DEFAULT_SOURCE
/*
 * mete-bench [--quick]: mete beside glibc and mimalloc, measured in one run.
 *
 * The rounds are interleaved: each runs every workload on every backend once, so that a slow phase of the machine hits
 * all of them.  A round reports its best repetition; a figure is the median over the rounds, and a ratio the median of
 * the rounds' ratios.  Each workload of each backend has a process of its own: none finds a heap that another has worn,
 * and the results come back in shared memory.
 */
#include "bench.h"
#include "clock.h"
#include "runs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#define ROUNDS_MAX 9
#define NONE NAN /* no figure: the backend cannot do it, or is not here */

static const struct bench_budget budget_full = { .rounds = 7, .reps = 5, .pair_ns = 2e6, .mix_pairs = 50000,
	.mix_settle = 100000, .runs_requests = 20000, .runs_settle = 60000 };
static const struct bench_budget budget_quick = { .rounds = 5, .reps = 3, .pair_ns = 4e5, .mix_pairs = 10000,
	.mix_settle = 20000, .runs_requests = 5000, .runs_settle = 20000 };

struct round {
	double pair[METE_CLASSES], pair_astray[METE_CLASSES]; /* astray: 1 if an object was not aligned as asked */
	double mix, mix_astray;
	double runs[RUNS_CASES];
	double runs_failed[RUNS_CASES]; /* share of the requests */
};

/* What came out, shared with the children. */
static struct round (*result)[BENCH_BACKENDS];
static const struct bench_budget *budget;

static size_t class_len(int class)
{
	return (size_t)METE_CLASS_MIN << class;
}

static void measure_pair(const struct backend *b, struct round *to)
{
	if (!b->open(BENCH_OBJECTS))
		return;
	for (int class = 0; class < METE_CLASSES; class++) {
		bool aligned;
		to->pair[class] = bench_pair(b, budget, class_len(class), &aligned);
		to->pair_astray[class] = !aligned;
	}
}

static void measure_mix(const struct backend *b, struct round *to)
{
	if (!b->open(BENCH_OBJECTS))
		return;
	bool aligned;
	to->mix = bench_mix(b, budget, &aligned);
	to->mix_astray = !aligned;
}

static void measure_runs(const struct backend *b, struct round *to, int i)
{
	if (!runs_possible(b, &runs_case[i]) || !b->open(runs_case[i].use))
		return;
	runs_fill(b, &runs_case[i]);
	runs_go(b, budget->runs_settle);
	unsigned failed = 0;
	for (int rep = 0; rep < budget->reps; rep++) {
		double ns = clock_ns();
		failed += runs_go(b, budget->runs_requests);
		ns = (clock_ns() - ns) / budget->runs_requests;
		to->runs[i] = rep ? clock_least(to->runs[i], ns) : ns;
	}
	to->runs_failed[i] = (double)failed / (double)budget->runs_requests / budget->reps;
	runs_empty(b);
}

/* Workload `part` (0 pair, 1 mix, 2 and on: a case of runs) on backend `b` of round `r`, in a process of its own. */
static void measure_apart(int r, int b, int part)
{
	int status;

	fflush(NULL);
	pid_t child = fork();
	if (child < 0)
		bench_die("fork", "no process can be made");
	if (child == 0) {
		struct round *to = &result[r][b];
		if (part == 0)
			measure_pair(&bench_backend[b], to);
		else if (part == 1)
			measure_mix(&bench_backend[b], to);
		else
			measure_runs(&bench_backend[b], to, part - 2);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		bench_die(bench_backend[b].name, "the measurement failed");
}

static void progress(int r, int part)
{
	if (!isatty(STDERR_FILENO))
		return;
	const char *what = part == 0 ? "hot pair" : part == 1 ? "mixed" : runs_case[part - 2].name;
	fprintf(stderr, "\r\033[Kround %d of %d: %s", r + 1, budget->rounds, what);
}

static void measure_all(void)
{
	result = mmap(NULL, ROUNDS_MAX * sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (result == MAP_FAILED)
		bench_die("results", "no shared memory");
	for (size_t i = 0; i < ROUNDS_MAX * sizeof *result / sizeof(double); i++)
		((double *)result)[i] = NONE;

	for (int r = 0; r < budget->rounds; r++) {
		for (int part = 0; part < 2 + RUNS_CASES; part++) {
			progress(r, part);
			for (int b = 0; b < BENCH_BACKENDS; b++)
				measure_apart(r, b, part);
		}
	}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
}

static int double_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof *v, double_order);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Byte offset of a figure in struct round. */
#define PAIR(class) (offsetof(struct round, pair) + (size_t)(class) * sizeof(double))
#define PAIR_ASTRAY(class) (offsetof(struct round, pair_astray) + (size_t)(class) * sizeof(double))
#define MIX offsetof(struct round, mix)
#define MIX_ASTRAY offsetof(struct round, mix_astray)
#define RUNS(i) (offsetof(struct round, runs) + (size_t)(i) * sizeof(double))
#define RUNS_FAILED(i) (offsetof(struct round, runs_failed) + (size_t)(i) * sizeof(double))

static double figure_of_round(int r, int b, size_t figure)
{
	double value;
	memcpy(&value, (const char *)&result[r][b] + figure, sizeof value);
	return value;
}

static double figure(int b, size_t which)
{
	double v[ROUNDS_MAX];
	for (int r = 0; r < budget->rounds; r++)
		v[r] = figure_of_round(r, b, which);
	return median(v, budget->rounds);
}

/* mete to another backend, the harness included in both. */
static double ratio(int other, size_t which)
{
	double v[ROUNDS_MAX];
	for (int r = 0; r < budget->rounds; r++)
		v[r] = figure_of_round(r, BENCH_METE, which) / figure_of_round(r, other, which);
	return median(v, budget->rounds);
}

static double net(size_t which)
{
	double v[ROUNDS_MAX];
	for (int r = 0; r < budget->rounds; r++)
		v[r] = figure_of_round(r, BENCH_METE, which) - figure_of_round(r, BENCH_NULL, which);
	return median(v, budget->rounds);
}

/* A cell of 10 columns, the last of which is `mark`. */
static void cell(double value, int digits, char mark)
{
	if (isnan(value))
		printf("%9s ", "-");
	else
		printf("%9.*f%c", digits, value, mark);
}

static const char *kind_of(int b, bool mimalloc)
{
	return b == BENCH_MIMALLOC && !mimalloc ? "not inst." : bench_backend[b].kind;
}

/* The two lines over a table whose first column is `width` wide; `more` is what follows the backends, in pairs. */
static void head(const char *first, int width, const int *backends, int n, const char *const *more, int nmore,
    bool mimalloc)
{
	printf("  %-*s", width, "");
	for (int i = 0; i < n; i++)
		printf("%9s ", bench_backend[backends[i]].name);
	for (int i = 0; i < nmore; i += 2)
		printf("%9s ", more[i]);
	printf("\n  %-*s", width, first);
	for (int i = 0; i < n; i++)
		printf("%9s ", kind_of(backends[i], mimalloc));
	for (int i = 1; i < nmore; i += 2)
		printf("%9s ", more[i]);
	printf("\n");
}

static const int all_backends[] = { BENCH_NULL, BENCH_METE, BENCH_MIMALLOC, BENCH_GLIBC, BENCH_GLIBC_ALIGNED };
#define NALL 5

static bool astray; /* whether a star was printed */

static void object_row(const char *name, size_t which, size_t which_astray)
{
	printf("  %-12s", name);
	for (int i = 0; i < NALL; i++) {
		bool star = figure(all_backends[i], which_astray) > 0;
		cell(figure(all_backends[i], which), 1, star ? '*' : ' ');
		astray |= star;
	}
	cell(net(which), 1, ' ');
	for (int b = BENCH_MIMALLOC; b < BENCH_BACKENDS; b++)
		cell(ratio(b, which), 2, ' ');
	printf("\n");
}

/* Geometric means over the classes: of the figures, then of mete to the others. */
static double mean_of(double (*what)(int b, size_t which), int b)
{
	double sum = 0;
	for (int class = 0; class < METE_CLASSES; class++)
		sum += log(what(b, PAIR(class)));
	return exp(sum / METE_CLASSES);
}

static double net_of(int b, size_t which)
{
	(void)b;
	return net(which);
}

static void print_objects(bool mimalloc)
{
	static const char *const more[] = { "mete", "net", "mete /", "mimalloc", "mete /", "malloc", "mete /",
		"aligned" };

	printf("Hot pair: one object allocated and freed at once, eight others of its class held.  ns a pair\n");
	head("    size", 12, all_backends, NALL, more, 8, mimalloc);
	for (int class = 0; class < METE_CLASSES; class++) {
		char name[32];
		bool kib = class_len(class) >= 1024;
		snprintf(name, sizeof name, "%5zu %s", class_len(class) / (kib ? 1024 : 1), kib ? "KiB" : "B");
		object_row(name, PAIR(class), PAIR_ASTRAY(class));
	}
	printf("  %-12s", "mean");
	for (int i = 0; i < NALL; i++)
		cell(mean_of(figure, all_backends[i]), 1, ' ');
	cell(mean_of(net_of, 0), 1, ' ');
	for (int b = BENCH_MIMALLOC; b < BENCH_BACKENDS; b++)
		cell(mean_of(ratio, b), 2, ' ');

	printf("\n\nMixed steady state: 10,000 live objects of 16 B to 64 KiB, a random one replaced.  ns a pair\n");
	head("", 12, all_backends, NALL, more, 8, mimalloc);
	object_row("16 B-64 KiB", MIX, MIX_ASTRAY);
	if (astray)
		printf("  *: objects were not aligned as asked\n");
}

static void print_runs(bool mimalloc)
{
	static const int backends[] = { BENCH_NULL, BENCH_METE, BENCH_MIMALLOC, BENCH_GLIBC_ALIGNED };
	static const char *const more[] = { "mete", "net", "mete", "failed %", "mete /", "mimalloc", "mete /", "glibc" };

	printf("\nRuns of whole pages in an arena of 1 GiB.  ns a request: a run allocated and, on average, one freed\n");
	head("request                     in use", 34, backends, 4, more, 8, mimalloc);
	for (int i = 0; i < RUNS_CASES; i++) {
		printf("  %-29s %2u %% ", runs_case[i].name, runs_case[i].percent);
		for (int k = 0; k < 4; k++)
			cell(figure(backends[k], RUNS(i)), 0, ' ');
		cell(net(RUNS(i)), 0, ' ');
		cell(100 * figure(BENCH_METE, RUNS_FAILED(i)), 2, ' ');
		cell(ratio(BENCH_MIMALLOC, RUNS(i)), 2, ' ');
		cell(ratio(BENCH_GLIBC_ALIGNED, RUNS(i)), 2, ' ');
		printf("\n");
	}
	printf("  -: cannot say where memory lies on a bus.  The others have no limit of 1 GiB: they never fail, and what is\n"
	       "  in use is the share of 1 GiB that is live.\n");
}

static bool print_title(void)
{
	static const char *const guards[] = { "no lock", "lock hook", "own lock" };
	int mi = bench_mimalloc_version();

	printf("mete " METE_VERSION ", " METE_BUILD ", %s, checks %s; ", guards[METE_GUARD], METE_CHECKS ? "on" : "off");
#ifdef __GLIBC__
	printf("glibc %s, ", gnu_get_libc_version());
#endif
	if (mi)
		printf("mimalloc %d.%d.%d\n", mi / 100, mi / 10 % 10, mi % 10);
	else
		printf("mimalloc is not installed\n");
	return mi != 0;
}

int main(int argc, char **argv)
{
	bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;

	if (argc > 1 && !quick) {
		fprintf(stderr, "usage: mete-bench [--quick]\n");
		return 2;
	}
	budget = quick ? &budget_quick : &budget_full;
	time_t started = time(NULL);
	bool mimalloc = print_title();
	measure_all();
	printf("Medians of %d interleaved rounds, in %.0f s.  Thread CPU time, the harness (null) included; net: without it.\n"
	       "Nanoseconds are this machine's, now; ratios travel better, and instruction counts (steps) exactly.\n\n",
	    budget->rounds, difftime(time(NULL), started));
	print_objects(mimalloc);
	print_runs(mimalloc);
	return 0;
}
