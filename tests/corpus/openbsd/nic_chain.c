/* SPDX-License-Identifier: ISC */
/*
 * A network driver for an interface that takes a frame in one piece: a chain of mbufs that is none is copied into one cluster
 * first.  Several frames are on their way at once, each with its map.  What arrives lies in one area that stays loaded.
 */
#include "corpus_openbsd.h"

#define RING 16u /* both rings are whole cache lines of any machine */
#define RINGS (2 * RING * sizeof(struct nic_desc))
#define ROOM 4096u
#define AREA (RING * ROOM)
#define GIVE (BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE)
#define TAKE (BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE)

const enum corpus_device corpus_device = CORPUS_NIC;

struct nic_mem {
	bus_dma_segment_t seg;
	bus_dmamap_t map;
	caddr_t kva;
	bus_size_t len;
};

struct nic_softc {
	bus_dma_tag_t sc_dmat;
	bus_space_tag_t sc_iot;
	bus_space_handle_t sc_ioh;
	struct nic_mem sc_rings, sc_area;
	struct nic_desc *sc_tx, *sc_rx;
	struct { bus_dmamap_t map; void *copy; } sc_slot[RING];
	unsigned sc_next, sc_done, sc_rx_next;
};

static int nic_mem_alloc(struct nic_softc *sc, struct nic_mem *mem, bus_size_t len)
{
	int nsegs;

	mem->len = len;
	int error = bus_dmamem_alloc(sc->sc_dmat, len, PAGE_SIZE, 0, &mem->seg, 1, &nsegs,
	    BUS_DMA_NOWAIT | BUS_DMA_ZERO | BUS_DMA_64BIT | BUS_DMA_COHERENT);
	if (error)
		return error;
	error = bus_dmamem_map(sc->sc_dmat, &mem->seg, nsegs, len, &mem->kva, BUS_DMA_NOWAIT);
	if (error)
		goto free;
	error = bus_dmamap_create(sc->sc_dmat, len, 1, len, 0, BUS_DMA_NOWAIT | BUS_DMA_64BIT, &mem->map);
	if (error)
		goto unmap;
	error = bus_dmamap_load(sc->sc_dmat, mem->map, mem->kva, len, NULL, BUS_DMA_NOWAIT);
	if (error)
		goto destroy;
	return 0;

destroy:
	bus_dmamap_destroy(sc->sc_dmat, mem->map);
	mem->map = NULL;
unmap:
	bus_dmamem_unmap(sc->sc_dmat, mem->kva, len);
free:
	bus_dmamem_free(sc->sc_dmat, &mem->seg, 1);
	return error;
}

static void nic_mem_free(struct nic_softc *sc, struct nic_mem *mem)
{
	if (mem->map == NULL)
		return;
	bus_dmamap_unload(sc->sc_dmat, mem->map);
	bus_dmamap_destroy(sc->sc_dmat, mem->map);
	bus_dmamem_unmap(sc->sc_dmat, mem->kva, mem->len);
	bus_dmamem_free(sc->sc_dmat, &mem->seg, 1);
}

static void nic_give(struct nic_softc *sc, unsigned i)
{
	struct nic_desc *desc = &sc->sc_rx[i];

	bus_dmamap_sync(sc->sc_dmat, sc->sc_area.map, i * ROOM, ROOM, BUS_DMASYNC_PREREAD);
	desc->buffer = htole64(sc->sc_area.map->dm_segs[0].ds_addr + i * ROOM);
	desc->len = htole16(ROOM);
	desc->flags = htole16(METE_SIM_NIC_OWN);
	bus_dmamap_sync(sc->sc_dmat, sc->sc_rings.map, (RING + i) * sizeof(*desc), sizeof(*desc), GIVE);
}

