/* SPDX-License-Identifier: ISC */
/*
 * Fake IOMMU: a page table of 1024 entries, and a memory of what it translated until it is flushed, as hardware has one.
 */
#ifndef METE_TESTS_FAKE_IOMMU_H
#define METE_TESTS_FAKE_IOMMU_H

#include <mete/iommu.h>

#define FAKE_PAGES 1024u
#define FAKE_PAGE 4096u

struct fake_entry {
	mete_paddr phys;
	enum mete_access access; /* 0: none */
};

struct fake_iommu {
	struct fake_entry table[FAKE_PAGES];
	struct fake_entry tlb[FAKE_PAGES];
	size_t fail_maps;       /* let so many maps succeed, then fail; SIZE_MAX: never fail */
	size_t nflushes;
	struct mete_iommu_fault fault;
	bool faulted;
};

extern const struct mete_iommu_ops fake_iommu_ops;

void fake_iommu_start(struct fake_iommu *iommu);

/* What a device that reads or writes at `iova` reaches, by memory of the hardware first; false, and a fault, if nothing. */
bool fake_iommu_access(struct fake_iommu *iommu, mete_baddr iova, enum mete_access access, mete_paddr *ret_phys);

/* Entries in the table. */
size_t fake_iommu_entries(const struct fake_iommu *iommu);

#endif
