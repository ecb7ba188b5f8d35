/* SPDX-License-Identifier: ISC */
/*
 * <sys/endian.h>: OpenBSD's names for numbers in little-endian and big-endian order.
 */
#ifndef METE_SHIM_OPENBSD_SYS_ENDIAN_H
#define METE_SHIM_OPENBSD_SYS_ENDIAN_H

#include <mete/bsd_endian.h>

#define letoh16(x) le16toh(x)
#define letoh32(x) le32toh(x)
#define letoh64(x) le64toh(x)
#define betoh16(x) be16toh(x)
#define betoh32(x) be32toh(x)
#define betoh64(x) be64toh(x)
#define swap16(x) __builtin_bswap16((uint16_t)(x))
#define swap32(x) __builtin_bswap32((uint32_t)(x))
#define swap64(x) __builtin_bswap64((uint64_t)(x))

#endif
