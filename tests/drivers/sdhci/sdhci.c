/* SPDX-License-Identifier: ISC */
/*
 * SDHCI, from the SD Host Controller Simplified Specification 3.00 and the card's Physical Layer one.
 *
 * QEMU 7.2 stops SDMA at a boundary as it should, but does not go on when told to; so no command may meet one.  Each
 * segment is cut at the boundaries, a command a piece:
 *
 *   [ segment ......|.........|.. ]   | = multiple of 4 KiB
 *   [ command ] [ command ] [ command ]
 */
#include "sdhci.h"

#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/unaligned.h>

#define SD_ADDRESS 0x00
#define SD_BLOCK_LEN 0x04          /* and the boundary in bits 14:12: 0 is 4 KiB */
#define SD_BLOCK_COUNT 0x06
#define SD_ARGUMENT 0x08
#define SD_COMMAND 0x0c            /* mode in the low half, command in the high one, which starts it */
#define SD_MODE_DMA 0x01u
#define SD_MODE_COUNT 0x02u
#define SD_MODE_STOP 0x04u         /* send CMD12 at the end */
#define SD_MODE_READ 0x10u
#define SD_MODE_MANY 0x20u
#define SD_RESPONSE 0x10
#define SD_STATE 0x24
#define SD_STATE_CARD 0x10000u
#define SD_CONTROL 0x28
#define SD_CONTROL_ADMA2 0x10u
#define SD_POWER 0x29
#define SD_CLOCK 0x2c
#define SD_CLOCK_ON 0x1u
#define SD_CLOCK_STABLE 0x2u
#define SD_CLOCK_TO_CARD 0x4u
#define SD_RESET 0x2f
#define SD_RESET_ALL 0x1u
#define SD_RESET_COMMAND 0x2u
#define SD_RESET_DATA 0x4u
#define SD_STATUS 0x30             /* why it interrupts; writing ones clears */
#define SD_STATUS_COMMAND 0x1u
#define SD_STATUS_TRANSFER 0x2u
#define SD_STATUS_BOUNDARY 0x8u
#define SD_STATUS_ERRORS 0xffff8000u
#define SD_STATUS_ENABLE 0x34
#define SD_SIGNAL_ENABLE 0x38
#define SD_CAPABILITIES 0x40
#define SD_CAN_ADMA2 (1u << 19)
#define SD_CAN_SDMA (1u << 22)
#define SD_LIST 0x58

/* Kinds of answer, for the low byte of a command; R6 and R7 look like R1, but hold no errors. */
#define SD_R0 0x00u
#define SD_R1 0x1au
#define SD_R1_BUSY 0x1bu
#define SD_R2 0x09u
#define SD_R3 0x02u
#define SD_R6 (SD_R1 | 0x100u)
#define SD_DATA 0x20u
#define SD_TYPE_ABORT 0xc0u

#define SD_ENTRY_VALID 0x01u
#define SD_ENTRY_END 0x02u
#define SD_ENTRY_DATA 0x20u
#define SD_ENTRY_LEN_MAX 0xfffcu   /* 16 bits, and the next entry begins at a multiple of 4 */
#define SD_CARD_ERRORS 0xfdf80000u /* of an R1 answer */

#define SD_TIMEOUT_MS 10000
#define SD_POLLS 1000

/* Make the lines ready for another command.  QEMU 7.2 ignores a reset of both at once. */
static void sd_lines(struct sdhci *sd)
{
	writeb(SD_RESET_COMMAND, sd->regs + SD_RESET);
	writeb(SD_RESET_DATA, sd->regs + SD_RESET);
}

/* Wait until all bits of `want` have been reported.  The line stays raised until the status is cleared. */
static int sd_wait(struct sdhci *sd, uint32_t want)
{
	uint32_t seen = 0;

	while ((seen & want) != want) {
		int error = sd->plug->irq_wait(sd->plug->ctx, 0, SD_TIMEOUT_MS);
		if (error)
			return error;
		u32 status = readl(sd->regs + SD_STATUS);
		writel(status, sd->regs + SD_STATUS);
		sd->interrupts++;
		seen |= status;
		sd->stopped = status & SD_STATUS_BOUNDARY;
		if (sd->stopped || (status & SD_STATUS_ERRORS))
			return -EIO;
	}
	return 0;
}

