/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * VT-d behind the qemu rig: a real device model's accesses go through the page table, and what is not there, or not
 * allowed, leaves a fault record and memory as it was.
 *
 * The device is edu, told to reach 32 bits.  QEMU remembers translations, so a flush that is missing can be seen.
 */
#include "rig_support.h"

#include <signal.h>
#include <unistd.h>

#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11e8
#define EDU_DMA_FROM 0x80
#define EDU_DMA_TO 0x88
#define EDU_DMA_LEN 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_DMA_START 0x1u
#define EDU_DMA_TO_MEMORY 0x2u
#define EDU_DMA_IRQ 0x4u
#define EDU_BUFFER 0x40000u /* the device's own address of its 4 KiB buffer */
#define EDU_LEN_MAX 4095u   /* QEMU 7.2 aborts if the buffer's last byte is touched */

#define PAGE 4096u
#define IOVA 0x0923000u     /* anywhere: page tables do not care */

#define REASON_CONTEXT 2    /* VT-d's numbers: this function has no table */
#define REASON_WRITE 5
#define REASON_READ 6

struct bench {
	struct mete_rig *rig;
	struct mete_rig_function edu, other;
	struct mete_device device;
	struct mete_domain_config config;
};

static struct mete_rig *start(const char *const *options)
{
	const struct mete_rig_qemu config = { .options = options };
	struct mete_rig *rig;
	char text[1024];

	int error = mete_rig_start_qemu(&config, &rig, text, sizeof(text));
	if (error == METE_ENODEV)
		skip_because(text);
	if (error)
		fail_msg("%s", text);
	return rig;
}

static void bench_open(struct bench *b)
{
	static const char *const options[] = { "-device", "intel-iommu", "-device", "edu,dma_mask=0xffffffff",
		"-device", "edu,dma_mask=0xffffffff", NULL };

	b->rig = start(options);
	assert_ok(mete_rig_find(b->rig, EDU_VENDOR, EDU_DEVICE, 0, &b->edu));
	assert_ok(mete_rig_find(b->rig, EDU_VENDOR, EDU_DEVICE, 1, &b->other));
	rig_device_init(&b->device, b->rig);
	assert_ok(mete_rig_vtd_start(&b->edu, &b->config));
}

/* No fault record is left, and no memory is held but `nheld` runs. */
static void bench_close(struct bench *b, size_t nheld)
{
	struct mete_iommu_fault fault;

	assert_error(b->config.ops->fault(b->config.ctx, &fault), METE_ENODEV);
	assert_int_equal(mete_rig_stop(b->rig), nheld);
}

static int map(struct bench *b, mete_baddr iova, uint64_t phys, size_t len, enum mete_access access)
{
	return b->config.ops->map(b->config.ctx, iova, (mete_paddr)phys, len, access);
}

static void unmap(struct bench *b, mete_baddr iova, size_t len)
{
	b->config.ops->unmap(b->config.ctx, iova, len);
}

static void flush(struct bench *b, mete_baddr iova, size_t len)
{
	b->config.ops->flush(b->config.ctx, iova, len);
}

static void edu_dma(const struct mete_rig_function *f, uint64_t from, uint64_t to, size_t len, uint64_t command)
{
	assert_true(len <= EDU_LEN_MAX);
	rig_put(f, EDU_DMA_FROM, 8, from);
	rig_put(f, EDU_DMA_TO, 8, to);
	rig_put(f, EDU_DMA_LEN, 8, len);
	rig_put(f, EDU_DMA_COMMAND, 8, command | EDU_DMA_START);
	for (int64_t end = rig_now_ms() + 10000; rig_get(f, EDU_DMA_COMMAND, 8) & EDU_DMA_START;)
		assert_true(rig_now_ms() < end);
}

static void edu_read(const struct mete_rig_function *f, uint64_t iova, size_t len)
{
	edu_dma(f, iova, EDU_BUFFER, len, 0);
}

static void edu_write(const struct mete_rig_function *f, uint64_t iova, size_t len)
{
	edu_dma(f, EDU_BUFFER, iova, len, EDU_DMA_TO_MEMORY);
}

static void fill(unsigned char *p, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (unsigned char)(seed + i * 11 + (i >> 7));
}

static void check_all(const unsigned char *p, size_t len, unsigned value)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(p[i], value);
}

