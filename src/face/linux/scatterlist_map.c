/* SPDX-License-Identifier: ISC */
/*
 * dma_map_sg and its kin: entry by entry, each a mapping of its own; behind an IOMMU, entries that meet at edges of pages
 * become one mapping of one segment:
 *
 *   memory  [ ...====]  [========]  [====... ]      entries 1 to 3, each in pages of its own
 *   IOVA    [ ...====][========][====... ]          one segment
 *
 * Either way each segment can be ended by its bus address alone.  So a list of any length needs no storage: what was
 * mapped is found again in the list, whose first entries have a length on the bus, and whose others have none.  The
 * struct is the header's; this file walks it through three functions.
 */
#include <mete/bounce.h>
#include <mete/iommu.h>
#include <mete/linux.h>

#include "bits.h"
#include "linux_face.h"

/* The errors that dma_map_sgtable knows: will never work, may work later, neither is known. */
static int native_error(int error)
{
	switch (error) {
	case METE_EINVAL: return -22;
	case METE_ENOMEM: return -12;
	default: return -5;
	}
}

/* Entries of a list that are to become one segment, as pieces of an object. */
struct sg_group {
	const struct mete_linux_list *list;
	void *first, *at;
	unsigned n, i;
};

static bool group_next(void *ctx, struct mete_piece *ret_piece)
{
	struct sg_group *group = ctx;
	struct mete_linux_entry entry;

	if (group->i == group->n)
		return false;
	group->list->get(group->at, &entry);
	ret_piece->cpu = entry.cpu;
	ret_piece->phys = 0;
	ret_piece->len = entry.len;
	ret_piece->placed = false;
	group->at = group->list->next(group->at);
	group->i++;
	return true;
}

static void group_rewind(void *ctx)
{
	struct sg_group *group = ctx;

	group->at = group->first;
	group->i = 0;
}

/* Whether entries may be joined at all: a stand-in for one of them would have to be ended by its own address. */
static bool may_join(const struct mete_linux_view *view, unsigned long attrs)
{
	const struct mete_device *core = view->core;

	return core->domain && !core->noncoherent && !(core->bounce && core->bounce->config.always) &&
	    !(attrs & METE_LINUX_MMIO) && view->has_mask && view->min_align_mask < core->domain->config.page;
}

unsigned long mete_linux_dma_get_merge_boundary(const struct mete_linux_view *view)
{
	return view->core && may_join(view, 0) ? (unsigned long)(view->core->domain->config.page - 1) : 0;
}

/* Bytes that a joined segment may have. */
static uint64_t join_limit(const struct mete_linux_view *view)
{
	uint64_t most = view->max_segment ? view->max_segment : 65536;

	return view->boundary_mask && view->boundary_mask < most ? view->boundary_mask + 1 : most;
}

/* Whether the first, or last, byte of an entry is that of a page. */
static bool at_page(const struct mete_device *core, const struct mete_linux_entry *entry, bool last)
{
	const struct mete_provider *p = core->provider;
	const unsigned char *cpu = (const unsigned char *)entry->cpu + (last ? entry->len - 1 : 0);
	mete_paddr phys;
	size_t len;

	return entry->len && !p->ops->translate(p->ctx, cpu, 1, &phys, &len) &&
	    !((phys + last) & (mete_paddr)(core->domain->config.page - 1));
}

/* As many of `most` entries from `first` on as one segment can be, at least 1. */
static unsigned group_find(const struct mete_linux_view *view, const struct mete_linux_list *list, void *first,
    unsigned most)
{
	uint64_t room = join_limit(view);
	struct mete_linux_entry entry;
	unsigned n = 1;

	list->get(first, &entry);
	for (void *at = first; n < most && entry.len < room && at_page(view->core, &entry, true); n++) {
		room -= entry.len;
		at = list->next(at);
		if (!at)
			break;
		list->get(at, &entry);
		if (entry.len > room || !at_page(view->core, &entry, false))
			break;
	}
	return n;
}

/* Map a group as one segment.  No cache, no stand-in: there is nothing to sync. */
static int group_map(const struct mete_linux_view *view, struct sg_group *group, int direction,
    struct mete_segment *ret_segment)
{
	const struct mete_pieces pieces = { group_next, group, group_rewind };
	struct mete_constraint limit;
	struct mete_map map;

	mete__linux_limit(view->mask, view->bus_limit, &limit);
	if (view->boundary_mask && bits_is_power2(view->boundary_mask + 1) && view->boundary_mask < METE_BADDR_MAX)
		limit.boundary = (mete_baddr)view->boundary_mask + 1;
	int error = mete_map_init(&map, view->core, &limit, ret_segment, 1);
	return error ? error : mete_map_load(&map, &pieces, mete__linux_access(direction), 0);
}

