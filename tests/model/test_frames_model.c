/* SPDX-License-Identifier: ISC */
/*
 * Frames against the oracle: random takes and gives, each answer compared with what the oracle finds by trying every
 * start.
 *
 * A part is one geometry (spans, zone edges, frame size) under one subject: the frames engine itself, or an arena
 * driven through its provider functions while random bytes are written all over its memory.  The part works at a
 * level of use, fills up to it and then churns there: below the level it takes, above it gives.  From time to time
 * the level changes, and everything is given back: then each span must come out again as one run.
 *
 * Compared after each operation: the code returned, outputs untouched on failure, the run free until now and within
 * its limits, the count of free frames.  In small geometries also the place: no fitting start in a higher zone,
 * none higher in the same free run.
 */
#include "model_run.h"
#include "oracle.h"

#include <inttypes.h>
#include <mete/arena.h>
#include <mete/frames.h>
#include <stdlib.h>
#include <string.h>

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

#define CACHED (1u << METE_MEMORY_CACHED)
#define COHERENT (1u << METE_MEMORY_COHERENT)
#define COMBINED (1u << METE_MEMORY_COMBINED)
#define UNCACHED (1u << METE_MEMORY_UNCACHED)

struct geometry {
	const char *name;
	unsigned share;          /* of 1000 operations */
	bool arena;              /* through an arena instead of directly */
	bool places;             /* compare the place of each run too */
	unsigned target;         /* level of use in percent; 0: changing */
	bool rare;               /* hardly anything fails: excuses are a share of the requests */
	unsigned odd;            /* percent of constraints that are off the frame grid; each costs a full enumeration */
	size_t frame, max_run;   /* bytes; frames */
	size_t nedges;           /* 0: the default edges */
	uint64_t edge[METE_ZONE_EDGES];
	struct {
		uint64_t phys;
		size_t nframes;
		uint32_t memory;
	} span[ORACLE_SPANS];
};

static const struct geometry geometries[] = {
	{ .name = "one", .share = 90, .places = true, .odd = 10, .frame = 4096, .max_run = 64,
	    .span = { { MIB, 256, CACHED } } },
	{ .name = "edges", .share = 100, .places = true, .odd = 10, .frame = 4096, .max_run = 96, .nedges = 3,
	    .edge = { 16 * MIB, 16 * MIB + 64 * KIB, 16 * MIB + 512 * KIB },
	    .span = { { 15 * MIB, 512, CACHED | COHERENT } } },
	{ .name = "spans", .share = 110, .places = true, .odd = 10, .frame = 4096, .max_run = 48, /* touching, too */
	    .span = { { 16 * MIB - 64 * 4096, 64, CACHED }, { 16 * MIB, 96, CACHED },
		{ 16 * MIB + 96 * 4096, 96, CACHED | COHERENT }, { 64 * MIB, 64, UNCACHED | COMBINED },
		{ 32 * MIB, 33, CACHED } } },
	{ .name = "top", .share = 90, .places = true, .odd = 10, .frame = 4096, .max_run = 64, .nedges = 2,
	    .edge = { UINT64_C(1) << 63, UINT64_MAX - 64 * 4096 + 1 },
	    .span = { { UINT64_MAX - 160 * 4096 + 1, 160, CACHED }, { 0, 128, CACHED },
		{ (UINT64_C(1) << 63) - 64 * 4096, 128, CACHED | COHERENT } } },
	{ .name = "tiny_frames", .share = 90, .places = true, .odd = 20, .frame = 64, .max_run = 80, .nedges = 4,
	    .edge = { 0x4000, 0x5000, 0x5040, 0x6fc0 },
	    .span = { { 0x3fc0, 201, CACHED }, { 0x7240, 111, CACHED } } },
	{ .name = "big_frames", .share = 90, .places = true, .odd = 10, .frame = 65536, .max_run = 40,
	    .span = { { 4 * GIB - 4 * MIB, 128, CACHED }, { 8 * MIB, 200, CACHED } } },
	{ .name = "crumbs", .share = 80, .places = true, .odd = 10, .frame = 1024, .max_run = 24, .nedges = 6,
	    .edge = { 0x10000, 0x20000, 0x28000, 0x29000, 0x2a000, 0x2b000 },
	    .span = { { 0x8400, 17, CACHED }, { 0xf800, 4, CACHED }, { 0x10800, 61, CACHED }, { 0x20000, 1, CACHED },
		{ 0x20400, 31, COHERENT }, { 0x28000, 64, CACHED }, { 0x3fc00, 2, CACHED }, { 0x40400, 64, CACHED } } },
	{ .name = "low32", .share = 60, .places = true, .odd = 10, .frame = 4096, .max_run = 64, .nedges = 1,
	    .edge = { 16 * MIB }, .span = { { 15 * MIB, 300, CACHED }, { 0xfff80000u, 128, CACHED } } },
	{ .name = "arena", .share = 100, .arena = true, .places = true, .odd = 10, .frame = 4096, .max_run = 64,
	    .span = { { 16 * MIB - 128 * 4096, 256, 0 }, { 4 * GIB, 128, 0 }, { 5 * GIB + 12288, 77, UNCACHED } } },
	{ .name = "arena_fine", .share = 60, .arena = true, .places = true, .odd = 10, .frame = 256, .max_run = 64,
	    .nedges = 1, .edge = { 0x20000 }, .span = { { 0x1ff00, 300, CACHED }, { 0x40100, 200, CACHED } } },
	{ .name = "large_mixed", .share = 40, .odd = 1, .frame = 4096, .max_run = 256,
	    .span = { { 8 * MIB, 4096, CACHED }, { 4 * GIB - 16 * MIB, 8192, CACHED }, { 20 * GIB, 4096, CACHED } } },
	{ .name = "full_grains", .share = 30, .target = 95, .rare = true, .odd = 1, .frame = 4096, .max_run = 6,
	    .span = { { 4 * GIB - 32 * MIB, 16384, CACHED } } },
	{ .name = "large_full", .share = 60, .target = 95, .odd = 1, .frame = 4096, .max_run = 64,
	    .span = { { 4 * GIB, 16384, CACHED } } },
};

