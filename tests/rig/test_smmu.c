/* SPDX-License-Identifier: ISC */
/*
 * What only the SMMUv3 of the qemu rig has: rings of commands and of events, which come around, and a table format that
 * cannot forbid reading.  The rest is in test_iommu.c.
 */
#include "iommu_bench.h"

#define NEVENTS 128u   /* that the unit keeps */
#define NCOMMANDS 256u
#define REGISTERS 0x09050000u
#define CONTROL 0x20u  /* the one that switches it on */
#define CYCLE 4u       /* bytes of what QEMU's edu does at a time where nothing answers */

/* The format has no other: this is what the interface says that it may mean. */
static void test_a_write_only_page_can_be_read(void **state)
{
	struct bench b;
	uint64_t phys, copy;

	bench_open(&b, state);
	unsigned char *p = rig_alloc(&b.device, PAGE, &phys), *q = rig_alloc(&b.device, PAGE, &copy);
	fill(p, PAGE, 1);
	assert_ok(map(&b, IOVA, phys, PAGE, METE_DEVICE_WRITES));
	assert_ok(map(&b, IOVA + PAGE, copy, PAGE, METE_DEVICE_WRITES));

	edu_read(&b.edu, IOVA, 512);
	edu_write(&b.edu, IOVA + PAGE, 512);

	assert_memory_equal(q, p, 512);
	bench_close(&b, 2);
}

static void test_each_cycle_leaves_a_record_with_its_address(void **state)
{
	struct bench b;
	struct mete_iommu_fault fault;
	uint64_t phys;

	bench_open(&b, state);
	rig_alloc(&b.device, PAGE, &phys);
	assert_ok(map(&b, IOVA, phys, PAGE, METE_DEVICE_READS_WRITES));

	edu_write(&b.edu, IOVA + PAGE - 8, 8 + 3 * CYCLE);

	for (unsigned i = 0; i < 3; i++) {
		assert_ok(b.config.ops->fault(b.config.ctx, &fault));
		assert_int_equal(fault.iova, IOVA + PAGE + i * CYCLE);
		assert_int_equal(fault.access, METE_DEVICE_WRITES);
	}
	bench_close(&b, 1);
}

/* Three times as many as there is room for, taken as they come. */
static void test_the_events_come_around(void **state)
{
	struct bench b;

	bench_open(&b, state);
	for (unsigned n = 0; n < 3 * NEVENTS / 4; n++) {
		mete_baddr iova = IOVA + n * PAGE + n % 16 * 16;
		edu_read(&b.edu, iova, 4 * CYCLE);
		check_read_fault(&b, iova);
	}
	bench_close(&b, 0);
}

/* More than there is room for, not taken: the first are kept, the others lost, and then it goes on. */
static void test_events_that_find_no_room_are_lost(void **state)
{
	struct bench b;
	struct mete_iommu_fault fault;

	bench_open(&b, state);
	for (unsigned round = 0; round < 3; round++) {
		edu_write(&b.edu, IOVA, 2 * NEVENTS * CYCLE);
		for (unsigned i = 0; i < NEVENTS; i++) {
			assert_ok(b.config.ops->fault(b.config.ctx, &fault));
			assert_int_equal(fault.iova, IOVA + i * CYCLE);
		}
		assert_error(b.config.ops->fault(b.config.ctx, &fault), METE_ENODEV);

		edu_read(&b.edu, IOVA + 16 * PAGE, CYCLE); /* so that each round begins elsewhere in the ring */
		check_read_fault(&b, IOVA + 16 * PAGE);
	}
	bench_close(&b, 0);
}

/* Each flush is two commands, so this is five times around; and the last one is carried out as the first. */
static void test_the_commands_come_around(void **state)
{
	struct bench b;
	uint64_t phys;

	bench_open(&b, state);
	unsigned char *p = rig_alloc(&b.device, PAGE, &phys);
	for (unsigned n = 0; n < 5 * NCOMMANDS / 2; n++) {
		assert_ok(map(&b, IOVA, phys, PAGE, METE_DEVICE_WRITES));
		if (n % 16 == 0) {
			memset(p, 0xa5, 16);
			edu_write(&b.edu, IOVA, 16);
			check_all(p, 16, 0);
		}
		unmap(&b, IOVA, PAGE);
		flush(&b, IOVA, PAGE);
		if (n % 16 == 0) {
			edu_write(&b.edu, IOVA, 16);
			check_write_fault(&b, IOVA);
		}
	}
	bench_close(&b, 1);
}

