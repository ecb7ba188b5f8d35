/* SPDX-License-Identifier: ISC */
/*
 * <linux/delay.h>: waiting, for real time, at least as long as told.
 *
 * All of it is mete_shim_delay(3), which sleeps on a host.
 */
#ifndef METE_SHIM_LINUX_LINUX_DELAY_H
#define METE_SHIM_LINUX_LINUX_DELAY_H

#include <linux/types.h>
#include <mete/shim.h>

static inline void ndelay(unsigned long ns)
{
	mete_shim_delay(ns, false);
}

static inline void udelay(unsigned long us)
{
	mete_shim_delay((u64)us * 1000, false);
}

static inline void mdelay(unsigned long ms)
{
	mete_shim_delay((u64)ms * 1000000, false);
}

static inline void msleep(unsigned int ms)
{
	mete_shim_delay((u64)ms * 1000000, true);
}

static inline void ssleep(unsigned int s)
{
	mete_shim_delay((u64)s * 1000000000, true);
}

static inline void usleep_range(unsigned long least, unsigned long most)
{
	(void)most;
	mete_shim_delay((u64)least * 1000, true);
}

static inline void fsleep(unsigned long us)
{
	mete_shim_delay((u64)us * 1000, true);
}

#endif
