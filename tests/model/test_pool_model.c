/* SPDX-License-Identifier: ISC */
/*
 * Pools, class allocators and device allocations against the model of pool_world.h, all at once over one arena.
 *
 * Five devices see the same memory differently: identity, limits, several bus ranges at unrelated addresses, the same
 * with a cache that must be minded, offsets that are congruent modulo a frame only.  Blocks, objects and runs are
 * allocated and freed for all of them at a changing level of use, while every byte that no pattern guards is written
 * at random.
 *
 * Compared after each call: its result; where the block lies in its slab, on the bus and in the CPU view; which block
 * of the pool it is (the last freed, else the lowest of its slab); each of the counters; what the pool says of itself.
 * After a failure: that no idle slab was left unreclaimed, and that no start exists at which one block would fit.
 *
 * What the contract leaves open is read as follows: a block's worth is its stride; the shelf of a pool with blocks
 * above 4 KiB holds at least one; a reserve that a pool does not reach is not broken into.
 */
#include "pool_world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* By how much a call may change the counters. */
static const struct mete_counters nothing = { 0 };
static const struct mete_counters one_argument = { .bad_argument = 1 };
static const struct mete_counters one_address = { .bad_address = 1 };
static const struct mete_counters one_double = { .double_free = 1 };
static const struct mete_counters one_size = { .wrong_size = 1 };
static const struct mete_counters one_busy = { .fini_busy = 1 };

/* What a request is about, for the oracle. */
struct request {
	const struct world_device *device;
	const struct mete_constraint *limit;
	uint64_t len, align, boundary;
	uint64_t room;           /* what a pool may want to be reachable besides: the rest of the frames */
	enum mete_memory memory;
	enum world_holes holes;
};

/* Whether range and hole of both constraints, and one bus range, let a segment of `len` pass. */
static bool request_reaches(const struct request *q, uint64_t start, uint64_t len)
{
	const struct mete_constraint *a = &q->device->coherent, *b = q->limit;
	struct mete_constraint reach_a = { .first = a->first, .last = a->last, .hole_first = a->hole_first,
		.hole_last = a->hole_last };
	struct mete_constraint reach_b = { .first = b->first, .last = b->last, .hole_first = b->hole_first,
		.hole_last = b->hole_last };
	uint64_t bus;

	return world_bus(q->device, start, len, &bus) && world_allows_both(&reach_a, &reach_b, q->holes, bus, len);
}

static bool request_accepts(void *ctx, uint64_t start)
{
	const struct request *q = ctx;
	uint64_t bus;

	if (!world_bus(q->device, start, q->len, &bus))
		return false;
	if (q->align != 0 && bus % q->align != 0)
		return false;
	if (q->boundary != 0 && bus / q->boundary != (bus + (q->len - 1)) / q->boundary)
		return false;
	if (!world_allows_both(&q->device->coherent, q->limit, q->holes, bus, q->len))
		return false;
	return q->holes == HOLES_APART || request_reaches(q, start, q->room);
}

/* How hard an error is: with less memory in use, or less forbidden, only softer ones can come. */
static unsigned severity(int error)
{
	switch (error) {
	case 0: return 0;
	case METE_ENOMEM: return 1;
	case METE_ERANGE:
	case METE_ENOTSUP: return 2; /* of a kind that is not offered and an empty reach, either may be named */
	case METE_EINVAL: return 3;
	default: return 4;
	}
}

static int request_expect(struct world *w, struct request *q, enum world_holes holes)
{
	struct mete_want want = { .len = (size_t)q->len, .memory = q->memory };

	if (!world_compatible(&q->device->coherent, q->limit, holes))
		return METE_EINVAL;
	q->holes = holes;
	return oracle_expect(&w->oracle, &want, request_accepts, q);
}

static bool world_full(const struct world *w)
{
	return w->oracle.nfree * 100 <= w->oracle.nframes * 6;
}

static void differ_request(const struct request *q, const char *call, int error, int low, int high)
{
	const struct mete_constraint *a = &q->device->coherent, *b = q->limit;

	model_differ("%s of %" PRIu64 " bytes, memory %d, align %" PRIu64 ", boundary %" PRIu64
		     ": %s, expected %s to %s; range 0x%" PRIx64 "-0x%" PRIx64 " and 0x%" PRIx64 "-0x%" PRIx64
		     ", hole 0x%" PRIx64 "-0x%" PRIx64 " and 0x%" PRIx64 "-0x%" PRIx64 ", align %" PRIu64
		     " and %" PRIu64 " phase %" PRIu64 ", boundary 0x%" PRIx64 " and 0x%" PRIx64,
	    call, q->len, (int)q->memory, q->align, q->boundary, mete_error_name(error), mete_error_name(low),
	    mete_error_name(high), (uint64_t)a->first, (uint64_t)a->last, (uint64_t)b->first, (uint64_t)b->last,
	    (uint64_t)a->hole_first, (uint64_t)a->hole_last, (uint64_t)b->hole_first, (uint64_t)b->hole_last,
	    (uint64_t)a->align, (uint64_t)b->align, (uint64_t)b->phase, (uint64_t)a->boundary, (uint64_t)b->boundary);
}

