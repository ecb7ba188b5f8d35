/* SPDX-License-Identifier: ISC */
/*
 * <asm/barrier.h> of the corpus's machines: a barrier is one for the simulated CPU, whose stores may be late.
 */
#ifndef CORPUS_ASM_BARRIER_H
#define CORPUS_ASM_BARRIER_H

#include <linux/compiler.h>

void corpus_barrier(void);

#define mb() corpus_barrier()
#define rmb() corpus_barrier()
#define wmb() corpus_barrier()
#define dma_rmb() corpus_barrier()
#define dma_wmb() corpus_barrier()
#define dma_mb() corpus_barrier()
#define smp_mb() corpus_barrier()
#define smp_rmb() corpus_barrier()
#define smp_wmb() corpus_barrier()

#endif
