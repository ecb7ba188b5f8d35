/* SPDX-License-Identifier: ISC */
/*
 * Mapping against the oracle: random objects in random ways, every byte followed.
 *
 * A part is a way (none, bounce, domain, both) with a page size.  It makes a world (see map_world.h) with a device of
 * random limits, uses it for some 2000 cases and makes the next.  A case is one try to map an object; between cases
 * the objects that are mapped are synced, read and written from both sides, misused, and unmapped.
 *
 * After a map the segments are resolved without the library, byte ranges by arithmetic and pages through the world's
 * own table (map_oracle.c); then each byte is followed (map_follow.c) until the mapping ends.
 */
#include "map_machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 83 = 1000 for twelve parts. */
static const struct part parts[] = {
	{ "direct_4k", 83, 0, 4 * KIB },
	{ "direct_16k", 83, 0, 16 * KIB },
	{ "direct_64k", 83, 0, 64 * KIB },
	{ "bounce_4k", 85, WAY_BOUNCE, 4 * KIB },
	{ "bounce_16k", 83, WAY_BOUNCE, 16 * KIB },
	{ "bounce_64k", 83, WAY_BOUNCE, 64 * KIB },
	{ "domain_4k", 85, WAY_DOMAIN, 4 * KIB },
	{ "domain_16k", 83, WAY_DOMAIN, 16 * KIB },
	{ "domain_64k", 83, WAY_DOMAIN, 64 * KIB },
	{ "both_4k", 83, WAY_BOUNCE | WAY_DOMAIN, 4 * KIB },
	{ "both_16k", 83, WAY_BOUNCE | WAY_DOMAIN, 16 * KIB },
	{ "both_64k", 83, WAY_BOUNCE | WAY_DOMAIN, 64 * KIB },
};

#define CASES 2000 /* of one world */

/* -- A case -- */

struct before before_call(struct machine *m)
{
	struct before before = { m->world.nvalid, m->has_bounce ? mete_bounce_used(&m->bounce) : 0,
		m->has_domain ? m->domain.nmapped : 0, { 0 } };

	mete_provider_counters(&m->world.provider, &before.counters);
	return before;
}

/* A refused call left nothing behind; and was it counted? */
void check_refused(struct machine *m, const struct before *before, int code, bool counted, const char *what)
{
	struct before after = before_call(m);

	if (after.nvalid != before->nvalid)
		model_differ("%s failed, and %zu pages are visible instead of %zu", what, after.nvalid, before->nvalid);
	if (after.used != before->used)
		model_differ("%s failed, and %zu stand-ins are used instead of %zu", what, after.used, before->used);
	if (after.nmapped != before->nmapped)
		model_differ("%s failed, and %zu ranges are in use instead of %zu", what, after.nmapped,
		    before->nmapped);
	if (counted && after.counters.map_refused == before->counters.map_refused &&
	    after.counters.bad_argument == before->counters.bad_argument &&
	    after.counters.bad_address == before->counters.bad_address)
		model_differ("%s failed (%s), and nothing counts it", what, mete_error_name(code));
	check_space(m);
}

static int object_call(struct machine *m, struct object *o, const struct mete_constraint *limit, bool *ret_counted)
{
	struct mete_pieces pieces = { object_next, o, object_rewind };
	int code;

	*ret_counted = true;
	o->bus = UNTOUCHED;
	switch (o->kind) {
	case KIND_SINGLE:
		code = mete_map_single(&m->device, limit, m->world.cpu + o->home[0].at, o->len, o->access, o->flags,
		    &o->bus);
		break;
	case KIND_PHYS:
		code = mete_map_phys(&m->device, limit, world_phys(&m->world, o->home[0].at), o->len, o->access,
		    o->flags,
		    &o->bus);
		break;
	default:
		code = mete_map_init(&o->map, &m->device, limit, o->segment, o->capacity);
		if (code != 0) {
			*ret_counted = false;
			return code;
		}
		o->next = 0;
		if (!m->has_domain && model_chance(&m->random, 50))
			pieces.rewind = NULL;
		if (model_chance(&m->random, 50))
			code = mete_map_load(&o->map, &pieces, o->access, o->flags);
		else
			code = mete_map_load_array(&o->map, o->piece, o->npieces, o->access, o->flags);
		if (code != 0 && (o->map.state != METE_MAP_EMPTY || o->map.nsegments != 0))
			model_differ("a load failed, and the map is not empty");
		break;
	}
	if (code != 0 && o->bus != UNTOUCHED)
		model_differ("a failed map stored an address");
	return code;
}

