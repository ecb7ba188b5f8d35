/* SPDX-License-Identifier: ISC */
/*
 * Ways' world: a small arena and a device, with a bounce area or behind a fake IOMMU, or both.
 *
 * The device reads and writes memory by bus address only, through what the IOMMU or the bus ranges show it.
 */
#ifndef METE_TESTS_WAYS_WORLD_H
#define METE_TESTS_WAYS_WORLD_H

#include <mete/bounce.h>
#include <mete/iommu.h>
#include <mete/window.h>

#include "fake_iommu.h"
#include "small_arena.h"

struct world {
	struct small_arena small;
	struct mete_device device;
	struct mete_bounce bounce;
	struct mete_domain domain;
	struct fake_iommu iommu;
	bool has_bounce, has_domain;
};

/* Low half of memory: what the narrow device reaches. */
#define REACH (SMALL_PHYS + SMALL_LEN / 2 - 1)

void start(struct world *w, const struct mete_constraint *streaming);

/* With a device that is not coherent, over a cache that holds nothing; `range` is what its bus shows (NULL: all). */
void start_noncoherent(struct world *w, size_t line, const struct mete_bus_range *range);

void with_bounce(struct world *w, const struct mete_bounce_config *config);

void with_domain(struct world *w, bool deferred);

/* Assert that nothing is left: no stand-in, no translation, no run. */
void end(struct world *w);

/* The byte that the device reaches, or NULL. */
unsigned char *device_byte(struct world *w, mete_baddr bus, enum mete_access access);

void device_writes(struct world *w, mete_baddr bus, size_t len, unsigned char value);

/* Assert that the device finds `want` there. */
void device_sees(struct world *w, mete_baddr bus, const unsigned char *want, size_t len);

/* Bytes that differ from place to place and from seed to seed. */
void fill(unsigned char *at, size_t len, unsigned seed);

#endif
