/* SPDX-License-Identifier: ISC */
/*
 * Ledger.
 *
 * Live blocks do not overlap, so the one that an address lies in is the last that begins at or before it.  Loads may:
 * the same memory can be mapped twice.  A search looks at the LOOK_BACK entries before, which is enough unless that many
 * short mappings lie inside a long one.
 */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#define TRACES 4096    /* entries that are gone and still known, of each kind */
#define LOOK_BACK 64

static int block_compare(struct block *a, struct block *b)
{
	return a->first < b->first ? -1 : a->first > b->first;
}

static int bus_compare(struct block *a, struct block *b)
{
	if (a->device != b->device)
		return (uintptr_t)a->device < (uintptr_t)b->device ? -1 : 1;
	if (a->bus != b->bus)
		return a->bus < b->bus ? -1 : 1;
	return (uintptr_t)a < (uintptr_t)b ? -1 : a != b;
}

static int range_compare(struct range *a, struct range *b)
{
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return (uintptr_t)a < (uintptr_t)b ? -1 : a != b;
}

/* Those that begin at one address, as where memory is mapped twice, in the order in which they were made. */
static int segment_compare(struct segment *a, struct segment *b)
{
	if (a->load->device != b->load->device)
		return (uintptr_t)a->load->device < (uintptr_t)b->load->device ? -1 : 1;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	if (a->load->number != b->load->number)
		return a->load->number < b->load->number ? -1 : 1;
	return (uintptr_t)a < (uintptr_t)b ? -1 : a != b;
}

static int load_compare(struct load *a, struct load *b)
{
	return (uintptr_t)a->map < (uintptr_t)b->map ? -1 : a->map != b->map;
}

/* Trees of this file's own; not all that there is of them is used. */
#define LEDGER_TREE(name, type, compare) RB_GENERATE_INTERNAL(name, type, tree, compare, __attribute__((unused)) static)

LEDGER_TREE(block_tree, block, block_compare)
RB_GENERATE_INTERNAL(bus_tree, block, by_bus, bus_compare, __attribute__((unused)) static)
LEDGER_TREE(range_tree, range, range_compare)
LEDGER_TREE(segment_tree, segment, segment_compare)
LEDGER_TREE(load_tree, load, load_compare)

void mete__ledger_init(struct ledger *l)
{
	*l = (struct ledger){ 0 };
	RB_INIT(&l->blocks);
	RB_INIT(&l->freed);
	RB_INIT(&l->blocks_bus);
	RB_INIT(&l->freed_bus);
	RB_INIT(&l->ranges);
	RB_INIT(&l->segments);
	RB_INIT(&l->gone);
	RB_INIT(&l->loaded);
	TAILQ_INIT(&l->freed_order);
	TAILQ_INIT(&l->ended_order);
	LIST_INIT(&l->loads);
}

static void load_destroy(struct load *load)
{
	if (load->ranges != &load->one_range)
		free(load->ranges);
	if (load->segments != &load->one_segment)
		free(load->segments);
	free(load);
}

void mete__ledger_fini(struct ledger *l)
{
	for (struct block *block; (block = RB_ROOT(&l->blocks));) {
		RB_REMOVE(block_tree, &l->blocks, block);
		free(block);
	}
	for (struct block *block; (block = TAILQ_FIRST(&l->freed_order));) {
		TAILQ_REMOVE(&l->freed_order, block, dead);
		free(block);
	}
	for (struct load *load; (load = LIST_FIRST(&l->loads));) {
		LIST_REMOVE(load, all);
		load_destroy(load);
	}
	for (struct load *load; (load = TAILQ_FIRST(&l->ended_order));) {
		TAILQ_REMOVE(&l->ended_order, load, dead);
		load_destroy(load);
	}
	free(l->reading.range);
}

