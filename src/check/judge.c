/* SPDX-License-Identifier: ISC */
/*
 * Judge: one event against the ledger.
 *
 * The library refuses what would corrupt it, whether there is a verifier or not.  What is looked for here goes further: what
 * this machine forgives, and another would not.
 */
#include "check_state.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fill.h"
#include "shadow.h"
#include "surroundings.h"

struct finding *mete__findings_add(struct findings *found, enum mete_misuse misuse, const struct place *here)
{
	static struct finding spare; /* one too many is lost; nothing is */

	struct finding *f = found->n < FINDINGS ? &found->finding[found->n++] : &spare;
	*f = (struct finding){ .misuse = misuse, .here = *here };
	return f;
}

void mete__finding_say(struct finding *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(f->what, sizeof f->what, format, args);
	va_end(args);
}

static const char *access_word(enum mete_access access)
{
	return access == METE_DEVICE_READS ? "the device reads" : access == METE_DEVICE_WRITES ? "the device writes"
	                                                                                      : "the device reads and writes";
}

void mete__about_block(struct finding *f, const struct block *block)
{
	f->object = "memory";
	f->device = block->device;
	f->cpu = block->first;
	f->bus = block->bus;
	f->has_bus = true;
	f->len = block->len;
	f->made = block->made;
	f->made_word = "allocated";
	f->ended = block->freed;
	f->ended_word = "freed";
}

void mete__about_load(struct finding *f, const struct load *load)
{
	f->object = "mapping";
	f->device = load->device;
	f->cpu = load->nranges ? load->ranges[0].first : 0;
	f->bus = load->nsegments ? load->segments[0].first : 0;
	f->has_bus = load->nsegments != 0;
	f->len = load->len;
	f->made = load->made;
	f->made_word = load->map ? "loaded" : "mapped";
	f->synced = load->synced;
	f->ended = load->ended;
	f->ended_word = load->map ? "unloaded" : "unmapped";
}

/* Memory of one device's pools is of that device. */
static bool same_owner(const struct block *block, const struct mete_event *e)
{
	return block->owner_kind == e->owner_kind && block->owner == e->owner;
}

static const char *owner_word(enum mete_owner_kind kind)
{
	return kind == METE_OWNER_POOL ? "a pool" : kind == METE_OWNER_CLASSES ? "the size classes" : "the device itself";
}

/* Fill what is freed as it should be; what is not may be refused. */
static void free_fill(struct mete_check *check, struct block *block, const struct place *here, struct findings *found,
    bool clean)
{
	mete__fill_compare(check, block, false, here, found);
	if (clean)
		mete__fill_free(check, block, here, found);
}

static void judge_free(struct mete_check *check, const struct mete_event *e, const struct place *here,
    struct findings *found)
{
	uintptr_t cpu = (uintptr_t)e->cpu;
	struct block *block = mete__ledger_block(&check->ledger, cpu), *old = mete__ledger_freed(&check->ledger, cpu);
	struct finding *f;
	size_t before = found->n;

	if (!block || block->first != cpu) {
		if (!block && old && old->first == cpu) {
			f = mete__findings_add(found, METE_DMA_A01, here);
			mete__finding_say(f, "it is free already");
			mete__about_block(f, old);
		} else if (block) {
			f = mete__findings_add(found, METE_DMA_A03, here);
			mete__finding_say(f, "%p lies %zu bytes inside an allocation", e->cpu, (size_t)(cpu - block->first));
			mete__about_block(f, block);
		} else if (!mete__mixup_bus_as_cpu(check, e->device, cpu, true, here, found)) {
			f = mete__findings_add(found, METE_DMA_A03, here);
			mete__finding_say(f, "no allocation begins at %p", e->cpu);
		}
		return;
	}
	if (!same_owner(block, e)) {
		f = mete__findings_add(found, METE_DMA_A05, here);
		mete__finding_say(f, "it came from %s%s, and is freed to %s", owner_word(block->owner_kind),
		    block->owner_kind == e->owner_kind ? " of another owner" : "", owner_word(e->owner_kind));
		mete__about_block(f, block);
		return;
	}
	if (e->len && e->len != block->len) {
		f = mete__findings_add(found, METE_DMA_A02, here);
		mete__finding_say(f, "%zu bytes were allocated, and %zu are freed", block->len, e->len);
		mete__about_block(f, block);
	}
	struct load *seen = mete__ledger_shared(&check->ledger, block->first, block->last, NULL);
	if (seen) {
		f = mete__findings_add(found, METE_DMA_A04, here);
		mete__finding_say(f, "it is still mapped");
		mete__about_load(f, seen);
	}
	free_fill(check, block, here, found, found->n == before);
	mete__ledger_free(&check->ledger, block, here);
}

