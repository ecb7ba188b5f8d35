/* SPDX-License-Identifier: ISC */
/*
 * A network driver that loads chains of mbufs: what one piece cannot hold is copied together.  What arrives lies in
 * memory of a tag, as the rings do.
 */
#include "corpus_freebsd.h"

#define RING 16u
#define RINGS (2 * RING * sizeof(struct nic_desc))
#define ROOM 2048u

const enum corpus_device corpus_device = CORPUS_NIC;

struct nic_mem {
	bus_dma_tag_t tag;
	bus_dmamap_t map;
	void *cpu;
	bus_addr_t bus;
};

struct nic_softc {
	bus_space_tag_t iot;
	bus_space_handle_t ioh;
	struct nic_mem rings, area[RING];
	struct nic_desc *tx, *rx;
	bus_dma_tag_t frame_tag;
	struct { bus_dmamap_t map; void *copy; bool busy; } slot[RING];
	unsigned next, done, rx_next;
};

static void nic_mem_loaded(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
{
	struct nic_mem *mem = arg;

	(void)nsegs;
	if (!error)
		mem->bus = segs[0].ds_addr;
}

static int nic_mem_alloc(bus_dma_tag_t parent, struct nic_mem *mem, bus_size_t len, int flags)
{
	int error = bus_dma_tag_create(parent, 64, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, len, 1, len, 0, NULL, NULL,
	    &mem->tag);
	if (error)
		return error;
	error = bus_dmamem_alloc(mem->tag, &mem->cpu, BUS_DMA_NOWAIT | BUS_DMA_ZERO | flags, &mem->map);
	if (error)
		goto tag;
	error = bus_dmamap_load(mem->tag, mem->map, mem->cpu, len, nic_mem_loaded, mem, BUS_DMA_NOWAIT);
	if (error || mem->bus == 0)
		goto free;
	return 0;

free:
	bus_dmamem_free(mem->tag, mem->cpu, mem->map);
	mem->cpu = NULL;
tag:
	(void)bus_dma_tag_destroy(mem->tag);
	mem->tag = NULL;
	return error ? error : ENOMEM;
}

static void nic_mem_free(struct nic_mem *mem)
{
	if (!mem->tag)
		return;
	bus_dmamap_unload(mem->tag, mem->map);
	bus_dmamem_free(mem->tag, mem->cpu, mem->map);
	(void)bus_dma_tag_destroy(mem->tag);
}

static void nic_give(struct nic_softc *sc, unsigned i)
{
	struct nic_desc *desc = &sc->rx[i];

	bus_dmamap_sync(sc->area[i].tag, sc->area[i].map, BUS_DMASYNC_PREREAD);
	desc->buffer = htole64(sc->area[i].bus);
	desc->len = htole16(ROOM);
	desc->flags = htole16(METE_SIM_NIC_OWN);
	bus_dmamap_sync(sc->rings.tag, sc->rings.map, BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE);
}

static bool nic_clean(struct nic_softc *sc, bool always)
{
	unsigned i = sc->done % RING;

	if (sc->done == sc->next)
		return false;
	bus_dmamap_sync(sc->rings.tag, sc->rings.map, BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE);
	if (!always && le16toh(sc->tx[i].flags) & METE_SIM_NIC_OWN)
		return false;
	bus_dmamap_sync(sc->frame_tag, sc->slot[i].map, BUS_DMASYNC_POSTWRITE);
	bus_dmamap_unload(sc->frame_tag, sc->slot[i].map);
	corpus_buffer_free(sc->slot[i].copy);
	sc->slot[i].copy = NULL;
	sc->done++;
	return true;
}

static void nic_detach(struct nic_softc *sc)
{
	bus_space_write_4(sc->iot, sc->ioh, METE_SIM_NIC_CONTROL, 0);
	while (nic_clean(sc, true))
		continue;
	for (unsigned i = 0; i < RING; i++) {
		if (sc->slot[i].map)
			bus_dmamap_destroy(sc->frame_tag, sc->slot[i].map);
		nic_mem_free(&sc->area[i]);
	}
	if (sc->frame_tag)
		(void)bus_dma_tag_destroy(sc->frame_tag);
	nic_mem_free(&sc->rings);
}

static int nic_attach(struct nic_softc *sc, bus_dma_tag_t parent)
{
	int error = nic_mem_alloc(parent, &sc->rings, RINGS, BUS_DMA_COHERENT);
	if (!error)
		error = bus_dma_tag_create(parent, 1, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, ROOM, 1, ROOM, 0, NULL,
		    NULL, &sc->frame_tag);
	sc->tx = sc->rings.cpu;
	sc->rx = sc->tx ? sc->tx + RING : NULL;
	for (unsigned i = 0; i < RING && !error; i++) {
		error = nic_mem_alloc(parent, &sc->area[i], ROOM, 0);
		if (!error)
			error = bus_dmamap_create(sc->frame_tag, 0, &sc->slot[i].map);
		if (!error)
			nic_give(sc, i);
	}
	if (error) {
		nic_detach(sc);
		return error;
	}
	bus_space_write_8(sc->iot, sc->ioh, METE_SIM_NIC_TX, sc->rings.bus);
	bus_space_write_4(sc->iot, sc->ioh, METE_SIM_NIC_TX_COUNT, RING);
	bus_space_write_8(sc->iot, sc->ioh, METE_SIM_NIC_RX, sc->rings.bus + RING * sizeof(struct nic_desc));
	bus_space_write_4(sc->iot, sc->ioh, METE_SIM_NIC_RX_COUNT, RING);
	bus_space_write_4(sc->iot, sc->ioh, METE_SIM_NIC_CONTROL, 1);
	return 0;
}

/* A frame of several pieces becomes one. */
static int nic_load_copy(struct nic_softc *sc, unsigned i, const struct mbuf *m, bus_dma_segment_t *seg, int *nsegs)
{
	struct mbuf flat = { .m_flags = M_PKTHDR };

	unsigned char *copy = corpus_buffer(ROOM);
	if (copy == NULL)
		return ENOMEM;
	flat.m_data = (caddr_t)copy;
	for (; m; m = m->m_next) {
		memcpy(copy + flat.m_len, m->m_data, (size_t)m->m_len);
		flat.m_len += m->m_len;
	}
	flat.m_pkthdr.len = flat.m_len;
	int error = bus_dmamap_load_mbuf_sg(sc->frame_tag, sc->slot[i].map, &flat, seg, nsegs, BUS_DMA_NOWAIT);
	if (error)
		corpus_buffer_free(copy);
	else
		sc->slot[i].copy = copy;
	return error;
}

static int nic_start(struct nic_softc *sc, struct mbuf *m)
{
	unsigned i = sc->next % RING;
	struct nic_desc *desc = &sc->tx[i];
	bus_dma_segment_t seg;
	int nsegs;

	if (sc->next - sc->done == RING)
		return EBUSY;
	int error = bus_dmamap_load_mbuf_sg(sc->frame_tag, sc->slot[i].map, m, &seg, &nsegs, BUS_DMA_NOWAIT);
	if (error == EFBIG)
		error = nic_load_copy(sc, i, m, &seg, &nsegs);
	if (error)
		return error;
	bus_dmamap_sync(sc->frame_tag, sc->slot[i].map, BUS_DMASYNC_PREWRITE);
	bus_dmamap_sync(sc->rings.tag, sc->rings.map, BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE);
	desc->buffer = htole64(seg.ds_addr);
	desc->len = htole16((uint16_t)m->m_pkthdr.len);
	desc->flags = htole16(METE_SIM_NIC_OWN);
	bus_dmamap_sync(sc->rings.tag, sc->rings.map, BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE);
	sc->next++;
	bus_space_write_4(sc->iot, sc->ioh, METE_SIM_NIC_TX_KICK, 1);
	return 0;
}

static unsigned nic_receive(struct nic_softc *sc, void *to)
{
	unsigned i = sc->rx_next % RING;
	struct nic_desc *desc = &sc->rx[i];

	bus_dmamap_sync(sc->rings.tag, sc->rings.map, BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE);
	if (le16toh(desc->flags) & METE_SIM_NIC_OWN)
		return 0;
	unsigned len = MIN(le16toh(desc->len), ROOM);
	bus_dmamap_sync(sc->area[i].tag, sc->area[i].map, BUS_DMASYNC_POSTREAD);
	memcpy(to, sc->area[i].cpu, len);
	nic_give(sc, i);
	sc->rx_next++;
	return len;
}

/* Its user. */

static int user_frame(struct nic_softc *sc, unsigned char *out, unsigned round)
{
	static unsigned char flat[ROOM], back[ROOM];
	unsigned len = 2 + corpus_random(1500), split = corpus_random(2) ? 1 + corpus_random(len - 1) : 0, got;
	struct mbuf second = { .m_data = (caddr_t)(out + ROOM), .m_len = (int)(len - split) };
	struct mbuf first = { .m_flags = M_PKTHDR, .m_pkthdr.len = (int)len, .m_data = (caddr_t)out,
		.m_len = (int)(split ? split : len), .m_next = split ? &second : NULL };

	corpus_fill(flat, len, round);
	memcpy(out, flat, (size_t)first.m_len);
	memcpy(out + ROOM, flat + len - second.m_len, (size_t)second.m_len);
	int error = nic_start(sc, &first);
	if (error)
		return error == ENOMEM ? 0 : error;
	while (!error && !(got = nic_receive(sc, back)))
		error = corpus_wait(1);
	if (!error && (got != len || !corpus_same(back, got, round)))
		error = EIO;
	while (nic_clean(sc, error != 0))
		continue;
	return error;
}

int corpus_run(bus_dma_tag_t dmat, bus_space_tag_t iot, bus_space_handle_t ioh)
{
	struct nic_softc sc = { .iot = iot, .ioh = ioh };
	unsigned char *out = corpus_buffer(2 * ROOM);

	int error = out ? nic_attach(&sc, dmat) : ENOMEM;
	bool attached = !error;
	for (unsigned round = 0; round < 100 && !error; round++)
		error = user_frame(&sc, out, round);
	if (attached) {
		struct mbuf last = { .m_flags = M_PKTHDR, .m_pkthdr.len = 60, .m_data = (caddr_t)out, .m_len = 60 };
		(void)nic_start(&sc, &last); /* on its way */
		nic_detach(&sc);
	}
	corpus_buffer_free(out);
	return error;
}
