/* SPDX-License-Identifier: ISC */
/*
 * Ledger: what is allocated and mapped, and what was.
 *
 * Two kinds of entries.  A *block* is memory that was handed out.  A *load* is an object that is visible to a device: its
 * ranges of CPU addresses and its segments on the bus; a mapping of one buffer is a load with one of each.
 *
 * What is gone stays for a while as a trace of itself, so that a second free can say where the first one was.
 *
 * The trees are those of the BSDs, as libbsd has them.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stdint.h>

#include <mete/observe.h>

/* A place in a program: where a call was made, and which. */
struct place {
	const char *face, *call; /* "linux", "dma_map_single"; NULL: one of the core */
	const void *site;        /* NULL: nowhere */
};

struct block {
	RB_ENTRY(block) tree;
	RB_ENTRY(block) by_bus;       /* by device and bus address */
	TAILQ_ENTRY(block) dead;
	uintptr_t first, last;
	mete_baddr bus;
	size_t len, room;             /* given out, and there is */
	size_t asked;                 /* bytes of it that the driver asked for; the rest is nobody's */
	struct mete_device *device;
	enum mete_owner_kind owner_kind;
	const void *owner;
	bool shown;                   /* its device may use it without a mapping */
	struct place made, freed;
	size_t number;                /* in the order in which they were made */
	bool told;                    /* as a leak */
	bool margin, filled;         /* behind its end, while it is live; all of it, since it is free */
};

RB_HEAD(block_tree, block);
RB_HEAD(bus_tree, block);
TAILQ_HEAD(block_list, block);

struct load;

/* A range of CPU addresses of a load. */
struct range {
	RB_ENTRY(range) tree;
	uintptr_t first, last;
	struct load *load;
};

/* A segment of a load. */
struct segment {
	RB_ENTRY(segment) tree;
	struct load *load;
	mete_baddr first, last;
	bool live;
};

RB_HEAD(range_tree, range);
RB_HEAD(segment_tree, segment);

enum load_turn { TURN_DEVICE, TURN_CPU };

struct load {
	LIST_ENTRY(load) all;
	RB_ENTRY(load) tree;          /* by its map, if it has one */
	TAILQ_ENTRY(load) dead;
	struct mete_device *device;
	const void *map;              /* NULL: made by address, or the map was forgotten */
	enum mete_access access;
	size_t len;
	size_t count;                 /* entries of a list, as the face was told */
	size_t number;                /* in the order in which they were made */
	enum load_turn turn;
	unsigned owned;               /* what the device may be doing to some of it: bits of METE_DEVICE_READS_WRITES */
	unsigned shown;               /* what a shadow knows it by; 0: not at all */
	bool synced_for_device;       /* since it was loaded, or last passed to the CPU */
	unsigned given;               /* of a map: which accesses it was passed to the device for, since it was loaded */
	bool by_hand;                 /* mapped without passing it to the device */
	bool checked;                 /* the driver asked whether it failed */
	bool told;                    /* as a leak */
	uint64_t beside;              /* a hash of what lies beside it in its cache lines; 0: nothing, or the CPU has it */
	struct place made, synced, ended;
	size_t nranges, nsegments, nlive;
	struct range *ranges;
	struct segment *segments;
	struct range one_range;       /* enough for most, without memory of their own */
	struct segment one_segment;
};

RB_HEAD(load_tree, load);
LIST_HEAD(load_head, load);
TAILQ_HEAD(load_list, load);

/* Ranges that were read for a load which is not finished. */
struct reading {
	const void *map;
	size_t n, room;
	struct { uintptr_t first; size_t len; } *range;
};

/* A load that waits for its turn. */
struct waiting {
	const void *map;
	struct mete_device *device;
	struct place place;
};

struct ledger {
	struct block_tree blocks, freed; /* neither overlaps itself */
	struct bus_tree blocks_bus, freed_bus; /* the same, by bus address */
	struct block_list freed_order;   /* oldest first */
	size_t nfreed;
	struct range_tree ranges;
	struct segment_tree segments, gone;
	struct load_head loads;
	size_t nloads;
	struct load_tree loaded;
	struct load_list ended_order;    /* oldest first */
	size_t nended;
	struct reading reading;
	struct block *last_freed;            /* by the last free or unmap, if it was believed; else NULL */
	struct segment *last_unmapped;
	const struct mete_device *devices_gone[16]; /* the last that were finished */
	size_t ndevices_gone;
	size_t nmade;                    /* blocks and loads ever */
	struct { const struct mete_device *device; enum mete_use use; } refused[16]; /* masks, as asked for last; NULL: none */
	size_t nrefused;
	struct waiting waiting[16];      /* loads, some of those that wait; a map of NULL: none */
	bool lacking;                    /* there was no memory for an entry */
	bool lost;                       /* ever: there is more than the ledger knows */
};

