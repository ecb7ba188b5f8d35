/* SPDX-License-Identifier: ISC */
/*
 * Shadow: what is closed when, and what an access to it means.
 *
 * A load is closed when it is passed to the device, and opened when it is passed back or ends; a part of it, if a part is
 * synced.  Memory that two loads show stays closed as long as one of them has it.
 *
 * What is caught is judged at once, since the next event may change who owns the memory.  It is kept, without allocating
 * anything, and told when the verifier is called next: a signal handler, or a checker in the middle of its own report,
 * cannot print.
 */
#define _POSIX_C_SOURCE 200809L

#include "shadow.h"

#include "surroundings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t active_lock = PTHREAD_MUTEX_INITIALIZER; /* before any verifier's lock */
static LIST_HEAD(, mete_check) active = LIST_HEAD_INITIALIZER(active);

static _Thread_local unsigned inside, device;

void mete__check_lock(struct mete_check *check)
{
	pthread_mutex_lock(&check->lock);
	inside++;
}

void mete__check_unlock(struct mete_check *check)
{
	inside--;
	pthread_mutex_unlock(&check->lock);
}

bool mete__shadow_inside(void)
{
	return inside;
}

bool mete__shadow_device(void)
{
	return device;
}

/* In the order of enum mete_shadow, less what is none. */
static const struct shadow *const shadows[] = { &mete__shadow_asan, &mete__shadow_valgrind, &mete__shadow_trap };
#define NSHADOWS (sizeof shadows / sizeof shadows[0])

/* Those that tell us are told; the others are asked not to look. */
static void device_turn(bool on)
{
	for (size_t i = 0; i < NSHADOWS; i++) {
		if (shadows[i]->peek)
			shadows[i]->peek(on);
	}
}

void mete_check_device_enter(void)
{
	device++;
	device_turn(true);
}

void mete_check_device_leave(void)
{
	if (!device)
		return;
	device--;
	device_turn(false);
}

static bool shadow_parse(const char *text, enum mete_shadow *ret)
{
	if (!strcmp(text, "off") || !strcmp(text, "auto")) {
		*ret = *text == 'o' ? METE_SHADOW_OFF : METE_SHADOW_AUTO;
		return true;
	}
	for (size_t i = 0; i < NSHADOWS; i++) {
		if (!strcmp(text, shadows[i]->name)) {
			*ret = (enum mete_shadow)(METE_SHADOW_ASAN + i);
			return true;
		}
	}
	return false;
}

int mete__shadow_choose(struct mete_check *check, const struct mete_check_config *config)
{
	const char *level = getenv("METE_CHECK_LEVEL"), *text = getenv("METE_SHADOW");
	enum mete_shadow shadow = config ? config->shadow : METE_SHADOW_USUAL;

	check->level = config ? config->level : METE_LEVEL_USUAL;
	if (!check->level && level) {
		if (level[0] < '1' || level[0] > '3' || level[1])
			return METE_EINVAL;
		check->level = (enum mete_level)(level[0] - '0');
	}
	if (!check->level)
		check->level = METE_LEVEL_FILLS;
	if (!shadow && text && !shadow_parse(text, &shadow))
		return METE_EINVAL;
	if (!shadow)
		shadow = check->level >= METE_LEVEL_SHADOW ? METE_SHADOW_AUTO : METE_SHADOW_OFF;
	if ((unsigned)check->level > METE_LEVEL_SHADOW || (unsigned)shadow > METE_SHADOW_TRAP)
		return METE_EINVAL;
	if (shadow == METE_SHADOW_OFF)
		return 0;
	for (size_t i = 0; i < NSHADOWS; i++) {
		if ((shadow == METE_SHADOW_AUTO || shadow == METE_SHADOW_ASAN + i) && shadows[i]->start()) {
			check->shadow = shadows[i];
			return 0;
		}
	}
	return shadow == METE_SHADOW_AUTO ? 0 : METE_ENOTSUP;
}

void mete__shadow_start(struct mete_check *check)
{
	if (!check->shadow)
		return;
	pthread_mutex_lock(&active_lock);
	LIST_INSERT_HEAD(&active, check, active);
	pthread_mutex_unlock(&active_lock);
}

