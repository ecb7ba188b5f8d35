/* SPDX-License-Identifier: ISC */
/*
 * Map: the calls, and which way they go.
 *
 * A mapping of one segment takes the short way where the device sees the memory as it is; everything else is a job (job.c),
 * and a single mapping is a job with room for one segment, tried twice: with stand-ins where they are needed, and if these
 * were too many, with one stand-in for all of it.
 */
#include <mete/map.h>

#include "bytes.h"
#include "job.h"
#include "line.h"
#include "reach.h"
#include "tell.h"
#include "way.h"

#define FLAGS_SINGLE METE_MAP_SKIP_SYNC
#define FLAGS_LOAD (METE_MAP_SKIP_SYNC | METE_MAP_APART)

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
	struct job job;

	mete__job_init(&job, map, limit, access);
	int error = mete__job_pieces(&job, &pieces);
	if (!error)
		return 0;
	mete__job_undo(&job);
	/* Stand-ins for single stretches may have been too many, or one too many. */
	if (!too_much(error) || !map->device->bounce || !piece->cpu)
		return error == METE_EMSGSIZE ? METE_ERANGE : error;

	const struct stretch whole = { piece->cpu, piece->phys, piece->len, true };
	mete__job_init(&job, map, limit, access);
	job.replace = true;
	int first = error;
	error = mete__job_whole(&job, &whole);
	if (!error)
		return 0;
	mete__job_undo(&job);
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
	return !mete_device_bus(device, phys, piece->len, ret_bus) && segment_reachable(limit, *ret_bus, piece->len) &&
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

/* The same, and tell of it. */
static int map_told(struct mete_device *device, const struct mete_constraint *limit, const struct mete_piece *piece,
    enum mete_access access, unsigned flags, mete_baddr *ret_bus, const void *site)
{
	int error = map_single(device, limit, piece, access, flags, ret_bus);

	if (METE_OBSERVED(device->provider))
		mete__tell_single(METE_EVENT_MAP, site, device, piece->cpu, piece->phys, error ? 0 : *ret_bus, piece->len, access,
		    flags, error);
	return error;
}

int mete_map_single(struct mete_device *device, const struct mete_constraint *limit, const void *cpu, size_t len,
    enum mete_access access, unsigned flags, mete_baddr *ret_bus)
{
	struct mete_piece piece;

	piece.cpu = (void *)(uintptr_t)cpu; /* written only if the caller says that the device writes */
	piece.phys = 0;
	piece.len = len;
	piece.placed = false;
	return map_told(device, limit, &piece, access, flags, ret_bus, METE_CALLER());
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
	return map_told(device, limit, &piece, access, flags, ret_bus, METE_CALLER());
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

static int unmap_single(struct mete_device *device, mete_baddr bus, size_t len, enum mete_access access, unsigned flags)
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
	mete__job_release(&map, iova, iova_len, iova_len, BOUNCE_NONE);
	guard_enter(p);
	device->nunmapped++;
	guard_leave(p);
	return 0;
}

