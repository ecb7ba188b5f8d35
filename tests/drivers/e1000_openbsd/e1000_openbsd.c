/* SPDX-License-Identifier: ISC */
/*
 * Two rings of descriptors in memory that stays loaded, and a map for each slot of them.
 *
 *   sending:    done ... next    are the device's; a frame is as many descriptors as its map has segments, and only the
 *                                last one reports.  The map, and the mbufs, lie with the first.
 *   receiving:  all but one      are the device's, each with a buffer of its own that is loaded.
 *
 * The device stops at a ring's tail and takes equality with its head for "nothing to do"; so one slot always stays free.
 *
 * No memory is taken to be coherent.  A descriptor is synced when it goes to the device, and when it is looked at; what it
 * points to, before the descriptor goes and after it came back.
 */
#include "e1000_openbsd.h"
#include "e1000_regs.h"

#include <sys/errno.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/endian.h>

#define E1000_GONE 0xffffffffu /* what a register is where nobody answers */
#define E1000_INTS (E1000_INT_TXDW | E1000_INT_LSC | E1000_INT_RXDMT0 | E1000_INT_RXO | E1000_INT_RXT0)
#define E1000_RING_BYTES (E1000_RING * 16u)
#define E1000_LINK_MS 10000
#define E1000_GIVE (BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE)
#define E1000_TAKE (BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE)

static uint32_t e1000_get(struct e1000_softc *sc, bus_size_t offset)
{
	return bus_space_read_4(sc->sc_aa.aa_iot, sc->sc_aa.aa_ioh, offset);
}

static void e1000_set(struct e1000_softc *sc, bus_size_t offset, uint32_t value)
{
	bus_space_write_4(sc->sc_aa.aa_iot, sc->sc_aa.aa_ioh, offset, value);
}

/* Wait until the register's bits in `mask` are set. */
static int e1000_wait(struct e1000_softc *sc, bus_size_t offset, uint32_t mask, int ms)
{
	for (; ms >= 0; ms--) {
		uint32_t value = e1000_get(sc, offset);
		if (value == E1000_GONE)
			return ENXIO;
		if (value & mask)
			return 0;
		DELAY(1000);
	}
	return ETIMEDOUT;
}

/* The address is the EEPROM's first three words, its bytes in order from each word's low one. */
static int e1000_read_address(struct e1000_softc *sc)
{
	for (unsigned i = 0; i < 3; i++) {
		e1000_set(sc, E1000_EERD, i << 8 | E1000_EERD_START);
		int error = e1000_wait(sc, E1000_EERD, E1000_EERD_DONE, 100);
		if (error)
			return error;
		uint32_t word = e1000_get(sc, E1000_EERD) >> 16;
		sc->sc_address[2 * i] = (uint8_t)word;
		sc->sc_address[2 * i + 1] = (uint8_t)(word >> 8);
	}
	return 0;
}

/* Allocate, map and load one ring of zeros. */
static int e1000_ring_alloc(struct e1000_softc *sc, struct e1000_ring *ring)
{
	const bus_dma_tag_t dmat = sc->sc_aa.aa_dmat;
	const int flags = BUS_DMA_NOWAIT | BUS_DMA_64BIT;
	int nsegs;

	int error = bus_dmamem_alloc(dmat, E1000_RING_BYTES, PAGE_SIZE, 0, &ring->seg, 1, &nsegs, flags | BUS_DMA_ZERO);
	if (error)
		return error;
	error = bus_dmamem_map(dmat, &ring->seg, nsegs, E1000_RING_BYTES, &ring->kva, BUS_DMA_NOWAIT | BUS_DMA_COHERENT);
	if (error)
		goto free;
	error = bus_dmamap_create(dmat, E1000_RING_BYTES, 1, E1000_RING_BYTES, 0, flags, &ring->map);
	if (error)
		goto unmap;
	error = bus_dmamap_load(dmat, ring->map, ring->kva, E1000_RING_BYTES, NULL, BUS_DMA_NOWAIT);
	if (error)
		goto destroy;
	return 0;

destroy:
	bus_dmamap_destroy(dmat, ring->map);
	ring->map = NULL;
unmap:
	bus_dmamem_unmap(dmat, ring->kva, E1000_RING_BYTES);
free:
	bus_dmamem_free(dmat, &ring->seg, 1);
	return error;
}