/* What is wrong with the memory of a mapping, whatever was asked for it. */
static void judge_memory(struct mete_check *check, const struct load *load, const struct place *here,
    struct findings *found)
{
	struct finding *f;

	for (size_t i = 0; i < load->nranges && found->n < FINDINGS; i++) {
		uintptr_t first = load->ranges[i].first, last = load->ranges[i].last;
		struct block *block = mete__ledger_block(&check->ledger, first);
		struct block *old = block ? NULL : mete__ledger_freed(&check->ledger, first);
		if (old) {
			f = mete__findings_add(found, METE_DMA_M04, here);
			mete__finding_say(f, "the memory at 0x%" PRIxPTR " was freed", first);
			mete__about_block(f, old);
		} else if (!block && mete__surroundings_stack(first, last)) {
			f = mete__findings_add(found, METE_DMA_M01, here);
			mete__finding_say(f, "0x%" PRIxPTR " lies on this thread's stack", first);
		} else if (!block && mete__surroundings_constant(first)) {
			f = mete__findings_add(found, METE_DMA_M02, here);
			mete__finding_say(f, "0x%" PRIxPTR " lies in what the program may not write", first);
		} else if (!block) {
			(void)mete__mixup_bus_as_cpu(check, load->device, first, false, here, found);
		}
		struct load *other = mete__ledger_shared(&check->ledger, first, last, load);
		if (other && (other->access & METE_DEVICE_WRITES || load->access & METE_DEVICE_WRITES)) {
			f = mete__findings_add(found, METE_DMA_M11, here);
			mete__finding_say(f, "another mapping shows the same bytes");
			mete__about_load(f, other);
		}
	}
}

/* FNV-1a, of `len` bytes at `first`. */
static uint64_t hash_bytes(uint64_t hash, uintptr_t first, size_t len)
{
	const unsigned char *p = (const unsigned char *)first;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * 0x100000001b3u;
	return hash;
}

/*
 * What lies in the cache lines of a mapping beside it and is the driver's too: of the same allocation, as far as that was asked
 * for, and not mapped itself.  What lies beside memory that the ledger does not know may be nothing.  0: nothing does.
 */
static uint64_t lines_beside(struct mete_check *check, const struct load *load)
{
	const uintptr_t line = load->device->line;
	uint64_t hash = 0xcbf29ce484222325u;
	bool any = false;

	for (size_t i = 0; i < load->nranges; i++) {
		const struct range *range = &load->ranges[i];
		struct block *block = mete__ledger_block(&check->ledger, range->first);
		if (!block || range->last > block->last)
			continue;
		uintptr_t head = range->first - range->first % line, tail = range->last - range->last % line + (line - 1);
		uintptr_t last = block->first + (block->asked - 1);
		head = head > block->first ? head : block->first;
		tail = tail < last ? tail : last;
		if (head < range->first && !mete__ledger_shared(&check->ledger, head, range->first - 1, load)) {
			hash = hash_bytes(hash, head, range->first - head);
			any = true;
		}
		if (tail > range->last && !mete__ledger_shared(&check->ledger, range->last + 1, tail, load)) {
			hash = hash_bytes(hash, range->last + 1, tail - range->last);
			any = true;
		}
	}
	return any ? hash | 1 : 0;
}

/*
 * The device gets it, and may write.  That a line has other bytes is no mistake while nobody touches them: drivers map the first
 * part of a buffer, or leave room in front.
 */