/* There is a record of exactly this, and none behind it. */
static void check_fault(struct bench *b, const struct mete_rig_function *f, mete_baddr iova, enum mete_access access,
    uint32_t reason)
{
	struct mete_iommu_fault fault;

	assert_ok(b->config.ops->fault(b->config.ctx, &fault));
	assert_int_equal(fault.iova, iova);
	assert_int_equal(fault.access, access);
	assert_int_equal(fault.source, f->bus << 8 | f->slot << 3 | f->number);
	assert_int_equal(fault.reason, reason);
	assert_error(b->config.ops->fault(b->config.ctx, &fault), METE_ENODEV);
}

static void test_scattered_pages_are_one_range_for_the_device(void **state)
{
	(void)state;
	struct bench b;
	uint64_t from, to;

	bench_open(&b);
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
	(void)state;
	struct bench b;
	uint64_t phys;

	bench_open(&b);
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
	(void)state;
	struct bench b;
	uint64_t phys;

	bench_open(&b);
	unsigned char *p = rig_alloc(&b.device, PAGE, &phys);
	memset(p, 0xa5, PAGE);
	assert_ok(map(&b, IOVA, phys, PAGE, METE_DEVICE_READS));

	edu_write(&b.edu, IOVA + 256, 512);

	check_fault(&b, &b.edu, IOVA, METE_DEVICE_WRITES, REASON_WRITE);
	check_all(p, PAGE, 0xa5);
	bench_close(&b, 1);
}

static void test_a_write_only_page_refuses_reads(void **state)
{
	(void)state;
	struct bench b;
	uint64_t secret, open;

	bench_open(&b);
	unsigned char *p = rig_alloc(&b.device, PAGE, &secret), *q = rig_alloc(&b.device, PAGE, &open);
	memset(p, 0x5c, PAGE);
	assert_ok(map(&b, IOVA, secret, PAGE, METE_DEVICE_WRITES));
	assert_ok(map(&b, IOVA + PAGE, open, PAGE, METE_DEVICE_WRITES));

	edu_read(&b.edu, IOVA, 512);
	check_fault(&b, &b.edu, IOVA, METE_DEVICE_READS, REASON_READ);

	/* Whatever the device has now, it is not what the page holds. */
	edu_write(&b.edu, IOVA + PAGE, 512);
	for (size_t i = 0; i < 512; i++)
		assert_int_not_equal(q[i], 0x5c);
	bench_close(&b, 2);
}

static void test_unmapped_addresses_fault(void **state)
{
	static const struct {
		mete_baddr iova;
		const char *why;
	} row[] = {
		{ IOVA + PAGE, "next to a page that is mapped" },
		{ 0x8000000, "no leaf table" },
		{ 0xc0000000, "no middle table" },
		{ 0x100000, "where RAM is without translation" },
		{ 0x12000, "another function's interrupt words" },
	};
	struct bench b;
	uint64_t phys;

	(void)state;
	bench_open(&b);
	rig_alloc(&b.device, PAGE, &phys);
	assert_ok(map(&b, IOVA, phys, PAGE, METE_DEVICE_READS_WRITES));

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		print_message("%s\n", row[i].why);
		edu_read(&b.edu, row[i].iova, 16);
		check_fault(&b, &b.edu, row[i].iova, METE_DEVICE_READS, REASON_READ);
		edu_write(&b.edu, row[i].iova, 16);
		check_fault(&b, &b.edu, row[i].iova, METE_DEVICE_WRITES, REASON_WRITE);
	}
	bench_close(&b, 1);
}

static void test_what_was_unmapped_is_reached_until_the_flush(void **state)
{
	(void)state;
	struct bench b;
	uint64_t phys;

	bench_open(&b);
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
	check_fault(&b, &b.edu, IOVA, METE_DEVICE_WRITES, REASON_WRITE);
	check_all(p, PAGE, 0xa5);
	bench_close(&b, 1);
}

