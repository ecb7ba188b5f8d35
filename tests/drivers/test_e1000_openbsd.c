/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * A driver of network controllers over OpenBSD's bus_dma(9), on QEMU's e1000: directly, with stand-ins, because they are
 * asked for or because the device reaches little, behind VT-d, and both.
 *
 * The wire ends in this process, so each frame is compared with what was put on the wire's other end, past the driver.
 * Chains of mbufs and their memory are this file's as well: what is free is full of 0xa5, and is looked after.
 *
 * The controls order a mistake from the driver and want to see its symptom, and then the same without the mistake.
 */
#include "e1000_openbsd.h"
#include "openbsd_machine.h"
#include "wire.h"

#include <errno.h>
#include <limits.h>
#include <mete/shim.h>
#include <signal.h>

#define PAGE 4096u
#define NBUFFERS 64u
#define QUIET 0xa5
#define WAIT_MS 10000
#define RX_HEAD 0x2810 /* the next descriptor that the controller will use */
#define NEVER_MS 200 /* long enough for a frame that must not come */

static const unsigned char our_address[6] = { 0x52, 0x54, 0x00, 0xab, 0xcd, 0xef };

struct bench {
	struct openbsd_machine m;
	struct wire wire;
	struct e1000_softc sc;
	unsigned char *memory;        /* of NBUFFERS buffers */
	struct mbuf mbuf[NBUFFERS];   /* one for each */
	struct mbuf *free;
	unsigned nfree;
	bool empty;                   /* there are none, for whoever asks */
	struct mbuf *first, **last;   /* frames that came in */
	unsigned nin;
	char said[512];               /* by the driver */
};

static struct bench *here; /* whose console is */

int mete_shim_vprintf(int level, const char *format, va_list args)
{
	(void)level;
	size_t at = here ? strlen(here->said) : 0;

	return here ? vsnprintf(here->said + at, sizeof(here->said) - at, format, args) : 0;
}

static struct mbuf *bench_get(void *arg)
{
	struct bench *b = arg;
	struct mbuf *m = b->empty ? NULL : b->free;

	if (!m)
		return NULL;
	b->free = m->m_next;
	b->nfree--;
	m->m_next = m->m_nextpkt = NULL;
	m->m_len = 0;
	m->m_flags = 0;
	m->m_data = (char *)b->memory + (size_t)(m - b->mbuf) * E1000_BUFFER;
	memset(m->m_data, QUIET, E1000_BUFFER);
	return m;
}

static void bench_put(void *arg, struct mbuf *m)
{
	struct bench *b = arg;

	while (m) {
		struct mbuf *next = m->m_next;
		m->m_next = b->free;
		b->free = m;
		b->nfree++;
		m = next;
	}
}

static void bench_input(void *arg, struct mbuf *m)
{
	struct bench *b = arg;

	*b->last = m;
	b->last = &m->m_nextpkt;
	b->nin++;
}

static void bench_open(struct bench *b, const struct way *way, size_t npages)
{
	const char *const device[] = { "-netdev", b->wire.option, "-device",
		"e1000,netdev=wire,mac=52:54:00:ab:cd:ef,romfile=", NULL };
	uint64_t phys;

	memset(b, 0, sizeof(*b));
	here = b;
	wire_open(&b->wire);
	openbsd_machine_open(&b->m, way, device, 0x8086, 0x100e, npages);
	wire_connect(&b->wire);
	b->memory = rig_alloc(&b->m.ram, NBUFFERS * E1000_BUFFER, &phys);
	assert_true(!way->last || phys > way->last);
	for (unsigned i = NBUFFERS; i-- > 0;)
		bench_put(b, &b->mbuf[i]);
	b->last = &b->first;
}

static int bench_attach(struct bench *b)
{
	const struct e1000_attach_args aa = { .aa_xname = "em0", .aa_dmat = &b->m.tag, .aa_iot = &b->m.registers,
		.aa_get = bench_get, .aa_put = bench_put, .aa_input = bench_input, .aa_arg = b };

	return e1000_attach(&b->sc, &aa);
}