static void lines_give(struct mete_check *check, struct load *load)
{
	if (load->access & METE_DEVICE_WRITES && load->device->line > 1)
		load->beside = lines_beside(check, load);
}

/* It gets it no more. */
static void lines_take(struct mete_check *check, struct load *load, const struct place *here, struct findings *found)
{
	uint64_t before = load->beside;

	load->beside = 0;
	if (!before)
		return;
	uint64_t now = lines_beside(check, load);
	if (!now || now == before)
		return;
	struct finding *f = mete__findings_add(found, METE_DMA_O08, here);
	mete__finding_say(f, "other data in its first or last cache line of %zu bytes was changed while the device had it",
	    load->device->line);
	mete__about_load(f, load);
}

/* A device whose mask was refused, for such `use`, goes on as if nothing had happened. */
static void judge_mask(struct mete_check *check, const struct mete_event *e, enum mete_use use, const struct place *here,
    struct findings *found)
{
	if (!mete__ledger_refused(&check->ledger, e->device, use))
		return;
	struct finding *f = mete__findings_add(found, METE_DMA_M13, here);
	mete__finding_say(f, "the mask that was asked for last was refused");
	f->device = e->device;
}

static void judge_sleeps(struct mete_check *check, const struct mete_event *e, const struct place *here,
    struct findings *found)
{
	if (!check->config.atomic || !check->config.atomic(check->config.ctx))
		return;
	struct finding *f = mete__findings_add(found, METE_DMA_X01, here);
	mete__finding_say(f, "it may sleep, and this thread may not");
	f->device = e->device;
}

/* Whether the CPU sees memory at `phys`, if that can be told. */
static bool is_memory(const struct mete_check *check, mete_paddr phys)
{
	const struct mete_provider *p = check->provider;
	size_t len;
	void *cpu;

	return p->ops->view && !p->ops->view(p->ctx, phys, 1, &cpu, &len);
}

static void judge_nature(const struct mete_event *e, const char *what, const struct place *here, struct findings *found)
{
	struct finding *f = mete__findings_add(found, METE_DMA_D10, here);
	mete__finding_say(f, "at 0x%" PRIx64 ", %s", (uint64_t)e->phys, what);
	f->device = e->device;
}

static void judge_gone(struct mete_check *check, const struct mete_event *e, const struct place *here,
    struct findings *found)
{
	if (!mete__ledger_device_gone(&check->ledger, e->device))
		return;
	struct finding *f = mete__findings_add(found, METE_DMA_M14, here);
	mete__finding_say(f, "the device \"%s\" was finished before", e->device->name ? e->device->name : "");
	f->device = e->device;
}

static void judge_map(struct mete_check *check, const struct mete_event *e, const struct place *here, size_t count,
    struct findings *found)
{
	if (e->error == METE_EFAULT && !mete__mixup_bus_as_cpu(check, e->device, (uintptr_t)e->cpu, true, here, found)) {
		struct finding *f = mete__findings_add(found, METE_DMA_M03, here);
		if (e->cpu)
			mete__finding_say(f, "%p has no physical address", e->cpu);
		else
			mete__finding_say(f, "a part of it has no physical address");
	}
	if (e->error == METE_EBUSY && e->kind == METE_EVENT_LOAD) {
		struct finding *f = mete__findings_add(found, METE_DMA_X06, here);
		struct load *load = mete__ledger_loaded(&check->ledger, e->owner);
		mete__finding_say(f, "the map is loaded already");
		if (load)
			mete__about_load(f, load);
	}
	if (e->error)
		return;
	/* Registers are mapped without syncs. */
	if (e->kind == METE_EVENT_MAP && !e->cpu && !(e->flags & METE_MAP_SKIP_SYNC) && check->provider->ops->view &&
	    !is_memory(check, e->phys))
		judge_nature(e, "no memory is there", here, found);
	judge_mask(check, e, METE_USE_STREAMING, here, found);
	struct load *load = mete__ledger_load(&check->ledger, e, here, count);
	if (!load)
		return;
	if (check->config.most_mappings && check->ledger.nloads > check->config.most_mappings) {
		struct finding *f = mete__findings_add(found, METE_DMA_M15, here);
		mete__finding_say(f, "there are %zu mappings now, and %zu should do", check->ledger.nloads,
		    check->config.most_mappings);
		mete__about_load(f, load);
	}
	judge_memory(check, load, here, found);
	if (!load->map)
		lines_give(check, load);
	mete__fill_compare_load(check, load, here, found);
	mete__shadow_sent(check, load, here, found);
	if (!load->map && !(e->flags & METE_MAP_SKIP_SYNC))
		mete__shadow_pass(check, load, 0, load->len, load->access);
}

