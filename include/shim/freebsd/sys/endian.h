/* SPDX-License-Identifier: ISC */
/*
 * <sys/endian.h>: FreeBSD's names for numbers in little-endian and big-endian order.
 */
#ifndef METE_SHIM_FREEBSD_SYS_ENDIAN_H
#define METE_SHIM_FREEBSD_SYS_ENDIAN_H

#include <mete/bsd_endian.h>

#ifndef bswap16
#define bswap16(x) __builtin_bswap16((uint16_t)(x))
#define bswap32(x) __builtin_bswap32((uint32_t)(x))
#define bswap64(x) __builtin_bswap64((uint64_t)(x))
#endif

#endif
