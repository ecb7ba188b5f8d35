/* SPDX-License-Identifier: ISC */
/*
 * Map follow: what is where after a map, and then each step of CPU, device and library, byte by byte.
 *
 * Rules that the drivers of this test obey, as real ones must: who owns a byte, writes it; a line of which the device
 * owns a part is not written by the CPU; no sync for the CPU over what the CPU wrote and has not handed over; no sync
 * for a reading device over what the device wrote and has not handed over.  Device writes after a sync for the CPU do
 * happen where nothing but the device writes (a driver that peeks).
 */
#include "map_machine.h"

#include <inttypes.h>
#include <string.h>

/* -- After a map -- */

static void bits_add(struct object *o, size_t home, size_t place, size_t len, bool standin)
{
	struct bit *last = o->nbits > 0 ? &o->bit[o->nbits - 1] : NULL;

	if (last != NULL && last->home + last->len == home && last->place + last->len == place &&
	    last->standin == standin) {
		last->len += len;
		return;
	}
	if (o->nbits == BITS)
		model_differ("the test's own limit BITS");
	o->bit[o->nbits] = (struct bit){ last == NULL ? 0 : last->at + last->len, len, home, place, standin };
	o->nbits++;
}

void object_resolve(struct machine *m, struct object *o)
{
	size_t s, h = 0, in_home = 0, at = 0;

	o->nbits = 0;
	o->npages = 0;
	for (s = 0; s < o->nsegments; s++) {
		mete_baddr bus = o->segment[s].bus, left = o->segment[s].len;

		if (left == 0 || left > o->len - at)
			model_differ("segment %zu of %" PRIu64 " bytes, %zu of the object are left", s, (uint64_t)left,
			    o->len - at);
		while (left > 0) {
			enum mete_access access;
			size_t n = 0, place = resolve(m, bus, &n, &access);
			bool standin;

			if (place == WORLD_NOWHERE)
				model_differ("the device sees nothing at %#" PRIx64 " of segment %zu", (uint64_t)bus,
				    s);
			if (m->has_domain && access != o->access)
				model_differ("access %d at %#" PRIx64 ", mapped for %d", (int)access, (uint64_t)bus,
				    (int)o->access);
			if (n > left)
				n = (size_t)left;
			n = min_size(n, o->home[h].len - in_home);
			standin = place != o->home[h].at + in_home;
			if (standin && (!m->has_bounce || place < m->area || place + n > m->area + m->area_len))
				model_differ("byte %zu of the object is shown at memory %#zx, its home is %#zx", at,
				    place, o->home[h].at + in_home);
			bits_add(o, o->home[h].at + in_home, place, n, standin);
			bus += (mete_baddr)n;
			left -= (mete_baddr)n;
			at += n;
			in_home += n;
			if (in_home == o->home[h].len) {
				h++;
				in_home = 0;
			}
		}
	}
	if (at != o->len)
		model_differ("segments of %zu bytes for an object of %zu", at, o->len);
}

size_t object_pages(const struct machine *m, const struct object *o)
{
	bool used[WORLD_PAGES] = { false };
	size_t s, n = 0;

	if (!m->has_domain)
		return 0;
	for (s = 0; s < o->nsegments; s++) {
		size_t first = (size_t)(o->segment[s].bus - m->world.config.iova) / m->world.config.page;
		size_t last = (size_t)(o->segment[s].bus + (o->segment[s].len - 1) - m->world.config.iova) /
		    m->world.config.page;

		for (; first <= last; first++) {
			n += !used[first];
			used[first] = true;
		}
	}
	return n;
}

