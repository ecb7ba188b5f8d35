/* SPDX-License-Identifier: ISC */
/*
 * <sys/atomic.h>: of atomic operations, the barriers between accesses to memory.
 */
#ifndef METE_SHIM_OPENBSD_SYS_ATOMIC_H
#define METE_SHIM_OPENBSD_SYS_ATOMIC_H

#define membar_enter() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define membar_exit() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define membar_producer() __atomic_thread_fence(__ATOMIC_RELEASE)
#define membar_consumer() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define membar_sync() __atomic_thread_fence(__ATOMIC_SEQ_CST)

#endif