/* A run that is taken. */
struct taken {
	uint64_t phys;
	size_t len;       /* as asked for */
	uint64_t nframes;
	uint32_t owner;
};

struct subject {
	const struct geometry *geometry;
	struct mete_frames engine;
	struct mete_arena arena;
	struct mete_frames *frames; /* of either */
	void *records[ORACLE_SPANS];
	size_t nspans;
	unsigned char *block[ORACLE_SPANS]; /* what free() wants back */
	unsigned char *memory[ORACLE_SPANS];

	struct oracle oracle;
	struct model_random random;
	struct model_tally tally;
	struct taken *taken;
	size_t ntaken;
	uint32_t owners;
	unsigned target;
	uint64_t target_until;
};

static uint64_t span_len(const struct geometry *g, size_t i)
{
	return (uint64_t)g->span[i].nframes * g->frame;
}

/* With 32-bit addresses the geometries above 4 GiB do not exist. */
static bool geometry_exists(const struct geometry *g)
{
	size_t i;

	for (i = 0; i < g->nedges; i++)
		if (g->edge[i] > METE_PADDR_MAX)
			return false;
	for (i = 0; i < ORACLE_SPANS && g->span[i].nframes != 0; i++)
		if (g->span[i].phys + (span_len(g, i) - 1) > METE_PADDR_MAX)
			return false;
	return true;
}

static void *subject_record_alloc(void *ctx, size_t len)
{
	(void)ctx;
	return calloc(1, len);
}

static void subject_record_free(void *ctx, void *record, size_t len)
{
	(void)ctx;
	(void)len;
	free(record);
}

