/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * The IOMMUs of the qemu rig, below the library: a real device model's accesses go through the page table, and what is
 * not there, or not allowed, leaves a fault record and memory as it was.  The simulated machine's takes part where it can
 * be no different; the rest of it is in test_sim_iommu.c.
 *
 * QEMU remembers translations, so a flush that is missing can be seen.  What only one of them has is in a file of its
 * own (test_smmu.c), and what the library's domains make of them as well (test_iommu_domain.c).
 */
#include "iommu_bench.h"

#include <signal.h>
#include <unistd.h>

static void test_scattered_pages_are_one_range_for_the_device(void **state)
{
	struct bench b;
	uint64_t from, to;

	bench_open(&b, state);
	unsigned char *p = rig_alloc(&b.device, 2 * PAGE, &from), *q = rig_alloc(&b.device, 2 * PAGE, &to);
	fill(p, 2 * PAGE, 1);
	memset(q, 0xa5, 2 * PAGE);

	/* [ p0 ][ p1 ] -> [ p1 ][ p0 ], and the seam between two leaf tables is in between */
	const mete_baddr iova = 0x0a00000 - PAGE, there = 0x0c00000 - PAGE;
	assert_ok(map(&b, iova, from + PAGE, PAGE, METE_DEVICE_READS));
	assert_ok(map(&b, iova + PAGE, from, PAGE, METE_DEVICE_READS));
	assert_ok(map(&b, there, to, 2 * PAGE, METE_DEVICE_WRITES));
	edu_read(&b.edu, iova + PAGE - 1000, 3000);
	edu_write(&b.edu, there + PAGE - 2000, 3000);

	assert_memory_equal(q + PAGE - 2000, p + 2 * PAGE - 1000, 1000);
	assert_memory_equal(q + PAGE - 1000, p, 2000);
	check_all(q, PAGE - 2000, 0xa5);
	check_all(q + PAGE + 1000, PAGE - 1000, 0xa5);
	bench_close(&b, 2);
}

static void test_one_page_serves_both_directions(void **state)
{
	struct bench b;
	uint64_t phys;

	bench_open(&b, state);
	unsigned char *p = rig_alloc(&b.device, PAGE, &phys);
	fill(p, 1000, 3);
	assert_ok(map(&b, IOVA, phys, PAGE, METE_DEVICE_READS_WRITES));

	edu_read(&b.edu, IOVA, 1000);
	edu_write(&b.edu, IOVA + 2000, 1000);

	assert_memory_equal(p + 2000, p, 1000);
	bench_close(&b, 1);
}

static void test_a_read_only_page_refuses_writes(void **state)
{
	struct bench b;
	uint64_t phys;

	bench_open(&b, state);
	unsigned char *p = rig_alloc(&b.device, PAGE, &phys);
	memset(p, 0xa5, PAGE);
	assert_ok(map(&b, IOVA, phys, PAGE, METE_DEVICE_READS));

	edu_write(&b.edu, IOVA + 256, 512);

	check_fault(&b, &b.edu, IOVA + 256, METE_DEVICE_WRITES, b.kind->reason.read_only);
	check_all(p, PAGE, 0xa5);
	bench_close(&b, 1);
}

static void test_a_write_only_page_refuses_reads(void **state)
{
	struct bench b;
	uint64_t secret, open;

	bench_open(&b, state);
	unsigned char *p = rig_alloc(&b.device, PAGE, &secret), *q = rig_alloc(&b.device, PAGE, &open);
	memset(p, 0x5c, PAGE);
	assert_ok(map(&b, IOVA, secret, PAGE, METE_DEVICE_WRITES));
	assert_ok(map(&b, IOVA + PAGE, open, PAGE, METE_DEVICE_WRITES));

	edu_read(&b.edu, IOVA, 512);
	check_read_fault(&b, IOVA);

	/* Whatever the device has now, it is not what the page holds. */
	edu_write(&b.edu, IOVA + PAGE, 512);
	for (size_t i = 0; i < 512; i++)
		assert_int_not_equal(q[i], 0x5c);
	bench_close(&b, 2);
}

static void test_unmapped_addresses_fault(void **state)
{
	struct {
		mete_baddr iova;
		const char *why;
	} row[] = {
		{ IOVA + PAGE, "next to a page that is mapped" },
		{ 0x8000000, "no leaf table" },
		{ 0xc0000000, "no middle table" },
		{ 0, "where RAM is without translation" },
		{ 0, "another function's interrupt words" },
	};
	struct bench b;
	uint64_t phys;

	bench_open(&b, state);
	row[3].iova = b.kind->ram + 0x100000;
	row[4].iova = b.kind->ram + 0x12000;
	rig_alloc(&b.device, PAGE, &phys);
	assert_ok(map(&b, IOVA, phys, PAGE, METE_DEVICE_READS_WRITES));

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		print_message("%s\n", row[i].why);
		edu_read(&b.edu, row[i].iova, 16);
		check_read_fault(&b, row[i].iova);
		edu_write(&b.edu, row[i].iova, 16);
		check_write_fault(&b, row[i].iova);
	}
	bench_close(&b, 1);
}

