/* SPDX-License-Identifier: ISC */
/*
 * Map world: a small machine for the model test of mapping.
 *
 * Memory is `nframes` frames.  The CPU sees them as one array; physically the first `nrun` of them, from which the
 * library may take runs, are contiguous, and the others are scrambled.  All arrays of the world are indexed by the
 * CPU's order: an *offset* names a byte of memory, whoever looks at it.
 *
 * What a byte is has up to four answers:
 *
 *   mem     what lies in memory, and so what a device sees
 *   cpu     what the CPU sees through its cache; the same array as `mem` if the machine is coherent
 *   agreed  what CPU and memory last agreed on; a line is dirty if it differs from `cpu` (the library, too, writes
 *           through pointers), or if the test wrote to it
 *   truth   what the CPU should see, kept by the test alone
 *
 * Dirty lines are written back and clean ones read again at random moments, also within calls of the library: each
 * callback is such a moment.
 *
 * The IOMMU is a table of pages with permissions, and a memory of its own: a translation that was removed stays *stale*
 * until it is flushed.  Entering a page that is mapped or stale is a difference.  Accesses that it refuses are recorded.
 */
#ifndef METE_TESTS_MAP_WORLD_H
#define METE_TESTS_MAP_WORLD_H

#include "model_run.h"

#include <mete/iommu.h>

#define WORLD_FRAMES 128
#define WORLD_PAGES 512
#define WORLD_NOWHERE SIZE_MAX
#define WORLD_FAULTS 4

struct world_config {
	size_t frame, line;
	size_t nframes, nrun;
	bool coherent;
	bool cacheless;          /* the provider has no cache function */
	mete_paddr base;         /* of the lowest physical frame */
	size_t page, npages;     /* of the IOMMU; 0: none */
	mete_baddr iova;         /* of its first page */
	unsigned pressure;       /* percent of moments at which a line is evicted or read again */
};

struct world_page {
	mete_paddr phys;
	enum mete_access access;
	bool valid, stale;
};

struct map_world {
	struct world_config config;
	struct model_random *random;
	unsigned frame_shift, line_shift;
	size_t len;
	unsigned char *cpu, *mem, *agreed, *truth;
	unsigned char *dirty;    /* a flag for each line */
	unsigned char *busy;     /* for each byte: the object it belongs to, or 0; 255: the library's */
	bool taken[WORLD_FRAMES];
	uint16_t phys_of[WORLD_FRAMES], cpu_of[WORLD_FRAMES];
	size_t focus;            /* pressure is put near here */

	struct world_page table[WORLD_PAGES];
	size_t nvalid, nstale;
	unsigned fail_in;        /* the how manieth map call fails; 0: none */
	unsigned lose_in;        /* the how manieth translate fails; 0: none */
	unsigned deny_in;        /* the how manieth record or run is denied; 0: none */
	size_t nrecords, ntaken; /* records and frames the library has */
	int fail_error;
	bool failed;             /* ... and it did */

	struct mete_iommu_fault fault[WORLD_FAULTS]; /* a queue; what does not fit is lost, as in hardware */
	size_t nfaults;

	struct mete_provider provider;
	struct mete_provider_ops ops;
	uint64_t ncache, nevictions, nflushes; /* for the report */
};

extern const struct mete_iommu_ops world_iommu_ops;

/* Make a world with random contents, and its provider. */
void world_open(struct map_world *world, const struct world_config *config, struct model_random *random);
void world_close(struct map_world *world);

mete_paddr world_phys(const struct map_world *world, size_t offset);

/* The offset of a physical address; WORLD_NOWHERE if there is no memory. */
size_t world_offset(const struct map_world *world, mete_paddr phys);

/* A device accesses a byte through the IOMMU; false, and a fault is recorded, if that is refused. */
bool world_access(struct map_world *world, mete_baddr iova, enum mete_access access, uint32_t source);

/* The CPU writes, and it counts. */
void world_store(struct map_world *world, size_t offset, const unsigned char *bytes, size_t len);

/* Perhaps something happens to a line near the focus. */
void world_press(struct map_world *world);

/* Read again what the cache holds of these bytes, dirty lines aside. */
void world_refill(struct map_world *world, size_t offset, size_t len);

/* All that belongs to nobody is as it should be, in the CPU's view and, once written back, in memory. */
void world_check_all(struct map_world *world);

/* The same for the CPU's view of the surroundings of some bytes. */
void world_check_near(struct map_world *world, size_t offset, size_t len, size_t around);

#endif
