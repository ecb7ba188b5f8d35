/* SPDX-License-Identifier: ISC */
/*
 * <asm/byteorder.h>: the host's, then numbers of a known order.
 *
 * They are macros, because drivers use them where C wants a constant.
 */
#ifndef METE_SHIM_LINUX_ASM_BYTEORDER_H
#define METE_SHIM_LINUX_ASM_BYTEORDER_H
#if defined(__GNUC__)
#pragma GCC system_header /* lets #include_next pass -Wpedantic */
#endif
#if defined(__has_include_next)
#if __has_include_next(<asm/byteorder.h>)
#include_next <asm/byteorder.h> /* other headers of the host reach this file */
#endif
#endif

#include <linux/types.h>

#define swab16(v) __builtin_bswap16((u16)(v))
#define swab32(v) __builtin_bswap32((u32)(v))
#define swab64(v) ((u64)__builtin_bswap64((u64)(v)))

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define METE_LINUX_LE(bits, v) ((u##bits)(v))
#define METE_LINUX_BE(bits, v) swab##bits(v)
#else
#define METE_LINUX_LE(bits, v) swab##bits(v)
#define METE_LINUX_BE(bits, v) ((u##bits)(v))
#endif

#define cpu_to_le16(v) ((__le16)METE_LINUX_LE(16, v))
#define cpu_to_le32(v) ((__le32)METE_LINUX_LE(32, v))
#define cpu_to_le64(v) ((__le64)METE_LINUX_LE(64, v))
#define cpu_to_be16(v) ((__be16)METE_LINUX_BE(16, v))
#define cpu_to_be32(v) ((__be32)METE_LINUX_BE(32, v))
#define cpu_to_be64(v) ((__be64)METE_LINUX_BE(64, v))
#define le16_to_cpu(v) METE_LINUX_LE(16, v)
#define le32_to_cpu(v) METE_LINUX_LE(32, v)
#define le64_to_cpu(v) METE_LINUX_LE(64, v)
#define be16_to_cpu(v) METE_LINUX_BE(16, v)
#define be32_to_cpu(v) METE_LINUX_BE(32, v)
#define be64_to_cpu(v) METE_LINUX_BE(64, v)
#define le16_to_cpup(p) le16_to_cpu(*(p))
#define le32_to_cpup(p) le32_to_cpu(*(p))
#define le64_to_cpup(p) le64_to_cpu(*(p))
#define be16_to_cpup(p) be16_to_cpu(*(p))
#define be32_to_cpup(p) be32_to_cpu(*(p))
#define be64_to_cpup(p) be64_to_cpu(*(p))

#endif
