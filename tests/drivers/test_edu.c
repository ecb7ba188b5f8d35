/* SPDX-License-Identifier: ISC */
/*
 * The edu driver on QEMU's device, over each way in which memory can be made visible to it: where it is, through
 * stand-ins, through an IOMMU.  The driver's object does not know which.
 *
 * Each way has a control: a mistake, and the symptom by which it is found.
 */
#include "edu.h"
#include "edu_machine.h"
#include "linux_rig.h"

struct bench {
	struct machine m;
	struct linux_plug plug;
	struct device dev;
	struct edu edu;
};

static void bench_open(struct bench *b, bool iommu)
{
	memset(b, 0, sizeof(*b));
	machine_open(&b->m, iommu);
	assert_ok(linux_rig_open(&b->plug, &b->m.pci));
	mete_linux_device_init(&b->dev, "edu", &b->m.core);
}

static void bench_open_way(struct bench *b, enum way way)
{
	bench_open(b, way_iommu(way));
	machine_way(&b->m, way);
}

/* Nothing is mapped, nothing faulted, nothing is held. */
static void bench_close(struct bench *b)
{
	assert_int_equal(b->edu.mapped, b->edu.unmapped);
	assert_int_equal(b->m.core.nmapped, b->edu.mapped);
	assert_int_equal(b->m.core.nunmapped, b->edu.unmapped);
	assert_ok(linux_rig_close(&b->plug));
	machine_close(&b->m);
}

/* Send from one place, receive at another, and compare; nothing around it may change. */
static void check_copy(struct bench *b, const unsigned char *from, unsigned char *to, size_t len)
{
	set_guards(to, len);
	assert_int_equal(edu_send(&b->edu, from, len), 0);
	assert_int_equal(edu_receive(&b->edu, to, len), 0);
	assert_memory_equal(to, from, len);
	check_guards(to, len);
}

static void check_way(enum way way, bool high)
{
	static const size_t lens[] = { 1, 63, 64, 3000, EDU_LEN_MAX };
	static const size_t offsets[] = { 0, 1, 60, 4000 };
	const size_t room = 4 * 4096;
	struct bench b;

	print_message("%s, %s memory\n", way_name[way], high ? "high" : "low");
	bench_open_way(&b, way);
	assert_int_equal(edu_start(&b.edu, &b.dev, &b.plug, 0), 0);
	unsigned char *from = machine_alloc(&b.m, room, high, NULL), *to = machine_alloc(&b.m, room, high, NULL);
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		for (size_t j = 0; j < sizeof(offsets) / sizeof(*offsets); j++) {
			fill(from, room, (unsigned)(i * 31 + j));
			check_copy(&b, from + offsets[j], to + 4096 + offsets[sizeof(offsets) / sizeof(*offsets) - 1 - j],
			    lens[i]);
		}
	}
	assert_int_equal(b.edu.interrupts, b.edu.mapped);
	machine_free(&b.m, from, room);
	machine_free(&b.m, to, room);
	bench_close(&b);
}

static void test_memory_in_reach_is_used_where_it_is(void **state)
{
	(void)state;
	struct bench b;
	uint64_t phys;

	check_way(DIRECT, false);

	bench_open_way(&b, BOUNCE);
	assert_int_equal(edu_start(&b.edu, &b.dev, &b.plug, 0), 0);
	unsigned char *p = machine_alloc(&b.m, 4096, false, &phys);
	assert_int_equal(edu_send(&b.edu, p + 8, 100), 0);
	assert_int_equal(b.edu.last_bus, phys + 8);
	machine_free(&b.m, p, 4096);
	bench_close(&b);
}

static void test_memory_out_of_reach_goes_through_stand_ins(void **state)
{
	(void)state;
	check_way(BOUNCE, true);
}

static void test_stand_ins_can_be_asked_for(void **state)
{
	(void)state;
	check_way(ALWAYS, false);
	check_way(ALWAYS, true);
}

static void test_all_memory_is_in_reach_behind_an_iommu(void **state)
{
	(void)state;
	check_way(IOMMU, false);
	check_way(IOMMU, true);
	check_way(IOMMU_ALWAYS, true);
}

/* The control of the stand-ins: without an area the mapping fails, and with one it does not. */
static void test_without_an_area_memory_out_of_reach_is_refused(void **state)
{
	(void)state;
	struct bench b;
	struct mete_counters counters;

	bench_open_way(&b, DIRECT);
	assert_int_equal(edu_start(&b.edu, &b.dev, &b.plug, 0), 0);
	unsigned char *p = machine_alloc(&b.m, 4 * 4096, true, NULL);
	fill(p, 4096, 1);
	assert_int_equal(edu_send(&b.edu, p, 100), -ENOMEM);
	assert_int_equal(edu_receive(&b.edu, p, 100), -ENOMEM);
	mete_provider_counters(mete_rig_provider(b.m.rig), &counters);
	assert_int_equal(counters.map_refused, 2);
	assert_int_equal(b.edu.mapped, 0);

	machine_bounce(&b.m, 64 << 10, false);
	check_copy(&b, p, p + 2 * 4096, 100);
	machine_free(&b.m, p, 4 * 4096);
	bench_close(&b);
}