void object_begin(struct machine *m, struct object *o, const struct mete_constraint *c, size_t exact)
{
	struct map_world *w = &m->world;
	size_t i, k;

	if (o->kind == KIND_LOAD) {
		o->nsegments = o->map.nsegments;
		if (o->map.state != METE_MAP_CPU || o->map.len != o->len)
			model_differ("a loaded map has state %d and %zu bytes of %zu", (int)o->map.state, o->map.len,
			    o->len);
		if (o->nsegments > o->capacity)
			model_differ("%u segments, there is room for %u", (unsigned)o->nsegments,
			    (unsigned)o->capacity);
	} else {
		o->nsegments = 1;
		o->segment[0] = (struct mete_segment){ o->bus, (mete_baddr)o->len };
	}
	if (exact != 0 && o->nsegments != exact) {
		describe_machine(m);
		describe(m, o, c);
		for (i = 0; i < o->nsegments; i++)
			printf("segment [%#" PRIx64 ", +%#" PRIx64 "]\n", (uint64_t)o->segment[i].bus,
			    (uint64_t)o->segment[i].len);
		model_differ("%u segments, %zu would do", (unsigned)o->nsegments, exact);
	}
	object_resolve(m, o);
	check_limits(m, o, c);
	check_lines(m, o);
	check_slots(m, o);
	o->npages = object_pages(m, o);
	o->live = true;
	m->nlive++;
	check_space(m);
	stats.mapped[o->kind]++;
	stats.segments += o->nsegments;
	for (i = 0; i < o->nbits; i++) {
		const struct bit *b = &o->bit[i];

		stats.direct += !b->standin;
		stats.standin += b->standin;
		/* A stand-in shows the object from the first moment on, whatever the device will do. */
		memcpy(o->seen + b->at, w->truth + b->home, b->len);
		memset(o->state + b->at, b->standin ? BYTE_KNOWN : 0, b->len);
		if (b->standin && !m->has_domain && m->keep != 0 && i == 0 && c->align <= 1 &&
		    ((o->segment[0].bus - world_phys(w, b->place)) & m->keep) == 0 &&
		    ((o->segment[0].bus ^ world_phys(w, b->home)) & m->keep) != 0) {
			describe_machine(m);
			describe(m, o, c);
			model_differ("a stand-in at %#" PRIx64 " does not keep the bits %#zx of %#" PRIx64,
			    (uint64_t)o->segment[0].bus, m->keep, (uint64_t)world_phys(w, b->home));
		}
	}
	stats.bytes += o->len;
	if (o->kind != KIND_LOAD && (o->flags & METE_MAP_SKIP_SYNC) == 0)
		object_for_device(m, o, 0, o->len, o->access);
	else
		for (k = 0; k < o->nbits; k++)
			if (!o->bit[k].standin)
				memset(o->state + o->bit[k].at, w->config.coherent ? BYTE_KNOWN : BYTE_FRESH,
				    o->bit[k].len);
	check_device(m, o, 0, o->len, "after the map");
	check_cpu(m, o, 0, o->len, "after the map");
}

void object_forget(struct machine *m, struct object *o)
{
	size_t i;

	for (i = 0; i < o->nhome; i++)
		memset(m->world.busy + o->home[i].at, 0, o->home[i].len);
}

