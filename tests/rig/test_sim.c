/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * The sim rig as a machine: RAM, configuration space, decoding, messages.  Its NVMe as a controller: test_sim_nvme.c.
 */
#include "rig_support.h"

#include <unistd.h>

#define NVME_VENDOR 0x1b36
#define NVME_DEVICE 0x0010
#define NVME_VS 0x08
#define NVME_AQA 0x24
#define COMMAND 0x04
#define COMMAND_MEMORY 0x2u

/* A machine with a disk of one block. */
static struct mete_rig *start(struct mete_rig_function *ret_function)
{
	struct mete_rig *rig;
	char text[256], path[32];
	int fd;

	free(rig_file_make(512, 1, &fd, path));
	if (mete_rig_start_sim(&(struct mete_rig_sim){ .disk = path }, &rig, text, sizeof(text)))
		fail_msg("%s", text);
	close(fd);
	assert_ok(mete_rig_find(rig, NVME_VENDOR, NVME_DEVICE, 0, ret_function));
	return rig;
}

static void test_start_and_stop_leave_nothing_behind(void **state)
{
	(void)state;
	struct rig_traces before = rig_traces_now();
	struct mete_rig_function f;

	struct mete_rig *rig = start(&f);
	assert_string_equal(mete_rig_kind(rig), "sim");
	assert_int_equal(mete_rig_process(rig), 0);
	assert_string_equal(mete_rig_last_words(rig), "");

	assert_int_equal(mete_rig_stop(rig), 0);
	rig_traces_check(&before);
}

static void test_stop_frees_what_is_still_held(void **state)
{
	(void)state;
	struct mete_rig *rig;
	struct mete_device device;
	uint64_t bus;

	assert_ok(mete_rig_start_sim(NULL, &rig, NULL, 0));
	rig_device_init(&device, rig);
	unsigned char *cpu = rig_alloc(&device, 10000, &bus);
	assert_true(bus >= 1u << 20 && bus <= (64u << 20) - 10000);
	cpu[9999] = 1;

	assert_int_equal(mete_rig_stop(rig), 1); /* the sanitizer tells if records leak */
}

static void test_a_machine_without_a_disk_is_empty(void **state)
{
	(void)state;
	struct mete_rig *rig;
	struct mete_rig_function f;

	assert_ok(mete_rig_start_sim(NULL, &rig, NULL, 0));

	assert_error(mete_rig_find(rig, NVME_VENDOR, NVME_DEVICE, 0, &f), METE_ENODEV);
	assert_error(mete_rig_find(rig, 0xffff, 0xffff, 0, &f), METE_ENODEV);
	mete_rig_stop(rig);
}

static void test_bad_configurations_are_refused(void **state)
{
	(void)state;
	static const struct {
		struct mete_rig_sim config;
		int want;
		const char *word;
	} bad[] = {
		{ { .ram = 1u << 20 }, METE_EINVAL, "range" },
		{ { .ram = (64u << 20) + 4096 }, METE_EINVAL, "range" },
		{ { .disk_mdts = 14 }, METE_EINVAL, "" },
		{ { .disk = "/nonexistent/disk" }, METE_EIO, "/nonexistent/disk" },
		{ { .disk = "/" }, METE_EIO, "not a regular file" },
	};
	struct rig_traces before = rig_traces_now();

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct mete_rig *rig = NULL;
		char text[256];
		assert_row(mete_rig_start_sim(&bad[i].config, &rig, text, sizeof(text)) == bad[i].want, i, text);
		assert_row(strstr(text, bad[i].word), i, text);
		assert_null(rig);
	}
	rig_traces_check(&before);
}

static void test_the_bar_is_where_configuration_space_says(void **state)
{
	(void)state;
	struct mete_rig_function f, again;
	struct mete_rig *rig = start(&f);
	uint32_t low, high;

	assert_ok(mete_rig_config_read(&f, 0x10, 4, &low));
	assert_ok(mete_rig_config_read(&f, 0x14, 4, &high));
	assert_int_equal(f.bar[0].base, (uint64_t)high << 32 | (low & ~0xfu));
	assert_int_equal(low & 0xf, 4); /* memory, 64 bits wide */
	assert_int_equal(f.bar[0].len, 0x4000);
	assert_int_equal(f.bar[0].base % f.bar[0].len, 0);

	assert_ok(mete_rig_find(rig, NVME_VENDOR, NVME_DEVICE, 0, &again));
	assert_int_equal(again.bar[0].base, f.bar[0].base);
	mete_rig_stop(rig);
}

