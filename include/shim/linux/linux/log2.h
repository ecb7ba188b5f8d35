/* SPDX-License-Identifier: ISC */
/*
 * <linux/log2.h>: logarithms, and powers of two.
 *
 * Where the kernel leaves the result open, it is -1 for the logarithm of 0, and 0 for a power that is not there.
 */
#ifndef METE_SHIM_LINUX_LINUX_LOG2_H
#define METE_SHIM_LINUX_LINUX_LOG2_H

#include <linux/types.h>

/* Rounded down. */
static inline int ilog2(u64 n)
{
	return n ? 63 - __builtin_clzll(n) : -1;
}

/* Rounded up; 0 for 0. */
static inline int order_base_2(u64 n)
{
	return n > 1 ? ilog2(n - 1) + 1 : 0;
}

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

static inline unsigned long rounddown_pow_of_two(unsigned long n)
{
	return n ? 1ul << ilog2(n) : 0;
}

static inline unsigned long roundup_pow_of_two(unsigned long n)
{
	if (!n || n - 1 > ~0ul >> 1)
		return 0;
	return 1ul << order_base_2(n);
}

#endif