/* The last entry at or before `cpu`. */
static struct block *block_before(struct block_tree *tree, uintptr_t cpu)
{
	struct block key = { .first = cpu };
	struct block *next = RB_NFIND(block_tree, tree, &key);

	if (next && next->first == cpu)
		return next;
	return next ? RB_PREV(block_tree, tree, next) : RB_MAX(block_tree, tree);
}

static struct block *block_at(struct block_tree *tree, uintptr_t cpu)
{
	struct block *block = block_before(tree, cpu);
	return block && cpu <= block->last ? block : NULL;
}

struct block *mete__ledger_block(struct ledger *l, uintptr_t cpu)
{
	return block_at(&l->blocks, cpu);
}

struct block *mete__ledger_freed(struct ledger *l, uintptr_t cpu)
{
	return block_at(&l->freed, cpu);
}

struct block *mete__ledger_freed_before(struct ledger *l, uintptr_t cpu)
{
	return block_before(&l->freed, cpu);
}

struct block *mete__ledger_overdue(struct ledger *l)
{
	return l->nfreed >= TRACES ? TAILQ_FIRST(&l->freed_order) : NULL;
}

struct block *mete__ledger_before(struct ledger *l, uintptr_t cpu)
{
	return block_before(&l->blocks, cpu);
}

struct block *mete__ledger_first(struct ledger *l)
{
	return RB_MIN(block_tree, &l->blocks);
}

struct block *mete__ledger_next(struct block *block)
{
	return RB_NEXT(block_tree, NULL, block);
}

static void trace_forget(struct ledger *l, struct block *block)
{
	RB_REMOVE(block_tree, &l->freed, block);
	RB_REMOVE(bus_tree, &l->freed_bus, block);
	TAILQ_REMOVE(&l->freed_order, block, dead);
	l->nfreed--;
	if (l->last_freed == block)
		l->last_freed = NULL;
	free(block);
}

/* Forget traces of what was at [first, last]: something new is there. */
static void traces_forget(struct ledger *l, uintptr_t first, uintptr_t last)
{
	struct block *block;

	while ((block = block_before(&l->freed, last)) && block->last >= first)
		trace_forget(l, block);
}

struct block *mete__ledger_alloc(struct ledger *l, const struct mete_event *e, const struct place *place)
{
	struct block *block = calloc(1, sizeof *block);

	if (!block) {
		l->lacking = l->lost = true;
		return NULL;
	}
	block->number = ++l->nmade;
	block->first = (uintptr_t)e->cpu;
	block->last = block->first + (e->len - 1);
	block->bus = e->bus;
	block->len = block->asked = e->len;
	block->room = e->room > e->len ? e->room : e->len;
	block->device = e->device;
	block->owner_kind = e->owner_kind;
	block->owner = e->owner;
	/* FreeBSD loads such memory by itself, without the core. */
	block->shown = e->memory != METE_MEMORY_CACHED ||
	    (place->face && !strcmp(place->face, "freebsd") && !strcmp(place->call, "bus_dmamem_alloc"));
	block->made = *place;
	traces_forget(l, block->first, block->last);
	/* Something that came back without our hearing of it: its provider was torn down, say. */
	for (struct block *old; (old = block_before(&l->blocks, block->last)) && old->last >= block->first;) {
		RB_REMOVE(block_tree, &l->blocks, old);
		RB_REMOVE(bus_tree, &l->blocks_bus, old);
		free(old);
	}
	RB_INSERT(block_tree, &l->blocks, block);
	RB_INSERT(bus_tree, &l->blocks_bus, block);
	return block;
}

void mete__ledger_free(struct ledger *l, struct block *block, const struct place *place)
{
	RB_REMOVE(block_tree, &l->blocks, block);
	RB_REMOVE(bus_tree, &l->blocks_bus, block);
	block->freed = *place;
	RB_INSERT(block_tree, &l->freed, block);
	RB_INSERT(bus_tree, &l->freed_bus, block);
	TAILQ_INSERT_TAIL(&l->freed_order, block, dead);
	l->last_freed = block;
	if (++l->nfreed > TRACES)
		trace_forget(l, TAILQ_FIRST(&l->freed_order));
}