static void try_map(struct machine *m, struct object *o)
{
	struct mete_constraint limit = { 0 }, c;
	bool limited = model_chance(&m->random, 15), counted;
	struct before before;
	unsigned may;
	size_t exact = 0, i;
	int code;

	if (limited)
		some_limit(m, &limit, &m->streaming, true);
	c = limit_merge(&m->streaming, limited ? &limit : NULL);
	object_make(m, o, &c);
	if (o->nhome == 0 && o->kind != KIND_LOAD)
		return;
	o->capacity = o->kind != KIND_LOAD ? 1 :
	    model_chance(&m->random, 25) ? (uint32_t)model_log(&m->random, SEGMENTS) : SEGMENTS;
	may = o->kind == KIND_LOAD ? expect_load(m, o, &c, &exact) : expect_single(m, o, &c);
	m->world.failed = false;
	if (m->has_domain && model_chance(&m->random, 4)) {
		m->world.fail_in = (unsigned)model_log(&m->random, 8);
		m->world.fail_error = model_chance(&m->random, 50) ? METE_EIO : METE_ENOMEM;
	}
	before = before_call(m);
	m->tally.requests++;
	code = object_call(m, o, limited ? &limit : NULL, &counted);
	m->world.fail_in = 0;
	if (m->world.failed) {
		stats.injected++;
		may = code_bit(m->world.fail_error);
		/* A single mapping may try a stand-in then. */
		if (o->kind != KIND_LOAD && m->has_bounce && m->world.fail_error == METE_ENOMEM)
			may |= MAY_0;
	}
	if ((may & code_bit(code)) == 0) {
		describe_machine(m);
		describe(m, o, &c);
		model_differ("a map returned %s, the oracle allows %#x (1 0, 2 EINVAL, 4 EFAULT, 8 ERANGE, 16 ENOMEM, 32 ENOTSUP, "
			     "64 EMSGSIZE, 128 EIO)%s",
		    mete_error_name(code), may, m->world.failed ? "; the IOMMU's map failed" : "");
	}
	if (code == 0) {
		object_begin(m, o, &c, exact);
		return;
	}
	m->tally.failed++;
	stats.exhausted += code == METE_ENOMEM;
	check_refused(m, &before, code, counted, "a map");
	for (i = 0; i < o->nhome; i++) {
		if (memcmp(m->world.cpu + o->home[i].at, m->world.truth + o->home[i].at, o->home[i].len) != 0)
			model_differ("a map failed, and changed the object");
		world_check_near(&m->world, o->home[i].at, o->home[i].len, m->world.config.line);
	}
	object_forget(m, o);
}

/* -- Misuse -- */

static void refuse(struct machine *m, const struct before *before, int code, unsigned may, const char *what)
{
	m->tally.bad_gives++;
	if ((may & code_bit(code)) == 0) {
		describe_machine(m);
		model_differ("%s: %s, the oracle allows %#x", what, mete_error_name(code), may);
	}
	if (code != 0)
		check_refused(m, before, code, true, what);
}

static void misuse_map(struct machine *m)
{
	struct mete_constraint bad = { 0 };
	size_t at = m->world.config.nrun * m->world.config.frame;
	unsigned char *cpu = m->world.cpu + at;
	enum mete_access access = METE_DEVICE_READS;
	mete_baddr bus = UNTOUCHED;
	struct before before = before_call(m);
	unsigned none = !m->world.config.coherent && m->world.config.cacheless ? MAY_ENOTSUP : 0;
	int code;

	switch (model_below(&m->random, 7)) {
	case 0:
		code = mete_map_single(&m->device, NULL, cpu, 0, access, 0, &bus);
		refuse(m, &before, code, MAY_EINVAL, "a map of no bytes");
		break;
	case 1:
		access = (enum mete_access)(model_chance(&m->random, 50) ? 0 : 4 << model_below(&m->random, 8));
		code = mete_map_single(&m->device, NULL, cpu, 64, access, 0, &bus);
		refuse(m, &before, code, MAY_EINVAL, "a map with unknown access");
		break;
	case 2:
		code = mete_map_phys(&m->device, NULL, world_phys(&m->world, at), 64, access,
		    4u << model_below(&m->random, 29), &bus);
		refuse(m, &before, code, MAY_EINVAL, "a map with an unknown flag");
		break;
	case 3:
		bad.boundary = 48;
		code = mete_map_single(&m->device, &bad, cpu, 64, access, 0, &bus);
		refuse(m, &before, code, MAY_EINVAL, "a map within a boundary of 48");
		break;
	case 4: /* memory that is not there, after some that is */
		code = mete_map_single(&m->device, NULL, m->world.cpu + m->world.len - 1, 2, access, 0, &bus);
		refuse(m, &before, code, MAY_EFAULT | MAY_EINVAL | MAY_ERANGE | none, "a map beyond memory");
		break;
	case 5:
		code = mete_map_single(&m->device, NULL, m->scratch, 1, access, 0, &bus);
		refuse(m, &before, code, MAY_EFAULT | MAY_EINVAL | none, "a map of memory that no device reaches");
		break;
	default:
		code = mete_map_single(&m->device, NULL, cpu, SIZE_MAX - (size_t)model_below(&m->random, 8192),
		    access, 0, &bus);
		refuse(m, &before, code, MAY_EFAULT | MAY_EINVAL | MAY_ERANGE | none, "a map of all there is");
		break;
	}
	if (bus != UNTOUCHED)
		model_differ("a failed map stored an address");
}

