/* SPDX-License-Identifier: ISC */
/*
 * Pool world: what the model of pools, classes and device allocations knows.
 *
 * Between the library and a real arena sits a provider of our own that passes every call on.  Through it the model
 * sees each run that the library takes and gives back, without looking into the library, and so knows at all times
 * which frames are free (the oracle), which runs are slabs of which pool, and which of those are *idle*: without a
 * live block.  The rest follows from the contracts: where the blocks of a slab must lie, which one comes next, and
 * whether a request may fail.
 *
 * All memory is mapped once more, 16 bytes at a time, as free, live, or *guarded*: live with a pattern that must
 * still be there at the end.  Everything but guarded memory is overwritten with random bytes all the time, as a
 * device might.
 */
#ifndef METE_TESTS_POOL_WORLD_H
#define METE_TESTS_POOL_WORLD_H

#include "model_run.h"
#include "oracle.h"

#include <mete/alloc.h>
#include <mete/arena.h>

#define WORLD_DEVICES 5
#define WORLD_POOLS 8
#define WORLD_CLASSES 2
#define WORLD_SPANS 4
#define WORLD_GRANULE 16
#define WORLD_NOISE (96 * 1024)
#define WORLD_FREED 64

/* States of a granule. */
enum { GRANULE_FREE, GRANULE_LIVE, GRANULE_GUARDED };

struct world_device {
	struct mete_device device;
	struct mete_bus_range range[METE_DEVICE_RANGES];
	size_t nranges;                 /* 0: identity */
	struct mete_constraint coherent;
	bool congruent;                 /* bus and phys agree modulo METE_CONGRUENT */
	bool noncoherent;
	size_t line;
};

struct world_slab;

/* A pool as its contract describes it; a class allocator is thirteen of them. */
struct world_pool {
	struct mete_pool *pool;         /* NULL for those of a class allocator */
	struct world_device *device;
	bool open;
	size_t len, align, boundary, stride;
	enum mete_memory memory;
	struct mete_constraint limit;
	size_t hard, low, keep;
	size_t nlive, ntotal, nslabs, bytes;
	size_t nshelf;                  /* the blocks freed last, newest at the end */
	size_t nunsure;                 /* ... of which these, the oldest, may have been forgotten */
	struct {
		struct world_slab *slab;
		uint32_t index;
	} shelf[METE_SHELF];
};

/* A run that the library holds: a slab, or what mete_device_alloc() returned. */
struct world_slab {
	uint64_t phys, bus;
	unsigned char *cpu;
	uint64_t nframes;               /* 0: this record is unused */
	struct world_pool *pool;        /* of a slab */
	struct world_device *device;    /* of a device allocation */
	size_t len;                     /* of a device allocation, as asked for */
	uint32_t live_id;               /* ... and its place among the live */
	uint32_t nblocks, nlive;
	uint32_t *offset;               /* where the blocks must lie, ascending */
	uint32_t *live;                 /* for each block its number among the live, or 0 */
};

/* Something that a caller holds: a block, or a device allocation (index 0 of its run). */
struct world_live {
	struct world_slab *slab;        /* NULL: this record is unused */
	uint32_t index;
	unsigned char *cpu;
	size_t len, room;               /* usable bytes, and up to the next block */
	size_t asked;                   /* bytes asked of a class allocator */
	uint64_t serial;                /* of the pattern */
	bool guarded;
	uint32_t place;                 /* in `order` */
};

/* What was freed a while ago, to free it again. */
struct world_freed {
	unsigned char *cpu;
	size_t len;
	struct world_pool *pool;
	struct world_device *device;
};

struct world {
	struct model_random *random;
	struct model_tally *tally;

	size_t frame, nspans;
	struct mete_span span[WORLD_SPANS];
	unsigned char *memory;          /* all spans lie in here */
	size_t memory_len;
	unsigned char *granule;         /* state of each 16 bytes of `memory` */
	unsigned char noise[WORLD_NOISE];
	struct mete_arena arena;
	void *arena_records;
	bool arena_keeps_records;       /* the library's records come from the arena's, too */
	struct mete_provider provider;
	struct oracle oracle;

