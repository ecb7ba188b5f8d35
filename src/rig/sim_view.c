/* SPDX-License-Identifier: ISC */
/*
 * Memory as devices see it.
 *
 * RAM is cut into at most three parts, each with one way of looking at it: shared with the CPU, behind its cache, or late.
 * Without a cache and without late stores it is one part, and a device's access is a copy.
 */
#include <string.h>

#include "sim_machine.h"

bool mete__sim_offset(const struct sim *sim, uint64_t phys, uint64_t len, size_t *ret_offset)
{
	const uint64_t rest = sim->rig.ram_len - RIG_MIB;

	if (phys < RIG_MIB && len <= RIG_MIB - phys) {
		*ret_offset = (size_t)phys;
		return true;
	}
	/* Where the two parts are neighbours, an access may go across. */
	if (phys < RIG_MIB && sim->ram_phys == RIG_MIB && len <= sim->rig.ram_len - phys) {
		*ret_offset = (size_t)phys;
		return true;
	}
	if (phys < sim->ram_phys || phys - sim->ram_phys >= rest || len > rest - (phys - sim->ram_phys))
		return false;
	*ret_offset = (size_t)(phys - sim->ram_phys) + RIG_MIB;
	return true;
}

enum view { VIEW_SHARED, VIEW_CACHE, VIEW_LATE };

/* Which part `offset` is in, and how far it goes. */
static enum view view_at(const struct sim *sim, size_t offset, size_t *len)
{
	const struct { enum view view; size_t first, len; } part[] = {
		{ VIEW_CACHE, sim->cache ? sim->cache->first : 0, sim->cache ? sim->cache->len : 0 },
		{ VIEW_LATE, sim->late ? sim->late->first : 0, sim->late ? sim->late->len : 0 },
	};

	for (size_t i = 0; i < 2; i++) {
		if (offset >= part[i].first && offset - part[i].first < part[i].len) {
			size_t rest = part[i].len - (offset - part[i].first);
			*len = *len < rest ? *len : rest;
			return part[i].view;
		}
		if (part[i].len && offset < part[i].first && part[i].first - offset < *len)
			*len = part[i].first - offset;
	}
	return VIEW_SHARED;
}

bool mete__sim_view_read(struct sim_function *function, size_t offset, unsigned char *to, size_t len)
{
	struct sim *sim = function->sim;
	bool late = false;

	for (size_t step; len; offset += step, to += step, len -= step) {
		step = len;
		switch (view_at(sim, offset, &step)) {
		case VIEW_SHARED: memcpy(to, sim->rig.ram_twin + offset, step); break;
		case VIEW_CACHE: mete__sim_cache_read(sim->cache, sim_source(function), offset, to, step); break;
		case VIEW_LATE: late = mete__sim_late_read(sim->late, offset, to, step) || late; break;
		}
	}
	return late;
}

void mete__sim_view_write(struct sim_function *function, size_t offset, const unsigned char *from, size_t len)
{
	struct sim *sim = function->sim;

	for (size_t step; len; offset += step, from += step, len -= step) {
		step = len;
		switch (view_at(sim, offset, &step)) {
		case VIEW_SHARED: memcpy(sim->rig.ram_twin + offset, from, step); break;
		case VIEW_CACHE: mete__sim_cache_write(sim->cache, sim_source(function), offset, from, step); break;
		case VIEW_LATE: mete__sim_late_write(sim->late, offset, from, step); break;
		}
	}
}

void mete__sim_stir(struct sim *sim)
{
	if (sim->cache)
		mete__sim_cache_stir(sim->cache);
	if (sim->late)
		mete__sim_late_some(sim->late);
}
