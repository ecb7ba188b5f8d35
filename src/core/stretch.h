/* SPDX-License-Identifier: ISC */
/*
 * Stretch: an object's memory as it lies, whatever pieces it came in.
 *
 * Pieces are read one by one and cut where physical memory is not contiguous, and joined where they meet.  Only the current
 * piece and the stretch in the making are remembered, so an object may be of any length.
 */
#ifndef STRETCH_H
#define STRETCH_H

#include <mete/map.h>

struct stretch {
	unsigned char *cpu; /* NULL: no CPU view */
	mete_paddr phys;
	size_t len;
	bool begins; /* with it a piece does */
};

/* Reads pieces as stretches; `ahead` is the stretch that the next piece may still continue. */
struct feed {
	const struct mete_device *device;
	const struct mete_pieces *pieces;
	struct mete_piece piece; /* what is left of the current one */
	struct stretch ahead;
	bool apart;              /* stretches end with their piece */
};

/* Whether a piece lies within the addresses that there are. */
bool mete__piece_sane(const struct mete_piece *piece);

/* Begin to read `pieces`, which stand at their first. */
void mete__feed_start(struct feed *feed, const struct mete_device *device, const struct mete_pieces *pieces, bool apart);

/* The next stretch.  METE_ENODEV at the end; METE_EINVAL, or what the provider's translate returned. */
int mete__feed_stretch(struct feed *feed, struct stretch *ret);

#endif