void mete__shadow_stop(struct mete_check *check)
{
	struct load *load;

	if (!check->shadow)
		return;
	mete__check_lock(check);
	LIST_FOREACH(load, &check->ledger.loads, all)
		mete__shadow_back(check, load, 0, SIZE_MAX);
	for (struct block *block = mete__ledger_first(&check->ledger); block; block = mete__ledger_next(block))
		check->shadow->open(check, block->first, block->first + (block->room - 1));
	struct block *block;
	TAILQ_FOREACH(block, &check->ledger.freed_order, dead) {
		if (block->filled)
			check->shadow->open(check, block->first, block->first + (block->room - 1));
	}
	mete__check_unlock(check);
	pthread_mutex_lock(&active_lock);
	LIST_REMOVE(check, active);
	pthread_mutex_unlock(&active_lock);
	if (check->shadow->stop)
		check->shadow->stop();
}

size_t mete__shadow_offset(const struct segment *segment)
{
	size_t off = 0;

	for (const struct segment *s = segment->load->segments; s < segment; s++)
		off += (size_t)(s->last - s->first) + 1;
	return off;
}

/* Whether the ranges are all that the load shows: memory without a CPU address has none. */
static bool load_covered(const struct load *load)
{
	size_t len = 0;

	for (size_t i = 0; i < load->nranges; i++)
		len += load->ranges[i].last - load->ranges[i].first + 1;
	return len == load->len;
}

/* Close [first, last] as far as `load` has it. */
static void load_close_again(struct mete_check *check, struct load *load, uintptr_t first, uintptr_t last)
{
	for (size_t i = 0; i < load->nranges; i++) {
		const struct range *range = &load->ranges[i];
		uintptr_t from = range->first > first ? range->first : first, to = range->last < last ? range->last : last;
		if (from <= to)
			check->shadow->close(check, load, from, to, load->owned & METE_DEVICE_WRITES);
	}
}

static void range_open(struct mete_check *check, const struct load *load, uintptr_t first, uintptr_t last)
{
	check->shadow->open(check, first, last);
	struct load *other = mete__ledger_shared(&check->ledger, first, last, load);
	if (other && other->owned && other->turn == TURN_DEVICE)
		load_close_again(check, other, first, last);
}

/* Close or open the bytes of a load from `off` on. */
static void load_turn(struct mete_check *check, struct load *load, size_t off, size_t len, bool close, bool reads)
{
	if (!load_covered(load))
		return;
	for (size_t i = 0; i < load->nranges && len; i++) {
		const struct range *range = &load->ranges[i];
		size_t whole = range->last - range->first + 1;
		if (off >= whole) {
			off -= whole;
			continue;
		}
		size_t part = whole - off < len ? whole - off : len;
		uintptr_t first = range->first + off, last = first + (part - 1);
		if (close)
			check->shadow->close(check, load, first, last, reads);
		else
			range_open(check, load, first, last);
		off = 0;
		len -= part;
	}
}

void mete__shadow_pass(struct mete_check *check, struct load *load, size_t off, size_t len, enum mete_access access)
{
	load->owned |= (unsigned)access & load->access;
	if (check->shadow)
		load_turn(check, load, off, len, true, load->owned & METE_DEVICE_WRITES);
}

void mete__shadow_back(struct mete_check *check, struct load *load, size_t off, size_t len)
{
	if (check->shadow && load->owned)
		load_turn(check, load, off, len, false, false);
	if (!off && len >= load->len)
		load->owned = 0;
}

void mete__shadow_ended(struct mete_check *check, struct load *load)
{
	load->owned = 0;
	if (check->shadow && check->shadow->ended)
		check->shadow->ended(load);
}

void mete__shadow_sent(struct mete_check *check, const struct load *load, const struct place *here, struct findings *found)
{
	uintptr_t at;

	if (!check->shadow || !check->shadow->written || !(load->access & METE_DEVICE_READS) ||
	    load->access & METE_DEVICE_WRITES)
		return;
	for (size_t i = 0; i < load->nranges; i++) {
		const struct range *range = &load->ranges[i];
		if (check->shadow->written(range->first, range->last, &at))
			continue;
		struct finding *f = mete__findings_add(found, METE_DMA_O13, here);
		mete__finding_say(f, "nobody has written the byte at 0x%" PRIxPTR ", %zu bytes into the buffer", at,
		    (size_t)(at - range->first));
		mete__about_load(f, load);
		return;
	}
}

/* What the CPU did wrong at `at`, if it is wrong. */
static enum caught access_judge(struct mete_check *check, uintptr_t at, bool write, struct findings *found)
{
	static const struct place nowhere;
	struct ledger *l = &check->ledger;
	struct finding *f;
	const char *did = write ? "written" : "read";

