/* SPDX-License-Identifier: ISC */
/*
 * Job: making segments.
 *
 * Each stretch is shown where it is, or replaced by a stand-in when the device cannot reach it there, when it would start
 * off its alignment, or when the device would write to a cache line that is not all the stretch's own.
 *
 * Without an IOMMU, a stretch is one range on the bus.  With one, all stretches of an object are laid out in one range of
 * IOVA first (that takes a pass over the pieces), each at the same offset in its page as in memory:
 *
 *   memory  1 [ ...=====]   2 [=======]   3 [  ==== ]   pages anywhere
 *   IOVA      [ ...=====][=======][  ==== ]             1 and 2 are one segment, 3 is another
 *
 * The ranges are then cut and joined into segments as the limits say.  Whatever fails, what was done is undone: the
 * segments so far tell what there is to undo.
 */
#include "job.h"

#include "bytes.h"
#include "line.h"
#include "range.h"
#include "slab.h"
#include "tell.h"
#include "way.h"

void mete__job_init(struct job *job, struct mete_map *map, const struct mete_constraint *limit, enum mete_access access)
{
	mete__bytes_zero(job, sizeof *job);
	job->map = map;
	job->limit = limit;
	job->access = access;
}

/* Whether it is memory of the library's own that no cache holds.  A stand-in for it would only tear it in two. */
static bool in_no_cache(struct mete_provider *p, const struct stretch *stretch)
{
	if (!stretch->cpu)
		return false;
	guard_enter(p);
	const struct mete_slab *slab = slab_find(p, stretch->cpu);
	bool none = slab && slab->memory != METE_MEMORY_CACHED;
	guard_leave(p);
	return none;
}

/* Whether the device would write to a line that is not all the stretch's. */
static bool shares_line(const struct mete_device *device, const struct stretch *stretch, enum mete_access access)
{
	return device->noncoherent && (access & METE_DEVICE_WRITES) &&
	    ((stretch->phys | (mete_paddr)stretch->len) & (mete_paddr)(device->line - 1)) &&
	    !in_no_cache(device->provider, stretch);
}

static bool aligned(const struct mete_constraint *limit, mete_baddr bus)
{
	return !limit->align || (bus & (limit->align - 1)) == limit->phase;
}

/* The same, as far as offsets in units of `page` can tell. */
static bool aligned_within(const struct mete_constraint *limit, mete_baddr at, size_t page)
{
	mete_baddr unit = limit->align < page ? limit->align : (mete_baddr)page;
	return !limit->align || ((at ^ limit->phase) & (unit - 1)) == 0;
}

/* How much of `len` bytes at `bus` a segment that starts at `start` takes. */
static mete_baddr segment_part(const struct job *job, mete_baddr start, mete_baddr bus, size_t len)
{
	mete_baddr room = segment_room(job->limit, start) - (bus - start);
	return (uint64_t)len <= room ? (mete_baddr)len : room;
}

/* Whether nothing is to be shown really. */
static bool job_measuring(const struct job *job)
{
	return job->map->hold && job->map->hold->measuring;
}

/* How much of `len` bytes at `bus` the segment before takes. */
static mete_baddr job_joining(const struct job *job, mete_baddr bus, size_t len)
{
	const struct mete_map *map = job->map;
	const struct mete_segment *last = map->nsegments ? &map->segments[map->nsegments - 1] : NULL;

	if (!last || !job->joining || last->bus + last->len != bus || last->bus >= bus)
		return 0;
	return segment_part(job, last->bus, bus, len);
}

/*
 * How many bytes from the end of the segment before `bus` a new segment takes with it, so that it starts aligned and what
 * follows at `bus` joins it; 0: that cannot be.
 */
static mete_baddr job_recut(const struct job *job, mete_baddr bus, size_t len)
{
	const struct mete_constraint *limit = job->limit;
	const struct mete_map *map = job->map;
	const struct mete_segment *last = map->nsegments ? &map->segments[map->nsegments - 1] : NULL;

	if (!last || !job->joining || last->bus + last->len != bus || last->bus >= bus || !job->align || !limit->align)
		return 0;
	mete_baddr back = (bus - limit->phase) & (limit->align - 1);
	if (back >= last->len || segment_room(limit, bus - back) <= back)
		return 0;
	return segment_part(job, bus - back, bus, len) ? back : 0;
}