/* Load lists that break in the middle. */
static void misuse_load(struct machine *m)
{
	struct mete_segment segment[4];
	struct mete_map map;
	size_t at = m->world.config.nrun * m->world.config.frame;
	struct mete_piece piece[3] = { { m->world.cpu + at, 0, 64, false }, { m->world.cpu + at + 128, 0, 64, false },
		{ NULL, 0, 0, false } };
	struct before before = before_call(m);
	unsigned none = MAY_EINVAL | MAY_ERANGE | MAY_ENOMEM | MAY_EMSGSIZE |
	    (!m->world.config.coherent && m->world.config.cacheless ? MAY_ENOTSUP : 0u);
	int code;

	if (mete_map_init(&map, &m->device, NULL, segment, 4) != 0)
		model_differ("mete_map_init failed");
	switch (model_below(&m->random, 6)) {
	case 0:
		code = mete_map_load_array(&map, piece, model_chance(&m->random, 50) ? 0 : 1, METE_DEVICE_READS, 4);
		refuse(m, &before, code, MAY_EINVAL | (none & MAY_ENOTSUP), "a load with an unknown flag");
		break;
	case 1:
		code = mete_map_load_array(&map, piece, 2, (enum mete_access)4, 0);
		refuse(m, &before, code, MAY_EINVAL | (none & MAY_ENOTSUP), "a load with unknown access");
		break;
	case 2: /* a piece that no device reaches, after one that it does */
		piece[1].cpu = m->scratch;
		code = mete_map_load_array(&map, piece, 2, METE_DEVICE_READS, 0);
		refuse(m, &before, code, MAY_EFAULT | none, "a load of memory that no device reaches");
		break;
	case 3: /* lengths that overflow */
		piece[1].len = SIZE_MAX - 32;
		code = mete_map_load_array(&map, piece, 2, METE_DEVICE_READS, 0);
		refuse(m, &before, code, MAY_EFAULT | none, "a load of more than there is");
		break;
	case 4:
		code = mete_map_load_array(&map, piece + 2, 1, METE_DEVICE_READS, 0);
		refuse(m, &before, code, MAY_EINVAL | (none & MAY_ENOTSUP), "a load of nothing");
		break;
	default:
		if (model_chance(&m->random, 50))
			code = mete_map_unload(&map);
		else
			code = mete_map_sync(&map, 0, 1, METE_FOR_CPU, METE_DEVICE_READS);
		refuse(m, &before, code, MAY_EINVAL, "an unload or sync of nothing");
		break;
	}
	if (map.state != METE_MAP_EMPTY || map.nsegments != 0)
		model_differ("a load failed, and the map is not empty");
}

/* A sync that claims that the device writes, where it only reads: no line with bytes of others is forgotten. */
static void misuse_access(struct machine *m, struct object *o)
{
	struct map_world *w = &m->world;
	size_t end = o->bit[0].home + o->bit[0].len;
	unsigned char byte = (unsigned char)model_next(&m->random);
	int code;

	if (o->access != METE_DEVICE_READS || o->bit[0].standin || o->nbits != 1 || end >= w->len ||
	    w->busy[end] != 0 ||
	    any_line_state(m, o, 0, o->len, BYTE_BY_CPU | BYTE_FRESH))
		return;
	world_store(w, end, &byte, 1);
	code = mete_sync_single(&m->device, o->bus, o->len, METE_FOR_CPU, METE_DEVICE_READS_WRITES);
	if (code != 0)
		model_differ("a sync of wider access: %s", mete_error_name(code));
	object_for_cpu(m, o, 0, o->len, METE_DEVICE_READS);
	world_check_near(w, o->bit[0].home, o->bit[0].len, w->config.line);
	check_cpu(m, o, 0, o->len, "after a sync of wider access");
	m->tally.bad_gives++;
}

