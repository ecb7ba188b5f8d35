/* SPDX-License-Identifier: ISC */
/*
 * Frames, the lists engine: two-level segregated free lists in arrays beside the memory.
 *
 * Each span has three arrays indexed by frame.  `tag` marks the ends of runs:
 *
 *   a free run of n frames     tag[first] = tag[last] = FREE | n
 *   a taken run of n frames    tag[first] = TAKEN | n
 *   everything else            0
 *
 * `next` and `prev` link the free runs of one size class through their first frames.  A size class is a power of two
 * split in sixteen; two bit maps find the next class that is not empty.  Splitting, joining and the usual search are
 * thus constant time, and a device that scribbles over every frame changes none of it.
 *
 * A span is cut into zones at the configured edges, and free runs never join across an edge: a large run above 4 GiB
 * must not drag scarce low frames into the high lists.  Zones are searched from the highest address down.
 *
 * The search, zone by zone, asks of a free run: which is the highest start that satisfies the want?  First a few runs
 * that are long enough, then one that is long enough for any alignment, then every run that might do, up to
 * METE_WALK_CAP.  When all zones fail, runs that meet at an edge are tried joined.  Hence a failure is true, or counted
 * in `ncapped`.  Asking exactly is what keeps memory usable at 95 %; padding a request for its alignment is not enough.
 *
 * Not here: the CPU view, kinds of cache, locking (the arena).
 */
#include <mete/frames.h>

#include "bits.h"
#include "checked.h"
#include "claim.h"

#define NONE UINT32_MAX
#define FREE 0x80000000u
#define TAKEN 0x40000000u
#define COUNT 0x3fffffffu
#define STEPS 16u     /* size classes in one power of two */
#define GOOD_FITS 4u  /* runs tried before asking for one that fits wherever it starts */

struct mete_zone {
	struct mete_zone *next;        /* the next lower zone */
	struct mete_frames_span *span;
	uint32_t first, last;          /* frames of the span, inclusive */
	uint32_t levels;               /* powers of two that have lists */
	uint32_t level_map;            /* bit l: steps[l] is not 0 */
	uint32_t *steps;               /* bit s of steps[l]: head[l * STEPS + s] is not NONE */
	uint32_t *head;                /* first frame of the first free run of a class */
};

struct mete_frames_span {
	struct mete_frames_span *next;
	mete_paddr phys;
	uint32_t n;
	uint32_t memory;
	uint32_t nzones;
	uint32_t *tag, *next_run, *prev_run;
	struct mete_zone *zone;        /* ascending */
};

/* A want, checked and made ready: the effective limits, the start grid of whole frames. */
struct frames_fit {
	mete_paddr first, last;
	mete_paddr hole_first, hole_last;
	mete_paddr align, phase;       /* of the start; `align` is at least one frame */
	mete_paddr boundary, boundary_phase;
	size_t len;
	uint32_t n;                    /* frames */
};

/* A free run and where in it the taken run goes. */
struct frames_place {
	struct mete_frames_span *span;
	uint32_t first, last;
	uint32_t start;
};

static uint32_t class_of(uint32_t n)
{
	if (n < STEPS)
		return n;
	unsigned high = bits_high32(n);
	return (uint32_t)(high - 3) * STEPS + ((n >> (high - 4)) & (STEPS - 1));
}

/* The lowest class all of whose runs have at least `n` frames. */
static uint32_t class_above(uint32_t n)
{
	if (n >= STEPS)
		n += (1u << (bits_high32(n) - 4)) - 1;
	return class_of(n);
}

/* The first class at or above `class` with a run in it, or NONE. */
static uint32_t zone_class(const struct mete_zone *zone, uint32_t class)
{
	uint32_t level = class / STEPS;
	if (level >= zone->levels)
		return NONE;
	uint32_t steps = zone->steps[level] & (UINT32_MAX << (class % STEPS));
	if (!steps) {
		uint32_t levels = level + 1 < zone->levels ? zone->level_map & (UINT32_MAX << (level + 1)) : 0;
		if (!levels)
			return NONE;
		level = bits_low32(levels);
		steps = zone->steps[level];
	}
	return level * STEPS + bits_low32(steps);
}

