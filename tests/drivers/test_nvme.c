/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * One driver object, written to the Linux DMA interface, on QEMU's NVMe controller and on the simulated one.
 *
 * What it must prove: data arrive where the driver said, at any offset in a page and of any length; everything mapped
 * is unmapped, whatever went wrong; and, as the control, that a wrong bus address does not go unnoticed.
 */
#include "nvme.h"
#include "linux_rig.h"
#include "rig_support.h"

#include <errno.h>
#include <mete/bounce.h>
#include <signal.h>
#include <unistd.h>

#define GUARD 64u /* bytes around the data that must stay as they were */

struct bench {
	bool qemu;
	struct mete_rig *rig;
	struct mete_rig_function pci;
	struct linux_plug plug;
	struct mete_device core;
	struct device dev;
	struct nvme nvme;
	unsigned char *content; /* of the disk */
	size_t len;
};

enum { ON_SIM, ON_QEMU };

static bool is_qemu(void **state)
{
	return *(const int *)*state == ON_QEMU;
}

/*
 * A machine with a disk of `len` bytes, and a device that sees RAM at `ranges` (NULL: where it is).  Skips where there
 * is no QEMU.
 */
static void bench_open(struct bench *b, void **state, size_t len, unsigned mdts, const struct mete_bus_range *ranges)
{
	char text[1024], path[32];
	int fd;

	memset(b, 0, sizeof(*b));
	b->qemu = is_qemu(state);
	b->len = len;
	b->content = rig_file_make(len, (unsigned)len + 3, &fd, path);
	const struct mete_rig_qemu qemu = { .disk = path, .disk_mdts = mdts };
	const struct mete_rig_sim sim = { .disk = path, .disk_mdts = mdts };
	int error = b->qemu ? mete_rig_start_qemu(&qemu, &b->rig, text, sizeof(text)) :
	    mete_rig_start_sim(&sim, &b->rig, text, sizeof(text));
	close(fd);
	if (error) {
		free(b->content);
		if (error == METE_ENODEV)
			skip_because(text);
		fail_msg("%s", text);
	}
	assert_ok(mete_rig_find(b->rig, 0x1b36, 0x0010, 0, &b->pci));
	assert_ok(linux_rig_open(&b->plug, &b->pci));
	const struct mete_device_config config = {
		.name = "nvme",
		.provider = mete_rig_provider(b->rig),
		.ranges = ranges,
		.nranges = ranges ? 1 : 0,
	};
	assert_ok(mete_device_init(&b->core, &config));
	mete_linux_device_init(&b->dev, "nvme", &b->core);
}

static void bench_start(struct bench *b, void **state, size_t len, unsigned mdts)
{
	bench_open(b, state, len, mdts, NULL);
	assert_int_equal(nvme_start(&b->nvme, &b->dev, &b->plug), 0);
}

/* Stop driver and machine; nothing may be held.  The driver's count and the library's must agree. */
static void bench_close(struct bench *b)
{
	const struct nvme_counts *c = &b->nvme.counts;

	nvme_stop(&b->nvme);
	assert_int_equal(c->mapped, c->unmapped);
	assert_int_equal(c->lists, c->lists_freed);
	assert_int_equal(c->coherent, c->coherent_freed);
	assert_int_equal(b->core.nmapped, c->mapped);
	assert_int_equal(b->core.nunmapped, c->unmapped);
	assert_ok(mete_device_fini(&b->core));
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
	size_t len = (size_t)nblocks * 512, room = offset + len + 2 * GUARD + 4096;
	uint64_t bus;
	unsigned char *page = rig_alloc(&b->core, room, &bus), *data = page + 4096 + offset;

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
	assert_ok(mete_device_free(&b->core, page, room));
}

