/* SPDX-License-Identifier: ISC */
/*
 * Pool: slabs of equal blocks, and the shelf in front of them.
 *
 * A block is in one of three places: live (the caller has it), on the shelf (freed lately, next to go out), or in its
 * slab's map.  `nout` counts the blocks that are not in a map, so the live ones are those less the shelf, and the common
 * calls keep no count at all.  A slab hangs on the list that tells what its map holds: nothing (full), some (partial), all
 * (empty).
 *
 * Fresh blocks ascend because the lowest bit of the map goes first; freed ones come back last in first out because the
 * shelf is a stack whose bottom falls off.  A stack of all free blocks would keep that order for ever, but costs four
 * bytes a block and would have to be searched to give a slab back.
 *
 * Blocks do not cross the boundary.  A boundary shorter than the slab cuts it into cells, each of which holds as many
 * blocks as fit; a longer one is met by the run as a whole.
 */
#include <mete/pool.h>

#include "block.h"
#include "bytes.h"
#include "checked.h"
#include "reach.h"
#include "reclaim.h"

#define SLAB_BLOCKS 16u      /* blocks wanted in a slab */
#define SLAB_MAX 65536u      /* ... in at most so many bytes */
#define SHELF_BYTES 262144u  /* METE_SHELF blocks of 4 KiB; larger blocks get a shorter shelf */

static void list_push(struct mete_slab **list, struct mete_slab *slab)
{
	slab->prev = NULL;
	slab->next = *list;
	if (*list)
		(*list)->prev = slab;
	*list = slab;
}

static void list_pull(struct mete_slab **list, struct mete_slab *slab)
{
	if (slab->next)
		slab->next->prev = slab->prev;
	if (slab->prev)
		slab->prev->next = slab->next;
	else
		*list = slab->next;
}

static struct mete_slab **pool_list(struct mete_pool *pool, const struct mete_slab *slab)
{
	if (!slab->nfree)
		return &pool->full;
	return slab->nfree == slab->nblocks ? &pool->empty : &pool->partial;
}

/* Put `slab` on the list that its map calls for, after `nfree` changed by `change`. */
static void pool_recount(struct mete_pool *pool, struct mete_slab *slab, uint32_t change)
{
	struct mete_slab **from = pool_list(pool, slab);
	slab->nfree += change;
	struct mete_slab **to = pool_list(pool, slab);

	if (from == to)
		return;
	list_pull(from, slab);
	list_push(to, slab);
	if (from == &pool->empty)
		pool->nempty--;
	if (to == &pool->empty)
		pool->nempty++;
}

static uint32_t block_offset(const struct mete_pool *pool, uint32_t index)
{
	if (!pool->cells)
		return index * pool->stride;
	return ((index / pool->per_cell) << pool->cell_shift) + (index % pool->per_cell) * pool->stride;
}

/* Inside: the lowest free block of `slab`, which has one, becomes live. */
static void *slab_take(struct mete_pool *pool, struct mete_slab *slab)
{
	uint32_t word = slab->hint;
	while (!slab->map[word])
		word++;
	uint32_t index = word * 32 + bits_low32(slab->map[word]);

	slab->map[word] &= slab->map[word] - 1;
	slab->hint = word;
	slab->state[index] = SLAB_LIVE;
	pool_recount(pool, slab, UINT32_MAX);
	pool->nout++;
	return (unsigned char *)slab->run.cpu + block_offset(pool, index);
}

static void slab_put(struct mete_pool *pool, const struct mete_block *block)
{
	struct mete_slab *slab = slab_find(pool->provider, block->cpu);
	uint32_t index = (uint32_t)(block->state - slab->state);

	slab->map[index / 32] |= 1u << (index % 32);
	if (slab->hint > index / 32)
		slab->hint = index / 32;
	pool_recount(pool, slab, 1);
	pool->nout--;
}

static size_t pool_nlive(const struct mete_pool *pool)
{
	return pool->nout - (pool->top - pool->bottom);
}

