/* SPDX-License-Identifier: ISC */
/*
 * Sync: finding the memory behind a bus address, and passing it on.
 *
 * What has to be done, by what the device sees and who gets it next:
 *
 *                                  the memory itself          a stand-in
 *   for the device, it reads       clean                      copy in, clean
 *   for the device, it writes      clean and invalidate       clean and invalidate
 *   for the CPU, it writes         invalidate                 invalidate, copy back
 *
 * Cache lines are only touched for non-coherent devices.  A line that the device writes is forgotten before, so that it
 * is not written back over the device's data, and again after, because a CPU may fetch ahead whenever it likes; before, it
 * is cleaned too, so that bytes which the device does not write keep their value.  Nothing is copied in for a device that
 * only writes: it may be writing at this moment.
 */
#include "way.h"

#include "bytes.h"
#include "checked.h"
#include "line.h"
#include "tell.h"
#include "range.h"

/* Physical address of `bus` by the bus ranges, and how far the range goes on, up to `*len`. */
static bool range_find(const struct mete_device *device, mete_baddr bus, size_t *len, mete_paddr *ret_phys)
{
	if (!device->nranges) {
		*ret_phys = bus;
		mete_baddr last;
		return checked_last_bus(bus, (mete_baddr)*len, &last);
	}
	for (size_t i = 0; i < device->nranges; i++) {
		const struct mete_bus_range *range = &device->range[i];
		mete_paddr tail = range_tail(range);
		if (bus < range->bus || bus - range->bus > tail)
			continue;
		mete_paddr left = tail - (bus - range->bus); /* bytes after this one */
		if (*len - 1 > left)
			*len = (size_t)left + 1;
		*ret_phys = range->phys + (bus - range->bus);
		return true;
	}
	return false;
}

int mete__way_find(const struct mete_device *device, mete_baddr bus, size_t len, struct way *ret)
{
	const struct mete_provider *p = device->provider;
	const struct mete_domain *d = device->domain;
	mete_paddr phys;
	int error;

	ret->len = len;
	if (d) {
		size_t off = (size_t)bus & (d->config.page - 1);
		error = d->config.ops->lookup(d->config.ctx, bus - (mete_baddr)off, &phys);
		if (error)
			return METE_EFAULT;
		phys += (mete_paddr)off;
		if (ret->len > d->config.page - off)
			ret->len = d->config.page - off;
	} else if (!range_find(device, bus, &ret->len, &phys)) {
		return METE_EFAULT;
	}
	ret->phys = phys;
	if (device->bounce && mete__bounce_find(device->bounce, phys, ret))
		return 0;
	ret->stand_in = NULL;
	ret->cpu = NULL;
	if (!device->noncoherent)
		return 0;
	void *cpu;
	size_t contiguous;
	if (!p->ops->view || !p->ops->cache || p->ops->view(p->ctx, phys, ret->len, &cpu, &contiguous))
		return METE_EFAULT;
	ret->cpu = cpu;
	if (ret->len > contiguous)
		ret->len = contiguous;
	return 0;
}

/* Maintain the whole lines that [cpu, cpu + len - 1] lies in. */
static void sync_lines(const struct mete_device *device, enum mete_cache op, unsigned char *cpu, mete_paddr phys,
    size_t len)
{
	const struct mete_provider *p = device->provider;
	size_t before = (uintptr_t)cpu & (device->line - 1);
	size_t after = (0 - ((uintptr_t)cpu + len)) & (device->line - 1);

	p->ops->cache(p->ctx, op, cpu - before, phys - (mete_paddr)before, before + len + after);
}

/*
 * Forget the lines of memory that the device wrote.  A line of which only a part is passed on may hold bytes of somebody
 * else, if the caller claims more access than it mapped with, or of the rest of the mapping: it is cleaned first.  Where
 * the CPU has kept its hands off, cleaning finds nothing to write.
 */
