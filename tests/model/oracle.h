/* SPDX-License-Identifier: ISC */
/*
 * Oracle: which starts satisfy a want, by trying every one.
 *
 * For each span an array says who owns each frame.  A start fits if each rule of struct mete_want, written down here
 * once more and one by one, holds for the run's first and last address.  Nothing is cut short by cleverness: an answer
 * of "no" means that every frame of every span was looked at.  It shares neither code nor ideas with src/.
 *
 * What the contract leaves open is read as follows: the rules hold for the `len` bytes from the start on, which a
 * device will see; free and inside one span must be the whole frames.  A hole that covers all of [first, last] makes a
 * want unsatisfiable, not malformed; a phase without its align or boundary and a `hole_first` without a `hole_last`
 * make it malformed.
 */
#ifndef METE_TESTS_ORACLE_H
#define METE_TESTS_ORACLE_H

#include <mete/provider.h>

#define ORACLE_SPANS 8

struct oracle_span {
	uint64_t phys;
	size_t nframes;
	uint32_t memory; /* bits 1u << METE_MEMORY_... */
	uint32_t *owner; /* for each frame; 0: free */
};

struct oracle {
	size_t frame;
	size_t nspans;
	struct oracle_span span[ORACLE_SPANS];
	size_t nframes, nfree;
};

void oracle_init(struct oracle *oracle, size_t frame);
void oracle_add(struct oracle *oracle, uint64_t phys, size_t nframes, uint32_t memory);
void oracle_fini(struct oracle *oracle);

/* Frames in `len` bytes.  SIZE_MAX rounds up as anything else does. */
uint64_t oracle_frames(const struct oracle *oracle, size_t len);

/* mete_want_check(), from its definition. */
bool oracle_well_formed(const struct mete_want *want);

/* Whether the run that starts at `start` obeys the want; not whether it is free or there at all. */
bool oracle_fits(const struct oracle *oracle, const struct mete_want *want, uint64_t start);

/* A further condition on starts. */
typedef bool oracle_accept(void *ctx, uint64_t start);

enum oracle_when {
	ORACLE_NOW,  /* the run must be free */
	ORACLE_EVER, /* ... or all of its span could be */
};

/* Whether any start fits and is accepted; `accept` may be NULL.  Stores the highest in `ret_start` if not NULL. */
bool oracle_any(const struct oracle *oracle, const struct mete_want *want, enum oracle_when when,
    oracle_accept *accept, void *ctx, uint64_t *ret_start);

/* What a request must return: 0 or the error, in the order of the contract: malformed, kind, ever, now. */
int oracle_expect(const struct oracle *oracle, const struct mete_want *want, oracle_accept *accept, void *ctx);

/* Whether [start, start + nframes * frame - 1] lies inside one span and all of it belongs to `owner`. */
bool oracle_owned(const struct oracle *oracle, uint64_t start, uint64_t nframes, uint32_t owner);

/* Hand a run that oracle_owned() confirmed to another owner, 0 being nobody. */
void oracle_mark(struct oracle *oracle, uint64_t start, uint64_t nframes, uint32_t owner);

/* Who owns the frame of `phys`; UINT32_MAX outside of all spans. */
uint32_t oracle_owner(const struct oracle *oracle, uint64_t phys);

/* The longest free run inside one span, in frames. */
size_t oracle_longest(const struct oracle *oracle);

#endif