/* Inside: detach one wholly free slab, if the reserve of `low` free blocks outlasts it. */
static struct mete_slab *pool_detach_one(struct mete_pool *pool)
{
	struct mete_slab *slab = pool->empty;

	/* Slabs differ in size: one that the reserve cannot do without may hide one that it can. */
	while (slab && pool->ntotal - pool_nlive(pool) - slab->nblocks < pool->low)
		slab = slab->next;
	if (!slab)
		return NULL;
	list_pull(&pool->empty, slab);
	pool->nempty--;
	pool->nslabs--;
	pool->ntotal -= slab->nblocks;
	mete__slab_forget(pool->provider, slab);
	slab->next = NULL;
	return slab;
}

static void shelf_drop_oldest(struct mete_pool *pool)
{
	slab_put(pool, &pool->shelf[pool->bottom++ & (METE_SHELF - 1)]);
}

int mete__pool_put(struct mete_pool *pool, void *cpu)
{
	struct mete_provider *p = pool->provider;
	struct mete_slab *idle = NULL;
	bool wake = false;
	uint8_t *state;

	int error = block_check(pool, cpu, &state);
	if (!error) {
		*state = SLAB_FREE;
		if (pool->top - pool->bottom == pool->shelf_cap) {
			shelf_drop_oldest(pool);
			if (pool->nempty > pool->keep)
				idle = pool_detach_one(pool);
		}
		shelf_push(pool, pool->top, cpu, state);
		wake = line_release(p);
	}
	guard_leave(p);
	mete__slab_destroy(p, idle);
	if (wake)
		line_wake(p);
	return error;
}

struct mete_slab *mete__pool_detach_idle(struct mete_pool *pool, struct mete_slab *list)
{
	while (pool->top != pool->bottom)
		shelf_drop_oldest(pool);
	for (struct mete_slab *slab = pool_detach_one(pool); slab; slab = pool_detach_one(pool)) {
		slab->next = list;
		list = slab;
	}
	return list;
}

size_t mete_provider_reclaim(struct mete_provider *p)
{
	struct mete_slab *idle = NULL;

	guard_enter(p);
	for (struct mete_pool *pool = p->pools; pool; pool = pool->next)
		idle = mete__pool_detach_idle(pool, idle);
	guard_leave(p);
	size_t n = mete__slab_destroy(p, idle);
	if (n) {
		guard_enter(p);
		p->counters.reclaimed += n;
		guard_leave(p);
	}
	return n;
}

size_t mete_pool_reclaim(struct mete_pool *pool)
{
	struct mete_provider *p = pool->provider;

	if (!p)
		return 0;
	guard_enter(p);
	struct mete_slab *idle = mete__pool_detach_idle(pool, NULL);
	guard_leave(p);
	return mete__slab_destroy(p, idle);
}

/* What one slab of `len` bytes must satisfy: the device's and the pool's limits, less those that its blocks meet. */
static int pool_limit(struct mete_pool *pool, size_t len, struct mete_constraint *ret)
{
	int error = mete__device_merge(pool->device, METE_USE_COHERENT, &pool->limit, ret);
	if (error)
		return error;
	if (ret->phase)
		return METE_EINVAL;
	if ((ret->max_segment && pool->len > ret->max_segment) || (ret->max_transfer && pool->len > ret->max_transfer))
		return METE_EINVAL;

	mete_baddr cell = pool->cells ? (mete_baddr)pool->cell_mask + 1 : 0;
	if (ret->align < pool->align)
		ret->align = pool->align;
	if (cell && len > pool->cell_mask) {
		/* Cells meet the boundary if the run starts on one; a boundary set since then must still hold. */
		if (ret->align < cell)
			ret->align = cell;
		if (ret->boundary >= cell)
			ret->boundary = 0;
	} else if (pool->boundary && (!ret->boundary || ret->boundary > pool->boundary)) {
		ret->boundary = pool->boundary;
	}
	return 0;
}

static uint32_t blocks_in(const struct mete_pool *pool, size_t len)
{
	if (pool->cells && len > pool->cell_mask)
		return (uint32_t)(len >> pool->cell_shift) * pool->per_cell;
	return (uint32_t)(len / pool->stride);
}

