/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * The qemu rig: a real device does DMA into our memory and interrupts us, and whatever becomes of QEMU, the caller gets
 * an error soon and nothing is left behind.
 *
 * Devices: edu (a teaching device with registers, DMA and MSI), e1000 (only a line), nvme.
 */
#include "rig_support.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11e8
#define EDU_ID 0x00
#define EDU_INVERT 0x04
#define EDU_IRQ_RAISE 0x60
#define EDU_IRQ_ACK 0x64
#define EDU_DMA_FROM 0x80
#define EDU_DMA_TO 0x88
#define EDU_DMA_LEN 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_DMA_START 0x1u
#define EDU_DMA_TO_MEMORY 0x2u
#define EDU_DMA_IRQ 0x4u
#define EDU_BUFFER 0x40000u /* the device's own address of its 4 KiB buffer */

#define E1000_VENDOR 0x8086
#define E1000_DEVICE 0x100e
#define E1000_ICR 0xc0      /* why it interrupts; reading it is the acknowledgement */
#define E1000_ICS 0xc8      /* raise by software */
#define E1000_IMS 0xd0      /* enable */
#define E1000_LINK 0x4u

static const char *const edu[] = { "-device", "edu,dma_mask=0xffffffff", NULL };

static struct mete_rig *start(const char *const *options)
{
	const struct mete_rig_qemu config = { .options = options };
	struct mete_rig *rig;
	char text[1024];

	if (mete_rig_start_qemu(&config, &rig, text, sizeof(text)))
		fail_msg("%s", text);
	return rig;
}

static struct mete_rig *start_edu(struct mete_rig_function *ret_edu)
{
	struct mete_rig *rig = start(edu);

	assert_ok(mete_rig_find(rig, EDU_VENDOR, EDU_DEVICE, 0, ret_edu));
	return rig;
}

static void test_start_and_stop_leave_nothing_behind(void **state)
{
	(void)state;
	struct rig_traces before = rig_traces_now();

	struct mete_rig *rig = start(NULL);
	assert_string_equal(mete_rig_kind(rig), "qemu");
	assert_true(mete_rig_process(rig) > 0);
	assert_string_equal(mete_rig_last_words(rig), "");
	assert_int_equal(mete_rig_stop(rig), 0);

	assert_int_equal(mete_rig_stop(NULL), 0);
	rig_traces_check(&before);
}

static void test_stop_counts_what_is_still_held(void **state)
{
	(void)state;
	struct mete_rig *rig = start(NULL);
	struct mete_device device;
	uint64_t bus;

	rig_device_init(&device, rig);
	rig_alloc(&device, 4096, &bus);
	rig_alloc(&device, 3 * 4096, &bus);

	assert_int_equal(mete_rig_stop(rig), 2);
}

static void test_the_first_mebibyte_is_not_handed_out(void **state)
{
	(void)state;
	struct mete_rig *rig = start(NULL);
	struct mete_provider *provider = mete_rig_provider(rig);
	struct mete_run run;
	size_t nruns = 0;

	while (!provider->ops->take(provider->ctx, &(struct mete_want){ .len = 1u << 20 }, &run)) {
		assert_true(run.phys >= 1u << 20);
		nruns++;
	}

	assert_int_equal(nruns, 63); /* of the 64 MiB that are the default */
	mete_rig_stop(rig);
}

static void test_edu_answers(void **state)
{
	(void)state;
	struct mete_rig_function f;
	struct mete_rig *rig = start_edu(&f);

	assert_int_equal(rig_get(&f, EDU_ID, 4) & 0xff, 0xed);
	rig_put(&f, EDU_INVERT, 4, 0x12345678);
	assert_int_equal(rig_get(&f, EDU_INVERT, 4), 0xedcba987);

	mete_rig_stop(rig);
}

static void edu_dma(const struct mete_rig_function *f, uint64_t from, uint64_t to, uint64_t len, uint64_t command)
{
	rig_put(f, EDU_DMA_FROM, 8, from);
	rig_put(f, EDU_DMA_TO, 8, to);
	rig_put(f, EDU_DMA_LEN, 8, len);
	rig_put(f, EDU_DMA_COMMAND, 8, command | EDU_DMA_START);
}

