/* SPDX-License-Identifier: ISC */
/*
 * Bounce: stand-ins for memory that a device cannot reach, or must not share a cache line with.
 *
 * The area is one run that the device reaches, cut into slots by the frames engine; all of it is taken when the area is
 * made, and nothing later.
 */
#ifndef METE_BOUNCE_H
#define METE_BOUNCE_H

#include <mete/device.h>
#include <mete/frames.h>

struct mete_bounce_config {
	size_t len;       /* bytes of the area; 0: 1 MiB */
	size_t grain;     /* slots are multiples of it: a power of two, at least the cache line; 0: 2048.  Raised to the
	                   * IOMMU's page for a device that has a domain */
	size_t longest;   /* bytes of the longest stand-in; 0: 128 grains */
	size_t keep;      /* low bits of an address that a stand-in keeps, as a mask (power of two - 1); at most grain - 1 */
	bool always;      /* use a stand-in for every mapping: finds missing syncs on any machine */
};

struct mete_bounce_slot;

/* Storage belongs to the caller, contents to the library; must not move. */
struct mete_bounce {
	struct mete_device *device;
	struct mete_bounce_config config;
	struct mete_guard guard;
	struct mete_frames frames;
	void *frame_records;
	size_t frame_records_len;
	struct mete_bounce_slot *slots; /* one for each grain */
	size_t nslots;
	unsigned char *cpu;
	mete_paddr phys;
	mete_baddr bus;
	size_t run_len;                 /* of the run that the area is in */
	size_t nused;                   /* stand-ins in use */
};

#ifdef __cplusplus
extern "C" {
#endif

#define mete_bounce_init METE_ABI(mete_bounce_init)

/*
 * Make an area that `device` reaches within its streaming constraint, and use it for the device's mappings from now on.
 * METE_EINVAL; METE_EBUSY if the device has one; METE_ENOMEM, METE_ERANGE, METE_ENOTSUP as mete_device_alloc().
 */
int mete_bounce_init(struct mete_bounce *bounce, struct mete_device *device, const struct mete_bounce_config *config);

/* Give the area back.  METE_EBUSY, and nothing changes but a counter, while a stand-in is in use. */
int mete_bounce_fini(struct mete_bounce *bounce);

/* Stand-ins in use.  Any context; takes the guard. */
size_t mete_bounce_used(struct mete_bounce *bounce);

#ifdef __cplusplus
}
#endif
#endif