static void subject_open_engine(struct subject *s, const mete_paddr *edges)
{
	const struct geometry *g = s->geometry;
	size_t i, len;

	if (mete_frames_init(&s->engine, g->frame, edges, g->nedges) != 0)
		model_differ("mete_frames_init failed");
	for (i = 0; i < s->nspans; i++) {
		len = mete_frames_records(&s->engine, (mete_paddr)g->span[i].phys, (size_t)span_len(g, i));
		if (len == 0)
			model_differ("mete_frames_records refuses span %zu", i);
		/* The contract does not ask for zeroed records. */
		s->records[i] = model_garbage(len, &s->random);
		if (mete_frames_add(&s->engine, (mete_paddr)g->span[i].phys, (size_t)span_len(g, i),
			g->span[i].memory, s->records[i]) != 0)
			model_differ("mete_frames_add refuses span %zu", i);
	}
	s->frames = &s->engine;
}

static void subject_open_arena(struct subject *s, const mete_paddr *edges)
{
	const struct geometry *g = s->geometry;
	struct mete_span span[ORACLE_SPANS] = { { 0 } };
	struct mete_arena_config config = { .frame = g->frame, .spans = span, .nspans = s->nspans, .edges = edges,
		.nedges = g->nedges, .record_alloc = subject_record_alloc, .record_free = subject_record_free };
	size_t i;

	for (i = 0; i < s->nspans; i++) {
		size_t offset = (size_t)(g->span[i].phys % METE_CONGRUENT), len = (size_t)span_len(g, i);
		size_t whole = (offset + len + METE_CONGRUENT - 1) / METE_CONGRUENT * METE_CONGRUENT;

		s->block[i] = aligned_alloc(METE_CONGRUENT, whole);
		if (s->block[i] == NULL)
			exit(2);
		s->memory[i] = s->block[i] + offset;
		memset(s->memory[i], 0xa5, len);
		span[i] = (struct mete_span){ s->memory[i], (mete_paddr)g->span[i].phys, len, g->span[i].memory };
	}
	if (mete_arena_init(&s->arena, &config) != 0)
		model_differ("mete_arena_init failed");
	s->frames = &s->arena.frames;
}

static void subject_open(struct subject *s, const struct geometry *g)
{
	mete_paddr edges[METE_ZONE_EDGES];
	size_t i;

	s->geometry = g;
	for (i = 0; i < g->nedges; i++)
		edges[i] = (mete_paddr)g->edge[i];
	oracle_init(&s->oracle, g->frame);
	for (i = 0; i < ORACLE_SPANS && g->span[i].nframes != 0; i++)
		oracle_add(&s->oracle, g->span[i].phys, g->span[i].nframes,
		    g->span[i].memory != 0 ? g->span[i].memory : CACHED | COHERENT);
	s->nspans = i;
	s->taken = model_zeroed(s->oracle.nframes, sizeof(*s->taken));
	if (g->arena)
		subject_open_arena(s, g->nedges != 0 ? edges : NULL);
	else
		subject_open_engine(s, g->nedges != 0 ? edges : NULL);
}

static void subject_close(struct subject *s)
{
	size_t i;

	if (s->geometry->arena && mete_arena_fini(&s->arena) != 0)
		model_differ("mete_arena_fini fails with everything given back");
	for (i = 0; i < s->nspans; i++) {
		free(s->records[i]);
		free(s->block[i]);
	}
	oracle_fini(&s->oracle);
	free(s->taken);
}

/* The run as the arena gives it: CPU view, length, and the way back from the pointer. */
static void subject_check_run(struct subject *s, const struct mete_want *want, const struct mete_run *run)
{
	const struct mete_provider *provider = mete_arena_provider(&s->arena);
	mete_paddr phys = 0;
	size_t len = 0, i;
	int error;

	for (i = 0; i < s->nspans; i++)
		if (run->phys >= s->geometry->span[i].phys &&
		    run->phys - s->geometry->span[i].phys < span_len(s->geometry, i))
			break;
	if (i == s->nspans)
		model_differ("run at 0x%" PRIx64 " is in no span", (uint64_t)run->phys);
	if (run->cpu != s->memory[i] + (run->phys - s->geometry->span[i].phys))
		model_differ("wrong pointer for the run at 0x%" PRIx64, (uint64_t)run->phys);
	if (run->len != oracle_frames(&s->oracle, want->len) * s->oracle.frame)
		model_differ("run of %zu bytes for a want of %zu", run->len, want->len);
	error = provider->ops->translate(provider->ctx, run->cpu, run->len, &phys, &len);
	if (error != 0 || phys != run->phys || len != run->len)
		model_differ("translate of a run: %d, 0x%" PRIx64 ", %zu bytes", error, (uint64_t)phys, len);
	if (mete_arena_cpu(&s->arena, run->phys, run->len) != run->cpu)
		model_differ("mete_arena_cpu disagrees with take");
}

