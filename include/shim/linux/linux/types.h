/* SPDX-License-Identifier: ISC */
/*
 * <linux/types.h>: the host's, then the kernel's own types.
 */
#ifndef METE_SHIM_LINUX_LINUX_TYPES_H
#define METE_SHIM_LINUX_LINUX_TYPES_H
#if defined(__GNUC__)
#pragma GCC system_header /* lets #include_next pass -Wpedantic */
#endif
#if defined(__has_include_next)
#if __has_include_next(<linux/types.h>)
#include_next <linux/types.h> /* libc reaches this file too */
#endif
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <mete/config.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

#if METE_ADDR_BITS == 64
typedef u64 dma_addr_t;
typedef u64 phys_addr_t;
#else
typedef u32 dma_addr_t;
typedef u32 phys_addr_t;
#endif
typedef unsigned int gfp_t;

#endif
