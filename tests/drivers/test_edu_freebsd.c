/* SPDX-License-Identifier: ISC */
/*
 * FreeBSD's kind of edu driver on QEMU's device, over each way in which memory can be made visible to it.  The driver's
 * object does not know which.  What keeps the device out of foreign memory is the lowaddr of the driver's topmost tag,
 * and nothing else.
 *
 * Loads that are deferred wait until this file runs the pump, as a software interrupt would; the driver holds its lock
 * while it unloads.  Each mistake that the driver can be told to make has a control: the symptom by which it is found.
 */
#include "edu_freebsd.h"
#include "edu_machine.h"

#include <sys/errno.h>

#define PAGE 4096u

struct bench {
	struct machine m;
	struct mete_freebsd_bus bus;
	struct mete_registers registers;
	struct edu_softc sc;
	unsigned long nlater; /* calls of bench_later() */
};

static void bench_later(void *ctx)
{
	((struct bench *)ctx)->nlater++;
}

static void bench_open(struct bench *b, bool iommu)
{
	memset(b, 0, sizeof(*b));
	machine_open(&b->m, iommu);
	assert_ok(mete_freebsd_bus_init(&b->bus, &b->m.core, bench_later, b));
}

static void bench_attach(struct bench *b, unsigned flaws)
{
	const struct edu_resources res = { .tag = &b->registers, .intr_wait = rig_intr_wait, .intr_arg = &b->m.pci };

	assert_ok(mete_rig_registers(&b->m.pci, 0, &b->registers));
	assert_ok(mete_rig_irq_enable(&b->m.pci, 0));
	assert_int_equal(edu_attach(&b->sc, b->bus.tag, &res, flaws), 0);
}

/* The same with memory made visible in this way, and the driver attached. */
static void bench_open_way(struct bench *b, enum way way, unsigned flaws)
{
	bench_open(b, way_iommu(way));
	machine_way(&b->m, way);
	bench_attach(b, flaws);
}

/* The driver ends.  Nothing is loaded, nobody waits, and its lock was always what it had to be. */
static void bench_detach(struct bench *b)
{
	assert_int_equal(edu_detach(&b->sc), 0);
	assert_int_equal(b->sc.loads, b->sc.unloads);
	assert_int_equal(b->sc.lock.wrong, 0);
	assert_int_equal(b->m.core.nmapped, b->m.core.nunmapped);
	assert_int_equal(mete_freebsd_bus_waiting(&b->bus), 0);
}

static void bench_close(struct bench *b)
{
	bench_detach(b);
	assert_ok(mete_freebsd_bus_fini(&b->bus));
	machine_close(&b->m);
}

/* One request that nothing holds up, from its beginning to its end. */
static void carry_out(struct bench *b, void *buf, size_t len, bool read)
{
	struct edu_request request;

	assert_int_equal(edu_request_init(&b->sc, &request), 0);
	assert_int_equal(edu_submit(&request, buf, (bus_size_t)len, read), 0);
	assert_false(request.deferred);
	assert_int_equal(edu_work(&b->sc), 1);
	assert_int_equal(request.state, EDU_DONE);
	assert_int_equal(request.error, 0);
	assert_int_equal(edu_request_fini(&request), 0);
}

/* To the device from one place and back to another, and compare; nothing around it may change. */
static void check_copy(struct bench *b, unsigned char *from, unsigned char *to, size_t len)
{
	set_guards(to, len);
	carry_out(b, from, len, false);
	carry_out(b, to, len, true);
	assert_memory_equal(to, from, len);
	check_guards(to, len);
}

static void check_way(enum way way, bool high)
{
	static const size_t lens[] = { 1, 63, 64, 3000, EDU_LEN_MAX };
	static const size_t offsets[] = { 0, 1, 60, 4000 };
	const size_t room = 4 * PAGE, noffsets = sizeof(offsets) / sizeof(*offsets);
	struct bench b;

	print_message("%s, %s memory\n", way_name[way], high ? "high" : "low");
	bench_open_way(&b, way, 0);
	unsigned char *from = machine_alloc(&b.m, room, high, NULL), *to = machine_alloc(&b.m, room, high, NULL);
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		for (size_t j = 0; j < noffsets; j++) {
			fill(from, room, (unsigned)(i * 31 + j));
			check_copy(&b, from + offsets[j], to + PAGE + offsets[noffsets - 1 - j], lens[i]);
		}
	}
	/* Each segment is a transfer.  Some of these lie in two pages, and are two; a stand-in is one if it fits. */
	if (way == DIRECT || way == IOMMU)
		assert_true(b.sc.interrupts > b.sc.loads);
	else
		assert_true(b.sc.interrupts >= b.sc.loads);
	machine_free(&b.m, from, room);
	machine_free(&b.m, to, room);
	bench_close(&b);
}

