/* SPDX-License-Identifier: ISC */
/*
 * <linux/compiler.h>: words that a compiler takes, and single accesses.
 */
#ifndef METE_SHIM_LINUX_LINUX_COMPILER_H
#define METE_SHIM_LINUX_LINUX_COMPILER_H

/* For a checker that does not run here. */
#define __iomem
#define __user
#define __force

#define __must_check __attribute__((__warn_unused_result__))
#define __maybe_unused __attribute__((__unused__))
#define __always_unused __attribute__((__unused__))
#define __packed __attribute__((__packed__))
#define __aligned(n) __attribute__((__aligned__(n)))
#define __printf(format, first) __attribute__((__format__(__printf__, format, first)))
#define noinline __attribute__((__noinline__))
#define fallthrough __attribute__((__fallthrough__))

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* The compiler neither moves nor keeps accesses across it; the CPU may. */
#define barrier() __asm__ __volatile__("" ::: "memory")

/* One access, never repeated, split or left out, for objects up to the size of a long. */
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value) ((void)(*(volatile __typeof__(x) *)&(x) = (value)))

#endif
