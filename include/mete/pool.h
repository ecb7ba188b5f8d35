/* SPDX-License-Identifier: ISC */
/*
 * Pool: blocks of one size that a device can reach.
 *
 * Blocks are cut from *slabs*, runs of frames.  What the library knows of a block (one state byte, one bit) lies in
 * the slab's record, away from the device; the way from an address to its slab is arithmetic.
 *
 * Order: the blocks of a fresh slab come out in ascending address order.  A freed block comes out again before
 * others, last in first out, over the last METE_SHELF frees (fewer for blocks above 4 KiB); older ones ascending.
 */
#ifndef METE_POOL_H
#define METE_POOL_H

#include <mete/device.h>

/* Blocks are at least this long and a multiple of it apart, so that small blocks of one pool do not share words. */
#define METE_POOL_MIN 16

struct mete_pool_config {
	const char *name;          /* for reports; not copied, may be NULL */
	size_t len;                /* usable bytes of a block, at least 1 */
	size_t align;              /* of a block, on the bus and in the CPU view; a power of two; 0: METE_POOL_MIN */
	size_t boundary;           /* no block straddles a multiple of this power of two on the bus; 0: none */
	enum mete_memory memory;
	const struct mete_constraint *limit; /* besides the device's; copied; NULL: none.  No `phase` */
	size_t slab;               /* bytes wanted in a slab, at most 64 KiB (256 KiB if the stride is a power of two);
	                            * 0: 16 blocks, from one frame to 64 KiB */
};

/* A block and the place of its state byte, in its slab's record. */
struct mete_block {
	unsigned char *cpu;
	uint8_t *state;
};

/* Storage belongs to the caller, contents to the library; must not move once initialised. */
struct mete_pool {
	struct mete_provider *provider; /* NULL: not initialised */
	uint32_t top, bottom;       /* the shelf is a ring: blocks `bottom` to `top` - 1, modulo METE_SHELF */
	uint32_t shelf_cap;
	uint32_t stride;            /* from block to block */
	uint32_t recip;             /* 2^32 / stride, rounded up: division by multiplication */
	uint32_t cell_mask;       /* blocks repeat every cell_mask + 1 bytes: the boundary, where it is smaller */
	uint32_t per_cell;        /* blocks in one cell */
	uint8_t cell_shift;
	uint8_t stride_shift;       /* log of the stride, rounded down */
	bool cells;               /* whether there are any */
	struct mete_device *device;
	struct mete_slab *partial;  /* slabs with free and used blocks */
	struct mete_slab *full;     /* slabs with no free block but perhaps on the shelf */
	struct mete_slab *empty;    /* slabs with nothing but free blocks */
	uint32_t nempty, keep;      /* wholly free slabs there are, and how many are kept */
	size_t nslabs;
	size_t ntotal;              /* blocks in all slabs */
	size_t nout;                /* blocks not in their slab's map: live or on the shelf */
	size_t low;                 /* free blocks that reclaim leaves */
	size_t hard;                /* most live blocks; SIZE_MAX: no limit */
	mete_baddr align, boundary; /* of a block */
	size_t len, slab_len;
	enum mete_memory memory;
	struct mete_constraint limit;
	const char *name;
	struct mete_pool *next, *prev; /* of the same provider */
	struct mete_block shelf[METE_SHELF];
};

/* What a pool holds now. */
struct mete_pool_info {
	size_t len;     /* usable bytes of a block */
	size_t stride;  /* bytes from block to block */
	size_t nlive;   /* blocks allocated */
	size_t ntotal;  /* blocks in all slabs */
	size_t nslabs;
	size_t bytes;   /* of all slabs */
};

#ifdef __cplusplus
extern "C" {
#endif

#define mete_pool_init METE_ABI(mete_pool_init)

/*
 * Start a pool.  It takes no memory yet.
 *
 * The stride is `len` rounded up to `align` and to METE_POOL_MIN; in cached memory of a non-coherent device also to
 * the cache line.  A boundary below the stride, an `align` that is no power of two, a malformed or contradicting
 * limit, a `phase` in it or in the device's, or a `len` of 0 or above 2^31: METE_EINVAL.  Never sleeps; takes the guard.
 */
int mete_pool_init(struct mete_pool *pool, struct mete_device *device, const struct mete_pool_config *config);

/*
 * End a pool and give its slabs back.  METE_EBUSY, and nothing changes but a counter, while a block is live: it may be
 * in a device's hands.  A pool that was never initialised but zeroed: 0.
 */
int mete_pool_fini(struct mete_pool *pool);

/*
 * Allocate a block.  `flags` are METE_ZERO (clears `len` bytes rounded up to the stride's multiple, that is, the whole
 * block) and METE_WAIT.  `ret_bus` may be NULL.
 *
 * Returns 0; METE_EINVAL (flags, or a pool that is not initialised); METE_ENOMEM; METE_ERANGE (the device cannot reach
 * any memory of the provider); METE_ENOTSUP.  A slab that cannot be had in full is tried with one block's worth.
 *
 * May sleep only with METE_WAIT.  Constant time, or the provider's when a slab is needed; clearing is outside the guard.
 */
int mete_pool_alloc(struct mete_pool *pool, unsigned flags, void **ret_cpu, mete_baddr *ret_bus);

/*
 * Free a block.  NULL is allowed.
 *
 * Returns 0; METE_EFAULT (not the start of a block of this pool); METE_EALREADY (not live); METE_EINVAL (a pool that is not
 * initialised).  Nothing is freed then, and a counter tells, except for the last.  Never sleeps.  Constant time, or the provider's when a slab goes back.
 */
int mete_pool_free(struct mete_pool *pool, void *cpu);

/* The bus address of a live block.  Fails as mete_pool_free(), but does not count.  Never sleeps. */
int mete_pool_address(struct mete_pool *pool, const void *cpu, mete_baddr *ret_bus);

/*
 * Add slabs until at least `n` blocks are free.  Returns 0, or the error of the slab that could not be had; what was
 * added stays.  METE_EINVAL on a pool that is not initialised; the calls below do nothing then.  Never sleeps.
 */
int mete_pool_prime(struct mete_pool *pool, size_t n);

/* Free blocks that reclaim leaves in the pool (0 at first), and wholly free slabs it keeps in quiet times (1). */
void mete_pool_set_low(struct mete_pool *pool, size_t nblocks);
void mete_pool_set_keep(struct mete_pool *pool, size_t nslabs);

/*
 * Most blocks that may be live at one time; SIZE_MAX lifts the limit.  METE_EINVAL if more are live now.  At the limit
 * a request fails with METE_ENOMEM, or waits.  Not for the pools inside a class allocator, whose short way does not count.
 */
int mete_pool_set_hard(struct mete_pool *pool, size_t nblocks);

/* Give idle slabs back, low-water reserve aside.  Returns how many.  Never sleeps. */
size_t mete_pool_reclaim(struct mete_pool *pool);

/* Any context in which the guard may be taken.  All zeros for a pool that is not initialised. */
void mete_pool_info(struct mete_pool *pool, struct mete_pool_info *ret);

#ifdef __cplusplus
}
#endif
#endif
