/* SPDX-License-Identifier: ISC */
/*
 * NVMe, from the NVM Express Base Specification 1.4: an admin queue, one I/O queue, reads.
 *
 * Memory that both sides use all the time (queues, identify data, PRP lists) is coherent; the caller's buffer is
 * mapped for each command and unmapped when its completion is seen.
 *
 * A Read says where its data goes by pages of 4 KiB.  PRP1 is the first, and may start inside a page.  PRP2 is the
 * second page if there are two, else a list of all but the first; a list that is too long for one page ends in the
 * address of the next:
 *
 *   PRP1 -> [....data]     PRP2 -> [ page | page | ... | page | next ] -> [ page | page ]
 *
 * A slot's number is its command's identifier.  What a command holds, the device may still touch: it is released only
 * when the command has completed, or the controller was stopped.
 */
#include "nvme.h"
#include "nvme_regs.h"

#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#define NVME_PER_LIST (NVME_PAGE / 8)
#define NVME_ADMIN_DEPTH 8u
#define NVME_TIMEOUT_MS 10000u

static void *nvme_coherent(struct nvme *nvme, size_t len, dma_addr_t *ret_bus)
{
	void *cpu = dma_alloc_coherent(nvme->dev, len, ret_bus, GFP_KERNEL);
	nvme->counts.coherent += cpu != NULL;
	return cpu;
}

static void nvme_coherent_free(struct nvme *nvme, size_t len, void *cpu, dma_addr_t bus)
{
	if (!cpu)
		return;
	dma_free_coherent(nvme->dev, len, cpu, bus);
	nvme->counts.coherent_freed++;
}

static int nvme_queue_alloc(struct nvme *nvme, struct nvme_queue *q, unsigned id, unsigned depth)
{
	q->id = id;
	q->depth = depth;
	q->tail = q->head = 0;
	q->phase = 1;
	q->sq = nvme_coherent(nvme, depth * sizeof(*q->sq), &q->sq_bus);
	q->cq = nvme_coherent(nvme, depth * sizeof(*q->cq), &q->cq_bus);
	return q->sq && q->cq ? 0 : -ENOMEM;
}

static void nvme_queue_free(struct nvme *nvme, struct nvme_queue *q)
{
	nvme_coherent_free(nvme, q->depth * sizeof(*q->sq), q->sq, q->sq_bus);
	nvme_coherent_free(nvme, q->depth * sizeof(*q->cq), q->cq, q->cq_bus);
	memset(q, 0, sizeof(*q));
}

/* Put a command into the queue and tell the controller. */
static void nvme_submit(struct nvme *nvme, struct nvme_queue *q, const struct nvme_command *command)
{
	q->sq[q->tail] = *command;
	q->tail = (q->tail + 1) % q->depth;
	nvme->counts.commands++;
	writel(q->tail, nvme->regs + NVME_DOORBELLS + 2 * q->id * nvme->stride);
}

/* Take the next completion, if there is one. */
static bool nvme_completed(struct nvme_queue *q, struct nvme_completion *ret)
{
	if ((READ_ONCE(q->cq[q->head].status.byte[0]) & 1u) != q->phase)
		return false;
	dma_rmb(); /* the phase bit is written last; nothing of the entry, or of the data, may have been read before it */
	*ret = q->cq[q->head];
	if (++q->head == q->depth) {
		q->head = 0;
		q->phase ^= 1;
	}
	return true;
}

/* Tell the controller which completions were taken. */
static void nvme_completions_taken(struct nvme *nvme, struct nvme_queue *q)
{
	writel(q->head, nvme->regs + NVME_DOORBELLS + (2 * q->id + 1) * nvme->stride);
}

/* Wait for the queue's interrupt.  It follows every completion, so looking first is not needed. */
static int nvme_wait(struct nvme *nvme, const struct nvme_queue *q)
{
	int error = nvme->plug->irq_wait(nvme->plug->ctx, q->vector, NVME_TIMEOUT_MS);
	nvme->counts.interrupts += !error;
	return error;
}

/* 0, or -EIO for a completion that reports failure. */
static int nvme_outcome(struct nvme *nvme, const struct nvme_completion *completion)
{
	unsigned status = cpu16(completion->status) >> 1;
	if (!status)
		return 0;
	nvme->status = status;
	return -EIO;
}

/* One admin command, to its end. */
static int nvme_admin(struct nvme *nvme, const struct nvme_command *command)
{
	struct nvme_completion completion;

	nvme_submit(nvme, &nvme->admin, command);
	do {
		int error = nvme_wait(nvme, &nvme->admin);
		if (error)
			return error;
	} while (!nvme_completed(&nvme->admin, &completion));
	nvme_completions_taken(nvme, &nvme->admin);
	return nvme_outcome(nvme, &completion);
}

