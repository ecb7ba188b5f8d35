/* SPDX-License-Identifier: ISC */
/*
 * edu, from QEMU's document docs/specs/edu: from, to, length, and a command that starts; an interrupt at the end.
 *
 * A request: load -> callback -> queue -> PRE sync -> a transfer for each segment -> POST sync -> unload.  The load may
 * come long before the transfer, and the buffer may change until the PRE sync; so that sync is not the load's business.
 *
 * Loads, unloads and callbacks happen under the driver's lock.  A load that is not deferred calls back at once, in this
 * very context, with the lock that edu_submit() took; a deferred one under the lock that the tag's lock function took.
 * The callback cannot tell, and need not.
 */
#include "edu_freebsd.h"

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>

#define EDU_PAGE 4096u

#define EDU_TIMEOUT_MS 10000

static void edu_lockfunc(void *arg, bus_dma_lock_op_t op)
{
	struct edu_lock *lock = arg;
	bool take = op == BUS_DMA_LOCK;

	lock->wrong += lock->held == take;
	lock->held = take;
}

static int edu_probe(struct edu_softc *sc)
{
	const uint32_t id = bus_space_read_4(sc->res.tag, sc->res.handle, EDU_ID);

	if ((id & EDU_ID_MASK) == EDU_ID_VALUE)
		return 0;
	printf("edu: identification %#x is another device's\n", id);
	return ENXIO;
}

int edu_attach(struct edu_softc *sc, bus_dma_tag_t parent, const struct edu_resources *res, unsigned flaws)
{
	static const struct edu_softc none;
	bus_addr_t lowaddr = flaws & EDU_FLAW_LOWADDR ? BUS_SPACE_MAXADDR_32BIT : EDU_MAXADDR;

	*sc = none;
	sc->res = *res;
	sc->flaws = flaws;
	int error = edu_probe(sc);
	if (error)
		return error;
	/* What the device can do.  Nothing is loaded with this tag, so it needs no lock. */
	error = bus_dma_tag_create(parent, 1, 0, lowaddr, BUS_SPACE_MAXADDR, NULL, NULL, BUS_SPACE_MAXSIZE,
	    BUS_SPACE_UNRESTRICTED, BUS_SPACE_MAXSIZE, 0, NULL, NULL, &sc->parent_tag);
	if (error)
		return error;
	/* What a request is.  Cut at pages, so that every machine has several segments; the lowaddr is the parent's. */
	error = bus_dma_tag_create(sc->parent_tag, 1, EDU_PAGE, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL,
	    EDU_LEN_MAX, EDU_NSEGS, EDU_PAGE, 0, edu_lockfunc, &sc->lock, &sc->buffer_tag);
	if (error)
		(void)bus_dma_tag_destroy(sc->parent_tag);
	return error;
}

int edu_detach(struct edu_softc *sc)
{
	int error = bus_dma_tag_destroy(sc->buffer_tag);

	return error ? error : bus_dma_tag_destroy(sc->parent_tag);
}

int edu_request_init(struct edu_softc *sc, struct edu_request *request)
{
	static const struct edu_request none;

	*request = none;
	request->sc = sc;
	return bus_dmamap_create(sc->buffer_tag, 0, &request->map);
}

int edu_request_fini(struct edu_request *request)
{
	return bus_dmamap_destroy(request->sc->buffer_tag, request->map);
}

