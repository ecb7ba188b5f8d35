/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * An NVMe driver over OpenBSD's bus_dma(9), on QEMU's controller: directly, behind VT-d, and with stand-ins.
 *
 * What is written is compared with the disk's file, and what is read with what was put there past the driver, so that
 * no mistake in one direction hides its twin in the other.  The rig's own disk cannot be written: here the controller
 * and its disk are options of the machine.
 *
 * The controls order a mistake from the driver and want to see its symptom: QEMU's controller reports success for data
 * that it could not write, so what counts is the data and the IOMMU's fault record.
 */
#include "nvme_openbsd.h"
#include "openbsd_machine.h"

#include <errno.h>
#include <mete/shim.h>
#include <signal.h>
#include <unistd.h>

#define PAGE 4096u
#define GUARD 64u /* bytes around the data that must stay as they were */
#define DISK (2u << 20)

struct bench {
	struct openbsd_machine m;
	struct nvme_softc sc;
	int disk;                /* its file */
};

/* The console: what the driver said last. */
static char said[128];

int mete_shim_vprintf(int level, const char *format, va_list args)
{
	(void)level;
	return vsnprintf(said, sizeof(said), format, args);
}

/* A machine, with `npages` of addresses if there is an IOMMU.  Skips where there is no QEMU. */
static void bench_open(struct bench *b, const struct way *way, size_t npages)
{
	char path[32], drive[256];
	const char *const device[] = { "-blockdev", drive, "-device", "nvme,drive=disk,serial=mete,mdts=7", NULL };

	memset(b, 0, sizeof(*b));
	free(rig_file_make(DISK, 1, &b->disk, path));
	/* QEMU inherits no descriptor of ours, but may open it as long as we hold it. */
	snprintf(drive, sizeof(drive), "{\"node-name\":\"disk\",\"driver\":\"file\",\"filename\":\"/proc/%ld/fd/%d\","
	    "\"locking\":\"off\"}", (long)getpid(), b->disk);
	openbsd_machine_open(&b->m, way, device, 0x1b36, 0x0010, npages);
}

/* What a bus does for a driver. */
static int bench_attach(struct bench *b)
{
	const struct nvme_attach_args aa = { .aa_dmat = &b->m.tag, .aa_iot = &b->m.registers,
		.aa_intr_wait = rig_intr_wait, .aa_intr_arg = &b->m.pci };

	return nvme_attach(&b->sc, &aa);
}

static void bench_start(struct bench *b, void **state)
{
	bench_open(b, *state, 1024);
	assert_int_equal(bench_attach(b), 0);
	assert_int_equal(b->sc.sc_nblocks, DISK / 512);
}

/* Stop the machine, whose driver has gone. */
static void bench_end(struct bench *b)
{
	openbsd_machine_close(&b->m);
	close(b->disk);
}

static void bench_close(struct bench *b)
{
	nvme_detach(&b->sc);
	openbsd_machine_peace(&b->m);
	bench_end(b);
}

static void disk_get(const struct bench *b, void *to, size_t len, uint64_t at)
{
	assert_int_equal(pread(b->disk, to, len, (off_t)at), (ssize_t)len);
}

static void disk_put(const struct bench *b, const void *from, size_t len, uint64_t at)
{
	assert_int_equal(pwrite(b->disk, from, len, (off_t)at), (ssize_t)len);
}

/* Write `len` bytes that begin `offset` bytes behind a page's start, look at the disk, change it, and read it. */
static void check_round(struct bench *b, size_t len, size_t offset)
{
	const uint64_t block = 3, at = block * 512;
	size_t room = offset + len + 2 * GUARD + PAGE;
	uint64_t phys;
	unsigned char *page = rig_alloc(&b->m.ram, room, &phys), *data = page + PAGE + offset;
	unsigned char *want = malloc(len), *got = malloc(len + 512);

	assert_non_null(want);
	assert_non_null(got);
	memset(page, 0xa5, room);

	pattern_make(want, len, (uint32_t)len);
	memcpy(data, want, len);
	assert_int_equal(nvme_rw(&b->sc, UIO_WRITE, block, data, len), 0);
	assert_memory_equal(data, want, len);
	disk_get(b, got, len, at);
	assert_memory_equal(got, want, len);

	pattern_make(want, len, (uint32_t)len + 1);
	disk_put(b, want, len, at);
	assert_int_equal(nvme_rw(&b->sc, UIO_READ, block, data, len), 0);
	assert_memory_equal(data, want, len);
	for (size_t i = 0; i < GUARD; i++) {
		assert_int_equal(data[-1 - (ptrdiff_t)i], 0xa5);
		assert_int_equal(data[len + i], 0xa5);
	}
	free(got);
	free(want);
	assert_ok(mete_device_free(&b->m.ram, page, room));
}

