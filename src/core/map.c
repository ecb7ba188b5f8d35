/* SPDX-License-Identifier: ISC */
/*
 * Map, the direct way: the memory stays where it is, and the device can reach it there or cannot.
 */
#include <mete/map.h>

#include "line.h"
#include "reach.h"

static bool access_known(enum mete_access access)
{
	return access == METE_DEVICE_READS || access == METE_DEVICE_WRITES || access == METE_DEVICE_READS_WRITES;
}

/* The limits that concern a mapping as a whole. */
static bool transfer_allowed(const struct mete_constraint *c, size_t len)
{
	return (!c->max_transfer || len <= c->max_transfer) && len >= c->min_transfer &&
	    (!c->granularity || len % c->granularity == 0);
}

int mete_map_direct(struct mete_device *device, const struct mete_constraint *limit, const void *cpu, size_t len,
    enum mete_access access, mete_baddr *ret_bus)
{
	struct mete_provider *p = device->provider;
	struct mete_constraint merged;
	mete_paddr phys;
	mete_baddr bus;
	size_t contiguous;

	if (!len || !access_known(access) || !ret_bus ||
	    mete__device_merge(device, METE_USE_STREAMING, limit, &merged))
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	if (device->noncoherent)
		return mete__line_count(p, &p->counters.map_refused, METE_ENOTSUP);
	int error = p->ops->translate(p->ctx, cpu, len, &phys, &contiguous);
	if (!error && contiguous < len)
		error = METE_ERANGE;
	if (!error)
		error = mete_device_bus(device, phys, len, &bus);
	if (!error && !(mete_constraint_allows(&merged, bus, (mete_baddr)len) && transfer_allowed(&merged, len)))
		error = METE_ERANGE;
	if (error)
		return mete__line_count(p, &p->counters.map_refused, error);

	guard_enter(p);
	device->nmapped++;
	guard_leave(p);
	*ret_bus = bus;
	return 0;
}

int mete_unmap_direct(struct mete_device *device, mete_baddr bus, size_t len, enum mete_access access)
{
	struct mete_provider *p = device->provider;
	mete_paddr phys;

	if (!len || !access_known(access))
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	int error = mete_device_phys(device, bus, len, &phys);
	if (error)
		return mete__line_count(p, &p->counters.bad_address, error);
	guard_enter(p);
	device->nunmapped++;
	guard_leave(p);
	return 0;
}
