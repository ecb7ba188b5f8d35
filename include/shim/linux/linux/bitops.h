/* SPDX-License-Identifier: ISC */
/*
 * <linux/bitops.h>: bits in words, and in arrays of unsigned long.
 *
 * Bit n of an array is bit n % BITS_PER_LONG of its word n / BITS_PER_LONG.  The calls without underscores are atomic;
 * those that return the old value are full barriers, the others order nothing.
 */
#ifndef METE_SHIM_LINUX_LINUX_BITOPS_H
#define METE_SHIM_LINUX_LINUX_BITOPS_H

#include <linux/bits.h>
#include <linux/types.h>

/* Libc has an ffs() as well; its declaration must come before the name becomes ours. */
#if defined(__STDC_HOSTED__) && __STDC_HOSTED__
#include <strings.h>
#endif

static inline void set_bit(unsigned long n, volatile unsigned long *bits)
{
	(void)__atomic_fetch_or(&bits[BIT_WORD(n)], BIT_MASK(n), __ATOMIC_RELAXED);
}

static inline void clear_bit(unsigned long n, volatile unsigned long *bits)
{
	(void)__atomic_fetch_and(&bits[BIT_WORD(n)], ~BIT_MASK(n), __ATOMIC_RELAXED);
}

static inline void change_bit(unsigned long n, volatile unsigned long *bits)
{
	(void)__atomic_fetch_xor(&bits[BIT_WORD(n)], BIT_MASK(n), __ATOMIC_RELAXED);
}

static inline bool test_bit(unsigned long n, const volatile unsigned long *bits)
{
	return __atomic_load_n(&bits[BIT_WORD(n)], __ATOMIC_RELAXED) & BIT_MASK(n);
}

static inline bool test_and_set_bit(unsigned long n, volatile unsigned long *bits)
{
	return __atomic_fetch_or(&bits[BIT_WORD(n)], BIT_MASK(n), __ATOMIC_SEQ_CST) & BIT_MASK(n);
}

static inline bool test_and_clear_bit(unsigned long n, volatile unsigned long *bits)
{
	return __atomic_fetch_and(&bits[BIT_WORD(n)], ~BIT_MASK(n), __ATOMIC_SEQ_CST) & BIT_MASK(n);
}

static inline bool test_and_change_bit(unsigned long n, volatile unsigned long *bits)
{
	return __atomic_fetch_xor(&bits[BIT_WORD(n)], BIT_MASK(n), __ATOMIC_SEQ_CST) & BIT_MASK(n);
}

static inline void __set_bit(unsigned long n, volatile unsigned long *bits)
{
	bits[BIT_WORD(n)] |= BIT_MASK(n);
}

static inline void __clear_bit(unsigned long n, volatile unsigned long *bits)
{
	bits[BIT_WORD(n)] &= ~BIT_MASK(n);
}

static inline bool __test_and_set_bit(unsigned long n, volatile unsigned long *bits)
{
	bool old = test_bit(n, bits);

	__set_bit(n, bits);
	return old;
}

static inline bool __test_and_clear_bit(unsigned long n, volatile unsigned long *bits)
{
	bool old = test_bit(n, bits);

	__clear_bit(n, bits);
	return old;
}

/* The first bit from `from` on, below `nbits`, that differs from those of `skip`, all ones or zeros; `nbits`: none. */
static inline unsigned long mete_linux_find_bit(const unsigned long *bits, unsigned long nbits, unsigned long from,
    unsigned long skip)
{
	while (from < nbits) {
		unsigned long found = (bits[BIT_WORD(from)] ^ skip) & (~0ul << from % BITS_PER_LONG);
		from -= from % BITS_PER_LONG;
		if (found) {
			from += (unsigned long)__builtin_ctzl(found);
			return from < nbits ? from : nbits;
		}
		if (nbits - from <= BITS_PER_LONG)
			break;
		from += BITS_PER_LONG;
	}
	return nbits;
}

static inline unsigned long find_next_bit(const unsigned long *bits, unsigned long nbits, unsigned long from)
{
	return mete_linux_find_bit(bits, nbits, from, 0);
}

static inline unsigned long find_next_zero_bit(const unsigned long *bits, unsigned long nbits, unsigned long from)
{
	return mete_linux_find_bit(bits, nbits, from, ~0ul);
}

static inline unsigned long find_first_bit(const unsigned long *bits, unsigned long nbits)
{
	return find_next_bit(bits, nbits, 0);
}

static inline unsigned long find_first_zero_bit(const unsigned long *bits, unsigned long nbits)
{
	return find_next_zero_bit(bits, nbits, 0);
}

#define for_each_set_bit(n, bits, nbits)                                                                               \
	for ((n) = find_first_bit(bits, nbits); (n) < (nbits); (n) = find_next_bit(bits, nbits, (n) + 1))

/* From 1 on; 0: no bit is set. */
static inline int mete_linux_ffs(int word)
{
	return __builtin_ffs(word);
}
#define ffs(word) mete_linux_ffs(word)

static inline int fls(unsigned int word)
{
	return word ? 32 - __builtin_clz(word) : 0;
}

static inline int fls64(u64 word)
{
	return word ? 64 - __builtin_clzll(word) : 0;
}

/* From 0 on.  No bit: BITS_PER_LONG, where the kernel leaves it open. */
static inline unsigned long __ffs(unsigned long word)
{
	return word ? (unsigned long)__builtin_ctzl(word) : BITS_PER_LONG;
}

static inline unsigned long __fls(unsigned long word)
{
	return word ? BITS_PER_LONG - 1ul - (unsigned long)__builtin_clzl(word) : BITS_PER_LONG;
}

static inline unsigned long ffz(unsigned long word)
{
	return __ffs(~word);
}

/* Bits that are set.  Without the builtin, which may become a call into libgcc. */
static inline unsigned long hweight64(u64 word)
{
	unsigned long n = 0;

	for (; word; word &= word - 1)
		n++;
	return n;
}

static inline unsigned int hweight32(u32 word)
{
	return (unsigned int)hweight64(word);
}

static inline unsigned int hweight16(unsigned int word)
{
	return hweight32(word & 0xffffu);
}

static inline unsigned int hweight8(unsigned int word)
{
	return hweight32(word & 0xffu);
}

static inline unsigned long hweight_long(unsigned long word)
{
	return hweight64(word);
}

/* Any count, modulo the width. */
static inline u32 rol32(u32 word, unsigned int n)
{
	return word << (n & 31) | word >> (-n & 31);
}

static inline u32 ror32(u32 word, unsigned int n)
{
	return word >> (n & 31) | word << (-n & 31);
}

#endif