/* Wait until the status register's bits in `mask` are `want`. */
static int nvme_wait_status(struct nvme *nvme, uint32_t mask, uint32_t want)
{
	for (unsigned ms = 0; ms <= nvme->ready_ms; ms++) {
		u32 status = readl(nvme->regs + NVME_CSTS);
		if (status == ~0u)
			return -EIO; /* nobody answers */
		if ((status & mask) == want)
			return 0;
		if (want && (status & NVME_CSTS_FATAL))
			return -EIO;
		msleep(1);
	}
	return -ETIMEDOUT;
}

/* Stop the controller; afterwards it touches no memory.  Queues and commands in it are forgotten. */
static int nvme_disable(struct nvme *nvme)
{
	nvme->running = false;
	writel(NVME_CC_ENTRIES, nvme->regs + NVME_CC);
	return nvme_wait_status(nvme, NVME_CSTS_READY, 0);
}

static int nvme_enable(struct nvme *nvme)
{
	u64 cap = readq(nvme->regs + NVME_CAP);

	if (cap == ~0ull)
		return -EIO;
	nvme->ready_ms = (uint32_t)(cap >> 24 & 0xff) * 500;
	nvme->stride = 4u << (cap >> 32 & 0xf);
	if ((cap >> 48 & 0xf) > 0 || (cap & 0xffff) + 1 < NVME_DEPTH)
		return -ENODEV; /* it cannot do pages of 4 KiB, or queues as deep as ours */

	int error = nvme_disable(nvme);
	if (error)
		return error;
	writel((nvme->admin.depth - 1) << 16 | (nvme->admin.depth - 1), nvme->regs + NVME_AQA);
	writeq(nvme->admin.sq_bus, nvme->regs + NVME_ASQ);
	writeq(nvme->admin.cq_bus, nvme->regs + NVME_ACQ);
	writel(NVME_CC_ENTRIES | NVME_CC_ENABLE, nvme->regs + NVME_CC);
	nvme->running = true;
	return nvme_wait_status(nvme, NVME_CSTS_READY, NVME_CSTS_READY);
}

static int nvme_identify(struct nvme *nvme, uint32_t nsid, uint32_t what)
{
	const struct nvme_command command = {
		.opcode = NVME_IDENTIFY,
		.nsid = le32(nsid),
		.prp1 = le64(nvme->identify_bus),
		.dw10 = le32(what),
	};
	return nvme_admin(nvme, &command);
}

/* Copy a text that is padded with spaces. */
static void nvme_text(char *to, const uint8_t *from, size_t len)
{
	while (len && (from[len - 1] == ' ' || !from[len - 1]))
		len--;
	for (size_t i = 0; i < len; i++)
		to[i] = from[i] < 0x20 || from[i] > 0x7e ? '?' : (char)from[i];
	to[len] = '\0';
}

static int nvme_look(struct nvme *nvme)
{
	const uint8_t *data = nvme->identify;

	int error = nvme_identify(nvme, 0, 1);
	if (error)
		return error;
	nvme_text(nvme->serial, data + 4, 20);
	nvme_text(nvme->model, data + 24, 40);
	unsigned mdts = data[77]; /* 0: no limit */
	nvme->max_transfer = mdts && mdts < 10 ? NVME_PAGE << mdts : NVME_TRANSFER_MAX; /* 2^9 pages are 2 MiB */

	if ((error = nvme_identify(nvme, 1, 0)))
		return error;
	nvme->nblocks = get_unaligned_le64(data);
	const uint8_t *format = data + 128 + 4 * (size_t)(data[26] & 0xf);
	if (format[2] < 9 || format[2] > 12)
		return -ENODEV; /* blocks are 512 to 4096 bytes here */
	nvme->block_len = 1u << format[2];
	return 0;
}

/* Where there is only one vector, the queues share it. */
static int nvme_interrupts(struct nvme *nvme)
{
	int error = nvme->plug->irq_enable(nvme->plug->ctx, 0);
	if (error)
		return error;
	error = nvme->plug->irq_enable(nvme->plug->ctx, 1);
	nvme->io.vector = error ? 0 : 1;
	return error == -EINVAL ? 0 : error;
}

static int nvme_create_io(struct nvme *nvme)
{
	const struct nvme_queue *q = &nvme->io;
	const struct le32 shape = le32((q->depth - 1) << 16 | q->id);
	/* Feature 7, number of queues: counts less one, so this asks for one of each. */
	const struct nvme_command count = { .opcode = NVME_SET_FEATURES, .dw10 = le32(7), .dw11 = le32(0) };
	const struct nvme_command cq = { .opcode = NVME_CREATE_CQ, .prp1 = le64(q->cq_bus), .dw10 = shape,
		.dw11 = le32(q->vector << 16 | 2 | 1) }; /* interrupts on, contiguous */
	const struct nvme_command sq = { .opcode = NVME_CREATE_SQ, .prp1 = le64(q->sq_bus), .dw10 = shape,
		.dw11 = le32(q->id << 16 | 1) };

	int error = nvme_admin(nvme, &count);
	if (!error)
		error = nvme_admin(nvme, &cq);
	return error ? error : nvme_admin(nvme, &sq);
}