/*
 * A request ended with `error`, not 0, and not at a hard limit.  `priming` is the pool whose new slabs stay, NULL if it
 * was another call.
 */
static void check_failure(struct world *w, struct request *q, int error, const struct world_pool *priming,
    const char *call)
{
	int low, high;

	if (error == METE_ENOMEM) {
		w->tally->failed++;
		w->tally->failed_full += world_full(w);
		world_check_reclaimed(w, priming);
	}
	low = request_expect(w, q, HOLES_APART);
	high = request_expect(w, q, HOLES_COVERED);
	if (severity(error) >= severity(low) && severity(error) <= severity(high))
		return;
	if (high == 0 && error == METE_ENOMEM && w->arena.frames.ncapped != w->capped_before) {
		w->tally->excused++;
		w->tally->excused_full += world_full(w);
		return;
	}
	differ_request(q, call, error, low, high);
}

static void count_request(struct world *w)
{
	w->tally->requests++;
	w->tally->requests_full += world_full(w);
}

/* The counters that a failed request must raise. */
static struct mete_counters failure_counters(const struct world *w, int error, unsigned flags)
{
	struct mete_counters delta = { .reclaimed = w->nslabs_given };

	if (error != 0)
		delta.failed = 1;
	if (error == METE_ENOMEM && (flags & METE_WAIT) != 0)
		delta.wait_refused = 1;
	return delta;
}

static struct request block_request(const struct world *w, const struct world_pool *p)
{
	return (struct request){ .device = p->device, .limit = &p->limit, .len = p->stride, .align = p->align,
		.boundary = p->boundary, .room = oracle_frames(&w->oracle, p->stride) * w->frame, .memory = p->memory };
}

static void check_zero(const unsigned char *cpu, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (cpu[i] != 0)
			model_differ("byte %zu of %zu is not zero with METE_ZERO", i, len);
}

static void check_info(struct world_pool *p)
{
	struct mete_pool_info info;

	if (p->pool == NULL)
		return;
	mete_pool_info(p->pool, &info);
	if (info.len != p->len || info.stride != p->stride || info.nlive != p->nlive || info.ntotal != p->ntotal ||
	    info.nslabs != p->nslabs || info.bytes != p->bytes)
		model_differ("info: len %zu stride %zu live %zu of %zu, %zu slabs, %zu bytes; "
			     "is %zu, %zu, %zu, %zu, %zu, %zu",
		    info.len, info.stride, info.nlive, info.ntotal, info.nslabs, info.bytes, p->len, p->stride,
		    p->nlive, p->ntotal, p->nslabs, p->bytes);
}

/* The block must be the one freed last; where none is remembered, the lowest free one of its slab. */
static void check_order(struct world_pool *p, struct world_slab *slab, uint32_t index)
{
	bool sure = p->nshelf > p->nunsure;
	uint32_t i;

	if (p->nshelf != 0) {
		p->nshelf--;
		p->nunsure = p->nunsure > p->nshelf ? p->nshelf : p->nunsure;
		if (p->shelf[p->nshelf].slab == slab && p->shelf[p->nshelf].index == index)
			return;
		if (sure)
			model_differ("block %u of slab 0x%" PRIx64 " came out, not block %u of 0x%" PRIx64
				     ", which was freed last",
			    index, slab->phys, p->shelf[p->nshelf].index, p->shelf[p->nshelf].slab->phys);
		p->nshelf = p->nunsure = 0;
	}
	for (i = 0; i < index; i++)
		if (slab->live[i] == 0)
			model_differ("block %u came out before block %u of the same slab", index, i);
}

static void check_block(struct world_pool *p, struct world_slab *slab, const unsigned char *cpu,
    uint64_t bus)
{
	uint64_t expected = slab->bus + (uint64_t)(cpu - slab->cpu);

	if (bus != expected)
		model_differ("bus address 0x%" PRIx64 " instead of 0x%" PRIx64, bus, expected);
	if (bus % p->align != 0 || (p->device->congruent && (uintptr_t)cpu % p->align != 0))
		model_differ("block at bus 0x%" PRIx64 ", cpu %p is not aligned to %zu", bus, (const void *)cpu,
		    p->align);
	if (p->boundary != 0 && bus / p->boundary != (bus + p->len - 1) / p->boundary)
		model_differ("block at bus 0x%" PRIx64 ", %zu bytes straddles a multiple of %zu", bus, p->len,
		    p->boundary);
	if (!world_allows(&p->device->coherent, bus, p->len) || !world_allows(&p->limit, bus, p->len))
		model_differ("block at bus 0x%" PRIx64 ", %zu bytes is out of the device's reach", bus, p->len);
}

