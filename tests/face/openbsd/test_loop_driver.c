/* SPDX-License-Identifier: ISC */
/*
 * A network driver over bus_dma(9): rings and buffers, written as such drivers are, and an adapter that sends each packet
 * back to where it came from.
 *
 * The adapter sees bus addresses only.  The driver sees nothing of the library but the native header.
 */
#include "support.h"

#include <sys/types.h>
#include <sys/mbuf.h>
#include <machine/bus.h>

/*
 * The adapter's side of the contract: descriptors, and two registers for each ring.
 */
#define LOOP_RING 16
#define LOOP_OWN 0x1u /* the adapter's */
#define LOOP_EOP 0x2u /* last of a packet */

struct loop_desc {
	uint64_t addr;
	uint32_t len;
	uint32_t flags;
};

struct loop_regs {
	uint64_t tx_ring, rx_ring;
	unsigned tx_kick;
};

/*
 * The driver.
 */
#define LOOP_SEGS 6
#define LOOP_MTU 2048

struct loop_slot {
	bus_dmamap_t map;
	struct mbuf *m;
};

struct loop_ring {
	bus_dma_segment_t seg;
	bus_dmamap_t map;
	struct loop_desc *desc;
	struct loop_slot slot[LOOP_RING];
	unsigned next, used;
};

struct loop_softc {
	bus_dma_tag_t sc_dmat;
	struct loop_regs *sc_regs;
	struct loop_ring sc_tx, sc_rx;
};

static int loop_ring_alloc(struct loop_softc *sc, struct loop_ring *ring, int nsegs, bus_size_t size)
{
	const bus_size_t len = LOOP_RING * sizeof(struct loop_desc);
	caddr_t kva;
	int rsegs;

	if (bus_dmamem_alloc(sc->sc_dmat, len, 4096, 0, &ring->seg, 1, &rsegs, BUS_DMA_NOWAIT | BUS_DMA_ZERO) != 0)
		return 1;
	if (bus_dmamem_map(sc->sc_dmat, &ring->seg, rsegs, len, &kva, BUS_DMA_NOWAIT | BUS_DMA_COHERENT) != 0)
		goto free;
	if (bus_dmamap_create(sc->sc_dmat, len, 1, len, 0, BUS_DMA_NOWAIT, &ring->map) != 0)
		goto unmap;
	if (bus_dmamap_load(sc->sc_dmat, ring->map, kva, len, NULL, BUS_DMA_NOWAIT) != 0)
		goto destroy;
	ring->desc = (struct loop_desc *)(void *)kva;
	for (int i = 0; i < LOOP_RING; i++) {
		if (bus_dmamap_create(sc->sc_dmat, size, nsegs, size, 0, BUS_DMA_NOWAIT, &ring->slot[i].map) != 0) {
			while (i-- > 0)
				bus_dmamap_destroy(sc->sc_dmat, ring->slot[i].map);
			bus_dmamap_unload(sc->sc_dmat, ring->map);
			goto destroy;
		}
	}
	return 0;

destroy:
	bus_dmamap_destroy(sc->sc_dmat, ring->map);
unmap:
	bus_dmamem_unmap(sc->sc_dmat, kva, len);
free:
	bus_dmamem_free(sc->sc_dmat, &ring->seg, 1);
	return 1;
}

static void loop_ring_free(struct loop_softc *sc, struct loop_ring *ring)
{
	for (int i = 0; i < LOOP_RING; i++) {
		if (ring->slot[i].m != NULL)
			bus_dmamap_unload(sc->sc_dmat, ring->slot[i].map);
		bus_dmamap_destroy(sc->sc_dmat, ring->slot[i].map);
	}
	bus_dmamap_unload(sc->sc_dmat, ring->map);
	bus_dmamap_destroy(sc->sc_dmat, ring->map);
	bus_dmamem_unmap(sc->sc_dmat, (caddr_t)ring->desc, LOOP_RING * sizeof(struct loop_desc));
	bus_dmamem_free(sc->sc_dmat, &ring->seg, 1);
}

static void loop_desc_sync(struct loop_softc *sc, struct loop_ring *ring, unsigned i, int ops)
{
	bus_dmamap_sync(sc->sc_dmat, ring->map, i * sizeof(struct loop_desc), sizeof(struct loop_desc), ops);
}

/* Hand a buffer to the adapter to receive into. */
static int loop_rx_fill(struct loop_softc *sc, struct mbuf *m)
{
	struct loop_ring *ring = &sc->sc_rx;
	unsigned i = (ring->next + ring->used) % LOOP_RING;
	struct loop_slot *slot = &ring->slot[i];

	if (bus_dmamap_load_mbuf(sc->sc_dmat, slot->map, m, BUS_DMA_READ | BUS_DMA_NOWAIT) != 0)
		return 1;
	slot->m = m;
	bus_dmamap_sync(sc->sc_dmat, slot->map, 0, slot->map->dm_mapsize, BUS_DMASYNC_PREREAD);
	loop_desc_sync(sc, ring, i, BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE);
	ring->desc[i].addr = slot->map->dm_segs[0].ds_addr;
	ring->desc[i].len = (uint32_t)slot->map->dm_segs[0].ds_len;
	ring->desc[i].flags = LOOP_OWN;
	loop_desc_sync(sc, ring, i, BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE);
	ring->used++;
	return 0;
}