static int pool_slab(struct mete_pool *pool, size_t len, struct mete_slab **ret_slab)
{
	struct mete_constraint limit;
	uint32_t nblocks = blocks_in(pool, len);

	int error = pool_limit(pool, len, &limit);
	if (error)
		return error;
	/* Frames may end behind the last block; an address there needs a state byte too, for block_check() to look at. */
	return mete__slab_create(pool->device, &limit, len, nblocks, nblocks + 1, pool->memory, pool, ret_slab);
}

/* Outside: a new slab; if it cannot be had in full, as few frames as hold one block. */
static int pool_grow(struct mete_pool *pool, struct mete_slab **ret_slab)
{
	size_t frame = pool->provider->frame;
	size_t least = pool->stride < frame ? frame : pool->stride;

	int error = pool_slab(pool, pool->slab_len, ret_slab);
	if (!error || pool->slab_len <= least)
		return error;
	return pool_slab(pool, least, ret_slab);
}

/* Inside: a new slab joins the pool. */
static void pool_add(struct mete_pool *pool, struct mete_slab *slab)
{
	list_push(&pool->empty, slab);
	pool->nempty++;
	pool->nslabs++;
	pool->ntotal += slab->nblocks;
}

/* Inside: a block from what the pool has; METE_EBUSY at the hard limit, METE_ENOMEM if a slab is needed. */
static int pool_take(struct mete_pool *pool, void **ret_cpu)
{
	if (pool_nlive(pool) >= pool->hard)
		return METE_EBUSY;
	if (pool->top != pool->bottom) {
		*ret_cpu = shelf_pop(pool);
		return 0;
	}
	struct mete_slab *slab = pool->partial ? pool->partial : pool->empty;
	if (!slab)
		return METE_ENOMEM;
	*ret_cpu = slab_take(pool, slab);
	return 0;
}

/* One allocation on its way, so that a waiting request can repeat it. */
struct pool_request {
	struct mete_pool *pool;
	void *cpu;
	mete_baddr bus;
};

static int pool_take_request(struct pool_request *r)
{
	int error = pool_take(r->pool, &r->cpu);
	if (error)
		return error;
	const struct mete_slab *slab = slab_find(r->pool->provider, r->cpu);
	r->bus = slab->bus + (mete_baddr)((uintptr_t)r->cpu - (uintptr_t)slab->run.cpu);
	return 0;
}

static int pool_attempt(void *arg)
{
	struct pool_request *r = arg;
	struct mete_pool *pool = r->pool;
	struct mete_provider *p = pool->provider;

	guard_enter(p);
	int error = pool_take_request(r);
	guard_leave(p);
	if (error != METE_ENOMEM)
		return error == METE_EBUSY ? METE_ENOMEM : error;

	struct mete_slab *slab;
	error = pool_grow(pool, &slab);
	guard_enter(p);
	if (!error)
		pool_add(pool, slab);
	/* Also after a failure: another thread may have freed a block or brought a slab meanwhile. */
	int again = pool_take_request(r);
	guard_leave(p);
	if (!again)
		return 0;
	return again == METE_EBUSY ? METE_ENOMEM : error;
}

int mete__pool_alloc_slow(struct mete_pool *pool, unsigned flags, void **ret_cpu, mete_baddr *ret_bus)
{
	struct mete_provider *p = pool->provider;
	struct pool_request r = { .pool = pool };
	bool wait = flags & METE_WAIT;

	int error = wait && mete__line_there(p) ? METE_ENOMEM : pool_attempt(&r);
	if (error == METE_ENOMEM && wait)
		error = mete__line_wait(p, pool_attempt, &r);
	if (error)
		return mete__line_count(p, &p->counters.failed, error);
	if (flags & METE_ZERO)
		mete__bytes_zero(r.cpu, pool->stride);
	*ret_cpu = r.cpu;
	if (ret_bus)
		*ret_bus = r.bus;
	return 0;
}

