/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * A model of an NVMe controller, from the NVM Express Base Specification 1.4, over a file that is only read.
 *
 * It has the identity, registers and limits of QEMU's, as far as a driver can tell: admin queue, up to eight I/O queue
 * pairs, Identify, Number of Queues, Read, PRP lists, MSI-X.  It is stricter in one point: where QEMU completes a Read
 * whose data found no memory with success, this one says Data Transfer Error.
 *
 * A doorbell starts its queue, which then takes one command after the other, each in its time: fetch, execute, complete,
 * interrupt.  A completion queue that is full stops the submission queues that feed it, until its head doorbell moves.
 * Entries that a driver leaves unread are not announced again.
 *
 *   BAR 0: [ registers 0 ][ doorbells 0x1000 ][ MSI-X table 0x2000 ][ pending bits 0x3000 ]
 *
 * Statuses are as in a completion: code type << 8 | code, and a bit that says "do not retry".
 */
#include "sim_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NVME_VENDOR 0x1b36     /* QEMU's */
#define NVME_DEVICE 0x0010
#define NVME_CLASS 0x01080202u /* storage, NVM, NVMe; revision 2 */

#define NVME_PAIRS 8           /* I/O queue pairs; queue 0 is the admin queue */
#define NVME_QUEUE_MAX 2048    /* entries */
#define NVME_PAGE 4096u
#define NVME_COMMAND 64u
#define NVME_COMPLETION 16u

#define NVME_CAP 0x00
#define NVME_VS 0x08
#define NVME_INTMS 0x0c
#define NVME_INTMC 0x10
#define NVME_CC 0x14
#define NVME_CC_ENABLE 0x1u
#define NVME_CC_FIXED 0x7f0u   /* command set and page size: both must be 0 here, NVM and 4 KiB */
#define NVME_CC_SHUTDOWN 0xc000u
#define NVME_CSTS 0x1c
#define NVME_CSTS_READY 0x1u
#define NVME_CSTS_FATAL 0x2u
#define NVME_CSTS_SHUTDOWN_DONE 0x8u
#define NVME_AQA 0x24
#define NVME_ASQ 0x28
#define NVME_ACQ 0x30
#define NVME_DOORBELLS 0x1000
#define NVME_TABLE 0x2000
#define NVME_BAR_LEN 0x4000

#define NVME_VERSION 0x00010400u

#define NVME_FETCH_NS 500u     /* from a doorbell, or the command before, to a command's end: so much to twice that */
#define NVME_READ_NS 10000u    /* the same for a Read */
#define NVME_LATE_NS 1000000000u

enum nvme_status {
	NVME_OK = 0,
	NVME_DNR = 0x4000, /* do not retry */
	NVME_INVALID_OPCODE = NVME_DNR | 0x01,
	NVME_INVALID_FIELD = NVME_DNR | 0x02,
	NVME_TRANSFER_ERROR = 0x04,
	NVME_INVALID_NAMESPACE = NVME_DNR | 0x0b,
	NVME_INVALID_PRP = NVME_DNR | 0x13,
	NVME_WRITE_PROTECTED = NVME_DNR | 0x20,
	NVME_LBA_RANGE = NVME_DNR | 0x80,
	NVME_INVALID_CQ = NVME_DNR | 0x100,
	NVME_INVALID_QUEUE = NVME_DNR | 0x101,
	NVME_INVALID_SIZE = NVME_DNR | 0x102,
	NVME_INVALID_VECTOR = NVME_DNR | 0x108,
	NVME_INVALID_DELETION = 0x10c,
	NVME_READ_ERROR = 0x281,
};

/* A submission queue, or a completion queue; `size` 0: there is none. */
struct nvme_queue {
	uint64_t base;
	uint32_t size, head, tail;
	uint16_t cq;       /* of a submission queue: where its completions go */
	bool runs;         /* of a submission queue: its next command is on its way */
	bool phase;        /* of a completion queue, as the rest */
	bool interrupts;
	uint16_t vector;
};