/* So whoever flushes too little is found out. */
static void test_a_flush_concerns_its_own_pages(void **state)
{
	(void)state;
	struct bench b;
	uint64_t phys;

	bench_open(&b);
	unsigned char *p = rig_alloc(&b.device, 2 * PAGE, &phys);
	assert_ok(map(&b, IOVA, phys, 2 * PAGE, METE_DEVICE_WRITES));
	edu_write(&b.edu, IOVA + PAGE - 8, 16);
	unmap(&b, IOVA, 2 * PAGE);
	memset(p, 0xa5, 2 * PAGE);

	flush(&b, IOVA, PAGE);
	edu_write(&b.edu, IOVA + PAGE, 16);
	check_all(p + PAGE, 16, 0);
	edu_write(&b.edu, IOVA, 16);
	check_fault(&b, &b.edu, IOVA, METE_DEVICE_WRITES, REASON_WRITE);

	/* 0: everything */
	flush(&b, 0, 0);
	edu_write(&b.edu, IOVA + PAGE, 16);
	check_fault(&b, &b.edu, IOVA + PAGE, METE_DEVICE_WRITES, REASON_WRITE);
	check_all(p, PAGE, 0xa5);
	bench_close(&b, 1);
}

/* A range of three pages that no single piece of the unit's sizes holds exactly. */
static void test_a_flush_covers_all_of_an_odd_range(void **state)
{
	(void)state;
	struct bench b;
	uint64_t phys;
	const mete_baddr iova = 0x0a00000 - PAGE;

	bench_open(&b);
	unsigned char *p = rig_alloc(&b.device, 3 * PAGE, &phys);
	assert_ok(map(&b, iova, phys, 3 * PAGE, METE_DEVICE_WRITES));
	for (unsigned i = 0; i < 3; i++)
		edu_write(&b.edu, iova + i * PAGE, 16);
	memset(p, 0xa5, 3 * PAGE);

	unmap(&b, iova, 3 * PAGE);
	flush(&b, iova, 3 * PAGE);

	for (unsigned i = 0; i < 3; i++) {
		edu_write(&b.edu, iova + i * PAGE, 16);
		check_fault(&b, &b.edu, iova + i * PAGE, METE_DEVICE_WRITES, REASON_WRITE);
	}
	check_all(p, 3 * PAGE, 0xa5);
	bench_close(&b, 1);
}

static void test_interrupts_still_arrive(void **state)
{
	(void)state;
	struct bench b;

	bench_open(&b);
	assert_ok(mete_rig_irq_enable(&b.edu, 0));
	assert_string_equal(mete_rig_irq_kind(&b.edu), "MSI");

	edu_dma(&b.edu, EDU_BUFFER, IOVA, 16, EDU_DMA_TO_MEMORY | EDU_DMA_IRQ);

	check_fault(&b, &b.edu, IOVA, METE_DEVICE_WRITES, REASON_WRITE);
	assert_ok(mete_rig_irq_wait(&b.edu, 0, 1000));
	bench_close(&b, 0);
}

static void test_lookup_says_what_the_table_says(void **state)
{
	(void)state;
	struct bench b;
	mete_paddr phys = 1;

	bench_open(&b);
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
	(void)state;
	struct bench b;
	struct mete_run run, last = { 0 };
	mete_paddr phys;
	const mete_baddr iova = 0x4000000;
	const size_t len = 6u << 20; /* three leaf tables */

	bench_open(&b);
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
#if METE_ADDR_BITS == 64
		{ (mete_baddr)1 << 39, 0, PAGE, 1, "beyond 39 bits" },
		{ ((mete_baddr)1 << 39) - PAGE, 0, 2 * PAGE, 1, "across 39 bits" },
#endif
	};
	struct bench b;

	(void)state;
	bench_open(&b);
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		enum mete_access access = (enum mete_access)row[i].access;
		assert_row(map(&b, row[i].iova, row[i].phys, row[i].len, access) == METE_EIO, i, row[i].why);
	}
	bench_close(&b, 0);
}

