/* SPDX-License-Identifier: ISC */
/*
 * What a test must know of each IOMMU that there is, QEMU's and the simulated machine's, so that one test can be run on all of
 * them.
 */
#ifndef IOMMU_KINDS_H
#define IOMMU_KINDS_H

#include "rig_support.h"

#include <mete/iommu.h>

/* An IOMMU, as a test sees it. */
struct iommu_kind {
	bool simulated;         /* the sim rig's; `machine` and `options` say nothing then */
	enum mete_rig_machine machine;
	const char *options[2]; /* bring it */
	int (*start)(const struct mete_rig_function *function, struct mete_domain_config *ret_config);
	mete_baddr ram;         /* where RAM starts */
	unsigned npages;        /* of RAM, that a first start takes */
	bool cycles;            /* a record for each cycle, with its address; otherwise one, with its page */
	struct {
		uint32_t read, write;   /* nothing is mapped there */
		uint32_t read_only;     /* it is, but not for writing */
		uint32_t stranger;      /* the function was not started */
	} reason;
};

extern const struct iommu_kind iommu_vtd, iommu_smmu, iommu_sim;

/* A test on one of them, and on each. */
#define ON_IOMMU(test, kind) { #test " [" #kind "]", test, NULL, NULL, (void *)(uintptr_t)&iommu_##kind }
#define ON_EACH_IOMMU(test) ON_IOMMU(test, vtd), ON_IOMMU(test, smmu)

/* The same and the simulated machine's, whose tables are not in RAM. */
#define ON_EACH_IOMMU_AND_SIM(test) ON_EACH_IOMMU(test), ON_IOMMU(test, sim)

/* A machine with these options, or the simulated one with two edus.  Skips where there is no QEMU for it. */
struct mete_rig *start_rig(const struct iommu_kind *kind, const char *const *options);

/*
 * Take all fault records: there are some, of `f` and of an access from `iova` on, up to its page's end, and none of
 * anything else.
 */
void check_records(const struct iommu_kind *kind, const struct mete_domain_config *config,
    const struct mete_rig_function *f, mete_baddr iova, enum mete_access access, uint32_t reason);

#endif