struct sim_nvme {
	struct sim_function function; /* first: the two are cast into each other */
	int fd;
	uint64_t nblocks;
	unsigned mdts;
	uint32_t mask, cc, csts, aqa;
	uint64_t asq, acq;
	struct nvme_queue sq[NVME_PAIRS + 1], cq[NVME_PAIRS + 1];
};

/* A command, unpacked. */
struct nvme_command {
	uint8_t opcode;
	uint16_t id;
	uint32_t nsid;
	uint64_t prp1, prp2;
	uint32_t dw10, dw11, dw12;
};

static struct sim_nvme *nvme_of(struct sim_function *function)
{
	return (struct sim_nvme *)(void *)function;
}

/* Where the next piece of a transfer goes: a PRP entry shows at most the rest of one page. */
struct nvme_walk {
	uint64_t bus;        /* of the current page's data */
	uint64_t list;       /* of the next entry, when there is a list */
	uint64_t prp2;
	size_t left;         /* bytes from here on */
	bool first, listed;
};

/* One entry of the list at `walk->list`, which moves on. */
static enum nvme_status nvme_walk_fetch(struct sim_nvme *n, struct nvme_walk *walk, uint64_t *ret_entry)
{
	unsigned char entry[8];

	if (mete__sim_get(&n->function, walk->list, entry, sizeof(entry)))
		return NVME_DNR | NVME_TRANSFER_ERROR;
	*ret_entry = sim_load(entry, 8);
	walk->list += 8;
	return NVME_OK;
}

/* The next page of data.  If the last entry of a list's page is not enough, it leads to the next page of the list. */
static enum nvme_status nvme_walk_entry(struct sim_nvme *n, struct nvme_walk *walk, uint64_t *ret_entry)
{
	bool link = (walk->list & (NVME_PAGE - 1)) == NVME_PAGE - 8 && walk->left > NVME_PAGE;
	enum nvme_status status = nvme_walk_fetch(n, walk, ret_entry);

	if (status || !link)
		return status;
	if (*ret_entry & (NVME_PAGE - 1))
		return NVME_INVALID_PRP;
	walk->list = *ret_entry;
	return nvme_walk_fetch(n, walk, ret_entry);
}

/* Find the next piece.  A transfer starts anywhere in its first page and at the start of all others. */
static enum nvme_status nvme_walk_next(struct sim_nvme *n, struct nvme_walk *walk, uint64_t *ret_piece, size_t *ret_len)
{
	enum nvme_status status = NVME_OK;

	if (!walk->first) {
		if (walk->listed)
			status = nvme_walk_entry(n, walk, &walk->bus);
		else
			walk->bus = walk->prp2;
		if (!status && (walk->bus & (NVME_PAGE - 1)))
			status = NVME_INVALID_PRP;
	} else if (walk->bus & 3) {
		status = NVME_INVALID_PRP;
	}
	if (status)
		return status;

	size_t len = NVME_PAGE - (size_t)(walk->bus & (NVME_PAGE - 1));
	if (len > walk->left)
		len = walk->left;
	*ret_piece = walk->bus;
	walk->left -= len;
	/* PRP2 is the second page if that is the last one, else the list of all further pages. */
	if (walk->first && walk->left > NVME_PAGE) {
		walk->listed = true;
		walk->list = walk->prp2;
		if (walk->list & 7)
			return NVME_INVALID_PRP;
	}
	walk->first = false;
	*ret_len = len;
	return NVME_OK;
}

static struct nvme_walk nvme_walk_start(const struct nvme_command *command, size_t len)
{
	return (struct nvme_walk){ .bus = command->prp1, .prp2 = command->prp2, .left = len, .first = true };
}

