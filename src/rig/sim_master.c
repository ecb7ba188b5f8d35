/* SPDX-License-Identifier: ISC */
/*
 * Accesses of devices: from an address on a function's bus to bytes of RAM, and all that can be wrong on the way.
 *
 *   may it master?  lines  boundary  registers | for each piece: grant, IOMMU or ranges, registers, RAM | bytes
 *
 * What holds for the address alone is checked first, for the whole access.  Then it goes piece by piece, a piece being
 * what one page or one bus range shows, until one is refused: the pieces before that have been moved, as on a real bus,
 * and what could not be read is all ones.
 *
 * Registers are refused, whoever's they are.  A device that reached them would run inside another, or inside itself, and
 * that is how simulated machines are broken into.
 */
#include <stdlib.h>
#include <string.h>

#include "sim_machine.h"

/* A write that a fault rule holds up. */
struct sim_posted {
	struct sim_posted *next;
	uint64_t number, bus;
	size_t len;
	unsigned char data[];
};

static bool master_granted(const struct sim_function *f, uint64_t bus, uint64_t len, enum mete_access need,
    enum mete_sim_result *ret_result)
{
	const uint64_t grain = f->bus.protection - 1; /* 0, or the low bits of an address in a page */
	const uint64_t last = bus + (len - 1);
	bool known = false;

	for (size_t n = 0; n <= f->ngrants; n++) {
		uint64_t end = 0;
		bool found = false;
		/* The latest grant first: it is what was mapped last. */
		for (size_t i = f->ngrants; i-- > 0 && !found;) {
			const struct sim_grant *g = &f->grants[i];
			bool covers = bus >= (g->first & ~grain) && bus <= (g->last | grain);
			known = known || covers;
			found = covers && (g->access & need) == need;
			end = g->last | grain;
		}
		if (!found)
			break;
		if (end >= last)
			return true;
		bus = end + 1;
		known = false;
	}
	*ret_result = known ? METE_SIM_PERMISSION : METE_SIM_UNMAPPED;
	return false;
}

/* The bus range that shows `bus`. */
static bool master_range(const struct sim_function *f, uint64_t bus, uint64_t len, uint64_t *ret_phys, uint64_t *ret_len)
{
	if (!f->bus.nranges) {
		*ret_phys = bus;
		*ret_len = len;
		return true;
	}
	for (size_t i = 0; i < f->bus.nranges; i++) {
		const struct mete_bus_range *r = &f->bus.range[i];
		/* A length of 0 is all that is left of the longer of the two spaces. */
		uint64_t longest = r->len ? r->len : METE_PADDR_MAX - (r->phys > r->bus ? r->phys : r->bus);
		if (bus >= r->bus && bus - r->bus < longest) {
			*ret_phys = r->phys + (bus - r->bus);
			*ret_len = len < longest - (bus - r->bus) ? len : longest - (bus - r->bus);
			return true;
		}
	}
	return false;
}

/* What holds for the address, whatever is there. */
static enum mete_sim_result master_check(const struct sim_function *f, uint64_t bus, uint64_t len)
{
	const uint64_t top = f->bus.lines == 64 ? UINT64_MAX : (1ull << f->bus.lines) - 1;

	if (!mete__sim_masters(f))
		return METE_SIM_ABORTED;
	if (bus > top || len - 1 > top - bus)
		return METE_SIM_WIDTH;
	if (f->bus.boundary && (bus ^ (bus + (len - 1))) & ~(f->bus.boundary - 1))
		return METE_SIM_BOUNDARY;
	if (mete__sim_registers(f->sim, bus, bus + (len - 1)))
		return METE_SIM_DECODE;
	return METE_SIM_OK;
}

/* Where the next piece is. */
static enum mete_sim_result master_piece(struct sim_function *f, uint64_t bus, uint64_t len, bool write,
    uint64_t *ret_phys, uint64_t *ret_len, bool *ret_stale)
{
	const enum mete_access need = write ? METE_DEVICE_WRITES : METE_DEVICE_READS;
	enum mete_sim_result result = METE_SIM_OK;

	if (mete__sim_iommu_on(f->sim))
		result = mete__sim_iommu_translate(f, bus, write, len, ret_phys, ret_len, ret_stale);
	else if (!master_range(f, bus, len, ret_phys, ret_len))
		result = METE_SIM_UNMAPPED;
	if (result == METE_SIM_OK && f->bus.protection)
		(void)master_granted(f, bus, *ret_len, need, &result);
	if (result == METE_SIM_OK && mete__sim_registers(f->sim, *ret_phys, *ret_phys + (*ret_len - 1)))
		result = METE_SIM_DECODE;
	return result;
}

