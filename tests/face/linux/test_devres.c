/* SPDX-License-Identifier: ISC */
/*
 * Managed memory and actions of the Linux shim: given back at release, the newest first, and once.
 */
#include "support.h"

#include <errno.h>
#include <linux/device.h>
#include <mete/shim.h>

#include "small_arena.h"

static struct mete_linux here;
METE_LINUX_HERE(here);

static int nwarnings;

/* In place of the shim's own. */
int mete_shim_vprintf(int level, const char *format, va_list args)
{
	(void)format;
	(void)args;
	nwarnings += level == 4;
	return 0;
}

struct devres_world {
	struct small_arena small;
	struct device dev;
};

static void start(struct devres_world *w)
{
	small_arena_start(&w->small);
	assert_ok(mete_linux_init(&here, &w->small.arena.provider));
	mete_linux_device_init(&w->dev, "test", &w->small.device);
	nwarnings = 0;
}

/* mete_linux_fini() refuses while a block is out. */
static void end(struct devres_world *w)
{
	mete_linux_device_release(&w->dev);
	assert_ok(mete_linux_fini(&here));
	small_arena_end(&w->small);
}

static char order[8];

static void note(void *data)
{
	size_t n = strlen(order);
	order[n] = *(const char *)data;
	order[n + 1] = '\0';
}

static void test_actions_run_at_release_the_newest_first(void **state)
{
	static char letters[] = "abcd";
	struct devres_world w;
	(void)state;

	start(&w);
	order[0] = '\0';
	for (int i = 0; i < 4; i++)
		assert_int_equal(devm_add_action(&w.dev, note, &letters[i]), 0);
	devm_remove_action(&w.dev, note, &letters[1]);
	assert_string_equal(order, "");
	devm_release_action(&w.dev, note, &letters[2]);
	assert_string_equal(order, "c");
	assert_int_equal(devm_add_action_or_reset(&w.dev, note, &letters[1]), 0);
	mete_linux_device_release(&w.dev);
	assert_string_equal(order, "cbda");
	mete_linux_device_release(&w.dev);
	assert_string_equal(order, "cbda");
	assert_int_equal(nwarnings, 0);
	end(&w);
}

static void test_managed_memory_is_freed_at_release(void **state)
{
	struct devres_world w;
	(void)state;

	start(&w);
	memset(w.small.memory, 0xa5, SMALL_LEN);
	unsigned char *plain = devm_kmalloc(&w.dev, 100, GFP_KERNEL), *zeroed = devm_kzalloc(&w.dev, 100, GFP_KERNEL);
	u32 *array = devm_kcalloc(&w.dev, 50, sizeof(*array), GFP_KERNEL);
	char *copy = devm_kmemdup(&w.dev, "text", 5, GFP_KERNEL);
	assert_true(plain[0] == 0xa5 && plain[99] == 0xa5);
	assert_true(zeroed[0] == 0 && zeroed[99] == 0 && array[0] == 0 && array[49] == 0);
	assert_string_equal(copy, "text");
	assert_int_equal(ksize(array), 256);
	assert_ptr_equal(devm_kmalloc(&w.dev, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	assert_null(devm_kcalloc(&w.dev, SIZE_MAX / 4 + 2, 4, GFP_KERNEL));
	assert_null(devm_kmalloc(&w.dev, 2 * SMALL_LEN, GFP_KERNEL));
	assert_error(mete_linux_fini(&here), METE_EBUSY);
	mete_linux_device_release(&w.dev);
	assert_int_equal(ksize(plain) + ksize(zeroed) + ksize(array) + ksize(copy), 0);
	assert_int_equal(small_arena_counters(&w.small).double_free, 0);
	end(&w);
}

static void test_what_was_freed_early_is_not_freed_again(void **state)
{
	struct devres_world w;
	int local;
	(void)state;

	start(&w);
	void *first = devm_kmalloc(&w.dev, 100, GFP_KERNEL), *second = devm_kmalloc(&w.dev, 100, GFP_KERNEL);
	void *other = kmalloc(100, GFP_KERNEL);
	devm_kfree(&w.dev, NULL);
	devm_kfree(&w.dev, ZERO_SIZE_PTR);
	devm_kfree(&w.dev, first);
	assert_int_equal(nwarnings, 0);
	assert_int_equal(ksize(first), 0);
	devm_kfree(&w.dev, first);
	devm_kfree(&w.dev, &local);
	devm_kfree(&w.dev, other); /* not managed */
	devm_remove_action(&w.dev, note, second);
	devm_release_action(&w.dev, note, second);
	assert_int_equal(nwarnings, 5);
	assert_int_equal(ksize(other), 128);
	mete_linux_device_release(&w.dev);
	assert_int_equal(ksize(second), 0);
	struct mete_counters counters = small_arena_counters(&w.small);
	assert_int_equal(counters.double_free + counters.bad_address, 0);
	kfree(other);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_actions_run_at_release_the_newest_first),
		cmocka_unit_test(test_managed_memory_is_freed_at_release),
		cmocka_unit_test(test_what_was_freed_early_is_not_freed_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
