/* SPDX-License-Identifier: ISC */
/*
 * Application: what a firmware defines for the faces it uses, and nothing else.
 *
 * The gate links it with the whole library.  It places its state at fixed addresses, as a linker script would, so that
 * it has no RAM of its own either.
 */
#include <mete/linux.h>
#include <mete/openbsd.h>

/* 0x20000000 is where a Cortex-M4's RAM starts. */
struct mete_openbsd *const mete_openbsd_here = (struct mete_openbsd *)0x20000000;
struct mete_linux *const mete_linux_here = (struct mete_linux *)0x20008000;
