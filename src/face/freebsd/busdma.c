/* SPDX-License-Identifier: ISC */
/*
 * Maps: loads, syncs and memory of FreeBSD's bus_dma(9).
 *
 * A load does not know what the device will do, so it allows reading and writing, unless BUS_DMA_NOWRITE says more.  Loads
 * of a buffer and of a struct memdesc can be deferred; those of mbufs and uios imply BUS_DMA_NOWAIT.
 *
 * A load that needs stand-ins, or IOVA, does not overtake those that wait for them.  Whether it needs them shows when it
 * is done; then it is undone.  A load of memory that the device reaches is held up by nobody.
 *
 * Memory of bus_dmamem_alloc is one run that the device reaches.  Its loads go past the core's map: the bus address is
 * known, only the cuts at maxsegsz and the boundary are missing.  So it is never replaced by a stand-in.
 */
#include <mete/bounce.h>

#include "bytes.h"
#include "checked.h"
#include "freebsd_face.h"

/*
 * The one table of sync operations: what the CPU gets back first, and what the device gets then; 0: nothing.  PRE
 * is for the device, POST for the CPU; READ is what the device writes.
 */
static const struct {
	uint8_t cpu, device;
} op_table[16] = {
	[BUS_DMASYNC_PREREAD] = { 0, METE_DEVICE_WRITES },
	[BUS_DMASYNC_POSTREAD] = { METE_DEVICE_WRITES, 0 },
	[BUS_DMASYNC_PREREAD | BUS_DMASYNC_POSTREAD] = { METE_DEVICE_WRITES, METE_DEVICE_WRITES },
	[BUS_DMASYNC_PREWRITE] = { 0, METE_DEVICE_READS },
	[BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE] = { 0, METE_DEVICE_READS_WRITES },
	[BUS_DMASYNC_POSTREAD | BUS_DMASYNC_PREWRITE] = { METE_DEVICE_WRITES, METE_DEVICE_READS },
	[BUS_DMASYNC_PREREAD | BUS_DMASYNC_POSTREAD | BUS_DMASYNC_PREWRITE] = { METE_DEVICE_WRITES,
		METE_DEVICE_READS_WRITES },
	[BUS_DMASYNC_POSTWRITE] = { METE_DEVICE_READS, 0 },
	[BUS_DMASYNC_PREREAD | BUS_DMASYNC_POSTWRITE] = { METE_DEVICE_READS, METE_DEVICE_WRITES },
	[BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE] = { METE_DEVICE_READS_WRITES, 0 },
	[BUS_DMASYNC_PREREAD | BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE] = { METE_DEVICE_READS_WRITES,
		METE_DEVICE_WRITES },
	[BUS_DMASYNC_PREWRITE | BUS_DMASYNC_POSTWRITE] = { METE_DEVICE_READS, METE_DEVICE_READS },
	[BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE | BUS_DMASYNC_POSTWRITE] = { METE_DEVICE_READS,
		METE_DEVICE_READS_WRITES },
	[BUS_DMASYNC_POSTREAD | BUS_DMASYNC_PREWRITE | BUS_DMASYNC_POSTWRITE] = { METE_DEVICE_READS_WRITES,
		METE_DEVICE_READS },
	[BUS_DMASYNC_PREREAD | BUS_DMASYNC_POSTREAD | BUS_DMASYNC_PREWRITE | BUS_DMASYNC_POSTWRITE] = {
		METE_DEVICE_READS_WRITES, METE_DEVICE_READS_WRITES },
};

/* The one table of flags: of loads ... */
static enum mete_access flags_access(int flags)
{
	return flags & BUS_DMA_NOWRITE ? METE_DEVICE_READS : METE_DEVICE_READS_WRITES;
}

/* ... and of allocations. */
static enum mete_memory flags_memory(int flags)
{
	if (flags & BUS_DMA_NOCACHE)
		return METE_MEMORY_UNCACHED;
	return flags & BUS_DMA_COHERENT ? METE_MEMORY_COHERENT : METE_MEMORY_CACHED;
}

static unsigned flags_core(int flags)
{
	unsigned core = flags & BUS_DMA_NOWAIT ? 0 : METE_WAIT;

	if (flags & BUS_DMA_ZERO)
		core |= METE_ZERO;
	return core;
}

static bool map_is_of(bus_dma_tag_t tag, bus_dmamap_t map)
{
	return map && map->tag == tag;
}

