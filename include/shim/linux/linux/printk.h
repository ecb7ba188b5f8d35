/* SPDX-License-Identifier: ISC */
/*
 * <linux/printk.h>: messages, each a line.
 *
 * Formats are the kernel's: `%pad` takes a pointer to a dma_addr_t and `%pa` one to a phys_addr_t; see
 * mete_linux_shim(3) for the others.  A message goes to the console, mete_shim_vprintf(3), formatted and with a newline.
 * There is no pr_cont(): a line that is begun would have to wait for its end.
 */
#ifndef METE_SHIM_LINUX_LINUX_PRINTK_H
#define METE_SHIM_LINUX_LINUX_PRINTK_H
#if defined(__GNUC__)
#pragma GCC system_header /* lets a macro's last arguments be none under -Wpedantic */
#endif

#include <linux/compiler.h>
#include <linux/types.h>
#include <mete/types.h>
#include <stdarg.h>

#define KERN_SOH "\001"
#define KERN_EMERG KERN_SOH "0"
#define KERN_ALERT KERN_SOH "1"
#define KERN_CRIT KERN_SOH "2"
#define KERN_ERR KERN_SOH "3"
#define KERN_WARNING KERN_SOH "4"
#define KERN_NOTICE KERN_SOH "5"
#define KERN_INFO KERN_SOH "6"
#define KERN_DEBUG KERN_SOH "7"
#define KERN_DEFAULT ""

#ifdef __cplusplus
extern "C" {
#endif

#define mete_linux_printk METE_ABI(mete_linux_printk) /* %pa depends on it */

/* A message with a level in front, or of level 4.  Returns its length.  What is beyond 1023 bytes is lost. */
int mete_linux_printk(const char *format, ...) __printf(1, 2);

/* The same for a device: with its `name` in front, or "(NULL device *)". */
void mete_linux_dev_printk(const char *level, const char *name, const char *format, ...) __printf(3, 4);

/*
 * Format as messages are: at most `room` - 1 bytes, and a 0 if there is room at all.  Returns what was written, without
 * the 0.
 */
int mete_linux_vscnprintf(char *to, size_t room, const char *format, va_list arguments) __printf(3, 0);
int mete_linux_scnprintf(char *to, size_t room, const char *format, ...) __printf(3, 4);

#ifdef __cplusplus
}
#endif

#define vscnprintf(to, room, format, arguments) mete_linux_vscnprintf(to, room, format, arguments)
#define scnprintf(...) mete_linux_scnprintf(__VA_ARGS__)

#ifndef pr_fmt
#define pr_fmt(format) format
#endif

#define printk(...) mete_linux_printk(__VA_ARGS__)
/* Checked by the compiler, and never printed. */
#define no_printk(...) (0 ? mete_linux_printk(__VA_ARGS__) : 0)

#define pr_emerg(format, ...) printk(KERN_EMERG pr_fmt(format), ##__VA_ARGS__)
#define pr_alert(format, ...) printk(KERN_ALERT pr_fmt(format), ##__VA_ARGS__)
#define pr_crit(format, ...) printk(KERN_CRIT pr_fmt(format), ##__VA_ARGS__)
#define pr_err(format, ...) printk(KERN_ERR pr_fmt(format), ##__VA_ARGS__)
#define pr_warn(format, ...) printk(KERN_WARNING pr_fmt(format), ##__VA_ARGS__)
#define pr_notice(format, ...) printk(KERN_NOTICE pr_fmt(format), ##__VA_ARGS__)
#define pr_info(format, ...) printk(KERN_INFO pr_fmt(format), ##__VA_ARGS__)
#ifdef DEBUG
#define pr_debug(format, ...) printk(KERN_DEBUG pr_fmt(format), ##__VA_ARGS__)
#else
#define pr_debug(format, ...) no_printk(KERN_DEBUG pr_fmt(format), ##__VA_ARGS__)
#endif

/* Whether this place is reached for the first time. */
#define METE_LINUX_FIRST                                                                                               \
	(__extension__({                                                                                               \
		static bool mete_reached;                                                                              \
		!__atomic_exchange_n(&mete_reached, 1, __ATOMIC_RELAXED);                                              \
	}))
#define printk_once(...) (METE_LINUX_FIRST ? printk(__VA_ARGS__) : 0)
#define pr_err_once(format, ...) printk_once(KERN_ERR pr_fmt(format), ##__VA_ARGS__)
#define pr_warn_once(format, ...) printk_once(KERN_WARNING pr_fmt(format), ##__VA_ARGS__)
#define pr_info_once(format, ...) printk_once(KERN_INFO pr_fmt(format), ##__VA_ARGS__)

#endif
