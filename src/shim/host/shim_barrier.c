/* SPDX-License-Identifier: ISC */
/*
 * A host's devices are other processes or threads, or models that this one runs: the fences before this call are enough
 * for them.  Unless the program defines it, nothing.
 */
#include <mete/shim.h>

void mete_shim_barrier(void)
{
}
