/* SPDX-License-Identifier: ISC */
/*
 * A network driver that maps each frame to send, and copies what it receives out of coherent memory.
 */
#include "corpus_linux.h"

#define RING 16u
#define ROOM 2048u

const enum corpus_device corpus_device = CORPUS_NIC;

struct nic {
	struct device *dev;
	u8 __iomem *regs;
	struct nic_desc *tx, *rx;
	dma_addr_t tx_bus, rx_bus;
	u8 *room;
	dma_addr_t room_bus;
	struct { void *frame; dma_addr_t bus; unsigned len; } slot[RING];
	unsigned next, done, rx_next;
};

static void nic_give(struct nic *nic, unsigned i)
{
	struct nic_desc *desc = &nic->rx[i];

	desc->buffer = cpu_to_le64(nic->room_bus + i * ROOM);
	desc->len = cpu_to_le16(ROOM);
	dma_wmb();
	desc->flags = cpu_to_le16(METE_SIM_NIC_OWN);
}

static int nic_start(struct nic *nic)
{
	int error = dma_set_mask_and_coherent(nic->dev, DMA_BIT_MASK(64));
	if (error)
		return error;
	nic->tx = dma_alloc_coherent(nic->dev, RING * sizeof(*nic->tx), &nic->tx_bus, GFP_KERNEL);
	if (!nic->tx)
		return -ENOMEM;
	nic->rx = dma_alloc_coherent(nic->dev, RING * sizeof(*nic->rx), &nic->rx_bus, GFP_KERNEL);
	if (!nic->rx)
		goto free_tx;
	nic->room = dma_alloc_coherent(nic->dev, RING * ROOM, &nic->room_bus, GFP_KERNEL);
	if (!nic->room)
		goto free_rx;
	for (unsigned i = 0; i < RING; i++)
		nic_give(nic, i);
	writeq(nic->tx_bus, nic->regs + METE_SIM_NIC_TX);
	writel(RING, nic->regs + METE_SIM_NIC_TX_COUNT);
	writeq(nic->rx_bus, nic->regs + METE_SIM_NIC_RX);
	writel(RING, nic->regs + METE_SIM_NIC_RX_COUNT);
	writel(1, nic->regs + METE_SIM_NIC_CONTROL);
	return 0;

free_rx:
	dma_free_coherent(nic->dev, RING * sizeof(*nic->rx), nic->rx, nic->rx_bus);
free_tx:
	dma_free_coherent(nic->dev, RING * sizeof(*nic->tx), nic->tx, nic->tx_bus);
	return -ENOMEM;
}

static int nic_xmit(struct nic *nic, void *frame, unsigned len)
{
	unsigned i = nic->next % RING;
	struct nic_desc *desc = &nic->tx[i];

	if (nic->next - nic->done == RING)
		return -EBUSY;
	dma_addr_t bus = dma_map_single(nic->dev, frame, len, DMA_TO_DEVICE);
	if (dma_mapping_error(nic->dev, bus))
		return -ENOMEM;
	nic->slot[i].frame = frame;
	nic->slot[i].bus = bus;
	nic->slot[i].len = len;
	desc->buffer = cpu_to_le64(bus);
	desc->len = cpu_to_le16((u16)len);
	dma_wmb();
	desc->flags = cpu_to_le16(METE_SIM_NIC_OWN);
	nic->next++;
	writel(1, nic->regs + METE_SIM_NIC_TX_KICK);
	return 0;
}

/* Free the frames that are sent. */
static void nic_clean(struct nic *nic)
{
	while (nic->done != nic->next) {
		unsigned i = nic->done % RING;
		if (le16_to_cpu(READ_ONCE(nic->tx[i].flags)) & METE_SIM_NIC_OWN)
			return;
		dma_rmb();
		dma_unmap_single(nic->dev, nic->slot[i].bus, nic->slot[i].len, DMA_TO_DEVICE);
		kfree(nic->slot[i].frame);
		nic->done++;
	}
}

static int nic_receive(struct nic *nic, u8 *to)
{
	unsigned i = nic->rx_next % RING;

	if (le16_to_cpu(READ_ONCE(nic->rx[i].flags)) & METE_SIM_NIC_OWN)
		return -EAGAIN;
	dma_rmb();
	unsigned len = min_t(unsigned, le16_to_cpu(nic->rx[i].len), ROOM);
	memcpy(to, nic->room + i * ROOM, len);
	nic_give(nic, i);
	nic->rx_next++;
	return (int)len;
}

static void nic_stop(struct nic *nic)
{
	writel(0, nic->regs + METE_SIM_NIC_CONTROL);
	for (; nic->done != nic->next; nic->done++) {
		unsigned i = nic->done % RING;
		dma_unmap_single(nic->dev, nic->slot[i].bus, nic->slot[i].len, DMA_TO_DEVICE);
		kfree(nic->slot[i].frame);
	}
	dma_free_coherent(nic->dev, RING * ROOM, nic->room, nic->room_bus);
	dma_free_coherent(nic->dev, RING * sizeof(*nic->rx), nic->rx, nic->rx_bus);
	dma_free_coherent(nic->dev, RING * sizeof(*nic->tx), nic->tx, nic->tx_bus);
}

/* Its user. */

static int user_batch(struct nic *nic, unsigned round)
{
	unsigned len[8], n = 1 + corpus_random(8), sent = 0;
	static u8 back[ROOM];

	for (; sent < n; sent++) {
		len[sent] = 1 + corpus_random(1514);
		u8 *frame = kmalloc(len[sent], GFP_KERNEL);
		if (!frame)
			break;
		corpus_fill(frame, len[sent], round * 8 + sent);
		if (nic_xmit(nic, frame, len[sent])) {
			kfree(frame);
			break;
		}
	}
	for (unsigned i = 0; i < sent; i++) {
		int got;
		while ((got = nic_receive(nic, back)) == -EAGAIN) {
			int error = corpus_wait(1);
			if (error)
				return -error;
		}
		if (got != (int)len[i] || !corpus_same(back, len[i], round * 8 + i))
			return -EIO;
	}
	nic_clean(nic);
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
	/* Leave some on their way. */
	u8 *last = error ? NULL : kmalloc(100, GFP_KERNEL);
	if (last) {
		memset(last, 1, 100);
		if (nic_xmit(&nic, last, 100))
			kfree(last);
	}
	nic_stop(&nic);
	return error;
}
