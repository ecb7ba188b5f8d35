/* SPDX-License-Identifier: ISC */
/*
 * bus_dma(9) of OpenBSD and of NetBSD: the bodies.
 *
 * The two came from one design and still agree in all but a few arguments.  Each face has one file that includes its own
 * <machine/bus.h>, defines FACE() for its prefix, and then includes this one; METE_FACE tells the two apart where they
 * differ.  So each library has its own copy, and neither needs the other.
 *
 * A map is one record: what the driver may read, the core's map, and room for every segment it was created for, twice,
 * once in the core's form and once in the native one.  So a load allocates nothing.
 *
 *   [ struct bus_dmamap | core map, limits ][ core segments ][ native segments ]
 *     the driver's view
 *
 * Memory of bus_dmamem_alloc is always one segment, hence one run of the device's.  The segment remembers the run's CPU
 * view; it is believed only if the device says that a run of its own starts there and at that bus address.
 *
 * Mistakes of drivers have mostly no return value here, and are counted.
 */
#ifndef BUS_DMA_BODY_H
#define BUS_DMA_BODY_H

#include <mete/observe.h>

#include "bytes.h"
#include "checked.h"

#define FACE_OPENBSD 3
#define FACE_NETBSD 4

/* First of all in each call: who observes hears of it. */
#define BSD_CALL(t, name) METE_OBSERVE_CALL((t)->device->provider, METE_FACE == FACE_NETBSD ? "netbsd" : "openbsd", name)

/* Both systems' numbers. */
enum { NATIVE_EIO = 5, NATIVE_ENOMEM = 12, NATIVE_EINVAL = 22, NATIVE_EFBIG = 27 };

struct bus_map {
	struct bus_dmamap native; /* first: the driver's pointer leads here */
	struct mete_map core;
	bus_size_t size;
	size_t record_len;
#if METE_FACE == FACE_NETBSD
	struct mete_constraint limit;
	bus_size_t maxsegsz; /* at creation */
#endif
};

/* The one table of errors. */
static int native_error(int error)
{
	switch (error) {
	case 0:
		return 0;
	case METE_ENOMEM:
		return NATIVE_ENOMEM;
	case METE_EMSGSIZE:
		return NATIVE_EFBIG;
	case METE_EIO:
		return NATIVE_EIO;
	default: /* unreachable memory is as much the argument's fault as a bad length */
		return NATIVE_EINVAL;
	}
}

/* The one table of sync operations.  What is not in it mixes PRE and POST, or is nothing at all. */
static const struct {
	bool known;
	enum mete_sync sync;
	enum mete_access access;
} op_table[16] = {
	[BUS_DMASYNC_PREREAD] = { true, METE_FOR_DEVICE, METE_DEVICE_WRITES },
	[BUS_DMASYNC_PREWRITE] = { true, METE_FOR_DEVICE, METE_DEVICE_READS },
	[BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE] = { true, METE_FOR_DEVICE, METE_DEVICE_READS_WRITES },
	[BUS_DMASYNC_POSTREAD] = { true, METE_FOR_CPU, METE_DEVICE_WRITES },
	[BUS_DMASYNC_POSTWRITE] = { true, METE_FOR_CPU, METE_DEVICE_READS },
	[BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE] = { true, METE_FOR_CPU, METE_DEVICE_READS_WRITES },
};

/* The one table of flags: of loads ... */
static enum mete_access flags_access(int flags)
{
	switch (flags & (BUS_DMA_READ | BUS_DMA_WRITE)) {
	case BUS_DMA_READ:
		return METE_DEVICE_WRITES;
	case BUS_DMA_WRITE:
		return METE_DEVICE_READS;
	default:
		return METE_DEVICE_READS_WRITES;
	}
}

/* ... and of allocations. */
static enum mete_memory flags_memory(int flags)
{
	if (flags & BUS_DMA_NOCACHE)
		return METE_MEMORY_UNCACHED;
#if METE_FACE == FACE_NETBSD
	if (flags & BUS_DMA_PREFETCHABLE)
		return METE_MEMORY_COMBINED;
#endif
	return flags & BUS_DMA_COHERENT ? METE_MEMORY_COHERENT : METE_MEMORY_CACHED;
}

static unsigned flags_core(int flags)
{
	unsigned core = flags & BUS_DMA_NOWAIT ? 0 : METE_WAIT;
#if METE_FACE == FACE_OPENBSD
	if (flags & BUS_DMA_ZERO)
		core |= METE_ZERO;
#endif
	return core;
}

