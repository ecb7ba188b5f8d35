/* SPDX-License-Identifier: ISC */
/*
 * Mixup: an address of one kind given where one of another kind belongs.
 *
 * A bus address is a number, and so is a pointer; where the two are equal, nobody notices.  The ledger knows both of each
 * object.  What is no address of the kind that was asked for, but one of the other kind of something live, was mixed up.
 * What is both is right, and so is a pointer to memory, whatever else has that number.
 */
#include "check_state.h"

#include <inttypes.h>

#include "surroundings.h"

bool mete__mixup_bus_as_cpu(struct mete_check *check, const struct mete_device *device, uintptr_t cpu,
    bool wrong, const struct place *here, struct findings *found)
{
	mete_baddr bus = (mete_baddr)cpu;

	if (!cpu || bus != cpu)
		return false;
	struct segment *segment = mete__ledger_segment(&check->ledger, device, bus);
	struct block *block = segment ? NULL : mete__ledger_block_bus(&check->ledger, device, bus);
	if ((!segment && !block) || (!wrong && mete__surroundings_memory(cpu)))
		return false;
	struct finding *f = mete__findings_add(found, METE_DMA_M12, here);
	mete__finding_say(f, "0x%" PRIxPTR " is a bus address, and a pointer was expected", cpu);
	if (segment)
		mete__about_load(f, segment->load);
	else
		mete__about_block(f, block);
	return true;
}

bool mete__mixup_cpu_as_bus(struct mete_check *check, const struct mete_event *e, const struct place *here,
    struct findings *found)
{
	uintptr_t cpu = (uintptr_t)e->bus;

	if (!e->bus || cpu != e->bus)
		return false;
	struct load *load = mete__ledger_shared(&check->ledger, cpu, cpu, NULL);
	struct block *block = load ? NULL : mete__ledger_block(&check->ledger, cpu);
	if (!load && !block)
		return false;
	struct finding *f = mete__findings_add(found, METE_DMA_M12, here);
	mete__finding_say(f, "0x%" PRIxPTR " is a pointer, and a bus address was expected", cpu);
	if (load)
		mete__about_load(f, load);
	else
		mete__about_block(f, block);
	return true;
}
