/* SPDX-License-Identifier: ISC */
/*
 * Linux on a rig: the plug of a driver for Linux made of a PCI function, and the memory of its kmalloc().
 */
#ifndef LINUX_RIG_H
#define LINUX_RIG_H

#include <mete/rig.h>

#include "linux_plug.h"

/*
 * Map BAR 0 of `pci`, which must stay, and take pages and kmalloc() from its rig.  0 or a negative error; then there is
 * nothing to close.  One at a time.
 */
int linux_rig_open(struct linux_plug *plug, struct mete_rig_function *pci);

/* Before the rig stops.  METE_EBUSY if the driver left memory behind.  A plug that is zeroed: 0. */
int linux_rig_close(struct linux_plug *plug);

#endif
