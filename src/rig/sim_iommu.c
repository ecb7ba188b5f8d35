/* SPDX-License-Identifier: ISC */
/*
 * The machine's IOMMU: for each function a table, and what the unit remembers of it.
 *
 * A table is a list of pages in the order of their addresses, in this process's memory: a search finds a page, and a range
 * goes in and out in one move.  The unit looks into its own few places first, and only then into the table; what it found
 * there it keeps in a random one of those places.  So a page that was removed and not flushed can still be reached until
 * the place is needed, as with real units.
 */
#include <stdlib.h>
#include <string.h>

#include "sim_machine.h"

#define IOMMU_PLACES 32u
#define IOMMU_FAULTS 64u
#define IOMMU_BITS 39         /* of addresses it translates: as many as VT-d with three levels */
#define IOMMU_FIRST 0x100000u
#define IOMMU_LAST 0xfffffffu /* 256 MiB: what edu reaches */

struct iommu_page {
	uint64_t iova, phys;
	enum mete_access access;
};

struct sim_domain {
	struct sim_iommu *iommu;
	struct sim_function *function;
	struct iommu_page *pages;    /* in the order of their addresses */
	size_t npages, capacity;
	struct iommu_page place[IOMMU_PLACES];
	bool used[IOMMU_PLACES];
};

struct sim_iommu {
	struct sim *sim;
	uint64_t page;
	bool deferred, on;
	struct sim_random random;
	struct mete_iommu_fault fault[IOMMU_FAULTS];
	unsigned nfaults, first_fault;
};

bool mete__sim_iommu_on(const struct sim *sim)
{
	return sim->iommu && sim->iommu->on;
}