static int subject_take(struct subject *s, const struct mete_want *want, uint64_t *ret_phys)
{
	const mete_paddr untouched = (mete_paddr)UINT64_C(0x5a5a5a5a5a5a5a5b);
	const struct mete_provider *provider = mete_arena_provider(&s->arena);
	struct mete_run run = { s, untouched, 77 };
	int error;

	if (!s->geometry->arena) {
		error = mete_frames_take(s->frames, want, &run.phys);
	} else {
		error = provider->ops->take(provider->ctx, want, &run);
		if (error == 0)
			subject_check_run(s, want, &run);
		else if (run.cpu != s || run.len != 77)
			model_differ("a failed take wrote its output");
	}
	if (error != 0 && run.phys != untouched)
		model_differ("a failed take wrote its output");
	*ret_phys = run.phys;
	return error;
}

static int subject_give(struct subject *s, uint64_t phys, size_t len, uint64_t nframes)
{
	const struct mete_provider *provider = mete_arena_provider(&s->arena);
	struct mete_run run = { NULL, (mete_paddr)phys, (size_t)nframes * s->oracle.frame };

	if (!s->geometry->arena)
		return mete_frames_give(s->frames, (mete_paddr)phys, len);
	run.cpu = mete_arena_cpu(&s->arena, run.phys, run.len);
	provider->ops->give(provider->ctx, &run);
	return 0;
}

/* What devices do meanwhile.  Nothing in an arena's memory is the arena's own. */
static void subject_scribble(struct subject *s)
{
	size_t i = (size_t)model_below(&s->random, s->nspans);
	size_t words = (size_t)span_len(s->geometry, i) / sizeof(uint64_t);
	size_t n = (size_t)model_log(&s->random, 64), at = (size_t)model_below(&s->random, words);
	uint64_t bytes;

	for (; n-- > 0 && at < words; at++) {
		bytes = model_next(&s->random);
		memcpy(s->memory[i] + at * sizeof(bytes), &bytes, sizeof(bytes));
	}
}

/* An address in or around the spans, on the frame grid, just below it, or off it. */
static uint64_t random_phys(struct subject *s)
{
	struct model_random *r = &s->random;
	size_t i = (size_t)model_below(r, s->nspans);
	uint64_t phys = s->geometry->span[i].phys + model_below(r, span_len(s->geometry, i));

	if (model_chance(r, s->geometry->odd))
		return phys;
	phys -= phys % s->oracle.frame;
	if (model_chance(r, 3))
		return model_chance(r, 50) ? 1 : METE_PADDR_MAX;
	return model_chance(r, 40) && phys != 0 ? phys - 1 : phys;
}

/* A power of two from a quarter of `len` up. */
static uint64_t random_power(struct subject *s, uint64_t len, unsigned above)
{
	unsigned bits = 0;

	while (bits < 40 && (UINT64_C(1) << bits) < len)
		bits++;
	bits = bits > 2 ? bits - 2 : 0;
	bits += (unsigned)model_below(&s->random, above);
	return UINT64_C(1) << (bits < METE_ADDR_BITS ? bits : METE_ADDR_BITS - 1);
}

/* A phase below `power`: mostly none, else whole frames, rarely off the grid. */
static uint64_t random_phase(struct subject *s, uint64_t power)
{
	if (model_chance(&s->random, s->geometry->odd))
		return model_below(&s->random, power);
	if (model_chance(&s->random, 60) || power <= s->oracle.frame)
		return 0;
	return model_below(&s->random, power / s->oracle.frame) * s->oracle.frame;
}