static void zone_insert(struct mete_zone *zone, uint32_t first, uint32_t n)
{
	struct mete_frames_span *span = zone->span;
	uint32_t class = class_of(n), old = zone->head[class];

	span->tag[first] = span->tag[first + n - 1] = FREE | n;
	span->next_run[first] = old;
	span->prev_run[first] = NONE;
	if (old != NONE)
		span->prev_run[old] = first;
	zone->head[class] = first;
	zone->steps[class / STEPS] |= 1u << (class % STEPS);
	zone->level_map |= 1u << (class / STEPS);
}

static void zone_remove(struct mete_zone *zone, uint32_t first, uint32_t n)
{
	struct mete_frames_span *span = zone->span;
	uint32_t class = class_of(n), next = span->next_run[first], prev = span->prev_run[first];

	span->tag[first] = span->tag[first + n - 1] = 0;
	if (next != NONE)
		span->prev_run[next] = prev;
	if (prev != NONE) {
		span->next_run[prev] = next;
		return;
	}
	zone->head[class] = next;
	if (next != NONE)
		return;
	zone->steps[class / STEPS] &= ~(1u << (class % STEPS));
	if (!zone->steps[class / STEPS])
		zone->level_map &= ~(1u << (class / STEPS));
}

static struct mete_zone *span_zone(const struct mete_frames_span *span, uint32_t frame)
{
	struct mete_zone *zone = span->zone;
	while (frame > zone->last)
		zone++;
	return zone;
}

/* Make [first, last], which lies in one zone and touches no free run there, free. */
static void zone_join(struct mete_zone *zone, uint32_t first, uint32_t last)
{
	struct mete_frames_span *span = zone->span;

	/* [ free ][ ours ][ free ] -> [ ------ free ------ ] */
	if (last < zone->last && (span->tag[last + 1] & FREE)) {
		uint32_t n = span->tag[last + 1] & COUNT;
		zone_remove(zone, last + 1, n);
		last += n;
	}
	if (first > zone->first && (span->tag[first - 1] & FREE)) {
		uint32_t n = span->tag[first - 1] & COUNT;
		zone_remove(zone, first - n, n);
		first -= n;
	}
	zone_insert(zone, first, last - first + 1);
}

/* Make [first, last] free, cut at zone edges. */
static void span_join(struct mete_frames_span *span, uint32_t first, uint32_t last)
{
	for (struct mete_zone *zone = span_zone(span, first);; zone++) {
		if (last <= zone->last) {
			zone_join(zone, first, last);
			return;
		}
		zone_join(zone, first, zone->last);
		first = zone->last + 1;
	}
}

/* Cut the taken run out of the free run or runs that cover [first, last]. */
static void span_take(const struct frames_place *place, uint32_t n)
{
	struct mete_frames_span *span = place->span;

	for (uint32_t at = place->first; at <= place->last;) {
		uint32_t len = span->tag[at] & COUNT;
		zone_remove(span_zone(span, at), at, len);
		at += len;
	}
	if (place->start > place->first)
		span_join(span, place->first, place->start - 1);
	if (place->last - place->start >= n)
		span_join(span, place->start + n, place->last);
	span->tag[place->start] = TAKEN | n;
}

