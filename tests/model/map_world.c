/* SPDX-License-Identifier: ISC */
/*
 * Map world: see map_world.h.
 */
#include "map_world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static unsigned log2_of(size_t x)
{
	unsigned n = 0;

	while (x > 1) {
		x >>= 1;
		n++;
	}
	return n;
}

/* -- Addresses -- */

mete_paddr world_phys(const struct map_world *world, size_t offset)
{
	return world->config.base + ((mete_paddr)world->phys_of[offset >> world->frame_shift] << world->frame_shift) +
	    (mete_paddr)(offset & (world->config.frame - 1));
}

size_t world_offset(const struct map_world *world, mete_paddr phys)
{
	mete_paddr in = phys - world->config.base;

	if (phys < world->config.base || in >= world->len)
		return WORLD_NOWHERE;
	return ((size_t)world->cpu_of[in >> world->frame_shift] << world->frame_shift) +
	    (size_t)(in & (world->config.frame - 1));
}

/* -- The cache -- */

static bool line_is_dirty(const struct map_world *world, size_t line)
{
	size_t at = line << world->line_shift;

	return world->dirty[line] != 0 || memcmp(world->cpu + at, world->agreed + at, world->config.line) != 0;
}

static void line_clean(struct map_world *world, size_t line)
{
	size_t at = line << world->line_shift;

	if (!line_is_dirty(world, line))
		return;
	memcpy(world->mem + at, world->cpu + at, world->config.line);
	memcpy(world->agreed + at, world->cpu + at, world->config.line);
	world->dirty[line] = 0;
}

static void line_forget(struct map_world *world, size_t line)
{
	size_t at = line << world->line_shift;

	memcpy(world->cpu + at, world->mem + at, world->config.line);
	memcpy(world->agreed + at, world->mem + at, world->config.line);
	world->dirty[line] = 0;
}

void world_press(struct map_world *world)
{
	size_t line, nlines = world->len >> world->line_shift;

	if (world->config.coherent || !model_chance(world->random, world->config.pressure))
		return;
	line = (world->focus >> world->line_shift) + (size_t)model_below(world->random, 4);
	if (line >= nlines)
		return;
	if (line_is_dirty(world, line)) {
		line_clean(world, line);
		world->nevictions++;
	}
	if (model_chance(world->random, 50))
		line_forget(world, line);
}

void world_refill(struct map_world *world, size_t offset, size_t len)
{
	size_t line;

	if (world->config.coherent)
		return;
	for (line = offset >> world->line_shift; line <= (offset + len - 1) >> world->line_shift; line++)
		if (!line_is_dirty(world, line))
			line_forget(world, line);
}

void world_store(struct map_world *world, size_t offset, const unsigned char *bytes, size_t len)
{
	size_t line;

	memcpy(world->cpu + offset, bytes, len);
	memcpy(world->truth + offset, bytes, len);
	if (!world->config.coherent)
		for (line = offset >> world->line_shift; line <= (offset + len - 1) >> world->line_shift; line++)
			world->dirty[line] = 1;
}

/* -- The provider -- */

/* Whether a run at `phys` does for `want`, rule by rule. */
static bool run_fits(const struct mete_want *want, mete_paddr phys)
{
	mete_paddr end = phys + (mete_paddr)(want->len - 1);

	if (phys < want->first || (want->last != 0 && end > want->last))
		return false;
	if (want->hole_last != 0 && phys <= want->hole_last && end >= want->hole_first)
		return false;
	if (want->align != 0 && ((phys - want->phase) & (want->align - 1)) != 0)
		return false;
	return want->boundary == 0 ||
	    (phys - want->boundary_phase) / want->boundary == (end - want->boundary_phase) / want->boundary;
}

/* Whether it is time to deny a record or a run. */
static bool world_denies(struct map_world *world)
{
	if (world->deny_in == 0 || --world->deny_in != 0)
		return false;
	world->failed = true;
	return true;
}

