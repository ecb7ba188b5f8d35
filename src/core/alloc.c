/* SPDX-License-Identifier: ISC */
/*
 * Alloc: thirteen pools, and the arithmetic that picks one.
 *
 * Class n holds objects of 16 << n bytes.  The caller says the size again at free, so no search is needed; if the block
 * belongs to another class, the size was wrong, and that is worth telling apart from a foreign pointer.
 */
#include <mete/alloc.h>

#include "block.h"
#include "bytes.h"

/* Class of `last` + 1 bytes, `last` below METE_CLASS_MAX.  3 is the log of half of METE_CLASS_MIN. */
static unsigned class_of_last(size_t last)
{
	return bits_high32((uint32_t)last | (METE_CLASS_MIN - 1)) - 3;
}

size_t mete_classes_size(size_t len)
{
	return len - 1 < METE_CLASS_MAX ? (size_t)METE_CLASS_MIN << class_of_last(len - 1) : 0;
}

int mete_classes_init(struct mete_classes *classes, struct mete_device *device,
    const struct mete_classes_config *config)
{
	if (!classes || !device)
		return METE_EINVAL;
	for (unsigned i = 0; i < METE_CLASSES; i++) {
		size_t size = (size_t)METE_CLASS_MIN << i;
		struct mete_pool_config pool;
		mete__bytes_zero(&pool, sizeof pool);
		pool.name = "class";
		pool.len = pool.align = size;
		pool.memory = config ? config->memory : METE_MEMORY_CACHED;
		pool.limit = config ? config->limit : NULL;
		/* Four blocks at least, or each of the largest would cost a request to the provider. */
		pool.slab = size > 16384 ? 4 * size : 0;
		int error = mete_pool_init(&classes->pool[i], device, &pool);
		if (error) {
			while (i)
				mete_pool_fini(&classes->pool[--i]);
			return error;
		}
	}
	return 0;
}

int mete_classes_fini(struct mete_classes *classes)
{
	for (unsigned i = 0; i < METE_CLASSES; i++) {
		struct mete_pool *pool = &classes->pool[i];
		struct mete_pool_info info;
		if (!pool->provider)
			continue;
		mete_pool_info(pool, &info);
		if (info.nlive) {
			struct mete_provider *p = pool->provider;
			return mete__line_count(p, &p->counters.fini_busy, METE_EBUSY);
		}
	}
	for (unsigned i = 0; i < METE_CLASSES; i++)
		mete_pool_fini(&classes->pool[i]);
	return 0;
}

static BITS_NOINLINE int classes_bad_argument(struct mete_classes *classes)
{
	struct mete_provider *p = classes->pool[0].provider;
	return p ? mete__line_count(p, &p->counters.bad_argument, METE_EINVAL) : METE_EINVAL;
}

int mete_classes_alloc(struct mete_classes *classes, size_t len, unsigned flags, void **ret_cpu, mete_baddr *ret_bus)
{
	if (len - 1 >= METE_CLASS_MAX)
		return classes_bad_argument(classes);
	struct mete_pool *pool = &classes->pool[class_of_last(len - 1)];
	if (pool->provider && METE_OBSERVED(pool->provider))
		return mete__pool_alloc_observed(pool, flags, len, METE_OWNER_CLASSES, classes, METE_CALLER(), ret_cpu, ret_bus);
	return mete__pool_alloc(pool, flags, ret_cpu, ret_bus);
}

/* The shelf is empty, or the guard busy. */
static BITS_NOINLINE void *classes_get_slow(struct mete_pool *pool)
{
	void *cpu;
	return mete__pool_alloc_slow(pool, 0, &cpu, NULL) ? NULL : cpu;
}

/* The same with somebody listening. */
static BITS_NOINLINE void *classes_get_observed(struct mete_classes *classes, struct mete_pool *pool, size_t len,
    const void *site)
{
	void *cpu = NULL;
	int error = mete__pool_alloc_slow(pool, 0, &cpu, NULL);
	mete__pool_tell(pool, METE_OWNER_CLASSES, classes, site, len, cpu, 0, error);
	return cpu;
}

