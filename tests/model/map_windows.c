/* SPDX-License-Identifier: ISC */
/*
 * Map windows: objects that are shown part by part.
 *
 * The window that is shown is an object like any other, and is followed like one; a move ends it and begins the next.
 * What is asked beyond that: windows tile the object within every limit; a move never fails, but for the IOMMU's map or
 * translate, also when everything that the windows do not hold is taken by others; the bytes outside of the window are
 * the CPU's; and a load is refused only with a reason.
 *
 * That reason is argued by probing: mete_map_load(), which has an oracle of its own, is asked for the longest part of the
 * object that it would show, and for the longest after that, until the end.  If that takes no more windows than there is
 * room for, the refusal had no reason.  METE_ENOMEM says that others have what is needed: then the others are ended, and
 * the load must succeed.  Few refusals are excused, see excusable().
 */
#include "map_machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* -- Parts of an object -- */

/* Bytes [off, off + len - 1] of `whole` as an object of their own. */
static void object_cut(const struct object *whole, size_t off, size_t len, struct object *ret)
{
	size_t i, at, lo, hi;

	ret->access = whole->access;
	ret->flags = whole->flags;
	ret->kind = KIND_LOAD;
	ret->len = len;
	ret->npieces = whole->npieces;
	for (i = 0, at = 0; i < whole->npieces; at += whole->piece[i].len, i++) {
		struct mete_piece *piece = &ret->piece[i];

		*piece = whole->piece[i];
		ret->piece_at[i] = whole->piece_at[i];
		lo = max_size(at, off);
		hi = min_size(at + piece->len, off + len);
		piece->len = hi > lo ? hi - lo : 0;
		if (piece->len == 0)
			continue;
		ret->piece_at[i] += lo - at;
		piece->phys += (mete_paddr)(lo - at);
		if (piece->cpu != NULL)
			piece->cpu = (unsigned char *)piece->cpu + (lo - at);
	}
	ret->nhome = 0;
	for (i = 0, at = 0; i < whole->nhome; at += whole->home[i].len, i++) {
		lo = max_size(at, off);
		hi = min_size(at + whole->home[i].len, off + len);
		if (hi > lo)
			ret->home[ret->nhome++] = (struct span){ whole->home[i].at + (lo - at), hi - lo,
				whole->home[i].piece };
	}
}

static void homes_belong(struct machine *m, const struct object *o, unsigned char id)
{
	size_t i;

	for (i = 0; i < o->nhome; i++)
		memset(m->world.busy + o->home[i].at, id, o->home[i].len);
}

/* The CPU owns all that is not shown. */
static void check_hidden(const struct machine *m, const struct object *o)
{
	const struct map_world *w = &m->world;
	const struct object *whole = &o->windowed->whole;
	size_t i, at;

	for (i = 0; i < whole->nhome; i++) {
		size_t end = whole->home[i].at + whole->home[i].len;

		if (memcmp(w->cpu + whole->home[i].at, w->truth + whole->home[i].at, whole->home[i].len) == 0)
			continue;
		for (at = whole->home[i].at; at < end; at++)
			if (w->cpu[at] != w->truth[at] && w->busy[at] == whole->id)
				model_differ("a byte outside of the window changed for the CPU: %#x is %#x",
				    w->truth[at], w->cpu[at]);
	}
}

/* -- What is held -- */

void windows_mark(struct machine *m, struct object *o)
{
	const struct mete_hold *hold = &o->windowed->windows.hold;
	size_t i, first;

	if (m->has_bounce && hold->run_len != 0) {
		first = (size_t)(hold->run - world_phys(&m->world, m->area));
		for (i = first / m->grain; i <= (first + hold->run_len - 1) / m->grain; i++) {
			if (i >= m->ngrains || m->grain_owner[i] != 0)
				model_differ("windows hold grain %zu, which is used", i);
			m->grain_owner[i] = o->id;
		}
	}
	if (m->has_domain && hold->iova_len != 0) {
		first = (size_t)(hold->iova - m->world.config.iova);
		for (i = first / m->world.config.page; i <= (first + hold->iova_len) / m->world.config.page; i++)
			m->page_held[i] = true;
	}
}