static void bench_start(struct bench *b, void **state)
{
	bench_open(b, *state, 1024);
	assert_int_equal(bench_attach(b), 0);
	assert_memory_equal(b->sc.sc_address, our_address, 6);
	assert_string_equal(b->said, "em0: address 52:54:00:ab:cd:ef\n");
	/* Nothing is used where it is that the device cannot reach. */
	for (unsigned i = 0; i < E1000_RING && b->m.way->last; i++)
		assert_true(b->sc.sc_rx_slot[i].map->dm_segs[0].ds_addr <= b->m.way->last - E1000_BUFFER + 1);
}

/* Stop the machine, whose driver has gone: all mbufs are here. */
static void bench_end(struct bench *b)
{
	assert_int_equal(b->nfree, NBUFFERS);
	assert_ok(mete_device_free(&b->m.ram, b->memory, NBUFFERS * E1000_BUFFER));
	openbsd_machine_close(&b->m);
	wire_close(&b->wire);
	here = NULL;
}

static void bench_close(struct bench *b)
{
	e1000_detach(&b->sc);
	openbsd_machine_peace(&b->m);
	bench_end(b);
}

/* See to interrupts until `*count` is `want`. */
static void bench_work(struct bench *b, const unsigned long *count, unsigned long want)
{
	while (*count < want) {
		assert_int_equal(rig_intr_wait(&b->m.pci, WAIT_MS), 0);
		assert_int_equal(e1000_intr(&b->sc), 1);
	}
	assert_int_equal(*count, want);
}

/* A chain whose pieces have these lengths, and begin so many bytes behind a buffer's start, with a frame from `frame`. */
static struct mbuf *chain_make(struct bench *b, const unsigned char *frame, const unsigned *lens, unsigned offset)
{
	struct mbuf *first = NULL, **last = &first;
	unsigned len = 0;

	for (; *lens != UINT_MAX; lens++) {
		struct mbuf *m = bench_get(b);
		assert_non_null(m);
		m->m_data += offset;
		m->m_len = *lens;
		memcpy(m->m_data, frame + len, *lens);
		len += *lens;
		*last = m;
		last = &m->m_next;
	}
	first->m_flags = M_PKTHDR;
	first->m_pkthdr.len = (int)len;
	return first;
}

/* A frame of `len` bytes for `to`, with anything behind the addresses. */
static void frame_make(unsigned char *frame, size_t len, const unsigned char *to, uint32_t seed)
{
	pattern_make(frame, len, seed);
	memcpy(frame, to, 6);
	frame[6] &= 0xfe; /* a source is no group */
}

static const unsigned char elsewhere[6] = { 0x02, 1, 2, 3, 4, 5 };

/* What is on the wire next is this frame, from our address. */
static void check_wire(struct bench *b, unsigned char *frame, size_t len)
{
	unsigned char got[E1000_BUFFER];

	memcpy(frame + 6, our_address, 6);
	assert_int_equal(wire_receive(&b->wire, got, sizeof(got), WAIT_MS), len);
	assert_memory_equal(got, frame, len);
}

/* The next frame that came in is this one, and nothing behind its end was touched.  Gives it back. */
static void check_input(struct bench *b, const unsigned char *frame, size_t len)
{
	struct mbuf *m = b->first;

	assert_non_null(m);
	b->first = m->m_nextpkt;
	if (!b->first)
		b->last = &b->first;
	assert_int_equal(m->m_pkthdr.len, len);
	assert_int_equal(m->m_len, len);
	assert_memory_equal(m->m_data, frame, len);
	for (size_t i = len; i < E1000_BUFFER; i++)
		assert_int_equal((unsigned char)m->m_data[i], QUIET);
	bench_put(b, m);
}

#define END UINT_MAX

