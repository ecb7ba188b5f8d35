/* SPDX-License-Identifier: ISC */
/*
 * <linux/export.h>: every global symbol is exported.
 */
#ifndef METE_SHIM_LINUX_LINUX_EXPORT_H
#define METE_SHIM_LINUX_LINUX_EXPORT_H

#include <stddef.h>

/* A declaration that says nothing, for macros that stand at file scope with a semicolon. */
#define METE_LINUX_NOTE struct mete_linux_note

#define EXPORT_SYMBOL(symbol) METE_LINUX_NOTE
#define EXPORT_SYMBOL_GPL(symbol) METE_LINUX_NOTE

/* As in code that is built into the kernel. */
struct module;
#define THIS_MODULE ((struct module *)NULL)

#endif
