/* SPDX-License-Identifier: ISC */
/*
 * A copy engine's driver whose loads may come later: a request is loaded on both sides, and started by the callback of the
 * load that came last.
 */
#include "corpus_freebsd.h"

#define NSEGS 3
#define STEPS 8
#define LEN_MAX 8192u
#define REQUESTS 3u

const enum corpus_device corpus_device = CORPUS_COPY;

struct copy_softc;

struct copy_side {
	struct copy_request *request;
	bus_dmamap_t map;
	bus_dma_segment_t segs[NSEGS];
	int nsegs; /* 0: not loaded yet */
	bool waits;
};

struct copy_request {
	struct copy_softc *sc;
	struct copy_side from, to;
	unsigned char *source, *target;
	bus_size_t len;
	int error;
	bool ready;
};

struct copy_softc {
	bus_space_tag_t iot;
	bus_space_handle_t ioh;
	bus_dma_tag_t list_tag, data_tag;
	bus_dmamap_t list_map;
	void *list;
	bus_addr_t list_bus;
	struct copy_request request[REQUESTS];
};

static void copy_lock(void *arg, bus_dma_lock_op_t op)
{
	(void)arg; /* one thread */
	(void)op;
}

static void copy_list_loaded(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
{
	bus_addr_t *bus = arg;

	(void)nsegs;
	if (!error)
		*bus = segs[0].ds_addr;
}

static int copy_list_alloc(struct copy_softc *sc)
{
	const bus_size_t len = STEPS * sizeof(struct copy_desc);

	int error = bus_dmamem_alloc(sc->list_tag, &sc->list, BUS_DMA_NOWAIT | BUS_DMA_ZERO, &sc->list_map);
	if (error)
		return error;
	error = bus_dmamap_load(sc->list_tag, sc->list_map, sc->list, len, copy_list_loaded, &sc->list_bus, BUS_DMA_NOWAIT);
	if (error || sc->list_bus == 0) {
		bus_dmamem_free(sc->list_tag, sc->list, sc->list_map);
		sc->list = NULL;
		return ENOMEM;
	}
	return 0;
}

static int copy_detach(struct copy_softc *sc)
{
	int error = 0;

	for (unsigned i = 0; i < REQUESTS; i++) {
		if (sc->request[i].from.map)
			bus_dmamap_destroy(sc->data_tag, sc->request[i].from.map);
		if (sc->request[i].to.map)
			bus_dmamap_destroy(sc->data_tag, sc->request[i].to.map);
	}
	if (sc->list) {
		bus_dmamap_unload(sc->list_tag, sc->list_map);
		bus_dmamem_free(sc->list_tag, sc->list, sc->list_map);
	}
	if (sc->data_tag)
		error = bus_dma_tag_destroy(sc->data_tag);
	if (sc->list_tag && !error)
		error = bus_dma_tag_destroy(sc->list_tag);
	return error;
}

static int copy_attach(struct copy_softc *sc, bus_dma_tag_t parent)
{
	const bus_size_t len = STEPS * sizeof(struct copy_desc);

	int error = bus_dma_tag_create(parent, METE_SIM_COPY_DESCRIPTOR, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL,
	    len, 1, len, 0, NULL, NULL, &sc->list_tag);
	if (!error)
		error = bus_dma_tag_create(parent, 1, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, LEN_MAX, NSEGS, LEN_MAX,
		    0, copy_lock, sc, &sc->data_tag);
	if (!error)
		error = copy_list_alloc(sc);
	for (unsigned i = 0; i < REQUESTS && !error; i++) {
		struct copy_request *r = &sc->request[i];
		r->sc = sc;
		r->from.request = r->to.request = r;
		error = bus_dmamap_create(sc->data_tag, 0, &r->from.map);
		if (!error)
			error = bus_dmamap_create(sc->data_tag, 0, &r->to.map);
	}
	if (error)
		(void)copy_detach(sc);
	return error;
}

/* A step for each part that is in one segment on both sides. */
static int copy_fill(struct copy_request *r)
{
	struct copy_desc *desc = r->sc->list;
	const bus_dma_segment_t *from = r->from.segs;
	const bus_dma_segment_t *to = r->to.segs;
	bus_size_t from_at = 0, to_at = 0, left = r->len;
	int n = 0;

	for (; left && n < STEPS; n++) {
		bus_size_t len = MIN(from->ds_len - from_at, to->ds_len - to_at);
		memset(&desc[n], 0, sizeof(desc[n]));
		desc[n].from = htole64(from->ds_addr + from_at);
		desc[n].to = htole64(to->ds_addr + to_at);
		desc[n].len = htole32((uint32_t)len);
		desc[n].next = htole64(r->sc->list_bus + (bus_addr_t)(n + 1) * sizeof(*desc));
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

static void copy_loaded(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
{
	struct copy_side *side = arg;
	struct copy_request *r = side->request;

	side->waits = false;
	if (error) {
		r->error = error;
		return;
	}
	memcpy(side->segs, segs, (size_t)nsegs * sizeof(*segs));
	side->nsegs = nsegs;
	r->ready = r->from.nsegs && r->to.nsegs;
}

static int copy_load(struct copy_side *side, void *buf, int flags)
{
	struct copy_request *r = side->request;

	side->nsegs = 0;
	side->waits = true;
	int error = bus_dmamap_load(r->sc->data_tag, side->map, buf, r->len, copy_loaded, side, flags);
	if (error == EINPROGRESS)
		return 0;
	side->waits = false;
	return error;
}

static void copy_submit(struct copy_request *r)
{
	r->to.nsegs = 0;
	r->ready = false;
	r->error = copy_load(&r->from, r->source, BUS_DMA_NOWRITE);
	if (!r->error)
		r->error = copy_load(&r->to, r->target, 0);
}

static void copy_unload(struct copy_request *r)
{
	if (r->to.nsegs) {
		r->to.nsegs = 0;
		bus_dmamap_unload(r->sc->data_tag, r->to.map);
	}
	if (r->from.nsegs) {
		r->from.nsegs = 0;
		bus_dmamap_unload(r->sc->data_tag, r->from.map);
	}
	r->ready = false;
}

static void copy_do(struct copy_request *r)
{
	struct copy_softc *sc = r->sc;
	const struct copy_desc *desc = sc->list;

	int n = copy_fill(r);
	bus_dmamap_sync(sc->data_tag, r->from.map, BUS_DMASYNC_PREWRITE);
	bus_dmamap_sync(sc->data_tag, r->to.map, BUS_DMASYNC_PREREAD);
	bus_dmamap_sync(sc->list_tag, sc->list_map, BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE);
	bus_space_write_8(sc->iot, sc->ioh, METE_SIM_COPY_START, sc->list_bus);
	r->error = corpus_wait(0);
	if (r->error)
		bus_space_write_4(sc->iot, sc->ioh, METE_SIM_COPY_CONTROL, 1);
	bus_dmamap_sync(sc->list_tag, sc->list_map, BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE);
	if (!r->error && le32toh(desc[n - 1].done_status) != 1)
		r->error = EIO;
	bus_dmamap_sync(sc->data_tag, r->to.map, BUS_DMASYNC_POSTREAD);
	bus_dmamap_sync(sc->data_tag, r->from.map, BUS_DMASYNC_POSTWRITE);
}

/* Its user. */

static int user_round(struct copy_softc *sc, unsigned round)
{
	unsigned ndone = 0;
	int error = 0;

	for (unsigned i = 0; i < REQUESTS; i++) {
		struct copy_request *r = &sc->request[i];
		r->len = round % 4 ? 1 + corpus_random(LEN_MAX / 2) : LEN_MAX;
		corpus_fill(r->source, r->len, round * REQUESTS + i);
		memset(r->target, 0, r->len);
		copy_submit(r);
	}
	/* Each that is done makes room for those that wait; in the worst case two of them wait for one another. */
	for (unsigned tries = 0; tries < REQUESTS && ndone < REQUESTS; tries++) {
		for (unsigned i = 0; i < REQUESTS; i++) {
			struct copy_request *r = &sc->request[i];
			if (!r->ready)
				continue;
			copy_do(r);
			copy_unload(r);
			ndone++;
			if (r->error || !corpus_same(r->target, r->len, round * REQUESTS + i))
				error = EIO;
		}
	}
	/* Give up those; each unload lets one more load come to its end. */
	for (bool waits = true; waits;) {
		waits = false;
		for (unsigned i = 0; i < REQUESTS; i++) {
			copy_unload(&sc->request[i]);
			waits = waits || sc->request[i].from.waits || sc->request[i].to.waits || sc->request[i].from.nsegs ||
			    sc->request[i].to.nsegs;
		}
	}
	return error;
}

int corpus_run(bus_dma_tag_t dmat, bus_space_tag_t iot, bus_space_handle_t ioh)
{
	struct copy_softc sc = { .iot = iot, .ioh = ioh };
	unsigned char *buffer = corpus_buffer(2 * REQUESTS * LEN_MAX);

	int error = buffer ? copy_attach(&sc, dmat) : ENOMEM;
	bool attached = !error;
	for (unsigned i = 0; i < REQUESTS && attached; i++) {
		sc.request[i].source = buffer + 2 * i * LEN_MAX;
		sc.request[i].target = buffer + (2 * i + 1) * LEN_MAX;
	}
	for (unsigned round = 0; round < 40 && !error; round++)
		error = user_round(&sc, round);
	if (attached && copy_detach(&sc) && !error)
		error = EBUSY;
	corpus_buffer_free(buffer);
	return error;
}
