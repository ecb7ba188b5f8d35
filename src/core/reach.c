/* SPDX-License-Identifier: ISC */
/*
 * Reach: translating a constraint on bus addresses into a want on physical ones, one bus range at a time.
 *
 * Within a range, bus = phys + (range.bus - range.phys), modulo the width of addresses.  Limits are clipped to the
 * range and shifted; alignment and boundary keep their size and shift their grid: a start that is `phase` modulo
 * `align` on the bus is `phase - offset` modulo `align` physically.
 *
 * Behind an IOMMU the limits are met by the IOVA, and the memory may lie anywhere; only the alignment is asked of it too, for
 * the CPU view.
 */
#include "reach.h"

#include "bytes.h"
#include "checked.h"
#include "range.h"
#include "way.h"

/* False if the range and the constraint have no address in common. */
static bool reach_want(const struct mete_bus_range *range, const struct mete_constraint *limit, struct mete_want *ret)
{
	mete_baddr last = limit->last ? limit->last : METE_BADDR_MAX;
	mete_baddr range_last = range->bus + range_tail(range);
	mete_baddr first = limit->first > range->bus ? limit->first : range->bus;
	if (last > range_last)
		last = range_last;
	if (first > last)
		return false;

	mete_baddr hole_first = 0, hole_last = 0;
	if (limit->hole_last && limit->hole_first <= last && limit->hole_last >= first) {
		hole_first = limit->hole_first > first ? limit->hole_first : first;
		hole_last = limit->hole_last < last ? limit->hole_last : last;
		/* Cut at the ends, so that a hole that starts at physical 0 or ends there needs no encoding. */
		if (hole_first == first) {
			if (hole_last == last)
				return false;
			first = hole_last + 1;
			hole_first = hole_last = 0;
		} else if (hole_last == last) {
			last = hole_first - 1;
			hole_first = hole_last = 0;
		}
	}

	mete_paddr shift = range->phys - range->bus;
	ret->first = first + shift;
	ret->last = last + shift;
	ret->hole_first = hole_last ? hole_first + shift : 0;
	ret->hole_last = hole_last ? hole_last + shift : 0;
	if (ret->last == 0) /* only physical 0 is left; 0 would mean "no limit" */
		return false;
	ret->align = limit->align;
	ret->phase = limit->align ? (limit->phase + shift) & (limit->align - 1) : 0;
	ret->boundary = limit->boundary;
	ret->boundary_phase = limit->boundary ? shift & (limit->boundary - 1) : 0;
	return true;
}

/* The error that says more: what may work later, before what never will. */
static int reach_worse(int a, int b)
{
	return a == METE_ENOMEM || b == METE_ENOMEM ? METE_ENOMEM : b;
}

int mete__reach_anywhere(struct mete_provider *p, size_t len, size_t align, enum mete_memory memory,
    struct mete_run *ret_run)
{
	struct mete_want want;

	mete__bytes_zero(&want, sizeof want);
	want.len = len;
	want.align = align > p->frame ? (mete_paddr)align : 0;
	want.memory = memory;
	return p->ops->take(p->ctx, &want, ret_run);
}

/* Memory anywhere, whole pages of it, and a range of IOVA that shows it. */
static int reach_iova(const struct mete_device *device, const struct mete_constraint *limit, size_t len,
    enum mete_memory memory, struct mete_run *ret_run, mete_baddr *ret_bus)
{
	struct mete_domain *d = device->domain;
	struct mete_provider *p = device->provider;
	size_t page = d->config.page;
	size_t align = limit->align > page && limit->align <= METE_CONGRUENT ? (size_t)limit->align : page;
	struct mete_run run;
	mete_baddr iova;

	if (limit->phase & (page - 1))
		return METE_ERANGE;
	if (!checked_up(len, page, &len))
		return METE_ERANGE;
	int error = mete__reach_anywhere(p, len, align, memory, &run);
	if (error)
		return error;
	error = mete__iova_take(d, limit, len, &iova);
	if (error)
		goto give_run;
	error = d->config.ops->map(d->config.ctx, iova, run.phys, len, METE_DEVICE_READS_WRITES);
	if (error)
		goto give_iova;
	*ret_run = run;
	*ret_bus = iova;
	return 0;

give_iova:
	mete__iova_give(d, iova, len, 0, true);
give_run:
	p->ops->give(p->ctx, &run);
	return error;
}

void mete__reach_give(struct mete_provider *p, struct mete_domain *domain, const struct mete_run *run, mete_baddr bus)
{
	if (domain) {
		size_t len = mete__iova_length(domain, bus);
		mete__iova_give(domain, bus, len, len, true); /* the memory is somebody else's next */
	}
	p->ops->give(p->ctx, run);
}

int mete__reach_take(const struct mete_device *device, const struct mete_constraint *limit, size_t len,
    enum mete_memory memory, struct mete_run *ret_run, mete_baddr *ret_bus)
{
	static const struct mete_bus_range identity = { 0, 0, 0 };
	const struct mete_bus_range *ranges = device->nranges ? device->range : &identity;
	size_t nranges = device->nranges ? device->nranges : 1;
	int error = METE_ERANGE;

	if (device->domain)
		return reach_iova(device, limit, len, memory, ret_run, ret_bus);
	for (size_t i = 0; i < nranges; i++) {
		struct mete_want want;
		struct mete_run run;
		if (!reach_want(&ranges[i], limit, &want))
			continue;
		want.len = len;
		want.memory = memory;
		int result = device->provider->ops->take(device->provider->ctx, &want, &run);
		if (!result) {
			*ret_run = run;
			*ret_bus = run.phys - (ranges[i].phys - ranges[i].bus);
			return 0;
		}
		error = reach_worse(error, result);
	}
	return error;
}
