/* SPDX-License-Identifier: ISC */
/*
 * Tests of a driver, with Check: its own failing function takes a file and a line.
 */
#include <stdlib.h>
#include <check.h>

#include <mete/test.h>

#include "ring.h"

static unsigned char buffer[RING_BUFFER] __attribute__((aligned(RING_BUFFER)));
static struct mete_test *test;

static void failed(void *ctx, const struct mete_test_failure *failure)
{
	(void)ctx;
	_ck_assert_failed(failure->file, failure->line, "the driver does nothing wrong", "%s", failure->text);
}

static void setup(void)
{
	const struct mete_test_config config = { .failed = failed };
	ck_assert_int_eq(mete_test_begin(&config, &test), 0);
}

static void teardown(void)
{
	(void)mete_test_end(test);
}

static void receive(size_t received)
{
	struct mete_device_config config = { .name = "ring", .provider = mete_test_provider(test) };
	struct mete_device core;
	struct device dev;
	struct ring ring;

	ck_assert_int_eq(mete_device_init(&core, &config), 0);
	mete_linux_device_init(&dev, "ring", &core);
	ck_assert_int_eq(ring_start(&ring, &dev, buffer), 0);
	ring_receive(&ring, received);
	ring_stop(&ring);
	ck_assert_int_eq(mete_device_fini(&core), 0);
}

START_TEST(full_packet)
{
	receive(RING_BUFFER);
}
END_TEST

START_TEST(short_packet)
{
	receive(60);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ring");
	TCase *tests = tcase_create("packets");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, full_packet);
	tcase_add_test(tests, short_packet);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_VERBOSE);
	int nfailed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nfailed ? EXIT_FAILURE : EXIT_SUCCESS;
}
