/* SPDX-License-Identifier: ISC */
/*
 * Fill.
 *
 * A margin is where the block has room that was not asked for; a block that was asked for in full has none.  It is
 * compared when the block is freed, and whenever a mapping of it is made, passed on or ended, so that it is known whether
 * the CPU or a device had the memory when the margin was damaged.  A damaged margin is left as it is until the block is
 * handed out again: a write to it now might dirty a cache line that a device has written.
 *
 * Freed memory is filled where the provider promises that it stays what it is.  It is compared when the memory is next
 * taken into use, which may be by somebody who tells nobody, such as an IOMMU's tables: so it goes by runs, too.
 *
 * The functions that touch such memory are not instrumented, for it is closed to everybody else.
 */
#include "fill.h"

#include "shadow.h"

#define FILL_UNSEEN __attribute__((no_sanitize_address))

typedef uint64_t __attribute__((may_alias)) word;

/*
 * What the bytes of an aligned word are.  Never 0, so that a string's end too far is seen, and not the same for neighbours, so
 * that a copy one byte off is.
 */
static const _Alignas(word) unsigned char pattern[sizeof(word)] = { 0x8d, 0xb2, 0xd7, 0xfc, 0xa1, 0xc6, 0xeb, 0x90 };

FILL_UNSEEN static inline unsigned char pattern_at(uintptr_t at)
{
	return pattern[at % sizeof(word)];
}

FILL_UNSEEN static inline bool word_is(uintptr_t at)
{
	return *(const word *)at == *(const word *)(const void *)pattern;
}

FILL_UNSEEN static void fill(uintptr_t first, uintptr_t last)
{
	unsigned char *byte = (unsigned char *)first;

	for (size_t i = 0; i <= last - first; i++)
		byte[i] = pattern_at(first + i);
}

/* How many bytes differ, and the first and last of them as distances from `first`. */
FILL_UNSEEN static size_t fill_changed(uintptr_t first, uintptr_t last, size_t *ret_first, size_t *ret_last)
{
	const unsigned char *byte = (const unsigned char *)first;
	size_t n = 0;

	for (size_t i = 0; i <= last - first; i++) {
		while ((first + i) % sizeof(word) == 0 && last - first - i >= sizeof(word) && word_is(first + i))
			i += sizeof(word); /* what follows the last of them is looked at below */
		if (byte[i] == pattern_at(first + i))
			continue;
		if (!n++)
			*ret_first = i;
		*ret_last = i;
	}
	return n;
}

/* What is closed is open to the verifier. */
static void fill_peek(const struct mete_check *check, bool on)
{
	if (check->shadow && check->shadow->peek)
		check->shadow->peek(on);
}

static void fill_put(const struct mete_check *check, uintptr_t first, uintptr_t last)
{
	fill_peek(check, true);
	fill(first, last);
	fill_peek(check, false);
}

static size_t fill_look(const struct mete_check *check, uintptr_t first, uintptr_t last, size_t *ret_first,
    size_t *ret_last)
{
	fill_peek(check, true);
	size_t n = fill_changed(first, last, ret_first, ret_last);
	fill_peek(check, false);
	return n;
}

static uintptr_t block_end(const struct block *block)
{
	return block->first + (block->room - 1);
}

/* A block that is free is compared, once and for all. */
static void free_compare(struct mete_check *check, struct block *block, const struct place *here, struct findings *found)
{
	size_t first, last;

	size_t n = block->filled ? fill_look(check, block->first, block_end(block), &first, &last) : 0;
	block->filled = false;
	if (!n)
		return;
	/* A shadow that sees each access of the CPU has told of it, if it was the CPU. */
	bool seen = check->shadow && check->shadow->hide;
	struct finding *f = mete__findings_add(found, seen ? METE_DMA_A09 : METE_DMA_A08, here);
	mete__finding_say(f, "bytes %zu to %zu of it were written after it was freed%s", first, last,
	    seen ? "" : ", by the CPU or by a device");
	mete__about_block(f, block);
}

