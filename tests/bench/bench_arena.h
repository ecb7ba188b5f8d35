/* SPDX-License-Identifier: ISC */
/*
 * Bench arena: mete as an application would set it up, over 1 GiB of address space.
 *
 * Physical addresses run from 3.5 to 4.5 GiB, so that half of the arena is what a device with 32 address bits can
 * reach.  CPU view and bus agree modulo 1 MiB.  Records come from one block of ordinary memory.
 */
#ifndef METE_TESTS_BENCH_ARENA_H
#define METE_TESTS_BENCH_ARENA_H

#include <mete/arena.h>
#include <mete/device.h>

#define BENCH_ARENA_LEN ((size_t)1 << 30)
#define BENCH_ARENA_PHYS ((mete_paddr)7 << 29)
#define BENCH_ARENA_LOW ((mete_baddr)1 << 32)   /* the lower half ends here */

/*
 * Set up the arena, the OpenBSD face over it, and the device below.  With `touched` the memory may be written to; without,
 * a touch is a fault: the library has no business there.  Once in a process; ends the program if it cannot be done.
 */
void bench_arena_open(bool touched);

/* A device that reaches all of the arena. */
extern struct mete_device bench_arena_device;

#endif
