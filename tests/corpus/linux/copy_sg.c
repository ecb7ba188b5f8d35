/* SPDX-License-Identifier: ISC */
/*
 * A copy engine's driver for scatterlists: pieces of any length to pieces of any other.
 */
#include "corpus_linux.h"

#define PIECES 6
#define STEPS (4u * PIECES)

const enum corpus_device corpus_device = CORPUS_COPY;

struct copy {
	struct device *dev;
	u8 __iomem *regs;
	struct copy_desc *list;
	dma_addr_t list_bus;
};

/* A step for each part of memory that is in one piece on both sides.  How many there are. */
static unsigned copy_fill(struct copy *copy, struct scatterlist *to, struct scatterlist *from, int nfrom)
{
	unsigned n = 0, at = 0; /* bytes of `to` that are used */
	struct scatterlist *sg;
	int i;

	for_each_sg(from, sg, nfrom, i) {
		for (unsigned done = 0; done < sg_dma_len(sg); n++) {
			unsigned step = min(sg_dma_len(sg) - done, sg_dma_len(to) - at);
			struct copy_desc *desc = &copy->list[n];
			memset(desc, 0, sizeof(*desc));
			desc->from = cpu_to_le64(sg_dma_address(sg) + done);
			desc->to = cpu_to_le64(sg_dma_address(to) + at);
			desc->len = cpu_to_le32(step);
			desc->next = cpu_to_le64(copy->list_bus + (n + 1) * sizeof(*desc));
			done += step;
			at += step;
			if (at == sg_dma_len(to)) {
				to = sg_next(to);
				at = 0;
			}
		}
	}
	copy->list[n - 1].next = 0;
	copy->list[n - 1].flags = cpu_to_le32(1);
	return n;
}

static int copy_do(struct copy *copy, struct scatterlist *to, int nto, struct scatterlist *from, int nfrom)
{
	int error = -ENOMEM;

	unsigned from_mapped = dma_map_sg(copy->dev, from, nfrom, DMA_TO_DEVICE);
	if (!from_mapped)
		return -ENOMEM;
	unsigned to_mapped = dma_map_sg(copy->dev, to, nto, DMA_FROM_DEVICE);
	if (!to_mapped)
		goto unmap_from;
	unsigned n = copy_fill(copy, to, from, (int)from_mapped);
	writeq(copy->list_bus, copy->regs + METE_SIM_COPY_START);
	error = 0;
	while (!READ_ONCE(copy->list[n - 1].done_status) && !error)
		error = -corpus_wait(0);
	dma_rmb();
	if (!error && le32_to_cpu(copy->list[n - 1].done_status) != 1)
		error = -EIO;
	if (error)
		writel(1, copy->regs + METE_SIM_COPY_CONTROL);
	dma_unmap_sg(copy->dev, to, nto, DMA_FROM_DEVICE);
unmap_from:
	dma_unmap_sg(copy->dev, from, nfrom, DMA_TO_DEVICE);
	return error;
}

static int copy_start(struct copy *copy)
{
	int error = dma_set_mask_and_coherent(copy->dev, DMA_BIT_MASK(64));
	if (error)
		return error;
	copy->list = dma_alloc_coherent(copy->dev, STEPS * sizeof(*copy->list), &copy->list_bus, GFP_KERNEL);
	return copy->list ? 0 : -ENOMEM;
}

static void copy_stop(struct copy *copy)
{
	dma_free_coherent(copy->dev, STEPS * sizeof(*copy->list), copy->list, copy->list_bus);
}

/* Its user. */

/* Cut `total` bytes into `n` pieces with memory of their own. */
static bool user_list(struct scatterlist *sg, int n, unsigned total)
{
	bool ok = true;

	sg_init_table(sg, (unsigned)n);
	for (int i = 0; i < n; i++) {
		unsigned left = total - (unsigned)(n - 1 - i);
		unsigned len = i == n - 1 ? left : 1 + corpus_random(left < 800 ? left : 800);
		u8 *piece = kmalloc(len, GFP_KERNEL);
		ok = ok && piece;
		if (piece)
			sg_set_buf(&sg[i], piece, len);
		total -= len;
	}
	return ok;
}

static void user_free(struct scatterlist *sg, int n)
{
	for (int i = 0; i < n; i++)
		kfree(sg_page(&sg[i]) ? sg_virt(&sg[i]) : NULL);
}

static int user_copy(struct copy *copy, unsigned round)
{
	struct scatterlist from[PIECES], to[PIECES];
	int nfrom = 1 + (int)corpus_random(PIECES), nto = 1 + (int)corpus_random(PIECES), error = -ENOMEM;
	unsigned total = 100 + corpus_random(3000);
	static u8 flat[4096];

	bool ok = user_list(from, nfrom, total);
	ok = user_list(to, nto, total) && ok;
	if (ok) {
		corpus_fill(flat, total, round);
		sg_copy_from_buffer(from, (unsigned)nfrom, flat, total);
		error = copy_do(copy, to, nto, from, nfrom);
		sg_copy_to_buffer(to, (unsigned)nto, flat, total);
		if (!error && !corpus_same(flat, total, round))
			error = -EIO;
	}
	user_free(from, nfrom);
	user_free(to, nto);
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
