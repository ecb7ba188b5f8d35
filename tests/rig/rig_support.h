/* SPDX-License-Identifier: ISC */
/*
 * What the tests of both rigs need: a device over a rig's RAM, files without a name, and proof that nothing is left
 * behind (descriptors, children, files).
 */
#ifndef RIG_SUPPORT_H
#define RIG_SUPPORT_H

#include "support.h"

#include <mete/device.h>
#include <mete/rig.h>

/*
 * Make a folder of our own the working directory and $TMPDIR, so that whatever a rig could leave lies there; and remove
 * it in the end.  Returns `status`, or 1 if the folder was not empty.
 */
void rig_folder_enter(void);
int rig_folder_leave(int status);

/* What there is before a test. */
struct rig_traces {
	size_t nfds;
	size_t nfiles; /* in the working directory */
};

struct rig_traces rig_traces_now(void);

/* Fails the test if there is more than before, or a child that nobody waited for. */
void rig_traces_check(const struct rig_traces *before);

/*
 * A nameless file with `len` bytes that depend on `seed`, and a path to it that works while `ret_fd` is open.
 * Returns its content; free() it.
 */
unsigned char *rig_file_make(size_t len, unsigned seed, int *ret_fd, char path[32]);

/* A device that reaches all of the rig's RAM at its physical addresses. */
void rig_device_init(struct mete_device *device, struct mete_rig *rig);

/* Zeroed memory for it. */
void *rig_alloc(struct mete_device *device, size_t len, uint64_t *ret_bus);

/* Register accesses that must succeed. */
uint64_t rig_get(const struct mete_rig_function *function, uint64_t offset, unsigned width);
void rig_put(const struct mete_rig_function *function, uint64_t offset, unsigned width, uint64_t value);

/*
 * What a driver's bus hands to it: wait until the function, a struct mete_rig_function, interrupts on vector 0.  0, or an
 * error as kernels have it, positive.
 */
int rig_intr_wait(void *function, unsigned ms);

/* Milliseconds of a clock that only goes forward. */
int64_t rig_now_ms(void);

#endif