static void test_chains_reach_the_wire_whole(void **state)
{
	static const struct {
		unsigned lens[12];
		unsigned offset, ndescs; /* where nothing is joined or split */
		const char *why;
	} row[] = {
		{ { 60, END }, 0, 1, "the shortest" },
		{ { 1514, END }, 0, 1, "the longest" },
		{ { 1514, END }, 17, 1, "at an odd address" },
		{ { 14, 46, END }, 2, 2, "a header and a body" },
		{ { 14, 20, 1480, END }, 1, 3, "headers and a body" },
		{ { 12, 0, 100, 0, END }, 3, 2, "empty mbufs are nothing" },
		{ { 100, 1, 2, 3, 5, 8, 13, 1000, END }, 5, 8, "as many pieces as there can be" },
	};
	unsigned char frame[E1000_FRAME_MAX];
	struct bench b;

	bench_start(&b, state);
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		unsigned long ndescs = b.sc.sc_ndescs;
		frame_make(frame, sizeof(frame), elsewhere, (uint32_t)i);
		struct mbuf *m = chain_make(&b, frame, row[i].lens, row[i].offset);
		size_t len = (size_t)m->m_pkthdr.len;
		assert_row(e1000_start(&b.sc, m) == 0, i, row[i].why);
		check_wire(&b, frame, len);
		bench_work(&b, &b.sc.sc_ntx, i + 1);
		/* A stand-in puts in one place what lay in several; every second buffer's page goes on in the next. */
		if (b.m.way == &direct)
			assert_row(b.sc.sc_ndescs - ndescs == row[i].ndescs, i, row[i].why);
		assert_row(b.nfree == NBUFFERS - E1000_RING, i, row[i].why);
	}
	assert_int_equal(wire_receive(&b.wire, frame, sizeof(frame), 0), 0);
	bench_close(&b);
}

static void test_frames_arrive_whole_and_alone(void **state)
{
	static const size_t lens[] = { 60, 61, 64, 777, 1513, 1514 };
	const size_t nlens = sizeof(lens) / sizeof(*lens);
	unsigned char frame[E1000_FRAME_MAX];
	struct bench b;

	bench_start(&b, state);
	for (size_t i = 0; i < nlens; i++) {
		frame_make(frame, lens[i], our_address, (uint32_t)i);
		wire_send(&b.wire, frame, lens[i]);
		bench_work(&b, &b.sc.sc_nrx, i + 1);
		check_input(&b, frame, lens[i]);
	}
	/* A frame for somebody else is none of ours; a broadcast is. */
	frame_make(frame, 60, elsewhere, 90);
	wire_send(&b.wire, frame, 60);
	memset(frame, 0xff, 6);
	wire_send(&b.wire, frame, 60);
	bench_work(&b, &b.sc.sc_nrx, nlens + 1);
	check_input(&b, frame, 60);
	assert_null(b.first);
	assert_int_equal(b.sc.sc_nlost, 0);
	bench_close(&b);
}

/* Both rings several times over, with bursts that are no divisor of them. */
static void test_rings_go_round_in_order(void **state)
{
	const unsigned burst = 11, nbursts = 8;
	const unsigned lens[] = { 33, 400, END };
	unsigned char frame[E1000_FRAME_MAX];
	struct bench b;

	bench_start(&b, state);
	for (unsigned n = 0; n < nbursts; n++) {
		for (unsigned i = 0; i < burst; i++) {
			frame_make(frame, 1000, our_address, n * burst + i);
			wire_send(&b.wire, frame, 1000);
		}
		for (unsigned i = 0; i < burst / 2; i++) {
			frame_make(frame, 433, elsewhere, 1000 + n * burst + i);
			assert_int_equal(e1000_start(&b.sc, chain_make(&b, frame, lens, 7)), 0);
		}
		bench_work(&b, &b.sc.sc_ntx, (n + 1) * (burst / 2));
		bench_work(&b, &b.sc.sc_nrx, (n + 1) * burst);
		for (unsigned i = 0; i < burst; i++) {
			frame_make(frame, 1000, our_address, n * burst + i);
			check_input(&b, frame, 1000);
		}
		for (unsigned i = 0; i < burst / 2; i++) {
			frame_make(frame, 433, elsewhere, 1000 + n * burst + i);
			check_wire(&b, frame, 433);
		}
	}
	assert_true(b.sc.sc_nrx > 5 * E1000_RING);
	assert_true(b.sc.sc_ndescs >= (b.m.way->bounce ? 2 : 4) * E1000_RING);
	assert_int_equal(b.sc.sc_nlost, 0);
	bench_close(&b);
}

