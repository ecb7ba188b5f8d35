/* SPDX-License-Identifier: ISC */
/*
 * <sys/bus.h>: of device_t, what DMA needs, and what a driver keeps in it.  newbus itself is not here.
 *
 * A test or an application starts one with mete_freebsd_device_init().  One with its own <sys/bus.h> defines device_t and
 * mete_freebsd_bus_of() there; see <mete/freebsd.h>.
 */
#ifndef METE_SHIM_FREEBSD_SYS_BUS_H
#define METE_SHIM_FREEBSD_SYS_BUS_H

#include <sys/types.h>
#include <mete/freebsd.h>

struct _device {
	const char *nameunit;
	void *softc;
	struct mete_freebsd_bus *mete_bus;
};

typedef struct _device *device_t;

/* Start `dev`; its DMA goes through `bus`, which must stay; NULL: it does none. */
static inline void mete_freebsd_device_init(device_t dev, const char *nameunit, struct mete_freebsd_bus *bus)
{
	dev->nameunit = nameunit;
	dev->softc = NULL;
	dev->mete_bus = bus;
}

static inline struct mete_freebsd_bus *mete_freebsd_bus_of(device_t dev)
{
	return dev ? dev->mete_bus : NULL;
}

static inline const char *device_get_nameunit(device_t dev)
{
	return dev->nameunit;
}

static inline void *device_get_softc(device_t dev)
{
	return dev->softc;
}

static inline void device_set_softc(device_t dev, void *softc)
{
	dev->softc = softc;
}

#include <machine/bus.h> /* drivers get bus_dma(9) from this header, too */

#endif
