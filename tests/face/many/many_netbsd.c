/* SPDX-License-Identifier: ISC */
/*
 * The driver that is written to NetBSD's interface.
 */
#include <sys/types.h>
#include <sys/bus.h>

#define DRIVER_TAG struct mete_netbsd_tag
#define DRIVER_TAG_INIT mete_netbsd_tag_init
#define DRIVER_KVA void *
#include "many_bsd.h"

/* The face as a whole holds nothing that could be busy. */
static int detach(void)
{
	bus_dmamap_destroy(tag, map);
	return 0;
}

const struct many_driver many_netbsd = {
	"netbsd", DRIVER_ENOMEM, DRIVER_EINVAL,
	{ { "netbsd bus_dmamem_alloc", false, dmamem_alloc, dmamem_release } },
	driver_attach, detach, load, to_device, to_cpu, unload,
};
