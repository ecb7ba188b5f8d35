/* SPDX-License-Identifier: ISC */
/*
 * Map objects: random pieces, lengths and limits.
 */
#include "map_machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* -- Objects -- */

static size_t some_len(struct machine *m)
{
	uint64_t r = model_below(&m->random, 1000);
	size_t frame = m->world.config.frame;

	if (r < 700)
		return (size_t)model_log(&m->random, 256);
	if (r < 940)
		return (size_t)model_log(&m->random, 2048);
	if (r < 990 || frame > 4096)
		return (size_t)model_log(&m->random, r < 998 ? 8192 : 3 * frame);
	return (size_t)model_log(&m->random, 3 * frame);
}

/* Where `len` bytes begin that belong to nobody; WORLD_NOWHERE if that was not to be had. */
static size_t some_place(struct machine *m, size_t len, bool neat)
{
	const struct map_world *w = &m->world;
	size_t frame = w->config.frame, first = w->config.nrun * frame, at = 0, tries;

	for (tries = 0; tries < 4; tries++) {
		switch (neat ? 2 : model_below(&m->random, 4)) {
		case 0: /* across the end of a frame */
			at = first + frame * (size_t)model_between(&m->random, 1, w->config.nframes - w->config.nrun);
			at -= (size_t)model_between(&m->random, 1, min_size(len, frame));
			break;
		case 1:
			at = first + (size_t)model_below(&m->random, w->len - first);
			break;
		default:
			at = first + (size_t)model_below(&m->random, w->len - first) / w->config.line * w->config.line;
			break;
		}
		if (len <= w->len - at && memchr(w->busy + at, 255, len) == NULL) {
			size_t k;

			for (k = 0; k < len && w->busy[at + k] == 0; k++)
				;
			if (k == len)
				return at;
		}
	}
	return WORLD_NOWHERE;
}

static void object_add_home(struct machine *m, struct object *o, size_t at, size_t len)
{
	o->home[o->nhome++] = (struct span){ at, len, o->npieces };
	memset(m->world.busy + at, o->id, len);
	o->len += len;
}

/* Homes of a range that is contiguous physically, and may not be for the CPU. */
static bool object_add_phys(struct machine *m, struct object *o, size_t at, size_t len)
{
	const struct map_world *w = &m->world;
	mete_paddr phys = world_phys(w, at);
	size_t n, k, left, before = o->nhome;

	for (left = len; left > 0; left -= n, phys += (mete_paddr)n) {
		at = world_offset(w, phys);
		if (at == WORLD_NOWHERE || at < w->config.nrun * w->config.frame || o->nhome == PIECES * 8)
			break;
		n = min_size(left, w->config.frame - (at & (w->config.frame - 1)));
		for (k = 0; k < n && w->busy[at + k] == 0; k++)
			;
		if (k < n)
			break;
		object_add_home(m, o, at, n);
	}
	if (left == 0)
		return true;
	while (o->nhome > before) {
		o->nhome--;
		o->len -= o->home[o->nhome].len;
		memset(m->world.busy + o->home[o->nhome].at, 0, o->home[o->nhome].len);
	}
	return false;
}

/* Bytes of a line that CPU and device agree on are easier to hand out. */
static size_t rounded_len(struct machine *m, const struct mete_constraint *c, size_t len, bool neat)
{
	size_t unit = c->granularity > 1 && model_chance(&m->random, 92) ? c->granularity : 1;

	if (neat || (!m->world.config.coherent && model_chance(&m->random, 30)))
		unit = max_size(unit, m->world.config.line);
	return (len + unit - 1) / unit * unit;
}

/* True: of whole lines, which the device may write directly. */
static bool object_start(struct machine *m, struct object *o)
{
	o->len = o->npieces = o->nhome = 0;
	o->access = (enum mete_access)model_between(&m->random, 1, 3);
	o->flags = 0;
	o->device = m->has_second && model_chance(&m->random, 50) ? &m->second : &m->device;
	return !m->world.config.coherent && model_chance(&m->random, m->has_bounce ? 20 : 85);
}

