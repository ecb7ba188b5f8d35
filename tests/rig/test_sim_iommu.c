/* SPDX-License-Identifier: ISC */
/*
 * The simulated machine's IOMMU, through the library's domain: what is mapped is reached, and what was forgotten is not,
 * once the unit was told.
 */
#include "sim_bench.h"

#include <mete/iommu.h>
#include <mete/map.h>

struct bench {
	struct sim_bench b;
	struct mete_domain_config config;
	struct mete_domain domain;
	unsigned char *p;
	size_t len;
};

static const unsigned char word[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static void open_page(struct bench *b, size_t page, bool deferred)
{
	memset(b, 0, sizeof(*b));
	sim_bench_open(&b->b, &(struct mete_sim_config){ .iommu_page = page, .iommu_deferred = deferred });
	assert_ok(mete_rig_sim_iommu_start(&b->b.copy, &b->config));
	assert_int_equal(b->config.page, page);
	assert_int_equal(b->config.deferred, deferred);
	assert_ok(mete_domain_init(&b->domain, mete_rig_provider(b->b.rig), &b->config));
	b->len = 4 * page;
	assert_ok(mete_domain_attach(&b->domain, &b->b.device));
	/* Memory that is nobody's in particular, so that only mappings make it visible. */
	struct mete_provider *provider = mete_rig_provider(b->b.rig);
	struct mete_run run;
	assert_ok(provider->ops->take(provider->ctx, &(struct mete_want){ .len = b->len, .align = (mete_paddr)page }, &run));
	b->p = run.cpu;
}

static void close_bench(struct bench *b)
{
	struct mete_iommu_fault fault;

	assert_error(mete_domain_fault(&b->domain, &fault), METE_ENODEV);
	assert_int_equal(b->domain.nmapped, 0);
	assert_ok(mete_domain_attach(NULL, &b->b.device));
	assert_ok(mete_domain_fini(&b->domain));
	assert_ok(mete_device_fini(&b->b.device));
	assert_int_equal(mete_rig_stop(b->b.rig), 0);
}

static void check_fault(struct bench *b, enum mete_sim_result want, uint64_t bus, enum mete_access access)
{
	struct mete_iommu_fault fault;
	struct mete_sim_access refused;

	assert_ok(mete_domain_fault(&b->domain, &fault));
	assert_int_equal(fault.reason, want);
	assert_int_equal(fault.iova, bus & ~(uint64_t)(b->config.page - 1));
	assert_int_equal(fault.access, access);
	assert_int_equal(fault.source, b->b.copy.slot << 3);
	assert_ok(mete_sim_refused(b->b.rig, &refused));
	assert_int_equal(refused.result, want);
}

static void test_what_is_mapped_is_reached_with_any_page(void **state)
{
	(void)state;
	static const size_t pages[] = { 4096, 16384, 65536 };
	struct bench b;
	mete_baddr bus;

	for (size_t i = 0; i < 3; i++) {
		const size_t page = pages[i], len = 2 * page;
		open_page(&b, page, false);
		assert_ok(mete_map_single(&b.b.device, NULL, b.p + page / 2, len, METE_DEVICE_READS_WRITES, 0, &bus));
		assert_ok(sim_bench_put(&b.b, bus, word, 8));
		assert_memory_equal(b.p + page / 2, word, 8);
		/* Across a page. */
		assert_ok(sim_bench_put(&b.b, bus + page / 2 - 4, word, 8));
		assert_memory_equal(b.p + page - 4, word, 8);
		assert_ok(mete_unmap_single(&b.b.device, bus, len, METE_DEVICE_READS_WRITES, 0));

		assert_error(sim_bench_put(&b.b, bus, word, 8), METE_EFAULT);
		check_fault(&b, METE_SIM_UNMAPPED, bus, METE_DEVICE_WRITES);
		assert_error(sim_bench_put(&b.b, 0, word, 8), METE_EFAULT);
		check_fault(&b, METE_SIM_UNMAPPED, 0, METE_DEVICE_WRITES);
		close_bench(&b);
	}
}

/* Neighbours on the bus need not be neighbours in memory. */
static void test_an_access_is_translated_page_by_page(void **state)
{
	(void)state;
	unsigned char seen[8], *p;
	struct bench b;
	size_t len;

	open_page(&b, 4096, false);
	assert_ok(b.config.ops->map(b.config.ctx, 0x200000, 0x301000, 4096, METE_DEVICE_READS_WRITES));
	assert_ok(b.config.ops->map(b.config.ctx, 0x201000, 0x300000, 4096, METE_DEVICE_READS_WRITES));
	assert_ok(sim_bench_put(&b.b, 0x200ffc, word, 8));
	struct mete_provider *provider = mete_rig_provider(b.b.rig);
	assert_ok(provider->ops->view(provider->ctx, 0x301ffc, 4, (void **)&p, &len));
	assert_memory_equal(p, word, 4);
	assert_ok(provider->ops->view(provider->ctx, 0x300000, 4, (void **)&p, &len));
	assert_memory_equal(p, word + 4, 4);

	/* What comes before a fault is moved, and the rest is ones. */
	b.config.ops->unmap(b.config.ctx, 0x201000, 4096);
	b.config.ops->flush(b.config.ctx, 0, 0);
	assert_error(sim_bench_get(&b.b, 0x200ffc, seen, 8), METE_EFAULT);
	assert_memory_equal(seen, "\1\2\3\4\xff\xff\xff\xff", 8);
	check_fault(&b, METE_SIM_UNMAPPED, 0x201000, METE_DEVICE_READS);
	b.config.ops->unmap(b.config.ctx, 0x200000, 4096);
	close_bench(&b);
}

static void test_an_access_may_be_mapped_one_way_only(void **state)
{
	(void)state;
	static const enum mete_access ways[] = { METE_DEVICE_READS, METE_DEVICE_WRITES, METE_DEVICE_READS_WRITES };
	unsigned char seen[8];
	struct bench b;
	mete_baddr bus;

	open_page(&b, 4096, false);
	for (size_t i = 0; i < 3; i++) {
		assert_ok(mete_map_single(&b.b.device, NULL, b.p, 4096, ways[i], 0, &bus));
		bool reads = ways[i] & METE_DEVICE_READS, writes = ways[i] & METE_DEVICE_WRITES;
		assert_error(sim_bench_get(&b.b, bus, seen, 8), reads ? 0 : METE_EFAULT);
		if (!reads)
			check_fault(&b, METE_SIM_PERMISSION, bus, METE_DEVICE_READS);
		assert_error(sim_bench_put(&b.b, bus, word, 8), writes ? 0 : METE_EFAULT);
		if (!writes)
			check_fault(&b, METE_SIM_PERMISSION, bus, METE_DEVICE_WRITES);
		assert_ok(mete_unmap_single(&b.b.device, bus, 4096, ways[i], 0));
	}
	close_bench(&b);
}

/* Strict: an unmap is an end.  Deferred: the unit remembers, and the access is told to be stale. */
static void test_a_page_that_was_not_flushed_is_still_reached(void **state)
{
	(void)state;
	struct mete_sim_counters counters;
	struct bench b;
	mete_baddr bus;

	for (int deferred = 0; deferred < 2; deferred++) {
		open_page(&b, 4096, deferred);
		assert_ok(mete_map_single(&b.b.device, NULL, b.p, 4096, METE_DEVICE_READS_WRITES, 0, &bus));
		assert_ok(sim_bench_put(&b.b, bus, word, 8)); /* now it is remembered */
		mete_sim_counters(b.b.rig, &counters);
		assert_int_equal(counters.stale, 0);
		assert_ok(mete_unmap_single(&b.b.device, bus, 4096, METE_DEVICE_READS_WRITES, 0));

		assert_error(sim_bench_put(&b.b, bus + 8, word, 8), deferred ? 0 : METE_EFAULT);
		assert_int_equal(memcmp(b.p + 8, word, 8) == 0, deferred);
		mete_sim_counters(b.b.rig, &counters);
		assert_int_equal(counters.stale, deferred);
		if (deferred) {
			mete_domain_flush(&b.domain);
			assert_error(sim_bench_put(&b.b, bus + 16, word, 8), METE_EFAULT);
		}
		check_fault(&b, METE_SIM_UNMAPPED, bus, METE_DEVICE_WRITES);
		close_bench(&b);
	}
}

static void test_a_flush_concerns_its_range_alone(void **state)
{
	(void)state;
	struct bench b;
	void *ctx;

	open_page(&b, 4096, false);
	const struct mete_iommu_ops *ops = b.config.ops;
	ctx = b.config.ctx;
	assert_ok(ops->map(ctx, 0x200000, 0x300000, 8192, METE_DEVICE_WRITES));
	assert_ok(sim_bench_put(&b.b, 0x200000, word, 8));
	assert_ok(sim_bench_put(&b.b, 0x201000, word, 8));
	ops->unmap(ctx, 0x200000, 8192);
	ops->flush(ctx, 0x201000, 4096);
	assert_ok(sim_bench_put(&b.b, 0x200000, word, 8));
	assert_error(sim_bench_put(&b.b, 0x201000, word, 8), METE_EFAULT);
	check_fault(&b, METE_SIM_UNMAPPED, 0x201000, METE_DEVICE_WRITES);
	ops->flush(ctx, 0, 0);
	assert_error(sim_bench_put(&b.b, 0x200000, word, 8), METE_EFAULT);
	check_fault(&b, METE_SIM_UNMAPPED, 0x200000, METE_DEVICE_WRITES);
	close_bench(&b);
}

/* With more pages than places some are forgotten: which, is the seed's. */
static void test_the_unit_remembers_32_pages_at_most(void **state)
{
	(void)state;
	unsigned reached = 0;
	struct bench b;
	unsigned char byte = 1;

	open_page(&b, 4096, false);
	assert_ok(b.config.ops->map(b.config.ctx, 0x200000, 0x100000, 64 * 4096, METE_DEVICE_WRITES));
	for (unsigned i = 0; i < 64; i++)
		assert_ok(sim_bench_put(&b.b, 0x200000 + i * 4096u, &byte, 1));
	b.config.ops->unmap(b.config.ctx, 0x200000, 64 * 4096);
	for (unsigned i = 0; i < 64; i++) {
		if (!sim_bench_put(&b.b, 0x200000 + i * 4096u, &byte, 1))
			reached++;
		else
			check_fault(&b, METE_SIM_UNMAPPED, 0x200000 + i * 4096u, METE_DEVICE_WRITES);
	}
	assert_true(reached >= 8 && reached <= 32);
	close_bench(&b);
}

static void test_the_table_refuses_what_it_cannot_mean(void **state)
{
	(void)state;
	static const struct { uint64_t iova, phys; size_t len; enum mete_access access; const char *why; } bad[] = {
		{ 0x200001, 0x300000, 4096, METE_DEVICE_READS, "no page" },
		{ 0x200000, 0x300800, 4096, METE_DEVICE_READS, "no page of memory" },
		{ 0x200000, 0x300000, 0, METE_DEVICE_READS, "no length" },
		{ 0x200000, 0x300000, 100, METE_DEVICE_READS, "part of a page" },
		{ 0x200000, 0x300000, 4096, (enum mete_access)0, "no access" },
		{ 0x500000, 0x300000, 4096, METE_DEVICE_READS, "mapped already" },
		{ 0x4ff000, 0x300000, 8192, METE_DEVICE_READS, "partly mapped already" },
	};
	struct bench b;
	mete_paddr phys;

	open_page(&b, 4096, false);
	assert_ok(b.config.ops->map(b.config.ctx, 0x500000, 0x300000, 4096, METE_DEVICE_READS));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_row(b.config.ops->map(b.config.ctx, (mete_baddr)bad[i].iova, (mete_paddr)bad[i].phys, bad[i].len,
		    bad[i].access) == METE_EIO, i, bad[i].why);
	b.config.ops->unmap(b.config.ctx, 0x200800, 100); /* and nothing happens */
	assert_ok(b.config.ops->lookup(b.config.ctx, 0x500123, &phys));
	assert_int_equal(phys, 0x300000);
	assert_error(b.config.ops->lookup(b.config.ctx, 0x4ff000, &phys), METE_EFAULT);
	close_bench(&b);
}

static void test_faults_are_kept_and_counted_when_there_are_too_many(void **state)
{
	(void)state;
	struct mete_sim_counters counters;
	struct mete_iommu_fault fault;
	struct bench b;

	open_page(&b, 4096, false);
	for (unsigned i = 0; i < 70; i++)
		assert_error(sim_bench_put(&b.b, 0x200000 + i * 4096u, word, 8), METE_EFAULT);
	for (unsigned i = 0; i < 64; i++) {
		assert_ok(mete_domain_fault(&b.domain, &fault));
		assert_int_equal(fault.iova, 0x200000 + i * 4096u);
	}
	mete_sim_counters(b.b.rig, &counters);
	assert_int_equal(counters.faults_lost, 6);
	close_bench(&b);
}

static void test_starting_can_fail(void **state)
{
	(void)state;
	static const struct mete_sim_device two[] = { { .model = METE_SIM_COPY }, { .model = METE_SIM_EDU } };
	struct mete_domain_config config;
	struct mete_rig_function edu;
	struct mete_sim_access access;
	unsigned char byte;
	struct sim_bench s;

	sim_bench_open(&s, NULL);
	assert_error(mete_rig_sim_iommu_start(&s.copy, &config), METE_ENODEV);
	assert_error(mete_rig_vtd_start(&s.copy, &config), METE_ENOTSUP);
	sim_bench_close(&s);

	sim_bench_open(&s, &(struct mete_sim_config){ .iommu_page = 4096, .devices = two, .ndevices = 2 });
	assert_ok(mete_rig_find(s.rig, 0x1234, 0x11e8, 0, &edu));
	assert_error(mete_rig_sim_iommu_start(NULL, &config), METE_EINVAL);
	assert_error(mete_rig_sim_iommu_start(&s.copy, NULL), METE_EINVAL);
	assert_ok(mete_sim_dma(&edu, false, 2u << 20, &byte, 1));
	assert_ok(mete_rig_sim_iommu_start(&s.copy, &config));
	assert_error(mete_rig_sim_iommu_start(&s.copy, &config), METE_EBUSY);
	/* And the other one reaches nothing. */
	assert_error(mete_sim_dma(&edu, false, 2u << 20, &byte, 1), METE_EFAULT);
	assert_ok(mete_sim_refused(s.rig, &access));
	assert_int_equal(access.result, METE_SIM_UNMAPPED);
	sim_bench_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_mapped_is_reached_with_any_page),
		cmocka_unit_test(test_an_access_is_translated_page_by_page),
		cmocka_unit_test(test_an_access_may_be_mapped_one_way_only),
		cmocka_unit_test(test_a_page_that_was_not_flushed_is_still_reached),
		cmocka_unit_test(test_a_flush_concerns_its_range_alone),
		cmocka_unit_test(test_the_unit_remembers_32_pages_at_most),
		cmocka_unit_test(test_the_table_refuses_what_it_cannot_mean),
		cmocka_unit_test(test_faults_are_kept_and_counted_when_there_are_too_many),
		cmocka_unit_test(test_starting_can_fail),
	};
	return cmocka_run_group_tests_name("rig: sim IOMMU", tests, NULL, NULL);
}