static struct world_live *block_enter(struct world *w, struct world_pool *p, unsigned char *cpu, uint64_t bus,
    unsigned flags)
{
	struct world_slab *slab = world_slab_at(w, cpu);
	uint32_t index;

	if (slab == NULL || slab->pool != p)
		model_differ("a block came from no slab of its pool");
	if (!world_block_at(slab, cpu, &index))
		model_differ("no block of %zu starts at %zu in its slab", p->stride, (size_t)(cpu - slab->cpu));
	if (slab->live[index] != 0)
		model_differ("a live block was handed out again");
	check_block(p, slab, cpu, bus);
	check_order(p, slab, index);
	if ((flags & METE_ZERO) != 0)
		check_zero(cpu, p->stride);
	return world_live_add(w, slab, index, p->len, p->stride);
}

/* mete_classes_get() tells less; the error is what must have been meant, and the bus address is asked of the model. */
static int classes_get(struct world *w, struct world_pool *p, struct mete_classes *classes, size_t len, void **ret_cpu,
    mete_baddr *ret_bus)
{
	struct mete_counters now;
	struct world_slab *slab;
	struct request q;
	void *cpu = mete_classes_get(classes, len);
	int error;

	if (cpu != NULL) {
		*ret_cpu = cpu;
		slab = world_slab_at(w, cpu);
		*ret_bus = slab == NULL ? 0 : (mete_baddr)(slab->bus + (uint64_t)((unsigned char *)cpu - slab->cpu));
		return 0;
	}
	mete_provider_counters(&w->provider, &now);
	if (now.failed != w->before.failed + 1)
		model_differ("mete_classes_get failed and did not count it");
	/* Whichever it was: what counts is that nothing fitted.  If something did, check_failure() will see it. */
	q = block_request(w, p);
	error = request_expect(w, &q, HOLES_COVERED);
	return error != 0 ? error : METE_ENOMEM;
}

/* One allocation from a pool of its own or of a class allocator, `len` bytes there. */
static void op_block_alloc(struct world *w, struct world_pool *p, struct mete_classes *classes, size_t len)
{
	struct request q = block_request(w, p);
	unsigned flags = (model_chance(w->random, 30) ? METE_ZERO : 0) | (model_chance(w->random, 5) ? METE_WAIT : 0);
	struct mete_counters delta;
	mete_baddr bus = 0x77;
	void *cpu = w;
	int error;

	count_request(w);
	world_begin(w, p, NULL);
	if (classes != NULL && flags == 0)
		error = classes_get(w, p, classes, len, &cpu, &bus);
	else if (classes != NULL)
		error = mete_classes_alloc(classes, len, flags, &cpu, &bus);
	else
		error = mete_pool_alloc(p->pool, flags, &cpu, &bus);
	delta = failure_counters(w, error, flags);
	world_end(w, &delta, "alloc");
	if (error == 0) {
		if (p->nlive >= p->hard)
			model_differ("more than %zu blocks are live", p->hard);
		block_enter(w, p, cpu, bus, flags)->asked = len;
	} else {
		if (cpu != w || bus != 0x77)
			model_differ("a failed alloc wrote its outputs");
		if (p->nlive < p->hard)
			check_failure(w, &q, error, NULL, "pool alloc");
		else if (error != METE_ENOMEM)
			model_differ("%s at the hard limit", mete_error_name(error));
	}
	check_info(p);
}

static void remember_freed(struct world *w, const struct world_live *live)
{
	w->freed[w->nfreed++ % WORLD_FREED] = (struct world_freed){ live->cpu, live->asked, live->slab->pool,
		live->slab->device };
}

static struct mete_classes *classes_of(struct world *w, const struct world_pool *p)
{
	size_t i;

	for (i = 0; i < WORLD_CLASSES; i++)
		if (p >= w->classes[i].pool && p < w->classes[i].pool + METE_CLASSES)
			return &w->classes[i].classes;
	return NULL;
}

static void shelf_push(struct world_pool *p, struct world_slab *slab, uint32_t index)
{
	if (p->nshelf == METE_SHELF) {
		memmove(p->shelf, p->shelf + 1, sizeof(*p->shelf) * (METE_SHELF - 1));
		p->nshelf--;
		p->nunsure -= p->nunsure != 0;
	}
	if (p->stride > 4096) /* fewer are remembered, and the contract does not say how many */
		p->nunsure = p->nshelf;
	p->shelf[p->nshelf].slab = slab;
	p->shelf[p->nshelf++].index = index;
}

static void op_block_free(struct world *w, struct world_live *live)
{
	struct world_pool *p = live->slab->pool;
	struct mete_classes *classes = classes_of(w, p);
	size_t len = live->asked;
	void *cpu = live->cpu;
	mete_baddr bus;
	int error;

	if (classes == NULL && model_chance(w->random, 5)) {
		error = mete_pool_address(p->pool, cpu, &bus);
		if (error != 0 || bus != live->slab->bus + (uint64_t)(live->cpu - live->slab->cpu))
			model_differ("mete_pool_address: %s, 0x%" PRIx64, mete_error_name(error), (uint64_t)bus);
	}
	world_check_pattern(live);
	remember_freed(w, live);
	/* Before the call, because the call may give the slab back: then it must be idle already. */
	shelf_push(p, live->slab, live->index);
	world_live_remove(w, live);
	world_begin(w, NULL, NULL);
	error = classes != NULL ? mete_classes_free(classes, cpu, len) : mete_pool_free(p->pool, cpu);
	if (error != 0)
		model_differ("free of a live block: %s", mete_error_name(error));
	world_end(w, &nothing, "free");
	if (w->nslabs_given != 0 && world_nidle(w, p) < p->keep)
		model_differ("a free gave slabs back although %zu idle ones are to be kept", p->keep);
	check_info(p);
}

