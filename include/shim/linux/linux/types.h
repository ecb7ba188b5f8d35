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
#define METE_LINUX_HOST_TYPES
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
typedef phys_addr_t resource_size_t;
typedef unsigned int gfp_t;

/* Of an order of their own; where there is no host, these are ours too. */
#ifndef METE_LINUX_HOST_TYPES
typedef u16 __le16, __be16;
typedef u32 __le32, __be32;
typedef u64 __le64, __be64;
#endif

/* See <linux/list.h>. */
struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

#endif
