/* SPDX-License-Identifier: ISC */
/*
 * The simulated edu beside QEMU's: the same script on both, and each answer compared.  Where there is no QEMU, the
 * simulated one is still held to the device's document.
 */
#include "rig_support.h"

#include <mete/sim.h>

#define RAM (16u << 20)
#define ANSWERS 64u

/* What the script saw. */
struct answers {
	uint64_t value[ANSWERS];
	unsigned n;
};

struct bench {
	struct mete_rig *rig;
	struct mete_rig_function f;
	struct mete_device device;
	struct answers seen;
};

static bool open_rig(struct bench *b, bool qemu)
{
	static const char *const options[] = { "-device", "edu", NULL };
	static const struct mete_sim_device edu = { .model = METE_SIM_EDU };
	const struct mete_sim_config more = { .time = METE_SIM_STEP, .devices = &edu, .ndevices = 1 };
	char text[512];

	memset(b, 0, sizeof(*b));
	int error = qemu ? mete_rig_start_qemu(&(struct mete_rig_qemu){ .ram = RAM, .options = options }, &b->rig, text,
	    sizeof(text)) : mete_rig_start_sim(&(struct mete_rig_sim){ .ram = RAM, .more = &more }, &b->rig, text,
	    sizeof(text));
	if (error == METE_ENODEV)
		return false;
	if (error)
		fail_msg("%s", text);
	assert_ok(mete_rig_find(b->rig, 0x1234, 0x11e8, 0, &b->f));
	rig_device_init(&b->device, b->rig);
	return true;
}

static void close_rig(struct bench *b)
{
	assert_ok(mete_device_fini(&b->device));
	assert_int_equal(mete_rig_stop(b->rig), 0);
}

static void answer(struct bench *b, uint64_t value)
{
	assert_true(b->seen.n < ANSWERS);
	b->seen.value[b->seen.n++] = value;
}

static void ask(struct bench *b, uint64_t offset, unsigned width)
{
	answer(b, rig_get(&b->f, offset, width));
}

/* Wait for the end of a computation as drivers do: by looking.  On the sim nothing happens while we only look. */
static void settle(struct bench *b, uint64_t offset, uint64_t busy)
{
	for (int i = 0; i < 1000000 && rig_get(&b->f, offset, 4) & busy; i++)
		(void)mete_sim_step(b->rig);
	assert_false(rig_get(&b->f, offset, 4) & busy);
}

static void script_registers(struct bench *b)
{
	static const uint32_t numbers[] = { 0, 1, 5, 12, 13, 20, 33, 34, 1000 };

	ask(b, 0x00, 4);
	ask(b, 0x00, 1);
	ask(b, 0x00, 8);
	rig_put(&b->f, 0x04, 4, 0x12345678);
	ask(b, 0x04, 4);
	rig_put(&b->f, 0x04, 1, 0);
	ask(b, 0x04, 4);
	ask(b, 0x0c, 4);
	ask(b, 0x60, 4);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		rig_put(&b->f, 0x08, 4, numbers[i]);
		settle(b, 0x20, 1);
		ask(b, 0x08, 4);
	}
	rig_put(&b->f, 0x20, 4, 0xff);
	ask(b, 0x20, 4);
	rig_put(&b->f, 0x20, 4, 0);
	ask(b, 0x20, 4);
}

static void script_interrupts(struct bench *b)
{
	assert_ok(mete_rig_irq_enable(&b->f, 0));
	answer(b, (uint64_t)*mete_rig_irq_kind(&b->f)); /* the "M" of MSI */
	assert_error(mete_rig_irq_enable(&b->f, 1), METE_EINVAL);
	rig_put(&b->f, 0x60, 4, 0x11);
	assert_ok(mete_rig_irq_wait(&b->f, 0, 5000));
	ask(b, 0x24, 4);
	rig_put(&b->f, 0x64, 4, 0x01);
	ask(b, 0x24, 4);
	rig_put(&b->f, 0x64, 4, 0x10);
	ask(b, 0x24, 4);
	rig_put(&b->f, 0x20, 4, 0x80);
	rig_put(&b->f, 0x08, 4, 6);
	assert_ok(mete_rig_irq_wait(&b->f, 0, 5000));
	ask(b, 0x24, 4);
	rig_put(&b->f, 0x64, 4, 1);
	ask(b, 0x08, 4);
}