void mete__ledger_read(struct ledger *l, const struct mete_event *e)
{
	struct reading *r = &l->reading;

	if (!e->off || r->map != e->owner)
		r->n = 0;
	r->map = e->owner;
	if (r->n == r->room) {
		size_t room = r->room ? 2 * r->room : 16;
		void *more = realloc(r->range, room * sizeof *r->range);
		if (!more) {
			l->lacking = true;
			return;
		}
		r->range = more;
		r->room = room;
	}
	r->range[r->n].first = (uintptr_t)e->cpu;
	r->range[r->n++].len = e->cpu ? e->len : 0;
}

/* Room for a load's ranges and segments. */
static struct load *load_create(size_t nranges, size_t nsegments)
{
	struct load *load = calloc(1, sizeof *load);

	if (!load)
		return NULL;
	load->ranges = nranges > 1 ? calloc(nranges, sizeof *load->ranges) : &load->one_range;
	load->segments = nsegments > 1 ? calloc(nsegments, sizeof *load->segments) : &load->one_segment;
	if (!load->ranges || !load->segments) {
		load_destroy(load);
		return NULL;
	}
	return load;
}

static void load_range(struct ledger *l, struct load *load, uintptr_t first, size_t len)
{
	if (!len)
		return;
	struct range *range = &load->ranges[load->nranges++];
	range->first = first;
	range->last = first + (len - 1);
	range->load = load;
	RB_INSERT(range_tree, &l->ranges, range);
}

static void load_segment(struct ledger *l, struct load *load, mete_baddr bus, size_t len)
{
	struct segment *segment = &load->segments[load->nsegments++];

	segment->first = bus;
	segment->last = bus + (mete_baddr)(len - 1);
	segment->load = load;
	segment->live = true;
	load->nlive++;
	RB_INSERT(segment_tree, &l->segments, segment);
}

static void load_forget_map(struct ledger *l, struct load *load)
{
	if (load->map)
		RB_REMOVE(load_tree, &l->loaded, load);
	load->map = NULL;
}

struct load *mete__ledger_load(struct ledger *l, const struct mete_event *e, const struct place *place, size_t count)
{
	const struct mete_map *map = e->kind == METE_EVENT_LOAD ? e->owner : NULL;
	bool read = map && l->reading.map == map;
	size_t nranges = map ? (read ? l->reading.n : 0) : 1, nsegments = map ? map->nsegments : 1;

	struct load *old = map ? mete__ledger_loaded(l, map) : NULL;
	if (old)
		load_forget_map(l, old); /* its owner has forgotten it, and goes by bus addresses */
	struct load *load = load_create(nranges, nsegments);
	if (!load) {
		l->lacking = l->lost = true;
		return NULL;
	}
	load->number = ++l->nmade;
	load->device = e->device;
	load->map = map;
	load->access = e->access;
	load->len = e->len;
	load->count = count;
	load->turn = map ? TURN_CPU : TURN_DEVICE;
	load->by_hand = e->flags & METE_MAP_SKIP_SYNC;
	load->made = *place;
	if (map) {
		for (size_t i = 0; i < nranges; i++)
			load_range(l, load, l->reading.range[i].first, l->reading.range[i].len);
		for (size_t i = 0; i < nsegments; i++)
			load_segment(l, load, map->segments[i].bus, (size_t)map->segments[i].len);
		l->reading.n = 0;
		l->reading.map = NULL;
	} else {
		load_range(l, load, (uintptr_t)e->cpu, e->cpu ? e->len : 0);
		load_segment(l, load, e->bus, e->len);
	}
	LIST_INSERT_HEAD(&l->loads, load, all);
	l->nloads++;
	if (map)
		RB_INSERT(load_tree, &l->loaded, load);
	return load;
}