static int world_take(void *ctx, const struct mete_want *want, struct mete_run *ret_run)
{
	struct map_world *world = ctx;
	size_t n, start, i;
	bool ever = false;

	if (mete_want_check(want) != 0)
		return METE_EINVAL;
	if (want->memory != METE_MEMORY_CACHED)
		return METE_ENOTSUP;
	if (world_denies(world))
		return METE_ENOMEM;
	n = (want->len + world->config.frame - 1) / world->config.frame;
	for (start = 0; n <= world->config.nrun && start + n <= world->config.nrun; start++) {
		if (!run_fits(want, world_phys(world, start << world->frame_shift)))
			continue;
		ever = true;
		for (i = 0; i < n && !world->taken[start + i]; i++)
			;
		if (i < n)
			continue;
		for (i = 0; i < n; i++)
			world->taken[start + i] = true;
		world->ntaken += n;
		ret_run->cpu = world->cpu + (start << world->frame_shift);
		ret_run->phys = world_phys(world, start << world->frame_shift);
		ret_run->len = n << world->frame_shift;
		memset(world->busy + (start << world->frame_shift), 255, ret_run->len);
		return 0;
	}
	return ever ? METE_ENOMEM : METE_ERANGE;
}

static void world_give(void *ctx, const struct mete_run *run)
{
	struct map_world *world = ctx;
	size_t start = (size_t)((unsigned char *)run->cpu - world->cpu), i;

	for (i = start >> world->frame_shift; i < (start + run->len) >> world->frame_shift; i++) {
		if (!world->taken[i])
			model_differ("a run is given back that was not taken");
		world->taken[i] = false;
		world->ntaken--;
	}
	memset(world->busy + start, 0, run->len);
	memcpy(world->truth + start, world->cpu + start, run->len);
}

static int world_translate(void *ctx, const void *cpu, size_t len, mete_paddr *ret_phys, size_t *ret_len)
{
	struct map_world *world = ctx;
	uintptr_t offset = (uintptr_t)cpu - (uintptr_t)world->cpu;
	size_t frame, n;

	if (len == 0)
		model_differ("translate is asked about no bytes");
	if (offset >= world->len)
		return METE_EFAULT;
	world_press(world);
	if (world->lose_in != 0 && --world->lose_in == 0) {
		world->failed = true;
		return METE_EFAULT;
	}
	frame = offset >> world->frame_shift;
	n = world->config.frame - (offset & (world->config.frame - 1));
	while (n < len && frame + 1 < world->config.nframes && world->phys_of[frame + 1] == world->phys_of[frame] + 1) {
		n += world->config.frame;
		frame++;
	}
	*ret_phys = world_phys(world, offset);
	*ret_len = n < len ? n : len;
	return 0;
}

static int world_view(void *ctx, mete_paddr phys, size_t len, void **ret_cpu, size_t *ret_len)
{
	struct map_world *world = ctx;
	size_t frame, n;

	if (len == 0)
		model_differ("view is asked about no bytes");
	if (world_offset(world, phys) == WORLD_NOWHERE)
		return METE_EFAULT;
	world_press(world);
	frame = (size_t)((phys - world->config.base) >> world->frame_shift);
	n = world->config.frame - (size_t)((phys - world->config.base) & (world->config.frame - 1));
	while (n < len && frame + 1 < world->config.nframes && world->cpu_of[frame + 1] == world->cpu_of[frame] + 1) {
		n += world->config.frame;
		frame++;
	}
	*ret_cpu = world->cpu + world_offset(world, phys);
	*ret_len = n < len ? n : len;
	return 0;
}