int mete__pool_alloc(struct mete_pool *pool, unsigned flags, void **ret_cpu, mete_baddr *ret_bus)
{
	struct mete_provider *p = pool->provider;

	if (!p)
		return METE_EINVAL;
	if (!ret_cpu || (flags & ~(METE_ZERO | METE_WAIT)))
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	return mete__pool_alloc_slow(pool, flags, ret_cpu, ret_bus);
}

/* The bus address of a block that was just handed out. */
static mete_baddr block_bus(struct mete_pool *pool, const void *cpu)
{
	mete_baddr bus = 0;

	(void)mete_pool_address(pool, cpu, &bus);
	return bus;
}

void mete__pool_tell(struct mete_pool *pool, enum mete_owner_kind owner_kind, const void *owner, const void *site,
    size_t len, const void *cpu, unsigned flags, int error)
{
	mete_baddr bus = error ? 0 : block_bus(pool, cpu);
	mete__tell_alloc(site, pool->device, owner_kind, owner, error ? NULL : cpu, bus, len, error ? 0 : pool->stride,
	    pool->memory, flags, error);
}

BITS_NOINLINE int mete__pool_alloc_observed(struct mete_pool *pool, unsigned flags, size_t len,
    enum mete_owner_kind owner_kind, const void *owner, const void *site, void **ret_cpu, mete_baddr *ret_bus)
{
	int error = mete__pool_alloc(pool, flags & ~METE_ZERO, ret_cpu, ret_bus);

	mete__pool_tell(pool, owner_kind, owner, site, len, error ? NULL : *ret_cpu, flags, error);
	if (!error && (flags & METE_ZERO))
		mete__bytes_zero(*ret_cpu, len);
	return error;
}

int mete_pool_alloc(struct mete_pool *pool, unsigned flags, void **ret_cpu, mete_baddr *ret_bus)
{
	if (pool->provider && METE_OBSERVED(pool->provider))
		return mete__pool_alloc_observed(pool, flags, pool->len, METE_OWNER_POOL, pool, METE_CALLER(), ret_cpu, ret_bus);
	return mete__pool_alloc(pool, flags, ret_cpu, ret_bus);
}

int mete_pool_free(struct mete_pool *pool, void *cpu)
{
	if (!pool->provider)
		return METE_EINVAL;
	struct mete_counters *counters = &pool->provider->counters;
	if (!cpu)
		return 0;
	if (METE_OBSERVED(pool->provider))
		mete__tell_memory(METE_EVENT_FREE, METE_CALLER(), pool->device, METE_OWNER_POOL, pool, cpu, 0, 0, 0);
	guard_enter(pool->provider);
	int error = mete__pool_put(pool, cpu);
	if (!error)
		return 0;
	if (METE_OBSERVED(pool->provider))
		mete__tell_memory(METE_EVENT_KEPT, NULL, pool->device, METE_OWNER_POOL, pool, cpu, 0, 0, error);
	return mete__line_count(pool->provider, error == METE_EALREADY ? &counters->double_free : &counters->bad_address,
	    error);
}

int mete_pool_address(struct mete_pool *pool, const void *cpu, mete_baddr *ret_bus)
{
	struct mete_provider *p = pool->provider;
	uint8_t *state;

	if (!p)
		return METE_EINVAL;
	guard_enter(p);
	int error = block_check(pool, cpu, &state);
	if (!error) {
		const struct mete_slab *slab = slab_find(p, cpu);
		*ret_bus = slab->bus + (mete_baddr)((uintptr_t)cpu - (uintptr_t)slab->run.cpu);
	}
	guard_leave(p);
	return error;
}