static void e1000_ring_free(struct e1000_softc *sc, struct e1000_ring *ring)
{
	const bus_dma_tag_t dmat = sc->sc_aa.aa_dmat;

	if (ring->map == NULL)
		return;
	bus_dmamap_unload(dmat, ring->map);
	bus_dmamap_destroy(dmat, ring->map);
	ring->map = NULL;
	bus_dmamem_unmap(dmat, ring->kva, E1000_RING_BYTES);
	bus_dmamem_free(dmat, &ring->seg, 1);
}

/* Tell the controller where the ring is, empty. */
static void e1000_ring_set(struct e1000_softc *sc, const struct e1000_ring *ring, bus_size_t base)
{
	const uint64_t bus = ring->map->dm_segs[0].ds_addr;

	e1000_set(sc, base + E1000_RING_LOW, (uint32_t)bus);
	e1000_set(sc, base + E1000_RING_HIGH, (uint32_t)(bus >> 32));
	e1000_set(sc, base + E1000_RING_LEN, E1000_RING_BYTES);
	e1000_set(sc, base + E1000_RING_HEAD, 0);
	e1000_set(sc, base + E1000_RING_TAIL, 0);
}

/* Write a descriptor and give it to the device, which still has to be told. */
static void e1000_desc_give(struct e1000_softc *sc, struct e1000_ring *ring, unsigned i, const void *desc)
{
	memcpy(ring->kva + 16 * i, desc, 16);
	bus_dmamap_sync(sc->sc_aa.aa_dmat, ring->map, 16 * i, 16, E1000_GIVE);
}

static void e1000_desc_look(struct e1000_softc *sc, struct e1000_ring *ring, unsigned i, void *desc)
{
	bus_dmamap_sync(sc->sc_aa.aa_dmat, ring->map, 16 * i, 16, E1000_TAKE);
	memcpy(desc, ring->kva + 16 * i, 16);
}

/*
 * Have slot `i` receive into a fresh buffer, which is loaded before the old one is unloaded: on failure, ENOBUFS or the
 * error of the load, the slot is as before.  The spare map becomes the slot's, and the slot's the spare.
 */
static int e1000_rx_fill(struct e1000_softc *sc, unsigned i)
{
	const struct e1000_attach_args *aa = &sc->sc_aa;
	struct e1000_slot *slot = &sc->sc_rx_slot[i];
	const bus_dmamap_t spare = sc->sc_rx_spare;
	struct mbuf *m = aa->aa_get(aa->aa_arg);

	if (m == NULL)
		return ENOBUFS;
	int error = bus_dmamap_load(aa->aa_dmat, spare, m->m_data, E1000_BUFFER, NULL, BUS_DMA_NOWAIT | BUS_DMA_READ);
	if (error) {
		aa->aa_put(aa->aa_arg, m);
		return error;
	}
	sc->sc_rx_spare = slot->map;
	slot->map = spare;
	slot->m = m;
	return 0;
}

/* Give slot `i` and its buffer to the device. */
static void e1000_rx_give(struct e1000_softc *sc, unsigned i)
{
	const struct e1000_slot *slot = &sc->sc_rx_slot[i];
	const struct e1000_rx_desc desc = { .address = htole64((uint64_t)slot->map->dm_segs[0].ds_addr) };

	bus_dmamap_sync(sc->sc_aa.aa_dmat, slot->map, 0, E1000_BUFFER, BUS_DMASYNC_PREREAD);
	e1000_desc_give(sc, &sc->sc_rx, i, &desc);
	if (sc->sc_mistake == E1000_RX_UNLOAD_EARLY)
		bus_dmamap_unload(sc->sc_aa.aa_dmat, slot->map);
}

/* Unload what a map holds, if it was not by mistake. */
static void e1000_unload(struct e1000_softc *sc, bus_dmamap_t map)
{
	if (map->dm_mapsize != 0)
		bus_dmamap_unload(sc->sc_aa.aa_dmat, map);
}

