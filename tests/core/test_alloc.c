/* SPDX-License-Identifier: ISC */
/*
 * Alloc: the thirteen classes, their alignment, and frees with the wrong size.
 */
#include "support.h"

#include <mete/alloc.h>

#include "small_arena.h"

static void start_classes(struct small_arena *small, struct mete_classes *classes)
{
	small_arena_start(small);
	assert_ok(mete_classes_init(classes, &small->device, NULL));
}

static void end_classes(struct small_arena *small, struct mete_classes *classes)
{
	assert_ok(mete_classes_fini(classes));
	small_arena_end(small);
}

static void test_class_is_the_next_power_of_two(void **state)
{
	(void)state;
	for (size_t len = 1; len <= METE_CLASS_MAX; len++) {
		size_t size = METE_CLASS_MIN;
		while (size < len)
			size *= 2;
		assert_int_equal(mete_classes_size(len), size);
	}
	assert_int_equal(mete_classes_size(0), 0);
	assert_int_equal(mete_classes_size(METE_CLASS_MAX + 1), 0);
	assert_int_equal(mete_classes_size(SIZE_MAX), 0);
}

static void test_objects_are_aligned_to_their_class_in_both_views(void **state)
{
	struct small_arena small;
	struct mete_classes classes;
	(void)state;

	start_classes(&small, &classes);
	for (size_t size = METE_CLASS_MIN; size <= METE_CLASS_MAX; size *= 2) {
		void *cpu[5];
		for (size_t i = 0; i < 5; i++) {
			mete_baddr bus;
			assert_ok(mete_classes_alloc(&classes, size, 0, &cpu[i], &bus));
			assert_true((uintptr_t)cpu[i] % size == 0);
			assert_true(bus % size == 0);
		}
		for (size_t i = 0; i < 5; i++)
			assert_ok(mete_classes_free(&classes, cpu[i], size));
	}
	end_classes(&small, &classes);
}

static void test_get_is_alloc_without_frills(void **state)
{
	struct small_arena small;
	struct mete_classes classes;
	void *all, *a, *b;
	(void)state;

	start_classes(&small, &classes);
	a = mete_classes_get(&classes, 100);
	assert_non_null(a);
	assert_ok(mete_classes_free(&classes, a, 128));
	assert_ok(mete_classes_alloc(&classes, 100, 0, &b, NULL));
	assert_ptr_equal(b, a);
	assert_ok(mete_classes_free(&classes, b, 100));

	assert_null(mete_classes_get(&classes, 0));
	assert_null(mete_classes_get(&classes, METE_CLASS_MAX + 1));
	assert_int_equal(small_arena_counters(&small).bad_argument, 2);
	assert_ok(mete_device_alloc(&small.device, NULL, SMALL_LEN, METE_MEMORY_CACHED, 0, &all, NULL));
	assert_null(mete_classes_get(&classes, 16));
	assert_int_equal(small_arena_counters(&small).failed, 1);
	assert_ok(mete_device_free(&small.device, all, SMALL_LEN));
	end_classes(&small, &classes);
}

static void test_bad_sizes_are_refused_and_counted(void **state)
{
	struct small_arena small;
	struct mete_classes classes;
	void *cpu = &small;
	(void)state;

	start_classes(&small, &classes);
	assert_error(mete_classes_alloc(&classes, 0, 0, &cpu, NULL), METE_EINVAL);
	assert_error(mete_classes_alloc(&classes, METE_CLASS_MAX + 1, 0, &cpu, NULL), METE_EINVAL);
	assert_error(mete_classes_alloc(&classes, SIZE_MAX, METE_WAIT, &cpu, NULL), METE_EINVAL);
	assert_error(mete_classes_alloc(&classes, 16, 0x40, &cpu, NULL), METE_EINVAL);
	assert_error(mete_classes_free(&classes, &cpu, 0), METE_EINVAL);
	assert_error(mete_classes_free(&classes, &cpu, METE_CLASS_MAX + 1), METE_EINVAL);
	assert_ptr_equal(cpu, &small);
	assert_int_equal(small_arena_counters(&small).bad_argument, 6);
	end_classes(&small, &classes);
}

