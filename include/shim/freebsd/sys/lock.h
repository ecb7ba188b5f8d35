/* SPDX-License-Identifier: ISC */
/*
 * <sys/lock.h>: drivers include it before <sys/mutex.h>.  What is common to all locks is not here.
 */
#ifndef METE_SHIM_FREEBSD_SYS_LOCK_H
#define METE_SHIM_FREEBSD_SYS_LOCK_H

#include <sys/types.h>

#endif
