/* SPDX-License-Identifier: ISC */
/*
 * A driver of QEMU's teaching device "edu" in the manner of FreeBSD's drivers: tags from a parent, a map for each
 * request, a callback that learns the segments, a sync on each side of a transfer.
 *
 * The device drives 28 address lines and drops what is above.  The driver's topmost tag says so with its lowaddr, and
 * the tag of its buffers inherits it.
 *
 * A request is submitted and carried out in two steps, because its load may be deferred in between: then the callback
 * puts it in the queue later, under the driver's lock.  The driver holds that lock while it unloads; so nobody may run
 * callbacks from inside the unload.
 */
#ifndef EDU_FREEBSD_H
#define EDU_FREEBSD_H

#include <sys/types.h>
#include <machine/bus.h>

#include "edu_regs.h"

#define EDU_MAXADDR ((1u << EDU_ADDRESS_BITS) - 1) /* the last that its lines reach */
#define EDU_NSEGS 2                                /* EDU_LEN_MAX bytes lie in two pages at most */

/* Mistakes that drivers make, for the controls of tests.  0: none. */
#define EDU_FLAW_LOWADDR 0x1u  /* claims 32 address lines */
#define EDU_FLAW_PREWRITE 0x2u /* no sync before the device reads */
#define EDU_FLAW_POSTREAD 0x4u /* no sync after the device has written */
#define EDU_FLAW_NOWRITE 0x8u  /* loads as if the device only ever read */

/* Where there is one thread, all that is left of a lock is that nobody takes it twice. */
struct edu_lock {
	bool held;
	unsigned long wrong; /* taken while held, given back while not, not held where it must be */
};

enum edu_state { EDU_IDLE, EDU_LOADING, EDU_READY, EDU_DONE };

struct edu_softc;

/* Storage is the caller's.  From edu_submit() until it is EDU_DONE, it and its buffer are the driver's. */
struct edu_request {
	struct edu_softc *sc;
	bus_dmamap_t map;
	bool read;                           /* seen from main memory: the device writes to it */
	enum edu_state state;
	bool deferred;                       /* its load was */
	int error;                           /* of a request that is done */
	bus_dma_segment_t segs[EDU_NSEGS];
	int nsegs;
	struct edu_request *next;            /* in the queue */
};

/* What a bus tells a driver of its device. */
struct edu_resources {
	bus_space_tag_t tag;                 /* its registers */
	bus_space_handle_t handle;
	int (*intr_wait)(void *arg, unsigned ms); /* 0 after an interrupt, or an errno; they are enabled */
	void *intr_arg;
};

struct edu_softc {
	struct edu_resources res;
	unsigned flaws;
	struct edu_lock lock;
	bus_dma_tag_t parent_tag, buffer_tag;
	struct edu_request *first, *last;    /* loaded, and to be carried out in this order */
	unsigned long loads, unloads, interrupts;
};

/*
 * Start the device with tags below `parent`.  0; ENXIO if it is another device, or gone; or the error of a tag.  Nothing
 * is held after a failure.
 */
int edu_attach(struct edu_softc *sc, bus_dma_tag_t parent, const struct edu_resources *res, unsigned flaws);

/* End it.  EBUSY while a request is left. */
int edu_detach(struct edu_softc *sc);

/* A request with nothing to do yet, and its end: EBUSY while the driver has it. */
int edu_request_init(struct edu_softc *sc, struct edu_request *request);
int edu_request_fini(struct edu_request *request);

/*
 * Have `len` bytes copied from `buf` to the device's buffer, or with `read` back.  0 if the request was taken: it is
 * in the queue then, or will be when its load has been.  EBUSY if the driver has it already; otherwise the error of the
 * load, and the request is as before.
 */
int edu_submit(struct edu_request *request, void *buf, bus_size_t len, bool read);

/* Carry out what is in the queue, each to its end.  Returns how many were. */
size_t edu_work(struct edu_softc *sc);

#endif