/* "dma_map_single" and "dma_unmap_single_attrs" are of one family, "single"; the rest has none. */
static size_t call_family(const char *call, const char **ret)
{
	const char *name = call ? call : "";

	if (strncmp(name, "dma_map_", 8) && strncmp(name, "dma_unmap_", 10))
		return 0;
	*ret = strstr(name, "map_") + 4;
	const char *attrs = strstr(*ret, "_attrs");
	size_t len = attrs ? (size_t)(attrs - *ret) : strlen(*ret);
	return len >= 2 && !strncmp(*ret, "sg", 2) ? 2 : len;
}

static void judge_family(const struct load *load, const struct place *here, struct findings *found)
{
	const char *made, *ended;
	size_t made_len = call_family(load->made.call, &made), ended_len = call_family(here->call, &ended);

	if (!made_len || !ended_len || (made_len == ended_len && !strncmp(made, ended, made_len)))
		return;
	struct finding *f = mete__findings_add(found, METE_DMA_M08, here);
	mete__finding_say(f, "%s() made it, and %s() ends it", load->made.call, here->call);
	mete__about_load(f, load);
}

static void unmap_wrong(struct mete_check *check, const struct mete_event *e, const struct place *here,
    struct findings *found)
{
	struct segment *in = mete__ledger_segment(&check->ledger, e->device, e->bus);
	struct segment *gone = mete__ledger_gone(&check->ledger, e->device, e->bus);

	if (!in && !gone && mete__mixup_cpu_as_bus(check, e, here, found))
		return;
	struct finding *f = mete__findings_add(found, METE_DMA_M09, here);
	if (in) {
		mete__finding_say(f, "0x%" PRIx64 " lies inside a mapping, and none begins there", (uint64_t)e->bus);
		mete__about_load(f, in->load);
	} else if (gone && gone->first == e->bus) {
		mete__finding_say(f, "it is unmapped already");
		mete__about_load(f, gone->load);
	} else {
		mete__finding_say(f, "nothing is mapped at 0x%" PRIx64, (uint64_t)e->bus);
		f->device = e->device;
	}
}

/*
 * Drivers that do all syncs by hand say so when they map already, and may throw away what they never looked at.  Who maps as
 * usual and then unmaps without a sync has lost what the device wrote.
 */
static void judge_by_hand(const struct load *load, const struct mete_event *e, const struct place *here,
    struct findings *found)
{
	if (!(e->flags & METE_MAP_SKIP_SYNC) || load->by_hand || !(load->access & METE_DEVICE_WRITES) || load->turn == TURN_CPU)
		return;
	struct finding *f = mete__findings_add(found, METE_DMA_M16, here);
	mete__finding_say(f, "unmapped without a sync, and what the device wrote was never passed to the CPU");
	mete__about_load(f, load);
}

/* A mapping that a face makes and takes away again in one call is its own business. */
static bool same_call(const struct place *a, const struct place *b)
{
	return a->call && a->call == b->call && a->site == b->site;
}

static void judge_unmap(struct mete_check *check, const struct mete_event *e, const struct place *here, size_t count,
    struct findings *found)
{
	struct segment *segment = mete__ledger_segment_as(&check->ledger, e->device, e->bus, e->len,
	    e->access);
	struct finding *f;

