/* SPDX-License-Identifier: ISC */
/*
 * Bench arena: mete as an application would set it up, over address space.
 *
 * CPU view and bus agree modulo 1 MiB.  Records come from one block of ordinary memory.
 */
#ifndef METE_TESTS_BENCH_ARENA_H
#define METE_TESTS_BENCH_ARENA_H

#include "bench.h"

/*
 * Set up the arena, the OpenBSD face over it, and the device below.  A touch of memory for runs is a fault: the library
 * has no business there.  Once in a process; ends the program if it cannot be done.
 */
void bench_arena_open(enum bench_use use);

/* A device that reaches all of the arena. */
extern struct mete_device bench_arena_device;

#endif
