/* SPDX-License-Identifier: ISC */
/*
 * Map: from memory to what a device sees.
 *
 * An object is a sequence of pieces.  It is read as *stretches*, contiguous for the CPU and physically at once, joined over
 * pieces where they meet.  Each is shown where it is, or replaced by a stand-in when the device cannot reach it there, when
 * it would start off its alignment, or when the device would write to a cache line that is not all the stretch's own.
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
#include <mete/map.h>

#include "bits.h"
#include "bytes.h"
#include "checked.h"
#include "line.h"
#include "range.h"
#include "reach.h"
#include "way.h"

#define FLAGS_SINGLE METE_MAP_SKIP_SYNC
#define FLAGS_LOAD (METE_MAP_SKIP_SYNC | METE_MAP_APART)

/* A stretch contiguous for the CPU and physically. */
struct map_stretch {
	unsigned char *cpu; /* NULL: no CPU view */
	mete_paddr phys;
	size_t len;
};

/* Reads pieces as stretches; `ahead` is the stretch that the next piece may still continue. */
struct map_feed {
	const struct mete_device *device;
	const struct mete_pieces *pieces;
	struct mete_piece piece; /* what is left of the current one */
	struct map_stretch ahead;
	bool apart;              /* stretches end with their piece */
};

/* The limits that concern a mapping as a whole. */
static bool transfer_allowed(const struct mete_constraint *c, size_t len)
{
	return len >= c->min_transfer && (!c->granularity || len % c->granularity == 0);
}

/* The next stretch of the current piece.  METE_ENODEV: no piece is left. */
static int feed_part(struct map_feed *f, struct map_stretch *ret)
{
	const struct mete_provider *p = f->device->provider;
	size_t contiguous;

	while (!f->piece.len) {
		if (!f->pieces->next(f->pieces->ctx, &f->piece))
			return METE_ENODEV;
		mete_paddr last;
		if (f->piece.placed && f->piece.len && !checked_last_phys(f->piece.phys, f->piece.len, &last))
			return METE_EINVAL;
	}
	ret->cpu = f->piece.cpu;
	ret->phys = f->piece.phys;
	ret->len = f->piece.len;
	if (!f->piece.placed) {
		int error = p->ops->translate(p->ctx, f->piece.cpu, f->piece.len, &ret->phys, &contiguous);
		if (error)
			return error;
		if (ret->len > contiguous)
			ret->len = contiguous;
	}
	if (f->piece.cpu)
		f->piece.cpu = (unsigned char *)f->piece.cpu + ret->len;
	f->piece.phys += (mete_paddr)ret->len;
	f->piece.len -= ret->len;
	return 0;
}

static bool stretch_continues(const struct map_stretch *stretch, const struct map_stretch *next)
{
	bool cpu = stretch->cpu ? next->cpu == stretch->cpu + stretch->len : !next->cpu;
	return cpu && next->phys == stretch->phys + (mete_paddr)stretch->len && next->phys > stretch->phys;
}

/* The next stretch; METE_ENODEV at the end. */
static int feed_stretch(struct map_feed *f, struct map_stretch *ret)
{
	struct map_stretch next;
	int error;

	if (!f->ahead.len) {
		error = feed_part(f, &f->ahead);
		if (error)
			return error;
	}
	for (;;) {
		bool new_piece = !f->piece.len;
		error = feed_part(f, &next);
		if (error && error != METE_ENODEV)
			return error;
		if (!error && stretch_continues(&f->ahead, &next) && !(f->apart && new_piece)) {
			f->ahead.len += next.len;
			continue;
		}
		*ret = f->ahead;
		if (error)
			f->ahead.len = 0;
		else
			f->ahead = next;
		return 0;
	}
}

static void feed_start(struct map_feed *f, const struct mete_device *device, const struct mete_pieces *pieces,
    bool apart)
{
	mete__bytes_zero(f, sizeof *f);
	f->device = device;
	f->pieces = pieces;
	f->apart = apart;
}

/* Whether the device would write to a line that is not all the stretch's. */
static bool shares_line(const struct mete_device *device, const struct map_stretch *stretch, enum mete_access access)
{
	return device->noncoherent && (access & METE_DEVICE_WRITES) &&
	    ((stretch->phys | (mete_paddr)stretch->len) & (mete_paddr)(device->line - 1));
}