static void sync_forget(const struct mete_device *device, unsigned char *cpu, mete_paddr phys, size_t len)
{
	size_t line = device->line;
	size_t head = (0 - (uintptr_t)cpu) & (line - 1);

	if (head) {
		size_t part = head < len ? head : len;
		sync_lines(device, METE_CACHE_CLEAN_INVALIDATE, cpu, phys, part);
		cpu += part;
		phys += (mete_paddr)part;
		len -= part;
	}
	size_t whole = len & ~(line - 1);
	if (whole)
		sync_lines(device, METE_CACHE_INVALIDATE, cpu, phys, whole);
	if (len > whole)
		sync_lines(device, METE_CACHE_CLEAN_INVALIDATE, cpu + whole, phys + (mete_paddr)whole, len - whole);
}

static void sync_for_device(const struct mete_device *device, const struct way *way, enum mete_access access)
{
	if (way->stand_in && (access & METE_DEVICE_READS))
		mete__bytes_copy(way->stand_in, way->cpu, way->len);
	if (device->noncoherent)
		sync_lines(device, access & METE_DEVICE_WRITES ? METE_CACHE_CLEAN_INVALIDATE : METE_CACHE_CLEAN,
		    way->stand_in ? way->stand_in : way->cpu, way->phys, way->len);
}

static void sync_for_cpu(const struct mete_device *device, const struct way *way, enum mete_access access)
{
	if (!(access & METE_DEVICE_WRITES))
		return;
	if (device->noncoherent && way->stand_in)
		sync_lines(device, METE_CACHE_INVALIDATE, way->stand_in, way->phys, way->len);
	else if (device->noncoherent)
		sync_forget(device, way->cpu, way->phys, way->len);
	if (way->stand_in)
		mete__bytes_copy(way->cpu, way->stand_in, way->len);
}

/* Whether all of it is visible, and can be of one mapping: without a domain, that is memory or stand-ins, not both. */
static int sync_check(const struct mete_device *device, mete_baddr bus, size_t len)
{
	bool first = true, stands_in = false;

	while (len) {
		struct way way;
		int error = mete__way_find(device, bus, len, &way);
		if (error)
			return error;
		if (mete__way_freed(device, &way) || (!device->domain && !first && stands_in != (way.stand_in != NULL)))
			return METE_EFAULT;
		first = false;
		stands_in = way.stand_in;
		bus += (mete_baddr)way.len;
		len -= way.len;
	}
	return 0;
}

int mete__way_sync(struct mete_device *device, mete_baddr bus, size_t len, enum mete_sync sync, enum mete_access access)
{
	int error = sync_check(device, bus, len); /* before anything is passed on */
	if (!device->noncoherent && !device->bounce)
		return error; /* nothing to do, and nothing to find out but whether it is there */
	while (!error && len) {
		struct way way;
		error = mete__way_find(device, bus, len, &way);
		if (error)
			return error;
		if (sync == METE_FOR_DEVICE)
			sync_for_device(device, &way, access);
		else
			sync_for_cpu(device, &way, access);
		bus += (mete_baddr)way.len;
		len -= way.len;
	}
	return error;
}

int mete_sync_single(struct mete_device *device, mete_baddr bus, size_t len, enum mete_sync sync,
    enum mete_access access)
{
	struct mete_provider *p = device->provider;

	if (METE_OBSERVED(p))
		mete__tell_single(METE_EVENT_SYNC, METE_CALLER(), device, NULL, 0, bus, len, access, sync, 0);
	if (!len || !sync_known(sync) || !access_known(access))
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	mete_baddr last;
	if ((mete_baddr)len != len || !checked_last_bus(bus, (mete_baddr)len, &last))
		return mete__line_count(p, &p->counters.bad_address, METE_EFAULT);
	int error = mete__way_sync(device, bus, len, sync, access);
	if (!error && sync == METE_FOR_DEVICE && METE_OBSERVED(p))
		mete__tell_single(METE_EVENT_PASSED, NULL, device, NULL, 0, bus, len, access, 0, 0);
	return error ? mete__line_count(p, &p->counters.bad_address, error) : 0;
}