	if (!segment || segment->first != e->bus) {
		unmap_wrong(check, e, here, found);
		return;
	}
	struct load *load = segment->load;
	size_t len = (size_t)(segment->last - segment->first) + 1;
	if (same_call(&load->made, here)) {
		mete__ledger_unmap(&check->ledger, segment, here);
		return;
	}
	judge_family(load, here, found);
	judge_by_hand(load, e, here, found);
	if (e->len != len) {
		f = mete__findings_add(found, METE_DMA_M06, here);
		mete__finding_say(f, "%zu bytes were mapped, and %zu are unmapped", len, e->len);
		mete__about_load(f, load);
	}
	if (e->access != load->access) {
		f = mete__findings_add(found, METE_DMA_M07, here);
		mete__finding_say(f, "mapped so that %s, unmapped as if %s", access_word(load->access), access_word(e->access));
		mete__about_load(f, load);
	}
	if (load->count && count && load->count != count && load->nlive == load->nsegments) {
		f = mete__findings_add(found, METE_DMA_M10, here);
		mete__finding_say(f, "a list of %zu was mapped, and %zu are unmapped", load->count, count);
		mete__about_load(f, load);
	}
	if (!load->checked && load->made.face && !strcmp(load->made.face, "linux") && !load->map && !load->count) {
		f = mete__findings_add(found, METE_DMA_M05, here);
		mete__finding_say(f, "nobody asked whether %s() had failed", load->made.call);
		mete__about_load(f, load);
	}
	mete__fill_compare_load(check, load, here, found);
	mete__shadow_back(check, load, mete__shadow_offset(segment), len);
	lines_take(check, load, here, found);
	if (load->nlive == 1)
		mete__shadow_ended(check, load);
	mete__ledger_unmap(&check->ledger, segment, here);
}

/* Ownership of `e->len` bytes from `off` on passes; `load` is live. */
static void judge_turn(struct mete_check *check, struct load *load, size_t off, const struct mete_event *e,
    const struct place *here, struct findings *found)
{
	mete__fill_compare_load(check, load, here, found);
	if (e->sync == METE_FOR_CPU)
		mete__shadow_back(check, load, off, e->len);
	if (e->access & ~load->access) {
		struct finding *f = mete__findings_add(found, METE_DMA_O05, here);
		mete__finding_say(f, "mapped so that %s, synced as if %s", access_word(load->access), access_word(e->access));
		mete__about_load(f, load);
	}
	if (load->map && e->sync == METE_FOR_CPU && !load->by_hand && !load->synced_for_device) {
		struct finding *f = mete__findings_add(found, METE_DMA_O07, here);
		mete__finding_say(f, "it is passed back to the CPU, and was never passed to the device");
		mete__about_load(f, load);
	}
	if (load->by_hand && e->sync == METE_FOR_CPU && !load->synced_for_device) {
		struct finding *f = mete__findings_add(found, METE_DMA_M16, here);
		mete__finding_say(f, "it was mapped without a sync, and never passed to the device by hand");
		mete__about_load(f, load);
	}
	if (e->sync == METE_FOR_CPU)
		lines_take(check, load, here, found);
	else
		lines_give(check, load);
	load->turn = e->sync == METE_FOR_CPU ? TURN_CPU : TURN_DEVICE;
	if (e->sync == METE_FOR_DEVICE)
		load->synced_for_device = true;
	if (e->sync == METE_FOR_DEVICE)
		load->given |= e->access;
	load->synced = *here;
}

static void judge_sync(struct mete_check *check, const struct mete_event *e, const struct place *here,
    struct findings *found)
{
	struct segment *segment = mete__ledger_segment(&check->ledger, e->device, e->bus);
	struct finding *f;