static void world_cache(void *ctx, enum mete_cache op, void *cpu, mete_paddr phys, size_t len)
{
	struct map_world *world = ctx;
	uintptr_t offset = (uintptr_t)cpu - (uintptr_t)world->cpu;
	size_t at, line;

	world->ncache++;
	if (world->config.coherent)
		model_differ("cache maintenance for a coherent device");
	if (len == 0 || offset >= world->len || len > world->len - offset)
		model_differ("cache maintenance of [%#" PRIxPTR ", +%#zx], which is no memory", offset, len);
	if (offset % world->config.line != 0 || len % world->config.line != 0)
		model_differ("cache maintenance of [%#" PRIxPTR ", +%#zx]: not whole lines of %zu", offset, len,
		    world->config.line);
	if (world_phys(world, offset) != phys)
		model_differ("cache maintenance: the physical address is not that of the pointer");
	for (at = offset + 1; at < offset + len; at++, at = (at + world->config.frame - 1) & ~(world->config.frame - 1))
		if (at < offset + len && world_phys(world, at) != phys + (at - offset))
			model_differ("cache maintenance of a range that is not contiguous");
	world->focus = offset;
	world_press(world);
	for (line = offset >> world->line_shift; line < (offset + len) >> world->line_shift; line++) {
		if (op == METE_CACHE_CLEAN || op == METE_CACHE_CLEAN_INVALIDATE)
			line_clean(world, line);
		if (op == METE_CACHE_INVALIDATE || op == METE_CACHE_CLEAN_INVALIDATE)
			line_forget(world, line);
	}
	world_press(world);
}

static void *world_record_alloc(void *ctx, size_t len)
{
	struct map_world *world = ctx;

	if (world_denies(world))
		return NULL;
	world->nrecords++;
	return calloc(1, len);
}

static void world_record_free(void *ctx, void *record, size_t len)
{
	struct map_world *world = ctx;

	(void)len;
	world->nrecords--;
	free(record);
}

/* -- The IOMMU -- */

/* The pages of [iova, iova + len - 1]; whatever is wrong with that is the library's fault. */
static size_t iommu_pages(struct map_world *world, const char *what, mete_baddr iova, size_t len, size_t *ret_n)
{
	size_t page = world->config.page;

	if (len == 0 || iova % page != 0 || len % page != 0)
		model_differ("IOMMU %s of [%#" PRIx64 ", +%#zx]: not whole pages of %#zx", what, (uint64_t)iova, len,
		    page);
	if (iova < world->config.iova || (iova - world->config.iova) / page >= world->config.npages ||
	    len / page > world->config.npages - (size_t)((iova - world->config.iova) / page))
		model_differ("IOMMU %s of [%#" PRIx64 ", +%#zx], outside of the domain", what, (uint64_t)iova, len);
	*ret_n = len / page;
	return (size_t)((iova - world->config.iova) / page);
}

static int iommu_map(void *ctx, mete_baddr iova, mete_paddr phys, size_t len, enum mete_access access)
{
	struct map_world *world = ctx;
	size_t n, first = iommu_pages(world, "map", iova, len, &n), i;

	if (phys % world->config.page != 0 || world_offset(world, phys) == WORLD_NOWHERE ||
	    world_offset(world, phys + (mete_paddr)(len - 1)) == WORLD_NOWHERE)
		model_differ("IOMMU map of %#" PRIx64 ", which is no page of memory", (uint64_t)phys);
	if (access < METE_DEVICE_READS || access > METE_DEVICE_READS_WRITES)
		model_differ("IOMMU map with access %d", (int)access);
	world_press(world);
	if (world->fail_in != 0 && --world->fail_in == 0) {
		world->failed = true;
		return world->fail_error;
	}
	for (i = first; i < first + n; i++) {
		struct world_page *page = &world->table[i];

		if (page->valid)
			model_differ("IOMMU map of page %zu, which is mapped", i);
		if (page->stale)
			model_differ("IOMMU map of page %zu before it was flushed", i);
		page->valid = true;
		page->phys = phys + (mete_paddr)((i - first) * world->config.page);
		page->access = access;
		world->nvalid++;
	}
	return 0;
}

