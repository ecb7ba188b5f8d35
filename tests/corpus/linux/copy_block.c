/* SPDX-License-Identifier: ISC */
/*
 * A block driver on a copy engine that takes no list of pieces, only addresses of pages: each page of a request is mapped by
 * itself, and what is mapped is unmapped again if the next one cannot be.  The disk is memory of the driver's own.
 */
#include "corpus_linux.h"

#include <linux/mm.h>

#define BLOCK 512u
#define DISK (32u * BLOCK)
#define PAGES 4u

const enum corpus_device corpus_device = CORPUS_COPY;

struct disk {
	struct device *dev;
	u8 __iomem *regs;
	struct copy_desc *list;
	dma_addr_t list_bus;
	u8 *media;
	dma_addr_t media_bus;
	dma_addr_t bus[PAGES];
};

static int disk_start(struct disk *disk)
{
	int error = dma_set_mask_and_coherent(disk->dev, DMA_BIT_MASK(64));
	if (error)
		return error;
	disk->list = dma_alloc_coherent(disk->dev, PAGES * sizeof(*disk->list), &disk->list_bus, GFP_KERNEL);
	if (!disk->list)
		return -ENOMEM;
	disk->media = dma_alloc_coherent(disk->dev, DISK, &disk->media_bus, GFP_KERNEL);
	if (!disk->media) {
		dma_free_coherent(disk->dev, PAGES * sizeof(*disk->list), disk->list, disk->list_bus);
		return -ENOMEM;
	}
	return 0;
}

static void disk_stop(struct disk *disk)
{
	dma_free_coherent(disk->dev, DISK, disk->media, disk->media_bus);
	dma_free_coherent(disk->dev, PAGES * sizeof(*disk->list), disk->list, disk->list_bus);
}

static int disk_map(struct disk *disk, struct page **pages, unsigned n, enum dma_data_direction dir)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		disk->bus[i] = dma_map_page(disk->dev, pages[i], 0, PAGE_SIZE, dir);
		if (dma_mapping_error(disk->dev, disk->bus[i]))
			goto unwind;
	}
	return 0;

unwind:
	while (i--)
		dma_unmap_page(disk->dev, disk->bus[i], PAGE_SIZE, dir);
	return -ENOMEM;
}

static void disk_unmap(struct disk *disk, unsigned n, enum dma_data_direction dir)
{
	for (unsigned i = 0; i < n; i++)
		dma_unmap_page(disk->dev, disk->bus[i], PAGE_SIZE, dir);
}

static int disk_rw(struct disk *disk, struct page **pages, unsigned n, unsigned block, unsigned len, bool write)
{
	enum dma_data_direction dir = write ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
	unsigned last = n - 1;

	int error = disk_map(disk, pages, n, dir);
	if (error)
		return error;
	for (unsigned i = 0; i < n; i++) {
		struct copy_desc *desc = &disk->list[i];
		dma_addr_t media = disk->media_bus + (dma_addr_t)(block * BLOCK + i * PAGE_SIZE);
		memset(desc, 0, sizeof(*desc));
		desc->from = cpu_to_le64(write ? disk->bus[i] : media);
		desc->to = cpu_to_le64(write ? media : disk->bus[i]);
		desc->len = cpu_to_le32(i == last ? len - i * (unsigned)PAGE_SIZE : (unsigned)PAGE_SIZE);
		desc->next = i == last ? 0 : cpu_to_le64(disk->list_bus + (i + 1) * sizeof(*desc));
		desc->flags = cpu_to_le32(i == last);
	}
	writeq(disk->list_bus, disk->regs + METE_SIM_COPY_START);
	while (!error && !READ_ONCE(disk->list[last].done_status))
		error = -corpus_wait(0);
	dma_rmb();
	if (!error && le32_to_cpu(disk->list[last].done_status) != 1)
		error = -EIO;
	if (error)
		writel(1, disk->regs + METE_SIM_COPY_CONTROL);
	disk_unmap(disk, n, dir);
	return error;
}

/* Its user. */

static int user_rw(struct disk *disk, struct page **pages, u32 *seed, bool write, unsigned round)
{
	unsigned n = 1 + corpus_random(3), len = (n - 1) * (unsigned)PAGE_SIZE + BLOCK * (1 + corpus_random(8));
	unsigned block = corpus_random(DISK / BLOCK - len / BLOCK + 1);

	for (unsigned at = 0; write && at < len; at += BLOCK) {
		corpus_fill((u8 *)page_address(pages[at / PAGE_SIZE]) + at % PAGE_SIZE, BLOCK, round * 64 + at / BLOCK);
	}
	int error = disk_rw(disk, pages, n, block, len, write);
	if (error)
		return error;
	for (unsigned at = 0; at < len; at += BLOCK) {
		const u8 *p = (u8 *)page_address(pages[at / PAGE_SIZE]) + at % PAGE_SIZE;
		u32 *had = &seed[block + at / BLOCK];
		if (write)
			*had = round * 64 + at / BLOCK;
		else if (*had && !corpus_same(p, BLOCK, *had))
			return -EIO;
	}
	return 0;
}

int corpus_run(struct device *dev, u8 __iomem *regs)
{
	struct disk disk = { .dev = dev, .regs = regs };
	struct page *pages[PAGES];
	u32 seed[DISK / BLOCK + 1] = { 0 };
	unsigned n = 0;

	int error = disk_start(&disk);
	if (error)
		return error;
	while (n < PAGES && (pages[n] = alloc_pages(GFP_KERNEL, 0)))
		n++;
	for (unsigned round = 1; n == PAGES && round < 100; round++) {
		/* Stand-ins may be used up; then nothing has happened. */
		int refused = user_rw(&disk, pages, seed, round % 2, round);
		if (refused && refused != -ENOMEM)
			error = refused;
	}
	while (n)
		__free_pages(pages[--n], 0);
	disk_stop(&disk);
	return error;
}
