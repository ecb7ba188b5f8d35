/* SPDX-License-Identifier: ISC */
/*
 * Pool world: see pool_world.h.
 *
 * In order: arithmetic of addresses and constraints, the provider in between, the counters, what callers hold, and how
 * a world is made at random.  Whatever is impossible by the contracts ends the test where it is seen, inside the call
 * that did it.
 */
#include "pool_world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

bool world_phys(const struct world *w, const void *cpu, uint64_t *ret_phys)
{
	uintptr_t at = (uintptr_t)cpu;
	size_t i;

	for (i = 0; i < w->nspans; i++) {
		uintptr_t base = (uintptr_t)w->span[i].cpu;

		if (at >= base && at - base < w->span[i].len) {
			*ret_phys = w->span[i].phys + (at - base);
			return true;
		}
	}
	return false;
}

unsigned char *world_cpu(const struct world *w, uint64_t phys)
{
	size_t i;

	for (i = 0; i < w->nspans; i++)
		if (phys >= w->span[i].phys && phys - w->span[i].phys < w->span[i].len)
			return (unsigned char *)w->span[i].cpu + (phys - w->span[i].phys);
	return NULL;
}

bool world_bus(const struct world_device *device, uint64_t phys, uint64_t len, uint64_t *ret_bus)
{
	size_t i;

	if (device->nranges == 0) {
		*ret_bus = phys;
		return phys <= METE_BADDR_MAX && len - 1 <= METE_BADDR_MAX - phys;
	}
	for (i = 0; i < device->nranges; i++) {
		const struct mete_bus_range *range = &device->range[i];
		uint64_t skip = phys - range->phys;
		/* Length 0 is up to the end of either space, whichever ends first. */
		uint64_t last_phys = range->len != 0 ? range->len - 1 : METE_PADDR_MAX - range->phys;
		uint64_t last_bus = range->len != 0 ? range->len - 1 : METE_BADDR_MAX - range->bus;
		uint64_t last = last_phys < last_bus ? last_phys : last_bus;

		if (phys >= range->phys && skip <= last && len - 1 <= last - skip) {
			*ret_bus = range->bus + skip;
			return true;
		}
	}
	return false;
}

bool world_allows(const struct mete_constraint *c, uint64_t bus, uint64_t len)
{
	uint64_t last = bus + (len - 1);

	if (len == 0 || last < bus)
		return false;
	if (bus < c->first || (c->last != 0 && last > c->last))
		return false;
	if (c->hole_last != 0 && last >= c->hole_first && bus <= c->hole_last)
		return false;
	if (c->align != 0 && bus % c->align != c->phase)
		return false;
	if (c->boundary != 0 && bus / c->boundary != last / c->boundary)
		return false;
	if (c->max_segment != 0 && len > c->max_segment)
		return false;
	return true;
}

