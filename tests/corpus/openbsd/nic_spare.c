/* SPDX-License-Identifier: ISC */
/*
 * A network driver that receives into clusters: each slot has a map, and there is a spare one, so that a slot gets its
 * new cluster before it loses the old one.  Frames to send are single mbufs, loaded and unloaded one by one.
 */
#include "corpus_openbsd.h"

#define RING 16u /* both rings are whole cache lines of any machine */
#define RINGS (2 * RING * sizeof(struct nic_desc))
#define CLUSTER 4096u
#define GIVE (BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE)
#define TAKE (BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE)

const enum corpus_device corpus_device = CORPUS_NIC;

struct nic_softc {
	bus_dma_tag_t sc_dmat;
	bus_space_tag_t sc_iot;
	bus_space_handle_t sc_ioh;
	bus_dma_segment_t sc_seg;
	bus_dmamap_t sc_map, sc_tx_map, sc_spare;
	caddr_t sc_kva;
	struct nic_desc *sc_tx, *sc_rx;
	struct { bus_dmamap_t map; void *cluster; } sc_slot[RING];
	unsigned sc_tx_next, sc_rx_next;
};

static void nic_give(struct nic_softc *sc, unsigned i)
{
	struct nic_desc *desc = &sc->sc_rx[i];

	desc->buffer = htole64(sc->sc_slot[i].map->dm_segs[0].ds_addr);
	desc->len = htole16(CLUSTER);
	desc->flags = htole16(METE_SIM_NIC_OWN);
	bus_dmamap_sync(sc->sc_dmat, sc->sc_map, (RING + i) * sizeof(*desc), sizeof(*desc), GIVE);
}

/* A new cluster for slot `i`; without one, the old one stays. */
static int nic_fill(struct nic_softc *sc, unsigned i)
{
	void *cluster = corpus_buffer(CLUSTER);
	if (cluster == NULL)
		return ENOMEM;
	int error = bus_dmamap_load(sc->sc_dmat, sc->sc_spare, cluster, CLUSTER, NULL, BUS_DMA_NOWAIT | BUS_DMA_READ);
	if (error) {
		corpus_buffer_free(cluster);
		return error;
	}
	bus_dmamap_sync(sc->sc_dmat, sc->sc_spare, 0, CLUSTER, BUS_DMASYNC_PREREAD);
	bus_dmamap_t old = sc->sc_slot[i].map;
	if (sc->sc_slot[i].cluster != NULL)
		bus_dmamap_unload(sc->sc_dmat, old);
	sc->sc_slot[i].map = sc->sc_spare;
	sc->sc_slot[i].cluster = cluster;
	sc->sc_spare = old;
	return 0;
}

static int nic_rings(struct nic_softc *sc)
{
	int nsegs;

	int error = bus_dmamem_alloc(sc->sc_dmat, RINGS, PAGE_SIZE, 0, &sc->sc_seg, 1, &nsegs,
	    BUS_DMA_NOWAIT | BUS_DMA_ZERO | BUS_DMA_64BIT | BUS_DMA_COHERENT);
	if (error)
		return error;
	error = bus_dmamem_map(sc->sc_dmat, &sc->sc_seg, nsegs, RINGS, &sc->sc_kva, BUS_DMA_NOWAIT | BUS_DMA_COHERENT);
	if (error)
		goto free;
	error = bus_dmamap_create(sc->sc_dmat, RINGS, 1, RINGS, 0, BUS_DMA_NOWAIT | BUS_DMA_64BIT, &sc->sc_map);
	if (error)
		goto unmap;
	error = bus_dmamap_load(sc->sc_dmat, sc->sc_map, sc->sc_kva, RINGS, NULL, BUS_DMA_NOWAIT);
	if (error)
		goto destroy;
	sc->sc_tx = (struct nic_desc *)(void *)sc->sc_kva;
	sc->sc_rx = sc->sc_tx + RING;
	return 0;

destroy:
	bus_dmamap_destroy(sc->sc_dmat, sc->sc_map);
unmap:
	bus_dmamem_unmap(sc->sc_dmat, sc->sc_kva, RINGS);
free:
	bus_dmamem_free(sc->sc_dmat, &sc->sc_seg, 1);
	return error;
}

static void nic_rings_free(struct nic_softc *sc)
{
	bus_dmamap_unload(sc->sc_dmat, sc->sc_map);
	bus_dmamap_destroy(sc->sc_dmat, sc->sc_map);
	bus_dmamem_unmap(sc->sc_dmat, sc->sc_kva, RINGS);
	bus_dmamem_free(sc->sc_dmat, &sc->sc_seg, 1);
}

static int nic_map(struct nic_softc *sc, bus_dmamap_t *map)
{
	return bus_dmamap_create(sc->sc_dmat, CLUSTER, 1, CLUSTER, 0, BUS_DMA_NOWAIT | BUS_DMA_64BIT, map);
}

static void nic_detach(struct nic_softc *sc)
{
	bus_space_write_4(sc->sc_iot, sc->sc_ioh, METE_SIM_NIC_CONTROL, 0);
	for (unsigned i = 0; i < RING; i++) {
		if (sc->sc_slot[i].cluster != NULL) {
			bus_dmamap_unload(sc->sc_dmat, sc->sc_slot[i].map);
			corpus_buffer_free(sc->sc_slot[i].cluster);
		}
		if (sc->sc_slot[i].map != NULL)
			bus_dmamap_destroy(sc->sc_dmat, sc->sc_slot[i].map);
	}
	if (sc->sc_spare != NULL)
		bus_dmamap_destroy(sc->sc_dmat, sc->sc_spare);
	if (sc->sc_tx_map != NULL)
		bus_dmamap_destroy(sc->sc_dmat, sc->sc_tx_map);
	nic_rings_free(sc);
}

