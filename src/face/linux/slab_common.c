/* SPDX-License-Identifier: ISC */
/*
 * kmalloc: powers of two from 16 bytes to 4 MiB, each a core pool over the memory of pages.
 *
 * kfree() says neither size nor zone.  A block is aligned to its size, as far as views are congruent, so few pools may
 * hold it; each is asked, which is a look into the page table.  Nothing is kept beside the block, where a device that
 * writes too much would find it.
 *
 * A pool is made when its size is first asked for, in a record; an application without kmalloc() has a table of NULLs.
 */
#include <mete/linux.h>
#include <mete/pool.h>

#include "guard.h"
#include "linux_face.h"

#define LEN_MIN ((size_t)16)

static size_t class_len(unsigned class)
{
	return LEN_MIN << class;
}

/* METE_LINUX_CLASSES: there is none so long. */
static unsigned class_of(size_t size)
{
	unsigned class = 0;

	while (class < METE_LINUX_CLASSES && class_len(class) < size)
		class++;
	return class;
}

static unsigned zone_of(unsigned gfp)
{
	return gfp & METE_LINUX_DMA ? 1 : gfp & METE_LINUX_DMA32 ? 2 : 0;
}

/* The pool of a class, or NULL.  `add`, if not NULL, takes its place where there is none. */
static struct mete_pool *pool_at(struct mete_linux *here, unsigned zone, unsigned class, struct mete_pool *add)
{
	const struct mete_provider *p = here->any.provider;
	struct mete_pool **place = &here->kmalloc[zone][class];

	guard_lock(&here->guard, &p->hooks, p->hooks_ctx);
	if (!*place && add)
		*place = add;
	struct mete_pool *pool = *place;
	guard_unlock(&here->guard, &p->hooks, p->hooks_ctx);
	return pool;
}

static void pool_drop(struct mete_provider *p, struct mete_pool *pool)
{
	if (!mete_pool_fini(pool))
		p->ops->record_free(p->ctx, pool, sizeof *pool);
}

static struct mete_pool *pool_make(struct mete_linux *here, unsigned zone, unsigned class, unsigned gfp)
{
	struct mete_provider *p = here->any.provider;
	struct mete_pool_config config;
	struct mete_constraint limit;

	struct mete_pool *made = p->ops->record_alloc(p->ctx, sizeof *made);
	if (!made)
		return NULL;
	mete__linux_zone(gfp, &limit);
	mete__bytes_zero(&config, sizeof config);
	config.name = "kmalloc";
	config.len = class_len(class);
	config.align = config.len < METE_CONGRUENT ? config.len : METE_CONGRUENT;
	config.memory = METE_MEMORY_CACHED;
	config.limit = &limit;
	if (mete_pool_init(made, &here->any, &config)) {
		p->ops->record_free(p->ctx, made, sizeof *made);
		return NULL;
	}
	if (config.len > METE_CONGRUENT)
		mete_pool_set_keep(made, 0);
	struct mete_pool *pool = pool_at(here, zone, class, made);
	if (pool != made) /* another thread was faster */
		pool_drop(p, made);
	return pool;
}

/* The pool that `cpu` is, or was, a block of.  NULL: none. */
static struct mete_pool *pool_find(struct mete_linux *here, const void *cpu)
{
	mete_baddr bus;

	for (unsigned zone = 0; zone < METE_LINUX_ZONES; zone++) {
		for (unsigned class = 0; class < METE_LINUX_CLASSES; class++) {
			size_t len = class_len(class);
			if (((uintptr_t)cpu & (len - 1)) && len <= METE_CONGRUENT)
				break; /* nor is it aligned for greater ones */
			struct mete_pool *pool = pool_at(here, zone, class, NULL);
			if (pool && mete_pool_address(pool, cpu, &bus) != METE_EFAULT)
				return pool;
		}
	}
	return NULL;
}

void *mete_linux_kmalloc(size_t size, unsigned gfp)
{
	LINUX_BYTES("kmalloc", size); /* a pool only knows how long its blocks are */

	struct mete_linux *here = mete_linux_here;
	size_t least = gfp >> 4 & 0xffff0u /* METE_LINUX_LEAST() */;
	unsigned zone = zone_of(gfp), class = class_of(size < least ? least : size);
	void *cpu;

	if (!size)
		return METE_LINUX_NOTHING;
	if (!here->any.provider)
		return NULL;
	linux_sleeps(&here->any, gfp);
	if (class == METE_LINUX_CLASSES) {
		mete_provider_note(here->any.provider, METE_EINVAL);
		return NULL;
	}
	struct mete_pool *pool = pool_at(here, zone, class, NULL);
	if (!pool)
		pool = pool_make(here, zone, class, gfp);
	if (!pool || mete_pool_alloc(pool, gfp & METE_LINUX_ZERO ? METE_ZERO : 0, &cpu, NULL))
		return NULL;
	return cpu;
}

void mete_linux_kfree(const void *cpu)
{
	LINUX_HERE("kfree");

	struct mete_linux *here = mete_linux_here;
	void *block = (void *)(uintptr_t)cpu;

	if (!cpu || cpu == METE_LINUX_NOTHING || !here->any.provider)
		return;
	struct mete_pool *pool = pool_find(here, cpu);
	if (pool)
		(void)mete_pool_free(pool, block);
	else
		(void)mete_device_free(&here->any, block, 0); /* no allocation has no bytes: it only counts */
}

size_t mete_linux_ksize(const void *cpu)
{
	LINUX_HERE("ksize");

	struct mete_linux *here = mete_linux_here;
	mete_baddr bus;

	if (!cpu || cpu == METE_LINUX_NOTHING || !here->any.provider)
		return 0;
	struct mete_pool *pool = pool_find(here, cpu);
	if (pool && !mete_pool_address(pool, cpu, &bus))
		return pool->len;
	mete_provider_note(here->any.provider, METE_EFAULT);
	return 0;
}

void *mete_linux_krealloc(const void *cpu, size_t size, unsigned gfp)
{
	LINUX_BYTES("krealloc", size);

	if (!size) {
		mete_linux_kfree(cpu);
		return METE_LINUX_NOTHING;
	}
	if (!cpu || cpu == METE_LINUX_NOTHING)
		return mete_linux_kmalloc(size, gfp);
	size_t len = mete_linux_ksize(cpu);
	if (!len)
		return NULL;
	if (size <= len)
		return (void *)(uintptr_t)cpu;
	void *more = mete_linux_kmalloc(size, gfp);
	if (more) {
		mete__bytes_copy(more, cpu, len);
		mete_linux_kfree(cpu);
	}
	return more;
}

bool mete__linux_kmalloc_end(struct mete_linux *here)
{
	struct mete_pool **pools = &here->kmalloc[0][0];
	struct mete_pool_info info;

	for (unsigned i = 0; i < METE_LINUX_ZONES * METE_LINUX_CLASSES; i++) {
		if (!pools[i])
			continue;
		mete_pool_info(pools[i], &info);
		if (info.nlive)
			return false;
	}
	for (unsigned i = 0; i < METE_LINUX_ZONES * METE_LINUX_CLASSES; i++) {
		if (pools[i])
			pool_drop(here->any.provider, pools[i]);
		pools[i] = NULL;
	}
	return true;
}
