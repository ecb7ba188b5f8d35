/* SPDX-License-Identifier: ISC */
/*
 * What drivers for Linux find here: a device's registers, mapped, and its interrupts.
 *
 * Linux would hand over a struct pci_dev and call the driver's handler.  Here the driver waits where it would otherwise
 * sleep until its handler wakes it.
 */
#ifndef LINUX_PLUG_H
#define LINUX_PLUG_H

#include <linux/io.h>

struct linux_plug {
	void __iomem *regs;
	void *ctx; /* of the functions, each 0 or a negative errno */
	int (*irq_enable)(void *ctx, unsigned vector);                     /* -EINVAL: it has no such vector */
	int (*irq_wait)(void *ctx, unsigned vector, unsigned timeout_ms);  /* -ETIMEDOUT; -EIO: the device is gone */
};

#endif