/* Whoever maps a page twice has lost count; nothing of it is entered. */
static void test_what_is_mapped_is_not_mapped_again(void **state)
{
	(void)state;
	struct bench b;
	mete_paddr phys;

	bench_open(&b);
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
	(void)state;
	struct bench b;
	struct mete_domain_config other;
	uint64_t phys;

	bench_open(&b);
	unsigned char *p = rig_alloc(&b.device, 2 * PAGE, &phys);
	memset(p, 0xa5, 2 * PAGE);
	assert_ok(map(&b, IOVA, phys, PAGE, METE_DEVICE_WRITES));

	/* Not started: it reaches nothing. */
	edu_write(&b.other, phys, 16);
	check_fault(&b, &b.other, (mete_baddr)phys, METE_DEVICE_WRITES, REASON_CONTEXT);
	check_all(p, 2 * PAGE, 0xa5);

	assert_ok(mete_rig_vtd_start(&b.other, &other));
	edu_write(&b.other, IOVA, 16);
	check_fault(&b, &b.other, IOVA, METE_DEVICE_WRITES, REASON_WRITE);
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
	(void)state;
	struct bench b;
	struct mete_domain_config again = { .page = 1 };

	bench_open(&b);
	assert_int_equal(b.config.page, PAGE);
	assert_int_equal(b.config.first, 1u << 20);
	assert_int_equal(b.config.last, (256u << 20) - 1);
	assert_false(b.config.deferred);

	assert_error(mete_rig_vtd_start(&b.edu, &again), METE_EBUSY);
	assert_error(mete_rig_vtd_start(NULL, &again), METE_EINVAL);
	assert_error(mete_rig_vtd_start(&b.other, NULL), METE_EINVAL);
	assert_int_equal(again.page, 1);
	bench_close(&b, 0);
}

static void test_a_machine_without_it_says_so(void **state)
{
	static const char *const options[] = { "-device", "edu", NULL };
	struct mete_domain_config config = { .page = 1 };
	struct mete_rig_function f;
	struct mete_rig *rig;

	(void)state;
	rig = start(options);
	assert_ok(mete_rig_find(rig, EDU_VENDOR, EDU_DEVICE, 0, &f));
	assert_error(mete_rig_vtd_start(&f, &config), METE_ENODEV);
	assert_error(mete_rig_vtd_start(&f, &config), METE_ENODEV);
	mete_rig_stop(rig);

	char path[32];
	int fd;
	free(rig_file_make(512, 1, &fd, path));
	assert_ok(mete_rig_start_sim(&(struct mete_rig_sim){ .disk = path }, &rig, NULL, 0));
	close(fd);
	assert_ok(mete_rig_find(rig, 0x1b36, 0x0010, 0, &f));
	assert_error(mete_rig_vtd_start(&f, &config), METE_ENOTSUP);
	assert_int_equal(config.page, 1);
	mete_rig_stop(rig);
}

static void test_lack_of_memory_fails_the_start_and_can_be_made_up_for(void **state)
{
	static const char *const options[] = { "-device", "intel-iommu", "-device", "edu", NULL };
	struct mete_domain_config config = { .page = 1 };
	struct mete_rig_function f;
	static struct mete_run run[512];
	size_t nruns = 0, nfailed = 0;

	(void)state;
	struct mete_rig *rig = start(options);
	struct mete_provider *p = mete_rig_provider(rig);
	assert_ok(mete_rig_find(rig, EDU_VENDOR, EDU_DEVICE, 0, &f));
	for (size_t want = 32u << 20; want; want = want > 2u << 20 ? want / 2 : want > PAGE ? PAGE : 0) {
		while (nruns < 512 && !p->ops->take(p->ctx, &(struct mete_want){ .len = want }, &run[nruns]))
			nruns++;
	}

	int error;
	while ((error = mete_rig_vtd_start(&f, &config)) == METE_ENOMEM) {
		assert_int_equal(config.page, 1);
		assert_true(nruns > 0);
		p->ops->give(p->ctx, &run[--nruns]);
		nfailed++;
	}

	assert_ok(error);
	assert_int_equal(nfailed, 5); /* root, context, and one table of each level for the interrupts' words */
	mete_rig_stop(rig);
}

static void test_a_dead_machine_is_an_error(void **state)
{
	(void)state;
	struct bench b;
	struct mete_domain_config other;
	struct mete_iommu_fault fault;

	bench_open(&b);
	assert_int_equal(kill((pid_t)mete_rig_process(b.rig), SIGKILL), 0);

	assert_error(mete_rig_vtd_start(&b.other, &other), METE_EIO);
	assert_error(b.config.ops->fault(b.config.ctx, &fault), METE_EIO);
	flush(&b, IOVA, PAGE);
	mete_rig_stop(b.rig);
}

