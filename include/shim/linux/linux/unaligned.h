/* SPDX-License-Identifier: ISC */
/*
 * <linux/unaligned.h>: numbers of a known order at any address.
 */
#ifndef METE_SHIM_LINUX_LINUX_UNALIGNED_H
#define METE_SHIM_LINUX_LINUX_UNALIGNED_H

#include <linux/types.h>

/* `len` bytes, the lowest first. */
static inline u64 mete_linux_get_le(const void *from, unsigned len)
{
	u64 v = 0;

	while (len--)
		v = v << 8 | ((const u8 *)from)[len];
	return v;
}

static inline u64 mete_linux_get_be(const void *from, unsigned len)
{
	u64 v = 0;

	for (unsigned i = 0; i < len; i++)
		v = v << 8 | ((const u8 *)from)[i];
	return v;
}

static inline void mete_linux_put_le(u64 v, void *to, unsigned len)
{
	for (unsigned i = 0; i < len; i++, v >>= 8)
		((u8 *)to)[i] = (u8)v;
}

static inline void mete_linux_put_be(u64 v, void *to, unsigned len)
{
	for (; len--; v >>= 8)
		((u8 *)to)[len] = (u8)v;
}

#define METE_LINUX_UNALIGNED(order, bits)                                                                              \
	static inline u##bits get_unaligned_##order##bits(const void *from)                                            \
	{                                                                                                              \
		return (u##bits)mete_linux_get_##order(from, bits / 8);                                                \
	}                                                                                                              \
	static inline void put_unaligned_##order##bits(u##bits v, void *to)                                            \
	{                                                                                                              \
		mete_linux_put_##order(v, to, bits / 8);                                                               \
	}
METE_LINUX_UNALIGNED(le, 16)
METE_LINUX_UNALIGNED(le, 32)
METE_LINUX_UNALIGNED(le, 64)
METE_LINUX_UNALIGNED(be, 16)
METE_LINUX_UNALIGNED(be, 32)
METE_LINUX_UNALIGNED(be, 64)
#undef METE_LINUX_UNALIGNED

#endif
