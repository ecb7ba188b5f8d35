/* SPDX-License-Identifier: ISC */
/*
 * Observe: an ear at a provider.
 *
 * A verifier must know what drivers ask for and what they get.  It listens at the provider, so it hears every device, pool
 * and map over it.  There is at most one observer; without one, a call spends three instructions on the question.
 *
 * An observer hears two things.  A face tells which of its calls was entered, and from where, before it does anything.
 * The core tells what happens, as events: frees, unmaps and syncs before anything is checked, so with the arguments as they
 * were given; allocations and mappings when they are made or refused.  So the observer knows that memory is the CPU's before
 * the library itself touches it: memory that is to be cleared is told before it is, and only its `len` bytes are cleared
 * then; what lies behind is the observer's.
 *
 * An observer changes nothing.  It may not call the library with the provider's objects, may not sleep, and must stand being
 * called by several threads at once, and in interrupt handlers if the library is.
 */
#ifndef METE_OBSERVE_H
#define METE_OBSERVE_H

#include <mete/map.h>
#include <mete/provider.h>

enum mete_event_kind {
	METE_EVENT_ALLOC,   /* memory was handed out, or refused: device, owner, cpu, bus, len, room, memory,
	                     * flags */
	METE_EVENT_FREE,    /* a free was asked for: device, owner, cpu, len (0: the call has none) */
	METE_EVENT_MAP,     /* a mapping was made, or refused: device, cpu, phys, bus, len, access, flags */
	METE_EVENT_UNMAP,   /* an unmap was asked for: device, bus, len, access, flags */
	METE_EVENT_SYNC,    /* a sync was asked for: device, bus, len, sync, access */
	METE_EVENT_STRETCH, /* a load or mapping reads a part of its object: device, owner, cpu, phys, off, len.  An `off` of 0 begins
	                     * anew: what was read before was tried in vain */
	METE_EVENT_LOAD,    /* a load ended, or was refused: device, owner, off (of its window), len, access, flags; segments
	                     * are in the map */
	METE_EVENT_UNLOAD,  /* an unload was asked for: device, owner */
	METE_EVENT_MAP_SYNC,/* a sync was asked for: device, owner, off, len, sync, access */
	METE_EVENT_KEPT,    /* the free or unmap that was asked for last on this thread was refused, so nothing has changed: device, cpu
	                     * or else bus */
	METE_EVENT_MISTAKE, /* a face found a mistake by itself, and told mete_provider_note(): error */
	METE_EVENT_BORN,    /* a device, pool, classes, bounce area or map was initialised: device, owner */
	METE_EVENT_GONE,    /* it was finished, or that was refused: device, owner */
	METE_EVENT_PASSED,  /* the sync for the device that was asked for last on this thread was done: device, bus or else owner and
	                     * off, len, access */
	METE_EVENT_TAKE,    /* a run was taken from the provider, by whomever: cpu, phys, len.  Told by providers with
	                     * METE_TRAIT_STAYS */
	METE_EVENT_MASK,    /* a driver told how far its device reaches, or that was refused: device, flags (an enum mete_use) */
	METE_EVENT_SLEEPS,  /* a face's call was entered that may sleep, as the driver asked for it: device */
	METE_EVENT_REGISTERS, /* registers were named for a device to reach: device, phys, len */
	METE_EVENT_NO_WINDOW, /* a window was asked for that there is not: device, owner, off (its number), len (how many there are) */
	METE_EVENT_WAITS,   /* a load waits for its turn; its METE_EVENT_LOAD follows, unless it is called off: device, owner */
	METE_EVENT_CALLED_OFF, /* it was: device, owner */
};

/* What owns memory, or is born. */
enum mete_owner_kind {
	METE_OWNER_DEVICE,
	METE_OWNER_POOL,
	METE_OWNER_CLASSES,
	METE_OWNER_MAP,
	METE_OWNER_BOUNCE,
};

