/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * The qemu rig as an AArch64 board: RAM is elsewhere, configuration space is memory, and all the rest is as on the PC
 * (test_qemu.c).  Devices: edu (DMA, MSI), e1000 (only a line), nvme (MSI-X).
 */
#include "iommu_bench.h"

#define RAM 0x40000000u
#define EDU_INVERT 0x04
#define E1000_IMS 0xd0
#define E1000_ICS 0xc8
#define E1000_ICR 0xc0

static struct mete_rig *start(const char *const *options)
{
	return start_rig(&iommu_smmu, options);
}

static void test_ram_is_above_one_gibibyte(void **state)
{
	struct mete_run run;
	size_t nruns = 0;

	(void)state;
	struct mete_rig *rig = start(NULL);
	struct mete_provider *p = mete_rig_provider(rig);
	while (!p->ops->take(p->ctx, &(struct mete_want){ .len = 1u << 20 }, &run)) {
		assert_true(run.phys >= RAM + (1u << 20) && run.phys < RAM + (64u << 20));
		nruns++;
	}
	assert_int_equal(nruns, 63); /* of the 64 MiB that are the default; one is the rig's */
	mete_rig_stop(rig);
}

static void test_two_gibibytes_of_ram_are_all_there(void **state)
{
	static const char *const edu[] = { "-device", "edu,dma_mask=0xffffffff", NULL };
	const struct mete_rig_qemu config = { .machine = METE_RIG_VIRT, .ram = (size_t)2 << 30, .options = edu };
	const struct mete_constraint top = { .first = 0xbff00000u };
	struct mete_rig_function f;
	struct mete_device device;
	struct mete_rig *rig;
	char text[1024];
	mete_baddr bus;
	void *cpu;

	(void)state;
	int error = mete_rig_start_qemu(&config, &rig, text, sizeof(text));
	if (error == METE_ENODEV)
		skip_because(text);
	assert_ok(error);
	assert_ok(mete_rig_find(rig, EDU_VENDOR, EDU_DEVICE, 0, &f));
	rig_device_init(&device, rig);
	assert_ok(mete_device_alloc(&device, &top, PAGE, METE_MEMORY_COHERENT, METE_ZERO, &cpu, &bus));
	memset(cpu, 0xa5, PAGE);
	edu_write(&f, bus, 16);
	check_all(cpu, 16, 0);
	assert_int_equal(mete_rig_stop(rig), 1);
}

static void test_edu_moves_data_and_interrupts(void **state)
{
	static const char *const options[] = { "-device", "edu,dma_mask=0xffffffff", "-device", "edu", NULL };
	struct mete_rig_function f, again;
	struct mete_device device;
	uint64_t from, to;

	(void)state;
	struct mete_rig *rig = start(options);
	assert_ok(mete_rig_find(rig, EDU_VENDOR, EDU_DEVICE, 0, &f));
	assert_ok(mete_rig_find(rig, EDU_VENDOR, EDU_DEVICE, 1, &again));
	assert_true(f.slot < again.slot);
	assert_true(f.bar[0].base >= 0x10000000 && again.bar[0].base + again.bar[0].len <= 0x3f000000);
	assert_true(f.bar[0].base + f.bar[0].len <= again.bar[0].base);
	rig_put(&f, EDU_INVERT, 4, 0x12345678);
	assert_int_equal(rig_get(&f, EDU_INVERT, 4), 0xedcba987);

	assert_ok(mete_rig_irq_enable(&f, 0));
	assert_string_equal(mete_rig_irq_kind(&f), "MSI");
	assert_error(mete_rig_irq_wait(&f, 0, 5), METE_ETIMEDOUT);
	rig_device_init(&device, rig);
	unsigned char *p = rig_alloc(&device, PAGE, &from), *q = rig_alloc(&device, PAGE, &to);
	fill(p, PAGE, 1);
	edu_dma(&f, from + 5, EDU_BUFFER, 3000, EDU_DMA_IRQ);
	assert_ok(mete_rig_irq_wait(&f, 0, 5000));
	edu_dma(&f, EDU_BUFFER, to + 16, 3000, EDU_DMA_TO_MEMORY | EDU_DMA_IRQ);
	assert_ok(mete_rig_irq_wait(&f, 0, 5000));

	assert_memory_equal(q + 16, p + 5, 3000);
	assert_error(mete_rig_irq_wait(&f, 0, 5), METE_ETIMEDOUT);
	assert_int_equal(mete_rig_stop(rig), 2);
}