/* Whether `len` is longer than boundary or segment allow: METE_EINVAL by the contract of mete_device_alloc(). */
static bool too_long(const struct mete_constraint *c, uint64_t len)
{
	return (c->boundary != 0 && len > c->boundary) || (c->max_segment != 0 && len > c->max_segment);
}

static void run_enter(struct world *w, struct world_device *d, const struct mete_constraint *limit, size_t len,
    unsigned char *cpu, uint64_t bus, unsigned flags)
{
	struct world_slab *slab = world_slab_at(w, cpu);
	uint64_t n = oracle_frames(&w->oracle, len), expected;

	if (slab == NULL || slab->device != d || slab->cpu != cpu || slab != w->taken || slab->nframes != n)
		model_differ("a device allocation of %zu bytes is no run of its own", len);
	if (!world_bus(d, slab->phys, len, &expected) || bus != expected)
		model_differ("bus address 0x%" PRIx64 " for physical 0x%" PRIx64, bus, slab->phys);
	if (!world_allows(&d->coherent, bus, len) || !world_allows(limit, bus, len))
		model_differ("run at bus 0x%" PRIx64 ", %zu bytes is out of the device's reach", bus, len);
	if ((flags & METE_ZERO) != 0)
		check_zero(cpu, (size_t)n * w->frame);
	slab->len = len;
	world_live_add(w, slab, 0, len, (size_t)n * w->frame);
}

static void op_device_alloc(struct world *w)
{
	struct model_random *r = w->random;
	struct world_device *d = &w->device[model_below(r, WORLD_DEVICES)];
	struct mete_constraint limit = { 0 };
	unsigned flags = (model_chance(r, 30) ? METE_ZERO : 0) | (model_chance(r, 5) ? METE_WAIT : 0);
	size_t len = (size_t)model_log(r, 24) * w->frame - (size_t)model_below(r, w->frame);
	enum mete_memory memory = (enum mete_memory)(model_chance(r, 95) ? model_below(r, 2) : model_below(r, 4));
	struct request q = { .device = d, .limit = &limit, .len = len, .room = len, .memory = memory };
	bool limited = model_chance(r, 60);
	struct mete_counters delta;
	mete_baddr bus = 0x77;
	void *cpu = w;
	int error;

	if (limited)
		limit = world_random_constraint(w, d, true);
	count_request(w);
	world_begin(w, NULL, d);
	error = mete_device_alloc(&d->device, limited ? &limit : NULL, len, memory, flags, &cpu, &bus);
	delta = failure_counters(w, error, flags);
	if (error == METE_EINVAL)
		delta = (struct mete_counters){ .bad_argument = 1 };
	world_end(w, &delta, "device alloc");
	if (error == 0) {
		if (too_long(&d->coherent, len) || too_long(&limit, len))
			model_differ("a device allocation of %zu bytes is longer than a segment may be", len);
		run_enter(w, d, &limit, len, cpu, bus, flags);
		return;
	}
	if (cpu != w || bus != 0x77)
		model_differ("a failed device alloc wrote its outputs");
	if (!too_long(&d->coherent, len) && !too_long(&limit, len))
		check_failure(w, &q, error, NULL, "device alloc");
	else if (error != METE_EINVAL)
		differ_request(&q, "device alloc", error, METE_EINVAL, METE_EINVAL);
}

static void op_device_free(struct world *w, struct world_live *live)
{
	struct world_device *d = live->slab->device;
	size_t len = live->len;
	void *cpu = live->cpu;
	mete_baddr bus;
	uint64_t expected;
	int error;

	error = mete_device_address(&d->device, cpu, &bus);
	if (error != 0 || !world_bus(d, live->slab->phys, len, &expected) || bus != expected)
		model_differ("mete_device_address: %s, 0x%" PRIx64, mete_error_name(error), (uint64_t)bus);
	world_check_pattern(live);
	remember_freed(w, live);
	world_begin(w, NULL, NULL);
	w->freeing = live->slab;
	world_live_remove(w, live);
	error = mete_device_free(&d->device, cpu, len);
	if (error != 0)
		model_differ("device free: %s", mete_error_name(error));
	world_end(w, &nothing, "device free");
}

/* What a pool must say to a pointer; 0 if the free would be right.  With other classes of the same allocator. */
static int expect_free(struct world *w, const struct world_pool *first, size_t npools, const struct world_pool *right,
    const void *cpu)
{
	const struct world_slab *slab = world_slab_at(w, cpu);
	uint32_t index;

	if (slab == NULL || slab->pool < first || slab->pool >= first + npools)
		return METE_EFAULT;
	if (!world_block_at(slab, cpu, &index))
		return METE_EFAULT;
	if (slab->live[index] == 0)
		return METE_EALREADY;
	return slab->pool == right ? 0 : METE_EMSGSIZE;
}

