/* SPDX-License-Identifier: ISC */
/*
 * Streaming world: see streaming_world.h.
 */
#include "support.h"

#include "streaming_world.h"

static int table_map(void *ctx, mete_baddr iova, mete_paddr phys, size_t len, enum mete_access access)
{
	struct world *w = ctx;

	if (w->fail_map == 0)
		return METE_EIO;
	if (w->fail_map > 0)
		w->fail_map--;
	assert_true(iova % 4096 == 0 && phys % 4096 == 0 && len % 4096 == 0 && len);
	for (size_t at = 0; at < len; at += 4096) {
		size_t page = (size_t)(iova - WORLD_IOVA + at) / 4096;
		assert_true(page < WORLD_PAGES);
		assert_int_equal(w->table[page].access, 0);
		w->table[page].phys = phys + (mete_paddr)at;
		w->table[page].access = (int)access;
	}
	return 0;
}

static void table_unmap(void *ctx, mete_baddr iova, size_t len)
{
	struct world *w = ctx;

	for (size_t at = 0; at < len; at += 4096) {
		size_t page = (size_t)(iova - WORLD_IOVA + at) / 4096;
		assert_true(page < WORLD_PAGES);
		assert_int_not_equal(w->table[page].access, 0);
		w->table[page].access = 0;
	}
}

static void table_flush(void *ctx, mete_baddr iova, size_t len)
{
	(void)ctx;
	(void)iova;
	(void)len;
}

static int table_lookup(void *ctx, mete_baddr iova, mete_paddr *ret_phys)
{
	struct world *w = ctx;

	if (iova < WORLD_IOVA || (iova - WORLD_IOVA) / 4096 >= WORLD_PAGES ||
	    !w->table[(iova - WORLD_IOVA) / 4096].access)
		return METE_EFAULT;
	*ret_phys = w->table[(iova - WORLD_IOVA) / 4096].phys;
	return 0;
}

static const struct mete_iommu_ops table_ops = { table_map, table_unmap, table_flush, table_lookup, NULL };

void world_start(struct world *w, enum world_way way)
{
	static const struct mete_constraint low = { .last = WORLD_REACH };
	static const struct mete_bounce_config area = { .len = 65536, .grain = 2048, .longest = 32768, .keep = 0x1ff };

	memset(w, 0, sizeof *w);
	small_arena_start(&w->small);
	w->way = way;
	w->fail_map = -1;
	w->high = w->small.memory + 0xa0000;
	const struct mete_device_config config = { .name = "world", .provider = &w->small.arena.provider,
		.streaming = way == WORLD_BOUNCE ? &low : NULL };
	assert_ok(mete_device_init(&w->core, &config));
	if (way == WORLD_BOUNCE)
		assert_ok(mete_bounce_init(&w->bounce, &w->core, &area));
	if (way == WORLD_IOMMU) {
		const struct mete_domain_config domain = { .ops = &table_ops, .ctx = w, .page = 4096, .first = WORLD_IOVA,
			.last = WORLD_IOVA + WORLD_PAGES * 4096 - 1 };
		assert_ok(mete_domain_init(&w->domain, &w->small.arena.provider, &domain));
		assert_ok(mete_domain_attach(&w->domain, &w->core));
	}
	mete_linux_device_init(&w->dev, "world", &w->core);
}

void world_end(struct world *w)
{
	assert_int_equal(world_mapped(w), 0);
	if (w->way == WORLD_BOUNCE)
		assert_ok(mete_bounce_fini(&w->bounce));
	if (w->way == WORLD_IOMMU) {
		assert_ok(mete_domain_attach(NULL, &w->core));
		assert_ok(mete_domain_fini(&w->domain));
		for (size_t page = 0; page < WORLD_PAGES; page++)
			assert_int_equal(w->table[page].access, 0);
	}
	assert_ok(mete_device_fini(&w->core));
	small_arena_end(&w->small);
}

/* The byte that the device sees at `bus`; NULL: none, or not for this access. */
static unsigned char *resolve(struct world *w, mete_baddr bus, int access)
{
	mete_paddr phys = bus;

	if (w->way == WORLD_IOMMU) {
		size_t page = (size_t)(bus - WORLD_IOVA) / 4096;
		if (bus < WORLD_IOVA || page >= WORLD_PAGES || !(w->table[page].access & access))
			return NULL;
		phys = w->table[page].phys + bus % 4096;
	}
	if (w->way == WORLD_BOUNCE && bus > WORLD_REACH)
		return NULL;
	return phys >= SMALL_PHYS && phys - SMALL_PHYS < SMALL_LEN ? w->small.memory + (phys - SMALL_PHYS) : NULL;
}

static bool all_seen(struct world *w, dma_addr_t bus, size_t len, int access)
{
	for (size_t i = 0; i < len; i++)
		if (!resolve(w, (mete_baddr)(bus + i), access))
			return false;
	return true;
}

bool world_device_reads(struct world *w, dma_addr_t bus, void *to, size_t len)
{
	if (!all_seen(w, bus, len, METE_DEVICE_READS))
		return false;
	for (size_t i = 0; i < len; i++)
		((unsigned char *)to)[i] = *resolve(w, (mete_baddr)(bus + i), METE_DEVICE_READS);
	return true;
}

bool world_device_writes(struct world *w, dma_addr_t bus, const void *from, size_t len)
{
	if (!all_seen(w, bus, len, METE_DEVICE_WRITES))
		return false;
	for (size_t i = 0; i < len; i++)
		*resolve(w, (mete_baddr)(bus + i), METE_DEVICE_WRITES) = ((const unsigned char *)from)[i];
	return true;
}

unsigned long world_mapped(const struct world *w)
{
	return w->core.nmapped - w->core.nunmapped;
}
