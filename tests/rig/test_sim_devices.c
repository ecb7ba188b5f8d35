/* SPDX-License-Identifier: ISC */
/*
 * The copy engine and the network interface: right by themselves, and wrong in each way that they are told to be.
 */
#include "sim_bench.h"

#define STEP METE_SIM_COPY_DESCRIPTOR
#define LEN 64u
#define NSTEPS 3u

/* Three copies of 64 bytes each, in one page: descriptors, sources, targets with a gap behind each. */
struct bench {
	struct sim_bench b;
	unsigned char *p;
	uint64_t bus;
	unsigned irqs;
};

#define FROM(i) (1024u + (i) * LEN)
#define TO(i) (2048u + (i) * 2 * LEN)

static void open_list(struct bench *b, unsigned flaws, uint64_t skip, uint64_t count)
{
	memset(b, 0, sizeof(*b));
	sim_bench_open(&b->b, &(struct mete_sim_config){ .time = METE_SIM_STEP });
	b->p = sim_bench_alloc(&b->b, 4096, METE_MEMORY_COHERENT, &b->bus);
	for (unsigned i = 0; i < NSTEPS; i++) {
		memset(b->p + FROM(i), (int)i + 1, LEN);
		sim_bench_step(b->p + i * STEP, &(struct sim_bench_step){ .next = i < 2 ? b->bus + (i + 1) * STEP : 0,
			.from = b->bus + FROM(i), .to = b->bus + TO(i), .len = LEN, .flags = 1, .tag = 100 + i });
	}
	assert_ok(mete_rig_irq_enable(&b->b.copy, 0));
	assert_ok(mete_sim_flaw(&b->b.copy, flaws, skip, count));
	rig_put(&b->b.copy, METE_SIM_COPY_START, 8, b->bus);
}

/* Run to the end, and count interrupts. */
static void run_list(struct bench *b)
{
	while (!mete_rig_irq_wait(&b->b.copy, 0, 5000))
		b->irqs++;
}

static void close_list(struct bench *b)
{
	sim_bench_free(&b->b, b->p, 4096);
	sim_bench_close(&b->b);
}

static uint32_t back(const struct bench *b, unsigned i, unsigned offset)
{
	return sim_bench_word(b->p + i * STEP, offset);
}

static bool copied(const struct bench *b, unsigned i, size_t len)
{
	return !memcmp(b->p + TO(i), b->p + FROM(i), len);
}

static void test_a_list_is_copied_to_its_end(void **state)
{
	(void)state;
	struct bench b;

	open_list(&b, 0, 0, 0);
	assert_int_equal(rig_get(&b.b.copy, METE_SIM_COPY_STATUS, 4), 1);
	run_list(&b);
	for (unsigned i = 0; i < NSTEPS; i++) {
		assert_true(copied(&b, i, LEN));
		assert_int_equal(b.p[TO(i) + LEN], 0);
		assert_int_equal(back(&b, i, METE_SIM_COPY_DONE_TAG), 100 + i);
		assert_int_equal(back(&b, i, METE_SIM_COPY_DONE_LEN), LEN);
		assert_int_equal(back(&b, i, METE_SIM_COPY_DONE_STATUS), 1);
	}
	assert_int_equal(b.irqs, NSTEPS);
	assert_int_equal(rig_get(&b.b.copy, METE_SIM_COPY_STATUS, 4), 0);
	assert_int_equal(rig_get(&b.b.copy, METE_SIM_COPY_DONE, 4), NSTEPS);

	/* Again, by two halves of the address. */
	memset(b.p + 2048, 0, 2048);
	rig_put(&b.b.copy, METE_SIM_COPY_START, 4, (uint32_t)b.bus);
	rig_put(&b.b.copy, METE_SIM_COPY_START + 4, 4, b.bus >> 32);
	run_list(&b);
	assert_true(copied(&b, 2, LEN));
	close_list(&b);
}

static void test_a_reset_ends_a_list(void **state)
{
	(void)state;
	struct bench b;

	open_list(&b, 0, 0, 0);
	assert_int_equal(mete_sim_step(b.b.rig), 1);
	rig_put(&b.b.copy, METE_SIM_COPY_CONTROL, 4, 1);
	mete_sim_run(b.b.rig, 100);
	assert_int_equal(rig_get(&b.b.copy, METE_SIM_COPY_DONE, 4), 0);
	assert_int_equal(back(&b, 0, METE_SIM_COPY_DONE_STATUS), 1);
	assert_int_equal(back(&b, 1, METE_SIM_COPY_DONE_STATUS), 0);
	close_list(&b);
}

