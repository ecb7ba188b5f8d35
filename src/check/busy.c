/* SPDX-License-Identifier: ISC */
/*
 * Busy: which thread is in a call of which map.
 *
 * A load tells of each part that it reads, and when it ends; in between its map is the thread's.  A sync or an unload tells
 * only that it begins; it ends when the face's call is left, or calls the driver back, and of the core's own calls nobody
 * knows.  So not all is found that two threads do at once, but what is found is so.
 *
 * Two syncs at once are not reported: systems allow them for parts that do not overlap.
 */
#include "check_state.h"

static _Thread_local unsigned held; /* entries of this thread that end with its call */

static struct busy *busy_find(struct mete_check *check, const void *map)
{
	for (size_t i = 0; i < BUSY; i++) {
		if (check->busy[i].map == map)
			return &check->busy[i];
	}
	return NULL;
}

/* The map is this thread's from now on.  Without room for it, nobody hears of what goes wrong with it. */
static void busy_enter(struct mete_check *check, struct busy *at, const struct mete_event *e, const struct place *here)
{
	bool reads = e->kind == METE_EVENT_STRETCH;

	if (!at)
		at = busy_find(check, NULL);
	if (!at)
		return;
	held += !reads && !(at->map && !at->reads);
	*at = (struct busy){ e->owner, &held, reads, e->kind, *here };
}

static void busy_report(const struct mete_event *e, const struct busy *at, bool same, const struct place *here,
    struct findings *found)
{
	struct finding *f = mete__findings_add(found, same ? METE_DMA_X04 : METE_DMA_X03, here);

	mete__finding_say(f, same ? "the map is just being loaded, by this thread"
	        : at->reads ? "another thread is just loading the map" : "another thread is in a call with the same map");
	f->device = e->device;
	f->made = at->place;
	f->made_word = "other";
}

/* Without a map of the driver's, what was read is a single mapping's. */
static void busy_single(struct mete_check *check)
{
	for (size_t i = 0; i < BUSY; i++) {
		if (check->busy[i].reads && check->busy[i].thread == &held)
			check->busy[i].map = NULL;
	}
}

bool mete__busy_event(struct mete_check *check, const struct mete_event *e, const struct place *here,
    struct findings *found)
{
	if (e->kind == METE_EVENT_MAP)
		busy_single(check);
	if (e->owner_kind != METE_OWNER_MAP || (e->kind != METE_EVENT_STRETCH && e->kind != METE_EVENT_LOAD &&
	        e->kind != METE_EVENT_UNLOAD && e->kind != METE_EVENT_MAP_SYNC))
		return false;
	struct busy *at = busy_find(check, e->owner);
	bool same = at && at->thread == &held, sync = e->kind == METE_EVENT_MAP_SYNC;
	if (at && !same && !(sync && at->kind == METE_EVENT_MAP_SYNC)) {
		busy_report(e, at, false, here, found);
		return at->reads;
	}
	if (at && same && at->reads && (sync || e->kind == METE_EVENT_UNLOAD)) {
		busy_report(e, at, true, here, found);
		return true;
	}
	if (e->kind == METE_EVENT_LOAD) {
		if (at && at->reads)
			at->map = NULL;
	} else if (!at || same) {
		if (e->kind == METE_EVENT_STRETCH || here->call)
			busy_enter(check, at, e, here);
	}
	return false;
}

void mete__busy_left(struct mete_check *check)
{
	if (!held)
		return;
	mete__check_lock(check);
	for (size_t i = 0; i < BUSY; i++) {
		if (!check->busy[i].reads && check->busy[i].thread == &held)
			check->busy[i].map = NULL;
	}
	held = 0;
	mete__check_unlock(check);
}