/* The control of the mask: the device drops the 29th bit and reads somebody else's memory. */
static void test_a_mask_that_is_too_wide_reads_foreign_memory(void **state)
{
	(void)state;
	struct bench b;
	struct mete_run foreign;
	uint64_t phys;

	for (unsigned flaws = EDU_FLAW_MASK; ; flaws = 0) {
		bench_open_way(&b, BOUNCE);
		assert_int_equal(edu_start(&b.edu, &b.dev, &b.plug, flaws), 0);
		unsigned char *p = machine_alloc(&b.m, 4096, true, &phys), *q = machine_alloc(&b.m, 4096, false, NULL);
		struct mete_provider *provider = mete_rig_provider(b.m.rig);
		const struct mete_want want = { .len = 4096, .first = (mete_paddr)(phys - REACH),
			.last = (mete_paddr)(phys - REACH + 4095) };
		assert_ok(provider->ops->take(provider->ctx, &want, &foreign));
		fill(p, 4096, 1);
		memset(foreign.cpu, 0x5c, 4096);

		assert_int_equal(edu_send(&b.edu, p, 1000), 0);
		assert_int_equal(edu_receive(&b.edu, q, 1000), 0);
		if (flaws) {
			assert_memory_not_equal(q, p, 1000);
			assert_memory_equal(q, foreign.cpu, 1000);
		} else {
			assert_memory_equal(q, p, 1000);
		}
		provider->ops->give(provider->ctx, &foreign);
		machine_free(&b.m, p, 4096);
		machine_free(&b.m, q, 4096);
		bench_close(&b);
		if (!flaws)
			break;
	}
}

/* The same behind an IOMMU: what comes out without the 29th bit is not mapped. */
static void test_a_mask_that_is_too_wide_faults_behind_an_iommu(void **state)
{
	(void)state;
	struct bench b;
	struct mete_iommu_fault fault;

	bench_open(&b, true);
	machine_translate(&b.m, REACH, REACH + (16u << 20) - 1);
	unsigned char *p = machine_alloc(&b.m, 4 * 4096, false, NULL);
	fill(p, 4 * 4096, 1);
	assert_int_equal(edu_start(&b.edu, &b.dev, &b.plug, EDU_FLAW_MASK), 0);
	assert_int_equal(edu_send(&b.edu, p, 100), 0);
	assert_true(b.edu.last_bus >= REACH);
	assert_ok(mete_domain_fault(&b.m.domain, &fault));
	assert_int_equal(fault.iova, (b.edu.last_bus - REACH) & ~(dma_addr_t)4095);
	assert_int_equal(fault.access, METE_DEVICE_READS);

	/* With the right mask these addresses are none ... */
	assert_int_equal(edu_start(&b.edu, &b.dev, &b.plug, 0), 0);
	assert_int_equal(edu_send(&b.edu, p, 100), -ENOMEM);
	assert_int_equal(b.m.core.nmapped, 1);
	b.edu.mapped = b.edu.unmapped = 1; /* a start forgets the count */
	machine_free(&b.m, p, 4 * 4096);
	bench_close(&b);

	/* ... and where there are others, those are taken. */
	bench_open(&b, true);
	machine_translate(&b.m, 0, 2 * REACH - 1);
	p = machine_alloc(&b.m, 4 * 4096, true, NULL);
	fill(p, 4096, 1);
	assert_int_equal(edu_start(&b.edu, &b.dev, &b.plug, 0), 0);
	check_copy(&b, p, p + 2 * 4096, 1000);
	assert_true(b.edu.last_bus < REACH);
	machine_free(&b.m, p, 4 * 4096);
	bench_close(&b);
}

