/* SPDX-License-Identifier: ISC */
/*
 * Window: an object that is too large to be shown at once, shown part by part.
 *
 * An object may need more segments than a device takes, be longer than a transfer may be, or need more stand-ins or IOVA
 * than there are.  It is cut into windows, each of which can be shown, and the first is shown.  The driver lets the device
 * work on it, and moves on; in any order, also back.
 *
 *   object    [ window 0 ][ window 1 ][ window 2 ][ 3 ]
 *                          ^ shown through one map
 *
 * Windows follow one another without gap or overlap.  Their lengths are multiples of the granularity; the cuts are where
 * the next window can begin: at cache lines for a device that is not coherent, and at the alignment, if pieces allow.
 *
 * What a window takes of the bounce area and of the IOVA is taken at load, is kept over all moves, and was enough for
 * every window when they were cut: so moving never fails for lack of it.  It is one part of each, whole grains or whole
 * pages within the limits' range, and a page of IOVA more than is used.  A load takes no more of the area than the longest
 * stand-in does, and if not all is to be had, half of that, and so on; unless the object can be cut in no other way.
 */
#ifndef METE_WINDOW_H
#define METE_WINDOW_H

#include <mete/map.h>

/* A part of an object. */
struct mete_window {
	size_t off;
	size_t len;
};

/* What a map takes once and uses again for each load.  The library's own. */
struct mete_hold {
	bool measuring;       /* loads find out how far they would come; nothing is shown */
	bool greedy;          /* take as much as there is, not at most half of it */
	bool lacked;          /* more would have been taken, had others not used it up */
	size_t most;          /* bytes of the bounce area worth taking */
	size_t whole;         /* bytes of whole stretches in the last load */
	mete_paddr run;       /* a part of the bounce area ... */
	size_t run_len;       /* ... 0: none was needed so far */
	size_t run_used;
	mete_baddr iova;      /* a range of the domain ... */
	size_t iova_len;      /* ... and what of it may be used, a page less than was taken; 0: there is no domain */
};

/*
 * Storage belongs to the caller; `window`, `nwindows` and `current` may be read, and the map, which shows window `current`
 * unless its state is METE_MAP_EMPTY.  Not for two threads at once; must not move while loaded.
 */
struct mete_windows {
	struct mete_map *map;
	struct mete_window *window;
	uint32_t capacity;
	uint32_t nwindows;    /* 0: nothing is loaded */
	uint32_t current;
	struct mete_pieces pieces;
	struct mete_constraint limit; /* as it was at load */
	enum mete_access access;
	unsigned flags;
	struct mete_hold hold;
};

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Prepare `windows` to show objects through `map`, which was prepared for the device and is empty.  `window` has room for
 * `capacity` windows; both stay the caller's.  METE_EINVAL.
 */
int mete_windows_init(struct mete_windows *windows, struct mete_map *map, struct mete_window *window,
    uint32_t capacity);

/*
 * Cut an object into windows and show the first, as mete_map_load() does.  An object that can be shown at once becomes one
 * window.  `pieces` must have `rewind`, and both must go on telling the same until it is unloaded; the structure itself is
 * copied.
 *
 * Returns 0; METE_EBUSY (loaded already); METE_EINVAL (as mete_map_load(); also an object that min_transfer or granularity
 * forbid); METE_EMSGSIZE (more windows than `capacity`, or no window of one granule has few enough segments); METE_ENOMEM
 * (bounce area or IOVA space used up by others; also if only that makes the windows too many); METE_ERANGE and others, as mete_map_load().  Nothing is visible then, and
 * map_refused or bad_argument counts.
 *
 * Any context; never sleeps.  Time: for each window O(pieces), up to a few times the logarithm of its length, and as
 * mete_map_load() for the first.
 */
int mete_windows_load(struct mete_windows *windows, const struct mete_pieces *pieces, enum mete_access access,
    unsigned flags);

/*
 * Show window `n` instead of the current one.  No sync is implied: what the device wrote into the current window must
 * have been passed to the CPU before, by mete_map_sync() on the map, where offsets count from the window's own.  The CPU
 * owns the new window.  To show what is shown already changes nothing, and 0 is returned.
 *
 * Returns 0; METE_EINVAL (no such window), and the current one stays; or what the provider's translate or the IOMMU's map
 * returned, and nothing is shown until a call succeeds.  Counted as bad_argument or map_refused.
 *
 * Any context; never sleeps.  Time: O(pieces before the window), and as mete_map_load() for it.
 */
int mete_windows_show(struct mete_windows *windows, uint32_t n);

/*
 * Unload: the device sees nothing of the object any more, and what was held is given back.  No sync is implied.
 * METE_EINVAL, counted, if nothing is loaded.
 */
int mete_windows_unload(struct mete_windows *windows);

#ifdef __cplusplus
}
#endif
#endif