	if (!segment) {
		struct block *block = mete__ledger_block_bus(&check->ledger, e->device, e->bus);
		struct segment *gone = mete__ledger_gone(&check->ledger, e->device, e->bus);
		if (!gone && mete__mixup_cpu_as_bus(check, e, here, found))
			return;
		if (block && block->shown)
			return; /* it needs no mapping */
		f = mete__findings_add(found, METE_DMA_O06, here);
		if (gone) {
			mete__finding_say(f, "it is unmapped already");
			mete__about_load(f, gone->load);
		} else {
			mete__finding_say(f, "nothing is mapped at 0x%" PRIx64, (uint64_t)e->bus);
			f->device = e->device;
		}
		return;
	}
	if (e->len && e->len - 1 > segment->last - e->bus) {
		f = mete__findings_add(found, METE_DMA_O04, here);
		mete__finding_say(f, "%zu bytes from its byte %" PRIu64 " on are synced, and it has %" PRIu64, e->len,
		    (uint64_t)(e->bus - segment->first), (uint64_t)(segment->last - segment->first) + 1);
		mete__about_load(f, segment->load);
	}
	judge_turn(check, segment->load, mete__shadow_offset(segment) + (size_t)(e->bus - segment->first), e, here, found);
}

static void judge_map_sync(struct mete_check *check, const struct mete_event *e, const struct place *here,
    struct findings *found)
{
	struct load *load = mete__ledger_loaded(&check->ledger, e->owner);
	struct finding *f;

	if (!load) {
		f = mete__findings_add(found, METE_DMA_O06, here);
		mete__finding_say(f, "the map is not loaded");
		f->device = e->device;
		return;
	}
	if (e->off > load->len || e->len > load->len - e->off) {
		f = mete__findings_add(found, METE_DMA_O04, here);
		mete__finding_say(f, "%zu bytes from byte %zu on are synced, and %zu are loaded", e->len, e->off, load->len);
		mete__about_load(f, load);
	}
	judge_turn(check, load, e->off, e, here, found);
}

static void judge_unload(struct mete_check *check, const struct mete_event *e, const struct place *here,
    struct findings *found)
{
	struct load *load = mete__ledger_loaded(&check->ledger, e->owner);

	if (load) {
		mete__fill_compare_load(check, load, here, found);
		mete__shadow_back(check, load, 0, load->len);
		mete__shadow_ended(check, load);
		mete__ledger_unload(&check->ledger, load, here);
		return;
	}
	struct finding *f = mete__findings_add(found, METE_DMA_X07, here);
	mete__finding_say(f, "the map is not loaded");
	f->device = e->device;
}

static void judge_alloc(struct mete_check *check, const struct mete_event *e, const struct place *here,
    size_t count, struct findings *found)
{
	if (e->flags & METE_WAIT)
		judge_sleeps(check, e, here, found);
	if (!e->error && e->owner_kind == METE_OWNER_DEVICE)
		judge_mask(check, e, METE_USE_COHERENT, here, found);
	if (!e->error) {
		mete__fill_taken(check, (uintptr_t)e->cpu, e->room, here, found);
		struct block *block = mete__ledger_alloc(&check->ledger, e, here);
		if (block && count && count < block->len)
			block->asked = count;
		if (block)
			mete__fill_margin(check, block);
	} else if (e->error == METE_EINVAL) {
		struct finding *f = mete__findings_add(found, METE_DMA_A12, here);
		mete__finding_say(f, "%zu bytes were asked for", e->len);
		f->device = e->device;
	}
}

/* What was passed to the device has been, now that the library has done its part. */
static void judge_passed(struct mete_check *check, const struct mete_event *e)
{
	struct segment *segment = e->owner_kind == METE_OWNER_MAP ? NULL
	                                                          : mete__ledger_segment(&check->ledger, e->device, e->bus);
	struct load *load = segment ? segment->load
	    : e->owner_kind == METE_OWNER_MAP ? mete__ledger_loaded(&check->ledger, e->owner) : NULL;

	if (load)
		mete__shadow_pass(check, load,
		    segment ? mete__shadow_offset(segment) + (size_t)(e->bus - segment->first) : e->off, e->len, e->access);
}

/* The last free or unmap did not happen. */
static void judge_kept(struct mete_check *check, const struct mete_event *e)
{
	struct ledger *l = &check->ledger;

	if (e->cpu && l->last_freed && l->last_freed->first == (uintptr_t)e->cpu)
		mete__fill_kept(check, l->last_freed);
	mete__ledger_keep(l, e);
}

