/* SPDX-License-Identifier: ISC */
/*
 * Map machine: what the files of the model test of mapping share: a machine with a device, what is mapped for it, and
 * what is known of each byte.
 *
 * Each byte of an object that is mapped has a *home*, where the CPU keeps it, and a *place*, where the device finds it.
 * They are the same (direct), or the place lies in the bounce area (stand-in).
 */
#ifndef METE_TESTS_MAP_MACHINE_H
#define METE_TESTS_MAP_MACHINE_H

#include "map_world.h"

#include <mete/bounce.h>
#include <mete/constraint.h>
#include <mete/window.h>

#define KIB ((size_t)1024)
#define OBJECTS 6        /* mapped at once, at most */
#define PIECES 20
#define SEGMENTS 48
#define BITS 1024
#define OBJECT_LEN ((size_t)3 * 65536 + 4096)
#define GRAINS 512
#define WINDOWS 64
#define HIDDEN 64         /* busy: id of an object + HIDDEN: a byte of it outside of the window */
#define HOG 250           /* grains that only keep others from having them */
#define UNTOUCHED ((mete_baddr)0x5a5a5a5a)

/* What is known of one byte of an object. */
enum {
	BYTE_DEVICE = 1,    /* the device owns it */
	BYTE_WRITABLE = 2,  /* ... and may write it */
	BYTE_KNOWN = 4,     /* at its place lies what seen[] says */
	BYTE_BY_DEVICE = 8, /* the device wrote it, and it was not synced for the CPU */
	BYTE_BY_CPU = 16,   /* the CPU wrote it, and it was not synced for the device */
	BYTE_EITHER = 32,   /* written by the CPU, then handed to a device that only writes: see object_for_cpu() */
	BYTE_FRESH = 64,    /* in cached memory, never handed over since the map: a sync for the CPU could lose it */
};

/* A set of return values. */
enum {
	MAY_0 = 1, MAY_EINVAL = 2, MAY_EFAULT = 4, MAY_ERANGE = 8, MAY_ENOMEM = 16, MAY_ENOTSUP = 32, MAY_EMSGSIZE = 64,
	MAY_EIO = 128, MAY_EBUSY = 256,
};

enum kind { KIND_SINGLE, KIND_PHYS, KIND_LOAD };

struct span {
	size_t at;         /* offset of memory */
	size_t len;
	size_t piece;
};

/* Bytes of an object whose homes are contiguous, and whose places are. */
struct bit {
	size_t at, len;    /* of the object */
	size_t home, place;
	bool standin;
};

struct windowed;

struct object {
	bool live;
	unsigned char id;
	enum kind kind;
	enum mete_access access;
	unsigned flags;
	size_t len;
	struct mete_piece piece[PIECES];
	size_t piece_at[PIECES]; /* home of each */
	size_t npieces, next;
	struct span home[PIECES * 8];
	size_t nhome;
	struct mete_device *device;
	struct bit bit[BITS];
	size_t nbits;
	bool ragged;       /* some line has bytes of two bits */
	size_t npages;     /* of the IOMMU, that it takes */
	mete_baddr bus;    /* KIND_SINGLE and KIND_PHYS */
	struct mete_map map;
	struct mete_segment segment[SEGMENTS];
	uint32_t capacity, nsegments;
	unsigned char *state; /* BYTE_..., for each byte */
	unsigned char *seen;
	bool in_windows;      /* the object is the window shown now, of what `windowed` says */
	struct windowed *windowed;
};

/* An object that is shown through windows. */
struct windowed {
	struct mete_windows windows;
	struct mete_window window[WINDOWS];
	struct object whole;         /* its pieces and homes; it is never mapped itself */
	struct mete_constraint limit;
	struct mete_hold hold;       /* as it was after the load */
};

struct machine {
	struct model_random random;
	struct model_tally tally;
	struct map_world world;
	struct mete_device device;
	struct mete_device second;          /* another on the same domain, if there is no area */
	bool has_second;
	struct mete_bounce bounce;
	struct mete_domain domain;
	bool has_bounce, has_domain, always;
	struct mete_constraint streaming;
	struct mete_bus_range range[METE_DEVICE_RANGES];
	size_t nranges;
	mete_baddr bus_first, bus_last;     /* what is worth limiting */
	size_t area, area_len, grain, ngrains, longest, keep;
	unsigned char grain_owner[GRAINS];
	bool page_held[WORLD_PAGES];        /* taken by windows, whether something is mapped there or not */
	size_t hog_pages;
	struct object probe;
	struct object object[OBJECTS];
	size_t nobjects, nlive;
	mete_baddr last_bus;                /* of a mapping that is no more */
	size_t last_len;
	enum mete_access last_access;
	unsigned char *scratch;
};

/* A part of the test: a way to the device, and a size of frames. */
struct part {
	const char *name;
	unsigned share;
	unsigned way;
	size_t frame;
};

enum { WAY_BOUNCE = 1, WAY_DOMAIN = 2 };

/* What happened, for the report at the end. */
extern struct map_stats {
	uint64_t worlds, no_area, mapped[3], segments, direct, standin, exhausted, injected, synced, peeked,
	    bytes, evictions, caches, flushes;
	uint64_t windowed, at_once, cut, windows, windows_refused, windows_argued, windows_waited, windows_excused, windows_missed, moves, hogged, moves_injected, faults, denied;
} stats;