/* The second of three completions goes wrong, in each way. */
static void test_each_flaw_does_what_it_is_called(void **state)
{
	(void)state;
	static const struct { unsigned flaw, irqs; uint32_t tag, status; size_t copied; unsigned char behind; } rows[] = {
		{ METE_SIM_DUPLICATE, 4, 101, 1, LEN, 0 },
		{ METE_SIM_LOSE, 2, 0, 0, LEN, 0 },
		{ METE_SIM_LATE, 3, 101, 1, LEN, 0 },
		{ METE_SIM_REORDER, 3, 101, 1, LEN, 0 },
		{ METE_SIM_UNKNOWN_TAG, 3, 101 | 0x80000000u, 1, LEN, 0 },
		{ METE_SIM_PARTIAL, 3, 101, 1, LEN / 2, 0 },
		{ METE_SIM_OVERRUN, 3, 101, 1, LEN, 0xee },
	};
	struct bench b;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		open_list(&b, rows[i].flaw, 1, 1);
		run_list(&b);
		assert_int_equal(b.irqs, rows[i].irqs);
		assert_int_equal(back(&b, 1, METE_SIM_COPY_DONE_TAG), rows[i].tag);
		assert_int_equal(back(&b, 1, METE_SIM_COPY_DONE_STATUS), rows[i].status);
		assert_true(copied(&b, 1, rows[i].copied));
		assert_int_equal(copied(&b, 1, LEN), rows[i].copied == LEN);
		assert_int_equal(b.p[TO(1) + LEN], rows[i].behind);
		assert_int_equal(b.p[TO(1) + LEN + 16], 0);
		for (unsigned other = 0; other < 3; other += 2) {
			assert_true(copied(&b, other, LEN));
			assert_int_equal(back(&b, other, METE_SIM_COPY_DONE_TAG), 100 + other);
			assert_int_equal(b.p[TO(other) + LEN], 0);
		}
		close_list(&b);
	}
}

static void test_late_and_reordered_completions_come_after_the_next(void **state)
{
	(void)state;
	static const struct { unsigned flaw; unsigned ms; } rows[] = { { METE_SIM_LATE, 900 }, { METE_SIM_REORDER, 0 } };
	struct bench b;

	for (size_t i = 0; i < 2; i++) {
		open_list(&b, rows[i].flaw, 1, 1);
		assert_ok(mete_rig_irq_wait(&b.b.copy, 0, 5000));
		assert_ok(mete_rig_irq_wait(&b.b.copy, 0, 5000));
		assert_int_equal(back(&b, 2, METE_SIM_COPY_DONE_STATUS), 1);
		assert_int_equal(back(&b, 1, METE_SIM_COPY_DONE_STATUS), 0);
		assert_error(mete_rig_irq_wait(&b.b.copy, 0, rows[i].ms), METE_ETIMEDOUT);
		assert_ok(mete_rig_irq_wait(&b.b.copy, 0, 5000));
		assert_int_equal(back(&b, 1, METE_SIM_COPY_DONE_STATUS), 1);
		close_list(&b);
	}
}

static void test_a_spurious_interrupt_has_no_completion(void **state)
{
	(void)state;
	struct bench b;

	open_list(&b, METE_SIM_SPURIOUS | METE_SIM_LOSE, 2, 1);
	run_list(&b);
	assert_int_equal(b.irqs, 3);
	assert_int_equal(back(&b, 2, METE_SIM_COPY_DONE_STATUS), 0);
	close_list(&b);
}