/* Give the driver `len` bytes of ours. */
static enum nvme_status nvme_answer(struct sim_nvme *n, const struct nvme_command *command, const unsigned char *data,
    size_t len)
{
	struct nvme_walk walk = nvme_walk_start(command, len);
	uint64_t piece;
	size_t piece_len;

	while (walk.left) {
		enum nvme_status status = nvme_walk_next(n, &walk, &piece, &piece_len);
		if (status)
			return status;
		if (mete__sim_put(&n->function, piece, data, piece_len))
			return NVME_TRANSFER_ERROR;
		data += piece_len;
	}
	return NVME_OK;
}

/* Read the file at `offset`; after its end there are zeros. */
static bool nvme_file_read(const struct sim_nvme *n, uint64_t offset, unsigned char *to, size_t len)
{
	while (len) {
		ssize_t got = pread(n->fd, to, len, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (!got) {
			memset(to, 0, len);
			return true;
		}
		to += got;
		offset += (uint64_t)got;
		len -= (size_t)got;
	}
	return true;
}

static enum nvme_status nvme_read(struct sim_nvme *n, const struct nvme_command *command)
{
	uint64_t block = (uint64_t)command->dw11 << 32 | command->dw10;
	uint32_t nblocks = (command->dw12 & 0xffff) + 1;
	size_t len = (size_t)nblocks * RIG_DISK_BLOCK;
	unsigned char data[NVME_PAGE];
	uint64_t piece;
	size_t piece_len;

	if (len > (size_t)NVME_PAGE << n->mdts)
		return NVME_INVALID_FIELD;
	if (block > n->nblocks || nblocks > n->nblocks - block)
		return NVME_LBA_RANGE;

	struct nvme_walk walk = nvme_walk_start(command, len);
	for (uint64_t offset = block * RIG_DISK_BLOCK; walk.left; offset += piece_len) {
		enum nvme_status status = nvme_walk_next(n, &walk, &piece, &piece_len);
		if (status)
			return status;
		if (!nvme_file_read(n, offset, data, piece_len))
			return NVME_READ_ERROR;
		if (mete__sim_put(&n->function, piece, data, piece_len))
			return NVME_TRANSFER_ERROR;
	}
	return NVME_OK;
}

static enum nvme_status nvme_io(struct sim_nvme *n, const struct nvme_command *command)
{
	if (command->nsid != 1)
		return NVME_INVALID_NAMESPACE;
	switch (command->opcode) {
	case 0x00: /* Flush: nothing is ever unwritten */
		return NVME_OK;
	case 0x01: /* Write */
		return NVME_WRITE_PROTECTED;
	case 0x02:
		return nvme_read(n, command);
	default:
		return NVME_INVALID_OPCODE;
	}
}

/* Text fields are padded with spaces and have no terminator. */
static void nvme_text(unsigned char *to, size_t len, const char *text)
{
	memset(to, ' ', len);
	memcpy(to, text, strlen(text));
}

static void nvme_identify_controller(const struct sim_nvme *n, unsigned char *data)
{
	sim_store(data, 2, NVME_VENDOR);
	sim_store(data + 2, 2, NVME_VENDOR);
	nvme_text(data + 4, 20, "mete");
	nvme_text(data + 24, 40, "mete simulated NVMe");
	nvme_text(data + 64, 8, "1");
	data[77] = (unsigned char)n->mdts;
	sim_store(data + 80, 4, NVME_VERSION);
	data[512] = 0x66; /* submission entries are 2^6 bytes, at least and at most */
	data[513] = 0x44; /* completion entries 2^4 */
	sim_store(data + 516, 4, 1); /* namespaces */
}

static void nvme_identify_namespace(const struct sim_nvme *n, unsigned char *data)
{
	sim_store(data, 8, n->nblocks);      /* size, capacity, in use */
	sim_store(data + 8, 8, n->nblocks);
	sim_store(data + 16, 8, n->nblocks);
	data[99] = 1;                        /* write protected */
	data[128 + 2] = 9;                   /* format 0, the only one: blocks of 2^9 bytes */
}

static enum nvme_status nvme_identify(struct sim_nvme *n, const struct nvme_command *command)
{
	unsigned char data[NVME_PAGE] = { 0 };

	switch (command->dw10 & 0xff) {
	case 0: /* namespace; all ones asks for what all have in common */
		if (command->nsid != 1 && command->nsid != 0xffffffffu)
			return NVME_INVALID_NAMESPACE;
		nvme_identify_namespace(n, data);
		break;
	case 1:
		nvme_identify_controller(n, data);
		break;
	case 2: /* active namespaces above `nsid` */
		if (command->nsid >= 0xfffffffeu)
			return NVME_INVALID_NAMESPACE;
		sim_store(data, 4, command->nsid < 1);
		break;
	default:
		return NVME_INVALID_FIELD;
	}
	return nvme_answer(n, command, data, sizeof(data));
}

/* What Create I/O Submission Queue and Create I/O Completion Queue have in common. */
static enum nvme_status nvme_create(const struct nvme_command *command, struct nvme_queue queue[NVME_PAIRS + 1],
    struct nvme_queue **ret_queue)
{
	uint32_t id = command->dw10 & 0xffff, size = (command->dw10 >> 16) + 1;

	if (!id || id > NVME_PAIRS || queue[id].size)
		return NVME_INVALID_QUEUE;
	if (size < 2 || size > NVME_QUEUE_MAX)
		return NVME_INVALID_SIZE;
	if (!(command->dw11 & 1)) /* not contiguous: CAP.CQR forbids it */
		return NVME_INVALID_FIELD;
	if (command->prp1 & (NVME_PAGE - 1))
		return NVME_INVALID_PRP;
	*ret_queue = &queue[id];
	return NVME_OK;
}

static enum nvme_status nvme_create_cq(struct sim_nvme *n, const struct nvme_command *command)
{
	struct nvme_queue *cq;
	enum nvme_status status = nvme_create(command, n->cq, &cq);

	if (status)
		return status;
	if (command->dw11 >> 16 >= n->function.nvectors)
		return NVME_INVALID_VECTOR;
	*cq = (struct nvme_queue){
		.base = command->prp1,
		.size = (command->dw10 >> 16) + 1,
		.phase = true,
		.interrupts = command->dw11 & 2,
		.vector = (uint16_t)(command->dw11 >> 16),
	};
	return NVME_OK;
}

static enum nvme_status nvme_create_sq(struct sim_nvme *n, const struct nvme_command *command)
{
	uint32_t cq = command->dw11 >> 16;
	struct nvme_queue *sq;
	enum nvme_status status = nvme_create(command, n->sq, &sq);

	if (status)
		return status;
	if (!cq || cq > NVME_PAIRS || !n->cq[cq].size)
		return NVME_INVALID_CQ;
	*sq = (struct nvme_queue){ .base = command->prp1, .size = (command->dw10 >> 16) + 1, .cq = (uint16_t)cq };
	return NVME_OK;
}

static enum nvme_status nvme_delete_sq(struct sim_nvme *n, const struct nvme_command *command)
{
	uint32_t id = command->dw10 & 0xffff;

	if (!id || id > NVME_PAIRS || !n->sq[id].size)
		return NVME_INVALID_QUEUE;
	n->sq[id].size = 0;
	return NVME_OK;
}

static enum nvme_status nvme_delete_cq(struct sim_nvme *n, const struct nvme_command *command)
{
	uint32_t id = command->dw10 & 0xffff;

	if (!id || id > NVME_PAIRS || !n->cq[id].size)
		return NVME_INVALID_QUEUE;
	for (unsigned i = 1; i <= NVME_PAIRS; i++) {
		if (n->sq[i].size && n->sq[i].cq == id)
			return NVME_INVALID_DELETION;
	}
	n->cq[id].size = 0;
	return NVME_OK;
}

/* Get or Set Features.  Only Number of Queues, the one that a driver must ask for. */
static enum nvme_status nvme_feature(const struct nvme_command *command, uint32_t *ret_result)
{
	if ((command->dw10 & 0xff) != 0x07)
		return NVME_INVALID_FIELD;
	*ret_result = (NVME_PAIRS - 1) << 16 | (NVME_PAIRS - 1);
	return NVME_OK;
}

static enum nvme_status nvme_admin(struct sim_nvme *n, const struct nvme_command *command, uint32_t *ret_result)
{
	switch (command->opcode) {
	case 0x00: return nvme_delete_sq(n, command);
	case 0x01: return nvme_create_sq(n, command);
	case 0x04: return nvme_delete_cq(n, command);
	case 0x05: return nvme_create_cq(n, command);
	case 0x06: return nvme_identify(n, command);
	case 0x09:
	case 0x0a: return nvme_feature(command, ret_result);
	default: return NVME_INVALID_OPCODE;
	}
}

static bool nvme_full(const struct nvme_queue *cq)
{
	return (cq->tail + 1) % cq->size == cq->head;
}

/* The controller cannot go on without its queues: it says so and waits for a reset. */
static void nvme_fatal(struct sim_nvme *n)
{
	n->csts |= NVME_CSTS_FATAL;
}

static void nvme_post(struct sim_nvme *n, unsigned sq, uint32_t id, enum nvme_status status, uint32_t result)
{
	struct nvme_queue *cq = &n->cq[n->sq[sq].cq];
	uint64_t bus = cq->base + (uint64_t)cq->tail * NVME_COMPLETION;
	unsigned char entry[NVME_COMPLETION] = { 0 };

	sim_store(entry, 4, result);
	sim_store(entry + 8, 2, mete__sim_tell(&n->function, n->sq[sq].head));
	sim_store(entry + 10, 2, sq);
	sim_store(entry + 12, 2, mete__sim_tell(&n->function, id));
	sim_store(entry + 14, 2, (uint64_t)status << 1 | cq->phase);
	if (mete__sim_put(&n->function, bus, entry, sizeof(entry))) {
		nvme_fatal(n);
		return;
	}
	if (++cq->tail == cq->size) {
		cq->tail = 0;
		cq->phase = !cq->phase;
	}
	if (cq->interrupts)
		mete__sim_raise(&n->function, cq->vector);
}

/* A completion that is late: queue, identifier and status in one number. */
static void nvme_post_late(struct sim_function *function, uint64_t what)
{
	struct sim_nvme *n = nvme_of(function);
	unsigned sq = (unsigned)(what >> 32);

	if (n->csts == NVME_CSTS_READY && n->sq[sq].size && !nvme_full(&n->cq[n->sq[sq].cq]))
		nvme_post(n, sq, (uint32_t)(what & 0xffff), (enum nvme_status)(what >> 16 & 0xffff), 0);
}

static void nvme_complete(struct sim_nvme *n, unsigned sq, uint16_t id, enum nvme_status status, uint32_t result)
{
	/* The admin queue stays honest: without it a driver would not even start. */
	unsigned flaws = sq ? mete__sim_flaws(&n->function) : 0;
	uint64_t what = (uint64_t)sq << 32 | (uint32_t)status << 16 | id;

	if (flaws & METE_SIM_LATE)
		mete__sim_later(&n->function, NVME_LATE_NS, nvme_post_late, what);
	else if (flaws & METE_SIM_REORDER)
		mete__sim_later(&n->function, 4 * NVME_READ_NS, nvme_post_late, what);
	else if (!(flaws & METE_SIM_LOSE))
		nvme_post(n, sq, flaws & METE_SIM_UNKNOWN_TAG ? id ^ 0x8000u : id, status, result);
	if ((flaws & METE_SIM_DUPLICATE) && !nvme_full(&n->cq[n->sq[sq].cq]))
		nvme_post(n, sq, id, status, result);
	if (flaws & METE_SIM_SPURIOUS)
		mete__sim_raise(&n->function, n->cq[n->sq[sq].cq].vector);
}

static bool nvme_fetch(struct sim_nvme *n, struct nvme_queue *sq, struct nvme_command *ret)
{
	uint64_t bus = sq->base + (uint64_t)sq->head * NVME_COMMAND;
	unsigned char c[NVME_COMMAND];

	if (mete__sim_get(&n->function, bus, c, sizeof(c)))
		return false;
	sq->head = (sq->head + 1) % sq->size;
	*ret = (struct nvme_command){
		.opcode = c[0],
		.id = (uint16_t)sim_load(c + 2, 2),
		.nsid = (uint32_t)sim_load(c + 4, 4),
		.prp1 = sim_load(c + 24, 8),
		.prp2 = sim_load(c + 32, 8),
		.dw10 = (uint32_t)sim_load(c + 40, 4),
		.dw11 = (uint32_t)sim_load(c + 44, 4),
		.dw12 = (uint32_t)sim_load(c + 48, 4),
	};
	return true;
}

static void nvme_start_queue(struct sim_nvme *n, unsigned id);

/* The next command of submission queue `id`, and so on until it is empty or its completion queue is full. */
static void nvme_run(struct sim_function *function, uint64_t id)
{
	struct sim_nvme *n = nvme_of(function);
	struct nvme_queue *sq = &n->sq[id];
	struct nvme_command command;
	uint32_t result = 0;

	sq->runs = false;
	if (n->csts != NVME_CSTS_READY || !sq->size || sq->head == sq->tail || nvme_full(&n->cq[sq->cq]))
		return;
	if (!nvme_fetch(n, sq, &command)) {
		nvme_fatal(n);
		return;
	}
	enum nvme_status status = id ? nvme_io(n, &command) : nvme_admin(n, &command, &result);
	nvme_complete(n, (unsigned)id, command.id, status, result);
	nvme_start_queue(n, (unsigned)id);
}

static void nvme_start_queue(struct sim_nvme *n, unsigned id)
{
	struct nvme_queue *sq = &n->sq[id];

	if (sq->runs || !sq->size || sq->head == sq->tail)
		return;
	sq->runs = true;
	mete__sim_later(&n->function, mete__sim_about(&n->function, id ? NVME_READ_NS : NVME_FETCH_NS), nvme_run, id);
}

static void nvme_doorbell(struct sim_nvme *n, uint64_t offset, uint32_t value)
{
	unsigned id = (unsigned)((offset - NVME_DOORBELLS) / 8);

	if (id > NVME_PAIRS)
		return;
	struct nvme_queue *queue = offset & 4 ? &n->cq[id] : &n->sq[id];
	if (value >= queue->size)
		return; /* covers a queue that does not exist */
	if (!(offset & 4)) {
		queue->tail = value;
		nvme_start_queue(n, id);
		return;
	}
	queue->head = value;
	for (unsigned i = 0; i <= NVME_PAIRS; i++) {
		if (n->sq[i].cq == id)
			nvme_start_queue(n, i);
	}
}

static void nvme_start(struct sim_nvme *n)
{
	uint32_t sq_size = (n->aqa & 0xfff) + 1, cq_size = (n->aqa >> 16 & 0xfff) + 1;

	if (sq_size < 2 || cq_size < 2 || ((n->asq | n->acq) & (NVME_PAGE - 1)) || (n->cc & NVME_CC_FIXED)) {
		nvme_fatal(n);
		return;
	}
	n->sq[0] = (struct nvme_queue){ .base = n->asq, .size = sq_size };
	n->cq[0] = (struct nvme_queue){ .base = n->acq, .size = cq_size, .phase = true, .interrupts = true };
	n->csts = NVME_CSTS_READY;
}

/* Forget all queues.  The admin queue's registers stay. */
static void nvme_reset(struct sim_nvme *n)
{
	memset(n->sq, 0, sizeof(n->sq));
	memset(n->cq, 0, sizeof(n->cq));
	n->csts = 0;
}

static void nvme_control(struct sim_nvme *n, uint32_t value)
{
	uint32_t changed = n->cc ^ value;

	n->cc = value;
	if (changed & NVME_CC_ENABLE) {
		nvme_reset(n);
		if (value & NVME_CC_ENABLE)
			nvme_start(n);
	}
	if (value & NVME_CC_SHUTDOWN)
		n->csts |= NVME_CSTS_SHUTDOWN_DONE;
}

/* The eight bytes of registers that `offset`, a multiple of 8, begins. */
static uint64_t nvme_register(const struct sim_nvme *n, uint64_t offset)
{
	switch (offset) {
	case NVME_CAP: /* entries of a queue - 1; queues are contiguous; ready within 15 x 500 ms; NVM commands */
		return (NVME_QUEUE_MAX - 1) | 1u << 16 | 15u << 24 | 1ull << 37;
	case NVME_VS:
		return NVME_VERSION | (uint64_t)n->mask << 32;
	case NVME_INTMC:
		return n->mask | (uint64_t)n->cc << 32;
	case NVME_CSTS & ~7:
		return (uint64_t)n->csts << 32;
	case NVME_AQA & ~7:
		return (uint64_t)n->aqa << 32;
	case NVME_ASQ:
		return n->asq;
	case NVME_ACQ:
		return n->acq;
	default: /* also the doorbells, which cannot be read back */
		return 0;
	}
}

static uint64_t nvme_function_read(struct sim_function *function, uint64_t offset, unsigned width)
{
	(void)width;
	return nvme_register(nvme_of(function), offset & ~7ull) >> 8 * (offset & 7);
}

static uint64_t nvme_half(uint64_t old, bool high, uint32_t value)
{
	return high ? (old & 0xffffffffu) | (uint64_t)value << 32 : (old & ~0xffffffffull) | value;
}

static void nvme_write4(struct sim_nvme *n, uint64_t offset, uint32_t value)
{
	if (offset >= NVME_DOORBELLS) {
		nvme_doorbell(n, offset, value);
		return;
	}
	switch (offset) {
	case NVME_INTMS: n->mask |= value; break;  /* for lines; MSI-X has masks of its own */
	case NVME_INTMC: n->mask &= ~value; break;
	case NVME_CC: nvme_control(n, value); break;
	case NVME_AQA: n->aqa = value; break;
	case NVME_ASQ:
	case NVME_ASQ + 4: n->asq = nvme_half(n->asq, offset & 4, value); break;
	case NVME_ACQ:
	case NVME_ACQ + 4: n->acq = nvme_half(n->acq, offset & 4, value); break;
	default: break; /* read-only, or not there */
	}
}

static void nvme_function_write(struct sim_function *function, uint64_t offset, unsigned width, uint64_t value)
{
	if (width < 4)
		return; /* the specification leaves it undefined */
	nvme_write4(nvme_of(function), offset, (uint32_t)value);
	if (width == 8)
		nvme_write4(nvme_of(function), offset + 4, (uint32_t)(value >> 32));
}

static void nvme_function_destroy(struct sim_function *function)
{
	struct sim_nvme *n = nvme_of(function);

	close(n->fd);
	free(n);
}

struct sim_function *mete__sim_nvme(int fd, uint64_t len, unsigned mdts)
{
	struct sim_nvme *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->function = (struct sim_function){
		.read = nvme_function_read,
		.write = nvme_function_write,
		.destroy = nvme_function_destroy,
		.vendor = NVME_VENDOR,
		.device = NVME_DEVICE,
		.class_revision = NVME_CLASS,
		.bar_len = NVME_BAR_LEN,
		.msix_table = NVME_TABLE,
		.nvectors = NVME_PAIRS + 1,
		.flawed = true,
	};
	n->fd = fd;
	n->nblocks = len ? (len - 1) / RIG_DISK_BLOCK + 1 : 1;
	n->mdts = mdts;
	return &n->function;
}