static void test_edu_moves_data_both_ways(void **state)
{
	(void)state;
	struct mete_rig_function f;
	struct mete_rig *rig = start_edu(&f);
	struct mete_device device;
	uint64_t there_bus, back_bus;
	const size_t len = 3000; /* below 4095: QEMU 7.2 aborts if its buffer's last byte is touched */

	assert_ok(mete_rig_irq_enable(&f, 0));
	rig_device_init(&device, rig);
	unsigned char *there = rig_alloc(&device, 4096, &there_bus), *back = rig_alloc(&device, 4096, &back_bus);
	for (size_t i = 0; i < 4096; i++)
		there[i] = (unsigned char)(i * 7 + (i >> 8));
	memset(back, 0xa5, 4096);

	edu_dma(&f, there_bus + 5, EDU_BUFFER, len, EDU_DMA_IRQ);
	assert_ok(mete_rig_irq_wait(&f, 0, 5000));
	edu_dma(&f, EDU_BUFFER, back_bus + 16, len, EDU_DMA_TO_MEMORY | EDU_DMA_IRQ);
	assert_ok(mete_rig_irq_wait(&f, 0, 5000));

	assert_memory_equal(back + 16, there + 5, len);
	assert_int_equal(back[15], 0xa5);
	assert_int_equal(back[16 + len], 0xa5);
	assert_ok(mete_device_free(&device, there, 4096));
	assert_ok(mete_device_free(&device, back, 4096));
	assert_int_equal(mete_rig_stop(rig), 0);
}

static void test_a_message_is_reported_once(void **state)
{
	(void)state;
	struct mete_rig_function f;
	struct mete_rig *rig = start_edu(&f);

	assert_string_equal(mete_rig_irq_kind(&f), "none");
	assert_error(mete_rig_irq_wait(&f, 0, 0), METE_EINVAL);
	assert_ok(mete_rig_irq_enable(&f, 0));
	assert_string_equal(mete_rig_irq_kind(&f), "MSI");
	assert_error(mete_rig_irq_enable(&f, 1), METE_EINVAL);
	assert_error(mete_rig_irq_wait(&f, 1, 0), METE_EINVAL);
	assert_error(mete_rig_irq_wait(&f, 0, 5), METE_ETIMEDOUT);

	rig_put(&f, EDU_IRQ_RAISE, 4, 1);
	assert_ok(mete_rig_irq_wait(&f, 0, 5000));
	assert_error(mete_rig_irq_wait(&f, 0, 5), METE_ETIMEDOUT);

	rig_put(&f, EDU_IRQ_ACK, 4, 1);
	mete_rig_stop(rig);
}

static void test_enabling_again_forgets_what_was_raised(void **state)
{
	(void)state;
	struct mete_rig_function f;
	struct mete_rig *rig = start_edu(&f);

	assert_ok(mete_rig_irq_enable(&f, 0));
	rig_put(&f, EDU_IRQ_RAISE, 4, 1);
	rig_get(&f, EDU_ID, 4);
	assert_ok(mete_rig_irq_enable(&f, 0));

	assert_error(mete_rig_irq_wait(&f, 0, 5), METE_ETIMEDOUT);
	mete_rig_stop(rig);
}

static void test_a_line_is_reported_while_it_is_raised(void **state)
{
	(void)state;
	/* No option ROM: its package need not be there.  No network: QEMU says so on its stderr, which is ours. */
	static const char *const options[] = { "-device", "e1000,romfile=", NULL };
	struct mete_rig *rig = start(options);
	struct mete_rig_function f;

	assert_ok(mete_rig_find(rig, E1000_VENDOR, E1000_DEVICE, 0, &f));
	assert_ok(mete_rig_irq_enable(&f, 0));
	assert_string_equal(mete_rig_irq_kind(&f), "INTx");
	assert_error(mete_rig_irq_enable(&f, 1), METE_EINVAL);
	rig_put(&f, E1000_IMS, 4, E1000_LINK);
	assert_error(mete_rig_irq_wait(&f, 0, 5), METE_ETIMEDOUT);

	rig_put(&f, E1000_ICS, 4, E1000_LINK);
	assert_ok(mete_rig_irq_wait(&f, 0, 5000));
	assert_ok(mete_rig_irq_wait(&f, 0, 5000));

	rig_get(&f, E1000_ICR, 4);
	assert_error(mete_rig_irq_wait(&f, 0, 5), METE_ETIMEDOUT);
	mete_rig_stop(rig);
}

