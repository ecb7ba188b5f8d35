/* SPDX-License-Identifier: ISC */
/*
 * <sys/queue.h>: the host's, and the walks that it may lack.  Without a host, none.
 */
#ifndef METE_SHIM_NETBSD_SYS_QUEUE_H
#define METE_SHIM_NETBSD_SYS_QUEUE_H
#if defined(__GNUC__)
#pragma GCC system_header /* lets #include_next pass -Wpedantic */
#endif
#if defined(__has_include_next)
#if __has_include_next(<sys/queue.h>)
#include_next <sys/queue.h>
#endif
#endif

#include <mete/bsd_queue.h>

#endif
