/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * The NVMe driver, the same object as in test_nvme.c, with an IOMMU between its device and memory: each that there is.
 *
 * QEMU's controller reports success for a read whose data it could not write, so what counts is the data and the
 * IOMMU's fault record.
 */
#include "iommu_kinds.h"
#include "linux_rig.h"
#include "nvme.h"

#include <errno.h>
#include <mete/bounce.h>
#include <mete/iommu.h>
#include <unistd.h>

#define PAGE 4096u
#define GUARD 64u /* bytes around the data that must stay as they were */

struct bench {
	const struct iommu_kind *kind;
	struct mete_rig *rig;
	struct mete_rig_function pci;
	struct linux_plug plug;
	struct mete_device ram;   /* sees everything: memory for the test */
	struct mete_device core;
	struct mete_domain domain;
	struct mete_bounce bounce;
	struct mete_domain_config real;
	struct device dev;
	struct nvme nvme;
	unsigned char *content;   /* of the disk */
	size_t len;
	bool confuse;             /* the control: what the device may write it may only read ... */
	mete_baddr confused;      /* ... where that was last */
	bool bounces;
};

/* The IOMMU as the domain sees it. */
static int table_map(void *ctx, mete_baddr iova, mete_paddr phys, size_t len, enum mete_access access)
{
	struct bench *b = ctx;

	if (b->confuse && access == METE_DEVICE_WRITES) {
		access = METE_DEVICE_READS;
		b->confused = iova;
	}
	return b->real.ops->map(b->real.ctx, iova, phys, len, access);
}

static void table_unmap(void *ctx, mete_baddr iova, size_t len)
{
	const struct bench *b = ctx;
	b->real.ops->unmap(b->real.ctx, iova, len);
}

static void table_flush(void *ctx, mete_baddr iova, size_t len)
{
	const struct bench *b = ctx;
	b->real.ops->flush(b->real.ctx, iova, len);
}

static int table_lookup(void *ctx, mete_baddr iova, mete_paddr *ret_phys)
{
	const struct bench *b = ctx;
	return b->real.ops->lookup(b->real.ctx, iova, ret_phys);
}

static int table_fault(void *ctx, struct mete_iommu_fault *ret_fault)
{
	const struct bench *b = ctx;
	return b->real.ops->fault(b->real.ctx, ret_fault);
}

static const struct mete_iommu_ops table_ops = { table_map, table_unmap, table_flush, table_lookup, table_fault };

/* A disk of `len` bytes behind an IOMMU with `npages` pages of addresses.  Skips where there is no QEMU. */
static void bench_open(struct bench *b, void **state, size_t len, unsigned mdts, size_t npages, bool deferred)
{
	const struct iommu_kind *kind = *state;
	const char *const options[] = { kind->options[0], kind->options[1], NULL };
	char text[1024], path[32];
	int fd;

	memset(b, 0, sizeof(*b));
	b->kind = kind;
	b->len = len;
	b->content = rig_file_make(len, (unsigned)len + 3, &fd, path);
	const struct mete_rig_qemu config = { .machine = kind->machine, .disk = path, .disk_mdts = mdts,
		.options = options };
	int error = mete_rig_start_qemu(&config, &b->rig, text, sizeof(text));
	close(fd);
	if (error) {
		free(b->content);
		if (error == METE_ENODEV)
			skip_because(text);
		fail_msg("%s", text);
	}
	assert_ok(mete_rig_find(b->rig, 0x1b36, 0x0010, 0, &b->pci));
	assert_ok(linux_rig_open(&b->plug, &b->pci));
	rig_device_init(&b->ram, b->rig);
	rig_device_init(&b->core, b->rig);
	mete_linux_device_init(&b->dev, "nvme", &b->core);

	assert_ok(kind->start(&b->pci, &b->real));
	struct mete_domain_config domain = b->real;
	domain.ops = &table_ops;
	domain.ctx = b;
	domain.last = domain.first + (mete_baddr)(npages * PAGE - 1);
	domain.deferred = deferred;
	assert_ok(mete_domain_init(&b->domain, mete_rig_provider(b->rig), &domain));
	assert_ok(mete_domain_attach(&b->domain, &b->core));
}

static void bench_bounce(struct bench *b)
{
	assert_ok(mete_bounce_init(&b->bounce, &b->core, &(struct mete_bounce_config){ .always = true }));
	b->bounces = true;
}

static void bench_start(struct bench *b)
{
	assert_int_equal(nvme_start(&b->nvme, &b->dev, &b->plug), 0);
}

