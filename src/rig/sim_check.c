/* SPDX-License-Identifier: ISC */
/*
 * Sim and check: from the machine's hooks to the verifier.
 *
 * The machine tells of cache lines by physical address, and first of a stale line, then of the access that met it.  Drivers
 * know bus addresses, so lines are looked up through the device's bus ranges; behind an IOMMU they are not.
 */
#include <mete/sim.h>
#include <mete/sim_check.h>
#include <mete/watch.h>

#include <stdlib.h>

#define WATCHED 32

struct mete_sim_check {
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

static struct mete_device *device_of(const struct mete_sim_check *watch, uint16_t source)
{
	for (size_t i = 0; i < watch->n; i++) {
		if (watch->watched[i].source == source)
			return watch->watched[i].device;
	}
	return NULL;
}

static void on_access(void *ctx, const struct mete_sim_access *access)
{
	static const enum mete_watch_result results[METE_SIM_RESULTS] = {
		[METE_SIM_OK] = METE_WATCH_DONE, [METE_SIM_UNMAPPED] = METE_WATCH_UNMAPPED, [METE_SIM_PERMISSION] = METE_WATCH_PERMISSION,
		[METE_SIM_WIDTH] = METE_WATCH_WIDTH, [METE_SIM_BOUNDARY] = METE_WATCH_BOUNDARY, [METE_SIM_DECODE] = METE_WATCH_DECODE,
	};
	struct mete_sim_check *watch = ctx;
	struct mete_device *device = device_of(watch, access->source);
	bool dirty = watch->dirty && watch->dirty_source == access->source;

	watch->dirty = false;
	/* What a fault rule aborts is nobody's fault, and what is not the library's business stays so. */
	if (!device || access->result == METE_SIM_ABORTED || !access->len)
		return;
	const struct mete_watch_access seen = { .device = device, .bus = (mete_baddr)access->bus, .len = (size_t)access->len,
		.write = access->write, .stale = access->stale, .dirty = dirty, .late = access->late,
		.result = results[access->result] };
	mete_watch_access(watch->check, &seen);
}

static void on_line(void *ctx, const struct mete_sim_line *line)
{
	struct mete_sim_check *watch = ctx;
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
		const struct mete_watch_line seen = { .device = device, .bus = bus, .len = line->len, .cpu_first = line->cpu_first,
			.cpu_last = line->cpu_last, .clobbered = line->mishap == METE_SIM_CLOBBERED };
		mete_watch_line(watch->check, &seen);
	}
}

int mete_sim_check_start(struct mete_check *check, struct mete_rig *rig, struct mete_sim_check **ret_watch)
{
	if (!check || !rig || !ret_watch)
		return METE_EINVAL;
	struct mete_sim_check *watch = calloc(1, sizeof *watch);
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

int mete_sim_check_add(struct mete_sim_check *watch, const struct mete_rig_function *function, struct mete_device *device)
{
	if (!function || !device)
		return METE_EINVAL;
	if (watch->n == WATCHED)
		return METE_ENOMEM;
	watch->watched[watch->n].source = (uint16_t)(function->bus << 8 | function->slot << 3 | function->number);
	watch->watched[watch->n++].device = device;
	return 0;
}

void mete_sim_check_stop(struct mete_sim_check *watch)
{
	if (!watch)
		return;
	(void)mete_sim_watch(watch->rig, NULL);
	free(watch);
}
