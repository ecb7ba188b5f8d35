/* SPDX-License-Identifier: ISC */
/*
 * A small NVMe driver: reads blocks.
 *
 * It knows Linux's interfaces and nothing else, so the compiled object runs wherever there is a plug for it.  One thread.
 */
#ifndef NVME_H
#define NVME_H

#include <linux/dma-mapping.h>
#include <linux/dmapool.h>

#include "linux_plug.h"

#define NVME_DEPTH 32u                       /* entries of the I/O queues */
#define NVME_SLOTS (NVME_DEPTH - 1)          /* a full queue would look empty */
/*
 * Bytes in one command, whatever the controller would allow.  QEMU gives up at 1025 pages, which 4 MiB have that begin
 * inside a page; 3 MiB still need a list that is chained.
 */
#define NVME_TRANSFER_MAX (3u << 20)
#define NVME_LISTS 2                         /* 769 pages at most, less the first; 511 to a list */

struct nvme_command;
struct nvme_completion;

/* A submission queue and its completion queue. */
struct nvme_queue {
	struct nvme_command *sq;
	struct nvme_completion *cq;
	dma_addr_t sq_bus, cq_bus;
	unsigned id, depth, vector;
	unsigned tail, head; /* next entry to fill, next entry to look at */
	unsigned phase;      /* of entries that are new */
};

/* What one Read holds until it completes. */
struct nvme_slot {
	bool busy;
	dma_addr_t data;
	size_t len;
	unsigned nlists;
	struct {
		void *cpu;
		dma_addr_t bus;
	} list[NVME_LISTS];
};

/* What the driver did so far. */
struct nvme_counts {
	unsigned long commands, interrupts;
	unsigned long mapped, unmapped;      /* dma_map_single, dma_unmap_single */
	unsigned long lists, lists_freed;    /* blocks of the pool */
	unsigned long coherent, coherent_freed;
};

/* Storage belongs to the caller.  To be read, not written. */
struct nvme {
	char model[41], serial[21];
	uint64_t nblocks;
	uint32_t block_len;
	uint32_t max_transfer;   /* bytes in one command */
	unsigned status;         /* of the last command that failed, as in its completion without the phase bit */
	struct nvme_counts counts;

	struct device *dev;
	const struct linux_plug *plug;
	unsigned char __iomem *regs;
	struct dma_pool *lists;
	void *identify;
	dma_addr_t identify_bus;
	uint32_t ready_ms;       /* how long the controller may take to start or stop */
	unsigned stride;         /* from doorbell to doorbell */
	bool running;
	struct nvme_queue admin, io;
	unsigned nbusy;
	struct nvme_slot *slot;  /* NVME_SLOTS */
};

/*
 * Start the controller in `plug`, which must stay, and whose DMA is `dev`'s, and look at namespace 1.  0 or a negative
 * errno; on failure there is nothing to undo.
 */
int nvme_start(struct nvme *nvme, struct device *dev, const struct linux_plug *plug);

/*
 * Read `nblocks` blocks from `block` on to `to`, which is memory that the device can reach, 4-byte aligned.  As many
 * commands as needed, many of them at one time.
 *
 * 0; -EINVAL; -ENOMEM if memory lacks or cannot be mapped; -EIO if the controller refused a command (`status` tells)
 * or died; -ETIMEDOUT.  Whatever happened, nothing is mapped afterwards.
 */
int nvme_read(struct nvme *nvme, uint64_t block, uint64_t nblocks, void *to);

/* Stop the controller and give everything back.  A driver that was never started, but zeroed: nothing. */
void nvme_stop(struct nvme *nvme);

#endif
