/* SPDX-License-Identifier: ISC */
#define _DEFAULT_SOURCE
/*
 * The sim's NVMe controller, by hand: commands as bytes, completions by polling.  What a well-behaved driver never asks
 * for must end in the status that the NVM Express specification names, and must move no data.
 *
 * Where a test does not need the sim in particular, it runs on QEMU's controller too: the two must agree.
 */
#include "rig_support.h"

#include <unistd.h>

#define CC 0x14
#define CC_ON 0x00460001u
#define CSTS 0x1c
#define AQA 0x24
#define ASQ 0x28
#define ACQ 0x30
#define DOORBELL 0x1000

#define BLOCKS 40u             /* of the disk */
#define PAGE 4096u
#define PAGES 5u

enum { DELETE_SQ = 0, CREATE_SQ = 1, DELETE_CQ = 4, CREATE_CQ = 5, IDENTIFY = 6, GET_FEATURES = 10 };
enum { FLUSH = 0, WRITE = 1, READ = 2 };

struct queue {
	unsigned char *sq, *cq;
	uint64_t sq_bus, cq_bus;
	unsigned id, depth, tail, head, phase;
};

struct bench {
	struct mete_rig *rig;
	struct mete_rig_function f;
	struct mete_device device;
	struct queue admin, io;
	unsigned char *content;      /* of the disk */
	unsigned char *page;         /* PAGES of them, for data and lists */
	uint64_t page_bus;
};

struct command {
	unsigned opcode, nsid;
	uint64_t prp1, prp2;
	uint32_t dw10, dw11, dw12;
};

static void store(unsigned char *p, unsigned width, uint64_t value)
{
	for (unsigned i = 0; i < width; i++)
		p[i] = (unsigned char)(value >> 8 * i);
}

static unsigned load16(const unsigned char *p)
{
	return p[0] | (unsigned)p[1] << 8;
}

static void queue_init(struct bench *b, struct queue *q, unsigned id, unsigned depth)
{
	*q = (struct queue){ .id = id, .depth = depth, .phase = 1 };
	q->sq = rig_alloc(&b->device, depth * 64, &q->sq_bus);
	q->cq = rig_alloc(&b->device, depth * 16, &q->cq_bus);
}

static void put_command(struct bench *b, struct queue *q, const struct command *c)
{
	unsigned char *entry = q->sq + (size_t)q->tail * 64;

	memset(entry, 0, 64);
	entry[0] = (unsigned char)c->opcode;
	store(entry + 2, 2, q->tail);
	store(entry + 4, 4, c->nsid);
	store(entry + 24, 8, c->prp1);
	store(entry + 32, 8, c->prp2);
	store(entry + 40, 4, c->dw10);
	store(entry + 44, 4, c->dw11);
	store(entry + 48, 4, c->dw12);
	q->tail = (q->tail + 1) % q->depth;
	rig_put(&b->f, DOORBELL + 8 * q->id, 4, q->tail);
}

/* The status of the next completion; -1 if none comes. */
static int take_status(struct bench *b, struct queue *q)
{
	unsigned char *entry = q->cq + (size_t)q->head * 16;

	for (int64_t deadline = rig_now_ms() + 2000; (load16(entry + 14) & 1) != q->phase;) {
		/* A register read, so that the controller gets to run, and its writes are seen after it. */
		rig_get(&b->f, CSTS, 4);
		if (rig_now_ms() > deadline || !strcmp(mete_rig_kind(b->rig), "sim"))
			return -1;
	}
	if (++q->head == q->depth) {
		q->head = 0;
		q->phase ^= 1;
	}
	rig_put(&b->f, DOORBELL + 8 * q->id + 4, 4, q->head);
	return (int)(load16(entry + 14) >> 1);
}

static int run(struct bench *b, struct queue *q, struct command c)
{
	put_command(b, q, &c);
	return take_status(b, q);
}

static void enable(struct bench *b)
{
	rig_put(&b->f, AQA, 4, (b->admin.depth - 1) << 16 | (b->admin.depth - 1));
	rig_put(&b->f, ASQ, 8, b->admin.sq_bus);
	rig_put(&b->f, ACQ, 8, b->admin.cq_bus);
	rig_put(&b->f, CC, 4, CC_ON);
	for (unsigned n = 0; n < 1000 && !rig_get(&b->f, CSTS, 4); n++)
		usleep(1000);
	assert_int_equal(rig_get(&b->f, CSTS, 4), 1);
}

