/* SPDX-License-Identifier: ISC */
/*
 * Window: cutting an object.
 *
 * How far one mapping comes depends on everything that job.c knows: where memory lies, what is replaced, what joins.  So it
 * is not calculated here a second time.  The job runs while *measuring*, which makes segments and shows nothing, over all
 * that is left of the object; it fails, and the segments tell how far it came.  The cut goes back from there to the last
 * place where a window may end, and the part before is measured again: whether a stretch is replaced can depend on its
 * end, and when the measure passes, showing that part does the same again and passes too.
 *
 * That holds because the addresses are the same each time: the map *holds* a part of the bounce area and a range of IOVA,
 * and stand-ins and pages are laid out in them from the start for every window.
 */
#include <mete/window.h>

#include "bytes.h"
#include "checked.h"
#include "job.h"
#include "line.h"
#include "tell.h"
#include "way.h"

/* A part of a sequence of pieces, as a sequence. */
struct slice {
	const struct mete_pieces *pieces;
	size_t skip; /* bytes before it, not seen yet */
	size_t left; /* bytes of it, not told yet */
};

static bool slice_next(void *ctx, struct mete_piece *ret_piece)
{
	struct slice *s = ctx;
	struct mete_piece piece;

	do {
		if (!s->left || !s->pieces->next(s->pieces->ctx, &piece))
			return false;
		size_t skip = piece.len < s->skip ? piece.len : s->skip;
		if (piece.cpu)
			piece.cpu = (unsigned char *)piece.cpu + skip;
		piece.phys += (mete_paddr)skip;
		piece.len -= skip;
		s->skip -= skip;
	} while (!piece.len);
	if (piece.len > s->left)
		piece.len = s->left;
	s->left -= piece.len;
	*ret_piece = piece;
	return true;
}

static struct mete_pieces slice_pieces(struct slice *slice)
{
	const struct mete_pieces pieces = { slice_next, slice, NULL }; /* what a map holds needs no second pass */

	slice->pieces->rewind(slice->pieces->ctx);
	return pieces;
}

static size_t round_down(size_t len, size_t granularity)
{
	return granularity ? len - len % granularity : len;
}

/*
 * Bytes between the last place before `off` where a segment may be cut, between `lines` or not, and `off`; `*ret_start` is
 * where it starts.
 */
static size_t beyond_cut(const struct mete_map *map, const struct mete_constraint *limit, size_t off, bool lines,
    size_t *ret_start)
{
	const struct mete_device *device = map->device;
	const struct mete_segment *segment = map->segments;
	size_t start = 0;

	while (off - start > segment->len)
		start += (size_t)segment++->len;
	*ret_start = start;
	if (off == map->len ? off == map->hold->whole
	                    : off - start == segment->len && segment[1].bus != segment->bus + segment->len)
		return 0; /* a stretch ends here, and what comes next is somewhere else */
	mete_baddr bus = segment->bus + (mete_baddr)(off - start);
	if (!lines || limit->align > device->line)
		return limit->align ? (size_t)((bus - limit->phase) & (limit->align - 1)) : 0;
	/* Lines are of memory; behind an IOMMU offsets in a page are the same. */
	mete_paddr phys = bus;
	if (!device->domain && mete_device_phys(device, bus, 1, &phys))
		return 0;
	return (size_t)(phys & (device->line - 1));
}

/*
 * Where to end a window if the segments come as far as map->len: the last multiple of the granularity where the next can
 * begin, or the last one, if a few steps find none that is far enough; 0: nowhere.
 */
static size_t window_cut(const struct mete_map *map, const struct mete_constraint *limit)
{
	size_t last = round_down(map->len, limit->granularity);
	size_t start;

	/* Between lines, or else at least aligned. */
	for (int lines = map->device->noncoherent; lines >= 0; lines--) {
		size_t cut = last;
		for (unsigned tries = 0; cut && cut >= limit->min_transfer && tries < 64; tries++) {
			size_t beyond = beyond_cut(map, limit, cut, lines, &start);
			if (!beyond)
				return cut;
			cut = round_down(beyond < cut - start ? cut - beyond : start, limit->granularity);
		}
	}
	return last;
}

/* How much of `left` bytes a window may take, so that those after it are not too few. */
static size_t window_share(const struct mete_constraint *limit, size_t left, size_t len)
{
	if (len < left && left - len < limit->min_transfer)
		len = left < limit->min_transfer ? 0 : round_down(left - (size_t)limit->min_transfer, limit->granularity);
	return len;
}