/* Take back the frame that was sent first, if it is sent; or, to stop, in any case. */
static bool nic_clean(struct nic_softc *sc, bool always)
{
	unsigned i = sc->sc_done % RING;

	if (sc->sc_done == sc->sc_next)
		return false;
	bus_dmamap_sync(sc->sc_dmat, sc->sc_rings.map, i * sizeof(*sc->sc_tx), sizeof(*sc->sc_tx), TAKE);
	if (!always && letoh16(sc->sc_tx[i].flags) & METE_SIM_NIC_OWN)
		return false;
	bus_dmamap_sync(sc->sc_dmat, sc->sc_slot[i].map, 0, sc->sc_slot[i].map->dm_mapsize, BUS_DMASYNC_POSTWRITE);
	bus_dmamap_unload(sc->sc_dmat, sc->sc_slot[i].map);
	corpus_buffer_free(sc->sc_slot[i].copy);
	sc->sc_slot[i].copy = NULL;
	sc->sc_done++;
	return true;
}

static void nic_detach(struct nic_softc *sc)
{
	bus_space_write_4(sc->sc_iot, sc->sc_ioh, METE_SIM_NIC_CONTROL, 0);
	while (nic_clean(sc, true))
		continue;
	for (unsigned i = 0; i < RING && sc->sc_slot[i].map != NULL; i++)
		bus_dmamap_destroy(sc->sc_dmat, sc->sc_slot[i].map);
	nic_mem_free(sc, &sc->sc_area);
	nic_mem_free(sc, &sc->sc_rings);
}

static int nic_attach(struct nic_softc *sc)
{
	int error = nic_mem_alloc(sc, &sc->sc_rings, RINGS);
	if (!error)
		error = nic_mem_alloc(sc, &sc->sc_area, AREA);
	for (unsigned i = 0; i < RING && !error; i++)
		error = bus_dmamap_create(sc->sc_dmat, ROOM, 1, ROOM, 0, BUS_DMA_NOWAIT | BUS_DMA_64BIT, &sc->sc_slot[i].map);
	if (error) {
		nic_detach(sc);
		return error;
	}
	sc->sc_tx = (struct nic_desc *)(void *)sc->sc_rings.kva;
	sc->sc_rx = sc->sc_tx + RING;
	for (unsigned i = 0; i < RING; i++)
		nic_give(sc, i);
	bus_addr_t ring = sc->sc_rings.map->dm_segs[0].ds_addr;
	bus_space_write_8(sc->sc_iot, sc->sc_ioh, METE_SIM_NIC_TX, ring);
	bus_space_write_4(sc->sc_iot, sc->sc_ioh, METE_SIM_NIC_TX_COUNT, RING);
	bus_space_write_8(sc->sc_iot, sc->sc_ioh, METE_SIM_NIC_RX, ring + RING * sizeof(struct nic_desc));
	bus_space_write_4(sc->sc_iot, sc->sc_ioh, METE_SIM_NIC_RX_COUNT, RING);
	bus_space_write_4(sc->sc_iot, sc->sc_ioh, METE_SIM_NIC_CONTROL, 1);
	return 0;
}

/* A frame in one piece. */
static int nic_load_copy(struct nic_softc *sc, unsigned i, const struct mbuf *m)
{
	bus_size_t at = 0;

	unsigned char *copy = corpus_buffer(ROOM);
	if (copy == NULL)
		return ENOMEM;
	for (; m; m = m->m_next) {
		memcpy(copy + at, m->m_data, m->m_len);
		at += m->m_len;
	}
	int error = bus_dmamap_load(sc->sc_dmat, sc->sc_slot[i].map, copy, at, NULL, BUS_DMA_NOWAIT | BUS_DMA_WRITE);
	if (error)
		corpus_buffer_free(copy);
	else
		sc->sc_slot[i].copy = copy;
	return error;
}

