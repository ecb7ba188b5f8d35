/* SPDX-License-Identifier: ISC */
/*
 * Map misuse: calls that must be refused and leave everything as it was, and accesses of devices to what they must not see.
 */
#include "map_machine.h"

#include <inttypes.h>
#include <stdio.h>

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
	code = mete_sync_single(o->device, o->bus, o->len, METE_FOR_CPU, METE_DEVICE_READS_WRITES);
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
			code = mete_unmap_single(o->device, o->bus, o->len, (enum mete_access)0, 0);
			refuse(m, &before, code, MAY_EINVAL, "an unmap without access");
			break;
		case 1:
			if (!standin || o->len < 2)
				return;
			code = mete_unmap_single(o->device, o->bus + (mete_baddr)model_between(&m->random, 1,
			    o->len - 1), 1,
			    o->access, 0);
			refuse(m, &before, code, MAY_EFAULT | MAY_EINVAL, "an unmap in the middle of a stand-in");
			break;
		case 2:
			if (!m->has_domain && m->nranges == 0) /* the device sees everything, memory or not */
				return;
			code = mete_sync_single(o->device, o->bus, o->len + 2 * max_size(m->grain,
			    m->world.config.page) +
				m->world.len, METE_FOR_DEVICE, o->access);
			refuse(m, &before, code, MAY_EFAULT | MAY_EINVAL, "a sync beyond the mapping");
			break;
		default:
			code = mete_sync_single(o->device, o->bus, 1, METE_FOR_CPU, (enum mete_access)8);
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

/* -- Accesses -- */

/* A device accesses what is not mapped, or not for that: refused, and recorded once. */
static void access_outside(struct machine *m, const struct object *o)
{
	struct map_world *w = &m->world;
	mete_baddr bus = (mete_baddr)model_between(&m->random, m->bus_first, m->bus_last);
	enum mete_access access = (enum mete_access)model_between(&m->random, 1, 3), seen;
	uint32_t source = (uint32_t)model_below(&m->random, 65536);
	struct mete_iommu_fault fault = { .iova = UNTOUCHED };
	size_t n = 0, place;

	if (o->live && model_chance(&m->random, 50))
		bus = o->segment[0].bus + (mete_baddr)model_below(&m->random, o->segment[0].len);
	if (mete_domain_fault(&m->domain, &fault) != METE_ENODEV || fault.iova != UNTOUCHED)
		model_differ("a fault before there was one");
	place = resolve(m, bus, &n, &seen);
	if (world_access(w, bus, access, source)) {
		if (place == WORLD_NOWHERE && !w->table[(bus - w->config.iova) / w->config.page].stale)
			model_differ("a device reaches %#" PRIx64 ", where nothing is mapped", (uint64_t)bus);
		return;
	}
	if (place != WORLD_NOWHERE && (access & ~seen) == 0)
		model_differ("a device does not reach %#" PRIx64 ", which is mapped", (uint64_t)bus);
	stats.faults++;
	if (mete_domain_fault(&m->domain, &fault) != 0)
		model_differ("a refused access left no fault");
	if (fault.iova > bus || bus - fault.iova >= w->config.page || fault.access != access || fault.source != source ||
	    fault.reason == 0)
		model_differ("access %d to %#" PRIx64 " of %#x: the fault tells access %d to %#" PRIx64 " of %#x", (int)access,
		    (uint64_t)bus, (unsigned)source, (int)fault.access, (uint64_t)fault.iova, (unsigned)fault.source);
	if (mete_domain_fault(&m->domain, &fault) != METE_ENODEV)
		model_differ("one refused access left two faults");
}

void misuse(struct machine *m, struct object *o)
{
	switch (model_below(&m->random, m->has_domain ? 5 : 4)) {
	case 0:
		misuse_map(m);
		break;
	case 1:
		misuse_load(m);
		break;
	case 2:
		misuse_address(m);
		break;
	case 3:
		if (o->live)
			misuse_object(m, o);
		break;
	default:
		access_outside(m, o);
		break;
	}
}
