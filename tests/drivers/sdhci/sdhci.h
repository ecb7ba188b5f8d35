/* SPDX-License-Identifier: ISC */
/*
 * A small driver of an SD host controller and the card in it: reads and writes blocks.
 *
 * Such a controller has two ways to do DMA, and a driver chooses one.  SDMA is one address at a time, and stops at each
 * multiple of its boundary; ADMA2 is a list of pieces in memory.  Addresses have 32 bits in both.
 *
 * It knows Linux's interfaces and nothing else.  One thread.
 */
#ifndef SDHCI_H
#define SDHCI_H

#include <linux/dma-mapping.h>
#include <linux/scatterlist.h>

#include "linux_plug.h"

#define SDHCI_BLOCK 512u
#define SDHCI_BOUNDARY 4096u       /* of SDMA; the smallest that can be set */
#define SDHCI_ENTRIES 512u         /* of an ADMA2 list of 4 KiB */
#define SDHCI_BLOCKS_MAX 0xffffu   /* in one command */

enum sdhci_dma { SDHCI_SDMA, SDHCI_ADMA2 };

/* Mistakes that drivers make, for the controls of tests.  0: none. */
#define SDHCI_FLAW_BOUNDARY 0x1u   /* SDMA across its boundary */
#define SDHCI_FLAW_MASK 0x2u       /* claims 64 address lines */

/* Storage belongs to the caller.  To be read, not written. */
struct sdhci {
	struct device *dev;
	const struct linux_plug *plug;
	unsigned char __iomem *regs;
	enum sdhci_dma dma;
	unsigned flaws;
	bool in_bytes;                 /* the card wants addresses in bytes */
	bool stopped;                  /* the last command stopped at a boundary */
	unsigned char *list;           /* of ADMA2 */
	dma_addr_t list_bus;
	unsigned long commands, pieces, interrupts;
	unsigned long mapped, unmapped; /* dma_map_sg, dma_unmap_sg */
};

/*
 * Start the controller in `plug`, which must stay, and the card.  0; -ENODEV if there is no card, or the controller lacks
 * this kind of DMA; or a negative errno.  On failure there is nothing to undo.
 */
int sdhci_start(struct sdhci *sdhci, struct device *dev, const struct linux_plug *plug, enum sdhci_dma dma,
    unsigned flaws);

/*
 * Read or write the blocks from `block` on; as many as the list is long.  ADMA2 wants pieces that begin at a multiple of
 * 4 bytes, SDMA pieces of whole blocks that begin at a multiple of one.
 *
 * 0; -EINVAL for a list that is not so; -ENOMEM if it cannot be mapped; -EIO if the controller reports an error;
 * -ETIMEDOUT.  Nothing is mapped afterwards.
 */
int sdhci_transfer(struct sdhci *sdhci, bool write, uint32_t block, struct scatterlist *sg, int nents);

/* Give everything back.  A driver that was never started, but zeroed: nothing. */
void sdhci_stop(struct sdhci *sdhci);

#endif