static void random_limits(struct subject *s, struct mete_want *want)
{
	struct model_random *r = &s->random;
	mete_paddr swap;

	if (model_chance(r, 35))
		want->first = (mete_paddr)random_phys(s);
	if (model_chance(r, 40))
		want->last = (mete_paddr)random_phys(s);
	if (want->last != 0 && want->last < want->first) {
		swap = want->first;
		want->first = want->last;
		want->last = swap;
	}
	if (!model_chance(r, 25))
		return;
	want->hole_first = (mete_paddr)random_phys(s);
	want->hole_last = model_chance(r, 50) ? (mete_paddr)random_phys(s) :
	    want->hole_first + (mete_paddr)model_below(r, 16 * s->oracle.frame);
	if (want->hole_last != 0 && want->hole_last < want->hole_first) {
		swap = want->hole_first;
		want->hole_first = want->hole_last;
		want->hole_last = swap;
	}
}

static struct mete_want random_want(struct subject *s)
{
	const struct geometry *g = s->geometry;
	struct model_random *r = &s->random;
	struct mete_want want = { 0 };
	uint64_t len = model_log(r, g->max_run) * g->frame;

	want.len = (size_t)len;
	if (model_chance(r, 40))
		want.len -= (size_t)model_below(r, g->frame);
	/* Mostly a kind that some span offers. */
	if (g->span[0].memory != CACHED || model_chance(r, 2))
		want.memory = (enum mete_memory)(model_chance(r, 70) ? model_below(r, 2) : model_below(r, 4));
	if (model_chance(r, 35))
		return want;
	if (model_chance(r, 40)) {
		want.align = (mete_paddr)random_power(s, model_chance(r, 80) ? len : g->frame * 4, 6);
		want.phase = (mete_paddr)random_phase(s, want.align);
	}
	if (model_chance(r, 40)) {
		want.boundary = (mete_paddr)random_power(s, len * 4, 6);
		want.boundary_phase = (mete_paddr)random_phase(s, want.boundary);
	}
	if (model_chance(r, 60))
		random_limits(s, &want);
	if (model_chance(r, 1))
		want.align = (mete_paddr)1 << model_below(r, METE_ADDR_BITS), want.phase = 0;
	return want;
}

/* One field out of order, or a length that no span has. */
static void spoil_want(struct subject *s, struct mete_want *want)
{
	struct model_random *r = &s->random;

	switch (model_below(r, 10)) {
	case 0: want->len = 0; break;
	case 1: want->align = 3 + (mete_paddr)model_below(r, 1000) * 2, want->phase = 0; break;
	case 2: want->align = 4096, want->phase = 4096 + (mete_paddr)model_below(r, 3); break;
	case 3: want->boundary = (mete_paddr)24 << model_below(r, 20), want->boundary_phase = 0; break;
	case 4: want->boundary = 65536, want->boundary_phase = METE_PADDR_MAX; break;
	case 5: want->first = (mete_paddr)random_phys(s) | 2, want->last = want->first - 1; break;
	case 6: want->hole_first = (mete_paddr)random_phys(s) | 2, want->hole_last = want->hole_first - 1; break;
	case 7: want->len = SIZE_MAX - (size_t)model_below(r, 2 * s->oracle.frame); break;
	case 8: want->hole_first = want->first, want->hole_last = METE_PADDR_MAX; break; /* forbids everything */
	case 9: want->len = (size_t)s->oracle.nframes * s->oracle.frame + 1; break;
	}
}

static void differ_want(const struct mete_want *w, const char *what, int error)
{
	model_differ("%s (returned %s): len %zu memory %d range 0x%" PRIx64 "-0x%" PRIx64 " hole 0x%" PRIx64
		     "-0x%" PRIx64 " align 0x%" PRIx64 " phase 0x%" PRIx64 " boundary 0x%" PRIx64 " phase 0x%" PRIx64,
	    what, mete_error_name(error), w->len, (int)w->memory, (uint64_t)w->first, (uint64_t)w->last,
	    (uint64_t)w->hole_first, (uint64_t)w->hole_last, (uint64_t)w->align, (uint64_t)w->phase,
	    (uint64_t)w->boundary, (uint64_t)w->boundary_phase);
}

