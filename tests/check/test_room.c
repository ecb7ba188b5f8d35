/* SPDX-License-Identifier: ISC */
/*
 * The verifier without memory for its own entries: it says so once, goes on with what it knows, and accuses nobody of what it
 * may have forgotten.
 */
#include "check_world.h"

#include <mete/map.h>
#include <mete/watch.h>

static unsigned char buffer[2][4096] __attribute__((aligned(4096)));

/* Allocations of the program's own objects, the library and the verifier among them, that succeed before one fails. */
static size_t left = SIZE_MAX;
static size_t nfailed;

void *__real_calloc(size_t n, size_t len);
void *__wrap_calloc(size_t n, size_t len);
void *__real_malloc(size_t len);
void *__wrap_malloc(size_t len);

static bool spend(void)
{
	if (left == SIZE_MAX || left--)
		return true;
	left = SIZE_MAX;
	nfailed++;
	return false;
}

void *__wrap_calloc(size_t n, size_t len)
{
	return spend() ? __real_calloc(n, len) : NULL;
}

void *__wrap_malloc(size_t len)
{
	return spend() ? __real_malloc(len) : NULL;
}

static void test_a_full_ledger_says_so_and_accuses_nobody(void **state)
{
	struct world w;
	mete_baddr known, lost;
	(void)state;

	world_start(&w, 0);
	assert_ok(mete_map_single(&w.device, NULL, buffer[0], 64, METE_DEVICE_READS, 0, &known));
	left = 0;
	unsigned line = __LINE__ + 1;
	assert_ok(mete_map_single(&w.device, NULL, buffer[1], 64, METE_DEVICE_READS, 0, &lost));
	assert_int_equal(nfailed, 1);
	assert_told(&w, 1, METE_DMA_R04, line);
	const struct mete_watch_access access = { .device = &w.device, .bus = lost, .len = 4 };
	mete_watch_access(w.check, &access);
	assert_ok(mete_sync_single(&w.device, lost, 64, METE_FOR_CPU, METE_DEVICE_READS));
	assert_ok(mete_unmap_single(&w.device, lost, 64, METE_DEVICE_READS, 0));
	assert_silent(&w, 1);
	line = __LINE__ + 1;
	(void)mete_sync_single(&w.device, known, 65, METE_FOR_CPU, METE_DEVICE_READS);
	assert_told(&w, 2, METE_DMA_O04, line);
	assert_ok(mete_unmap_single(&w.device, known, 64, METE_DEVICE_READS, 0));
	world_end(&w);

	/* With all its memory it does accuse. */
	world_start(&w, 0);
	(void)mete_unmap_single(&w.device, known, 64, METE_DEVICE_READS, 0);
	assert_told(&w, 1, METE_DMA_M09, 0);
	world_end(&w);
}

/* Whichever of its allocations fails, the driver sees the same, and something is told. */
static void test_each_allocation_of_the_verifier_fails_in_turn(void **state)
{
	struct world w;
	mete_baddr bus;
	bool all = false;
	(void)state;

	for (size_t n = 0; !all; n++) {
		assert_true(n < 100);
		world_start(&w, 0);
		nfailed = 0;
		left = n;
		assert_ok(mete_map_single(&w.device, NULL, buffer[0], 64, METE_DEVICE_READS, 0, &bus));
		assert_ok(mete_unmap_single(&w.device, bus, 64, METE_DEVICE_WRITES, 0));
		all = left != SIZE_MAX;
		left = SIZE_MAX;
		assert_int_equal(nfailed, !all);
		assert_int_equal(mete_check_count(w.check, METE_DMA_R04) + mete_check_count(w.check, METE_DMA_M07), 1);
		assert_true(w.ntold == 1);
		world_end(&w);
	}
}

static void test_no_verifier_without_memory(void **state)
{
	struct mete_host *host;
	struct mete_check *check = NULL;
	(void)state;

	assert_ok(mete_host_create(NULL, &host));
	left = 0;
	assert_int_equal(mete_check_create(mete_host_provider(host), NULL, &check), METE_ENOMEM);
	assert_null(check);
	assert_int_equal(left, SIZE_MAX);
	assert_ok(mete_host_destroy(host));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_full_ledger_says_so_and_accuses_nobody),
		cmocka_unit_test(test_each_allocation_of_the_verifier_fails_in_turn),
		cmocka_unit_test(test_no_verifier_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
