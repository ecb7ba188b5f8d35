/* SPDX-License-Identifier: ISC */
/*
 * Halves: what the units of this test show each other.
 */
#ifndef METE_TESTS_HALVES_H
#define METE_TESTS_HALVES_H

#include <mete/device.h>

/* The OpenBSD driver: takes a buffer, fills it, hands it over; later takes it back. */
int openbsd_start(struct mete_provider *provider);
void *openbsd_buffer(size_t size);
void openbsd_release(void *buffer, size_t size);
int openbsd_stop(void);

/* The Linux driver: shows a buffer, whoever allocated it, to its device; returns the bus address or 0. */
uint64_t linux_show(struct mete_device *core, void *buffer, size_t size);
void *linux_ring(struct mete_device *core, size_t size, uint64_t *ret_bus);
void linux_unring(struct mete_device *core, size_t size, void *ring, uint64_t bus);

/* The program's own functions of those names, with other types. */
int dma_alloc(int channel);
int dma_free(int channel);
const char *dma_pool_create(int depth);

#endif