static void test_memory_in_reach_is_used_where_it_is(void **state)
{
	(void)state;
	struct edu_request request;
	struct bench b;
	uint64_t phys;

	check_way(DIRECT, false);

	bench_open_way(&b, BOUNCE, 0);
	unsigned char *p = machine_alloc(&b.m, 2 * PAGE, false, &phys);
	fill(p, 2 * PAGE, 1);
	assert_int_equal(edu_request_init(&b.sc, &request), 0);
	assert_int_equal(edu_submit(&request, p + 4000, 200, false), 0);
	assert_int_equal(request.nsegs, 2);
	assert_int_equal(request.segs[0].ds_addr, phys + 4000);
	assert_int_equal(request.segs[0].ds_len, PAGE - 4000);
	assert_int_equal(request.segs[1].ds_addr, phys + PAGE);
	assert_int_equal(request.segs[1].ds_len, 200 - (PAGE - 4000));
	assert_int_equal(edu_work(&b.sc), 1);
	assert_int_equal(edu_request_fini(&request), 0);
	machine_free(&b.m, p, 2 * PAGE);
	bench_close(&b);
}

static void test_memory_above_lowaddr_goes_through_stand_ins(void **state)
{
	(void)state;
	check_way(BOUNCE, true);
}

static void test_stand_ins_can_be_asked_for(void **state)
{
	(void)state;
	check_way(ALWAYS, false);
	check_way(ALWAYS, true);
}

static void test_all_memory_is_in_reach_behind_an_iommu(void **state)
{
	(void)state;
	check_way(IOMMU, false);
	check_way(IOMMU, true);
	check_way(IOMMU_ALWAYS, true);
}

/* The control of the stand-ins: without an area the load fails, and with one it does not. */
static void test_without_an_area_memory_above_lowaddr_is_refused(void **state)
{
	(void)state;
	struct edu_request request;
	struct bench b;

	bench_open_way(&b, DIRECT, 0);
	unsigned char *p = machine_alloc(&b.m, 4 * PAGE, true, NULL);
	fill(p, PAGE, 1);
	assert_int_equal(edu_request_init(&b.sc, &request), 0);
	assert_int_equal(edu_submit(&request, p, 100, false), EINVAL);
	assert_int_equal(edu_submit(&request, p, 100, true), EINVAL);
	assert_int_equal(edu_request_fini(&request), 0);
	assert_int_equal(edu_work(&b.sc), 0);
	assert_int_equal(b.sc.loads, 0);

	machine_bounce(&b.m, 64 << 10, false);
	check_copy(&b, p, p + 2 * PAGE, 100);
	machine_free(&b.m, p, 4 * PAGE);
	bench_close(&b);
}

/* The control of lowaddr: the device drops the 29th bit and reads somebody else's memory. */
static void test_a_lowaddr_that_is_too_high_reads_foreign_memory(void **state)
{
	(void)state;
	struct mete_run foreign;
	struct bench b;
	uint64_t phys;

	for (unsigned flaws = EDU_FLAW_LOWADDR;; flaws = 0) {
		bench_open_way(&b, BOUNCE, flaws);
		unsigned char *p = machine_alloc(&b.m, PAGE, true, &phys), *q = machine_alloc(&b.m, PAGE, false, NULL);
		struct mete_provider *provider = mete_rig_provider(b.m.rig);
		const struct mete_want want = { .len = PAGE, .first = (mete_paddr)(phys - REACH),
			.last = (mete_paddr)(phys - REACH + PAGE - 1) };
		assert_ok(provider->ops->take(provider->ctx, &want, &foreign));
		fill(p, PAGE, 1);
		memset(foreign.cpu, 0x5c, PAGE);

		carry_out(&b, p, 1000, false);
		carry_out(&b, q, 1000, true);
		assert_memory_equal(q, flaws ? foreign.cpu : p, 1000);
		if (flaws)
			assert_memory_not_equal(q, p, 1000);
		provider->ops->give(provider->ctx, &foreign);
		machine_free(&b.m, p, PAGE);
		machine_free(&b.m, q, PAGE);
		bench_close(&b);
		if (!flaws)
			break;
	}
}

/*
 * The control of POSTREAD: an unload does not sync, so without it the CPU sees what it had; and why stand-ins for
 * everything are worth having, for where memory is used as it is nobody notices.
 */
