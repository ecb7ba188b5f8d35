/* SPDX-License-Identifier: ISC */
/*
 * Fake IOMMU: see fake_iommu.h.
 */
#include "fake_iommu.h"

#include <string.h>

static int fake_map(void *ctx, mete_baddr iova, mete_paddr phys, size_t len, enum mete_access access)
{
	struct fake_iommu *iommu = ctx;

	if (iommu->fail_maps != SIZE_MAX) {
		if (!iommu->fail_maps)
			return METE_EIO;
		iommu->fail_maps--;
	}
	for (size_t off = 0; off < len; off += FAKE_PAGE) {
		struct fake_entry *entry = &iommu->table[(iova + (mete_baddr)off) / FAKE_PAGE];
		if (entry->access)
			return METE_EIO; /* mapped twice: a defect of the library, which a test notices by the failure */
		entry->phys = phys + (mete_paddr)off;
		entry->access = access;
	}
	return 0;
}

static void fake_unmap(void *ctx, mete_baddr iova, size_t len)
{
	struct fake_iommu *iommu = ctx;

	for (size_t off = 0; off < len; off += FAKE_PAGE)
		iommu->table[(iova + (mete_baddr)off) / FAKE_PAGE].access = (enum mete_access)0;
}

static void fake_flush(void *ctx, mete_baddr iova, size_t len)
{
	struct fake_iommu *iommu = ctx;
	size_t first = len ? (size_t)(iova / FAKE_PAGE) : 0, n = len ? len / FAKE_PAGE : FAKE_PAGES;

	memset(&iommu->tlb[first], 0, n * sizeof iommu->tlb[0]);
	iommu->nflushes++;
}

static int fake_lookup(void *ctx, mete_baddr iova, mete_paddr *ret_phys)
{
	const struct fake_iommu *iommu = ctx;

	if (iova / FAKE_PAGE >= FAKE_PAGES || !iommu->table[iova / FAKE_PAGE].access)
		return METE_EFAULT;
	*ret_phys = iommu->table[iova / FAKE_PAGE].phys;
	return 0;
}

static int fake_fault(void *ctx, struct mete_iommu_fault *ret_fault)
{
	struct fake_iommu *iommu = ctx;

	if (!iommu->faulted)
		return METE_ENODEV;
	iommu->faulted = false;
	*ret_fault = iommu->fault;
	return 0;
}

const struct mete_iommu_ops fake_iommu_ops = {
	.map = fake_map,
	.unmap = fake_unmap,
	.flush = fake_flush,
	.lookup = fake_lookup,
	.fault = fake_fault,
};

void fake_iommu_start(struct fake_iommu *iommu)
{
	memset(iommu, 0, sizeof *iommu);
	iommu->fail_maps = SIZE_MAX;
}

bool fake_iommu_access(struct fake_iommu *iommu, mete_baddr iova, enum mete_access access, mete_paddr *ret_phys)
{
	size_t page = (size_t)(iova / FAKE_PAGE);

	if (page < FAKE_PAGES) {
		if (!iommu->tlb[page].access)
			iommu->tlb[page] = iommu->table[page];
		if ((iommu->tlb[page].access & access) == access) {
			*ret_phys = iommu->tlb[page].phys + (iova & (FAKE_PAGE - 1));
			return true;
		}
	}
	iommu->fault = (struct mete_iommu_fault){ .iova = iova, .access = access };
	iommu->faulted = true;
	return false;
}

size_t fake_iommu_entries(const struct fake_iommu *iommu)
{
	size_t n = 0;

	for (size_t i = 0; i < FAKE_PAGES; i++)
		n += iommu->table[i].access != 0;
	return n;
}
