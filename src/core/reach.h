/* SPDX-License-Identifier: ISC */
/*
 * Reach: from what a device needs to what a provider is asked.
 */
#ifndef REACH_H
#define REACH_H

#include <mete/device.h>

/*
 * Outside the guard: take a run of `len` bytes that `device` sees as one segment within `limit` (checked).  Tries each
 * bus range in turn, in the order of the device's configuration.  METE_ENOMEM if a range could serve it later, else
 * METE_ERANGE, METE_ENOTSUP or METE_EINVAL.
 */
int mete__reach_take(const struct mete_device *device, const struct mete_constraint *limit, size_t len,
    enum mete_memory memory, struct mete_run *ret_run, mete_baddr *ret_bus);

/*
 * Outside the guard: merge `limit` (or NULL) with one of the device's constraints as it is now; another thread may be
 * replacing it.  Fails as mete_constraint_merge() does.
 */
int mete__device_merge(struct mete_device *device, enum mete_use use, const struct mete_constraint *limit,
    struct mete_constraint *ret);

#endif
