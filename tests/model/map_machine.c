/* SPDX-License-Identifier: ISC */
/*
 * Map machine: random worlds, each with a device of random limits, its bounce area and its domain.
 */
#include "map_machine.h"

#include <string.h>

struct map_stats stats;

static void some_ranges(struct machine *m)
{
	struct map_world *w = &m->world;
	size_t frame = w->config.frame, nforeign = w->config.nframes - w->config.nrun, n, i, cut[4] = { 0 };
	size_t run_first = w->phys_of[0], first = 0;
	mete_baddr bus = (mete_baddr)model_log(&m->random, 1u << 16) << 16;
	size_t order[4] = { 0, 1, 2, 3 };

	m->nranges = 0;
	m->bus_first = (mete_baddr)w->config.base;
	m->bus_last = (mete_baddr)(w->config.base + (w->len - 1));
	if (model_chance(&m->random, 35))
		return;
	/* Cut the frames into up to three ranges, not within the runs; the first of them may leave out some. */
	n = (size_t)model_between(&m->random, 1, 3);
	for (i = 1; i < n; i++)
		cut[i] = (size_t)model_between(&m->random, 1, nforeign - 1) + (run_first == 0 ? w->config.nrun : 0);
	if (n == 3 && cut[1] > cut[2]) {
		size_t t = cut[1];

		cut[1] = cut[2];
		cut[2] = t;
	}
	cut[n] = w->config.nframes;
	m->bus_first = bus;
	if (model_chance(&m->random, 50))
		order[0] = n - 1, order[n - 1] = 0;
	for (i = 0; i < n; i++) {
		size_t k = order[i], end = cut[k + 1];

		first = cut[k];
		if (first >= end)
			continue;
		if (model_chance(&m->random, 30)) { /* some frames that the bus does not show */
			if (run_first == 0 && end - first > 1 && end > w->config.nrun + 2)
				end -= min_size((end - first) / 3, end - w->config.nrun - 1);
			else if (run_first != 0 && first == 0)
				first += (end - first) / 3;
			if (run_first != 0 && first > run_first)
				first = run_first;
		}
		if (model_chance(&m->random, 15))
			bus += (mete_baddr)model_log(&m->random, 65536);
		m->range[m->nranges++] = (struct mete_bus_range){ w->config.base + (mete_paddr)(first * frame), bus,
			(mete_paddr)((end - first) * frame) };
		bus += (mete_baddr)((end - first) * frame) + ((mete_baddr)1 << model_between(&m->random, 16, 20));
	}
	m->bus_last = bus;
}

static int init_bounce(struct machine *m, const void *config)
{
	return mete_bounce_init(&m->bounce, &m->device, config);
}

static int init_domain(struct machine *m, const void *config)
{
	return mete_domain_init(&m->domain, &m->world.provider, config);
}

/* Start something, sometimes after tries that were denied memory at one point or another: nothing is lost by these. */
static int deny_some(struct machine *m, int (*init)(struct machine *m, const void *config), const void *config)
{
	struct map_world *w = &m->world;
	size_t nrecords = w->nrecords, ntaken = w->ntaken;
	unsigned n;
	int code;

	for (n = 1; model_chance(&m->random, 40); n++) {
		w->failed = false;
		w->deny_in = n;
		code = init(m, config);
		w->deny_in = 0;
		if (!w->failed)
			return code;
		stats.denied++;
		if (code == 0) /* a run was had elsewhere, or at a second try */
			return 0;
		if (code != METE_ENOMEM)
			model_differ("memory was denied at start, and the answer is %s", mete_error_name(code));
		if (w->nrecords != nrecords || w->ntaken != ntaken)
			model_differ("a start that failed keeps %zu records and %zu frames", w->nrecords - nrecords,
			    w->ntaken - ntaken);
	}
	return init(m, config);
}