static void test_what_is_written_is_read(void **state)
{
	static const struct {
		size_t len, offset;
		unsigned ncommands, nlists; /* for each direction */
		const char *why;
	} row[] = {
		{ 512, 0, 1, 0, "a block" },
		{ 512, 3000, 1, 0, "inside a page" },
		{ 4096, 0, 1, 0, "a page, PRP1 alone" },
		{ 4096, 512, 1, 0, "begins inside a page: PRP2 is the second" },
		{ 8192, 0, 1, 0, "two pages, still no list" },
		{ 8192, 4, 1, 1, "three pages: the shortest list" },
		{ 128u << 10, 0, 1, 1, "the longest command" },
		{ 128u << 10, 4092, 1, 1, "and with as many segments as a map has" },
		{ (1u << 20) + 512, 2048, 9, 8, "more commands than slots, and a short one" },
	};
	struct bench b;

	bench_start(&b, state);
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		unsigned long ncommands = b.sc.sc_ncommands, nlists = b.sc.sc_nlists;
		check_round(&b, row[i].len, row[i].offset);
		assert_row(b.sc.sc_ncommands - ncommands == 2 * row[i].ncommands, i, row[i].why);
		assert_row(b.sc.sc_nlists - nlists == 2 * row[i].nlists, i, row[i].why);
		assert_row(b.sc.sc_nbusy == 0, i, row[i].why);
	}
	openbsd_machine_peace(&b.m);
	bench_close(&b);
}

/* A tail of a page, whole pages from elsewhere, a head of one: what meets at pages' edges is one command. */
static void test_vectors_that_meet_at_pages_are_one_command(void **state)
{
	struct bench b;
	uint64_t phys;
	unsigned char want[11264], got[11264];

	bench_start(&b, state);
	unsigned char *page = rig_alloc(&b.m.ram, 8 * PAGE, &phys);
	struct iovec iov[] = {
		{ page + 7 * PAGE + 2048, 2048 },
		{ page + 2 * PAGE, 2 * PAGE },
		{ page, PAGE }, /* of which uio_resid leaves 1024 bytes */
	};
	struct uio uio = { .uio_iov = iov, .uio_iovcnt = 3, .uio_offset = 5 * 512, .uio_resid = sizeof(want),
		.uio_segflg = UIO_SYSSPACE, .uio_rw = UIO_WRITE };
	unsigned long ncommands = b.sc.sc_ncommands;

	pattern_make(want, sizeof(want), 7);
	memcpy(iov[0].iov_base, want, 2048);
	memcpy(iov[1].iov_base, want + 2048, 2 * PAGE);
	memcpy(iov[2].iov_base, want + 2048 + 2 * PAGE, 1024);
	assert_int_equal(nvme_rw_uio(&b.sc, &uio), 0);
	disk_get(&b, got, sizeof(got), 5 * 512);
	assert_memory_equal(got, want, sizeof(want));

	pattern_make(want, sizeof(want), 8);
	disk_put(&b, want, sizeof(want), 5 * 512);
	memset(page, 0xa5, 8 * PAGE);
	uio.uio_rw = UIO_READ;
	assert_int_equal(nvme_rw_uio(&b.sc, &uio), 0);
	assert_memory_equal(iov[0].iov_base, want, 2048);
	assert_memory_equal(iov[1].iov_base, want + 2048, 2 * PAGE);
	assert_memory_equal(iov[2].iov_base, want + 2048 + 2 * PAGE, 1024);
	for (size_t i = 1024; i < 2 * PAGE; i++)
		assert_int_equal(page[i], 0xa5);

	assert_int_equal(b.sc.sc_ncommands - ncommands, 2);
	assert_ok(mete_device_free(&b.m.ram, page, 8 * PAGE));
	bench_close(&b);
}