/* A frame lies in slot `i`: pass it on if there is a fresh buffer for the slot, else it gives way to the next. */
static void e1000_rx_frame(struct e1000_softc *sc, unsigned i, const struct e1000_rx_desc *desc)
{
	const struct e1000_attach_args *aa = &sc->sc_aa;
	struct e1000_slot *slot = &sc->sc_rx_slot[i];
	struct mbuf *m = slot->m;
	const unsigned len = le16toh(desc->len);
	const bool good = (desc->status & E1000_RX_EOP) && !desc->errors && len <= E1000_FRAME_MAX;

	if (slot->map->dm_mapsize != 0 && sc->sc_mistake != E1000_SKIP_POSTREAD)
		bus_dmamap_sync(aa->aa_dmat, slot->map, 0, E1000_BUFFER, BUS_DMASYNC_POSTREAD);
	if (!good || e1000_rx_fill(sc, i)) {
		sc->sc_nlost++;
		return;
	}
	e1000_unload(sc, sc->sc_rx_spare); /* which was the slot's */
	m->m_len = len;
	m->m_flags = M_PKTHDR;
	m->m_pkthdr.len = (int)len;
	sc->sc_nrx++;
	aa->aa_input(aa->aa_arg, m);
}

/* Take the frames that were received, and give the slots back: no more than a ring's worth can be there. */
static void e1000_rx(struct e1000_softc *sc)
{
	struct e1000_rx_desc desc;
	unsigned n;

	for (n = 0; n < E1000_RING; n++) {
		const unsigned i = sc->sc_rx_next;
		e1000_desc_look(sc, &sc->sc_rx, i, &desc);
		if (!(desc.status & E1000_DONE))
			break;
		/* The device wrote the status last, but that sync may have copied what is in front of it before. */
		e1000_desc_look(sc, &sc->sc_rx, i, &desc);
		e1000_rx_frame(sc, i, &desc);
		e1000_rx_give(sc, i);
		sc->sc_rx_next = (i + 1) % E1000_RING;
	}
	if (n > 0)
		e1000_set(sc, E1000_RX_RING + E1000_RING_TAIL, (sc->sc_rx_next + E1000_RING - 1) % E1000_RING);
}

static unsigned e1000_tx_room(const struct e1000_softc *sc)
{
	return (sc->sc_tx_done + E1000_RING - sc->sc_tx_next - 1) % E1000_RING;
}

/* Give back the frames that were sent. */
static void e1000_tx_reclaim(struct e1000_softc *sc)
{
	const struct e1000_attach_args *aa = &sc->sc_aa;
	struct e1000_tx_desc desc;

	while (sc->sc_tx_done != sc->sc_tx_next) {
		struct e1000_slot *slot = &sc->sc_tx_slot[sc->sc_tx_done];
		e1000_desc_look(sc, &sc->sc_tx, slot->last, &desc);
		if (!(desc.status & E1000_DONE))
			return;
		if (slot->map->dm_mapsize != 0)
			bus_dmamap_sync(aa->aa_dmat, slot->map, 0, slot->map->dm_mapsize, BUS_DMASYNC_POSTWRITE);
		e1000_unload(sc, slot->map);
		sc->sc_tx_done = (slot->last + 1) % E1000_RING;
		aa->aa_put(aa->aa_arg, slot->m);
		slot->m = NULL;
		sc->sc_ntx++;
	}
}

/* One descriptor for each segment of the frame that slot `first` has. */
static void e1000_tx_describe(struct e1000_softc *sc, unsigned first)
{
	const bus_dmamap_t map = sc->sc_tx_slot[first].map;
	unsigned i = first;

	for (int n = 0; n < map->dm_nsegs; n++) {
		const bool last = n == map->dm_nsegs - 1;
		const struct e1000_tx_desc desc = {
			.address = htole64((uint64_t)map->dm_segs[n].ds_addr),
			.len = htole16((uint16_t)map->dm_segs[n].ds_len),
			.command = E1000_TX_IFCS | (last ? E1000_TX_EOP | E1000_TX_RS : 0),
		};
		e1000_desc_give(sc, &sc->sc_tx, i, &desc);
		sc->sc_tx_slot[first].last = i;
		i = (i + 1) % E1000_RING;
		sc->sc_ndescs++;
	}
	sc->sc_tx_next = i;
}