static void test_a_function_without_interrupts_says_so(void **state)
{
	(void)state;
	static const char *const options[] = { "-device", "pci-testdev", NULL };
	struct mete_rig *rig = start(options);
	struct mete_rig_function f;

	assert_ok(mete_rig_find(rig, 0x1b36, 0x0005, 0, &f));

	assert_error(mete_rig_irq_enable(&f, 0), METE_ENOTSUP);
	assert_string_equal(mete_rig_irq_kind(&f), "none");
	mete_rig_stop(rig);
}

static void test_functions_are_found_in_order_with_bars_apart(void **state)
{
	(void)state;
	static const char *const options[] = { "-device", "edu", "-blockdev", "null-co,node-name=n,size=512", "-device",
		"nvme,drive=n,serial=x", "-device", "edu", NULL };
	struct mete_rig *rig = start(options);
	struct mete_rig_function f[3], again;

	assert_ok(mete_rig_find(rig, EDU_VENDOR, EDU_DEVICE, 0, &f[0]));
	assert_ok(mete_rig_find(rig, EDU_VENDOR, EDU_DEVICE, 1, &f[1]));
	assert_ok(mete_rig_find(rig, 0x1b36, 0x0010, 0, &f[2]));
	assert_error(mete_rig_find(rig, EDU_VENDOR, EDU_DEVICE, 2, &again), METE_ENODEV);
	assert_error(mete_rig_find(rig, 0x1b36, 0x0011, 0, &again), METE_ENODEV);

	assert_true(f[0].slot < f[1].slot);
	assert_int_equal(f[0].bar[0].len, 1u << 20);
	assert_true(f[2].bar[0].len >= 0x4000);
	for (size_t i = 0; i < 3; i++) {
		assert_true(f[i].bar[0].base >= 0xc0000000u);
		assert_int_equal(f[i].bar[0].base % f[i].bar[0].len, 0);
		assert_int_equal(f[i].bar[1].base, 0); /* of nvme, it is the upper half of BAR 0 */
		for (size_t j = 0; j < i; j++)
			assert_true(f[j].bar[0].base + f[j].bar[0].len <= f[i].bar[0].base ||
			    f[i].bar[0].base + f[i].bar[0].len <= f[j].bar[0].base);
	}

	/* To find is not to disturb: the second look sees the same address, and the device still answers. */
	assert_ok(mete_rig_find(rig, EDU_VENDOR, EDU_DEVICE, 0, &again));
	assert_int_equal(again.bar[0].base, f[0].bar[0].base);
	assert_int_equal(rig_get(&f[0], EDU_ID, 4) & 0xff, 0xed);
	mete_rig_stop(rig);
}

static void test_io_bars_are_left_alone(void **state)
{
	(void)state;
	static const char *const options[] = { "-device", "e1000,romfile=", NULL };
	struct mete_rig *rig = start(options);
	struct mete_rig_function f;
	uint64_t value;

	assert_ok(mete_rig_find(rig, E1000_VENDOR, E1000_DEVICE, 0, &f));

	assert_int_equal(f.bar[0].len, 128u << 10);
	assert_int_equal(f.bar[1].base, 0);
	assert_error(mete_rig_read(&f, 1, 0, 4, &value), METE_EINVAL);
	mete_rig_stop(rig);
}

static void test_config_space_has_three_widths(void **state)
{
	(void)state;
	struct mete_rig_function f;
	struct mete_rig *rig = start_edu(&f);
	uint32_t value;

	assert_ok(mete_rig_config_read(&f, 0, 4, &value));
	assert_int_equal(value, (uint32_t)EDU_DEVICE << 16 | EDU_VENDOR);
	assert_ok(mete_rig_config_read(&f, 2, 2, &value));
	assert_int_equal(value, EDU_DEVICE);
	assert_ok(mete_rig_config_read(&f, 3, 1, &value));
	assert_int_equal(value, EDU_DEVICE >> 8);

	/* The interrupt line (a notepad) has the interrupt pin (1, read-only) beside it. */
	assert_ok(mete_rig_config_write(&f, 0x3c, 1, 0x5a));
	assert_ok(mete_rig_config_read(&f, 0x3c, 2, &value));
	assert_int_equal(value, 0x15a);
	mete_rig_stop(rig);
}