static int nic_start(struct nic_softc *sc, struct mbuf *m)
{
	unsigned i = sc->sc_next % RING;
	struct nic_desc *desc = &sc->sc_tx[i];

	if (sc->sc_next - sc->sc_done == RING)
		return EBUSY;
	int error = bus_dmamap_load_mbuf(sc->sc_dmat, sc->sc_slot[i].map, m, BUS_DMA_NOWAIT | BUS_DMA_WRITE);
	if (error == EFBIG)
		error = nic_load_copy(sc, i, m);
	if (error)
		return error;
	bus_dmamap_sync(sc->sc_dmat, sc->sc_slot[i].map, 0, sc->sc_slot[i].map->dm_mapsize, BUS_DMASYNC_PREWRITE);
	desc->buffer = htole64(sc->sc_slot[i].map->dm_segs[0].ds_addr);
	desc->len = htole16((uint16_t)m->m_pkthdr.len);
	desc->flags = htole16(METE_SIM_NIC_OWN);
	bus_dmamap_sync(sc->sc_dmat, sc->sc_rings.map, i * sizeof(*desc), sizeof(*desc), GIVE);
	sc->sc_next++;
	bus_space_write_4(sc->sc_iot, sc->sc_ioh, METE_SIM_NIC_TX_KICK, 1);
	return 0;
}

static unsigned nic_receive(struct nic_softc *sc, void *to)
{
	unsigned i = sc->sc_rx_next % RING;
	struct nic_desc *desc = &sc->sc_rx[i];

	bus_dmamap_sync(sc->sc_dmat, sc->sc_rings.map, (RING + i) * sizeof(*desc), sizeof(*desc), TAKE);
	if (letoh16(desc->flags) & METE_SIM_NIC_OWN)
		return 0;
	unsigned len = MIN(letoh16(desc->len), ROOM);
	bus_dmamap_sync(sc->sc_dmat, sc->sc_area.map, i * ROOM, ROOM, BUS_DMASYNC_POSTREAD);
	memcpy(to, sc->sc_area.kva + i * ROOM, len);
	nic_give(sc, i);
	sc->sc_rx_next++;
	return len;
}

/* Its user. */

static int user_batch(struct nic_softc *sc, unsigned char *out, unsigned round)
{
	static unsigned char flat[ROOM], back[ROOM];
	struct mbuf m[RING][2] = { 0 };
	unsigned n = 1 + corpus_random(4), sent = 0;
	int error = 0;

	for (; sent < n; sent++) {
		struct mbuf *first = &m[sent][0], *second = &m[sent][1];
		unsigned len = 2 + corpus_random(1500), split = corpus_random(2) ? 1 + corpus_random(len - 1) : 0;
		first->m_flags = M_PKTHDR;
		first->m_pkthdr.len = (int)len;
		first->m_data = (caddr_t)(out + 2 * sent * ROOM);
		first->m_len = split ? split : len;
		first->m_next = split ? second : NULL;
		second->m_data = (caddr_t)(out + (2 * sent + 1) * ROOM);
		second->m_len = len - first->m_len;
		corpus_fill(flat, len, round * RING + sent);
		memcpy(first->m_data, flat, first->m_len);
		memcpy(second->m_data, flat + first->m_len, second->m_len);
		if (nic_start(sc, first))
			break;
	}
	for (unsigned i = 0; i < sent && !error; i++) {
		unsigned got;
		while (!error && !(got = nic_receive(sc, back)))
			error = corpus_wait(1);
		if (!error && (got != (unsigned)m[i][0].m_pkthdr.len || !corpus_same(back, got, round * RING + i)))
			error = EIO;
	}
	while (nic_clean(sc, error != 0))
		continue;
	return error;
}

int corpus_run(bus_dma_tag_t dmat, bus_space_tag_t iot, bus_space_handle_t ioh)
{
	struct nic_softc sc = { .sc_dmat = dmat, .sc_iot = iot, .sc_ioh = ioh };
	unsigned char *out = corpus_buffer(2 * AREA);

	int error = out ? nic_attach(&sc) : ENOMEM;
	bool attached = !error;
	for (unsigned round = 0; round < 50 && !error; round++)
		error = user_batch(&sc, out, round);
	if (attached) {
		struct mbuf last = { .m_flags = M_PKTHDR, .m_pkthdr.len = 60, .m_data = (caddr_t)out, .m_len = 60 };
		(void)nic_start(&sc, &last); /* on its way */
		nic_detach(&sc);
	}
	corpus_buffer_free(out);
	return error;
}
