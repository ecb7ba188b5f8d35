/* SPDX-License-Identifier: ISC */
/*
 * Stretch: reading pieces.
 */
#include "stretch.h"

#include "bytes.h"
#include "checked.h"

bool mete__piece_sane(const struct mete_piece *piece)
{
	mete_paddr last;

	if (!piece->len)
		return true;
	return piece->len - 1 <= UINTPTR_MAX - (uintptr_t)piece->cpu &&
	    (!piece->placed || checked_last_phys(piece->phys, piece->len, &last));
}

/* The next stretch of the current piece.  METE_ENODEV: no piece is left. */
static int feed_part(struct feed *f, struct stretch *ret)
{
	const struct mete_provider *p = f->device->provider;
	size_t contiguous;

	ret->begins = !f->piece.len;
	while (!f->piece.len) {
		if (!f->pieces->next(f->pieces->ctx, &f->piece)) {
			f->piece.len = 0; /* whatever was left there: it is none */
			return METE_ENODEV;
		}
		if (!mete__piece_sane(&f->piece))
			return METE_EINVAL;
	}
	ret->cpu = f->piece.cpu;
	ret->phys = f->piece.phys;
	ret->len = f->piece.len;
	if (!f->piece.placed) {
		int error = p->ops->translate(p->ctx, f->piece.cpu, f->piece.len, &ret->phys, &contiguous);
		if (error)
			return error;
		if (ret->len > contiguous)
			ret->len = contiguous;
	}
	if (f->piece.cpu)
		f->piece.cpu = (unsigned char *)f->piece.cpu + ret->len;
	f->piece.phys += (mete_paddr)ret->len;
	f->piece.len -= ret->len;
	return 0;
}

static bool stretch_continues(const struct stretch *stretch, const struct stretch *next)
{
	bool cpu = stretch->cpu ? next->cpu == stretch->cpu + stretch->len : !next->cpu;
	return cpu && next->phys == stretch->phys + (mete_paddr)stretch->len && next->phys > stretch->phys;
}

int mete__feed_stretch(struct feed *f, struct stretch *ret)
{
	struct stretch next;
	int error;

	if (!f->ahead.len) {
		error = feed_part(f, &f->ahead);
		if (error)
			return error;
	}
	for (;;) {
		bool new_piece = !f->piece.len;
		error = feed_part(f, &next);
		if (error && error != METE_ENODEV)
			return error;
		if (!error && stretch_continues(&f->ahead, &next) && !(f->apart && new_piece)) {
			f->ahead.len += next.len;
			continue;
		}
		*ret = f->ahead;
		if (error)
			f->ahead.len = 0;
		else
			f->ahead = next;
		return 0;
	}
}

void mete__feed_start(struct feed *f, const struct mete_device *device, const struct mete_pieces *pieces, bool apart)
{
	mete__bytes_zero(f, sizeof *f);
	f->device = device;
	f->pieces = pieces;
	f->apart = apart;
}