static void test_what_was_unmapped_is_reached_until_the_flush(void **state)
{
	struct bench b;
	uint64_t phys;

	bench_open(&b, state);
	unsigned char *p = rig_alloc(&b.device, PAGE, &phys);
	assert_ok(map(&b, IOVA, phys, PAGE, METE_DEVICE_WRITES));
	edu_write(&b.edu, IOVA, 16);

	unmap(&b, IOVA, PAGE);
	memset(p, 0xa5, PAGE);
	edu_write(&b.edu, IOVA, 16);
	check_all(p, 16, 0); /* the device's buffer is zeros */

	flush(&b, IOVA, PAGE);
	memset(p, 0xa5, PAGE);
	edu_write(&b.edu, IOVA, 16);
	check_write_fault(&b, IOVA);
	check_all(p, PAGE, 0xa5);
	bench_close(&b, 1);
}

/* So whoever flushes too little is found out. */
static void test_a_flush_concerns_its_own_pages(void **state)
{
	struct bench b;
	uint64_t phys;

	bench_open(&b, state);
	unsigned char *p = rig_alloc(&b.device, 2 * PAGE, &phys);
	assert_ok(map(&b, IOVA, phys, 2 * PAGE, METE_DEVICE_WRITES));
	edu_write(&b.edu, IOVA + PAGE - 8, 16);
	unmap(&b, IOVA, 2 * PAGE);
	memset(p, 0xa5, 2 * PAGE);

	flush(&b, IOVA, PAGE);
	edu_write(&b.edu, IOVA + PAGE, 16);
	check_all(p + PAGE, 16, 0);
	edu_write(&b.edu, IOVA, 16);
	check_write_fault(&b, IOVA);

	/* 0: everything */
	flush(&b, 0, 0);
	edu_write(&b.edu, IOVA + PAGE, 16);
	check_write_fault(&b, IOVA + PAGE);
	check_all(p, PAGE, 0xa5);
	bench_close(&b, 1);
}

/* A range of three pages that no single piece of the unit's sizes holds exactly. */
static void test_a_flush_covers_all_of_an_odd_range(void **state)
{
	struct bench b;
	uint64_t phys;
	const mete_baddr iova = 0x0a00000 - PAGE;

	bench_open(&b, state);
	unsigned char *p = rig_alloc(&b.device, 3 * PAGE, &phys);
	assert_ok(map(&b, iova, phys, 3 * PAGE, METE_DEVICE_WRITES));
	for (unsigned i = 0; i < 3; i++)
		edu_write(&b.edu, iova + i * PAGE, 16);
	memset(p, 0xa5, 3 * PAGE);

	unmap(&b, iova, 3 * PAGE);
	flush(&b, iova, 3 * PAGE);

	for (unsigned i = 0; i < 3; i++) {
		edu_write(&b.edu, iova + i * PAGE, 16);
		check_write_fault(&b, iova + i * PAGE);
	}
	check_all(p, 3 * PAGE, 0xa5);
	bench_close(&b, 1);
}

static void test_interrupts_still_arrive(void **state)
{
	struct bench b;

	bench_open(&b, state);
	assert_ok(mete_rig_irq_enable(&b.edu, 0));
	assert_string_equal(mete_rig_irq_kind(&b.edu), "MSI");

	edu_dma(&b.edu, EDU_BUFFER, IOVA, 16, EDU_DMA_TO_MEMORY | EDU_DMA_IRQ);

	check_write_fault(&b, IOVA);
	assert_ok(mete_rig_irq_wait(&b.edu, 0, 1000));
	bench_close(&b, 0);
}

