/* SPDX-License-Identifier: ISC */
/*
 * RAM as a provider: the arena's operations, with the machine in between.
 *
 * Here fault rules make memory lack, addresses unknown and maintenance forgotten; here the cache learns what is done to
 * it, and late stores learn which memory can be written at all.
 *
 *   ram:   [ the rig's MiB ][ cached ......................... ][ coherent, a quarter, if there is a cache ]
 *   phys:  [ 0 ... 1 MiB   ]        ram_phys ...
 */
#include <mete/observe.h>

#include "sim_machine.h"

/* The operations below, one level down. */
static const struct mete_provider_ops *arena_ops(const struct sim *sim)
{
	return sim->rig.arena.provider.ops;
}

/* In auto mode devices get on whenever the driver does something. */
static void provider_knock(struct sim *sim)
{
	if (sim->clock.mode == METE_SIM_AUTO && !mete__sim_enter(sim))
		mete__sim_leave(sim);
}

/* Rules count from zero, one a line; only a machine that has some pays for asking. */
static bool provider_fails(struct sim *sim, enum mete_sim_class on, uint64_t first, uint64_t len)
{
	if (!(sim->rules.classes >> on & 1))
		return false;
	mete__sim_lock(sim);
	bool fails = mete__sim_fault(sim, on, 0, first, len) != NULL;
	mete__sim_unlock(sim);
	return fails;
}

/*
 * Where CPU and devices have copies of their own, what a verifier would write into free memory is a store like any other,
 * and some line would be dirty, or late, for it.
 */
static bool provider_copies(const struct sim *sim)
{
	return sim->cache || sim->late;
}

static unsigned provider_traits(void *ctx, const void *cpu, size_t len)
{
	struct sim *sim = ctx;
	unsigned traits = arena_ops(sim)->traits(&sim->rig.arena, cpu, len);
	return provider_copies(sim) ? traits & ~(unsigned)METE_TRAIT_STAYS : traits;
}

static int provider_take(void *ctx, const struct mete_want *want, struct mete_run *ret_run)
{
	struct sim *sim = ctx;
	struct mete_run run;

	provider_knock(sim);
	if (provider_fails(sim, METE_SIM_ALLOC, want->len, 1))
		return METE_ENOMEM;
	int error = arena_ops(sim)->take(&sim->rig.arena, want, &run);
	if (error)
		return error;
	if (sim->late && !mete__sim_late_take(sim->late, (size_t)(run.phys - sim->ram_phys) + RIG_MIB, run.len)) {
		arena_ops(sim)->give(&sim->rig.arena, &run);
		return METE_ENOMEM;
	}
	*ret_run = run;
	if (!provider_copies(sim))
		mete_provider_taken(&sim->provider, &run);
	return 0;
}

static void provider_give(void *ctx, const struct mete_run *run)
{
	struct sim *sim = ctx;

	provider_knock(sim);
	if (sim->late)
		mete__sim_late_give(sim->late, (size_t)(run->phys - sim->ram_phys) + RIG_MIB, run->len);
	arena_ops(sim)->give(&sim->rig.arena, run);
}

static int provider_translate(void *ctx, const void *cpu, size_t len, mete_paddr *ret_phys, size_t *ret_len)
{
	struct sim *sim = ctx;
	mete_paddr phys;

	provider_knock(sim);
	int error = arena_ops(sim)->translate(&sim->rig.arena, cpu, len, &phys, ret_len);
	if (error)
		return error;
	if (provider_fails(sim, METE_SIM_MAP, phys, len))
		return METE_EFAULT;
	*ret_phys = phys;
	return 0;
}

static void *provider_record_alloc(void *ctx, size_t len)
{
	struct sim *sim = ctx;

	if (provider_fails(sim, METE_SIM_RECORD, len, 1))
		return NULL;
	return arena_ops(sim)->record_alloc(&sim->rig.arena, len);
}

static void provider_record_free(void *ctx, void *record, size_t len)
{
	struct sim *sim = ctx;
	arena_ops(sim)->record_free(&sim->rig.arena, record, len);
}

