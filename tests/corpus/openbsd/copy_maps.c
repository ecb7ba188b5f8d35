/* SPDX-License-Identifier: ISC */
/*
 * A copy engine's driver: a list of descriptors in memory that stays loaded, and a map for each side of a copy.
 */
#include "corpus_openbsd.h"

#define STEPS 12
#define LEN_MAX 4096u
#define LIST (STEPS * sizeof(struct copy_desc))

const enum corpus_device corpus_device = CORPUS_COPY;

struct copy_softc {
	bus_dma_tag_t sc_dmat;
	bus_space_tag_t sc_iot;
	bus_space_handle_t sc_ioh;
	bus_dma_segment_t sc_seg;
	bus_dmamap_t sc_map, sc_from, sc_to;
	caddr_t sc_kva;
};

static int copy_attach(struct copy_softc *sc)
{
	int nsegs;

	int error = bus_dmamem_alloc(sc->sc_dmat, LIST, PAGE_SIZE, 0, &sc->sc_seg, 1, &nsegs,
	    BUS_DMA_NOWAIT | BUS_DMA_ZERO | BUS_DMA_64BIT);
	if (error)
		return error;
	error = bus_dmamem_map(sc->sc_dmat, &sc->sc_seg, nsegs, LIST, &sc->sc_kva, BUS_DMA_NOWAIT);
	if (error)
		goto free;
	error = bus_dmamap_create(sc->sc_dmat, LIST, 1, LIST, 0, BUS_DMA_NOWAIT | BUS_DMA_64BIT, &sc->sc_map);
	if (error)
		goto unmap;
	error = bus_dmamap_load(sc->sc_dmat, sc->sc_map, sc->sc_kva, LIST, NULL, BUS_DMA_NOWAIT);
	if (error)
		goto destroy;
	error = bus_dmamap_create(sc->sc_dmat, LEN_MAX, 5, 1024, 0, BUS_DMA_NOWAIT | BUS_DMA_64BIT, &sc->sc_from);
	if (error)
		goto unload;
	error = bus_dmamap_create(sc->sc_dmat, LEN_MAX, 5, 1024, 0, BUS_DMA_NOWAIT | BUS_DMA_64BIT, &sc->sc_to);
	if (error)
		goto destroy_from;
	return 0;

destroy_from:
	bus_dmamap_destroy(sc->sc_dmat, sc->sc_from);
unload:
	bus_dmamap_unload(sc->sc_dmat, sc->sc_map);
destroy:
	bus_dmamap_destroy(sc->sc_dmat, sc->sc_map);
unmap:
	bus_dmamem_unmap(sc->sc_dmat, sc->sc_kva, LIST);
free:
	bus_dmamem_free(sc->sc_dmat, &sc->sc_seg, 1);
	return error;
}

static void copy_detach(struct copy_softc *sc)
{
	bus_dmamap_destroy(sc->sc_dmat, sc->sc_to);
	bus_dmamap_destroy(sc->sc_dmat, sc->sc_from);
	bus_dmamap_unload(sc->sc_dmat, sc->sc_map);
	bus_dmamap_destroy(sc->sc_dmat, sc->sc_map);
	bus_dmamem_unmap(sc->sc_dmat, sc->sc_kva, LIST);
	bus_dmamem_free(sc->sc_dmat, &sc->sc_seg, 1);
}

/* A step for each part that is in one segment on both sides. */
static int copy_fill(struct copy_softc *sc)
{
	struct copy_desc *desc = (struct copy_desc *)(void *)sc->sc_kva;
	const bus_dma_segment_t *from = sc->sc_from->dm_segs;
	const bus_dma_segment_t *to = sc->sc_to->dm_segs;
	bus_size_t from_at = 0, to_at = 0, left = sc->sc_from->dm_mapsize;
	int n = 0;

	for (; left && n < STEPS; n++) {
		bus_size_t len = MIN(from->ds_len - from_at, to->ds_len - to_at);
		memset(&desc[n], 0, sizeof(desc[n]));
		desc[n].from = htole64(from->ds_addr + from_at);
		desc[n].to = htole64(to->ds_addr + to_at);
		desc[n].len = htole32((uint32_t)len);
		desc[n].next = htole64(sc->sc_map->dm_segs[0].ds_addr + (bus_size_t)(n + 1) * sizeof(*desc));
		left -= len;
		if ((from_at += len) == from->ds_len) {
			from++;
			from_at = 0;
		}
		if ((to_at += len) == to->ds_len) {
			to++;
			to_at = 0;
		}
	}
	desc[n - 1].next = 0;
	desc[n - 1].flags = htole32(1);
	return n;
}

static int copy_do(struct copy_softc *sc, void *to, void *from, bus_size_t len)
{
	const struct copy_desc *desc = (struct copy_desc *)(void *)sc->sc_kva;

	int error = bus_dmamap_load(sc->sc_dmat, sc->sc_from, from, len, NULL, BUS_DMA_NOWAIT | BUS_DMA_WRITE);
	if (error)
		return error;
	error = bus_dmamap_load(sc->sc_dmat, sc->sc_to, to, len, NULL, BUS_DMA_NOWAIT | BUS_DMA_READ);
	if (error)
		goto unload;
	int n = copy_fill(sc);
	bus_dmamap_sync(sc->sc_dmat, sc->sc_from, 0, len, BUS_DMASYNC_PREWRITE);
	bus_dmamap_sync(sc->sc_dmat, sc->sc_to, 0, len, BUS_DMASYNC_PREREAD);
	bus_dmamap_sync(sc->sc_dmat, sc->sc_map, 0, LIST, BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE);
	bus_space_write_8(sc->sc_iot, sc->sc_ioh, METE_SIM_COPY_START, sc->sc_map->dm_segs[0].ds_addr);
	error = corpus_wait(0);
	if (error)
		bus_space_write_4(sc->sc_iot, sc->sc_ioh, METE_SIM_COPY_CONTROL, 1);
	bus_dmamap_sync(sc->sc_dmat, sc->sc_map, 0, LIST, BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE);
	if (!error && letoh32(desc[n - 1].done_status) != 1)
		error = EIO;
	bus_dmamap_sync(sc->sc_dmat, sc->sc_to, 0, len, BUS_DMASYNC_POSTREAD);
	bus_dmamap_sync(sc->sc_dmat, sc->sc_from, 0, len, BUS_DMASYNC_POSTWRITE);
	bus_dmamap_unload(sc->sc_dmat, sc->sc_to);
unload:
	bus_dmamap_unload(sc->sc_dmat, sc->sc_from);
	return error;
}

/* Its user. */

int corpus_run(bus_dma_tag_t dmat, bus_space_tag_t iot, bus_space_handle_t ioh)
{
	struct copy_softc sc = { .sc_dmat = dmat, .sc_iot = iot, .sc_ioh = ioh };
	unsigned char *from = corpus_buffer(LEN_MAX), *to = corpus_buffer(LEN_MAX);

	int error = from && to ? copy_attach(&sc) : ENOMEM;
	bool attached = !error;
	for (unsigned round = 0; round < 100 && !error; round++) {
		bus_size_t len = 1 + corpus_random(2048);
		unsigned at = 256 * corpus_random(9);
		if (round % 4 == 0) {
			len = LEN_MAX;
			at = 0;
		}
		corpus_fill(from + at, len, round);
		memset(to, 0, LEN_MAX);
		error = copy_do(&sc, to, from + at, len);
		if (!error && !corpus_same(to, len, round))
			error = EIO;
	}
	if (attached)
		copy_detach(&sc);
	corpus_buffer_free(from);
	corpus_buffer_free(to);
	return error;
}
