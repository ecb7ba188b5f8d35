/* SPDX-License-Identifier: ISC */
/*
 * NetBSD's bus_space(9), as <machine/bus.h> wants it: see <mete/bsd_space.h>.
 */
#ifndef METE_SHIM_NETBSD_MACHINE_BUS_SPACE_H
#define METE_SHIM_NETBSD_MACHINE_BUS_SPACE_H

#include <mete/bsd_space.h>

/* Hints of bus_space_map(9).  BUS_SPACE_MAP_LINEAR is not here: registers need not be memory. */
#define BUS_SPACE_MAP_CACHEABLE 0x1
#define BUS_SPACE_MAP_PREFETCHABLE 0x4

#endif