/* Whether a stretch must be replaced; `ret_bus` is where the device would see it, if there is no domain. */
static bool wants_stand_in(const struct job *job, const struct stretch *stretch, mete_baddr *ret_bus)
{
	const struct mete_device *device = job->map->device;

	if (job->replace || (device->bounce && device->bounce->config.always) || shares_line(device, stretch, job->access))
		return true;
	if (device->domain) /* offsets in a page stay; coarser alignment is the IOVA's business */
		return job->align && !aligned_within(job->limit, stretch->phys, device->domain->config.page);
	if (mete_device_bus(device, stretch->phys, stretch->len, ret_bus) ||
	    !segment_reachable(job->limit, *ret_bus, stretch->len))
		return true;
	return job->align && !aligned(job->limit, *ret_bus) && !job_joining(job, *ret_bus, stretch->len) &&
	    !job_recut(job, *ret_bus, stretch->len);
}

/* Open a segment at `bus`. */
static int job_open(struct job *job, mete_baddr bus)
{
	struct mete_map *map = job->map;
	uint32_t most = job->limit->max_segments && job->limit->max_segments < map->capacity ? job->limit->max_segments
	                                                                                   : map->capacity;

	if (map->nsegments == most)
		return METE_EMSGSIZE;
	map->segments[map->nsegments].bus = bus;
	map->segments[map->nsegments++].len = 0;
	return 0;
}

/* Add [bus, bus + len - 1] to the segments. */
static int job_emit(struct job *job, mete_baddr bus, size_t len)
{
	struct mete_map *map = job->map;

	bool over = job->limit->max_transfer && len > job->limit->max_transfer - map->len;
	if (over && !job_measuring(job))
		return METE_EMSGSIZE;
	if (over)
		len = (size_t)(job->limit->max_transfer - map->len); /* which is how far it would come */
	while (len) {
		struct mete_segment *last = map->nsegments ? &map->segments[map->nsegments - 1] : NULL;
		mete_baddr part = job_joining(job, bus, len);
		if (!part) {
			mete_baddr back = job_recut(job, bus, len);
			int error = job_open(job, bus - back);
			if (error)
				return error;
			last = &map->segments[map->nsegments - 1];
			part = segment_part(job, bus - back, bus, len);
			if (!part || (job->align && !aligned(job->limit, bus - back)))
				return METE_ERANGE; /* a segment cannot be as long as its alignment */
			if (back)
				last[-1].len -= back;
			last->len = back;
		}
		last->len += part;
		map->len += (size_t)part;
		bus += part;
		len -= (size_t)part;
		job->joining = true;
	}
	job->joining = true;
	return over ? METE_EMSGSIZE : 0;
}

/* A stand-in from what the map holds, for all of `ret` or as much as is left there. */
static int job_held_stand_in(struct job *job, struct stretch *ret)
{
	struct mete_bounce *b = job->map->device->bounce;
	struct mete_hold *hold = job->map->hold;

	if (!hold->run_len) {
		int error = mete__bounce_hold(b, hold, job->limit);
		if (error)
			return error;
	}
	return mete__bounce_take_held(b, hold, ret->cpu, &ret->len, job->limit, &ret->phys);
}

/* Replace the first part of a stretch by a stand-in; `ret` is the part as the device will see it. */
static int job_stand_in(struct job *job, const struct stretch *stretch, struct stretch *ret)
{
	struct mete_device *device = job->map->device;
	struct mete_bounce *b = device->bounce;

	if (!b || !stretch->cpu)
		return METE_ERANGE;
	*ret = *stretch;
	if (ret->len > b->config.longest)
		ret->len = b->config.longest;
	if (job->map->hold)
		return job_held_stand_in(job, ret);
	size_t pad = mete__bounce_pad(b, stretch->cpu, job->limit);
	bool cut = ret->len < stretch->len || segment_room(job->limit, (mete_baddr)pad) < ret->len;
	if (cut && job->map->capacity == 1)
		return METE_EMSGSIZE; /* at once: the first part might lack room for the moment, the whole always does */
	return mete__bounce_take(b, stretch->cpu, ret->len, job->limit, &ret->phys);
}