static void test_a_wrong_size_is_told_from_a_foreign_pointer(void **state)
{
	struct small_arena small;
	struct mete_classes classes, others;
	unsigned char *cpu;
	(void)state;

	start_classes(&small, &classes);
	assert_ok(mete_classes_init(&others, &small.device, NULL));
	assert_ok(mete_classes_alloc(&classes, 100, 0, (void **)&cpu, NULL));

	for (size_t size = METE_CLASS_MIN; size <= METE_CLASS_MAX; size *= 2) {
		if (size != 128)
			assert_error(mete_classes_free(&classes, cpu, size), METE_EMSGSIZE);
	}
	assert_error(mete_classes_free(&classes, cpu + 16, 100), METE_EFAULT);
	assert_error(mete_classes_free(&classes, cpu + 16, 16), METE_EFAULT);
	assert_error(mete_classes_free(&classes, &small, 16), METE_EFAULT);
	assert_error(mete_classes_free(&others, cpu, 100), METE_EFAULT);
	assert_ok(mete_classes_free(&classes, NULL, 100));
	assert_ok(mete_classes_free(&classes, NULL, 0));
	assert_ok(mete_classes_free(&classes, cpu, 65)); /* another size of the same class is no mistake */
	assert_error(mete_classes_free(&classes, cpu, 100), METE_EALREADY);
	assert_error(mete_classes_free(&classes, cpu, 16), METE_EALREADY);

	struct mete_counters counters = small_arena_counters(&small);
	assert_int_equal(counters.wrong_size, METE_CLASSES - 1);
	assert_int_equal(counters.bad_address, 4);
	assert_int_equal(counters.double_free, 2);
	assert_ok(mete_classes_fini(&others));
	end_classes(&small, &classes);
}

static void test_zero_clears_the_whole_class_size(void **state)
{
	struct small_arena small;
	struct mete_classes classes;
	unsigned char *cpu;
	(void)state;

	start_classes(&small, &classes);
	memset(small.memory, 0xa5, SMALL_LEN);
	assert_ok(mete_classes_alloc(&classes, 65, METE_ZERO, (void **)&cpu, NULL));
	for (size_t i = 0; i < 128; i++)
		assert_int_equal(cpu[i], 0);
	assert_int_equal(cpu[128], 0xa5);
	assert_ok(mete_classes_free(&classes, cpu, 65));
	end_classes(&small, &classes);
}

static void test_a_limit_confines_every_class(void **state)
{
	static const struct mete_constraint low = { .last = SMALL_PHYS + SMALL_LEN / 2 - 1 };
	const struct mete_classes_config config = { .limit = &low }, bad = { .memory = (enum mete_memory)50 };
	struct small_arena small;
	struct mete_classes classes;
	(void)state;

	small_arena_start(&small);
	assert_error(mete_classes_init(&classes, &small.device, &bad), METE_EINVAL);
	assert_error(mete_classes_init(NULL, &small.device, NULL), METE_EINVAL);
	assert_error(mete_classes_init(&classes, NULL, NULL), METE_EINVAL);
	assert_ok(mete_classes_init(&classes, &small.device, &config));
	for (size_t size = METE_CLASS_MIN; size <= METE_CLASS_MAX; size *= 2) {
		void *cpu;
		mete_baddr bus;
		assert_ok(mete_classes_alloc(&classes, size, 0, &cpu, &bus));
		assert_true(bus + size - 1 <= low.last);
		assert_ok(mete_classes_free(&classes, cpu, size));
	}
	assert_ok(mete_classes_fini(&classes));
	small_arena_end(&small);
}

static void test_zeroed_classes_give_and_take_nothing(void **state)
{
	static struct mete_classes classes;
	void *cpu;
	(void)state;

	assert_null(mete_classes_get(&classes, 16));
	assert_null(mete_classes_get(&classes, 0));
	assert_error(mete_classes_alloc(&classes, 16, METE_WAIT, &cpu, NULL), METE_EINVAL);
	assert_error(mete_classes_free(&classes, &cpu, 16), METE_EINVAL);
	assert_error(mete_classes_free(&classes, &cpu, 0), METE_EINVAL);
	assert_ok(mete_classes_fini(&classes));
}

static void test_fini_is_refused_while_an_object_is_live(void **state)
{
	struct small_arena small;
	struct mete_classes classes;
	void *cpu;
	(void)state;

	start_classes(&small, &classes);
	assert_ok(mete_classes_alloc(&classes, 4096, 0, &cpu, NULL));
	assert_error(mete_classes_fini(&classes), METE_EBUSY);
	assert_int_equal(small_arena_counters(&small).fini_busy, 1);
	assert_ok(mete_classes_free(&classes, cpu, 4096));
	end_classes(&small, &classes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_class_is_the_next_power_of_two),
		cmocka_unit_test(test_objects_are_aligned_to_their_class_in_both_views),
		cmocka_unit_test(test_get_is_alloc_without_frills),
		cmocka_unit_test(test_bad_sizes_are_refused_and_counted),
		cmocka_unit_test(test_a_wrong_size_is_told_from_a_foreign_pointer),
		cmocka_unit_test(test_zero_clears_the_whole_class_size),
		cmocka_unit_test(test_a_limit_confines_every_class),
		cmocka_unit_test(test_zeroed_classes_give_and_take_nothing),
		cmocka_unit_test(test_fini_is_refused_while_an_object_is_live),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