static size_t zone_of(const struct geometry *g, uint64_t phys)
{
	size_t i, zone = 0;

	if (g->nedges == 0)
		return (size_t)(phys >= 16 * MIB) + (size_t)(phys >= 4 * GIB);
	for (i = 0; i < g->nedges; i++)
		zone += phys >= g->edge[i];
	return zone;
}

struct place {
	const struct geometry *geometry;
	uint64_t len;
	bool crosses;
	size_t zone;
};

/* Whether `start` would have been a better place: whole inside one zone, and that one higher. */
static bool place_better(void *ctx, uint64_t start)
{
	const struct place *place = ctx;
	size_t zone = zone_of(place->geometry, start);

	return zone == zone_of(place->geometry, start + (place->len - 1)) && (place->crosses || zone > place->zone);
}

/* "Served from the highest zone that satisfies it, and within a free run from its high end". */
static void check_place(struct subject *s, const struct mete_want *want, uint64_t start)
{
	const struct geometry *g = s->geometry;
	uint64_t len = oracle_frames(&s->oracle, want->len) * g->frame, next = start, last = start + (len - 1);
	struct place place = { g, len, zone_of(g, start) != zone_of(g, last), zone_of(g, start) };

	s->tally.checked_places++;
	if (oracle_any(&s->oracle, want, ORACLE_NOW, place_better, &place, NULL))
		differ_want(want, "a higher zone would have done", 0);
	for (;;) {
		if (last > UINT64_MAX - g->frame) /* the end of all addresses */
			return;
		next += g->frame;
		last += g->frame;
		/* From `start` on all free and in one span: still the same free run. */
		if (!oracle_owned(&s->oracle, start, (last - start) / g->frame + 1, 0))
			return;
		if (!place.crosses && zone_of(g, last) != place.zone)
			return;
		if (oracle_fits(&s->oracle, want, next))
			differ_want(want, "not from the high end of its free run", 0);
	}
}

static void check_failure(struct subject *s, const struct mete_want *want, int error, bool capped, bool full)
{
	int expected = oracle_expect(&s->oracle, want, NULL, NULL);

	if (error == METE_ENOMEM) {
		s->tally.failed++;
		s->tally.failed_full += full;
	}
	if (error == expected)
		return;
	if (expected == 0 && error == METE_ENOMEM && capped) {
		s->tally.excused++;
		s->tally.excused_full += full;
		return;
	}
	differ_want(want, expected == 0 ? "failed while a fitting run exists" : mete_error_name(expected), error);
}

static void check_nfree(struct subject *s)
{
	if (s->frames->nfree != s->oracle.nfree || s->frames->nframes != s->oracle.nframes)
		model_differ("nfree %zu, but %zu frames are free", s->frames->nfree, s->oracle.nfree);
}

static void check_longest(struct subject *s)
{
	size_t longest = oracle_longest(&s->oracle) * s->oracle.frame;
	size_t said = s->geometry->arena ? mete_arena_longest(&s->arena) : mete_frames_longest(s->frames);

	if (said != longest)
		model_differ("longest free run said to be %zu, is %zu", said, longest);
	if (s->geometry->arena && mete_arena_free(&s->arena) != s->oracle.nfree * s->oracle.frame)
		model_differ("mete_arena_free is wrong");
}

static bool subject_is_full(const struct subject *s)
{
	size_t used = s->oracle.nframes - s->oracle.nfree;

	return s->target == 95 && used * 100 >= s->oracle.nframes * 94;
}

static bool op_take(struct subject *s, const struct mete_want *want)
{
	unsigned long capped = s->frames->ncapped;
	bool full = subject_is_full(s);
	uint64_t phys, n;
	int error = subject_take(s, want, &phys);

	if (oracle_well_formed(want)) {
		s->tally.requests++;
		s->tally.requests_full += full;
	}
	if (error != 0) {
		check_failure(s, want, error, s->frames->ncapped != capped, full);
		return false;
	}
	n = oracle_frames(&s->oracle, want->len);
	if (!oracle_well_formed(want) || !oracle_fits(&s->oracle, want, phys))
		differ_want(want, "result breaks the want", 0);
	if (!oracle_owned(&s->oracle, phys, n, 0))
		differ_want(want, "result is not free, or leaves its span", 0);
	if (s->geometry->places)
		check_place(s, want, phys);
	/* Owners are numbered, so that a run given back in part would be found out. */
	s->owners = s->owners == UINT32_MAX - 1 ? 1 : s->owners + 1;
	oracle_mark(&s->oracle, phys, n, s->owners);
	s->taken[s->ntaken++] = (struct taken){ phys, want->len, n, s->owners };
	return true;
}