static void test_read_only_bits_of_configuration_space_stay(void **state)
{
	(void)state;
	struct mete_rig_function f;
	struct mete_rig *rig = start(&f);
	uint32_t value;

	assert_ok(mete_rig_config_write(&f, 0, 4, 0));
	assert_ok(mete_rig_config_read(&f, 0, 4, &value));
	assert_int_equal(value, (uint32_t)NVME_DEVICE << 16 | NVME_VENDOR);
	assert_ok(mete_rig_config_write(&f, 0x3c, 2, 0x1234));
	assert_ok(mete_rig_config_read(&f, 0x3c, 2, &value));
	assert_int_equal(value, 0x0034); /* a notepad, and a pin that is not there */

	assert_error(mete_rig_config_read(&f, 256, 1, &value), METE_EINVAL);
	assert_error(mete_rig_config_read(&f, 2, 4, &value), METE_EINVAL);
	assert_error(mete_rig_config_read(&f, 0, 8, &value), METE_EINVAL);
	mete_rig_stop(rig);
}

static void test_nobody_answers_while_decoding_is_off(void **state)
{
	(void)state;
	struct mete_rig_function f;
	struct mete_rig *rig = start(&f);
	uint32_t command;

	assert_int_equal(rig_get(&f, NVME_VS, 4), 0x00010400);
	assert_ok(mete_rig_config_read(&f, COMMAND, 2, &command));
	assert_ok(mete_rig_config_write(&f, COMMAND, 2, command & ~COMMAND_MEMORY));

	assert_int_equal(rig_get(&f, NVME_VS, 4), 0xffffffff);
	assert_int_equal(rig_get(&f, NVME_VS, 1), 0xff);
	rig_put(&f, NVME_VS, 4, 0);
	mete_rig_stop(rig);
}

static void test_registers_read_the_same_in_all_widths(void **state)
{
	(void)state;
	struct mete_rig_function f;
	struct mete_rig *rig = start(&f);
	uint64_t whole = rig_get(&f, 0, 8), parts = 0;

	assert_int_equal(rig_get(&f, 0, 4) | rig_get(&f, 4, 4) << 32, whole);
	for (unsigned i = 8; i-- > 0;)
		parts = parts << 8 | rig_get(&f, i, 1);
	assert_int_equal(parts, whole);
	mete_rig_stop(rig);
}

static void test_registers_of_a_bar_are_the_rigs(void **state)
{
	(void)state;
	struct mete_registers registers, untouched;
	struct mete_rig_function f;
	struct mete_rig *rig = start(&f);
	uint64_t whole = rig_get(&f, 0, 8);

	assert_ok(mete_rig_registers(&f, 0, &registers));
	assert_int_equal(registers.len, f.bar[0].len);
	memset(&f, 0, sizeof(f)); /* the rig keeps a record of its own */
	assert_int_equal(mete_registers_read(&registers, 0, 8), whole);
	assert_int_equal(mete_registers_read(&registers, NVME_VS, 2), 0x0400);
	mete_registers_write(&registers, NVME_AQA, 4, 0x00030003);
	assert_int_equal(mete_registers_read(&registers, NVME_AQA, 4), 0x00030003);
	assert_int_equal(mete_registers_read(&registers, registers.len, 4), 0xffffffff);

	/* Past the check that they come with. */
	uint64_t value = 1;
	assert_error(registers.ops->read(registers.ctx, registers.len - 4, 8, &value), METE_EINVAL);
	assert_error(registers.ops->write(registers.ctx, registers.len, 4, 0), METE_EINVAL);

	assert_ok(mete_rig_find(rig, NVME_VENDOR, NVME_DEVICE, 0, &f));
	memset(&untouched, 0x5a, sizeof(untouched));
	registers = untouched;
	assert_error(mete_rig_registers(&f, 1, &registers), METE_EINVAL); /* the upper half of BAR 0 */
	assert_error(mete_rig_registers(&f, 5, &registers), METE_EINVAL);
	assert_error(mete_rig_registers(&f, 6, &registers), METE_EINVAL);
	assert_error(mete_rig_registers(&f, UINT32_MAX, &registers), METE_EINVAL);
	assert_memory_equal(&registers, &untouched, sizeof(registers));
	mete_rig_stop(rig);
}

