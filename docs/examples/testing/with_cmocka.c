/* SPDX-License-Identifier: ISC */
/*
 * Tests of a driver, with cmocka.
 */
#include <mete/test_cmocka.h>

#include "ring.h"

static unsigned char buffer[RING_BUFFER] __attribute__((aligned(RING_BUFFER)));

/* A device for the driver, on the test's machine. */
static void receive(struct mete_test *test, size_t received)
{
	struct mete_device_config config = { .name = "ring", .provider = mete_test_provider(test) };
	struct mete_device core;
	struct device dev;
	struct ring ring;

	assert_int_equal(mete_device_init(&core, &config), 0);
	mete_linux_device_init(&dev, "ring", &core);
	assert_int_equal(ring_start(&ring, &dev, buffer), 0);
	ring_receive(&ring, received);
	ring_stop(&ring);
	assert_int_equal(mete_device_fini(&core), 0);
}

static void test_full_packet(void **state)
{
	receive(*state, RING_BUFFER);
}

static void test_short_packet(void **state)
{
	receive(*state, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		mete_cmocka_test(test_full_packet),
		mete_cmocka_test(test_short_packet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