/* As many pages as a batch of commands has room for, and more: then it is all of the domain. */
static void test_a_long_flush_covers_its_range(void **state)
{
	static const size_t npages[] = { 2, NCOMMANDS - 2, NCOMMANDS - 1, NCOMMANDS, NCOMMANDS + 1, 1000 };
	struct bench b;
	uint64_t phys;

	bench_open(&b, state);
	const size_t len = 1000 * PAGE;
	rig_alloc(&b.device, len, &phys);
	for (size_t i = 0; i < sizeof(npages) / sizeof(*npages); i++) {
		const mete_baddr last = IOVA + (mete_baddr)(npages[i] - 1) * PAGE;
		assert_ok(map(&b, IOVA, phys, npages[i] * PAGE, METE_DEVICE_WRITES));
		edu_write(&b.edu, IOVA, 16);
		edu_write(&b.edu, last, 16);

		unmap(&b, IOVA, npages[i] * PAGE);
		flush(&b, IOVA, npages[i] * PAGE);

		edu_write(&b.edu, IOVA, 16);
		check_write_fault(&b, IOVA);
		edu_write(&b.edu, last, 16);
		check_write_fault(&b, last);
	}
	bench_close(&b, 1);
}

/* The words of interrupts are where RAM begins, and mapped there; nothing else is taken. */
static void test_addresses_on_either_side_of_the_words_are_free(void **state)
{
	struct bench b;
	uint64_t phys;

	bench_open(&b, state);
	unsigned char *p = rig_alloc(&b.device, 2 * PAGE, &phys);
	memset(p, 0xa5, 2 * PAGE);
	assert_ok(map(&b, b.kind->ram - PAGE, phys, PAGE, METE_DEVICE_WRITES));
	assert_ok(map(&b, b.kind->ram + 0x100000, phys + PAGE, PAGE, METE_DEVICE_WRITES));
	assert_error(map(&b, b.kind->ram + 0x10000, phys, PAGE, METE_DEVICE_WRITES), METE_EIO);

	edu_write(&b.edu, b.kind->ram - PAGE, 16);
	edu_write(&b.edu, b.kind->ram + 0x100000, 32);

	check_all(p, 16, 0);
	check_all(p + 16, PAGE - 16, 0xa5);
	check_all(p + PAGE, 32, 0);
	bench_close(&b, 1);
}

/* A device that was let at the unit's registers has switched it off: no command is carried out any more. */
static void test_a_unit_that_does_not_obey_is_an_error(void **state)
{
	struct bench b;
	struct mete_domain_config other;

	bench_open(&b, state);
	assert_ok(map(&b, IOVA, REGISTERS, PAGE, METE_DEVICE_WRITES));
	edu_write(&b.edu, IOVA + CONTROL, CYCLE);
	assert_ok(map(&b, IOVA + PAGE, 0x40300000, PAGE, METE_DEVICE_READS));
	unmap(&b, IOVA + PAGE, PAGE);

	flush(&b, IOVA + PAGE, PAGE);

	assert_error(map(&b, IOVA + PAGE, 0x40300000, PAGE, METE_DEVICE_READS), METE_EIO);
	assert_error(mete_rig_smmu_start(&b.other, &other), METE_EIO);
	flush(&b, 0, 0);
	bench_close(&b, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_IOMMU(test_a_write_only_page_can_be_read, smmu),
		ON_IOMMU(test_each_cycle_leaves_a_record_with_its_address, smmu),
		ON_IOMMU(test_the_events_come_around, smmu),
		ON_IOMMU(test_events_that_find_no_room_are_lost, smmu),
		ON_IOMMU(test_the_commands_come_around, smmu),
		ON_IOMMU(test_a_long_flush_covers_its_range, smmu),
		ON_IOMMU(test_addresses_on_either_side_of_the_words_are_free, smmu),
		ON_IOMMU(test_a_unit_that_does_not_obey_is_an_error, smmu),
	};
	return cmocka_run_group_tests_name("rig: smmu", tests, NULL, NULL);
}