static int loop_start(struct loop_softc *sc, struct mbuf *m)
{
	struct loop_ring *ring = &sc->sc_tx;
	unsigned first = (ring->next + ring->used) % LOOP_RING;
	bus_dmamap_t map = ring->slot[first].map;
	int error = bus_dmamap_load_mbuf(sc->sc_dmat, map, m, BUS_DMA_WRITE | BUS_DMA_NOWAIT);

	if (error != 0)
		return error;
	bus_dmamap_sync(sc->sc_dmat, map, 0, map->dm_mapsize, BUS_DMASYNC_PREWRITE);
	ring->slot[first].m = m;
	for (int s = 0; s < map->dm_nsegs; s++) {
		unsigned i = (first + (unsigned)s) % LOOP_RING;
		loop_desc_sync(sc, ring, i, BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE);
		ring->desc[i].addr = map->dm_segs[s].ds_addr;
		ring->desc[i].len = (uint32_t)map->dm_segs[s].ds_len;
		ring->desc[i].flags = LOOP_OWN | (s + 1 == map->dm_nsegs ? LOOP_EOP : 0);
		loop_desc_sync(sc, ring, i, BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE);
	}
	ring->used += (unsigned)map->dm_nsegs;
	sc->sc_regs->tx_kick = 1;
	return 0;
}

/* Take back what was sent. */
static void loop_txeof(struct loop_softc *sc)
{
	struct loop_ring *ring = &sc->sc_tx;

	while (ring->used > 0) {
		unsigned i = ring->next;
		loop_desc_sync(sc, ring, i, BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE);
		if (ring->desc[i].flags & LOOP_OWN)
			break;
		if (ring->slot[i].m != NULL) {
			bus_dmamap_sync(sc->sc_dmat, ring->slot[i].map, 0, ring->slot[i].map->dm_mapsize,
			    BUS_DMASYNC_POSTWRITE);
			bus_dmamap_unload(sc->sc_dmat, ring->slot[i].map);
			ring->slot[i].m = NULL;
		}
		ring->next = (i + 1) % LOOP_RING;
		ring->used--;
	}
}

/* The next packet that came in, or NULL. */
static struct mbuf *loop_rxeof(struct loop_softc *sc)
{
	struct loop_ring *ring = &sc->sc_rx;
	unsigned i = ring->next;
	struct loop_slot *slot = &ring->slot[i];
	struct mbuf *m = slot->m;

	if (ring->used == 0)
		return NULL;
	loop_desc_sync(sc, ring, i, BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE);
	if (ring->desc[i].flags & LOOP_OWN)
		return NULL;
	bus_dmamap_sync(sc->sc_dmat, slot->map, 0, slot->map->dm_mapsize, BUS_DMASYNC_POSTREAD);
	bus_dmamap_unload(sc->sc_dmat, slot->map);
	m->m_len = ring->desc[i].len;
	m->m_pkthdr.len = (int)ring->desc[i].len;
	slot->m = NULL;
	ring->next = (i + 1) % LOOP_RING;
	ring->used--;
	return m;
}

static int loop_attach(struct loop_softc *sc, bus_dma_tag_t tag, struct loop_regs *regs)
{
	memset(sc, 0, sizeof *sc);
	sc->sc_dmat = tag;
	sc->sc_regs = regs;
	if (loop_ring_alloc(sc, &sc->sc_tx, LOOP_SEGS, LOOP_MTU) != 0)
		return 1;
	if (loop_ring_alloc(sc, &sc->sc_rx, 1, LOOP_MTU) != 0) {
		loop_ring_free(sc, &sc->sc_tx);
		return 1;
	}
	regs->tx_ring = sc->sc_tx.map->dm_segs[0].ds_addr;
	regs->rx_ring = sc->sc_rx.map->dm_segs[0].ds_addr;
	return 0;
}

static void loop_detach(struct loop_softc *sc)
{
	loop_ring_free(sc, &sc->sc_rx);
	loop_ring_free(sc, &sc->sc_tx);
}

/*
 * The adapter.
 */
#include "bus_world.h"

struct adapter {
	struct loop_regs regs;
	unsigned tx, rx;
	unsigned char packet[LOOP_MTU];
	size_t len;
};

static bool desc_read(struct bus_world *world, uint64_t ring, unsigned i, struct loop_desc *ret)
{
	return world_read(world, (mete_baddr)(ring + i * sizeof *ret), ret, sizeof *ret) && (ret->flags & LOOP_OWN);
}

static void desc_write(struct bus_world *world, uint64_t ring, unsigned i, const struct loop_desc *desc)
{
	assert_true(world_write(world, (mete_baddr)(ring + i * sizeof *desc), desc, sizeof *desc));
}

