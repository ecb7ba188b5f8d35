/* SPDX-License-Identifier: ISC */
/*
 * Device: its limits, its view of addresses, and whole runs allocated for it.
 *
 * A run allocated for a device is a slab of one block that the device owns, so the table that checks a block's free
 * checks this one too.
 */
#include <mete/device.h>

#include "bytes.h"
#include "checked.h"
#include "line.h"
#include "tell.h"
#include "range.h"
#include "reach.h"
#include "slab.h"

static bool ranges_overlap(const struct mete_bus_range *a, const struct mete_bus_range *b)
{
	mete_paddr phys_a = a->phys + range_tail(a), phys_b = b->phys + range_tail(b);
	mete_baddr bus_a = a->bus + range_tail(a), bus_b = b->bus + range_tail(b);
	return (a->phys <= phys_b && b->phys <= phys_a) || (a->bus <= bus_b && b->bus <= bus_a);
}

static bool ranges_sane(const struct mete_bus_range *ranges, size_t n)
{
	if (n > METE_DEVICE_RANGES || (n && !ranges))
		return false;
	for (size_t i = 0; i < n; i++) {
		mete_paddr tail = range_tail(&ranges[i]);
		if (tail > METE_PADDR_MAX - ranges[i].phys || tail > METE_BADDR_MAX - ranges[i].bus)
			return false;
		for (size_t j = 0; j < i; j++) {
			if (ranges_overlap(&ranges[i], &ranges[j]))
				return false;
		}
	}
	return true;
}

int mete_device_init(struct mete_device *device, const struct mete_device_config *config)
{
	static const struct mete_constraint anything = { 0 };

	if (!device || !config || !config->provider || !ranges_sane(config->ranges, config->nranges))
		return METE_EINVAL;
	size_t line = config->line ? config->line : 64;
	if ((line & (line - 1)) || mete_constraint_check(config->coherent) || mete_constraint_check(config->streaming))
		return METE_EINVAL;

	mete__bytes_zero(device, sizeof *device);
	device->name = config->name;
	device->provider = config->provider;
	mete__bytes_copy(&device->coherent, config->coherent ? config->coherent : &anything, sizeof device->coherent);
	mete__bytes_copy(&device->streaming, config->streaming ? config->streaming : &anything, sizeof device->streaming);
	for (size_t i = 0; i < config->nranges; i++)
		device->range[i] = config->ranges[i];
	device->nranges = config->nranges;
	device->line = line;
	device->noncoherent = config->noncoherent;
	if (METE_OBSERVED(device->provider))
		mete__tell_life(METE_EVENT_BORN, METE_CALLER(), device, METE_OWNER_DEVICE, device, 0);
	return 0;
}

int mete_device_fini(struct mete_device *device)
{
	struct mete_provider *p = device->provider;

	guard_enter(p);
	bool busy = device->nlive != 0;
	if (busy)
		p->counters.fini_busy++;
	guard_leave(p);
	if (METE_OBSERVED(p))
		mete__tell_life(METE_EVENT_GONE, METE_CALLER(), device, METE_OWNER_DEVICE, device, busy ? METE_EBUSY : 0);
	return busy ? METE_EBUSY : 0;
}

int mete_device_limit(struct mete_device *device, enum mete_use use, const struct mete_constraint *constraint)
{
	struct mete_constraint *place;

	if (use == METE_USE_COHERENT)
		place = &device->coherent;
	else if (use == METE_USE_STREAMING)
		place = &device->streaming;
	else
		return METE_EINVAL;
	if (mete_constraint_check(constraint))
		return METE_EINVAL;
	guard_enter(device->provider);
	if (constraint)
		mete__bytes_copy(place, constraint, sizeof *place);
	else
		mete__bytes_zero(place, sizeof *place);
	guard_leave(device->provider);
	return 0;
}

int mete_device_bus(const struct mete_device *device, mete_paddr phys, size_t len, mete_baddr *ret_bus)
{
	mete_paddr last;

	if (!checked_last_phys(phys, len, &last))
		return METE_ERANGE;
	if (!device->nranges) {
		*ret_bus = phys;
		return 0;
	}
	for (size_t i = 0; i < device->nranges; i++) {
		const struct mete_bus_range *range = &device->range[i];
		if (phys >= range->phys && last - range->phys <= range_tail(range)) {
			*ret_bus = range->bus + (phys - range->phys);
			return 0;
		}
	}
	return METE_ERANGE;
}

int mete_device_phys(const struct mete_device *device, mete_baddr bus, size_t len, mete_paddr *ret_phys)
{
	mete_paddr last;

	if (!checked_last_phys(bus, len, &last))
		return METE_ERANGE;
	if (!device->nranges) {
		*ret_phys = bus;
		return 0;
	}
	for (size_t i = 0; i < device->nranges; i++) {
		const struct mete_bus_range *range = &device->range[i];
		if (bus >= range->bus && last - range->bus <= range_tail(range)) {
			*ret_phys = range->phys + (bus - range->bus);
			return 0;
		}
	}
	return METE_ERANGE;
}

