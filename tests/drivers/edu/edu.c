/* SPDX-License-Identifier: ISC */
/*
 * edu, from QEMU's document docs/specs/edu: from, to, length, and a command that starts; an interrupt at the end.
 */
#include "edu.h"

#define EDU_TIMEOUT_MS 10000

/* The rig's errors have the magnitudes of errno. */
static int edu_put(struct edu *edu, unsigned offset, unsigned width, uint64_t value)
{
	return mete_rig_write(edu->pci, 0, offset, width, value);
}

int edu_start(struct edu *edu, struct device *dev, struct mete_rig_function *pci, unsigned flaws)
{
	static const struct edu none;
	uint64_t id;

	*edu = none;
	edu->dev = dev;
	edu->pci = pci;
	edu->flaws = flaws;
	int error = mete_rig_read(pci, 0, EDU_ID, 4, &id);
	if (error)
		return error;
	if ((id & EDU_ID_MASK) != EDU_ID_VALUE)
		return -ENODEV;
	error = dma_set_mask(dev, flaws & EDU_FLAW_MASK ? DMA_BIT_MASK(32) : DMA_BIT_MASK(EDU_ADDRESS_BITS));
	return error ? error : mete_rig_irq_enable(pci, 0);
}

/* One transfer, to its end.  Where it has none the machine is gone, and with it the device. */
static int edu_transfer(struct edu *edu, uint64_t from, uint64_t to, size_t len, uint64_t command)
{
	int error = edu_put(edu, EDU_DMA_FROM, 8, from);
	if (!error)
		error = edu_put(edu, EDU_DMA_TO, 8, to);
	if (!error)
		error = edu_put(edu, EDU_DMA_LEN, 8, len);
	if (!error)
		error = edu_put(edu, EDU_DMA_COMMAND, 8, command | EDU_DMA_START | EDU_DMA_IRQ);
	if (!error)
		error = mete_rig_irq_wait(edu->pci, 0, EDU_TIMEOUT_MS);
	if (error)
		return error;
	edu->interrupts++;
	return edu_put(edu, EDU_IRQ_ACK, 4, EDU_IRQ_DMA);
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