static void windows_unmark_pages(struct machine *m, const struct mete_hold *hold)
{
	size_t page = m->world.config.page, first, i;

	if (!m->has_domain || hold->iova_len == 0)
		return;
	first = (size_t)(hold->iova - m->world.config.iova);
	for (i = first / page; i <= (first + hold->iova_len) / page; i++)
		m->page_held[i] = false;
}

static void check_hold(const struct object *o)
{
	const struct mete_hold *was = &o->windowed->hold, *is = &o->windowed->windows.hold;

	if (was->run != is->run || was->run_len != is->run_len || was->iova != is->iova ||
	    was->iova_len != is->iova_len)
		model_differ("a move changed what is held: a run of %#zx is %#zx, a range of %#zx is %#zx", was->run_len,
		    is->run_len, was->iova_len, is->iova_len);
}

/* -- One window -- */

/* The window is shown: follow it. */
static void window_begin(struct machine *m, struct object *o)
{
	struct windowed *w = o->windowed;
	const struct mete_window *window = &w->window[w->windows.current];

	object_cut(&w->whole, window->off, window->len, o);
	homes_belong(m, &w->whole, w->whole.id);
	homes_belong(m, o, o->id);
	object_begin(m, o, &w->limit, 0);
	check_hidden(m, o);
}

/* It is shown no more. */
static void window_end(struct machine *m, struct object *o)
{
	object_gone(m, o);
	homes_belong(m, o, o->windowed->whole.id);
	check_hidden(m, o);
}

static void inject(struct machine *m, unsigned percent)
{
	m->world.failed = false;
	if (!model_chance(&m->random, percent))
		return;
	if (m->has_domain && model_chance(&m->random, 60)) {
		m->world.fail_in = (unsigned)model_log(&m->random, 8);
		m->world.fail_error = model_chance(&m->random, 50) ? METE_EIO : METE_ENOMEM;
	} else {
		m->world.lose_in = (unsigned)model_log(&m->random, 8);
		m->world.fail_error = METE_EFAULT;
	}
}

/* Move to window `n`. */
static void window_show(struct machine *m, struct object *o, uint32_t n)
{
	struct windowed *w = o->windowed;
	bool same = n == w->windows.current;
	int code;

	stats.moves++;
	inject(m, same ? 0 : 5);
	code = mete_windows_show(&w->windows, n);
	m->world.fail_in = m->world.lose_in = 0;
	if (same) {
		if (code != 0)
			model_differ("to show what is shown already: %s", mete_error_name(code));
		check_device(m, o, 0, o->len, "after no move");
		check_cpu(m, o, 0, o->len, "after no move");
		return;
	}
	window_end(m, o);
	if (code != 0) {
		if (!m->world.failed || code != m->world.fail_error) {
			describe_machine(m);
			describe(m, &w->whole, &w->limit);
			model_differ("a move from window %u to %u of %u: %s%s", (unsigned)w->windows.current, (unsigned)n,
			    (unsigned)w->windows.nwindows, mete_error_name(code),
			    m->world.failed ? "; something else had failed" : "");
		}
		stats.moves_injected++;
		if (o->map.state != METE_MAP_EMPTY || o->map.nsegments != 0)
			model_differ("a move failed, and the map is not empty");
		check_space(m);
		n = (uint32_t)model_below(&m->random, w->windows.nwindows);
		code = mete_windows_show(&w->windows, n);
		if (code != 0)
			model_differ("a move after one that failed: %s", mete_error_name(code));
	}
	if (w->windows.current != n)
		model_differ("window %u is current, %u was asked for", (unsigned)w->windows.current, (unsigned)n);
	window_begin(m, o);
	check_hold(o);
}

/* -- Everything else taken -- */

