/* SPDX-License-Identifier: ISC */
/*
 * Draw: random numbers and sizes for the benchmarks.
 *
 * Always the same sequence: a benchmark compares, and what it compares must have had the same requests.
 */
#ifndef METE_TESTS_DRAW_H
#define METE_TESTS_DRAW_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* xorshift64*; `*state` is not 0. */
static inline uint64_t draw_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1du;
}

/* Uniform below `n`. */
static inline uint32_t draw_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)((draw_next(state) >> 32) * n >> 32);
}

/* From `least` to `most`, every power of two as likely as the next. */
static inline size_t draw_log(uint64_t *state, size_t least, size_t most)
{
	double share = (double)(draw_next(state) >> 11) / 9007199254740992.0; /* 2^53 */
	return (size_t)((double)least * pow((double)(most + 1) / (double)least, share));
}

#endif
