/* SPDX-License-Identifier: ISC */
/*
 * Map: memory made visible to a device.
 *
 * For now the direct way only: the memory is where the device can reach it as one segment, or the call fails.  It is
 * stateless: nothing is remembered but two counters.
 *
 * Access is in the device's terms.
 */
#ifndef METE_MAP_H
#define METE_MAP_H

#include <mete/device.h>

enum mete_access {
	METE_DEVICE_READS = 1,
	METE_DEVICE_WRITES = 2,
	METE_DEVICE_READS_WRITES = 3,
};

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Where `device` sees the `len` bytes at `cpu`, as one segment within its streaming constraint and `limit`, which may be
 * NULL; the stricter counts, field by field.
 *
 * Returns 0; METE_EINVAL (`len` 0, an unknown access, a malformed or contradicting limit); METE_EFAULT (the provider knows no physical address);
 * METE_ERANGE (not contiguous, out of the device's ranges, or against its constraint: `len` below min_transfer or no
 * multiple of granularity is, too); METE_ENOTSUP (a non-coherent device:
 * that takes sync, which is not there yet).  Nothing is mapped then, and a counter tells.
 *
 * Any context; never sleeps; O(ranges), and one call of the provider's translate.
 */
int mete_map_direct(struct mete_device *device, const struct mete_constraint *limit, const void *cpu, size_t len,
    enum mete_access access, mete_baddr *ret_bus);

/*
 * End a direct mapping.  Returns 0; METE_EINVAL as above; METE_ERANGE if the device sees no memory there.  Any context.
 */
int mete_unmap_direct(struct mete_device *device, mete_baddr bus, size_t len, enum mete_access access);

#ifdef __cplusplus
}
#endif
#endif
