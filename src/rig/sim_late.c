/* SPDX-License-Identifier: ISC */
/*
 * Late stores: what the CPU stored in coherent memory, and a device does not see yet.
 *
 * A CPU may keep its stores for a while, and let them out in another order.  A driver that writes a descriptor, then a
 * flag or a register, needs a barrier in between, and nobody misses it on a PC.  Here devices have a copy of coherent
 * memory of their own.  A barrier brings it up to date; without one, some of the lines that differ arrive at each event,
 * in an order from the seed.  What a device writes is seen by the CPU at once.
 *
 * The CPU's stores are not seen when they happen.  So what is compared is the memory that is taken from the provider, which is
 * little.
 *
 * That a device misses a store is not yet wrong: a driver may write the next descriptor while the device looks at the last
 * one.  It is wrong if a register was written in between, since then the doorbell has overtaken the store.  So there is a
 * third copy, of what was *due* when a register was last written without a barrier.  It differs from the device's copy only
 * where a store was overtaken and has not arrived since.
 */
#include <stdlib.h>
#include <string.h>

#include "sim_machine.h"

#define LATE_LINE 64u
#define LATE_ODDS 8u /* of so many lines that differ, one arrives at each occasion */

bool mete__sim_late_take(struct sim_late *late, size_t offset, size_t len)
{
	if (offset < late->first || offset - late->first >= late->len)
		return true;
	if (late->nruns == late->capacity) {
		size_t capacity = late->capacity ? 2 * late->capacity : 16;
		void *runs = realloc(late->runs, capacity * sizeof(*late->runs));
		if (!runs)
			return false;
		late->runs = runs;
		late->capacity = capacity;
	}
	late->runs[late->nruns].first = offset - late->first;
	late->runs[late->nruns++].len = len;
	memcpy(late->due + (offset - late->first), late->ram + (offset - late->first), len); /* what was before is forgotten */
	return true;
}

void mete__sim_late_give(struct sim_late *late, size_t offset, size_t len)
{
	for (size_t i = 0; i < late->nruns; i++) {
		if (late->runs[i].first == offset - late->first && late->runs[i].len == len) {
			/* In order, so that what is drawn for the others stays the same. */
			memmove(&late->runs[i], &late->runs[i + 1], (--late->nruns - i) * sizeof(*late->runs));
			return;
		}
	}
}

static unsigned char *late_cpu(const struct sim_late *late, size_t at)
{
	return late->sim->rig.ram_twin + late->first + at;
}

static void late_arrive(struct sim_late *late, size_t at, const unsigned char *from, size_t len)
{
	memcpy(late->ram + at, from, len);
	memcpy(late->due + at, from, len);
}

void mete__sim_late_barrier(struct sim_late *late)
{
	for (size_t i = 0; i < late->nruns; i++)
		late_arrive(late, late->runs[i].first, late_cpu(late, late->runs[i].first), late->runs[i].len);
}

void mete__sim_late_overtake(struct sim_late *late)
{
	for (size_t i = 0; i < late->nruns; i++)
		memcpy(late->due + late->runs[i].first, late_cpu(late, late->runs[i].first), late->runs[i].len);
}

void mete__sim_late_some(struct sim_late *late)
{
	for (size_t i = 0; i < late->nruns; i++) {
		size_t end = late->runs[i].first + late->runs[i].len;
		/* Whole frames: a multiple of the line. */
		for (size_t at = late->runs[i].first; at < end; at += LATE_LINE) {
			bool same = !memcmp(late->ram + at, late_cpu(late, at), LATE_LINE);
			if (!same && !mete__sim_below(&late->random, LATE_ODDS))
				late_arrive(late, at, late_cpu(late, at), LATE_LINE);
		}
	}
}

bool mete__sim_late_read(struct sim_late *late, size_t offset, unsigned char *to, size_t len)
{
	size_t at = offset - late->first;

	memcpy(to, late->ram + at, len);
	if (memcmp(to, late_cpu(late, at), len))
		late->sim->counters.late++;
	return memcmp(to, late->due + at, len) != 0;
}

void mete__sim_late_write(struct sim_late *late, size_t offset, const unsigned char *from, size_t len)
{
	size_t at = offset - late->first;

	late_arrive(late, at, from, len);
	memcpy(late_cpu(late, at), from, len);
}

int mete__sim_late_init(struct sim *sim, size_t first, size_t len)
{
	struct sim_late *late = calloc(1, sizeof(*late));

	if (!late)
		return METE_ENOMEM;
	sim->late = late;
	*late = (struct sim_late){ .sim = sim, .first = first, .len = len };
	mete__sim_random_init(&late->random, sim->seed, SIM_STREAM_LATE);
	late->ram = calloc(1, len);
	late->due = calloc(1, len);
	return late->ram && late->due ? 0 : METE_ENOMEM;
}

void mete__sim_late_fini(struct sim *sim)
{
	if (!sim->late)
		return;
	free(sim->late->ram);
	free(sim->late->due);
	free(sim->late->runs);
	free(sim->late);
	sim->late = NULL;
}

int mete_sim_barrier(struct mete_rig *rig)
{
	struct sim *sim = mete__sim(rig);

	if (!sim)
		return METE_ENOTSUP;
	int error = mete__sim_enter(sim);
	if (error)
		return error;
	if (sim->late)
		mete__sim_late_barrier(sim->late);
	mete__sim_leave(sim);
	return 0;
}