struct watched {
	struct mete_rig_cycle last;
	unsigned n;
};

static void watch(void *ctx, const struct mete_rig_cycle *cycle)
{
	struct watched *w = ctx;

	w->last = *cycle;
	w->n++;
}

static void test_who_watches_is_told_each_access(void **state)
{
	(void)state;
	struct mete_registers registers;
	struct watched w = { .n = 0 };
	struct mete_rig_function f;
	struct mete_rig *rig = start(&f);
	uint64_t value;

	mete_rig_watch(rig, watch, &w);
	assert_int_equal(rig_get(&f, NVME_VS, 4), 0x00010400);
	assert_int_equal(w.n, 1);
	assert_false(w.last.write);
	assert_int_equal(w.last.source, f.slot << 3);
	assert_int_equal(w.last.bar, 0);
	assert_int_equal(w.last.offset, NVME_VS);
	assert_int_equal(w.last.width, 4);
	assert_int_equal(w.last.value, 0x00010400);
	assert_ok(mete_rig_registers(&f, 0, &registers));
	mete_registers_write(&registers, NVME_AQA, 4, 0x00030003);
	assert_int_equal(w.n, 2);
	assert_true(w.last.write && w.last.offset == NVME_AQA && w.last.value == 0x00030003 && !w.last.error);
	assert_ok(mete_rig_write_relaxed(&f, 0, NVME_AQA, 4, 7));
	assert_int_equal(w.n, 3);
	assert_int_equal(w.last.value, 7);

	/* One that is refused was none; and nobody is told when nobody asks. */
	assert_error(mete_rig_read(&f, 0, 2, 4, &value), METE_EINVAL);
	assert_int_equal(w.n, 3);
	mete_rig_watch(rig, NULL, NULL);
	(void)rig_get(&f, NVME_VS, 4);
	assert_int_equal(w.n, 3);
	mete_rig_stop(rig);
}

static void test_waiting_for_nothing_ends_at_once(void **state)
{
	(void)state;
	struct mete_rig_function f;
	struct mete_rig *rig = start(&f);
	int64_t began = rig_now_ms();

	assert_error(mete_rig_irq_wait(&f, 0, 60000), METE_EINVAL);
	assert_ok(mete_rig_irq_enable(&f, 0));
	assert_string_equal(mete_rig_irq_kind(&f), "MSI-X");
	assert_error(mete_rig_irq_wait(&f, 0, 60000), METE_ETIMEDOUT);

	assert_true(rig_now_ms() - began < 5000);
	assert_error(mete_rig_irq_enable(&f, 9), METE_EINVAL); /* it has 9: admin queue and 8 more */
	assert_error(mete_rig_irq_enable(&f, UINT32_MAX), METE_EINVAL);
	assert_error(mete_rig_irq_wait(&f, UINT32_MAX, 0), METE_EINVAL);
	mete_rig_stop(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_and_stop_leave_nothing_behind),
		cmocka_unit_test(test_stop_frees_what_is_still_held),
		cmocka_unit_test(test_a_machine_without_a_disk_is_empty),
		cmocka_unit_test(test_bad_configurations_are_refused),
		cmocka_unit_test(test_the_bar_is_where_configuration_space_says),
		cmocka_unit_test(test_read_only_bits_of_configuration_space_stay),
		cmocka_unit_test(test_nobody_answers_while_decoding_is_off),
		cmocka_unit_test(test_registers_read_the_same_in_all_widths),
		cmocka_unit_test(test_registers_of_a_bar_are_the_rigs),
		cmocka_unit_test(test_who_watches_is_told_each_access),
		cmocka_unit_test(test_waiting_for_nothing_ends_at_once),
	};
	rig_folder_enter();
	return rig_folder_leave(cmocka_run_group_tests_name("rig: sim", tests, NULL, NULL));
}
