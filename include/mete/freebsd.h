/* SPDX-License-Identifier: ISC */
/*
 * The FreeBSD face, as the application sees it: the tag above all tags of a device, and the loads that wait.
 *
 * A driver of FreeBSD gets a parent tag from its bus and derives its own tags from it.  Here the bus is a struct
 * mete_freebsd_bus, one for each device; its `tag` is what the application hands to the driver.  Drivers include the
 * native headers and never this one.
 *
 * Or the driver asks bus_get_dma_tag(9) for the tag of its device_t.  The face must not know what a device_t leads to; it
 * asks a function that whoever defines device_t, in <sys/bus.h>, defines beside it.
 * include/shim/freebsd/sys/bus.h does both; a harness with its own <sys/bus.h> supplies:
 *
 *   struct mete_freebsd_bus *mete_freebsd_bus_of(device_t dev)
 *        the bus of `dev`; NULL if `dev` is NULL or does no DMA
 *
 * A load that lacks bounce memory, or IOVA, is deferred: it waits in the bus, first come, first served, until something
 * is unloaded.  Who then runs its callback is the application's choice, for the driver may hold its lock while it
 * unloads, and the callback takes that lock.
 *
 * Source followed: bus_dma(9) of FreeBSD 14 and 15.
 */
#ifndef METE_FREEBSD_H
#define METE_FREEBSD_H

#include <mete/map.h>

/* What a driver knows as bus_dma_tag_t is a pointer to the one, as bus_dmamap_t a pointer to the other. */
struct mete_freebsd_tag;
struct mete_freebsd_map;

/* Storage belongs to the application, contents to the library, but `tag` may be read; must not move. */
struct mete_freebsd_bus {
	struct mete_device *device;
	struct mete_freebsd_tag *tag;     /* the parent of all tags of this device's driver */
	void (*later)(void *ctx);         /* see mete_freebsd_bus_init() */
	void *later_ctx;
	struct mete_guard guard;          /* of what follows, and of the counts in tags */
	struct mete_freebsd_map *first;   /* loads that wait, in order */
	struct mete_freebsd_map *last;
	unsigned long tickets;            /* loads deferred so far */
	unsigned long ends;               /* unloads so far, and loads that hold nothing in the end */
	size_t nbusy;                     /* maps that hold what is scarce, and loads in progress */
	bool pumping;                     /* somebody runs callbacks ... */
	bool again;                       /* ... and something was unloaded meanwhile */
};

#ifdef __cplusplus
extern "C" {
#endif

#define mete_freebsd_bus_init METE_ABI(mete_freebsd_bus_init)

/*
 * Make the tag above all tags for `device`.  It limits nothing that the device's constraints do not.
 *
 * `later` is called with `later_ctx` when a deferred load may go on, by whoever unloaded something or failed to load
 * while others wait, without a guard held but perhaps with the driver's locks: it has mete_freebsd_bus_pump() called
 * soon, and elsewhere.  NULL: that call itself runs the callbacks, before it returns; right where a driver's lock
 * function takes nothing that the driver holds while it loads or unloads.
 *
 * Returns 0, METE_EINVAL, or METE_ENOMEM (no record).  Never sleeps.
 */
int mete_freebsd_bus_init(struct mete_freebsd_bus *bus, struct mete_device *device, void (*later)(void *ctx),
    void *later_ctx);

/* End it.  METE_EBUSY, and nothing changes, while a tag below it is left. */
int mete_freebsd_bus_fini(struct mete_freebsd_bus *bus);

/*
 * Try the deferred loads, in order, until one still has to wait; run the callback of each that need not, under the lock
 * function of its tag.  Returns how many callbacks were run; 0 at once if another thread, or a caller further up,
 * is at it: that one will look again.
 *
 * Where the drivers' lock functions and callbacks may be called.  To be called when bounce memory became free by other
 * means than this face's unload.  Time: that of the loads.
 */
size_t mete_freebsd_bus_pump(struct mete_freebsd_bus *bus);

/* Loads that wait.  Any context; takes the bus's guard. */
size_t mete_freebsd_bus_waiting(struct mete_freebsd_bus *bus);

#ifdef __cplusplus
}
#endif
#endif