/* The highest start in [low, high] that obeys alignment and boundary, with `len` bytes up to `high`. */
static bool fit_between(const struct frames_fit *fit, mete_paddr low, mete_paddr high, mete_paddr *ret_start)
{
	mete_paddr tail = (mete_paddr)(fit->len - 1);
	if (high - low < tail)
		return false;
	mete_paddr start = high - tail;
	mete_paddr above = (start - fit->phase) & (fit->align - 1);
	if (above > start - low)
		return false;
	start -= above;

	mete_paddr past = (start + tail - fit->boundary_phase) & (fit->boundary - 1);
	if (past < tail) {
		/*
		 * It straddles the boundary `past` bytes below its end.  Every start between here and there does too, so
		 * end at the boundary.  If that straddles the next one down, no start anywhere does better: the pattern
		 * of starts repeats in each window between boundaries, or all starts lie alike in theirs.
		 */
		mete_paddr edge = start + tail - past;
		if (edge - low <= tail)
			return false;
		start = edge - 1 - tail;
		above = (start - fit->phase) & (fit->align - 1);
		if (above > start - low)
			return false;
		start -= above;
		if (((start + tail - fit->boundary_phase) & (fit->boundary - 1)) < tail)
			return false;
	}
	*ret_start = start;
	return true;
}

/* The same within the limits: above the hole first, then below it. */
static bool fit_within(const struct frames_fit *fit, mete_paddr low, mete_paddr high, mete_paddr *ret_start)
{
	if (low < fit->first)
		low = fit->first;
	if (high > fit->last)
		high = fit->last;
	if (low > high)
		return false;
	if (!fit->hole_last || fit->hole_last < low || fit->hole_first > high)
		return fit_between(fit, low, high, ret_start);
	if (fit->hole_last < high && fit_between(fit, fit->hole_last + 1, high, ret_start))
		return true;
	return fit->hole_first > low && fit_between(fit, low, fit->hole_first - 1, ret_start);
}

static mete_paddr span_phys(const struct mete_frames *frames, const struct mete_frames_span *span, uint32_t frame)
{
	return span->phys + ((mete_paddr)frame << frames->frame_shift);
}

static bool fit_run(const struct mete_frames *frames, struct mete_frames_span *span, uint32_t first, uint32_t last,
    const struct frames_fit *fit, struct frames_place *ret)
{
	mete_paddr start;
	if (!fit_within(fit, span_phys(frames, span, first),
	        span_phys(frames, span, last) + (mete_paddr)(frames->frame - 1), &start))
		return false;
	ret->span = span;
	ret->first = first;
	ret->last = last;
	ret->start = (uint32_t)((start - span->phys) >> frames->frame_shift);
	return true;
}

static bool zone_try(const struct mete_frames *frames, struct mete_zone *zone, uint32_t first,
    const struct frames_fit *fit, struct frames_place *ret)
{
	uint32_t n = zone->span->tag[first] & COUNT;
	return n >= fit->n && fit_run(frames, zone->span, first, first + n - 1, fit, ret);
}

/* Try free runs from `class` upwards, at most `*budget` of them. */
static bool zone_walk_up(const struct mete_frames *frames, struct mete_zone *zone, uint32_t class,
    const struct frames_fit *fit, uint32_t *budget, struct frames_place *ret)
{
	for (class = zone_class(zone, class); class != NONE; class = zone_class(zone, class + 1)) {
		for (uint32_t at = zone->head[class]; at != NONE; at = zone->span->next_run[at]) {
			if (!*budget)
				return false;
			--*budget;
			if (zone_try(frames, zone, at, fit, ret))
				return true;
		}
	}
	return false;
}

/* The last class at or below `class` with a run in it, or NONE. */
static uint32_t zone_class_below(const struct mete_zone *zone, uint32_t class)
{
	uint32_t level = class / STEPS;
	uint32_t steps = zone->steps[level] & (UINT32_MAX >> (31 - class % STEPS));
	if (!steps) {
		uint32_t levels = zone->level_map & ((1u << level) - 1);
		if (!levels)
			return NONE;
		level = bits_high32(levels);
		steps = zone->steps[level];
	}
	return level * STEPS + bits_high32(steps);
}

