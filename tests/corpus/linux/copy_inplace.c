/* SPDX-License-Identifier: ISC */
/*
 * A copy engine's driver with one buffer that both sides read and write, mapped once: the engine moves records within it,
 * the CPU changes them between two moves.
 */
#include "corpus_linux.h"

#define RECORD 256u /* a whole number of lines of any cache */
#define RECORDS 16u
#define LEN (RECORDS * RECORD)

const enum corpus_device corpus_device = CORPUS_COPY;

struct mover {
	struct device *dev;
	u8 __iomem *regs;
	struct copy_desc *desc;
	dma_addr_t desc_bus;
	u8 *store;
	dma_addr_t store_bus;
};

static int mover_start(struct mover *m)
{
	int error = dma_set_mask_and_coherent(m->dev, DMA_BIT_MASK(64));
	if (error)
		return error;
	m->desc = dma_alloc_coherent(m->dev, sizeof(*m->desc), &m->desc_bus, GFP_KERNEL);
	if (!m->desc)
		return -ENOMEM;
	m->store = kzalloc(LEN, GFP_KERNEL);
	if (!m->store)
		goto free_desc;
	m->store_bus = dma_map_single(m->dev, m->store, LEN, DMA_BIDIRECTIONAL);
	if (dma_mapping_error(m->dev, m->store_bus))
		goto free_store;
	return 0;

free_store:
	kfree(m->store);
free_desc:
	dma_free_coherent(m->dev, sizeof(*m->desc), m->desc, m->desc_bus);
	return -ENOMEM;
}

static void mover_stop(struct mover *m)
{
	dma_unmap_single(m->dev, m->store_bus, LEN, DMA_BIDIRECTIONAL);
	kfree(m->store);
	dma_free_coherent(m->dev, sizeof(*m->desc), m->desc, m->desc_bus);
}

/* Let the CPU change record `i`. */
static void mover_set(struct mover *m, unsigned i, unsigned seed)
{
	dma_sync_single_range_for_cpu(m->dev, m->store_bus, i * RECORD, RECORD, DMA_BIDIRECTIONAL);
	corpus_fill(m->store + i * RECORD, RECORD, seed);
	dma_sync_single_range_for_device(m->dev, m->store_bus, i * RECORD, RECORD, DMA_BIDIRECTIONAL);
}

static bool mover_check(struct mover *m, unsigned i, unsigned seed)
{
	dma_sync_single_range_for_cpu(m->dev, m->store_bus, i * RECORD, RECORD, DMA_BIDIRECTIONAL);
	bool same = corpus_same(m->store + i * RECORD, RECORD, seed);
	dma_sync_single_range_for_device(m->dev, m->store_bus, i * RECORD, RECORD, DMA_BIDIRECTIONAL);
	return same;
}

static int mover_move(struct mover *m, unsigned to, unsigned from)
{
	memset(m->desc, 0, sizeof(*m->desc));
	m->desc->from = cpu_to_le64(m->store_bus + from * RECORD);
	m->desc->to = cpu_to_le64(m->store_bus + to * RECORD);
	m->desc->len = cpu_to_le32(RECORD);
	m->desc->flags = cpu_to_le32(1);
	writeq(m->desc_bus, m->regs + METE_SIM_COPY_START);
	while (!READ_ONCE(m->desc->done_status)) {
		int error = corpus_wait(0);
		if (error) {
			writel(1, m->regs + METE_SIM_COPY_CONTROL);
			return -error;
		}
	}
	dma_rmb();
	return le32_to_cpu(m->desc->done_status) == 1 ? 0 : -EIO;
}

/* Its user. */

int corpus_run(struct device *dev, u8 __iomem *regs)
{
	struct mover m = { .dev = dev, .regs = regs };
	unsigned seed[RECORDS];

	int error = mover_start(&m);
	if (error)
		return error;
	for (unsigned i = 0; i < RECORDS; i++)
		mover_set(&m, i, seed[i] = i);
	for (unsigned round = 0; round < 150 && !error; round++) {
		unsigned to = corpus_random(RECORDS), from = corpus_random(RECORDS), other = corpus_random(RECORDS);
		if (to == from)
			continue;
		mover_set(&m, from, seed[from] = 100 + round);
		error = mover_move(&m, to, from);
		seed[to] = seed[from];
		if (!error && !(mover_check(&m, to, seed[to]) && mover_check(&m, other, seed[other])))
			error = -EIO;
	}
	mover_stop(&m);
	return error;
}