static void test_without_postread_data_never_arrives_with_stand_ins(void **state)
{
	(void)state;
	static const struct {
		enum way way;
		unsigned flaws;
		bool arrives;
		const char *why;
	} rows[] = {
		{ ALWAYS, EDU_FLAW_POSTREAD, false, "the stand-in is not copied back" },
		{ ALWAYS, 0, true, "it is, with the sync" },
		{ IOMMU_ALWAYS, EDU_FLAW_POSTREAD, false, "the same behind an IOMMU" },
		{ IOMMU_ALWAYS, 0, true, "it is, with the sync" },
		{ DIRECT, EDU_FLAW_POSTREAD, true, "the device wrote to the buffer itself" },
		{ IOMMU, EDU_FLAW_POSTREAD, true, "the same" },
	};
	struct bench b;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bench_open_way(&b, rows[i].way, rows[i].flaws);
		unsigned char *p = machine_alloc(&b.m, PAGE, false, NULL), *q = machine_alloc(&b.m, PAGE, false, NULL);
		fill(p, PAGE, 1);
		memset(q, 0xa5, PAGE);
		carry_out(&b, p, 1000, false);
		carry_out(&b, q, 1000, true);
		for (size_t at = 0; at < PAGE; at++)
			assert_row(q[at] == (rows[i].arrives && at < 1000 ? p[at] : 0xa5), i, rows[i].why);
		machine_free(&b.m, p, PAGE);
		machine_free(&b.m, q, PAGE);
		bench_close(&b);
	}
}

/* The control of PREWRITE: what the CPU writes after the load, and before the transfer, must reach the device. */
static void test_without_prewrite_the_device_reads_old_data_with_stand_ins(void **state)
{
	(void)state;
	struct edu_request request;
	unsigned char old[1000];
	struct bench b;

	for (unsigned flaws = EDU_FLAW_PREWRITE;; flaws = 0) {
		bench_open_way(&b, BOUNCE, flaws);
		unsigned char *p = machine_alloc(&b.m, PAGE, true, NULL), *q = machine_alloc(&b.m, PAGE, false, NULL);
		fill(p, PAGE, 1);
		memcpy(old, p, sizeof(old));
		assert_int_equal(edu_request_init(&b.sc, &request), 0);
		assert_int_equal(edu_submit(&request, p, sizeof(old), false), 0);
		fill(p, PAGE, 2);
		assert_int_equal(edu_work(&b.sc), 1);
		assert_int_equal(edu_request_fini(&request), 0);
		carry_out(&b, q, sizeof(old), true);
		assert_memory_not_equal(old, p, sizeof(old));
		assert_memory_equal(q, flaws ? old : p, sizeof(old));
		machine_free(&b.m, p, PAGE);
		machine_free(&b.m, q, PAGE);
		bench_close(&b);
		if (!flaws)
			break;
	}
}

/* The control of NOWRITE: the write is refused, the record tells where, and the buffer is what it was. */
static void test_nowrite_keeps_a_writer_out_behind_an_iommu(void **state)
{
	(void)state;
	struct edu_request request;
	struct mete_iommu_fault fault;
	struct bench b;

	bench_open_way(&b, IOMMU, EDU_FLAW_NOWRITE);
	unsigned char *p = machine_alloc(&b.m, 4 * PAGE, true, NULL), *q = p + 2 * PAGE;
	fill(p, PAGE, 1);
	memset(q, 0xa5, 2 * PAGE);
	carry_out(&b, p + 24, 1000, false);
	assert_error(mete_domain_fault(&b.m.domain, &fault), METE_ENODEV);

	assert_int_equal(edu_request_init(&b.sc, &request), 0);
	assert_int_equal(edu_submit(&request, q + 24, 1000, true), 0);
	assert_int_equal(edu_work(&b.sc), 1);
	assert_ok(mete_domain_fault(&b.m.domain, &fault));
	assert_int_equal(fault.iova, request.segs[0].ds_addr & ~(bus_addr_t)(PAGE - 1));
	assert_int_equal(fault.access, METE_DEVICE_WRITES);
	assert_int_equal(fault.source, b.m.pci.slot << 3 | b.m.pci.number);
	assert_int_equal(edu_request_fini(&request), 0);
	for (size_t i = 0; i < 2 * PAGE; i++)
		assert_int_equal(q[i], 0xa5);

	b.sc.flaws = 0;
	check_copy(&b, p + 24, q + GUARD, 1000);
	machine_free(&b.m, p, 4 * PAGE);
	bench_close(&b);
}

/*
 * Four requests, of which only one can be loaded at a time: there and back, and there and back with other data.  Were
 * they not carried out in this order, or one with the stand-in of another, the data would tell.
 */