static void test_the_controller_introduces_itself(void **state)
{
	struct bench b;

	bench_start(&b, state, 10000, 0);

	assert_string_equal(b.nvme.model, b.qemu ? "QEMU NVMe Ctrl" : "mete simulated NVMe");
	assert_string_equal(b.nvme.serial, "mete");
	assert_int_equal(b.nvme.nblocks, 20);
	assert_int_equal(b.nvme.block_len, 512);
	assert_int_equal(b.nvme.max_transfer, 512 << 10);
	assert_string_equal(mete_rig_irq_kind(&b.pci), "MSI-X");
	assert_true(b.nvme.counts.interrupts > 0);
	bench_close(&b);
}

static void test_files_of_all_lengths_arrive(void **state)
{
	static const size_t lens[] = { 0, 1, 511, 512, 513, 4095, 4096, 4097, (1u << 20) + 3 };

	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		struct bench b;
		bench_start(&b, state, lens[i], 0);
		assert_int_equal(b.nvme.nblocks, lens[i] ? (lens[i] + 511) / 512 : 1);
		check_read(&b, 0, b.nvme.nblocks, 0);
		bench_close(&b);
	}
}

static void test_data_may_begin_anywhere_in_a_page(void **state)
{
	static const size_t offsets[] = { 0, 4, 508, 512, 2048, 3584, 4088, 4092 };
	static const uint64_t counts[] = { 1, 8, 9, 16, 17, 100 }; /* PRP1 alone, PRP1 and 2, a list */
	struct bench b;

	bench_start(&b, state, 200 * 512, 0);

	for (size_t i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		for (size_t j = 0; j < sizeof(counts) / sizeof(*counts); j++)
			check_read(&b, 3 * i + j, counts[j], offsets[i]);
	}
	bench_close(&b);
}

/* More than fits into the queue, so that slots and entries are used again and the phase bit turns. */
static void test_a_long_read_is_many_commands(void **state)
{
	struct bench b;

	bench_start(&b, state, 9u << 20, 1);
	unsigned long before = b.nvme.counts.commands;
	assert_int_equal(b.nvme.max_transfer, 8192);

	check_read(&b, 0, b.nvme.nblocks, 512);

	assert_int_equal(b.nvme.counts.commands - before, (9u << 20) / 8192);
	assert_true(b.nvme.counts.interrupts <= b.nvme.counts.commands);
	bench_close(&b);
}

static void test_long_lists_are_chained(void **state)
{
	struct bench b;

	bench_start(&b, state, 5u << 20, 10);
	unsigned long before = b.nvme.counts.lists;
	assert_int_equal(b.nvme.max_transfer, 3u << 20);

	/* 3 MiB from offset 8 on are 769 pages: 511 entries and a link, then the rest.  2 MiB are one full list. */
	check_read(&b, 0, b.nvme.nblocks, 8);

	assert_int_equal(b.nvme.counts.lists - before, 2 + 1);
	bench_close(&b);
}

/* Each command's data go through a stand-in, whose bytes are copied back when the command is over. */
static void test_data_arrive_through_stand_ins(void **state)
{
	struct mete_bounce bounce;
	struct bench b;

	bench_open(&b, state, 300 * 512, 1, NULL);
	assert_ok(mete_bounce_init(&bounce, &b.core, &(struct mete_bounce_config){ .always = true }));
	assert_int_equal(nvme_start(&b.nvme, &b.dev, &b.plug), 0);

	check_read(&b, 0, 300, 0);
	check_read(&b, 7, 100, 508);

	assert_int_equal(mete_bounce_used(&bounce), 0);
	assert_ok(mete_bounce_fini(&bounce));
	bench_close(&b);
}

static void test_blocks_out_of_range_are_an_error(void **state)
{
	static const struct {
		uint64_t block, nblocks;
		const char *why;
	} bad[] = {
		{ 100, 1, "behind the end" },
		{ 99, 2, "across the end" },
		{ UINT64_MAX, 1, "wraps" },
		{ 90, 5000, "the second command, too" },
	};
	struct bench b;
	uint64_t bus;

	bench_start(&b, state, 100 * 512, 0);
	void *data = rig_alloc(&b.core, 5000 * 512, &bus);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_row(nvme_read(&b.nvme, bad[i].block, bad[i].nblocks, data) == -EIO, i, bad[i].why);
		assert_row(b.nvme.status == 0x4080, i, bad[i].why); /* LBA Out of Range, do not retry */
		assert_row(b.nvme.counts.mapped == b.nvme.counts.unmapped, i, bad[i].why);
	}

	/* A refused command is no reason to stop. */
	check_read(&b, 99, 1, 0);
	assert_ok(mete_device_free(&b.core, data, 5000 * 512));
	bench_close(&b);
}