struct hog {
	mete_baddr bus;
	size_t first, n; /* grains */
};

static struct hog hog[512];

/* Take all of the bounce area and the IOVA that small mappings can have. */
static size_t hog_all(struct machine *m)
{
	struct map_world *w = &m->world;
	size_t len = max_size(1, m->streaming.granularity), n = 0, tries, at, room = 0;
	enum mete_access seen;

	len = (max_size(1, (size_t)m->streaming.min_transfer) + len - 1) / len * len;
	for (tries = 0; tries < 600 && n < sizeof(hog) / sizeof(hog[0]); tries++) {
		struct hog *h = &hog[n];

		at = w->config.nrun * w->config.frame;
		at += (size_t)model_below(&m->random, w->len - at - len);
		if (mete_map_single(&m->device, NULL, w->cpu + at, len, METE_DEVICE_READS, METE_MAP_SKIP_SYNC,
		    &h->bus) != 0) {
			if (tries > 8 * (n + 1))
				break;
			continue;
		}
		h->n = 0;
		if (m->has_domain)
			m->hog_pages += (size_t)((h->bus + (mete_baddr)(len - 1)) / w->config.page - h->bus / w->config.page) + 1;
		at = resolve(m, h->bus, &room, &seen);
		if (m->has_bounce && at >= m->area && at < m->area + m->area_len) {
			h->first = (at - m->area) / m->grain;
			h->n = (at + len - 1 - m->area) / m->grain - h->first + 1;
			memset(m->grain_owner + h->first, HOG, h->n);
		} else if (!m->has_domain) { /* direct: it takes nothing */
			if (mete_unmap_single(&m->device, h->bus, len, METE_DEVICE_READS, METE_MAP_SKIP_SYNC) != 0)
				model_differ("unmap failed");
			continue;
		}
		n++;
	}
	check_space(m);
	return n;
}

static void hog_none(struct machine *m, size_t n)
{
	size_t len = max_size(1, m->streaming.granularity);

	len = (max_size(1, (size_t)m->streaming.min_transfer) + len - 1) / len * len;
	while (n-- > 0) {
		if (mete_unmap_single(&m->device, hog[n].bus, len, METE_DEVICE_READS, METE_MAP_SKIP_SYNC) != 0)
			model_differ("unmap failed");
		memset(m->grain_owner + hog[n].first, 0, hog[n].n);
	}
	m->hog_pages = 0;
	check_space(m);
}

/* -- Whether a refusal has a reason -- */

/* What mete_map_load() says about a part of the object. */
static int probe(struct machine *m, const struct object *o, const struct mete_constraint *limit, size_t off, size_t len)
{
	struct mete_map map;
	struct mete_segment segment[SEGMENTS];
	int code;

	object_cut(&o->windowed->whole, off, len, &m->probe);
	if (mete_map_init(&map, o->windowed->whole.device, limit, segment, o->capacity) != 0)
		model_differ("mete_map_init fails after it did not");
	code = mete_map_load_array(&map, m->probe.piece, m->probe.npieces, o->windowed->whole.access,
	    o->windowed->whole.flags);
	if (code == 0 && mete_map_unload(&map) != 0)
		model_differ("unload failed");
	return code;
}

/* Windows that single loads would make; 0: no such row of windows was found. */
static size_t probe_all(struct machine *m, const struct object *o, const struct mete_constraint *limit,
    const struct mete_constraint *c, size_t capacity)
{
	size_t len = o->windowed->whole.len, off = 0, n = 0, step = max_size(1, c->granularity), unit = step;
	size_t most = c->max_transfer != 0 ? (size_t)min_size((size_t)c->max_transfer, len) : len;

	if (!m->world.config.coherent)
		unit = common_multiple(unit, m->world.config.line);
	unit = common_multiple(unit, (size_t)max_size(1, (size_t)c->align));
	if (unit > most)
		unit = step;
	while (off < len) {
		size_t lo, hi = min_size(most, len - off);

		if (hi < len - off)
			hi = hi / unit * unit;
		if (len - off > hi && len - off - hi < c->min_transfer && hi > unit)
			hi -= unit;
		/* The longest is between; the end of the object need not be a multiple. */
		for (lo = 0; hi > lo; ) {
			size_t mid = hi == len - off || hi - lo <= unit ? hi : lo + (hi - lo + unit) / 2 / unit * unit;

			if (mid >= c->min_transfer && probe(m, o, limit, off, mid) == 0) {
				lo = mid;
			} else {
				hi = (mid - 1) / unit * unit;
			}
		}
		if (lo == 0 || ++n > capacity)
			return 0;
		off += lo;
	}
	return n;
}

