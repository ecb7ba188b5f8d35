/* SPDX-License-Identifier: ISC */
/*
 * The edu driver, the same object as in test_edu.c, on a board whose RAM begins above what 28 address lines reach.
 *
 * Without an IOMMU nothing of that RAM can be had, and a driver that claims otherwise reads something else.  Behind the
 * SMMU all of it can.
 */
#include "edu.h"
#include "iommu_kinds.h"
#include "linux_rig.h"

#define PAGE 4096u
#define ROOM (4 * PAGE)
#define GUARD 64
#define REACH (1u << EDU_ADDRESS_BITS)

struct bench {
	struct mete_rig *rig;
	struct mete_rig_function pci;
	struct mete_device ram;  /* sees everything: memory for the test */
	struct linux_plug plug;
	struct mete_device core; /* what edu sees */
	struct mete_domain domain;
	struct device dev;
	struct edu edu;
	unsigned char *from, *to;
	unsigned long mapped;    /* in earlier starts: each forgets the count */
};

/* A board without a mapping yet, and two runs of its RAM.  Skips where there is no QEMU for it. */
static void bench_open(struct bench *b, unsigned flaws)
{
	const char *const options[] = { iommu_smmu.options[0], iommu_smmu.options[1], "-device", "edu", NULL };
	uint64_t phys;

	memset(b, 0, sizeof(*b));
	b->rig = start_rig(&iommu_smmu, options);
	assert_ok(mete_rig_find(b->rig, 0x1234, 0x11e8, 0, &b->pci));
	assert_ok(linux_rig_open(&b->plug, &b->pci));
	rig_device_init(&b->ram, b->rig);
	rig_device_init(&b->core, b->rig);
	mete_linux_device_init(&b->dev, "edu", &b->core);
	assert_int_equal(edu_start(&b->edu, &b->dev, &b->plug, flaws), 0);
	b->from = rig_alloc(&b->ram, ROOM, &phys);
	assert_true(phys >= REACH);
	b->to = rig_alloc(&b->ram, ROOM, &phys);
	assert_true(phys >= REACH);
	for (size_t i = 0; i < ROOM; i++)
		b->from[i] = (unsigned char)(1 + i * 7 + (i >> 8));
}

/* Put the SMMU in between, with addresses from `first` on; 0: as they come. */
static void bench_translate(struct bench *b, mete_baddr first, bool deferred)
{
	struct mete_domain_config config;

	assert_ok(mete_rig_smmu_start(&b->pci, &config));
	config.deferred = deferred;
	config.last = first ? first + (16u << 20) - 1 : config.last;
	config.first = first ? first : config.first;
	assert_ok(mete_domain_init(&b->domain, mete_rig_provider(b->rig), &config));
	assert_ok(mete_domain_attach(&b->domain, &b->core));
}

/* Go on with other flaws. */
static void bench_restart(struct bench *b, unsigned flaws)
{
	b->mapped += b->edu.mapped;
	assert_int_equal(edu_start(&b->edu, &b->dev, &b->plug, flaws), 0);
}

/* Nothing is mapped, nothing faulted, nothing is held. */
static void bench_close(struct bench *b)
{
	struct mete_iommu_fault fault;

	assert_int_equal(b->edu.mapped, b->edu.unmapped);
	assert_int_equal(b->core.nmapped, b->mapped + b->edu.mapped);
	assert_int_equal(b->core.nunmapped, b->core.nmapped);
	assert_ok(mete_device_free(&b->ram, b->from, ROOM));
	assert_ok(mete_device_free(&b->ram, b->to, ROOM));
	if (b->core.domain) {
		assert_error(mete_domain_fault(&b->domain, &fault), METE_ENODEV);
		assert_ok(mete_domain_attach(NULL, &b->core));
		assert_ok(mete_domain_fini(&b->domain));
	}
	assert_ok(linux_rig_close(&b->plug));
	assert_int_equal(mete_rig_stop(b->rig), 0);
}

/* Send from one place, receive at another, and compare; nothing around it may change. */
static void check_copy(struct bench *b, size_t from, size_t to, size_t len)
{
	memset(b->to, 0xa5, ROOM);
	assert_int_equal(edu_send(&b->edu, b->from + from, len), 0);
	assert_int_equal(edu_receive(&b->edu, b->to + to, len), 0);
	assert_memory_equal(b->to + to, b->from + from, len);
	for (size_t i = 0; i < GUARD; i++) {
		assert_int_equal(b->to[to - 1 - i], 0xa5);
		assert_int_equal(b->to[to + len + i], 0xa5);
	}
}

/* The device was stopped from `iova` on. */
static void check_fault(struct bench *b, mete_baddr iova, enum mete_access access, uint32_t reason)
{
	check_records(&iommu_smmu, &b->domain.config, &b->pci, iova, access, reason);
}

