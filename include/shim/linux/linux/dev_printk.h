/* SPDX-License-Identifier: ISC */
/*
 * <linux/dev_printk.h>: messages about a device, with its name in front.
 *
 * It works with any struct device for which there is a dev_name().
 */
#ifndef METE_SHIM_LINUX_LINUX_DEV_PRINTK_H
#define METE_SHIM_LINUX_LINUX_DEV_PRINTK_H
#if defined(__GNUC__)
#pragma GCC system_header /* lets a macro's last arguments be none under -Wpedantic */
#endif

#include <linux/printk.h>

#ifndef dev_fmt
#define dev_fmt(format) format
#endif

#define METE_LINUX_DEV(level, dev, ...) mete_linux_dev_printk(level, (dev) ? dev_name(dev) : NULL, __VA_ARGS__)

#define dev_emerg(dev, format, ...) METE_LINUX_DEV(KERN_EMERG, dev, dev_fmt(format), ##__VA_ARGS__)
#define dev_alert(dev, format, ...) METE_LINUX_DEV(KERN_ALERT, dev, dev_fmt(format), ##__VA_ARGS__)
#define dev_crit(dev, format, ...) METE_LINUX_DEV(KERN_CRIT, dev, dev_fmt(format), ##__VA_ARGS__)
#define dev_err(dev, format, ...) METE_LINUX_DEV(KERN_ERR, dev, dev_fmt(format), ##__VA_ARGS__)
#define dev_warn(dev, format, ...) METE_LINUX_DEV(KERN_WARNING, dev, dev_fmt(format), ##__VA_ARGS__)
#define dev_notice(dev, format, ...) METE_LINUX_DEV(KERN_NOTICE, dev, dev_fmt(format), ##__VA_ARGS__)
#define dev_info(dev, format, ...) METE_LINUX_DEV(KERN_INFO, dev, dev_fmt(format), ##__VA_ARGS__)
#ifdef DEBUG
#define dev_dbg(dev, format, ...) METE_LINUX_DEV(KERN_DEBUG, dev, dev_fmt(format), ##__VA_ARGS__)
#else
#define dev_dbg(dev, format, ...) ((void)sizeof(dev_name(dev)), (void)no_printk(dev_fmt(format), ##__VA_ARGS__))
#endif

#endif
