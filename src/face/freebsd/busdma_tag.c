/* SPDX-License-Identifier: ISC */
/*
 * Tags: what a device and the buses above it can do, from parent to child.
 *
 * A tag's limits are complete: they were merged with its parent's when it was made, so that nobody walks the chain
 * later.  The window (lowaddr, highaddr] of a child begins at the lower lowaddr and ends at the higher highaddr of the
 * two; above its end addresses are good again.  The topmost tag is the application's and has an empty window; the
 * device's own constraints are not in it, for the core adds them to each load.
 */
#include "bytes.h"
#include "freebsd_face.h"

int mete_freebsd_bus_init(struct mete_freebsd_bus *bus, struct mete_device *device, void (*later)(void *ctx),
    void *later_ctx)
{
	if (!bus || !device)
		return METE_EINVAL;
	const struct mete_provider *p = device->provider;
	struct mete_freebsd_tag *tag = (struct mete_freebsd_tag *)p->ops->record_alloc(p->ctx, sizeof *tag);
	if (!tag)
		return METE_ENOMEM;
	mete__bytes_zero(bus, sizeof *bus);
	bus->device = device;
	bus->tag = tag;
	bus->later = later;
	bus->later_ctx = later_ctx;
	tag->bus = bus;
	tag->lowaddr = BUS_SPACE_MAXADDR;
	tag->maxsize = BUS_SPACE_MAXSIZE;
	tag->nsegments = BUS_SPACE_UNRESTRICTED;
	return 0;
}

int mete_freebsd_bus_fini(struct mete_freebsd_bus *bus)
{
	const struct mete_provider *p = bus->device->provider;

	freebsd_lock(bus);
	bool busy = bus->tag->nusers != 0;
	freebsd_unlock(bus);
	if (busy)
		return METE_EBUSY;
	p->ops->record_free(p->ctx, bus->tag, sizeof *bus->tag);
	bus->tag = NULL;
	return 0;
}

/* The window as the core knows it. */
static bool window_limits(const struct mete_freebsd_tag *tag, struct mete_constraint *limit)
{
	if (tag->lowaddr >= tag->highaddr)
		return true;
	if (tag->highaddr == BUS_SPACE_MAXADDR) {
		limit->last = tag->lowaddr; /* 0 would be no limit */
		return tag->lowaddr != 0;
	}
	limit->hole_first = tag->lowaddr + 1;
	limit->hole_last = tag->highaddr;
	return true;
}

static bool power_of_two(bus_size_t n)
{
	return n && !(n & (n - 1));
}

int mete_freebsd_bus_dma_tag_create(bus_dma_tag_t parent, bus_size_t alignment, bus_addr_t boundary, bus_addr_t lowaddr,
    bus_addr_t highaddr, bus_dma_filter_t *filter, void *filterarg, bus_size_t maxsize, int nsegments,
    bus_size_t maxsegsz, int flags, bus_dma_lock_t *lockfunc, void *lockarg, bus_dma_tag_t *ret_tag)
{
	FREEBSD_CALL(parent, "bus_dma_tag_create");

	struct mete_freebsd_tag made;
	struct mete_constraint all;

	(void)filterarg;
	if (!parent)
		return NATIVE_EINVAL; /* and there is nobody to tell */
	alignment += !alignment;
	if (!ret_tag || filter || !maxsize || !maxsegsz || (nsegments < 1 && nsegments != BUS_SPACE_UNRESTRICTED) ||
	    !power_of_two(alignment) || (boundary && !power_of_two(boundary)))
		return freebsd_wrong(parent);

	mete__bytes_zero(&made, sizeof made);
	made.bus = parent->bus;
	made.parent = parent;
	made.lowaddr = lowaddr < parent->lowaddr ? lowaddr : parent->lowaddr;
	made.highaddr = highaddr > parent->highaddr ? highaddr : parent->highaddr;
	made.maxsize = maxsize;
	made.nsegments = nsegments;
	made.flags = flags;
	made.lockfunc = lockfunc;
	made.lockarg = lockarg;
	made.limit.align = alignment > parent->limit.align ? alignment : parent->limit.align;
	if (!boundary || (parent->limit.boundary && parent->limit.boundary < boundary))
		boundary = parent->limit.boundary;
	made.limit.boundary = boundary;
	made.limit.max_segment = boundary && boundary < maxsegsz ? boundary : maxsegsz;
	made.limit.max_segments = nsegments < 0 ? 0 : (uint32_t)nsegments;
	/* What no load could ever obey is refused now. */
	if (!window_limits(&made, &made.limit) ||
	    mete_constraint_merge(&made.limit, &made.bus->device->streaming, &all))
		return freebsd_wrong(parent);

	const struct mete_provider *p = made.bus->device->provider;
	struct mete_freebsd_tag *tag = (struct mete_freebsd_tag *)p->ops->record_alloc(p->ctx, sizeof *tag);
	if (!tag)
		return NATIVE_ENOMEM;
	mete__bytes_copy(tag, &made, sizeof *tag);
	freebsd_lock(tag->bus);
	parent->nusers++;
	freebsd_unlock(tag->bus);
	*ret_tag = tag;
	return 0;
}

int mete_freebsd_bus_dma_tag_destroy(bus_dma_tag_t tag)
{
	FREEBSD_CALL(tag, "bus_dma_tag_destroy");

	if (!tag)
		return 0;
	if (!tag->parent)
		return freebsd_wrong(tag); /* the application's, which ends it with mete_freebsd_bus_fini() */
	struct mete_freebsd_bus *bus = tag->bus;
	const struct mete_provider *p = bus->device->provider;

	freebsd_lock(bus);
	bool busy = tag->nusers != 0;
	if (!busy)
		tag->parent->nusers--;
	freebsd_unlock(bus);
	if (busy)
		return freebsd_busy(tag);
	p->ops->record_free(p->ctx, tag, sizeof *tag);
	return 0;
}