static int provider_view(void *ctx, mete_paddr phys, size_t len, void **ret_cpu, size_t *ret_len)
{
	struct sim *sim = ctx;
	return arena_ops(sim)->view(&sim->rig.arena, phys, len, ret_cpu, ret_len);
}

static void provider_cache(void *ctx, enum mete_cache op, void *cpu, mete_paddr phys, size_t len)
{
	struct sim *sim = ctx;
	size_t offset;

	(void)cpu;
	provider_knock(sim);
	if (!provider_fails(sim, METE_SIM_SYNC, phys, len) && mete__sim_offset(sim, phys, len, &offset))
		mete__sim_cache_op(sim->cache, op, offset, len);
}

static const struct mete_provider_ops provider_ops = {
	.take = provider_take,
	.give = provider_give,
	.translate = provider_translate,
	.record_alloc = provider_record_alloc,
	.record_free = provider_record_free,
	.view = provider_view,
	.traits = provider_traits,
};

/* Two sets, because a provider without cache functions says so by having none. */
static const struct mete_provider_ops provider_cached_ops = {
	.take = provider_take,
	.give = provider_give,
	.translate = provider_translate,
	.record_alloc = provider_record_alloc,
	.record_free = provider_record_free,
	.view = provider_view,
	.cache = provider_cache,
	.traits = provider_traits,
};

static bool phys_ok(uint64_t phys, uint64_t len)
{
	const uint64_t registers_first = 0xc0000000u, registers_last = 0xffffffffu;

	return phys >= RIG_MIB && phys % METE_CONGRUENT == 0 && phys <= METE_PADDR_MAX && len - 1 <= METE_PADDR_MAX - phys &&
	    (phys > registers_last || phys + (len - 1) < registers_first);
}

/* Kinds of memory other than cached. */
#define PROVIDER_COHERENT (1u << METE_MEMORY_COHERENT | 1u << METE_MEMORY_COMBINED | 1u << METE_MEMORY_UNCACHED)

int mete__sim_provider_init(struct sim *sim, const struct mete_sim_config *config)
{
	const size_t len = sim->rig.ram_len - RIG_MIB, coherent = config->cache.line ? len / 4 & ~(size_t)65535 : len;
	unsigned char *ram = sim->rig.ram + RIG_MIB;
	struct mete_span span[2];

	sim->ram_phys = config->ram_phys ? config->ram_phys : RIG_MIB;
	if (!phys_ok(sim->ram_phys, len))
		return METE_EINVAL;
	const mete_paddr phys = (mete_paddr)sim->ram_phys;
	/* Without a cache all memory is coherent, whatever it is called. */
	const uint32_t cached = 1u << METE_MEMORY_CACHED, first = config->cache.line ? cached : cached | PROVIDER_COHERENT;
	span[0] = (struct mete_span){ .cpu = ram, .phys = phys, .len = config->cache.line ? len - coherent : len,
		.memory = first };
	span[1] = (struct mete_span){ .cpu = ram + (len - coherent), .phys = (mete_paddr)(phys + (len - coherent)),
		.len = coherent, .memory = PROVIDER_COHERENT };

	int error = mete__rig_arena(&sim->rig, span, config->cache.line ? 2 : 1);
	if (!error && config->cache.line)
		error = mete__sim_cache_init(sim, &config->cache, RIG_MIB, len - coherent);
	if (!error && config->late_stores)
		error = mete__sim_late_init(sim, RIG_MIB + (len - coherent), coherent);
	if (error)
		return error;
	const struct mete_provider_config around = {
		.frame = sim->rig.arena.provider.frame,
		.extent = ram,
		.extent_len = len,
		.phys_last = (mete_paddr)(phys + (len - 1)),
	};
	error = mete_provider_init(&sim->provider, config->cache.line ? &provider_cached_ops : &provider_ops, sim, &around);
	if (!error)
		sim->rig.provider = &sim->provider;
	return error;
}
