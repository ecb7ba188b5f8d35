/* SPDX-License-Identifier: ISC */
/*
 * Map: memory made visible to a device, and ownership passed back and forth.
 *
 * There are three ways, chosen for each piece of memory, behind one set of calls:
 *
 *   direct  the device sees the memory where it is
 *   bounce  the device cannot reach it, or would share a cache line with it: a reachable stand-in is copied to and fro.
 *           Memory that the library allocated as coherent, combined or uncached shares no line with anybody
 *   IOVA    an IOMMU shows the memory at an address of its own (the stand-in, too, where one is needed)
 *
 * Nothing is remembered for a direct mapping.  A bus address leads back to the memory by arithmetic: through the IOMMU's
 * domain or the bus ranges to a physical address, and from there, if it lies in the bounce area, through its slot to the
 * original.  So a mapping may be named by its bus address alone, also by one inside it.
 *
 * Access is in the device's terms: it reads, it writes.  Sync says who owns the memory from now on.
 */
#ifndef METE_MAP_H
#define METE_MAP_H

#include <mete/device.h>

enum mete_access {
	METE_DEVICE_READS = 1,
	METE_DEVICE_WRITES = 2,
	METE_DEVICE_READS_WRITES = 3,
};

enum mete_sync {
	METE_FOR_DEVICE, /* the device may use the memory now; the CPU must not */
	METE_FOR_CPU,    /* the CPU may use it now; the device must not */
};

/* Flags of the mapping calls. */
#define METE_MAP_SKIP_SYNC 0x1u  /* map: as if followed by nothing; unmap: no copy back, no cache work */
#define METE_MAP_APART 0x2u      /* load: never join two pieces into one segment */

/* A piece of an object.  `cpu` may be NULL if `placed`; such memory cannot be bounced. */
struct mete_piece {
	void *cpu;
	mete_paddr phys; /* valid if `placed`; else found out */
	size_t len;      /* bytes; 0: an empty piece, skipped */
	bool placed;     /* `phys` is valid, and the piece is contiguous physically */
};

/*
 * An object as a sequence of pieces: `next` stores one and returns true, or returns false at the end.  `rewind` starts
 * again from the first; it may be NULL unless the device has a domain: there the whole must be known before the first
 * piece is mapped.
 */
struct mete_pieces {
	bool (*next)(void *ctx, struct mete_piece *ret_piece);
	void *ctx;
	void (*rewind)(void *ctx);
};

/* One contiguous range of a mapping, on the bus. */
struct mete_segment {
	mete_baddr bus;
	mete_baddr len;
};

struct mete_hold;

enum mete_map_state { METE_MAP_EMPTY, METE_MAP_CPU, METE_MAP_DEVICE };

/*
 * An object of many pieces, made visible as segments.  Storage belongs to the caller; `segments`, `nsegments`, `len` and
 * `state` may be read.  Not for two threads at once.
 */
struct mete_map {
	struct mete_device *device;
	struct mete_constraint limit;
	struct mete_segment *segments;
	uint32_t capacity;
	uint32_t nsegments;
	size_t len;                 /* bytes loaded */
	enum mete_access access;
	enum mete_map_state state;
	mete_baddr iova;            /* the library's own: the range of the domain that the object takes ... */
	size_t iova_len;            /* ... and its length; 0: none */
	struct mete_hold *hold;     /* the library's own: where windows keep what loads use again; NULL: they do not */
};

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Make `len` bytes at `cpu` visible to `device` as one segment within its streaming constraint and `limit` (NULL: none;
 * `align`, `phase` and `max_segments` do not concern it), and hand them to the device.
 *
 * Returns 0; METE_EINVAL (`len` 0 or beyond the last address, unknown access or flag, malformed or contradicting limit,
 * `len` against min_transfer or granularity); METE_EFAULT (the provider knows no physical address); METE_ERANGE (out of reach, and no bounce area or
 * domain could help: not contiguous, beyond limits, longer than the longest bounce); METE_ENOMEM (bounce area or IOVA
 * space used up; after an unmap it may work); METE_ENOTSUP (a non-coherent device whose provider has no cache
 * functions); or what the IOMMU's map returned.  Nothing is mapped then, and map_refused counts.  Where several reasons
 * hold, any of them may be told.  Stand-ins are whole grains, IOVA whole pages: one that a range or hole allows only in
 * part may be left out.  If the IOMMU's map returns METE_ENOMEM, a stand-in may be tried instead (not by a load).
 *
 * Any context; never sleeps, allocates nothing of the provider.  Time: O(bytes copied or maintained + pages).
 */