static void open_bounce(struct machine *m)
{
	struct mete_bounce_config config = { 0 };
	size_t line = m->world.config.line, most = m->world.config.nrun * m->world.config.frame, raised = 0;
	/* Behind an offset that is no multiple of a frame no alignment can be had. */
	bool loose = (m->nranges == 0 || (m->range[0].bus - m->range[0].phys) % m->world.config.frame == 0) &&
	    (m->nranges < 2 || (m->range[1].bus - m->range[1].phys) % m->world.config.frame == 0) &&
	    (m->nranges < 3 || (m->range[2].bus - m->range[2].phys) % m->world.config.frame == 0) &&
	    m->streaming.first == 0 && m->streaming.last == 0 && m->streaming.hole_last == 0;
	int code;

	config.grain = max_size(line, (size_t)64 << model_below(&m->random, 7));
	if (m->has_domain && config.grain < m->world.config.page) {
		if (model_chance(&m->random, 50)) /* which the library does by itself */
			raised = m->world.config.page;
		else
			config.grain = m->world.config.page;
	}
	if (raised == 0)
		raised = config.grain;
	config.len = raised * (size_t)model_between(&m->random, 2, 64);
	config.len = min_size(config.len, most) / raised * raised;
	config.longest = model_chance(&m->random, 60) ? 0 : raised * (size_t)model_log(&m->random, 64);
	config.keep = model_chance(&m->random, 50) ? 0 : ((size_t)1 << model_below(&m->random, 13)) - 1;
	if (config.keep > config.grain - 1)
		config.keep = config.grain - 1;
	config.always = model_chance(&m->random, 20);
	code = deny_some(m, init_bounce, &config);
	if (code != 0) {
		if (loose) {
			describe_machine(m);
			model_differ("mete_bounce_init: %s", mete_error_name(code));
		}
		stats.no_area++;
		m->has_bounce = false;
		return;
	}
	m->has_bounce = true;
	m->always = config.always;
	m->grain = raised;
	m->keep = config.keep;
	m->longest = config.longest != 0 ? config.longest : 128 * raised;
	m->area_len = config.len;
	m->ngrains = config.len / raised;
	m->area = (size_t)(m->bounce.cpu - m->world.cpu);
	if (world_phys(&m->world, m->area) != m->bounce.phys)
		model_differ("the bounce area is not where it says");
	memset(m->grain_owner, 0, sizeof(m->grain_owner));
}

