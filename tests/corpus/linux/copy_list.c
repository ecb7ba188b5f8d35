/* SPDX-License-Identifier: ISC */
/*
 * A copy engine's driver: a list of descriptors from a pool for each copy, source and target mapped.
 */
#include "corpus_linux.h"

#define STEPS 6u

const enum corpus_device corpus_device = CORPUS_COPY;

struct copy {
	struct device *dev;
	u8 __iomem *regs;
	struct dma_pool *pool;
};

static int copy_wait(struct copy *copy, const struct copy_desc *last)
{
	while (!READ_ONCE(last->done_status)) {
		if (readl(copy->regs + METE_SIM_COPY_STATUS) & 2)
			return -EIO;
		int error = corpus_wait(0);
		if (error)
			return -error;
	}
	dma_rmb();
	return le32_to_cpu(last->done_status) == 1 ? 0 : -EIO;
}

static int copy_do(struct copy *copy, void *to, void *from, unsigned len)
{
	struct copy_desc *desc[STEPS];
	dma_addr_t desc_bus[STEPS];
	unsigned n, done = 0;
	int error = -ENOMEM;

	dma_addr_t from_bus = dma_map_single(copy->dev, from, len, DMA_TO_DEVICE);
	if (dma_mapping_error(copy->dev, from_bus))
		return -ENOMEM;
	dma_addr_t to_bus = dma_map_single(copy->dev, to, len, DMA_FROM_DEVICE);
	if (dma_mapping_error(copy->dev, to_bus))
		goto unmap_from;
	for (n = 0; n < STEPS && done < len; n++) {
		desc[n] = dma_pool_zalloc(copy->pool, GFP_KERNEL, &desc_bus[n]);
		if (!desc[n])
			goto free_list;
		unsigned step = n == STEPS - 1 ? len - done : min(len - done, len / STEPS + 1);
		desc[n]->from = cpu_to_le64(from_bus + done);
		desc[n]->to = cpu_to_le64(to_bus + done);
		desc[n]->len = cpu_to_le32(step);
		done += step;
		if (n)
			desc[n - 1]->next = cpu_to_le64(desc_bus[n]);
	}
	desc[n - 1]->flags = cpu_to_le32(1);
	writeq(desc_bus[0], copy->regs + METE_SIM_COPY_START);
	error = copy_wait(copy, desc[n - 1]);
	if (error)
		writel(1, copy->regs + METE_SIM_COPY_CONTROL);

free_list:
	while (n--)
		dma_pool_free(copy->pool, desc[n], desc_bus[n]);
	dma_unmap_single(copy->dev, to_bus, len, DMA_FROM_DEVICE);
unmap_from:
	dma_unmap_single(copy->dev, from_bus, len, DMA_TO_DEVICE);
	return error;
}

static int copy_start(struct copy *copy)
{
	int error = dma_set_mask_and_coherent(copy->dev, DMA_BIT_MASK(64));
	if (error)
		return error;
	copy->pool = dma_pool_create("copy", copy->dev, METE_SIM_COPY_DESCRIPTOR, METE_SIM_COPY_DESCRIPTOR, 0);
	return copy->pool ? 0 : -ENOMEM;
}

static void copy_stop(struct copy *copy)
{
	dma_pool_destroy(copy->pool);
}

/* Its user. */

static int user_copy(struct copy *copy, unsigned round)
{
	unsigned len = 1 + corpus_random(4000);
	u8 *from = kmalloc(len, GFP_KERNEL), *to = kmalloc(len, GFP_KERNEL);
	int error = -ENOMEM;

	if (from && to) {
		corpus_fill(from, len, round);
		memset(to, 0, len);
		error = copy_do(copy, to, from, len);
		if (!error && !corpus_same(to, len, round))
			error = -EIO;
	}
	kfree(from);
	kfree(to);
	return error;
}

int corpus_run(struct device *dev, u8 __iomem *regs)
{
	struct copy copy = { .dev = dev, .regs = regs };

	int error = copy_start(&copy);
	if (error)
		return error;
	for (unsigned round = 0; round < 100 && !error; round++)
		error = user_copy(&copy, round);
	copy_stop(&copy);
	return error;
}
