/* SPDX-License-Identifier: ISC */
/*
 * NVMe over bus_dma(9): an admin queue, one I/O queue, reads and writes.
 *
 * Every map is made at attach, so that a command allocates nothing.  Memory that both sides use all the time (queues,
 * identify data, PRP lists) is bus_dmamem memory that stays loaded; the caller's buffer is loaded for each command.
 * No memory is taken to be coherent: each entry is synced when it changes hands.
 *
 * A data map's segments are cut at the controller's pages, so each one is an entry of what the controller is told:
 *
 *   segment 0 -> PRP1     segment 1 -> PRP2, or segments 1 to n -> [ page | page | ... ] <- PRP2
 *
 * PRP1 may start inside a page; every other entry starts a page, and all but the last fill theirs.  Memory for which
 * this does not hold cannot be one command's.  The longest transfer needs no more than one list, so none is chained.
 *
 * A slot's number is its command's identifier, and the page of its list.  What a command holds, the device may still
 * touch: it is unloaded only when the command has completed, or the controller was stopped.
 */
#include "nvme_openbsd.h"
#include "nvme_regs.h"

#include <sys/errno.h>
#include <sys/param.h>
#include <sys/systm.h>

#define NVME_DEPTH (NVME_SLOTS + 1) /* a full queue would look empty */
#define NVME_ADMIN_DEPTH 4u
#define NVME_TIMEOUT_MS 10000u
#define NVME_GONE 0xffffffffu /* what a status register is where nobody answers */

_Static_assert(NVME_SEGS == NVME_TRANSFER_MAX / NVME_PAGE + 1, "a transfer may begin inside a page");
_Static_assert(NVME_SEGS - 1 <= NVME_PAGE / 8, "lists are not chained");

static uint32_t nvme_get(struct nvme_softc *sc, bus_size_t offset)
{
	return bus_space_read_4(sc->sc_iot, sc->sc_ioh, offset);
}

static void nvme_put(struct nvme_softc *sc, bus_size_t offset, uint32_t value)
{
	bus_space_write_4(sc->sc_iot, sc->sc_ioh, offset, value);
}

/* Allocate, map and load `len` zeros.  `direction` is BUS_DMA_READ, BUS_DMA_WRITE or 0 for both. */
static int nvme_mem_alloc(struct nvme_softc *sc, struct nvme_mem *mem, bus_size_t len, int direction)
{
	const int flags = BUS_DMA_NOWAIT | BUS_DMA_64BIT;
	int nsegs;

	mem->len = len;
	int error = bus_dmamem_alloc(sc->sc_dmat, len, NVME_PAGE, 0, &mem->seg, 1, &nsegs, flags | BUS_DMA_ZERO);
	if (error)
		return error;
	error = bus_dmamem_map(sc->sc_dmat, &mem->seg, nsegs, (size_t)len, &mem->kva,
	    BUS_DMA_NOWAIT | BUS_DMA_COHERENT);
	if (error)
		goto free;
	error = bus_dmamap_create(sc->sc_dmat, len, 1, len, 0, flags, &mem->map);
	if (error)
		goto unmap;
	error = bus_dmamap_load(sc->sc_dmat, mem->map, mem->kva, len, NULL, BUS_DMA_NOWAIT | direction);
	if (error)
		goto destroy;
	return 0;

destroy:
	bus_dmamap_destroy(sc->sc_dmat, mem->map);
	mem->map = NULL;
unmap:
	bus_dmamem_unmap(sc->sc_dmat, mem->kva, (size_t)len);
free:
	bus_dmamem_free(sc->sc_dmat, &mem->seg, 1);
	return error;
}

static void nvme_mem_free(struct nvme_softc *sc, struct nvme_mem *mem)
{
	if (mem->map == NULL)
		return;
	bus_dmamap_unload(sc->sc_dmat, mem->map);
	bus_dmamap_destroy(sc->sc_dmat, mem->map);
	mem->map = NULL;
	bus_dmamem_unmap(sc->sc_dmat, mem->kva, (size_t)mem->len);
	bus_dmamem_free(sc->sc_dmat, &mem->seg, 1);
}

