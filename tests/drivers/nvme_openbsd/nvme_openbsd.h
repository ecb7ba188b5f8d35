/* SPDX-License-Identifier: ISC */
/*
 * A small NVMe driver as OpenBSD's drivers are written: reads and writes blocks.
 *
 * Memory and addresses come from bus_dma(9) alone, registers from bus_space(9), and what it is attached with tells how to
 * wait for an interrupt.  One thread.  Errors are positive numbers, as in that kernel.
 */
#ifndef NVME_OPENBSD_H
#define NVME_OPENBSD_H

#include <sys/types.h>
#include <machine/bus.h>
#include <stdbool.h>

#define NVME_SLOTS 4u                  /* commands at one time */
#define NVME_TRANSFER_MAX (128u << 10) /* bytes in one command */
#define NVME_SEGS 33                   /* pages of the longest transfer, and one if it begins inside a page */

struct nvme_command;
struct nvme_completion;

/* Memory that both sides use from attach to detach. */
struct nvme_mem {
	bus_dma_segment_t seg;
	bus_dmamap_t map; /* NULL: there is none */
	caddr_t kva;
	bus_size_t len;
};

/* A submission queue and its completion queue. */
struct nvme_queue {
	struct nvme_mem sq, cq;
	unsigned id, depth;
	unsigned tail, head; /* next entry to fill, next entry to look at */
	unsigned phase;      /* of entries that are new */
};

/* What one command holds until it completes. */
struct nvme_slot {
	bus_dmamap_t map;
	bool busy, write;
};

/* Mistakes for a test to order: each is one that drivers make, and nobody should make here. */
enum nvme_mistake {
	NVME_NO_MISTAKE,
	NVME_UNLOAD_EARLY,  /* data are unloaded before the command is done */
	NVME_SKIP_POSTREAD, /* data are not synced after a read */
};

/* What a bus tells a driver of its device. */
struct nvme_attach_args {
	bus_dma_tag_t aa_dmat;
	bus_space_tag_t aa_iot;      /* the controller's registers ... */
	bus_space_handle_t aa_ioh;
	int (*aa_intr_wait)(void *arg, unsigned ms); /* 0 after an interrupt, or an errno; they are enabled */
	void *aa_intr_arg;
};

/* Storage belongs to the caller.  To be read, not written, but for the mistake. */
struct nvme_softc {
	bus_dma_tag_t sc_dmat;
	bus_space_tag_t sc_iot;
	bus_space_handle_t sc_ioh;
	int (*sc_intr_wait)(void *, unsigned);
	void *sc_intr_arg;
	uint64_t sc_nblocks;
	uint32_t sc_block_len;
	uint32_t sc_transfer;        /* bytes in one command */
	unsigned sc_status;          /* of the last command that failed, as in its completion without the phase bit */
	unsigned long sc_ncommands;  /* reads and writes so far ... */
	unsigned long sc_nlists;     /* ... and those that needed a list */
	bus_addr_t sc_data;          /* where the last one's data began on the bus */
	enum nvme_mistake sc_mistake;

	uint32_t sc_ready_ms;        /* how long the controller may take to start or stop */
	unsigned sc_stride;          /* from doorbell to doorbell */
	bool sc_running;
	struct nvme_queue sc_admin, sc_io;
	struct nvme_mem sc_identify;
	struct nvme_mem sc_lists;    /* a page for each slot */
	unsigned sc_nbusy;
	struct nvme_slot sc_slot[NVME_SLOTS];
};

/* Start the controller and look at namespace 1.  0, or a positive errno, and then there is nothing to undo. */
int nvme_attach(struct nvme_softc *sc, const struct nvme_attach_args *aa);

/*
 * Read or write `len` bytes, whole blocks, from `block` on: `buf` is 4-byte aligned.  As many commands as needed,
 * several of them at one time.
 *
 * 0; EINVAL, also for memory that cannot be told to the controller; ENOMEM if there is no room for one mapping; EIO if
 * the controller refused a command (`sc_status` tells) or died; ETIMEDOUT.  Whatever happened, nothing is loaded
 * afterwards.
 */
int nvme_rw(struct nvme_softc *sc, enum uio_rw rw, uint64_t block, void *buf, size_t len);

/*
 * The same with one command for all vectors of `uio`, from `uio_offset` on, which is in bytes.  Where two vectors meet,
 * the one must end with a page and the other begin with one; else EINVAL.  EFBIG if there are too many pages.  `uio` is
 * not changed.
 */
int nvme_rw_uio(struct nvme_softc *sc, const struct uio *uio);

/* Stop the controller and give everything back.  After an attach that failed: nothing. */
void nvme_detach(struct nvme_softc *sc);

#endif
