/* SPDX-License-Identifier: ISC */
/*
 * Watch: what a device did, put to the verifier by whoever sees it.
 */
#ifndef WATCH_H
#define WATCH_H

#include <mete/check.h>

/* How an access ended. */
enum watch_result { WATCH_DONE, WATCH_UNMAPPED, WATCH_PERMISSION, WATCH_WIDTH, WATCH_BOUNDARY, WATCH_DECODE };

struct watch_access {
	struct mete_device *device;
	mete_baddr bus;
	size_t len;
	bool write;
	bool stale;           /* allowed only by what an IOMMU had not forgotten yet */
	bool dirty;           /* it read a line that the CPU had written, and memory had not */
	bool gone;            /* the device was finished */
	enum watch_result result;
};

/* What happened to a cache line: bytes [bus + cpu_first, bus + cpu_last] were the CPU's. */
struct watch_line {
	struct mete_device *device;
	mete_baddr bus;       /* of the line */
	size_t len;
	unsigned cpu_first, cpu_last;
	bool clobbered;       /* what a device wrote is gone; else what the CPU wrote */
};

/* Outside the lock: judge it. */
void mete__watch_access(struct mete_check *check, const struct watch_access *access);
void mete__watch_line(struct mete_check *check, const struct watch_line *line);

/* Outside: whether `device` was finished while the verifier listened. */
bool mete__watch_gone(struct mete_check *check, const struct mete_device *device);

#endif
