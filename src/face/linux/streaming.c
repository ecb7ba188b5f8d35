/* SPDX-License-Identifier: ISC */
/*
 * Streaming: dma_map_*, dma_unmap_* and dma_sync_single_*.
 *
 * The core chooses the way (direct, bounce, IOVA) and keeps the copy rules; here stands what Linux adds: limits from
 * masks, attributes, and the one error value.  There are two ways in, by CPU address and by physical address, and one
 * way out.
 *
 * MMIO is another device's registers: nothing to copy, no cache to maintain, maybe nothing the provider knows.  It is
 * where the bus shows it, or at an IOVA; it is never bounced.
 */
#include <mete/bounce.h>
#include <mete/linux.h>

#include "linux_face.h"

/* The one table of directions. */
enum mete_access mete__linux_access(int direction)
{
	switch (direction) {
	case 0: return METE_DEVICE_READS_WRITES;
	case 1: return METE_DEVICE_READS;
	case 2: return METE_DEVICE_WRITES;
	default: return (enum mete_access)0;
	}
}

static unsigned flags_of(unsigned long attrs)
{
	return attrs & METE_LINUX_SKIP_SYNC ? METE_MAP_SKIP_SYNC : 0;
}

static int refuse(const struct mete_linux_view *view, int error)
{
	mete_provider_note(view->core->provider, error);
	return error;
}

/* Where `core` sees [phys, phys + size - 1] without help. */
static int seen_at(const struct mete_linux_view *view, mete_paddr phys, size_t size,
    const struct mete_constraint *limit, mete_baddr *ret_bus)
{
	struct mete_constraint merged;
	mete_baddr bus;

	int error = mete_constraint_merge(&view->core->streaming, limit, &merged);
	if (!error)
		error = mete_device_bus(view->core, phys, size, &bus);
	if (!error && !mete_constraint_allows(&merged, bus, (mete_baddr)size))
		error = METE_ERANGE;
	if (!error)
		*ret_bus = bus;
	return error;
}

/* What a mapping needs before its memory is looked at. */
static int start(const struct mete_linux_view *view, size_t size, int direction, unsigned long attrs,
    struct mete_constraint *ret_limit)
{
	if (!view->has_mask) {
		mete_provider_note(view->core->provider, METE_ENODEV); /* as what it is, whatever the driver sees */
		return METE_EINVAL;
	}
	if (!size || !mete__linux_access(direction))
		return refuse(view, METE_EINVAL);
	if (!view->mask && METE_OBSERVED(view->core->provider))
		mete__linux_tell(view->core, METE_EVENT_MASK, 0, 0, METE_ENODEV);
	/* With a cache to maintain nothing is coherent. */
	if ((attrs & METE_LINUX_COHERENT) && !(attrs & METE_LINUX_MMIO) && view->core->noncoherent)
		return refuse(view, METE_ENOTSUP);
	mete__linux_limit(view->mask, view->bus_limit, ret_limit);
	return 0;
}

/* Drivers that set a mask of low bits compute with them: a stand-in that loses them is of no use. */
static int keep_low_bits(const struct mete_linux_view *view, mete_paddr phys, size_t size, int direction, mete_baddr bus)
{
	if (!((phys ^ bus) & view->min_align_mask))
		return 0;
	(void)mete_unmap_single(view->core, bus, size, mete__linux_access(direction), METE_MAP_SKIP_SYNC);
	mete_provider_note(view->core->provider, METE_ERANGE); /* no attribute asked for it */
	return METE_ENOTSUP;
}

static int map_mmio(const struct mete_linux_view *view, mete_paddr phys, size_t size, int direction,
    const struct mete_constraint *limit, mete_baddr *ret_bus)
{
	if (METE_OBSERVED(view->core->provider))
		mete__linux_tell(view->core, METE_EVENT_REGISTERS, phys, size, 0);
	if (view->core->domain)
		return mete_map_phys(view->core, limit, phys, size, mete__linux_access(direction), METE_MAP_SKIP_SYNC, ret_bus);
	int error = seen_at(view, phys, size, limit, ret_bus);
	return error ? refuse(view, error) : 0;
}

int mete__linux_map(const struct mete_linux_view *view, const void *cpu, size_t size, int direction,
    unsigned long attrs, mete_baddr *ret_bus)
{
	struct mete_device *core = view->core;
	struct mete_constraint limit;
	mete_paddr phys = 0;
	mete_baddr bus;
	size_t contiguous;

	if (attrs & METE_LINUX_MMIO) /* has no CPU address */
		return refuse(view, METE_EINVAL);
	int error = start(view, size, direction, attrs, &limit);
	if (error)
		return error;
	if (((attrs & METE_LINUX_COHERENT) || view->min_align_mask) &&
	    !core->provider->ops->translate(core->provider->ctx, cpu, size, &phys, &contiguous)) {
		if ((attrs & METE_LINUX_COHERENT) && !core->domain)
			error = contiguous < size ? METE_ERANGE : seen_at(view, phys, size, &limit, &bus);
		if (error)
			return refuse(view, error);
	} /* memory without a physical address is refused below */
	error = mete_map_single(core, &limit, cpu, size, mete__linux_access(direction), flags_of(attrs), &bus);
	if (!error && view->min_align_mask)
		error = keep_low_bits(view, phys, size, direction, bus);
	if (!error)
		*ret_bus = bus;
	return error;
}

