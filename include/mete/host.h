/* SPDX-License-Identifier: ISC */
/*
 * Host: a provider for tests on an ordinary computer, with invented addresses.
 *
 * Three spans, as a large machine has them: most memory above 4 GiB, which is the default choice, some below 4 GiB,
 * a little below 16 MiB.  Physical addresses come from a seed and never equal pointers, so a driver that mixes the
 * number spaces is found out.  Runs are contiguous in the CPU view and physically; memory that is not the provider's
 * (malloc, the stack) is scrambled page by page, as it is on a real machine.
 *
 * Threads: calls may come from any thread; a waiting request really waits.
 */
#ifndef METE_HOST_H
#define METE_HOST_H

#include <mete/provider.h>

struct mete_host;

struct mete_host_config {
	uint64_t seed;       /* of the addresses; 0 is as good as any other */
	size_t frame;        /* bytes, a power of two from 4096 to 65536; 0: 4096 */
	size_t large;        /* bytes above 4 GiB, below 2^46; 0: 256 MiB */
	size_t small;        /* bytes below 4 GiB, at most 2 GiB; 0: 32 MiB */
	size_t tiny;         /* bytes below 16 MiB, at most 8 MiB; 0: 1 MiB */
	size_t congruent;    /* pointers and physical addresses agree modulo this power of two, from `frame` to 1 MiB;
	                      * 0: METE_CONGRUENT.  Less is hostile: alignment then holds on the bus only */
	bool single;         /* no lock: one thread only */
	bool twice;          /* the spans are mapped a second time, and that is what mete_host_device_view() shows: so a verifier
	                      * may close the CPU's mapping while a device owns the memory */
};

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Create a host provider.  `config` may be NULL for all defaults.  Memory is reserved now and committed when touched.
 *
 * Returns 0; METE_EINVAL for a malformed config; METE_ENOMEM; METE_ENOTSUP where METE_ADDR_BITS is 32 (it needs
 * addresses above 4 GiB).
 */
int mete_host_create(const struct mete_host_config *config, struct mete_host **ret_host);

/* Destroy it.  METE_EBUSY, and nothing happens, while a run is held or a pool is left.  NULL is allowed. */
int mete_host_destroy(struct mete_host *host);

/* The provider to give to mete_device_init(). */
struct mete_provider *mete_host_provider(struct mete_host *host);

/*
 * What a device finds at physical address `phys`: the CPU view, and how many of the `len` bytes are contiguous there.
 * Works for the provider's memory and for foreign memory that was translated.  METE_EFAULT if there is nothing.
 */
int mete_host_device_view(struct mete_host *host, mete_paddr phys, size_t len, void **ret_cpu, size_t *ret_len);

/* Free bytes over all three spans.  Takes the guard. */
size_t mete_host_free(struct mete_host *host);

#ifdef __cplusplus
}
#endif
#endif
