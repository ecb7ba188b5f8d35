/* SPDX-License-Identifier: ISC */
/*
 * Bounce: the area, and its stand-ins.
 *
 * The frames engine, with grains for frames, says which part of the area is free.  A table with an entry for each grain
 * says whose stand-in it belongs to, so that any address in the area leads to its original by arithmetic.
 *
 *   [ pad: zero ][ copy of the original ][ rest: zero ]
 *   ^ grain      ^ same low bits as the original (`keep`)
 *
 * The original is copied in when the stand-in is taken, whatever the access, and the rest is zeroed: a device that writes
 * less than it was to, or reads more, meets nobody else's bytes.
 */
#include "way.h"

#include "bits.h"
#include "bytes.h"
#include "checked.h"
#include "guard.h"
#include "line.h"
#include "reach.h"

struct mete_bounce_slot {
	unsigned char *cpu; /* the original */
	mete_paddr phys;    /* of the first byte of the copy */
	size_t len;         /* of the copy */
	uint32_t head;      /* the first grain's entry; the other members count there only */
	uint32_t next;      /* in a chain of stand-ins that leave */
	bool held;          /* it lies in what a map holds, and its grains stay there */
};

static void bounce_enter(struct mete_bounce *b)
{
	guard_lock(&b->guard, &b->device->provider->hooks, b->device->provider->hooks_ctx);
}

static void bounce_leave(struct mete_bounce *b)
{
	guard_unlock(&b->guard, &b->device->provider->hooks, b->device->provider->hooks_ctx);
}

/* Which grain of the area `phys`, an address in it, lies in. */
static uint32_t grain_of(const struct mete_bounce *b, mete_paddr phys)
{
	return (uint32_t)((phys - b->phys) >> b->frames.frame_shift);
}

static bool config_fill(const struct mete_bounce_config *given, const struct mete_device *device,
    struct mete_bounce_config *ret)
{
	size_t line = device->line;

	mete__bytes_zero(ret, sizeof *ret);
	if (given)
		mete__bytes_copy(ret, given, sizeof *ret);
	if (!ret->grain)
		ret->grain = line > 2048 ? line : 2048;
	if (!bits_is_power2(ret->grain) || ret->grain < 64 || ret->grain < line)
		return false;
	/* Behind an IOMMU whole pages are shown, so a stand-in must own them. */
	if (device->domain && ret->grain < device->domain->config.page)
		ret->grain = device->domain->config.page;
	if (!ret->len)
		ret->len = (size_t)1 << 20;
	if (!checked_up(ret->len, ret->grain, &ret->len) || ret->len / ret->grain > UINT32_MAX / 2)
		return false;
	if (!ret->longest && !checked_mul(ret->grain, 128, &ret->longest))
		return false;
	return !(ret->keep & (ret->keep + 1)) && ret->keep < ret->grain;
}

/* The area's frames and slots; the area itself is there. */
static int bounce_records(struct mete_bounce *b)
{
	static const mete_paddr no_edges = 0;
	const struct mete_provider *p = b->device->provider;
	size_t slots_len;

	int error = mete_frames_init(&b->frames, b->config.grain, &no_edges, 0);
	if (error)
		return error;
	b->nslots = b->config.len / b->config.grain;
	b->frame_records_len = mete_frames_records(&b->frames, b->phys, b->config.len);
	if (!b->frame_records_len || !checked_mul(b->nslots, sizeof *b->slots, &slots_len))
		return METE_EINVAL;
	b->frame_records = p->ops->record_alloc(p->ctx, b->frame_records_len);
	b->slots = p->ops->record_alloc(p->ctx, slots_len);
	if (!b->frame_records || !b->slots)
		return METE_ENOMEM;
	return mete_frames_add(&b->frames, b->phys, b->config.len, 1u << METE_MEMORY_CACHED, b->frame_records);
}

static void bounce_drop(struct mete_bounce *b)
{
	const struct mete_provider *p = b->device->provider;

	if (b->frame_records)
		p->ops->record_free(p->ctx, b->frame_records, b->frame_records_len);
	if (b->slots)
		p->ops->record_free(p->ctx, b->slots, b->nslots * sizeof *b->slots);
	const struct mete_run run = { b->cpu, b->phys, b->run_len };
	p->ops->give(p->ctx, &run);
}