static void check_deferred(struct bench *b)
{
	enum { LEN = 4000, NREQUESTS = 4 };
	struct edu_request requests[NREQUESTS];
	unsigned char *bufs[NREQUESTS];

	for (unsigned i = 0; i < NREQUESTS; i++) {
		bufs[i] = machine_alloc(&b->m, PAGE, true, NULL);
		fill(bufs[i], PAGE, i * 50);
		if (i & 1)
			memset(bufs[i], 0xa5, PAGE);
		assert_int_equal(edu_request_init(&b->sc, &requests[i]), 0);
	}
	for (unsigned i = 0; i < NREQUESTS; i++) {
		assert_int_equal(edu_submit(&requests[i], bufs[i], LEN, i & 1), 0);
		assert_true(requests[i].deferred == (i > 0));
		assert_int_equal(requests[i].state, i ? EDU_LOADING : EDU_READY);
	}
	assert_int_equal(mete_freebsd_bus_waiting(&b->bus), NREQUESTS - 1);
	assert_int_equal(mete_freebsd_bus_pump(&b->bus), 0); /* nothing was unloaded */

	/* While it waits the driver has it: no second submit, no end. */
	assert_int_equal(edu_submit(&requests[1], bufs[1], LEN, true), EBUSY);
	assert_int_equal(edu_request_fini(&requests[1]), EBUSY);
	assert_int_equal(edu_detach(&b->sc), EBUSY);
	/* What is deferred is loaded later, so this is in time. */
	fill(bufs[2], PAGE, 77);

	for (unsigned i = 0; i < NREQUESTS; i++) {
		unsigned long nlater = b->nlater; /* a load that joins the line may have asked for a look too */
		assert_int_equal(edu_work(&b->sc), 1);
		assert_int_equal(requests[i].state, EDU_DONE);
		assert_int_equal(requests[i].error, 0);
		if (i == NREQUESTS - 1)
			break;
		/* The unload told that somebody may go on, and left it at that. */
		assert_int_equal(b->nlater, nlater + 1);
		assert_int_equal(requests[i + 1].state, EDU_LOADING);
		assert_int_equal(edu_work(&b->sc), 0);
		assert_int_equal(mete_freebsd_bus_pump(&b->bus), 1);
		assert_int_equal(requests[i + 1].state, EDU_READY);
		assert_int_equal(mete_freebsd_bus_waiting(&b->bus), NREQUESTS - 2 - i);
	}
	for (unsigned i = 0; i < NREQUESTS; i += 2) {
		assert_memory_equal(bufs[i + 1], bufs[i], LEN);
		for (size_t at = LEN; at < PAGE; at++)
			assert_int_equal(bufs[i + 1][at], 0xa5);
	}
	assert_memory_not_equal(bufs[3], bufs[1], LEN);
	for (unsigned i = 0; i < NREQUESTS; i++) {
		assert_int_equal(edu_request_fini(&requests[i]), 0);
		machine_free(&b->m, bufs[i], PAGE);
	}
}

static void test_loads_wait_for_stand_ins(void **state)
{
	(void)state;
	struct bench b;

	bench_open(&b, false);
	machine_bounce(&b.m, PAGE, false);
	bench_attach(&b, 0);
	check_deferred(&b);
	bench_close(&b);
}

static void test_loads_wait_for_stand_ins_behind_an_iommu(void **state)
{
	(void)state;
	struct bench b;

	bench_open(&b, true);
	machine_translate(&b.m, 0, 0);
	machine_bounce(&b.m, PAGE, true);
	bench_attach(&b, 0);
	check_deferred(&b);
	bench_close(&b);
}

static void test_loads_wait_for_iova(void **state)
{
	(void)state;
	struct bench b;

	bench_open(&b, true);
	machine_translate(&b.m, 16u << 20, (16u << 20) + PAGE - 1);
	bench_attach(&b, 0);
	check_deferred(&b);
	bench_close(&b);
}

/* The control of those that wait: with room for two, the second does not. */
static void test_with_room_for_two_loads_none_waits(void **state)
{
	(void)state;
	struct edu_request there, back;
	struct bench b;

	bench_open(&b, false);
	machine_bounce(&b.m, 2 * PAGE, false);
	bench_attach(&b, 0);
	unsigned char *p = machine_alloc(&b.m, PAGE, true, NULL), *q = machine_alloc(&b.m, PAGE, true, NULL);
	fill(p, PAGE, 1);
	memset(q, 0xa5, PAGE);
	assert_int_equal(edu_request_init(&b.sc, &there), 0);
	assert_int_equal(edu_request_init(&b.sc, &back), 0);
	assert_int_equal(edu_submit(&there, p, 4000, false), 0);
	assert_int_equal(edu_submit(&back, q, 4000, true), 0);
	assert_false(there.deferred || back.deferred);
	assert_int_equal(edu_work(&b.sc), 2);
	assert_int_equal(b.nlater, 0);
	assert_memory_equal(q, p, 4000);
	assert_int_equal(edu_request_fini(&there), 0);
	assert_int_equal(edu_request_fini(&back), 0);
	machine_free(&b.m, p, PAGE);
	machine_free(&b.m, q, PAGE);
	bench_close(&b);
}