static uint64_t smaller_limit(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* The hole of `a`, grown over that of `b` and the gap between them if there are two. */
static struct mete_constraint cover_holes(const struct mete_constraint *a, const struct mete_constraint *b)
{
	struct mete_constraint hole = { .hole_first = a->hole_first, .hole_last = a->hole_last };

	if (a->hole_last == 0 || (b->hole_last != 0 && b->hole_first < a->hole_first))
		hole.hole_first = b->hole_first;
	if (b->hole_last > a->hole_last)
		hole.hole_last = b->hole_last;
	return hole;
}

static bool hole_leaves(const struct mete_constraint *c, uint64_t first, uint64_t last)
{
	return c->hole_last == 0 || c->hole_first > first || c->hole_last < last;
}

bool world_compatible(const struct mete_constraint *a, const struct mete_constraint *b, enum world_holes holes)
{
	const struct mete_constraint *coarse = a->align >= b->align ? a : b, *fine = coarse == a ? b : a;
	struct mete_constraint cover = cover_holes(a, b);
	uint64_t first = a->first > b->first ? a->first : b->first, last = smaller_limit(a->last, b->last);

	if (last == 0)
		last = METE_BADDR_MAX;
	if (first > last || !hole_leaves(a, first, last) || !hole_leaves(b, first, last))
		return false;
	if (holes == HOLES_COVERED && !hole_leaves(&cover, first, last))
		return false;
	return fine->align == 0 || coarse->phase % fine->align == fine->phase;
}

bool world_allows_both(const struct mete_constraint *a, const struct mete_constraint *b, enum world_holes holes,
    uint64_t bus, uint64_t len)
{
	struct mete_constraint cover = cover_holes(a, b);

	return world_allows(a, bus, len) && world_allows(b, bus, len) &&
	    (holes == HOLES_APART || world_allows(&cover, bus, len));
}

struct world_slab *world_slab_at(struct world *w, const void *cpu)
{
	uint64_t phys;
	uint32_t owner;

	if (!world_phys(w, cpu, &phys))
		return NULL;
	owner = oracle_owner(&w->oracle, phys);
	return owner == 0 || owner == UINT32_MAX ? NULL : &w->slab[owner];
}

bool world_block_at(const struct world_slab *slab, const void *cpu, uint32_t *ret_index)
{
	size_t offset = (size_t)((const unsigned char *)cpu - slab->cpu), low = 0, high = slab->nblocks;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (slab->offset[middle] == offset) {
			*ret_index = (uint32_t)middle;
			return true;
		}
		if (slab->offset[middle] < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* Blocks one after the other, each moved up to the boundary that it would straddle. */
static void slab_lay_out(struct world_slab *slab, const struct world_pool *pool, size_t len)
{
	uint64_t at = 0;

	slab->offset = model_zeroed(len / pool->stride + 1, sizeof(*slab->offset));
	slab->live = model_zeroed(len / pool->stride + 1, sizeof(*slab->live));
	while (at + pool->stride <= len) {
		uint64_t bus = slab->bus + at, last = bus + (pool->stride - 1);

		if (pool->boundary != 0 && bus / pool->boundary != last / pool->boundary) {
			at += pool->boundary - bus % pool->boundary;
			continue;
		}
		slab->offset[slab->nblocks++] = (uint32_t)at;
		at += pool->stride;
	}
}

void world_shelves_unsure(struct world *w)
{
	size_t i, c;

	for (i = 0; i < WORLD_POOLS; i++)
		w->pool[i].nunsure = w->pool[i].nshelf;
	for (i = 0; i < WORLD_CLASSES; i++)
		for (c = 0; c < METE_CLASSES; c++)
			w->classes[i].pool[c].nunsure = w->classes[i].pool[c].nshelf;
}

static int world_take(void *ctx, const struct mete_want *want, struct mete_run *ret_run)
{
	struct world *w = ctx;
	const struct mete_provider *arena = mete_arena_provider(&w->arena);
	const struct world_device *device;
	struct world_slab *slab;
	uint32_t number;
	int error = arena->ops->take(arena->ctx, want, ret_run);

	if (error != 0) { /* the reason for a reclaim */
		world_shelves_unsure(w);
		return error;
	}
	if (w->for_pool == NULL && w->for_device == NULL)
		model_differ("a run was taken by a call that needs none");
	if (w->for_device != NULL && w->taken != NULL && w->taken->nframes != 0)
		model_differ("a device allocation took two runs");
	/* No call needs to: it would be taking what it gives back itself, and never end. */
	if (++w->ntaken > w->oracle.nframes)
		model_differ("one call took more runs than there are frames");
	device = w->for_pool != NULL ? w->for_pool->device : w->for_device;
	number = w->slab_unused[--w->nslab_unused];
	slab = &w->slab[number];
	*slab = (struct world_slab){ .phys = ret_run->phys, .cpu = ret_run->cpu, .nframes = ret_run->len / w->frame,
		.pool = w->for_pool, .device = w->for_device };
	if (!oracle_owned(&w->oracle, slab->phys, slab->nframes, 0) || world_cpu(w, slab->phys) != slab->cpu)
		model_differ("the arena gave 0x%" PRIx64 ", which is not free", slab->phys);
	oracle_mark(&w->oracle, slab->phys, slab->nframes, number);
	w->taken = slab;
	w->nheld++;
	if (slab->pool == NULL)
		return 0;
	if (!world_bus(device, slab->phys, ret_run->len, &slab->bus))
		model_differ("slab 0x%" PRIx64 ", %zu bytes, is in no single bus range", slab->phys, ret_run->len);
	slab_lay_out(slab, slab->pool, ret_run->len);
	slab->pool->nslabs++;
	slab->pool->ntotal += slab->nblocks;
	slab->pool->bytes += ret_run->len;
	return 0;
}

/* A slab leaves its pool: its blocks are remembered no more. */
static void slab_leave(struct world *w, struct world_slab *slab)
{
	struct world_pool *pool = slab->pool;
	size_t i, kept = 0;

	if (slab->nlive != 0)
		model_differ("slab 0x%" PRIx64 " was given back with %u live blocks", slab->phys, slab->nlive);
	for (i = 0; i < pool->nshelf; i++)
		if (pool->shelf[i].slab != slab)
			pool->shelf[kept++] = pool->shelf[i];
		else if (kept < pool->nunsure)
			pool->nunsure--;
	pool->nshelf = kept;
	pool->nslabs--;
	pool->ntotal -= slab->nblocks;
	pool->bytes -= (size_t)slab->nframes * w->frame;
	if (pool != w->ending && world_nfree(pool) < pool->low)
		model_differ("a slab was given back, and %zu free blocks are left of a reserve of %zu",
		    world_nfree(pool), pool->low);
	free(slab->offset);
	free(slab->live);
	w->nslabs_given++;
}

static void world_give(void *ctx, const struct mete_run *run)
{
	struct world *w = ctx;
	const struct mete_provider *arena = mete_arena_provider(&w->arena);
	struct world_slab *slab = world_slab_at(w, run->cpu);

	if (slab == NULL || slab->phys != run->phys || slab->cpu != run->cpu ||
	    slab->nframes * w->frame != run->len)
		model_differ("give of 0x%" PRIx64 ", %zu bytes, which is no run", (uint64_t)run->phys, run->len);
	if (slab->pool != NULL)
		slab_leave(w, slab);
	else if (slab != w->freeing && slab != w->taken)
		model_differ("a device allocation was given back by another call");
	oracle_mark(&w->oracle, slab->phys, slab->nframes, 0);
	slab->nframes = 0;
	w->slab_unused[w->nslab_unused++] = (uint32_t)(slab - w->slab);
	w->nheld--;
	arena->ops->give(arena->ctx, run);
}

static int world_translate(void *ctx, const void *cpu, size_t len, mete_paddr *ret_phys, size_t *ret_len)
{
	struct world *w = ctx;
	const struct mete_provider *arena = mete_arena_provider(&w->arena);

	return arena->ops->translate(arena->ctx, cpu, len, ret_phys, ret_len);
}

static void *plain_record_alloc(void *ctx, size_t len)
{
	(void)ctx;
	return calloc(1, len);
}

static void plain_record_free(void *ctx, void *record, size_t len)
{
	(void)ctx;
	/* A length other than the one allocated shows up here, under a memory checker. */
	memset(record, 0xdb, len);
	free(record);
}

static void *world_record_alloc(void *ctx, size_t len)
{
	struct world *w = ctx;
	const struct mete_provider *arena = mete_arena_provider(&w->arena);

	return w->arena_keeps_records ? arena->ops->record_alloc(arena->ctx, len) : plain_record_alloc(NULL, len);
}

static void world_record_free(void *ctx, void *record, size_t len)
{
	struct world *w = ctx;
	const struct mete_provider *arena = mete_arena_provider(&w->arena);

	if (w->arena_keeps_records)
		arena->ops->record_free(arena->ctx, record, len);
	else
		plain_record_free(NULL, record, len);
}

static const struct mete_provider_ops world_ops = {
	.take = world_take,
	.give = world_give,
	.translate = world_translate,
	.record_alloc = world_record_alloc,
	.record_free = world_record_free,
};

size_t world_nfree(const struct world_pool *pool)
{
	return pool->ntotal - pool->nlive;
}

size_t world_nidle(struct world *w, const struct world_pool *pool)
{
	size_t i, n = 0;

	for (i = 1; i <= w->oracle.nframes; i++)
		n += w->slab[i].nframes != 0 && w->slab[i].pool == pool && w->slab[i].nlive == 0;
	return n;
}

void world_check_reclaimed(struct world *w, const struct world_pool *except)
{
	size_t i;

	for (i = 1; i <= w->oracle.nframes; i++) {
		const struct world_slab *slab = &w->slab[i];

		if (slab->nframes == 0 || slab->pool == NULL || slab->pool == except || slab->nlive != 0)
			continue;
		if (world_nfree(slab->pool) >= slab->pool->low + slab->nblocks)
			model_differ("slab 0x%" PRIx64 " of %u blocks stays idle: %zu are free, the reserve is %zu",
			    slab->phys, slab->nblocks, world_nfree(slab->pool), slab->pool->low);
	}
}

void world_begin(struct world *w, struct world_pool *pool, struct world_device *device)
{
	w->for_pool = pool;
	w->for_device = device;
	w->ending = NULL;
	w->taken = w->freeing = NULL;
	w->ntaken = w->nslabs_given = 0;
	w->capped_before = w->arena.frames.ncapped;
	mete_provider_counters(&w->provider, &w->before);
}

static void check_counter(const char *call, const char *name, unsigned long before, unsigned long delta,
    unsigned long now)
{
	if (now != before + delta)
		model_differ("%s: counter %s went from %lu to %lu instead of %lu", call, name, before, now,
		    before + delta);
}

void world_end(struct world *w, const struct mete_counters *delta, const char *call)
{
	struct mete_counters now;

	w->for_pool = NULL;
	w->for_device = NULL;
	mete_provider_counters(&w->provider, &now);
#define CHECK(name) check_counter(call, #name, w->before.name, delta->name, now.name)
	CHECK(failed);
	CHECK(bad_argument);
	CHECK(bad_address);
	CHECK(double_free);
	CHECK(wrong_size);
	CHECK(wrong_pair);
	CHECK(wait_refused);
	CHECK(waited);
	CHECK(reclaimed);
	CHECK(map_refused);
	CHECK(fini_busy);
#undef CHECK
	if (mete_provider_held(&w->provider) != w->nheld)
		model_differ("%s: %zu runs are said to be held, %zu are", call, mete_provider_held(&w->provider),
		    w->nheld);
	if (w->arena.frames.nfree != w->oracle.nfree)
		model_differ("%s: %zu frames are said to be free, %zu are", call, w->arena.frames.nfree,
		    w->oracle.nfree);
}

static uint64_t pattern_word(const struct world_live *live, size_t i)
{
	return (live->serial + i) * UINT64_C(0x9e3779b97f4a7c15);
}

static void pattern_fill(const struct world_live *live)
{
	size_t at, n;
	uint64_t word;

	for (at = 0; at < live->len; at += n) {
		n = live->len - at < sizeof(word) ? live->len - at : sizeof(word);
		word = pattern_word(live, at);
		memcpy(live->cpu + at, &word, n);
	}
}

void world_check_pattern(const struct world_live *live)
{
	size_t at, n;
	uint64_t word;

	if (!live->guarded)
		return;
	for (at = 0; at < live->len; at += n) {
		n = live->len - at < sizeof(word) ? live->len - at : sizeof(word);
		word = pattern_word(live, at);
		if (memcmp(live->cpu + at, &word, n) != 0)
			model_differ("byte %zu of a live block of %zu was changed", at, live->len);
	}
}

void world_scribble(struct world *w, size_t at, size_t len)
{
	size_t first = at / WORLD_GRANULE, last = (at + len - 1) / WORLD_GRANULE, noise;

	noise = (size_t)model_below(w->random, WORLD_NOISE / WORLD_GRANULE);
	for (; first <= last && first < w->memory_len / WORLD_GRANULE; first++, noise++)
		if (w->granule[first] != GRANULE_GUARDED)
			memcpy(w->memory + first * WORLD_GRANULE,
			    w->noise + noise % (WORLD_NOISE / WORLD_GRANULE) * WORLD_GRANULE, WORLD_GRANULE);
}

static void granules_set(struct world *w, const struct world_live *live, int from, int to)
{
	size_t first = (size_t)(live->cpu - w->memory) / WORLD_GRANULE, n = live->room / WORLD_GRANULE, i;

	for (i = first; i < first + n; i++)
		if (w->granule[i] != from)
			model_differ("two live blocks share the byte at %zu of %zu", (i - first) * WORLD_GRANULE,
			    live->room);
	memset(w->granule + first, to, n);
}

struct world_live *world_live_add(struct world *w, struct world_slab *slab, uint32_t index, size_t len, size_t room)
{
	uint32_t number = w->live_unused[--w->nlive_unused];
	struct world_live *live = &w->live[number];

	*live = (struct world_live){ .slab = slab, .index = index, .len = len, .room = room, .asked = len,
		.cpu = slab->cpu + (slab->pool != NULL ? slab->offset[index] : 0), .serial = ++w->serial,
		.place = (uint32_t)w->nlive, .guarded = model_chance(w->random, 40) };
	granules_set(w, live, GRANULE_FREE, live->guarded ? GRANULE_GUARDED : GRANULE_LIVE);
	w->order[w->nlive++] = number;
	if (slab->pool != NULL) {
		slab->live[index] = number;
		slab->nlive++;
		slab->pool->nlive++;
	} else {
		slab->live_id = number;
	}
	if (live->guarded)
		pattern_fill(live);
	else
		world_scribble(w, (size_t)(live->cpu - w->memory), live->room);
	return live;
}

void world_live_remove(struct world *w, struct world_live *live)
{
	uint32_t number = (uint32_t)(live - w->live), other = w->order[--w->nlive];

	granules_set(w, live, live->guarded ? GRANULE_GUARDED : GRANULE_LIVE, GRANULE_FREE);
	w->order[live->place] = other;
	w->live[other].place = live->place;
	if (live->slab->pool != NULL) {
		live->slab->live[live->index] = 0;
		live->slab->nlive--;
		live->slab->pool->nlive--;
	}
	live->slab = NULL;
	w->live_unused[w->nlive_unused++] = number;
}

static uint64_t round_up(uint64_t x, uint64_t power)
{
	return (x + power - 1) / power * power;
}

/* Spans below 16 MiB, below 4 GiB and above, each of other kinds of memory, all in one block of ours. */
static void world_make_spans(struct world *w)
{
	static const size_t frames[] = { 4096, 4096, 4096, 1024, 256, 16384 };
	static const uint32_t kinds[] = { 0, 1u << METE_MEMORY_CACHED,
		1u << METE_MEMORY_CACHED | 1u << METE_MEMORY_COHERENT | 1u << METE_MEMORY_UNCACHED };
	static const uint64_t base[] = { 2 * MIB, 64 * MIB, 3 * GIB, 5 * GIB };
	struct model_random *r = w->random;
	size_t i, at = 0, offset[WORLD_SPANS];

	w->frame = frames[model_below(r, sizeof(frames) / sizeof(*frames))];
	w->nspans = (size_t)model_between(r, 2, METE_ADDR_BITS == 64 ? 4 : 3);
	for (i = 0; i < w->nspans; i++) {
		uint64_t phys = base[i] + model_below(r, 64 * KIB) * w->frame % MIB;

		w->span[i].phys = (mete_paddr)(phys / w->frame * w->frame);
		w->span[i].len = (size_t)model_between(r, 24, 160) * w->frame;
		w->span[i].memory = i == 0 ? 0 : kinds[model_below(r, 3)];
		at = (size_t)(round_up(at, METE_CONGRUENT) + w->span[i].phys % METE_CONGRUENT);
		offset[i] = at;
		at += w->span[i].len;
	}
	w->memory_len = (size_t)round_up(at, METE_CONGRUENT);
	w->memory = aligned_alloc(METE_CONGRUENT, w->memory_len);
	if (w->memory == NULL)
		exit(2);
	w->granule = model_zeroed(w->memory_len / WORLD_GRANULE, 1);
	oracle_init(&w->oracle, w->frame);
	for (i = 0; i < w->nspans; i++) {
		w->span[i].cpu = w->memory + offset[i];
		oracle_add(&w->oracle, w->span[i].phys, w->span[i].len / w->frame, w->span[i].memory != 0 ?
			w->span[i].memory : 1u << METE_MEMORY_CACHED | 1u << METE_MEMORY_COHERENT);
	}
}

static void world_make_provider(struct world *w)
{
	struct mete_arena_config arena = { .frame = w->frame, .spans = w->span, .nspans = w->nspans };
	struct mete_provider_config config = { .frame = w->frame };
	int error;

	w->arena_keeps_records = model_chance(w->random, 30);
	if (w->arena_keeps_records) {
		/* A slab of many small blocks needs more than the usual record: eight times as many of those. */
		arena.records_len = mete_arena_records(&arena, w->oracle.nframes * 8);
		arena.records = w->arena_records = model_garbage(arena.records_len, w->random);
	} else {
		arena.record_alloc = plain_record_alloc;
		arena.record_free = plain_record_free;
	}
	error = mete_arena_init(&w->arena, &arena);
	if (error != 0)
		model_differ("mete_arena_init: %s", mete_error_name(error));
	if (w->arena_keeps_records || model_chance(w->random, 50)) {
		config.extent = w->memory;
		config.extent_len = w->memory_len;
	}
	error = mete_provider_init(&w->provider, &world_ops, w, &config);
	if (error != 0)
		model_differ("mete_provider_init: %s", mete_error_name(error));
}

static uint64_t random_bus(struct world *w, const struct world_device *device)
{
	const struct mete_span *span = &w->span[model_below(w->random, w->nspans)];
	uint64_t phys = span->phys + model_below(w->random, span->len), bus;

	phys -= phys % w->frame;
	if (!world_bus(device, phys, 1, &bus))
		bus = phys & METE_BADDR_MAX;
	return model_chance(w->random, 30) && bus != 0 ? bus - 1 : bus;
}

struct mete_constraint world_random_constraint(struct world *w, const struct world_device *device, bool phase)
{
	struct model_random *r = w->random;
	struct mete_constraint c = { 0 };

	if (model_chance(r, 15))
		c.first = (mete_baddr)random_bus(w, device);
	if (model_chance(r, 25))
		c.last = (mete_baddr)random_bus(w, device);
	if (c.last < c.first)
		c.last = 0;
	if (model_chance(r, 20)) {
		c.hole_first = (mete_baddr)random_bus(w, device);
		c.hole_last = c.hole_first + (mete_baddr)model_below(r, 32 * w->frame);
		if (c.hole_last < c.hole_first)
			c.hole_last = METE_BADDR_MAX;
	}
	/* Not the whole range: that is a contradiction, and another test. */
	if (c.hole_last != 0 && c.hole_first <= c.first && c.hole_last >= (c.last != 0 ? c.last : METE_BADDR_MAX))
		c.hole_first = c.hole_last = 0;
	if (model_chance(r, 25))
		c.align = (mete_baddr)1 << model_below(r, 14);
	if (phase && c.align > w->frame && model_chance(r, 30))
		c.phase = (mete_baddr)(model_below(r, c.align / w->frame) * w->frame);
	if (model_chance(r, 25))
		c.boundary = (mete_baddr)1 << model_between(r, 16, 24);
	if (model_chance(r, 15))
		c.max_segment = (mete_baddr)model_between(r, 65536, 1 << 20);
	return c;
}

/*
 * Ranges that show each span, or two halves of one at unrelated places, or leave one out; addresses on the bus that
 * have nothing to do with physical ones, except modulo METE_CONGRUENT (or a frame, for the hostile device).
 */
static void device_make_ranges(struct world *w, struct world_device *d)
{
	struct model_random *r = w->random;
	uint64_t grid = d->congruent ? METE_CONGRUENT : w->frame, bus = model_chance(r, 30) ? 0 : 512 * MIB, len;
	size_t i, left_out = model_chance(r, 30) ? (size_t)model_below(r, w->nspans) : w->nspans;

	for (i = w->nspans; i-- > 0;) { /* the other way round, so that order does not carry over */
		uint64_t first = w->span[i].phys, part;

		if (i == left_out)
			continue;
		len = w->span[i].len;
		while (len != 0) {
			part = model_chance(r, 40) ? model_between(r, 1, len / w->frame) * w->frame : len;
			bus = round_up(bus, grid) + first % grid;
			if (!d->congruent)
				bus += w->frame * model_below(r, 8);
			d->range[d->nranges++] = (struct mete_bus_range){ (mete_paddr)first, (mete_baddr)bus,
				(mete_paddr)part };
			bus += part + model_below(r, 3) * grid;
			first += part;
			len -= part;
			if (d->nranges + i == METE_DEVICE_RANGES) /* one each for the spans to come */
				break;
		}
		if (d->nranges == METE_DEVICE_RANGES)
			break;
	}
	/* The highest span may be shown at the end of all bus addresses, by a range that has no length of its own. */
	if (left_out != w->nspans - 1 && d->congruent && d->range[0].len == w->span[w->nspans - 1].len &&
	    model_chance(r, 20)) {
		len = round_up(d->range[0].len, METE_CONGRUENT) + METE_CONGRUENT;
		d->range[0].bus = (mete_baddr)(METE_BADDR_MAX - len + 1 + d->range[0].phys % METE_CONGRUENT);
		d->range[0].len = 0;
	}
}

static void world_make_device(struct world *w, size_t kind)
{
	struct model_random *r = w->random;
	struct world_device *d = &w->device[kind];
	struct mete_device_config config = { .name = "model", .provider = &w->provider };
	int error;

	d->congruent = kind != 4;
	if (kind >= 2)
		device_make_ranges(w, d);
	if (kind == 1 || (kind >= 3 && model_chance(r, 60)))
		d->coherent = world_random_constraint(w, d, false);
	d->noncoherent = kind == 3 || model_chance(r, 20);
	d->line = (size_t)16 << model_below(r, 4);
	config.ranges = d->nranges != 0 ? d->range : NULL;
	config.nranges = d->nranges;
	config.coherent = kind == 0 ? NULL : &d->coherent;
	config.noncoherent = d->noncoherent;
	config.line = d->line;
	error = mete_device_init(&d->device, &config);
	if (error != 0)
		model_differ("mete_device_init of kind %zu: %s", kind, mete_error_name(error));
}

void world_open(struct world *w, struct model_random *random, struct model_tally *tally)
{
	size_t i, nlive;

	memset(w, 0, sizeof(*w));
	w->random = random;
	w->tally = tally;
	for (i = 0; i < WORLD_NOISE; i++)
		w->noise[i] = (unsigned char)model_next(random);
	world_make_spans(w);
	world_scribble(w, 0, w->memory_len);
	world_make_provider(w);
	for (i = 0; i < WORLD_DEVICES; i++)
		world_make_device(w, i);

	w->slab = model_zeroed(w->oracle.nframes + 1, sizeof(*w->slab));
	w->slab_unused = model_zeroed(w->oracle.nframes + 1, sizeof(*w->slab_unused));
	for (i = w->oracle.nframes; i > 0; i--)
		w->slab_unused[w->nslab_unused++] = (uint32_t)i;
	nlive = w->oracle.nframes * (w->frame / METE_POOL_MIN);
	w->live = model_zeroed(nlive + 1, sizeof(*w->live));
	w->order = model_zeroed(nlive + 1, sizeof(*w->order));
	w->live_unused = model_zeroed(nlive + 1, sizeof(*w->live_unused));
	for (i = nlive; i > 0; i--)
		w->live_unused[w->nlive_unused++] = (uint32_t)i;
}

void world_close(struct world *w)
{
	size_t i;
	int error;

	for (i = 0; i < WORLD_DEVICES; i++) {
		error = mete_device_fini(&w->device[i].device);
		if (error != 0)
			model_differ("mete_device_fini with nothing left: %s", mete_error_name(error));
	}
	if (w->nheld != 0 || w->oracle.nfree != w->oracle.nframes)
		model_differ("%zu runs are still held at the end", w->nheld);
	error = mete_provider_fini(&w->provider);
	if (error != 0)
		model_differ("mete_provider_fini with nothing left: %s", mete_error_name(error));
	error = mete_arena_fini(&w->arena);
	if (error != 0)
		model_differ("mete_arena_fini with nothing left: %s", mete_error_name(error));
	free(w->arena_records);
	free(w->memory);
	free(w->granule);
	free(w->slab);
	free(w->slab_unused);
	free(w->live);
	free(w->order);
	free(w->live_unused);
	oracle_fini(&w->oracle);
}
