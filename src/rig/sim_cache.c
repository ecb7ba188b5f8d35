/* SPDX-License-Identifier: ISC */
/*
 * The cache: lines that the CPU sees and devices do not.
 *
 * Each line has three copies: the CPU's, which is the program's memory itself; memory's, which devices see; and what both
 * had when they last agreed.
 *
 *   dirty:       the CPU's differs from what was agreed
 *   written:     memory's differs from what was agreed
 *   write back:  memory = CPU's,  agreed = CPU's     if the line was also written: a device's bytes are clobbered
 *   forget:      CPU's = memory,  agreed = memory    if the line was also dirty: the CPU's bytes are lost
 *
 * So all of memory is cached all the time, which is the worst that a real cache could do to a driver: nothing that a device
 * wrote shows until somebody forgets the line, and nothing that the CPU wrote is seen until somebody cleans it.  What a
 * real one does besides, at moments nobody chose, is pressure: lines used lately are evicted or read anew.
 *
 * A device that writes what was there already has not written, as far as can be told; and the CPU's stores are
 * not seen when they happen, but when somebody looks.  With write-through, dirty bytes (and not their lines) reach memory
 * before anybody looks.
 */
#include <stdlib.h>
#include <string.h>

#include "sim_machine.h"

struct line {
	size_t at;                  /* offset in the cache's part of RAM */
	unsigned char *cpu, *ram, *agreed;
};

static struct line line_at(const struct sim_cache *cache, size_t at)
{
	at -= at % cache->line;
	return (struct line){ .at = at, .cpu = cache->sim->rig.ram_twin + cache->first + at, .ram = cache->ram + at,
		.agreed = cache->agreed + at };
}

static bool line_dirty(const struct sim_cache *cache, const struct line *line)
{
	return memcmp(line->cpu, line->agreed, cache->line) != 0;
}

/* The first and last bytes in which two copies differ. */
static void line_span(const struct sim_cache *cache, const unsigned char *a, const unsigned char *b, unsigned *ret_first,
    unsigned *ret_last)
{
	unsigned first = 0, last = (unsigned)cache->line - 1;

	while (first < last && a[first] == b[first])
		first++;
	while (last > first && a[last] == b[last])
		last--;
	*ret_first = first;
	*ret_last = last;
}

static void line_tell(struct sim_cache *cache, const struct line *line, struct mete_sim_line *what)
{
	struct sim *sim = cache->sim;

	what->time = sim->clock.now;
	what->phys = (mete_paddr)(sim->ram_phys + (cache->first - RIG_MIB) + line->at);
	what->len = (unsigned)cache->line;
	line_span(cache, line->cpu, line->agreed, &what->cpu_first, &what->cpu_last);
	if (sim->hooks.line)
		sim->hooks.line(sim->hooks.ctx, what);
}

static void line_write_back(struct sim_cache *cache, const struct line *line, bool pressure)
{
	if (memcmp(line->ram, line->agreed, cache->line)) {
		struct mete_sim_line what = { .mishap = METE_SIM_CLOBBERED, .pressure = pressure,
			.source = cache->writer[line->at / cache->line] };
		cache->sim->counters.clobbered++;
		line_span(cache, line->ram, line->agreed, &what.device_first, &what.device_last);
		line_tell(cache, line, &what);
	}
	memcpy(line->ram, line->cpu, cache->line);
	memcpy(line->agreed, line->cpu, cache->line);
}

static void line_forget(struct sim_cache *cache, const struct line *line)
{
	if (line_dirty(cache, line)) {
		struct mete_sim_line what = { .mishap = METE_SIM_LOST, .source = cache->writer[line->at / cache->line] };
		cache->sim->counters.lost++;
		line_tell(cache, line, &what);
	}
	memcpy(line->cpu, line->ram, cache->line);
	memcpy(line->agreed, line->ram, cache->line);
}

/* The CPU's bytes go to memory, and those of the line that it did not write stay as they are there. */
static void line_merge(struct sim_cache *cache, const struct line *line)
{
	for (size_t i = 0; cache->through && i < cache->line; i++) {
		if (line->cpu[i] != line->agreed[i])
			line->ram[i] = line->agreed[i] = line->cpu[i];
	}
}

static void cache_used(struct sim_cache *cache, size_t at)
{
	const size_t n = sizeof(cache->recent) / sizeof(*cache->recent);

	cache->recent[cache->nrecent++ % n] = at - at % cache->line;
}

void mete__sim_cache_op(struct sim_cache *cache, enum mete_cache op, size_t offset, size_t len)
{
	/* What is not in the cache's part needs no maintenance. */
	if (offset < cache->first) {
		size_t before = cache->first - offset;
		offset += before;
		len = len > before ? len - before : 0;
	}
	size_t at = offset - cache->first;
	if (at >= cache->len || !len)
		return;
	if (len > cache->len - at)
		len = cache->len - at;
	for (size_t i = at - at % cache->line; i < at + len; i += cache->line) {
		struct line line = line_at(cache, i);
		line_merge(cache, &line);
		if (op != METE_CACHE_INVALIDATE && line_dirty(cache, &line))
			line_write_back(cache, &line, false);
		if (op != METE_CACHE_CLEAN)
			line_forget(cache, &line);
		cache_used(cache, i);
	}
	mete__sim_cache_stir(cache);
}