static const struct mete_counters *misuse_counter(int error)
{
	switch (error) {
	case METE_EFAULT: return &one_address;
	case METE_EALREADY: return &one_double;
	case METE_EMSGSIZE: return &one_size;
	case METE_EINVAL: return &one_argument;
	default: return &nothing;
	}
}

static struct world_live *random_live(struct world *w)
{
	return w->nlive == 0 ? NULL : &w->live[w->order[model_below(w->random, w->nlive)]];
}

/* A pointer that somebody might free by mistake; `ret_len` is the length that might go with it. */
static void *random_pointer(struct world *w, size_t *ret_len)
{
	static unsigned char foreign[64];
	struct model_random *r = w->random;
	const struct world_live *live = random_live(w);
	const struct world_freed *freed = &w->freed[model_below(r, WORLD_FREED)];

	*ret_len = (size_t)model_log(r, METE_CLASS_MAX);
	switch (model_below(r, 6)) {
	case 0: return foreign + model_below(r, sizeof(foreign));
	case 1: return w->memory + model_below(r, w->memory_len);
	case 2: return (void *)(uintptr_t)model_between(r, 1, model_chance(r, 50) ? 4096 : UINTPTR_MAX);
	case 3:
		if (live == NULL)
			return foreign;
		*ret_len = live->asked;
		return live->cpu + model_log(r, live->room);
	case 4:
		if (live == NULL)
			return foreign;
		*ret_len = live->asked;
		return live->cpu;
	default:
		if (freed->cpu == NULL)
			return foreign;
		*ret_len = freed->len;
		return freed->cpu;
	}
}

static struct world_pool *random_pool(struct world *w)
{
	struct world_pool *p = &w->pool[model_below(w->random, WORLD_POOLS)];

	return p->open ? p : NULL;
}

static void misuse_pool(struct world *w, void *cpu, struct world_pool *p)
{
	int error, expected = expect_free(w, p, 1, p, cpu);
	mete_baddr bus = 0x77;

	if (expected == 0)
		return;
	world_begin(w, NULL, NULL);
	error = mete_pool_free(p->pool, cpu);
	if (error != expected)
		model_differ("bad pool free: %s instead of %s", mete_error_name(error), mete_error_name(expected));
	world_end(w, misuse_counter(error), "bad pool free");
	world_begin(w, NULL, NULL);
	error = mete_pool_address(p->pool, cpu, &bus);
	if (error != expected || bus != 0x77)
		model_differ("bad pool address: %s instead of %s", mete_error_name(error), mete_error_name(expected));
	world_end(w, &nothing, "bad pool address");
	check_info(p);
	w->tally->bad_gives++;
}

static size_t class_number(size_t len)
{
	size_t number = 0;

	while (((size_t)METE_CLASS_MIN << number) < len)
		number++;
	return number;
}

static void misuse_classes(struct world *w, void *cpu, size_t len)
{
	size_t i = (size_t)model_below(w->random, WORLD_CLASSES);
	struct world_pool *pools = w->classes[i].pool;
	int error, expected;

	if (!w->classes[i].open)
		return;
	if (model_chance(w->random, 10))
		len = model_chance(w->random, 50) ? 0 : METE_CLASS_MAX + 1 + (size_t)model_below(w->random, 1 << 30);
	if (len == 0 || len > METE_CLASS_MAX)
		expected = METE_EINVAL;
	else
		expected = expect_free(w, pools, METE_CLASSES, &pools[class_number(len)], cpu);
	if (expected == 0)
		return;
	world_begin(w, NULL, NULL);
	error = mete_classes_free(&w->classes[i].classes, cpu, len);
	if (error != expected)
		model_differ("bad class free of %zu bytes: %s instead of %s", len, mete_error_name(error),
		    mete_error_name(expected));
	world_end(w, misuse_counter(error), "bad class free");
	w->tally->bad_gives++;
}

static void misuse_device(struct world *w, void *cpu, size_t len)
{
	struct world_device *d = &w->device[model_below(w->random, WORLD_DEVICES)];
	const struct world_slab *slab = world_slab_at(w, cpu);
	mete_baddr bus = 0x77;
	int error, expected = METE_EFAULT;

	if (slab != NULL && slab->device == d && slab->cpu == cpu) {
		/* "The same len": whether one that rounds up to the same frames will do is left open. */
		if (oracle_frames(&w->oracle, len) == slab->nframes)
			return;
		expected = METE_EMSGSIZE;
	}
	world_begin(w, NULL, NULL);
	error = mete_device_free(&d->device, cpu, len);
	if (error != expected)
		model_differ("bad device free: %s instead of %s", mete_error_name(error), mete_error_name(expected));
	world_end(w, misuse_counter(error), "bad device free");
	if (expected == METE_EFAULT && (mete_device_address(&d->device, cpu, &bus) != METE_EFAULT || bus != 0x77))
		model_differ("mete_device_address of no allocation");
	w->tally->bad_gives++;
}

