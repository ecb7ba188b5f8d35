/* SPDX-License-Identifier: ISC */
/*
 * A copy engine's driver whose memory is all coherent: descriptors, data, and the words that the engine writes when it is done,
 * which the driver polls.
 */
#include "corpus_linux.h"

#define SLOTS 4u
#define ROOM 1024u

const enum corpus_device corpus_device = CORPUS_COPY;

struct shared {
	struct copy_desc desc[SLOTS];
	u8 from[SLOTS][ROOM], to[SLOTS][ROOM];
};

struct copy {
	struct device *dev;
	u8 __iomem *regs;
	struct shared *shared;
	dma_addr_t bus;
};

static dma_addr_t copy_at(const struct copy *copy, const void *p)
{
	return copy->bus + (dma_addr_t)((const u8 *)p - (const u8 *)copy->shared);
}

static int copy_start(struct copy *copy)
{
	int error = dma_set_mask_and_coherent(copy->dev, DMA_BIT_MASK(64));
	if (error)
		return error;
	copy->shared = dma_alloc_coherent(copy->dev, sizeof(*copy->shared), &copy->bus, GFP_KERNEL);
	return copy->shared ? 0 : -ENOMEM;
}

static void copy_stop(struct copy *copy)
{
	writel(1, copy->regs + METE_SIM_COPY_CONTROL);
	dma_free_coherent(copy->dev, sizeof(*copy->shared), copy->shared, copy->bus);
}

static void copy_fill(struct copy *copy, unsigned i, unsigned len, bool last)
{
	struct copy_desc *desc = &copy->shared->desc[i];

	memset(desc, 0, sizeof(*desc));
	desc->from = cpu_to_le64(copy_at(copy, copy->shared->from[i]));
	desc->to = cpu_to_le64(copy_at(copy, copy->shared->to[i]));
	desc->len = cpu_to_le32(len);
	desc->flags = cpu_to_le32(1);
	desc->next = last ? 0 : cpu_to_le64(copy_at(copy, desc + 1));
}

static void copy_go(struct copy *copy)
{
	wmb();
	writeq(copy_at(copy, copy->shared->desc), copy->regs + METE_SIM_COPY_START);
}

static int copy_done(struct copy *copy, unsigned i, unsigned len)
{
	struct copy_desc *desc = &copy->shared->desc[i];

	while (!READ_ONCE(desc->done_status)) {
		int error = corpus_wait(0);
		if (error)
			return -error;
	}
	dma_rmb();
	return le32_to_cpu(desc->done_status) == 1 && le32_to_cpu(desc->done_len) == len ? 0 : -EIO;
}

/* Its user. */

int corpus_run(struct device *dev, u8 __iomem *regs)
{
	struct copy copy = { .dev = dev, .regs = regs };

	int error = copy_start(&copy);
	if (error)
		return error;
	for (unsigned round = 0; round < 60 && !error; round++) {
		unsigned n = 1 + corpus_random(SLOTS), len = 1 + corpus_random(ROOM);
		for (unsigned i = 0; i < n; i++) {
			corpus_fill(copy.shared->from[i], len, round * SLOTS + i);
			copy_fill(&copy, i, len, i == n - 1);
		}
		copy_go(&copy);
		for (unsigned i = 0; i < n && !error; i++) {
			error = copy_done(&copy, i, len);
			if (!error && !corpus_same(copy.shared->to[i], len, round * SLOTS + i))
				error = -EIO;
		}
		while (!error && readl(regs + METE_SIM_COPY_STATUS) & 1)
			error = -corpus_wait(0);
	}
	copy_fill(&copy, 0, 64, true);
	copy_go(&copy); /* on its way */
	copy_stop(&copy);
	return error;
}