/* Try free runs from the longest down to class `least`, at most `*budget` of them. */
static bool zone_walk_down(const struct mete_frames *frames, struct mete_zone *zone, uint32_t least,
    const struct frames_fit *fit, uint32_t *budget, struct frames_place *ret)
{
	uint32_t class = zone_class_below(zone, zone->levels * STEPS - 1);
	for (; class != NONE && class >= least; class = class ? zone_class_below(zone, class - 1) : NONE) {
		for (uint32_t at = zone->head[class]; at != NONE; at = zone->span->next_run[at]) {
			if (!*budget)
				return false;
			--*budget;
			if (zone_try(frames, zone, at, fit, ret))
				return true;
		}
	}
	return false;
}

/*
 * Every run that might do, as far as the budgets go.  The shortest first, for they are the best to use up; if there are
 * too many of them, the longest, which are the likeliest to fit.
 */
static bool zone_walk(const struct mete_frames *frames, struct mete_zone *zone, const struct frames_fit *fit,
    uint32_t *up, uint32_t *down, struct frames_place *ret)
{
	uint32_t least = class_of(fit->n);

	if (zone_walk_up(frames, zone, least, fit, up, ret))
		return true;
	return !*up && zone_walk_down(frames, zone, least, fit, down, ret);
}

/* Frames of a run that has room for `fit` wherever it starts. */
static uint64_t fit_room(const struct mete_frames *frames, const struct frames_fit *fit)
{
	uint64_t room = (uint64_t)fit->n + (uint64_t)((fit->align >> frames->frame_shift) - 1);
	return fit->boundary ? room + fit->n - 1 : room;
}

/* The constant-time part of the search in one zone. */
static bool zone_find(const struct mete_frames *frames, struct mete_zone *zone, const struct frames_fit *fit,
    struct frames_place *ret)
{
	uint32_t budget = GOOD_FITS;
	if (zone_walk_up(frames, zone, class_above(fit->n), fit, &budget, ret))
		return true;
	uint64_t room = fit_room(frames, fit);
	budget = 1;
	return room <= zone->last - zone->first + 1u &&
	    zone_walk_up(frames, zone, class_above((uint32_t)room), fit, &budget, ret);
}

static bool zone_offers(const struct mete_frames *frames, const struct mete_zone *zone, const struct frames_fit *fit,
    uint32_t memory)
{
	const struct mete_frames_span *span = zone->span;
	return zone->level_map && (span->memory & memory) && span_phys(frames, span, zone->first) <= fit->last &&
	    span_phys(frames, span, zone->last) + (mete_paddr)(frames->frame - 1) >= fit->first;
}

/* Free runs that meet at an edge, tried as one.  The lists never join them, so this comes last. */
static bool span_find_joined(const struct mete_frames *frames, struct mete_frames_span *span,
    const struct frames_fit *fit, struct frames_place *ret)
{
	for (uint32_t i = span->nzones - 1; i > 0; i--) {
		uint32_t first = span->zone[i].first, last = first - 1;
		while (last + 1 < span->n && (span->tag[last + 1] & FREE))
			last += span->tag[last + 1] & COUNT;
		while (first > 0 && (span->tag[first - 1] & FREE))
			first -= span->tag[first - 1] & COUNT;
		if (first < span->zone[i].first && last >= span->zone[i].first &&
		    fit_run(frames, span, first, last, fit, ret))
			return true;
	}
	return false;
}

static bool frames_find(struct mete_frames *frames, const struct frames_fit *fit, uint32_t memory,
    struct frames_place *ret)
{
	uint32_t up = METE_WALK_CAP / 4 * 3, down = METE_WALK_CAP - up;
	bool found = false;

	for (struct mete_zone *zone = frames->zones; zone && !found; zone = zone->next) {
		if (!zone_offers(frames, zone, fit, memory))
			continue;
		if (zone_find(frames, zone, fit, ret))
			return true;
		found = zone_walk(frames, zone, fit, &up, &down, ret);
	}
	frames->nwalked += METE_WALK_CAP - up - down;
	if (found)
		return true;
	for (struct mete_frames_span *span = frames->spans; span; span = span->next) {
		if ((span->memory & memory) && span_find_joined(frames, span, fit, ret))
			return true;
	}
	if (!down)
		frames->ncapped++;
	return false;
}

