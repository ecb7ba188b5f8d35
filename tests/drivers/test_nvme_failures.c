/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * The NVMe driver under the verifier: whatever fails, it leaves nothing behind and does nothing wrong.
 */
#include <mete/test_cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mete/error.h>

#include "linux_rig.h"
#include "nvme.h"

#define DISK_LEN (8u << 20) /* more than one command carries, and lists of pages that are chained */

struct bench {
	struct mete_rig *rig;
	struct mete_rig_function pci;
	struct mete_device core;
	struct device dev;
	void *buffer;
	size_t nread;
};

/* Start, read all of the disk, stop. */
static int use(void *ctx)
{
	struct bench *b = ctx;
	struct linux_plug plug = { 0 };
	struct nvme nvme;

	memset(&nvme, 0, sizeof nvme);
	int error = linux_rig_open(&plug, &b->pci);
	if (error)
		return error;
	error = nvme_start(&nvme, &b->dev, &plug);
	if (!error) {
		error = nvme_read(&nvme, 0, nvme.nblocks, b->buffer);
		b->nread += !error;
		nvme_stop(&nvme);
	}
	assert_int_equal(linux_rig_close(&plug), 0);
	return error;
}

static void test_nvme_survives_each_failure(void **state)
{
	char disk[] = "/tmp/mete-test-XXXXXX", text[256];
	struct bench b = { 0 };
	struct mete_test *test;
	(void)state;

	int file = mkstemp(disk);
	assert_true(file >= 0);
	assert_int_equal(ftruncate(file, DISK_LEN), 0);
	const struct mete_rig_sim sim = { .disk = disk, .disk_mdts = 10 };
	assert_int_equal(mete_rig_start_sim(&sim, &b.rig, text, sizeof text), 0);
	unlink(disk);
	close(file);
	const struct mete_test_config config = { .provider = mete_rig_provider(b.rig), .failed = mete_cmocka_failed };
	assert_int_equal(mete_test_begin(&config, &test), 0);
	const struct mete_device_config device = { .name = "nvme", .provider = config.provider };
	assert_int_equal(mete_device_init(&b.core, &device), 0);
	mete_linux_device_init(&b.dev, "nvme", &b.core);
	assert_int_equal(mete_device_alloc(&b.core, NULL, DISK_LEN, METE_MEMORY_CACHED, 0, &b.buffer, NULL), 0);
	assert_int_equal(mete_rig_find(b.rig, 0x1b36, 0x0010, 0, &b.pci), 0);
	size_t n = mete_test_each_failure(test, use, &b, 0);
	print_message("%zu operations can fail\n", n);
	assert_in_range(n, 10, 200);
	assert_int_equal(b.nread, 1); /* but for the last run, something was amiss each time */
	assert_int_equal(mete_device_free(&b.core, b.buffer, DISK_LEN), 0);
	assert_int_equal(mete_device_fini(&b.core), 0);
	assert_int_equal(mete_test_end(test), 0);
	assert_int_equal(mete_rig_stop(b.rig), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nvme_survives_each_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
