/* SPDX-License-Identifier: ISC */
/*
 * What the three BSDs' <sys/endian.h> have in common here: numbers in little-endian and big-endian order.  A host's
 * <endian.h> may have some of it already.
 */
#ifndef METE_BSD_ENDIAN_H
#define METE_BSD_ENDIAN_H

#include <stdint.h>

#if defined(__has_include)
#if __has_include(<endian.h>)
#include <endian.h>
#endif
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define METE_BSD_LE(bits, x) ((uint##bits##_t)(x))
#define METE_BSD_BE(bits, x) __builtin_bswap##bits((uint##bits##_t)(x))
#else
#define METE_BSD_LE(bits, x) __builtin_bswap##bits((uint##bits##_t)(x))
#define METE_BSD_BE(bits, x) ((uint##bits##_t)(x))
#endif

#ifndef htole16
#define htole16(x) METE_BSD_LE(16, x)
#define htole32(x) METE_BSD_LE(32, x)
#define htole64(x) METE_BSD_LE(64, x)
#define le16toh(x) METE_BSD_LE(16, x)
#define le32toh(x) METE_BSD_LE(32, x)
#define le64toh(x) METE_BSD_LE(64, x)
#define htobe16(x) METE_BSD_BE(16, x)
#define htobe32(x) METE_BSD_BE(32, x)
#define htobe64(x) METE_BSD_BE(64, x)
#define be16toh(x) METE_BSD_BE(16, x)
#define be32toh(x) METE_BSD_BE(32, x)
#define be64toh(x) METE_BSD_BE(64, x)
#endif

#endif