static void test_it_leaves_nothing_behind(void **state)
{
	(void)state;
	struct rig_traces before = rig_traces_now();
	struct bench b;

	bench_open(&b);
	assert_ok(map(&b, IOVA, 0x200000, 64u << 20, METE_DEVICE_READS));
	bench_close(&b, 0);
	rig_traces_check(&before);
}

/* What a domain asks of the ops, besides doing it. */
struct watch {
	const struct mete_domain_config *real;
	unsigned nflushes;
};

static int watch_map(void *ctx, mete_baddr iova, mete_paddr phys, size_t len, enum mete_access access)
{
	const struct watch *w = ctx;
	return w->real->ops->map(w->real->ctx, iova, phys, len, access);
}

static void watch_unmap(void *ctx, mete_baddr iova, size_t len)
{
	const struct watch *w = ctx;
	w->real->ops->unmap(w->real->ctx, iova, len);
}

static void watch_flush(void *ctx, mete_baddr iova, size_t len)
{
	struct watch *w = ctx;
	w->nflushes++;
	w->real->ops->flush(w->real->ctx, iova, len);
}

/* The control: a flush that does not reach the hardware. */
static void watch_lose_flush(void *ctx, mete_baddr iova, size_t len)
{
	struct watch *w = ctx;
	(void)iova;
	(void)len;
	w->nflushes++;
}

static int watch_lookup(void *ctx, mete_baddr iova, mete_paddr *ret_phys)
{
	const struct watch *w = ctx;
	return w->real->ops->lookup(w->real->ctx, iova, ret_phys);
}

static const struct mete_iommu_ops watch_ops = { watch_map, watch_unmap, watch_flush, watch_lookup, NULL };
static const struct mete_iommu_ops watch_ops_losing = { watch_map, watch_unmap, watch_lose_flush, watch_lookup, NULL };

static void domain_open(struct bench *b, struct watch *w, const struct mete_iommu_ops *ops, bool deferred,
    struct mete_domain *domain)
{
	bench_open(b);
	*w = (struct watch){ .real = &b->config };
	struct mete_domain_config config = b->config;
	config.ops = ops;
	config.ctx = w;
	config.deferred = deferred;
	/* Room for 64 ranges of a page and a half-used one, so that addresses come around. */
	config.last = config.first + 80 * PAGE - 1;
	assert_ok(mete_domain_init(domain, mete_rig_provider(b->rig), &config));
	assert_ok(mete_domain_attach(domain, &b->device));
}

static void domain_close(struct bench *b, struct mete_domain *domain)
{
	assert_int_equal(domain->nmapped, 0);
	assert_int_equal(b->device.nmapped, b->device.nunmapped);
	assert_ok(mete_domain_attach(NULL, &b->device));
	assert_ok(mete_domain_fini(domain));
	bench_close(b, 0);
}

/* A page that the device wrote through a mapping, which is unmapped since: `ret_iova` is where it was. */
static struct mete_run write_and_unmap(struct bench *b, mete_baddr *ret_iova)
{
	struct mete_provider *p = mete_rig_provider(b->rig);
	struct mete_run run;

	assert_ok(p->ops->take(p->ctx, &(struct mete_want){ .len = PAGE }, &run));
	memset(run.cpu, 0xa5, PAGE);
	assert_ok(mete_map_single(&b->device, NULL, run.cpu, PAGE, METE_DEVICE_WRITES, 0, ret_iova));
	edu_write(&b->edu, *ret_iova, 16);
	assert_ok(mete_unmap_single(&b->device, *ret_iova, PAGE, METE_DEVICE_WRITES, 0));
	check_all(run.cpu, 16, 0);
	memset(run.cpu, 0xa5, PAGE);
	return run;
}

static void give(struct bench *b, const struct mete_run *run)
{
	struct mete_provider *p = mete_rig_provider(b->rig);
	p->ops->give(p->ctx, run);
}

static void test_a_strict_domain_flushes_at_each_unmap(void **state)
{
	(void)state;
	struct bench b;
	struct watch w;
	struct mete_domain domain;
	mete_baddr iova;

	domain_open(&b, &w, &watch_ops, false, &domain);
	struct mete_run run = write_and_unmap(&b, &iova);
	assert_int_equal(w.nflushes, 1);

	edu_write(&b.edu, iova, 16);

	check_fault(&b, &b.edu, iova, METE_DEVICE_WRITES, REASON_WRITE);
	check_all(run.cpu, PAGE, 0xa5);
	give(&b, &run);
	domain_close(&b, &domain);
}