static struct command create_cq(const struct queue *q, unsigned vector)
{
	return (struct command){ .opcode = CREATE_CQ, .prp1 = q->cq_bus, .dw10 = (q->depth - 1) << 16 | q->id,
		.dw11 = vector << 16 | 3 };
}

static struct command create_sq(const struct queue *q)
{
	return (struct command){ .opcode = CREATE_SQ, .prp1 = q->sq_bus, .dw10 = (q->depth - 1) << 16 | q->id,
		.dw11 = q->id << 16 | 1 };
}

static struct bench *bench_open(bool qemu)
{
	struct bench *b = calloc(1, sizeof(*b));
	char text[512], path[32];
	int fd;

	assert_non_null(b);
	b->content = rig_file_make(BLOCKS * 512 - 100, 7, &fd, path);
	int error = qemu ? mete_rig_start_qemu(&(struct mete_rig_qemu){ .disk = path }, &b->rig, text, sizeof(text)) :
	    mete_rig_start_sim(&(struct mete_rig_sim){ .disk = path }, &b->rig, text, sizeof(text));
	close(fd);
	if (error == METE_ENODEV) {
		free(b->content);
		free(b);
		return NULL;
	}
	if (error)
		fail_msg("%s", text);
	assert_ok(mete_rig_find(b->rig, 0x1b36, 0x0010, 0, &b->f));
	rig_device_init(&b->device, b->rig);
	b->page = rig_alloc(&b->device, PAGES * PAGE, &b->page_bus);
	/* Before queues are made: QEMU knows no vector but 0 while MSI-X is off. */
	assert_ok(mete_rig_irq_enable(&b->f, 0));
	assert_ok(mete_rig_irq_enable(&b->f, 1));
	queue_init(b, &b->admin, 0, 4);
	queue_init(b, &b->io, 1, 4);
	enable(b);
	assert_int_equal(run(b, &b->admin, create_cq(&b->io, 1)), 0);
	assert_int_equal(run(b, &b->admin, create_sq(&b->io)), 0);
	return b;
}

static int setup_sim(void **state)
{
	*state = bench_open(false);
	return 0;
}

static int setup_qemu(void **state)
{
	*state = bench_open(true);
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	if (b) {
		mete_rig_stop(b->rig);
		free(b->content);
		free(b);
	}
	return 0;
}

/* For tests that run on both. */
static struct bench *bench_of(void **state)
{
	if (!*state)
		skip_because("QEMU is not installed");
	return *state;
}