static void iommu_unmap(void *ctx, mete_baddr iova, size_t len)
{
	struct map_world *world = ctx;
	size_t n, first = iommu_pages(world, "unmap", iova, len, &n), i;

	world_press(world);
	for (i = first; i < first + n; i++) {
		if (!world->table[i].valid)
			model_differ("IOMMU unmap of page %zu, which is not mapped", i);
		world->table[i].valid = false;
		world->table[i].stale = true;
		world->nvalid--;
		world->nstale++;
	}
}

static void iommu_flush(void *ctx, mete_baddr iova, size_t len)
{
	struct map_world *world = ctx;
	size_t n = world->config.npages, first = 0, i;

	if (len != 0)
		first = iommu_pages(world, "flush", iova, len, &n);
	world->nflushes++;
	for (i = first; i < first + n; i++)
		if (world->table[i].stale) {
			world->table[i].stale = false;
			world->nstale--;
		}
}

static int iommu_lookup(void *ctx, mete_baddr iova, mete_paddr *ret_phys)
{
	struct map_world *world = ctx;
	size_t i;

	if (iova < world->config.iova || (iova - world->config.iova) / world->config.page >= world->config.npages)
		return METE_EFAULT;
	i = (size_t)((iova - world->config.iova) / world->config.page);
	if (!world->table[i].valid)
		return METE_EFAULT;
	*ret_phys = world->table[i].phys;
	return 0;
}

bool world_access(struct map_world *world, mete_baddr iova, enum mete_access access, uint32_t source)
{
	size_t i = (size_t)((iova - world->config.iova) / world->config.page);
	bool there = iova >= world->config.iova && i < world->config.npages;

	/* What the hardware remembers it may still allow. */
	if (there && ((world->table[i].valid && (access & ~world->table[i].access) == 0) || world->table[i].stale))
		return true;
	if (world->nfaults < WORLD_FAULTS)
		world->fault[world->nfaults++] = (struct mete_iommu_fault){ iova & ~(mete_baddr)(world->config.page - 1),
			access, source, there && world->table[i].valid ? 5 : 6 };
	return false;
}

static int iommu_fault(void *ctx, struct mete_iommu_fault *ret_fault)
{
	struct map_world *world = ctx;

	if (world->nfaults == 0)
		return METE_ENODEV;
	*ret_fault = world->fault[0];
	memmove(world->fault, world->fault + 1, --world->nfaults * sizeof(world->fault[0]));
	return 0;
}

const struct mete_iommu_ops world_iommu_ops = { iommu_map, iommu_unmap, iommu_flush, iommu_lookup, iommu_fault };

/* -- Making it -- */

/* A random order of the frames behind the runs, in which neighbours often stay neighbours. */
static void world_scramble(struct map_world *world)
{
	const struct world_config *config = &world->config;
	size_t nforeign = config->nframes - config->nrun, low, i, j;
	uint16_t order[WORLD_FRAMES];
	bool used[WORLD_FRAMES] = { false };

	/* The runs lie at either end of physical memory. */
	low = model_chance(world->random, 70) ? 0 : nforeign;
	for (i = 0; i < config->nrun; i++)
		world->phys_of[i] = (uint16_t)(low + i);
	for (i = 0; i < nforeign; i++) {
		j = (size_t)model_below(world->random, nforeign);
		if (i > 0 && (size_t)order[i - 1] + 1 < nforeign && model_chance(world->random, 40))
			j = (size_t)order[i - 1] + 1;
		while (used[j])
			j = (j + 1) % nforeign;
		used[j] = true;
		order[i] = (uint16_t)j;
		world->phys_of[config->nrun + i] = (uint16_t)(low == 0 ? config->nrun + j : j);
	}
	for (i = 0; i < config->nframes; i++)
		world->cpu_of[world->phys_of[i]] = (uint16_t)i;
}

static unsigned char *world_array(size_t len)
{
	unsigned char *array = aligned_alloc(65536, (len + 65535) / 65536 * 65536);

	if (array == NULL)
		exit(2);
	return array;
}

