/* SPDX-License-Identifier: ISC */
/*
 * Frames: which runs of frames are free.
 *
 * The engine inside the arena, usable in any other provider.  It knows physical addresses only and never touches the
 * memory they name: its records lie elsewhere.
 *
 * Frames are grouped into *zones*, cut at configured edges (16 MiB and 4 GiB unless told otherwise): the addresses
 * that narrow devices can reach are the scarce ones.  A request is served from the highest zone that satisfies it, and
 * within a free run from its high end.
 *
 * Not thread-safe by itself: the owner locks.
 */
#ifndef METE_FRAMES_H
#define METE_FRAMES_H

#include <mete/provider.h>

/* Most edges between zones. */
#define METE_ZONE_EDGES 6

struct mete_zone;
struct mete_frames_span;

/* Storage belongs to the caller, contents to the library. */
struct mete_frames {
	size_t frame;
	uint8_t frame_shift;
	uint8_t nedges;
	mete_paddr edge[METE_ZONE_EDGES]; /* first address of the next zone, ascending */
	struct mete_frames_span *spans;
	struct mete_zone *zones;          /* least wanted first */
	size_t nframes;
	size_t nfree;
	unsigned long ncapped;            /* requests given up at METE_WALK_CAP */
	unsigned long nwalked;            /* free runs looked at after the constant-time searches had failed */
};

#ifdef __cplusplus
extern "C" {
#endif

#define mete_frames_init METE_ABI(mete_frames_init)

/*
 * Start without memory.  `frame` is in bytes, a power of two of at least 64.  `edges` are `nedges` ascending
 * addresses, multiples of `frame`; with NULL they are 16 MiB and 4 GiB.  Returns 0 or METE_EINVAL.
 */
int mete_frames_init(struct mete_frames *frames, size_t frame, const mete_paddr *edges, size_t nedges);

/*
 * Bytes of records that mete_frames_add() needs for this span: 12 a frame and about 1.5 KiB a zone.  0 if the span is
 * malformed or too large (2^30 frames).
 */
size_t mete_frames_records(const struct mete_frames *frames, mete_paddr phys, size_t len);

/*
 * Add the free span [`phys`, `phys` + `len` - 1], whole frames, which offers the kinds of memory in the bit mask
 * `memory` (1u << METE_MEMORY_...).  `records` is aligned for any type, holds mete_frames_records() bytes and stays
 * in use for good.  A run never crosses from one span into another.
 *
 * Returns 0, or METE_EINVAL if the span is malformed or overlaps one that is there.  Takes O(zones + frames).
 */
int mete_frames_add(struct mete_frames *frames, mete_paddr phys, size_t len, uint32_t memory, void *records);

/*
 * Take a run that satisfies `want` and store its start; it is `want->len` rounded up to whole frames.
 *
 * Returns 0; METE_EINVAL for a malformed want; METE_ENOTSUP if no span offers that kind of memory; METE_ERANGE if
 * none would do with everything free; METE_ENOMEM if none does now.  A failure means that no fitting run exists,
 * unless METE_WALK_CAP was hit, which `ncapped` counts.
 *
 * Takes at most METE_WALK_CAP looks at free runs, and O(zones) besides.
 */
int mete_frames_take(struct mete_frames *frames, const struct mete_want *want, mete_paddr *ret_phys);

/*
 * Give back the run that starts at `phys` and was taken with `len` (before rounding up, or after).
 *
 * Returns 0; METE_EFAULT if no run that is taken starts there; METE_EMSGSIZE if it has another length.  Nothing
 * changes then.  Constant time, but for runs across zone edges: O(zones).
 */
int mete_frames_give(struct mete_frames *frames, mete_paddr phys, size_t len);

/* The length of the taken run that starts at `phys`, in bytes, or 0 if none does.  O(spans). */
size_t mete_frames_length(const struct mete_frames *frames, mete_paddr phys);

/* The longest free run, in bytes, joined across zone edges.  Takes O(free runs of the largest size class). */
size_t mete_frames_longest(const struct mete_frames *frames);

#ifdef __cplusplus
}
#endif
#endif