int mete_bounce_init(struct mete_bounce *b, struct mete_device *device, const struct mete_bounce_config *config)
{
	struct mete_constraint limit;
	struct mete_run run;
	mete_baddr bus = 0;

	if (!b || !device)
		return METE_EINVAL;
	if (device->bounce)
		return METE_EBUSY;
	mete__bytes_zero(b, sizeof *b);
	if (!config_fill(config, device, &b->config))
		return METE_EINVAL;
	b->device = device;
	/* Behind an IOMMU the area may lie anywhere; its pages are shown as they are used. */
	int error;
	if (device->domain) {
		error = mete__reach_anywhere(device->provider, b->config.len, b->config.grain, METE_MEMORY_CACHED, &run);
		bus = run.phys;
	} else {
		mete__bytes_zero(&limit, sizeof limit);
		limit.first = device->streaming.first;
		limit.last = device->streaming.last;
		limit.hole_first = device->streaming.hole_first;
		limit.hole_last = device->streaming.hole_last;
		limit.align = (mete_baddr)b->config.grain;
		error = mete__reach_take(device, &limit, b->config.len, METE_MEMORY_CACHED, &run, &bus);
	}
	if (error)
		return error;
	b->cpu = run.cpu;
	b->phys = run.phys;
	b->run_len = run.len;
	b->bus = bus;
	error = bounce_records(b);
	if (error) {
		bounce_drop(b);
		return error;
	}
	guard_enter(device->provider);
	device->provider->held++;
	device->nlive++;
	guard_leave(device->provider);
	device->bounce = b;
	return 0;
}

int mete_bounce_fini(struct mete_bounce *b)
{
	struct mete_provider *p = b->device->provider;

	if (mete_bounce_used(b))
		return mete__line_count(p, &p->counters.fini_busy, METE_EBUSY);
	b->device->bounce = NULL;
	bounce_drop(b);
	guard_enter(p);
	p->held--;
	b->device->nlive--;
	bool wake = line_release(p);
	guard_leave(p);
	if (wake)
		line_wake(p);
	return 0;
}

size_t mete_bounce_used(struct mete_bounce *b)
{
	bounce_enter(b);
	size_t used = b->nused;
	bounce_leave(b);
	return used;
}

size_t mete__bounce_pad(const struct mete_bounce *b, const unsigned char *cpu, const struct mete_constraint *limit)
{
	return (limit->align > 1 ? (uintptr_t)limit->phase : (uintptr_t)cpu & b->config.keep) & (b->config.grain - 1);
}

/* The part of the area that `limit` allows, less `pad` bytes before the data.  False: none of it. */
static bool bounce_within(const struct mete_bounce *b, size_t pad, const struct mete_constraint *limit,
    struct mete_want *ret)
{
	mete_paddr shift = b->phys - b->bus; /* from bus to physical */
	mete_baddr first = b->bus, last = first + (mete_baddr)(b->config.len - 1);

	if (limit->first > last || (limit->last && limit->last < first))
		return false;
	if (limit->first > first && limit->first - first > pad)
		ret->first = limit->first - (mete_baddr)pad + shift;
	if (limit->last && limit->last < last)
		ret->last = limit->last + shift;
	if (limit->hole_last && limit->hole_last >= first && limit->hole_first <= last) {
		ret->hole_first = (limit->hole_first > first ? limit->hole_first : first) + shift;
		ret->hole_last = (limit->hole_last < last ? limit->hole_last : last) + shift;
		mete_paddr wide = ret->hole_last - ret->hole_first;
		ret->hole_last -= wide < pad ? wide : (mete_paddr)pad; /* the pad may lie in the hole */
	}
	return true;
}

/* What the frames engine is asked for `len` bytes that begin `pad` bytes into a grain. */
static bool bounce_want(const struct mete_bounce *b, size_t pad, size_t len,
    const struct mete_constraint *limit, struct mete_want *ret)
{
	mete_paddr shift = b->phys - b->bus; /* from bus to physical */

	mete__bytes_zero(ret, sizeof *ret);
	ret->memory = METE_MEMORY_CACHED;
	if (!checked_add(pad, len, &ret->len))
		return false;
	if (b->device->domain)
		return true; /* the limits are met by the IOVA */
	if (limit->align > b->config.grain) {
		ret->align = limit->align;
		ret->phase = (limit->phase - (mete_baddr)pad + shift) & (limit->align - 1);
	}
	/* What cannot but straddle the boundary is cut into segments there. */
	if (limit->boundary >= b->config.grain && ret->len <= limit->boundary) {
		ret->boundary = limit->boundary;
		ret->boundary_phase = shift & (limit->boundary - 1);
	}
	return bounce_within(b, pad, limit, ret);
}

