/* SPDX-License-Identifier: ISC */
/*
 * A driver with one buffer of dma_alloc(9) that is loaded as long as it runs, of which each transfer uses, and syncs, a part.
 */
#include "corpus_openbsd.h"

#include "edu_regs.h"

#define PARTS 8u
#define PART 512u
#define LEN (PARTS * PART)

const enum corpus_device corpus_device = CORPUS_EDU;

struct edu_softc {
	bus_dma_tag_t sc_dmat;
	bus_space_tag_t sc_iot;
	bus_space_handle_t sc_ioh;
	bus_dmamap_t sc_map;
	unsigned char *sc_buf;
};

static int edu_attach(struct edu_softc *sc)
{
	if ((bus_space_read_4(sc->sc_iot, sc->sc_ioh, EDU_ID) & EDU_ID_MASK) != EDU_ID_VALUE)
		return ENXIO;
	sc->sc_buf = dma_alloc(LEN, PR_NOWAIT | PR_ZERO);
	if (sc->sc_buf == NULL)
		return ENOMEM;
	int error = bus_dmamap_create(sc->sc_dmat, LEN, 1, LEN, 0, BUS_DMA_NOWAIT, &sc->sc_map);
	if (error)
		goto free;
	error = bus_dmamap_load(sc->sc_dmat, sc->sc_map, sc->sc_buf, LEN, NULL, BUS_DMA_NOWAIT);
	if (error)
		goto destroy;
	return 0;

destroy:
	bus_dmamap_destroy(sc->sc_dmat, sc->sc_map);
free:
	dma_free(sc->sc_buf, LEN);
	return error;
}

static void edu_detach(struct edu_softc *sc)
{
	bus_dmamap_unload(sc->sc_dmat, sc->sc_map);
	bus_dmamap_destroy(sc->sc_dmat, sc->sc_map);
	dma_free(sc->sc_buf, LEN);
}

static int edu_transfer(struct edu_softc *sc, uint64_t from, uint64_t to, uint64_t len, uint64_t command)
{
	bus_space_write_8(sc->sc_iot, sc->sc_ioh, EDU_DMA_FROM, from);
	bus_space_write_8(sc->sc_iot, sc->sc_ioh, EDU_DMA_TO, to);
	bus_space_write_8(sc->sc_iot, sc->sc_ioh, EDU_DMA_LEN, len);
	bus_space_write_8(sc->sc_iot, sc->sc_ioh, EDU_DMA_COMMAND, command | EDU_DMA_START | EDU_DMA_IRQ);
	int error = corpus_wait(0);
	if (!error)
		bus_space_write_4(sc->sc_iot, sc->sc_ioh, EDU_IRQ_ACK, EDU_IRQ_DMA);
	return error;
}

/* From one part to another, through the device. */
static int edu_move(struct edu_softc *sc, unsigned to, unsigned from)
{
	bus_addr_t bus = sc->sc_map->dm_segs[0].ds_addr;

	bus_dmamap_sync(sc->sc_dmat, sc->sc_map, from * PART, PART, BUS_DMASYNC_PREWRITE);
	int error = edu_transfer(sc, bus + from * PART, EDU_BUFFER, PART, 0);
	bus_dmamap_sync(sc->sc_dmat, sc->sc_map, from * PART, PART, BUS_DMASYNC_POSTWRITE);
	if (error)
		return error;
	bus_dmamap_sync(sc->sc_dmat, sc->sc_map, to * PART, PART, BUS_DMASYNC_PREREAD);
	error = edu_transfer(sc, EDU_BUFFER, bus + to * PART, PART, EDU_DMA_TO_MEMORY);
	bus_dmamap_sync(sc->sc_dmat, sc->sc_map, to * PART, PART, BUS_DMASYNC_POSTREAD);
	return error;
}

/* Its user. */

int corpus_run(bus_dma_tag_t dmat, bus_space_tag_t iot, bus_space_handle_t ioh)
{
	struct edu_softc sc = { .sc_dmat = dmat, .sc_iot = iot, .sc_ioh = ioh };

	int error = edu_attach(&sc);
	bool attached = !error;
	for (unsigned round = 0; round < 100 && !error; round++) {
		unsigned to = corpus_random(PARTS), from = corpus_random(PARTS);
		if (to == from)
			continue;
		corpus_fill(sc.sc_buf + from * PART, PART, round);
		memset(sc.sc_buf + to * PART, 0, PART);
		error = edu_move(&sc, to, from);
		if (!error && !(corpus_same(sc.sc_buf + to * PART, PART, round) && corpus_same(sc.sc_buf + from * PART, PART, round)))
			error = EIO;
	}
	if (attached)
		edu_detach(&sc);
	return error;
}