static void master_move(struct sim_function *f, struct mete_sim_access *a, unsigned char *to, const unsigned char *from)
{
	uint64_t phys, len;
	size_t offset;

	for (uint64_t done = 0; done < a->len && a->result == METE_SIM_OK; done += len) {
		bool stale = false;
		a->result = master_piece(f, a->bus + done, a->len - done, a->write, &phys, &len, &stale);
		if (a->result == METE_SIM_OK && !mete__sim_offset(f->sim, phys, len, &offset))
			a->result = METE_SIM_UNMAPPED;
		if (a->result != METE_SIM_OK)
			return;
		if (!done)
			a->phys = phys;
		a->stale = a->stale || stale;
		if (a->write)
			mete__sim_view_write(f, offset, from + done, (size_t)len);
		else
			a->late = mete__sim_view_read(f, offset, to + done, (size_t)len) || a->late;
	}
}

static void master_refuse(struct sim *sim, const struct mete_sim_access *access)
{
	if (sim->nrefused == SIM_REFUSED) {
		sim->counters.overflow++;
		return;
	}
	sim->refused[(sim->first_refused + sim->nrefused++) % SIM_REFUSED] = *access;
}

static enum mete_sim_result master_end(struct sim_function *f, const struct mete_sim_access *a, const void *data)
{
	struct sim *sim = f->sim;

	sim->counters.accesses[a->result]++;
	sim->counters.stale += a->stale;
	mete__sim_trace_add(sim, a->write ? SIM_OP_WRITE : SIM_OP_READ, a->result, a->source, a->bus, data, (size_t)a->len);
	if (a->result != METE_SIM_OK)
		master_refuse(sim, a);
	if (sim->hooks.access)
		sim->hooks.access(sim->hooks.ctx, a);
	if (a->len)
		mete__sim_tempt(f, a->write, a->bus, (size_t)a->len);
	return a->result;
}

static struct mete_sim_access master_access(const struct sim_function *f, bool write, uint64_t bus, size_t len)
{
	return (struct mete_sim_access){ .time = f->sim->clock.now, .bus = bus, .len = len, .source = sim_source(f),
		.write = write };
}

enum mete_sim_result mete__sim_get(struct sim_function *f, uint64_t bus, void *to, size_t len)
{
	const struct mete_sim_rule *rule = mete__sim_fault(f->sim, METE_SIM_BUS_READ, sim_source(f), bus, len);
	struct mete_sim_access access = master_access(f, false, bus, len);

	memset(to, 0xff, len);
	if (!len)
		return METE_SIM_OK;
	mete__sim_stir(f->sim);
	access.result = rule && rule->fault == METE_SIM_FAIL ? METE_SIM_ABORTED : master_check(f, bus, len);
	if (rule && rule->fault == METE_SIM_DELAY)
		f->sim->clock.now += rule->operand;
	if (!rule || rule->fault != METE_SIM_DROP)
		master_move(f, &access, to, NULL);
	if (rule)
		mete__sim_change(rule, to, len);
	return master_end(f, &access, to);
}

static enum mete_sim_result master_write(struct sim_function *f, uint64_t bus, const void *from, size_t len,
    enum mete_sim_result result)
{
	struct mete_sim_access access = master_access(f, true, bus, len);

	access.result = result == METE_SIM_OK ? master_check(f, bus, len) : result;
	master_move(f, &access, NULL, from);
	return master_end(f, &access, from);
}

static void master_arrive(struct sim_function *f, uint64_t number)
{
	for (struct sim_posted **at = &f->posted; *at; at = &(*at)->next) {
		struct sim_posted *posted = *at;
		if (posted->number != number)
			continue;
		*at = posted->next;
		(void)master_write(f, posted->bus, posted->data, posted->len, METE_SIM_OK);
		free(posted);
		return;
	}
}