	struct world_device device[WORLD_DEVICES];
	struct world_pool pool[WORLD_POOLS];
	struct mete_pool pool_storage[WORLD_POOLS];
	struct {
		struct mete_classes classes;
		struct world_device *device;
		struct world_pool pool[METE_CLASSES];
		bool open;
	} classes[WORLD_CLASSES];

	struct world_slab *slab;        /* number 0 is not used; the owner of a frame is the number */
	uint32_t *slab_unused;
	size_t nslab_unused, nheld;
	struct world_live *live;        /* number 0 is not used */
	uint32_t *live_unused, *order;
	size_t nlive_unused, nlive;
	uint64_t serial;
	struct world_freed freed[WORLD_FREED];
	size_t nfreed;

	/* The call in progress, which explains what the provider sees. */
	struct world_pool *for_pool;
	struct world_device *for_device;
	struct world_pool *ending;      /* the pool that ends: its reserve goes, too */
	struct world_slab *taken;       /* the last run taken in this call */
	struct world_slab *freeing;     /* the device allocation being freed */
	size_t ntaken;                  /* runs taken in this call */
	size_t nslabs_given;            /* idle slabs that went back in this call */
	struct mete_counters before;
	unsigned long capped_before;
};

/* Build spans, memory, arena and provider at random; then the same for each device.  world_close() undoes it. */
void world_open(struct world *w, struct model_random *random, struct model_tally *tally);
void world_close(struct world *w);

/* A random constraint in the terms of `device`, well formed, of any severity; `phase` only if wanted. */
struct mete_constraint world_random_constraint(struct world *w, const struct world_device *device, bool phase);

/* Where `device` sees [phys, phys + len - 1], by its table of ranges; false if nowhere in one piece. */
bool world_bus(const struct world_device *device, uint64_t phys, uint64_t len, uint64_t *ret_bus);

/* The rules of struct mete_constraint for one segment, one by one. */
bool world_allows(const struct mete_constraint *c, uint64_t bus, uint64_t len);

/*
 * Two holes become one that covers both and the gap between them, says mete_constraint_merge(), if they leave one at
 * all: a hole out of the range is none.  So there are two answers, and the library's may be either or between them.
 */
enum world_holes {
	HOLES_APART,   /* each forbids what it covers: what must at least be forbidden */
	HOLES_COVERED, /* ... and the gap: what may at most be forbidden */
};

/* Whether both constraints can hold at once. */
bool world_compatible(const struct mete_constraint *a, const struct mete_constraint *b, enum world_holes holes);

/* Whether both allow a segment. */
bool world_allows_both(const struct mete_constraint *a, const struct mete_constraint *b, enum world_holes holes,
    uint64_t bus, uint64_t len);

/* Physical address of a pointer into the spans, and back; false if it is none. */
bool world_phys(const struct world *w, const void *cpu, uint64_t *ret_phys);
unsigned char *world_cpu(const struct world *w, uint64_t phys);

/* The run that holds `cpu`, or NULL. */
struct world_slab *world_slab_at(struct world *w, const void *cpu);

/* The number of the block that starts at `cpu` in `slab`; false if none does. */
bool world_block_at(const struct world_slab *slab, const void *cpu, uint32_t *ret_index);

/* A call is about to be made; `pool` or `device` is what it may take runs for. */
void world_begin(struct world *w, struct world_pool *pool, struct world_device *device);

/* After the call: the counters must have grown by `delta` and no other way. */
void world_end(struct world *w, const struct mete_counters *delta, const char *call);

/* Enter and remove what a caller holds. */
struct world_live *world_live_add(struct world *w, struct world_slab *slab, uint32_t index, size_t len, size_t room);
void world_live_remove(struct world *w, struct world_live *live);

/* The pattern of guarded memory must be intact. */
void world_check_pattern(const struct world_live *live);

/* Random bytes over a piece of memory, or over all of it, guarded memory excepted. */
void world_scribble(struct world *w, size_t at, size_t len);

/* Idle slabs were looked for: what pools remember of the order may be forgotten. */
void world_shelves_unsure(struct world *w);

/* Free blocks of a pool, and its slabs without a live block. */
size_t world_nfree(const struct world_pool *pool);
size_t world_nidle(struct world *w, const struct world_pool *pool);

/* After a request failed for lack of memory: no pool may still have an idle slab that its reserve can do
 * without; `except` may. */
void world_check_reclaimed(struct world *w, const struct world_pool *except);

#endif