/* Cuts at lines and at the alignment make windows shorter than they could be; by less than half. */
static bool capacity_excuses(const struct machine *m, const struct mete_constraint *c, size_t n, size_t capacity)
{
	return (!m->world.config.coherent || c->align > 1) && n > capacity / 2;
}

/*
 * What cannot be argued, and may happen in few cases only:
 *
 *   what is held is whole grains, or whole pages and one more; a range or a small domain may not have these
 *   whether memory needs a stand-in depends on where the last window ends, so that the windows before it are cut for
 *   stand-ins, and are too many
 *   where IOVA lies decides how often a boundary cuts
 *   where a window ends is decided by what it shows, and not changed if the rest cannot begin there: off its alignment
 *   and without a CPU view, or in pieces too many for so long a window as min_transfer wants
 */
static bool excusable(const struct machine *m, const struct object *whole, const struct mete_constraint *c, int code)
{
	bool range = c->first != 0 || c->last != 0 || c->hole_last != 0;
	size_t i;

	if (range && (m->has_domain || m->has_bounce))
		return true;
	if (m->has_domain && (m->world.config.npages < 12 || c->boundary != 0))
		return true;
	if (c->min_transfer > max_size(1, c->granularity))
		return true;
	if (code == METE_EMSGSIZE)
		return m->has_bounce && !m->world.config.coherent;
	for (i = 0; i < whole->npieces; i++)
		if (whole->piece[i].len != 0 && whole->piece[i].cpu == NULL)
			return c->align > 1;
	return false;
}

/* A load was refused, and nothing was injected: was that right? */
static void argue(struct machine *m, struct object *o, const struct mete_constraint *limit,
    const struct mete_pieces *pieces, size_t capacity, int code)
{
	const struct object *whole = &o->windowed->whole;
	const struct mete_constraint *c = &o->windowed->limit;
	size_t n, i;

	stats.windows_refused++;
	if (code == METE_ENOMEM && m->nlive == 0) {
		describe_machine(m);
		describe(m, whole, c);
		model_differ("windows: ENOMEM, and nobody else has anything");
	}
	if (code == METE_EMSGSIZE && c->max_transfer != 0 && whole->len / capacity > c->max_transfer)
		return;
	stats.windows_argued++;
	n = probe_all(m, o, limit, c, capacity);
	if (n == 0 || (code == METE_EMSGSIZE && capacity_excuses(m, c, n, capacity)))
		return;
	if (code == METE_ENOMEM) {
		stats.windows_waited++;
		for (i = 0; i < m->nobjects; i++)
			if (m->object[i].live)
				object_end(m, &m->object[i]);
		code = mete_windows_load(&o->windowed->windows, pieces, whole->access, whole->flags);
		if (code == 0 && (code = mete_windows_unload(&o->windowed->windows)) != 0)
			model_differ("mete_windows_unload: %s", mete_error_name(code));
		if (code == 0 || (code == METE_EMSGSIZE && capacity_excuses(m, c, n, capacity)))
			return;
	}
	if (excusable(m, whole, c, code)) {
		stats.windows_excused++;
		return;
	}
	describe_machine(m);
	describe(m, whole, c);
	/* Cuts are found by rules of thumb, and windows are not cut again: told, and allowed once in 200000 tries. */
	if ((c->align > 1 || !m->world.config.coherent || m->has_bounce) &&
	    stats.windows_missed++ <= stats.windowed / 200000) {
		printf("not cut: %s, and %zu of %zu windows would do\n", mete_error_name(code), n, capacity);
		return;
	}
	model_differ("windows: %s, and %zu of %zu windows would do, each loaded alone", mete_error_name(code), n,
	    capacity);
}