void *mete_classes_get(struct mete_classes *classes, size_t len)
{
	size_t last = len - 1;
	BITS_KEEP(last);
	if (BITS_UNLIKELY(last >= METE_CLASS_MAX)) {
		classes_bad_argument(classes);
		return NULL;
	}
	struct mete_pool *pool = &classes->pool[class_of_last(last)];
	BITS_KEEP(pool);
	struct mete_provider *p = pool->provider;
	if (BITS_UNLIKELY(!p))
		return NULL;
	if (METE_OBSERVED(p))
		return classes_get_observed(classes, pool, len, METE_CALLER());
	if (BITS_UNLIKELY(!guard_enter_now(p)))
		return classes_get_slow(pool);
	if (BITS_UNLIKELY(pool->top == pool->bottom)) {
		guard_leave(p);
		return classes_get_slow(pool);
	}
	void *cpu = shelf_pop(pool);
	guard_leave(p);
	return cpu;
}

/* Why a block could not be freed as one of `pool`: another class holds it, or nobody does.  Counts it. */
static int classes_free_failed(struct mete_classes *classes, void *cpu, int error)
{
	struct mete_provider *p = classes->pool[0].provider;
	unsigned long *counter = error == METE_EALREADY ? &p->counters.double_free : &p->counters.bad_address;

	guard_enter(p);
	const struct mete_slab *slab = slab_find(p, cpu);
	for (unsigned i = 0; slab && i < METE_CLASSES; i++) {
		uint8_t *state;
		if (slab->owner != &classes->pool[i] || error == METE_EALREADY)
			continue;
		int other = block_check(&classes->pool[i], cpu, &state);
		if (other == METE_EFAULT)
			continue;
		error = other ? METE_EALREADY : METE_EMSGSIZE;
		counter = other ? &p->counters.double_free : &p->counters.wrong_size;
	}
	++*counter;
	guard_leave(p);
	return error;
}

/* Inside, and leaves: something rare came up. */
static BITS_NOINLINE int classes_free_slow(struct mete_pool *pool, void *cpu, struct mete_classes *classes)
{
	int error = mete__pool_put(pool, cpu);
	return error && cpu ? classes_free_failed(classes, cpu, error) : 0;
}

static BITS_NOINLINE int classes_free_busy(struct mete_pool *pool, void *cpu, struct mete_classes *classes)
{
	guard_enter(pool->provider);
	return classes_free_slow(pool, cpu, classes);
}

/* The same with somebody listening. */
static BITS_NOINLINE int classes_free_observed(struct mete_classes *classes, struct mete_pool *pool, void *cpu, size_t len,
    const void *site)
{
	if (!cpu)
		return 0;
	mete__tell_memory(METE_EVENT_FREE, site, pool->device, METE_OWNER_CLASSES, classes, cpu, 0, len, 0);
	int error = classes_free_busy(pool, cpu, classes);
	if (error)
		mete__tell_memory(METE_EVENT_KEPT, NULL, pool->device, METE_OWNER_CLASSES, classes, cpu, 0, len, error);
	return error;
}

int mete_classes_free(struct mete_classes *classes, void *cpu, size_t len)
{
	size_t last = len - 1;
	BITS_KEEP(last);
	if (BITS_UNLIKELY(last >= METE_CLASS_MAX))
		return cpu ? classes_bad_argument(classes) : 0;
	struct mete_pool *pool = &classes->pool[class_of_last(last)];
	BITS_KEEP(pool);
	if (BITS_UNLIKELY(!pool->provider))
		return METE_EINVAL;
	if (METE_OBSERVED(pool->provider))
		return classes_free_observed(classes, pool, cpu, len, METE_CALLER());
	if (BITS_UNLIKELY(!guard_enter_now(pool->provider)))
		return classes_free_busy(pool, cpu, classes);
	return BITS_LIKELY(block_put_now(pool, cpu)) ? 0 : classes_free_slow(pool, cpu, classes);
}
