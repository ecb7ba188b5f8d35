/* SPDX-License-Identifier: ISC */
/*
 * edu, from QEMU's document docs/specs/edu: from, to, length, and a command that starts; an interrupt at the end.
 */
#include "edu.h"

#define EDU_TIMEOUT_MS 10000

int edu_start(struct edu *edu, struct device *dev, const struct linux_plug *plug, unsigned flaws)
{
	static const struct edu none;

	*edu = none;
	edu->dev = dev;
	edu->plug = plug;
	edu->regs = plug->regs;
	edu->flaws = flaws;
	u32 id = readl(edu->regs + EDU_ID);
	if ((id & EDU_ID_MASK) != EDU_ID_VALUE) {
		dev_err(dev, "%#x is not an edu\n", id);
		return -ENODEV;
	}
	int error = dma_set_mask(dev, flaws & EDU_FLAW_MASK ? DMA_BIT_MASK(32) : DMA_BIT_MASK(EDU_ADDRESS_BITS));
	return error ? error : plug->irq_enable(plug->ctx, 0);
}

/* One transfer, to its end.  Where it has none the machine is gone, and with it the device. */
static int edu_transfer(struct edu *edu, uint64_t from, uint64_t to, size_t len, uint64_t command)
{
	writeq(from, edu->regs + EDU_DMA_FROM);
	writeq(to, edu->regs + EDU_DMA_TO);
	writeq(len, edu->regs + EDU_DMA_LEN);
	writeq(command | EDU_DMA_START | EDU_DMA_IRQ, edu->regs + EDU_DMA_COMMAND);
	int error = edu->plug->irq_wait(edu->plug->ctx, 0, EDU_TIMEOUT_MS);
	if (error)
		return error;
	edu->interrupts++;
	writel(EDU_IRQ_DMA, edu->regs + EDU_IRQ_ACK);
	return 0;
}

static int edu_copy(struct edu *edu, void *cpu, size_t len, bool to_memory)
{
	enum dma_data_direction direction = to_memory ? DMA_FROM_DEVICE : DMA_TO_DEVICE;

	if (!len || len > EDU_LEN_MAX)
		return -EINVAL;
	if (edu->flaws & EDU_FLAW_DIRECTION)
		direction = to_memory ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
	dma_addr_t bus = dma_map_single(edu->dev, cpu, len, direction);
	if (dma_mapping_error(edu->dev, bus))
		return -ENOMEM;
	edu->mapped++;
	edu->last_bus = bus;

	int error = to_memory ? edu_transfer(edu, EDU_BUFFER, bus, len, EDU_DMA_TO_MEMORY) :
	    edu_transfer(edu, bus, EDU_BUFFER, len, 0);
	dma_unmap_single(edu->dev, bus, len, direction);
	edu->unmapped++;
	return error;
}

int edu_send(struct edu *edu, const void *from, size_t len)
{
	/* The interface takes no const; for this direction it does not write. */
	return edu_copy(edu, (void *)(uintptr_t)from, len, false);
}

int edu_receive(struct edu *edu, void *to, size_t len)
{
	return edu_copy(edu, to, len, true);
}
