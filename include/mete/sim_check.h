/* SPDX-License-Identifier: ISC */
/*
 * Check and sim: what devices of the simulated machine do, before the verifier's eyes.
 *
 * With it the verifier knows not only what a driver asks for, but what its device then does: whether it stays within what was
 * mapped for it, and whether it sees what the CPU wrote.
 */
#ifndef METE_SIM_CHECK_H
#define METE_SIM_CHECK_H

#include <mete/check.h>
#include <mete/rig.h>

struct mete_sim_check;

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Watch the devices of `rig`, whose provider `check` listens at; replaces the rig's hooks (see mete_sim_watch()).  Both must
 * outlive it.  METE_ENOTSUP if the rig is not simulated; METE_EINVAL, METE_ENOMEM.
 */
int mete_sim_check_start(struct mete_check *check, struct mete_rig *rig, struct mete_sim_check **ret_watch);

/*
 * `function` is what the library knows as `device`: from now on each of its accesses to memory must lie in what is allocated or
 * mapped for `device`.  At most 32.  METE_EINVAL; METE_ENOMEM if there are too many.
 */
int mete_sim_check_add(struct mete_sim_check *watch, const struct mete_rig_function *function,
    struct mete_device *device);

/* Stop to watch.  NULL is allowed. */
void mete_sim_check_stop(struct mete_sim_check *watch);

#ifdef __cplusplus
}
#endif
#endif
