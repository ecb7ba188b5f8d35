/* SPDX-License-Identifier: ISC */
/*
 * <asm/barrier.h>: what the CPU must not move.
 *
 * They are the fences of C11.  Those for devices are the strongest there is, because a device that runs in another
 * process or thread is another CPU to this one.
 */
#ifndef METE_SHIM_LINUX_ASM_BARRIER_H
#define METE_SHIM_LINUX_ASM_BARRIER_H

#include <linux/compiler.h>

#define mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define rmb() mb()
#define wmb() mb()
#define dma_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define dma_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#define dma_mb() mb()
#define smp_mb() mb()
#define smp_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_mb__before_atomic() mb()
#define smp_mb__after_atomic() mb()

#define smp_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

#endif