static int nic_attach(struct nic_softc *sc)
{
	int error = nic_rings(sc);
	if (error)
		return error;
	error = nic_map(sc, &sc->sc_spare);
	if (!error)
		error = nic_map(sc, &sc->sc_tx_map);
	for (unsigned i = 0; i < RING && !error; i++) {
		error = nic_map(sc, &sc->sc_slot[i].map);
		if (!error)
			error = nic_fill(sc, i);
		if (!error)
			nic_give(sc, i);
	}
	if (error) {
		nic_detach(sc);
		return error;
	}
	bus_addr_t ring = sc->sc_map->dm_segs[0].ds_addr;
	bus_space_write_8(sc->sc_iot, sc->sc_ioh, METE_SIM_NIC_TX, ring);
	bus_space_write_4(sc->sc_iot, sc->sc_ioh, METE_SIM_NIC_TX_COUNT, RING);
	bus_space_write_8(sc->sc_iot, sc->sc_ioh, METE_SIM_NIC_RX, ring + RING * sizeof(struct nic_desc));
	bus_space_write_4(sc->sc_iot, sc->sc_ioh, METE_SIM_NIC_RX_COUNT, RING);
	bus_space_write_4(sc->sc_iot, sc->sc_ioh, METE_SIM_NIC_CONTROL, 1);
	return 0;
}

static int nic_send(struct nic_softc *sc, struct mbuf *m)
{
	unsigned i = sc->sc_tx_next++ % RING;
	struct nic_desc *desc = &sc->sc_tx[i];

	int error = bus_dmamap_load_mbuf(sc->sc_dmat, sc->sc_tx_map, m, BUS_DMA_NOWAIT | BUS_DMA_WRITE);
	if (error) {
		sc->sc_tx_next--;
		return error;
	}
	bus_dmamap_sync(sc->sc_dmat, sc->sc_tx_map, 0, sc->sc_tx_map->dm_mapsize, BUS_DMASYNC_PREWRITE);
	desc->buffer = htole64(sc->sc_tx_map->dm_segs[0].ds_addr);
	desc->len = htole16((uint16_t)m->m_pkthdr.len);
	desc->flags = htole16(METE_SIM_NIC_OWN);
	bus_dmamap_sync(sc->sc_dmat, sc->sc_map, i * sizeof(*desc), sizeof(*desc), GIVE);
	bus_space_write_4(sc->sc_iot, sc->sc_ioh, METE_SIM_NIC_TX_KICK, 1);
	error = corpus_wait(0);
	bus_dmamap_sync(sc->sc_dmat, sc->sc_map, i * sizeof(*desc), sizeof(*desc), TAKE);
	bus_dmamap_sync(sc->sc_dmat, sc->sc_tx_map, 0, sc->sc_tx_map->dm_mapsize, BUS_DMASYNC_POSTWRITE);
	bus_dmamap_unload(sc->sc_dmat, sc->sc_tx_map);
	return error;
}

/* The next frame, in a cluster that is the caller's now: its length; 0 if there is none. */
static unsigned nic_receive(struct nic_softc *sc, void **ret_cluster)
{
	unsigned i = sc->sc_rx_next % RING;
	struct nic_desc *desc = &sc->sc_rx[i];

	bus_dmamap_sync(sc->sc_dmat, sc->sc_map, (RING + i) * sizeof(*desc), sizeof(*desc), TAKE);
	if (letoh16(desc->flags) & METE_SIM_NIC_OWN)
		return 0;
	unsigned len = MIN(letoh16(desc->len), CLUSTER);
	bus_dmamap_sync(sc->sc_dmat, sc->sc_slot[i].map, 0, CLUSTER, BUS_DMASYNC_POSTREAD);
	*ret_cluster = sc->sc_slot[i].cluster;
	if (nic_fill(sc, i)) {
		*ret_cluster = NULL; /* dropped, and its cluster used again */
		bus_dmamap_sync(sc->sc_dmat, sc->sc_slot[i].map, 0, CLUSTER, BUS_DMASYNC_PREREAD);
	}
	nic_give(sc, i);
	sc->sc_rx_next++;
	return len;
}

/* Its user. */

static int user_frame(struct nic_softc *sc, unsigned char *out, unsigned round)
{
	struct mbuf m = { .m_flags = M_PKTHDR, .m_data = (caddr_t)out };
	void *cluster = NULL;
	unsigned got;

	m.m_len = 1 + corpus_random(1514);
	m.m_pkthdr.len = (int)m.m_len;
	corpus_fill(out, m.m_len, round);
	int error = nic_send(sc, &m);
	while (!error && !(got = nic_receive(sc, &cluster)))
		error = corpus_wait(1);
	if (!error && cluster && (got != m.m_len || !corpus_same(cluster, got, round)))
		error = EIO;
	corpus_buffer_free(cluster);
	return error;
}

int corpus_run(bus_dma_tag_t dmat, bus_space_tag_t iot, bus_space_handle_t ioh)
{
	struct nic_softc sc = { .sc_dmat = dmat, .sc_iot = iot, .sc_ioh = ioh };
	unsigned char *out = corpus_buffer(CLUSTER);

	int error = out ? nic_attach(&sc) : ENOMEM;
	bool attached = !error;
	for (unsigned round = 0; round < 100 && !error; round++)
		error = user_frame(&sc, out, round);
	if (attached)
		nic_detach(&sc);
	corpus_buffer_free(out);
	return error;
}
