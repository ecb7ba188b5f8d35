/* SPDX-License-Identifier: ISC */
/*
 * Bus world: see bus_world.h.
 */
#include "support.h"

#include "bus_world.h"

static int iommu_map(void *ctx, mete_baddr iova, mete_paddr phys, size_t len, enum mete_access access)
{
	struct bus_world *world = ctx;

	if (world->fail_maps != SIZE_MAX && !world->fail_maps--) {
		world->fail_maps = 0;
		return METE_EIO;
	}
	for (size_t i = (size_t)(iova - WORLD_IOVA) / 4096; len; len -= 4096, phys += 4096, i++) {
		assert_true(i < WORLD_PAGES);
		assert_int_equal(world->page[i].access, 0);
		world->page[i].phys = phys;
		world->page[i].access = (unsigned)access;
	}
	return 0;
}

static void iommu_unmap(void *ctx, mete_baddr iova, size_t len)
{
	struct bus_world *world = ctx;

	for (size_t i = (size_t)(iova - WORLD_IOVA) / 4096; len; len -= 4096, i++)
		world->page[i].access = 0;
}

static void iommu_flush(void *ctx, mete_baddr iova, size_t len)
{
	(void)ctx;
	(void)iova;
	(void)len;
}

static int iommu_lookup(void *ctx, mete_baddr iova, mete_paddr *ret_phys)
{
	struct bus_world *world = ctx;
	size_t i = (size_t)(iova - WORLD_IOVA) / 4096;

	if (iova < WORLD_IOVA || i >= WORLD_PAGES || !world->page[i].access)
		return METE_EFAULT;
	*ret_phys = world->page[i].phys;
	return 0;
}

static const struct mete_iommu_ops iommu_ops = {
	.map = iommu_map, .unmap = iommu_unmap, .flush = iommu_flush, .lookup = iommu_lookup,
};

/* A line is dirty if the CPU changed it since it was clean; forgetting it shows what memory has. */
static void world_cache(void *ctx, enum mete_cache op, void *cpu, mete_paddr phys, size_t len)
{
	struct bus_world *world = ctx; /* the arena is the first member of its first member */
	size_t at = (size_t)(phys - SMALL_PHYS);

	assert_ptr_equal(cpu, world->small.memory + at);
	assert_int_equal((at | len) % WORLD_LINE, 0);
	for (; len; len -= WORLD_LINE, at += WORLD_LINE) {
		unsigned char *line = world->small.memory + at, *ram = world->ram + at, *clean = world->clean + at;
		if (op != METE_CACHE_INVALIDATE && memcmp(line, clean, WORLD_LINE) != 0)
			memcpy(ram, line, WORLD_LINE);
		if (op != METE_CACHE_CLEAN)
			memcpy(line, ram, WORLD_LINE);
		memcpy(clean, line, WORLD_LINE);
	}
}

void world_start(struct bus_world *world, enum world_way way)
{
	static const struct mete_constraint near = { .last = WORLD_BUS + WORLD_NEAR - 1 };
	static const struct mete_bus_range range = { SMALL_PHYS, WORLD_BUS, SMALL_LEN };

	memset(world, 0, sizeof *world);
	world->way = way;
	world->fail_maps = SIZE_MAX;
	small_arena_start(&world->small);
	if (way == WORLD_CACHES) {
		world->ram = calloc(2, SMALL_LEN);
		assert_non_null(world->ram);
		world->clean = world->ram + SMALL_LEN;
		memset(world->small.memory, 0, SMALL_LEN);
		world->small.ops.cache = world_cache;
	}
	const struct mete_device_config config = {
		.name = "world",
		.provider = &world->small.arena.provider,
		.ranges = &range,
		.nranges = 1,
		.streaming = way == WORLD_BOUNCE || way == WORLD_SHORT ? &near : NULL,
		.noncoherent = way == WORLD_CACHES,
		.line = WORLD_LINE,
	};
	assert_ok(mete_device_init(&world->device, &config));
	if (way == WORLD_BOUNCE || way == WORLD_CACHES) {
		const struct mete_bounce_config area = { .len = 64 << 10 };
		assert_ok(mete_bounce_init(&world->bounce, &world->device, &area));
	}
	if (way == WORLD_IOVA_WAY) {
		const struct mete_domain_config domain = { .ops = &iommu_ops, .ctx = world, .page = 4096,
			.first = WORLD_IOVA, .last = WORLD_IOVA + WORLD_PAGES * 4096 - 1 };
		assert_ok(mete_domain_init(&world->domain, &world->small.arena.provider, &domain));
		assert_ok(mete_domain_attach(&world->domain, &world->device));
	}
}

