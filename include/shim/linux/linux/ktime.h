/* SPDX-License-Identifier: ISC */
/*
 * <linux/ktime.h>: time that only goes on, in nanoseconds.
 */
#ifndef METE_SHIM_LINUX_LINUX_KTIME_H
#define METE_SHIM_LINUX_LINUX_KTIME_H

#include <linux/types.h>
#include <mete/shim.h>

typedef s64 ktime_t;

#define NSEC_PER_USEC 1000L
#define NSEC_PER_MSEC 1000000L
#define NSEC_PER_SEC 1000000000L
#define USEC_PER_MSEC 1000L
#define USEC_PER_SEC 1000000L
#define MSEC_PER_SEC 1000L

static inline ktime_t ktime_get(void)
{
	return (ktime_t)mete_shim_now();
}

static inline u64 ktime_get_ns(void)
{
	return mete_shim_now();
}

static inline ktime_t ktime_add_ns(ktime_t time, u64 ns)
{
	return (ktime_t)((u64)time + ns);
}

static inline ktime_t ktime_add_us(ktime_t time, u64 us)
{
	return ktime_add_ns(time, us * 1000);
}

static inline ktime_t ktime_add_ms(ktime_t time, u64 ms)
{
	return ktime_add_ns(time, ms * 1000000);
}

static inline ktime_t ktime_sub(ktime_t later, ktime_t earlier)
{
	return (ktime_t)((u64)later - (u64)earlier);
}

static inline s64 ktime_to_ns(ktime_t time)
{
	return time;
}

static inline s64 ktime_us_delta(ktime_t later, ktime_t earlier)
{
	return ktime_sub(later, earlier) / 1000;
}

static inline s64 ktime_ms_delta(ktime_t later, ktime_t earlier)
{
	return ktime_sub(later, earlier) / 1000000;
}

/* Below 0, 0, above 0. */
static inline int ktime_compare(ktime_t a, ktime_t b)
{
	return (a > b) - (a < b);
}

static inline bool ktime_after(ktime_t a, ktime_t b)
{
	return a > b;
}

static inline bool ktime_before(ktime_t a, ktime_t b)
{
	return a < b;
}

#endif