static void test_bad_arguments_are_refused(void **state)
{
	struct bench b;
	uint64_t bus;

	bench_start(&b, state, 4096, 0);
	unsigned char *data = rig_alloc(&b.core, 4096, &bus);

	assert_int_equal(nvme_read(&b.nvme, 0, 0, data), -EINVAL);
	assert_int_equal(nvme_read(&b.nvme, 0, 1, data + 2), -EINVAL);
	assert_int_equal(nvme_read(&b.nvme, 0, UINT64_MAX, data), -EINVAL);
	assert_int_equal(b.nvme.counts.mapped, 0);
	assert_ok(mete_device_free(&b.core, data, 4096));
	bench_close(&b);
}

static void test_memory_out_of_reach_is_not_mapped(void **state)
{
	struct bench b;

	bench_start(&b, state, 4096, 0);
	unsigned char *ours = calloc(1, 8192);
	assert_non_null(ours);

	assert_int_equal(nvme_read(&b.nvme, 0, 8, ours), -ENOMEM);
	assert_int_equal(b.nvme.counts.mapped, 0);

	check_read(&b, 0, 8, 0);
	bench_close(&b);
	free(ours);
}

/*
 * The control.  This device is told that RAM appears 16 MiB higher on its bus than it does, so each address is wrong.
 * Nothing of what the driver asks for can then work, and it must notice.
 */
static void test_a_wrong_bus_address_does_not_go_unnoticed(void **state)
{
	static const struct mete_bus_range shifted = { .phys = 0, .bus = 16u << 20, .len = 256u << 20 };
	struct bench b;

	bench_open(&b, state, 4096, 0, &shifted);

	/* Its admin queue is not where the controller looks: no command ever completes. */
	assert_int_not_equal(nvme_start(&b.nvme, &b.dev, &b.plug), 0);
	bench_close(&b);
}

/* The same for data alone: the driver was started well, then the device's view is moved. */
static void test_wrongly_mapped_data_differ(void **state)
{
	struct bench b;
	uint64_t bus;
	const size_t len = 64 * 512;

	bench_start(&b, state, len, 0);
	unsigned char *data = rig_alloc(&b.core, 2 * len, &bus);
	memset(data, 0xa5, 2 * len);

	/* Where the driver asks for `data`, it is told the address `len` bytes further on. */
	b.core.nranges = 1;
	b.core.range[0] = (struct mete_bus_range){ (mete_paddr)bus, (mete_baddr)(bus + len), len };
	assert_int_equal(nvme_read(&b.nvme, 0, 7, data), 0);
	b.core.nranges = 0;

	assert_memory_not_equal(data, b.content, 7 * 512);
	assert_memory_equal(data + len, b.content, 7 * 512);
	assert_ok(mete_device_free(&b.core, data, 2 * len));
	bench_close(&b);
}

static void test_a_dead_controller_leaves_nothing_mapped(void **state)
{
	struct bench b;
	uint64_t bus;

	bench_start(&b, state, 1u << 20, 0);
	void *data = rig_alloc(&b.core, 1u << 20, &bus);
	if (b.qemu) {
		assert_int_equal(kill((pid_t)mete_rig_process(b.rig), SIGKILL), 0);
	} else {
		uint32_t command; /* without bus mastering it cannot even fetch */
		assert_ok(mete_rig_config_read(&b.pci, 4, 2, &command));
		assert_ok(mete_rig_config_write(&b.pci, 4, 2, command & ~4u));
	}

	assert_true(nvme_read(&b.nvme, 0, 2048, data) < 0);
	assert_int_equal(nvme_read(&b.nvme, 0, 1, data), -EIO);
	if (b.qemu)
		assert_int_equal(readl(b.plug.regs), 0xffffffffu);

	assert_int_equal(b.nvme.counts.mapped, b.nvme.counts.unmapped);
	assert_ok(mete_device_free(&b.core, data, 1u << 20));
	bench_close(&b);
}