/* What limits bus addresses, besides the device. */
static void limit_addresses(bus_dma_tag_t t, int flags, struct mete_constraint *limit)
{
#if METE_FACE == FACE_OPENBSD
	(void)t;
	if (!(flags & BUS_DMA_64BIT))
		limit->last = 0xffffffffu;
#else
	(void)flags;
	limit->first = t->first;
	limit->last = t->last;
#endif
}

/* A mistake of the driver's. */
static int wrong(bus_dma_tag_t t)
{
	mete_provider_note(t->device->provider, METE_EINVAL);
	return NATIVE_EINVAL;
}

/* NULL if `dmam` is none of this tag's maps. */
static struct bus_map *map_of(bus_dma_tag_t t, bus_dmamap_t dmam)
{
	struct bus_map *map = (struct bus_map *)dmam;

	return map && map->core.device == t->device ? map : NULL;
}

int FACE(tag_init)(struct FACE(tag) *tag, struct mete_device *device)
{
	if (!tag || !device)
		return METE_EINVAL;
	mete__bytes_zero(tag, sizeof *tag);
	tag->device = device;
	return 0;
}

#if METE_FACE == FACE_NETBSD
int mete_netbsd_bus_dmatag_subregion(bus_dma_tag_t t, bus_addr_t min_addr, bus_addr_t max_addr, bus_dma_tag_t *ret_tag,
    int flags)
{
	BSD_CALL(t, "bus_dmatag_subregion");

	struct mete_provider *p = t->device->provider;

	(void)flags;
	bus_addr_t first = min_addr > t->first ? min_addr : t->first;
	bus_addr_t last = t->last && t->last < max_addr ? t->last : max_addr;
	if (!ret_tag || first > last || !last) /* a last address of 0 would mean no limit */
		return wrong(t);
	struct mete_netbsd_tag *tag = (struct mete_netbsd_tag *)p->ops->record_alloc(p->ctx, sizeof *tag);
	if (!tag)
		return NATIVE_ENOMEM;
	tag->device = t->device;
	tag->first = first;
	tag->last = last;
	tag->subregion = true;
	*ret_tag = tag;
	return 0;
}

void mete_netbsd_bus_dmatag_destroy(bus_dma_tag_t t)
{
	struct mete_provider *p = t->device->provider;

	if (t->subregion)
		p->ops->record_free(p->ctx, t, sizeof *t);
	else
		wrong(t);
}
#endif

int FACE(bus_dmamap_create)(bus_dma_tag_t t, bus_size_t size, int nsegments, bus_size_t maxsegsz, bus_size_t boundary,
    int flags, bus_dmamap_t *ret_map)
{
	BSD_CALL(t, "bus_dmamap_create");

	struct mete_provider *p = t->device->provider;
	struct mete_constraint limit;
	struct bus_map *map;
	size_t len;

	if (!size || nsegments < 1 || !maxsegsz || !ret_map)
		return wrong(t);
	mete__bytes_zero(&limit, sizeof limit);
	limit.boundary = boundary;
	limit.max_segment = maxsegsz;
	limit.max_transfer = size;
	limit_addresses(t, flags, &limit);

	const size_t each = sizeof(struct mete_segment) + sizeof(bus_dma_segment_t);
	if (!checked_mul((size_t)nsegments, each, &len) || !checked_add(len, sizeof *map, &len))
		return NATIVE_ENOMEM;
	map = (struct bus_map *)p->ops->record_alloc(p->ctx, len);
	if (!map)
		return NATIVE_ENOMEM;
	struct mete_segment *segments = (struct mete_segment *)(map + 1);
	int error = mete_map_init(&map->core, t->device, &limit, segments, (uint32_t)nsegments);
	if (error) {
		p->ops->record_free(p->ctx, map, len);
		return native_error(error);
	}
	map->size = size;
	map->record_len = len;
	map->native.dm_segs = (bus_dma_segment_t *)(void *)(segments + nsegments);
#if METE_FACE == FACE_NETBSD
	mete__bytes_copy(&map->limit, &limit, sizeof limit);
	map->native.dm_maxsegsz = map->maxsegsz = maxsegsz;
#endif
	*ret_map = &map->native;
	return 0;
}

static void unload(struct bus_map *map)
{
	(void)mete_map_unload(&map->core);
	map->native.dm_mapsize = 0;
	map->native.dm_nsegs = 0;
#if METE_FACE == FACE_NETBSD
	map->native.dm_maxsegsz = map->maxsegsz;
#endif
}

void FACE(bus_dmamap_destroy)(bus_dma_tag_t t, bus_dmamap_t dmam)
{
	BSD_CALL(t, "bus_dmamap_destroy");

	struct mete_provider *p = t->device->provider;
	struct bus_map *map = map_of(t, dmam);

	if (!map) {
		wrong(t);
		return;
	}
	if (map->core.state != METE_MAP_EMPTY)
		unload(map);
	p->ops->record_free(p->ctx, map, map->record_len);
}