static void nvme_mem_sync(struct nvme_softc *sc, struct nvme_mem *mem, bus_size_t offset, bus_size_t len, int ops)
{
	bus_dmamap_sync(sc->sc_dmat, mem->map, offset, len, ops);
}

/* Where the controller finds it.  One segment is all that its map may have. */
static bus_addr_t nvme_mem_bus(const struct nvme_mem *mem)
{
	return mem->map->dm_segs[0].ds_addr;
}

static int nvme_queue_alloc(struct nvme_softc *sc, struct nvme_queue *q, unsigned id, unsigned depth)
{
	q->id = id;
	q->depth = depth;
	q->tail = q->head = 0;
	q->phase = 1;
	int error = nvme_mem_alloc(sc, &q->sq, depth * sizeof(struct nvme_command), BUS_DMA_WRITE);
	if (error)
		return error;
	/*
	 * The device only writes completions.  Yet what we wrote first matters: the zeros are phase bits that say
	 * "old", and must be where completions are looked for, which BUS_DMA_READ would leave open.
	 */
	error = nvme_mem_alloc(sc, &q->cq, depth * sizeof(struct nvme_completion), 0);
	if (error)
		return error;
	nvme_mem_sync(sc, &q->cq, 0, q->cq.len, BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE);
	return 0;
}

static void nvme_queue_free(struct nvme_softc *sc, struct nvme_queue *q)
{
	nvme_mem_free(sc, &q->cq);
	nvme_mem_free(sc, &q->sq);
}

/* Put a command into the queue and tell the controller. */
static void nvme_submit(struct nvme_softc *sc, struct nvme_queue *q, const struct nvme_command *command)
{
	const bus_size_t at = q->tail * sizeof(*command);

	nvme_mem_sync(sc, &q->sq, at, sizeof(*command), BUS_DMASYNC_POSTWRITE);
	memcpy(q->sq.kva + at, command, sizeof(*command));
	nvme_mem_sync(sc, &q->sq, at, sizeof(*command), BUS_DMASYNC_PREWRITE);
	q->tail = (q->tail + 1) % q->depth;
	nvme_put(sc, NVME_DOORBELLS + 2 * q->id * sc->sc_stride, q->tail);
}

/* Take the next completion, if there is one. */
static bool nvme_completed(struct nvme_softc *sc, struct nvme_queue *q, struct nvme_completion *ret)
{
	const bus_size_t at = q->head * sizeof(*ret);

	nvme_mem_sync(sc, &q->cq, at, sizeof(*ret), BUS_DMASYNC_POSTREAD);
	memcpy(ret, q->cq.kva + at, sizeof(*ret));
	if ((ret->status.byte[0] & 1u) != q->phase)
		return false; /* without PREREAD: the entry is still the device's, which may be writing it */
	/* The phase bit is written last, but that sync may have copied the entry's first bytes before they were. */
	nvme_mem_sync(sc, &q->cq, at, sizeof(*ret), BUS_DMASYNC_POSTREAD);
	memcpy(ret, q->cq.kva + at, sizeof(*ret));
	nvme_mem_sync(sc, &q->cq, at, sizeof(*ret), BUS_DMASYNC_PREREAD);
	if (++q->head == q->depth) {
		q->head = 0;
		q->phase ^= 1;
	}
	return true;
}

/* Tell the controller which completions were taken. */
static void nvme_completions_taken(struct nvme_softc *sc, struct nvme_queue *q)
{
	nvme_put(sc, NVME_DOORBELLS + (2 * q->id + 1) * sc->sc_stride, q->head);
}

/* Wait for the interrupt.  It follows every completion, so looking first is not needed. */
static int nvme_wait(struct nvme_softc *sc)
{
	return sc->sc_intr_wait(sc->sc_intr_arg, NVME_TIMEOUT_MS);
}

/* 0, or EIO for a completion that reports failure. */
static int nvme_outcome(struct nvme_softc *sc, const struct nvme_completion *completion)
{
	unsigned status = cpu16(completion->status) >> 1;

	if (status == 0)
		return 0;
	sc->sc_status = status;
	return EIO;
}

/* One admin command, to its end. */
static int nvme_admin(struct nvme_softc *sc, const struct nvme_command *command)
{
	struct nvme_completion completion;

	nvme_submit(sc, &sc->sc_admin, command);
	do {
		int error = nvme_wait(sc);
		if (error)
			return error;
	} while (!nvme_completed(sc, &sc->sc_admin, &completion));
	nvme_completions_taken(sc, &sc->sc_admin);
	return nvme_outcome(sc, &completion);
}

