/* SPDX-License-Identifier: ISC */
/*
 * Arena: a provider over spans of memory that the caller hands in.
 *
 * It needs no malloc: with `records` set, everything it must remember lives in that memory.  With `record_alloc` set
 * instead, it grows.  Neither may be memory that a device can reach.
 */
#ifndef METE_ARENA_H
#define METE_ARENA_H

#include <mete/frames.h>
#include <mete/provider.h>

/* Most spans of one arena. */
#define METE_ARENA_SPANS 8

/* One span: contiguous for the CPU and on its bus. */
struct mete_span {
	void *cpu;
	mete_paddr phys;
	size_t len;      /* bytes, whole frames */
	uint32_t memory; /* kinds offered: bits 1u << METE_MEMORY_...; 0: cached and coherent (a coherent machine) */
};

struct mete_arena_config {
	size_t frame;                   /* bytes, a power of two from 64 up; 0: 4096 */
	const struct mete_span *spans;  /* copied */
	size_t nspans;                  /* 1 to METE_ARENA_SPANS */
	const mete_paddr *edges;        /* zone edges as in mete_frames_init(); NULL: 16 MiB and 4 GiB */
	size_t nedges;
	size_t congruent;               /* `cpu` and `phys` of every span agree modulo this power of two, so that alignment
	                                 * up to it holds in both views; 0: METE_CONGRUENT */

	void *records;                  /* memory for records, aligned for any type ... */
	size_t records_len;             /* ... mete_arena_records() bytes or more; or, with both 0, */
	void *(*record_alloc)(void *ctx, size_t len);              /* zeroed records from here */
	void (*record_free)(void *ctx, void *record, size_t len);
	void *record_ctx;

	const struct mete_hooks *hooks; /* may be NULL */
	void *hooks_ctx;
	/* How foreign memory is translated, as in struct mete_provider_ops; NULL: METE_EFAULT. */
	int (*translate)(void *ctx, const void *cpu, size_t len, mete_paddr *ret_phys, size_t *ret_len);
	/* The way back for foreign memory; NULL: METE_EFAULT. */
	int (*view)(void *ctx, mete_paddr phys, size_t len, void **ret_cpu, size_t *ret_len);
	/* Cache maintenance as in struct mete_provider_ops; NULL: for coherent devices only. */
	void (*cache)(void *ctx, enum mete_cache op, void *cpu, mete_paddr phys, size_t len);
	void *translate_ctx; /* of these three */
	bool twice;          /* devices reach the spans by other mappings than the CPU: see METE_TRAIT_TWICE */
};

/* Records of the arena kept in caller's memory: free lists by power of two. */
struct mete_stock {
	unsigned char *next;
	size_t left;
	void *list[40];
};

/* Storage belongs to the caller, contents to the library; must not move once initialised. */
struct mete_arena {
	struct mete_provider provider;
	struct mete_frames frames;
	struct mete_guard guard;
	struct mete_hooks hooks;
	struct mete_arena_config config;
	struct mete_span span[METE_ARENA_SPANS];
	void *span_records[METE_ARENA_SPANS];
	struct mete_stock stock;
};

#ifdef __cplusplus
extern "C" {
#endif

#define mete_arena_init METE_ABI(mete_arena_init)

/*
 * Bytes of `records` that an arena with this config and `nslabs` slabs and device allocations at one time can need.
 * The largest record is assumed that a slab of the default size
 * can have (512 bytes with frames of 4 KiB); a pool with a larger slab of small blocks needs 1.125 bytes for each block.
 * Returns 0 if the config is malformed.
 */
size_t mete_arena_records(const struct mete_arena_config *config, size_t nslabs);

/*
 * Start an arena with all of its spans free.  `config` and the span list are copied; the memory they name and the
 * hooks must stay.
 *
 * Returns 0; METE_EINVAL for a malformed config, spans that overlap in the CPU view or on the bus, or a span whose
 * `cpu` and `phys` are not congruent; METE_ENOMEM if records run out.  On failure there is nothing to undo.
 * Takes O(frames).
 */
int mete_arena_init(struct mete_arena *arena, const struct mete_arena_config *config);

/* End an arena.  METE_EBUSY, and nothing happens, while a run is held or a pool is left. */
int mete_arena_fini(struct mete_arena *arena);

/* The provider to give to mete_device_init(). */
static inline struct mete_provider *mete_arena_provider(struct mete_arena *arena)
{
	return &arena->provider;
}

/* Free bytes and the longest free run in bytes.  Takes the guard. */
size_t mete_arena_free(struct mete_arena *arena);
size_t mete_arena_longest(struct mete_arena *arena);

/* The CPU view of `len` bytes at `phys`, or NULL if they are not inside one span.  Any context. */
void *mete_arena_cpu(const struct mete_arena *arena, mete_paddr phys, size_t len);

#ifdef __cplusplus
}
#endif
#endif
