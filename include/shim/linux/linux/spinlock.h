/* SPDX-License-Identifier: ISC */
/*
 * <linux/spinlock.h>: locks between threads.
 *
 * A test process has no interrupts.  What stands for a handler runs in a thread, in the driver's own between two of its
 * calls or in another, so the calls that mask interrupts have nothing to mask: they lock, and store 0 as the flags.  A
 * thread that takes a lock twice waits for ever, as a CPU does.
 */
#ifndef METE_SHIM_LINUX_LINUX_SPINLOCK_H
#define METE_SHIM_LINUX_LINUX_SPINLOCK_H

#include <linux/types.h>
#include <mete/shim.h>

typedef struct spinlock {
	unsigned char mete_taken;
} spinlock_t;

#define __SPIN_LOCK_UNLOCKED(name) { 0 }
#define DEFINE_SPINLOCK(name) spinlock_t name = __SPIN_LOCK_UNLOCKED(name)

static inline void spin_lock_init(spinlock_t *lock)
{
	lock->mete_taken = 0;
}

/* Whether it was free, and is the caller's now. */
static inline int spin_trylock(spinlock_t *lock)
{
	return !__atomic_exchange_n(&lock->mete_taken, 1, __ATOMIC_ACQUIRE);
}

static inline void spin_lock(spinlock_t *lock)
{
	while (!spin_trylock(lock))
		mete_shim_relax();
}

static inline void spin_unlock(spinlock_t *lock)
{
	__atomic_store_n(&lock->mete_taken, 0, __ATOMIC_RELEASE);
}

static inline int spin_is_locked(const spinlock_t *lock)
{
	return __atomic_load_n(&lock->mete_taken, __ATOMIC_RELAXED);
}

static inline void spin_lock_irq(spinlock_t *lock)
{
	spin_lock(lock);
}

static inline void spin_unlock_irq(spinlock_t *lock)
{
	spin_unlock(lock);
}

static inline void spin_lock_bh(spinlock_t *lock)
{
	spin_lock(lock);
}

static inline void spin_unlock_bh(spinlock_t *lock)
{
	spin_unlock(lock);
}

/* `flags` is an unsigned long that the macro stores in. */
#define spin_lock_irqsave(lock, flags) ((void)((flags) = 0ul), spin_lock(lock))

static inline void spin_unlock_irqrestore(spinlock_t *lock, unsigned long flags)
{
	(void)flags;
	spin_unlock(lock);
}

#endif
