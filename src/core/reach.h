/* SPDX-License-Identifier: ISC */
/*
 * Reach: from what a device needs to what a provider is asked.
 */
#ifndef REACH_H
#define REACH_H

#include <mete/device.h>

/*
 * Outside the guard: take a run of `len` bytes that `device` sees as one segment within `limit` (checked).  Behind an
 * IOMMU that is a range of IOVA over memory anywhere; else each bus range is tried in turn, in the order of the device's
 * configuration.  METE_ENOMEM if it could be served later, else METE_ERANGE, METE_ENOTSUP, METE_EINVAL, or what the
 * IOMMU's map returned.
 */
int mete__reach_take(const struct mete_device *device, const struct mete_constraint *limit, size_t len,
    enum mete_memory memory, struct mete_run *ret_run, mete_baddr *ret_bus);

/* Outside the guard: give back what mete__reach_take() took while the device was behind `domain` (or NULL). */
void mete__reach_give(struct mete_provider *provider, struct mete_domain *domain, const struct mete_run *run,
    mete_baddr bus);

/* Outside the guard: take a run that need not be visible to any device; `align` is a power of two. */
int mete__reach_anywhere(struct mete_provider *provider, size_t len, size_t align, enum mete_memory memory,
    struct mete_run *ret_run);

/*
 * Outside the guard: merge `limit` (or NULL) with one of the device's constraints as it is now; another thread may be
 * replacing it.  Fails as mete_constraint_merge() does.
 */
int mete__device_merge(struct mete_device *device, enum mete_use use, const struct mete_constraint *limit,
    struct mete_constraint *ret);

#endif