/* What a load may return, from its contract. */
static unsigned expect_windows(const struct machine *m, const struct object *whole, const struct mete_constraint *c)
{
	unsigned none = !m->world.config.coherent && m->world.config.cacheless ? MAY_ENOTSUP : 0;

	if (limit_contradicts(c))
		return MAY_EINVAL;
	if (whole->len == 0 || whole->len < c->min_transfer || (c->granularity > 1 && whole->len % c->granularity != 0))
		return MAY_EINVAL | none;
	if (none != 0)
		return none;
	/* Lengths between min_transfer and max_transfer may not add up to the object's. */
	return MAY_0 | MAY_ERANGE | MAY_ENOMEM | MAY_EMSGSIZE |
	    (c->max_transfer != 0 && c->min_transfer > 1 ? (unsigned)MAY_EINVAL : 0);
}

/* -- A load -- */

static void check_tiles(const struct object *o, size_t capacity)
{
	const struct windowed *w = o->windowed;
	const struct mete_constraint *c = &w->limit;
	size_t i, off = 0;

	if (w->windows.nwindows == 0 || w->windows.nwindows > capacity || w->windows.current != 0)
		model_differ("%u windows, room for %zu; number %u is shown", (unsigned)w->windows.nwindows, capacity,
		    (unsigned)w->windows.current);
	for (i = 0; i < w->windows.nwindows; i++) {
		size_t len = w->window[i].len;
		bool last = i + 1 == w->windows.nwindows;

		if (w->window[i].off != off || len == 0 || len > w->whole.len - off)
			model_differ("window %zu is [%zu, +%zu], and should begin at %zu of %zu", i, w->window[i].off, len,
			    off, w->whole.len);
		if ((c->granularity > 1 && !last && len % c->granularity != 0) || len < c->min_transfer ||
		    (c->max_transfer != 0 && len > c->max_transfer))
			model_differ("window %zu of %zu bytes: granularity %u, min %" PRIu64 ", max %" PRIu64, i, len,
			    (unsigned)c->granularity, (uint64_t)c->min_transfer, (uint64_t)c->max_transfer);
		off += len;
	}
	if (off != w->whole.len)
		model_differ("windows of %zu bytes for an object of %zu", off, w->whole.len);
}

/* Limits that cut: the usual ones, and often some that are short. */
static void some_window_limit(struct machine *m, struct mete_constraint *c)
{
	static const uint32_t odd[] = { 3, 12, 48, 96, 192, 1536 };

	memset(c, 0, sizeof(*c));
	if (model_chance(&m->random, 30))
		some_limit(m, c, &m->streaming, true);
	if (model_chance(&m->random, 30))
		c->granularity = model_chance(&m->random, 40) ? odd[model_below(&m->random, 6)] :
		    1u << model_below(&m->random, 11);
	if (model_chance(&m->random, 55))
		c->max_transfer = 15 + (mete_baddr)model_log(&m->random, 4096);
	if (model_chance(&m->random, 30))
		c->max_segment = 15 + (mete_baddr)model_log(&m->random, 2048);
	if (model_chance(&m->random, 40))
		c->max_segments = (uint32_t)model_log(&m->random, 6);
	if (model_chance(&m->random, 8))
		c->min_transfer = (mete_baddr)model_log(&m->random, 128);
	if (model_chance(&m->random, 8) && m->streaming.align == 0) {
		c->align = (mete_baddr)1 << model_below(&m->random, 9);
		c->phase = model_chance(&m->random, 70) ? 0 : (mete_baddr)model_below(&m->random, c->align);
	}
	if (c->max_transfer != 0 && c->granularity > c->max_transfer && model_chance(&m->random, 95))
		c->max_transfer = 0;
	if (c->max_segment != 0 && c->granularity > c->max_segment && model_chance(&m->random, 95))
		c->max_segment = 0;
}