mete_baddr mete_device_last(const struct mete_device *device)
{
	mete_paddr end = device->provider->phys_last;
	mete_baddr last = 0;

	if (!device->nranges)
		return end;
	for (size_t i = 0; i < device->nranges; i++) {
		const struct mete_bus_range *range = &device->range[i];
		if (range->phys > end)
			continue;
		mete_paddr tail = range_tail(range) < end - range->phys ? range_tail(range) : end - range->phys;
		if (range->bus + tail > last)
			last = range->bus + tail;
	}
	return last;
}

/* One allocation on its way, so that a waiting request can repeat it. */
struct device_request {
	struct mete_device *device;
	struct mete_constraint limit;
	size_t len;
	enum mete_memory memory;
	struct mete_slab *slab;
};

static int device_attempt(void *arg)
{
	struct device_request *r = arg;
	return mete__slab_create(r->device, &r->limit, r->len, 1, 1, r->memory, r->device, &r->slab);
}

int mete__device_merge(struct mete_device *device, enum mete_use use, const struct mete_constraint *limit,
    struct mete_constraint *ret)
{
	guard_enter(device->provider);
	mete__bytes_copy(ret, use == METE_USE_COHERENT ? &device->coherent : &device->streaming, sizeof *ret);
	guard_leave(device->provider);
	return limit ? mete_constraint_merge(ret, limit, ret) : 0; /* the device's own were checked when they were set */
}

static int device_alloc(struct mete_device *device, const struct mete_constraint *limit, size_t len,
    enum mete_memory memory, unsigned flags, void **ret_cpu, mete_baddr *ret_bus, size_t *ret_room)
{
	struct mete_provider *p = device->provider;
	struct device_request r;
	bool bad = !len || !ret_cpu || (flags & ~(METE_ZERO | METE_WAIT)) || (unsigned)memory > METE_MEMORY_UNCACHED;

	if (bad || mete__device_merge(device, METE_USE_COHERENT, limit, &r.limit))
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	if ((r.limit.max_segment && len > r.limit.max_segment) || (r.limit.max_transfer && len > r.limit.max_transfer) ||
	    (r.limit.boundary && len > r.limit.boundary))
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	r.device = device;
	r.len = len;
	r.memory = memory;
	int error = (flags & METE_WAIT) && mete__line_there(p) ? METE_ENOMEM : device_attempt(&r);
	if (error == METE_ENOMEM && (flags & METE_WAIT))
		error = mete__line_wait(p, device_attempt, &r);
	if (error)
		return mete__line_count(p, &p->counters.failed, error);

	r.slab->state[0] = SLAB_LIVE;
	guard_enter(p);
	device->nlive++;
	guard_leave(p);
	*ret_room = r.slab->run.len;
	*ret_cpu = r.slab->run.cpu;
	*ret_bus = r.slab->bus;
	return 0;
}

int mete_device_alloc(struct mete_device *device, const struct mete_constraint *limit, size_t len,
    enum mete_memory memory, unsigned flags, void **ret_cpu, mete_baddr *ret_bus)
{
	mete_baddr bus = 0;
	size_t room = 0;
	int error = device_alloc(device, limit, len, memory, flags, ret_cpu, &bus, &room);

	if (!error && ret_bus)
		*ret_bus = bus;
	if (METE_OBSERVED(device->provider)) {
		mete__tell_alloc(METE_CALLER(), device, METE_OWNER_DEVICE, device, error ? NULL : *ret_cpu, bus, len, room,
		    memory, flags, error);
		room = len;
	}
	if (!error && (flags & METE_ZERO))
		mete__bytes_zero(*ret_cpu, room);
	return error;
}

/* Inside: the slab that starts at `cpu` and belongs to `device`. */
static struct mete_slab *device_slab(const struct mete_device *device, const void *cpu)
{
	struct mete_slab *slab = slab_find(device->provider, cpu);
	return slab && slab->owner == device && slab->run.cpu == cpu ? slab : NULL;
}

int mete_device_free(struct mete_device *device, void *cpu, size_t len)
{
	struct mete_provider *p = device->provider;
	int error = 0;

	if (!cpu)
		return 0;
	if (METE_OBSERVED(p))
		mete__tell_memory(METE_EVENT_FREE, METE_CALLER(), device, METE_OWNER_DEVICE, device, cpu, 0, len, 0);
	guard_enter(p);
	struct mete_slab *slab = device_slab(device, cpu);
	if (!slab) {
		p->counters.bad_address++;
		error = METE_EFAULT;
	} else if (slab->asked != len) {
		p->counters.wrong_size++;
		error = METE_EMSGSIZE;
	} else {
		mete__slab_forget(p, slab);
		slab->next = NULL;
		device->nlive--;
	}
	guard_leave(p);
	if (!error)
		mete__slab_destroy(p, slab);
	else if (METE_OBSERVED(p))
		mete__tell_memory(METE_EVENT_KEPT, NULL, device, METE_OWNER_DEVICE, device, cpu, 0, len, error);
	return error;
}

int mete_device_address(struct mete_device *device, const void *cpu, mete_baddr *ret_bus)
{
	guard_enter(device->provider);
	struct mete_slab *slab = device_slab(device, cpu);
	if (slab)
		*ret_bus = slab->bus;
	guard_leave(device->provider);
	return slab ? 0 : METE_EFAULT;
}