void check_limits(struct machine *m, const struct object *o, const struct mete_constraint *c)
{
	size_t s, i, at = 0, end = 0;

	if (c->max_segments != 0 && o->kind == KIND_LOAD && o->nsegments > c->max_segments)
		model_differ("%u segments, %u are allowed", (unsigned)o->nsegments, (unsigned)c->max_segments);
	if (o->nsegments > o->capacity)
		model_differ("%u segments, there is room for %u", (unsigned)o->nsegments, (unsigned)o->capacity);
	for (s = 0; s < o->nsegments; s++) {
		if (!limit_allows(c, o->segment[s].bus, o->segment[s].len, o->kind == KIND_LOAD))
			model_differ("segment %zu [%#" PRIx64 ", +%#" PRIx64 "] breaks a limit: [%#" PRIx64 ", %#" PRIx64
				     "], hole [%#" PRIx64 ", %#" PRIx64 "], align %#" PRIx64 ", phase %#" PRIx64
				     ", boundary %#" PRIx64 ", max %#" PRIx64,
			    s, (uint64_t)o->segment[s].bus, (uint64_t)o->segment[s].len, (uint64_t)c->first,
			    (uint64_t)c->last, (uint64_t)c->hole_first, (uint64_t)c->hole_last, (uint64_t)c->align,
			    (uint64_t)c->phase, (uint64_t)c->boundary, (uint64_t)c->max_segment);
		end = at + (size_t)o->segment[s].len;
		if (o->flags & METE_MAP_APART) {
			size_t edge = 0;

			for (i = 0; i < o->npieces; i++) {
				edge += o->piece[i].len;
				if (edge > at && edge < end)
					model_differ("segment %zu joins pieces that were to stay apart", s);
			}
		}
		at = end;
	}
	m->tally.checked_places += o->nsegments;
}

void check_slots(struct machine *m, struct object *o)
{
	const struct map_world *w = &m->world;
	size_t i, j, g, at, first, last;

	for (i = 0; i < o->nbits; i++) {
		const struct bit *b = &o->bit[i];

		if (!b->standin)
			continue;
		first = (b->place - m->area) / m->grain;
		last = (b->place + b->len - 1 - m->area) / m->grain;
		for (g = first; g <= last; g++) {
			if (m->grain_owner[g] != 0 && m->grain_owner[g] != o->id)
				model_differ("grain %zu is used twice", g);
			/* An object that is shown at once needs no more than a load does. */
			if (o->in_windows && o->windowed->windows.nwindows > 1 && m->grain_owner[g] == 0)
				model_differ("grain %zu is none that the windows hold", g);
			m->grain_owner[g] = o->id;
		}
		for (at = m->area + first * m->grain; at < m->area + (last + 1) * m->grain; at++) {
			if (at == b->place)
				at += b->len;
			if (at >= m->area + (last + 1) * m->grain || w->mem[at] == 0)
				continue;
			for (j = 0; j < o->nbits; j++)
				if (o->bit[j].standin && at >= o->bit[j].place && at < o->bit[j].place + o->bit[j].len)
					break;
			if (j == o->nbits)
				model_differ("the pad of a slot shows %#x, %zd bytes from a stand-in of %zu",
				    w->mem[at], (ptrdiff_t)at - (ptrdiff_t)b->place, b->len);
		}
	}
}

void check_lines(const struct machine *m, struct object *o)
{
	size_t line = m->world.config.line, i, at, k;

	o->ragged = false;
	if (m->world.config.coherent)
		return;
	for (i = 1; i < o->nbits; i++)
		o->ragged |= o->bit[i].standin && o->bit[i].place % line != 0 &&
		    (o->bit[i - 1].place + o->bit[i - 1].len - 1) / line == o->bit[i].place / line;
	if ((o->access & METE_DEVICE_WRITES) == 0)
		return;
	for (i = 0; i < o->nbits; i++) {
		const struct bit *b = &o->bit[i];

		if (b->standin)
			continue;
		if (m->always)
			model_differ("byte %zu is mapped directly, although stand-ins are for everything", b->at);
		if (b->home % line == 0 && (b->home + b->len) % line == 0)
			continue;
		o->ragged = true;
		for (k = 0; k < 2; k++)
			for (at = (k == 0 ? b->home : b->home + b->len - 1) / line * line;
			     at < (k == 0 ? b->home : b->home + b->len - 1) / line * line + line; at++)
				if (m->world.busy[at] != o->id)
					model_differ("the device may write memory %#zx directly, whose line has bytes of others",
					    b->home);
	}
}

void check_space(const struct machine *m)
{
	size_t i, n = m->hog_pages, grains = 0;

	for (i = 0; i < m->nobjects; i++)
		n += m->object[i].live ? m->object[i].npages : 0;
	for (i = 0; i < m->ngrains; i++)
		grains += m->grain_owner[i] != 0;
	if (m->has_bounce && m->bounce.frames.nfree + grains != m->ngrains)
		model_differ("%zu of %zu grains are free, objects have %zu", m->bounce.frames.nfree, m->ngrains,
		    grains);
	if (m->has_domain && n != m->world.nvalid)
		model_differ("%zu pages are visible, mappings have %zu", m->world.nvalid, n);
	if (m->has_domain && !m->domain.config.deferred && m->world.nstale != 0)
		model_differ("%zu pages were unmapped and not flushed", m->world.nstale);
}

