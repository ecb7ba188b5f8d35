/* SPDX-License-Identifier: ISC */
/*
 * Watch: a device's accesses against the ledger.
 *
 * What the machine allows is not what the driver granted: without an IOMMU a device reaches everything, and with one, whole
 * pages.  So an access that went well is looked up too.  It must lie in live segments or allocations of its device, one after
 * another, and each must allow it.
 */
#include <mete/watch.h>

#include "check_state.h"

#include <inttypes.h>

#define PAGE 4096u /* what an IOMMU protects, at least */

static const char *verb(const struct mete_watch_access *a)
{
	return a->write ? "wrote" : "read";
}

/* A device has no line in the driver; the driver's part in it is where the object was made. */
static struct finding *found(struct findings *all, enum mete_misuse misuse, const struct mete_watch_access *a)
{
	static const struct place nowhere;

	struct finding *f = mete__findings_add(all, misuse, &nowhere);
	f->device = a->device;
	return f;
}

static void at_load(struct finding *f, const struct load *load)
{
	mete__about_load(f, load);
	f->here = load->made;
}

/* The device reached `bus`, and nothing is granted there. */
static void judge_outside(struct mete_check *check, const struct mete_watch_access *a, mete_baddr bus, struct findings *all)
{
	struct ledger *l = &check->ledger;
	struct segment *gone = mete__ledger_gone(l, a->device, bus);
	struct block *freed = mete__ledger_freed_bus(l, a->device, bus), *low;
	struct segment *beside = mete__ledger_beside(l, a->device, bus & ~(mete_baddr)(PAGE - 1), PAGE);
	struct finding *f;

	if (gone) {
		f = found(all, METE_DMA_D02, a);
		at_load(f, gone->load);
		f->here = gone->load->ended;
	} else if (freed) {
		f = found(all, METE_DMA_A09, a);
		mete__about_block(f, freed);
		f->here = freed->freed;
	} else if (beside && a->result == METE_WATCH_DONE && a->device->domain) {
		f = found(all, METE_DMA_D05, a);
		at_load(f, beside->load);
	} else if (sizeof bus > 4 && (uint64_t)bus >> 16 >> 16 == 0 && (low = mete__ledger_block_low(l, a->device, (uint32_t)bus))) {
		f = found(all, METE_DMA_C07, a);
		mete__about_block(f, low);
		f->here = low->made;
	} else if (sizeof bus > 4 && (uint64_t)bus >> 16 >> 16 == 0 && (beside = mete__ledger_low(l, a->device, (uint32_t)bus))) {
		f = found(all, METE_DMA_C07, a);
		at_load(f, beside->load);
	} else {
		f = found(all, METE_DMA_D01, a);
	}
	mete__finding_say(f, "the device %s 0x%" PRIx64, verb(a), (uint64_t)bus);
}

/* What the driver granted at `bus`, one of the two, and how far it goes. */
static bool granted(struct mete_check *check, const struct mete_watch_access *a, mete_baddr bus, mete_baddr *ret_last,
    struct load **ret_load, struct block **ret_block)
{
	struct segment *segment = mete__ledger_segment(&check->ledger, a->device, bus);
	struct block *block = segment ? NULL : mete__ledger_block_bus(&check->ledger, a->device, bus);

	*ret_load = segment ? segment->load : NULL;
	*ret_block = block;
	if (segment)
		*ret_last = segment->last;
	else if (block)
		*ret_last = block->bus + (mete_baddr)(block->last - block->first);
	return segment || (block && block->shown);
}

static void judge_permission(const struct mete_watch_access *a, const struct load *load, struct findings *all)
{
	enum mete_access need = a->write ? METE_DEVICE_WRITES : METE_DEVICE_READS;

	if ((load->access & need) == need)
		return;
	struct finding *f = found(all, a->write ? METE_DMA_D03 : METE_DMA_D04, a);
	mete__finding_say(f, "the device %s 0x%" PRIx64, verb(a), (uint64_t)a->bus);
	at_load(f, load);
}

/* It was mapped without a sync, and there was none by hand.  Where syncs do nothing, drivers may ask, and leave them out. */
static void judge_skipped(const struct mete_watch_access *a, const struct load *load, struct findings *all)
{
	if (!load->by_hand || load->synced_for_device || !(a->device->noncoherent || a->device->bounce))
		return;
	struct finding *f = found(all, METE_DMA_M16, a);
	mete__finding_say(f, "the device %s it, mapped without a sync and never passed to the device by hand", verb(a));
	at_load(f, load);
}

static void judge_dirty(const struct mete_watch_access *a, const struct load *load, struct findings *all)
{
	struct finding *f = found(all, load->turn == TURN_CPU ? METE_DMA_O03 : METE_DMA_O01, a);
	mete__finding_say(f, "the device read what was in memory, and the CPU had written something else since");
	at_load(f, load);
	if (load->synced.site || load->synced.call)
		f->here = load->synced;
}