/* All free memory of a machine, in runs that get smaller. */
struct hoard {
	struct mete_run run[64];
	size_t nruns;
};

static void hoard_take(struct hoard *h, struct mete_provider *p)
{
	h->nruns = 0;
	for (size_t len = 32u << 20; len >= 4096; len /= 2) {
		while (h->nruns < 64 && !p->ops->take(p->ctx, &(struct mete_want){ .len = len }, &h->run[h->nruns]))
			h->nruns++;
	}
}

static void hoard_give(struct hoard *h, struct mete_provider *p)
{
	p->ops->give(p->ctx, &h->run[--h->nruns]);
}

/* Memory runs out at one point after the other of the start; each time all is given back. */
static void test_lack_of_memory_fails_the_start(void **state)
{
	struct bench b;
	struct hoard hoard;

	bench_open(&b, state, 1u << 20, 0, NULL);
	struct mete_provider *p = mete_rig_provider(b.rig);
	hoard_take(&hoard, p);
	int error = nvme_start(&b.nvme, &b.dev, &b.plug);
	assert_int_equal(error, -ENOMEM);

	while (error) {
		assert_int_equal(b.core.nlive, 0);
		assert_true(hoard.nruns > 0);
		hoard_give(&hoard, p);
		error = nvme_start(&b.nvme, &b.dev, &b.plug);
		assert_true(!error || error == -ENOMEM);
	}
	while (hoard.nruns)
		hoard_give(&hoard, p);
	check_read(&b, 0, 2048, 0);
	bench_close(&b);
}

static void test_lack_of_memory_for_lists_fails_the_read(void **state)
{
	struct bench b;
	struct hoard hoard;
	uint64_t bus;

	bench_start(&b, state, 1u << 20, 0);
	struct mete_provider *p = mete_rig_provider(b.rig);
	void *data = rig_alloc(&b.core, 1u << 20, &bus);
	hoard_take(&hoard, p);

	assert_int_equal(nvme_read(&b.nvme, 0, 2048, data), -ENOMEM);
	assert_int_equal(b.nvme.counts.mapped, b.nvme.counts.unmapped);
	assert_int_equal(nvme_read(&b.nvme, 0, 8, data), 0); /* one page needs no list */
	assert_memory_equal(data, b.content, 4096);

	while (hoard.nruns)
		hoard_give(&hoard, p);
	assert_ok(mete_device_free(&b.core, data, 1u << 20));
	check_read(&b, 0, 2048, 0);
	bench_close(&b);
}

static int on_sim = ON_SIM, on_qemu = ON_QEMU;

#define ON_SIM_ONLY(test) { #test " [sim]", test, NULL, NULL, &on_sim }
#define BOTH(test) ON_SIM_ONLY(test), { #test " [qemu]", test, NULL, NULL, &on_qemu }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_the_controller_introduces_itself),
		BOTH(test_files_of_all_lengths_arrive),
		BOTH(test_data_may_begin_anywhere_in_a_page),
		BOTH(test_a_long_read_is_many_commands),
		BOTH(test_long_lists_are_chained),
		BOTH(test_data_arrive_through_stand_ins),
		BOTH(test_blocks_out_of_range_are_an_error),
		BOTH(test_bad_arguments_are_refused),
		BOTH(test_memory_out_of_reach_is_not_mapped),
		ON_SIM_ONLY(test_a_wrong_bus_address_does_not_go_unnoticed), /* on QEMU it waits for ten seconds */
		BOTH(test_wrongly_mapped_data_differ),
		BOTH(test_a_dead_controller_leaves_nothing_mapped),
		BOTH(test_lack_of_memory_fails_the_start),
		BOTH(test_lack_of_memory_for_lists_fails_the_read),
	};
	return cmocka_run_group_tests_name("drivers: nvme", tests, NULL, NULL);
}
