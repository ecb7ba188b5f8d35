/* SPDX-License-Identifier: ISC */
/*
 * Tell: events, made out of the way of the usual case.  All outside the guard, and only if
 * METE_OBSERVED().  `site` is where the core's caller goes on.
 */
#ifndef TELL_H
#define TELL_H

#include <mete/observe.h>

/* Memory was handed out, or was not. */
void mete__tell_alloc(const void *site, struct mete_device *device, enum mete_owner_kind owner_kind, const void *owner,
    const void *cpu, mete_baddr bus, size_t len, size_t room, enum mete_memory memory, unsigned flags,
    int error);

/* Memory is asked back. */
void mete__tell_memory(enum mete_event_kind kind, const void *site, struct mete_device *device,
    enum mete_owner_kind owner_kind, const void *owner, const void *cpu, mete_baddr bus, size_t len, int error);

/* A mapping without a map; `more` is its sync or its flags. */
void mete__tell_single(enum mete_event_kind kind, const void *site, struct mete_device *device, const void *cpu,
    mete_paddr phys, mete_baddr bus, size_t len, enum mete_access access, unsigned more, int error);

/* A map; `more` is its sync or its flags. */
void mete__tell_map(enum mete_event_kind kind, const void *site, const struct mete_map *map, size_t off, size_t len,
    enum mete_access access, unsigned more, int error);

/* A load reads `len` bytes of its object, from offset `off` of what it shows. */
void mete__tell_stretch(const struct mete_map *map, const void *cpu, mete_paddr phys, size_t off, size_t len);

/* A face told of a mistake. */
void mete__tell_mistake(struct mete_provider *provider, const void *site, int error);

/* Something is born or gone. */
void mete__tell_life(enum mete_event_kind kind, const void *site, struct mete_device *device,
    enum mete_owner_kind owner_kind, const void *owner, int error);

#endif
