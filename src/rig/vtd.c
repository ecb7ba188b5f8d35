/* SPDX-License-Identifier: ISC */
/*
 * VT-d: QEMU's intel-iommu between the functions of a PC and its RAM.
 *
 * Registers and tables are those of Intel's Virtualization Technology for Directed I/O, in legacy mode: a root table
 * with one entry a bus, a context table with one a function, and for each function a page table of its own (see
 * rig_iommu.c):
 *
 *   root[0] -> context[devfn] -> top -> middle -> leaf -> page
 *
 * Commands are bits of registers; the unit is asked until it has cleared them.
 */
#include "rig_iommu.h"

#define VTD_VERSION 0x00
#define VTD_CAP 0x08
#define VTD_CAP_39_BITS (1ull << 9)
#define VTD_ECAP 0x10
#define VTD_GCMD 0x18
#define VTD_GSTS 0x1c
#define VTD_GSTS_ONE_SHOT 0x69000000u     /* bits that must not be written back: they would start something */
#define VTD_GCMD_TRANSLATE (1u << 31)
#define VTD_GCMD_ROOT (1u << 30)
#define VTD_ROOT 0x20
#define VTD_CONTEXT_FLUSH 0x28
#define VTD_CONTEXT_FLUSH_GO (1ull << 63)
#define VTD_CONTEXT_FLUSH_ALL (1ull << 61)
#define VTD_FAULT_STATUS 0x34
#define VTD_FAULT_OVERFLOW 0x1u
#define VTD_IOTLB_FLUSH_GO (1ull << 63)
#define VTD_IOTLB_FLUSH_DOMAIN (2ull << 60)
#define VTD_IOTLB_FLUSH_PAGES (3ull << 60)
#define VTD_FAULT_RECORD 16               /* bytes: page; source, reason, whether it is one */
#define VTD_FAULT_IS (1ull << 63)
#define VTD_FAULT_READ (1ull << 62)

#define VTD_PAGE RIG_IOMMU_PAGE
#define VTD_READ 0x1u
#define VTD_WRITE 0x2u
#define VTD_PRESENT 0x1u                  /* root and context entries */
#define VTD_CONTEXT_39_BITS 0x1u
#define VTD_CONTEXT_DOMAIN 8              /* shift */

struct rig_vtd {
	struct rig_iommu iommu; /* first: the two are cast into each other */
	unsigned iotlb;         /* offset of the two registers for flushing */
	unsigned norders;       /* a selective flush is of 2^0 to 2^(norders - 1) pages; 0: there is none */
	unsigned faults;        /* offset of the fault records */
	unsigned nfaults;
	mete_paddr root, context;
	bool on;
};

static struct rig_vtd *vtd_of(struct rig_iommu *iommu)
{
	return (struct rig_vtd *)(void *)iommu;
}

static int vtd_command(const struct rig_vtd *vtd, uint32_t command)
{
	uint64_t status;

	int error = mete__rig_iommu_read(&vtd->iommu, VTD_GSTS, 4, &status);
	if (!error)
		error = mete__rig_iommu_write(&vtd->iommu, VTD_GCMD, 4,
		    (status & ~(uint64_t)VTD_GSTS_ONE_SHOT) | command);
	return error ? error : mete__rig_iommu_wait(&vtd->iommu, VTD_GSTS, 4, command, command);
}

/*
 * The unit forgets 2^order pages that start at a multiple of their number: the smallest such piece around the range,
 * and not a page more than that, so that a caller who flushes the wrong range is found out.  All of the domain if there
 * is none.
 */
static void vtd_flush(void *ctx, mete_baddr iova, size_t len)
{
	struct rig_domain *d = ctx;
	const struct rig_vtd *vtd = vtd_of(d->iommu);
	uint64_t id = (uint64_t)d->number << 32, go = VTD_IOTLB_FLUSH_GO | VTD_IOTLB_FLUSH_DOMAIN | id;
	unsigned order = 0;
	int error = 0;

	if (len) {
		uint64_t first = iova / VTD_PAGE, last = ((uint64_t)iova + (len - 1)) / VTD_PAGE;
		while (first >> order != last >> order)
			order++;
		if (order < vtd->norders) {
			go = VTD_IOTLB_FLUSH_GO | VTD_IOTLB_FLUSH_PAGES | id;
			error = mete__rig_iommu_write(d->iommu, vtd->iotlb, 8,
			    (first >> order << order) * VTD_PAGE | order);
		}
	}
	if (!error)
		error = mete__rig_iommu_write(d->iommu, vtd->iotlb + 8, 8, go);
	if (!error)
		error = mete__rig_iommu_wait(d->iommu, vtd->iotlb + 8, 8, VTD_IOTLB_FLUSH_GO, 0);
	d->iommu->deaf = d->iommu->deaf || error;
}

