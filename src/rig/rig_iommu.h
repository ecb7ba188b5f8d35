/* SPDX-License-Identifier: ISC */
/*
 * What the IOMMUs of QEMU's machines share: registers, page tables, and how a function gets behind one.
 *
 * A model (vtd.c, smmu.c) embeds `struct rig_iommu` as the first member of its unit, and `struct rig_domain` is the
 * context of its operations.  It says how its table entries look, and does what is its own: finding out what the unit
 * can do, showing it a function's table, flushing, faults.
 */
#ifndef RIG_IOMMU_H
#define RIG_IOMMU_H

#include "rig_ops.h"

#include <mete/iommu.h>

#define RIG_IOMMU_PAGE 4096u

struct rig_node;

/* One function's page table. */
struct rig_domain {
	struct rig_iommu *iommu;
	unsigned number;      /* its function's place among the known ones, and 1 */
	unsigned devfn;
	struct rig_node *top; /* NULL: none yet */
	bool started;
};

struct rig_iommu {
	const struct rig_iommu_model *model;
	struct mete_rig *rig;
	uint64_t registers;
	bool deaf;            /* a command failed: nobody knows what the unit remembers, and nothing more is mapped */
	struct rig_domain domain[RIG_KNOWN];
};

struct rig_iommu_model {
	size_t unit_len;      /* bytes of the unit's record */
	struct mete_iommu_ops ops;
	uint64_t below;       /* bits of an entry that leads to another table ... */
	uint64_t page[4];     /* ... and of one that leads to a page, by access */
	/* See whether there is a unit, and what it can do.  METE_ENODEV: there is none, or one that will not do. */
	int (*probe)(struct rig_iommu *iommu);
	/* Translate with this domain's table from now on.  May fail for lack of memory, and is then tried again. */
	int (*attach)(struct rig_domain *domain);
};

/* The body of mete_rig_vtd_start() and mete_rig_smmu_start(); `registers` 0: the machine never has such a unit. */
int mete__rig_iommu_start(const struct rig_iommu_model *model, uint64_t registers,
    const struct mete_rig_function *function, struct mete_domain_config *ret_config);

/* Operations of a domain, which is their context; both models have them. */
int mete__rig_iommu_map(void *ctx, mete_baddr first, mete_paddr phys, size_t len, enum mete_access access);
void mete__rig_iommu_unmap(void *ctx, mete_baddr first, size_t len);
int mete__rig_iommu_lookup(void *ctx, mete_baddr iova, mete_paddr *ret_phys);

/* The physical address of a domain's first table. */
mete_paddr mete__rig_iommu_top(const struct rig_domain *domain);

/*
 * `len` zeroed bytes at a multiple of it for the unit to look at, unless `*phys` says that there are some.  `len` is a
 * power of two of at least a page.  They are never given back: they go with the rig.  METE_ENOMEM.
 */
int mete__rig_iommu_take(const struct rig_iommu *iommu, unsigned len, mete_paddr *phys);

/*
 * Write the 64-bit entry `index` of the table at `phys`.  A unit that looks in between sees nothing there, as long as
 * what makes an entry valid is in its low half.
 */
void mete__rig_iommu_enter(const struct rig_iommu *iommu, mete_paddr phys, unsigned index, uint64_t value);

/* Registers.  A write makes all memory written before visible to the unit. */
int mete__rig_iommu_read(const struct rig_iommu *iommu, unsigned offset, unsigned width, uint64_t *ret_value);
int mete__rig_iommu_write(const struct rig_iommu *iommu, unsigned offset, unsigned width, uint64_t value);

/* Wait until the register's bits in `mask` are `want`.  METE_EIO if that takes too long. */
int mete__rig_iommu_wait(const struct rig_iommu *iommu, unsigned offset, unsigned width, uint64_t mask, uint64_t want);

#endif