static void misuse_arguments(struct world *w)
{
	struct world_device *d = &w->device[model_below(w->random, WORLD_DEVICES)];
	struct world_pool *p = random_pool(w);
	struct mete_constraint bad = { .align = 24 };
	void *cpu = w;
	int error = METE_EINVAL;

	world_begin(w, NULL, NULL);
	switch (model_below(w->random, 5)) {
	case 0: error = mete_device_alloc(&d->device, NULL, 0, METE_MEMORY_COHERENT, 0, &cpu, NULL); break;
	case 1: error = mete_device_alloc(&d->device, NULL, 64, METE_MEMORY_COHERENT, 0x100, &cpu, NULL); break;
	case 2: error = mete_device_alloc(&d->device, &bad, 64, METE_MEMORY_COHERENT, 0, &cpu, NULL); break;
	case 3:
		if (p == NULL)
			return;
		error = mete_pool_alloc(p->pool, 0x8000u, &cpu, NULL);
		break;
	case 4:
		if (!w->classes[0].open)
			return;
		error = mete_classes_alloc(&w->classes[0].classes, METE_CLASS_MAX + 1, 0, &cpu, NULL);
		break;
	}
	if (error != METE_EINVAL || cpu != w)
		model_differ("bad arguments: %s", mete_error_name(error));
	world_end(w, &one_argument, "bad arguments");
}