/* The segments are the library's and only good until this returns. */
static void edu_loaded(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
{
	struct edu_request *request = arg;
	struct edu_softc *sc = request->sc;

	sc->lock.wrong += !sc->lock.held;
	if (error) {
		request->error = error;
		request->state = EDU_DONE;
		return;
	}
	sc->loads++;
	for (int i = 0; i < nsegs; i++)
		request->segs[i] = segs[i];
	request->nsegs = nsegs;
	request->state = EDU_READY;
	request->next = NULL;
	if (sc->last)
		sc->last->next = request;
	else
		sc->first = request;
	sc->last = request;
}

int edu_submit(struct edu_request *request, void *buf, bus_size_t len, bool read)
{
	struct edu_softc *sc = request->sc;
	bool nowrite = !read || sc->flaws & EDU_FLAW_NOWRITE;

	if (request->state == EDU_LOADING || request->state == EDU_READY)
		return EBUSY;
	edu_lockfunc(&sc->lock, BUS_DMA_LOCK);
	enum edu_state before = request->state;
	request->read = read;
	request->error = 0;
	request->state = EDU_LOADING; /* before the load: the callback comes from inside it */
	int error = bus_dmamap_load(sc->buffer_tag, request->map, buf, len, edu_loaded, request,
	    nowrite ? BUS_DMA_NOWRITE : 0);
	request->deferred = error == EINPROGRESS;
	if (request->deferred)
		error = 0;
	if (error)
		request->state = before;
	edu_lockfunc(&sc->lock, BUS_DMA_UNLOCK);
	return error;
}

/* One transfer, to its end.  Where it has none the machine is gone, and with it the device. */
static int edu_transfer(struct edu_softc *sc, uint64_t from, uint64_t to, uint64_t len, uint64_t command)
{
	const struct edu_resources *res = &sc->res;

	bus_space_write_8(res->tag, res->handle, EDU_DMA_FROM, from);
	bus_space_write_8(res->tag, res->handle, EDU_DMA_TO, to);
	bus_space_write_8(res->tag, res->handle, EDU_DMA_LEN, len);
	bus_space_write_8(res->tag, res->handle, EDU_DMA_COMMAND, command | EDU_DMA_START | EDU_DMA_IRQ);
	int error = res->intr_wait(res->intr_arg, EDU_TIMEOUT_MS);
	if (error)
		return error;
	sc->interrupts++;
	bus_space_write_4(res->tag, res->handle, EDU_IRQ_ACK, EDU_IRQ_DMA);
	return 0;
}

/* A transfer for each segment; in the device's buffer they lie one behind the other. */
static int edu_transfers(struct edu_softc *sc, const struct edu_request *request)
{
	uint64_t inside = EDU_BUFFER;
	int error = 0;

	for (int i = 0; i < request->nsegs && !error; i++) {
		const bus_dma_segment_t *seg = &request->segs[i];
		error = request->read ? edu_transfer(sc, inside, seg->ds_addr, seg->ds_len, EDU_DMA_TO_MEMORY) :
		    edu_transfer(sc, seg->ds_addr, inside, seg->ds_len, 0);
		inside += seg->ds_len;
	}
	return error;
}

static void edu_sync(struct edu_softc *sc, struct edu_request *request, bus_dmasync_op_t op)
{
	bool forgotten = (op == BUS_DMASYNC_PREWRITE && sc->flaws & EDU_FLAW_PREWRITE) ||
	    (op == BUS_DMASYNC_POSTREAD && sc->flaws & EDU_FLAW_POSTREAD);

	if (!forgotten)
		bus_dmamap_sync(sc->buffer_tag, request->map, op);
}

size_t edu_work(struct edu_softc *sc)
{
	size_t ndone = 0;

	edu_lockfunc(&sc->lock, BUS_DMA_LOCK);
	for (struct edu_request *request = sc->first; request; request = sc->first) {
		sc->first = request->next;
		if (!sc->first)
			sc->last = NULL;
		edu_sync(sc, request, request->read ? BUS_DMASYNC_PREREAD : BUS_DMASYNC_PREWRITE);
		request->error = edu_transfers(sc, request);
		edu_sync(sc, request, request->read ? BUS_DMASYNC_POSTREAD : BUS_DMASYNC_POSTWRITE);
		bus_dmamap_unload(sc->buffer_tag, request->map);
		sc->unloads++;
		request->state = EDU_DONE;
		ndone++;
	}
	edu_lockfunc(&sc->lock, BUS_DMA_UNLOCK);
	return ndone;
}