/* Nobody hears what becomes of a posted write. */
static enum mete_sim_result master_post(struct sim_function *f, uint64_t bus, const void *from, size_t len, uint64_t ns)
{
	struct sim_posted *posted = malloc(sizeof(*posted) + len);

	if (!posted)
		return METE_SIM_ABORTED;
	*posted = (struct sim_posted){ .next = f->posted, .number = f->nposted++, .bus = bus, .len = len };
	memcpy(posted->data, from, len);
	f->posted = posted;
	mete__sim_later(f, ns, master_arrive, posted->number);
	return METE_SIM_OK;
}

void mete__sim_posted_fini(struct sim_function *f)
{
	for (struct sim_posted *next; f->posted; f->posted = next) {
		next = f->posted->next;
		free(f->posted);
	}
}

/* With other bytes than the device's. */
static enum mete_sim_result master_write_changed(struct sim_function *f, const struct mete_sim_rule *rule, uint64_t bus,
    const void *from, size_t len)
{
	unsigned char *data = malloc(len);

	if (!data)
		return METE_SIM_ABORTED;
	memcpy(data, from, len);
	mete__sim_change(rule, data, len);
	enum mete_sim_result result = master_write(f, bus, data, len, METE_SIM_OK);
	free(data);
	return result;
}

enum mete_sim_result mete__sim_put(struct sim_function *f, uint64_t bus, const void *from, size_t len)
{
	const struct mete_sim_rule *rule = mete__sim_fault(f->sim, METE_SIM_BUS_WRITE, sim_source(f), bus, len);

	if (!len)
		return METE_SIM_OK;
	mete__sim_stir(f->sim);
	if (!rule)
		return master_write(f, bus, from, len, METE_SIM_OK);
	switch (rule->fault) {
	case METE_SIM_FAIL:
		return master_write(f, bus, from, len, METE_SIM_ABORTED);
	case METE_SIM_DROP:
		return METE_SIM_OK;
	case METE_SIM_DELAY:
		return master_post(f, bus, from, len, rule->operand);
	default:
		return master_write_changed(f, rule, bus, from, len);
	}
}

/* Where a function of so many lines sees RAM of `len` bytes: in the upper half of what it reaches, away from registers. */
static bool master_draw(struct sim *sim, unsigned lines, uint64_t len, uint64_t *ret_bus)
{
	const uint64_t registers_first = 0xc0000000u, registers_last = 0xffffffffu;
	const unsigned most = sizeof(mete_baddr) == 8 ? 60 : 32;
	const uint64_t end = 1ull << (lines < most ? lines : most);

	if (len > end / 2)
		return false;
	for (int i = 0; i < 64; i++) {
		uint64_t bus = end / 2 + mete__sim_below(&sim->place, (end / 2 - len) / SIM_PAGE + 1) * SIM_PAGE;
		if (bus > registers_last || bus + (len - 1) < registers_first) {
			*ret_bus = bus;
			return true;
		}
	}
	return false;
}

int mete__sim_place(struct sim *sim)
{
	const uint64_t len = sim->rig.ram_len - RIG_MIB;
	uint64_t bus;

	for (size_t i = 0; i < sim->nfunctions; i++) {
		struct sim_function *f = sim->function[i];
		if (!master_draw(sim, f->bus.lines, len, &bus))
			return METE_EINVAL;
		f->bus.nranges = 1;
		f->bus.range[0] = (struct mete_bus_range){ .phys = (mete_paddr)sim->ram_phys, .bus = (mete_baddr)bus,
			.len = (mete_paddr)len };
	}
	return 0;
}

int mete_sim_bus_get(const struct mete_rig_function *function, struct mete_sim_bus *ret_bus)
{
	const struct sim_function *f = mete__sim_function(function);

	if (!f)
		return METE_ENOTSUP;
	*ret_bus = f->bus;
	return 0;
}

static bool ranges_ok(const struct mete_sim_bus *bus)
{
	for (size_t i = 0; i < bus->nranges; i++) {
		const struct mete_bus_range *a = &bus->range[i];
		if (a->len && (a->len - 1 > METE_PADDR_MAX - a->phys || a->len - 1 > METE_BADDR_MAX - a->bus))
			return false;
		for (size_t j = 0; j < i; j++) {
			const struct mete_bus_range *b = &bus->range[j];
			bool apart = (a->len && a->bus < b->bus && a->len <= b->bus - a->bus) ||
			    (b->len && b->bus < a->bus && b->len <= a->bus - b->bus);
			if (!apart)
				return false;
		}
	}
	return true;
}

