/* SPDX-License-Identifier: ISC */
/*
 * <sys/bus.h>: the name by which NetBSD's drivers include bus_dma(9).
 */
#ifndef METE_COMPAT_NETBSD_SYS_BUS_H
#define METE_COMPAT_NETBSD_SYS_BUS_H

#include <machine/bus.h>

#endif