static void misuse_object(struct machine *m, struct object *o)
{
	struct before before = before_call(m);
	struct mete_piece piece = { m->world.cpu + o->home[0].at, 0, o->home[0].len, false };
	int code;

	if (o->kind == KIND_LOAD) {
		size_t off = o->len, len = 1;
		enum mete_access access = o->access;
		const char *what = "a sync outside of the object";

		switch (model_below(&m->random, 4)) {
		case 0:
			code = mete_map_load_array(&o->map, &piece, 1, METE_DEVICE_READS, 0);
			if (code != METE_EBUSY)
				model_differ("a load of a loaded map: %s", mete_error_name(code));
			m->tally.bad_gives++;
			return;
		case 1:
			off = (size_t)model_below(&m->random, o->len + 1);
			len = o->len - off + (size_t)model_log(&m->random, 4096);
			break;
		case 2:
			off = (size_t)model_below(&m->random, o->len);
			len = SIZE_MAX - (size_t)model_below(&m->random, off + 1);
			break;
		default:
			off = 0;
			if (model_chance(&m->random, 20) || o->access == METE_DEVICE_READS_WRITES)
				access = (enum mete_access)4;
			else
				access = METE_DEVICE_READS_WRITES;
			what = "a sync of wider access";
			break;
		}
		code = mete_map_sync(&o->map, off, len, model_chance(&m->random, 50) ? METE_FOR_CPU : METE_FOR_DEVICE,
		    access);
		refuse(m, &before, code, MAY_EINVAL, what);
	} else {
		bool standin = o->bit[0].standin;

		switch (model_below(&m->random, 5)) {
		case 4:
			misuse_access(m, o);
			return;
		case 0:
			code = mete_unmap_single(&m->device, o->bus, o->len, (enum mete_access)0, 0);
			refuse(m, &before, code, MAY_EINVAL, "an unmap without access");
			break;
		case 1:
			if (!standin || o->len < 2)
				return;
			code = mete_unmap_single(&m->device, o->bus + (mete_baddr)model_between(&m->random, 1,
			    o->len - 1), 1,
			    o->access, 0);
			refuse(m, &before, code, MAY_EFAULT | MAY_EINVAL, "an unmap in the middle of a stand-in");
			break;
		case 2:
			if (!m->has_domain && m->nranges == 0) /* the device sees everything, memory or not */
				return;
			code = mete_sync_single(&m->device, o->bus, o->len + 2 * max_size(m->grain,
			    m->world.config.page) +
				m->world.len, METE_FOR_DEVICE, o->access);
			refuse(m, &before, code, MAY_EFAULT | MAY_EINVAL, "a sync beyond the mapping");
			break;
		default:
			code = mete_sync_single(&m->device, o->bus, 1, METE_FOR_CPU, (enum mete_access)8);
			refuse(m, &before, code, MAY_EINVAL, "a sync of unknown access");
			break;
		}
	}
	check_device(m, o, 0, o->len, "after a misuse");
	check_cpu(m, o, 0, o->len, "after a misuse");
}

/* An address where nothing is mapped, perhaps any more. */
static void misuse_address(struct machine *m)
{
	mete_baddr bus = model_chance(&m->random, 60) && m->last_len != 0 ? m->last_bus : some_bus(m);
	size_t len = m->last_len != 0 ? m->last_len : 64, n = 0, place;
	enum mete_access access = m->last_len != 0 ? m->last_access : METE_DEVICE_WRITES, seen;
	struct before before;
	char what[120];
	int code;

	place = resolve(m, bus, &n, &seen);
	if (place != WORLD_NOWHERE) {
		if (m->has_domain || !m->has_bounce || place < m->area || place >= m->area + m->area_len)
			return; /* direct, or another's */
		if (m->grain_owner[(place - m->area) / m->grain] != 0)
			return;
	}
	before = before_call(m);
	if (model_chance(&m->random, 50)) {
		code = mete_unmap_single(&m->device, bus, len, access, 0);
		snprintf(what, sizeof(what), "an unmap of [%#" PRIx64 ", +%#zx] where nothing is mapped (%s)",
		    (uint64_t)bus, len,
		    place == WORLD_NOWHERE ? "no memory" : "the bounce area");
	} else {
		code = mete_sync_single(&m->device, bus, len, METE_FOR_CPU, access);
		snprintf(what, sizeof(what), "a sync of [%#" PRIx64 ", +%#zx] where nothing is mapped (%s)",
		    (uint64_t)bus, len,
		    place == WORLD_NOWHERE ? "no memory" : "the bounce area");
	}
	/* The device does see the area, so a sync of a free slot is no mistake in the words of the contract. */
	refuse(m, &before, code, place != WORLD_NOWHERE && what[2] == 's' ? MAY_EFAULT | MAY_0 : MAY_EFAULT, what);
}