	const struct load *load = mete__ledger_shared(l, at, at, NULL);
	if (load && load->owned) {
		if (!write && !(load->owned & METE_DEVICE_WRITES))
			return CAUGHT_FINE;
		f = mete__findings_add(found, write ? METE_DMA_O01 : METE_DMA_O02, &nowhere);
		mete__about_load(f, load);
		mete__finding_say(f, "the byte at 0x%" PRIxPTR " was %s while the device may %s it", at, did,
		    load->owned & METE_DEVICE_WRITES ? "write" : "read");
		return CAUGHT;
	}
	struct block *block = mete__ledger_freed_before(l, at);
	if (block && block->filled && at - block->first < block->room) {
		f = mete__findings_add(found, METE_DMA_A08, &nowhere);
		mete__about_block(f, block);
		mete__finding_say(f, "byte %zu of it was %s after it was freed", (size_t)(at - block->first), did);
		return CAUGHT;
	}
	block = mete__ledger_before(l, at);
	if (block && at - block->first >= block->len && at - block->first < block->room) {
		f = mete__findings_add(found, METE_DMA_A10, &nowhere);
		mete__about_block(f, block);
		mete__finding_say(f, "the byte %zu behind its end was %s", (size_t)(at - block->first) - block->len, did);
		return CAUGHT;
	}
	return CAUGHT_NOT_OURS;
}

static enum caught check_caught(struct mete_check *check, uintptr_t at, bool write, void *const *frames, size_t nframes)
{
	struct findings found = { .n = 0 };

	enum caught caught = access_judge(check, at, write, &found);
	if (!found.n || mete__shadow_device())
		return found.n ? CAUGHT_FINE : caught;
	if (check->naccesses == ACCESSES) {
		check->nlost++;
		return caught;
	}
	struct access *a = &check->access[check->naccesses++];
	a->finding = found.finding[0];
	a->nframes = nframes < FRAMES ? nframes : FRAMES;
	memcpy(a->frame, frames, a->nframes * sizeof *frames);
	return caught;
}

enum caught mete__shadow_caught(uintptr_t at, bool write, void *const *frames, size_t nframes)
{
	enum caught caught = CAUGHT_NOT_OURS;
	struct mete_check *check;

	pthread_mutex_lock(&active_lock);
	LIST_FOREACH(check, &active, active) {
		mete__check_lock(check);
		caught = check_caught(check, at, write, frames, nframes);
		mete__check_unlock(check);
		if (caught != CAUGHT_NOT_OURS)
			break;
	}
	pthread_mutex_unlock(&active_lock);
	return caught;
}

/* The place in the driver: the innermost whose line is known, and that is not inside memcpy() or the like. */
static const void *access_site(struct mete_check *check, const struct access *a)
{
	const char *file, *function;
	unsigned line;

	if (!check->where)
		check->where = mete__where_create();
	for (size_t i = 0; i < a->nframes; i++) {
		const void *site = (const char *)a->frame[i] + !i; /* the first is an instruction, the others are return addresses */
		if (!mete__surroundings_system(site) && mete__where_line(check->where, site, &file, &line, &function))
			return site;
	}
	return a->nframes ? (const char *)a->frame[0] + 1 : NULL;
}

/* Move what was caught over; false if there was nothing. */
static bool shadow_flush(struct mete_check *check, struct findings *found)
{
	size_t n = check->naccesses < FINDINGS ? check->naccesses : FINDINGS;

	found->n = 0;
	for (size_t i = 0; i < n; i++) {
		struct finding *f = &found->finding[found->n++];
		*f = check->access[i].finding;
		f->here.face = f->made.face; /* advice is in the words of the face that the driver uses */
		f->here.site = access_site(check, &check->access[i]);
	}
	check->naccesses -= n;
	memmove(check->access, check->access + n, check->naccesses * sizeof check->access[0]);
	if (check->nlost && found->n < FINDINGS) {
		static const struct place nowhere;
		struct finding *f = mete__findings_add(found, METE_DMA_R04, &nowhere);
		mete__finding_say(f, "%zu more accesses were caught than there was room for", check->nlost);
		check->nlost = 0;
	}
	return found->n;
}

void mete__shadow_tell(struct mete_check *check)
{
	struct findings found;
	bool more;

	if (!check->shadow)
		return;
	do {
		mete__check_lock(check);
		more = shadow_flush(check, &found);
		mete__check_unlock(check);
		if (more)
			mete__report_findings(check, &found);
	} while (more);
}

void mete__shadow_last_words(void)
{
	struct mete_check *check;

	if (inside) /* it holds the lock */
		return;
	LIST_FOREACH(check, &active, active)
		mete__shadow_tell(check);
}