int e1000_start(struct e1000_softc *sc, struct mbuf *m)
{
	const bus_dma_tag_t dmat = sc->sc_aa.aa_dmat;
	const unsigned first = sc->sc_tx_next;
	struct e1000_slot *slot = &sc->sc_tx_slot[first];

	if (!sc->sc_running)
		return ENETDOWN;
	if (m->m_len < 12 || m->m_pkthdr.len < (int)E1000_FRAME_MIN || m->m_pkthdr.len > (int)E1000_FRAME_MAX)
		return EINVAL;
	if (e1000_tx_room(sc) == 0)
		return ENOBUFS;
	int error = bus_dmamap_load_mbuf(dmat, slot->map, m, BUS_DMA_NOWAIT | BUS_DMA_WRITE);
	if (error)
		return error;
	if (slot->map->dm_mapsize != (bus_size_t)m->m_pkthdr.len || (unsigned)slot->map->dm_nsegs > e1000_tx_room(sc)) {
		error = slot->map->dm_mapsize != (bus_size_t)m->m_pkthdr.len ? EINVAL : ENOBUFS;
		bus_dmamap_unload(dmat, slot->map);
		return error;
	}
	/* Loaded, and not yet the device's: its bytes may still change. */
	memcpy(mtod(m, caddr_t) + 6, sc->sc_address, 6);
	if (sc->sc_mistake != E1000_SKIP_PREWRITE)
		bus_dmamap_sync(dmat, slot->map, 0, slot->map->dm_mapsize, BUS_DMASYNC_PREWRITE);
	slot->m = m;
	sc->sc_tx_bus = slot->map->dm_segs[0].ds_addr;
	e1000_tx_describe(sc, first);
	if (sc->sc_mistake == E1000_TX_UNLOAD_EARLY)
		bus_dmamap_unload(dmat, slot->map);
	e1000_set(sc, E1000_TX_RING + E1000_RING_TAIL, sc->sc_tx_next);
	return 0;
}

int e1000_intr(struct e1000_softc *sc)
{
	const uint32_t cause = e1000_get(sc, E1000_ICR);

	if (!sc->sc_running || cause == E1000_GONE || !(cause & E1000_INTS))
		return 0;
	if (cause & E1000_INT_LSC)
		printf("%s: link %s\n", sc->sc_dev.dv_xname,
		    e1000_get(sc, E1000_STATUS) & E1000_STATUS_LU ? "up" : "down");
	e1000_tx_reclaim(sc);
	e1000_rx(sc);
	return 1;
}

static int e1000_alloc(struct e1000_softc *sc)
{
	const bus_dma_tag_t dmat = sc->sc_aa.aa_dmat;
	const int flags = BUS_DMA_NOWAIT | BUS_DMA_64BIT;

	int error = e1000_ring_alloc(sc, &sc->sc_tx);
	if (!error)
		error = e1000_ring_alloc(sc, &sc->sc_rx);
	/* A buffer is one descriptor, so it must be one segment. */
	if (!error)
		error = bus_dmamap_create(dmat, E1000_BUFFER, 1, E1000_BUFFER, 0, flags, &sc->sc_rx_spare);
	for (unsigned i = 0; i < E1000_RING && !error; i++) {
		error = bus_dmamap_create(dmat, E1000_FRAME_MAX, E1000_SEGS, E1000_FRAME_MAX, 0, flags,
		    &sc->sc_tx_slot[i].map);
		if (!error)
			error = bus_dmamap_create(dmat, E1000_BUFFER, 1, E1000_BUFFER, 0, flags, &sc->sc_rx_slot[i].map);
		if (!error)
			error = e1000_rx_fill(sc, i);
	}
	return error;
}

/* Stop the device; afterwards it touches no memory. */
static void e1000_stop(struct e1000_softc *sc)
{
	sc->sc_running = false;
	e1000_set(sc, E1000_IMC, 0xffffffff);
	e1000_set(sc, E1000_RCTL, 0);
	e1000_set(sc, E1000_TCTL, 0);
	e1000_set(sc, E1000_CTRL, e1000_get(sc, E1000_CTRL) | E1000_CTRL_RST);
	DELAY(10); /* the manual asks for a microsecond until it may be looked at */
}