static void test_cycles_out_of_range_are_refused(void **state)
{
	(void)state;
	static const struct {
		unsigned bar;
		uint64_t offset;
		unsigned width;
		const char *why;
	} bad[] = {
		{ 0, 0, 0, "no width" },
		{ 0, 0, 3, "no such width" },
		{ 0, 0, 16, "too wide" },
		{ 0, 2, 4, "not aligned" },
		{ 0, 4, 8, "not aligned" },
		{ 0, 1u << 20, 1, "behind the end" },
		{ 0, UINT64_MAX - 3, 4, "far behind the end" },
		{ 1, 0, 4, "no such BAR" },
		{ 6, 0, 4, "no BAR at all" },
	};
	struct mete_rig_function f;
	struct mete_rig *rig = start_edu(&f);
	uint32_t value32 = 7;
	uint64_t value = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int got = mete_rig_read(&f, bad[i].bar, bad[i].offset, bad[i].width, &value);
		assert_row(got == METE_EINVAL, i, bad[i].why);
		got = mete_rig_write(&f, bad[i].bar, bad[i].offset, bad[i].width, 0);
		assert_row(got == METE_EINVAL, i, bad[i].why);
	}
	assert_error(mete_rig_config_read(&f, 256, 1, &value32), METE_EINVAL);
	assert_error(mete_rig_config_read(&f, 254, 4, &value32), METE_EINVAL);
	assert_error(mete_rig_config_read(&f, 0, 8, &value32), METE_EINVAL);
	assert_error(mete_rig_config_write(&f, 1, 2, 0), METE_EINVAL);

	assert_int_equal(value, 7);
	assert_int_equal(value32, 7);
	mete_rig_stop(rig);
}

/* Starting must fail with `want`, name `word` and leave nothing. */
static void check_start_fails(const struct mete_rig_qemu *config, int want, const char *word)
{
	struct rig_traces before = rig_traces_now();
	struct mete_rig *rig = (void *)&before; /* must stay as it is */
	char text[1024];

	assert_error(mete_rig_start_qemu(config, &rig, text, sizeof(text)), want);

	if (!strstr(text, word))
		fail_msg("no \"%s\" in \"%s\"", word, text);
	assert_ptr_equal(rig, &before);
	rig_traces_check(&before);
}

static void test_a_missing_qemu_names_the_package(void **state)
{
	(void)state;
	check_start_fails(&(struct mete_rig_qemu){ .program = "/nonexistent/qemu" }, METE_ENODEV, "qemu-system-x86");
	check_start_fails(&(struct mete_rig_qemu){ .program = "mete-no-such-program" }, METE_ENODEV, "qemu-system-x86");

	const char *set = getenv("METE_QEMU");
	char *before = set ? strdup(set) : NULL;
	assert_int_equal(setenv("METE_QEMU", "/nonexistent/other", 1), 0);
	check_start_fails(NULL, METE_ENODEV, "/nonexistent/other");
	if (before)
		setenv("METE_QEMU", before, 1);
	else
		unsetenv("METE_QEMU");
	free(before);
}

static void test_an_unknown_device_is_named_by_qemu_itself(void **state)
{
	(void)state;
	static const char *const options[] = { "-device", "no-such-device", NULL };
	check_start_fails(&(struct mete_rig_qemu){ .options = options }, METE_EIO, "no-such-device");
	check_start_fails(&(struct mete_rig_qemu){ .options = options }, METE_EIO, "exit status 1");
}

static void test_a_program_that_is_not_qemu_is_found_out(void **state)
{
	(void)state;
	check_start_fails(&(struct mete_rig_qemu){ .program = "true" }, METE_EIO, "exit status 0");
}

/* Programs that are not QEMU but speak: on descriptor 3 is the socket. */
static void test_nonsense_from_the_program_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *script;
		const char *word;
	} rows[] = {
		{ "#!/bin/sh\necho NO >&3\nsleep 9\n", "answered \"NO\"" },
		{ "#!/bin/sh\necho OK >&3\nsleep 9\n", "answered \"OK\"" },
		{ "#!/bin/sh\necho OK 0 >&3\nsleep 9\n", "does not share our memory" },
		{ "#!/bin/sh\nprintf %0999d 0 >&3\nsleep 9\n", "an answer without end" },
		{ "#!/bin/sh\necho one\necho two >&2\nexit 3\n", "exit status 3; its last words: one\ntwo" },
		{ "#!/bin/sh\nprintf 'a\\033[1mb\\n\\n'\nexit 3\n", "its last words: a [1mb" },
		{ "#!/nonexistent/interpreter\n", "cannot be run" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		FILE *f = fopen("fake", "w");
		assert_non_null(f);
		fputs(rows[i].script, f);
		fclose(f);
		assert_int_equal(chmod("fake", 0755), 0);
		check_start_fails(&(struct mete_rig_qemu){ .program = "./fake" }, METE_EIO, rows[i].word);
		assert_int_equal(unlink("fake"), 0);
	}
}