void world_end(struct bus_world *world)
{
	assert_int_equal(world->device.nmapped, world->device.nunmapped);
	while (world->nfar) {
		world->nfar--;
		assert_ok(mete_device_free(&world->small.device, world->far[world->nfar], world->far_len[world->nfar]));
	}
	if (world->way == WORLD_BOUNCE || world->way == WORLD_CACHES) {
		assert_int_equal(mete_bounce_used(&world->bounce), 0);
		assert_ok(mete_bounce_fini(&world->bounce));
	}
	if (world->way == WORLD_IOVA_WAY) {
		assert_int_equal(world_pages(world), 0);
		assert_ok(mete_domain_attach(NULL, &world->device));
		assert_ok(mete_domain_fini(&world->domain));
	}
	assert_ok(mete_device_fini(&world->device));
	free(world->ram);
	small_arena_end(&world->small);
}

void *world_buffer(struct bus_world *world, size_t len)
{
	static const struct mete_constraint far = { .first = SMALL_PHYS + WORLD_NEAR };
	void *cpu;

	assert_true(world->nfar < sizeof world->far / sizeof world->far[0]);
	assert_ok(mete_device_alloc(&world->small.device, &far, len, METE_MEMORY_CACHED, 0, &cpu, NULL));
	assert_true((size_t)((unsigned char *)cpu - world->small.memory) >= WORLD_NEAR);
	world->far[world->nfar] = cpu;
	world->far_len[world->nfar++] = len;
	return cpu;
}

/* The byte that the device sees at `bus`; NULL: a fault. */
static unsigned char *world_byte(struct bus_world *world, mete_baddr bus, unsigned access)
{
	mete_paddr phys;

	if (world->way == WORLD_IOVA_WAY) {
		size_t i = (size_t)(bus - WORLD_IOVA) / 4096;
		if (bus < WORLD_IOVA || i >= WORLD_PAGES || !(world->page[i].access & access))
			return NULL;
		phys = world->page[i].phys + (bus & 4095);
	} else {
		phys = bus - WORLD_BUS + SMALL_PHYS;
	}
	if (phys < SMALL_PHYS || phys - SMALL_PHYS >= SMALL_LEN)
		return NULL;
	return (world->ram ? world->ram : world->small.memory) + (phys - SMALL_PHYS);
}

bool world_read(struct bus_world *world, mete_baddr bus, void *to, size_t len)
{
	unsigned char *out = to;

	for (; len; len--, bus++, out++) {
		unsigned char *byte = world_byte(world, bus, METE_DEVICE_READS);
		if (!byte)
			return false;
		*out = *byte;
	}
	return true;
}

bool world_write(struct bus_world *world, mete_baddr bus, const void *from, size_t len)
{
	const unsigned char *in = from;

	for (; len; len--, bus++, in++) {
		unsigned char *byte = world_byte(world, bus, METE_DEVICE_WRITES);
		if (!byte)
			return false;
		*byte = *in;
	}
	return true;
}

size_t world_pages(const struct bus_world *world)
{
	size_t n = 0;

	for (size_t i = 0; i < WORLD_PAGES; i++)
		n += world->page[i].access != 0;
	return n;
}
