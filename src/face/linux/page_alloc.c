/* SPDX-License-Identifier: ISC */
/*
 * Pages without a device: alloc_pages(), page_to_phys().
 *
 * Linux has one memory; here the application says which provider that is.  Behind it stands a device whose bus shows
 * everything where it is, so that physical limits are limits of a mapping.
 */
#include <mete/linux.h>

#include "linux_face.h"

#define PAGE_SHIFT 12
#define DMA_MASK 0xffffffu

int mete_linux_init(struct mete_linux *here, struct mete_provider *provider)
{
	struct mete_device_config config;

	if (!here || !provider)
		return METE_EINVAL;
	if (here->any.provider)
		return METE_EBUSY;
	mete__bytes_zero(&config, sizeof config);
	config.name = "pages";
	config.provider = provider;
	return mete_device_init(&here->any, &config);
}

int mete_linux_fini(struct mete_linux *here)
{
	if (!here || !here->any.provider)
		return METE_EINVAL;
	(void)mete__linux_kmalloc_end(here); /* if not, its pools keep the device busy */
	int error = mete_device_fini(&here->any);
	if (!error)
		here->any.provider = NULL;
	return error;
}

uint64_t mete_linux_virt_to_phys(const void *cpu)
{
	const struct mete_provider *p = mete_linux_here->any.provider;
	mete_paddr phys;
	size_t len;

	if (!p || p->ops->translate(p->ctx, cpu, 1, &phys, &len))
		return UINT64_MAX;
	return phys;
}

void *mete_linux_phys_to_virt(uint64_t phys)
{
	const struct mete_provider *p = mete_linux_here->any.provider;
	size_t len;
	void *cpu;

	if (!p || !p->ops->view || phys > METE_PADDR_MAX || p->ops->view(p->ctx, (mete_paddr)phys, 1, &cpu, &len))
		return NULL;
	return cpu;
}

void mete__linux_zone(unsigned gfp, struct mete_constraint *ret)
{
	mete__linux_limit(gfp & METE_LINUX_DMA ? DMA_MASK : gfp & METE_LINUX_DMA32 ? UINT32_MAX : 0, 0, ret);
}

/* 0: there is no such order. */
static size_t order_len(unsigned order)
{
	return order < sizeof(size_t) * 8 - 1 - PAGE_SHIFT ? (size_t)1 << (PAGE_SHIFT + order) : 0;
}

void *mete_linux_alloc_pages(unsigned gfp, unsigned order)
{
	LINUX_HERE("alloc_pages");

	struct mete_device *any = &mete_linux_here->any;
	struct mete_constraint limit;
	size_t len = order_len(order);
	void *cpu;

	if (!any->provider)
		return NULL;
	linux_sleeps(any, gfp);
	if (!len) {
		mete_provider_note(any->provider, METE_EINVAL);
		return NULL;
	}
	mete__linux_zone(gfp, &limit);
	limit.align = (mete_baddr)len;
	if (mete_device_alloc(any, &limit, len, METE_MEMORY_CACHED, gfp & METE_LINUX_ZERO ? METE_ZERO : 0, &cpu, NULL))
		return NULL;
	return cpu;
}

void mete_linux_free_pages(void *cpu, unsigned order)
{
	LINUX_HERE("free_pages");

	struct mete_device *any = &mete_linux_here->any;

	if (any->provider && cpu)
		(void)mete_device_free(any, cpu, order_len(order));
}