static void test_a_strict_domain_flushes_all_of_what_it_unmaps(void **state)
{
	(void)state;
	struct bench b;
	struct watch w;
	struct mete_domain domain;
	mete_baddr iova;
	uint64_t phys;
	void *cpu;

	domain_open(&b, &w, &watch_ops, false, &domain);
	assert_ok(mete_domain_attach(NULL, &b.device)); /* the memory is the CPU's */
	cpu = rig_alloc(&b.device, 5 * PAGE, &phys);
	assert_ok(mete_domain_attach(&domain, &b.device));
	assert_ok(mete_map_single(&b.device, NULL, cpu, 5 * PAGE, METE_DEVICE_WRITES, 0, &iova));
	for (unsigned i = 0; i < 5; i++)
		edu_write(&b.edu, iova + i * PAGE, 16);

	assert_ok(mete_unmap_single(&b.device, iova, 5 * PAGE, METE_DEVICE_WRITES, 0));

	memset(cpu, 0xa5, 5 * PAGE);
	for (unsigned i = 0; i < 5; i++) {
		edu_write(&b.edu, iova + i * PAGE, 16);
		check_fault(&b, &b.edu, iova + i * PAGE, METE_DEVICE_WRITES, REASON_WRITE);
	}
	check_all(cpu, 5 * PAGE, 0xa5);
	assert_ok(mete_device_free(&b.device, cpu, 5 * PAGE));
	domain_close(&b, &domain);
}

/* The control of the tests above: without that flush, the device does reach the page. */
static void test_a_flush_that_is_lost_is_found_out(void **state)
{
	(void)state;
	struct bench b;
	struct watch w;
	struct mete_domain domain;
	mete_baddr iova;

	domain_open(&b, &w, &watch_ops_losing, false, &domain);
	struct mete_run run = write_and_unmap(&b, &iova);
	assert_int_equal(w.nflushes, 1);

	edu_write(&b.edu, iova, 16);

	check_all(run.cpu, 16, 0);
	give(&b, &run);
	domain_close(&b, &domain);
}

static void test_a_deferred_domain_flushes_when_asked(void **state)
{
	(void)state;
	struct bench b;
	struct watch w;
	struct mete_domain domain;
	mete_baddr iova;

	domain_open(&b, &w, &watch_ops, true, &domain);
	struct mete_run run = write_and_unmap(&b, &iova);
	assert_int_equal(w.nflushes, 0);
	edu_write(&b.edu, iova, 16);
	check_all(run.cpu, 16, 0);

	mete_domain_flush(&domain);

	assert_int_equal(w.nflushes, 1);
	memset(run.cpu, 0xa5, PAGE);
	edu_write(&b.edu, iova, 16);
	check_fault(&b, &b.edu, iova, METE_DEVICE_WRITES, REASON_WRITE);
	check_all(run.cpu, PAGE, 0xa5);
	give(&b, &run);
	domain_close(&b, &domain);
}

/* The table cannot grow: nothing stays mapped or taken, and it works as soon as there is memory. */
static void test_lack_of_memory_for_tables_fails_a_mapping(void **state)
{
	(void)state;
	struct bench b;
	struct mete_domain domain;
	struct mete_run run, last = { 0 };
	mete_baddr iova;
	mete_paddr phys;
	const size_t len = 3u << 20; /* two or three leaf tables */

	bench_open(&b);
	struct mete_domain_config config = b.config;
	config.first = 0x4000000;
	assert_ok(mete_domain_init(&domain, mete_rig_provider(b.rig), &config));
	assert_ok(mete_domain_attach(&domain, &b.device));
	struct mete_provider *p = mete_rig_provider(b.rig);
	assert_ok(p->ops->take(p->ctx, &(struct mete_want){ .len = len }, &run));
	void *cpu = run.cpu;
	for (size_t want = 32u << 20; want >= PAGE; want /= 2) {
		while (!p->ops->take(p->ctx, &(struct mete_want){ .len = want }, &run))
			last = run;
	}
	p->ops->give(p->ctx, &last); /* one page */

	assert_error(mete_map_single(&b.device, NULL, cpu, len, METE_DEVICE_READS, 0, &iova), METE_ENOMEM);
	assert_int_equal(domain.nmapped, 0);
	assert_int_equal(b.device.nmapped, 0);
	for (mete_baddr at = config.first; at < config.last; at += PAGE)
		assert_error(b.config.ops->lookup(b.config.ctx, at, &phys), METE_EFAULT);

	/* The table that was made is enough for less. */
	struct mete_constraint where = { 0 };
	for (where.first = config.first; where.first < config.last; where.first += 2u << 20) {
		where.last = where.first + (2u << 20) - 1;
		int error = mete_map_single(&b.device, &where, cpu, PAGE, METE_DEVICE_READS, 0, &iova);
		if (!error)
			break;
		assert_error(error, METE_ENOMEM);
	}
	edu_read(&b.edu, iova, 16);
	assert_ok(mete_unmap_single(&b.device, iova, PAGE, METE_DEVICE_READS, 0));
	domain_close(&b, &domain);
}