static void test_what_prp_cannot_tell_is_refused(void **state)
{
	struct bench b;
	uint64_t phys;

	bench_start(&b, state);
	unsigned char *page = rig_alloc(&b.m.ram, 40 * PAGE, &phys);
	struct {
		struct iovec iov[2];
		int error;
		const char *why;
	} row[] = {
		{ { { page, 1024 }, { page + 2 * PAGE, 1024 } }, EINVAL, "the first ends inside a page" },
		{ { { page + 3072, 1024 }, { page + 2 * PAGE + 512, 1024 } }, EINVAL, "the second begins inside one" },
		{ { { page + 2, 512 }, { NULL, 0 } }, EINVAL, "not 4-byte aligned" },
		{ { { page, 128u << 10 }, { page + 38 * PAGE, 512 } }, EINVAL, "longer than a command" },
		{ { { page, 256 }, { NULL, 0 } }, EINVAL, "half a block" },
	};
	size_t nmapped = b.m.way->vtd ? b.m.domain.nmapped : 0;

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		const struct uio uio = { .uio_iov = row[i].iov, .uio_iovcnt = row[i].iov[1].iov_len ? 2 : 1,
			.uio_resid = row[i].iov[0].iov_len + row[i].iov[1].iov_len, .uio_rw = UIO_READ };
		assert_row(nvme_rw_uio(&b.sc, &uio) == row[i].error, i, row[i].why);
		assert_row(b.sc.sc_nbusy == 0 && b.sc.sc_slot[0].map->dm_mapsize == 0, i, row[i].why);
		assert_row(!b.m.way->vtd || b.m.domain.nmapped == nmapped, i, row[i].why);
	}
	assert_int_equal(b.sc.sc_ncommands, 0);
	check_round(&b, 4096, 0);
	assert_ok(mete_device_free(&b.m.ram, page, 40 * PAGE));
	bench_close(&b);
}

static void test_blocks_behind_the_end_are_an_error(void **state)
{
	struct bench b;
	uint64_t phys;

	bench_start(&b, state);
	void *data = rig_alloc(&b.m.ram, 64u << 10, &phys);

	assert_int_equal(nvme_rw(&b.sc, UIO_READ, DISK / 512 - 1, data, 1024), EIO);
	assert_int_equal(b.sc.sc_status, 0x4080); /* LBA Out of Range, do not retry */
	assert_int_equal(nvme_rw(&b.sc, UIO_WRITE, DISK / 512, data, 64u << 10), EIO);

	assert_int_equal(b.sc.sc_nbusy, 0);
	check_round(&b, 4096, 0); /* a refused command is no reason to stop */
	assert_ok(mete_device_free(&b.m.ram, data, 64u << 10));
	bench_close(&b);
}

static void test_a_dead_controller_leaves_nothing_loaded(void **state)
{
	struct bench b;
	uint64_t phys;

	bench_start(&b, state);
	void *data = rig_alloc(&b.m.ram, 1u << 20, &phys);
	assert_int_equal(kill((pid_t)mete_rig_process(b.m.rig), SIGKILL), 0);

	assert_int_equal(nvme_rw(&b.sc, UIO_READ, 0, data, 1u << 20), EIO);
	assert_string_equal(said, "nvme: the controller is gone\n");
	assert_int_equal(nvme_rw(&b.sc, UIO_READ, 0, data, 512), EIO);

	assert_int_equal(b.sc.sc_nbusy, 0);
	for (unsigned id = 0; id < NVME_SLOTS; id++)
		assert_int_equal(b.sc.sc_slot[id].map->dm_mapsize, 0);
	nvme_detach(&b.sc);
	assert_int_equal(nvme_attach(&b.sc, &(struct nvme_attach_args){ .aa_dmat = &b.m.tag, .aa_iot = &b.m.registers }), ENXIO);
	assert_ok(mete_device_free(&b.m.ram, data, 1u << 20));
	bench_end(&b);
}