/* Stop driver and machine; no access was refused, and nothing may be held, on the bus either. */
static void bench_close(struct bench *b)
{
	const struct nvme_counts *c = &b->nvme.counts;
	struct mete_iommu_fault fault;

	nvme_stop(&b->nvme);
	assert_error(mete_domain_fault(&b->domain, &fault), METE_ENODEV);
	assert_int_equal(c->mapped, c->unmapped);
	assert_int_equal(c->coherent, c->coherent_freed);
	assert_int_equal(b->core.nmapped, c->mapped);
	assert_int_equal(b->core.nunmapped, c->unmapped);
	if (b->bounces) {
		assert_int_equal(mete_bounce_used(&b->bounce), 0);
		assert_ok(mete_bounce_fini(&b->bounce));
	}
	assert_int_equal(b->domain.nmapped, 0);
	assert_ok(mete_domain_attach(NULL, &b->core));
	assert_ok(mete_domain_fini(&b->domain));
	assert_ok(mete_device_fini(&b->core));
	assert_ok(mete_device_fini(&b->ram));
	assert_ok(linux_rig_close(&b->plug));
	assert_int_equal(mete_rig_stop(b->rig), 0);
	free(b->content);
}

/* Byte `at` of the disk: after the file's end there are zeros. */
static unsigned char disk_byte(const struct bench *b, uint64_t at)
{
	return at < b->len ? b->content[at] : 0;
}

/* Read into memory that begins `offset` bytes behind a page's start, and compare. */
static void check_read(struct bench *b, uint64_t block, uint64_t nblocks, size_t offset)
{
	size_t len = (size_t)nblocks * 512, room = offset + len + 2 * GUARD + PAGE;
	uint64_t phys;
	unsigned char *page = rig_alloc(&b->ram, room, &phys), *data = page + PAGE + offset;

	memset(page, 0xa5, room);
	assert_int_equal(nvme_read(&b->nvme, block, nblocks, data), 0);
	for (size_t i = 0; i < len; i++) {
		if (data[i] != disk_byte(b, block * 512 + i))
			fail_msg("disk of %zu bytes, %llu blocks from %llu on, offset %zu: byte %zu differs", b->len,
			    (unsigned long long)nblocks, (unsigned long long)block, offset, i);
	}
	for (size_t i = 0; i < GUARD; i++) {
		assert_int_equal(data[-1 - (ptrdiff_t)i], 0xa5);
		assert_int_equal(data[len + i], 0xa5);
	}
	assert_ok(mete_device_free(&b->ram, page, room));
}

static void check_files(void **state, bool deferred)
{
	static const size_t lens[] = { 0, 1, 513, 4097, (1u << 20) + 3 };

	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		struct bench b;
		bench_open(&b, state, lens[i], 0, 1024, deferred);
		bench_start(&b);
		check_read(&b, 0, b.nvme.nblocks, 0);
		check_read(&b, 0, b.nvme.nblocks, 508);
		bench_close(&b);
	}
}

static void test_files_arrive_through_a_strict_domain(void **state)
{
	check_files(state, false);
}

static void test_files_arrive_through_a_deferred_domain(void **state)
{
	check_files(state, true);
}

/* Nothing that the driver tells the device is a physical address: none of them is even in RAM. */
static void test_the_device_sees_addresses_of_the_domain_alone(void **state)
{
	struct bench b;

	bench_open(&b, state, 1u << 20, 0, 1024, false);
	const mete_baddr first = b.domain.config.first, last = b.domain.config.last;
	bench_start(&b);

	assert_true(b.nvme.identify_bus >= first && b.nvme.identify_bus <= last);
	assert_true(b.nvme.admin.sq_bus >= first && b.nvme.admin.sq_bus <= last);
	assert_true(b.nvme.admin.cq_bus >= first && b.nvme.admin.cq_bus <= last);
	assert_true(b.nvme.io.sq_bus >= first && b.nvme.io.sq_bus <= last);
	assert_true(b.nvme.io.cq_bus >= first && b.nvme.io.cq_bus <= last);
	bench_close(&b);
}

static void test_chained_lists_go_through_the_domain(void **state)
{
	struct bench b;

	bench_open(&b, state, 5u << 20, 10, 4096, false);
	bench_start(&b);
	unsigned long before = b.nvme.counts.lists;

	check_read(&b, 0, b.nvme.nblocks, 8);

	assert_int_equal(b.nvme.counts.lists - before, 2 + 1);
	bench_close(&b);
}

/* Addresses come around many times: each command's were forgotten before they are used again. */
static void test_many_commands_use_addresses_again(void **state)
{
	for (int deferred = 0; deferred < 2; deferred++) {
		struct bench b;
		bench_open(&b, state, 9u << 20, 1, 256, deferred);
		bench_start(&b);
		check_read(&b, 0, b.nvme.nblocks, 512);
		bench_close(&b);
	}
}

static void test_stand_ins_behind_the_domain(void **state)
{
	struct bench b;

	bench_open(&b, state, 1u << 20, 1, 1024, false);
	bench_bounce(&b);
	bench_start(&b);
	check_read(&b, 0, b.nvme.nblocks, 0);
	check_read(&b, 1, 100, 508);
	bench_close(&b);
}