static int vtd_fault(void *ctx, struct mete_iommu_fault *ret_fault)
{
	const struct rig_domain *d = ctx;
	const struct rig_vtd *vtd = vtd_of(d->iommu);
	uint64_t page, what;

	for (unsigned i = 0; i < vtd->nfaults; i++) {
		unsigned at = vtd->faults + VTD_FAULT_RECORD * i;
		int error = mete__rig_iommu_read(d->iommu, at + 8, 8, &what);
		if (error)
			return error;
		if (!(what & VTD_FAULT_IS))
			continue;
		/* Then let the record and the mark that some were lost be used again: both want a 1 to be cleared. */
		if ((error = mete__rig_iommu_read(d->iommu, at, 8, &page)) ||
		    (error = mete__rig_iommu_write(d->iommu, at + 12, 4, (uint32_t)(VTD_FAULT_IS >> 32))) ||
		    (error = mete__rig_iommu_write(d->iommu, VTD_FAULT_STATUS, 4, VTD_FAULT_OVERFLOW)))
			return error;
		*ret_fault = (struct mete_iommu_fault){
			.iova = (mete_baddr)(page & ~(uint64_t)(VTD_PAGE - 1)),
			.access = what & VTD_FAULT_READ ? METE_DEVICE_READS : METE_DEVICE_WRITES,
			.source = (uint32_t)(what & 0xffff),
			.reason = (uint32_t)(what >> 32 & 0xff),
		};
		return 0;
	}
	return METE_ENODEV;
}

static int vtd_probe(struct rig_iommu *iommu)
{
	struct rig_vtd *vtd = vtd_of(iommu);
	uint64_t version, cap, ecap;

	int error = mete__rig_iommu_read(iommu, VTD_VERSION, 4, &version);
	if (!error)
		error = mete__rig_iommu_read(iommu, VTD_CAP, 8, &cap);
	if (!error)
		error = mete__rig_iommu_read(iommu, VTD_ECAP, 8, &ecap);
	if (error)
		return error;
	/* Where nothing answers, all bits are alike. */
	if (!version || version == 0xffffffffu || !(cap & VTD_CAP_39_BITS))
		return METE_ENODEV;
	vtd->iotlb = (unsigned)(ecap >> 8 & 0x3ff) * 16;
	vtd->norders = cap >> 39 & 1 ? (unsigned)(cap >> 48 & 0x3f) + 1 : 0;
	vtd->faults = (unsigned)(cap >> 24 & 0x3ff) * 16;
	vtd->nfaults = (unsigned)(cap >> 40 & 0xff) + 1;
	return 0;
}

/* Translate from now on, or look at the new context entry. */
static int vtd_go(struct rig_vtd *vtd)
{
	int error = 0;

	if (!vtd->on && !(error = mete__rig_iommu_write(&vtd->iommu, VTD_ROOT, 8, vtd->root)))
		error = vtd_command(vtd, VTD_GCMD_ROOT);
	if (!error)
		error = mete__rig_iommu_write(&vtd->iommu, VTD_CONTEXT_FLUSH, 8,
		    VTD_CONTEXT_FLUSH_GO | VTD_CONTEXT_FLUSH_ALL);
	if (!error)
		error = mete__rig_iommu_wait(&vtd->iommu, VTD_CONTEXT_FLUSH, 8, VTD_CONTEXT_FLUSH_GO, 0);
	if (!error && !vtd->on)
		error = vtd_command(vtd, VTD_GCMD_TRANSLATE);
	vtd->on = vtd->on || !error;
	return error;
}

static int vtd_attach(struct rig_domain *d)
{
	struct rig_vtd *vtd = vtd_of(d->iommu);
	const unsigned at = 2 * (d->devfn & 0xff); /* a context entry is 128 bits, so it takes two of ours */

	int error = mete__rig_iommu_take(d->iommu, VTD_PAGE, &vtd->root);
	if (!error)
		error = mete__rig_iommu_take(d->iommu, VTD_PAGE, &vtd->context);
	if (error)
		return error;
	mete__rig_iommu_enter(d->iommu, vtd->root, 0, (uint64_t)vtd->context | VTD_PRESENT);
	/* The half with the mark comes last. */
	mete__rig_iommu_enter(d->iommu, vtd->context, at + 1,
	    (uint64_t)d->number << VTD_CONTEXT_DOMAIN | VTD_CONTEXT_39_BITS);
	mete__rig_iommu_enter(d->iommu, vtd->context, at, (uint64_t)mete__rig_iommu_top(d) | VTD_PRESENT);
	return vtd_go(vtd);
}

static const struct rig_iommu_model vtd_model = {
	.unit_len = sizeof(struct rig_vtd),
	.ops = {
		.map = mete__rig_iommu_map,
		.unmap = mete__rig_iommu_unmap,
		.flush = vtd_flush,
		.lookup = mete__rig_iommu_lookup,
		.fault = vtd_fault,
	},
	.below = VTD_READ | VTD_WRITE, /* the last entry decides */
	.page = {
		[METE_DEVICE_READS] = VTD_READ,
		[METE_DEVICE_WRITES] = VTD_WRITE,
		[METE_DEVICE_READS_WRITES] = VTD_READ | VTD_WRITE,
	},
	.probe = vtd_probe,
	.attach = vtd_attach,
};

int mete_rig_vtd_start(const struct mete_rig_function *function, struct mete_domain_config *ret_config)
{
	if (!function || !function->known || !ret_config)
		return METE_EINVAL;
	return mete__rig_iommu_start(&vtd_model, function->rig->place->vtd, function, ret_config);
}
