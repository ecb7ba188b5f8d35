/* SPDX-License-Identifier: ISC */
/*
 * The three number spaces, kept apart by type and by name.
 *
 *   cpu   a pointer: what the program dereferences
 *   phys  mete_paddr: what the CPU puts on its own bus
 *   bus   mete_baddr: what a device puts on its bus
 *
 * Nothing converts one into another implicitly.  A provider knows cpu -> phys, a device knows phys -> bus.
 */
#ifndef METE_TYPES_H
#define METE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <mete/config.h>

#if METE_ADDR_BITS == 64
typedef uint64_t mete_paddr;
typedef uint64_t mete_baddr;
#define METE_PADDR_MAX UINT64_MAX
#define METE_BADDR_MAX UINT64_MAX
#else
typedef uint32_t mete_paddr;
typedef uint32_t mete_baddr;
#define METE_PADDR_MAX UINT32_MAX
#define METE_BADDR_MAX UINT32_MAX
#endif

/*
 * The name of a function that fixes a struct's layout carries the options that shape it, so that a user compiled with
 * other options fails to link instead of failing to work.
 */
#define METE_ABI_PASTE(name, bits, shelf) name##_a##bits##s##shelf
#define METE_ABI_EXPAND(name, bits, shelf) METE_ABI_PASTE(name, bits, shelf)
#define METE_ABI(name) METE_ABI_EXPAND(name, METE_ADDR_BITS, METE_SHELF)

#endif