/* Fill a stand-in: zeros around, the original inside; all of it in memory, where the device looks. */
static void bounce_fill(struct mete_bounce *b, mete_paddr phys, size_t room, size_t pad, const unsigned char *cpu,
    size_t len)
{
	const struct mete_provider *p = b->device->provider;
	unsigned char *at = b->cpu + (size_t)(phys - b->phys);

	mete__bytes_zero(at, pad);
	mete__bytes_copy(at + pad, cpu, len);
	mete__bytes_zero(at + pad + len, room - pad - len);
	if (b->device->noncoherent)
		p->ops->cache(p->ctx, METE_CACHE_CLEAN_INVALIDATE, at, phys, room);
}

/* The grains from `phys` on stand in for `len` bytes at `cpu` from now on. */
static void bounce_enter_slot(struct mete_bounce *b, mete_paddr phys, size_t pad, unsigned char *cpu, size_t len,
    bool held)
{
	size_t room = (pad + len + (b->config.grain - 1)) & ~(b->config.grain - 1);
	uint32_t head = grain_of(b, phys);
	struct mete_bounce_slot *slot = &b->slots[head];

	slot->cpu = cpu;
	slot->len = len;
	slot->phys = phys + (mete_paddr)pad;
	slot->held = held;
	for (uint32_t i = 0; i < room / b->config.grain; i++)
		slot[i].head = head;
	bounce_fill(b, phys, room, pad, cpu, len);
}

/* Take grains of the area.  METE_ENOMEM, METE_ERANGE. */
static int bounce_grains(struct mete_bounce *b, const struct mete_want *want, mete_paddr *ret_phys)
{
	bounce_enter(b);
	int error = mete_frames_take(&b->frames, want, ret_phys);
	if (!error)
		b->nused++;
	bounce_leave(b);
	return error == METE_ENOMEM ? error : error ? METE_ERANGE : 0;
}

int mete__bounce_take(struct mete_bounce *b, unsigned char *cpu, size_t len,
    const struct mete_constraint *limit, mete_paddr *ret_phys)
{
	struct mete_want want;
	mete_paddr phys;
	size_t pad = mete__bounce_pad(b, cpu, limit);

	if (len > b->config.longest || !cpu || !bounce_want(b, pad, len, limit, &want))
		return METE_ERANGE;
	int error = bounce_grains(b, &want, &phys);
	if (error)
		return error;
	bounce_enter_slot(b, phys, pad, cpu, len, false);
	*ret_phys = phys + (mete_paddr)pad;
	return 0;
}

/* A hold is one run of grains; its stand-ins need not respect the boundary as a whole. */
static int hold_try(struct mete_bounce *b, const struct mete_constraint *limit, size_t len, mete_paddr *ret_phys)
{
	struct mete_constraint whole;
	struct mete_want want;

	mete__bytes_copy(&whole, limit, sizeof whole);
	whole.boundary = 0;
	if (!bounce_want(b, mete__bounce_pad(b, b->cpu, limit), len, &whole, &want))
		return METE_ERANGE;
	want.len = len;
	return bounce_grains(b, &want, ret_phys);
}

int mete__bounce_hold(struct mete_bounce *b, struct mete_hold *hold, const struct mete_constraint *limit)
{
	size_t grain = b->config.grain;
	size_t len = hold->most;
	int error;

	/* A grain more, because data may begin anywhere in the first. */
	if (len > b->config.len - grain)
		len = b->config.len - grain;
	len = ((len + (grain - 1)) & ~(grain - 1)) + grain;
	do {
		error = hold_try(b, limit, len, &hold->run);
		hold->lacked |= error == METE_ENOMEM;
	} while (error && (len = mete__hold_less(hold, len, grain)));
	if (!error)
		hold->run_len = len;
	return error;
}

