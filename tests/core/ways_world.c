/* SPDX-License-Identifier: ISC */
/*
 * Ways' world.
 */
#include "support.h"

#include "ways_world.h"

void start(struct world *w, const struct mete_constraint *streaming)
{
	memset(w, 0, sizeof *w);
	small_arena_start(&w->small);
	const struct mete_device_config config = { .provider = &w->small.arena.provider, .streaming = streaming };
	assert_ok(mete_device_init(&w->device, &config));
}

static void no_cache(void *ctx, enum mete_cache op, void *cpu, mete_paddr phys, size_t len)
{
	(void)ctx, (void)op, (void)cpu, (void)phys, (void)len;
}

void start_noncoherent(struct world *w, size_t line, const struct mete_bus_range *range)
{
	start(w, NULL);
	w->small.ops.cache = no_cache;
	const struct mete_device_config config = { .provider = &w->small.arena.provider, .noncoherent = true, .line = line,
		.ranges = range, .nranges = range != NULL };
	assert_ok(mete_device_fini(&w->device));
	assert_ok(mete_device_init(&w->device, &config));
}

void with_bounce(struct world *w, const struct mete_bounce_config *config)
{
	assert_ok(mete_bounce_init(&w->bounce, &w->device, config));
	w->has_bounce = true;
}

void with_domain(struct world *w, bool deferred)
{
	fake_iommu_start(&w->iommu);
	const struct mete_domain_config config = { .ops = &fake_iommu_ops, .ctx = &w->iommu, .page = FAKE_PAGE,
		.last = FAKE_PAGES * FAKE_PAGE - 1, .deferred = deferred };
	assert_ok(mete_domain_init(&w->domain, &w->small.arena.provider, &config));
	assert_ok(mete_domain_attach(&w->domain, &w->device));
	w->has_domain = true;
}

void end(struct world *w)
{
	if (w->has_bounce)
		assert_ok(mete_bounce_fini(&w->bounce));
	if (w->has_domain) {
		assert_int_equal(fake_iommu_entries(&w->iommu), 0);
		assert_ok(mete_domain_attach(NULL, &w->device));
		assert_ok(mete_domain_fini(&w->domain));
	}
	assert_ok(mete_device_fini(&w->device));
	small_arena_end(&w->small);
}

unsigned char *device_byte(struct world *w, mete_baddr bus, enum mete_access access)
{
	mete_paddr phys = bus;

	if (w->has_domain && !fake_iommu_access(&w->iommu, bus, access, &phys))
		return NULL;
	return mete_arena_cpu(&w->small.arena, phys, 1);
}

void device_writes(struct world *w, mete_baddr bus, size_t len, unsigned char value)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char *byte = device_byte(w, bus + (mete_baddr)i, METE_DEVICE_WRITES);
		assert_non_null(byte);
		*byte = value;
	}
}

void device_sees(struct world *w, mete_baddr bus, const unsigned char *want, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const unsigned char *byte = device_byte(w, bus + (mete_baddr)i, METE_DEVICE_READS);
		assert_non_null(byte);
		assert_int_equal(*byte, want[i]);
	}
}

void fill(unsigned char *at, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (unsigned char)(i * 7 + seed);
}