/* Where the next stretch goes in the object's IOVA: right behind the one before if both meet at a page's edge, else on. */
static size_t layout_next(size_t laid, size_t page, mete_paddr phys)
{
	size_t off = (size_t)phys & (page - 1);

	if (!(laid & (page - 1)) && !off)
		return laid;
	return ((laid + (page - 1)) & ~(page - 1)) + off;
}

/* How much of `len` bytes from `at` on a held range of IOVA has room for. */
static size_t held_room(const struct mete_hold *hold, size_t at, size_t len)
{
	if (!hold)
		return len;
	size_t room = at < hold->iova_len ? hold->iova_len - at : 0;
	return len < room ? len : room;
}

/* Show one stretch, or stand-in, behind the IOMMU. */
static int job_show(struct job *job, const struct stretch *stretch)
{
	const struct mete_domain_config *c = &job->map->device->domain->config;
	size_t at = layout_next(job->laid, c->page, stretch->phys);
	size_t off = at & (c->page - 1);
	size_t len = held_room(job->map->hold, at, stretch->len);
	size_t pages = (off + len + (c->page - 1)) & ~(c->page - 1);

	if (!len)
		return METE_EMSGSIZE;
	int error = job_measuring(job) ? 0
	    : c->ops->map(c->ctx, job->iova + (mete_baddr)(at - off), stretch->phys - (mete_paddr)off, pages, job->access);
	if (error)
		return error;
	job->mapped = at - off + pages;
	job->laid = at + len;
	mete_baddr bus = job->iova + (mete_baddr)at;
	bool joins = job->joining && job->map->nsegments && at && !((bus | stretch->phys) & (mete_baddr)(c->page - 1));
	if (!segment_reachable(job->limit, bus, len) || (job->align && !joins && !aligned(job->limit, bus)))
		return METE_ERANGE;
	error = job_emit(job, bus, len);
	return error || len == stretch->len ? error : METE_EMSGSIZE;
}

/* Bytes from `phys` on that lie in one bus range, or in none, up to `len`. */
static size_t same_range(const struct mete_device *device, mete_paddr phys, size_t len)
{
	for (size_t i = 0; !device->domain && i < device->nranges; i++) {
		const struct mete_bus_range *range = &device->range[i];
		mete_paddr left; /* bytes before the range begins or ends, less one */
		if (phys < range->phys)
			left = range->phys - phys - 1;
		else if (phys - range->phys <= range_tail(range))
			left = range_tail(range) - (phys - range->phys);
		else
			continue;
		if (len - 1 > left)
			len = (size_t)left + 1;
	}
	return len;
}

/* One stretch within a bus range: as it is, or as stand-ins. */
static int job_part(struct job *job, const struct stretch *given)
{
	struct mete_device *device = job->map->device;
	struct stretch stretch = *given;
	mete_baddr bus = 0;

	bool replaced = wants_stand_in(job, &stretch, &bus);
	if (!device->domain && replaced != job->replacing)
		job->joining = false; /* a segment is memory or stand-ins, so that sync can tell how far a mapping goes */
	job->replacing = replaced;
	if (!replaced)
		return device->domain ? job_show(job, &stretch) : job_emit(job, bus, stretch.len);
	while (stretch.len) {
		struct stretch part;
		int error = job_stand_in(job, &stretch, &part);
		if (error)
			return error;
		if (device->domain) {
			error = job_show(job, &part);
		} else {
			error = mete_device_bus(device, part.phys, part.len, &bus);
			if (!error && !segment_reachable(job->limit, bus, part.len))
				error = METE_ERANGE;
			if (!error)
				error = job_emit(job, bus, part.len);
		}
		if (error) {
			job->loose = true;
			job->loose_phys = part.phys;
			return error;
		}
		stretch.cpu += part.len;
		stretch.phys += (mete_paddr)part.len;
		stretch.len -= part.len;
	}
	return 0;
}

