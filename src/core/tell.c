/* SPDX-License-Identifier: ISC */
/*
 * Tell: how events are made.
 *
 * Each function fills one on its own stack, so that the calls that tell keep none on theirs.
 */
#include "tell.h"

#include "bytes.h"

int mete_provider_observe(struct mete_provider *provider, struct mete_observer *observer)
{
	if (observer && provider->observer)
		return METE_EBUSY;
	provider->observer = observer;
	return 0;
}

void mete_provider_taken(const struct mete_provider *provider, const struct mete_run *run)
{
	struct mete_event e;

	if (!METE_OBSERVED(provider))
		return;
	mete__bytes_zero(&e, sizeof e);
	e.kind = METE_EVENT_TAKE;
	e.cpu = run->cpu;
	e.phys = run->phys;
	e.len = run->len;
	provider->observer->event(provider->observer, &e);
}

static void event_start(struct mete_event *e, enum mete_event_kind kind, const void *site, struct mete_device *device)
{
	mete__bytes_zero(e, sizeof *e);
	e->kind = kind;
	e->site = site;
	e->device = device;
}

static void event_tell(const struct mete_event *e)
{
	struct mete_observer *observer = e->device->provider->observer;
	observer->event(observer, e);
}

void mete__tell_alloc(const void *site, struct mete_device *device, enum mete_owner_kind owner_kind, const void *owner,
    const void *cpu, mete_baddr bus, size_t len, size_t room, enum mete_memory memory, unsigned flags,
    int error)
{
	struct mete_event e;

	event_start(&e, METE_EVENT_ALLOC, site, device);
	e.owner_kind = owner_kind;
	e.owner = owner;
	e.cpu = cpu;
	e.bus = bus;
	e.len = len;
	e.room = room;
	e.memory = memory;
	e.flags = flags;
	e.error = error;
	event_tell(&e);
}

void mete__tell_memory(enum mete_event_kind kind, const void *site, struct mete_device *device,
    enum mete_owner_kind owner_kind, const void *owner, const void *cpu, mete_baddr bus, size_t len, int error)
{
	struct mete_event e;

	event_start(&e, kind, site, device);
	e.owner_kind = owner_kind;
	e.owner = owner;
	e.cpu = cpu;
	e.bus = bus;
	e.len = len;
	e.error = error;
	event_tell(&e);
}

static void event_pass(struct mete_event *e, size_t len, enum mete_access access, unsigned more, int error)
{
	e->len = len;
	e->access = access;
	if (e->kind == METE_EVENT_SYNC || e->kind == METE_EVENT_MAP_SYNC)
		e->sync = (enum mete_sync)more;
	else
		e->flags = more;
	e->error = error;
	event_tell(e);
}

void mete__tell_single(enum mete_event_kind kind, const void *site, struct mete_device *device, const void *cpu,
    mete_paddr phys, mete_baddr bus, size_t len, enum mete_access access, unsigned more, int error)
{
	struct mete_event e;

	event_start(&e, kind, site, device);
	e.owner_kind = METE_OWNER_DEVICE;
	e.owner = device;
	e.cpu = cpu;
	e.phys = phys;
	e.bus = bus;
	event_pass(&e, len, access, more, error);
}

void mete__tell_map(enum mete_event_kind kind, const void *site, const struct mete_map *map, size_t off, size_t len,
    enum mete_access access, unsigned more, int error)
{
	struct mete_event e;

	event_start(&e, kind, site, map->device);
	e.owner_kind = METE_OWNER_MAP;
	e.owner = map;
	e.off = off;
	event_pass(&e, len, access, more, error);
}

void mete__tell_stretch(const struct mete_map *map, const void *cpu, mete_paddr phys, size_t off, size_t len)
{
	struct mete_event e;

	event_start(&e, METE_EVENT_STRETCH, NULL, map->device);
	e.owner_kind = METE_OWNER_MAP;
	e.owner = map;
	e.cpu = cpu;
	e.phys = phys;
	e.off = off;
	e.len = len;
	event_tell(&e);
}

void mete__tell_life(enum mete_event_kind kind, const void *site, struct mete_device *device,
    enum mete_owner_kind owner_kind, const void *owner, int error)
{
	mete__tell_memory(kind, site, device, owner_kind, owner, NULL, 0, 0, error);
}

void mete__tell_mistake(struct mete_provider *provider, const void *site, int error)
{
	struct mete_event e;

	event_start(&e, METE_EVENT_MISTAKE, site, NULL);
	e.error = error;
	provider->observer->event(provider->observer, &e);
}
