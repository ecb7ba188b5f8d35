/* SPDX-License-Identifier: ISC */
/*
 * bus_dma(9) for OpenBSD: the bodies it shares with its sibling, under its prefix.
 */
#include <machine/bus.h>

#define FACE(name) mete_openbsd_##name
#include "bus_dma_body.h"