int mete_sim_bus_set(const struct mete_rig_function *function, const struct mete_sim_bus *bus)
{
	struct sim_function *f = mete__sim_function(function);

	if (!f)
		return METE_ENOTSUP;
	if (!bus || bus->lines < 12 || bus->lines > 64 || (bus->boundary & (bus->boundary - 1)) ||
	    bus->nranges > METE_DEVICE_RANGES || !ranges_ok(bus) ||
	    (bus->protection != 0 && bus->protection != 1 && bus->protection != SIM_PAGE))
		return METE_EINVAL;
	mete__sim_lock(f->sim);
	f->bus = *bus;
	mete__sim_unlock(f->sim);
	return 0;
}

int mete_sim_grant(const struct mete_rig_function *function, uint64_t bus, uint64_t len, enum mete_access access)
{
	struct sim_function *f = mete__sim_function(function);
	int error = 0;

	if (!f)
		return METE_ENOTSUP;
	if (!len || len - 1 > UINT64_MAX - bus || !access || (unsigned)access > METE_DEVICE_READS_WRITES)
		return METE_EINVAL;
	mete__sim_lock(f->sim);
	if (f->ngrants == f->capacity) {
		size_t capacity = f->capacity ? 2 * f->capacity : 16;
		struct sim_grant *grants = realloc(f->grants, capacity * sizeof(*grants));
		if (grants) {
			f->grants = grants;
			f->capacity = capacity;
		} else {
			error = METE_ENOMEM;
		}
	}
	if (!error)
		f->grants[f->ngrants++] = (struct sim_grant){ .first = bus, .last = bus + (len - 1), .access = access };
	mete__sim_unlock(f->sim);
	return error;
}

int mete_sim_revoke(const struct mete_rig_function *function, uint64_t bus, uint64_t len)
{
	struct sim_function *f = mete__sim_function(function);
	int error = METE_EFAULT;

	if (!f)
		return METE_ENOTSUP;
	if (!len || len - 1 > UINT64_MAX - bus)
		return METE_EINVAL;
	mete__sim_lock(f->sim);
	for (size_t i = f->ngrants; i-- > 0 && error;) {
		if (f->grants[i].first == bus && f->grants[i].last == bus + (len - 1)) {
			memmove(&f->grants[i], &f->grants[i + 1], (--f->ngrants - i) * sizeof(*f->grants));
			error = 0;
		}
	}
	mete__sim_unlock(f->sim);
	return error;
}

int mete_sim_dma(const struct mete_rig_function *function, bool write, uint64_t bus, void *data, size_t len)
{
	struct sim_function *f = mete__sim_function(function);

	if (!f)
		return METE_ENOTSUP;
	if (!data || !len || len > SIM_ACCESS_MAX)
		return METE_EINVAL;
	int error = mete__sim_enter(f->sim);
	if (error)
		return error;
	enum mete_sim_result result = write ? mete__sim_put(f, bus, data, len) : mete__sim_get(f, bus, data, len);
	mete__sim_leave(f->sim);
	return result == METE_SIM_OK ? 0 : METE_EFAULT;
}

int mete_sim_refused(struct mete_rig *rig, struct mete_sim_access *ret_access)
{
	struct sim *sim = mete__sim(rig);
	int error = METE_ENODEV;

	if (!sim)
		return METE_ENOTSUP;
	mete__sim_lock(sim);
	if (sim->nrefused) {
		*ret_access = sim->refused[sim->first_refused];
		sim->first_refused = (sim->first_refused + 1) % SIM_REFUSED;
		sim->nrefused--;
		error = 0;
	}
	mete__sim_unlock(sim);
	return error;
}

const char *mete_sim_result_name(enum mete_sim_result result)
{
	static const char *const name[] = { "ok", "unmapped", "permission", "width", "boundary", "decode", "aborted" };

	return (unsigned)result < sizeof(name) / sizeof(*name) ? name[result] : "?";
}