/* The control of directions, with stand-ins: what the device wrote is never copied back. */
static void test_a_wrong_direction_loses_data_with_stand_ins(void **state)
{
	(void)state;
	struct bench b;

	bench_open_way(&b, ALWAYS);
	unsigned char *p = machine_alloc(&b.m, 4096, false, NULL), *q = machine_alloc(&b.m, 4096, false, NULL);
	for (unsigned flaws = EDU_FLAW_DIRECTION; ; flaws = 0) {
		unsigned long mapped = b.edu.mapped;
		assert_int_equal(edu_start(&b.edu, &b.dev, &b.plug, flaws), 0);
		fill(p, 4096, 1);
		memset(q, 0xa5, 4096);
		assert_int_equal(edu_send(&b.edu, p, 1000), 0);
		assert_int_equal(edu_receive(&b.edu, q, 1000), 0);
		b.edu.mapped += mapped; /* a start forgets the count */
		b.edu.unmapped += mapped;
		if (!flaws)
			break;
		for (size_t i = 0; i < 1000; i++)
			assert_int_equal(q[i], 0xa5);
	}
	assert_memory_equal(q, p, 1000);
	machine_free(&b.m, p, 4096);
	machine_free(&b.m, q, 4096);
	bench_close(&b);
}

static void check_fault(struct bench *b, enum mete_access access)
{
	struct mete_iommu_fault fault;

	assert_ok(mete_domain_fault(&b->m.domain, &fault));
	assert_int_equal(fault.iova, b->edu.last_bus & ~(dma_addr_t)4095);
	assert_int_equal(fault.access, access);
	assert_int_equal(fault.source, b->m.pci.slot << 3 | b->m.pci.number);
	assert_error(mete_domain_fault(&b->m.domain, &fault), METE_ENODEV);
}

/* The same behind an IOMMU: the access is refused, and the record tells where. */
static void test_a_wrong_direction_faults_behind_an_iommu(void **state)
{
	(void)state;
	struct bench b;

	bench_open_way(&b, IOMMU);
	unsigned char *p = machine_alloc(&b.m, 4096, true, NULL), *q = machine_alloc(&b.m, 4096, true, NULL);
	fill(p, 4096, 1);
	memset(q, 0xa5, 4096);
	assert_int_equal(edu_start(&b.edu, &b.dev, &b.plug, EDU_FLAW_DIRECTION), 0);

	assert_int_equal(edu_send(&b.edu, p + 24, 1000), 0);
	check_fault(&b, METE_DEVICE_READS);
	assert_int_equal(edu_receive(&b.edu, q + 24, 1000), 0);
	check_fault(&b, METE_DEVICE_WRITES);
	for (size_t i = 0; i < 4096; i++)
		assert_int_equal(q[i], 0xa5);

	b.edu.flaws = 0;
	check_copy(&b, p, q + GUARD, 1000);
	machine_free(&b.m, p, 4096);
	machine_free(&b.m, q, 4096);
	bench_close(&b);
}

/* And why the two are worth having: where memory is used as it is, nobody notices. */
static void test_a_wrong_direction_goes_unnoticed_without_either(void **state)
{
	(void)state;
	struct bench b;

	bench_open_way(&b, DIRECT);
	unsigned char *p = machine_alloc(&b.m, 2 * 4096, false, NULL);
	fill(p, 4096, 1);
	assert_int_equal(edu_start(&b.edu, &b.dev, &b.plug, EDU_FLAW_DIRECTION), 0);
	check_copy(&b, p, p + 4096 + GUARD, 1000);
	machine_free(&b.m, p, 2 * 4096);
	bench_close(&b);
}

static void test_bad_lengths_are_refused(void **state)
{
	(void)state;
	struct bench b;

	bench_open_way(&b, DIRECT);
	unsigned char *p = machine_alloc(&b.m, 2 * 4096, false, NULL);
	assert_int_equal(edu_start(&b.edu, &b.dev, &b.plug, 0), 0);
	assert_int_equal(edu_send(&b.edu, p, 0), -EINVAL);
	assert_int_equal(edu_receive(&b.edu, p, EDU_LEN_MAX + 1), -EINVAL);
	assert_int_equal(b.edu.mapped, 0);
	machine_free(&b.m, p, 2 * 4096);
	bench_close(&b);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_in_reach_is_used_where_it_is),
		cmocka_unit_test(test_memory_out_of_reach_goes_through_stand_ins),
		cmocka_unit_test(test_stand_ins_can_be_asked_for),
		cmocka_unit_test(test_all_memory_is_in_reach_behind_an_iommu),
		cmocka_unit_test(test_without_an_area_memory_out_of_reach_is_refused),
		cmocka_unit_test(test_a_mask_that_is_too_wide_reads_foreign_memory),
		cmocka_unit_test(test_a_mask_that_is_too_wide_faults_behind_an_iommu),
		cmocka_unit_test(test_a_wrong_direction_loses_data_with_stand_ins),
		cmocka_unit_test(test_a_wrong_direction_faults_behind_an_iommu),
		cmocka_unit_test(test_a_wrong_direction_goes_unnoticed_without_either),
		cmocka_unit_test(test_bad_lengths_are_refused),
	};
	return cmocka_run_group_tests_name(machine_choose(argc, argv) ? "drivers: edu, simulated" : "drivers: edu", tests, NULL, NULL);
}