/* Why nothing was found: no such memory, no such address, or just not now. */
static int frames_reason(struct mete_frames *frames, const struct frames_fit *fit, uint32_t memory)
{
	int reason = METE_ENOTSUP;

	for (struct mete_frames_span *span = frames->spans; span; span = span->next) {
		struct frames_place place;
		if (!(span->memory & memory))
			continue;
		if (fit_run(frames, span, 0, span->n - 1, fit, &place))
			return METE_ENOMEM;
		reason = METE_ERANGE;
	}
	return reason;
}

/* False if no whole frame can satisfy the want, whatever is free. */
static bool fit_make(const struct mete_frames *frames, const struct mete_want *want, struct frames_fit *ret)
{
	size_t n = ((want->len - 1) >> frames->frame_shift) + 1;

	if (n > COUNT)
		return false;
	ret->n = (uint32_t)n;
	ret->len = want->len;
	ret->first = want->first;
	ret->last = want->last ? want->last : METE_PADDR_MAX;
	ret->hole_first = want->hole_first;
	ret->hole_last = want->hole_last;
	ret->boundary = want->boundary;
	ret->boundary_phase = want->boundary_phase;
	if (want->boundary && want->len > want->boundary)
		return false;
	/* Starts are whole frames: below a frame only phase 0 is met, above it only phases of whole frames. */
	if (want->align <= frames->frame) {
		ret->align = (mete_paddr)frames->frame;
		ret->phase = 0;
		return want->phase == 0;
	}
	ret->align = want->align;
	ret->phase = want->phase;
	return (want->phase & (frames->frame - 1)) == 0;
}

int mete_frames_take(struct mete_frames *frames, const struct mete_want *want, mete_paddr *ret_phys)
{
	struct frames_fit fit;
	struct frames_place place;

	int error = mete_want_check(want);
	if (error)
		return error;
	uint32_t memory = 1u << want->memory;
	if (!fit_make(frames, want, &fit)) {
		for (struct mete_frames_span *span = frames->spans; span; span = span->next) {
			if (span->memory & memory)
				return METE_ERANGE;
		}
		return METE_ENOTSUP;
	}
	if (!frames_find(frames, &fit, memory, &place))
		return frames_reason(frames, &fit, memory);
	span_take(&place, fit.n);
	frames->nfree -= fit.n;
	*ret_phys = span_phys(frames, place.span, place.start);
	return 0;
}

/* The span in which a taken run starts at `phys`, and its first frame there; NULL if none does. */
static struct mete_frames_span *frames_taken(const struct mete_frames *frames, mete_paddr phys, uint32_t *ret_first)
{
	for (struct mete_frames_span *span = frames->spans; span; span = span->next) {
		mete_paddr off = phys - span->phys;
		if (phys < span->phys || (off >> frames->frame_shift) >= span->n)
			continue;
		*ret_first = (uint32_t)(off >> frames->frame_shift);
		return (off & (frames->frame - 1)) || !(span->tag[*ret_first] & TAKEN) ? NULL : span;
	}
	return NULL;
}

int mete_frames_give(struct mete_frames *frames, mete_paddr phys, size_t len)
{
	uint32_t first;
	struct mete_frames_span *span = frames_taken(frames, phys, &first);

	if (!span)
		return METE_EFAULT;
	uint32_t n = span->tag[first] & COUNT;
	if (!len || ((len - 1) >> frames->frame_shift) + 1 != n)
		return METE_EMSGSIZE;
	span->tag[first] = 0;
	span_join(span, first, first + n - 1);
	frames->nfree += n;
	return 0;
}

size_t mete_frames_length(const struct mete_frames *frames, mete_paddr phys)
{
	uint32_t first;
	const struct mete_frames_span *span = frames_taken(frames, phys, &first);

	return span ? (size_t)(span->tag[first] & COUNT) << frames->frame_shift : 0;
}