/* One command to its end, with the answer's first word.  After a failure the lines are ready for the next one. */
static int sd_command(struct sdhci *sd, unsigned index, uint32_t argument, unsigned kind, unsigned mode, uint32_t *ret)
{
	sd->commands++;
	writel(0xffffffffu, sd->regs + SD_STATUS);
	writel(argument, sd->regs + SD_ARGUMENT);
	writel(mode | (uint32_t)(index << 8 | (kind & 0xff)) << 16, sd->regs + SD_COMMAND);
	int error = sd_wait(sd, SD_STATUS_COMMAND | (kind & SD_DATA ? SD_STATUS_TRANSFER : 0));
	if (error) {
		sd_lines(sd);
		return error;
	}
	u32 answer = readl(sd->regs + SD_RESPONSE);
	if (ret)
		*ret = answer;
	return (kind & ~SD_DATA) == SD_R1 && (answer & SD_CARD_ERRORS) ? -EIO : 0;
}

/* Reset the controller and give the card power and a clock. */
static int sd_power(struct sdhci *sd)
{
	unsigned n = 0;

	writeb(SD_RESET_ALL, sd->regs + SD_RESET);
	for (; readb(sd->regs + SD_RESET) & SD_RESET_ALL; n++) {
		if (n == SD_POLLS)
			return -ETIMEDOUT;
		udelay(1);
	}
	writeb(0xf, sd->regs + SD_POWER);
	writew(SD_CLOCK_ON, sd->regs + SD_CLOCK);
	for (; !(readw(sd->regs + SD_CLOCK) & SD_CLOCK_STABLE); n++) {
		if (n == SD_POLLS)
			return -ETIMEDOUT;
		udelay(1);
	}
	writew(SD_CLOCK_ON | SD_CLOCK_TO_CARD, sd->regs + SD_CLOCK);
	return 0;
}

static int sd_controller(struct sdhci *sd)
{
	u32 can = readl(sd->regs + SD_CAPABILITIES);

	if (can == ~0u)
		return -EIO; /* nobody answers */
	if (!(can & (sd->dma == SDHCI_ADMA2 ? SD_CAN_ADMA2 : SD_CAN_SDMA)))
		return -ENODEV;
	int error = sd_power(sd);
	if (error)
		return error;
	writel(0xffffffffu, sd->regs + SD_STATUS_ENABLE);
	writel(SD_STATUS_COMMAND | SD_STATUS_TRANSFER | SD_STATUS_BOUNDARY | 0xffff0000u, sd->regs + SD_SIGNAL_ENABLE);
	writeb(sd->dma == SDHCI_ADMA2 ? SD_CONTROL_ADMA2 : 0, sd->regs + SD_CONTROL);
	error = sd->plug->irq_enable(sd->plug->ctx, 0);
	if (error)
		return error;
	return readl(sd->regs + SD_STATE) & SD_STATE_CARD ? 0 : -ENODEV;
}

/* Bring the card from its power-up state to the one in which it transfers blocks. */
static int sd_card(struct sdhci *sd)
{
	uint32_t answer = 0;

	int error = sd_command(sd, 0, 0, SD_R0, 0, NULL);
	if (!error)
		error = sd_command(sd, 8, 0x1aa, SD_R6, 0, NULL);
	for (unsigned n = 0; !error && !(answer >> 31); n++) {
		if (n == SD_POLLS)
			return -ETIMEDOUT;
		error = sd_command(sd, 55, 0, SD_R1, 0, NULL);
		if (!error)
			error = sd_command(sd, 41, 0x40ff8000, SD_R3, 0, &answer);
	}
	sd->in_bytes = !(answer >> 30 & 1);
	if (!error)
		error = sd_command(sd, 2, 0, SD_R2, 0, NULL);
	if (!error)
		error = sd_command(sd, 3, 0, SD_R6, 0, &answer);
	if (!error)
		error = sd_command(sd, 7, answer & 0xffff0000u, SD_R1_BUSY, 0, NULL);
	return error ? error : sd_command(sd, 16, SDHCI_BLOCK, SD_R1, 0, NULL);
}

int sdhci_start(struct sdhci *sd, struct device *dev, const struct linux_plug *plug, enum sdhci_dma dma,
    unsigned flaws)
{
	static const struct sdhci none;

	*sd = none;
	sd->dev = dev;
	sd->plug = plug;
	sd->regs = plug->regs;
	sd->dma = dma;
	sd->flaws = flaws;
	int error = dma_set_mask_and_coherent(dev, flaws & SDHCI_FLAW_MASK ? DMA_BIT_MASK(64) : DMA_BIT_MASK(32));
	if (error)
		return error;
	(void)dma_set_max_seg_size(dev, SD_ENTRY_LEN_MAX);
	if (dma == SDHCI_ADMA2) {
		sd->list = dma_alloc_coherent(dev, 8 * SDHCI_ENTRIES, &sd->list_bus, GFP_KERNEL);
		if (!sd->list)
			return -ENOMEM;
	}
	error = sd_controller(sd);
	if (!error)
		error = sd_card(sd);
	if (error) {
		dev_err(dev, "does not start, %d\n", error);
		sdhci_stop(sd);
	}
	return error;
}

