/* SPDX-License-Identifier: ISC */
/*
 * <sys/mutex.h>: of mutex(9), what drivers and busdma_lock_mutex(9) need, over the host's threads; in firmware, which has
 * one thread, a mutex only remembers that it is held.  Spin mutexes are the same: nothing here masks interrupts.
 *
 * What makes a kernel with INVARIANTS panic does nothing worse here than count, in `mtx_mistakes`:
 *
 *   lock of a mutex that this thread holds and that may not recurse    held once more, as if it might
 *   unlock by who does not hold it, any use without mtx_init()         nothing
 *   mtx_assert() of what is not so                                     nothing
 *
 * A driver's test should look at the count.
 */
#ifndef METE_SHIM_FREEBSD_SYS_MUTEX_H
#define METE_SHIM_FREEBSD_SYS_MUTEX_H

#include <sys/types.h>
#if __STDC_HOSTED__
#include <pthread.h>
#endif

#define MTX_DEF 0x00000000     /* sleeps while another thread holds it */
#define MTX_SPIN 0x00000001    /* no different */
#define MTX_RECURSE 0x00000004 /* its holder may lock it again */
#define MTX_NOWITNESS 0x00000008 /* no effect */
#define MTX_QUIET 0x00000010
#define MTX_DUPOK 0x00000020

/* Of mtx_assert(). */
#define MA_OWNED 0x1
#define MA_NOTOWNED 0x2
#define MA_RECURSED 0x4
#define MA_NOTRECURSED 0x8

/* To drivers only its functions matter; `mtx_mistakes` is for tests. */
struct mtx {
	const char *mtx_name; /* NULL: not initialized */
	int mtx_opts;
	unsigned mtx_recurse;   /* the holder's: how often more than once */
	uintptr_t mtx_holder;   /* 0: nobody */
	unsigned mtx_mistakes;
#if __STDC_HOSTED__
	pthread_mutex_t mtx_lock;
#endif
};

#if defined(__GNUC__)
#define METE_NATIVE static inline __attribute__((unused))
#else
#define METE_NATIVE static inline
#endif

METE_NATIVE uintptr_t mete_freebsd_curthread(void)
{
#if __STDC_HOSTED__
	return (uintptr_t)pthread_self();
#else
	return 1;
#endif
}

METE_NATIVE void mete_freebsd_mtx_mistake(struct mtx *m)
{
	__atomic_fetch_add(&m->mtx_mistakes, 1u, __ATOMIC_RELAXED);
}

/* `type` is for a checker of lock order, which is not here. */
METE_NATIVE void mtx_init(struct mtx *m, const char *name, const char *type, int opts)
{
	(void)type;
	m->mtx_name = name ? name : "mutex";
	m->mtx_opts = opts;
	m->mtx_recurse = 0;
	m->mtx_holder = 0;
	m->mtx_mistakes = 0;
#if __STDC_HOSTED__
	pthread_mutex_init(&m->mtx_lock, NULL);
#endif
}

METE_NATIVE int mtx_initialized(const struct mtx *m)
{
	return m->mtx_name != NULL;
}

METE_NATIVE int mtx_owned(const struct mtx *m)
{
	return __atomic_load_n(&m->mtx_holder, __ATOMIC_RELAXED) == mete_freebsd_curthread();
}

METE_NATIVE int mtx_recursed(const struct mtx *m)
{
	return mtx_owned(m) && m->mtx_recurse != 0;
}

/* The lock is had: this thread is its holder. */
METE_NATIVE void mete_freebsd_mtx_hold(struct mtx *m)
{
	__atomic_store_n(&m->mtx_holder, mete_freebsd_curthread(), __ATOMIC_RELAXED);
}

METE_NATIVE void mtx_lock(struct mtx *m)
{
	if (!mtx_initialized(m)) {
		mete_freebsd_mtx_mistake(m);
		return;
	}
	if (mtx_owned(m)) {
		if (!(m->mtx_opts & MTX_RECURSE))
			mete_freebsd_mtx_mistake(m);
		m->mtx_recurse++;
		return;
	}
#if __STDC_HOSTED__
	pthread_mutex_lock(&m->mtx_lock);
#endif
	mete_freebsd_mtx_hold(m);
}

/* 0: held by another thread, or by this one and it may not recurse. */
METE_NATIVE int mtx_trylock(struct mtx *m)
{
	if (!mtx_initialized(m)) {
		mete_freebsd_mtx_mistake(m);
		return 0;
	}
	if (mtx_owned(m)) {
		if (!(m->mtx_opts & MTX_RECURSE))
			return 0;
		m->mtx_recurse++;
		return 1;
	}
#if __STDC_HOSTED__
	if (pthread_mutex_trylock(&m->mtx_lock) != 0)
		return 0;
#endif
	mete_freebsd_mtx_hold(m);
	return 1;
}

METE_NATIVE void mtx_unlock(struct mtx *m)
{
	if (!mtx_initialized(m) || !mtx_owned(m)) {
		mete_freebsd_mtx_mistake(m);
		return;
	}
	if (m->mtx_recurse) {
		m->mtx_recurse--;
		return;
	}
	__atomic_store_n(&m->mtx_holder, (uintptr_t)0, __ATOMIC_RELAXED);
#if __STDC_HOSTED__
	pthread_mutex_unlock(&m->mtx_lock);
#endif
}

/* Its holder may end it while it is held once.  If another thread holds it, or it is held more than once, it stays. */
METE_NATIVE void mtx_destroy(struct mtx *m)
{
	uintptr_t holder = __atomic_load_n(&m->mtx_holder, __ATOMIC_RELAXED);

	if (!mtx_initialized(m) || (holder && (holder != mete_freebsd_curthread() || m->mtx_recurse))) {
		mete_freebsd_mtx_mistake(m);
		return;
	}
	if (holder)
		mtx_unlock(m);
	m->mtx_name = NULL;
#if __STDC_HOSTED__
	pthread_mutex_destroy(&m->mtx_lock);
#endif
}

METE_NATIVE void mtx_assert(struct mtx *m, int what)
{
	if ((what & MA_OWNED && !mtx_owned(m)) || (what & MA_NOTOWNED && mtx_owned(m)) ||
	    (what & MA_RECURSED && !mtx_recursed(m)) || (what & MA_NOTRECURSED && mtx_recursed(m)))
		mete_freebsd_mtx_mistake(m);
}

#define mtx_lock_spin(m) mtx_lock(m)
#define mtx_unlock_spin(m) mtx_unlock(m)

#undef METE_NATIVE

#endif