static void test_a_list_that_is_no_list_ends_with_an_error(void **state)
{
	(void)state;
	enum { CIRCLE, NOWHERE, CROOKED, NO_LEN, LONG, NO_SOURCE, NO_TARGET, ROWS };
	struct mete_sim_counters counters;
	struct bench b;

	for (unsigned row = 0; row < ROWS; row++) {
		const uint64_t away = 1ull << 40;
		open_list(&b, 0, 0, 0);
		struct sim_bench_step s = { .from = b.bus + FROM(1), .to = b.bus + TO(1), .len = LEN, .tag = 101 };
		s.next = row == CIRCLE ? b.bus : row == NOWHERE ? away : row == CROOKED ? b.bus + 8 : 0;
		s.len = row == NO_LEN ? 0 : row == LONG ? (1u << 20) + 1 : LEN;
		s.from = row == NO_SOURCE ? away : s.from;
		s.to = row == NO_TARGET ? away : s.to;
		sim_bench_step(b.p + STEP, &s);
		assert_true(mete_sim_run(b.b.rig, 10000) < 10000);
		assert_int_equal(rig_get(&b.b.copy, METE_SIM_COPY_STATUS, 4), 2);
		assert_int_equal(back(&b, 1, METE_SIM_COPY_DONE_STATUS), row < NO_LEN ? 1 : 2);
		/* Nothing starts before a reset. */
		rig_put(&b.b.copy, METE_SIM_COPY_START, 8, b.bus);
		assert_int_equal(mete_sim_run(b.b.rig, 10), 0);
		rig_put(&b.b.copy, METE_SIM_COPY_CONTROL, 4, 1);
		assert_int_equal(rig_get(&b.b.copy, METE_SIM_COPY_STATUS, 4), 0);
		mete_sim_counters(b.b.rig, &counters);
		assert_int_equal(counters.accesses[METE_SIM_UNMAPPED], row == NOWHERE || row == NO_SOURCE || row == NO_TARGET);
		close_list(&b);
	}
}

/* The interface: two rings of 4 in one page, buffers of 256 behind them. */
#define RING 4u
#define NIC_BUFFER(i) (512u + (i) * 320u)

struct nic {
	struct sim_bench b;
	struct mete_rig_function f;
	unsigned char *p;
	uint64_t bus;
};

static void put_le(unsigned char *p, unsigned width, uint64_t value)
{
	for (unsigned i = 0; i < width; i++)
		p[i] = (unsigned char)(value >> 8 * i);
}

/* Ring 0 sends, ring 1 receives. */
static unsigned char *descriptor(struct nic *n, unsigned ring, unsigned i)
{
	return n->p + ring * 128 + (size_t)i * METE_SIM_NIC_DESCRIPTOR;
}

static void give(struct nic *n, unsigned ring, unsigned i, unsigned len, uint32_t tag)
{
	unsigned char *d = descriptor(n, ring, i);

	put_le(d, 8, n->bus + NIC_BUFFER(ring * RING + i));
	put_le(d + METE_SIM_NIC_LEN, 2, len);
	put_le(d + METE_SIM_NIC_TAG, 4, tag);
	put_le(d + METE_SIM_NIC_FLAGS, 2, METE_SIM_NIC_OWN);
}

static unsigned flags_of(struct nic *n, unsigned ring, unsigned i)
{
	return sim_bench_word(descriptor(n, ring, i), METE_SIM_NIC_LEN) >> 16;
}

static unsigned len_of(struct nic *n, unsigned ring, unsigned i)
{
	return sim_bench_word(descriptor(n, ring, i), METE_SIM_NIC_LEN) & 0xffff;
}

static unsigned char *frame(struct nic *n, unsigned ring, unsigned i)
{
	return n->p + NIC_BUFFER(ring * RING + i);
}

static void nic_open(struct nic *n, unsigned flaws)
{
	static const struct mete_sim_device two[] = { { .model = METE_SIM_COPY }, { .model = METE_SIM_NIC } };

	memset(n, 0, sizeof(*n));
	sim_bench_open(&n->b, &(struct mete_sim_config){ .time = METE_SIM_STEP, .devices = two, .ndevices = 2 });
	assert_ok(mete_rig_find(n->b.rig, METE_SIM_VENDOR, METE_SIM_NIC_DEVICE, 0, &n->f));
	assert_int_equal(rig_get(&n->f, METE_SIM_NIC_ID, 4), 0x6d020001);
	n->p = sim_bench_alloc(&n->b, 4096, METE_MEMORY_COHERENT, &n->bus);
	rig_put(&n->f, METE_SIM_NIC_TX, 8, n->bus);
	rig_put(&n->f, METE_SIM_NIC_TX_COUNT, 4, RING);
	rig_put(&n->f, METE_SIM_NIC_RX, 8, n->bus + 128);
	rig_put(&n->f, METE_SIM_NIC_RX_COUNT, 4, RING);
	rig_put(&n->f, METE_SIM_NIC_CONTROL, 4, 1);
	assert_ok(mete_rig_irq_enable(&n->f, 0));
	assert_ok(mete_rig_irq_enable(&n->f, 1));
	assert_ok(mete_sim_flaw(&n->f, flaws, 0, 1));
	for (unsigned i = 0; i < RING; i++)
		memset(frame(n, 0, i), (int)i + 1, 256);
}

