/* SPDX-License-Identifier: ISC */
/*
 * Registers: which accesses reach the two functions, and what one gets that does not.
 */
#include "support.h"

#include <mete/registers.h>

/* Sixteen bytes of registers that count what reaches them. */
struct model {
	unsigned char byte[16];
	unsigned naccesses, nrelaxed;
	bool dead;
};

static int model_read(void *ctx, uint64_t offset, unsigned width, uint64_t *ret_value)
{
	struct model *model = ctx;

	model->naccesses++;
	if (model->dead)
		return METE_EIO;
	*ret_value = ~(uint64_t)0 << 8 * (width % 8); /* what is beyond the width is nobody's business */
	if (width == 8)
		*ret_value = 0;
	for (unsigned i = 0; i < width; i++)
		*ret_value |= (uint64_t)model->byte[offset + i] << 8 * i;
	return 0;
}

static int model_write(void *ctx, uint64_t offset, unsigned width, uint64_t value)
{
	struct model *model = ctx;

	model->naccesses++;
	assert_int_equal(value & ~METE_REGISTERS_ONES(width), 0);
	for (unsigned i = 0; i < width && !model->dead; i++)
		model->byte[offset + i] = (unsigned char)(value >> 8 * i);
	return model->dead ? METE_EIO : 0;
}

static const struct mete_registers_ops model_ops = { .read = model_read, .write = model_write };

static void test_registers_are_read_as_they_were_written(void **state)
{
	(void)state;
	struct model model = { .dead = false };
	const struct mete_registers registers = { &model_ops, &model, sizeof(model.byte) };

	for (unsigned width = 1; width <= 8; width *= 2) {
		mete_registers_write(&registers, 16 - width, width, 0xf1e2d3c4b5a69788);
		assert_int_equal(mete_registers_read(&registers, 16 - width, width),
		    0xf1e2d3c4b5a69788 & METE_REGISTERS_ONES(width));
	}
	assert_int_equal(model.naccesses, 8);
}

static int model_write_relaxed(void *ctx, uint64_t offset, unsigned width, uint64_t value)
{
	struct model *model = ctx;

	model->nrelaxed++;
	return model_write(ctx, offset, width, value);
}

static void test_a_relaxed_write_is_one_where_there_is_such(void **state)
{
	(void)state;
	static const struct mete_registers_ops relaxed_ops = { .read = model_read, .write = model_write,
		.write_relaxed = model_write_relaxed };
	struct model model = { .dead = false };
	const struct mete_registers registers = { &relaxed_ops, &model, sizeof(model.byte) },
				    plain = { &model_ops, &model, sizeof(model.byte) };

	mete_registers_write(&registers, 0, 2, 0x1234);
	assert_int_equal(model.nrelaxed, 0);
	mete_registers_write_relaxed(&registers, 2, 2, 0xff5678); /* what is beyond the width is dropped */
	assert_int_equal(model.nrelaxed, 1);
	mete_registers_write_relaxed(&plain, 4, 1, 0x9a);
	assert_int_equal(model.nrelaxed, 1);
	assert_memory_equal(model.byte, "\x34\x12\x78\x56\x9a\0", 6);
	assert_int_equal(model.naccesses, 3);
	mete_registers_write_relaxed(NULL, 0, 4, 0);
	mete_registers_write_relaxed(&registers, 16, 4, 0);
	mete_registers_write_relaxed(&registers, 2, 4, 0);
	mete_registers_write_relaxed(&registers, 0, 3, 0);
	assert_int_equal(model.naccesses, 3);
}

static void test_what_cannot_be_accessed_is_all_ones(void **state)
{
	(void)state;
	static const struct {
		uint64_t offset;
		unsigned width;
		uint64_t want;
		const char *why;
	} row[] = {
		{ 16, 1, 0xff, "behind the end" },
		{ 16, 4, 0xffffffff, "behind the end" },
		{ UINT64_MAX, 1, 0xff, "far behind the end" },
		{ UINT64_MAX - 7, 8, UINT64_MAX, "the end overflows" },
		{ 1, 2, 0xffff, "not aligned" },
		{ 4, 8, UINT64_MAX, "not aligned" },
		{ 0, 0, UINT64_MAX, "no width" },
		{ 0, 3, UINT64_MAX, "no such width" },
		{ 0, 16, UINT64_MAX, "no such width" },
		{ 0, UINT32_MAX, UINT64_MAX, "no such width" },
	};
	struct model model = { .dead = false };
	const struct mete_registers registers = { &model_ops, &model, sizeof(model.byte) };

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		assert_row(mete_registers_read(&registers, row[i].offset, row[i].width) == row[i].want, i, row[i].why);
		assert_row(!mete_registers_allow(&registers, row[i].offset, row[i].width), i, row[i].why);
		mete_registers_write(&registers, row[i].offset, row[i].width, 0);
		assert_row(model.naccesses == 0, i, row[i].why);
	}
	assert_int_equal(mete_registers_read(NULL, 0, 4), 0xffffffff);
	mete_registers_write(NULL, 0, 4, 0);
}

static void test_a_part_ends_where_the_registers_end(void **state)
{
	(void)state;
	const struct mete_registers registers = { &model_ops, NULL, 16 };

	assert_true(mete_registers_have(&registers, 0, 16));
	assert_true(mete_registers_have(&registers, 16, 0));
	assert_true(mete_registers_have(&registers, 15, 1));
	assert_false(mete_registers_have(&registers, 16, 1));
	assert_false(mete_registers_have(&registers, 0, 17));
	assert_false(mete_registers_have(&registers, 1, UINT64_MAX));
	assert_false(mete_registers_have(&registers, UINT64_MAX, 1));
	assert_false(mete_registers_have(NULL, 0, 0));
}

static void test_a_dead_device_is_all_ones(void **state)
{
	(void)state;
	struct model model = { .dead = true };
	const struct mete_registers registers = { &model_ops, &model, sizeof(model.byte) };

	assert_int_equal(mete_registers_read(&registers, 0, 1), 0xff);
	assert_int_equal(mete_registers_read(&registers, 0, 2), 0xffff);
	assert_int_equal(mete_registers_read(&registers, 0, 4), 0xffffffff);
	assert_int_equal(mete_registers_read(&registers, 0, 8), UINT64_MAX);
	mete_registers_write(&registers, 0, 4, 0x12345678);

	assert_int_equal(model.naccesses, 5);
	assert_int_equal(model.byte[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers_are_read_as_they_were_written),
		cmocka_unit_test(test_a_relaxed_write_is_one_where_there_is_such),
		cmocka_unit_test(test_what_cannot_be_accessed_is_all_ones),
		cmocka_unit_test(test_a_part_ends_where_the_registers_end),
		cmocka_unit_test(test_a_dead_device_is_all_ones),
	};
	return cmocka_run_group_tests_name("core: registers", tests, NULL, NULL);
}