/* Whether [bus, bus + len - 1] lies in the range and out of the hole; cutting into segments meets the other limits. */
static bool reachable(const struct mete_constraint *limit, mete_baddr bus, size_t len)
{
	mete_baddr last;

	if ((mete_baddr)len != len || !checked_last_bus(bus, (mete_baddr)len, &last))
		return false;
	if (bus < limit->first || (limit->last && last > limit->last))
		return false;
	return !limit->hole_last || bus > limit->hole_last || last < limit->hole_first;
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

/* A mapping in the making, and what undoing it takes. */
struct map_job {
	struct mete_map *map;
	const struct mete_constraint *limit;
	enum mete_access access;
	bool align;            /* the limit's alignment counts */
	bool apart;            /* pieces are not joined */
	bool replace;          /* use stand-ins, whether needed or not */
	bool joining;          /* the next range may join the segment before */
	bool replacing;        /* the range before was a stand-in */
	mete_baddr iova;       /* of the whole object, behind an IOMMU */
	size_t iova_len;
	size_t laid;           /* bytes of it laid out so far */
	size_t mapped;         /* bytes of it that have translations */
	bool loose;            /* there is a stand-in that no segment tells of */
	mete_paddr loose_phys;
};

/* How far a segment that starts at `bus` may go. */
static mete_baddr segment_room(const struct mete_constraint *limit, mete_baddr bus)
{
	mete_baddr room = METE_BADDR_MAX;

	if (limit->max_segment)
		room = limit->max_segment;
	if (limit->boundary) {
		mete_baddr to_edge = limit->boundary - (bus & (limit->boundary - 1));
		if (to_edge < room)
			room = to_edge;
	}
	return room;
}

/*
 * How much of `len` bytes at `bus` a segment that starts at `start` takes.  A cut comes before an aligned address, where
 * the next segment can start.
 */
static mete_baddr segment_part(const struct map_job *job, mete_baddr start, mete_baddr bus, size_t len)
{
	const struct mete_constraint *limit = job->limit;
	mete_baddr room = segment_room(limit, start) - (bus - start);

	if ((uint64_t)len <= room)
		return (mete_baddr)len;
	if (!job->align || !limit->align)
		return room;
	mete_baddr beyond = (bus + room - limit->phase) & (limit->align - 1);
	return beyond < room ? room - beyond : 0;
}

/* How much of `len` bytes at `bus` the segment before takes. */
static mete_baddr job_joining(const struct map_job *job, mete_baddr bus, size_t len)
{
	const struct mete_map *map = job->map;
	const struct mete_segment *last = map->nsegments ? &map->segments[map->nsegments - 1] : NULL;

	if (!last || !job->joining || last->bus + last->len != bus || last->bus >= bus)
		return 0;
	return segment_part(job, last->bus, bus, len);
}

/* Whether a stretch must be replaced; `ret_bus` is where the device would see it, if there is no domain. */
static bool wants_stand_in(const struct map_job *job, const struct map_stretch *stretch, mete_baddr *ret_bus)
{
	const struct mete_device *device = job->map->device;

	if (job->replace || (device->bounce && device->bounce->config.always) || shares_line(device, stretch, job->access))
		return true;
	if (device->domain) /* offsets in a page stay; coarser alignment is the IOVA's business */
		return job->align && !aligned_within(job->limit, stretch->phys, device->domain->config.page);
	if (mete_device_bus(device, stretch->phys, stretch->len, ret_bus) ||
	    !reachable(job->limit, *ret_bus, stretch->len))
		return true;
	return job->align && !aligned(job->limit, *ret_bus) && !job_joining(job, *ret_bus, stretch->len);
}

/* Open a segment at `bus`. */
static int job_open(struct map_job *job, mete_baddr bus)
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
static int job_emit(struct map_job *job, mete_baddr bus, size_t len)
{
	struct mete_map *map = job->map;

	if (job->limit->max_transfer && len > job->limit->max_transfer - map->len)
		return METE_EMSGSIZE;
	while (len) {
		struct mete_segment *last = map->nsegments ? &map->segments[map->nsegments - 1] : NULL;
		mete_baddr part = job_joining(job, bus, len);
		if (!part) {
			int error = job_open(job, bus);
			if (error)
				return error;
			last = &map->segments[map->nsegments - 1];
			part = segment_part(job, bus, bus, len);
			if (!part)
				return METE_ERANGE; /* a segment cannot be as long as its alignment */
		}
		last->len += part;
		map->len += (size_t)part;
		bus += part;
		len -= (size_t)part;
		job->joining = true;
	}
	job->joining = true;
	return 0;
}

/* Replace the first part of a stretch by a stand-in; `ret` is the part as the device will see it. */
static int job_stand_in(struct map_job *job, const struct map_stretch *stretch, struct map_stretch *ret)
{
	struct mete_device *device = job->map->device;
	struct mete_bounce *b = device->bounce;

	if (!b || !stretch->cpu)
		return METE_ERANGE;
	*ret = *stretch;
	if (ret->len > b->config.longest)
		ret->len = b->config.longest;
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

/* Show one stretch, or stand-in, behind the IOMMU. */
static int job_show(struct map_job *job, const struct map_stretch *stretch)
{
	const struct mete_domain_config *c = &job->map->device->domain->config;
	size_t at = layout_next(job->laid, c->page, stretch->phys);
	size_t off = at & (c->page - 1);
	size_t pages = (off + stretch->len + (c->page - 1)) & ~(c->page - 1);

	int error = c->ops->map(c->ctx, job->iova + (mete_baddr)(at - off), stretch->phys - (mete_paddr)off, pages,
	    job->access);
	if (error)
		return error;
	job->mapped = at - off + pages;
	job->laid = at + stretch->len;
	mete_baddr bus = job->iova + (mete_baddr)at;
	bool joins = job->joining && job->map->nsegments && at && !((bus | stretch->phys) & (mete_baddr)(c->page - 1));
	if (!reachable(job->limit, bus, stretch->len) || (job->align && !joins && !aligned(job->limit, bus)))
		return METE_ERANGE;
	return job_emit(job, bus, stretch->len);
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
static int job_part(struct map_job *job, const struct map_stretch *given)
{
	struct mete_device *device = job->map->device;
	struct map_stretch stretch = *given;
	mete_baddr bus = 0;

	bool replaced = wants_stand_in(job, &stretch, &bus);
	if (!device->domain && replaced != job->replacing)
		job->joining = false; /* a segment is memory or stand-ins, so that sync can tell how far a mapping goes */
	job->replacing = replaced;
	if (!replaced)
		return device->domain ? job_show(job, &stretch) : job_emit(job, bus, stretch.len);
	while (stretch.len) {
		struct map_stretch part;
		int error = job_stand_in(job, &stretch, &part);
		if (error)
			return error;
		if (device->domain) {
			error = job_show(job, &part);
		} else {
			error = mete_device_bus(device, part.phys, part.len, &bus);
			if (!error && !reachable(job->limit, bus, part.len))
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
static int job_stretch(struct map_job *job, const struct map_stretch *given)
{
	struct map_stretch stretch = *given, part;
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

/*
 * Take everything away from the device that the segments tell of: first the addresses, then what was behind them, so
 * that no stand-in is another's while the device can still reach it.
 */
static void map_release(struct mete_map *map, mete_baddr iova, size_t iova_len, size_t mapped, uint32_t chain)
{
	struct mete_device *device = map->device;

	for (uint32_t i = 0; i < map->nsegments; i++)
		chain_stand_ins(device, map->segments[i].bus, (size_t)map->segments[i].len, &chain);
	if (iova_len)
		mete__iova_give(device->domain, iova, iova_len, mapped, chain != BOUNCE_NONE);
	if (chain != BOUNCE_NONE)
		mete__bounce_give(device->bounce, chain);
	map->nsegments = 0;
	map->len = 0;
}

static void job_undo(struct map_job *job)
{
	uint32_t chain = BOUNCE_NONE;

	if (job->loose)
		mete__bounce_leave(job->map->device->bounce, job->loose_phys, &chain);
	map_release(job->map, job->iova, job->iova_len, job->mapped, chain);
}

/* Bytes of IOVA that a stretch takes from `laid` on; stand-ins begin at their original's low bits and own whole pages. */
static int layout_stretch(const struct map_job *job, const struct map_stretch *stretch, size_t *laid)
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

/*
 * Take IOVA for an object laid out from `lead` up to `laid`.  What may be cut into segments need not respect the boundary as
 * a whole; they will.
 */
static int job_space(struct map_job *job, size_t lead, size_t laid)
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
static int job_layout(struct map_job *job, const struct mete_pieces *pieces)
{
	struct map_feed feed;
	struct map_stretch stretch;
	size_t lead = 0, laid = 0;
	int error;

	feed_start(&feed, job->map->device, pieces, job->apart);
	while (!(error = feed_stretch(&feed, &stretch))) {
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

/* Show one stretch that is the whole object. */
static int job_whole(struct map_job *job, const struct map_stretch *stretch)
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

/* Show all stretches of the object. */
static int job_pieces(struct map_job *job, const struct mete_pieces *pieces)
{
	struct map_feed feed;
	struct map_stretch stretch;
	int error = 0;

	if (job->map->device->domain) {
		error = job_layout(job, pieces);
		if (error)
			return error;
		pieces->rewind(pieces->ctx);
	}
	feed_start(&feed, job->map->device, pieces, job->apart);
	while (!(error = feed_stretch(&feed, &stretch))) {
		if (job->apart)
			job->joining = false;
		error = job_stretch(job, &stretch);
		if (error)
			return error;
	}
	if (error != METE_ENODEV)
		return error;
	return job->map->len ? 0 : METE_EINVAL;
}

/* Can the device be mapped for at all? */
static bool device_mappable(const struct mete_device *device)
{
	return !device->noncoherent || (device->provider->ops->cache && device->provider->ops->view);
}

/* An array of pieces, as a sequence. */
struct map_array {
	const struct mete_piece *pieces;
	size_t n, at;
};

static bool array_next(void *ctx, struct mete_piece *ret_piece)
{
	struct map_array *array = ctx;

	if (array->at == array->n)
		return false;
	*ret_piece = array->pieces[array->at++];
	return true;
}

static void array_rewind(void *ctx)
{
	((struct map_array *)ctx)->at = 0;
}

/*
 * One segment, one way or another: the memory itself if it is one stretch that will do, else one stand-in for all of it.
 * `map` has room for one segment.
 */
static int map_one(struct mete_map *map, const struct mete_constraint *limit, const struct mete_piece *piece,
    enum mete_access access)
{
	struct map_array array = { piece, 1, 0 };
	const struct mete_pieces pieces = { array_next, &array, array_rewind };
	struct map_job job;

	mete__bytes_zero(&job, sizeof job);
	job.map = map;
	job.limit = limit;
	job.access = access;
	int error = job_pieces(&job, &pieces);
	if (!error)
		return 0;
	job_undo(&job);
	/* Stand-ins for single stretches may have been too many, or one too many. */
	bool shape = error == METE_EMSGSIZE || error == METE_ERANGE || error == METE_ENOMEM;
	if (!shape || !map->device->bounce || !piece->cpu)
		return error == METE_EMSGSIZE ? METE_ERANGE : error;

	const struct map_stretch whole = { piece->cpu, piece->phys, piece->len };
	mete__bytes_zero(&job, sizeof job);
	job.map = map;
	job.limit = limit;
	job.access = access;
	job.replace = true;
	int first = error;
	error = job_whole(&job, &whole);
	if (!error)
		return 0;
	job_undo(&job);
	if (error != METE_EMSGSIZE && error != METE_ERANGE)
		return error;
	/* Behind an IOMMU, what cannot be this way might be the other way, later; without one, stand-ins hardly ever join. */
	return first == METE_ENOMEM && map->device->domain ? first : METE_ERANGE;
}

/* The short way of the usual device: the memory is in one piece, and seen where it is.  False: try the long way. */
static bool map_plain(const struct mete_device *device, const struct mete_constraint *limit,
    const struct mete_piece *piece, mete_baddr *ret_bus)
{
	const struct mete_provider *p = device->provider;
	mete_paddr phys = piece->phys;
	size_t contiguous;

	if (device->noncoherent || device->bounce || device->domain)
		return false;
	if (!piece->placed && (p->ops->translate(p->ctx, piece->cpu, piece->len, &phys, &contiguous) ||
	        contiguous < piece->len))
		return false;
	return !mete_device_bus(device, phys, piece->len, ret_bus) && reachable(limit, *ret_bus, piece->len) &&
	    segment_room(limit, *ret_bus) >= piece->len;
}

static int map_single(struct mete_device *device, const struct mete_constraint *limit, const struct mete_piece *piece,
    enum mete_access access, unsigned flags, mete_baddr *ret_bus)
{
	struct mete_provider *p = device->provider;
	struct mete_constraint merged;
	struct mete_segment segment;
	struct mete_map map;

	if (!piece->len || !access_known(access) || (flags & ~FLAGS_SINGLE) || !ret_bus ||
	    mete__device_merge(device, METE_USE_STREAMING, limit, &merged) || !transfer_allowed(&merged, piece->len))
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	if (!device_mappable(device))
		return mete__line_count(p, &p->counters.map_refused, METE_ENOTSUP);
	if (segment_room(&merged, 0) < piece->len || (merged.max_transfer && merged.max_transfer < piece->len))
		return mete__line_count(p, &p->counters.map_refused, METE_ERANGE); /* no way could help */
	int error = 0;
	if (!map_plain(device, &merged, piece, &segment.bus)) {
		merged.align = merged.phase = 0;
		merged.max_segments = 0;
		mete__bytes_zero(&map, sizeof map);
		map.device = device;
		map.segments = &segment;
		map.capacity = 1;
		error = map_one(&map, &merged, piece, access);
	}
	if (error)
		return mete__line_count(p, &p->counters.map_refused, error);
	if (device->noncoherent && !(flags & METE_MAP_SKIP_SYNC))
		(void)mete__way_sync(device, segment.bus, piece->len, METE_FOR_DEVICE, access);
	guard_enter(p);
	device->nmapped++;
	guard_leave(p);
	*ret_bus = segment.bus;
	return 0;
}

int mete_map_single(struct mete_device *device, const struct mete_constraint *limit, const void *cpu, size_t len,
    enum mete_access access, unsigned flags, mete_baddr *ret_bus)
{
	struct mete_piece piece;

	piece.cpu = (void *)(uintptr_t)cpu; /* written only if the caller says that the device writes */
	piece.phys = 0;
	piece.len = len;
	piece.placed = false;
	return map_single(device, limit, &piece, access, flags, ret_bus);
}

int mete_map_phys(struct mete_device *device, const struct mete_constraint *limit, mete_paddr phys, size_t len,
    enum mete_access access, unsigned flags, mete_baddr *ret_bus)
{
	const struct mete_provider *p = device->provider;
	struct mete_piece piece;
	size_t contiguous;

	piece.cpu = NULL;
	piece.phys = phys;
	piece.len = len;
	piece.placed = true;
	/* Without a view of all of it in one piece it can still be shown as it is. */
	if (len && p->ops->view && (p->ops->view(p->ctx, phys, len, &piece.cpu, &contiguous) || contiguous < len))
		piece.cpu = NULL;
	return map_single(device, limit, &piece, access, flags, ret_bus);
}

/* Whether a mapping of `len` bytes starts at `bus`, with whole stand-ins if any, and its IOVA range, if it has one. */
static bool mapping_starts(struct mete_device *device, mete_baddr bus, size_t len, mete_baddr *ret_iova,
    size_t *ret_len)
{
	struct way way;

	*ret_len = 0;
	if (device->domain) {
		size_t page = device->domain->config.page, off = (size_t)bus & (page - 1), pages;
		*ret_iova = bus - (mete_baddr)off;
		*ret_len = mete__iova_length(device->domain, *ret_iova);
		if (!checked_add(off, len, &pages) || !checked_up(pages, page, &pages) || pages != *ret_len)
			return false;
	}
	while (len) {
		if (mete__way_find(device, bus, len, &way))
			return false;
		size_t part = way.stand_in ? mete__bounce_start(device->bounce, way.phys) : way.len;
		if (mete__way_freed(device, &way) || !part || part > len)
			return false;
		bus += (mete_baddr)part;
		len -= part;
	}
	return true;
}

int mete_unmap_single(struct mete_device *device, mete_baddr bus, size_t len, enum mete_access access, unsigned flags)
{
	struct mete_provider *p = device->provider;
	struct mete_segment segment = { bus, (mete_baddr)len };
	struct mete_map map;
	mete_baddr iova = 0;
	size_t iova_len;

	if (!len || !access_known(access) || (flags & ~FLAGS_SINGLE))
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	mete_baddr last;
	bool found = (mete_baddr)len == len && checked_last_bus(bus, (mete_baddr)len, &last) &&
	    mapping_starts(device, bus, len, &iova, &iova_len);
	if (found && !(flags & METE_MAP_SKIP_SYNC))
		found = !mete__way_sync(device, bus, len, METE_FOR_CPU, access);
	if (!found)
		return mete__line_count(p, &p->counters.bad_address, METE_EFAULT);
	mete__bytes_zero(&map, sizeof map);
	map.device = device;
	map.segments = &segment;
	map.nsegments = map.capacity = 1;
	map_release(&map, iova, iova_len, iova_len, BOUNCE_NONE);
	guard_enter(p);
	device->nunmapped++;
	guard_leave(p);
	return 0;
}

int mete_map_init(struct mete_map *map, struct mete_device *device, const struct mete_constraint *limit,
    struct mete_segment *segments, uint32_t capacity)
{
	if (!map || !device || !segments || !capacity || mete_constraint_check(limit))
		return METE_EINVAL;
	mete__bytes_zero(map, sizeof *map);
	map->device = device;
	if (limit)
		mete__bytes_copy(&map->limit, limit, sizeof map->limit);
	map->segments = segments;
	map->capacity = capacity;
	return 0;
}

int mete_map_load(struct mete_map *map, const struct mete_pieces *pieces, enum mete_access access, unsigned flags)
{
	struct mete_device *device = map->device;
	struct mete_provider *p = device->provider;
	struct mete_constraint merged;
	struct map_job job;

	if (map->state != METE_MAP_EMPTY)
		return mete__line_count(p, &p->counters.bad_argument, METE_EBUSY);
	if (!pieces || !pieces->next || (device->domain && !pieces->rewind) || !access_known(access) ||
	    (flags & ~FLAGS_LOAD) || mete__device_merge(device, METE_USE_STREAMING, &map->limit, &merged))
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	if (!device_mappable(device))
		return mete__line_count(p, &p->counters.map_refused, METE_ENOTSUP);
	mete__bytes_zero(&job, sizeof job);
	job.map = map;
	job.limit = &merged;
	job.access = access;
	job.align = true;
	job.apart = flags & METE_MAP_APART;
	int error = job_pieces(&job, pieces);
	if (!error && !transfer_allowed(&merged, map->len))
		error = METE_EINVAL;
	if (error) {
		job_undo(&job);
		return mete__line_count(p, &p->counters.map_refused, error);
	}
	map->iova = job.iova;
	map->iova_len = job.iova_len;
	map->access = access;
	map->state = METE_MAP_CPU;
	guard_enter(p);
	device->nmapped++;
	guard_leave(p);
	return 0;
}

int mete_map_load_array(struct mete_map *map, const struct mete_piece *pieces, size_t npieces, enum mete_access access,
    unsigned flags)
{
	struct map_array array = { pieces, npieces, 0 };
	const struct mete_pieces sequence = { array_next, &array, array_rewind };

	return mete_map_load(map, pieces || !npieces ? &sequence : NULL, access, flags);
}

int mete_map_sync(struct mete_map *map, size_t off, size_t len, enum mete_sync sync, enum mete_access access)
{
	struct mete_device *device = map->device;
	struct mete_provider *p = device->provider;

	if (map->state == METE_MAP_EMPTY || !len || off > map->len || len > map->len - off || !access_known(access) ||
	    (access & ~map->access) || !sync_known(sync))
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	for (uint32_t i = 0; len; i++) {
		const struct mete_segment *segment = &map->segments[i];
		if (off >= segment->len) {
			off -= (size_t)segment->len;
			continue;
		}
		size_t part = (size_t)segment->len - off < len ? (size_t)segment->len - off : len;
		(void)mete__way_sync(device, segment->bus + (mete_baddr)off, part, sync, access);
		off = 0;
		len -= part;
	}
	map->state = sync == METE_FOR_DEVICE ? METE_MAP_DEVICE : METE_MAP_CPU;
	return 0;
}

int mete_map_unload(struct mete_map *map)
{
	struct mete_provider *p = map->device->provider;

	if (map->state == METE_MAP_EMPTY)
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	map_release(map, map->iova, map->iova_len, map->iova_len, BOUNCE_NONE);
	map->iova_len = 0;
	map->state = METE_MAP_EMPTY;
	guard_enter(p);
	map->device->nunmapped++;
	guard_leave(p);
	return 0;
}