static void load_forget(struct ledger *l, struct load *load)
{
	for (size_t i = 0; i < load->nsegments; i++) {
		RB_REMOVE(segment_tree, &l->gone, &load->segments[i]);
		if (l->last_unmapped == &load->segments[i])
			l->last_unmapped = NULL;
	}
	TAILQ_REMOVE(&l->ended_order, load, dead);
	l->nended--;
	load_destroy(load);
}

static void segment_end(struct ledger *l, struct segment *segment)
{
	RB_REMOVE(segment_tree, &l->segments, segment);
	RB_INSERT(segment_tree, &l->gone, segment);
	segment->live = false;
	segment->load->nlive--;
}

/* No segment is left. */
static void load_end(struct ledger *l, struct load *load, const struct place *place)
{
	for (size_t i = 0; i < load->nranges; i++)
		RB_REMOVE(range_tree, &l->ranges, &load->ranges[i]);
	load->ended = *place;
	load_forget_map(l, load);
	LIST_REMOVE(load, all);
	l->nloads--;
	TAILQ_INSERT_TAIL(&l->ended_order, load, dead);
	if (++l->nended > TRACES)
		load_forget(l, TAILQ_FIRST(&l->ended_order));
}

void mete__ledger_unmap(struct ledger *l, struct segment *segment, const struct place *place)
{
	struct load *load = segment->load;

	segment_end(l, segment);
	l->last_unmapped = segment;
	if (!load->nlive)
		load_end(l, load, place);
}

void mete__ledger_unload(struct ledger *l, struct load *load, const struct place *place)
{
	for (size_t i = 0; i < load->nsegments; i++) {
		if (load->segments[i].live)
			segment_end(l, &load->segments[i]);
	}
	load_end(l, load, place);
}

struct load *mete__ledger_loaded(struct ledger *l, const void *map)
{
	struct load key = { .map = map };
	return RB_FIND(load_tree, &l->loaded, &key);
}

/* The last segment of `device` that starts at `bus`, or else one that `bus` lies in. */
static struct segment *segment_at(struct segment_tree *tree, const struct mete_device *device, mete_baddr bus)
{
	struct load load = { .device = (struct mete_device *)(uintptr_t)device };
	struct segment key = { .load = &load, .first = bus };
	struct segment *at = RB_NFIND(segment_tree, tree, &key), *found = NULL;

	for (; at && at->load->device == device && at->first == bus; at = RB_NEXT(segment_tree, tree, at))
		found = at;
	if (found)
		return found;
	at = at ? RB_PREV(segment_tree, tree, at) : RB_MAX(segment_tree, tree);
	for (unsigned i = 0; at && i < LOOK_BACK && at->load->device == device; i++, at = RB_PREV(segment_tree, tree, at)) {
		if (bus <= at->last)
			return at;
	}
	return NULL;
}

struct segment *mete__ledger_segment(struct ledger *l, const struct mete_device *device, mete_baddr bus)
{
	return segment_at(&l->segments, device, bus);
}

struct segment *mete__ledger_segment_as(struct ledger *l, const struct mete_device *device, mete_baddr bus, size_t len,
    enum mete_access access)
{
	struct segment *last = mete__ledger_segment(l, device, bus);

	for (struct segment *at = last; at && at->load->device == device && at->first == bus;
	    at = RB_PREV(segment_tree, &l->segments, at)) {
		if (at->last - at->first == len - 1 && at->load->access == access)
			return at;
	}
	return last;
}

void mete__ledger_asked(struct ledger *l, const struct mete_device *device, mete_baddr bus)
{
	for (struct segment *at = mete__ledger_segment(l, device, bus); at && at->load->device == device && at->first == bus;
	    at = RB_PREV(segment_tree, &l->segments, at))
		at->load->checked = true;
}