/* A device has read bytes [first, last] of a line that the CPU has written and nobody cleaned. */
static void cache_stale(struct sim_cache *cache, const struct line *line, uint16_t source, size_t first, size_t last)
{
	struct mete_sim_line what = { .mishap = METE_SIM_STALE, .source = source, .device_first = (unsigned)first,
		.device_last = (unsigned)last };

	if (!memcmp(line->cpu + first, line->agreed + first, last - first + 1))
		return; /* others of its bytes are dirty */
	cache->sim->counters.stale_lines++;
	line_tell(cache, line, &what);
}

void mete__sim_cache_read(struct sim_cache *cache, uint16_t source, size_t offset, unsigned char *to, size_t len)
{
	for (size_t at = offset - cache->first, step; len; at += step, to += step, len -= step) {
		struct line line = line_at(cache, at);
		size_t first = at - line.at;
		step = cache->line - first < len ? cache->line - first : len;
		line_merge(cache, &line);
		cache_stale(cache, &line, source, first, first + step - 1);
		memcpy(to, line.ram + first, step);
		cache_used(cache, at);
	}
}

void mete__sim_cache_write(struct sim_cache *cache, uint16_t source, size_t offset, const unsigned char *from, size_t len)
{
	for (size_t at = offset - cache->first, step; len; at += step, from += step, len -= step) {
		struct line line = line_at(cache, at);
		size_t first = at - line.at;
		step = cache->line - first < len ? cache->line - first : len;
		line_merge(cache, &line);
		memcpy(line.ram + first, from, step);
		cache->writer[line.at / cache->line] = source;
		cache_used(cache, at);
	}
}

/* A line that was used lately, the last ones more often, or a neighbour of one: prefetchers take those along. */
static struct line cache_victim(struct sim_cache *cache)
{
	const size_t n = sizeof(cache->recent) / sizeof(*cache->recent);
	size_t known = cache->nrecent < n ? cache->nrecent : n;
	size_t back = (size_t)mete__sim_below(&cache->random, 1ull << mete__sim_below(&cache->random, 7)) % known;
	size_t at = cache->recent[(cache->nrecent - 1 - back) % n];
	uint64_t aside = mete__sim_below(&cache->random, 4);

	if (aside == 1 && at >= cache->line)
		at -= cache->line;
	if (aside == 2 && at + cache->line < cache->len)
		at += cache->line;
	return line_at(cache, at);
}

void mete__sim_cache_stir(struct sim_cache *cache)
{
	if (!cache->nrecent)
		return;
	if (sim_chance(&cache->random, cache->evict_ppm)) {
		struct line line = cache_victim(cache);
		line_merge(cache, &line);
		if (line_dirty(cache, &line))
			line_write_back(cache, &line, true);
		line_forget(cache, &line);
		cache->sim->counters.evicted++;
	}
	if (sim_chance(&cache->random, cache->refill_ppm)) {
		struct line line = cache_victim(cache);
		line_merge(cache, &line);
		if (!line_dirty(cache, &line)) {
			line_forget(cache, &line);
			cache->sim->counters.refilled++;
		}
	}
}

int mete__sim_cache_init(struct sim *sim, const struct mete_sim_cache *config, size_t first, size_t len)
{
	const unsigned line = config->line;

	if (line < 16 || line > 256 || (line & (line - 1)) || config->evict_ppm > 1000000 || config->refill_ppm > 1000000)
		return METE_EINVAL;
	struct sim_cache *cache = calloc(1, sizeof(*cache));
	if (!cache)
		return METE_ENOMEM;
	sim->cache = cache;
	*cache = (struct sim_cache){ .sim = sim, .first = first, .len = len, .line = line, .through = config->through,
		.evict_ppm = config->evict_ppm, .refill_ppm = config->refill_ppm };
	mete__sim_random_init(&cache->random, sim->seed, SIM_STREAM_CACHE);
	/* RAM begins as zeros, and so do these: all agree. */
	cache->ram = calloc(1, len);
	cache->agreed = calloc(1, len);
	cache->writer = calloc(len / line, sizeof(*cache->writer));
	return cache->ram && cache->agreed && cache->writer ? 0 : METE_ENOMEM;
}

void mete__sim_cache_fini(struct sim *sim)
{
	if (!sim->cache)
		return;
	free(sim->cache->ram);
	free(sim->cache->agreed);
	free(sim->cache->writer);
	free(sim->cache);
	sim->cache = NULL;
}
