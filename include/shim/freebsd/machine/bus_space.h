/* SPDX-License-Identifier: ISC */
/*
 * FreeBSD's bus_space(9), as <machine/bus.h> wants it: see <mete/bsd_space.h>.
 */
#ifndef METE_SHIM_FREEBSD_MACHINE_BUS_SPACE_H
#define METE_SHIM_FREEBSD_MACHINE_BUS_SPACE_H

#include <mete/bsd_space.h>

#endif