void object_make(struct machine *m, struct object *o, const struct mete_constraint *c)
{
	size_t at, len;
	bool neat;

	o->kind = model_chance(&m->random, 50) ? KIND_LOAD : model_chance(&m->random, 70) ? KIND_SINGLE : KIND_PHYS;
	if (o->kind == KIND_LOAD) {
		object_make_list(m, o, c, 0);
		return;
	}
	neat = object_start(m, o);
	len = rounded_len(m, c, some_len(m), neat);
	at = some_place(m, len, neat);
	if (at == WORLD_NOWHERE)
		return;
	if (o->kind == KIND_SINGLE)
		object_add_home(m, o, at, len);
	else
		object_add_phys(m, o, at, len);
	o->flags = model_chance(&m->random, 15) ? METE_MAP_SKIP_SYNC : 0;
}

void object_make_list(struct machine *m, struct object *o, const struct mete_constraint *c, size_t total)
{
	size_t n, i, at, len, end = WORLD_NOWHERE;
	bool neat = object_start(m, o);

	o->flags = model_chance(&m->random, 15) ? METE_MAP_APART : 0;
	n = (size_t)model_log(&m->random, PIECES);
	for (i = 0; i < n; i++) {
		struct mete_piece *piece = &o->piece[o->npieces];

		len = total != 0 ? (size_t)model_between(&m->random, 1, 2 * total / n + 1) : some_len(m) / n + (n > 1);
		if (total != 0 && model_chance(&m->random, 60)) /* only the sum is a multiple of the granularity */
			len += i + 1 == n && c->granularity > 1 ? c->granularity - 1 - (o->len + len - 1) % c->granularity : 0;
		else
			len = rounded_len(m, c, len, neat);
		if (len > OBJECT_LEN - o->len || o->nhome > PIECES * 7)
			continue;
		memset(piece, 0, sizeof(*piece));
		if (model_chance(&m->random, 6)) { /* an empty one */
			piece->cpu = model_chance(&m->random, 50) ? m->world.cpu : NULL;
			o->piece_at[o->npieces++] = 0;
			continue;
		}
		at = WORLD_NOWHERE;
		if (end != WORLD_NOWHERE && model_chance(&m->random, 40) && len <= m->world.len - end) {
			for (at = end; at < end + len && m->world.busy[at] == 0; at++)
				;
			at = at == end + len ? end : WORLD_NOWHERE;
		}
		if (at == WORLD_NOWHERE)
			at = some_place(m, len, neat);
		if (at == WORLD_NOWHERE)
			continue;
		if (model_chance(&m->random, 25)) {
			piece->placed = true;
			piece->phys = world_phys(&m->world, at);
			if (!object_add_phys(m, o, at, len))
				continue;
			/* With a pointer if the CPU sees it in one piece, and not always then. */
			for (end = o->nhome - 1; end > 0 && o->home[end - 1].piece == o->npieces; end--)
				;
			for (; end + 1 < o->nhome && o->home[end].at + o->home[end].len == o->home[end + 1].at; end++)
				;
			if (end + 1 == o->nhome && model_chance(&m->random, 60))
				piece->cpu = m->world.cpu + at;
			end = o->home[o->nhome - 1].at + o->home[o->nhome - 1].len;
		} else {
			piece->cpu = m->world.cpu + at;
			object_add_home(m, o, at, len);
			end = at + len;
		}
		piece->len = len;
		o->piece_at[o->npieces++] = at;
	}
}

bool object_next(void *ctx, struct mete_piece *ret_piece)
{
	struct object *o = ctx;

	if (o->next == o->npieces)
		return false;
	*ret_piece = o->piece[o->next++];
	return true;
}

void object_rewind(void *ctx)
{
	struct object *o = ctx;

	o->next = 0;
}

mete_baddr some_bus(struct machine *m)
{
	return (mete_baddr)model_between(&m->random, m->bus_first, m->bus_last);
}

