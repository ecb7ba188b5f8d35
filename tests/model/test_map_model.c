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
		code = mete_map_single(o->device, limit, m->world.cpu + o->home[0].at, o->len, o->access, o->flags,
		    &o->bus);
		break;
	case KIND_PHYS:
		code = mete_map_phys(o->device, limit, world_phys(&m->world, o->home[0].at), o->len, o->access,
		    o->flags,
		    &o->bus);
		break;
	default:
		code = mete_map_init(&o->map, o->device, limit, o->segment, o->capacity);
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
	if (model_chance(&m->random, 8))
		misuse(m, o);
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
	       " refused (%" PRIu64 " of these argued by probing, %" PRIu64 " after others ended, %" PRIu64 " excused, %" PRIu64 " missed); %" PRIu64 " moves, %" PRIu64 " of them with all else taken, %"
	       PRIu64 " failed for the IOMMU or translate; %"
	       PRIu64 " faults of devices, %" PRIu64 " areas and domains denied at first\n",
	    stats.windowed, stats.at_once, stats.cut, stats.windows, stats.windows_refused, stats.windows_argued, stats.windows_waited, stats.windows_excused, stats.windows_missed,
	    stats.moves, stats.hogged, stats.moves_injected, stats.faults, stats.denied);
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