int mete_frames_init(struct mete_frames *frames, size_t frame, const mete_paddr *edges, size_t nedges)
{
	static const mete_paddr usual[] = {
		(mete_paddr)1 << 24,
#if METE_ADDR_BITS > 32
		(mete_paddr)1 << 32,
#endif
	};

	if (!bits_is_power2(frame) || frame < 64)
		return METE_EINVAL;
	if (!edges) {
		edges = usual;
		nedges = sizeof usual / sizeof usual[0];
	}
	if (nedges > METE_ZONE_EDGES)
		return METE_EINVAL;
	for (size_t i = 0; i < nedges; i++) {
		if ((edges[i] & (frame - 1)) || (i && edges[i] <= edges[i - 1]))
			return METE_EINVAL;
	}
	frames->frame = frame;
	frames->frame_shift = (uint8_t)bits_high64(frame);
	frames->nedges = (uint8_t)nedges;
	for (size_t i = 0; i < nedges; i++)
		frames->edge[i] = edges[i];
	frames->spans = NULL;
	frames->zones = NULL;
	frames->nframes = frames->nfree = 0;
	frames->ncapped = frames->nwalked = 0;
	return 0;
}

static uint32_t levels_for(uint32_t n)
{
	return class_of(n) / STEPS + 1;
}

/* The zones of a span, lowest first: calls back with each one's first and last frame.  Returns how many. */
static uint32_t span_cut(const struct mete_frames *frames, mete_paddr phys, uint32_t n, uint32_t *ret_first)
{
	uint32_t nzones = 0, at = 0;

	ret_first[nzones++] = at;
	for (uint32_t i = 0; i < frames->nedges; i++) {
		if (frames->edge[i] <= phys)
			continue;
		mete_paddr cut = (frames->edge[i] - phys) >> frames->frame_shift;
		if (cut < n)
			ret_first[nzones++] = (uint32_t)cut;
	}
	return nzones;
}

static bool span_sane(const struct mete_frames *frames, mete_paddr phys, size_t len, uint32_t *ret_n)
{
	mete_paddr last;

	if ((phys & (frames->frame - 1)) || (len & (frames->frame - 1)) || !checked_last_phys(phys, len, &last))
		return false;
	if ((len >> frames->frame_shift) > COUNT)
		return false;
	*ret_n = (uint32_t)(len >> frames->frame_shift);
	return true;
}

/* Where each part of a span's records lies; one function so that the size and the use of it cannot differ. */
struct span_layout {
	uint32_t n, nzones;
	uint32_t first[METE_ZONE_EDGES + 1];
	size_t zones, words, nwords, total;
};

static bool span_layout(const struct mete_frames *frames, mete_paddr phys, size_t len, struct span_layout *ret)
{
	if (!span_sane(frames, phys, len, &ret->n))
		return false;
	ret->nzones = span_cut(frames, phys, ret->n, ret->first);
	ret->zones = (sizeof(struct mete_frames_span) + 15) & ~(size_t)15;
	ret->words = ret->zones + ret->nzones * sizeof(struct mete_zone);
	size_t nwords;
	if (!checked_mul(ret->n, 3, &nwords))
		return false;
	for (uint32_t i = 0; i < ret->nzones; i++) {
		uint32_t end = i + 1 < ret->nzones ? ret->first[i + 1] : ret->n;
		nwords += levels_for(end - ret->first[i]) * (STEPS + 1);
	}
	ret->nwords = nwords;
	return checked_mul(nwords, sizeof(uint32_t), &ret->total) && checked_add(ret->total, ret->words, &ret->total);
}

size_t mete_frames_records(const struct mete_frames *frames, mete_paddr phys, size_t len)
{
	struct span_layout layout;
	return span_layout(frames, phys, len, &layout) ? layout.total : 0;
}