int mete_pool_prime(struct mete_pool *pool, size_t n)
{
	struct mete_provider *p = pool->provider;
	struct mete_slab *fresh = NULL;
	size_t nfresh = 0;
	int error = 0;

	if (!p)
		return METE_EINVAL;
	/*
	 * The new slabs join the pool at the end only.  In the pool they would be idle slabs, which the next one reclaims
	 * when memory runs short, and this would never end.
	 */
	for (;;) {
		guard_enter(p);
		bool enough = pool->ntotal - pool_nlive(pool) + nfresh >= n;
		guard_leave(p);
		if (enough)
			break;
		struct mete_slab *slab;
		error = pool_grow(pool, &slab);
		if (error)
			break;
		nfresh += slab->nblocks;
		slab->next = fresh;
		fresh = slab;
	}
	guard_enter(p);
	for (struct mete_slab *slab = fresh, *next; slab; slab = next) {
		next = slab->next;
		pool_add(pool, slab);
	}
	guard_leave(p);
	return error ? mete__line_count(p, &p->counters.failed, error) : 0;
}

void mete_pool_set_low(struct mete_pool *pool, size_t nblocks)
{
	if (!pool->provider)
		return;
	guard_enter(pool->provider);
	pool->low = nblocks;
	guard_leave(pool->provider);
}

void mete_pool_set_keep(struct mete_pool *pool, size_t nslabs)
{
	if (!pool->provider)
		return;
	guard_enter(pool->provider);
	pool->keep = nslabs < UINT32_MAX ? (uint32_t)nslabs : UINT32_MAX;
	guard_leave(pool->provider);
}

int mete_pool_set_hard(struct mete_pool *pool, size_t nblocks)
{
	struct mete_provider *p = pool->provider;

	if (!p)
		return METE_EINVAL;
	guard_enter(p);
	bool sane = nblocks >= pool_nlive(pool), wake = false;
	if (sane) {
		pool->hard = nblocks;
		wake = line_release(p);
	} else {
		p->counters.bad_argument++;
	}
	guard_leave(p);
	if (wake)
		line_wake(p);
	return sane ? 0 : METE_EINVAL;
}

