/* SPDX-License-Identifier: ISC */
/*
 * Check and sim: from the machine's hooks to the verifier.
 *
 * The machine tells of cache lines by physical address, and first of a stale line, then of the access that met it.  Drivers
 * know bus addresses, so lines are looked up through the device's bus ranges; behind an IOMMU they are not.
 */
#include <mete/check_sim.h>
#include <mete/sim.h>

#include <stdlib.h>

#include "watch.h"

#define WATCHED 32

struct mete_check_sim {
	struct mete_check *check;
	struct mete_rig *rig;
	size_t n;
	struct {
		uint16_t source;
		struct mete_device *device;
	} watched[WATCHED];
	bool dirty;            /* the access to come meets a stale line ... */
	uint16_t dirty_source; /* ... and is this one's */
};

static struct mete_device *device_of(const struct mete_check_sim *watch, uint16_t source)
{
	for (size_t i = 0; i < watch->n; i++) {
		if (watch->watched[i].source == source)
			return watch->watched[i].device;
	}
	return NULL;
}

static void on_access(void *ctx, const struct mete_sim_access *access)
{
	static const enum watch_result results[METE_SIM_RESULTS] = {
		[METE_SIM_OK] = WATCH_DONE, [METE_SIM_UNMAPPED] = WATCH_UNMAPPED, [METE_SIM_PERMISSION] = WATCH_PERMISSION,
		[METE_SIM_WIDTH] = WATCH_WIDTH, [METE_SIM_BOUNDARY] = WATCH_BOUNDARY, [METE_SIM_DECODE] = WATCH_DECODE,
	};
	struct mete_check_sim *watch = ctx;
	struct mete_device *device = device_of(watch, access->source);
	bool dirty = watch->dirty && watch->dirty_source == access->source;

	watch->dirty = false;
	/* What a fault rule aborts is nobody's fault, and what is not the library's business stays so. */
	if (!device || access->result == METE_SIM_ABORTED || !access->len)
		return;
	const struct watch_access seen = { .device = device, .bus = (mete_baddr)access->bus, .len = (size_t)access->len,
		.write = access->write, .stale = access->stale, .dirty = dirty,
		.gone = mete__watch_gone(watch->check, device), .result = results[access->result] };
	mete__watch_access(watch->check, &seen);
}

static void on_line(void *ctx, const struct mete_sim_line *line)
{
	struct mete_check_sim *watch = ctx;
	mete_baddr bus;

	if (line->mishap == METE_SIM_STALE) {
		watch->dirty = true;
		watch->dirty_source = line->source;
		return;
	}
	for (size_t i = 0; i < watch->n; i++) {
		struct mete_device *device = watch->watched[i].device;
		if ((line->source && watch->watched[i].source != line->source) || device->domain ||
		    mete_device_bus(device, line->phys, line->len, &bus))
			continue;
		const struct watch_line seen = { .device = device, .bus = bus, .len = line->len, .cpu_first = line->cpu_first,
			.cpu_last = line->cpu_last, .clobbered = line->mishap == METE_SIM_CLOBBERED };
		mete__watch_line(watch->check, &seen);
	}
}

int mete_check_sim_start(struct mete_check *check, struct mete_rig *rig, struct mete_check_sim **ret_watch)
{
	if (!check || !rig || !ret_watch)
		return METE_EINVAL;
	struct mete_check_sim *watch = calloc(1, sizeof *watch);
	if (!watch)
		return METE_ENOMEM;
	watch->check = check;
	watch->rig = rig;
	const struct mete_sim_hooks hooks = { on_access, on_line, watch };
	int error = mete_sim_watch(rig, &hooks);
	if (error) {
		free(watch);
		return error;
	}
	*ret_watch = watch;
	return 0;
}

int mete_check_sim_add(struct mete_check_sim *watch, const struct mete_rig_function *function, struct mete_device *device)
{
	if (!function || !device)
		return METE_EINVAL;
	if (watch->n == WATCHED)
		return METE_ENOMEM;
	watch->watched[watch->n].source = (uint16_t)(function->bus << 8 | function->slot << 3 | function->number);
	watch->watched[watch->n++].device = device;
	return 0;
}

void mete_check_sim_stop(struct mete_check_sim *watch)
{
	if (!watch)
		return;
	(void)mete_sim_watch(watch->rig, NULL);
	free(watch);
}