static void check_way(bool deferred)
{
	static const size_t lens[] = { 1, 63, 64, 3000, EDU_LEN_MAX };
	static const size_t offsets[] = { GUARD, GUARD + 1, 4000 };
	struct bench b;

	bench_open(&b, 0);
	bench_translate(&b, 0, deferred);
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		for (size_t j = 0; j < sizeof(offsets) / sizeof(*offsets); j++)
			check_copy(&b, offsets[j], offsets[sizeof(offsets) / sizeof(*offsets) - 1 - j], lens[i]);
	}
	assert_true(b.edu.last_bus < REACH);
	assert_int_equal(b.edu.interrupts, b.edu.mapped);
	bench_close(&b);
}

static void test_all_memory_is_in_reach_behind_a_strict_smmu(void **state)
{
	(void)state;
	check_way(false);
}

static void test_all_memory_is_in_reach_behind_a_deferred_smmu(void **state)
{
	(void)state;
	check_way(true);
}

/* The control of the two: without the SMMU the mapping is refused; with it, the same call does it. */
static void test_without_the_smmu_no_memory_is_in_reach(void **state)
{
	struct mete_counters counters;
	struct bench b;

	(void)state;
	bench_open(&b, 0);
	assert_int_equal(edu_send(&b.edu, b.from, 100), -ENOMEM);
	assert_int_equal(edu_receive(&b.edu, b.to, 100), -ENOMEM);
	mete_provider_counters(mete_rig_provider(b.rig), &counters);
	assert_int_equal(counters.map_refused, 2);
	assert_int_equal(b.edu.mapped, 0);

	bench_translate(&b, 0, false);
	check_copy(&b, 0, GUARD, 100);
	bench_close(&b);
}

/* The control of the mask: the device drops the 31st bit, what remains is flash memory, and nobody says so. */
static void test_a_mask_that_is_too_wide_reads_something_else(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, EDU_FLAW_MASK);
	memset(b.to, 0xa5, ROOM);
	assert_int_equal(edu_send(&b.edu, b.from, 100), 0);
	assert_int_equal(edu_receive(&b.edu, b.to, 100), 0);
	assert_true(b.edu.last_bus >= REACH);
	for (size_t i = 0; i < ROOM; i++)
		assert_int_equal(b.to[i], 0xa5);

	bench_restart(&b, 0);
	bench_translate(&b, 0, false);
	check_copy(&b, 0, GUARD, 100);
	bench_close(&b);
}

/* The same behind the SMMU: what comes out without the 29th bit is not mapped, and the record says where. */
static void test_a_mask_that_is_too_wide_faults_behind_the_smmu(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, EDU_FLAW_MASK);
	bench_translate(&b, REACH, false);
	assert_int_equal(edu_send(&b.edu, b.from + 24, 100), 0);
	assert_true(b.edu.last_bus >= REACH);
	check_fault(&b, b.edu.last_bus - REACH, METE_DEVICE_READS, iommu_smmu.reason.read);

	/* With the right mask, these addresses are none. */
	bench_restart(&b, 0);
	assert_int_equal(edu_send(&b.edu, b.from + 24, 100), -ENOMEM);
	bench_close(&b);
}

/* The control of directions.  This table cannot forbid reading, so only the other half is found. */
static void test_a_wrong_direction_faults_where_the_device_writes(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, EDU_FLAW_DIRECTION);
	bench_translate(&b, 0, false);
	memset(b.to, 0xa5, ROOM);
	assert_int_equal(edu_send(&b.edu, b.from + 24, 1000), 0);
	assert_int_equal(edu_receive(&b.edu, b.to + 24, 100), 0);
	check_fault(&b, b.edu.last_bus, METE_DEVICE_WRITES, iommu_smmu.reason.read_only);
	for (size_t i = 0; i < ROOM; i++)
		assert_int_equal(b.to[i], 0xa5);

	bench_restart(&b, 0);
	check_copy(&b, 24, GUARD, 1000);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_memory_is_in_reach_behind_a_strict_smmu),
		cmocka_unit_test(test_all_memory_is_in_reach_behind_a_deferred_smmu),
		cmocka_unit_test(test_without_the_smmu_no_memory_is_in_reach),
		cmocka_unit_test(test_a_mask_that_is_too_wide_reads_something_else),
		cmocka_unit_test(test_a_mask_that_is_too_wide_faults_behind_the_smmu),
		cmocka_unit_test(test_a_wrong_direction_faults_where_the_device_writes),
	};
	return cmocka_run_group_tests_name("drivers: edu on virt", tests, NULL, NULL);
}