/* About how long: enough for some windows of whatever is short. */
static size_t some_total(struct machine *m, const struct mete_constraint *c)
{
	size_t most = 1024;

	if (c->max_transfer != 0)
		most = (size_t)min_size((size_t)c->max_transfer, OBJECT_LEN) * (size_t)model_log(&m->random, 16);
	else if (c->max_segment != 0)
		most = (size_t)min_size((size_t)c->max_segment, OBJECT_LEN) * (size_t)model_log(&m->random, 40);
	if (m->has_bounce && model_chance(&m->random, 15))
		most = 2 * max_size(m->area_len, m->longest);
	if (m->has_domain && model_chance(&m->random, 15))
		most = 2 * m->world.config.npages * m->world.config.page;
	return (size_t)model_log(&m->random, min_size(max_size(most, 64), model_chance(&m->random, 98) ? 32768 :
	    OBJECT_LEN / 2));
}

/* Visit windows: at random, or each in a row, forwards or backwards. */
static void windows_walk(struct machine *m, struct object *o)
{
	uint32_t n = o->windowed->windows.nwindows, i;
	size_t taken = 0;
	bool hogging = (m->has_bounce || m->has_domain) && model_chance(&m->random, 6);
	unsigned row = (unsigned)model_below(&m->random, 8);

	if (hogging)
		taken = hog_all(m);
	for (i = 0; i < (row > 1 ? min_size(n, 3) : n); i++) {
		window_show(m, o, row == 0 ? i : row == 1 ? n - 1 - i : (uint32_t)model_below(&m->random, n));
		stats.hogged += hogging;
		if (model_chance(&m->random, 50))
			step(m, o);
	}
	if (hogging)
		hog_none(m, taken);
}

/* The map is prepared, and the object made: load it. */
static void windows_load(struct machine *m, struct object *o, const struct mete_constraint *limit, size_t capacity)
{
	struct windowed *w = o->windowed;
	struct mete_pieces pieces = { object_next, &w->whole, object_rewind };
	unsigned may = expect_windows(m, &w->whole, &w->limit);
	struct before before;
	bool once = false;
	size_t exact;
	int code;

	/* Where IOVA lies decides how often a boundary cuts: what can be shown at once here may not be there. */
	if (w->whole.len != 0 && (may & MAY_0) != 0 && !(m->has_domain && w->limit.boundary != 0))
		once = expect_load(m, &w->whole, &w->limit, &exact) == MAY_0 || (model_chance(&m->random, 25) &&
			probe(m, o, limit, 0, w->whole.len) == 0);
	w->whole.next = 0;
	inject(m, 4);
	before = before_call(m);
	code = mete_windows_load(&w->windows, &pieces, w->whole.access, w->whole.flags);
	m->world.fail_in = m->world.lose_in = 0;
	if (m->world.failed) {
		stats.injected++;
		may |= code_bit(m->world.fail_error);
	} else if (code != 0 && once) {
		may = MAY_0;
	}
	if ((may & code_bit(code)) == 0) {
		describe_machine(m);
		describe(m, &w->whole, &w->limit);
		model_differ("a load of windows returned %s, the oracle allows %#x%s", mete_error_name(code), may,
		    once ? "; it can be shown at once" : "");
	}
	if (code != 0) {
		m->tally.failed++;
		if (w->windows.nwindows != 0 || o->map.state != METE_MAP_EMPTY || o->map.nsegments != 0)
			model_differ("a load of windows failed, and they are not empty");
		check_refused(m, &before, code, true, "a load of windows");
		if ((may & MAY_0) != 0 && !m->world.failed)
			argue(m, o, limit, &pieces, capacity, code);
		object_forget(m, &w->whole);
		return;
	}
	check_tiles(o, capacity);
	if (once && !m->world.failed && w->windows.nwindows != 1) {
		describe_machine(m);
		describe(m, &w->whole, &w->limit);
		model_differ("%u windows of what can be shown at once", (unsigned)w->windows.nwindows);
	}
	stats.at_once += w->windows.nwindows == 1;
	stats.cut += w->windows.nwindows > 1;
	stats.windows += w->windows.nwindows;
	w->hold = w->windows.hold;
	windows_mark(m, o);
	o->in_windows = true;
	window_begin(m, o);
	windows_walk(m, o);
}

