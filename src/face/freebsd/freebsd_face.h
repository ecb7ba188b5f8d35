/* SPDX-License-Identifier: ISC */
/*
 * What the files of the FreeBSD face share: tags, maps, and the one table of errors.
 *
 * A map is one record, with room for every segment that its tag allows, twice, once in the core's form and once in the
 * native one.  So a load allocates nothing.
 *
 *   [ struct mete_freebsd_map ][ core segments ][ native segments ]
 */
#ifndef FREEBSD_FACE_H
#define FREEBSD_FACE_H

#include <machine/bus.h>
#include <mete/observe.h>

#include "guard.h"

/* First of all in each call: who observes hears of it. */
#define FREEBSD_CALL(tag, name) METE_OBSERVE_CALL((tag) ? (tag)->bus->device->provider : NULL, "freebsd", name)

/* First of all in a function that calls the driver back, and does nothing else. */
#define FREEBSD_CALLBACK(map) METE_OBSERVE_CALLBACK((map)->tag->bus->device->provider)

/* FreeBSD's numbers; all but EINPROGRESS are the same everywhere. */
enum { NATIVE_EIO = 5, NATIVE_ENOMEM = 12, NATIVE_EBUSY = 16, NATIVE_EINVAL = 22, NATIVE_EFBIG = 27 };

struct mete_freebsd_tag {
	struct mete_freebsd_bus *bus;
	struct mete_freebsd_tag *parent;  /* NULL: the application's own */
	struct mete_constraint limit;     /* for a load, all parents included */
	bus_addr_t lowaddr, highaddr;     /* the window (lowaddr, highaddr], parents included; empty unless low < high */
	bus_size_t maxsize;
	int nsegments;                    /* BUS_SPACE_UNRESTRICTED: any number */
	int flags;
	bus_dma_lock_t *lockfunc;
	void *lockarg;
	size_t nusers;                    /* maps and tags below */
};

enum map_state { MAP_EMPTY, MAP_LOADED, MAP_WAITING };

struct mete_freebsd_map {
	struct mete_freebsd_tag *tag;
	struct mete_map core;
	enum map_state state;
	bus_dma_segment_t *native;
	int nsegs;
	bool scarce;                      /* loaded, and holds what others may wait for */
	size_t record_len;
	/* Of memory from bus_dmamem_alloc: never in the core's map, for the device sees it as it is. */
	unsigned char *memory;
	bus_addr_t memory_bus;
	bool needs_sync;
	/* Of a load that waits. */
	struct mete_freebsd_map *next;
	unsigned long ticket;
	struct mete_bsd_object object;
	int flags;
	bus_dmamap_callback_t *callback;
	void *callback_arg;
};

/* The one table of errors. */
static inline int freebsd_error(int error)
{
	switch (error) {
	case 0:
		return 0;
	case METE_ENOMEM:
		return NATIVE_ENOMEM;
	case METE_EMSGSIZE:
		return NATIVE_EFBIG;
	case METE_EIO:
		return NATIVE_EIO;
	default: /* unreachable memory is as much the argument's fault as a bad length */
		return NATIVE_EINVAL;
	}
}

/* A mistake of the driver's. */
static inline int freebsd_wrong(struct mete_freebsd_tag *tag)
{
	mete_provider_note(tag->bus->device->provider, METE_EINVAL);
	return NATIVE_EINVAL;
}

/* It ends later, when nobody uses it any more. */
static inline int freebsd_busy(struct mete_freebsd_tag *tag)
{
	mete_provider_note(tag->bus->device->provider, METE_EBUSY);
	return NATIVE_EBUSY;
}

static inline void freebsd_lock(struct mete_freebsd_bus *bus)
{
	const struct mete_provider *p = bus->device->provider;
	guard_lock(&bus->guard, &p->hooks, p->hooks_ctx);
}

static inline void freebsd_unlock(struct mete_freebsd_bus *bus)
{
	const struct mete_provider *p = bus->device->provider;
	guard_unlock(&bus->guard, &p->hooks, p->hooks_ctx);
}

/*
 * Load an object, from its first piece on, into the core's map and make the native segments.  Returns a native error.
 * `turn`: this load waited, and is the first that did; others leave what is scarce to those that wait.
 */
int mete__freebsd_load(struct mete_freebsd_map *map, struct mete_bsd_object *object, int flags, bool turn);

/*
 * Put `map` at the end of the line.  `ends` is the bus's count, as it is if no other load or unload ended since this one
 * was tried.  False, and it is not done, if nobody holds anything: it would wait for ever.
 */
bool mete__freebsd_defer(struct mete_freebsd_map *map, unsigned long ends);

/* Take `map` out of the line. */
void mete__freebsd_cancel(struct mete_freebsd_map *map);

/* Something was unloaded, or left the line: those that wait may go on.  `held`: it is busy no more. */
void mete__freebsd_released(struct mete_freebsd_bus *bus, bool held);

#endif