static void test_a_domain_that_is_full_fails_the_read(void **state)
{
	struct bench b;
	uint64_t phys;

	bench_open(&b, state, 1u << 20, 0, 64, false);
	bench_start(&b);
	void *data = rig_alloc(&b.ram, 1u << 20, &phys);
	size_t nmapped = b.domain.nmapped;

	assert_int_equal(nvme_read(&b.nvme, 0, 2048, data), -ENOMEM); /* 512 KiB are 128 pages */
	assert_int_equal(b.nvme.counts.mapped, b.nvme.counts.unmapped);
	assert_int_equal(b.domain.nmapped, nmapped);

	check_read(&b, 0, 64, 0);
	assert_ok(mete_device_free(&b.ram, data, 1u << 20));
	bench_close(&b);
}

static void test_a_domain_without_room_fails_the_start(void **state)
{
	for (size_t npages = 2; npages < 16; npages++) {
		struct bench b;
		bench_open(&b, state, 4096, 0, npages, false);
		int error = nvme_start(&b.nvme, &b.dev, &b.plug);
		assert_true(!error || error == -ENOMEM);
		assert_true(error || npages >= 5); /* four queues and a page to identify */
		bench_close(&b);
		if (!error)
			return;
	}
	fail_msg("16 pages are plenty");
}

/*
 * The control.  The table lets the device read where it should write: the driver hears of success, and only the fault
 * record and the data tell.  Without the mistake the same read is well.
 */
static void test_a_wrong_permission_leaves_a_record(void **state)
{
	struct bench b;
	uint64_t phys;

	bench_open(&b, state, 4096, 0, 1024, false);
	bench_start(&b);
	unsigned char *data = rig_alloc(&b.ram, PAGE, &phys);
	memset(data, 0xa5, PAGE);

	b.confuse = true;
	assert_int_equal(nvme_read(&b.nvme, 0, 8, data), 0);
	b.confuse = false;

	assert_true(b.confused >= b.domain.config.first && b.confused <= b.domain.config.last);
	check_records(b.kind, &b.domain.config, &b.pci, b.confused, METE_DEVICE_WRITES, b.kind->reason.read_only);
	for (size_t i = 0; i < PAGE; i++)
		assert_int_equal(data[i], 0xa5);

	assert_int_equal(nvme_read(&b.nvme, 0, 8, data), 0);
	assert_memory_equal(data, b.content, 4096);
	assert_ok(mete_device_free(&b.ram, data, PAGE));
	bench_close(&b);
}

/* The same where the driver maps past the IOMMU: a physical address means nothing behind it. */
static void test_a_mapping_past_the_domain_leaves_a_record(void **state)
{
	const struct mete_constraint far = { .first = 32u << 20 }; /* above all addresses of the domain */
	struct bench b;
	mete_baddr phys;
	void *data;

	bench_open(&b, state, 4096, 0, 1024, false);
	bench_start(&b);
	assert_ok(mete_device_alloc(&b.ram, &far, PAGE, METE_MEMORY_CACHED, METE_ZERO, &data, &phys));

	assert_ok(mete_domain_attach(NULL, &b.core));
	assert_int_equal(nvme_read(&b.nvme, 0, 8, data), 0);
	assert_ok(mete_domain_attach(&b.domain, &b.core));

	check_records(b.kind, &b.domain.config, &b.pci, phys, METE_DEVICE_WRITES, b.kind->reason.write);
	for (size_t i = 0; i < PAGE; i++)
		assert_int_equal(((unsigned char *)data)[i], 0);

	assert_int_equal(nvme_read(&b.nvme, 0, 8, data), 0);
	assert_memory_equal(data, b.content, 4096);
	assert_ok(mete_device_free(&b.ram, data, PAGE));
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_EACH_IOMMU(test_files_arrive_through_a_strict_domain),
		ON_EACH_IOMMU(test_files_arrive_through_a_deferred_domain),
		ON_EACH_IOMMU(test_the_device_sees_addresses_of_the_domain_alone),
		ON_EACH_IOMMU(test_chained_lists_go_through_the_domain),
		ON_EACH_IOMMU(test_many_commands_use_addresses_again),
		ON_EACH_IOMMU(test_stand_ins_behind_the_domain),
		ON_EACH_IOMMU(test_a_domain_that_is_full_fails_the_read),
		ON_EACH_IOMMU(test_a_domain_without_room_fails_the_start),
		ON_EACH_IOMMU(test_a_wrong_permission_leaves_a_record),
		ON_EACH_IOMMU(test_a_mapping_past_the_domain_leaves_a_record),
	};
	return cmocka_run_group_tests_name("drivers: nvme behind an IOMMU", tests, NULL, NULL);
}
