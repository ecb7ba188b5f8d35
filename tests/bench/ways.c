/* SPDX-License-Identifier: ISC */
/*
 * Ways: what a map and an unmap cost, by each way to a device.
 *
 *   identity   one addition and one comparison behind a call: what a driver would do that knows no DMA interface
 *   copies     two plain memcpy(), in and out: what a bounce cannot do without
 *
 * Five rounds, each of everything once; a figure is the median of the rounds' best repetitions, a ratio that of the rounds'
 * ratios.  Thread CPU time, and memory in the cache: only figures of one run compare.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mete/arena.h>
#include <mete/bounce.h>
#include <mete/iommu.h>
#include <mete/map.h>

#ifdef METE_BENCH_CHECK
#include <mete/check.h>
#endif

#include "clock.h"
#include "fake_iommu.h"

#define LEN ((size_t)4 << 20)
#define PHYS ((mete_paddr)0x40000000)
#define ROUNDS 5
#define REPEATS 5

static unsigned char *memory, *elsewhere;
static struct mete_arena arena;
static struct mete_device direct, ranged, bounced, shown;
static struct mete_bounce bounce;
static struct mete_domain domain;
static struct fake_iommu iommu;

static void *record_alloc(void *ctx, size_t len)
{
	(void)ctx;
	return calloc(1, len);
}

static void record_free(void *ctx, void *record, size_t len)
{
	(void)ctx;
	(void)len;
	free(record);
}

static bool set_up(void)
{
	static const struct mete_bus_range ranges[] = {
		{ .phys = 0x1000, .bus = 0x1000, .len = 0x1000 }, { .phys = 0x8000, .bus = 0x8000, .len = 0x1000 },
		{ .phys = 0x20000, .bus = 0x20000, .len = 0x1000 }, { .phys = PHYS, .bus = 0x1000000, .len = LEN },
	};
	const struct mete_span span = { .cpu = memory, .phys = PHYS, .len = LEN };
	const struct mete_arena_config config = { .spans = &span, .nspans = 1, .record_alloc = record_alloc,
		.record_free = record_free };
	const struct mete_bounce_config always = { .always = true };

	if (mete_arena_init(&arena, &config))
		return false;
	struct mete_device_config device = { .provider = &arena.provider };
	if (mete_device_init(&direct, &device) || mete_device_init(&bounced, &device) || mete_device_init(&shown, &device))
		return false;
	device.ranges = ranges;
	device.nranges = 4;
	if (mete_device_init(&ranged, &device) || mete_bounce_init(&bounce, &bounced, &always))
		return false;
	fake_iommu_start(&iommu);
	const struct mete_domain_config domain_config = { .ops = &fake_iommu_ops, .ctx = &iommu, .page = FAKE_PAGE,
		.last = FAKE_PAGES * FAKE_PAGE - 1, .deferred = true };
	return !mete_domain_init(&domain, &arena.provider, &domain_config) && !mete_domain_attach(&domain, &shown);
}

__attribute__((noinline)) static mete_baddr identity_map(const void *cpu, size_t len)
{
	mete_baddr bus = (mete_baddr)((const unsigned char *)cpu - memory) + PHYS;
	return bus + len - 1 <= UINT32_MAX ? bus : METE_BADDR_MAX;
}

__attribute__((noinline)) static void identity_unmap(mete_baddr bus, size_t len)
{
	__asm__ volatile("" : : "r"(bus), "r"(len));
}

static void pair_identity(size_t len)
{
	identity_unmap(identity_map(memory + 4096, len), len);
}

static void pair_map(struct mete_device *device, size_t len)
{
	mete_baddr bus;
	if (mete_map_single(device, NULL, memory + 4096, len, METE_DEVICE_READS_WRITES, 0, &bus) ||
	    mete_unmap_single(device, bus, len, METE_DEVICE_READS_WRITES, 0))
		abort();
}

static void pair_direct(size_t len)
{
	pair_map(&direct, len);
}

static void pair_ranged(size_t len)
{
	pair_map(&ranged, len);
}

static void pair_bounced(size_t len)
{
	pair_map(&bounced, len);
}

static void pair_shown(size_t len)
{
	pair_map(&shown, len);
}

static void pair_copies(size_t len)
{
	memcpy(elsewhere, memory + 4096, len);
	__asm__ volatile("" : : : "memory");
	memcpy(memory + 4096, elsewhere, len);
	__asm__ volatile("" : : : "memory");
}

struct row {
	const char *what;
	void (*pair)(size_t len);
	size_t len;
	size_t against; /* row that it is compared with */
	bool verified;  /* with the verifier listening */
	double ns[ROUNDS];
};