/* Whether [off, off + len - 1] can be shown; if not, `*ret_cut` is how much of it perhaps can. */
static int window_try(struct mete_windows *w, size_t off, size_t len, size_t *ret_cut)
{
	struct slice slice = { &w->pieces, off, len };
	const struct mete_pieces pieces = slice_pieces(&slice);
	struct job job;

	mete__map_job(&job, w->map, &w->limit, w->access, w->flags);
	w->hold.measuring = true;
	int error = mete__job_pieces(&job, &pieces);
	if (error)
		*ret_cut = window_cut(w->map, &w->limit);
	mete__job_undo(&job);
	w->hold.measuring = false;
	return error;
}

/* How much of the `left` bytes from `off` can be shown at once. */
static int window_measure(struct mete_windows *w, size_t off, size_t left, size_t *ret_len)
{
	const struct mete_constraint *limit = &w->limit;
	size_t len = window_share(limit, left, left), cut = 0;
	int error = METE_EMSGSIZE;

	for (unsigned tries = 0; len && len >= limit->min_transfer; tries++) {
		error = window_try(w, off, len, &cut);
		if (!error)
			*ret_len = len;
		if (!error || !too_much(error))
			return error;
		if (cut >= len)
			cut = round_down(len - 1, limit->granularity);
		/* What passed as the start of more nearly always passes alone; this is for the rest, and for what has no start. */
		if (!cut || (tries >= 8 && cut > len / 2))
			cut = round_down(len / 2, limit->granularity);
		len = window_share(limit, left, cut);
	}
	return error;
}

/* The length of the object; METE_EINVAL if it is none that could be shown. */
static int object_length(const struct mete_windows *w, size_t *ret_len)
{
	struct mete_piece piece;
	size_t len = 0;

	w->pieces.rewind(w->pieces.ctx);
	while (w->pieces.next(w->pieces.ctx, &piece)) {
		if (!mete__piece_sane(&piece) || !checked_add(len, piece.len, &len))
			return METE_EINVAL;
	}
	*ret_len = len;
	return len && transfer_allowed(&w->limit, len) ? 0 : METE_EINVAL;
}

/*
 * Take `len` bytes of IOVA for the windows, which is what all of the object needs, or less.  A page more is taken than is
 * used, so that no mapping of one segment is ever as long as the range, and thus given back alone.
 */
static int hold_iova(struct mete_windows *w, size_t len)
{
	struct mete_domain *d = w->map->device->domain;
	struct mete_constraint whole;
	size_t page = d->config.page;
	int error;

	mete__bytes_copy(&whole, &w->limit, sizeof whole);
	whole.boundary = 0; /* segments are cut there */
	mete_baddr space = d->config.last - d->config.first; /* less one */
	if (len > space)
		len = (size_t)space;
	if (!checked_up(len, page, &len))
		len &= ~(page - 1);
	do {
		error = len > SIZE_MAX - page ? METE_ERANGE : mete__iova_take(d, &whole, len + page, &w->hold.iova);
		w->hold.lacked |= error == METE_ENOMEM;
	} while (error && (len = mete__hold_less(&w->hold, len, page)));
	if (!error)
		w->hold.iova_len = len;
	return error;
}

/* Give back what is held; the map is empty. */
static void hold_drop(struct mete_windows *w)
{
	struct mete_device *device = w->map->device;

	if (w->hold.run_len)
		mete__bounce_unhold(device->bounce, &w->hold);
	if (w->hold.iova_len)
		mete__iova_give(device->domain, w->hold.iova, mete__iova_length(device->domain, w->hold.iova), 0, true);
	mete__bytes_zero(&w->hold, sizeof w->hold);
	w->map->hold = NULL;
}

/* Cut all `total` bytes, with at most `iova` bytes of IOVA and `area` bytes of the bounce area. */
static int windows_cut(struct mete_windows *w, size_t total, size_t iova, size_t area)
{
	int error = 0;
	size_t off = 0;

	w->hold.most = area;
	w->map->hold = &w->hold;
	if (w->map->device->domain)
		error = hold_iova(w, iova);
	while (!error && off < total) {
		struct mete_window *window = &w->window[w->nwindows];
		error = w->nwindows == w->capacity ? METE_EMSGSIZE
		                                   : window_measure(w, off, total - off, &window->len);
		if (!error) {
			window->off = off;
			off += window->len;
			w->nwindows++;
		}
	}
	return error == METE_EMSGSIZE && w->hold.lacked ? METE_ENOMEM : error;
}

