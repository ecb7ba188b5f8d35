/* SPDX-License-Identifier: ISC */
/*
 * Job: a mapping in the making, from stretches to segments.
 */
#ifndef JOB_H
#define JOB_H

#include <mete/window.h>

#include "checked.h"
#include "stretch.h"

/* What is done so far, and what undoing it takes.  Zero, but for the first group. */
struct job {
	struct mete_map *map;  /* empty; the segments go here */
	const struct mete_constraint *limit;
	enum mete_access access;
	bool align;            /* the limit's alignment counts */
	bool apart;            /* pieces are not joined */
	bool replace;          /* use stand-ins, whether needed or not */

	bool joining;          /* the next range may join the segment before */
	bool replacing;        /* the range before was a stand-in */
	mete_baddr iova;       /* of the whole object, behind an IOMMU */
	size_t iova_len;
	size_t laid;           /* bytes of it laid out so far */
	size_t mapped;         /* bytes of it that have translations */
	bool loose;            /* there is a stand-in that no segment tells of */
	mete_paddr loose_phys;
};

/* The limits that concern a mapping as a whole. */
static inline bool transfer_allowed(const struct mete_constraint *c, size_t len)
{
	return len >= c->min_transfer && (!c->granularity || len % c->granularity == 0);
}

/* Whether [bus, bus + len - 1] lies in the range and out of the hole; cutting into segments meets the other limits. */
static inline bool segment_reachable(const struct mete_constraint *limit, mete_baddr bus, size_t len)
{
	mete_baddr last;

	if ((mete_baddr)len != len || !checked_last_bus(bus, (mete_baddr)len, &last))
		return false;
	if (bus < limit->first || (limit->last && last > limit->last))
		return false;
	return !limit->hole_last || bus > limit->hole_last || last < limit->hole_first;
}

/* How far a segment that starts at `bus` may go. */
static inline mete_baddr segment_room(const struct mete_constraint *limit, mete_baddr bus)
{
	mete_baddr room = METE_BADDR_MAX;

	if (limit->max_segment)
		room = limit->max_segment;
	if (limit->boundary) {
		mete_baddr to_edge = limit->boundary - (bus & (limit->boundary - 1));
		if (to_edge < room)
			room = to_edge;
	}
	return room;
}

/* Whether an error may be gone when there is less to show, or it is shown another way. */
static inline bool too_much(int error)
{
	return error == METE_EMSGSIZE || error == METE_ERANGE || error == METE_ENOMEM;
}

/* Begin; alignment and pieces do not count unless the caller says so. */
void mete__job_init(struct job *job, struct mete_map *map, const struct mete_constraint *limit, enum mete_access access);

/* Show all of an object.  METE_EINVAL if it is empty; whatever fails, mete__job_undo() is due. */
int mete__job_pieces(struct job *job, const struct mete_pieces *pieces);

/*
 * About how much IOVA, and how much of the bounce area, all of an object would take if all of it were shown there at once:
 * small pieces take a page or a grain each.
 */
int mete__job_extent(const struct job *job, const struct mete_pieces *pieces, size_t *ret_iova, size_t *ret_area);

/* Show one stretch that is the whole object.  Whatever fails, mete__job_undo() is due. */
int mete__job_whole(struct job *job, const struct stretch *stretch);

/* Take back what was done; the map is empty again. */
void mete__job_undo(struct job *job);

/*
 * Take everything away from the device that the segments of `map` tell of, and the first `mapped` bytes of its IOVA: first
 * the addresses, then what was behind them, so that no stand-in is another's while the device can still reach it.  `chain`
 * are stand-ins that left before.
 */
void mete__job_release(struct mete_map *map, mete_baddr iova, size_t iova_len, size_t mapped, uint32_t chain);

/* What mete_map_load() checks first, counted; `ret` are the limits that hold. */
int mete__map_check(struct mete_map *map, const struct mete_pieces *pieces, enum mete_access access, unsigned flags,
    struct mete_constraint *ret);

/* What it does then; nothing is counted on failure. */
int mete__map_fill(struct mete_map *map, const struct mete_constraint *limit, const struct mete_pieces *pieces,
    enum mete_access access, unsigned flags);

/* The job that it does so with. */
void mete__map_job(struct job *job, struct mete_map *map, const struct mete_constraint *limit, enum mete_access access,
    unsigned flags);

/* mete_map_unload() without telling. */
int mete__map_unload(struct mete_map *map);

#endif
