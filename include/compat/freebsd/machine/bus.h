/* SPDX-License-Identifier: ISC */
/*
 * <machine/bus.h>: FreeBSD's types and limits of bus addresses, and bus_dma(9) on top.
 */
#ifndef METE_COMPAT_FREEBSD_MACHINE_BUS_H
#define METE_COMPAT_FREEBSD_MACHINE_BUS_H

#ifdef METE_FACE
#if METE_FACE != 5
#error "one native include root per translation unit"
#endif
#else
#define METE_FACE 5 /* freebsd */
#endif

#include <sys/types.h>
#include <mete/freebsd.h>

typedef mete_baddr bus_addr_t;
typedef mete_baddr bus_size_t;

#define BUS_SPACE_MAXSIZE_24BIT 0xFFFFFF
#define BUS_SPACE_MAXSIZE_32BIT 0xFFFFFFFF
#define BUS_SPACE_MAXSIZE METE_BADDR_MAX
#define BUS_SPACE_MAXADDR_24BIT 0xFFFFFF
#define BUS_SPACE_MAXADDR_32BIT 0xFFFFFFFF
#define BUS_SPACE_MAXADDR METE_BADDR_MAX
#define BUS_SPACE_UNRESTRICTED (~0)

#include <sys/bus_dma.h>

#if defined(__has_include)
#if __has_include(<machine/bus_space.h>)
#include <machine/bus_space.h> /* bus_space(9) is the shim's */
#endif
#endif

#endif