void mete__ledger_init(struct ledger *ledger);
void mete__ledger_fini(struct ledger *ledger);

/* Memory was handed out.  NULL without memory; `lacking` is set then. */
struct block *mete__ledger_alloc(struct ledger *ledger, const struct mete_event *event, const struct place *place);

/* It is gone. */
void mete__ledger_free(struct ledger *ledger, struct block *block, const struct place *place);

/* The block that `cpu` lies in, live or gone; NULL if none is. */
struct block *mete__ledger_block(struct ledger *ledger, uintptr_t cpu);
struct block *mete__ledger_freed(struct ledger *ledger, uintptr_t cpu);

/* The last trace that begins at or before `cpu`, and the one that the next free will drop.  NULL: there is none. */
struct block *mete__ledger_freed_before(struct ledger *ledger, uintptr_t cpu);
struct block *mete__ledger_overdue(struct ledger *ledger);

/* The last live block that begins at or before `cpu`; the first of all, and the next one.  NULL: there is none. */
struct block *mete__ledger_before(struct ledger *ledger, uintptr_t cpu);
struct block *mete__ledger_first(struct ledger *ledger);
struct block *mete__ledger_next(struct block *block);

/* What was freed or unmapped last, at the event's address, is still there. */
void mete__ledger_keep(struct ledger *ledger, const struct mete_event *event);

/* A load reads a range. */
void mete__ledger_read(struct ledger *ledger, const struct mete_event *event);

/* A load or a mapping was made.  NULL without memory. */
struct load *mete__ledger_load(struct ledger *ledger, const struct mete_event *event, const struct place *place, size_t count);

/* Take what a segment shows, or all of a load, away. */
void mete__ledger_unmap(struct ledger *ledger, struct segment *segment, const struct place *place);
void mete__ledger_unload(struct ledger *ledger, struct load *load, const struct place *place);

/* The load of a map; NULL if it is not loaded. */
struct load *mete__ledger_loaded(struct ledger *ledger, const void *map);

/* The segment of `device` that starts at `bus`, or else one that it lies in; live, or gone. */
struct segment *mete__ledger_segment(struct ledger *ledger, const struct mete_device *device, mete_baddr bus);
struct segment *mete__ledger_gone(struct ledger *ledger, const struct mete_device *device, mete_baddr bus);

/* The live one; of several that start at `bus`, one that was mapped with this length and access, if there is one. */
struct segment *mete__ledger_segment_as(struct ledger *ledger, const struct mete_device *device, mete_baddr bus, size_t len,
    enum mete_access access);

/* The driver asked whether mappings that start at `bus` had failed. */
void mete__ledger_asked(struct ledger *ledger, const struct mete_device *device, mete_baddr bus);

/* The block that `device` sees at `bus`, live or gone; NULL if none is. */
struct block *mete__ledger_block_bus(struct ledger *ledger, const struct mete_device *device, mete_baddr bus);
struct block *mete__ledger_freed_bus(struct ledger *ledger, const struct mete_device *device, mete_baddr bus);

/* A live segment of `device` that shares a byte with [bus, bus + len - 1]; one whose address ends in `low`. */
struct segment *mete__ledger_beside(struct ledger *ledger, const struct mete_device *device, mete_baddr bus, size_t len);
struct block *mete__ledger_block_low(struct ledger *ledger, const struct mete_device *device, uint32_t low);
struct segment *mete__ledger_low(struct ledger *ledger, const struct mete_device *device, uint32_t low);

/* A device was initialised or finished; whether it was finished since. */
void mete__ledger_device(struct ledger *ledger, const struct mete_device *device, bool gone);
bool mete__ledger_device_gone(const struct ledger *ledger, const struct mete_device *device);

/* What became of a device's mask for such `use`; whether it was refused. */
void mete__ledger_mask(struct ledger *ledger, const struct mete_device *device, enum mete_use use, bool refused);
bool mete__ledger_refused(const struct ledger *ledger, const struct mete_device *device, enum mete_use use);

/* A load waits, has come, or was called off.  One that waits for `device`, or anyone if NULL, and is forgotten; NULL: none. */
void mete__ledger_wait(struct ledger *ledger, const struct mete_event *event, const struct place *place);
bool mete__ledger_untold_wait(struct ledger *ledger, const struct mete_device *device, struct waiting *ret);

/* A load other than `than` that shares a byte with [first, last]; NULL if none does. */
struct load *mete__ledger_shared(struct ledger *ledger, uintptr_t first, uintptr_t last, const struct load *than);

/*
 * What is live for `device`, or anyone if NULL, was made after the first `mark`, and was not told as a leak; it counts as told
 * from now on.  NULL: nothing.
 */
struct block *mete__ledger_untold_block(struct ledger *ledger, const struct mete_device *device, size_t mark);
struct load *mete__ledger_untold_load(struct ledger *ledger, const struct mete_device *device, size_t mark);

#endif
