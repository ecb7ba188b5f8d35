/* SPDX-License-Identifier: ISC */
/*
 * Provider: where memory comes from; the port.
 *
 * A provider gives and takes back *runs*: contiguous frames that satisfy a *want*.  All addresses here are physical;
 * what a device sees is the business of <mete/device.h>.  Porting takes either the ready-made arena
 * (<mete/arena.h>), which needs nothing but spans of memory, or five functions over a platform's own page allocator.
 * docs/PORTING.md walks through both.
 *
 * Whatever the library must remember it keeps in *records*: ordinary memory that no device can reach.  Nothing of the
 * library's own is ever written into a run, and nothing is read back from one.
 */
#ifndef METE_PROVIDER_H
#define METE_PROVIDER_H

#include <mete/error.h>
#include <mete/hooks.h>

/* How the CPU sees a run.  A provider refuses (METE_ENOTSUP) what it cannot give. */
enum mete_memory {
	METE_MEMORY_CACHED,   /* ordinary memory; on a non-coherent machine it needs sync */
	METE_MEMORY_COHERENT, /* CPU and device always agree, without sync */
	METE_MEMORY_COMBINED, /* writes may be combined and delayed */
	METE_MEMORY_UNCACHED, /* every access goes to memory */
};

/*
 * What is done to cache lines: always whole ones; none that holds somebody else's bytes is ever forgotten.
 */
enum mete_cache {
	METE_CACHE_CLEAN,            /* write dirty lines to memory */
	METE_CACHE_INVALIDATE,       /* forget lines, dirty or not */
	METE_CACHE_CLEAN_INVALIDATE, /* write dirty lines to memory, then forget them */
};

/*
 * What a verifier may do with memory of a provider; bits.
 */
enum mete_trait {
	METE_TRAIT_STAYS = 1, /* the CPU may read and write it, and nobody else does, also while it is free.  The provider
	                        * tells METE_EVENT_TAKE when it is taken */
	METE_TRAIT_TWICE = 2, /* devices reach it by another mapping than the CPU, so that the CPU's may be closed */
};

/*
 * What is asked of a provider.  0 means "no limit" in each field but `len`.  A run starts at a frame and is whole frames
 * long; the limits concern its first `len` bytes, the rest of the last frame is padding.
 */
struct mete_want {
	size_t len;                /* bytes, at least 1 */
	mete_paddr first, last;    /* reachable physical range, inclusive */
	mete_paddr hole_first;     /* excluded range, inclusive; hole_last 0: none */
	mete_paddr hole_last;
	mete_paddr align;          /* power of two: the run starts at `phase` modulo `align` */
	mete_paddr phase;
	mete_paddr boundary;       /* power of two: the run straddles no address that is */
	mete_paddr boundary_phase; /* ... `boundary_phase` modulo `boundary` */
	enum mete_memory memory;
};

/* Contiguous frames, in the CPU view and on the CPU's bus. */
struct mete_run {
	void *cpu;
	mete_paddr phys;
	size_t len; /* whole frames */
};

/*
 * The port.  Every function gets the provider's `ctx`, may be called by several threads at once and is never called
 * with the guard held.  take, give, record_alloc and record_free run wherever the caller of the library runs; if
 * that includes interrupt handlers, they must be fit for it.
 */
struct mete_provider_ops {
	/*
	 * Find a run for `want`.  Returns 0 and stores it; METE_ENOMEM if there is none now, METE_ERANGE if there
	 * would be none even with all memory free, METE_ENOTSUP for a kind of memory that is not offered, METE_EINVAL
	 * for a malformed want.  The content of a run is unspecified.  Must not wait for memory to be freed.
	 */
	int (*take)(void *ctx, const struct mete_want *want, struct mete_run *ret_run);

	/* Take back a run exactly as it was given. */
	void (*give)(void *ctx, const struct mete_run *run);

	/*
	 * Physical address of `cpu`, and how many of the `len` bytes (at least 1) from there on are contiguous
	 * physically.  Any address may be asked for, also of memory that is not the provider's.  Returns 0, or
	 * METE_EFAULT if there is no answer: the memory cannot be reached by any device.
	 */
	int (*translate)(void *ctx, const void *cpu, size_t len, mete_paddr *ret_phys, size_t *ret_len);

	/* `len` bytes, zeroed, aligned for any type, out of reach of every device; NULL if there are none. */
	void *(*record_alloc)(void *ctx, size_t len);

	/* Give back a record; `len` is the length it was allocated with. */
	void (*record_free)(void *ctx, void *record, size_t len);

	/*
	 * The reverse of translate: the CPU view of `phys`, and how many of the `len` bytes are contiguous there.
	 * METE_EFAULT if there is none.  NULL: never; then memory named physically can be neither bounced nor synced.
	 */
	int (*view)(void *ctx, mete_paddr phys, size_t len, void **ret_cpu, size_t *ret_len);

	/*
	 * Cache maintenance of whole lines, complete when it returns.  Never called for coherent devices.  NULL: only
	 * coherent devices can be mapped for.
	 */
	void (*cache)(void *ctx, enum mete_cache op, void *cpu, mete_paddr phys, size_t len);

	/* The traits (METE_TRAIT_STAYS, ...) that all of [cpu, cpu + len - 1] has.  NULL: none.  For verifiers. */
	unsigned (*traits)(void *ctx, const void *cpu, size_t len);
};

