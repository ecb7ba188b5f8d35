/* SPDX-License-Identifier: ISC */
/*
 * Checked arithmetic: every sum or product of sizes and addresses that could wrap goes through here.
 *
 * The functions return false when the true result does not fit, and leave `ret` untouched then.
 */
#ifndef CHECKED_H
#define CHECKED_H

#include <mete/types.h>

static inline bool checked_add(size_t a, size_t b, size_t *ret)
{
	if (b > SIZE_MAX - a)
		return false;
	*ret = a + b;
	return true;
}

static inline bool checked_mul(size_t a, size_t b, size_t *ret)
{
	if (b && a > SIZE_MAX / b)
		return false;
	*ret = a * b;
	return true;
}

/* `v` rounded up to a multiple of `unit`, a power of two. */
static inline bool checked_up(size_t v, size_t unit, size_t *ret)
{
	if (v > SIZE_MAX - (unit - 1))
		return false;
	*ret = (v + (unit - 1)) & ~(unit - 1);
	return true;
}

/* The last address of [`first`, `first` + `len` - 1]; `len` 0 has none. */
static inline bool checked_last_phys(mete_paddr first, size_t len, mete_paddr *ret)
{
	mete_paddr room = METE_PADDR_MAX - first;
	if (!len || (uint64_t)(len - 1) > room)
		return false;
	*ret = first + (mete_paddr)(len - 1);
	return true;
}

static inline bool checked_last_bus(mete_baddr first, mete_baddr len, mete_baddr *ret)
{
	if (!len || len - 1 > METE_BADDR_MAX - first)
		return false;
	*ret = first + (len - 1);
	return true;
}

#endif