void mete__bounce_unhold(struct mete_bounce *b, struct mete_hold *hold)
{
	bounce_enter(b);
	(void)mete_frames_give(&b->frames, hold->run, hold->run_len);
	b->nused--;
	bounce_leave(b);
	hold->run_len = 0;
}

/* Where in a hold the next stand-in begins: aligned, and not across the boundary if that can be. */
static size_t held_place(const struct mete_bounce *b, const struct mete_hold *hold, size_t pad, size_t len,
    const struct mete_constraint *limit)
{
	size_t at = hold->run_used;

	if (b->device->domain)
		return at;
	mete_baddr bus = hold->run - b->phys + b->bus + (mete_baddr)at; /* of the grain; the data are `pad` bytes on */
	if (limit->boundary >= b->config.grain && pad < limit->boundary && len <= limit->boundary - pad) {
		mete_baddr to_edge = limit->boundary - (bus & (limit->boundary - 1));
		if (to_edge < pad + len) {
			at += (size_t)to_edge;
			bus += to_edge;
		}
	}
	if (limit->align > b->config.grain)
		at += (size_t)((limit->phase - (mete_baddr)pad - bus) & (limit->align - 1));
	return at;
}

int mete__bounce_take_held(struct mete_bounce *b, struct mete_hold *hold, unsigned char *cpu, size_t *len,
    const struct mete_constraint *limit, mete_paddr *ret_phys)
{
	size_t pad = mete__bounce_pad(b, cpu, limit);
	size_t at = held_place(b, hold, pad, *len, limit);

	if (at >= hold->run_len || hold->run_len - at <= pad)
		return METE_EMSGSIZE;
	size_t room = hold->run_len - at - pad;
	if (*len > room)
		*len = room;
	mete_paddr phys = hold->run + (mete_paddr)at;
	hold->run_used = (at + pad + *len + (b->config.grain - 1)) & ~(b->config.grain - 1);
	if (!hold->measuring)
		bounce_enter_slot(b, phys, pad, cpu, *len, true);
	*ret_phys = phys + (mete_paddr)pad;
	return 0;
}

static bool bounce_holds(const struct mete_bounce *b, mete_paddr phys)
{
	return phys >= b->phys && phys - b->phys < b->config.len;
}

bool mete__way_freed(const struct mete_device *device, const struct way *way)
{
	return !way->stand_in && device->bounce && bounce_holds(device->bounce, way->phys);
}

/* The entry of the stand-in that `phys` lies in the copy of; NULL if there is none. */
static const struct mete_bounce_slot *bounce_slot(const struct mete_bounce *b, mete_paddr phys)
{
	if (!bounce_holds(b, phys))
		return NULL;
	const struct mete_bounce_slot *slot = &b->slots[b->slots[grain_of(b, phys)].head];
	return slot->len && phys >= slot->phys && phys - slot->phys < slot->len ? slot : NULL;
}

bool mete__bounce_find(const struct mete_bounce *b, mete_paddr phys, struct way *ret)
{
	const struct mete_bounce_slot *slot = bounce_slot(b, phys);

	if (!slot)
		return false;
	size_t off = (size_t)(phys - slot->phys);
	ret->cpu = slot->cpu + off;
	ret->stand_in = b->cpu + (size_t)(phys - b->phys);
	if (ret->len > slot->len - off)
		ret->len = slot->len - off;
	return true;
}

size_t mete__bounce_start(const struct mete_bounce *b, mete_paddr phys)
{
	const struct mete_bounce_slot *slot = bounce_slot(b, phys);
	return slot && slot->phys == phys ? slot->len : 0;
}

void mete__bounce_leave(struct mete_bounce *b, mete_paddr phys, uint32_t *chain)
{
	uint32_t head = b->slots[grain_of(b, phys)].head;

	b->slots[head].len = 0;
	b->slots[head].next = *chain;
	*chain = head;
}

void mete__bounce_give(struct mete_bounce *b, uint32_t chain)
{
	while (chain != BOUNCE_NONE) {
		mete_paddr start = b->phys + (mete_paddr)chain * (mete_paddr)b->config.grain;
		bool held = b->slots[chain].held;
		chain = b->slots[chain].next;
		if (held)
			continue;
		bounce_enter(b);
		(void)mete_frames_give(&b->frames, start, mete_frames_length(&b->frames, start));
		b->nused--;
		bounce_leave(b);
	}
}
