/* SPDX-License-Identifier: ISC */
/*
 * Arena: frames of the caller's spans, as a provider.
 *
 * The frames engine knows which physical runs are free; the span list knows where the CPU sees them.  Both have a guard
 * of their own, for one short critical section a call.
 */
#include <mete/arena.h>
#include <mete/observe.h>

#include "bits.h"
#include "bytes.h"
#include "checked.h"
#include "guard.h"
#include "stock.h"

static void arena_enter(struct mete_arena *arena)
{
	guard_lock(&arena->guard, &arena->hooks, arena->config.hooks_ctx);
}

static void arena_leave(struct mete_arena *arena)
{
	guard_unlock(&arena->guard, &arena->hooks, arena->config.hooks_ctx);
}

/* The span that an address lies in, and how far into it; NULL: none. */
static const struct mete_span *span_at_phys(const struct mete_arena *arena, mete_paddr phys, size_t *ret_off)
{
	for (size_t i = 0; i < arena->config.nspans; i++) {
		const struct mete_span *span = &arena->span[i];
		if (phys >= span->phys && phys - span->phys < span->len) {
			*ret_off = (size_t)(phys - span->phys);
			return span;
		}
	}
	return NULL;
}

static const struct mete_span *span_at_cpu(const struct mete_arena *arena, const void *cpu, size_t *ret_off)
{
	for (size_t i = 0; i < arena->config.nspans; i++) {
		const struct mete_span *span = &arena->span[i];
		uintptr_t off = (uintptr_t)cpu - (uintptr_t)span->cpu;
		if (off < span->len) {
			*ret_off = off;
			return span;
		}
	}
	return NULL;
}

void *mete_arena_cpu(const struct mete_arena *arena, mete_paddr phys, size_t len)
{
	size_t off;
	const struct mete_span *span = span_at_phys(arena, phys, &off);

	return span && len && len - 1 < span->len - off ? (unsigned char *)span->cpu + off : NULL;
}

static int arena_take(void *ctx, const struct mete_want *want, struct mete_run *ret_run)
{
	struct mete_arena *arena = ctx;
	mete_paddr phys;

	arena_enter(arena);
	int error = mete_frames_take(&arena->frames, want, &phys);
	arena_leave(arena);
	if (error)
		return error;
	ret_run->phys = phys;
	ret_run->len = (want->len + (arena->frames.frame - 1)) & ~(arena->frames.frame - 1);
	ret_run->cpu = mete_arena_cpu(arena, phys, ret_run->len);
	mete_provider_taken(&arena->provider, ret_run);
	return 0;
}

/* The library only gives back what it took.  For anybody else, a bad run changes nothing. */
static void arena_give(void *ctx, const struct mete_run *run)
{
	struct mete_arena *arena = ctx;

	arena_enter(arena);
	(void)mete_frames_give(&arena->frames, run->phys, run->len);
	arena_leave(arena);
}

static int arena_translate(void *ctx, const void *cpu, size_t len, mete_paddr *ret_phys, size_t *ret_len)
{
	struct mete_arena *arena = ctx;
	size_t off;

	const struct mete_span *span = span_at_cpu(arena, cpu, &off);
	if (span) {
		*ret_phys = span->phys + (mete_paddr)off;
		*ret_len = len < span->len - off ? len : span->len - off;
		return 0;
	}
	if (!arena->config.translate)
		return METE_EFAULT;
	return arena->config.translate(arena->config.translate_ctx, cpu, len, ret_phys, ret_len);
}

static int arena_view(void *ctx, mete_paddr phys, size_t len, void **ret_cpu, size_t *ret_len)
{
	struct mete_arena *arena = ctx;
	size_t off;

	const struct mete_span *span = span_at_phys(arena, phys, &off);
	if (span) {
		*ret_cpu = (unsigned char *)span->cpu + off;
		*ret_len = len < span->len - off ? len : span->len - off;
		return 0;
	}
	if (!arena->config.view)
		return METE_EFAULT;
	return arena->config.view(arena->config.translate_ctx, phys, len, ret_cpu, ret_len);
}

static void arena_cache(void *ctx, enum mete_cache op, void *cpu, mete_paddr phys, size_t len)
{
	struct mete_arena *arena = ctx;
	arena->config.cache(arena->config.translate_ctx, op, cpu, phys, len);
}

static unsigned arena_traits(void *ctx, const void *cpu, size_t len)
{
	struct mete_arena *arena = ctx;
	size_t off;

	const struct mete_span *span = span_at_cpu(arena, cpu, &off);
	if (!span || len > span->len - off)
		return 0;
	return METE_TRAIT_STAYS | (arena->config.twice ? METE_TRAIT_TWICE : 0);
}