/* -- map_machine.c -- */

void machine_open(struct machine *m, const struct part *part);
void machine_close(struct machine *m);

/* -- map_misuse.c -- */

/* A call that must be refused, or an access of the device. */
void misuse(struct machine *m, struct object *o);

/* -- test_map_model.c -- */

/* What must be as before if a call fails. */
struct before {
	size_t nvalid, used, nmapped;
	struct mete_counters counters;
};

struct before before_call(struct machine *m);
void check_refused(struct machine *m, const struct before *before, int code, bool counted, const char *what);

/* A map has succeeded: where is everything? */
void object_begin(struct machine *m, struct object *o, const struct mete_constraint *c, size_t exact);

/* It was refused: its bytes belong to nobody. */
void object_forget(struct machine *m, struct object *o);

/* -- map_windows.c -- */

/* One try to show an object through windows, and some moves. */
void windows_try(struct machine *m, struct object *o);

/* A move, or a misuse. */
void windows_step(struct machine *m, struct object *o);

/* Unload, and forget it. */
int windows_end(struct machine *m, struct object *o);

/* Mark what the windows hold as theirs. */
void windows_mark(struct machine *m, struct object *o);

/* -- map_oracle.c -- */

/* The bit of a return value; 0 for one that is never right. */
unsigned code_bit(int code);

size_t min_size(size_t a, size_t b);
size_t max_size(size_t a, size_t b);
size_t common_multiple(size_t a, size_t b);

/* The stricter of two, where that is simple; some_limit() sees to it that it is. */
struct mete_constraint limit_merge(const struct mete_constraint *a, const struct mete_constraint *b);

/* mete_constraint_check(), from its definition. */
bool limit_contradicts(const struct mete_constraint *c);

/* Whether a segment obeys range, hole, boundary and max_segment, and align where `aligned`. */
bool limit_allows(const struct mete_constraint *c, mete_baddr bus, mete_baddr len, bool aligned);

/* What a device finds at `bus`, by the ranges or the page table; `ret_n` bytes of it are contiguous. */
size_t resolve(const struct machine *m, mete_baddr bus, size_t *ret_n, enum mete_access *ret_access);

/* What a map may return.  `ret_exact` is the number of segments of a list, if there is only one right one; else 0. */
unsigned expect_single(const struct machine *m, const struct object *o, const struct mete_constraint *c);
unsigned expect_load(const struct machine *m, const struct object *o, const struct mete_constraint *c,
    size_t *ret_exact);

/* -- map_follow.c -- */

/* Follow the segments byte by byte, beside the object. */
void object_resolve(struct machine *m, struct object *o);

/* Pages of the IOMMU that the segments lie in, each counted once. */
size_t object_pages(const struct machine *m, const struct object *o);

/* Each segment is within every limit, and APART was obeyed. */
void check_limits(struct machine *m, const struct object *o, const struct mete_constraint *c);

/* A slot's grains belong to one object, and show nothing but its bytes. */
void check_slots(struct machine *m, struct object *o);

/* Direct cached memory that the device writes: no line of it is shared. */
void check_lines(const struct machine *m, struct object *o);

/* Grains and pages in use are those of the objects. */
void check_space(const struct machine *m);

/* The CPU reads `len` bytes from `off` on; those the device owns aside. */
void check_cpu(const struct machine *m, const struct object *o, size_t off, size_t len, const char *when);

/* The device reads: where it is known what lies there. */
void check_device(const struct machine *m, const struct object *o, size_t off, size_t len, const char *when);

/* Whether a byte of the range has one of these states, rounded out to lines: of the memory, or of the stand-in. */
bool any_line_state(const struct machine *m, const struct object *o, size_t off, size_t len, unsigned states);

/* What a sync means for each byte. */
void object_for_device(struct machine *m, struct object *o, size_t off, size_t len, enum mete_access access);
void object_for_cpu(struct machine *m, struct object *o, size_t off, size_t len, enum mete_access access);

/* A random step with an object that is mapped. */
void step(struct machine *m, struct object *o);

/* A mapping is no more: what the device wrote and nobody synced is where it lies. */
void object_gone(struct machine *m, struct object *o);

/* Unmap it, and all. */
void object_end(struct machine *m, struct object *o);
void object_end_all(struct machine *m);

/* -- map_objects.c -- */

/* Random pieces that belong to nobody; none if that was not to be had. */
void object_make(struct machine *m, struct object *o, const struct mete_constraint *c);

/* Random pieces of a list, of about `total` bytes in all; 0: as it comes. */
void object_make_list(struct machine *m, struct object *o, const struct mete_constraint *c, size_t total);

/* The pieces as struct mete_pieces wants them. */
bool object_next(void *ctx, struct mete_piece *ret_piece);
void object_rewind(void *ctx);

/* A bus address that the device may use. */
mete_baddr some_bus(struct machine *m);

/* Random limits; `base` has those that there are already, so that limit_merge() is simple. */
void some_limit(struct machine *m, struct mete_constraint *c, const struct mete_constraint *base, bool range);

/* In words, when something differs. */
void describe(const struct machine *m, const struct object *o, const struct mete_constraint *c);
void describe_machine(const struct machine *m);

#endif