/* Everything that belongs to the world, and nothing of it visible any more. */
static void check_idle(struct machine *m)
{
	if (m->has_bounce && mete_bounce_used(&m->bounce) != 0)
		model_differ("%zu stand-ins are used, nothing is mapped", mete_bounce_used(&m->bounce));
	if (m->has_domain && m->domain.nmapped != 0)
		model_differ("%zu ranges are in use, nothing is mapped", m->domain.nmapped);
	if (m->world.nvalid != 0)
		model_differ("%zu pages are visible, nothing is mapped", m->world.nvalid);
	if (m->has_second && m->second.nmapped != m->second.nunmapped)
		model_differ("%lu mapped, %lu unmapped for the second device, nothing is left", m->second.nmapped,
		    m->second.nunmapped);
	if (m->device.nmapped != m->device.nunmapped)
		model_differ("%lu mapped, %lu unmapped, nothing is left", m->device.nmapped, m->device.nunmapped);
	world_check_all(&m->world);
}

void check_cpu(const struct machine *m, const struct object *o, size_t off, size_t len, const char *when)
{
	const struct map_world *w = &m->world;
	size_t i, k;

	for (i = 0; i < o->nbits; i++) {
		const struct bit *b = &o->bit[i];
		size_t lo = max_size(off, b->at), hi = min_size(off + len, b->at + b->len);

		if (lo >= hi || memcmp(w->cpu + b->home + (lo - b->at), w->truth + b->home + (lo - b->at),
		    hi - lo) == 0)
			continue;
		for (k = lo; k < hi; k++)
			if ((o->state[k] & BYTE_DEVICE) == 0 &&
			    w->cpu[b->home + k - b->at] != w->truth[b->home + k - b->at])
				model_differ("%s: byte %zu of %zu is %#x for the CPU, should be %#x (%s, access %d)",
				    when, k,
				    o->len, w->cpu[b->home + k - b->at], w->truth[b->home + k - b->at],
				    b->standin ? "stand-in" : "direct", (int)o->access);
	}
}

void check_device(const struct machine *m, const struct object *o, size_t off, size_t len, const char *when)
{
	const struct map_world *w = &m->world;
	size_t i, k;

	for (i = 0; i < o->nbits; i++) {
		const struct bit *b = &o->bit[i];
		size_t lo = max_size(off, b->at), hi = min_size(off + len, b->at + b->len);

		for (k = lo; k < hi; k++)
			if ((o->state[k] & BYTE_KNOWN) != 0 && w->mem[b->place + k - b->at] != o->seen[k])
				model_differ("%s: byte %zu of %zu is %#x for the device, should be %#x (%s, access %d)", when, k,
				    o->len, w->mem[b->place + k - b->at], o->seen[k], b->standin ? "stand-in" :
				    "direct",
				    (int)o->access);
	}
}

/* -- Following what happens -- */

static bool any_state(const struct object *o, size_t off, size_t len, unsigned states)
{
	size_t k;

	for (k = off; k < off + len; k++)
		if ((o->state[k] & states) != 0)
			return true;
	return false;
}

/* The same, rounded out to lines: of the memory, or of the stand-in. */
bool any_line_state(const struct machine *m, const struct object *o, size_t off, size_t len, unsigned states)
{
	size_t i, line = m->world.config.line;

	if (m->world.config.coherent)
		return any_state(o, off, len, states);
	if (o->ragged)
		return any_state(o, 0, o->len, states);
	for (i = 0; i < o->nbits; i++) {
		const struct bit *b = &o->bit[i];
		size_t lo = max_size(off, b->at), hi = min_size(off + len, b->at + b->len), base, edge;

		if (lo >= hi)
			continue;
		base = b->standin ? b->place : b->home;
		edge = (base + lo - b->at) / line * line;
		lo = edge > base ? edge - base + b->at : b->at;
		edge = (base + hi - b->at + line - 1) / line * line;
		hi = min_size(edge - base + b->at, b->at + b->len);
		if (any_state(o, lo, hi - lo, states))
			return true;
	}
	return false;
}