/* Addresses of the bus run out at one point after the other of the attach; each time all is given back. */
static void test_an_attach_that_fails_leaves_nothing(void **state)
{
	for (size_t npages = 2; npages < 24; npages++) {
		struct bench b;
		bench_open(&b, *state, npages);
		int error = bench_attach(&b);
		assert_true(!error || error == ENOMEM);
		/* Four queues, a page to identify and four lists, and all that once more for what is loaded of it. */
		assert_true(error || npages >= 2 * 9);
		bench_close(&b);
		if (!error)
			return;
	}
	fail_msg("24 pages are plenty");
}

/* Room for one command's data and not for two: the others wait for it. */
static void test_commands_wait_for_room_on_the_bus(void **state)
{
	struct bench b;

	bench_open(&b, *state, 64);
	assert_int_equal(bench_attach(&b), 0);
	check_round(&b, 1u << 20, 512);
	bench_close(&b);
}

/* The control.  The IOMMU knows the data's address no more when the device comes, and says which it was. */
static void test_an_early_unload_leaves_a_record(void **state)
{
	struct bench b;
	struct mete_iommu_fault fault;
	uint64_t phys;
	unsigned char want[PAGE];

	bench_start(&b, state);
	unsigned char *data = rig_alloc(&b.m.ram, PAGE, &phys);
	memset(data, 0xa5, PAGE);

	b.sc.sc_mistake = NVME_UNLOAD_EARLY;
	(void)nvme_rw(&b.sc, UIO_READ, 0, data, PAGE); /* what the controller makes of it is its own affair */
	b.sc.sc_mistake = NVME_NO_MISTAKE;

	assert_ok(mete_domain_fault(&b.m.domain, &fault));
	assert_int_equal(fault.iova, b.sc.sc_data);
	assert_int_equal(fault.access, METE_DEVICE_WRITES);
	assert_int_equal(fault.source, b.m.pci.slot << 3 | b.m.pci.number);
	for (size_t i = 0; i < PAGE; i++)
		assert_int_equal(data[i], 0xa5);

	/* The same command without the mistake. */
	assert_int_equal(nvme_rw(&b.sc, UIO_READ, 0, data, PAGE), 0);
	disk_get(&b, want, PAGE, 0);
	assert_memory_equal(data, want, PAGE);
	assert_ok(mete_device_free(&b.m.ram, data, PAGE));
	bench_close(&b);
}

/* The control.  All goes well on the bus, and the data stay in the stand-in. */
static void test_a_skipped_postread_leaves_old_bytes(void **state)
{
	struct bench b;
	uint64_t phys;
	unsigned char want[PAGE];

	bench_start(&b, state);
	unsigned char *data = rig_alloc(&b.m.ram, PAGE, &phys);
	memset(data, 0xa5, PAGE);
	disk_get(&b, want, PAGE, 0);

	b.sc.sc_mistake = NVME_SKIP_POSTREAD;
	assert_int_equal(nvme_rw(&b.sc, UIO_READ, 0, data, PAGE), 0);
	b.sc.sc_mistake = NVME_NO_MISTAKE;

	for (size_t i = 0; i < PAGE; i++)
		assert_int_equal(data[i], 0xa5);
	assert_int_equal(nvme_rw(&b.sc, UIO_READ, 0, data, PAGE), 0);
	assert_memory_equal(data, want, PAGE);
	assert_ok(mete_device_free(&b.m.ram, data, PAGE));
	bench_close(&b);
}

#define ON_ALL(test) ON(test, direct), ON(test, stand_in), ON(test, vtd), ON(test, vtd_deferred), ON(test, vtd_stand_in)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(test_what_is_written_is_read),
		ON_ALL(test_vectors_that_meet_at_pages_are_one_command),
		ON_ALL(test_what_prp_cannot_tell_is_refused),
		ON_ALL(test_blocks_behind_the_end_are_an_error),
		ON_ALL(test_a_dead_controller_leaves_nothing_loaded),
		ON(test_an_attach_that_fails_leaves_nothing, vtd),
		ON(test_commands_wait_for_room_on_the_bus, vtd),
		ON(test_an_early_unload_leaves_a_record, vtd),
		ON(test_a_skipped_postread_leaves_old_bytes, stand_in),
		ON(test_a_skipped_postread_leaves_old_bytes, vtd_stand_in),
	};
	return cmocka_run_group_tests_name("drivers: nvme in openbsd's idiom", tests, NULL, NULL);
}