/* The control of the lock: were callbacks run from inside the unload, the driver would take its lock twice. */
static void test_a_pump_from_inside_the_unload_takes_the_lock_twice(void **state)
{
	(void)state;
	struct edu_request first, second;
	struct bench b;

	bench_open(&b, false);
	assert_ok(mete_freebsd_bus_fini(&b.bus));
	assert_ok(mete_freebsd_bus_init(&b.bus, &b.m.core, NULL, NULL));
	machine_bounce(&b.m, PAGE, false);
	bench_attach(&b, 0);
	unsigned char *p = machine_alloc(&b.m, PAGE, true, NULL);
	fill(p, PAGE, 1);
	assert_int_equal(edu_request_init(&b.sc, &first), 0);
	assert_int_equal(edu_request_init(&b.sc, &second), 0);
	assert_int_equal(edu_submit(&first, p, 4000, false), 0);
	assert_int_equal(edu_submit(&second, p, 4000, false), 0);
	assert_true(second.deferred);
	assert_int_equal(edu_work(&b.sc), 2);
	assert_true(b.sc.lock.wrong > 0);
	b.sc.lock.wrong = 0;
	assert_int_equal(edu_request_fini(&first), 0);
	assert_int_equal(edu_request_fini(&second), 0);
	machine_free(&b.m, p, PAGE);
	bench_close(&b);
}

static void test_bad_lengths_are_refused(void **state)
{
	(void)state;
	struct edu_request request;
	struct bench b;

	bench_open_way(&b, DIRECT, 0);
	unsigned char *p = machine_alloc(&b.m, 2 * PAGE, false, NULL);
	assert_int_equal(edu_request_init(&b.sc, &request), 0);
	assert_int_equal(edu_submit(&request, p, 0, false), EINVAL);
	assert_int_equal(edu_submit(&request, p, EDU_LEN_MAX + 1, true), EINVAL);
	assert_int_equal(request.state, EDU_IDLE);
	assert_int_equal(edu_request_fini(&request), 0);
	assert_int_equal(b.sc.loads, 0);
	machine_free(&b.m, p, 2 * PAGE);
	bench_close(&b);
}

static void test_another_device_is_not_attached(void **state)
{
	(void)state;
	const struct edu_resources none = { .tag = NULL };
	struct bench b;

	bench_open(&b, false);
	assert_int_equal(edu_attach(&b.sc, b.bus.tag, &none, 0), ENXIO); /* all ones, as where nobody answers */
	bench_attach(&b, 0);
	bench_close(&b);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_in_reach_is_used_where_it_is),
		cmocka_unit_test(test_memory_above_lowaddr_goes_through_stand_ins),
		cmocka_unit_test(test_stand_ins_can_be_asked_for),
		cmocka_unit_test(test_all_memory_is_in_reach_behind_an_iommu),
		cmocka_unit_test(test_without_an_area_memory_above_lowaddr_is_refused),
		cmocka_unit_test(test_a_lowaddr_that_is_too_high_reads_foreign_memory),
		cmocka_unit_test(test_without_postread_data_never_arrives_with_stand_ins),
		cmocka_unit_test(test_without_prewrite_the_device_reads_old_data_with_stand_ins),
		cmocka_unit_test(test_nowrite_keeps_a_writer_out_behind_an_iommu),
		cmocka_unit_test(test_loads_wait_for_stand_ins),
		cmocka_unit_test(test_loads_wait_for_stand_ins_behind_an_iommu),
		cmocka_unit_test(test_loads_wait_for_iova),
		cmocka_unit_test(test_with_room_for_two_loads_none_waits),
		cmocka_unit_test(test_a_pump_from_inside_the_unload_takes_the_lock_twice),
		cmocka_unit_test(test_bad_lengths_are_refused),
		cmocka_unit_test(test_another_device_is_not_attached),
	};
	return cmocka_run_group_tests_name(machine_choose(argc, argv) ? "drivers: edu in the manner of FreeBSD, simulated" :
	    "drivers: edu in the manner of FreeBSD", tests, NULL, NULL);
}