/* Wait until the status register's bits in `mask` are `want`. */
static int nvme_wait_status(struct nvme_softc *sc, uint32_t mask, uint32_t want)
{
	for (unsigned ms = 0; ms <= sc->sc_ready_ms; ms++) {
		uint32_t status = nvme_get(sc, NVME_CSTS);
		if (status == NVME_GONE) {
			printf("nvme: the controller is gone\n");
			return EIO;
		}
		if ((status & mask) == want)
			return 0;
		if (want && (status & NVME_CSTS_FATAL)) {
			printf("nvme: fatal status %#x\n", status);
			return EIO;
		}
		DELAY(1000);
	}
	printf("nvme: status is not %#x after %u ms\n", want, sc->sc_ready_ms);
	return ETIMEDOUT;
}

/* Stop the controller; afterwards it touches no memory.  Queues and commands in it are forgotten. */
static int nvme_disable(struct nvme_softc *sc)
{
	sc->sc_running = false;
	nvme_put(sc, NVME_CC, NVME_CC_ENTRIES);
	return nvme_wait_status(sc, NVME_CSTS_READY, 0);
}

static int nvme_enable(struct nvme_softc *sc)
{
	const unsigned last = sc->sc_admin.depth - 1;
	const uint64_t cap = bus_space_read_8(sc->sc_iot, sc->sc_ioh, NVME_CAP);

	sc->sc_ready_ms = (uint32_t)(cap >> 24 & 0xff) * 500;
	sc->sc_stride = 4u << (cap >> 32 & 0xf);
	if ((cap >> 48 & 0xf) > 0 || (cap & 0xffff) + 1 < NVME_DEPTH)
		return ENXIO; /* it cannot do pages of 4 KiB, or queues as deep as ours */

	int error = nvme_disable(sc);
	if (error)
		return error;
	nvme_put(sc, NVME_AQA, last << 16 | last);
	bus_space_write_8(sc->sc_iot, sc->sc_ioh, NVME_ASQ, nvme_mem_bus(&sc->sc_admin.sq));
	bus_space_write_8(sc->sc_iot, sc->sc_ioh, NVME_ACQ, nvme_mem_bus(&sc->sc_admin.cq));
	nvme_put(sc, NVME_CC, NVME_CC_ENTRIES | NVME_CC_ENABLE);
	sc->sc_running = true;
	return nvme_wait_status(sc, NVME_CSTS_READY, NVME_CSTS_READY);
}

static int nvme_identify(struct nvme_softc *sc, uint32_t nsid, uint32_t what)
{
	const struct nvme_command command = {
		.opcode = NVME_IDENTIFY,
		.nsid = le32(nsid),
		.prp1 = le64(nvme_mem_bus(&sc->sc_identify)),
		.dw10 = le32(what),
	};

	nvme_mem_sync(sc, &sc->sc_identify, 0, NVME_PAGE, BUS_DMASYNC_PREREAD);
	int error = nvme_admin(sc, &command);
	nvme_mem_sync(sc, &sc->sc_identify, 0, NVME_PAGE, BUS_DMASYNC_POSTREAD);
	return error;
}

static int nvme_look(struct nvme_softc *sc)
{
	const uint8_t *data = (const uint8_t *)sc->sc_identify.kva;
	struct le64 nblocks;

	int error = nvme_identify(sc, 0, 1);
	if (error)
		return error;
	unsigned mdts = data[77]; /* 0: no limit; 2^5 pages are 128 KiB */
	sc->sc_transfer = mdts && mdts < 5 ? NVME_PAGE << mdts : NVME_TRANSFER_MAX;

	if ((error = nvme_identify(sc, 1, 0)))
		return error;
	memcpy(&nblocks, data, sizeof(nblocks));
	sc->sc_nblocks = cpu64(nblocks);
	const uint8_t *format = data + 128 + 4 * (size_t)(data[26] & 0xf);
	if (format[2] < 9 || format[2] > 12)
		return ENXIO; /* blocks are 512 to 4096 bytes here */
	sc->sc_block_len = 1u << format[2];
	return 0;
}