struct segment *mete__ledger_gone(struct ledger *l, const struct mete_device *device, mete_baddr bus)
{
	return segment_at(&l->gone, device, bus);
}

struct load *mete__ledger_shared(struct ledger *l, uintptr_t first, uintptr_t last, const struct load *than)
{
	struct range key = { .first = last };
	struct range *at = RB_NFIND(range_tree, &l->ranges, &key);

	/* Those that begin at `last` follow; all others that could share begin before. */
	for (struct range *next = at; next && next->first == last; next = RB_NEXT(range_tree, &l->ranges, next)) {
		if (next->load != than)
			return next->load;
	}
	at = at ? RB_PREV(range_tree, &l->ranges, at) : RB_MAX(range_tree, &l->ranges);
	for (unsigned i = 0; at && i < LOOK_BACK; i++, at = RB_PREV(range_tree, &l->ranges, at)) {
		if (at->load != than && at->last >= first)
			return at->load;
	}
	return NULL;
}

struct block *mete__ledger_untold_block(struct ledger *l, const struct mete_device *device, size_t mark)
{
	struct block *block;

	RB_FOREACH(block, block_tree, &l->blocks) {
		if (!block->told && block->number > mark && (!device || block->device == device)) {
			block->told = true;
			return block;
		}
	}
	return NULL;
}

struct load *mete__ledger_untold_load(struct ledger *l, const struct mete_device *device, size_t mark)
{
	struct load *load;

	LIST_FOREACH(load, &l->loads, all) {
		if (!load->told && load->number > mark && (!device || load->device == device)) {
			load->told = true;
			return load;
		}
	}
	return NULL;
}

static void block_keep(struct ledger *l, uintptr_t cpu)
{
	struct block *block = l->last_freed;

	if (!block || block->first != cpu)
		return;
	RB_REMOVE(block_tree, &l->freed, block);
	RB_REMOVE(bus_tree, &l->freed_bus, block);
	TAILQ_REMOVE(&l->freed_order, block, dead);
	l->nfreed--;
	RB_INSERT(block_tree, &l->blocks, block);
	RB_INSERT(bus_tree, &l->blocks_bus, block);
	block->told = true; /* the mistake is that it could not be freed; it is no leak besides */
}

static void segment_keep(struct ledger *l, struct segment *segment)
{
	struct load *load = segment->load;

	if (!load->nlive) {
		TAILQ_REMOVE(&l->ended_order, load, dead);
		l->nended--;
		LIST_INSERT_HEAD(&l->loads, load, all);
		l->nloads++;
		for (size_t i = 0; i < load->nranges; i++)
			RB_INSERT(range_tree, &l->ranges, &load->ranges[i]);
	}
	RB_REMOVE(segment_tree, &l->gone, segment);
	RB_INSERT(segment_tree, &l->segments, segment);
	segment->live = true;
	load->nlive++;
	load->told = true; /* as above */
}

void mete__ledger_keep(struct ledger *l, const struct mete_event *e)
{
	if (e->cpu) {
		block_keep(l, (uintptr_t)e->cpu);
		return;
	}
	/* There may be traces of others at this address, so it is not looked up. */
	struct segment *gone = l->last_unmapped;
	if (gone && gone->load->device == e->device && gone->first == e->bus)
		segment_keep(l, gone);
}

static struct block *bus_at(struct bus_tree *tree, const struct mete_device *device, mete_baddr bus)
{
	struct block key = { .device = (struct mete_device *)(uintptr_t)device, .bus = bus };
	struct block *at = RB_NFIND(bus_tree, tree, &key);

	if (!at || at->device != device || at->bus != bus)
		at = at ? RB_PREV(bus_tree, tree, at) : RB_MAX(bus_tree, tree);
	return at && at->device == device && bus - at->bus <= at->last - at->first ? at : NULL;
}

struct block *mete__ledger_block_bus(struct ledger *l, const struct mete_device *device, mete_baddr bus)
{
	return bus_at(&l->blocks_bus, device, bus);
}