static void script_dma(struct bench *b)
{
	uint64_t bus;
	unsigned char *p = rig_alloc(&b->device, 16384, &bus);

	assert_ok(mete_rig_irq_enable(&b->f, 0));
	for (unsigned i = 0; i < 8192; i++)
		p[i] = (unsigned char)(i * 5 + i / 256);
	for (unsigned back = 0; back < 2; back++) {
		/* Bits above the 28th are dropped. */
		const uint64_t memory = (bus + (back ? 8192 : 0)) | 5ull << 28;
		rig_put(&b->f, 0x80, 8, back ? 0x40010 : memory);
		rig_put(&b->f, 0x88, 8, back ? memory : 0x40010);
		rig_put(&b->f, 0x90, 8, 4000);
		rig_put(&b->f, 0x98, 8, back ? 7 : 5);
		assert_ok(mete_rig_irq_wait(&b->f, 0, 5000));
		ask(b, 0x98, 4);
		ask(b, 0x24, 4);
		rig_put(&b->f, 0x64, 4, 0x100);
	}
	assert_memory_equal(p + 8192, p, 4000);
	for (unsigned i = 4000; i < 8192; i++)
		assert_int_equal(p[8192 + i], 0);
	ask(b, 0x80, 8);
	ask(b, 0x88, 4);
	assert_ok(mete_device_free(&b->device, p, 16384));
}

static void check(void (*script)(struct bench *b), const uint64_t *want, size_t nwant)
{
	struct bench sim, qemu;

	open_rig(&sim, false);
	script(&sim);
	close_rig(&sim);
	for (size_t i = 0; i < nwant; i++)
		assert_row(sim.seen.value[i] == want[i], i, "not as in the document");
	if (!open_rig(&qemu, true))
		skip_because("no QEMU to compare with");
	script(&qemu);
	close_rig(&qemu);
	assert_int_equal(sim.seen.n, qemu.seen.n);
	for (unsigned i = 0; i < sim.seen.n; i++) {
		if (sim.seen.value[i] != qemu.seen.value[i])
			fail_msg("answer %u: %#" PRIx64 ", QEMU's %#" PRIx64, i, sim.seen.value[i], qemu.seen.value[i]);
	}
}

static void test_registers_answer_as_qemus_do(void **state)
{
	(void)state;
	/* Identity; narrow and wide reads find none; a word comes back inverted. */
	static const uint64_t want[] = { 0x010000ed, 0, UINT64_MAX, 0xedcba987 };
	check(script_registers, want, 4);
}

static void test_interrupts_come_as_qemus_do(void **state)
{
	(void)state;
	static const uint64_t want[] = { 'M', 0x11, 0x10, 0, 1, 720 };
	check(script_interrupts, want, 6);
}

static void test_dma_is_as_qemus(void **state)
{
	(void)state;
	static const uint64_t want[] = { 4, 0x100 };
	check(script_dma, want, 2);
}

/* QEMU's time passes by itself, so there one can hardly look in between. */
static void test_while_it_copies_it_listens_to_nothing(void **state)
{
	(void)state;
	struct bench b;

	open_rig(&b, false);
	rig_put(&b.f, 0x80, 8, 2u << 20);
	rig_put(&b.f, 0x88, 8, 0x40000);
	rig_put(&b.f, 0x90, 8, 16);
	rig_put(&b.f, 0x98, 8, 1);
	assert_int_equal(rig_get(&b.f, 0x98, 4), 1);
	rig_put(&b.f, 0x90, 8, 1);
	rig_put(&b.f, 0x98, 8, 3);
	assert_int_equal(rig_get(&b.f, 0x90, 8), 16);
	assert_int_equal(mete_sim_run(b.rig, 10), 1);
	assert_int_equal(rig_get(&b.f, 0x98, 4), 0);
	rig_put(&b.f, 0x90, 8, 1);
	assert_int_equal(rig_get(&b.f, 0x90, 8), 1);

	/* A command that does not start anything is none; one number is computed at a time. */
	rig_put(&b.f, 0x98, 8, 2);
	assert_int_equal(mete_sim_run(b.rig, 10), 0);
	rig_put(&b.f, 0x08, 4, 4);
	rig_put(&b.f, 0x08, 4, 5);
	assert_int_equal(mete_sim_run(b.rig, 10), 1);
	assert_int_equal(rig_get(&b.f, 0x08, 4), 24);
	close_rig(&b);
}

/* A line is raised as long as there is a reason; with messages on, it is not used at all. */
static void test_the_line_stays_up_until_all_is_acknowledged(void **state)
{
	(void)state;
	static const struct { unsigned offset; uint32_t value; bool up; } steps[] = {
		{ 0x60, 0x11, true }, { 0x64, 0x01, true }, { 0x60, 0x02, true }, { 0x64, 0x10, true }, { 0x64, 0x02, false },
	};
	struct bench b;
	uint32_t status;

	open_rig(&b, false);
	for (int messages = 0; messages < 2; messages++) {
		if (messages)
			assert_ok(mete_rig_irq_enable(&b.f, 0));
		for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
			rig_put(&b.f, steps[i].offset, 4, steps[i].value);
			assert_ok(mete_rig_config_read(&b.f, 6, 2, &status));
			assert_row(!!(status & 8) == (steps[i].up && !messages), i, messages ? "messages" : "the line");
		}
	}
	close_rig(&b);
}