/* It is not compared again. */
static void free_open(struct mete_check *check, struct block *block, const struct place *here, struct findings *found)
{
	if (check->shadow && block->filled)
		check->shadow->open(check, block->first, block_end(block));
	free_compare(check, block, here, found);
}

void mete__fill_taken(struct mete_check *check, uintptr_t cpu, size_t len, const struct place *here, struct findings *found)
{
	struct ledger *l = &check->ledger;
	struct block *block;
	uintptr_t last = cpu + (len - 1);

	if (!len)
		return;
	for (block = mete__ledger_freed_before(l, last); block; block = mete__ledger_freed_before(l, block->first - 1)) {
		if (block_end(block) < cpu)
			break;
		free_open(check, block, here, found);
	}
	if (check->shadow)
		check->shadow->fresh(check, cpu, last);
}

void mete__fill_margin(struct mete_check *check, struct block *block)
{
	if (check->level < METE_LEVEL_FILLS || block->room <= block->len)
		return;
	fill_put(check, block->first + block->len, block_end(block));
	block->margin = true;
	if (check->shadow && check->shadow->hide)
		check->shadow->hide(block->first + block->len, block_end(block));
}

void mete__fill_free(struct mete_check *check, struct block *block, const struct place *here, struct findings *found)
{
	struct mete_provider *p = check->provider;

	struct block *oldest = mete__ledger_overdue(&check->ledger);
	if (oldest)
		free_open(check, oldest, here, found);
	block->margin = false;
	if (check->level < METE_LEVEL_FILLS || !p->ops->traits ||
	    !(p->ops->traits(p->ctx, (void *)block->first, block->room) & METE_TRAIT_STAYS))
		return;
	fill_put(check, block->first, block_end(block));
	block->filled = true;
	if (check->shadow && check->shadow->hide)
		check->shadow->hide(block->first, block_end(block));
}

void mete__fill_kept(struct mete_check *check, struct block *block)
{
	if (check->shadow && block->filled)
		check->shadow->open(check, block->first, block_end(block));
	block->filled = false;
}

void mete__fill_compare(struct mete_check *check, struct block *block, bool device, const struct place *here,
    struct findings *found)
{
	size_t first, last;

	if (!block->margin)
		return;
	size_t n = fill_look(check, block->first + block->len, block_end(block), &first, &last);
	if (!n)
		return;
	block->margin = false;
	struct finding *f = mete__findings_add(found, device ? METE_DMA_A11 : METE_DMA_A10, here);
	mete__finding_say(f, "%zu of the %zu bytes behind its end were written, the first %zu behind it, the last %zu", n,
	    block->room - block->len, first, last);
	mete__about_block(f, block);
}

void mete__fill_compare_load(struct mete_check *check, const struct load *load, const struct place *here,
    struct findings *found)
{
	for (size_t i = 0; i < load->nranges && found->n < FINDINGS; i++) {
		struct block *block = mete__ledger_block(&check->ledger, load->ranges[i].first);
		if (block)
			mete__fill_compare(check, block, load->owned & METE_DEVICE_WRITES, here, found);
	}
}

void mete__fill_compare_all(struct mete_check *check, struct findings *found)
{
	struct ledger *l = &check->ledger;

	for (struct block *block = mete__ledger_first(l); block && found->n < FINDINGS; block = mete__ledger_next(block)) {
		const struct load *load = mete__ledger_shared(l, block->first, block->last, NULL);
		if (!load || !load->owned)
			mete__fill_compare(check, block, false, &block->made, found);
	}
	struct block *block;
	TAILQ_FOREACH(block, &l->freed_order, dead) {
		if (found->n == FINDINGS)
			return;
		bool filled = block->filled;
		size_t n = found->n;
		free_compare(check, block, &block->freed, found);
		block->filled = filled && found->n == n;
	}
}