static void test_lookup_says_what_the_table_says(void **state)
{
	struct bench b;
	mete_paddr phys = 1;

	bench_open(&b, state);
	const struct mete_iommu_ops *ops = b.config.ops;
	assert_ok(map(&b, 0x0a00000 - PAGE, 0x300000, 3 * PAGE, METE_DEVICE_READS));
	assert_ok(ops->lookup(b.config.ctx, 0x0a00000 - PAGE, &phys));
	assert_int_equal(phys, 0x300000);
	assert_ok(ops->lookup(b.config.ctx, 0x0a00000 + PAGE, &phys));
	assert_int_equal(phys, 0x302000);

	unmap(&b, 0x0a00000, 2 * PAGE);
	assert_error(ops->lookup(b.config.ctx, 0x0a00000, &phys), METE_EFAULT);
	assert_error(ops->lookup(b.config.ctx, 0x0a00000 + PAGE, &phys), METE_EFAULT);
	assert_error(ops->lookup(b.config.ctx, 0x0a00000 - 2 * PAGE, &phys), METE_EFAULT);
	assert_error(ops->lookup(b.config.ctx, 0x8000000, &phys), METE_EFAULT);
#if METE_ADDR_BITS == 64
	assert_error(ops->lookup(b.config.ctx, (mete_baddr)1 << 39, &phys), METE_EFAULT);
#endif
	assert_int_equal(phys, 0x302000);
	assert_ok(ops->lookup(b.config.ctx, 0x0a00000 - PAGE, &phys));
	bench_close(&b, 0);
}

static void test_lack_of_memory_for_tables_enters_nothing(void **state)
{
	struct bench b;
	struct mete_run run, last = { 0 };
	mete_paddr phys;
	const mete_baddr iova = 0x4000000;
	const size_t len = 6u << 20; /* three leaf tables */

	bench_open(&b, state);
	struct mete_provider *p = mete_rig_provider(b.rig);
	for (size_t want = 32u << 20; want >= PAGE; want /= 2) {
		while (!p->ops->take(p->ctx, &(struct mete_want){ .len = want }, &run))
			last = run;
	}
	assert_error(map(&b, iova, 0, len, METE_DEVICE_READS), METE_ENOMEM);
	p->ops->give(p->ctx, &last); /* one page: enough for one of the three */
	assert_error(map(&b, iova, 0, len, METE_DEVICE_READS), METE_ENOMEM);

	for (size_t at = 0; at < len; at += PAGE)
		assert_error(b.config.ops->lookup(b.config.ctx, iova + (mete_baddr)at, &phys), METE_EFAULT);
	/* The table that was made serves later. */
	assert_ok(map(&b, iova, 0, 2u << 20, METE_DEVICE_READS));
	bench_close(&b, 0);
}

static void test_impossible_ranges_are_refused(void **state)
{
	static const struct {
		mete_baddr iova;
		mete_paddr phys;
		size_t len;
		int access;
		const char *why;
	} row[] = {
		{ IOVA + 1, 0, PAGE, 1, "iova inside a page" },
		{ IOVA, 1, PAGE, 1, "phys inside a page" },
		{ IOVA, 0, 1, 1, "part of a page" },
		{ IOVA, 0, 0, 1, "nothing" },
		{ IOVA, 0, PAGE, 0, "no access" },
		{ IOVA, 0, PAGE, 4, "no such access" },
#if METE_ADDR_BITS == 64
		{ (mete_baddr)1 << 39, 0, PAGE, 1, "beyond 39 bits" },
		{ ((mete_baddr)1 << 39) - PAGE, 0, 2 * PAGE, 1, "across 39 bits" },
		{ IOVA, (mete_paddr)1 << 39, PAGE, 1, "memory beyond 39 bits" },
#endif
	};
	struct bench b;

	bench_open(&b, state);
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		enum mete_access access = (enum mete_access)row[i].access;
		assert_row(map(&b, row[i].iova, row[i].phys, row[i].len, access) == METE_EIO, i, row[i].why);
	}
	bench_close(&b, 0);
}

/* A device that was let at the tables by mistake has written all over RAM. */
static void test_nothing_is_read_back_from_the_tables(void **state)
{
	struct bench b;
	uint64_t bus;
	mete_paddr phys;

	bench_open(&b, state);
	assert_ok(map(&b, IOVA, 0x300000, PAGE, METE_DEVICE_READS));
	unsigned char *p = rig_alloc(&b.device, PAGE, &bus), *ram = p - (bus - b.kind->ram);
	memset(ram + (1u << 20), 0xff, 63u << 20); /* of the 64 MiB that are the default */

	assert_ok(b.config.ops->lookup(b.config.ctx, IOVA, &phys));
	assert_int_equal(phys, 0x300000);
	assert_error(b.config.ops->lookup(b.config.ctx, IOVA + PAGE, &phys), METE_EFAULT);
	assert_error(b.config.ops->lookup(b.config.ctx, 0x8000000, &phys), METE_EFAULT);
	unmap(&b, IOVA, PAGE);
	assert_ok(map(&b, IOVA, 0x400000, 2 * PAGE, METE_DEVICE_READS));
	assert_ok(b.config.ops->lookup(b.config.ctx, IOVA + PAGE, &phys));
	assert_int_equal(phys, 0x401000);
	bench_close(&b, 1);
}

