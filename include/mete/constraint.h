/* SPDX-License-Identifier: ISC */
/*
 * Constraint: what a device can put on its bus.
 *
 * One record that every operating system's encoding converts to, once, in its face.  Addresses are bus addresses,
 * ranges are inclusive, sizes are bytes.  A field that is 0 means "no limit" (for `first` that is the same thing), so
 * that `struct mete_constraint any = { 0 };` allows everything.
 */
#ifndef METE_CONSTRAINT_H
#define METE_CONSTRAINT_H

#include <mete/error.h>

struct mete_constraint {
	mete_baddr first;          /* lowest reachable address */
	mete_baddr last;           /* highest reachable address; 0: no limit */
	mete_baddr hole_first;     /* an excluded range inside [first, last] ... */
	mete_baddr hole_last;      /* ... and its end; 0: no hole */
	mete_baddr align;          /* power of two: a segment starts at `phase` modulo `align`; 0: anywhere */
	mete_baddr phase;          /* below `align` */
	mete_baddr boundary;       /* power of two: no segment straddles a multiple of it; 0: none */
	mete_baddr max_segment;    /* longest segment */
	mete_baddr max_transfer;   /* most bytes in one mapping */
	mete_baddr min_transfer;   /* fewest bytes in one mapping */
	uint32_t max_segments;     /* most segments in one mapping */
	uint32_t granularity;      /* lengths are multiples of it */
	uint32_t burst_sizes;      /* bit n set: bursts of 2^n bytes are possible; 0: any */
};

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Whether `c` allows anything at all.  NULL allows everything.
 *
 * Returns 0, or METE_EINVAL if a field is malformed (`align` or `boundary` not a power of two, `phase` not below
 * `align`, a range that ends before it starts) or the fields contradict each other (the hole covers the whole range,
 * `max_transfer` below `min_transfer`, `max_segment` or `max_transfer` below `granularity`).  Any context; constant time.
 */
int mete_constraint_check(const struct mete_constraint *c);

/*
 * Store in `ret` the stricter of `a` and `b`, field by field.  Either may be NULL, which allows everything; `ret` may
 * be either of them.
 *
 * The result allows nothing that `a` or `b` forbids.  It may forbid more: of two holes that leave a gap between them,
 * the result has one hole that covers both and the gap.  Two granularities become their least common multiple.
 *
 * Returns 0, or METE_EINVAL if `a` or `b` fails mete_constraint_check() or they contradict each other; `ret` is then
 * untouched.  Any context; time bound: the 64 steps of one greatest common divisor.
 */
int mete_constraint_merge(const struct mete_constraint *a, const struct mete_constraint *b, struct mete_constraint *ret);

/*
 * Whether the segment [`bus`, `bus` + `len` - 1] obeys the limits that concern one segment: range, hole, align,
 * boundary, max_segment.  `len` 0 never does.  Any context; constant time.
 */
bool mete_constraint_allows(const struct mete_constraint *c, mete_baddr bus, mete_baddr len);

#ifdef __cplusplus
}
#endif
#endif