/* A message is a write to memory: anywhere, if software says so, and only of a function that masters the bus. */
static void test_a_message_is_a_write(void **state)
{
	(void)state;
	struct mete_sim_counters before, after;
	struct mete_sim_access access;
	struct mete_sim_rule rule;
	uint32_t command;
	struct bench b;
	uint64_t bus;

	open_rig(&b, false);
	unsigned char *p = rig_alloc(&b.device, 4096, &bus);
	assert_ok(mete_rig_irq_enable(&b.f, 0));
	assert_ok(mete_rig_config_write(&b.f, 0x44, 4, (uint32_t)bus + 64));
	assert_ok(mete_rig_config_write(&b.f, 0x4c, 2, 0x5678));
	rig_put(&b.f, 0x60, 4, 1);
	assert_memory_equal(p + 64, "\x78\x56\0\0", 4);
	assert_error(mete_rig_irq_wait(&b.f, 0, 1), METE_ETIMEDOUT);

	/* Each time that it is raised, and each time that a rule says so. */
	assert_ok(mete_sim_rule_parse("irq extra=3 count=1", &rule, NULL, 0));
	assert_ok(mete_sim_rule_add(b.rig, &rule, NULL));
	assert_ok(mete_sim_rule_parse("register-write extra=1 count=1", &rule, NULL, 0));
	assert_ok(mete_sim_rule_add(b.rig, &rule, NULL));
	mete_sim_counters(b.rig, &before);
	rig_put(&b.f, 0x60, 4, 1); /* twice: 4 messages, and 1 */
	mete_sim_counters(b.rig, &after);
	assert_int_equal(after.accesses[METE_SIM_OK] - before.accesses[METE_SIM_OK], 5);

	assert_ok(mete_rig_config_write(&b.f, 0x44, 4, 2 * RAM));
	rig_put(&b.f, 0x60, 4, 1);
	assert_ok(mete_sim_refused(b.rig, &access));
	assert_true(access.bus == 2 * RAM && access.write && access.len == 4);

	assert_ok(mete_rig_irq_enable(&b.f, 0));
	assert_ok(mete_rig_config_read(&b.f, 4, 2, &command));
	assert_ok(mete_rig_config_write(&b.f, 4, 2, command & ~4u));
	rig_put(&b.f, 0x60, 4, 1);
	assert_error(mete_rig_irq_wait(&b.f, 0, 1), METE_ETIMEDOUT);
	assert_ok(mete_rig_config_write(&b.f, 4, 2, command));
	rig_put(&b.f, 0x60, 4, 1);
	assert_ok(mete_rig_irq_wait(&b.f, 0, 1));
	assert_ok(mete_device_free(&b.device, p, 4096));
	close_rig(&b);
}

/* QEMU would end; nobody can compare. */
static void test_a_copy_beyond_the_buffer_moves_nothing(void **state)
{
	(void)state;
	static const struct { uint64_t inside, len; } rows[] = {
		{ 0x40000, 4096 }, { 0x40000, UINT64_MAX }, { 0x40fff, 1 }, { 0x41000, 1 }, { 0x3ffff, 2 }, { 0, 1 },
		{ UINT64_MAX, 2 },
	};
	struct mete_sim_counters counters;
	struct bench b;
	uint64_t bus;

	open_rig(&b, false);
	unsigned char *p = rig_alloc(&b.device, 8192, &bus);
	memset(p, 7, 8192);
	assert_ok(mete_rig_irq_enable(&b.f, 0));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (unsigned to_memory = 0; to_memory < 2; to_memory++) {
			rig_put(&b.f, 0x80, 8, to_memory ? rows[i].inside : bus);
			rig_put(&b.f, 0x88, 8, to_memory ? bus : rows[i].inside);
			rig_put(&b.f, 0x90, 8, rows[i].len);
			rig_put(&b.f, 0x98, 8, 5 | to_memory << 1);
			assert_ok(mete_rig_irq_wait(&b.f, 0, 5000));
			rig_put(&b.f, 0x64, 4, 0x100);
		}
	}
	mete_sim_counters(b.rig, &counters);
	assert_int_equal(counters.accesses[METE_SIM_OK], 0);
	for (unsigned i = 0; i < 8192; i++)
		assert_int_equal(p[i], 7);
	assert_ok(mete_device_free(&b.device, p, 8192));
	close_rig(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers_answer_as_qemus_do),
		cmocka_unit_test(test_interrupts_come_as_qemus_do),
		cmocka_unit_test(test_dma_is_as_qemus),
		cmocka_unit_test(test_while_it_copies_it_listens_to_nothing),
		cmocka_unit_test(test_the_line_stays_up_until_all_is_acknowledged),
		cmocka_unit_test(test_a_message_is_a_write),
		cmocka_unit_test(test_a_copy_beyond_the_buffer_moves_nothing),
	};
	return cmocka_run_group_tests_name("rig: sim edu", tests, NULL, NULL);
}
