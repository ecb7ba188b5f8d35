/* SPDX-License-Identifier: ISC */
/*
 * <linux/bug.h>: what must not be, said where it is found.
 *
 * A warning is a message of level 4, and its condition.  BUG() is a message of level 0 and mete_shim_halt(3), as in a
 * kernel that panics: a test program ends there.
 */
#ifndef METE_SHIM_LINUX_LINUX_BUG_H
#define METE_SHIM_LINUX_LINUX_BUG_H
#if defined(__GNUC__)
#pragma GCC system_header /* lets a macro's last arguments be none under -Wpedantic */
#endif

#include <linux/compiler.h>
#include <linux/printk.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Say that the code at a line did not expect this. */
void mete_linux_warn(const char *file, int line, const char *function);

/* Say so, and do not return. */
void mete_linux_bug(const char *file, int line, const char *function) __attribute__((__noreturn__));

#ifdef __cplusplus
}
#endif

static inline bool mete_linux_warn_if(bool condition, const char *file, int line, const char *function)
{
	if (condition)
		mete_linux_warn(file, line, function);
	return condition;
}

#define WARN_ON(condition) mete_linux_warn_if(!!(condition), __FILE__, __LINE__, __func__)
#define WARN(condition, format, ...)                                                                                   \
	(WARN_ON(condition) ? ((void)printk(KERN_WARNING format, ##__VA_ARGS__), true) : false)

/* The message comes once; the condition is the value each time. */
#define WARN_ON_ONCE(condition)                                                                                        \
	(!!(condition) && (METE_LINUX_FIRST ? WARN_ON(true) : true))
#define WARN_ONCE(condition, format, ...)                                                                              \
	(!!(condition) && (METE_LINUX_FIRST ? WARN(true, format, ##__VA_ARGS__) : true))

#define BUG() mete_linux_bug(__FILE__, __LINE__, __func__)
#define BUG_ON(condition)                                                                                              \
	do {                                                                                                           \
		if (unlikely(condition))                                                                               \
			BUG();                                                                                         \
	} while (0)

#ifdef __cplusplus
#define BUILD_BUG_ON(condition) static_assert(!(condition), #condition)
#else
#define BUILD_BUG_ON(condition) _Static_assert(!(condition), #condition)
#endif

#endif
