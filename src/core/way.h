/* SPDX-License-Identifier: ISC */
/*
 * Way: what lies behind a bus address, and what makes and unmakes it.
 *
 * Two stages, each optional and independent of the other: a stand-in instead of the memory (bounce.c), an address of the
 * IOMMU's instead of the physical one (iova.c).
 */
#ifndef WAY_H
#define WAY_H

#include <mete/bounce.h>
#include <mete/iommu.h>
#include <mete/window.h>

/* Where bytes of a mapping are, as far as they are contiguous. */
struct way {
	unsigned char *cpu;      /* the memory itself; NULL: no CPU view */
	unsigned char *stand_in; /* what the device sees instead; NULL: the memory itself */
	mete_paddr phys;         /* of what the device sees */
	size_t len;
};

static inline bool access_known(enum mete_access access)
{
	return access == METE_DEVICE_READS || access == METE_DEVICE_WRITES || access == METE_DEVICE_READS_WRITES;
}

static inline bool sync_known(enum mete_sync sync)
{
	return sync == METE_FOR_DEVICE || sync == METE_FOR_CPU;
}

/* Resolve up to `len` bytes from `bus`.  METE_EFAULT if the device sees nothing there. */
int mete__way_find(const struct mete_device *device, mete_baddr bus, size_t len, struct way *ret);

/*
 * Pass ownership of [bus, bus + len - 1]; all of it is visible.  Copies and maintains caches, outside any guard.
 */
int mete__way_sync(struct mete_device *device, mete_baddr bus, size_t len, enum mete_sync sync, enum mete_access access);

/*
 * A stand-in for `len` bytes at `cpu`, holding a copy of them; the rest of its grains is zero.  Without an IOMMU it is
 * aligned as `limit` says, and does not straddle its boundary on the bus unless it is longer.  METE_ENOMEM, METE_ERANGE.
 */
int mete__bounce_take(struct mete_bounce *bounce, unsigned char *cpu, size_t len, const struct mete_constraint *limit,
    mete_paddr *ret_phys);

/* How far into its first grain a stand-in's data begin: as `limit` wants it, or else as in the original. */
size_t mete__bounce_pad(const struct mete_bounce *bounce, const unsigned char *cpu, const struct mete_constraint *limit);

/* Whether `way` leads into the area, but to no stand-in: it was given back. */
bool mete__way_freed(const struct mete_device *device, const struct way *way);

/* The stand-in that `phys` lies in: its original and extent.  False if there is none. */
bool mete__bounce_find(const struct mete_bounce *bounce, mete_paddr phys, struct way *ret);

/* The length of the stand-in whose data start at `phys`; 0 if none does. */
size_t mete__bounce_start(const struct mete_bounce *bounce, mete_paddr phys);

/* No stand-in: the end of a chain of those that leave. */
#define BOUNCE_NONE UINT32_MAX

/*
 * The stand-in whose data start at `phys` is nobody's from now on; it joins `chain`.  Its memory is not reused before
 * mete__bounce_give(), to be called when no device can reach it any more.
 */
void mete__bounce_leave(struct mete_bounce *bounce, mete_paddr phys, uint32_t *chain);
void mete__bounce_give(struct mete_bounce *bounce, uint32_t chain);

/* How much to try for, in whole units, when `len` was not to be had; 0: nothing is left to try. */
static inline size_t mete__hold_less(const struct mete_hold *hold, size_t len, size_t unit)
{
	size_t step = (hold->greedy ? len / 8 : len / 2) & ~(unit - 1);
	return len - (step ? step : unit);
}

/* Take a part of the area for `hold`: of hold->most bytes, or less.  METE_ENOMEM, METE_ERANGE. */
int mete__bounce_hold(struct mete_bounce *bounce, struct mete_hold *hold, const struct mete_constraint *limit);
void mete__bounce_unhold(struct mete_bounce *bounce, struct mete_hold *hold);

/*
 * A stand-in as above for the first of `*len` bytes at `cpu`, behind those taken before in what is held; `*len` becomes its
 * length.  METE_EMSGSIZE if there is no room.  While measuring, nothing is filled, and nothing stands in for anything.
 */
int mete__bounce_take_held(struct mete_bounce *bounce, struct mete_hold *hold, unsigned char *cpu, size_t *len,
    const struct mete_constraint *limit, mete_paddr *ret_phys);

/* Take an IOVA range of `len` bytes, rounded up to whole pages; its `len` bytes are within `limit`.  METE_ENOMEM, METE_ERANGE. */
int mete__iova_take(struct mete_domain *domain, const struct mete_constraint *limit, size_t len, mete_baddr *ret_iova);

/*
 * Remove the translations of [iova, iova + mapped - 1], and give the range back when the hardware has forgotten them:
 * before this returns if `now`, or else when the domain says.
 */
void mete__iova_give(struct mete_domain *domain, mete_baddr iova, size_t len, size_t mapped, bool now);

/* Remove the translations of [iova, iova + mapped - 1]; the hardware has forgotten them when this returns. */
void mete__iova_clear(struct mete_domain *domain, mete_baddr iova, size_t mapped);

/* Length of the range that starts at `iova`; 0 if none does. */
size_t mete__iova_length(struct mete_domain *domain, mete_baddr iova);

#endif