/* A frame for us of 64 bytes. */
static void bench_send(struct bench *b, uint32_t seed)
{
	unsigned char frame[64];

	frame_make(frame, sizeof(frame), our_address, seed);
	wire_send(&b->wire, frame, sizeof(frame));
}

/* All slots but one are used, and no more until some were given back, whichever way frames go. */
static void test_a_full_ring_refuses_and_recovers(void **state)
{
	const unsigned lens[] = { 64, END };
	unsigned char frame[E1000_FRAME_MAX];
	struct bench b;

	bench_start(&b, state);
	frame_make(frame, 64, elsewhere, 1);
	for (unsigned i = 0; i < E1000_RING - 1; i++)
		assert_int_equal(e1000_start(&b.sc, chain_make(&b, frame, lens, 0)), 0);
	struct mbuf *m = chain_make(&b, frame, lens, 0);
	uint64_t nmapped = b.m.core.nmapped - b.m.core.nunmapped;
	assert_int_equal(e1000_start(&b.sc, m), ENOBUFS);
	assert_int_equal(b.m.core.nmapped - b.m.core.nunmapped, nmapped);
	bench_work(&b, &b.sc.sc_ntx, E1000_RING - 1);
	assert_int_equal(e1000_start(&b.sc, m), 0);
	bench_work(&b, &b.sc.sc_ntx, E1000_RING);
	for (unsigned i = 0; i < E1000_RING; i++)
		check_wire(&b, frame, 64);

	for (unsigned i = 0; i < E1000_RING - 1; i++)
		bench_send(&b, i);
	const int64_t began = rig_now_ms();
	while (mete_registers_read(&b.m.registers, RX_HEAD, 4) != E1000_RING - 1)
		assert_true(rig_now_ms() - began < WAIT_MS);
	bench_send(&b, E1000_RING - 1); /* waits on the wire */
	bench_work(&b, &b.sc.sc_nrx, E1000_RING);
	for (unsigned i = 0; i < E1000_RING; i++) {
		frame_make(frame, 64, our_address, i);
		check_input(&b, frame, 64);
	}
	assert_int_equal(b.sc.sc_nlost, 0);
	bench_close(&b);
}

/* There is room for one descriptor, and the frame has two: nothing stays loaded. */
static void test_a_frame_that_does_not_fit_the_ring_is_refused(void **state)
{
	const unsigned lens[] = { 64, END }, two[] = { 32, 32, END };
	unsigned char frame[E1000_FRAME_MAX];
	struct bench b;

	bench_start(&b, state);
	frame_make(frame, 64, elsewhere, 1);
	for (unsigned i = 0; i < E1000_RING - 2; i++)
		assert_int_equal(e1000_start(&b.sc, chain_make(&b, frame, lens, 0)), 0);
	struct mbuf *m = chain_make(&b, frame, two, 0);
	uint64_t nmapped = b.m.core.nmapped - b.m.core.nunmapped;
	assert_int_equal(e1000_start(&b.sc, m), ENOBUFS);
	assert_int_equal(b.m.core.nmapped - b.m.core.nunmapped, nmapped);
	bench_work(&b, &b.sc.sc_ntx, E1000_RING - 2);
	assert_int_equal(e1000_start(&b.sc, m), 0);
	bench_work(&b, &b.sc.sc_ntx, E1000_RING - 1);
	bench_close(&b);
}