int mete_map_single(struct mete_device *device, const struct mete_constraint *limit, const void *cpu, size_t len,
    enum mete_access access, unsigned flags, mete_baddr *ret_bus);

/* The same for memory named physically.  It can be bounced if the provider's `view` shows all of it in one piece. */
int mete_map_phys(struct mete_device *device, const struct mete_constraint *limit, mete_paddr phys, size_t len,
    enum mete_access access, unsigned flags, mete_baddr *ret_bus);

/*
 * End a mapping of one segment: hand it to the CPU and forget it.  `bus`, `len` and `access` as at mapping.
 *
 * A load that became one segment may be ended like this too, and its `struct mete_map` forgotten: it holds nothing more.
 *
 * Returns 0; METE_EINVAL; METE_EFAULT (no mapping starts at `bus`, as far as that can be told: bounced and IOVA mappings
 * always, direct ones if the device sees no memory there).  Nothing happens then, and bad_address counts.
 */
int mete_unmap_single(struct mete_device *device, mete_baddr bus, size_t len, enum mete_access access, unsigned flags);

/*
 * Pass ownership of `len` bytes from `bus` on, which may be part of a mapping.  `access` is what the device does with
 * them.  METE_EINVAL; METE_EFAULT if they are not within what the device sees (counted as bad_address).
 *
 * For the device: what the CPU wrote reaches the device, if it reads; what the CPU wrote into memory that the device only
 * writes may be lost.  For the CPU: what the device wrote reaches the CPU, if it writes; bytes that it did not write keep
 * the value they had when the mapping was made or last passed to the device for reading.  On a non-coherent device ranges
 * count as rounded out to cache lines.
 */
int mete_sync_single(struct mete_device *device, mete_baddr bus, size_t len, enum mete_sync sync,
    enum mete_access access);

/*
 * Prepare a map for `device`.  `limit` as above, but max_segments, max_transfer and align count too.  `segments` has
 * room for `capacity` segments and stays the caller's.  METE_EINVAL.
 */
int mete_map_init(struct mete_map *map, struct mete_device *device, const struct mete_constraint *limit,
    struct mete_segment *segments, uint32_t capacity);

/*
 * Load an object: afterwards the segments, in order, describe exactly its bytes, each within every limit, and the CPU
 * owns them (what was in memory has reached any stand-in, so nothing else ever shows there).  Adjacent pieces are joined
 * where limits allow, unless METE_MAP_APART; behind an IOMMU only if they are adjacent for the CPU, too, or meet at the
 * edge of a page.
 *
 * Each stretch that is contiguous for the CPU and physically, and needs a stand-in, takes one of its own, of whole grains:
 * METE_ENOMEM also if the area would be too small for all of them when it is empty.
 *
 * Returns 0; METE_EBUSY (loaded already); METE_EINVAL; METE_EMSGSIZE (more segments than `capacity` or max_segments, or
 * longer than max_transfer); and what mete_map_single() returns.  The map is empty then, and nothing is visible.
 */
int mete_map_load(struct mete_map *map, const struct mete_pieces *pieces, enum mete_access access, unsigned flags);

/* Load `npieces` pieces of an array. */
int mete_map_load_array(struct mete_map *map, const struct mete_piece *pieces, size_t npieces, enum mete_access access,
    unsigned flags);

/*
 * Pass ownership of `len` bytes from offset `off` of the object.  `access` is part of the access at load.
 * METE_EINVAL (out of the object, unknown or wider access, nothing loaded): counted as bad_argument.
 */
int mete_map_sync(struct mete_map *map, size_t off, size_t len, enum mete_sync sync, enum mete_access access);

/*
 * Unload: the device sees nothing of it any more.  No sync is implied: what the device wrote reaches the CPU only by
 * mete_map_sync() for the CPU before.  METE_EINVAL, counted, if nothing is loaded.
 */
int mete_map_unload(struct mete_map *map);

#ifdef __cplusplus
}
#endif
#endif
