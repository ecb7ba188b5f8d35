/* SPDX-License-Identifier: ISC */
/*
 * Ring: the driver that docs/TESTING-DRIVERS.md tests.
 */
#ifndef RING_H
#define RING_H

#include <linux/dma-mapping.h>

#define RING_BUFFER 2048

struct ring {
	struct device *dev;
	void *descriptors;
	dma_addr_t descriptors_bus;
	dma_addr_t buffer_bus;
};

#ifdef __cplusplus
extern "C" {
#endif

int ring_start(struct ring *ring, struct device *dev, void *buffer);
void ring_receive(struct ring *ring, size_t received);
void ring_stop(struct ring *ring);

#ifdef __cplusplus
}
#endif
#endif