/* One stretch of the object. */
static int job_stretch(struct job *job, const struct stretch *given)
{
	struct stretch stretch = *given, part;
	int error = 0;

	for (; stretch.len && !error; stretch.len -= part.len) {
		part = stretch;
		/* A stand-in for all of it, where that is asked for, does not care where the memory lies. */
		if (!job->replace)
			part.len = same_range(job->map->device, part.phys, part.len);
		error = job_part(job, &part);
		if (stretch.cpu)
			stretch.cpu += part.len;
		stretch.phys += (mete_paddr)part.len;
	}
	return error;
}

/* The stand-ins behind [bus, bus + len - 1] join `chain`. */
static void chain_stand_ins(struct mete_device *device, mete_baddr bus, size_t len, uint32_t *chain)
{
	struct way way;

	while (device->bounce && len && !mete__way_find(device, bus, len, &way)) {
		size_t whole = way.stand_in ? mete__bounce_start(device->bounce, way.phys) : 0;
		if (whole) {
			/* It may go on over several pages; once it has left, they cannot be told from memory. */
			mete__bounce_leave(device->bounce, way.phys, chain);
			way.len = whole < len ? whole : len;
		}
		bus += (mete_baddr)way.len;
		len -= way.len;
	}
}

/* A window goes; what it was shown with waits for the next. */
static void hold_clear(struct mete_hold *hold, struct mete_domain *domain, size_t mapped)
{
	if (mapped)
		mete__iova_clear(domain, hold->iova, mapped);
	hold->run_used = 0;
}

void mete__job_release(struct mete_map *map, mete_baddr iova, size_t iova_len, size_t mapped, uint32_t chain)
{
	struct mete_device *device = map->device;

	for (uint32_t i = 0; i < map->nsegments; i++)
		chain_stand_ins(device, map->segments[i].bus, (size_t)map->segments[i].len, &chain);
	if (map->hold)
		hold_clear(map->hold, device->domain, mapped);
	else if (iova_len)
		mete__iova_give(device->domain, iova, iova_len, mapped, chain != BOUNCE_NONE);
	if (chain != BOUNCE_NONE)
		mete__bounce_give(device->bounce, chain);
	map->nsegments = 0;
	map->len = 0;
}

void mete__job_undo(struct job *job)
{
	uint32_t chain = BOUNCE_NONE;

	if (job_measuring(job)) { /* nothing is there to be undone */
		job->map->nsegments = 0;
		job->map->len = 0;
		job->map->hold->run_used = 0;
		return;
	}
	if (job->loose)
		mete__bounce_leave(job->map->device->bounce, job->loose_phys, &chain);
	mete__job_release(job->map, job->iova, job->iova_len, job->mapped, chain);
}

/* Bytes of IOVA that a stretch takes from `laid` on; stand-ins begin at their original's low bits and own whole pages. */
static int layout_stretch(const struct job *job, const struct stretch *stretch, size_t *laid)
{
	const struct mete_device *device = job->map->device;
	size_t page = device->domain->config.page;
	mete_baddr unused;

	if (!wants_stand_in(job, stretch, &unused)) {
		*laid = layout_next(*laid, page, stretch->phys);
		return checked_add(*laid, stretch->len, laid) ? 0 : METE_ERANGE;
	}
	if (!device->bounce || !stretch->cpu)
		return METE_ERANGE;
	for (size_t done = 0; done < stretch->len;) {
		size_t left = stretch->len - done;
		size_t part = left < device->bounce->config.longest ? left : device->bounce->config.longest;
		size_t pad = mete__bounce_pad(device->bounce, stretch->cpu + done, job->limit);
		*laid = layout_next(*laid, page, (mete_paddr)pad);
		if (!checked_add(*laid, part, laid))
			return METE_ERANGE;
		done += part;
	}
	return 0;
}