static void unmap_first(const struct mete_linux_view *view, const struct mete_linux_list *list, unsigned nents,
    int direction, unsigned long attrs)
{
	struct mete_linux_entry entry;
	void *at = list->first;

	for (unsigned i = 0; i < nents && at; i++, at = list->next(at)) {
		list->get(at, &entry);
		if (i && !entry.bus_len)
			return; /* joined with others */
		mete_linux_dma_unmap_phys(view, entry.bus, entry.bus_len, direction, attrs);
	}
}

/* Map the entries from `at` on that make one segment: `*n` of at most `*n`. */
static int map_some(const struct mete_linux_view *view, const struct mete_linux_list *list, void *at, unsigned *n,
    bool *join, int direction, unsigned long attrs, struct mete_segment *ret_segment)
{
	struct sg_group group = { list, at, at, 1, 0 };
	struct mete_linux_entry entry;

	if (*join)
		group.n = group_find(view, list, at, *n);
	*n = group.n;
	if (group.n > 1) {
		if (!group_map(view, &group, direction, ret_segment))
			return 0;
		*join = false; /* addresses in one piece are scarce: try without */
		*n = 1;
	}
	list->get(at, &entry);
	int error = mete__linux_map(view, entry.cpu, entry.len, direction, attrs, &ret_segment->bus);
	ret_segment->len = (mete_baddr)entry.len;
	return error;
}

int mete_linux_dma_map_sg_attrs(const struct mete_linux_view *view, const struct mete_linux_list *list, int direction,
    unsigned long attrs)
{
	LINUX_PIECES(view, "dma_map_sg_attrs", list->nents);

	struct mete_segment segment;
	void *at = list->first, *to = list->first;
	unsigned n, nsegments = 0;

	if (!view->core)
		return native_error(METE_EINVAL);
	if (!list->nents || list->nents > INT32_MAX) {
		mete_provider_note(view->core->provider, METE_EINVAL);
		return native_error(METE_EINVAL);
	}
	bool join = may_join(view, attrs);
	for (unsigned i = 0; i < list->nents; i += n) {
		int error = METE_EINVAL; /* the list ends too early */
		n = list->nents - i;
		if (at)
			error = map_some(view, list, at, &n, &join, direction, attrs, &segment);
		else
			mete_provider_note(view->core->provider, error);
		if (error) {
			/* Nothing was handed to the device yet, so nothing comes back. */
			unmap_first(view, list, nsegments, direction, attrs | METE_LINUX_SKIP_SYNC);
			return native_error(error);
		}
		for (unsigned k = 0; k < n; k++)
			at = list->next(at);
		list->set(to, segment.bus, (size_t)segment.len);
		to = list->next(to);
		nsegments++;
	}
	for (unsigned i = nsegments; i < list->nents; i++, to = list->next(to))
		list->set(to, 0, 0);
	return (int)nsegments;
}

void mete_linux_dma_unmap_sg_attrs(const struct mete_linux_view *view, const struct mete_linux_list *list, int direction,
    unsigned long attrs)
{
	LINUX_PIECES(view, "dma_unmap_sg_attrs", list->nents);

	unmap_first(view, list, list->nents, direction, attrs);
}

static void pass(const struct mete_linux_view *view, const struct mete_linux_list *list, int direction,
    void (*sync)(const struct mete_linux_view *view, uint64_t handle, size_t size, int direction))
{
	struct mete_linux_entry entry;
	void *at = list->first;

	for (unsigned i = 0; i < list->nents && at; i++, at = list->next(at)) {
		list->get(at, &entry);
		if (i && !entry.bus_len)
			return; /* joined with others */
		sync(view, entry.bus, entry.bus_len, direction);
	}
}

void mete_linux_dma_sync_sg_for_cpu(const struct mete_linux_view *view, const struct mete_linux_list *list, int direction)
{
	LINUX_PIECES(view, "dma_sync_sg_for_cpu", list->nents);

	pass(view, list, direction, mete_linux_dma_sync_single_for_cpu);
}

void mete_linux_dma_sync_sg_for_device(const struct mete_linux_view *view, const struct mete_linux_list *list,
    int direction)
{
	LINUX_PIECES(view, "dma_sync_sg_for_device", list->nents);

	pass(view, list, direction, mete_linux_dma_sync_single_for_device);
}
