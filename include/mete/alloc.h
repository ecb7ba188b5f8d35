/* SPDX-License-Identifier: ISC */
/*
 * Alloc: objects of any size up to 64 KiB, in thirteen size classes.
 *
 * A class is a power of two from 16 bytes to 64 KiB, and an object is aligned to its class, in the CPU view and on the
 * bus: it never straddles a multiple of its size.  The caller passes the size to free, so that the class is
 * arithmetic.
 */
#ifndef METE_ALLOC_H
#define METE_ALLOC_H

#include <mete/pool.h>

#define METE_CLASSES 13
#define METE_CLASS_MIN 16
#define METE_CLASS_MAX 65536

struct mete_classes_config {
	enum mete_memory memory;
	const struct mete_constraint *limit; /* besides the device's; copied; NULL: none */
};

/* Storage belongs to the caller (about 17 KiB with the default shelf), contents to the library; must not move. */
struct mete_classes {
	struct mete_pool pool[METE_CLASSES];
};

#ifdef __cplusplus
extern "C" {
#endif

#define mete_classes_init METE_ABI(mete_classes_init)

/* Start a class allocator for what `device` can reach.  METE_EINVAL as mete_pool_init().  `config` may be NULL. */
int mete_classes_init(struct mete_classes *classes, struct mete_device *device,
    const struct mete_classes_config *config);

/* End it.  METE_EBUSY, and nothing changes but a counter, while an object is live. */
int mete_classes_fini(struct mete_classes *classes);

/*
 * Allocate `len` bytes, 1 to METE_CLASS_MAX.  `flags` and failures as mete_pool_alloc(); METE_EINVAL also for `len`
 * out of range.  METE_ZERO clears the whole class size.  `ret_bus` may be NULL.
 */
int mete_classes_alloc(struct mete_classes *classes, size_t len, unsigned flags, void **ret_cpu, mete_baddr *ret_bus);

/*
 * The short way for the common request: `len` bytes, not cleared, now or not at all, only the pointer wanted.  NULL where
 * mete_classes_alloc() without flags would fail, and counted the same.
 */
void *mete_classes_get(struct mete_classes *classes, size_t len);

/*
 * Free an object; `len` must be of the class it was allocated in.  NULL is allowed.
 *
 * Returns 0; METE_EFAULT (not the start of a block of these classes); METE_EALREADY (not live); METE_EMSGSIZE (live, but
 * of another class); METE_EINVAL (`len` out of range, or classes that are zeroed and not initialised).  Nothing is freed then, and a counter tells.  Never sleeps.
 */
int mete_classes_free(struct mete_classes *classes, void *cpu, size_t len);

/* The class size that `len` falls in; 0 if out of range.  Any context. */
size_t mete_classes_size(size_t len);

#ifdef __cplusplus
}
#endif
#endif