/* What is loaded is the CPU's until it is passed on, for what the device then does. */
static void judge_given(const struct mete_watch_access *a, const struct load *load, struct findings *all)
{
	unsigned need = a->write ? METE_DEVICE_WRITES : METE_DEVICE_READS;

	if (!load->map || load->given & need || !(load->access & need))
		return;
	struct finding *f = found(all, METE_DMA_O03, a);
	mete__finding_say(f, "the device %s it, and it was never passed to the device for that", verb(a));
	at_load(f, load);
}

/* The driver stored, and then wrote a register that let the device go, with no barrier in between. */
static void judge_late(const struct mete_watch_access *a, const struct load *load, const struct block *block,
    struct findings *all)
{
	struct finding *f = found(all, METE_DMA_O10, a);
	mete__finding_say(f, "the device read 0x%" PRIx64 " without what was stored there before its register was written",
	    (uint64_t)a->bus);
	if (load) {
		at_load(f, load);
	} else {
		mete__about_block(f, block);
		f->here = block->made;
	}
}

static void judge_done(struct mete_check *check, const struct mete_watch_access *a, struct findings *all)
{
	mete_baddr bus = a->bus, last, end = a->bus + (mete_baddr)(a->len - 1);
	struct block *block;
	struct load *load;

	while (all->n < FINDINGS) {
		if (!granted(check, a, bus, &last, &load, &block)) {
			judge_outside(check, a, bus, all);
			return;
		}
		if (load)
			judge_permission(a, load, all);
		if (load)
			judge_skipped(a, load, all);
		if (load)
			judge_given(a, load, all);
		if (load && a->dirty)
			judge_dirty(a, load, all);
		if (a->late && bus == a->bus) /* where in the access it was is not known */
			judge_late(a, load, block, all);
		if (last >= end || last + 1 == 0)
			return;
		bus = last + 1;
	}
}

static void judge_refused(struct mete_check *check, const struct mete_watch_access *a, struct findings *all)
{
	struct segment *segment = mete__ledger_segment(&check->ledger, a->device, a->bus);
	enum mete_misuse misuse = a->result == METE_WATCH_BOUNDARY ? METE_DMA_C02 : a->result == METE_WATCH_DECODE ? METE_DMA_D08
	    : METE_DMA_C01;

	if (a->result == METE_WATCH_UNMAPPED) {
		judge_outside(check, a, a->bus, all);
		return;
	}
	if (a->result == METE_WATCH_PERMISSION)
		misuse = a->write ? METE_DMA_D03 : METE_DMA_D04;
	struct finding *f = found(all, misuse, a);
	mete__finding_say(f, "the device %s %zu bytes at 0x%" PRIx64, verb(a), a->len, (uint64_t)a->bus);
	if (segment)
		at_load(f, segment->load);
}

void mete_watch_access(struct mete_check *check, const struct mete_watch_access *a)
{
	struct findings all;

	all.n = 0;
	mete__check_lock(check);
	if (mete__ledger_device_gone(&check->ledger, a->device))
		mete__finding_say(found(&all, METE_DMA_X09, a), "the device %s 0x%" PRIx64, verb(a), (uint64_t)a->bus);
	else if (a->stale && a->result == METE_WATCH_DONE)
		judge_outside(check, a, a->bus, &all);
	else if (a->result == METE_WATCH_DONE)
		judge_done(check, a, &all);
	else
		judge_refused(check, a, &all);
	mete__findings_doubt(check, &all);
	mete__check_unlock(check);
	mete__report_findings(check, &all);
}

void mete_watch_line(struct mete_check *check, const struct mete_watch_line *line)
{
	const struct mete_watch_access a = { .device = line->device };
	struct findings all;

	all.n = 0;
	mete__check_lock(check);
	struct segment *by_cpu = mete__ledger_segment(&check->ledger, line->device, line->bus + line->cpu_first);
	struct segment *any = mete__ledger_beside(&check->ledger, line->device, line->bus, line->len);
	if (any) {
		bool inside = by_cpu && by_cpu->load->turn == TURN_DEVICE;
		struct finding *f = found(&all, inside ? METE_DMA_O01 : METE_DMA_O08, &a);
		mete__finding_say(f, line->clobbered ? "the CPU wrote bytes %u to %u of a line, and when it went to memory the device's were lost"
		                       : "the CPU wrote bytes %u to %u of a line, and they were lost when it was invalidated",
		    line->cpu_first, line->cpu_last);
		at_load(f, (by_cpu ? by_cpu : any)->load);
	}
	mete__check_unlock(check);
	mete__report_findings(check, &all);
}