static int nvme_memory(struct nvme *nvme)
{
	if (dma_set_mask_and_coherent(nvme->dev, DMA_BIT_MASK(64)))
		return -EIO;
	nvme->slot = kcalloc(NVME_SLOTS, sizeof(*nvme->slot), GFP_KERNEL);
	nvme->lists = dma_pool_create("nvme prp lists", nvme->dev, NVME_PAGE, NVME_PAGE, 0);
	nvme->identify = nvme_coherent(nvme, NVME_PAGE, &nvme->identify_bus);
	if (!nvme->slot || !nvme->lists || !nvme->identify)
		return -ENOMEM;
	int error = nvme_queue_alloc(nvme, &nvme->admin, 0, NVME_ADMIN_DEPTH);
	return error ? error : nvme_queue_alloc(nvme, &nvme->io, 1, NVME_DEPTH);
}

int nvme_start(struct nvme *nvme, struct device *dev, const struct linux_plug *plug)
{
	memset(nvme, 0, sizeof(*nvme));
	nvme->dev = dev;
	nvme->plug = plug;
	nvme->regs = plug->regs;

	int error = nvme_memory(nvme);
	if (!error)
		error = nvme_interrupts(nvme);
	if (!error)
		error = nvme_enable(nvme);
	if (!error)
		error = nvme_look(nvme);
	if (!error)
		error = nvme_create_io(nvme);
	if (error)
		nvme_stop(nvme);
	return error;
}

static void nvme_slot_release(struct nvme *nvme, struct nvme_slot *slot)
{
	for (unsigned i = 0; i < slot->nlists; i++)
		dma_pool_free(nvme->lists, slot->list[i].cpu, slot->list[i].bus);
	nvme->counts.lists_freed += slot->nlists;
	slot->nlists = 0;
	dma_unmap_single(nvme->dev, slot->data, slot->len, DMA_FROM_DEVICE);
	nvme->counts.unmapped++;
	nvme->nbusy--;
	slot->busy = false;
}

static struct le64 *nvme_list_add(struct nvme *nvme, struct nvme_slot *slot, dma_addr_t *ret_bus)
{
	if (slot->nlists == NVME_LISTS)
		return NULL;
	void *cpu = dma_pool_alloc(nvme->lists, GFP_KERNEL, ret_bus);
	if (!cpu)
		return NULL;
	slot->list[slot->nlists].cpu = cpu;
	slot->list[slot->nlists].bus = *ret_bus;
	slot->nlists++;
	nvme->counts.lists++;
	return cpu;
}

/* List `npages` pages, at least two, from `page` on.  Stores the bus address of the first list. */
static int nvme_list_pages(struct nvme *nvme, struct nvme_slot *slot, dma_addr_t page, size_t npages,
    dma_addr_t *ret_bus)
{
	dma_addr_t bus;
	struct le64 *list = nvme_list_add(nvme, slot, ret_bus);
	unsigned i = 0;

	for (; list && npages; npages--) {
		if (i == NVME_PER_LIST - 1 && npages > 1) {
			struct le64 *next = nvme_list_add(nvme, slot, &bus);
			if (next)
				list[i] = le64(bus);
			list = next;
			i = 0;
		}
		if (list)
			list[i++] = le64(page);
		page += NVME_PAGE;
	}
	return list ? 0 : -ENOMEM;
}

/* Fill in where the mapped data of `slot` is. */
static int nvme_describe(struct nvme *nvme, struct nvme_slot *slot, struct nvme_command *command)
{
	size_t first = NVME_PAGE - (size_t)(slot->data & (NVME_PAGE - 1));
	dma_addr_t bus = slot->data + (dma_addr_t)first;

	command->prp1 = le64(slot->data);
	if (slot->len <= first)
		return 0;
	size_t npages = (slot->len - first - 1) / NVME_PAGE + 1;
	int error = npages > 1 ? nvme_list_pages(nvme, slot, bus, npages, &bus) : 0;
	if (!error)
		command->prp2 = le64(bus);
	return error;
}

