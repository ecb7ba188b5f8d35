/* SPDX-License-Identifier: ISC */
/*
 * Range: arithmetic on one bus range.
 */
#ifndef RANGE_H
#define RANGE_H

#include <mete/device.h>

/* Length of the range minus one, which unlike the length always fits. */
static inline mete_paddr range_tail(const struct mete_bus_range *range)
{
	if (range->len)
		return range->len - 1;
	mete_paddr phys_left = METE_PADDR_MAX - range->phys;
	mete_baddr bus_left = METE_BADDR_MAX - range->bus;
	return phys_left < bus_left ? phys_left : bus_left;
}

#endif