/* Send what there is to send, and receive it. */
static void adapter_run(struct bus_world *world, struct adapter *a)
{
	struct loop_desc tx, rx;

	if (!a->regs.tx_kick)
		return;
	a->regs.tx_kick = 0;
	while (desc_read(world, a->regs.tx_ring, a->tx, &tx)) {
		assert_true(tx.len <= sizeof a->packet - a->len);
		assert_true(world_read(world, (mete_baddr)tx.addr, a->packet + a->len, tx.len));
		a->len += tx.len;
		bool last = tx.flags & LOOP_EOP;
		tx.flags = 0;
		desc_write(world, a->regs.tx_ring, a->tx, &tx);
		a->tx = (a->tx + 1) % LOOP_RING;
		if (!last)
			continue;
		if (desc_read(world, a->regs.rx_ring, a->rx, &rx)) { /* else the packet is lost */
			assert_true(a->len <= rx.len);
			assert_true(world_write(world, (mete_baddr)rx.addr, a->packet, a->len));
			rx.len = (uint32_t)a->len;
			rx.flags = 0;
			desc_write(world, a->regs.rx_ring, a->rx, &rx);
			a->rx = (a->rx + 1) % LOOP_RING;
		}
		a->len = 0;
	}
}

/*
 * The test.
 */
static const enum world_way ways[] = { WORLD_DIRECT, WORLD_BOUNCE, WORLD_IOVA_WAY, WORLD_CACHES };

static void packet_make(struct bus_world *world, struct mbuf *m, size_t n, size_t each)
{
	memset(m, 0, n * sizeof *m);
	for (size_t i = 0; i < n; i++) {
		m[i].m_data = (caddr_t)world_buffer(world, LOOP_MTU) + 2 + i; /* headers are rarely aligned */
		m[i].m_len = (unsigned)each;
		m[i].m_next = i + 1 < n ? &m[i + 1] : NULL;
	}
	m[0].m_flags = M_PKTHDR;
	m[0].m_pkthdr.len = (int)(n * each);
}

static void test_every_packet_comes_back_as_it_was_sent(void **state)
{
	(void)state;

	for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
		static struct bus_world world;
		struct mete_openbsd_tag tag;
		struct adapter adapter;
		struct loop_softc sc;
		struct mbuf tx[3], rx[4], *got;

		world_start(&world, ways[w]);
		memset(&adapter, 0, sizeof adapter);
		assert_ok(mete_openbsd_tag_init(&tag, &world.device));
		assert_int_equal(loop_attach(&sc, &tag, &adapter.regs), 0);
		for (size_t i = 0; i < 4; i++) {
			packet_make(&world, &rx[i], 1, LOOP_MTU - 8);
			assert_int_equal(loop_rx_fill(&sc, &rx[i]), 0);
		}
		packet_make(&world, tx, 3, 0);
		for (unsigned round = 0; round < 200; round++) {
			tx[0].m_pkthdr.len = 0;
			for (unsigned i = 0; i < 3; i++) {
				tx[i].m_len = (round * 37 + i * 11) % 600 + (i == 0);
				memset(tx[i].m_data, (int)(round + i), tx[i].m_len);
				tx[0].m_pkthdr.len += (int)tx[i].m_len;
			}
			assert_int_equal(loop_start(&sc, tx), 0);
			adapter_run(&world, &adapter);
			loop_txeof(&sc);
			assert_int_equal(sc.sc_tx.used, 0);
			got = loop_rxeof(&sc);
			assert_non_null(got);
			assert_int_equal(got->m_pkthdr.len, tx[0].m_pkthdr.len);
			size_t at = 0;
			for (unsigned i = 0; i < 3; at += tx[i].m_len, i++)
				assert_memory_equal(got->m_data + at, tx[i].m_data, tx[i].m_len);
			got->m_len = LOOP_MTU - 8;
			got->m_pkthdr.len = LOOP_MTU - 8;
			assert_int_equal(loop_rx_fill(&sc, got), 0);
		}
		loop_detach(&sc);
		assert_int_equal(small_arena_counters(&world.small).bad_argument, 0);
		world_end(&world);
	}
}

/* Each record and each run that attaching takes fails once, at its turn; nothing is left behind. */
static void test_an_attach_that_fails_leaves_nothing(void **state)
{
	(void)state;

	for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++) {
		static struct bus_world world;
		struct mete_openbsd_tag tag;
		struct loop_regs regs;
		struct loop_softc sc;

		world_start(&world, ways[w]);
		assert_ok(mete_openbsd_tag_init(&tag, &world.device));
		for (int what = 0; what < 2; what++) {
			size_t *fail = what ? &world.small.fail_records : &world.small.fail_takes;
			size_t n = 0;
			for (int failed = 1; failed; n++) {
				size_t records = world.small.nrecords, bytes = mete_arena_free(&world.small.arena);
				*fail = n;
				failed = loop_attach(&sc, &tag, &regs);
				*fail = SIZE_MAX;
				if (!failed)
					loop_detach(&sc);
				assert_int_equal(world.small.nrecords, records);
				assert_int_equal(mete_arena_free(&world.small.arena), bytes);
				assert_true(n < 100);
			}
			assert_true(n > 2);
		}
		world_end(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_packet_comes_back_as_it_was_sent),
		cmocka_unit_test(test_an_attach_that_fails_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