static void test_what_is_no_frame_is_refused(void **state)
{
	static const struct {
		unsigned lens[12];
		int len; /* that the header says, if not 0 */
		int error;
		const char *why;
	} row[] = {
		{ { 59, END }, 0, EINVAL, "too short" },
		{ { 1515, END }, 0, EINVAL, "too long" },
		{ { 11, 100, END }, 0, EINVAL, "the addresses are in two mbufs" },
		{ { 100, END }, 99, EINVAL, "longer than its header says" },
		{ { 100, END }, 101, EINVAL, "shorter than its header says" },
		{ { 100, END }, -1, EINVAL, "a negative length" },
	};
	unsigned char frame[E1000_BUFFER];
	struct bench b;

	bench_start(&b, state);
	frame_make(frame, sizeof(frame), elsewhere, 1);
	uint64_t nmapped = b.m.core.nmapped - b.m.core.nunmapped;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct mbuf *m = chain_make(&b, frame, row[i].lens, 0);
		m->m_pkthdr.len = row[i].len ? row[i].len : m->m_pkthdr.len;
		assert_row(e1000_start(&b.sc, m) == row[i].error, i, row[i].why);
		assert_row(b.m.core.nmapped - b.m.core.nunmapped == nmapped, i, row[i].why);
		bench_put(&b, m);
	}
	assert_int_equal(b.sc.sc_ndescs, 0);
	bench_close(&b);
}

static void test_too_many_pieces_are_refused(void **state)
{
	const unsigned nine[] = { 100, 2, 4, 6, 8, 10, 12, 14, 16, END };
	unsigned char frame[E1000_FRAME_MAX];
	struct bench b;

	bench_start(&b, state);
	frame_make(frame, sizeof(frame), elsewhere, 1);
	struct mbuf *m = chain_make(&b, frame, nine, 1);
	assert_int_equal(e1000_start(&b.sc, m), EFBIG);
	assert_int_equal(b.sc.sc_tx_slot[0].map->dm_mapsize, 0);
	bench_put(&b, m);
	bench_close(&b);
}

/* Frames for which there is no fresh buffer are lost, and their buffers used again; nothing else is. */
static void test_without_fresh_buffers_frames_are_lost_and_no_more(void **state)
{
	unsigned char frame[E1000_FRAME_MAX];
	struct bench b;

	bench_start(&b, state);
	b.empty = true;
	for (unsigned n = 1; n <= 3; n++) {
		for (unsigned i = 0; i < E1000_RING - 1; i++)
			bench_send(&b, i);
		bench_work(&b, &b.sc.sc_nlost, n * (E1000_RING - 1));
	}
	assert_int_equal(b.nin, 0);

	b.empty = false;
	memset(b.memory, QUIET, NBUFFERS * E1000_BUFFER); /* what the lost ones left */
	frame_make(frame, 200, our_address, 2);
	wire_send(&b.wire, frame, 200);
	bench_work(&b, &b.sc.sc_nrx, 1);
	assert_memory_equal(b.first->m_data, frame, 200);
	bench_put(&b, b.first);
	bench_close(&b);
}

static void test_a_dead_controller_leaves_nothing_loaded(void **state)
{
	const unsigned lens[] = { 64, END };
	unsigned char frame[E1000_FRAME_MAX];
	struct bench b;

	bench_start(&b, state);
	frame_make(frame, 64, elsewhere, 1);
	assert_int_equal(kill((pid_t)mete_rig_process(b.m.rig), SIGKILL), 0);
	assert_int_equal(rig_intr_wait(&b.m.pci, WAIT_MS), EIO);
	assert_int_equal(e1000_intr(&b.sc), 0);
	assert_int_equal(e1000_start(&b.sc, chain_make(&b, frame, lens, 0)), 0); /* it cannot know */
	e1000_detach(&b.sc);
	assert_int_equal(bench_attach(&b), ENXIO);
	bench_end(&b);
}

/* Addresses of the bus run out at one point after the other of the attach; each time all is given back. */
static void test_an_attach_that_fails_leaves_nothing(void **state)
{
	for (size_t npages = 1; npages < 64; npages += 3) {
		struct bench b;
		bench_open(&b, *state, npages);
		int error = bench_attach(&b);
		assert_true(!error || error == ENOMEM);
		/* Two rings, and a page for each buffer. */
		assert_true(error || npages >= 2 + E1000_RING);
		bench_close(&b);
		if (!error)
			return;
	}
	fail_msg("64 pages are plenty");
}

