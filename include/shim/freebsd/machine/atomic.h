/* SPDX-License-Identifier: ISC */
/*
 * <machine/atomic.h>: of atomic operations, the barriers between accesses to memory.
 */
#ifndef METE_SHIM_FREEBSD_MACHINE_ATOMIC_H
#define METE_SHIM_FREEBSD_MACHINE_ATOMIC_H

#define mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define rmb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define wmb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define atomic_thread_fence_acq() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define atomic_thread_fence_rel() __atomic_thread_fence(__ATOMIC_RELEASE)
#define atomic_thread_fence_acq_rel() __atomic_thread_fence(__ATOMIC_ACQ_REL)
#define atomic_thread_fence_seq_cst() __atomic_thread_fence(__ATOMIC_SEQ_CST)

#endif
