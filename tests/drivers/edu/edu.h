/* SPDX-License-Identifier: ISC */
/*
 * A driver of QEMU's teaching device "edu", which copies between memory and a buffer of its own.
 *
 * The device drives 28 address lines and says nothing about an address that has more bits: it drops them.  So all that
 * keeps it out of foreign memory is its mask.  It knows Linux's interfaces and nothing else.
 */
#ifndef EDU_H
#define EDU_H

#include <linux/dma-mapping.h>

#include "edu_regs.h"
#include "linux_plug.h"

/* Mistakes that drivers make, for the controls of tests.  0: none. */
#define EDU_FLAW_MASK 0x1u      /* claims 32 address lines */
#define EDU_FLAW_DIRECTION 0x2u /* maps for the opposite direction */

struct edu {
	struct device *dev;
	const struct linux_plug *plug;
	unsigned char __iomem *regs;
	unsigned flaws;
	dma_addr_t last_bus;              /* of the last mapping */
	unsigned long mapped, unmapped;   /* dma_map_single, dma_unmap_single */
	unsigned long interrupts;
};

/* Start the device in `plug`, which must stay.  0; -ENODEV if it is another; or a negative errno. */
int edu_start(struct edu *edu, struct device *dev, const struct linux_plug *plug, unsigned flaws);

/*
 * Copy `len` bytes to the device's buffer, or from it.  0; -EINVAL (0, more than EDU_LEN_MAX); -ENOMEM if the memory
 * cannot be mapped; -EIO, -ETIMEDOUT.  Nothing is mapped afterwards.
 */
int edu_send(struct edu *edu, const void *from, size_t len);
int edu_receive(struct edu *edu, void *to, size_t len);

#endif
