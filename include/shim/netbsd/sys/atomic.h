/* SPDX-License-Identifier: ISC */
/*
 * <sys/atomic.h>: of atomic operations, the barriers between accesses to memory.
 *
 * They are the fences of C11.  Those that keep stores in order also tell the machine, by mete_shim_barrier(3).
 */
#ifndef METE_SHIM_NETBSD_SYS_ATOMIC_H
#define METE_SHIM_NETBSD_SYS_ATOMIC_H

#include <mete/shim.h>

#define membar_acquire() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define membar_release() (__atomic_thread_fence(__ATOMIC_RELEASE), mete_shim_barrier())
#define membar_producer() (__atomic_thread_fence(__ATOMIC_RELEASE), mete_shim_barrier())
#define membar_consumer() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define membar_enter() (__atomic_thread_fence(__ATOMIC_SEQ_CST), mete_shim_barrier())
#define membar_exit() (__atomic_thread_fence(__ATOMIC_SEQ_CST), mete_shim_barrier())
#define membar_sync() (__atomic_thread_fence(__ATOMIC_SEQ_CST), mete_shim_barrier())

#endif