static void test_a_line_is_reported_while_it_is_raised(void **state)
{
	static const char *const options[] = { "-device", "e1000,romfile=", NULL };
	struct mete_rig_function f;

	(void)state;
	struct mete_rig *rig = start(options);
	assert_ok(mete_rig_find(rig, 0x8086, 0x100e, 0, &f));
	assert_ok(mete_rig_irq_enable(&f, 0));
	assert_string_equal(mete_rig_irq_kind(&f), "INTx");
	rig_put(&f, E1000_IMS, 4, 4);
	assert_error(mete_rig_irq_wait(&f, 0, 5), METE_ETIMEDOUT);

	rig_put(&f, E1000_ICS, 4, 4);
	assert_ok(mete_rig_irq_wait(&f, 0, 5000));
	assert_ok(mete_rig_irq_wait(&f, 0, 5000));
	rig_get(&f, E1000_ICR, 4);
	assert_error(mete_rig_irq_wait(&f, 0, 5), METE_ETIMEDOUT);
	mete_rig_stop(rig);
}

static void test_config_space_has_three_widths(void **state)
{
	static const char *const options[] = { "-device", "edu", NULL };
	struct mete_rig_function f;
	uint32_t value;

	(void)state;
	struct mete_rig *rig = start(options);
	assert_ok(mete_rig_find(rig, EDU_VENDOR, EDU_DEVICE, 0, &f));
	assert_error(mete_rig_find(rig, EDU_VENDOR, EDU_DEVICE, 1, &f), METE_ENODEV);
	assert_ok(mete_rig_config_read(&f, 0, 4, &value));
	assert_int_equal(value, (uint32_t)EDU_DEVICE << 16 | EDU_VENDOR);
	assert_ok(mete_rig_config_read(&f, 3, 1, &value));
	assert_int_equal(value, EDU_DEVICE >> 8);
	assert_ok(mete_rig_config_write(&f, 0x3c, 1, 0x5a));
	assert_ok(mete_rig_config_read(&f, 0x3c, 2, &value));
	assert_int_equal(value, 0x15a);
	assert_error(mete_rig_config_read(&f, 256, 1, &value), METE_EINVAL);
	mete_rig_stop(rig);
}

static void test_a_missing_qemu_names_the_package(void **state)
{
	const struct mete_rig_qemu config = { .machine = METE_RIG_VIRT, .program = "mete-no-such-program" };
	const struct mete_rig_qemu set = { .machine = METE_RIG_VIRT };
	const char *variable = getenv("METE_QEMU_AARCH64");
	char *before = variable ? strdup(variable) : NULL;
	struct mete_rig *rig = NULL;
	char text[1024];

	(void)state;
	assert_error(mete_rig_start_qemu(&config, &rig, text, sizeof(text)), METE_ENODEV);
	assert_non_null(strstr(text, "qemu-system-arm"));
	assert_int_equal(setenv("METE_QEMU_AARCH64", "/nonexistent/other", 1), 0);
	assert_error(mete_rig_start_qemu(&set, &rig, text, sizeof(text)), METE_ENODEV);
	assert_non_null(strstr(text, "/nonexistent/other"));
	if (before)
		setenv("METE_QEMU_AARCH64", before, 1);
	else
		unsetenv("METE_QEMU_AARCH64");
	free(before);
	assert_null(rig);
}

static void test_there_are_two_machines(void **state)
{
	struct mete_rig *rig = NULL;

	(void)state;
	for (int machine = -1; machine < 4; machine++) {
		if (machine == METE_RIG_Q35 || machine == METE_RIG_VIRT)
			continue;
		const struct mete_rig_qemu config = { .machine = (enum mete_rig_machine)machine };
		assert_error(mete_rig_start_qemu(&config, &rig, NULL, 0), METE_EINVAL);
	}
	assert_null(rig);
}

static void test_it_leaves_nothing_behind(void **state)
{
	struct rig_traces before = rig_traces_now();

	(void)state;
	struct mete_rig *rig = start(NULL);
	assert_string_equal(mete_rig_last_words(rig), "");
	assert_int_equal(mete_rig_stop(rig), 0);
	rig_traces_check(&before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ram_is_above_one_gibibyte),
		cmocka_unit_test(test_two_gibibytes_of_ram_are_all_there),
		cmocka_unit_test(test_edu_moves_data_and_interrupts),
		cmocka_unit_test(test_a_line_is_reported_while_it_is_raised),
		cmocka_unit_test(test_config_space_has_three_widths),
		cmocka_unit_test(test_a_missing_qemu_names_the_package),
		cmocka_unit_test(test_there_are_two_machines),
		cmocka_unit_test(test_it_leaves_nothing_behind),
	};
	rig_folder_enter();
	return rig_folder_leave(cmocka_run_group_tests_name("rig: virt", tests, NULL, NULL));
}