/* The space has 80 pages, so addresses come around; none comes before what it showed is forgotten. */
static void test_a_deferred_domain_hands_out_no_address_before_a_flush(void **state)
{
	(void)state;
	struct bench b;
	struct watch w;
	struct mete_domain domain;
	unsigned flushes_at[80];
	unsigned nreused = 0;

	domain_open(&b, &w, &watch_ops, true, &domain);
	const mete_baddr first = domain.config.first;
	memset(flushes_at, 0xff, sizeof(flushes_at)); /* not handed out yet */
	for (unsigned i = 0; i < 500; i++) {
		mete_baddr iova;
		struct mete_run run = write_and_unmap(&b, &iova);
		size_t page = (size_t)(iova - first) / PAGE;
		assert_true(page < 80);
		if (flushes_at[page] != ~0u) {
			assert_true(flushes_at[page] < w.nflushes);
			nreused++;
		}
		/* A flush within this very unmap came after the range was in quarantine. */
		flushes_at[page] = w.nflushes - (domain.nquarantine ? 0 : 1);
		give(&b, &run);
	}
	assert_true(nreused > 300);
	assert_true(w.nflushes >= 5 && w.nflushes < 100);
	domain_close(&b, &domain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scattered_pages_are_one_range_for_the_device),
		cmocka_unit_test(test_one_page_serves_both_directions),
		cmocka_unit_test(test_a_read_only_page_refuses_writes),
		cmocka_unit_test(test_a_write_only_page_refuses_reads),
		cmocka_unit_test(test_unmapped_addresses_fault),
		cmocka_unit_test(test_what_was_unmapped_is_reached_until_the_flush),
		cmocka_unit_test(test_a_flush_concerns_its_own_pages),
		cmocka_unit_test(test_a_flush_covers_all_of_an_odd_range),
		cmocka_unit_test(test_interrupts_still_arrive),
		cmocka_unit_test(test_lookup_says_what_the_table_says),
		cmocka_unit_test(test_lack_of_memory_for_tables_enters_nothing),
		cmocka_unit_test(test_impossible_ranges_are_refused),
		cmocka_unit_test(test_what_is_mapped_is_not_mapped_again),
		cmocka_unit_test(test_each_function_has_a_table_of_its_own),
		cmocka_unit_test(test_start_tells_what_it_gives),
		cmocka_unit_test(test_a_machine_without_it_says_so),
		cmocka_unit_test(test_lack_of_memory_fails_the_start_and_can_be_made_up_for),
		cmocka_unit_test(test_a_dead_machine_is_an_error),
		cmocka_unit_test(test_it_leaves_nothing_behind),
		cmocka_unit_test(test_a_strict_domain_flushes_at_each_unmap),
		cmocka_unit_test(test_a_strict_domain_flushes_all_of_what_it_unmaps),
		cmocka_unit_test(test_a_flush_that_is_lost_is_found_out),
		cmocka_unit_test(test_a_deferred_domain_flushes_when_asked),
		cmocka_unit_test(test_a_deferred_domain_hands_out_no_address_before_a_flush),
		cmocka_unit_test(test_lack_of_memory_for_tables_fails_a_mapping),
	};
	rig_folder_enter();
	return rig_folder_leave(cmocka_run_group_tests_name("rig: vtd", tests, NULL, NULL));
}
