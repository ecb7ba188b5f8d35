/* SPDX-License-Identifier: ISC */
/*
 * Streaming world: the small arena, and devices that reach it in three ways.
 *
 *   direct   everything, where it is
 *   bounce   the lower half; an area of 64 KiB in it stands in for the upper half
 *   IOMMU    nothing but what a page table shows
 *
 * A fake device resolves bus addresses itself, through none of the library's code, and notes what was refused.
 */
#ifndef STREAMING_WORLD_H
#define STREAMING_WORLD_H

#include <linux/dma-mapping.h>
#include <mete/bounce.h>
#include <mete/iommu.h>

#include "small_arena.h"

#define WORLD_PAGES 64u               /* of the page table */
#define WORLD_IOVA ((mete_baddr)0x10000000u)
#define WORLD_REACH (SMALL_PHYS + 0x7ffffu) /* last byte that a device with a bounce area reaches */

enum world_way { WORLD_DIRECT, WORLD_BOUNCE, WORLD_IOMMU };

struct world {
	struct small_arena small;
	struct mete_device core;
	struct device dev;
	enum world_way way;
	struct mete_bounce bounce;
	struct mete_domain domain;
	struct { mete_paddr phys; int access; } table[WORLD_PAGES]; /* access 0: no entry */
	int fail_map;        /* let so many translations be entered, then fail; -1: never */
	unsigned long ncache[3];
	unsigned char *high; /* 256 KiB of the upper half */
};

void world_start(struct world *w, enum world_way way);

/* Assert that nothing is mapped, and end. */
void world_end(struct world *w);

/* The device reads or writes `len` bytes from `bus` on.  False: its bus or the IOMMU refuses; nothing was moved then. */
bool world_device_reads(struct world *w, dma_addr_t bus, void *to, size_t len);
bool world_device_writes(struct world *w, dma_addr_t bus, const void *from, size_t len);

/* Mappings made and not yet released. */
unsigned long world_mapped(const struct world *w);

#endif
