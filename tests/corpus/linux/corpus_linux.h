/* SPDX-License-Identifier: ISC */
/*
 * What a program for Linux is: its probe, its work and its remove, in one call.  0 or a negative errno.
 */
#ifndef CORPUS_LINUX_H
#define CORPUS_LINUX_H

#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/errno.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/byteorder.h>
#include <mete/sim_devices.h>

#include "corpus.h"

int corpus_run(struct device *dev, u8 __iomem *regs);

struct nic_desc {
	__le64 buffer;
	__le16 len, flags;
	__le32 tag;
};

struct copy_desc {
	__le64 next, from, to;
	__le32 len, flags, tag, pad;
	__le32 done_tag, done_len, done_status, pad2[3];
};

#endif
