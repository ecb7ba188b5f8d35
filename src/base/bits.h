/* SPDX-License-Identifier: ISC */
/*
 * Bits: finding the highest and lowest set one, and powers of two.
 *
 * Compilers with GNU builtins turn these into one instruction.  The others get the C forms below, which build with
 * -DMETE_BUILTINS=0 exercises; both are tested against the definition.
 */
#ifndef BITS_H
#define BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef METE_BUILTINS
#if defined(__GNUC__)
#define METE_BUILTINS 1
#else
#define METE_BUILTINS 0
#endif
#endif

#if METE_BUILTINS
#define BITS_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define BITS_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define BITS_NOINLINE __attribute__((noinline))
/* Compute `v`, a scalar, once and keep it: compilers like to take an address apart and to add up its terms anew. */
#define BITS_KEEP(v) __asm__("" : "+r"(v))
#else
#define BITS_LIKELY(condition) (condition)
#define BITS_UNLIKELY(condition) (condition)
#define BITS_NOINLINE
#define BITS_KEEP(v) ((void)(v))
#endif

/* Index of the highest set bit of `v`, which is not 0. */
static inline unsigned bits_high32(uint32_t v)
{
#if METE_BUILTINS
	return 31u - (unsigned)__builtin_clz(v);
#else
	unsigned n = 0;
	for (unsigned step = 16; step; step >>= 1) {
		if (v >> step) {
			v >>= step;
			n += step;
		}
	}
	return n;
#endif
}

/* Index of the lowest set bit of `v`, which is not 0. */
static inline unsigned bits_low32(uint32_t v)
{
#if METE_BUILTINS
	return (unsigned)__builtin_ctz(v);
#else
	return bits_high32(v & (~v + 1u));
#endif
}

static inline unsigned bits_high64(uint64_t v)
{
	uint32_t top = (uint32_t)(v >> 32);
	return top ? 32u + bits_high32(top) : bits_high32((uint32_t)v);
}

static inline bool bits_is_power2(uint64_t v)
{
	return v && !(v & (v - 1));
}

#endif