static struct row rows[] = {
	{ "identity", pair_identity, 1500, 0, false, { 0 } },
	{ "direct", pair_direct, 1500, 0, false, { 0 } },
	{ "direct, fourth of four ranges", pair_ranged, 1500, 0, false, { 0 } },
	{ "IOVA, deferred", pair_shown, 1500, 0, false, { 0 } },
	{ "IOVA, deferred, 64 KiB", pair_shown, 65536, 0, false, { 0 } },
	{ "copies, 64 B", pair_copies, 64, 5, false, { 0 } },
	{ "bounce, 64 B", pair_bounced, 64, 5, false, { 0 } },
	{ "copies, 1,500 B", pair_copies, 1500, 7, false, { 0 } },
	{ "bounce, 1,500 B", pair_bounced, 1500, 7, false, { 0 } },
	{ "copies, 4 KiB", pair_copies, 4096, 9, false, { 0 } },
	{ "bounce, 4 KiB", pair_bounced, 4096, 9, false, { 0 } },
	{ "copies, 64 KiB", pair_copies, 65536, 11, false, { 0 } },
	{ "bounce, 64 KiB", pair_bounced, 65536, 11, false, { 0 } },
#ifdef METE_BENCH_CHECK
	{ "direct, with the verifier", pair_direct, 1500, 0, true, { 0 } },
#endif
};
#define NROWS (sizeof rows / sizeof rows[0])

static double best_of(const struct row *row, unsigned pairs)
{
	double best = 1e18;

#ifdef METE_BENCH_CHECK
	struct mete_check *check = NULL;
	const struct mete_check_config quiet = { .policy = "*=off", .level = METE_LEVEL_LEDGER };
	if (row->verified && mete_check_create(&arena.provider, &quiet, &check))
		abort();
#endif
	for (int repeat = 0; repeat < REPEATS; repeat++) {
		double start = clock_ns();
		for (unsigned i = 0; i < pairs; i++)
			row->pair(row->len);
		best = clock_least(best, (clock_ns() - start) / pairs);
	}
#ifdef METE_BENCH_CHECK
	(void)mete_check_destroy(check);
#endif
	return best;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(const double *values)
{
	double sorted[ROUNDS];

	memcpy(sorted, values, sizeof sorted);
	qsort(sorted, ROUNDS, sizeof sorted[0], by_value);
	return sorted[ROUNDS / 2];
}

int main(int argc, char **argv)
{
	unsigned scale = argc > 1 && !strcmp(argv[1], "--quick") ? 10 : 1;

	memory = aligned_alloc(65536, LEN);
	elsewhere = aligned_alloc(4096, 65536);
	if (!memory || !elsewhere || !set_up()) {
		fprintf(stderr, "ways: no memory\n");
		return 1;
	}
	memset(memory, 1, LEN);
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < NROWS; i++)
			rows[i].ns[round] = best_of(&rows[i], (rows[i].len > 4096 ? 4000u : 40000u) / scale);
	}
	printf("\nMap and unmap, ns a pair, and against what it cannot be cheaper than (" METE_BUILD ")\n");
	for (size_t i = 0; i < NROWS; i++) {
		double ratio[ROUNDS];
		for (int round = 0; round < ROUNDS; round++)
			ratio[round] = rows[i].ns[round] / rows[rows[i].against].ns[round];
		if (rows[i].against == i)
			printf("  %-32s %9.1f\n", rows[i].what, median(rows[i].ns));
		else
			printf("  %-32s %9.1f   %6.2f x %s\n", rows[i].what, median(rows[i].ns), median(ratio),
			    rows[rows[i].against].what);
	}
	return 0;
}