/* Whoever maps a page twice has lost count; nothing of it is entered. */
static void test_what_is_mapped_is_not_mapped_again(void **state)
{
	struct bench b;
	mete_paddr phys;

	bench_open(&b, state);
	assert_ok(map(&b, IOVA + 2 * PAGE, 0x300000, PAGE, METE_DEVICE_READS));
	assert_error(map(&b, IOVA, 0x400000, 4 * PAGE, METE_DEVICE_READS_WRITES), METE_EIO);

	for (unsigned i = 0; i < 4; i++) {
		if (i != 2)
			assert_error(b.config.ops->lookup(b.config.ctx, IOVA + i * PAGE, &phys), METE_EFAULT);
	}
	assert_ok(b.config.ops->lookup(b.config.ctx, IOVA + 2 * PAGE, &phys));
	assert_int_equal(phys, 0x300000);

	unmap(&b, IOVA + 2 * PAGE, PAGE);
	assert_ok(map(&b, IOVA, 0x400000, 4 * PAGE, METE_DEVICE_READS_WRITES));
	bench_close(&b, 0);
}

static void test_each_function_has_a_table_of_its_own(void **state)
{
	struct bench b;
	struct mete_domain_config other;
	uint64_t phys;

	bench_open(&b, state);
	unsigned char *p = rig_alloc(&b.device, 2 * PAGE, &phys);
	memset(p, 0xa5, 2 * PAGE);
	assert_ok(map(&b, IOVA, phys, PAGE, METE_DEVICE_WRITES));

	/* Not started: it reaches nothing. */
	edu_write(&b.other, phys, 16);
	/* A unit that tells no address tells no access either. */
	check_fault(&b, &b.other, b.kind->cycles ? 0 : (mete_baddr)phys,
	    b.kind->cycles ? METE_DEVICE_READS_WRITES : METE_DEVICE_WRITES, b.kind->reason.stranger);
	check_all(p, 2 * PAGE, 0xa5);

	assert_ok(b.kind->start(&b.other, &other));
	edu_write(&b.other, IOVA, 16);
	check_fault(&b, &b.other, IOVA, METE_DEVICE_WRITES, b.kind->reason.write);
	assert_ok(other.ops->map(other.ctx, IOVA, (mete_paddr)phys + PAGE, PAGE, METE_DEVICE_WRITES));
	edu_write(&b.other, IOVA, 16);
	check_all(p, PAGE, 0xa5);
	check_all(p + PAGE, 16, 0);

	/* The other's flush is not ours. */
	edu_write(&b.edu, IOVA, 32);
	unmap(&b, IOVA, PAGE);
	other.ops->flush(other.ctx, 0, 0);
	memset(p, 0xa5, PAGE);
	edu_write(&b.edu, IOVA, 32);
	check_all(p, 32, 0);
	bench_close(&b, 1);
}

static void test_start_tells_what_it_gives(void **state)
{
	struct bench b;
	struct mete_domain_config again = { .page = 1 };

	bench_open(&b, state);
	assert_int_equal(b.config.page, PAGE);
	assert_int_equal(b.config.first, 1u << 20);
	assert_int_equal(b.config.last, (256u << 20) - 1);
	assert_false(b.config.deferred);

	assert_error(b.kind->start(&b.edu, &again), METE_EBUSY);
	assert_error(b.kind->start(NULL, &again), METE_EINVAL);
	assert_error(b.kind->start(&b.other, NULL), METE_EINVAL);
	assert_int_equal(again.page, 1);
	bench_close(&b, 0);
}

static void test_a_machine_without_it_says_so(void **state)
{
	static const char *const options[] = { "-device", "edu", NULL };
	const struct iommu_kind *kind = *state, *other = kind == &iommu_vtd ? &iommu_smmu : &iommu_vtd;
	struct mete_domain_config config = { .page = 1 };
	struct mete_rig_function f;
	struct mete_rig *rig;

	rig = start_rig(kind, options);
	assert_ok(mete_rig_find(rig, EDU_VENDOR, EDU_DEVICE, 0, &f));
	assert_error(kind->start(&f, &config), METE_ENODEV);
	assert_error(kind->start(&f, &config), METE_ENODEV);
	assert_error(other->start(&f, &config), METE_ENOTSUP);
	mete_rig_stop(rig);

	char path[32];
	int fd;
	free(rig_file_make(512, 1, &fd, path));
	assert_ok(mete_rig_start_sim(&(struct mete_rig_sim){ .disk = path }, &rig, NULL, 0));
	close(fd);
	assert_ok(mete_rig_find(rig, 0x1b36, 0x0010, 0, &f));
	assert_error(kind->start(&f, &config), METE_ENOTSUP);
	assert_int_equal(config.page, 1);
	mete_rig_stop(rig);
}

