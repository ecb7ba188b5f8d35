/* SPDX-License-Identifier: ISC */
/*
 * <linux/mutex.h>: locks that let others run while they are waited for.
 *
 * They know no owner, and are not fair.
 */
#ifndef METE_SHIM_LINUX_LINUX_MUTEX_H
#define METE_SHIM_LINUX_LINUX_MUTEX_H

#include <linux/spinlock.h>

struct mutex {
	spinlock_t mete_lock;
};

#define DEFINE_MUTEX(name) struct mutex name = { __SPIN_LOCK_UNLOCKED(name) }

static inline void mutex_init(struct mutex *mutex)
{
	spin_lock_init(&mutex->mete_lock);
}

static inline void mutex_destroy(struct mutex *mutex)
{
	(void)mutex;
}

static inline void mutex_lock(struct mutex *mutex)
{
	spin_lock(&mutex->mete_lock);
}

static inline int mutex_trylock(struct mutex *mutex)
{
	return spin_trylock(&mutex->mete_lock);
}

static inline void mutex_unlock(struct mutex *mutex)
{
	spin_unlock(&mutex->mete_lock);
}

static inline bool mutex_is_locked(const struct mutex *mutex)
{
	return spin_is_locked(&mutex->mete_lock);
}

#endif