/* Load, and show the segments to the driver. */
static int load(bus_dma_tag_t t, struct bus_map *map, const struct mete_pieces *pieces, int flags)
{
	struct mete_map *core = &map->core;

#if METE_FACE == FACE_NETBSD
	/* A driver may have lowered the length of segments for this load, or this load alone. */
	if (core->state == METE_MAP_EMPTY) {
		if (!map->native.dm_maxsegsz || map->native.dm_maxsegsz > map->maxsegsz)
			return wrong(t);
		map->limit.max_segment = map->native.dm_maxsegsz;
		(void)mete_map_init(core, core->device, &map->limit, core->segments, core->capacity);
	}
#else
	(void)t;
#endif
	int error = mete_map_load(core, pieces, flags_access(flags), 0);
	if (error)
		return native_error(error);
	for (uint32_t i = 0; i < core->nsegments; i++) {
		map->native.dm_segs[i].ds_addr = core->segments[i].bus;
		map->native.dm_segs[i].ds_len = core->segments[i].len;
		map->native.dm_segs[i]._ds_cpu = NULL;
	}
	map->native.dm_nsegs = (int)core->nsegments;
	map->native.dm_mapsize = (bus_size_t)core->len;
	return 0;
}

int FACE(bus_dmamap_load_pieces)(bus_dma_tag_t t, bus_dmamap_t dmam, const struct mete_pieces *pieces, size_t len,
    int flags)
{
	BSD_CALL(t, "bus_dmamap_load");

	struct bus_map *map = map_of(t, dmam);

	if (!map || !len || len > map->size)
		return wrong(t);
	return load(t, map, pieces, flags);
}

int FACE(bus_dmamap_load)(bus_dma_tag_t t, bus_dmamap_t dmam, void *buf, bus_size_t buflen, int flags)
{
	BSD_CALL(t, "bus_dmamap_load");

	struct mete_bsd_object object = mete_bsd_buffer(buf, (size_t)buflen);
	const struct mete_pieces pieces = mete_bsd_pieces(&object);

	if ((size_t)buflen != buflen)
		return wrong(t);
	return FACE(bus_dmamap_load_pieces)(t, dmam, &pieces, (size_t)buflen, flags);
}

/* Whether `seg` is what bus_dmamem_alloc() made for this tag and is still allocated. */
static bool seg_is_ours(bus_dma_tag_t t, const bus_dma_segment_t *seg)
{
	mete_baddr bus;

	return seg->_ds_cpu && !mete_device_address(t->device, seg->_ds_cpu, &bus) && bus == seg->ds_addr;
}

struct raw {
	const bus_dma_segment_t *segs;
	bus_size_t size;
	int at;          /* next of the segments */
	bus_size_t left; /* bytes */
};

/* The segments hold enough, so the bytes end first. */
static bool next_raw(void *ctx, struct mete_piece *ret)
{
	struct raw *raw = (struct raw *)ctx;

	if (!raw->left)
		return false;
	const bus_dma_segment_t *seg = &raw->segs[raw->at++];
	ret->cpu = seg->_ds_cpu;
	ret->phys = 0;
	ret->len = (size_t)(seg->ds_len < raw->left ? seg->ds_len : raw->left);
	ret->placed = false;
	raw->left -= (bus_size_t)ret->len;
	return true;
}

static void rewind_raw(void *ctx)
{
	struct raw *raw = (struct raw *)ctx;

	raw->at = 0;
	raw->left = raw->size;
}

int FACE(bus_dmamap_load_raw)(bus_dma_tag_t t, bus_dmamap_t dmam, bus_dma_segment_t *segs, int nsegs, bus_size_t size,
    int flags)
{
	BSD_CALL(t, "bus_dmamap_load_raw");

	struct bus_map *map = map_of(t, dmam);
	struct raw raw = { segs, size, 0, size };
	bus_size_t missing = size;

	if (!map || !segs || nsegs < 1 || !size || size > map->size)
		return wrong(t);
	for (int i = 0; i < nsegs; i++) {
		if (!seg_is_ours(t, &segs[i]))
			return wrong(t);
		missing -= segs[i].ds_len < missing ? segs[i].ds_len : missing;
	}
	if (missing)
		return wrong(t);
	const struct mete_pieces pieces = { next_raw, &raw, rewind_raw };
	int error = load(t, map, &pieces, flags);
#if METE_FACE == FACE_OPENBSD
	if (error == NATIVE_EFBIG) /* of its loads this one alone */
		return NATIVE_EINVAL;
#endif
	return error;
}