/* Segments of a map: the tag's number; without one, as many as frames of 4 KiB there can be, within reason. */
static bool map_capacity(const struct mete_freebsd_tag *tag, size_t *ret)
{
	if (tag->nsegments > 0) {
		*ret = (size_t)tag->nsegments;
		return true;
	}
	if (tag->maxsize > 16 << 20)
		return false;
	*ret = (size_t)(tag->maxsize / 4096) + 2; /* 2 = parts of a frame at both ends */
	return true;
}

int mete_freebsd_bus_dmamap_create(bus_dma_tag_t tag, int flags, bus_dmamap_t *ret_map)
{
	FREEBSD_CALL(tag, "bus_dmamap_create");

	const struct mete_provider *p = tag->bus->device->provider;
	size_t capacity, len;

	(void)flags;
	if (!ret_map || !tag->parent || !map_capacity(tag, &capacity))
		return freebsd_wrong(tag);
	if (!checked_mul(capacity, sizeof(struct mete_segment) + sizeof(bus_dma_segment_t), &len) ||
	    !checked_add(len, sizeof(struct mete_freebsd_map), &len))
		return NATIVE_ENOMEM;
	struct mete_freebsd_map *map = (struct mete_freebsd_map *)p->ops->record_alloc(p->ctx, len);
	if (!map)
		return NATIVE_ENOMEM;
	struct mete_segment *segments = (struct mete_segment *)(void *)(map + 1);
	int error = mete_map_init(&map->core, tag->bus->device, &tag->limit, segments, (uint32_t)capacity);
	if (error) {
		p->ops->record_free(p->ctx, map, len);
		return freebsd_error(error);
	}
	map->tag = tag;
	map->native = (bus_dma_segment_t *)(void *)(segments + capacity);
	map->record_len = len;
	freebsd_lock(tag->bus);
	tag->nusers++;
	freebsd_unlock(tag->bus);
	*ret_map = map;
	return 0;
}

static void map_drop(struct mete_freebsd_map *map)
{
	struct mete_freebsd_tag *tag = map->tag;
	const struct mete_provider *p = tag->bus->device->provider;

	p->ops->record_free(p->ctx, map, map->record_len);
	freebsd_lock(tag->bus);
	tag->nusers--;
	freebsd_unlock(tag->bus);
}

int mete_freebsd_bus_dmamap_destroy(bus_dma_tag_t tag, bus_dmamap_t map)
{
	FREEBSD_CALL(tag, "bus_dmamap_destroy");

	if (!map)
		return 0;
	if (!map_is_of(tag, map) || map->memory)
		return freebsd_wrong(tag);
	if (map->state != MAP_EMPTY)
		return freebsd_busy(tag);
	map_drop(map);
	return 0;
}

/* Whether a load took of what others may wait for. */
static bool map_took_scarce(const struct mete_freebsd_map *map)
{
	const struct mete_device *device = map->core.device;
	const struct mete_bounce *b = device->bounce;

	if (device->domain)
		return true;
	for (uint32_t i = 0; b && i < map->core.nsegments; i++) {
		bus_addr_t bus = map->core.segments[i].bus;
		if (bus >= b->bus && bus - b->bus < b->config.len)
			return true;
	}
	return false;
}

/* Count a load in; out again, it leaves word if others may have missed what it held for a moment. */
static void load_begin(struct mete_freebsd_bus *bus)
{
	freebsd_lock(bus);
	bus->nbusy++;
	freebsd_unlock(bus);
}

static void load_end(struct mete_freebsd_bus *bus, bool turn)
{
	freebsd_lock(bus);
	bus->nbusy--;
	bus->ends += !turn;
	bool missed = !turn && bus->first;
	freebsd_unlock(bus);
	if (missed && bus->later)
		bus->later(bus->later_ctx);
	else if (missed)
		(void)mete_freebsd_bus_pump(bus);
}

/* Pieces named physically get a CPU view where there is one, so that they can be replaced. */
struct seen {
	struct mete_bsd_object *object;
	const struct mete_provider *provider;
};

static bool seen_next(void *ctx, struct mete_piece *ret)
{
	struct seen *seen = (struct seen *)ctx;
	const struct mete_provider *p = seen->provider;
	size_t len;

	if (!seen->object->next(seen->object, ret))
		return false;
	if (ret->placed && ret->len && p->ops->view &&
	    (p->ops->view(p->ctx, ret->phys, ret->len, &ret->cpu, &len) || len < ret->len))
		ret->cpu = NULL;
	return true;
}