void object_for_device(struct machine *m, struct object *o, size_t off, size_t len, enum mete_access access)
{
	struct map_world *w = &m->world;
	size_t i, k;

	for (i = 0; i < o->nbits; i++) {
		const struct bit *b = &o->bit[i];
		size_t lo = max_size(off, b->at), hi = min_size(off + len, b->at + b->len);

		for (k = lo; k < hi; k++) {
			unsigned state = o->state[k];

			if ((access & METE_DEVICE_READS) != 0) {
				o->seen[k] = w->truth[b->home + k - b->at];
				state = (state & ~(unsigned)BYTE_EITHER) | BYTE_KNOWN;
			} else if ((state & BYTE_BY_CPU) != 0 && (b->standin || !w->config.coherent)) {
				state |= BYTE_EITHER;
			}
			state = (state & ~(unsigned)(BYTE_BY_CPU | BYTE_FRESH)) | BYTE_DEVICE;
			if ((access & METE_DEVICE_WRITES) != 0)
				state |= BYTE_WRITABLE;
			o->state[k] = (unsigned char)state;
		}
	}
}

/*
 * What a sync for the CPU means.  BYTE_EITHER: the CPU wrote, and handed the byte to a device that only writes, but did
 * not.  What the CPU wrote may be lost then: the byte is as it was, or as the CPU left it.
 */
void object_for_cpu(struct machine *m, struct object *o, size_t off, size_t len, enum mete_access access)
{
	struct map_world *w = &m->world;
	size_t i, k;

	for (i = 0; i < o->nbits; i++) {
		const struct bit *b = &o->bit[i];
		size_t lo = max_size(off, b->at), hi = min_size(off + len, b->at + b->len);

		for (k = lo; k < hi; k++) {
			unsigned char *truth = &w->truth[b->home + k - b->at];
			unsigned state = o->state[k];

			if ((access & METE_DEVICE_WRITES) != 0) {
				if ((state & BYTE_BY_DEVICE) != 0) {
					*truth = o->seen[k];
				} else if ((state & (BYTE_EITHER | BYTE_BY_CPU)) != 0) {
					if (!b->standin || w->cpu[b->home + k - b->at] == o->seen[k])
						*truth = w->cpu[b->home + k - b->at];
				}
				state &= ~(unsigned)(BYTE_BY_DEVICE | BYTE_EITHER);
			}
			else if ((state & BYTE_EITHER) != 0 && !b->standin)
				*truth = w->cpu[b->home + k - b->at];
			o->state[k] = (unsigned char)(state & ~(unsigned)(BYTE_DEVICE | BYTE_WRITABLE));
		}
	}
}

/* -- Steps -- */

static void some_range(struct machine *m, const struct object *o, size_t *ret_off, size_t *ret_len)
{
	*ret_off = 0;
	*ret_len = o->len;
	if (model_chance(&m->random, 40))
		return;
	*ret_off = (size_t)model_below(&m->random, o->len);
	*ret_len = (size_t)model_between(&m->random, 1, o->len - *ret_off);
	if (model_chance(&m->random, 30))
		*ret_len = (size_t)model_log(&m->random, o->len - *ret_off);
}

static enum mete_access some_access(struct machine *m, enum mete_access within)
{
	unsigned access = (unsigned)model_between(&m->random, 1, 3) & (unsigned)within;

	return access == 0 || model_chance(&m->random, 60) ? within : (enum mete_access)access;
}

static void press_near(struct machine *m, const struct object *o)
{
	const struct bit *b = &o->bit[model_below(&m->random, o->nbits)];
	size_t in = (size_t)model_below(&m->random, b->len);

	m->world.focus = (model_chance(&m->random, 60) ? b->home : b->place) + in;
	world_press(&m->world);
}

static int call_sync(struct object *o, size_t off, size_t len, enum mete_sync sync,
    enum mete_access access)
{
	stats.synced++;
	if (o->kind == KIND_LOAD)
		return mete_map_sync(&o->map, off, len, sync, access);
	return mete_sync_single(o->device, o->bus + (mete_baddr)off, len, sync, access);
}

