/* SPDX-License-Identifier: ISC */
/*
 * dma_pool: a core pool in coherent memory, with Linux's rules for its parameters.
 *
 * Linux cuts blocks from allocations of a page, or of one block where that is more, and no block crosses the end of
 * its allocation: hence a boundary of 0 stands for the allocation itself.
 */
#include <mete/linux.h>
#include <mete/pool.h>

#include <limits.h>

#include "bits.h"
#include "checked.h"
#include "linux_face.h"

#define PAGE_LEN 4096u
#define BLOCK_MIN 16u /* what the free list of today's Linux needs, and what drivers see as the stride */

struct mete_linux_pool {
	struct mete_pool core;
	char name[32]; /* Linux cuts names to 31 characters */
};

/* The parameters in the order in which Linux looks at them.  False if it refuses. */
static bool pool_config(size_t size, size_t align, size_t boundary, struct mete_pool_config *ret)
{
	if (!align)
		align = 1;
	if (!bits_is_power2(align) || !size || size > INT_MAX)
		return false;
	if (size < BLOCK_MIN)
		size = BLOCK_MIN;
	if (!checked_up(size, align, &size))
		return false;
	size_t allocation = size > PAGE_LEN ? size : PAGE_LEN;
	if (boundary && (boundary < size || !bits_is_power2(boundary)))
		return false;
	/* An allocation of one block has no inner edge to respect. */
	if (!boundary || boundary > allocation)
		boundary = bits_is_power2(allocation) ? allocation : 0;
	ret->len = size;
	ret->align = align;
	ret->boundary = boundary;
	ret->slab = allocation;
	return true;
}

static void name_copy(char *to, const char *from, size_t room)
{
	size_t i = 0;

	for (; from && from[i] && i + 1 < room; i++)
		to[i] = from[i];
	to[i] = '\0';
}

struct mete_linux_pool *mete_linux_dma_pool_create(const char *name, const struct mete_linux_view *view, size_t size,
    size_t align, size_t boundary)
{
	LINUX_CALL(view, "dma_pool_create");

	struct mete_pool_config config;
	struct mete_constraint limit;

	if (!view->core)
		return NULL;
	struct mete_provider *p = view->core->provider;
	linux_sleeps(view->core, METE_LINUX_SLEEPS); /* natively always */
	mete__bytes_zero(&config, sizeof config);
	config.memory = METE_MEMORY_COHERENT;
	if (!pool_config(size, align, boundary, &config)) {
		mete_provider_note(p, METE_EINVAL);
		return NULL;
	}
	struct mete_linux_pool *pool = p->ops->record_alloc(p->ctx, sizeof *pool);
	if (!pool)
		return NULL;
	name_copy(pool->name, name, sizeof pool->name);
	mete__linux_limit(view->coherent_mask, view->bus_limit, &limit);
	config.name = pool->name;
	config.limit = &limit;
	if (mete_pool_init(&pool->core, view->core, &config)) {
		p->ops->record_free(p->ctx, pool, sizeof *pool);
		return NULL;
	}
	return pool;
}

void mete_linux_dma_pool_destroy(struct mete_linux_pool *pool)
{
	LINUX_POOL(pool, "dma_pool_destroy");

	if (!pool)
		return;
	struct mete_provider *p = pool->core.provider;
	/* Busy: Linux leaks the pages, because a device may still use them.  So do we, and the pool with them. */
	if (!mete_pool_fini(&pool->core))
		p->ops->record_free(p->ctx, pool, sizeof *pool);
}

void *mete_linux_dma_pool_alloc(struct mete_linux_pool *pool, unsigned gfp, void *ret_handle)
{
	LINUX_POOL(pool, "dma_pool_alloc");

	mete_baddr bus;
	void *cpu;

	if (pool)
		linux_sleeps(pool->core.device, gfp);
	if (!pool || mete_pool_alloc(&pool->core, gfp & METE_LINUX_ZERO ? METE_ZERO : 0, &cpu, &bus))
		return NULL;
	mete__bytes_copy(ret_handle, &bus, sizeof bus);
	return cpu;
}

void mete_linux_dma_pool_free(struct mete_linux_pool *pool, void *cpu, uint64_t handle)
{
	LINUX_POOL(pool, "dma_pool_free");

	mete_baddr bus;

	if (!pool || !cpu)
		return;
	/* The wrong handle for a live block: Linux would hand the wrong address out later. */
	if (!mete_pool_address(&pool->core, cpu, &bus) && bus != handle) {
		mete_provider_note(pool->core.provider, METE_EFAULT);
		return;
	}
	(void)mete_pool_free(&pool->core, cpu);
}