int mete__job_extent(const struct job *job, const struct mete_pieces *pieces, size_t *ret_iova, size_t *ret_area)
{
	const struct mete_device *device = job->map->device;
	const struct mete_bounce *b = device->bounce;
	struct feed feed;
	struct stretch stretch;
	int error;

	*ret_iova = *ret_area = 0;
	/* From one stand-in to the next. */
	size_t unit = !b ? 0 : job->limit->align > b->config.grain && job->limit->align < b->config.len && !device->domain
	    ? (size_t)job->limit->align : b->config.grain;
	mete__feed_start(&feed, device, pieces, job->apart);
	while (!(error = mete__feed_stretch(&feed, &stretch))) {
		if (device->domain) {
			*ret_iova = layout_next(*ret_iova, device->domain->config.page, stretch.phys);
			if (!checked_add(*ret_iova, stretch.len, ret_iova))
				return METE_ERANGE;
		}
		if (b && (!checked_up(*ret_area, unit, ret_area) ||
		        !checked_add(*ret_area, mete__bounce_pad(b, stretch.cpu, job->limit), ret_area) ||
		        !checked_add(*ret_area, stretch.len, ret_area)))
			return METE_ERANGE;
	}
	return error == METE_ENODEV ? 0 : error;
}

/*
 * Take IOVA for an object laid out from `lead` up to `laid`.  What may be cut into segments need not respect the boundary as
 * a whole; they will.
 */
static int job_space(struct job *job, size_t lead, size_t laid)
{
	struct mete_domain *d = job->map->device->domain;
	struct mete_constraint limit;

	mete__bytes_copy(&limit, job->limit, sizeof limit);
	if (job->map->capacity > 1)
		limit.boundary = 0;
	if (limit.boundary && laid - lead > segment_room(job->limit, (mete_baddr)lead))
		return METE_EMSGSIZE; /* at once: no IOVA would help */
	if (!job->align)
		limit.align = limit.phase = 0;
	size_t pages;
	if (!checked_up(laid, d->config.page, &pages))
		return METE_ERANGE;
	int error = mete__iova_take(d, &limit, laid, &job->iova);
	if (!error)
		job->iova_len = pages;
	return error;
}

/* Lay the whole object out and take IOVA for it. */
static int job_layout(struct job *job, const struct mete_pieces *pieces)
{
	struct feed feed;
	struct stretch stretch;
	size_t lead = 0, laid = 0;
	int error;

	mete__feed_start(&feed, job->map->device, pieces, job->apart);
	while (!(error = mete__feed_stretch(&feed, &stretch))) {
		bool first = !laid;
		error = layout_stretch(job, &stretch, &laid);
		if (error)
			return error;
		if (first)
			lead = laid - stretch.len;
	}
	if (error != METE_ENODEV)
		return error;
	return laid ? job_space(job, lead, laid) : METE_EINVAL;
}

int mete__job_whole(struct job *job, const struct stretch *stretch)
{
	size_t laid = 0;
	int error = 0;

	if (job->map->device->domain) {
		error = layout_stretch(job, stretch, &laid);
		if (!error)
			error = job_space(job, laid - stretch->len, laid);
	}
	return error ? error : job_stretch(job, stretch);
}

int mete__job_pieces(struct job *job, const struct mete_pieces *pieces)
{
	struct feed feed;
	struct stretch stretch;
	int error = 0;

	if (job->map->hold) {
		job->map->hold->whole = 0;
		job->iova = job->map->hold->iova;
	} else if (job->map->device->domain) {
		error = job_layout(job, pieces);
		if (error)
			return error;
		pieces->rewind(pieces->ctx);
	}
	mete__feed_start(&feed, job->map->device, pieces, job->apart);
	while (!(error = mete__feed_stretch(&feed, &stretch))) {
		if (job->apart && stretch.begins)
			job->joining = false;
		if (METE_OBSERVED(job->map->device->provider) && !job_measuring(job))
			mete__tell_stretch(job->map, stretch.cpu, stretch.phys, job->map->len, stretch.len);
		error = job_stretch(job, &stretch);
		if (error)
			return error;
		if (job->map->hold)
			job->map->hold->whole = job->map->len;
	}
	if (error != METE_ENODEV)
		return error;
	return job->map->len ? 0 : METE_EINVAL;
}
