/* SPDX-License-Identifier: ISC */
/*
 * <machine/atomic.h>: of atomic operations, the barriers between accesses to memory.
 *
 * They are the fences of C11.  Those that keep stores in order also tell the machine, by mete_shim_barrier(3).
 */
#ifndef METE_SHIM_FREEBSD_MACHINE_ATOMIC_H
#define METE_SHIM_FREEBSD_MACHINE_ATOMIC_H

#include <mete/shim.h>

#define mb() (__atomic_thread_fence(__ATOMIC_SEQ_CST), mete_shim_barrier())
#define rmb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define wmb() (__atomic_thread_fence(__ATOMIC_SEQ_CST), mete_shim_barrier())
#define atomic_thread_fence_acq() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define atomic_thread_fence_rel() (__atomic_thread_fence(__ATOMIC_RELEASE), mete_shim_barrier())
#define atomic_thread_fence_acq_rel() (__atomic_thread_fence(__ATOMIC_ACQ_REL), mete_shim_barrier())
#define atomic_thread_fence_seq_cst() (__atomic_thread_fence(__ATOMIC_SEQ_CST), mete_shim_barrier())

#endif
