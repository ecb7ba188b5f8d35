/* SPDX-License-Identifier: ISC */
/*
 * <asm/barrier.h>: what the CPU must not move.
 *
 * They are the fences of C11.  Those for devices are the strongest there is, because a device that runs in another
 * process or thread is another CPU to this one.  Those that keep stores in order for devices also tell the machine, by
 * mete_shim_barrier(3); those between CPUs, smp_wmb() and its kin, do not: a device need not notice them.
 */
#ifndef METE_SHIM_LINUX_ASM_BARRIER_H
#define METE_SHIM_LINUX_ASM_BARRIER_H

#include <linux/compiler.h>
#include <mete/shim.h>

#define mb() (__atomic_thread_fence(__ATOMIC_SEQ_CST), mete_shim_barrier())
#define rmb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define wmb() mb()
#define dma_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define dma_wmb() (__atomic_thread_fence(__ATOMIC_RELEASE), mete_shim_barrier())
#define dma_mb() mb()
#define smp_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_mb__before_atomic() smp_mb()
#define smp_mb__after_atomic() smp_mb()

#define smp_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

#endif
