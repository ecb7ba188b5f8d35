/* SPDX-License-Identifier: ISC */
/*
 * A driver with small buffers: a request and its answer lie in one allocation, each in cache lines of its own, beside the
 * driver's own fields.
 */
#include "corpus_linux.h"

#include "edu_regs.h"

#define MESSAGE 64u

const enum corpus_device corpus_device = CORPUS_EDU;

struct request {
	unsigned number, len; /* the CPU's */
	u8 ask[MESSAGE] __attribute__((aligned(ARCH_DMA_MINALIGN)));
	u8 answer[MESSAGE] __attribute__((aligned(ARCH_DMA_MINALIGN)));
	unsigned state __attribute__((aligned(ARCH_DMA_MINALIGN)));
};

struct edu {
	struct device *dev;
	u8 __iomem *regs;
};

static int edu_start(struct edu *edu)
{
	u32 id = readl(edu->regs + EDU_ID);
	if ((id & EDU_ID_MASK) != EDU_ID_VALUE)
		return -ENODEV;
	return dma_set_mask(edu->dev, DMA_BIT_MASK(EDU_ADDRESS_BITS));
}

static int edu_transfer(struct edu *edu, u64 from, u64 to, unsigned len, u32 command)
{
	writeq(from, edu->regs + EDU_DMA_FROM);
	writeq(to, edu->regs + EDU_DMA_TO);
	writeq(len, edu->regs + EDU_DMA_LEN);
	writeq(command | EDU_DMA_START | EDU_DMA_IRQ, edu->regs + EDU_DMA_COMMAND);
	int error = corpus_wait(0);
	if (error)
		return -error;
	writel(EDU_IRQ_DMA, edu->regs + EDU_IRQ_ACK);
	return 0;
}

static int edu_echo(struct edu *edu, struct request *r)
{
	dma_addr_t ask = dma_map_single(edu->dev, r->ask, r->len, DMA_TO_DEVICE);
	if (dma_mapping_error(edu->dev, ask))
		return -ENOMEM;
	dma_addr_t answer = dma_map_single(edu->dev, r->answer, r->len, DMA_FROM_DEVICE);
	if (dma_mapping_error(edu->dev, answer)) {
		dma_unmap_single(edu->dev, ask, r->len, DMA_TO_DEVICE);
		return -ENOMEM;
	}
	r->state = 1;
	int error = edu_transfer(edu, ask, EDU_BUFFER, r->len, 0);
	r->number++; /* a neighbour of what is mapped */
	if (!error)
		error = edu_transfer(edu, EDU_BUFFER, answer, r->len, EDU_DMA_TO_MEMORY);
	r->state = 2;
	dma_unmap_single(edu->dev, answer, r->len, DMA_FROM_DEVICE);
	dma_unmap_single(edu->dev, ask, r->len, DMA_TO_DEVICE);
	return error;
}

static struct request *request_new(unsigned len)
{
	struct request *r = kmalloc(sizeof(*r), GFP_KERNEL | GFP_DMA32);
	if (!r)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->len = len;
	return r;
}

static void request_free(struct request *r)
{
	kfree(r);
}

/* Its user. */

static int user_echo(struct edu *edu, struct request *r, unsigned round)
{
	corpus_fill(r->ask, r->len, round);
	memset(r->answer, 0, r->len);
	unsigned number = r->number;
	int error = edu_echo(edu, r);
	if (error)
		return error;
	return r->number == number + 1 && r->state == 2 && corpus_same(r->answer, r->len, round) ? 0 : -EIO;
}

int corpus_run(struct device *dev, u8 __iomem *regs)
{
	struct edu edu = { .dev = dev, .regs = regs };
	struct request *r[3];

	int error = edu_start(&edu);
	for (unsigned i = 0; i < 3; i++)
		r[i] = error ? NULL : request_new(i ? MESSAGE : 1 + corpus_random(MESSAGE));
	if (!error && !(r[0] && r[1] && r[2]))
		error = -ENOMEM;
	for (unsigned round = 0; round < 100 && !error; round++)
		error = user_echo(&edu, r[round % 3], round);
	for (unsigned i = 0; i < 3; i++)
		request_free(r[i]);
	return error;
}