void sdhci_stop(struct sdhci *sd)
{
	if (sd->list)
		dma_free_coherent(sd->dev, 8 * SDHCI_ENTRIES, sd->list, sd->list_bus);
	sd->list = NULL;
}

/* After a command with data failed, the card may still want to go on. */
static void sd_abort(struct sdhci *sd)
{
	bool stopped = sd->stopped;

	(void)sd_command(sd, 12, 0, SD_R1_BUSY | SD_TYPE_ABORT, 0, NULL);
	sd_lines(sd);
	sd->stopped = stopped;
}

/* One command that moves `nblocks`; where to and from is set up already. */
static int sd_blocks(struct sdhci *sd, bool write, uint32_t block, uint32_t nblocks)
{
	unsigned mode = SD_MODE_DMA | SD_MODE_COUNT | SD_MODE_STOP | SD_MODE_MANY | (write ? 0 : SD_MODE_READ);

	writew(SDHCI_BLOCK, sd->regs + SD_BLOCK_LEN);
	writew((u16)nblocks, sd->regs + SD_BLOCK_COUNT);
	int error = sd_command(sd, write ? 25 : 18, sd->in_bytes ? block * SDHCI_BLOCK : block, SD_R1 | SD_DATA, mode, NULL);
	if (error == -EIO)
		sd_abort(sd);
	return error;
}

static void sd_entry(unsigned char *entry, uint32_t len, uint32_t bus, bool last)
{
	put_unaligned_le16(SD_ENTRY_VALID | SD_ENTRY_DATA | (last ? SD_ENTRY_END : 0), entry);
	put_unaligned_le16((u16)len, entry + 2);
	put_unaligned_le32(bus, entry + 4);
}

/* The whole list in one command. */
static int sd_adma(struct sdhci *sd, bool write, uint32_t block, struct scatterlist *sgl, int n)
{
	struct scatterlist *sg;
	uint32_t len = 0;
	int i;

	if (n > (int)SDHCI_ENTRIES)
		return -EINVAL;
	for_each_sg(sgl, sg, n, i) {
		if (sg_dma_len(sg) > SD_ENTRY_LEN_MAX || (sg_dma_address(sg) & 3))
			return -EINVAL;
		sd_entry(sd->list + 8 * i, sg_dma_len(sg), (uint32_t)sg_dma_address(sg), i == n - 1);
		len += sg_dma_len(sg);
	}
	sd->pieces += (unsigned long)n;
	writel(lower_32_bits(sd->list_bus), sd->regs + SD_LIST);
	writel(0, sd->regs + SD_LIST + 4);
	return sd_blocks(sd, write, block, len / SDHCI_BLOCK);
}

/* One segment, cut at the boundaries. */
static int sd_sdma(struct sdhci *sd, bool write, uint32_t block, dma_addr_t bus, uint32_t len)
{
	if ((bus | len) % SDHCI_BLOCK)
		return -EINVAL;
	while (len) {
		uint32_t room = SDHCI_BOUNDARY - (uint32_t)(bus & (SDHCI_BOUNDARY - 1));
		uint32_t piece = len < room || (sd->flaws & SDHCI_FLAW_BOUNDARY) ? len : room;
		writel(lower_32_bits(bus), sd->regs + SD_ADDRESS);
		int error = sd_blocks(sd, write, block, piece / SDHCI_BLOCK);
		if (error)
			return error;
		sd->pieces++;
		block += piece / SDHCI_BLOCK;
		bus += piece;
		len -= piece;
	}
	return 0;
}

int sdhci_transfer(struct sdhci *sd, bool write, uint32_t block, struct scatterlist *sgl, int nents)
{
	enum dma_data_direction direction = write ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
	struct scatterlist *sg;
	uint64_t len = 0;
	int i, error = 0;

	for_each_sg(sgl, sg, nents, i)
		len += sg->length;
	if (!len || len % SDHCI_BLOCK || len / SDHCI_BLOCK > SDHCI_BLOCKS_MAX)
		return -EINVAL;
	int n = (int)dma_map_sg(sd->dev, sgl, nents, direction);
	if (!n)
		return -ENOMEM;
	sd->mapped++;

	if (sd->dma == SDHCI_ADMA2) {
		error = sd_adma(sd, write, block, sgl, n);
	} else {
		for_each_sg(sgl, sg, n, i) {
			if (!error)
				error = sd_sdma(sd, write, block, sg_dma_address(sg), sg_dma_len(sg));
			block += sg_dma_len(sg) / SDHCI_BLOCK;
		}
	}
	dma_unmap_sg(sd->dev, sgl, nents, direction);
	sd->unmapped++;
	return error;
}