void machine_open(struct machine *m, const struct part *part)
{
	static const size_t frames[] = { 128, 64, 32 };
	struct world_config config = { .frame = part->frame };
	struct mete_device_config device = { .name = part->name };
	struct mete_domain_config domain = { .ops = &world_iommu_ops };
	struct mete_constraint any = { 0 };
	size_t i;

	config.line = (size_t)16 << model_below(&m->random, 5);
	config.nframes = frames[part->frame == 4 * KIB ? 0 : part->frame == 16 * KIB ? 1 : 2];
	config.nrun = part->frame == 4 * KIB ? 32 : part->frame == 16 * KIB ? 12 : 6;
	config.coherent = model_chance(&m->random, 40);
	config.cacheless = !config.coherent && model_chance(&m->random, 2);
	config.base = (mete_paddr)model_log(&m->random, 0x3000) << 16;
	if (METE_ADDR_BITS == 64 && model_chance(&m->random, 40))
		config.base += (mete_paddr)((uint64_t)model_between(&m->random, 0, 15) << 32 & METE_PADDR_MAX);
	config.pressure = model_chance(&m->random, 25) ? 0 : (unsigned)model_between(&m->random, 1, 80);
	if ((part->way & WAY_DOMAIN) != 0) {
		config.page = part->frame;
		while (config.page > 4096 && model_chance(&m->random, 25))
			config.page /= 4;
		config.npages = (size_t)model_between(&m->random, 6, model_chance(&m->random, 50) ? 40 : WORLD_PAGES);
		config.iova = (mete_baddr)(model_chance(&m->random, 20) ? 0 : model_log(&m->random, 1u << 13)) * 65536;
		if (model_chance(&m->random, 30))
			config.iova += (mete_baddr)config.page;
	}
	world_open(&m->world, &config, &m->random);
	stats.worlds++;
	if (part->frame == 4 * KIB || model_chance(&m->random, 50))
		some_ranges(m);
	else {
		m->nranges = 0;
		m->bus_first = (mete_baddr)config.base;
		m->bus_last = (mete_baddr)(config.base + (m->world.len - 1));
	}
	if (config.page != 0) {
		m->bus_first = config.iova;
		m->bus_last = config.iova + (mete_baddr)(config.npages * config.page - 1);
	}
	/* The area is reached without the IOMMU, limits of ranges are meant for the IOMMU: not both. */
	do
		some_limit(m, &m->streaming, &any, part->way != (WAY_BOUNCE | WAY_DOMAIN) && model_chance(&m->random,
		    30));
	while (limit_contradicts(&m->streaming));
	if (model_chance(&m->random, 40))
		m->streaming = any;
	device.provider = &m->world.provider;
	device.ranges = m->nranges != 0 ? m->range : NULL;
	device.nranges = m->nranges;
	device.streaming = &m->streaming;
	device.noncoherent = !config.coherent;
	device.line = config.line;
	if (mete_device_init(&m->device, &device) != 0)
		model_differ("mete_device_init failed");
	m->has_bounce = m->has_domain = m->has_second = m->always = false;
	m->grain = m->ngrains = m->keep = m->longest = 0;
	if ((part->way & WAY_DOMAIN) != 0) {
		domain.ctx = &m->world;
		domain.page = config.page;
		domain.first = config.iova;
		domain.last = m->bus_last;
		domain.deferred = model_chance(&m->random, 50);
		if (deny_some(m, init_domain, &domain) != 0)
			model_differ("mete_domain_init failed");
		if (mete_domain_attach(&m->domain, &m->device) != 0)
			model_differ("mete_domain_attach failed");
		m->has_domain = true;
		m->has_second = (part->way & WAY_BOUNCE) == 0 && model_chance(&m->random, 50);
		if (m->has_second && (mete_device_init(&m->second, &device) != 0 ||
			mete_domain_attach(&m->domain, &m->second) != 0))
			model_differ("a second device cannot be attached");
	}
	if ((part->way & WAY_BOUNCE) != 0)
		open_bounce(m);
	m->nobjects = (size_t)model_between(&m->random, 1, OBJECTS);
	m->nlive = m->hog_pages = 0;
	memset(m->page_held, 0, sizeof(m->page_held));
	m->last_len = 0;
	for (i = 0; i < OBJECTS; i++)
		m->object[i].live = false;
}

void machine_close(struct machine *m)
{
	object_end_all(m);
	if (m->has_bounce && mete_bounce_fini(&m->bounce) != 0)
		model_differ("the bounce area cannot be ended");
	if (m->has_domain) {
		mete_domain_flush(&m->domain);
		if (m->world.nstale != 0)
			model_differ("%zu pages are stale after mete_domain_flush", m->world.nstale);
		if (m->has_second) {
			if (mete_domain_attach(NULL, &m->device) != 0 || mete_domain_fini(&m->domain) != METE_EBUSY ||
			    mete_domain_attach(&m->domain, &m->device) != 0)
				model_differ("a domain ends with a device on it");
			if (mete_domain_attach(NULL, &m->second) != 0 || mete_device_fini(&m->second) != 0)
				model_differ("the second device cannot be ended");
		}
		if (mete_domain_attach(NULL, &m->device) != 0 || mete_domain_fini(&m->domain) != 0)
			model_differ("the domain cannot be ended");
	}
	if (mete_device_fini(&m->device) != 0)
		model_differ("the device cannot be ended");
	stats.evictions += m->world.nevictions;
	stats.caches += m->world.ncache;
	stats.flushes += m->world.nflushes;
	world_close(&m->world);
}
