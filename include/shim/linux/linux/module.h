/* SPDX-License-Identifier: ISC */
/*
 * <linux/module.h>: what a module says about itself, which nobody asks here, and its two ends.
 *
 * module_init() and module_exit() define init_module() and cleanup_module(), as they always did for a module; whoever
 * runs the driver calls these.  Where a program has two such drivers, compile one with -Dinit_module=... of its own.
 */
#ifndef METE_SHIM_LINUX_LINUX_MODULE_H
#define METE_SHIM_LINUX_LINUX_MODULE_H
#if defined(__GNUC__)
#pragma GCC system_header /* lets #include_next pass -Wpedantic */
#endif
#if defined(__has_include_next)
#if __has_include_next(<linux/module.h>)
#include_next <linux/module.h>
#endif
#endif

#include <linux/export.h>
#include <linux/init.h>

#define MODULE_LICENSE(text) METE_LINUX_NOTE
#define MODULE_AUTHOR(text) METE_LINUX_NOTE
#define MODULE_DESCRIPTION(text) METE_LINUX_NOTE
#define MODULE_VERSION(text) METE_LINUX_NOTE
#define MODULE_ALIAS(text) METE_LINUX_NOTE
#define MODULE_FIRMWARE(text) METE_LINUX_NOTE
#define MODULE_SOFTDEP(text) METE_LINUX_NOTE
#define MODULE_IMPORT_NS(name) METE_LINUX_NOTE
#define MODULE_DEVICE_TABLE(bus, table) METE_LINUX_NOTE

#define module_init(function)                                                                                          \
	int init_module(void);                                                                                         \
	int init_module(void)                                                                                          \
	{                                                                                                              \
		return function();                                                                                     \
	}                                                                                                              \
	METE_LINUX_NOTE
#define module_exit(function)                                                                                          \
	void cleanup_module(void);                                                                                     \
	void cleanup_module(void)                                                                                      \
	{                                                                                                              \
		function();                                                                                            \
	}                                                                                                              \
	METE_LINUX_NOTE

#endif