static void zone_init(struct mete_zone *zone, struct mete_frames_span *span, uint32_t first, uint32_t last,
    uint32_t *words)
{
	zone->span = span;
	zone->first = first;
	zone->last = last;
	zone->levels = levels_for(last - first + 1);
	zone->level_map = 0;
	zone->steps = words;
	zone->head = words + zone->levels;
	for (uint32_t i = 0; i < zone->levels; i++)
		zone->steps[i] = 0;
	for (uint32_t i = 0; i < zone->levels * STEPS; i++)
		zone->head[i] = NONE;
}

/* Into the list of zones, highest address first. */
static void frames_add_zone(struct mete_frames *frames, struct mete_zone *zone)
{
	mete_paddr phys = span_phys(frames, zone->span, zone->first);
	struct mete_zone **at = &frames->zones;
	while (*at && span_phys(frames, (*at)->span, (*at)->first) > phys)
		at = &(*at)->next;
	zone->next = *at;
	*at = zone;
}

int mete_frames_add(struct mete_frames *frames, mete_paddr phys, size_t len, uint32_t memory, void *records)
{
	struct span_layout layout;

	if (!records || !memory || !span_layout(frames, phys, len, &layout))
		return METE_EINVAL;
	mete_paddr last = phys + (mete_paddr)(len - 1);
	for (struct mete_frames_span *other = frames->spans; other; other = other->next) {
		mete_paddr other_last = span_phys(frames, other, other->n - 1) + (mete_paddr)(frames->frame - 1);
		if (phys <= other_last && last >= other->phys)
			return METE_EINVAL;
	}

	unsigned char *base = records;
	struct mete_frames_span *span = records;
	uint32_t *words = (uint32_t *)(void *)(base + layout.words);
	span->phys = phys;
	span->n = layout.n;
	span->memory = memory;
	span->nzones = layout.nzones;
	span->zone = (struct mete_zone *)(void *)(base + layout.zones);
	span->tag = words;
	span->next_run = words + layout.n;
	span->prev_run = words + 2 * (size_t)layout.n;
	words += 3 * (size_t)layout.n;
	for (uint32_t i = 0; i < layout.n; i++)
		span->tag[i] = 0;
	for (uint32_t i = 0; i < layout.nzones; i++) {
		uint32_t zone_last = (i + 1 < layout.nzones ? layout.first[i + 1] : layout.n) - 1;
		zone_init(&span->zone[i], span, layout.first[i], zone_last, words);
		words += span->zone[i].levels * (STEPS + 1);
		frames_add_zone(frames, &span->zone[i]);
	}
	METE_ASSERT((size_t)((unsigned char *)words - base) == layout.total);
	span->next = frames->spans;
	frames->spans = span;
	span_join(span, 0, layout.n - 1);
	frames->nframes += layout.n;
	frames->nfree += layout.n;
	return 0;
}

static uint32_t zone_longest(const struct mete_zone *zone)
{
	uint32_t longest = 0;

	if (!zone->level_map)
		return 0;
	uint32_t level = bits_high32(zone->level_map);
	uint32_t class = level * STEPS + bits_high32(zone->steps[level]);
	for (uint32_t at = zone->head[class]; at != NONE; at = zone->span->next_run[at]) {
		uint32_t n = zone->span->tag[at] & COUNT;
		if (n > longest)
			longest = n;
	}
	return longest;
}

size_t mete_frames_longest(const struct mete_frames *frames)
{
	uint32_t longest = 0;

	for (const struct mete_zone *zone = frames->zones; zone; zone = zone->next) {
		uint32_t n = zone_longest(zone);
		if (n > longest)
			longest = n;
	}
	for (const struct mete_frames_span *span = frames->spans; span; span = span->next) {
		for (uint32_t i = 1; i < span->nzones; i++) {
			uint32_t edge = span->zone[i].first, first = edge, last = edge;
			while (first > 0 && (span->tag[first - 1] & FREE))
				first -= span->tag[first - 1] & COUNT;
			while (last < span->n && (span->tag[last] & FREE))
				last += span->tag[last] & COUNT;
			if (last - first > longest)
				longest = last - first;
		}
	}
	return (size_t)longest << frames->frame_shift;
}
