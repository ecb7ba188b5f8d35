/* SPDX-License-Identifier: ISC */
/*
 * <sys/types.h>: the host's where there is one; in firmware, the little that the native headers need.
 */
#ifndef METE_SHIM_FREEBSD_SYS_TYPES_H
#define METE_SHIM_FREEBSD_SYS_TYPES_H
#if defined(__GNUC__)
#pragma GCC system_header /* lets #include_next pass -Wpedantic */
#endif
#if defined(__has_include_next)
#if __has_include_next(<sys/types.h>)
#define METE_SHIM_FREEBSD_HOST_TYPES
#include_next <sys/types.h> /* libc reaches this file too */
#endif
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef METE_SHIM_FREEBSD_HOST_TYPES
typedef long long off_t;
#endif
typedef char *caddr_t; /* libc has it only with extensions; it is the same type then */

/* libc has these only with extensions; they are the same types then. */
typedef unsigned char u_char;
typedef unsigned short u_short;
typedef unsigned int u_int;
typedef unsigned long u_long;
typedef uint8_t u_int8_t;
typedef uint16_t u_int16_t;
typedef uint32_t u_int32_t;
typedef uint64_t u_int64_t;

#endif