static void nic_close(struct nic *n)
{
	sim_bench_free(&n->b, n->p, 4096);
	sim_bench_close(&n->b);
}

static void nic_kick(struct nic *n)
{
	rig_put(&n->f, METE_SIM_NIC_TX_KICK, 4, 0);
}

static void test_frames_that_are_sent_arrive(void **state)
{
	(void)state;
	struct nic n;

	nic_open(&n, 0);
	/* Twice around the ring. */
	for (unsigned i = 0; i < 2 * RING; i++) {
		rig_put(&n.f, METE_SIM_NIC_CONTROL, 4, 1); /* it runs already: no reset */
		give(&n, 1, i % RING, 256, 200 + i);
		give(&n, 0, i % RING, 60 + i, 100 + i);
		memset(frame(&n, 1, i % RING), 0, 320);
		nic_kick(&n);
		assert_ok(mete_rig_irq_wait(&n.f, 0, 1000));
		assert_ok(mete_rig_irq_wait(&n.f, 1, 1000));
		assert_int_equal(flags_of(&n, 0, i % RING), 0);
		assert_int_equal(flags_of(&n, 1, i % RING), 0);
		assert_int_equal(len_of(&n, 1, i % RING), 60 + i);
		assert_int_equal(sim_bench_word(descriptor(&n, 0, i % RING), METE_SIM_NIC_TAG), 100 + i);
		assert_int_equal(sim_bench_word(descriptor(&n, 1, i % RING), METE_SIM_NIC_TAG), 200 + i);
		assert_memory_equal(frame(&n, 1, i % RING), frame(&n, 0, i % RING), 60 + i);
		assert_int_equal(frame(&n, 1, i % RING)[60 + i], 0);
	}
	assert_int_equal(rig_get(&n.f, METE_SIM_NIC_DROPPED, 4), 0);
	nic_close(&n);
}

static void test_frames_are_cut_dropped_or_refused(void **state)
{
	(void)state;
	struct nic n;

	nic_open(&n, 0);
	give(&n, 0, 0, 100, 1); /* nobody receives */
	nic_kick(&n);
	mete_sim_run(n.b.rig, 100);
	assert_int_equal(flags_of(&n, 0, 0), 0);
	assert_int_equal(rig_get(&n.f, METE_SIM_NIC_DROPPED, 4), 1);

	give(&n, 1, 0, 40, 2);
	give(&n, 0, 1, 100, 3);
	give(&n, 0, 2, 0, 4);    /* no frame */
	give(&n, 0, 3, 2049, 5); /* nor this */
	nic_kick(&n);
	mete_sim_run(n.b.rig, 100);
	assert_int_equal(flags_of(&n, 1, 0), METE_SIM_NIC_CUT);
	assert_int_equal(len_of(&n, 1, 0), 40);
	assert_int_equal(frame(&n, 1, 0)[39], 2);
	assert_int_equal(frame(&n, 1, 0)[40], 0);
	assert_int_equal(flags_of(&n, 0, 2), METE_SIM_NIC_ERROR);
	assert_int_equal(flags_of(&n, 0, 3), METE_SIM_NIC_ERROR);

	/* A ring that is not there. */
	rig_put(&n.f, METE_SIM_NIC_TX, 8, 1ull << 40);
	nic_kick(&n);
	mete_sim_run(n.b.rig, 100);
	assert_int_equal(rig_get(&n.f, METE_SIM_NIC_STATUS, 4), 2);
	/* One that is too long, or too short. */
	rig_put(&n.f, METE_SIM_NIC_TX, 8, n.bus);
	for (unsigned count = 1; count <= 1025; count += 1024) {
		rig_put(&n.f, METE_SIM_NIC_TX_COUNT, 4, count);
		give(&n, 0, 0, 64, 6);
		nic_kick(&n);
		assert_true(mete_sim_run(n.b.rig, 100) < 100);
		assert_int_equal(flags_of(&n, 0, 0), METE_SIM_NIC_OWN);
	}
	rig_put(&n.f, METE_SIM_NIC_CONTROL, 4, 0);
	assert_int_equal(rig_get(&n.f, METE_SIM_NIC_STATUS, 4), 0);
	nic_close(&n);
}

