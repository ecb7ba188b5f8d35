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

/* Class of `len`, which is 1 to METE_CLASS_MAX.  3 is the log of half of METE_CLASS_MIN. */
static unsigned class_of_len(size_t len)
{
	return bits_high32((uint32_t)(len - 1) | (METE_CLASS_MIN - 1)) - 3;
}

size_t mete_classes_size(size_t len)
{
	return len - 1 < METE_CLASS_MAX ? (size_t)METE_CLASS_MIN << class_of_len(len) : 0;
}

int mete_classes_init(struct mete_classes *classes, struct mete_device *device,
    const struct mete_classes_config *config)
{
	if (!classes || !device)
		return METE_EINVAL;
	for (unsigned i = 0; i < METE_CLASSES; i++) {
		size_t size = (size_t)METE_CLASS_MIN << i;
		struct mete_pool_config pool = {
			.name = "class",
			.len = size,
			.align = size,
			.memory = config ? config->memory : METE_MEMORY_CACHED,
			.limit = config ? config->limit : NULL,
			/* Four blocks at least, or each of the largest would cost a request to the provider. */
			.slab = size > 16384 ? 4 * size : 0,
		};
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
		struct mete_pool_info info = { 0 };
		if (pool->ready)
			mete_pool_info(pool, &info);
		if (info.nlive) {
			struct mete_provider *p = pool->device->provider;
			return mete__guard_count(p, &p->counters.fini_busy, METE_EBUSY);
		}
	}
	for (unsigned i = 0; i < METE_CLASSES; i++)
		mete_pool_fini(&classes->pool[i]);
	return 0;
}

static int classes_bad_argument(struct mete_classes *classes)
{
	struct mete_provider *p = classes->pool[0].device->provider;
	return mete__guard_count(p, &p->counters.bad_argument, METE_EINVAL);
}

int mete_classes_alloc(struct mete_classes *classes, size_t len, unsigned flags, void **ret_cpu, mete_baddr *ret_bus)
{
	struct block block;

	if (BITS_UNLIKELY(len - 1 >= METE_CLASS_MAX || (flags & ~(METE_ZERO | METE_WAIT)) || !ret_cpu))
		return classes_bad_argument(classes);
	struct mete_pool *pool = &classes->pool[class_of_len(len)];
	int error = block_alloc(pool, flags, &block);
	if (BITS_UNLIKELY(error))
		return error;
	if (flags & METE_ZERO)
		mete__bytes_zero(block.cpu, pool->stride);
	*ret_cpu = block.cpu;
	if (ret_bus)
		*ret_bus = block.slab->bus + block.off;
	return 0;
}

/* Why a block could not be freed with `len`: another class holds it, or nobody does. */
static BITS_NOINLINE int classes_bad_free(struct mete_classes *classes, void *cpu, int error)
{
	struct mete_provider *p = classes->pool[0].device->provider;

	guard_enter(p);
	if (error == METE_EALREADY) {
		p->counters.double_free++;
	} else {
		p->counters.bad_address++;
		const struct mete_slab *slab = slab_find(p, cpu);
		for (unsigned i = 0; slab && i < METE_CLASSES; i++) {
			struct mete_shelved found;
			if (slab->owner != &classes->pool[i])
				continue;
			int other = block_check(&classes->pool[i], cpu, &found);
			if (other == METE_EFAULT)
				continue;
			p->counters.bad_address--;
			if (other == METE_EALREADY)
				p->counters.double_free++;
			else
				p->counters.wrong_size++;
			error = other == METE_EALREADY ? METE_EALREADY : METE_EMSGSIZE;
		}
	}
	guard_leave(p);
	return error;
}

int mete_classes_free(struct mete_classes *classes, void *cpu, size_t len)
{
	if (BITS_UNLIKELY(!cpu))
		return 0;
	if (BITS_UNLIKELY(len - 1 >= METE_CLASS_MAX))
		return classes_bad_argument(classes);
	int error = block_free(&classes->pool[class_of_len(len)], cpu);
	return BITS_LIKELY(!error) ? 0 : classes_bad_free(classes, cpu, error);
}
