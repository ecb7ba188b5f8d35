/* SPDX-License-Identifier: ISC */
/*
 * <linux/minmax.h>: the smaller and the greater; each argument is evaluated once.
 *
 * The type is that of the sum.  The kernel refuses to compile a comparison of signed with unsigned; here the compiler
 * warns of it if it was asked to.
 */
#ifndef METE_SHIM_LINUX_LINUX_MINMAX_H
#define METE_SHIM_LINUX_LINUX_MINMAX_H

/* Names that differ in each use, because one use may be the argument of another. */
#define METE_LINUX_GLUE2(a, b) a##b
#define METE_LINUX_GLUE(a, b) METE_LINUX_GLUE2(a, b)
#define METE_LINUX_CHOOSE(a, op, b, x, y)                                                                              \
	(__extension__({                                                                                               \
		__typeof__(a) x = (a);                                                                                 \
		__typeof__(b) y = (b);                                                                                 \
		x op y ? x : y;                                                                                        \
	}))
#define METE_LINUX_PICK(a, op, b, n) METE_LINUX_CHOOSE(a, op, b, METE_LINUX_GLUE(mete_x, n), METE_LINUX_GLUE(mete_y, n))

#define min(a, b) METE_LINUX_PICK(a, <, b, __COUNTER__)
#define max(a, b) METE_LINUX_PICK(a, >, b, __COUNTER__)
#define min_t(type, a, b) min((type)(a), (type)(b))
#define max_t(type, a, b) max((type)(a), (type)(b))
#define min3(a, b, c) min(min(a, b), c)
#define max3(a, b, c) max(max(a, b), c)

/* `v`, or the end of [first, last] that it lies beyond. */
#define clamp(v, first, last) min(max(v, first), last)
#define clamp_t(type, v, first, last) min_t(type, max_t(type, v, first), last)
#define clamp_val(v, first, last) clamp_t(__typeof__(v), v, first, last)

#define swap(a, b)                                                                                                     \
	do {                                                                                                           \
		__typeof__(a) mete_swap = (a);                                                                         \
		(a) = (b);                                                                                             \
		(b) = mete_swap;                                                                                       \
	} while (0)

#endif