static void judge_life(struct mete_check *check, const struct mete_event *e, const struct place *here,
    struct findings *found)
{
	if (e->owner_kind == METE_OWNER_DEVICE && !e->error)
		mete__ledger_device(&check->ledger, e->device, e->kind == METE_EVENT_GONE);
	if (!e->error)
		return;
	struct finding *f = mete__findings_add(found, METE_DMA_X05, here);
	mete__finding_say(f, "%s is not empty", owner_word(e->owner_kind));
	f->device = e->device;
}

/* Of Linux's calls, each sets one of two masks; that which only asks sets none. */
static void judge_mask_set(struct mete_check *check, const struct mete_event *e, const struct place *here,
    struct findings *found)
{
	const char *call = here->call ? here->call : "";

	if (!strcmp(call, "dma_set_mask") || !strcmp(call, "dma_set_coherent_mask")) {
		mete__ledger_mask(&check->ledger, e->device, *(call + 8) == 'c' ? METE_USE_COHERENT : METE_USE_STREAMING,
		    e->error != 0);
	} else if (strcmp(call, "dma_supported") && e->error) {
		struct finding *f = mete__findings_add(found, METE_DMA_M13, here);
		mete__finding_say(f, "no mask was ever set");
		f->device = e->device;
	}
}

/* What a call that a face refuses by itself does wrong, by a part of its name. */
static const struct {
	int error;
	const char *part;
	enum mete_misuse misuse;
	const char *what;
} mistakes[] = {
	{ METE_EFAULT, "free", METE_DMA_A06, "it was not allocated with this bus address" },
	{ METE_EFAULT, "unmap", METE_DMA_M05, "this address says that mapping had failed" },
	{ METE_EFAULT, "sync", METE_DMA_M05, "this address says that mapping had failed" },
	{ METE_ENOTSUP, "map", METE_DMA_M16, "coherent memory was asked for, and for this device none is" },
	{ METE_ENODEV, "map", METE_DMA_M13, "the device has no mask" },
	{ METE_EBUSY, "destroy", METE_DMA_X05, "it is loaded, waits to be, or has maps or tags" },
	{ METE_EINVAL, "sync", METE_DMA_O07, "these operations are none, or do not go together, for this map" },
	{ METE_EINVAL, "unload", METE_DMA_X07, "the map is not loaded, or not of this tag" },
	{ METE_EINVAL, "load", METE_DMA_A12, "the length is impossible, or the map is loaded already or of another tag" },
	{ METE_EINVAL, "unmap", METE_DMA_M07, "this is no direction that can be unmapped" },
	{ METE_EINVAL, "destroy", METE_DMA_X05, "it is not of this tag, or in use" },
	{ METE_EINVAL, "create", METE_DMA_C06, "nothing could obey these limits" },
	{ METE_EINVAL, "subregion", METE_DMA_C06, "nothing could obey these limits" },
	{ METE_EINVAL, "free", METE_DMA_A03, "no such memory is allocated" },
	{ METE_EINVAL, "", METE_DMA_A12, "this size, alignment or flag is impossible" },
};

static void judge_mistake(const struct mete_event *e, const struct place *here, struct findings *found)
{
	for (size_t i = 0; here->call && i < sizeof mistakes / sizeof mistakes[0]; i++) {
		if (mistakes[i].error != e->error || !strstr(here->call, mistakes[i].part))
			continue;
		mete__finding_say(mete__findings_add(found, mistakes[i].misuse, here), "%s", mistakes[i].what);
		return;
	}
}

void mete__findings_doubt(const struct mete_check *check, struct findings *found)
{
	size_t n = 0;

	for (size_t i = 0; check->ledger.lost && i < found->n; i++) {
		const struct finding *f = &found->finding[i];
		bool unknown = f->misuse == METE_DMA_A03 || f->misuse == METE_DMA_M09 || f->misuse == METE_DMA_O06 ||
		    f->misuse == METE_DMA_X07 || f->misuse == METE_DMA_D01;
		if (f->object || !unknown)
			found->finding[n++] = *f;
	}
	if (check->ledger.lost)
		found->n = n;
}