void FACE(bus_dmamap_unload)(bus_dma_tag_t t, bus_dmamap_t dmam)
{
	BSD_CALL(t, "bus_dmamap_unload");

	struct bus_map *map = map_of(t, dmam);

	if (!map)
		wrong(t);
	else
		unload(map);
}

void FACE(bus_dmamap_sync)(bus_dma_tag_t t, bus_dmamap_t dmam, bus_addr_t offset, bus_size_t len, int ops)
{
	BSD_CALL(t, "bus_dmamap_sync");

	struct bus_map *map = map_of(t, dmam);

	if (!map || ops < 0 || ops > 15 || !op_table[ops].known) {
		wrong(t);
		return;
	}
	/* What the load ruled out cannot have happened. */
	unsigned access = (unsigned)op_table[ops].access & (unsigned)map->core.access;
	if (map->core.state != METE_MAP_EMPTY && !access) {
		wrong(t);
		return;
	}
	(void)mete_map_sync(&map->core, (size_t)offset, (size_t)len, op_table[ops].sync, (enum mete_access)access);
}

int FACE(bus_dmamem_alloc)(bus_dma_tag_t t, bus_size_t size, bus_size_t alignment, bus_size_t boundary,
    bus_dma_segment_t *segs, int nsegs, int *ret_nsegs, int flags)
{
	BSD_CALL(t, "bus_dmamem_alloc");

	const size_t frame = t->device->provider->frame;
	struct mete_constraint limit;
	void *cpu;
	mete_baddr bus;
	size_t len;

	if (!size || !segs || nsegs < 1 || !ret_nsegs || !checked_up((size_t)size, frame, &len))
		return wrong(t);
	if (len > METE_BADDR_MAX || (alignment & (alignment - 1)))
		return wrong(t);
	mete__bytes_zero(&limit, sizeof limit);
	limit.align = alignment > frame ? alignment : (bus_size_t)frame;
	limit.boundary = boundary;
	limit_addresses(t, flags, &limit);

	enum mete_memory memory = flags_memory(flags);
	int error = mete_device_alloc(t->device, &limit, len, memory, flags_core(flags), &cpu, &bus);
	if (error == METE_ENOTSUP && memory != METE_MEMORY_CACHED) /* it was a hint */
		error = mete_device_alloc(t->device, &limit, len, METE_MEMORY_CACHED, flags_core(flags), &cpu, &bus);
	if (error == METE_ERANGE)
		return NATIVE_ENOMEM;
	if (error)
		return native_error(error);
	segs->ds_addr = bus;
	segs->ds_len = (bus_size_t)len;
	segs->_ds_cpu = cpu;
	*ret_nsegs = 1;
	return 0;
}

void FACE(bus_dmamem_free)(bus_dma_tag_t t, bus_dma_segment_t *segs, int nsegs)
{
	BSD_CALL(t, "bus_dmamem_free");

	if (!segs || nsegs != 1 || !seg_is_ours(t, segs)) {
		wrong(t);
		return;
	}
	(void)mete_device_free(t->device, segs->_ds_cpu, (size_t)segs->ds_len);
}

int FACE(bus_dmamem_map)(bus_dma_tag_t t, bus_dma_segment_t *segs, int nsegs, size_t size, void **ret_kva, int flags)
{
	BSD_CALL(t, "bus_dmamem_map");

	(void)flags; /* the memory is as it was allocated */
	if (!segs || nsegs != 1 || !size || size > segs->ds_len || !ret_kva || !seg_is_ours(t, segs))
		return wrong(t);
	*ret_kva = segs->_ds_cpu;
	return 0;
}

/* Nothing was made that would have to go. */
void FACE(bus_dmamem_unmap)(bus_dma_tag_t t, void *kva, size_t size)
{
	BSD_CALL(t, "bus_dmamem_unmap");

	mete_baddr bus;

	if (!size || mete_device_address(t->device, kva, &bus))
		wrong(t);
}

mete_paddr FACE(bus_dmamem_mmap)(bus_dma_tag_t t, bus_dma_segment_t *segs, int nsegs, off_t off, int prot, int flags)
{
	BSD_CALL(t, "bus_dmamem_mmap");

	struct mete_provider *p = t->device->provider;
	mete_paddr phys;
	size_t len;

	(void)prot;
	(void)flags;
	if (!segs || nsegs != 1 || !seg_is_ours(t, segs) || (uint64_t)off >= segs->ds_len ||
	    p->ops->translate(p->ctx, (unsigned char *)segs->_ds_cpu + off, 1, &phys, &len)) {
		wrong(t);
		return METE_PADDR_MAX;
	}
	return phys;
}

#endif
