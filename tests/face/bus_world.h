/* SPDX-License-Identifier: ISC */
/*
 * Bus world: a device on a bus, for the tests of faces that map memory.
 *
 * The small arena is its memory.  Its bus shows the arena at WORLD_BUS, which is no physical address; in each way of
 * mapping:
 *
 *   direct  all of it
 *   bounce  streaming mappings must lie in the first WORLD_NEAR bytes; there is a bounce area
 *   short   the same without a bounce area
 *   iova    through a page table of ours
 *   caches  all of it, but not coherent: what the CPU sees is its cache, which only cache maintenance brings together with
 *           memory; there is a bounce area for what shares lines
 *
 * world_read() and world_write() are the device: they know bus addresses, and resolve them without the library.
 */
#ifndef BUS_WORLD_H
#define BUS_WORLD_H

#include <mete/bounce.h>
#include <mete/iommu.h>

#include "small_arena.h"

#define WORLD_BUS 0x10000000u
#define WORLD_NEAR ((size_t)256 << 10)
#define WORLD_LINE 64
#define WORLD_PAGES 64
#define WORLD_IOVA 0x80000000u

enum world_way { WORLD_DIRECT, WORLD_BOUNCE, WORLD_SHORT, WORLD_IOVA_WAY, WORLD_CACHES };

struct bus_world {
	struct small_arena small;
	enum world_way way;
	struct mete_device device;
	struct mete_bounce bounce;
	struct mete_domain domain;
	struct {
		mete_paddr phys;
		unsigned access; /* 0: no translation */
	} page[WORLD_PAGES];
	unsigned char *ram;      /* caches: what the device sees */
	unsigned char *clean;    /* caches: what of it the CPU's lines were when they were last clean */
	size_t fail_maps;        /* let so many calls of the IOMMU's map succeed; SIZE_MAX: all */
	void *far[32];           /* buffers handed out */
	size_t far_len[32];
	size_t nfar;
};

void world_start(struct bus_world *world, enum world_way way);

/* Asserts that nothing is mapped and nothing held. */
void world_end(struct bus_world *world);

/* Memory at the arena's high end, physically contiguous, out of reach in the ways bounce and short; freed at the end. */
void *world_buffer(struct bus_world *world, size_t len);

/* The device reads and writes [bus, bus + len - 1]; false if its bus, or the IOMMU, does not let it. */
bool world_read(struct bus_world *world, mete_baddr bus, void *to, size_t len);
bool world_write(struct bus_world *world, mete_baddr bus, const void *from, size_t len);

/* Translations that the IOMMU has. */
size_t world_pages(const struct bus_world *world);

#endif