static int e1000_init(struct e1000_softc *sc)
{
	const uint8_t *a = sc->sc_address;

	e1000_set(sc, E1000_CTRL, e1000_get(sc, E1000_CTRL) | E1000_CTRL_SLU | E1000_CTRL_ASDE);
	int error = e1000_wait(sc, E1000_STATUS, E1000_STATUS_LU, E1000_LINK_MS);
	if (error)
		return error;
	e1000_set(sc, E1000_RAL0, (uint32_t)a[3] << 24 | (uint32_t)a[2] << 16 | (uint32_t)a[1] << 8 | a[0]);
	e1000_set(sc, E1000_RAH0, E1000_RAH_VALID | (uint32_t)a[5] << 8 | a[4]);
	bus_space_set_region_4(sc->sc_aa.aa_iot, sc->sc_aa.aa_ioh, E1000_MTA, 0, E1000_MTA_COUNT);

	e1000_ring_set(sc, &sc->sc_tx, E1000_TX_RING);
	e1000_set(sc, E1000_TIPG, E1000_TIPG_COPPER);
	e1000_set(sc, E1000_TCTL, E1000_TCTL_EN | E1000_TCTL_PSP | E1000_TCTL_CT | E1000_TCTL_COLD);

	e1000_ring_set(sc, &sc->sc_rx, E1000_RX_RING);
	sc->sc_rx_bus = sc->sc_rx_slot[0].map->dm_segs[0].ds_addr;
	for (unsigned i = 0; i < E1000_RING; i++)
		e1000_rx_give(sc, i);
	e1000_set(sc, E1000_IMS, E1000_INTS);
	e1000_set(sc, E1000_RCTL, E1000_RCTL_EN | E1000_RCTL_BAM | E1000_RCTL_SECRC);
	e1000_set(sc, E1000_RX_RING + E1000_RING_TAIL, E1000_RING - 1);
	sc->sc_running = true;
	return 0;
}

int e1000_attach(struct e1000_softc *sc, const struct e1000_attach_args *aa)
{
	const enum e1000_mistake mistake = sc->sc_mistake;

	memset(sc, 0, sizeof(*sc));
	sc->sc_mistake = mistake;
	sc->sc_aa = *aa;
	snprintf(sc->sc_dev.dv_xname, sizeof(sc->sc_dev.dv_xname), "%s", aa->aa_xname);

	int error = e1000_get(sc, E1000_STATUS) == E1000_GONE ? ENXIO : 0;
	if (!error) {
		e1000_stop(sc);
		error = e1000_read_address(sc);
	}
	if (!error)
		error = e1000_alloc(sc);
	if (!error)
		error = e1000_init(sc);
	if (error) {
		printf("%s: cannot start, error %d\n", sc->sc_dev.dv_xname, error);
		e1000_detach(sc);
		return error;
	}
	printf("%s: address %02x:%02x:%02x:%02x:%02x:%02x\n", sc->sc_dev.dv_xname, sc->sc_address[0], sc->sc_address[1],
	    sc->sc_address[2], sc->sc_address[3], sc->sc_address[4], sc->sc_address[5]);
	return 0;
}

static void e1000_slots_free(struct e1000_softc *sc, struct e1000_slot *slot)
{
	const struct e1000_attach_args *aa = &sc->sc_aa;

	for (unsigned i = 0; i < E1000_RING; i++) {
		if (slot[i].m != NULL) {
			e1000_unload(sc, slot[i].map);
			aa->aa_put(aa->aa_arg, slot[i].m);
		}
		slot[i].m = NULL;
		if (slot[i].map != NULL)
			bus_dmamap_destroy(aa->aa_dmat, slot[i].map);
		slot[i].map = NULL;
	}
}

void e1000_detach(struct e1000_softc *sc)
{
	if (sc->sc_aa.aa_dmat == NULL)
		return;
	e1000_stop(sc);
	e1000_slots_free(sc, sc->sc_tx_slot);
	e1000_slots_free(sc, sc->sc_rx_slot);
	if (sc->sc_rx_spare != NULL)
		bus_dmamap_destroy(sc->sc_aa.aa_dmat, sc->sc_rx_spare);
	e1000_ring_free(sc, &sc->sc_rx);
	e1000_ring_free(sc, &sc->sc_tx);
	sc->sc_aa.aa_dmat = NULL;
}