struct block *mete__ledger_freed_bus(struct ledger *l, const struct mete_device *device, mete_baddr bus)
{
	return bus_at(&l->freed_bus, device, bus);
}

struct segment *mete__ledger_beside(struct ledger *l, const struct mete_device *device, mete_baddr bus, size_t len)
{
	struct load load = { .device = (struct mete_device *)(uintptr_t)device };
	struct segment key = { .load = &load, .first = bus };
	struct segment *next = RB_NFIND(segment_tree, &l->segments, &key), *in = segment_at(&l->segments, device, bus);

	if (in)
		return in;
	return next && next->load->device == device && next->first - bus < len ? next : NULL;
}

struct block *mete__ledger_block_low(struct ledger *l, const struct mete_device *device, uint32_t low)
{
	struct block *block;

	RB_FOREACH(block, block_tree, &l->blocks) {
		if (block->shown && block->device == device && (uint32_t)(low - (uint32_t)block->bus) < block->len)
			return block;
	}
	return NULL;
}

struct segment *mete__ledger_low(struct ledger *l, const struct mete_device *device, uint32_t low)
{
	struct segment *segment;

	RB_FOREACH(segment, segment_tree, &l->segments) {
		if (segment->load->device == device && (uint32_t)(low - (uint32_t)segment->first) <= segment->last - segment->first)
			return segment;
	}
	return NULL;
}

void mete__ledger_device(struct ledger *l, const struct mete_device *device, bool gone)
{
	const size_t n = sizeof l->devices_gone / sizeof *l->devices_gone;

	mete__ledger_mask(l, device, METE_USE_COHERENT, false);
	mete__ledger_mask(l, device, METE_USE_STREAMING, false);

	for (size_t i = 0; i < n; i++) {
		if (l->devices_gone[i] == device)
			l->devices_gone[i] = NULL;
	}
	if (gone)
		l->devices_gone[l->ndevices_gone++ % n] = device;
}

bool mete__ledger_device_gone(const struct ledger *l, const struct mete_device *device)
{
	for (size_t i = 0; i < sizeof l->devices_gone / sizeof *l->devices_gone; i++) {
		if (l->devices_gone[i] == device)
			return true;
	}
	return false;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

void mete__ledger_mask(struct ledger *l, const struct mete_device *device, enum mete_use use, bool refused)
{
	for (size_t i = 0; i < COUNT(l->refused); i++) {
		if (l->refused[i].device == device && l->refused[i].use == use)
			l->refused[i].device = NULL;
	}
	if (!refused)
		return;
	size_t at = l->nrefused++ % COUNT(l->refused);
	l->refused[at].device = device;
	l->refused[at].use = use;
}

bool mete__ledger_refused(const struct ledger *l, const struct mete_device *device, enum mete_use use)
{
	for (size_t i = 0; i < COUNT(l->refused); i++) {
		if (l->refused[i].device == device && l->refused[i].use == use)
			return true;
	}
	return false;
}

void mete__ledger_wait(struct ledger *l, const struct mete_event *e, const struct place *place)
{
	struct waiting *room = NULL;

	for (size_t i = 0; i < COUNT(l->waiting); i++) {
		struct waiting *at = &l->waiting[i];
		if (at->map == e->owner)
			at->map = NULL;
		if (!at->map)
			room = at;
	}
	if (e->kind == METE_EVENT_WAITS && room)
		*room = (struct waiting){ e->owner, e->device, *place };
}

bool mete__ledger_untold_wait(struct ledger *l, const struct mete_device *device, struct waiting *ret)
{
	for (size_t i = 0; i < COUNT(l->waiting); i++) {
		if (!l->waiting[i].map || (device && l->waiting[i].device != device))
			continue;
		*ret = l->waiting[i];
		l->waiting[i].map = NULL;
		return true;
	}
	return false;
}