/*
 * What went wrong so far, and how often.  A mistake of the caller never does more than fail and count.
 * Read it with mete_provider_counters().
 */
struct mete_counters {
	unsigned long failed;         /* requests that ended without memory */
	unsigned long bad_argument;   /* sizes, alignments, constraints or flags out of range */
	unsigned long bad_address;    /* frees of foreign or interior pointers */
	unsigned long double_free;    /* frees of what was free already */
	unsigned long wrong_size;     /* frees with another size than at allocation */
	unsigned long wrong_pair;     /* frees with a bus address that is not the block's */
	unsigned long wait_refused;   /* waiting requests where waiting was impossible */
	unsigned long waited;         /* requests that had to wait */
	unsigned long reclaimed;      /* idle slabs given back because a request lacked memory */
	unsigned long map_refused;    /* mappings out of the device's reach */
	unsigned long fini_busy;      /* objects finished while still in use */
};

struct mete_slab;
struct mete_pool;
struct mete_observer;

/*
 * A provider and the library's view of it: the page table that leads from an address to its slab.  Storage belongs to
 * the caller, contents to the library; read nothing but `ops`, `ctx`, `frame` and
 * `phys_last`.
 */
struct mete_provider {
	const struct mete_provider_ops *ops;
	void *ctx;
	struct mete_hooks hooks;
	void *hooks_ctx;
	struct mete_guard guard;
	struct mete_observer *observer; /* see <mete/observe.h>; NULL: nobody listens */
	size_t frame;              /* bytes in a frame, a power of two */
	mete_paddr phys_last;      /* highest physical address of any run */

	uintptr_t extent;          /* lowest CPU address of any run */
	uintptr_t extent_last;     /* highest offset from there */
	uintptr_t leaf_mask;       /* offset within a leaf */
	struct mete_slab ***leaf;  /* page table: leaf[offset >> leaf_shift][frame in the leaf] is a slab, or NULL */
	struct mete_slab **first_leaf; /* the only one, if there is an extent: the short way */
	uintptr_t first_last;      /* highest offset in it; 0 if there is no extent: then it is `nobody` */
	struct mete_slab *nobody;  /* NULL */
	uint8_t frame_shift;
	uint8_t leaf_shift;

	struct mete_pool *pools;   /* every pool over this provider, for reclaim */
	unsigned long nwaiting;    /* requests that wait */
	unsigned long serving;     /* ticket whose turn it is */
	unsigned long tickets;     /* tickets handed out */
	unsigned long releases;    /* counts frees while somebody waits */
	size_t held;               /* runs taken and not yet given back */
	struct mete_counters counters;
};

struct mete_provider_config {
	size_t frame;              /* bytes, a power of two, at least 64 */
	const void *extent;        /* all runs lie in `extent_len` bytes from here on, which is a
	                            * multiple of `frame`; both 0: anywhere below 2^48 */
	size_t extent_len;
	mete_paddr phys_last;      /* highest physical address of any run; 0: not known, so as high as there is */
	const struct mete_hooks *hooks; /* may be NULL */
	void *hooks_ctx;
};

#ifdef __cplusplus
extern "C" {
#endif

#define mete_provider_init METE_ABI(mete_provider_init)

/*
 * Make a provider out of `ops`.  `ops`, `ctx` and the hooks must stay until mete_provider_fini().
 *
 * An extent saves records and time: the page table takes a pointer for each frame of it.  Without one it takes a pointer
 * for each 2^30 bytes of address space that could be used (2^22 with 32-bit pointers), and a pointer for each frame of
 * every such piece that is.
 *
 * Returns 0; METE_EINVAL for a malformed config or a missing function; METE_ENOMEM if there are no records for the
 * page table.  Calls record_alloc.  On failure there is nothing to undo.
 */
int mete_provider_init(struct mete_provider *provider, const struct mete_provider_ops *ops, void *ctx,
    const struct mete_provider_config *config);

/*
 * Free the records of `provider`.  Returns 0, or METE_EBUSY, and changes nothing but a counter, while a run is held
 * or a pool is left.
 */
int mete_provider_fini(struct mete_provider *provider);

/* A consistent copy of the counters.  Any context; takes the guard. */
void mete_provider_counters(struct mete_provider *provider, struct mete_counters *ret);

/*
 * Count a mistake that a layer above the library found by itself: METE_EINVAL as bad_argument, METE_EFAULT as
 * wrong_pair (an address that belongs to another object), anything else as failed.  For faces.  Takes the guard.
 */
void mete_provider_note(struct mete_provider *provider, int error);

/* Runs taken from the provider and not yet given back: slabs and device allocations.  Any context; takes the guard. */
size_t mete_provider_held(struct mete_provider *provider);

/* Requests that wait for memory at this moment.  Any context; takes the guard. */
size_t mete_provider_waiting(struct mete_provider *provider);

/*
 * Give every idle slab of every pool back to the provider, low-water reserves aside, and return how many there were.
 * The library does so by itself before a request fails.  Takes O(pools + blocks they remember + slabs given back).
 */
size_t mete_provider_reclaim(struct mete_provider *provider);

/*
 * Tell the library that memory of the provider was freed by other means than its own, so that waiting requests try
 * again.  Any context in which the guard may be taken.
 */
void mete_provider_wake(struct mete_provider *provider);

/* Whether `want` is well formed: METE_EINVAL if not.  For providers; any context; constant time. */
int mete_want_check(const struct mete_want *want);

#ifdef __cplusplus
}
#endif
#endif
