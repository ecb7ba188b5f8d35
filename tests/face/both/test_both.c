/* SPDX-License-Identifier: ISC */
/*
 * Both faces in one program, over one memory, beside the program's own functions of the same names.
 */
#include "support.h"

#include "halves.h"
#include "small_arena.h"

static void test_a_buffer_of_one_face_is_mapped_through_the_other(void **state)
{
	struct small_arena small;
	uint64_t bus;
	(void)state;

	small_arena_start(&small);
	assert_ok(openbsd_start(&small.arena.provider));
	unsigned char *buffer = openbsd_buffer(1500);
	assert_non_null(buffer);
	assert_true(linux_show(&small.device, buffer, 1500) == SMALL_PHYS + (uint64_t)(buffer - small.memory));

	unsigned char *ring = linux_ring(&small.device, 8192, &bus);
	assert_non_null(ring);
	assert_true(bus == SMALL_PHYS + (uint64_t)(ring - small.memory));
	assert_true(ring + 8192 <= buffer || buffer + 2048 <= ring);

	/* Neither face frees what is the other's. */
	openbsd_release(ring, 8192);
	linux_unring(&small.device, 1500, buffer, bus);
	assert_int_equal(small_arena_counters(&small).bad_address, 2);
	linux_unring(&small.device, 8192, ring, bus);
	openbsd_release(buffer, 1500);
	assert_ok(openbsd_stop());
	small_arena_end(&small);
}

static void test_the_programs_own_names_stay_its_own(void **state)
{
	(void)state;
	assert_int_equal(dma_alloc(1), 2);
	assert_int_equal(dma_free(1), 0);
	assert_string_equal(dma_pool_create(4), "deep");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_buffer_of_one_face_is_mapped_through_the_other),
		cmocka_unit_test(test_the_programs_own_names_stay_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
