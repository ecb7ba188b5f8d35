/* SPDX-License-Identifier: ISC */
/*
 * The Linux DMA API: coherent memory and masks.
 *
 * Linux keeps a device's limits as masks in struct device, where drivers may change them at any time.  So each call
 * turns the masks of that moment into a constraint, here and nowhere else.
 */
#include <mete/linux.h>

#include "bits.h"
#include "checked.h"
#include "linux_face.h"

/* A page, where Linux promises one; frames may be smaller in firmware. */
#define PAGE_LEN 4096u
/* The smallest memory zone that Linux keeps for narrow devices ends here. */
#define ZONE_MASK 0xffffffu

static uint64_t min_not_zero(uint64_t a, uint64_t b)
{
	if (!a || !b)
		return a | b;
	return a < b ? a : b;
}

void mete__linux_tell(struct mete_device *core, enum mete_event_kind kind, mete_paddr phys, size_t len, int error)
{
	struct mete_event event;

	mete__bytes_zero(&event, sizeof event);
	event.kind = kind;
	event.owner_kind = METE_OWNER_DEVICE;
	event.owner = event.device = core;
	event.phys = phys;
	event.len = len;
	event.error = error;
	mete_observe_tell(&event);
}

void mete__linux_limit(uint64_t mask, uint64_t bus_limit, struct mete_constraint *ret)
{
	static const struct mete_constraint anything = { 0 };
	uint64_t last = min_not_zero(mask, bus_limit);

	mete__bytes_copy(ret, &anything, sizeof *ret);
	ret->last = last < METE_BADDR_MAX ? (mete_baddr)last : METE_BADDR_MAX;
}

void *mete_linux_dma_alloc_coherent(const struct mete_linux_view *view, size_t size, void *ret_handle, unsigned gfp)
{
	LINUX_CALL(view, "dma_alloc_coherent");

	struct mete_constraint limit;
	mete_baddr bus;
	void *cpu;

	if (!view->core)
		return NULL;
	linux_sleeps(view->core, gfp);
	if (!view->coherent_mask && METE_OBSERVED(view->core->provider))
		mete__linux_tell(view->core, METE_EVENT_MASK, 0, 0, METE_ENODEV);
	if (!size || size > SIZE_MAX / 2 || (gfp & METE_LINUX_COMP)) {
		mete_provider_note(view->core->provider, METE_EINVAL);
		return NULL;
	}
	mete__linux_limit(view->coherent_mask, view->bus_limit, &limit);
	/* Both addresses are aligned to the smallest page order that holds the size. */
	size_t least = size > PAGE_LEN ? size : PAGE_LEN;
	unsigned order = bits_high64(least - 1) + 1;
	if (order >= METE_ADDR_BITS) {
		mete_provider_note(view->core->provider, METE_EINVAL);
		return NULL;
	}
	limit.align = (mete_baddr)1 << order;
	if (mete_device_alloc(view->core, &limit, size, METE_MEMORY_COHERENT, METE_ZERO, &cpu, &bus))
		return NULL;
	mete__bytes_copy(ret_handle, &bus, sizeof bus);
	return cpu;
}

void mete_linux_dma_free_coherent(const struct mete_linux_view *view, size_t size, void *cpu, uint64_t handle)
{
	LINUX_CALL(view, "dma_free_coherent");

	mete_baddr bus;

	if (!view->core || !cpu)
		return;
	if (!mete_device_address(view->core, cpu, &bus) && bus != handle) {
		mete_provider_note(view->core->provider, METE_EFAULT);
		return;
	}
	(void)mete_device_free(view->core, cpu, size);
}

/*
 * Linux's rule without an IOMMU: 32 bits always do; fewer do if they cover the zone for narrow devices, or all memory
 * where there is less.
 */
static int mask_supported(const struct mete_linux_view *view, uint64_t mask)
{
	if (mask >= 0xffffffffu)
		return 1;
	mete_baddr least = mete_device_last(view->core);
	mete_baddr zone;
	mete_paddr zone_end = view->core->provider->phys_last < ZONE_MASK ? view->core->provider->phys_last : ZONE_MASK;
	if (!mete_device_bus(view->core, zone_end, 1, &zone) && zone < least)
		least = zone;
	return mask >= least;
}

int mete_linux_dma_supported(const struct mete_linux_view *view, uint64_t mask)
{
	LINUX_CALL(view, "dma_supported");

	if (!view->core)
		return 0;
	int supported = mask_supported(view, mask);
	if (METE_OBSERVED(view->core->provider))
		mete__linux_tell(view->core, METE_EVENT_MASK, 0, 0, supported ? 0 : METE_ERANGE);
	return supported;
}

uint64_t mete_linux_dma_get_required_mask(const struct mete_linux_view *view)
{
	uint64_t last = view->core ? mete_device_last(view->core) : 0;

	return last ? UINT64_MAX >> (63 - bits_high64(last)) : 0;
}