static void test_lack_of_memory_fails_the_start_and_can_be_made_up_for(void **state)
{
	const struct iommu_kind *kind = *state;
	const char *const options[] = { kind->options[0], kind->options[1], "-device", "edu", NULL };
	struct mete_domain_config config = { .page = 1 };
	struct mete_rig_function f;
	static struct mete_run run[512];
	size_t nruns = 0, nfailed = 0;

	struct mete_rig *rig = start_rig(kind, options);
	struct mete_provider *p = mete_rig_provider(rig);
	assert_ok(mete_rig_find(rig, EDU_VENDOR, EDU_DEVICE, 0, &f));
	for (size_t want = 32u << 20; want; want = want > 2u << 20 ? want / 2 : want > PAGE ? PAGE : 0) {
		while (nruns < 512 && !p->ops->take(p->ctx, &(struct mete_want){ .len = want }, &run[nruns]))
			nruns++;
	}

	int error;
	while ((error = kind->start(&f, &config)) == METE_ENOMEM) {
		assert_int_equal(config.page, 1);
		assert_true(nruns > 0);
		p->ops->give(p->ctx, &run[--nruns]);
		nfailed++;
	}

	assert_ok(error);
	assert_int_equal(nfailed, kind->npages);
	mete_rig_stop(rig);
}

static void test_a_dead_machine_is_an_error(void **state)
{
	struct bench b;
	struct mete_domain_config other;
	struct mete_iommu_fault fault;

	bench_open(&b, state);
	assert_int_equal(kill((pid_t)mete_rig_process(b.rig), SIGKILL), 0);

	assert_error(b.kind->start(&b.other, &other), METE_EIO);
	assert_error(b.config.ops->fault(b.config.ctx, &fault), METE_EIO);
	/* A flush has no result; what is asked next tells. */
	flush(&b, IOVA, PAGE);
	assert_error(map(&b, IOVA, 0x300000, PAGE, METE_DEVICE_READS), METE_EIO);
	mete_rig_stop(b.rig);
}

static void test_it_leaves_nothing_behind(void **state)
{
	struct rig_traces before = rig_traces_now();
	struct bench b;

	bench_open(&b, state);
	assert_ok(map(&b, IOVA, 0x200000, 64u << 20, METE_DEVICE_READS));
	bench_close(&b, 0);
	rig_traces_check(&before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_EACH_IOMMU_AND_SIM(test_scattered_pages_are_one_range_for_the_device),
		ON_EACH_IOMMU_AND_SIM(test_one_page_serves_both_directions),
		ON_EACH_IOMMU_AND_SIM(test_a_read_only_page_refuses_writes),
		ON_IOMMU(test_a_write_only_page_refuses_reads, vtd),
		ON_EACH_IOMMU(test_unmapped_addresses_fault),
		ON_EACH_IOMMU_AND_SIM(test_what_was_unmapped_is_reached_until_the_flush),
		ON_EACH_IOMMU_AND_SIM(test_a_flush_concerns_its_own_pages),
		ON_EACH_IOMMU_AND_SIM(test_a_flush_covers_all_of_an_odd_range),
		ON_EACH_IOMMU_AND_SIM(test_interrupts_still_arrive),
		ON_EACH_IOMMU_AND_SIM(test_lookup_says_what_the_table_says),
		ON_EACH_IOMMU(test_lack_of_memory_for_tables_enters_nothing),
		ON_EACH_IOMMU(test_impossible_ranges_are_refused),
		ON_EACH_IOMMU(test_nothing_is_read_back_from_the_tables),
		ON_EACH_IOMMU_AND_SIM(test_what_is_mapped_is_not_mapped_again),
		ON_EACH_IOMMU_AND_SIM(test_each_function_has_a_table_of_its_own),
		ON_EACH_IOMMU_AND_SIM(test_start_tells_what_it_gives),
		ON_EACH_IOMMU(test_a_machine_without_it_says_so),
		ON_EACH_IOMMU(test_lack_of_memory_fails_the_start_and_can_be_made_up_for),
		ON_EACH_IOMMU(test_a_dead_machine_is_an_error),
		ON_EACH_IOMMU(test_it_leaves_nothing_behind),
	};
	rig_folder_enter();
	return rig_folder_leave(cmocka_run_group_tests_name("rig: iommu", tests, NULL, NULL));
}