static void op_give(struct subject *s, size_t i)
{
	struct taken t = s->taken[i];
	size_t len = t.len;
	int error;

	/* Any length that rounds up to the same frames is the same length. */
	if (model_chance(&s->random, 30))
		len = (size_t)t.nframes * s->oracle.frame - (size_t)model_below(&s->random, s->oracle.frame);
	error = subject_give(s, t.phys, len, t.nframes);
	if (error != 0)
		model_differ("give of 0x%" PRIx64 ", %zu bytes: %s", t.phys, len, mete_error_name(error));
	if (!oracle_owned(&s->oracle, t.phys, t.nframes, t.owner))
		model_differ("the model lost a run");
	oracle_mark(&s->oracle, t.phys, t.nframes, 0);
	s->taken[i] = s->taken[--s->ntaken];
}

/* A give that must be refused: `ret_len` and the address are wrong in one way; returns the code it must end with. */
static int bad_give(struct subject *s, uint64_t *ret_phys, size_t *ret_len)
{
	struct model_random *r = &s->random;
	struct taken t = { s->geometry->span[0].phys, s->oracle.frame, 1, 0 };
	size_t i;

	if (s->ntaken != 0)
		t = s->taken[model_below(r, s->ntaken)];
	*ret_phys = t.phys;
	*ret_len = t.len;
	switch (model_below(r, 6)) {
	case 0: /* foreign */
		*ret_phys = model_chance(r, 50) ? model_next(r) & METE_PADDR_MAX : random_phys(s);
		for (i = 0; i < s->ntaken; i++)
			if (s->taken[i].phys == *ret_phys)
				return 0;
		return METE_EFAULT;
	case 1: /* inside */
		*ret_phys += model_between(r, 1, t.nframes) * s->oracle.frame;
		return t.nframes < 2 || !oracle_owned(&s->oracle, *ret_phys, 1, t.owner) ? 0 : METE_EFAULT;
	case 2: /* off the grid */
		*ret_phys += model_between(r, 1, s->oracle.frame - 1);
		return METE_EFAULT;
	case 3: /* just behind the end of a span */
		i = (size_t)model_below(r, s->nspans);
		*ret_phys = s->geometry->span[i].phys + span_len(s->geometry, i);
		if (*ret_phys > METE_PADDR_MAX || oracle_owner(&s->oracle, *ret_phys) != UINT32_MAX)
			return 0;
		return METE_EFAULT;
	case 4: /* free already, whatever it was */
		*ret_phys = t.phys + t.nframes * s->oracle.frame;
		return oracle_owned(&s->oracle, *ret_phys, 1, 0) ? METE_EFAULT : 0;
	default: /* another length */
		if (s->ntaken == 0)
			return METE_EFAULT;
		*ret_len = model_chance(r, 50) ? (size_t)model_log(r, s->geometry->max_run) * s->oracle.frame :
		    model_chance(r, 50)	       ? SIZE_MAX - (size_t)model_below(r, s->oracle.frame) :
						 (size_t)t.nframes * s->oracle.frame + 1;
		if (model_chance(r, 10))
			*ret_len = 0;
		return oracle_frames(&s->oracle, *ret_len) == t.nframes ? 0 : METE_EMSGSIZE;
	}
}

static void op_bad_give(struct subject *s)
{
	uint64_t phys;
	size_t len;
	int expected = bad_give(s, &phys, &len), error;

	if (expected == 0) /* it happened to be right */
		return;
	error = mete_frames_give(s->frames, (mete_paddr)phys, len);
	if (error != expected)
		model_differ("bad give of 0x%" PRIx64 ", %zu bytes: %s instead of %s", phys, len,
		    mete_error_name(error), mete_error_name(expected));
	s->tally.bad_gives++;
	check_nfree(s);
}