/* Start one Read in a free slot.  On failure the slot is free again. */
static int nvme_read_start(struct nvme *nvme, unsigned id, uint64_t block, size_t len, void *to)
{
	struct nvme_slot *slot = &nvme->slot[id];
	struct nvme_command command = {
		.opcode = NVME_READ,
		.id = le16(id),
		.nsid = le32(1),
		.dw10 = le32((uint32_t)block),
		.dw11 = le32((uint32_t)(block >> 32)),
		.dw12 = le32((uint32_t)(len / nvme->block_len - 1)),
	};

	slot->data = dma_map_single(nvme->dev, to, len, DMA_FROM_DEVICE);
	if (dma_mapping_error(nvme->dev, slot->data))
		return -ENOMEM;
	nvme->counts.mapped++;
	slot->len = len;
	slot->busy = true;
	nvme->nbusy++;

	int error = nvme_describe(nvme, slot, &command);
	if (error) {
		nvme_slot_release(nvme, slot);
		return error;
	}
	/* Once the doorbell may have been rung, only a completion or a stopped controller frees the slot. */
	nvme_submit(nvme, &nvme->io, &command);
	return 0;
}

/*
 * Wait for an interrupt, and release what the completed commands held.  `outcome` becomes the first error that a
 * command reports; the value returned concerns the controller itself.
 */
static int nvme_read_finish(struct nvme *nvme, int *outcome)
{
	struct nvme_completion completion;

	int error = nvme_wait(nvme, &nvme->io);
	if (error)
		return error;
	while (nvme_completed(&nvme->io, &completion)) {
		unsigned id = cpu16(completion.id);
		if (id >= NVME_SLOTS || !nvme->slot[id].busy)
			return -EIO; /* a command that we did not give: nothing it says can be believed */
		nvme_slot_release(nvme, &nvme->slot[id]);
		error = nvme_outcome(nvme, &completion);
		if (!*outcome)
			*outcome = error;
	}
	nvme_completions_taken(nvme, &nvme->io);
	return 0;
}

/* The controller is lost.  Stop it, so that nothing of ours is still in its hands, and release it all. */
static void nvme_abandon(struct nvme *nvme)
{
	nvme_disable(nvme);
	for (unsigned id = 0; id < NVME_SLOTS; id++) {
		if (nvme->slot[id].busy)
			nvme_slot_release(nvme, &nvme->slot[id]);
	}
}

static unsigned nvme_slot_find(const struct nvme *nvme)
{
	unsigned id = 0;
	while (nvme->slot[id].busy)
		id++;
	return id;
}

int nvme_read(struct nvme *nvme, uint64_t block, uint64_t nblocks, void *to)
{
	uint8_t *next = to;
	int error = 0;

	if (!nvme->running)
		return -EIO;
	if (!nblocks || (uintptr_t)to % 4 || nblocks > SIZE_MAX / nvme->block_len)
		return -EINVAL;

	uint64_t most = nvme->max_transfer / nvme->block_len;
	/* After an error nothing new is started, but what was started is seen to its end. */
	while (nvme->nbusy || (nblocks && !error)) {
		if (nblocks && !error && nvme->nbusy < NVME_SLOTS) {
			uint64_t n = min(nblocks, most);
			size_t len = (size_t)n * nvme->block_len;
			error = nvme_read_start(nvme, nvme_slot_find(nvme), block, len, next);
			block += n;
			nblocks -= n;
			next += len;
			continue;
		}
		int lost = nvme_read_finish(nvme, &error);
		if (lost) {
			dev_dbg(nvme->dev, "lost, %d: giving up %u commands\n", lost, nvme->nbusy);
			error = lost;
			nvme_abandon(nvme);
		}
	}
	return error;
}

/* Take the I/O queue down and tell the controller that power may go.  Best effort: it is disabled next anyway. */
static void nvme_shut_down(struct nvme *nvme)
{
	const struct nvme_command sq = { .opcode = NVME_DELETE_SQ, .dw10 = le32(nvme->io.id) };
	const struct nvme_command cq = { .opcode = NVME_DELETE_CQ, .dw10 = le32(nvme->io.id) };

	if (nvme_admin(nvme, &sq) || nvme_admin(nvme, &cq))
		return;
	writel(NVME_CC_ENTRIES | NVME_CC_ENABLE | NVME_CC_SHUTDOWN, nvme->regs + NVME_CC);
	nvme_wait_status(nvme, NVME_CSTS_SHUTDOWN, NVME_CSTS_SHUTDOWN_DONE);
}

void nvme_stop(struct nvme *nvme)
{
	if (!nvme->dev)
		return;
	if (nvme->running) {
		nvme_shut_down(nvme);
		nvme_disable(nvme);
	}
	nvme_queue_free(nvme, &nvme->io);
	nvme_queue_free(nvme, &nvme->admin);
	nvme_coherent_free(nvme, NVME_PAGE, nvme->identify, nvme->identify_bus);
	dma_pool_destroy(nvme->lists);
	kfree(nvme->slot);
	nvme->slot = NULL;
	nvme->identify = NULL;
	nvme->lists = NULL;
	nvme->dev = NULL;
}
