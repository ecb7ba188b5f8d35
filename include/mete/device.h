/* SPDX-License-Identifier: ISC */
/*
 * Device: who must reach the memory, and what it sees.
 *
 * A device has a provider, a list of bus ranges (which physical addresses its bus shows, and where) and two
 * constraints: one for memory allocated for it (coherent), one for memory mapped for it (streaming).  Identity is a
 * special case: no ranges.
 */
#ifndef METE_DEVICE_H
#define METE_DEVICE_H

#include <mete/constraint.h>
#include <mete/provider.h>

/* Physical [phys, phys + len - 1] appears on the device's bus at [bus, bus + len - 1]. */
struct mete_bus_range {
	mete_paddr phys;
	mete_baddr bus;
	mete_paddr len; /* bytes; 0: up to the end of either space */
};

/* Most bus ranges of one device. */
#define METE_DEVICE_RANGES 8

struct mete_device_config {
	const char *name;                       /* for reports; not copied, may be NULL */
	struct mete_provider *provider;
	const struct mete_bus_range *ranges;    /* copied; NULL: bus addresses equal physical ones */
	size_t nranges;                         /* at most METE_DEVICE_RANGES */
	const struct mete_constraint *coherent; /* for memory allocated for the device; NULL: anything */
	const struct mete_constraint *streaming;/* for memory mapped for it; NULL: anything */
	bool noncoherent;                       /* the CPU's cache does not see what the device writes */
	size_t line;                            /* cache line in bytes, a power of two; 0: 64.  Matters if noncoherent */
};

/* Storage belongs to the caller, contents to the library. */
struct mete_bounce;
struct mete_domain;

struct mete_device {
	const char *name;
	struct mete_provider *provider;
	struct mete_constraint coherent;
	struct mete_constraint streaming;
	struct mete_bus_range range[METE_DEVICE_RANGES];
	size_t nranges;
	size_t line;
	bool noncoherent;
	struct mete_bounce *bounce;     /* see <mete/bounce.h>; NULL: none */
	struct mete_domain *domain;     /* see <mete/iommu.h>; NULL: none */
	size_t nlive;                   /* allocations and pools */
	unsigned long nmapped;          /* mappings made */
	unsigned long nunmapped;        /* mappings released */
};

/* Flags of the allocating calls. */
#define METE_ZERO 0x1u /* clear the memory; with an observer, as much of it as was asked for */
#define METE_WAIT 0x2u /* if memory lacks, wait until some is freed */

/* Which of a device's two constraints. */
enum mete_use { METE_USE_COHERENT, METE_USE_STREAMING };

#ifdef __cplusplus
extern "C" {
#endif

#define mete_device_init METE_ABI(mete_device_init)

/*
 * Describe a device.  Returns 0, or METE_EINVAL: no provider, malformed constraints or ranges, ranges that overlap on
 * the bus or physically, too many of them.
 */
int mete_device_init(struct mete_device *device, const struct mete_device_config *config);

/* Forget a device.  METE_EBUSY, and nothing changes but a counter, while an allocation or a pool is left. */
int mete_device_fini(struct mete_device *device);

/*
 * Replace one of the device's constraints; NULL allows everything.  Counts for requests from now on.
 * Returns 0 or METE_EINVAL; the old one stays then.
 */
int mete_device_limit(struct mete_device *device, enum mete_use use, const struct mete_constraint *constraint);

/*
 * Where the device sees physical [`phys`, `phys` + `len` - 1], `len` at least 1, whatever its constraints say.
 * METE_ERANGE if no single bus range shows all of it.  Any context; O(ranges).
 */
int mete_device_bus(const struct mete_device *device, mete_paddr phys, size_t len, mete_baddr *ret_bus);

/* The reverse.  METE_ERANGE if no bus range covers it.  Any context; O(ranges). */
int mete_device_phys(const struct mete_device *device, mete_baddr bus, size_t len, mete_paddr *ret_phys);

/*
 * The highest bus address at which the device would see memory of its provider, whatever its constraints say; 0 if its
 * bus shows none of it.  A device whose constraint reaches that far can have any memory.  Any context; O(ranges).
 */
mete_baddr mete_device_last(const struct mete_device *device);

/*
 * Allocate `len` bytes, whole frames, that the device can reach as one segment.
 *
 * `limit` may be NULL; otherwise the stricter of it and the device's coherent constraint counts, field by field.
 * `len` is at least 1.  With METE_ZERO every byte of the frames is cleared, else the content is unspecified.
 * `ret_bus` may be NULL.
 *
 * Returns 0; METE_EINVAL (`len` 0, unknown flags, a malformed or contradicting limit, `len` longer than max_segment,
 * max_transfer or boundary allow); METE_ENOTSUP (that kind of memory is not offered); METE_ERANGE (no address would ever do);
 * METE_ENOMEM.  With METE_WAIT, METE_ENOMEM only where waiting is impossible, and counted as wait_refused.
 *
 * May sleep only with METE_WAIT; while others wait, it lines up behind them before it tries.  Before it fails or waits,
 * idle slabs of all pools go back to the provider.  An alignment of a frame or more can only be met where the bus range's
 * offset is a multiple of a frame.
 * Time: the provider's, for each bus range; clearing is outside the guard.
 */
int mete_device_alloc(struct mete_device *device, const struct mete_constraint *limit, size_t len,
    enum mete_memory memory, unsigned flags, void **ret_cpu, mete_baddr *ret_bus);

/*
 * Free what mete_device_alloc() returned as `cpu` for the same device and the same `len`.  NULL is allowed.
 *
 * Returns 0; METE_EFAULT (not the start of an allocation of this device, or freed before); METE_EMSGSIZE.  Nothing is
 * freed then, and a counter tells.  Never sleeps.
 */
int mete_device_free(struct mete_device *device, void *cpu, size_t len);

/*
 * The bus address of an allocation of this device, by its `cpu`.  METE_EFAULT as above.  Never sleeps; takes the guard.
 */
int mete_device_address(struct mete_device *device, const void *cpu, mete_baddr *ret_bus);

#ifdef __cplusplus
}
#endif
#endif