static void seen_rewind(void *ctx)
{
	mete_bsd_rewind(((struct seen *)ctx)->object);
}

int mete__freebsd_load(struct mete_freebsd_map *map, struct mete_bsd_object *object, int flags, bool turn)
{
	struct mete_freebsd_bus *bus = map->tag->bus;
	struct mete_map *core = &map->core;
	struct seen seen = { object, bus->device->provider };
	const struct mete_pieces pieces = { seen_next, &seen, seen_rewind };

	mete_bsd_rewind(object);
	load_begin(bus);
	int error = mete_map_load(core, &pieces, flags_access(flags), 0);
	map->scarce = !error && map_took_scarce(map);
	if (map->scarce && !turn && mete_freebsd_bus_waiting(bus)) {
		(void)mete_map_unload(core);
		map->scarce = false;
		error = METE_ENOMEM;
	}
	if (!map->scarce)
		load_end(bus, turn);
	if (error)
		return freebsd_error(error);
	for (uint32_t i = 0; i < core->nsegments; i++) {
		map->native[i].ds_addr = core->segments[i].bus;
		map->native[i].ds_len = core->segments[i].len;
	}
	map->nsegs = (int)core->nsegments;
	return 0;
}

/* Memory of bus_dmamem_alloc, cut as the tag says. */
static int load_memory(struct mete_freebsd_map *map, const void *buf, bus_size_t buflen)
{
	const struct mete_constraint *limit = &map->core.limit;
	uintptr_t off = (uintptr_t)buf - (uintptr_t)map->memory; /* in front of it: a large number */

	if (off >= map->tag->maxsize || buflen > map->tag->maxsize - off)
		return freebsd_wrong(map->tag);
	bus_addr_t bus = map->memory_bus + (bus_addr_t)off;
	map->nsegs = 0;
	while (buflen) {
		bus_size_t room = limit->max_segment;
		if (limit->boundary && room > limit->boundary - (bus & (limit->boundary - 1)))
			room = limit->boundary - (bus & (limit->boundary - 1));
		if ((uint32_t)map->nsegs == map->core.capacity)
			return NATIVE_EFBIG;
		bus_dma_segment_t *seg = &map->native[map->nsegs++];
		seg->ds_addr = bus;
		seg->ds_len = room < buflen ? room : buflen;
		bus += seg->ds_len;
		buflen -= seg->ds_len;
	}
	return 0;
}

/* The bytes of an object; 0 if they are more than `most`. */
static bus_size_t object_len(struct mete_bsd_object *object, bus_size_t most)
{
	bus_size_t left = most;
	struct mete_piece piece;

	mete_bsd_rewind(object);
	while (object->next(object, &piece)) {
		if (piece.len > left)
			return 0;
		left -= (bus_size_t)piece.len;
	}
	return most - left;
}

/* Whether `len` bytes may be loaded into the map now. */
static bool load_allowed(bus_dma_tag_t tag, bus_dmamap_t map, bus_size_t len)
{
	return map->state == MAP_EMPTY && len && len <= tag->maxsize && (size_t)len == len;
}

static bool object_allowed(bus_dma_tag_t tag, bus_dmamap_t map, struct mete_bsd_object *object)
{
	return map_is_of(tag, map) && !map->memory && load_allowed(tag, map, object_len(object, tag->maxsize));
}

static unsigned long ends_so_far(struct mete_freebsd_bus *bus)
{
	freebsd_lock(bus);
	unsigned long n = bus->ends;
	freebsd_unlock(bus);
	return n;
}

static void call_back(bus_dmamap_t map, bus_dmamap_callback_t *callback, void *callback_arg, int error)
{
	FREEBSD_CALLBACK(map);

	callback(callback_arg, map->native, error ? 0 : map->nsegs, error);
}

static void call_back2(bus_dmamap_t map, bus_dmamap_callback2_t *callback, void *callback_arg, int error)
{
	FREEBSD_CALLBACK(map);

	callback(callback_arg, map->native, error ? 0 : map->nsegs, error ? 0 : (bus_size_t)map->core.len, error);
}

