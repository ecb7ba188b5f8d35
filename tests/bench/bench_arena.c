/* SPDX-License-Identifier: ISC */
#define _DEFAULT_SOURCE
/*
 * Bench arena: address space is reserved, and never more of it filled with memory than somebody touches.
 */
#include "bench_arena.h"

#include <mete/arena.h>
#include <mete/openbsd.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CONGRUENT ((size_t)1 << 20)
#define SLABS 100000u /* more than any workload has */

#define GIB ((size_t)1 << 30)
#define TOUCHED (PROT_READ | PROT_WRITE)

static const struct {
	mete_paddr phys;
	size_t len;
	int protection;
} ground[] = {
	[BENCH_OBJECTS] = { 1 * GIB, GIB, TOUCHED },
	[BENCH_RUNS] = { 4 * GIB, GIB, PROT_NONE },
	[BENCH_RUNS_BELOW] = { 3 * GIB, 2 * GIB, PROT_NONE },
	[BENCH_RUNS_ACROSS] = { 4 * GIB - GIB / 2, GIB, PROT_NONE },
};

static struct mete_arena bench_arena;
static struct mete_openbsd bench_openbsd;
struct mete_device bench_arena_device;

METE_OPENBSD_HERE(bench_openbsd);

static void *reserve(size_t len, int protection)
{
	unsigned char *cpu = mmap(NULL, len + CONGRUENT, protection,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (cpu == MAP_FAILED)
		bench_die("address space", strerror(errno));
	return cpu + (CONGRUENT - ((uintptr_t)cpu & (CONGRUENT - 1)));
}

void bench_arena_open(enum bench_use use)
{
	struct mete_span span = {
		.cpu = reserve(ground[use].len, ground[use].protection),
		.phys = ground[use].phys,
		.len = ground[use].len,
	};
	struct mete_arena_config config = { .spans = &span, .nspans = 1, .congruent = CONGRUENT };

	config.records_len = mete_arena_records(&config, SLABS);
	config.records = malloc(config.records_len);
	if (!config.records)
		bench_die("records", strerror(errno));
	int error = mete_arena_init(&bench_arena, &config);
	if (!error)
		error = mete_openbsd_init(&bench_openbsd, mete_arena_provider(&bench_arena), NULL);
	if (!error)
		error = mete_device_init(&bench_arena_device,
		    &(struct mete_device_config){ .name = "bench", .provider = mete_arena_provider(&bench_arena) });
	if (error)
		bench_die("arena", mete_error_name(error));
}
