/* SPDX-License-Identifier: ISC */
/*
 * bus_dma(9) for NetBSD: the bodies it shares with its sibling, under its prefix.
 */
#include <machine/bus.h>

#define FACE(name) mete_netbsd_##name
#include "bus_dma_body.h"
