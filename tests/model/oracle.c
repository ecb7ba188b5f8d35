/* SPDX-License-Identifier: ISC */
/*
 * Oracle: see oracle.h.
 *
 * One function a rule, each in the words of the contract and in numbers too wide to overflow.  The only speed-up is
 * that the free frames from a start on are counted once, from the end of the span, instead of again for each start.
 */
#include "oracle.h"
#include "model_run.h"

#include <stdlib.h>
#include <string.h>

/* Wide enough that no sum of two addresses overflows: the rules below can be read as arithmetic. */
#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 wide;
#else
/*
 * A 32-bit compiler has nothing wider.  There a length is below 2^32, and runs that pass the last address are told apart
 * in oracle_fits(); in rule_boundary() both sums wrap alike, by a multiple of the boundary.
 */
typedef uint64_t wide;
#endif

void oracle_init(struct oracle *oracle, size_t frame)
{
	memset(oracle, 0, sizeof(*oracle));
	oracle->frame = frame;
}

void oracle_add(struct oracle *oracle, uint64_t phys, size_t nframes, uint32_t memory)
{
	struct oracle_span *span = &oracle->span[oracle->nspans++];

	span->phys = phys;
	span->nframes = nframes;
	span->memory = memory;
	span->owner = model_zeroed(nframes, sizeof(*span->owner));
	oracle->nframes += nframes;
	oracle->nfree += nframes;
}

void oracle_fini(struct oracle *oracle)
{
	size_t i;

	for (i = 0; i < oracle->nspans; i++)
		free(oracle->span[i].owner);
	oracle->nspans = 0;
}

uint64_t oracle_frames(const struct oracle *oracle, size_t len)
{
	return len / oracle->frame + (len % oracle->frame != 0);
}

static bool oracle_power_of_two(uint64_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

bool oracle_well_formed(const struct mete_want *w)
{
	if (w->len == 0)
		return false;
	if (w->align != 0 && !oracle_power_of_two(w->align))
		return false;
	if (w->align == 0 ? w->phase != 0 : w->phase >= w->align)
		return false;
	if (w->boundary != 0 && !oracle_power_of_two(w->boundary))
		return false;
	if (w->boundary == 0 ? w->boundary_phase != 0 : w->boundary_phase >= w->boundary)
		return false;
	if (w->last != 0 && w->last < w->first)
		return false;
	if (w->hole_last < w->hole_first)
		return false;
	return true;
}

static bool rule_range(const struct mete_want *w, wide first, wide last)
{
	return first >= w->first && (w->last == 0 || last <= w->last);
}

static bool rule_hole(const struct mete_want *w, wide first, wide last)
{
	return w->hole_last == 0 || last < w->hole_first || first > w->hole_last;
}

static bool rule_align(const struct mete_want *w, uint64_t first)
{
	return w->align == 0 || first % w->align == w->phase;
}

/* The quotient grows by one at each forbidden address: no straddling means that it is the same at both ends. */
static bool rule_boundary(const struct mete_want *w, wide first, wide last)
{
	wide boundary = w->boundary, shift = boundary - w->boundary_phase;

	return boundary == 0 || (first + shift) / boundary == (last + shift) / boundary;
}

bool oracle_fits(const struct oracle *oracle, const struct mete_want *want, uint64_t start)
{
	wide first = start, last = first + want->len - 1;

	return first <= last && start % oracle->frame == 0 && rule_range(want, first, last) &&
	    rule_hole(want, first, last) && rule_align(want, start) && rule_boundary(want, first, last);
}

bool oracle_any(const struct oracle *oracle, const struct mete_want *want, enum oracle_when when,
    oracle_accept *accept, void *ctx, uint64_t *ret_start)
{
	uint64_t need = oracle_frames(oracle, want->len);
	bool found = false;
	size_t i, f;

	for (i = 0; i < oracle->nspans; i++) {
		const struct oracle_span *span = &oracle->span[i];
		uint64_t have = 0; /* usable frames from `f` on, inside this span */

		if ((span->memory >> want->memory & 1u) == 0)
			continue;
		for (f = span->nframes; f-- > 0;) {
			uint64_t start = span->phys + f * oracle->frame;

			have = when == ORACLE_EVER || span->owner[f] == 0 ? have + 1 : 0;
			if (have < need || !oracle_fits(oracle, want, start))
				continue;
			if (accept != NULL && !accept(ctx, start))
				continue;
			if (ret_start == NULL)
				return true;
			if (!found || start > *ret_start)
				*ret_start = start;
			found = true;
		}
	}
	return found;
}

int oracle_expect(const struct oracle *oracle, const struct mete_want *want, oracle_accept *accept, void *ctx)
{
	bool offered = false;
	size_t i;

	if (!oracle_well_formed(want))
		return METE_EINVAL;
	for (i = 0; i < oracle->nspans; i++)
		offered |= (oracle->span[i].memory >> want->memory & 1u) != 0;
	if (!offered)
		return METE_ENOTSUP;
	if (oracle_any(oracle, want, ORACLE_NOW, accept, ctx, NULL))
		return 0;
	return oracle_any(oracle, want, ORACLE_EVER, accept, ctx, NULL) ? METE_ENOMEM : METE_ERANGE;
}

static const struct oracle_span *oracle_span_of(const struct oracle *oracle, uint64_t phys)
{
	size_t i;

	for (i = 0; i < oracle->nspans; i++) {
		const struct oracle_span *span = &oracle->span[i];

		if (phys >= span->phys && phys - span->phys < (uint64_t)span->nframes * oracle->frame)
			return span;
	}
	return NULL;
}

bool oracle_owned(const struct oracle *oracle, uint64_t start, uint64_t nframes, uint32_t owner)
{
	const struct oracle_span *span = oracle_span_of(oracle, start);
	uint64_t f, begin;

	if (span == NULL || (start - span->phys) % oracle->frame != 0)
		return false;
	begin = (start - span->phys) / oracle->frame;
	if (nframes > span->nframes - begin)
		return false;
	for (f = begin; f < begin + nframes; f++)
		if (span->owner[f] != owner)
			return false;
	return true;
}

void oracle_mark(struct oracle *oracle, uint64_t start, uint64_t nframes, uint32_t owner)
{
	const struct oracle_span *span = oracle_span_of(oracle, start);
	uint64_t f, begin = (start - span->phys) / oracle->frame;

	for (f = begin; f < begin + nframes; f++) {
		oracle->nfree += span->owner[f] != 0;
		oracle->nfree -= owner != 0;
		span->owner[f] = owner;
	}
}

uint32_t oracle_owner(const struct oracle *oracle, uint64_t phys)
{
	const struct oracle_span *span = oracle_span_of(oracle, phys);

	return span == NULL ? UINT32_MAX : span->owner[(phys - span->phys) / oracle->frame];
}

size_t oracle_longest(const struct oracle *oracle)
{
	size_t i, f, longest = 0;

	for (i = 0; i < oracle->nspans; i++) {
		size_t have = 0;

		for (f = 0; f < oracle->span[i].nframes; f++) {
			have = oracle->span[i].owner[f] == 0 ? have + 1 : 0;
			longest = have > longest ? have : longest;
		}
	}
	return longest;
}