/* How many pages lie before `iova`. */
static size_t domain_find(const struct sim_domain *d, uint64_t iova)
{
	size_t low = 0, high = d->npages;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (d->pages[middle].iova < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool domain_range_ok(const struct sim_domain *d, uint64_t iova, uint64_t phys, size_t len)
{
	const uint64_t low = d->iommu->page - 1, top = (1ull << IOMMU_BITS) - 1;

	return len && !((iova | phys | len) & low) && iova <= top && len - 1 <= top - iova;
}

static bool domain_room(struct sim_domain *d, size_t n)
{
	if (n <= d->capacity - d->npages)
		return true;
	size_t capacity = d->npages + n > 2 * d->capacity ? d->npages + n : 2 * d->capacity;
	if (capacity > SIZE_MAX / sizeof(*d->pages))
		return false;
	struct iommu_page *pages = realloc(d->pages, capacity * sizeof(*pages));
	if (!pages)
		return false;
	d->pages = pages;
	d->capacity = capacity;
	return true;
}

static int domain_map(struct sim_domain *d, uint64_t iova, uint64_t phys, size_t len, enum mete_access access)
{
	const uint64_t page = d->iommu->page;
	struct sim *sim = d->iommu->sim;

	if (!domain_range_ok(d, iova, phys, len) || !access || (unsigned)access > METE_DEVICE_READS_WRITES)
		return METE_EIO;
	if (mete__sim_fault(sim, METE_SIM_MAP, sim_source(d->function), phys, len))
		return METE_ENOMEM;
	size_t n = (size_t)(len / page), at = domain_find(d, iova);
	/* Whoever maps twice has lost count. */
	if (at < d->npages && d->pages[at].iova - iova < len)
		return METE_EIO;
	if (!domain_room(d, n))
		return METE_ENOMEM;
	memmove(&d->pages[at + n], &d->pages[at], (d->npages - at) * sizeof(*d->pages));
	d->npages += n;
	for (size_t i = 0; i < n; i++)
		d->pages[at + i] = (struct iommu_page){ .iova = iova + i * page, .phys = phys + i * page, .access = access };
	return 0;
}

static int iommu_map(void *ctx, mete_baddr iova, mete_paddr phys, size_t len, enum mete_access access)
{
	struct sim_domain *d = ctx;

	mete__sim_lock(d->iommu->sim);
	int error = domain_map(d, iova, phys, len, access);
	mete__sim_unlock(d->iommu->sim);
	return error;
}

static void iommu_unmap(void *ctx, mete_baddr iova, size_t len)
{
	struct sim_domain *d = ctx;

	if (!domain_range_ok(d, iova, 0, len))
		return;
	mete__sim_lock(d->iommu->sim);
	size_t at = domain_find(d, iova), end = at;
	while (end < d->npages && d->pages[end].iova - iova < len)
		end++;
	if (end > at)
		memmove(&d->pages[at], &d->pages[end], (d->npages - end) * sizeof(*d->pages));
	d->npages -= end - at;
	mete__sim_unlock(d->iommu->sim);
}

static void iommu_flush(void *ctx, mete_baddr iova, size_t len)
{
	struct sim_domain *d = ctx;
	const uint64_t page = d->iommu->page;

	mete__sim_lock(d->iommu->sim);
	for (size_t i = 0; i < IOMMU_PLACES; i++) {
		const struct iommu_page *p = &d->place[i];
		bool meant = !len || (p->iova + (page - 1) >= iova && p->iova <= (uint64_t)iova + (len - 1));
		if (meant)
			d->used[i] = false;
	}
	mete__sim_unlock(d->iommu->sim);
}

/* The table's word about the page of `iova`; NULL if it has none. */
static const struct iommu_page *domain_page(const struct sim_domain *d, uint64_t iova)
{
	iova &= ~(d->iommu->page - 1);
	size_t at = domain_find(d, iova);
	return at < d->npages && d->pages[at].iova == iova ? &d->pages[at] : NULL;
}

static int iommu_lookup(void *ctx, mete_baddr iova, mete_paddr *ret_phys)
{
	struct sim_domain *d = ctx;

	mete__sim_lock(d->iommu->sim);
	const struct iommu_page *page = domain_page(d, iova);
	if (page)
		*ret_phys = (mete_paddr)page->phys;
	mete__sim_unlock(d->iommu->sim);
	return page ? 0 : METE_EFAULT;
}

static int iommu_fault(void *ctx, struct mete_iommu_fault *ret_fault)
{
	struct sim_iommu *iommu = ((struct sim_domain *)ctx)->iommu;
	int error = METE_ENODEV;

	mete__sim_lock(iommu->sim);
	if (iommu->nfaults) {
		*ret_fault = iommu->fault[iommu->first_fault];
		iommu->first_fault = (iommu->first_fault + 1) % IOMMU_FAULTS;
		iommu->nfaults--;
		error = 0;
	}
	mete__sim_unlock(iommu->sim);
	return error;
}

static const struct mete_iommu_ops iommu_ops = {
	.map = iommu_map,
	.unmap = iommu_unmap,
	.flush = iommu_flush,
	.lookup = iommu_lookup,
	.fault = iommu_fault,
};

static enum mete_sim_result iommu_refuse(struct sim_iommu *iommu, const struct sim_function *f, uint64_t bus, bool write,
    enum mete_sim_result result)
{
	if (iommu->nfaults == IOMMU_FAULTS) {
		iommu->sim->counters.faults_lost++;
		return result;
	}
	iommu->fault[(iommu->first_fault + iommu->nfaults++) % IOMMU_FAULTS] = (struct mete_iommu_fault){
		.iova = (mete_baddr)(bus & ~(iommu->page - 1)),
		.access = write ? METE_DEVICE_WRITES : METE_DEVICE_READS,
		.source = sim_source(f),
		.reason = result,
	};
	return result;
}

/* What the unit knows of the page: from its places, or from the table, which it then remembers. */
static const struct iommu_page *domain_walk(struct sim_domain *d, uint64_t bus, bool *ret_stale)
{
	const uint64_t iova = bus & ~(d->iommu->page - 1);

	for (size_t i = 0; i < IOMMU_PLACES; i++) {
		const struct iommu_page *p = &d->place[i];
		if (d->used[i] && p->iova == iova) {
			const struct iommu_page *now = domain_page(d, bus);
			*ret_stale = !now || now->phys != p->phys || now->access != p->access;
			return p;
		}
	}
	const struct iommu_page *page = domain_page(d, bus);
	if (!page)
		return NULL;
	size_t i = (size_t)mete__sim_below(&d->iommu->random, IOMMU_PLACES);
	d->place[i] = *page;
	d->used[i] = true;
	return &d->place[i];
}

enum mete_sim_result mete__sim_iommu_translate(struct sim_function *function, uint64_t bus, bool write, uint64_t len,
    uint64_t *ret_phys, uint64_t *ret_len, bool *ret_stale)
{
	struct sim_iommu *iommu = function->sim->iommu;
	const enum mete_access need = write ? METE_DEVICE_WRITES : METE_DEVICE_READS;
	const uint64_t rest = iommu->page - (bus & (iommu->page - 1));
	bool stale = false;

	const struct iommu_page *page = function->domain ? domain_walk(function->domain, bus, &stale) : NULL;
	if (!page)
		return iommu_refuse(iommu, function, bus, write, METE_SIM_UNMAPPED);
	if (!(page->access & need))
		return iommu_refuse(iommu, function, bus, write, METE_SIM_PERMISSION);
	*ret_phys = page->phys + (bus & (iommu->page - 1));
	*ret_len = len < rest ? len : rest;
	*ret_stale = stale;
	return METE_SIM_OK;
}

int mete__sim_iommu_init(struct sim *sim, size_t page, bool deferred)
{
	if (page != 4096 && page != 16384 && page != 65536)
		return METE_EINVAL;
	sim->iommu = calloc(1, sizeof(*sim->iommu));
	if (!sim->iommu)
		return METE_ENOMEM;
	sim->iommu->sim = sim;
	sim->iommu->page = page;
	sim->iommu->deferred = deferred;
	mete__sim_random_init(&sim->iommu->random, sim->seed, SIM_STREAM_IOMMU);
	return 0;
}

void mete__sim_iommu_fini(struct sim *sim)
{
	for (size_t i = 0; i < sim->nfunctions; i++) {
		if (sim->function[i]->domain)
			free(sim->function[i]->domain->pages);
		free(sim->function[i]->domain);
		sim->function[i]->domain = NULL;
	}
	free(sim->iommu);
	sim->iommu = NULL;
}

int mete_rig_sim_iommu_start(const struct mete_rig_function *function, struct mete_domain_config *ret_config)
{
	struct sim *sim = function ? mete__sim(function->rig) : NULL;

	if (!function || !function->known || !ret_config)
		return METE_EINVAL;
	if (!sim)
		return METE_ENOTSUP;
	if (!sim->iommu)
		return METE_ENODEV;
	struct sim_function *f = mete__sim_function(function);
	if (f->domain)
		return METE_EBUSY;
	struct sim_domain *d = calloc(1, sizeof(*d));
	if (!d)
		return METE_ENOMEM;
	d->iommu = sim->iommu;
	d->function = f;
	mete__sim_lock(sim);
	f->domain = d;
	sim->iommu->on = true;
	mete__sim_unlock(sim);
	*ret_config = (struct mete_domain_config){
		.ops = &iommu_ops,
		.ctx = d,
		.page = (size_t)sim->iommu->page,
		.first = IOMMU_FIRST,
		.last = IOMMU_LAST,
		.deferred = sim->iommu->deferred,
	};
	return 0;
}