void windows_try(struct machine *m, struct object *o)
{
	struct windowed *w = o->windowed;
	struct mete_constraint limit;
	size_t capacity = model_chance(&m->random, 80) ? WINDOWS : (size_t)model_log(&m->random, WINDOWS);
	int code;

	some_window_limit(m, &limit);
	w->limit = limit_merge(&m->streaming, &limit);
	w->whole.id = (unsigned char)(o->id + HIDDEN);
	object_make_list(m, &w->whole, &w->limit, some_total(m, &w->limit));
	w->whole.capacity = o->capacity = model_chance(&m->random, 30) ? (uint32_t)model_log(&m->random, 8) : SEGMENTS;
	m->tally.requests++;
	stats.windowed++;
	o->device = w->whole.device;
	code = mete_map_init(&o->map, o->device, &limit, o->segment, o->capacity);
	/* A limit that only the device's contradicts may be refused at the load. */
	if (code != (limit_contradicts(&limit) ? METE_EINVAL : 0) && !(code == METE_EINVAL && limit_contradicts(&w->limit)))
		model_differ("mete_map_init: %s", mete_error_name(code));
	if (code == 0 && (code = mete_windows_init(&w->windows, &o->map, w->window, (uint32_t)capacity)) != 0)
		model_differ("mete_windows_init: %s", mete_error_name(code));
	if (code == 0)
		windows_load(m, o, &limit, capacity);
	else
		object_forget(m, &w->whole);
}

/* -- Later -- */

static void windows_misuse(struct machine *m, struct object *o)
{
	struct windowed *w = o->windowed;
	struct mete_pieces pieces = { object_next, &w->whole, object_rewind };
	struct before before = before_call(m);
	uint32_t current = w->windows.current;
	int code, want;

	if (model_chance(&m->random, 50)) {
		code = mete_windows_load(&w->windows, &pieces, w->whole.access, 0);
		want = METE_EBUSY;
	} else {
		code = mete_windows_show(&w->windows, w->windows.nwindows + (uint32_t)model_below(&m->random, UINT32_MAX -
		    w->windows.nwindows));
		want = METE_EINVAL;
	}
	m->tally.bad_gives++;
	if (code != want)
		model_differ("misuse of windows: %s instead of %s", mete_error_name(code), mete_error_name(want));
	check_refused(m, &before, code, want == METE_EINVAL, "misuse of windows");
	if (w->windows.current != current)
		model_differ("a refused call moved the window");
	check_hold(o);
	check_device(m, o, 0, o->len, "after a misuse");
	check_cpu(m, o, 0, o->len, "after a misuse");
}

void windows_step(struct machine *m, struct object *o)
{
	if (model_chance(&m->random, 10))
		windows_misuse(m, o);
	else
		window_show(m, o, (uint32_t)model_below(&m->random, o->windowed->windows.nwindows));
}

int windows_end(struct machine *m, struct object *o)
{
	struct windowed *w = o->windowed;
	int code = mete_windows_unload(&w->windows);

	windows_unmark_pages(m, &w->hold);
	o->in_windows = false;
	if (code == 0 && mete_windows_unload(&w->windows) != METE_EINVAL)
		model_differ("a second unload of windows did not fail");
	if (w->windows.nwindows != 0)
		model_differ("windows are not empty after they were unloaded");
	homes_belong(m, &w->whole, 0);
	return code;
}