static void *arena_record_alloc(void *ctx, size_t len)
{
	struct mete_arena *arena = ctx;

	if (arena->config.record_alloc)
		return arena->config.record_alloc(arena->config.record_ctx, len);
	arena_enter(arena);
	void *record = mete__stock_alloc(&arena->stock, len);
	arena_leave(arena);
	return record;
}

static void arena_record_free(void *ctx, void *record, size_t len)
{
	struct mete_arena *arena = ctx;

	if (arena->config.record_alloc) {
		arena->config.record_free(arena->config.record_ctx, record, len);
		return;
	}
	arena_enter(arena);
	mete__stock_free(&arena->stock, record, len);
	arena_leave(arena);
}

/* Two sets, because a provider without cache functions says so by having none. */
static const struct mete_provider_ops arena_ops = {
	.take = arena_take,
	.give = arena_give,
	.translate = arena_translate,
	.record_alloc = arena_record_alloc,
	.record_free = arena_record_free,
	.view = arena_view,
	.traits = arena_traits,
};

static const struct mete_provider_ops arena_cached_ops = {
	.take = arena_take,
	.give = arena_give,
	.translate = arena_translate,
	.record_alloc = arena_record_alloc,
	.record_free = arena_record_free,
	.view = arena_view,
	.cache = arena_cache,
	.traits = arena_traits,
};

static bool span_sane(const struct mete_span *span, size_t frame)
{
	mete_paddr last;

	return span->cpu && span->len && !(span->len & (frame - 1)) && checked_last_phys(span->phys, span->len, &last) &&
	    span->len - 1 <= UINTPTR_MAX - (uintptr_t)span->cpu && !((uintptr_t)span->cpu & (frame - 1)) &&
	    !(span->phys & (frame - 1));
}

static bool config_sane(const struct mete_arena_config *config, size_t frame)
{
	if (!config || !config->spans || !config->nspans || config->nspans > METE_ARENA_SPANS)
		return false;
	if (!config->record_alloc != !config->record_free || (!config->records == !config->record_alloc))
		return false;
	if (!bits_is_power2(frame) || frame < 64)
		return false;
	for (size_t i = 0; i < config->nspans; i++) {
		const struct mete_span *a = &config->spans[i];
		if (!span_sane(a, frame))
			return false;
		for (size_t j = 0; j < i; j++) {
			const struct mete_span *b = &config->spans[j];
			uintptr_t cpu_a = (uintptr_t)a->cpu, cpu_b = (uintptr_t)b->cpu;
			if (cpu_a <= cpu_b + (b->len - 1) && cpu_b <= cpu_a + (a->len - 1))
				return false;
		}
	}
	return true;
}

static size_t config_frame(const struct mete_arena_config *config)
{
	return config && config->frame ? config->frame : 4096;
}

static mete_paddr config_phys_last(const struct mete_arena_config *config)
{
	mete_paddr last = 0;

	for (size_t i = 0; i < config->nspans; i++) {
		mete_paddr end = config->spans[i].phys + (mete_paddr)(config->spans[i].len - 1);
		if (end > last)
			last = end;
	}
	return last;
}

/* The CPU addresses from the first span to the last. */
static void config_extent(const struct mete_arena_config *config, uintptr_t *ret_first, uintptr_t *ret_len)
{
	uintptr_t first = UINTPTR_MAX, last = 0;

	for (size_t i = 0; i < config->nspans; i++) {
		uintptr_t cpu = (uintptr_t)config->spans[i].cpu, end = cpu + (config->spans[i].len - 1);
		if (cpu < first)
			first = cpu;
		if (end > last)
			last = end;
	}
	*ret_first = first;
	*ret_len = last - first + 1;
}

/* A slab's record, at the most: the smallest blocks that a slab of one frame or 4 KiB holds. */
static size_t slab_record_len(size_t frame)
{
	size_t blocks = (frame > 4096 ? frame : 4096) / 16;
	return mete__stock_len(160 + blocks + blocks / 8);
}

/* Add `n` records of `len` bytes to `*total`. */
static bool add_records(size_t *total, size_t n, size_t len)
{
	size_t each = mete__stock_len(len), sum;
	return checked_mul(each, n, &sum) && checked_add(*total, sum, total);
}