void mete__judge_event(struct mete_check *check, const struct mete_event *e, const struct place *here, size_t count,
    struct findings *found)
{
	if (e->kind == METE_EVENT_FREE || e->kind == METE_EVENT_UNMAP) {
		check->ledger.last_freed = NULL;
		check->ledger.last_unmapped = NULL;
	}
	if (mete__busy_event(check, e, here, found))
		return;
	if (e->kind == METE_EVENT_ALLOC || e->kind == METE_EVENT_MAP || e->kind == METE_EVENT_LOAD)
		judge_gone(check, e, here, found);
	switch (e->kind) {
	case METE_EVENT_ALLOC:
		judge_alloc(check, e, here, count, found);
		break;
	case METE_EVENT_FREE:
		judge_free(check, e, here, found);
		break;
	case METE_EVENT_STRETCH:
		mete__ledger_read(&check->ledger, e);
		break;
	case METE_EVENT_LOAD:
		if (e->error != METE_ENOMEM)
			mete__ledger_wait(&check->ledger, e, here);
		judge_map(check, e, here, count, found);
		break;
	case METE_EVENT_MAP:
		judge_map(check, e, here, count, found);
		break;
	case METE_EVENT_UNMAP:
		judge_unmap(check, e, here, count, found);
		break;
	case METE_EVENT_SYNC:
		judge_sync(check, e, here, found);
		break;
	case METE_EVENT_MAP_SYNC:
		judge_map_sync(check, e, here, found);
		break;
	case METE_EVENT_UNLOAD:
		judge_unload(check, e, here, found);
		break;
	case METE_EVENT_KEPT:
		judge_kept(check, e);
		break;
	case METE_EVENT_PASSED:
		judge_passed(check, e);
		break;
	case METE_EVENT_TAKE:
		mete__fill_taken(check, (uintptr_t)e->cpu, e->len, here, found);
		break;
	case METE_EVENT_MISTAKE:
		judge_mistake(e, here, found);
		break;
	case METE_EVENT_BORN:
	case METE_EVENT_GONE:
		judge_life(check, e, here, found);
		break;
		break;
	case METE_EVENT_MASK:
		judge_mask_set(check, e, here, found);
		break;
	case METE_EVENT_SLEEPS:
		judge_sleeps(check, e, here, found);
		break;
	case METE_EVENT_REGISTERS:
		if (is_memory(check, e->phys))
			judge_nature(e, "memory is there", here, found);
		break;
	case METE_EVENT_NO_WINDOW:
		mete__finding_say(mete__findings_add(found, METE_DMA_C09, here), "window %zu was asked for, and there are %zu", e->off,
		    e->len);
		break;
	case METE_EVENT_WAITS:
	case METE_EVENT_CALLED_OFF:
		mete__ledger_wait(&check->ledger, e, here);
		break;
	}
	mete__findings_doubt(check, found);
	if (check->ledger.lacking) {
		check->ledger.lacking = false;
		mete__finding_say(mete__findings_add(found, METE_DMA_R04, here), "there was no memory for an entry of the ledger");
	}
}

void mete__judge_leaks(struct mete_check *check, const struct mete_device *device, size_t mark, struct findings *found)
{
	struct block *block;
	struct load *load;
	struct waiting waiting;

	while (found->n < FINDINGS && mete__ledger_untold_wait(&check->ledger, device, &waiting)) {
		struct finding *f = mete__findings_add(found, METE_DMA_X08, &waiting.place);
		mete__finding_say(f, "the load still waits, and nobody waits for it");
		f->device = waiting.device;
	}
	while (found->n < FINDINGS && (load = mete__ledger_untold_load(&check->ledger, device, mark))) {
		struct finding *f = mete__findings_add(found, METE_DMA_A07, &load->made);
		mete__finding_say(f, "it is still mapped");
		mete__about_load(f, load);
	}
	while (found->n < FINDINGS && (block = mete__ledger_untold_block(&check->ledger, device, mark))) {
		struct finding *f = mete__findings_add(found, METE_DMA_A07, &block->made);
		mete__finding_say(f, "it was never freed");
		mete__about_block(f, block);
	}
}
