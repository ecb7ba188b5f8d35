/* SPDX-License-Identifier: ISC */
/*
 * A network driver that receives into mapped buffers: of a short frame it takes a copy, and the buffer goes back to the device
 * without being unmapped; a long one is passed up with its buffer, and another takes its place.  It sends from coherent
 * memory.
 */
#include "corpus_linux.h"

#define RING 8u
#define ROOM 4096u
#define SHORT 256u

const enum corpus_device corpus_device = CORPUS_NIC;

struct nic {
	struct device *dev;
	u8 __iomem *regs;
	struct nic_desc *tx, *rx;
	dma_addr_t tx_bus, rx_bus;
	u8 *room;
	dma_addr_t room_bus;
	struct { u8 *buf; dma_addr_t bus; } slot[RING];
	unsigned tx_next, rx_next;
};

static void nic_give(struct nic *nic, unsigned i)
{
	struct nic_desc *desc = &nic->rx[i];

	desc->buffer = cpu_to_le64(nic->slot[i].bus);
	desc->len = cpu_to_le16(ROOM);
	dma_wmb();
	desc->flags = cpu_to_le16(METE_SIM_NIC_OWN);
}

/* A new buffer for slot `i`, which keeps the old one if there is none. */
static int nic_fill(struct nic *nic, unsigned i)
{
	u8 *buf = kmalloc(ROOM, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	dma_addr_t bus = dma_map_single(nic->dev, buf, ROOM, DMA_FROM_DEVICE);
	if (dma_mapping_error(nic->dev, bus)) {
		kfree(buf);
		return -ENOMEM;
	}
	nic->slot[i].buf = buf;
	nic->slot[i].bus = bus;
	return 0;
}

static void nic_stop(struct nic *nic)
{
	writel(0, nic->regs + METE_SIM_NIC_CONTROL);
	for (unsigned i = 0; i < RING && nic->slot[i].buf; i++) {
		dma_unmap_single(nic->dev, nic->slot[i].bus, ROOM, DMA_FROM_DEVICE);
		kfree(nic->slot[i].buf);
	}
	if (nic->room)
		dma_free_coherent(nic->dev, RING * ROOM, nic->room, nic->room_bus);
	if (nic->rx)
		dma_free_coherent(nic->dev, RING * sizeof(*nic->rx), nic->rx, nic->rx_bus);
	if (nic->tx)
		dma_free_coherent(nic->dev, RING * sizeof(*nic->tx), nic->tx, nic->tx_bus);
}

static int nic_start(struct nic *nic)
{
	int error = dma_set_mask_and_coherent(nic->dev, DMA_BIT_MASK(64));
	if (error)
		return error;
	nic->tx = dma_alloc_coherent(nic->dev, RING * sizeof(*nic->tx), &nic->tx_bus, GFP_KERNEL);
	nic->rx = dma_alloc_coherent(nic->dev, RING * sizeof(*nic->rx), &nic->rx_bus, GFP_KERNEL);
	nic->room = dma_alloc_coherent(nic->dev, RING * ROOM, &nic->room_bus, GFP_KERNEL);
	if (!nic->tx || !nic->rx || !nic->room)
		goto stop;
	for (unsigned i = 0; i < RING; i++) {
		if (nic_fill(nic, i))
			goto stop;
		nic_give(nic, i);
	}
	writeq(nic->tx_bus, nic->regs + METE_SIM_NIC_TX);
	writel(RING, nic->regs + METE_SIM_NIC_TX_COUNT);
	writeq(nic->rx_bus, nic->regs + METE_SIM_NIC_RX);
	writel(RING, nic->regs + METE_SIM_NIC_RX_COUNT);
	writel(1, nic->regs + METE_SIM_NIC_CONTROL);
	return 0;

stop:
	nic_stop(nic);
	return -ENOMEM;
}

/* The next frame, in `*ret_frame`: `small`, or a buffer of its own.  Its length; -EAGAIN if there is none. */
static int nic_receive(struct nic *nic, u8 *small, u8 **ret_frame)
{
	unsigned i = nic->rx_next % RING;

	if (le16_to_cpu(READ_ONCE(nic->rx[i].flags)) & METE_SIM_NIC_OWN)
		return -EAGAIN;
	dma_rmb();
	unsigned len = min_t(unsigned, le16_to_cpu(nic->rx[i].len), ROOM);
	u8 *buf = nic->slot[i].buf;
	dma_addr_t bus = nic->slot[i].bus;
	if (len <= SHORT || nic_fill(nic, i)) {
		len = min(len, SHORT);
		dma_sync_single_for_cpu(nic->dev, bus, SHORT, DMA_FROM_DEVICE);
		memcpy(small, buf, len);
		dma_sync_single_for_device(nic->dev, bus, SHORT, DMA_FROM_DEVICE);
		*ret_frame = small;
	} else {
		dma_unmap_single(nic->dev, bus, ROOM, DMA_FROM_DEVICE);
		*ret_frame = buf;
	}
	nic_give(nic, i);
	writel(1, nic->regs + METE_SIM_NIC_RX_KICK);
	nic->rx_next++;
	return (int)len;
}

static void nic_xmit(struct nic *nic, unsigned len, unsigned seed)
{
	unsigned i = nic->tx_next++ % RING;
	struct nic_desc *desc = &nic->tx[i];

	corpus_fill(nic->room + i * ROOM, len, seed);
	desc->buffer = cpu_to_le64(nic->room_bus + i * ROOM);
	desc->len = cpu_to_le16((u16)len);
	dma_wmb();
	desc->flags = cpu_to_le16(METE_SIM_NIC_OWN);
	writel(1, nic->regs + METE_SIM_NIC_TX_KICK);
}

/* Its user. */

static int user_batch(struct nic *nic, unsigned round)
{
	unsigned len[RING], n = 1 + corpus_random(RING);
	u8 small[SHORT], *frame;

	for (unsigned i = 0; i < n; i++) {
		len[i] = 1 + corpus_random(corpus_random(2) ? SHORT : 1514);
		nic_xmit(nic, len[i], round * RING + i);
	}
	for (unsigned i = 0; i < n; i++) {
		int got;
		while ((got = nic_receive(nic, small, &frame)) == -EAGAIN) {
			int error = corpus_wait(1);
			if (error)
				return -error;
		}
		bool cut = frame == small && len[i] > SHORT; /* there was no other buffer */
		bool same = got == (int)(cut ? SHORT : len[i]) && corpus_same(frame, (size_t)got, round * RING + i);
		if (frame != small)
			kfree(frame);
		if (!same)
			return -EIO;
	}
	return 0;
}

int corpus_run(struct device *dev, u8 __iomem *regs)
{
	struct nic nic = { .dev = dev, .regs = regs };

	int error = nic_start(&nic);
	if (error)
		return error;
	for (unsigned round = 0; round < 60 && !error; round++)
		error = user_batch(&nic, round);
	if (!error)
		nic_xmit(&nic, 60, 0); /* on its way */
	nic_stop(&nic);
	return error;
}