/* Cut the object, which cannot be shown at once. */
static int windows_make(struct mete_windows *w)
{
	const struct mete_bounce *b = w->map->device->bounce;
	size_t total, iova, area;
	struct job job;

	int error = object_length(w, &total);
	if (error)
		return error;
	w->pieces.rewind(w->pieces.ctx);
	mete__map_job(&job, w->map, &w->limit, w->access, w->flags);
	error = mete__job_extent(&job, &w->pieces, &iova, &area);
	if (error)
		return error;
	/* No more of the area than one long stand-in takes, so that others find some; unless that is too little. */
	error = windows_cut(w, total, iova, b && area > b->config.longest ? b->config.longest : area);
	if (!too_much(error))
		return error;
	hold_drop(w);
	w->nwindows = 0;
	w->hold.greedy = true;
	return windows_cut(w, total, iova, area);
}

/* Show window `n` through the empty map. */
static int window_show(struct mete_windows *w, uint32_t n)
{
	const struct mete_window *window = &w->window[n];
	struct slice slice = { &w->pieces, window->off, window->len };
	struct mete_pieces pieces = slice_pieces(&slice);

	w->current = n;
	return mete__map_fill(w->map, &w->limit, w->map->hold ? &pieces : &w->pieces, w->access, w->flags);
}

/* Show none; `site` is where that was asked for. */
static void window_hide(struct mete_windows *w, const void *site)
{
	struct mete_map *map = w->map;

	if (map->state == METE_MAP_EMPTY)
		return;
	if (METE_OBSERVED(map->device->provider))
		mete__tell_map(METE_EVENT_UNLOAD, site, map, 0, map->len, w->access, 0, 0);
	(void)mete__map_unload(map);
}

int mete_windows_init(struct mete_windows *w, struct mete_map *map, struct mete_window *window, uint32_t capacity)
{
	if (!w || !map || !map->device || map->state != METE_MAP_EMPTY || map->hold || !window || !capacity)
		return METE_EINVAL;
	mete__bytes_zero(w, sizeof *w);
	w->map = map;
	w->window = window;
	w->capacity = capacity;
	return 0;
}

static int windows_load(struct mete_windows *w, const struct mete_pieces *pieces, enum mete_access access,
    unsigned flags)
{
	struct mete_provider *p = w->map->device->provider;

	if (w->nwindows)
		return mete__line_count(p, &p->counters.bad_argument, METE_EBUSY);
	if (pieces && !pieces->rewind)
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	int error = mete__map_check(w->map, pieces, access, flags, &w->limit);
	if (error)
		return error;
	w->pieces = *pieces;
	w->access = access;
	w->flags = flags;
	w->current = 0;
	pieces->rewind(pieces->ctx);
	error = mete__map_fill(w->map, &w->limit, pieces, access, flags);
	if (!error) {
		w->window[0].off = 0;
		w->window[0].len = w->map->len;
		w->nwindows = 1;
		return 0;
	}
	if (too_much(error))
		error = windows_make(w);
	if (!error)
		error = window_show(w, 0);
	if (!error)
		return 0;
	w->nwindows = 0;
	hold_drop(w);
	return mete__line_count(p, &p->counters.map_refused, error);
}

int mete_windows_load(struct mete_windows *w, const struct mete_pieces *pieces, enum mete_access access, unsigned flags)
{
	int error = windows_load(w, pieces, access, flags);

	if (METE_OBSERVED(w->map->device->provider))
		mete__tell_map(METE_EVENT_LOAD, METE_CALLER(), w->map, 0, w->map->len, access, flags, error);
	return error;
}

int mete_windows_show(struct mete_windows *w, uint32_t n)
{
	struct mete_map *map = w->map;
	struct mete_provider *p = map->device->provider;

	if (n >= w->nwindows) {
		if (METE_OBSERVED(p))
			mete__tell_map(METE_EVENT_NO_WINDOW, METE_CALLER(), map, n, w->nwindows, w->access, 0, 0);
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	}
	if (map->state != METE_MAP_EMPTY && n == w->current)
		return 0;
	window_hide(w, METE_CALLER());
	int error = window_show(w, n);
	if (METE_OBSERVED(p))
		mete__tell_map(METE_EVENT_LOAD, METE_CALLER(), map, w->window[n].off, map->len, w->access, w->flags, error);
	return error ? mete__line_count(p, &p->counters.map_refused, error) : 0;
}

int mete_windows_unload(struct mete_windows *w)
{
	struct mete_provider *p = w->map->device->provider;

	if (!w->nwindows)
		return mete__line_count(p, &p->counters.bad_argument, METE_EINVAL);
	window_hide(w, METE_CALLER());
	hold_drop(w);
	w->nwindows = 0;
	return 0;
}