/* There are not enough mbufs to begin with. */
static void test_an_attach_without_buffers_leaves_nothing(void **state)
{
	struct bench b;

	bench_open(&b, *state, 1024);
	b.empty = true;
	assert_int_equal(bench_attach(&b), ENOBUFS);
	assert_non_null(strstr(b.said, "em0: cannot start"));
	assert_int_equal(e1000_start(&b.sc, &b.mbuf[0]), ENETDOWN);
	e1000_detach(&b.sc);
	b.empty = false;
	assert_int_equal(bench_attach(&b), 0);
	bench_close(&b);
}

/* The control.  All goes well on the bus, and the frame stays in the stand-in. */
static void test_a_skipped_postread_leaves_old_bytes(void **state)
{
	unsigned char frame[E1000_FRAME_MAX];
	struct bench b;

	bench_start(&b, state);
	frame_make(frame, 300, our_address, 1);
	b.sc.sc_mistake = E1000_SKIP_POSTREAD;
	wire_send(&b.wire, frame, 300);
	bench_work(&b, &b.sc.sc_nrx, 1);
	assert_int_equal(b.first->m_len, 300);
	for (size_t i = 0; i < E1000_BUFFER; i++)
		assert_int_equal((unsigned char)b.first->m_data[i], QUIET);
	bench_put(&b, b.first);
	b.first = NULL;
	b.last = &b.first;

	b.sc.sc_mistake = E1000_NO_MISTAKE;
	wire_send(&b.wire, frame, 300);
	bench_work(&b, &b.sc.sc_nrx, 2);
	check_input(&b, frame, 300);
	bench_close(&b);
}

/* The control.  What the driver wrote after the load, its address, is not what goes onto the wire. */
static void test_a_skipped_prewrite_sends_old_bytes(void **state)
{
	const unsigned lens[] = { 100, 200, END };
	unsigned char frame[E1000_FRAME_MAX], got[E1000_BUFFER];
	struct bench b;

	bench_start(&b, state);
	frame_make(frame, 300, elsewhere, 1);
	b.sc.sc_mistake = E1000_SKIP_PREWRITE;
	assert_int_equal(e1000_start(&b.sc, chain_make(&b, frame, lens, 3)), 0);
	assert_int_equal(wire_receive(&b.wire, got, sizeof(got), WAIT_MS), 300);
	assert_memory_equal(got, frame, 300);
	assert_memory_not_equal(got + 6, our_address, 6);
	bench_work(&b, &b.sc.sc_ntx, 1);

	b.sc.sc_mistake = E1000_NO_MISTAKE;
	assert_int_equal(e1000_start(&b.sc, chain_make(&b, frame, lens, 3)), 0);
	check_wire(&b, frame, 300);
	bench_work(&b, &b.sc.sc_ntx, 2);
	bench_close(&b);
}

/* The record of an access that the IOMMU refused: of our device, at `bus`. */
static void check_fault(struct bench *b, bus_addr_t bus, unsigned access)
{
	struct mete_iommu_fault fault;

	assert_ok(mete_domain_fault(&b->m.domain, &fault));
	assert_int_equal(fault.iova & ~(uint64_t)(PAGE - 1), bus & ~(uint64_t)(PAGE - 1));
	assert_int_equal(fault.access, access);
	assert_int_equal(fault.source, b->m.pci.slot << 3 | b->m.pci.number);
	assert_error(mete_domain_fault(&b->m.domain, &fault), METE_ENODEV);
}

