/* SPDX-License-Identifier: ISC */
/*
 * <linux/dma-direction.h>: who reads and who writes.
 */
#ifndef METE_COMPAT_LINUX_LINUX_DMA_DIRECTION_H
#define METE_COMPAT_LINUX_LINUX_DMA_DIRECTION_H

enum dma_data_direction {
	DMA_BIDIRECTIONAL = 0,
	DMA_TO_DEVICE = 1,   /* the device reads memory */
	DMA_FROM_DEVICE = 2, /* the device writes memory */
	DMA_NONE = 3,
};

#endif