/* What bus_dmamap_load() returns when the load was tried, with what came of it, and needs no other. */
static int load_tried(bus_dmamap_t map, int error, bus_dmamap_callback_t *callback, void *callback_arg)
{
	if (error && error != NATIVE_EFBIG)
		return error;
	if (!error)
		map->state = MAP_LOADED;
	call_back(map, callback, callback_arg, error);
	return 0;
}

/* Load what has been allowed, or have it wait. */
static int load_or_wait(bus_dma_tag_t tag, bus_dmamap_t map, struct mete_bsd_object *object,
    bus_dmamap_callback_t *callback, void *callback_arg, int flags)
{
	unsigned long ends = ends_so_far(tag->bus);
	int error = mete__freebsd_load(map, object, flags, false);

	if (error == NATIVE_ENOMEM && !(flags & BUS_DMA_NOWAIT) && !(tag->flags & BUS_DMA_ALLOCNOW) && tag->lockfunc) {
		mete__bytes_copy(&map->object, object, sizeof *object);
		map->flags = flags;
		map->callback = callback;
		map->callback_arg = callback_arg;
		if (mete__freebsd_defer(map, ends + 1)) /* 1 = the load just tried */
			return METE_FREEBSD_EINPROGRESS;
	}
	return load_tried(map, error, callback, callback_arg);
}

int mete_freebsd_bus_dmamap_load(bus_dma_tag_t tag, bus_dmamap_t map, void *buf, bus_size_t buflen,
    bus_dmamap_callback_t *callback, void *callback_arg, int flags)
{
	FREEBSD_CALL(tag, "bus_dmamap_load");

	if (!map_is_of(tag, map) || !load_allowed(tag, map, buflen) || !callback)
		return freebsd_wrong(tag);
	if (map->memory)
		return load_tried(map, load_memory(map, buf, buflen), callback, callback_arg);
	struct mete_bsd_object object = mete_bsd_buffer(buf, (size_t)buflen);
	return load_or_wait(tag, map, &object, callback, callback_arg, flags);
}

int mete_freebsd_bus_dmamap_load_object(bus_dma_tag_t tag, bus_dmamap_t map, struct mete_bsd_object *object,
    bus_dmamap_callback_t *callback, void *callback_arg, int flags)
{
	FREEBSD_CALL(tag, "bus_dmamap_load");

	if (!object_allowed(tag, map, object) || !callback)
		return freebsd_wrong(tag);
	return load_or_wait(tag, map, object, callback, callback_arg, flags);
}

int mete_freebsd_bus_dmamap_load_object2(bus_dma_tag_t tag, bus_dmamap_t map, struct mete_bsd_object *object,
    bus_dmamap_callback2_t *callback, void *callback_arg, int flags)
{
	FREEBSD_CALL(tag, "bus_dmamap_load");

	if (!object_allowed(tag, map, object) || !callback)
		return freebsd_wrong(tag);
	int error = mete__freebsd_load(map, object, flags, false);
	if (!error) {
		map->state = MAP_LOADED;
		call_back2(map, callback, callback_arg, 0);
	} else if (error == NATIVE_EFBIG) {
		call_back2(map, callback, callback_arg, error);
	}
	return error;
}

int mete_freebsd_bus_dmamap_load_object_sg(bus_dma_tag_t tag, bus_dmamap_t map, struct mete_bsd_object *object,
    bus_dma_segment_t *ret_segs, int *ret_nsegs, int flags)
{
	FREEBSD_CALL(tag, "bus_dmamap_load");

	if (!object_allowed(tag, map, object) || !ret_segs || !ret_nsegs)
		return freebsd_wrong(tag);
	int error = mete__freebsd_load(map, object, flags, false);
	if (error)
		return error;
	map->state = MAP_LOADED;
	for (int i = 0; i < map->nsegs; i++)
		ret_segs[i] = map->native[i];
	*ret_nsegs = map->nsegs;
	return 0;
}

void mete_freebsd_bus_dmamap_unload(bus_dma_tag_t tag, bus_dmamap_t map)
{
	FREEBSD_CALL(tag, "bus_dmamap_unload");

	if (!map)
		return;
	if (!map_is_of(tag, map)) {
		freebsd_wrong(tag);
		return;
	}
	enum map_state was = map->state;
	if (was == MAP_WAITING) {
		mete__freebsd_cancel(map);
		return;
	}
	map->state = MAP_EMPTY;
	map->nsegs = 0;
	if (was == MAP_LOADED && !map->memory) {
		(void)mete_map_unload(&map->core);
		if (map->scarce)
			mete__freebsd_released(tag->bus, true);
	}
}

