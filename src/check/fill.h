/* SPDX-License-Identifier: ISC */
/*
 * Fill: memory that nobody may touch has a pattern, and is compared.
 *
 * That is what is free, and what is left over behind an allocation: its *margin*.  The pattern is compared, and nothing
 * else is ever concluded from it.  All inside the verifier's lock.
 */
#ifndef FILL_H
#define FILL_H

#include "check_state.h"

/* [cpu, cpu + len - 1] is taken into use: what was free there is compared for the last time. */
void mete__fill_taken(struct mete_check *check, uintptr_t cpu, size_t len, const struct place *here, struct findings *found);

/* A new block gets its margin. */
void mete__fill_margin(struct mete_check *check, struct block *block);

/* A block is about to become a trace of itself: fill it.  And if the free was refused after all. */
void mete__fill_free(struct mete_check *check, struct block *block, const struct place *here, struct findings *found);
void mete__fill_kept(struct mete_check *check, struct block *block);

/* Compare the margin of a block, and those of what a load shows. */
void mete__fill_compare(struct mete_check *check, struct block *block, bool device, const struct place *here,
    struct findings *found);
void mete__fill_compare_load(struct mete_check *check, const struct load *load, const struct place *here,
    struct findings *found);

/* Compare everything that no device owns; call again until it finds nothing. */
void mete__fill_compare_all(struct mete_check *check, struct findings *found);

#endif