uint64_t mete_linux_dma_map_single_attrs(const struct mete_linux_view *view, const void *cpu, size_t size, int direction,
    unsigned long attrs)
{
	LINUX_CALL(view, "dma_map_single_attrs");

	mete_baddr bus;

	if (!view->core || mete__linux_map(view, cpu, size, direction, attrs, &bus))
		return METE_BADDR_MAX;
	return bus;
}

uint64_t mete_linux_dma_map_phys(const struct mete_linux_view *view, uint64_t phys, size_t size, int direction,
    unsigned long attrs)
{
	LINUX_CALL(view, "dma_map_phys");

	struct mete_device *core = view->core;
	struct mete_constraint limit;
	mete_baddr bus;

	if (!core)
		return METE_BADDR_MAX;
	if (phys > METE_PADDR_MAX) {
		(void)refuse(view, METE_EINVAL);
		return METE_BADDR_MAX;
	}
	int error = start(view, size, direction, attrs, &limit);
	if (error)
		return METE_BADDR_MAX;
	if (attrs & METE_LINUX_MMIO)
		return map_mmio(view, (mete_paddr)phys, size, direction, &limit, &bus) ? METE_BADDR_MAX : bus;
	if ((attrs & METE_LINUX_COHERENT) && !core->domain)
		error = seen_at(view, (mete_paddr)phys, size, &limit, &bus);
	if (error) {
		(void)refuse(view, error);
		return METE_BADDR_MAX;
	}
	error = mete_map_phys(core, &limit, (mete_paddr)phys, size, mete__linux_access(direction), flags_of(attrs), &bus);
	if (!error && view->min_align_mask)
		error = keep_low_bits(view, (mete_paddr)phys, size, direction, bus);
	return error ? METE_BADDR_MAX : bus;
}

/* False, and counted: the error value, or wider than any handle. */
static bool handle_is_one(const struct mete_linux_view *view, uint64_t handle)
{
	if (handle < METE_BADDR_MAX)
		return true;
	mete_provider_note(view->core->provider, METE_EFAULT);
	return false;
}

void mete_linux_dma_unmap_phys(const struct mete_linux_view *view, uint64_t handle, size_t size, int direction,
    unsigned long attrs)
{
	LINUX_CALL(view, "dma_unmap_phys");

	if (!view->core || !handle_is_one(view, handle))
		return;
	if (!(attrs & METE_LINUX_MMIO)) {
		(void)mete_unmap_single(view->core, (mete_baddr)handle, size, mete__linux_access(direction), flags_of(attrs));
		return;
	}
	if (view->core->domain)
		(void)mete_unmap_single(view->core, (mete_baddr)handle, size, mete__linux_access(direction), METE_MAP_SKIP_SYNC);
	else if (!size || !mete__linux_access(direction))
		(void)refuse(view, METE_EINVAL);
}

static void pass(const struct mete_linux_view *view, uint64_t handle, size_t size, enum mete_sync sync, int direction)
{
	if (view->core && handle_is_one(view, handle))
		(void)mete_sync_single(view->core, (mete_baddr)handle, size, sync, mete__linux_access(direction));
}

void mete_linux_dma_sync_single_for_cpu(const struct mete_linux_view *view, uint64_t handle, size_t size, int direction)
{
	LINUX_CALL(view, "dma_sync_single_for_cpu");

	pass(view, handle, size, METE_FOR_CPU, direction);
}

void mete_linux_dma_sync_single_for_device(const struct mete_linux_view *view, uint64_t handle, size_t size,
    int direction)
{
	LINUX_CALL(view, "dma_sync_single_for_device");

	pass(view, handle, size, METE_FOR_DEVICE, direction);
}

/* The only difference between an address and the error value; but who asks has asked. */
bool mete_linux_dma_mapping_error(const struct mete_linux_view *view, uint64_t handle)
{
	if (handle == METE_BADDR_MAX)
		return true;
	if (view->core && METE_OBSERVED(view->core->provider) && handle < METE_BADDR_MAX)
		view->core->provider->observer->asked(view->core->provider->observer, view->core, (mete_baddr)handle);
	return false;
}

bool mete_linux_dma_need_sync(const struct mete_linux_view *view, uint64_t handle)
{
	(void)handle; /* whether it is a stand-in's is not worth a search */
	return view->core && (view->core->noncoherent || view->core->bounce);
}

/* Linux answers by the device, before it knows the memory: could it be bounced? */
size_t mete_linux_dma_max_mapping_size(const struct mete_linux_view *view)
{
	const struct mete_device *core = view->core;
	struct mete_constraint limit;

	if (!core)
		return 0;
	if (!core->bounce)
		return SIZE_MAX;
	mete__linux_limit(view->mask, view->bus_limit, &limit);
	const struct mete_bounce_config *c = &core->bounce->config;
	mete_baddr last = core->streaming.last && core->streaming.last < limit.last ? core->streaming.last : limit.last;
	if (!c->always && !core->noncoherent && (core->domain || last >= mete_device_last(core)))
		return SIZE_MAX;
	return c->longest;
}

/* Longer mappings are slow on Linux once its cache of IOVA ranges no longer serves them. */
size_t mete_linux_dma_opt_mapping_size(const struct mete_linux_view *view)
{
	size_t most = mete_linux_dma_max_mapping_size(view);
	size_t cached = (size_t)128 << 10;

	return view->core && view->core->domain && most > cached ? cached : most;
}