static int nvme_create_io(struct nvme_softc *sc)
{
	const struct nvme_queue *q = &sc->sc_io;
	const struct le32 shape = le32((q->depth - 1) << 16 | q->id);
	/* Feature 7, number of queues: counts less one, so this asks for one of each. */
	const struct nvme_command count = { .opcode = NVME_SET_FEATURES, .dw10 = le32(7), .dw11 = le32(0) };
	const struct nvme_command cq = { .opcode = NVME_CREATE_CQ, .prp1 = le64(nvme_mem_bus(&q->cq)), .dw10 = shape,
		.dw11 = le32(2 | 1) }; /* interrupts on, by vector 0 as the admin queue's; contiguous */
	const struct nvme_command sq = { .opcode = NVME_CREATE_SQ, .prp1 = le64(nvme_mem_bus(&q->sq)), .dw10 = shape,
		.dw11 = le32(q->id << 16 | 1) };

	int error = nvme_admin(sc, &count);
	if (!error)
		error = nvme_admin(sc, &cq);
	return error ? error : nvme_admin(sc, &sq);
}

static int nvme_alloc(struct nvme_softc *sc)
{
	int error;

	if ((error = nvme_mem_alloc(sc, &sc->sc_identify, NVME_PAGE, BUS_DMA_READ)) ||
	    (error = nvme_mem_alloc(sc, &sc->sc_lists, NVME_SLOTS * NVME_PAGE, BUS_DMA_WRITE)) ||
	    (error = nvme_queue_alloc(sc, &sc->sc_admin, 0, NVME_ADMIN_DEPTH)) ||
	    (error = nvme_queue_alloc(sc, &sc->sc_io, 1, NVME_DEPTH)))
		return error;
	for (unsigned id = 0; id < NVME_SLOTS && !error; id++) {
		/* Segments of one page at most, and within one: each is an entry for the controller. */
		error = bus_dmamap_create(sc->sc_dmat, NVME_TRANSFER_MAX, NVME_SEGS, NVME_PAGE, NVME_PAGE,
		    BUS_DMA_NOWAIT | BUS_DMA_64BIT, &sc->sc_slot[id].map);
	}
	return error;
}

int nvme_attach(struct nvme_softc *sc, const struct nvme_attach_args *aa)
{
	memset(sc, 0, sizeof(*sc));
	sc->sc_dmat = aa->aa_dmat;
	sc->sc_iot = aa->aa_iot;
	sc->sc_ioh = aa->aa_ioh;
	sc->sc_intr_wait = aa->aa_intr_wait;
	sc->sc_intr_arg = aa->aa_intr_arg;

	int error = nvme_get(sc, NVME_CSTS) == NVME_GONE ? ENXIO : nvme_alloc(sc);
	if (!error)
		error = nvme_enable(sc);
	if (!error)
		error = nvme_look(sc);
	if (!error)
		error = nvme_create_io(sc);
	if (error)
		nvme_detach(sc);
	return error;
}

/* Tell the controller where the slot's data are: one entry for each segment of its map. */
static int nvme_describe(struct nvme_softc *sc, unsigned id, struct nvme_command *command)
{
	const bus_dmamap_t map = sc->sc_slot[id].map;
	const bus_size_t list = id * NVME_PAGE;
	const int last = map->dm_nsegs - 1;

	for (int i = 0; i <= last; i++) {
		const bus_dma_segment_t *seg = &map->dm_segs[i];
		const struct le64 entry = le64(seg->ds_addr);

		if (i == 0 ? seg->ds_addr % 4 != 0 : seg->ds_addr % NVME_PAGE != 0)
			return EINVAL;
		if (i < last && (seg->ds_addr + seg->ds_len) % NVME_PAGE != 0)
			return EINVAL; /* the controller would go on to the page's end */
		if (i == 0)
			command->prp1 = entry;
		else if (last == 1)
			command->prp2 = entry;
		else
			memcpy(sc->sc_lists.kva + list + (size_t)(i - 1) * sizeof(entry), &entry, sizeof(entry));
	}
	if (last > 1) {
		command->prp2 = le64(nvme_mem_bus(&sc->sc_lists) + list);
		nvme_mem_sync(sc, &sc->sc_lists, list, (bus_size_t)last * 8, BUS_DMASYNC_PREWRITE);
		sc->sc_nlists++;
	}
	sc->sc_data = map->dm_segs[0].ds_addr;
	return 0;
}

