/* SPDX-License-Identifier: ISC */
/*
 * Interrupts of the simulated machine's functions: MSI-X with a table, or MSI and a line.
 *
 * The rig's words, where messages go, are at the machine's interrupt controller: the same place on every bus, whatever its
 * ranges and its IOMMU, as on real machines.  A message that goes anywhere else is a write to memory like any other.
 */
#include <stdatomic.h>

#include "sim_machine.h"

/* The capability is at the first free place of configuration space. */
#define SIM_STATUS 0x06
#define SIM_STATUS_INTX 0x8u
#define SIM_STATUS_CAPABILITIES 0x10u
#define SIM_CAPABILITIES 0x34
#define SIM_PIN 0x3d
#define SIM_CAPABILITY 0x40
#define SIM_MSIX_ID 0x11
#define SIM_MSIX_ON 0x8000u
#define SIM_MSIX_MASK 0x4000u
#define SIM_MSI_ID 0x05
#define SIM_MSI_ON 0x1u
#define SIM_MSI_64 0x80u

static void irq_config_msix(struct sim_function *f)
{
	sim_store(&f->config[SIM_CAPABILITY], 2, SIM_MSIX_ID);
	sim_store(&f->config[SIM_CAPABILITY + 2], 2, f->nvectors - 1);
	sim_store(&f->config[SIM_CAPABILITY + 4], 4, f->msix_table);
	sim_store(&f->config[SIM_CAPABILITY + 8], 4, f->msix_table + SIM_PENDING);
	sim_store(&f->writable[SIM_CAPABILITY + 2], 2, SIM_MSIX_ON | SIM_MSIX_MASK);
	for (unsigned v = 0; v < f->nvectors; v++)
		f->table[v * 16 + 12] = 1; /* masked after reset */
}

static void irq_config_msi(struct sim_function *f)
{
	sim_store(&f->config[SIM_CAPABILITY], 2, SIM_MSI_ID);
	sim_store(&f->config[SIM_CAPABILITY + 2], 2, SIM_MSI_64);
	f->config[SIM_PIN] = 1;
	sim_store(&f->writable[SIM_CAPABILITY + 2], 2, SIM_MSI_ON);
	sim_store(&f->writable[SIM_CAPABILITY + 4], 8, ~3ull);
	sim_store(&f->writable[SIM_CAPABILITY + 12], 2, 0xffff);
}

void mete__sim_irq_init(struct sim_function *f)
{
	sim_store(&f->config[SIM_STATUS], 2, SIM_STATUS_CAPABILITIES);
	f->config[SIM_CAPABILITIES] = SIM_CAPABILITY;
	if (f->nvectors)
		irq_config_msix(f);
	else
		irq_config_msi(f);
}

static void irq_word(struct sim *sim, uint64_t bus, uint32_t value)
{
	/* The CPU looks at the word without a lock: what the device wrote before must be there. */
	atomic_store((_Atomic(uint32_t) *)(void *)(sim->rig.ram_twin + bus), value);
}

static void irq_message(struct sim_function *function, unsigned vector, uint64_t bus, uint32_t data)
{
	const uint64_t words = RIG_WORDS, words_last = words + RIG_KNOWN * RIG_WORDS_LEN - 1;
	unsigned char bytes[4];

	if (!mete__sim_masters(function))
		return;
	sim_store(bytes, 4, data);
	mete__sim_trace_add(function->sim, SIM_OP_IRQ, 0, sim_source(function), vector, bytes, 4);
	if (bus >= words && bus <= words_last && !(bus & 3)) {
		uint32_t value;
		memcpy(&value, bytes, 4);
		irq_word(function->sim, bus, value);
	} else {
		(void)mete__sim_put(function, bus, bytes, 4);
	}
}

static void irq_deliver(struct sim_function *function, unsigned vector)
{
	const unsigned char *entry = &function->table[(size_t)vector * 16];
	uint32_t control = sim_config(function, SIM_CAPABILITY + 2, 2);

	if (!function->nvectors) {
		function->pending &= ~1ull;
		if (control & SIM_MSI_ON)
			irq_message(function, 0, sim_load(&function->config[SIM_CAPABILITY + 4], 8),
			    sim_config(function, SIM_CAPABILITY + 12, 2));
		return;
	}
	if (!(control & SIM_MSIX_ON) || (control & SIM_MSIX_MASK) || (entry[12] & 1))
		return;
	function->pending &= ~(1ull << vector);
	irq_message(function, vector, sim_load(entry, 8), (uint32_t)sim_load(entry + 8, 4));
}

static void irq_raise(struct sim_function *function, uint64_t vector)
{
	function->pending |= 1ull << vector;
	irq_deliver(function, (unsigned)vector);
}

void mete__sim_raise(struct sim_function *function, unsigned vector)
{
	const struct mete_sim_rule *rule = mete__sim_fault(function->sim, METE_SIM_IRQ, sim_source(function), vector, 1);
	uint64_t extra = 0;

	if (rule && rule->fault == METE_SIM_DROP)
		return;
	if (rule && rule->fault == METE_SIM_DELAY) {
		mete__sim_later(function, rule->operand, irq_raise, vector);
		return;
	}
	if (rule && rule->fault == METE_SIM_EXTRA)
		extra = rule->operand;
	for (uint64_t i = 0; i <= extra; i++)
		irq_raise(function, vector);
}

void mete__sim_line(struct sim_function *function, bool on)
{
	uint32_t control = sim_config(function, SIM_CAPABILITY + 2, 2);
	uint32_t status = sim_config(function, SIM_STATUS, 2) & ~SIM_STATUS_INTX;

	if (control & SIM_MSI_ON) {
		if (on)
			mete__sim_raise(function, 0);
		return;
	}
	sim_store(&function->config[SIM_STATUS], 2, on ? status | SIM_STATUS_INTX : status);
	mete__sim_trace_add(function->sim, SIM_OP_IRQ, on, sim_source(function), 0, NULL, 0);
}

void mete__sim_deliver_pending(struct sim_function *function)
{
	for (unsigned v = 0; v < function->nvectors; v++) {
		if (function->pending >> v & 1)
			irq_deliver(function, v);
	}
}