void mete_pool_info(struct mete_pool *pool, struct mete_pool_info *ret)
{
	struct mete_provider *p = pool->provider;
	size_t bytes = 0;

	mete__bytes_zero(ret, sizeof *ret);
	if (!p)
		return;
	guard_enter(p);
	const struct mete_slab *lists[] = { pool->partial, pool->full, pool->empty };
	for (int i = 0; i < 3; i++) {
		for (const struct mete_slab *slab = lists[i]; slab; slab = slab->next)
			bytes += slab->run.len;
	}
	ret->len = pool->len;
	ret->stride = pool->stride;
	ret->nlive = pool_nlive(pool);
	ret->ntotal = pool->ntotal;
	ret->nslabs = pool->nslabs;
	ret->bytes = bytes;
	guard_leave(p);
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* The strictest boundary that a block must respect: the pool's own, its limit's, the device's. */
static mete_baddr config_boundary(const struct mete_device *device, const struct mete_pool_config *config)
{
	mete_baddr boundary = config->boundary > METE_BADDR_MAX ? 0 : (mete_baddr)config->boundary;
	if (config->limit && config->limit->boundary && (!boundary || config->limit->boundary < boundary))
		boundary = config->limit->boundary;
	if (device->coherent.boundary && (!boundary || device->coherent.boundary < boundary))
		boundary = device->coherent.boundary;
	return boundary;
}

/* Stride, slab and cell from the config.  False if no block can be had that way. */
static bool pool_shape(struct mete_pool *pool, const struct mete_pool_config *config)
{
	const struct mete_device *device = pool->device;
	size_t frame = device->provider->frame;
	size_t align = larger(config->align, METE_POOL_MIN), stride, slab;

	if (device->noncoherent && config->memory == METE_MEMORY_CACHED)
		align = larger(align, device->line);
	if (config->limit && config->limit->align > align)
		align = (size_t)config->limit->align;
	if (device->coherent.align > align)
		align = (size_t)device->coherent.align;
	if (!checked_up(config->len, align, &stride) || stride > 1u << 31)
		return false;
	mete_baddr boundary = config_boundary(device, config);
	if (boundary && boundary < stride)
		return false;

	slab = config->slab ? config->slab : stride < SLAB_MAX ? stride * SLAB_BLOCKS : stride;
	/* Beyond SLAB_MAX the reciprocal is exact for powers of two only. */
	size_t most = config->slab && bits_is_power2(stride) ? 4 * SLAB_MAX : SLAB_MAX;
	if (slab > most)
		slab = most;
	if (slab < stride)
		slab = stride;
	if (!checked_up(slab, frame, &slab))
		return false;
	if (slab < 2 * stride)
		slab = stride;
	pool->align = (mete_baddr)align;
	pool->stride = (uint32_t)stride;
	pool->recip = UINT32_MAX / (uint32_t)stride + 1; /* 2^32 / stride, rounded up, in 32-bit arithmetic */
	pool->stride_shift = (uint8_t)bits_high32((uint32_t)stride);
	pool->slab_len = slab;
	pool->boundary = boundary;
	if (boundary && boundary < slab) {
		pool->cells = true;
		pool->cell_mask = (uint32_t)(boundary - 1);
		pool->cell_shift = (uint8_t)bits_high64(boundary);
		pool->per_cell = (uint32_t)boundary / (uint32_t)stride;
		pool->slab_len = slab & ~(size_t)(boundary - 1);
	}
	return true;
}

int mete_pool_init(struct mete_pool *pool, struct mete_device *device, const struct mete_pool_config *config)
{
	if (!pool || !device || !config)
		return METE_EINVAL;
	struct mete_provider *p = device->provider;
	mete__bytes_zero(pool, sizeof *pool);
	pool->device = device;
	pool->provider = p;
	bool sane = config->len && config->len <= (size_t)1 << 31 && !(config->align & (config->align - 1)) &&
	    !(config->boundary & (config->boundary - 1)) && (unsigned)config->memory <= METE_MEMORY_UNCACHED &&
	    !mete_constraint_check(config->limit) && !(config->limit && config->limit->phase);
	if (sane && config->limit)
		mete__bytes_copy(&pool->limit, config->limit, sizeof pool->limit);
	if (!sane || !pool_shape(pool, config)) {
		pool->provider = NULL;
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	}
	struct mete_constraint merged;
	pool->len = config->len;
	if (pool_limit(pool, pool->slab_len, &merged)) {
		pool->provider = NULL;
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	}
	pool->name = config->name;
	pool->memory = config->memory;
	pool->keep = 1;
	pool->hard = SIZE_MAX;
	size_t cap = SHELF_BYTES / pool->stride;
	pool->shelf_cap = cap < 1 ? 1 : cap < METE_SHELF ? (uint32_t)cap : METE_SHELF;

	guard_enter(p);
	pool->next = p->pools;
	if (p->pools)
		p->pools->prev = pool;
	p->pools = pool;
	device->nlive++;
	guard_leave(p);
	if (METE_OBSERVED(p))
		mete__tell_life(METE_EVENT_BORN, METE_CALLER(), device, METE_OWNER_POOL, pool, 0);
	return 0;
}

int mete_pool_fini(struct mete_pool *pool)
{
	struct mete_provider *p = pool->provider;

	if (!p)
		return 0;
	guard_enter(p);
	if (pool_nlive(pool)) {
		p->counters.fini_busy++;
		guard_leave(p);
		if (METE_OBSERVED(p))
			mete__tell_life(METE_EVENT_GONE, METE_CALLER(), pool->device, METE_OWNER_POOL, pool, METE_EBUSY);
		return METE_EBUSY;
	}
	pool->low = 0;
	struct mete_slab *idle = mete__pool_detach_idle(pool, NULL);
	if (pool->next)
		pool->next->prev = pool->prev;
	if (pool->prev)
		pool->prev->next = pool->next;
	else
		p->pools = pool->next;
	pool->device->nlive--;
	pool->provider = NULL;
	guard_leave(p);
	if (METE_OBSERVED(p))
		mete__tell_life(METE_EVENT_GONE, METE_CALLER(), pool->device, METE_OWNER_POOL, pool, 0);
	mete__slab_destroy(p, idle);
	return 0;
}