static void test_wrong_commands_end_in_the_status_the_specification_names(void **state)
{
	struct bench *b = bench_of(state);
	const uint64_t page = b->page_bus;
	const struct {
		bool io;
		struct command command;
		int want;
		const char *why;
	} rows[] = {
		{ true, { READ, 1, page, 0, 0, 0, 0 }, 0, "one block" },
		{ true, { READ, 1, page, 0, BLOCKS - 1, 0, 0 }, 0, "the last block" },
		{ true, { READ, 1, page, 0, BLOCKS, 0, 0 }, 0x4080, "behind the last block" },
		{ true, { READ, 1, page, 0, BLOCKS - 1, 0, 1 }, 0x4080, "across the end" },
		{ true, { READ, 1, page, 0, 0xffffffff, 0xffffffff, 0 }, 0x4080, "block + 1 wraps" },
		{ true, { READ, 0, page, 0, 0, 0, 0 }, 0x400b, "no namespace" },
		{ true, { READ, 1, page, page, 0, 0, 0xffff }, 0x4002, "more than MDTS" },
		{ true, { 0x7f, 1, page, 0, 0, 0, 0 }, 0x4001, "no such opcode" },
		{ true, { FLUSH, 1, 0, 0, 0, 0, 0 }, 0, "flush" },
		{ false, { 0x7f, 0, 0, 0, 0, 0, 0 }, 0x4001, "no such admin opcode" },
		{ false, { IDENTIFY, 0, page, 0, 0, 0, 0 }, 0x400b, "no namespace" },
		{ false, { IDENTIFY, 0, page, 0, 0x99, 0, 0 }, 0x4002, "no such structure" },
		{ false, { IDENTIFY, 0xfffffffe, page, 0, 2, 0, 0 }, 0x400b, "no namespace can be above" },
		{ false, { CREATE_CQ, 0, page, 0, 3 << 16 | 1, 1, 0 }, 0x4101, "queue exists" },
		{ false, { CREATE_CQ, 0, page, 0, 3 << 16 | 0, 1, 0 }, 0x4101, "the admin queue" },
		{ false, { CREATE_CQ, 0, page, 0, 0xffffu << 16 | 2, 1, 0 }, 0x4102, "too long" },
		{ false, { CREATE_CQ, 0, page + 8, 0, 3 << 16 | 2, 1, 0 }, 0x4013, "not page aligned" },
		{ false, { CREATE_CQ, 0, page, 0, 3 << 16 | 2, 0xffffu << 16 | 3, 0 }, 0x4108, "no such vector" },
		{ false, { CREATE_SQ, 0, page, 0, 3 << 16 | 2, 5 << 16 | 1, 0 }, 0x4100, "no such completion queue" },
		{ false, { DELETE_CQ, 0, 0, 0, 1, 0, 0 }, 0x010c, "a submission queue needs it; later it may not" },
		{ false, { DELETE_SQ, 0, 0, 0, 2, 0, 0 }, 0x4101, "no such queue" },
		{ false, { DELETE_SQ, 0, 0, 0, 1, 0, 0 }, 0, "in order" },
		{ false, { DELETE_CQ, 0, 0, 0, 1, 0, 0 }, 0, "in order" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int got = run(b, rows[i].io ? &b->io : &b->admin, rows[i].command);
		if (got != rows[i].want)
			fail_msg("row %zu (%s): status 0x%x, and not 0x%x", i, rows[i].why, (unsigned)got,
			    (unsigned)rows[i].want);
	}
}

static void test_writes_are_refused(void **state)
{
	struct bench *b = bench_of(state);

	memset(b->page, 0x77, 512);
	assert_true(run(b, &b->io, (struct command){ WRITE, 1, b->page_bus, 0, 0, 0, 0 }) > 0);
	assert_int_equal(run(b, &b->io, (struct command){ READ, 1, b->page_bus, 0, 0, 0, 0 }), 0);
	assert_memory_equal(b->page, b->content, 512);
}

static void test_the_last_block_is_filled_up_with_zeros(void **state)
{
	struct bench *b = bench_of(state);
	static const unsigned char zero[100];

	memset(b->page, 0x77, PAGE);
	assert_int_equal(run(b, &b->io, (struct command){ READ, 1, b->page_bus, 0, BLOCKS - 1, 0, 0 }), 0);

	assert_memory_equal(b->page, b->content + (size_t)(BLOCKS - 1) * 512, 412);
	assert_memory_equal(b->page + 412, zero, 100);
	assert_int_equal(b->page[512], 0x77);
}

/* The list begins in the last entry of a page, which is a link then. */
static void test_a_list_continues_where_its_last_entry_leads(void **state)
{
	struct bench *b = bench_of(state);
	const uint64_t list = b->page_bus, more = list + PAGE, data = list + 2 * PAGE;

	/* 24 blocks are three pages: PRP1, then two through the list. */
	store(b->page + PAGE - 8, 8, more);
	store(b->page + PAGE, 8, data + PAGE);
	store(b->page + PAGE + 8, 8, data + 2 * PAGE);
	assert_int_equal(run(b, &b->io, (struct command){ READ, 1, data, more - 8, 3, 0, 23 }), 0);

	assert_memory_equal(b->page + 2 * PAGE, b->content + 3 * 512, 24 * 512);
}

static void test_a_link_inside_a_page_is_refused(void **state)
{
	struct bench *b = bench_of(state);
	const uint64_t list = b->page_bus, more = list + PAGE, data = list + 2 * PAGE;

	store(b->page + PAGE - 8, 8, more + 64);
	assert_int_equal(run(b, &b->io, (struct command){ READ, 1, data, more - 8, 3, 0, 23 }), 0x4013);
}

static void test_a_last_entry_that_is_enough_is_no_link(void **state)
{
	struct bench *b = bench_of(state);
	unsigned char *list = b->page;
	const uint64_t list_bus = b->page_bus, data = b->page_bus + PAGE;

	/* 17 blocks from offset 3072 on: 1024 bytes, one page, and the rest in a third that the last entry names. */
	store(list + PAGE - 16, 8, data + PAGE);
	store(list + PAGE - 8, 8, data + 2 * PAGE);
	assert_int_equal(run(b, &b->io, (struct command){ READ, 1, data + 3072, list_bus + PAGE - 16, 0, 0, 16 }), 0);

	assert_memory_equal(b->page + PAGE + 3072, b->content, 17 * 512);
}

static void test_an_entry_inside_a_page_is_refused(void **state)
{
	struct bench *b = bench_of(state);
	const uint64_t page = b->page_bus;

	assert_int_equal(run(b, &b->io, (struct command){ READ, 1, page, page + PAGE + 16, 0, 0, 15 }), 0x4013);
}

static void test_registers_read_back_what_was_written(void **state)
{
	struct bench *b = bench_of(state);

	assert_int_equal(rig_get(&b->f, CC, 4), CC_ON);
	assert_int_equal(rig_get(&b->f, AQA, 4), 0x30003);
	assert_int_equal(rig_get(&b->f, ASQ, 8), b->admin.sq_bus);
	assert_int_equal(rig_get(&b->f, ACQ, 8), b->admin.cq_bus);
	assert_int_equal(rig_get(&b->f, ACQ, 4), b->admin.cq_bus & 0xffffffff);
	assert_int_equal(rig_get(&b->f, 0x08, 4), 0x00010400); /* version */
	assert_int_equal(rig_get(&b->f, 0x00, 8) >> 37 & 1, 1); /* has the NVM command set */
}

static void test_the_list_of_namespaces_has_one(void **state)
{
	struct bench *b = bench_of(state);

	memset(b->page, 0xa5, PAGE);
	assert_int_equal(run(b, &b->admin, (struct command){ IDENTIFY, 0, b->page_bus, 0, 2, 0, 0 }), 0);
	assert_int_equal(b->page[0], 1);
	for (unsigned i = 1; i < PAGE; i++)
		assert_int_equal(b->page[i], 0);

	assert_int_equal(run(b, &b->admin, (struct command){ IDENTIFY, 1, b->page_bus, 0, 2, 0, 0 }), 0);
	assert_int_equal(b->page[0], 0);
}

static void test_queues_report_number_of_queues(void **state)
{
	struct bench *b = bench_of(state);

	assert_int_equal(run(b, &b->admin, (struct command){ GET_FEATURES, 0, 0, 0, 7, 0, 0 }), 0);
}

static void test_a_full_completion_queue_holds_commands_back(void **state)
{
	struct bench *b = *state;
	struct queue *q = &b->io;
	unsigned char *data = b->page;

	/* Three fit into four entries; nobody takes them, and the fourth command must wait. */
	for (unsigned i = 0; i < 4; i++)
		put_command(b, q, &(struct command){ READ, 1, b->page_bus + 512 * i, 0, i, 0, 0 });
	assert_memory_equal(data, b->content, 3 * 512);
	assert_memory_not_equal(data + 3 * 512, b->content + 3 * 512, 512);

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(take_status(b, q), 0);
	assert_memory_equal(data, b->content, 4 * 512);
	assert_int_equal(take_status(b, q), -1);
}

static void test_data_outside_of_memory_is_a_transfer_error(void **state)
{
	struct bench *b = *state;

	assert_int_equal(run(b, &b->io, (struct command){ READ, 1, 64u << 20, 0, 0, 0, 0 }), 0x0004);
	assert_int_equal(run(b, &b->io, (struct command){ READ, 1, b->page_bus, 64u << 20, 0, 0, 23 }), 0x4004);
	assert_int_equal(run(b, &b->io, (struct command){ READ, 1, UINT64_MAX - 511, 0, 0, 0, 0 }), 0x0004);
	assert_int_equal(run(b, &b->admin, (struct command){ IDENTIFY, 0, 64u << 20, 0, 1, 0, 0 }), 0x0004);
}

static void test_a_completion_queue_outside_of_memory_is_fatal(void **state)
{
	struct bench *b = *state;
	struct queue q;

	queue_init(b, &q, 2, 4);
	q.cq_bus = 64u << 20;
	assert_int_equal(run(b, &b->admin, create_cq(&q, 1)), 0);
	assert_int_equal(run(b, &b->admin, create_sq(&q)), 0);
	put_command(b, &q, &(struct command){ FLUSH, 1, 0, 0, 0, 0, 0 });

	assert_int_equal(rig_get(&b->f, CSTS, 4) & 2, 2);
}

static void test_without_bus_mastering_the_controller_is_lost(void **state)
{
	struct bench *b = *state;
	uint32_t command;

	assert_ok(mete_rig_config_read(&b->f, 4, 2, &command));
	assert_ok(mete_rig_config_write(&b->f, 4, 2, command & ~4u));
	assert_int_equal(run(b, &b->io, (struct command){ READ, 1, b->page_bus, 0, 0, 0, 0 }), -1);
	assert_int_equal(rig_get(&b->f, CSTS, 4) & 2, 2);

	/* A reset and the right to master the bus bring it back. */
	assert_ok(mete_rig_config_write(&b->f, 4, 2, command));
	rig_put(&b->f, CC, 4, 0);
	assert_int_equal(rig_get(&b->f, CSTS, 4), 0);
	b->admin.tail = b->admin.head = 0;
	b->admin.phase = 1;
	memset(b->admin.cq, 0, b->admin.depth * 16);
	enable(b);
	assert_int_equal(run(b, &b->admin, (struct command){ IDENTIFY, 0, b->page_bus, 0, 1, 0, 0 }), 0);
}

static void test_a_masked_vector_stays_pending(void **state)
{
	struct bench *b = *state;
	const uint64_t control = 0x2000 + 16 + 12, pending = 0x3000;

	rig_put(&b->f, control, 4, 1);
	assert_int_equal(run(b, &b->io, (struct command){ READ, 1, b->page_bus, 0, 0, 0, 0 }), 0);
	assert_error(mete_rig_irq_wait(&b->f, 1, 0), METE_ETIMEDOUT);
	assert_int_equal(rig_get(&b->f, pending, 8), 2);

	rig_put(&b->f, control, 4, 0);
	assert_ok(mete_rig_irq_wait(&b->f, 1, 0));
	assert_int_equal(rig_get(&b->f, pending, 8), 0);
}

static void test_a_controller_set_up_wrongly_is_not_ready(void **state)
{
	struct bench *b = *state;
	const struct {
		uint64_t asq, acq, aqa, cc;
		const char *why;
	} bad[] = {
		{ b->admin.sq_bus + 8, b->admin.cq_bus, 0x30003, CC_ON, "queue not page aligned" },
		{ b->admin.sq_bus, b->admin.cq_bus + 64, 0x30003, CC_ON, "queue not page aligned" },
		{ b->admin.sq_bus, b->admin.cq_bus, 0x30000, CC_ON, "queue of one entry" },
		{ b->admin.sq_bus, b->admin.cq_bus, 0x30003, CC_ON | 1 << 7, "pages of 8 KiB" },
		{ b->admin.sq_bus, b->admin.cq_bus, 0x30003, CC_ON | 1 << 4, "another command set" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		rig_put(&b->f, CC, 4, 0);
		rig_put(&b->f, AQA, 4, bad[i].aqa);
		rig_put(&b->f, ASQ, 8, bad[i].asq);
		rig_put(&b->f, ACQ, 8, bad[i].acq);
		rig_put(&b->f, CC, 4, bad[i].cc);
		assert_row(rig_get(&b->f, CSTS, 4) == 2, i, bad[i].why);
	}
}

static void test_doorbells_out_of_range_are_ignored(void **state)
{
	struct bench *b = *state;

	rig_put(&b->f, DOORBELL + 8, 4, b->io.depth);
	rig_put(&b->f, DOORBELL + 8 * 2, 4, 1); /* a queue that was not made */
	rig_put(&b->f, DOORBELL + 8 * 100, 4, 1);
	rig_put(&b->f, DOORBELL + 8, 2, 1); /* half a doorbell */

	assert_int_equal(rig_get(&b->f, CSTS, 4), 1);
	assert_int_equal(take_status(b, &b->io), -1);
}

#define ON_SIM(test) { #test " [sim]", test, setup_sim, teardown, NULL }
#define ON_QEMU(test) { #test " [qemu]", test, setup_qemu, teardown, NULL }
#define ON_BOTH(test) ON_SIM(test), ON_QEMU(test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(test_wrong_commands_end_in_the_status_the_specification_names),
		ON_BOTH(test_writes_are_refused),
		ON_BOTH(test_the_last_block_is_filled_up_with_zeros),
		ON_BOTH(test_a_list_continues_where_its_last_entry_leads),
		ON_BOTH(test_a_link_inside_a_page_is_refused),
		ON_BOTH(test_a_last_entry_that_is_enough_is_no_link),
		ON_BOTH(test_an_entry_inside_a_page_is_refused),
		ON_BOTH(test_registers_read_back_what_was_written),
		ON_BOTH(test_the_list_of_namespaces_has_one),
		ON_BOTH(test_queues_report_number_of_queues),
		ON_SIM(test_a_full_completion_queue_holds_commands_back),
		ON_SIM(test_data_outside_of_memory_is_a_transfer_error),
		ON_SIM(test_a_completion_queue_outside_of_memory_is_fatal),
		ON_SIM(test_without_bus_mastering_the_controller_is_lost),
		ON_SIM(test_a_masked_vector_stays_pending),
		ON_SIM(test_a_controller_set_up_wrongly_is_not_ready),
		ON_SIM(test_doorbells_out_of_range_are_ignored),
	};
	return cmocka_run_group_tests_name("rig: sim's NVMe", tests, NULL, NULL);
}
