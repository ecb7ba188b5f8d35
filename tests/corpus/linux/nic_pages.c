/* SPDX-License-Identifier: ISC */
/*
 * A network driver that receives into halves of pages, which stay mapped as long as it runs: while the CPU has one half,
 * the device has the other.
 */
#include "corpus_linux.h"

#include <linux/mm.h>

#define RING 4u
#define HALF 2048u

const enum corpus_device corpus_device = CORPUS_NIC;

struct nic {
	struct device *dev;
	u8 __iomem *regs;
	struct nic_desc *ring; /* to send, then to receive */
	dma_addr_t ring_bus;
	struct { struct page *page; dma_addr_t bus; unsigned offset; } slot[RING];
	u8 *frame;
	dma_addr_t frame_bus;
	unsigned tx_next, rx_next;
};

static void nic_give(struct nic *nic, unsigned i)
{
	struct nic_desc *desc = &nic->ring[RING + i];

	desc->buffer = cpu_to_le64(nic->slot[i].bus + nic->slot[i].offset);
	desc->len = cpu_to_le16(HALF);
	dma_wmb();
	desc->flags = cpu_to_le16(METE_SIM_NIC_OWN);
}

static void nic_stop(struct nic *nic)
{
	writel(0, nic->regs + METE_SIM_NIC_CONTROL);
	for (unsigned i = 0; i < RING && nic->slot[i].page; i++) {
		dma_unmap_page(nic->dev, nic->slot[i].bus, 2 * HALF, DMA_FROM_DEVICE);
		__free_pages(nic->slot[i].page, 0);
	}
	if (nic->frame)
		dma_free_coherent(nic->dev, HALF, nic->frame, nic->frame_bus);
	if (nic->ring)
		dma_free_coherent(nic->dev, 2 * RING * sizeof(*nic->ring), nic->ring, nic->ring_bus);
}

static int nic_fill(struct nic *nic, unsigned i)
{
	struct page *page = alloc_pages(GFP_KERNEL, 0);
	if (!page)
		return -ENOMEM;
	dma_addr_t bus = dma_map_page(nic->dev, page, 0, 2 * HALF, DMA_FROM_DEVICE);
	if (dma_mapping_error(nic->dev, bus)) {
		__free_pages(page, 0);
		return -ENOMEM;
	}
	nic->slot[i].page = page;
	nic->slot[i].bus = bus;
	return 0;
}

static int nic_start(struct nic *nic)
{
	int error = dma_set_mask_and_coherent(nic->dev, DMA_BIT_MASK(64));
	if (error)
		return error;
	nic->ring = dma_alloc_coherent(nic->dev, 2 * RING * sizeof(*nic->ring), &nic->ring_bus, GFP_KERNEL);
	nic->frame = dma_alloc_coherent(nic->dev, HALF, &nic->frame_bus, GFP_KERNEL);
	if (!nic->ring || !nic->frame)
		goto stop;
	for (unsigned i = 0; i < RING; i++) {
		if (nic_fill(nic, i))
			goto stop;
		nic_give(nic, i);
	}
	writeq(nic->ring_bus, nic->regs + METE_SIM_NIC_TX);
	writel(RING, nic->regs + METE_SIM_NIC_TX_COUNT);
	writeq(nic->ring_bus + RING * sizeof(*nic->ring), nic->regs + METE_SIM_NIC_RX);
	writel(RING, nic->regs + METE_SIM_NIC_RX_COUNT);
	writel(1, nic->regs + METE_SIM_NIC_CONTROL);
	return 0;

stop:
	nic_stop(nic);
	return -ENOMEM;
}

static int nic_receive(struct nic *nic, u8 *to)
{
	unsigned i = nic->rx_next % RING;

	if (le16_to_cpu(READ_ONCE(nic->ring[RING + i].flags)) & METE_SIM_NIC_OWN)
		return -EAGAIN;
	dma_rmb();
	unsigned len = min_t(unsigned, le16_to_cpu(nic->ring[RING + i].len), HALF);
	unsigned offset = nic->slot[i].offset;
	dma_sync_single_range_for_cpu(nic->dev, nic->slot[i].bus, offset, HALF, DMA_FROM_DEVICE);
	nic->slot[i].offset = offset ^ HALF;
	nic_give(nic, i);
	memcpy(to, (u8 *)page_address(nic->slot[i].page) + offset, len);
	dma_sync_single_range_for_device(nic->dev, nic->slot[i].bus, offset, HALF, DMA_FROM_DEVICE);
	nic->rx_next++;
	return (int)len;
}

static void nic_xmit(struct nic *nic, unsigned len)
{
	struct nic_desc *desc = &nic->ring[nic->tx_next++ % RING];

	desc->buffer = cpu_to_le64(nic->frame_bus);
	desc->len = cpu_to_le16((u16)len);
	dma_wmb();
	desc->flags = cpu_to_le16(METE_SIM_NIC_OWN);
	writel(1, nic->regs + METE_SIM_NIC_TX_KICK);
}

/* Its user. */

static int user_frame(struct nic *nic, unsigned round)
{
	static u8 back[HALF];
	unsigned len = 1 + corpus_random(HALF);
	int got;

	corpus_fill(nic->frame, len, round);
	nic_xmit(nic, len);
	while ((got = nic_receive(nic, back)) == -EAGAIN) {
		int error = corpus_wait(1);
		if (error)
			return -error;
	}
	return got == (int)len && corpus_same(back, len, round) ? 0 : -EIO;
}

int corpus_run(struct device *dev, u8 __iomem *regs)
{
	struct nic nic = { .dev = dev, .regs = regs };

	int error = nic_start(&nic);
	if (error)
		return error;
	for (unsigned round = 0; round < 150 && !error; round++)
		error = user_frame(&nic, round);
	if (!error)
		nic_xmit(&nic, 60); /* on its way */
	nic_stop(&nic);
	return error;
}
