/* SPDX-License-Identifier: ISC */
/*
 * Watch: what a device did, put to the verifier by whoever sees it.
 *
 * A simulated machine sees everything its devices do (<mete/sim_check.h>); a model of your own, or a bus analyser, can tell the
 * verifier just as well.
 */
#ifndef METE_WATCH_H
#define METE_WATCH_H

#include <mete/check.h>

/* How an access ended. */
enum mete_watch_result {
	METE_WATCH_DONE,
	METE_WATCH_UNMAPPED,   /* nothing is there */
	METE_WATCH_PERMISSION, /* something is, but not for this */
	METE_WATCH_WIDTH,      /* more address bits than the device has */
	METE_WATCH_BOUNDARY,   /* across what it cannot count over */
	METE_WATCH_DECODE,     /* registers were there */
};

/* An access of a device to memory. */
struct mete_watch_access {
	struct mete_device *device;
	mete_baddr bus;
	size_t len;           /* at least 1 */
	bool write;
	bool stale;           /* allowed only by what an IOMMU had not forgotten yet */
	bool dirty;           /* it read a line that the CPU had written, and memory had not got yet */
	bool late;            /* it read without a store made before a register was written: no barrier was in between */
	enum mete_watch_result result;
};

/* What happened to a cache line. */
struct mete_watch_line {
	struct mete_device *device;
	mete_baddr bus;                /* of the line */
	size_t len;
	unsigned cpu_first, cpu_last;  /* bytes of it that the CPU had written */
	bool clobbered;                /* what a device had written is gone; else what the CPU had */
};

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Look at what a device did.  It must lie in what is allocated or mapped for the device, and be what that allows; what does not
 * is reported, without a line where it happened, since a device has none.  Takes the verifier's lock; not from inside its report
 * function.  Time: logarithmic in what is live.
 */
void mete_watch_access(struct mete_check *check, const struct mete_watch_access *access);
void mete_watch_line(struct mete_check *check, const struct mete_watch_line *line);

#ifdef __cplusplus
}
#endif
#endif