int mete_unmap_single(struct mete_device *device, mete_baddr bus, size_t len, enum mete_access access, unsigned flags)
{
	if (METE_OBSERVED(device->provider))
		mete__tell_single(METE_EVENT_UNMAP, METE_CALLER(), device, NULL, 0, bus, len, access, flags, 0);
	int error = unmap_single(device, bus, len, access, flags);
	if (error && METE_OBSERVED(device->provider))
		mete__tell_single(METE_EVENT_KEPT, NULL, device, NULL, 0, bus, len, access, flags, error);
	return error;
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

int mete__map_check(struct mete_map *map, const struct mete_pieces *pieces, enum mete_access access, unsigned flags,
    struct mete_constraint *ret)
{
	struct mete_device *device = map->device;
	struct mete_provider *p = device->provider;

	if (map->state != METE_MAP_EMPTY)
		return mete__line_count(p, &p->counters.bad_argument, METE_EBUSY);
	if (!pieces || !pieces->next || (device->domain && !pieces->rewind) || !access_known(access) ||
	    (flags & ~FLAGS_LOAD) || mete__device_merge(device, METE_USE_STREAMING, &map->limit, ret))
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	if (!device_mappable(device))
		return mete__line_count(p, &p->counters.map_refused, METE_ENOTSUP);
	return 0;
}

void mete__map_job(struct job *job, struct mete_map *map, const struct mete_constraint *limit, enum mete_access access,
    unsigned flags)
{
	mete__job_init(job, map, limit, access);
	job->align = true;
	job->apart = flags & METE_MAP_APART;
}

int mete__map_fill(struct mete_map *map, const struct mete_constraint *limit, const struct mete_pieces *pieces,
    enum mete_access access, unsigned flags)
{
	struct mete_device *device = map->device;
	struct job job;

	mete__map_job(&job, map, limit, access, flags);
	int error = mete__job_pieces(&job, pieces);
	if (!error && !map->hold && !transfer_allowed(limit, map->len))
		error = METE_EINVAL;
	if (error) {
		mete__job_undo(&job);
		return error;
	}
	map->iova = job.iova;
	map->iova_len = map->hold ? job.mapped : job.iova_len;
	map->access = access;
	map->state = METE_MAP_CPU;
	guard_enter(device->provider);
	device->nmapped++;
	guard_leave(device->provider);
	return 0;
}

static int map_load(struct mete_map *map, const struct mete_pieces *pieces, enum mete_access access, unsigned flags,
    const void *site)
{
	struct mete_provider *p = map->device->provider;
	struct mete_constraint merged;

	int error = mete__map_check(map, pieces, access, flags, &merged);
	if (!error) {
		error = mete__map_fill(map, &merged, pieces, access, flags);
		if (error)
			error = mete__line_count(p, &p->counters.map_refused, error);
	}
	if (METE_OBSERVED(p))
		mete__tell_map(METE_EVENT_LOAD, site, map, 0, map->len, access, flags, error);
	return error;
}

int mete_map_load(struct mete_map *map, const struct mete_pieces *pieces, enum mete_access access, unsigned flags)
{
	return map_load(map, pieces, access, flags, METE_CALLER());
}

int mete_map_load_array(struct mete_map *map, const struct mete_piece *pieces, size_t npieces, enum mete_access access,
    unsigned flags)
{
	struct map_array array = { pieces, npieces, 0 };
	const struct mete_pieces sequence = { array_next, &array, array_rewind };

	return map_load(map, pieces || !npieces ? &sequence : NULL, access, flags, METE_CALLER());
}

int mete_map_sync(struct mete_map *map, size_t off, size_t len, enum mete_sync sync, enum mete_access access)
{
	struct mete_device *device = map->device;
	struct mete_provider *p = device->provider;
	size_t skip = off, left = len;

	if (METE_OBSERVED(p))
		mete__tell_map(METE_EVENT_MAP_SYNC, METE_CALLER(), map, off, len, access, sync, 0);
	if (map->state == METE_MAP_EMPTY || !len || off > map->len || len > map->len - off || !access_known(access) ||
	    (access & ~map->access) || !sync_known(sync))
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	for (uint32_t i = 0; left; i++) {
		const struct mete_segment *segment = &map->segments[i];
		if (skip >= segment->len) {
			skip -= (size_t)segment->len;
			continue;
		}
		size_t part = (size_t)segment->len - skip < left ? (size_t)segment->len - skip : left;
		(void)mete__way_sync(device, segment->bus + (mete_baddr)skip, part, sync, access);
		skip = 0;
		left -= part;
	}
	map->state = sync == METE_FOR_DEVICE ? METE_MAP_DEVICE : METE_MAP_CPU;
	if (sync == METE_FOR_DEVICE && METE_OBSERVED(p))
		mete__tell_map(METE_EVENT_PASSED, NULL, map, off, len, access, 0, 0);
	return 0;
}

int mete__map_unload(struct mete_map *map)
{
	struct mete_provider *p = map->device->provider;

	if (map->state == METE_MAP_EMPTY)
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	mete__job_release(map, map->iova, map->iova_len, map->iova_len, BOUNCE_NONE);
	map->iova_len = 0;
	map->state = METE_MAP_EMPTY;
	guard_enter(p);
	map->device->nunmapped++;
	guard_leave(p);
	return 0;
}

int mete_map_unload(struct mete_map *map)
{
	if (METE_OBSERVED(map->device->provider))
		mete__tell_map(METE_EVENT_UNLOAD, METE_CALLER(), map, 0, map->len, map->access, 0, 0);
	return mete__map_unload(map);
}
