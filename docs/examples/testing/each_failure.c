/* SPDX-License-Identifier: ISC */
/*
 * Tests of a driver: whatever fails while it starts, it leaves nothing behind.
 */
#include <mete/test_cmocka.h>

#include "ring.h"

static unsigned char buffer[RING_BUFFER] __attribute__((aligned(RING_BUFFER)));

/* Start and stop, once. */
static int start_and_stop(void *ctx)
{
	struct ring ring;

	int error = ring_start(&ring, ctx, buffer);
	if (error)
		return error;
	ring_receive(&ring, RING_BUFFER);
	ring_stop(&ring);
	return 0;
}

static void test_each_failure(void **state)
{
	struct mete_test *test = *state;
	struct mete_device_config config = { .name = "ring", .provider = mete_test_provider(test) };
	struct mete_device core;
	struct device dev;

	assert_int_equal(mete_device_init(&core, &config), 0);
	mete_linux_device_init(&dev, "ring", &core);
	size_t n = mete_test_each_failure(test, start_and_stop, &dev, 0);
	print_message("%zu operations can fail\n", n);
	assert_int_equal(mete_device_fini(&core), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		mete_cmocka_test(test_each_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
