/* SPDX-License-Identifier: ISC */
/*
 * Tests of a driver, without a framework: what fails aborts.
 */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>

#include <mete/test.h>

#include "ring.h"

static unsigned char buffer[RING_BUFFER] __attribute__((aligned(RING_BUFFER)));

static void test_packet(size_t received)
{
	struct mete_test *test;
	struct mete_device core;
	struct device dev;
	struct ring ring;

	assert(mete_test_begin(NULL, &test) == 0);
	struct mete_device_config config = { .name = "ring", .provider = mete_test_provider(test) };
	assert(mete_device_init(&core, &config) == 0);
	mete_linux_device_init(&dev, "ring", &core);
	assert(ring_start(&ring, &dev, buffer) == 0);
	ring_receive(&ring, received);
	ring_stop(&ring);
	assert(mete_device_fini(&core) == 0);
	assert(mete_test_end(test) == 0);
	printf("a packet of %zu bytes: passed\n", received);
	fflush(stdout);
}

int main(void)
{
	test_packet(RING_BUFFER);
	test_packet(60);
	return 0;
}
