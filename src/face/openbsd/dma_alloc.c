/* SPDX-License-Identifier: ISC */
/*
 * dma_alloc(9): temporary DMA-safe memory of up to 64 KiB.
 *
 * The size classes of the core under OpenBSD's names and manners.  A free of an oversize block, which OpenBSD lets leak
 * silently, is counted; one of NULL, where it panics, does nothing.  Before mete_openbsd_init() the classes are zeroed,
 * and give and take nothing.
 */
#include <sys/pool.h>

#include "bits.h"
#include "bytes.h"
#include "openbsd_face.h"

int mete_openbsd_init(struct mete_openbsd *here, struct mete_provider *provider,
    const struct mete_constraint *dma_constraint)
{
	static const struct mete_constraint below_4g = { .last = 0xffffffffu };
	const struct mete_constraint *reach = dma_constraint ? dma_constraint : &below_4g;

	if (!here)
		return METE_EINVAL;
	here->ready = false;
	mete__bytes_zero(&here->classes, sizeof here->classes);
	struct mete_device_config config;
	mete__bytes_zero(&config, sizeof config);
	config.provider = provider;
	config.name = "openbsd";
	int error = mete_device_init(&here->any, &config);
	if (error)
		return error;
	config.name = "openbsd dma";
	config.coherent = config.streaming = reach;
	error = mete_device_init(&here->dma, &config);
	if (error)
		return error;
	error = mete_classes_init(&here->classes, &here->dma, NULL);
	here->ready = !error;
	return error;
}

int mete_openbsd_fini(struct mete_openbsd *here)
{
	if (!here->ready)
		return 0;
	/* The classes are pools of `dma` themselves. */
	if (here->any.nlive)
		return mete_device_fini(&here->any);
	if (here->dma.nlive > METE_CLASSES)
		return mete_device_fini(&here->dma);
	int error = mete_classes_fini(&here->classes);
	if (error)
		return error;
	here->ready = false;
	error = mete_device_fini(&here->dma);
	return error ? error : mete_device_fini(&here->any);
}

static void *alloc(struct mete_openbsd *here, size_t size, int flags)
{
	void *cpu;

	size += !size; /* OpenBSD has a real 16-byte object for size 0 */
	if (flags == PR_NOWAIT)
		return mete_classes_get(&here->classes, size);
	return mete_classes_alloc(&here->classes, size, openbsd_flags(flags), &cpu, NULL) ? NULL : cpu;
}

/* With somebody listening.  Apart, since telling of an end costs these hot calls their tail call. */
static BITS_NOINLINE void *alloc_observed(struct mete_openbsd *here, size_t size, int flags, const void *site)
{
	METE_OBSERVE_FROM(here->dma.provider, "openbsd", "dma_alloc", site);

	return alloc(here, size, flags);
}

void *mete_openbsd_dma_alloc(struct mete_openbsd *here, size_t size, int flags)
{
	const struct mete_provider *p = here->dma.provider;

	if (p && METE_OBSERVED(p))
		return alloc_observed(here, size, flags, METE_CALLER());
	return alloc(here, size, flags);
}

static BITS_NOINLINE void free_observed(struct mete_openbsd *here, void *m, size_t size, const void *site)
{
	METE_OBSERVE_FROM(here->dma.provider, "openbsd", "dma_free", site);

	(void)mete_classes_free(&here->classes, m, size);
}

void mete_openbsd_dma_free(struct mete_openbsd *here, void *m, size_t size)
{
	const struct mete_provider *p = here->dma.provider;

	size += !size;
	if (p && METE_OBSERVED(p))
		free_observed(here, m, size, METE_CALLER());
	else
		(void)mete_classes_free(&here->classes, m, size);
}
