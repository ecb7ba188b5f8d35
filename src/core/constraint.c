/* SPDX-License-Identifier: ISC */
/*
 * Constraint: validation, merging, and the question whether one segment is allowed.
 *
 * "0 means no limit" is convenient for the caller and awkward for arithmetic, so each operation first asks for the
 * effective value: the highest address for a `last` of 0, and so on.  Contradictions are found here, when constraints
 * meet, not at the first allocation.
 */
#include <mete/constraint.h>

#include "bytes.h"
#include "checked.h"

static mete_baddr constraint_last(const struct mete_constraint *c)
{
	return c->last ? c->last : METE_BADDR_MAX;
}

static bool power2_or_0(mete_baddr v)
{
	return !(v & (v - 1));
}

int mete_constraint_check(const struct mete_constraint *c)
{
	if (!c)
		return 0;
	mete_baddr last = constraint_last(c);
	if (c->first > last || !power2_or_0(c->align) || !power2_or_0(c->boundary))
		return METE_EINVAL;
	if (c->align ? c->phase >= c->align : c->phase != 0)
		return METE_EINVAL;
	if (c->hole_last ? c->hole_first > c->hole_last : c->hole_first != 0)
		return METE_EINVAL;
	if (c->hole_last && c->hole_first <= c->first && c->hole_last >= last)
		return METE_EINVAL;
	if (c->max_transfer && c->max_transfer < c->min_transfer)
		return METE_EINVAL;
	if ((c->max_segment && c->max_segment < c->granularity) || (c->max_transfer && c->max_transfer < c->granularity))
		return METE_EINVAL;
	return 0;
}

static mete_baddr stricter_max(mete_baddr a, mete_baddr b)
{
	if (!a || !b)
		return a | b;
	return a < b ? a : b;
}

/* The least common multiple of two granularities, 0 standing for 1; false if it does not fit. */
static bool merge_granularity(uint32_t a, uint32_t b, uint32_t *ret)
{
	if (!a || !b) {
		*ret = a | b;
		return true;
	}
	uint32_t x = a, y = b;
	while (y) {
		uint32_t rest = x % y;
		x = y;
		y = rest;
	}
	uint32_t factor = b / x;
	if (a > UINT32_MAX / factor)
		return false;
	*ret = a * factor;
	return true;
}

/* Both starts: the coarser alignment wins, if its phase is one the finer alignment accepts. */
static bool merge_align(const struct mete_constraint *a, const struct mete_constraint *b, struct mete_constraint *ret)
{
	const struct mete_constraint *coarse = a->align >= b->align ? a : b;
	const struct mete_constraint *fine = coarse == a ? b : a;

	if (fine->align && (coarse->phase & (fine->align - 1)) != fine->phase)
		return false;
	ret->align = coarse->align;
	ret->phase = coarse->phase;
	return true;
}

/*
 * Two holes become one that covers both.  A hole that reaches an end of the range is cut off the range instead, so
 * that it does not swallow what lies between it and the other hole.
 */
static void merge_holes(const struct mete_constraint *a, const struct mete_constraint *b, struct mete_constraint *ret)
{
	const struct mete_constraint *from[2] = { a, b };
	mete_baddr last = constraint_last(ret);

	ret->hole_first = ret->hole_last = 0;
	for (int round = 0; round < 2; round++) { /* twice: cutting for one hole may bring the other to an end */
		for (int i = 0; i < 2; i++) {
			if (!from[i]->hole_last)
				continue;
			if (from[i]->hole_first <= ret->first && from[i]->hole_last >= ret->first && from[i]->hole_last < last)
				ret->first = from[i]->hole_last + 1;
			/* A range that ended at 0 could not be told from "no limit": such a hole stays a hole. */
			if (from[i]->hole_last >= last && from[i]->hole_first <= last && from[i]->hole_first > ret->first &&
			    from[i]->hole_first > 1)
				last = from[i]->hole_first - 1;
		}
	}
	for (int i = 0; i < 2; i++) {
		if (!from[i]->hole_last || from[i]->hole_last < ret->first || from[i]->hole_first > last)
			continue;
		if (!ret->hole_last || from[i]->hole_first < ret->hole_first)
			ret->hole_first = from[i]->hole_first;
		if (from[i]->hole_last > ret->hole_last)
			ret->hole_last = from[i]->hole_last;
	}
	ret->last = last == METE_BADDR_MAX ? 0 : last;
}

int mete_constraint_merge(const struct mete_constraint *a, const struct mete_constraint *b, struct mete_constraint *ret)
{
	static const struct mete_constraint anything = { 0 };

	if (!a)
		a = &anything;
	if (!b)
		b = &anything;
	if (mete_constraint_check(a) || mete_constraint_check(b))
		return METE_EINVAL;

	struct mete_constraint merged;
	mete__bytes_zero(&merged, sizeof merged); /* padding too: callers compare and hash whole records */
	mete_baddr last_a = constraint_last(a), last_b = constraint_last(b);
	merged.first = a->first > b->first ? a->first : b->first;
	merged.last = last_a < last_b ? last_a : last_b;
	if (merged.first > merged.last)
		return METE_EINVAL;
	merge_holes(a, b, &merged);
	if (!merge_align(a, b, &merged) || !merge_granularity(a->granularity, b->granularity, &merged.granularity))
		return METE_EINVAL;
	merged.boundary = stricter_max(a->boundary, b->boundary);
	merged.max_segment = stricter_max(a->max_segment, b->max_segment);
	merged.max_transfer = stricter_max(a->max_transfer, b->max_transfer);
	merged.min_transfer = a->min_transfer > b->min_transfer ? a->min_transfer : b->min_transfer;
	merged.max_segments = (uint32_t)stricter_max(a->max_segments, b->max_segments);
	merged.burst_sizes = a->burst_sizes && b->burst_sizes ? a->burst_sizes & b->burst_sizes
	                                                      : a->burst_sizes | b->burst_sizes;
	if (a->burst_sizes && b->burst_sizes && !merged.burst_sizes)
		return METE_EINVAL;
	if (mete_constraint_check(&merged))
		return METE_EINVAL;

	mete__bytes_copy(ret, &merged, sizeof merged);
	return 0;
}

bool mete_constraint_allows(const struct mete_constraint *c, mete_baddr bus, mete_baddr len)
{
	mete_baddr end;

	if (!checked_last_bus(bus, len, &end))
		return false;
	if (bus < c->first || end > constraint_last(c))
		return false;
	if (c->hole_last && bus <= c->hole_last && end >= c->hole_first)
		return false;
	if (c->align && (bus & (c->align - 1)) != c->phase)
		return false;
	if (c->boundary && ((bus ^ end) & ~(c->boundary - 1)))
		return false;
	return !c->max_segment || len <= c->max_segment;
}