/* Fields that an event's comment does not name are 0. */
struct mete_event {
	enum mete_event_kind kind;
	enum mete_owner_kind owner_kind;
	int error;                   /* 0, or why it was refused, where the event comes after the fact */
	const void *site;            /* return address of the core's call; NULL: unknown */
	struct mete_device *device;
	const void *owner;           /* the pool, classes, map or device */
	const void *cpu;
	mete_paddr phys;
	mete_baddr bus;
	size_t len;
	size_t room;                 /* bytes from `cpu` on that are nobody else's: what lies behind `len` is unused */
	size_t off;
	enum mete_memory memory;
	enum mete_access access;
	enum mete_sync sync;
	unsigned flags;
};

/* Storage belongs to the observer, which usually embeds it. */
struct mete_observer {
	void (*event)(struct mete_observer *observer, const struct mete_event *event);

	/*
	 * A face's call was entered from `site`: of "linux", "dma_map_single", say; both stay for ever.  `count` is the number of
	 * pieces, or of bytes to allocate, that it was given, if the core is not told.  Until it is left, events on this thread are its doing, and so are calls of
	 * the face's own that it makes.  A `name` of NULL says that the face now calls the driver back: what happens until that is
	 * left is the driver's own doing again.
	 */
	void (*call)(struct mete_observer *observer, const char *face, const char *name, const void *site, size_t count);
	void (*left)(struct mete_observer *observer);

	/* The driver asked whether a mapping that gave it `bus` has failed. */
	void (*asked)(struct mete_observer *observer, struct mete_device *device, mete_baddr bus);
};

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Let `observer` hear what happens at `provider`, or nobody if it is NULL.  METE_EBUSY if there is another already.  While no
 * other thread is in a call of the provider's objects.
 */
int mete_provider_observe(struct mete_provider *provider, struct mete_observer *observer);

/* For providers with METE_TRAIT_STAYS: tell the observer, if there is one, that `run` was taken.  Outside of any lock. */
void mete_provider_taken(const struct mete_provider *provider, const struct mete_run *run);

#ifdef __cplusplus
}
#endif

/* The address that the function it stands in returns to. */
#if defined(__GNUC__)
#define METE_CALLER() __builtin_return_address(0)
#else
#define METE_CALLER() NULL
#endif

#if METE_OBSERVER
#define METE_OBSERVED(provider) (__builtin_expect((provider)->observer != NULL, 0))
#else
#define METE_OBSERVED(provider) false
#endif

/*
 * For faces: the function that this stands in, first of all, is a call of theirs.  `provider` may be NULL, and outlives the
 * call.
 */
#if METE_OBSERVER && defined(__GNUC__)
/* What the macros do: tell the observer that a call was entered.  Returns whose observer was told; NULL: nobody's. */
static inline const struct mete_provider *mete_observe_entered(const struct mete_provider *provider, const char *face,
    const char *name, const void *site, size_t count)
{
	if (!provider || !METE_OBSERVED(provider))
		return NULL;
	provider->observer->call(provider->observer, face, name, site, count);
	return provider;
}

/* And that it was left, when `observed_` goes out of scope; `*provider` is what the other returned.  Any context. */
static inline void mete_observe_left(const struct mete_provider *const *provider)
{
	if (__builtin_expect(*provider != NULL, 0) && (*provider)->observer)
		(*provider)->observer->left((*provider)->observer);
}

#define METE_OBSERVE(provider, face, name, site, count) \
	__attribute__((cleanup(mete_observe_left), unused)) const struct mete_provider *const observed_ = \
	    mete_observe_entered(provider, face, name, site, count)
#else
#define METE_OBSERVE(provider, face, name, site, count) ((void)(provider), (void)(site), (void)(count))
#endif
#define METE_OBSERVE_PIECES(provider, face, name, count) METE_OBSERVE(provider, face, name, METE_CALLER(), count)
#define METE_OBSERVE_CALL(provider, face, name) METE_OBSERVE(provider, face, name, METE_CALLER(), 0)
#define METE_OBSERVE_FROM(provider, face, name, site) METE_OBSERVE(provider, face, name, site, 0)

/* For faces, if METE_OBSERVED(): tell of what the core cannot know.  `event->device` is one.  Any context. */
static inline void mete_observe_tell(const struct mete_event *event)
{
	struct mete_observer *observer = event->device->provider->observer;
	observer->event(observer, event);
}

/* The same: the rest of this block is the driver, called back. */
#define METE_OBSERVE_CALLBACK(provider) METE_OBSERVE(provider, NULL, NULL, NULL, 0)

#endif