/* The first of two frames is received wrongly, in each way. */
static void test_each_flaw_of_reception_does_what_it_is_called(void **state)
{
	(void)state;
	static const struct { unsigned flaw, irqs, flags; uint32_t tag; unsigned written; } rows[] = {
		{ 0, 2, 0, 200, 64 },
		{ METE_SIM_DUPLICATE, 3, 0, 200, 64 },
		{ METE_SIM_LOSE, 1, METE_SIM_NIC_OWN, 200, 64 },
		{ METE_SIM_LATE, 2, 0, 200, 64 },
		{ METE_SIM_REORDER, 2, 0, 200, 64 },
		{ METE_SIM_UNKNOWN_TAG, 2, 0, 200 | 0x80000000u, 64 },
		{ METE_SIM_PARTIAL, 2, 0, 200, 32 },
		{ METE_SIM_OVERRUN, 2, 0, 200, 256 + 16 },
		{ METE_SIM_SPURIOUS | METE_SIM_LOSE, 2, METE_SIM_NIC_OWN, 200, 64 },
	};
	struct nic n;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		unsigned irqs = 0, written = 0;
		nic_open(&n, rows[i].flaw);
		for (unsigned k = 0; k < 2; k++) {
			give(&n, 1, k, 256, 200 + k);
			give(&n, 0, k, 64, 100 + k);
		}
		/* The model's own bytes behind the frame are zeros: so the room is filled with something else. */
		memset(frame(&n, 1, 0), 0x77, 320);
		nic_kick(&n);
		while (!mete_rig_irq_wait(&n.f, 1, 5000))
			irqs++;
		while (written < 320 && frame(&n, 1, 0)[written] != 0x77)
			written++;
		assert_int_equal(irqs, rows[i].irqs);
		assert_int_equal(flags_of(&n, 1, 0), rows[i].flags);
		assert_int_equal(sim_bench_word(descriptor(&n, 1, 0), METE_SIM_NIC_TAG), rows[i].tag);
		assert_int_equal(written, rows[i].written);
		assert_int_equal(flags_of(&n, 1, 1), 0);
		assert_int_equal(sim_bench_word(descriptor(&n, 1, 1), METE_SIM_NIC_TAG), 201);
		nic_close(&n);
	}
}

static void test_flaws_are_for_devices_that_know_them(void **state)
{
	(void)state;
	static const struct mete_sim_device two[] = { { .model = METE_SIM_COPY }, { .model = METE_SIM_EDU } };
	struct mete_rig_function edu;
	struct sim_bench b;

	sim_bench_open(&b, &(struct mete_sim_config){ .devices = two, .ndevices = 2 });
	assert_ok(mete_rig_find(b.rig, 0x1234, 0x11e8, 0, &edu));
	assert_error(mete_sim_flaw(&edu, METE_SIM_LOSE, 0, 0), METE_ENOTSUP);
	assert_error(mete_sim_flaw(NULL, METE_SIM_LOSE, 0, 0), METE_ENOTSUP);
	assert_error(mete_sim_flaw(&b.copy, 0x100, 0, 0), METE_EINVAL);
	sim_bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_list_is_copied_to_its_end),
		cmocka_unit_test(test_a_reset_ends_a_list),
		cmocka_unit_test(test_each_flaw_does_what_it_is_called),
		cmocka_unit_test(test_late_and_reordered_completions_come_after_the_next),
		cmocka_unit_test(test_a_spurious_interrupt_has_no_completion),
		cmocka_unit_test(test_a_list_that_is_no_list_ends_with_an_error),
		cmocka_unit_test(test_frames_that_are_sent_arrive),
		cmocka_unit_test(test_frames_are_cut_dropped_or_refused),
		cmocka_unit_test(test_each_flaw_of_reception_does_what_it_is_called),
		cmocka_unit_test(test_flaws_are_for_devices_that_know_them),
	};
	return cmocka_run_group_tests_name("rig: sim devices", tests, NULL, NULL);
}
