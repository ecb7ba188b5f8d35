/* SPDX-License-Identifier: ISC */
/*
 * <sys/errno.h>: the host's numbers where there are any, so that a driver and its program agree; in firmware, of
 * FreeBSD's those that bus_dma(9) returns.
 */
#ifndef METE_SHIM_FREEBSD_SYS_ERRNO_H
#define METE_SHIM_FREEBSD_SYS_ERRNO_H
#if defined(__GNUC__)
#pragma GCC system_header /* lets #include_next pass -Wpedantic */
#endif
#if defined(__has_include_next)
#if __has_include_next(<sys/errno.h>)
#include_next <sys/errno.h>
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
#ifndef EFBIG
#define EFBIG 27
#endif
#ifndef EINPROGRESS
#define EINPROGRESS 36
#endif

#endif