/* With METE_CHECKS 0 a bad free is the caller's own risk. */
static void op_misuse(struct world *w)
{
	struct world_pool *p = random_pool(w);
	size_t len = 0;
	void *cpu = random_pointer(w, &len);

	switch (model_below(w->random, METE_CHECKS ? 8 : 1)) {
	case 0: misuse_arguments(w); break;
	case 1: misuse_device(w, cpu, len); break;
	case 2:
	case 3:
	case 4: misuse_classes(w, cpu, len); break;
	default:
		if (p != NULL)
			misuse_pool(w, cpu, p);
		break;
	}
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t smaller_limit(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Fill in what follows from device, length and limit; false if the boundary is too small for a block. */
static bool pool_describe(struct world_pool *p, struct world_device *d, size_t len, uint64_t align, uint64_t boundary,
    enum mete_memory memory, const struct mete_constraint *limit)
{
	uint64_t grid;

	memset(p, 0, sizeof(*p));
	p->device = d;
	p->len = len;
	p->memory = memory;
	p->limit = *limit;
	p->align = (size_t)larger(larger(align, METE_POOL_MIN), larger(d->coherent.align, limit->align));
	p->boundary = (size_t)smaller_limit(boundary, smaller_limit(d->coherent.boundary, limit->boundary));
	grid = memory == METE_MEMORY_CACHED && d->noncoherent ? larger(p->align, d->line) : p->align;
	p->stride = (size_t)((len + grid - 1) / grid * grid);
	p->hard = SIZE_MAX;
	p->keep = 1;
	return p->boundary == 0 || p->boundary >= p->stride;
}

static void op_pool_init(struct world *w, size_t i)
{
	struct model_random *r = w->random;
	struct world_device *d = &w->device[model_below(r, WORLD_DEVICES)];
	struct world_pool *p = &w->pool[i];
	struct mete_constraint limit = { 0 };
	struct mete_pool_config config = { .name = "model", .limit = &limit };
	bool good, may_be_good;
	int error;

	if (model_chance(r, 40))
		limit = world_random_constraint(w, d, false);
	config.len = (size_t)model_log(r, model_chance(r, 85) ? 4096 : 60000);
	config.align = model_chance(r, 50) ? 0 : (size_t)1 << model_below(r, model_chance(r, 90) ? 13 : 17);
	config.boundary = model_chance(r, 60) ? 0 : (size_t)1 << model_between(r, 6, 17);
	config.memory = (enum mete_memory)(model_chance(r, 90) ? model_below(r, 2) : model_below(r, 4));
	config.slab = model_chance(r, 60) ? 0 : (size_t)model_log(r, 128 * 1024);
	good = pool_describe(p, d, config.len, config.align, config.boundary, config.memory, &limit);
	may_be_good = good && world_compatible(&d->coherent, &limit, HOLES_APART);
	good = good && world_compatible(&d->coherent, &limit, HOLES_COVERED);
	p->pool = &w->pool_storage[i];
	world_begin(w, NULL, NULL);
	error = mete_pool_init(p->pool, &d->device, &config);
	if (error != 0 && may_be_good && !good)
		may_be_good = false;
	if (error != (may_be_good ? 0 : METE_EINVAL))
		model_differ("mete_pool_init of %zu bytes, align %zu, boundary %zu: %s", config.len, config.align,
		    config.boundary, mete_error_name(error));
	world_end(w, error == 0 ? &nothing : &one_argument, "pool init");
	p->open = error == 0;
	if (p->open)
		check_info(p);
}

static void op_pool_fini(struct world *w, struct world_pool *p)
{
	int error;

	world_begin(w, NULL, NULL);
	w->ending = p;
	error = mete_pool_fini(p->pool);
	if (error != (p->nlive != 0 ? METE_EBUSY : 0))
		model_differ("mete_pool_fini with %zu live blocks: %s", p->nlive, mete_error_name(error));
	world_end(w, error != 0 ? &one_busy : &nothing, "pool fini");
	if (error == 0 && p->nslabs != 0)
		model_differ("mete_pool_fini left %zu slabs behind", p->nslabs);
	p->open = error != 0;
}

static void op_classes_init(struct world *w, size_t i)
{
	static const struct mete_constraint none;
	struct world_device *d = &w->device[model_below(w->random, WORLD_DEVICES)];
	struct mete_classes_config config = { .memory = (enum mete_memory)model_below(w->random, 2) };
	bool good = true;
	size_t c;
	int error;

	for (c = 0; c < METE_CLASSES; c++)
		good &= pool_describe(&w->classes[i].pool[c], d, (size_t)METE_CLASS_MIN << c,
		    (size_t)METE_CLASS_MIN << c, 0, config.memory, &none);
	w->classes[i].device = d;
	error = mete_classes_init(&w->classes[i].classes, &d->device, &config);
	if (error != (good ? 0 : METE_EINVAL))
		model_differ("mete_classes_init: %s", mete_error_name(error));
	w->classes[i].open = good;
}

static void op_classes_fini(struct world *w, size_t i)
{
	size_t c, nlive = 0, nslabs = 0;
	int error;

	for (c = 0; c < METE_CLASSES; c++)
		nlive += w->classes[i].pool[c].nlive;
	world_begin(w, NULL, NULL);
	error = mete_classes_fini(&w->classes[i].classes);
	if (error != (nlive != 0 ? METE_EBUSY : 0))
		model_differ("mete_classes_fini with %zu live objects: %s", nlive, mete_error_name(error));
	world_end(w, error != 0 ? &one_busy : &nothing, "classes fini");
	for (c = 0; c < METE_CLASSES; c++)
		nslabs += w->classes[i].pool[c].nslabs;
	if (error == 0 && nslabs != 0)
		model_differ("mete_classes_fini left %zu slabs behind", nslabs);
	w->classes[i].open = error != 0;
}

static void op_prime(struct world *w, struct world_pool *p)
{
	size_t n = (size_t)model_log(w->random, 65536 / p->stride + 2);
	struct request q = block_request(w, p);
	struct mete_counters delta = { 0 };
	int error;

	world_begin(w, p, NULL);
	error = mete_pool_prime(p->pool, n);
	delta.failed = error != 0;
	delta.reclaimed = w->nslabs_given;
	world_end(w, &delta, "prime");
	check_info(p);
	if (error == 0 && world_nfree(p) < n)
		model_differ("prime for %zu free blocks left %zu", n, world_nfree(p));
	if (error != 0 && world_nfree(p) >= n)
		model_differ("prime failed with %zu free blocks where %zu were asked for", world_nfree(p), n);
	if (error != 0)
		check_failure(w, &q, error, p, "prime");
}

static void op_reclaim(struct world *w, struct world_pool *p)
{
	struct mete_counters delta = { 0 };
	size_t n;

	world_begin(w, NULL, NULL);
	n = p != NULL ? mete_pool_reclaim(p->pool) : mete_provider_reclaim(&w->provider);
	if (n != w->nslabs_given)
		model_differ("reclaim says %zu slabs, %zu went back", n, w->nslabs_given);
	world_shelves_unsure(w);
	delta.reclaimed = p == NULL ? w->nslabs_given : 0;
	world_end(w, &delta, "reclaim");
	if (p == NULL)
		world_check_reclaimed(w, NULL);
	else
		check_info(p);
}

static void op_settings(struct world *w)
{
	struct model_random *r = w->random;
	size_t i = (size_t)model_below(r, WORLD_POOLS), hard;
	struct world_pool *p = &w->pool[i];
	int error;

	if (!p->open) {
		op_pool_init(w, i);
		return;
	}
	switch (model_below(r, 8)) {
	case 0:
		p->low = (size_t)model_log(r, 200) - 1;
		mete_pool_set_low(p->pool, p->low);
		break;
	case 1:
		p->keep = (size_t)model_below(r, 4);
		mete_pool_set_keep(p->pool, p->keep);
		break;
	case 2:
		hard = model_chance(r, 60) ? SIZE_MAX : (size_t)model_log(r, p->nlive * 2 + 2);
		error = mete_pool_set_hard(p->pool, hard);
		if (error != (hard < p->nlive ? METE_EINVAL : 0))
			model_differ("set_hard to %zu with %zu live: %s", hard, p->nlive, mete_error_name(error));
		if (error == 0)
			p->hard = hard;
		break;
	case 3: op_prime(w, p); break;
	case 4: op_reclaim(w, p); break;
	case 5: op_reclaim(w, NULL); break;
	default:
		if (model_chance(r, 30))
			op_pool_fini(w, p);
		break;
	}
}

/* The table of ranges, both ways. */
static void op_translate(struct world *w)
{
	struct world_device *d = &w->device[model_below(w->random, WORLD_DEVICES)];
	const struct mete_span *span = &w->span[model_below(w->random, w->nspans)];
	uint64_t phys = span->phys + model_below(w->random, span->len), len = model_log(w->random, 65536), expected = 0;
	mete_baddr bus = 0x77;
	mete_paddr back = 0;
	bool shown = world_bus(d, phys, len, &expected);
	int error = mete_device_bus(&d->device, (mete_paddr)phys, (size_t)len, &bus);

	if (error != (shown ? 0 : METE_ERANGE) || bus != (shown ? expected : 0x77))
		model_differ("mete_device_bus of 0x%" PRIx64 ", %" PRIu64 " bytes: %s, 0x%" PRIx64, phys, len,
		    mete_error_name(error), (uint64_t)bus);
	if (!shown)
		return;
	error = mete_device_phys(&d->device, bus, (size_t)len, &back);
	if (error != 0 || back != phys)
		model_differ("mete_device_phys of 0x%" PRIx64 ": %s, 0x%" PRIx64, (uint64_t)bus, mete_error_name(error),
		    (uint64_t)back);
}

static void op_alloc(struct world *w)
{
	struct model_random *r = w->random;
	uint64_t kind = model_below(r, 100);
	struct world_pool *p;
	size_t i, len;

	if (kind < 15) {
		op_device_alloc(w);
	} else if (kind < 55) {
		i = (size_t)model_below(r, WORLD_CLASSES);
		len = (size_t)model_log(r, METE_CLASS_MAX);
		if (mete_classes_size(len) != (size_t)METE_CLASS_MIN << class_number(len))
			model_differ("mete_classes_size of %zu", len);
		if (w->classes[i].open)
			op_block_alloc(w, &w->classes[i].pool[class_number(len)], &w->classes[i].classes, len);
	} else {
		p = random_pool(w);
		if (p != NULL)
			op_block_alloc(w, p, NULL, p->len);
	}
}

static void op_free(struct world *w)
{
	struct world_live *live = random_live(w);

	if (live == NULL)
		return;
	if (live->slab->pool != NULL)
		op_block_free(w, live);
	else
		op_device_free(w, live);
}

/* Everything goes back, objects in use first refuse to end. */
static void world_drain(struct world *w)
{
	size_t i;

	for (i = 0; i < WORLD_POOLS; i++)
		if (w->pool[i].open && w->pool[i].nlive != 0)
			op_pool_fini(w, &w->pool[i]);
	for (i = 0; i < WORLD_CLASSES; i++)
		if (w->classes[i].open)
			op_classes_fini(w, i);
	while (w->nlive != 0)
		op_free(w);
	for (i = 0; i < WORLD_POOLS; i++)
		if (w->pool[i].open)
			op_pool_fini(w, &w->pool[i]);
	for (i = 0; i < WORLD_CLASSES; i++)
		if (w->classes[i].open)
			op_classes_fini(w, i);
}

static void step(struct world *w, unsigned target)
{
	struct model_random *r = w->random;
	size_t used = w->oracle.nframes - w->oracle.nfree;
	uint64_t kind = model_below(r, 100);

	world_scribble(w, (size_t)model_below(r, w->memory_len), (size_t)model_log(r, 2048));
	if (kind < 4)
		op_misuse(w);
	else if (kind < 6)
		op_settings(w);
	else if (kind < 7)
		op_translate(w);
	else if (model_chance(r, used * 100 < w->oracle.nframes * target ? 75 : 35))
		op_alloc(w);
	else
		op_free(w);
	if (model_below(r, 8192) == 0)
		world_scribble(w, 0, w->memory_len);
}

static void run_world(struct world *w, struct model_random *random, struct model_tally *tally)
{
	static const unsigned levels[] = { 20, 50, 80, 95, 100, 100 };
	uint64_t until = 0, end = tally->ops + model_between(random, 5000, 60000);
	unsigned target = 100;
	size_t i;

	world_open(w, random, tally);
	for (i = 0; i < WORLD_CLASSES; i++)
		op_classes_init(w, i);
	for (i = 0; i < WORLD_POOLS; i++)
		op_pool_init(w, i);
	while (tally->ops < end && model_more()) {
		if (tally->ops >= until) {
			target = levels[model_below(random, 6)];
			until = tally->ops + model_between(random, 500, 8000);
		}
		step(w, target);
	}
	world_drain(w);
	world_close(w);
}

int main(int argc, char **argv)
{
	struct world *w = model_zeroed(1, sizeof(*w));
	struct model_random random;
	struct model_tally tally;

	model_start(argc, argv, 8000000);
	if (model_part_begin("pools", 1000, &random, &tally)) {
		while (model_more())
			run_world(w, &random, &tally);
		model_part_end(false);
	}
	free(w);
	return model_finish();
}