size_t mete_arena_records(const struct mete_arena_config *config, size_t nslabs)
{
	size_t frame = config_frame(config), total = 64;
	struct mete_frames frames;
	uintptr_t first, len;

	/* The records' place need not be chosen yet, so this checks less than config_sane(). */
	if (!config || !config->spans || !config->nspans || config->nspans > METE_ARENA_SPANS ||
	    mete_frames_init(&frames, frame, config->edges, config->nedges))
		return 0;
	for (size_t i = 0; i < config->nspans; i++) {
		size_t span = span_sane(&config->spans[i], frame)
		    ? mete_frames_records(&frames, config->spans[i].phys, config->spans[i].len) : 0;
		if (!span || !add_records(&total, 1, span))
			return 0;
	}
	config_extent(config, &first, &len);
	size_t in_extent = len / frame;
	/* The page table: a list of one leaf, and the leaf, with a pointer for each frame. */
	bool sane = add_records(&total, 1, sizeof(void *)) && in_extent <= SIZE_MAX / sizeof(void *) - 1 &&
	    add_records(&total, 1, (in_extent + 1) * sizeof(void *)) && add_records(&total, nslabs, slab_record_len(frame));
	return sane ? total : 0;
}

/* Hand all spans to the frames engine.  METE_ENOMEM if records run out, METE_EINVAL if spans overlap. */
static int arena_add_spans(struct mete_arena *arena)
{
	for (size_t i = 0; i < arena->config.nspans; i++) {
		const struct mete_span *span = &arena->span[i];
		size_t len = mete_frames_records(&arena->frames, span->phys, span->len);
		if (!len)
			return METE_EINVAL;
		arena->span_records[i] = arena_record_alloc(arena, len);
		if (!arena->span_records[i])
			return METE_ENOMEM;
		/* Without a word about it, memory is a coherent machine's. */
		uint32_t memory = span->memory ? span->memory : 1u << METE_MEMORY_CACHED | 1u << METE_MEMORY_COHERENT;
		int error = mete_frames_add(&arena->frames, span->phys, span->len, memory, arena->span_records[i]);
		if (error)
			return error;
	}
	return 0;
}

static void arena_drop_spans(struct mete_arena *arena)
{
	for (size_t i = 0; i < arena->config.nspans; i++) {
		if (arena->span_records[i])
			arena_record_free(arena, arena->span_records[i],
			    mete_frames_records(&arena->frames, arena->span[i].phys, arena->span[i].len));
		arena->span_records[i] = NULL;
	}
}

static bool spans_congruent(const struct mete_arena_config *config)
{
	size_t congruent = config->congruent ? config->congruent : METE_CONGRUENT;

	if (!bits_is_power2(congruent))
		return false;
	for (size_t i = 0; i < config->nspans; i++) {
		if (((uintptr_t)config->spans[i].cpu ^ (uintptr_t)config->spans[i].phys) & (congruent - 1))
			return false;
	}
	return true;
}

int mete_arena_init(struct mete_arena *arena, const struct mete_arena_config *config)
{
	size_t frame = config_frame(config);
	struct mete_provider_config provider;
	uintptr_t extent, extent_len;

	if (!arena || !config_sane(config, frame) || !spans_congruent(config))
		return METE_EINVAL;
	mete__bytes_zero(arena, sizeof *arena);
	mete__bytes_copy(&arena->config, config, sizeof *config);
	for (size_t i = 0; i < config->nspans; i++)
		mete__bytes_copy(&arena->span[i], &config->spans[i], sizeof arena->span[i]);
	if (config->hooks)
		mete__bytes_copy(&arena->hooks, config->hooks, sizeof arena->hooks);
	if (config->records)
		mete__stock_init(&arena->stock, config->records, config->records_len);
	int error = mete_frames_init(&arena->frames, frame, config->edges, config->nedges);
	if (!error)
		error = arena_add_spans(arena);
	if (!error) {
		config_extent(config, &extent, &extent_len);
		mete__bytes_zero(&provider, sizeof provider);
		provider.frame = frame;
		provider.extent = (const void *)extent;
		provider.extent_len = extent_len;
		provider.phys_last = config_phys_last(config);
		provider.hooks = config->hooks;
		provider.hooks_ctx = config->hooks_ctx;
		error = mete_provider_init(&arena->provider, config->cache ? &arena_cached_ops : &arena_ops, arena, &provider);
	}
	if (error)
		arena_drop_spans(arena);
	return error;
}

int mete_arena_fini(struct mete_arena *arena)
{
	int error = mete_provider_fini(&arena->provider);
	if (!error)
		arena_drop_spans(arena);
	return error;
}

size_t mete_arena_free(struct mete_arena *arena)
{
	arena_enter(arena);
	size_t len = arena->frames.nfree << arena->frames.frame_shift;
	arena_leave(arena);
	return len;
}

size_t mete_arena_longest(struct mete_arena *arena)
{
	arena_enter(arena);
	size_t len = mete_frames_longest(&arena->frames);
	arena_leave(arena);
	return len;
}
