/* SPDX-License-Identifier: ISC */
/*
 * Configuration: what is fixed when the library and its users are compiled.
 *
 * Every option has a default and may be set with -D, or all of them in one header of your own named by
 * METE_CONFIG_HEADER.  The library and all code that includes its headers must agree on METE_ADDR_BITS and METE_SHELF,
 * because they shape the public structs: a disagreement fails to link (see METE_ABI in <mete/types.h>).
 */
#ifndef METE_CONFIG_H
#define METE_CONFIG_H

#ifdef METE_CONFIG_HEADER
#include METE_CONFIG_HEADER
#endif

/* Width of physical and bus addresses: 32 or 64. */
#ifndef METE_ADDR_BITS
#define METE_ADDR_BITS 64
#endif

/* Freed blocks that a pool remembers in order, newest first.  A power of two, 1 to 64. */
#ifndef METE_SHELF
#define METE_SHELF 64
#endif

/*
 * Check at each free that the block is live: 1, or 0 for code that is proven elsewhere.  That the block belongs to the pool
 * is checked either way, for its record must be found.
 */
#ifndef METE_CHECKS
#define METE_CHECKS 1
#endif

/* Whether a verifier may listen at providers (see <mete/observe.h>): 1, or 0 for firmware that never asks. */
#ifndef METE_OBSERVER
#define METE_OBSERVER 1
#endif

/* Free runs that one request looks at, at most, once the constant-time searches have failed. */
#ifndef METE_WALK_CAP
#define METE_WALK_CAP 256
#endif

/*
 * How calls exclude one another:
 *   0  not at all: one thread, no interrupt handlers
 *   1  by the lock hook of the provider (see struct mete_hooks), which may mask interrupts
 *   2  by a test-and-set lock of the library's own, inline; hosted systems, not for use in signal handlers
 */
#ifndef METE_GUARD
#define METE_GUARD 1
#endif

/* The largest alignment that holds in the CPU view and on the bus at once, in bytes. */
#ifndef METE_CONGRUENT
#define METE_CONGRUENT 65536
#endif

#if METE_ADDR_BITS != 32 && METE_ADDR_BITS != 64
#error "METE_ADDR_BITS must be 32 or 64"
#endif
#if METE_GUARD != 0 && METE_GUARD != 1 && METE_GUARD != 2
#error "METE_GUARD must be 0, 1 or 2"
#endif
#if METE_SHELF != 1 && METE_SHELF != 2 && METE_SHELF != 4 && METE_SHELF != 8 && METE_SHELF != 16 && \
    METE_SHELF != 32 && METE_SHELF != 64
#error "METE_SHELF must be a power of two from 1 to 64"
#endif

#endif
