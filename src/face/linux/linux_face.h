/* SPDX-License-Identifier: ISC */
/*
 * What the files of the Linux face share: from masks to constraints, from directions to access.
 */
#ifndef LINUX_FACE_H
#define LINUX_FACE_H

#include <mete/linux.h>
#include <mete/observe.h>

#include "bytes.h"

/* First of all in each call: who observes hears of it, by the name that the driver used. */
#define LINUX_PIECES(view, name, count) \
	METE_OBSERVE_PIECES((view)->core ? (view)->core->provider : NULL, "linux", (view)->call ? (view)->call : name, count)
#define LINUX_CALL(view, name) LINUX_PIECES(view, name, 0)

/* The same where there is no device. */
#define LINUX_HERE(name) METE_OBSERVE_CALL(mete_linux_here->any.provider, "linux", name)
#define LINUX_BYTES(name, len) METE_OBSERVE_PIECES(mete_linux_here->any.provider, "linux", name, len)
#define LINUX_POOL(pool, name) METE_OBSERVE_CALL((pool) ? (pool)->core.provider : NULL, "linux", name)

/* Who observes hears of it: nothing that this library does depends on it. */
void mete__linux_tell(struct mete_device *core, enum mete_event_kind kind, mete_paddr phys, size_t len, int error);

/* The driver said by `gfp` whether it may sleep. */
static inline void linux_sleeps(struct mete_device *core, unsigned gfp)
{
	if ((gfp & METE_LINUX_SLEEPS) && METE_OBSERVED(core->provider))
		mete__linux_tell(core, METE_EVENT_SLEEPS, 0, 0, 0);
}

/* All that `mask` and `bus_limit` reach, as one constraint; a mask of 0 is unset and limits nothing. */
void mete__linux_limit(uint64_t mask, uint64_t bus_limit, struct mete_constraint *ret);

/* What a zone flag among `gfp` limits memory to. */
void mete__linux_zone(unsigned gfp, struct mete_constraint *ret);

/* End the pools of kmalloc; false, and nothing changes, while a block is live. */
bool mete__linux_kmalloc_end(struct mete_linux *here);

/* What a device does that is mapped for in `direction`.  0: not a direction. */
enum mete_access mete__linux_access(int direction);

/* Map `size` bytes at `cpu`, and tell why it failed. */
int mete__linux_map(const struct mete_linux_view *view, const void *cpu, size_t size, int direction,
    unsigned long attrs, mete_baddr *ret_bus);

#endif