static void test_bad_configurations_are_refused(void **state)
{
	(void)state;
	static const struct {
		struct mete_rig_qemu config;
		int want;
		const char *word;
	} bad[] = {
		{ { .ram = 1u << 20 }, METE_EINVAL, "" },
		{ { .ram = (64u << 20) + 4096 }, METE_EINVAL, "" },
		{ { .ram = (size_t)3 << 30 }, METE_EINVAL, "" },
		{ { .disk_mdts = 14 }, METE_EINVAL, "" },
		{ { .disk = "/nonexistent/disk" }, METE_EIO, "/nonexistent/disk" },
		{ { .disk = "/" }, METE_EIO, "not a regular file" },
		{ { .disk = "/dev/null" }, METE_EIO, "not a regular file" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check_start_fails(&bad[i].config, bad[i].want, bad[i].word);
}

static void test_a_killed_qemu_is_an_error_soon_and_for_good(void **state)
{
	(void)state;
	struct rig_traces before = rig_traces_now();
	struct mete_rig_function f, other;
	struct mete_rig *rig = start_edu(&f);
	uint64_t value;
	uint32_t value32;

	assert_ok(mete_rig_irq_enable(&f, 0));
	int64_t began = rig_now_ms();
	assert_int_equal(kill((pid_t)mete_rig_process(rig), SIGKILL), 0);

	assert_error(mete_rig_read(&f, 0, EDU_ID, 4, &value), METE_EIO);
	assert_non_null(strstr(mete_rig_last_words(rig), "signal 9"));
	assert_error(mete_rig_write(&f, 0, EDU_ID, 4, 0), METE_EIO);
	assert_error(mete_rig_config_read(&f, 0, 4, &value32), METE_EIO);
	assert_error(mete_rig_irq_wait(&f, 0, 10000), METE_EIO);
	assert_error(mete_rig_irq_enable(&f, 0), METE_EIO);
	assert_error(mete_rig_find(rig, EDU_VENDOR, EDU_DEVICE, 0, &other), METE_EIO);
	assert_int_equal(mete_rig_process(rig), 0);

	assert_true(rig_now_ms() - began < 2000);
	mete_rig_stop(rig);
	rig_traces_check(&before);
}

static void test_a_wait_ends_when_qemu_does(void **state)
{
	(void)state;
	struct rig_traces before = rig_traces_now();
	struct mete_rig_function f;
	struct mete_rig *rig = start_edu(&f);
	pid_t qemu = (pid_t)mete_rig_process(rig);

	assert_ok(mete_rig_irq_enable(&f, 0));
	pid_t killer = fork();
	if (!killer) {
		usleep(50000);
		_exit(kill(qemu, SIGTERM) != 0);
	}
	int64_t began = rig_now_ms();
	assert_error(mete_rig_irq_wait(&f, 0, 10000), METE_EIO);

	assert_true(rig_now_ms() - began < 2000);
	assert_int_equal(waitpid(killer, NULL, 0), killer);
	assert_true(*mete_rig_last_words(rig));
	mete_rig_stop(rig);
	rig_traces_check(&before);
}

static void test_a_qemu_that_does_not_answer_is_given_up(void **state)
{
	(void)state;
	struct rig_traces before = rig_traces_now();
	const struct mete_rig_qemu config = { .options = edu, .timeout_ms = 2000 };
	struct mete_rig_function f;
	struct mete_rig *rig;
	uint64_t value;

	assert_ok(mete_rig_start_qemu(&config, &rig, NULL, 0));
	assert_ok(mete_rig_find(rig, EDU_VENDOR, EDU_DEVICE, 0, &f));
	assert_int_equal(kill((pid_t)mete_rig_process(rig), SIGSTOP), 0);

	assert_error(mete_rig_read(&f, 0, EDU_ID, 4, &value), METE_ETIMEDOUT);
	assert_non_null(strstr(mete_rig_last_words(rig), "no answer"));
	assert_error(mete_rig_read(&f, 0, EDU_ID, 4, &value), METE_EIO);

	mete_rig_stop(rig);
	rig_traces_check(&before);
}

static void test_qemu_dies_with_its_caller(void **state)
{
	(void)state;
	struct rig_traces before = rig_traces_now();
	long qemu = 0;
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	pid_t caller = fork();
	if (!caller) {
		struct mete_rig *rig;
		long pid = mete_rig_start_qemu(NULL, &rig, NULL, 0) ? 0 : mete_rig_process(rig);
		if (write(pipes[1], &pid, sizeof(pid)) != (ssize_t)sizeof(pid))
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(pipes[0], &qemu, sizeof(qemu)), sizeof(qemu));
	assert_true(qemu > 0);
	struct pollfd end = { .fd = (int)syscall(SYS_pidfd_open, (pid_t)qemu, 0), .events = POLLIN };
	assert_true(end.fd >= 0);

	/* Stopped, it does not see that its socket is closed: only to be killed ends it. */
	assert_int_equal(kill((pid_t)qemu, SIGSTOP), 0);
	assert_int_equal(kill(caller, SIGKILL), 0);
	assert_int_equal(waitpid(caller, NULL, 0), caller);
	int ended = poll(&end, 1, 10000);
	if (ended != 1)
		kill((pid_t)qemu, SIGKILL); /* a failure leaves nothing behind, either */
	assert_int_equal(ended, 1);

	close(end.fd);
	close(pipes[0]);
	close(pipes[1]);
	rig_traces_check(&before);
}

/* Whether a process has a descriptor whose file has `name` in its name. */
static bool process_has_open(long pid, const char *name)
{
	char path[320], target[256];
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%ld/fd", pid);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		snprintf(path, sizeof(path), "/proc/%ld/fd/%s", pid, entry->d_name);
		ssize_t n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		found = found || strstr(target, name);
	}
	closedir(dir);
	return found;
}

static void test_qemu_inherits_nothing_but_its_own(void **state)
{
	(void)state;
	/* As from a caller that knows nothing of close-on-exec. */
	int leak = memfd_create("mete-leak", 0);
	struct mete_rig *rig = start(NULL);

	assert_true(process_has_open(getpid(), "mete-leak"));
	assert_true(process_has_open(mete_rig_process(rig), "mete-rig-output"));
	assert_false(process_has_open(mete_rig_process(rig), "mete-leak"));

	mete_rig_stop(rig);
	close(leak);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_and_stop_leave_nothing_behind),
		cmocka_unit_test(test_stop_counts_what_is_still_held),
		cmocka_unit_test(test_the_first_mebibyte_is_not_handed_out),
		cmocka_unit_test(test_edu_answers),
		cmocka_unit_test(test_edu_moves_data_both_ways),
		cmocka_unit_test(test_a_message_is_reported_once),
		cmocka_unit_test(test_enabling_again_forgets_what_was_raised),
		cmocka_unit_test(test_a_line_is_reported_while_it_is_raised),
		cmocka_unit_test(test_a_function_without_interrupts_says_so),
		cmocka_unit_test(test_functions_are_found_in_order_with_bars_apart),
		cmocka_unit_test(test_io_bars_are_left_alone),
		cmocka_unit_test(test_config_space_has_three_widths),
		cmocka_unit_test(test_cycles_out_of_range_are_refused),
		cmocka_unit_test(test_a_missing_qemu_names_the_package),
		cmocka_unit_test(test_an_unknown_device_is_named_by_qemu_itself),
		cmocka_unit_test(test_a_program_that_is_not_qemu_is_found_out),
		cmocka_unit_test(test_nonsense_from_the_program_is_refused),
		cmocka_unit_test(test_bad_configurations_are_refused),
		cmocka_unit_test(test_a_killed_qemu_is_an_error_soon_and_for_good),
		cmocka_unit_test(test_a_wait_ends_when_qemu_does),
		cmocka_unit_test(test_a_qemu_that_does_not_answer_is_given_up),
		cmocka_unit_test(test_qemu_dies_with_its_caller),
		cmocka_unit_test(test_qemu_inherits_nothing_but_its_own),
	};
	struct mete_rig *rig;
	char text[1024];

	int error = mete_rig_start_qemu(NULL, &rig, text, sizeof(text));
	if (error == METE_ENODEV)
		return support_skip_all(text);
	if (!error) /* anything else is for the tests to tell */
		mete_rig_stop(rig);
	rig_folder_enter();
	return rig_folder_leave(cmocka_run_group_tests_name("rig: qemu", tests, NULL, NULL));
}
