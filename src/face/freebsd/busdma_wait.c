/* SPDX-License-Identifier: ISC */
/*
 * The line of deferred loads: first come, first served.
 *
 * Natively a software interrupt runs the callbacks.  Here it is whoever calls the pump: the application where it wants
 * to, or the unload itself.  Only one pump runs at a time, on one bus; a second call, be it another thread's or from
 * inside a callback, leaves word to look again.
 *
 * The first in line keeps its place until it is loaded.  The pump may take the driver's lock, so it has none of ours then,
 * and the driver may have cancelled the load before the lock was had; the ticket tells.
 */
#include "bytes.h"
#include "freebsd_face.h"

enum turn { TURN_RAN, TURN_GONE, TURN_WAITS };

/* Guard held. */
static void line_leave(struct mete_freebsd_bus *bus, struct mete_freebsd_map *map)
{
	struct mete_freebsd_map *before = NULL;

	for (struct mete_freebsd_map *at = bus->first; at != map; at = at->next) {
		if (!at)
			return;
		before = at;
	}
	if (before)
		before->next = map->next;
	else
		bus->first = map->next;
	if (bus->last == map)
		bus->last = before;
	map->next = NULL;
	map->state = MAP_EMPTY;
}

/* Tell who observes that a load waits, or waits no more. */
static void wait_tell(struct mete_freebsd_map *map, enum mete_event_kind kind)
{
	struct mete_event event;

	if (!METE_OBSERVED(map->tag->bus->device->provider))
		return;
	mete__bytes_zero(&event, sizeof event);
	event.kind = kind;
	event.owner_kind = METE_OWNER_MAP;
	event.owner = &map->core;
	event.device = map->tag->bus->device;
	mete_observe_tell(&event);
}

bool mete__freebsd_defer(struct mete_freebsd_map *map, unsigned long ends)
{
	struct mete_freebsd_bus *bus = map->tag->bus;

	wait_tell(map, METE_EVENT_WAITS); /* before another thread can load it */
	freebsd_lock(bus);
	bool missed = bus->ends != ends; /* what another thread held is free since, and it saw nobody in line */
	if (!bus->nbusy && !missed && !bus->first) {
		freebsd_unlock(bus);
		wait_tell(map, METE_EVENT_CALLED_OFF);
		return false;
	}
	map->state = MAP_WAITING;
	map->ticket = ++bus->tickets;
	map->next = NULL;
	if (bus->last)
		bus->last->next = map;
	else
		bus->first = map;
	bus->last = map;
	freebsd_unlock(bus);
	if (missed)
		mete__freebsd_released(bus, false);
	return true;
}

void mete__freebsd_cancel(struct mete_freebsd_map *map)
{
	struct mete_freebsd_bus *bus = map->tag->bus;

	freebsd_lock(bus);
	line_leave(bus, map);
	freebsd_unlock(bus);
	wait_tell(map, METE_EVENT_CALLED_OFF);
	mete__freebsd_released(bus, false); /* who comes next may want less */
}

void mete__freebsd_released(struct mete_freebsd_bus *bus, bool held)
{
	freebsd_lock(bus);
	bus->nbusy -= held;
	bus->ends++;
	bool waiting = bus->first != NULL;
	freebsd_unlock(bus);
	if (!waiting)
		return;
	if (bus->later)
		bus->later(bus->later_ctx);
	else
		(void)mete_freebsd_bus_pump(bus);
}

static void call_back(struct mete_freebsd_map *map, int error)
{
	FREEBSD_CALLBACK(map);

	map->callback(map->callback_arg, map->native, error ? 0 : map->nsegs, error);
}

/* Under the driver's lock: try the first in line, if it still has this ticket. */
static enum turn line_turn(struct mete_freebsd_bus *bus, unsigned long ticket)
{
	freebsd_lock(bus);
	struct mete_freebsd_map *map = bus->first;
	bool gone = !map || map->ticket != ticket;
	unsigned long ends = bus->ends;
	freebsd_unlock(bus);
	if (gone)
		return TURN_GONE;
	int error = mete__freebsd_load(map, &map->object, map->flags, true);
	freebsd_lock(bus);
	bool waits = error == NATIVE_ENOMEM && bus->nbusy; /* if nobody holds anything there is nothing to wait for */
	bool again = error == NATIVE_ENOMEM && !waits && bus->ends != ends; /* they held it then, and no more */
	if (!waits && !again)
		line_leave(bus, map);
	freebsd_unlock(bus);
	if (waits)
		return TURN_WAITS;
	if (again)
		return TURN_GONE;
	if (!error)
		map->state = MAP_LOADED;
	else
		wait_tell(map, METE_EVENT_CALLED_OFF);
	call_back(map, error);
	return TURN_RAN;
}

size_t mete_freebsd_bus_pump(struct mete_freebsd_bus *bus)
{
	METE_OBSERVE_CALL(bus->device->provider, "freebsd", "bus_dmamap_load");

	size_t nran = 0;

	freebsd_lock(bus);
	if (bus->pumping) {
		bus->again = true;
		freebsd_unlock(bus);
		return 0;
	}
	bus->pumping = true;
	do {
		enum turn turn = TURN_GONE;
		bus->again = false;
		while (bus->first && turn != TURN_WAITS) {
			unsigned long ticket = bus->first->ticket;
			bus_dma_lock_t *lockfunc = bus->first->tag->lockfunc;
			void *lockarg = bus->first->tag->lockarg;
			freebsd_unlock(bus);
			lockfunc(lockarg, BUS_DMA_LOCK);
			turn = line_turn(bus, ticket);
			lockfunc(lockarg, BUS_DMA_UNLOCK);
			nran += turn == TURN_RAN;
			freebsd_lock(bus);
		}
	} while (bus->again);
	bus->pumping = false;
	freebsd_unlock(bus);
	return nran;
}

size_t mete_freebsd_bus_waiting(struct mete_freebsd_bus *bus)
{
	size_t n = 0;

	freebsd_lock(bus);
	for (const struct mete_freebsd_map *map = bus->first; map; map = map->next)
		n++;
	freebsd_unlock(bus);
	return n;
}