/* -- Parts -- */

static void any_step(struct machine *m, struct object *o)
{
	if (o->in_windows && model_chance(&m->random, 30))
		windows_step(m, o);
	else
		step(m, o);
}

static void run_case(struct machine *m)
{
	struct object *o = &m->object[model_below(&m->random, m->nobjects)];
	uint64_t i, n;

	if (o->live)
		object_end(m, o);
	if (model_chance(&m->random, 16))
		windows_try(m, o);
	else
		try_map(m, o);
	if (o->live)
		for (i = 0, n = model_below(&m->random, 4); i < n; i++)
			any_step(m, o);
	o = &m->object[model_below(&m->random, m->nobjects)];
	if (o->live)
		any_step(m, o);
	if (model_chance(&m->random, 8)) {
		switch (model_below(&m->random, 4)) {
		case 0:
			misuse_map(m);
			break;
		case 1:
			misuse_load(m);
			break;
		case 2:
			misuse_address(m);
			break;
		default:
			if (o->live)
				misuse_object(m, o);
			break;
		}
	}
}

static void run_part(struct machine *m, const struct part *part)
{
	unsigned n = 0;

	if (!model_part_begin(part->name, part->share, &m->random, &m->tally))
		return;
	while (model_more()) {
		if (n == 0)
			machine_open(m, part);
		run_case(m);
		if (n % 128 == 127)
			object_end_all(m);
		if (++n == CASES) {
			machine_close(m);
			n = 0;
		}
	}
	if (n != 0)
		machine_close(m);
	model_part_end(true);
}

int main(int argc, char **argv)
{
	struct machine *m = model_zeroed(1, sizeof(*m));
	size_t i;
	int status;

	model_start(argc, argv, 5000000);
	m->scratch = model_zeroed(OBJECT_LEN, 1);
	for (i = 0; i < OBJECTS; i++) {
		m->object[i].id = (unsigned char)(i + 1);
		m->object[i].state = model_zeroed(OBJECT_LEN, 1);
		m->object[i].seen = model_zeroed(OBJECT_LEN, 1);
		m->object[i].windowed = model_zeroed(1, sizeof(*m->object[i].windowed));
	}
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		run_part(m, &parts[i]);
	status = model_finish();
	printf("%" PRIu64 " tries of windows: %" PRIu64 " at once, %" PRIu64 " cut into %" PRIu64 " windows, %" PRIu64
	       " refused (%" PRIu64 " of these argued by probing, %" PRIu64 " after others ended, %" PRIu64 " excused); %" PRIu64 " moves, %" PRIu64 " of them with all else taken, %"
	       PRIu64 " failed for the IOMMU or translate\n",
	    stats.windowed, stats.at_once, stats.cut, stats.windows, stats.windows_refused, stats.windows_argued, stats.windows_waited, stats.windows_excused,
	    stats.moves, stats.hogged, stats.moves_injected);
	printf("%" PRIu64 " worlds (%" PRIu64 " without an area); mapped %" PRIu64 " single, %" PRIu64 " phys, %" PRIu64
	       " lists, %" PRIu64 " segments, %" PRIu64 " bytes; %" PRIu64 " parts direct, %" PRIu64 " stand-ins; %" PRIu64
	       " exhausted, %" PRIu64 " failures of the IOMMU; %" PRIu64 " syncs, %" PRIu64 " peeks; %" PRIu64
	       " cache calls, %" PRIu64 " evictions, %" PRIu64 " flushes\n",
	    stats.worlds, stats.no_area, stats.mapped[0], stats.mapped[1], stats.mapped[2], stats.segments, stats.bytes,
	    stats.direct, stats.standin, stats.exhausted, stats.injected, stats.synced, stats.peeked, stats.caches,
	    stats.evictions, stats.flushes);
	if (stats.windows_excused > 2 && stats.windows_excused * 2000 > stats.windowed) {
		printf("FAILED: more than 0.05 %% of the windows that were refused have no reason but an excuse\n");
		status = 1;
	}
	for (i = 0; i < OBJECTS; i++) {
		free(m->object[i].state);
		free(m->object[i].seen);
		free(m->object[i].windowed);
	}
	free(m->scratch);
	free(m);
	return status;
}