static void step_for_device(struct machine *m, struct object *o, size_t off, size_t len, enum mete_access access)
{
	int code;

	if ((access & METE_DEVICE_READS) != 0 && any_line_state(m, o, off, len, BYTE_BY_DEVICE))
		return;
	/* Ranges count as rounded out to lines: what the CPU wrote next to it would be lost with the rest. */
	if (access == METE_DEVICE_WRITES && !m->world.config.coherent && (any_line_state(m, o, off, len, BYTE_BY_CPU) &&
		!(off == 0 && len == o->len)) )
		return;
	m->world.focus = o->bit[0].home;
	code = call_sync(o, off, len, METE_FOR_DEVICE, access);
	if (code != 0)
		model_differ("sync [%zu, +%zu] of %zu for the device: %s", off, len, o->len, mete_error_name(code));
	object_for_device(m, o, off, len, access);
	press_near(m, o);
	check_device(m, o, off, len, "after a sync for the device");
	check_cpu(m, o, 0, o->len, "after a sync for the device");
}

static void step_for_cpu(struct machine *m, struct object *o, size_t off, size_t len, enum mete_access access)
{
	int code;

	if ((access & METE_DEVICE_WRITES) != 0 && any_line_state(m, o, off, len, BYTE_BY_CPU | BYTE_FRESH))
		return;
	if ((access & METE_DEVICE_WRITES) == 0 && any_state(o, off, len, BYTE_BY_DEVICE))
		return;
	press_near(m, o);
	code = call_sync(o, off, len, METE_FOR_CPU, access);
	if (code != 0)
		model_differ("sync [%zu, +%zu] of %zu for the CPU: %s", off, len, o->len, mete_error_name(code));
	object_for_cpu(m, o, off, len, access);
	check_cpu(m, o, 0, o->len, "after a sync for the CPU");
}

static void step_cpu_writes(struct machine *m, struct object *o, size_t off, size_t len)
{
	size_t i, k;

	if (any_line_state(m, o, off, len, BYTE_DEVICE | BYTE_BY_DEVICE))
		return;
	for (k = 0; k < len; k++)
		m->scratch[k] = (unsigned char)(model_next(&m->random) >> 32);
	for (i = 0; i < o->nbits; i++) {
		const struct bit *b = &o->bit[i];
		size_t lo = max_size(off, b->at), hi = min_size(off + len, b->at + b->len);

		if (lo >= hi)
			continue;
		world_store(&m->world, b->home + (lo - b->at), m->scratch + (lo - off), hi - lo);
		for (k = lo; k < hi; k++) {
			unsigned state = o->state[k] | BYTE_BY_CPU;

			if (!b->standin)
				state &= ~(unsigned)BYTE_KNOWN;
			o->state[k] = (unsigned char)state;
		}
	}
	press_near(m, o);
	check_device(m, o, off, len, "after the CPU wrote");
}

/* The device writes those of the bytes that it may, and leaves out some. */
static void step_device_writes(struct machine *m, struct object *o, size_t off, size_t len, bool peeking)
{
	struct map_world *w = &m->world;
	bool sparse = model_chance(&m->random, 30);
	size_t i, k;

	for (i = 0; i < o->nbits; i++) {
		const struct bit *b = &o->bit[i];
		size_t lo = max_size(off, b->at), hi = min_size(off + len, b->at + b->len);

		for (k = lo; k < hi; k++) {
			uint64_t r;

			if (!peeking && (o->state[k] & BYTE_WRITABLE) == 0)
				continue;
			r = model_next(&m->random);
			if (sparse && (r >> 60) < 8)
				continue;
			w->mem[b->place + k - b->at] = (unsigned char)(r >> 32);
			o->seen[k] = (unsigned char)(r >> 32);
			if (w->config.coherent && !b->standin)
				w->truth[b->home + k - b->at] = (unsigned char)(r >> 32);
			o->state[k] &= (unsigned char)~(unsigned)BYTE_EITHER;
			o->state[k] |= BYTE_KNOWN | BYTE_BY_DEVICE;
		}
	}
	press_near(m, o);
	check_device(m, o, off, len, "after the device wrote");
}

/* A look without taking the memory away, as drivers do that poll: what the device writes meanwhile must not be lost. */
static void step_peek(struct machine *m, struct object *o)
{
	size_t off, len;

	if ((o->access & METE_DEVICE_WRITES) == 0 || any_line_state(m, o, 0, o->len, BYTE_BY_CPU | BYTE_FRESH))
		return;
	step_for_cpu(m, o, 0, o->len, METE_DEVICE_WRITES);
	some_range(m, o, &off, &len);
	step_device_writes(m, o, off, len, true);
	step_for_device(m, o, 0, o->len, METE_DEVICE_WRITES);
	check_device(m, o, off, len, "after a peek");
	stats.peeked++;
}

