/* SPDX-License-Identifier: ISC */
/*
 * Stock: records carved from memory that the caller handed in.
 *
 * Lengths are rounded up to powers of two, or quarters of one; freed records wait in a list of their length for the next of that length.
 * Records of the library come in few lengths and mostly stay, so nothing is ever joined.  The lists run through the
 * freed records themselves, which is right here and nowhere else: no device can reach this memory.
 */
#ifndef STOCK_H
#define STOCK_H

#include <mete/arena.h>

/* Bytes that a record of `len` takes. */
size_t mete__stock_len(size_t len);

void mete__stock_init(struct mete_stock *stock, void *memory, size_t len);

/* Zeroed, aligned to 16; NULL if there is none.  Constant time but for the clearing.  The caller locks. */
void *mete__stock_alloc(struct mete_stock *stock, size_t len);
void mete__stock_free(struct mete_stock *stock, void *record, size_t len);

#endif