void world_open(struct map_world *world, const struct world_config *config, struct model_random *random)
{
	struct mete_provider_config provider = { .frame = config->frame };
	size_t i;

	memset(world, 0, sizeof(*world));
	world->config = *config;
	world->random = random;
	world->frame_shift = log2_of(config->frame);
	world->line_shift = log2_of(config->line);
	world->len = config->nframes * config->frame;
	world_scramble(world);

	world->cpu = world_array(world->len);
	world->truth = world_array(world->len);
	for (i = 0; i < world->len; i += sizeof(uint64_t)) {
		uint64_t value = model_next(random);

		memcpy(world->cpu + i, &value, sizeof(value));
	}
	memcpy(world->truth, world->cpu, world->len);
	world->mem = world->cpu;
	world->agreed = world->cpu;
	if (!config->coherent) {
		world->mem = world_array(world->len);
		world->agreed = world_array(world->len);
		memcpy(world->mem, world->cpu, world->len);
		memcpy(world->agreed, world->cpu, world->len);
	}
	world->dirty = model_zeroed(world->len >> world->line_shift, 1);
	world->busy = model_zeroed(world->len, 1);

	world->ops = (struct mete_provider_ops){ .take = world_take, .give = world_give, .translate = world_translate,
		.record_alloc = world_record_alloc, .record_free = world_record_free, .view = world_view,
		.cache = config->cacheless ? NULL : world_cache };
	provider.extent = world->cpu;
	provider.extent_len = config->nrun * config->frame;
	provider.phys_last = world_phys(world, (config->nrun << world->frame_shift) - 1);
	if (mete_provider_init(&world->provider, &world->ops, world, &provider) != 0)
		model_differ("mete_provider_init failed");
}

void world_close(struct map_world *world)
{
	if (mete_provider_fini(&world->provider) != 0)
		model_differ("mete_provider_fini: something is held");
	if (world->nrecords != 0 || world->ntaken != 0)
		model_differ("%zu records and %zu frames were not given back", world->nrecords, world->ntaken);
	if (world->mem != world->cpu)
		free(world->mem);
	if (world->agreed != world->cpu)
		free(world->agreed);
	free(world->cpu);
	free(world->truth);
	free(world->dirty);
	free(world->busy);
}

/* -- Checks -- */

void world_check_near(struct map_world *world, size_t offset, size_t len, size_t around)
{
	size_t first = offset > around ? offset - around : 0;
	size_t end = offset + len + around < world->len ? offset + len + around : world->len;
	size_t at;

	for (at = first; at < end; at++) {
		if (at == offset)
			at += len; /* the bytes themselves are looked at elsewhere */
		if (at < end && world->busy[at] == 0 && world->cpu[at] != world->truth[at])
			model_differ("a byte %zd from an object of %zu changed for the CPU: %#x is %#x",
			    at < offset ? -(ptrdiff_t)(offset - at) : (ptrdiff_t)(at - offset - len + 1), len,
			    world->truth[at], world->cpu[at]);
	}
}

void world_check_all(struct map_world *world)
{
	size_t frame, at, end, i;

	for (frame = 0; frame < world->config.nframes; frame++) {
		if (world->taken[frame])
			continue;
		at = frame << world->frame_shift;
		end = at + world->config.frame;
		if (memcmp(world->cpu + at, world->truth + at, world->config.frame) != 0)
			for (i = at; i < end; i++)
				if (world->cpu[i] != world->truth[i] && world->busy[i] == 0)
					model_differ("memory at %#zx changed for the CPU: %#x is %#x", i,
					    world->truth[i], world->cpu[i]);
		if (world->config.coherent || memcmp(world->mem + at, world->truth + at, world->config.frame) == 0)
			continue;
		for (i = at >> world->line_shift; i < end >> world->line_shift; i++)
			line_clean(world, i);
		for (i = at; i < end; i++)
			if (world->mem[i] != world->truth[i] && world->busy[i] == 0)
				model_differ("memory at %#zx changed: %#x is %#x", i, world->truth[i], world->mem[i]);
	}
}