static void map_sync(struct mete_freebsd_map *map, enum mete_sync sync, unsigned access)
{
	struct mete_device *device = map->tag->bus->device;

	if (!map->memory) {
		access &= (unsigned)map->core.access; /* what the load ruled out cannot have happened */
		if (access)
			(void)mete_map_sync(&map->core, 0, map->core.len, sync, (enum mete_access)access);
		return;
	}
	for (int i = 0; map->needs_sync && access && i < map->nsegs; i++)
		(void)mete_sync_single(device, map->native[i].ds_addr, (size_t)map->native[i].ds_len, sync,
		    (enum mete_access)access);
}

void mete_freebsd_bus_dmamap_sync(bus_dma_tag_t tag, bus_dmamap_t map, bus_dmasync_op_t op)
{
	FREEBSD_CALL(tag, "bus_dmamap_sync");

	if (!map)
		return;
	if (!map_is_of(tag, map) || map->state != MAP_LOADED || op < 1 || op > 15) {
		freebsd_wrong(tag);
		return;
	}
	map_sync(map, METE_FOR_CPU, op_table[op].cpu);
	map_sync(map, METE_FOR_DEVICE, op_table[op].device);
}

/* What memory must obey so that it can be loaded as it is: `limit` without what only concerns segments. */
static bool memory_limit(const struct mete_freebsd_tag *tag, size_t capacity, struct mete_constraint *ret)
{
	bus_size_t cut = tag->limit.max_segment;

	if (mete_constraint_merge(&tag->limit, &tag->bus->device->streaming, ret))
		return false;
	ret->max_segment = ret->max_transfer = ret->min_transfer = 0;
	ret->max_segments = ret->granularity = ret->burst_sizes = 0;
	if (ret->boundary && ret->boundary < tag->maxsize) {
		/* It must be cut there: so it begins at one, and is as few pieces as can be. */
		if (ret->align < ret->boundary)
			ret->align = ret->boundary;
		ret->boundary = 0;
	}
	return cut >= tag->maxsize || ((size_t)tag->maxsize - 1) / (size_t)cut < capacity;
}

int mete_freebsd_bus_dmamem_alloc(bus_dma_tag_t tag, void **ret_vaddr, int flags, bus_dmamap_t *ret_map)
{
	FREEBSD_CALL(tag, "bus_dmamem_alloc");

	struct mete_device *device = tag->bus->device;
	enum mete_memory memory = flags_memory(flags);
	struct mete_constraint limit;
	struct mete_freebsd_map *map;
	void *cpu;

	if (!ret_vaddr || !ret_map)
		return freebsd_wrong(tag);
	int error = mete_freebsd_bus_dmamap_create(tag, flags, &map);
	if (error)
		return error;
	if ((size_t)tag->maxsize != tag->maxsize || !memory_limit(tag, map->core.capacity, &limit)) {
		map_drop(map);
		return NATIVE_ENOMEM;
	}
	size_t len = (size_t)tag->maxsize;
	error = mete_device_alloc(device, &limit, len, memory, flags_core(flags), &cpu, &map->memory_bus);
	if (error == METE_ENOTSUP && memory != METE_MEMORY_CACHED) { /* it was a hint */
		memory = METE_MEMORY_CACHED;
		error = mete_device_alloc(device, &limit, len, memory, flags_core(flags), &cpu, &map->memory_bus);
	}
	if (error) {
		map_drop(map);
		return NATIVE_ENOMEM;
	}
	map->memory = (unsigned char *)cpu;
	map->needs_sync = device->noncoherent && memory == METE_MEMORY_CACHED;
	*ret_vaddr = cpu;
	*ret_map = map;
	return 0;
}

void mete_freebsd_bus_dmamem_free(bus_dma_tag_t tag, void *vaddr, bus_dmamap_t map)
{
	FREEBSD_CALL(tag, "bus_dmamem_free");

	if (!map_is_of(tag, map) || !map->memory || map->memory != vaddr) {
		freebsd_wrong(tag);
		return;
	}
	/* The map is this tag's whatever became of the memory, which others may have freed: it goes either way. */
	if (mete_device_free(tag->bus->device, vaddr, (size_t)tag->maxsize))
		freebsd_wrong(tag);
	map_drop(map);
}