void step(struct machine *m, struct object *o)
{
	size_t off, len;

	some_range(m, o, &off, &len);
	switch (model_below(&m->random, 10)) {
	case 0:
	case 1:
	case 2:
		step_for_device(m, o, off, len, some_access(m, o->access));
		break;
	case 3:
	case 4:
		step_for_cpu(m, o, off, len, some_access(m, o->access));
		break;
	case 5:
	case 6:
		step_cpu_writes(m, o, off, len);
		break;
	case 7:
	case 8:
		if ((o->access & METE_DEVICE_WRITES) != 0)
			step_device_writes(m, o, off, len, false);
		break;
	default:
		step_peek(m, o);
		break;
	}
}

/* -- Unmapping -- */

/* Hand over what the CPU wrote, so that ending the mapping may bring back everything. */
static void object_hand_over(struct machine *m, struct object *o)
{
	size_t k, end;

	for (k = 0; k < o->len; k = end) {
		end = k + 1;
		if ((o->state[k] & BYTE_BY_CPU) == 0)
			continue;
		while (end < o->len && (o->state[end] & (BYTE_BY_CPU | BYTE_BY_DEVICE)) == BYTE_BY_CPU)
			end++;
		step_for_device(m, o, k, end - k, o->access);
	}
}

void object_end(struct machine *m, struct object *o)
{
	bool skip = o->kind != KIND_LOAD && (model_chance(&m->random, 15) || any_state(o, 0, o->len, BYTE_FRESH));
	int code;

	if (o->kind != KIND_LOAD && !skip && o->access != METE_DEVICE_WRITES)
		object_hand_over(m, o);
	press_near(m, o);
	if (o->in_windows)
		code = windows_end(m, o);
	else if (o->kind == KIND_LOAD)
		code = mete_map_unload(&o->map);
	else
		code = mete_unmap_single(o->device, o->bus, o->len, o->access, skip ? METE_MAP_SKIP_SYNC : 0);
	if (code != 0)
		model_differ("unmap: %s", mete_error_name(code));
	if (o->kind == KIND_LOAD && (o->map.state != METE_MAP_EMPTY || o->map.nsegments != 0))
		model_differ("a map is not empty after it was unloaded");
	if (o->kind != KIND_LOAD && !skip)
		object_for_cpu(m, o, 0, o->len, o->access);
	object_gone(m, o);
	check_space(m);
}

void object_gone(struct machine *m, struct object *o)
{
	struct map_world *w = &m->world;
	size_t i, k;

	/* What the device wrote and nobody synced lies in memory where the place is the home, and nowhere else. */
	for (i = 0; i < o->nbits; i++) {
		const struct bit *b = &o->bit[i];

		/* A store of what the cache still has from before would not show as dirty: read it again. */
		if (b->standin)
			world_refill(w, b->place, b->len);
		if (w->config.coherent || b->standin)
			continue;
		for (k = b->at; k < b->at + b->len; k++)
			if ((o->state[k] & BYTE_BY_DEVICE) != 0) {
				world_refill(w, b->home + k - b->at, 1);
				w->truth[b->home + k - b->at] = o->seen[k];
			}
	}
	memset(o->state, 0, o->len);
	check_cpu(m, o, 0, o->len, "after the end of the mapping");
	for (i = 0; i < o->nbits; i++)
		world_check_near(w, o->bit[i].home, o->bit[i].len, w->config.line);
	for (i = 0; i < o->nhome; i++)
		memset(w->busy + o->home[i].at, 0, o->home[i].len);
	for (i = 0; i < m->ngrains; i++)
		if (m->grain_owner[i] == o->id)
			m->grain_owner[i] = 0;
	if (o->in_windows)
		windows_mark(m, o);
	o->live = false;
	m->nlive--;
	m->last_bus = o->kind == KIND_LOAD ? o->segment[0].bus : o->bus;
	m->last_len = o->len;
	m->last_access = o->access;
}

void object_end_all(struct machine *m)
{
	size_t i;

	for (i = 0; i < m->nobjects; i++)
		if (m->object[i].live)
			object_end(m, &m->object[i]);
	check_idle(m);
}
