/* SPDX-License-Identifier: ISC */
/*
 * Sim devices: registers and descriptors of the simulated machine's own models, for drivers in tests.
 *
 * They are made to be easy to drive and to need all that DMA can go wrong with: lists and rings in coherent memory,
 * buffers in streaming memory, ownership that passes by a bit, results that come back through memory.  Both are right
 * unless mete_sim_flaw() or mete_sim_evil() says otherwise.  BAR 0 is 64 KiB, of 64 bits, with an MSI-X table at 0x8000.
 * All numbers are little-endian; registers are 4 bytes wide, addresses 8, or twice 4.
 */
#ifndef METE_SIM_DEVICES_H
#define METE_SIM_DEVICES_H

#define METE_SIM_VENDOR 0x1234
#define METE_SIM_COPY_DEVICE 0x6d01
#define METE_SIM_NIC_DEVICE 0x6d02

/*
 * The copy engine: a linked list of descriptors, each 64 bytes at a multiple of 64.
 *
 * Writing the address of the first to START starts it, unless it is busy.  It takes a descriptor, copies, writes the three
 * words at DONE_TAG back, in one access, interrupts (vector 0) if asked to, and goes on to `next` until that is 0.
 * A descriptor with another length than 1 to 1 MiB, and an access that is refused, ends it with an error: in the
 * descriptor if it can be written, in STATUS always.  So does the 4096th descriptor of a list, which then is a circle.
 */
#define METE_SIM_COPY_ID 0x00      /* reads 0x6d010001 */
#define METE_SIM_COPY_CONTROL 0x04 /* 1: reset, at once */
#define METE_SIM_COPY_STATUS 0x08  /* 1: busy, 2: error, until reset */
#define METE_SIM_COPY_DONE 0x0c    /* descriptors completed since reset */
#define METE_SIM_COPY_START 0x10   /* 8 bytes; of two halves, the upper one starts */

#define METE_SIM_COPY_DESCRIPTOR 64
#define METE_SIM_COPY_NEXT 0       /* 8 bytes: bus address of the next, 0: the last */
#define METE_SIM_COPY_FROM 8       /* 8 */
#define METE_SIM_COPY_TO 16        /* 8 */
#define METE_SIM_COPY_LEN 24       /* 4 */
#define METE_SIM_COPY_FLAGS 28     /* 4: 1: interrupt when done */
#define METE_SIM_COPY_TAG 32       /* 4: the driver's */
#define METE_SIM_COPY_DONE_TAG 40  /* 4: written by the device, as the next two: the tag */
#define METE_SIM_COPY_DONE_LEN 44  /* 4: bytes copied */
#define METE_SIM_COPY_DONE_STATUS 48 /* 4: 1: done, 2: error */

/*
 * The network interface: a ring of descriptors to send from, one to receive into, and a cable from the one to the other.
 *
 * A descriptor is 16 bytes, a ring 2 to 1024 of them at a multiple of 16.  With OWN it is the device's, which clears OWN when
 * it has finished.  The device takes descriptors in order, from the first after reset; where it meets one without
 * OWN it stops, until the ring's KICK is written.  A frame is 1 to 2048 bytes.  What was sent arrives in the next descriptor of
 * the other ring, cut to its length, or is dropped if there is none.  Vector 0 tells of frames sent, vector 1 of
 * frames received.
 */
#define METE_SIM_NIC_ID 0x00       /* reads 0x6d020001 */
#define METE_SIM_NIC_CONTROL 0x04  /* 1: runs; writing 0 resets */
#define METE_SIM_NIC_STATUS 0x08   /* 2: error, until reset */
#define METE_SIM_NIC_DROPPED 0x0c  /* frames since reset */
#define METE_SIM_NIC_TX 0x10       /* 8 bytes: where the ring is */
#define METE_SIM_NIC_TX_COUNT 0x18 /* descriptors in it */
#define METE_SIM_NIC_TX_KICK 0x1c
#define METE_SIM_NIC_RX 0x20
#define METE_SIM_NIC_RX_COUNT 0x28
#define METE_SIM_NIC_RX_KICK 0x2c

#define METE_SIM_NIC_DESCRIPTOR 16
#define METE_SIM_NIC_BUFFER 0      /* 8 bytes: where the frame is or goes */
#define METE_SIM_NIC_LEN 8         /* 2: of the frame, or of the room for it; received: of the frame */
#define METE_SIM_NIC_FLAGS 10      /* 2 */
#define METE_SIM_NIC_TAG 12        /* 4: the driver's; comes back */
#define METE_SIM_NIC_OWN 0x8000u
#define METE_SIM_NIC_CUT 0x0001u   /* the frame was longer */
#define METE_SIM_NIC_ERROR 0x0002u

#endif