void some_limit(struct machine *m, struct mete_constraint *c, const struct mete_constraint *base, bool range)
{
	mete_baddr span = m->bus_last - m->bus_first;

	memset(c, 0, sizeof(*c));
	if (range && model_chance(&m->random, 15)) {
		c->last = m->bus_last - (mete_baddr)model_log(&m->random, span / 2 + 1);
		if (model_chance(&m->random, 25))
			c->last = some_bus(m);
	}
	if (range && model_chance(&m->random, 8))
		c->first = m->bus_first + (mete_baddr)model_log(&m->random, span / 2 + 1);
	if (c->last != 0 && c->first > c->last && model_chance(&m->random, 95))
		c->first = 0;
	if (range && model_chance(&m->random, 12) && base->hole_last == 0) {
		c->hole_first = some_bus(m);
		c->hole_last = c->hole_first + (mete_baddr)model_below(&m->random, span / 4 + 1);
		if (c->hole_last < c->hole_first || c->hole_last == 0)
			c->hole_first = c->hole_last = 0;
	}
	if (model_chance(&m->random, 25))
		c->boundary = (mete_baddr)1 << model_between(&m->random, 5, 18);
	if (model_chance(&m->random, 25))
		c->max_segment = 31 + (mete_baddr)model_log(&m->random, 65536);
	if (model_chance(&m->random, 15))
		c->max_segments = (uint32_t)model_log(&m->random, 16);
	if (model_chance(&m->random, 12))
		c->max_transfer = 63 + (mete_baddr)model_log(&m->random, 65536);
	if (model_chance(&m->random, 6))
		c->min_transfer = (mete_baddr)model_log(&m->random, 64);
	if (model_chance(&m->random, 10))
		c->granularity = 1u << model_below(&m->random, 7);
	if (model_chance(&m->random, 8) && base->align == 0) {
		c->align = (mete_baddr)1 << model_below(&m->random, model_chance(&m->random, 80) ? 7 : 16);
		c->phase = model_chance(&m->random, 70) ? 0 : (mete_baddr)model_below(&m->random, c->align);
	}
}

/* -- In words, when something differs -- */

void describe(const struct machine *m, const struct object *o, const struct mete_constraint *c)
{
	size_t i;

	printf("object: kind %d, %zu bytes, access %d, flags %#x, capacity %u, homes", (int)o->kind, o->len,
	    (int)o->access,
	    o->flags, (unsigned)o->capacity);
	for (i = 0; i < o->nhome && i < 24; i++)
		printf(" %zu:[%#zx +%#zx at %#" PRIx64 "]", o->home[i].piece, o->home[i].at, o->home[i].len,
		    (uint64_t)world_phys(&m->world, o->home[i].at));
	printf("\nlimit: [%#" PRIx64 ", %#" PRIx64 "], hole [%#" PRIx64 ", %#" PRIx64 "], align %#" PRIx64 " phase %#" PRIx64
	       ", boundary %#" PRIx64 ", segment %#" PRIx64 ", transfer [%#" PRIx64 ", %#" PRIx64 "], segments %u, granularity %u\n",
	    (uint64_t)c->first, (uint64_t)c->last, (uint64_t)c->hole_first, (uint64_t)c->hole_last, (uint64_t)c->align,
	    (uint64_t)c->phase, (uint64_t)c->boundary, (uint64_t)c->max_segment, (uint64_t)c->min_transfer,
	    (uint64_t)c->max_transfer, (unsigned)c->max_segments, (unsigned)c->granularity);
}

void describe_machine(const struct machine *m)
{
	const struct world_config *w = &m->world.config;
	size_t i;

	printf("machine: frame %zu, line %zu, %s%s, base %#" PRIx64 ", %zu frames, %zu for runs%s%s\n", w->frame,
	    w->line,
	    w->coherent ? "coherent" : "not coherent", w->cacheless ? ", no cache calls" : "", (uint64_t)w->base,
	    w->nframes,
	    w->nrun, m->has_bounce ? ", bounce" : "", m->always ? " always" : "");
	if (m->has_bounce)
		printf("area: %#zx +%#zx, grain %zu, longest %zu, keep %#zx\n", m->area, m->area_len, m->grain,
		    m->longest,
		    m->keep);
	if (m->has_domain)
		printf("domain: %#" PRIx64 ", %zu pages of %zu, %zu mapped, %zu stale, %s\n", (uint64_t)w->iova,
		    w->npages,
		    w->page, m->world.nvalid, m->world.nstale, m->domain.config.deferred ? "deferred" : "strict");
	for (i = 0; i < m->nranges; i++)
		printf("range: phys %#" PRIx64 " bus %#" PRIx64 " +%#" PRIx64 "\n", (uint64_t)m->range[i].phys,
		    (uint64_t)m->range[i].bus, (uint64_t)m->range[i].len);
}