/* End what a command held.  `done`: it completed; else its data are worth nothing. */
static void nvme_slot_release(struct nvme_softc *sc, unsigned id, bool done)
{
	struct nvme_slot *slot = &sc->sc_slot[id];
	const bus_dmamap_t map = slot->map;

	slot->busy = false;
	sc->sc_nbusy--;
	if (map->dm_nsegs > 2)
		nvme_mem_sync(sc, &sc->sc_lists, id * NVME_PAGE, (bus_size_t)(map->dm_nsegs - 1) * 8,
		    BUS_DMASYNC_POSTWRITE);
	if (map->dm_mapsize == 0)
		return; /* unloaded by mistake */
	if (done && (slot->write || sc->sc_mistake != NVME_SKIP_POSTREAD))
		bus_dmamap_sync(sc->sc_dmat, map, 0, map->dm_mapsize,
		    slot->write ? BUS_DMASYNC_POSTWRITE : BUS_DMASYNC_POSTREAD);
	bus_dmamap_unload(sc->sc_dmat, map);
}

/*
 * Start the command of a free slot whose map is loaded.  On failure it is unloaded.  Once the doorbell was rung, only a
 * completion or a stopped controller frees the slot.
 */
static int nvme_start(struct nvme_softc *sc, unsigned id, bool write, uint64_t block)
{
	struct nvme_slot *slot = &sc->sc_slot[id];
	const bus_dmamap_t map = slot->map;
	struct nvme_command command = {
		.opcode = write ? NVME_WRITE : NVME_READ,
		.id = le16(id),
		.nsid = le32(1),
		.dw10 = le32((uint32_t)block),
		.dw11 = le32((uint32_t)(block >> 32)),
		.dw12 = le32((uint32_t)(map->dm_mapsize / sc->sc_block_len - 1)),
	};

	int error = nvme_describe(sc, id, &command);
	if (error) {
		bus_dmamap_unload(sc->sc_dmat, map);
		return error;
	}
	bus_dmamap_sync(sc->sc_dmat, map, 0, map->dm_mapsize, write ? BUS_DMASYNC_PREWRITE : BUS_DMASYNC_PREREAD);
	/* Before the doorbell, not just before the completion: what comes of it must not depend on who is faster. */
	if (sc->sc_mistake == NVME_UNLOAD_EARLY)
		bus_dmamap_unload(sc->sc_dmat, map);
	slot->busy = true;
	slot->write = write;
	sc->sc_nbusy++;
	sc->sc_ncommands++;
	nvme_submit(sc, &sc->sc_io, &command);
	return 0;
}

/*
 * Wait for an interrupt, and release what the completed commands held.  `outcome` becomes the first error that a
 * command reports; the value returned concerns the controller itself.
 */
static int nvme_intr(struct nvme_softc *sc, int *outcome)
{
	struct nvme_completion completion;

	int error = nvme_wait(sc);
	if (error)
		return error;
	while (nvme_completed(sc, &sc->sc_io, &completion)) {
		unsigned id = cpu16(completion.id);
		if (id >= NVME_SLOTS || !sc->sc_slot[id].busy)
			return EIO; /* a command that we did not give: nothing it says can be believed */
		nvme_slot_release(sc, id, true);
		error = nvme_outcome(sc, &completion);
		if (!*outcome)
			*outcome = error;
	}
	nvme_completions_taken(sc, &sc->sc_io);
	return 0;
}

/* See one interrupt.  A controller that is lost is stopped, so that nothing of ours is still in its hands. */
static void nvme_wait_commands(struct nvme_softc *sc, int *outcome)
{
	int lost = nvme_intr(sc, outcome);

	if (!lost)
		return;
	*outcome = lost;
	nvme_disable(sc);
	for (unsigned id = 0; id < NVME_SLOTS; id++) {
		if (sc->sc_slot[id].busy)
			nvme_slot_release(sc, id, false);
	}
}

