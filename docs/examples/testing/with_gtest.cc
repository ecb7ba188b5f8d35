/* SPDX-License-Identifier: ISC */
/*
 * Tests of a driver, with GoogleTest: a failure is noted at the driver's line, and the test goes on.
 */
#include <gtest/gtest.h>

#include <mete/test.h>

#include "ring.h"

class Ring : public testing::Test {
protected:
	void SetUp() override
	{
		mete_test_config config = {};
		config.failed = [](void *, const mete_test_failure *failure) {
			ADD_FAILURE_AT(failure->file, failure->line) << failure->text;
		};
		ASSERT_EQ(mete_test_begin(&config, &test), 0);
		mete_device_config device = {};
		device.name = "ring";
		device.provider = mete_test_provider(test);
		ASSERT_EQ(mete_device_init(&core, &device), 0);
		mete_linux_device_init(&dev, "ring", &core);
	}

	void TearDown() override
	{
		mete_test_end(test);
	}

	void receive(size_t received)
	{
		ASSERT_EQ(ring_start(&ring, &dev, buffer), 0);
		ring_receive(&ring, received);
		ring_stop(&ring);
	}

	mete_test *test = nullptr;
	mete_device core = {};
	device dev = {};
	::ring ring = {};
	alignas(RING_BUFFER) static inline unsigned char buffer[RING_BUFFER];
};

TEST_F(Ring, FullPacket)
{
	receive(RING_BUFFER);
}

TEST_F(Ring, ShortPacket)
{
	receive(60);
}