/* The control.  The IOMMU knows the frame's address no more when the device reads it, and says which it was. */
static void test_an_early_unload_of_a_frame_leaves_a_record(void **state)
{
	const unsigned lens[] = { 300, END };
	unsigned char frame[E1000_FRAME_MAX], got[E1000_BUFFER];
	struct bench b;

	bench_start(&b, state);
	frame_make(frame, 300, elsewhere, 1);
	b.sc.sc_mistake = E1000_TX_UNLOAD_EARLY;
	assert_int_equal(e1000_start(&b.sc, chain_make(&b, frame, lens, 0)), 0);
	bench_work(&b, &b.sc.sc_ntx, 1);
	check_fault(&b, b.sc.sc_tx_bus, METE_DEVICE_READS);
	/* Whatever the controller sends then, it is not the frame. */
	size_t len = wire_receive(&b.wire, got, sizeof(got), NEVER_MS);
	memcpy(frame + 6, our_address, 6);
	assert_true(len != 300 || memcmp(got, frame, 300) != 0);

	b.sc.sc_mistake = E1000_NO_MISTAKE;
	assert_int_equal(e1000_start(&b.sc, chain_make(&b, frame, lens, 0)), 0);
	check_wire(&b, frame, 300);
	bench_work(&b, &b.sc.sc_ntx, 2);
	bench_close(&b);
}

/* The control.  A buffer that is unloaded while the device has it. */
static void test_an_early_unload_of_a_buffer_leaves_a_record(void **state)
{
	unsigned char frame[E1000_FRAME_MAX];
	struct bench b;

	bench_open(&b, *state, 1024);
	b.sc.sc_mistake = E1000_RX_UNLOAD_EARLY;
	assert_int_equal(bench_attach(&b), 0);
	const bus_addr_t bus = b.sc.sc_rx_bus;
	frame_make(frame, 300, our_address, 1);
	wire_send(&b.wire, frame, 300);
	bench_work(&b, &b.sc.sc_nrx, 1);
	check_fault(&b, bus, METE_DEVICE_WRITES);
	for (size_t i = 0; i < E1000_BUFFER; i++)
		assert_int_equal((unsigned char)b.first->m_data[i], QUIET);
	bench_put(&b, b.first);
	b.first = NULL;
	b.last = &b.first;
	e1000_detach(&b.sc);

	b.sc.sc_mistake = E1000_NO_MISTAKE;
	assert_int_equal(bench_attach(&b), 0);
	wire_send(&b.wire, frame, 300);
	bench_work(&b, &b.sc.sc_nrx, 1);
	check_input(&b, frame, 300);
	bench_close(&b);
}

#define ON_ALL(test) \
	ON(test, direct), ON(test, stand_in), ON(test, narrow), ON(test, vtd), ON(test, vtd_deferred), ON(test, vtd_stand_in)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_ALL(test_chains_reach_the_wire_whole),
		ON_ALL(test_frames_arrive_whole_and_alone),
		ON_ALL(test_rings_go_round_in_order),
		ON_ALL(test_a_full_ring_refuses_and_recovers),
		ON(test_a_frame_that_does_not_fit_the_ring_is_refused, direct),
		ON_ALL(test_what_is_no_frame_is_refused),
		ON(test_too_many_pieces_are_refused, direct),
		ON_ALL(test_without_fresh_buffers_frames_are_lost_and_no_more),
		ON_ALL(test_a_dead_controller_leaves_nothing_loaded),
		ON(test_an_attach_that_fails_leaves_nothing, vtd),
		ON(test_an_attach_without_buffers_leaves_nothing, direct),
		ON(test_a_skipped_postread_leaves_old_bytes, stand_in),
		ON(test_a_skipped_postread_leaves_old_bytes, narrow),
		ON(test_a_skipped_postread_leaves_old_bytes, vtd_stand_in),
		ON(test_a_skipped_prewrite_sends_old_bytes, stand_in),
		ON(test_a_skipped_prewrite_sends_old_bytes, narrow),
		ON(test_a_skipped_prewrite_sends_old_bytes, vtd_stand_in),
		ON(test_an_early_unload_of_a_frame_leaves_a_record, vtd),
		ON(test_an_early_unload_of_a_buffer_leaves_a_record, vtd),
	};
	return cmocka_run_group_tests_name("drivers: e1000 in openbsd's idiom", tests, NULL, NULL);
}
