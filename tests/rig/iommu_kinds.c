/* SPDX-License-Identifier: ISC */
/*
 * The IOMMUs that there are; see iommu_kinds.h.
 */
#include "iommu_kinds.h"

#include <mete/sim.h>

const struct iommu_kind iommu_vtd = {
	.machine = METE_RIG_Q35,
	.options = { "-device", "intel-iommu" },
	.start = mete_rig_vtd_start,
	.npages = 5, /* root, context, and one table of each level for the interrupts' words */
	.reason = { .read = 6, .write = 5, .read_only = 5, .stranger = 2 },
};

const struct iommu_kind iommu_smmu = {
	.machine = METE_RIG_VIRT,
	.options = { "-machine", "iommu=smmuv3" },
	.start = mete_rig_smmu_start,
	.ram = 0x40000000,
	.npages = 10, /* 4 for streams, contexts, commands, events, and three tables */
	.cycles = true,
	.reason = { .read = 0x10, .write = 0x10, .read_only = 0x13, .stranger = 4 },
};

const struct iommu_kind iommu_sim = {
	.simulated = true,
	.start = mete_rig_sim_iommu_start,
	.reason = { .read = METE_SIM_UNMAPPED, .write = METE_SIM_UNMAPPED, .read_only = METE_SIM_PERMISSION,
		.stranger = METE_SIM_UNMAPPED },
};

static int start_sim(struct mete_rig **ret_rig, char *text, size_t text_len)
{
	static const struct mete_sim_device edus[] = { { METE_SIM_EDU, 32 }, { METE_SIM_EDU, 32 } };
	static const struct mete_sim_config more = { .iommu_page = 4096, .devices = edus, .ndevices = 2 };

	return mete_rig_start_sim(&(struct mete_rig_sim){ .more = &more }, ret_rig, text, text_len);
}

struct mete_rig *start_rig(const struct iommu_kind *kind, const char *const *options)
{
	const struct mete_rig_qemu config = { .machine = kind->machine, .options = options };
	struct mete_rig *rig;
	char text[1024];

	int error = kind->simulated ? start_sim(&rig, text, sizeof(text)) :
	    mete_rig_start_qemu(&config, &rig, text, sizeof(text));
	if (error == METE_ENODEV)
		skip_because(text);
	if (error)
		fail_msg("%s", text);
	return rig;
}

void check_records(const struct iommu_kind *kind, const struct mete_domain_config *config,
    const struct mete_rig_function *f, mete_baddr iova, enum mete_access access, uint32_t reason)
{
	const mete_baddr page = iova & ~(mete_baddr)4095;
	struct mete_iommu_fault fault;
	size_t nrecords = 0;
	int error;

	while (!(error = config->ops->fault(config->ctx, &fault))) {
		if (!nrecords++)
			assert_int_equal(fault.iova, kind->cycles ? iova : page);
		assert_int_equal(fault.iova & ~(mete_baddr)4095, page);
		assert_int_equal(fault.access, access);
		assert_int_equal(fault.source, f->bus << 8 | f->slot << 3 | f->number);
		assert_int_equal(fault.reason, reason);
		assert_true(nrecords <= 1000); /* far more than any unit keeps: it would go on for ever */
	}
	assert_error(error, METE_ENODEV);
	assert_true(kind->cycles ? nrecords > 0 : nrecords == 1);
}
