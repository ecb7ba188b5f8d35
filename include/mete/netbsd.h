/* SPDX-License-Identifier: ISC */
/*
 * The NetBSD face, as the application sees it: the tags of bus_dma(9).
 *
 * A driver gets its tag from whoever attaches it, here the application.  Drivers include the native headers and never
 * this one.
 *
 * Source followed: bus_dma(9) of NetBSD 10.x.
 */
#ifndef METE_NETBSD_H
#define METE_NETBSD_H

#include <mete/device.h>

/* What a driver knows as bus_dma_tag_t: a pointer to one of these.  Storage belongs to the application. */
struct mete_netbsd_tag {
	struct mete_device *device;
	mete_baddr first, last; /* bus addresses that it allows; `last` 0: all that the device does */
	bool subregion;         /* made by bus_dmatag_subregion(9) */
};

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Make a tag for bus_dma(9) that stands for `device`, to be handed to the device's driver.  It holds nothing that would
 * have to be ended; it and `device` must stay until the driver has destroyed its maps and tags and freed its memory.
 * Returns 0 or METE_EINVAL.  Any context.
 */
int mete_netbsd_tag_init(struct mete_netbsd_tag *tag, struct mete_device *device);

#ifdef __cplusplus
}
#endif
#endif
