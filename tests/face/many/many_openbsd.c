/* SPDX-License-Identifier: ISC */
/*
 * The driver that is written to OpenBSD's interface.
 *
 * Its dma_alloc(9) is told to take memory from above the first 256 KiB, which the test's device does not reach in the
 * way bounce: so what it allocates is certain to need a stand-in there.
 */
#include <sys/types.h>
#include <sys/pool.h>
#include <machine/bus.h>

#include "bus_world.h"

#define DRIVER_TAG struct mete_openbsd_tag
#define DRIVER_TAG_INIT mete_openbsd_tag_init
#define DRIVER_KVA caddr_t
#include "many_bsd.h"

static struct mete_openbsd here;
METE_OPENBSD_HERE(here);

static int attach(struct mete_device *device)
{
	static const struct mete_constraint far = { .first = SMALL_PHYS + WORLD_NEAR };
	int error = mete_openbsd_init(&here, device->provider, &far);

	return error ? error : driver_attach(device);
}

static int detach(void)
{
	int error = mete_openbsd_fini(&here);

	if (!error)
		bus_dmamap_destroy(tag, map);
	return error;
}

static void *classes_alloc(size_t len)
{
	return dma_alloc(len, PR_NOWAIT);
}

static void classes_release(void *cpu, size_t len)
{
	dma_free(cpu, len);
}

const struct many_driver many_openbsd = {
	"openbsd", DRIVER_ENOMEM, DRIVER_EINVAL,
	{ { "dma_alloc", false, classes_alloc, classes_release },
	    { "openbsd bus_dmamem_alloc", false, dmamem_alloc, dmamem_release } },
	attach, detach, load, to_device, to_cpu, unload,
};