/* Give a run twice; the second must be refused though nothing else has happened. */
static void op_double_give(struct subject *s)
{
	struct taken t;
	size_t i;
	int error;

	if (s->ntaken == 0)
		return;
	i = (size_t)model_below(&s->random, s->ntaken);
	t = s->taken[i];
	op_give(s, i);
	error = mete_frames_give(s->frames, (mete_paddr)t.phys, t.len);
	if (error != METE_EFAULT)
		model_differ("second give of 0x%" PRIx64 ": %s", t.phys, mete_error_name(error));
	s->tally.bad_gives++;
	check_nfree(s);
}

/* With everything given back, each span is one run again. */
static void drain(struct subject *s)
{
	size_t i;

	while (s->ntaken != 0 && model_more())
		op_give(s, (size_t)model_below(&s->random, s->ntaken));
	if (s->ntaken != 0)
		return;
	check_nfree(s);
	check_longest(s);
	for (i = 0; i < s->nspans && model_more(); i++) {
		const struct oracle_span *span = &s->oracle.span[i];
		struct mete_want want = { .len = span->nframes * s->oracle.frame };

		while ((span->memory >> want.memory & 1u) == 0)
			want.memory++;
		want.first = (mete_paddr)span->phys;
		want.last = (mete_paddr)(span->phys + (want.len - 1));
		if (!op_take(s, &want))
			model_differ("span %zu did not grow together again", i);
	}
	while (s->ntaken != 0 && model_more())
		op_give(s, s->ntaken - 1);
}

static void choose_target(struct subject *s)
{
	static const unsigned levels[] = { 80, 90, 95, 95, 100 };

	s->target_until = s->tally.ops + model_between(&s->random, 2000, 20000);
	s->target = s->geometry->target;
	if (s->target == 0)
		s->target = model_chance(&s->random, 30) ? (unsigned)model_between(&s->random, 30, 60) :
							   levels[model_below(&s->random, 5)];
}

static void step(struct subject *s)
{
	struct model_random *r = &s->random;
	size_t used = s->oracle.nframes - s->oracle.nfree;
	struct mete_want want;

	if (s->geometry->arena)
		subject_scribble(s);
	else if (model_chance(r, 2))
		model_chance(r, 70) ? op_bad_give(s) : op_double_give(s);
	if (used * 100 >= s->oracle.nframes * s->target && s->ntaken != 0) {
		op_give(s, (size_t)model_below(r, s->ntaken));
	} else {
		want = random_want(s);
		if (model_chance(r, s->geometry->places ? 2 : 0))
			spoil_want(s, &want);
		/* At the level of 100 % nothing else would ever be given. */
		if (!op_take(s, &want) && s->ntaken != 0 && model_chance(r, 50))
			op_give(s, (size_t)model_below(r, s->ntaken));
	}
	check_nfree(s);
	if (model_below(r, 200) == 0)
		check_longest(s);
}

static void run_geometry(const struct geometry *g)
{
	struct subject *s = model_zeroed(1, sizeof(*s));

	if (model_part_begin(g->name, g->share, &s->random, &s->tally)) {
		subject_open(s, g);
		choose_target(s);
		while (model_more()) {
			step(s);
			if (s->tally.ops < s->target_until)
				continue;
			/* The level of the full part is to be steady: it starts anew only now and then. */
			if (g->target == 0 || model_chance(&s->random, 5))
				drain(s);
			choose_target(s);
		}
		while (s->ntaken != 0)
			op_give(s, s->ntaken - 1);
		check_nfree(s);
		subject_close(s);
		model_part_end(g->rare);
	}
	free(s);
}

int main(int argc, char **argv)
{
	size_t i;

	model_start(argc, argv, 16000000);
	for (i = 0; i < sizeof(geometries) / sizeof(*geometries); i++)
		if (geometry_exists(&geometries[i]))
			run_geometry(&geometries[i]);
	return model_finish();
}