static unsigned nvme_slot_find(const struct nvme_softc *sc)
{
	unsigned id = 0;
	while (sc->sc_slot[id].busy)
		id++;
	return id;
}

static int nvme_direction(bool write)
{
	return BUS_DMA_NOWAIT | (write ? BUS_DMA_WRITE : BUS_DMA_READ);
}

int nvme_rw(struct nvme_softc *sc, enum uio_rw rw, uint64_t block, void *buf, size_t len)
{
	const bool write = rw == UIO_WRITE;
	char *next = buf;
	int error = 0;

	if (!sc->sc_running)
		return EIO;
	if (len == 0 || len % sc->sc_block_len != 0)
		return EINVAL;

	/* After an error nothing new is started, but what was started is seen to its end. */
	while (sc->sc_nbusy > 0 || (len > 0 && !error)) {
		if (len == 0 || error || sc->sc_nbusy == NVME_SLOTS) {
			nvme_wait_commands(sc, &error);
			continue;
		}
		unsigned id = nvme_slot_find(sc);
		size_t part = len < sc->sc_transfer ? len : sc->sc_transfer;
		int failed = bus_dmamap_load(sc->sc_dmat, sc->sc_slot[id].map, next, (bus_size_t)part, NULL,
		    nvme_direction(write));
		if (failed == ENOMEM && sc->sc_nbusy > 0) {
			nvme_wait_commands(sc, &error); /* what the others hold will do */
			continue;
		}
		error = failed ? failed : nvme_start(sc, id, write, block);
		block += part / sc->sc_block_len;
		next += part;
		len -= part;
	}
	return error;
}

int nvme_rw_uio(struct nvme_softc *sc, const struct uio *uio)
{
	const bool write = uio->uio_rw == UIO_WRITE;
	const uint64_t offset = (uint64_t)uio->uio_offset;
	struct uio copy = *uio;

	if (!sc->sc_running)
		return EIO;
	if (uio->uio_resid % sc->sc_block_len != 0 || uio->uio_resid > sc->sc_transfer ||
	    uio->uio_offset < 0 || offset % sc->sc_block_len != 0)
		return EINVAL;

	bus_dmamap_t map = sc->sc_slot[0].map;
	int error = bus_dmamap_load_uio(sc->sc_dmat, map, &copy, nvme_direction(write));
	if (error)
		return error;
	if (map->dm_mapsize != uio->uio_resid) { /* the vectors hold less than they should */
		bus_dmamap_unload(sc->sc_dmat, map);
		return EINVAL;
	}
	error = nvme_start(sc, 0, write, offset / sc->sc_block_len);
	while (sc->sc_nbusy > 0)
		nvme_wait_commands(sc, &error);
	return error;
}

/* Take the I/O queue down and tell the controller that power may go.  Best effort: it is disabled next anyway. */
static void nvme_shut_down(struct nvme_softc *sc)
{
	const struct nvme_command sq = { .opcode = NVME_DELETE_SQ, .dw10 = le32(sc->sc_io.id) };
	const struct nvme_command cq = { .opcode = NVME_DELETE_CQ, .dw10 = le32(sc->sc_io.id) };

	if (nvme_admin(sc, &sq) || nvme_admin(sc, &cq))
		return;
	nvme_put(sc, NVME_CC, NVME_CC_ENTRIES | NVME_CC_ENABLE | NVME_CC_SHUTDOWN);
	nvme_wait_status(sc, NVME_CSTS_SHUTDOWN, NVME_CSTS_SHUTDOWN_DONE);
}

void nvme_detach(struct nvme_softc *sc)
{
	if (sc->sc_dmat == NULL)
		return;
	if (sc->sc_running) {
		nvme_shut_down(sc);
		nvme_disable(sc);
	}
	for (unsigned id = 0; id < NVME_SLOTS; id++) {
		if (sc->sc_slot[id].map != NULL)
			bus_dmamap_destroy(sc->sc_dmat, sc->sc_slot[id].map);
		sc->sc_slot[id].map = NULL;
	}
	nvme_queue_free(sc, &sc->sc_io);
	nvme_queue_free(sc, &sc->sc_admin);
	nvme_mem_free(sc, &sc->sc_lists);
	nvme_mem_free(sc, &sc->sc_identify);
	sc->sc_dmat = NULL;
}
