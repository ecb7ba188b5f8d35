/* SPDX-License-Identifier: ISC */
/*
 * The OpenBSD face, as the application sees it: where dma_alloc(9) and pool(9) get their memory, and the tags of
 * bus_dma(9).
 *
 * dma_alloc(9) and pool(9) carry no context.  They use `mete_openbsd_here`, which the application defines with
 * METE_OPENBSD_HERE() and sets up with mete_openbsd_init() before the first driver runs.  Drivers include the native
 * headers and never this one.
 *
 * Source followed: dma_alloc(9), pool(9), km_alloc(9) and bus_dma(9) of OpenBSD 7.x.
 */
#ifndef METE_OPENBSD_H
#define METE_OPENBSD_H

#include <mete/alloc.h>

/* Storage belongs to the application, contents to the library; must not move. */
struct mete_openbsd {
	struct mete_device any;      /* reaches everything: pools without constraints */
	struct mete_device dma;      /* reaches what OpenBSD's dma_constraint allows */
	struct mete_classes classes; /* dma_alloc(9) */
	bool ready;
};

/* What a driver knows as bus_dma_tag_t: a pointer to one of these.  Storage belongs to the application. */
struct mete_openbsd_tag {
	struct mete_device *device;
};

#define METE_OPENBSD_HERE(object) struct mete_openbsd *const mete_openbsd_here = &(object)

#ifdef __cplusplus
extern "C" {
#endif

extern struct mete_openbsd *const mete_openbsd_here;

#define mete_openbsd_init METE_ABI(mete_openbsd_init)

/*
 * Set the face up over `provider`.  `dma_constraint` is in physical addresses, as OpenBSD's is; NULL: below 4 GiB.
 * Returns 0 or METE_EINVAL.
 */
int mete_openbsd_init(struct mete_openbsd *here, struct mete_provider *provider,
    const struct mete_constraint *dma_constraint);

/* End it.  METE_EBUSY, and nothing changes but a counter, while memory of dma_alloc(9) or a pool is left. */
int mete_openbsd_fini(struct mete_openbsd *here);

/*
 * Make a tag for bus_dma(9) that stands for `device`, to be handed to the device's driver.  It holds nothing that would
 * have to be ended; it and `device` must stay until the driver has destroyed its maps and freed its memory.
 * Returns 0 or METE_EINVAL.  Any context.
 */
int mete_openbsd_tag_init(struct mete_openbsd_tag *tag, struct mete_device *device);

#ifdef __cplusplus
}
#endif
#endif
