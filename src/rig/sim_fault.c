/* SPDX-License-Identifier: ISC */
/*
 * Fault rules: what fails on purpose, and when.
 *
 * Each operation asks here once.  The first rule that is about it, and that has spared as many as it should and not yet
 * hit as many as it may, hits.  A rule with skip 0, then 1, then 2, and count 1, until it no longer fires, makes each
 * operation of a test fail once: that is how failure paths are walked, all of them.
 */
#include <string.h>

#include "sim_machine.h"

#define FAULT_EXTRA_MAX 16u

/* Which faults a class knows. */
static bool fault_known(enum mete_sim_class on, enum mete_sim_fault fault)
{
#define BIT(f) (1u << METE_SIM_##f)
	static const unsigned data = BIT(AND) | BIT(OR) | BIT(XOR);
	const unsigned known[METE_SIM_CLASSES] = {
		[METE_SIM_ALLOC] = BIT(FAIL),
		[METE_SIM_RECORD] = BIT(FAIL),
		[METE_SIM_MAP] = BIT(FAIL),
		[METE_SIM_SYNC] = BIT(DROP),
		[METE_SIM_BUS_READ] = BIT(FAIL) | BIT(DROP) | BIT(DELAY) | data,
		[METE_SIM_BUS_WRITE] = BIT(FAIL) | BIT(DROP) | BIT(DELAY) | data,
		[METE_SIM_REGISTER_READ] = BIT(FAIL) | BIT(DROP) | BIT(DELAY) | data,
		[METE_SIM_REGISTER_WRITE] = BIT(FAIL) | BIT(DROP) | BIT(DELAY) | BIT(EXTRA) | data,
		[METE_SIM_IRQ] = BIT(DROP) | BIT(DELAY) | BIT(EXTRA),
	};
#undef BIT

	return (unsigned)on < METE_SIM_CLASSES && (unsigned)fault < METE_SIM_FAULTS && (known[on] >> fault & 1);
}

static bool rule_is_about(const struct mete_sim_rule *rule, enum mete_sim_class on, uint16_t source, uint64_t first,
    uint64_t len)
{
	if (rule->on != on || (rule->source && rule->source != source))
		return false;
	if (!rule->first && !rule->last)
		return true;
	/* For alloc and record the length itself is compared. */
	uint64_t last = len > UINT64_MAX - first ? UINT64_MAX : first + (len ? len - 1 : 0);
	return first <= rule->last && last >= rule->first;
}

const struct mete_sim_rule *mete__sim_fault(struct sim *sim, enum mete_sim_class on, uint16_t source, uint64_t first,
    uint64_t len)
{
	struct sim_rules *rules = &sim->rules;

	if (!(rules->classes >> on & 1))
		return NULL;
	for (unsigned i = 0; i < rules->nrules; i++) {
		const struct mete_sim_rule *rule = &rules->rule[i];
		if (!rule_is_about(rule, on, source, first, len) || rules->seen[i]++ < rule->skip)
			continue;
		if ((rule->count && rules->fired[i] >= rule->count) || (rule->ppm && !sim_chance(&rules->random, rule->ppm)))
			continue;
		rules->fired[i]++;
		return rule;
	}
	return NULL;
}

void mete__sim_change(const struct mete_sim_rule *rule, unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)(rule->operand >> 8 * (i % 8));
		switch (rule->fault) {
		case METE_SIM_AND: data[i] &= byte; break;
		case METE_SIM_OR: data[i] |= byte; break;
		case METE_SIM_XOR: data[i] ^= byte; break;
		default: return;
		}
	}
}

int mete_sim_rule_add(struct mete_rig *rig, const struct mete_sim_rule *rule, unsigned *ret_id)
{
	struct sim *sim = mete__sim(rig);

	if (!sim)
		return METE_ENOTSUP;
	if (!rule || !fault_known(rule->on, rule->fault) || rule->first > rule->last || rule->ppm > 1000000 ||
	    (rule->fault == METE_SIM_EXTRA && rule->operand > FAULT_EXTRA_MAX))
		return METE_EINVAL;
	struct sim_rules *rules = &sim->rules;
	if (rules->nrules == SIM_RULES)
		return METE_ENOMEM;
	mete__sim_lock(sim);
	unsigned id = rules->nrules++;
	rules->rule[id] = *rule;
	rules->seen[id] = rules->fired[id] = 0;
	rules->classes |= 1u << rule->on;
	mete__sim_unlock(sim);
	if (ret_id)
		*ret_id = id;
	return 0;
}

uint64_t mete_sim_rule_fired(const struct mete_rig *rig, unsigned id)
{
	struct sim *sim = mete__sim(rig);

	if (!sim || id >= sim->rules.nrules)
		return 0;
	mete__sim_lock(sim);
	uint64_t fired = sim->rules.fired[id];
	mete__sim_unlock(sim);
	return fired;
}

void mete_sim_rules_clear(struct mete_rig *rig)
{
	struct sim *sim = mete__sim(rig);

	if (!sim)
		return;
	mete__sim_lock(sim);
	sim->rules.nrules = 0;
	sim->rules.classes = 0;
	mete__sim_unlock(sim);
}
