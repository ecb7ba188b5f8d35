/* SPDX-License-Identifier: ISC */
/*
 * <linux/bits.h>: masks, and arrays of longs as arrays of bits.
 */
#ifndef METE_SHIM_LINUX_LINUX_BITS_H
#define METE_SHIM_LINUX_LINUX_BITS_H

#define BITS_PER_BYTE 8
#define BITS_PER_LONG (__SIZEOF_LONG__ * 8)
#define BITS_PER_LONG_LONG (__SIZEOF_LONG_LONG__ * 8)

#define BIT(n) (1ul << (n))
#define BIT_ULL(n) (1ull << (n))
#define BIT_MASK(n) (1ul << ((n) % BITS_PER_LONG))
#define BIT_WORD(n) ((n) / BITS_PER_LONG)
#define BITS_TO_LONGS(n) (((n) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define DECLARE_BITMAP(name, n) unsigned long name[BITS_TO_LONGS(n)]

/* Bits `low` to `high`, both included. */
#define GENMASK(high, low) ((~0ul >> (BITS_PER_LONG - 1 - (high))) & (~0ul << (low)))
#define GENMASK_ULL(high, low) ((~0ull >> (63 - (high))) & (~0ull << (low)))

#endif
