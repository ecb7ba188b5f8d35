/* SPDX-License-Identifier: ISC */
/*
 * <linux/errno.h>: the host's, or else the numbers that the DMA API returns.
 */
#ifndef METE_SHIM_LINUX_LINUX_ERRNO_H
#define METE_SHIM_LINUX_LINUX_ERRNO_H
#if defined(__GNUC__)
#pragma GCC system_header /* lets #include_next pass -Wpedantic */
#endif
#if defined(__has_include_next)
#if __has_include_next(<linux/errno.h>)
#include_next <linux/errno.h> /* libc reaches this file through <errno.h> */
#endif
#endif

#ifndef EIO
#define EIO 5
#endif
#ifndef ENOMEM
#define ENOMEM 12
#endif
#ifndef EBUSY
#define EBUSY 16
#endif
#ifndef EINVAL
#define EINVAL 22
#endif

#endif
