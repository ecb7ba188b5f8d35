/* SPDX-License-Identifier: ISC */
/*
 * QEMU's edu device, from its document docs/specs/edu: what every driver of it knows, in whatever idiom.
 */
#ifndef EDU_REGS_H
#define EDU_REGS_H

#define EDU_ADDRESS_BITS 28
#define EDU_LEN_MAX 4095u /* QEMU 7.2 aborts if the last byte of the 4 KiB is touched */

#define EDU_ID 0x00
#define EDU_ID_MASK 0xffffu
#define EDU_ID_VALUE 0x00edu
#define EDU_IRQ_ACK 0x64
#define EDU_IRQ_DMA 0x100u
#define EDU_DMA_FROM 0x80
#define EDU_DMA_TO 0x88
#define EDU_DMA_LEN 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_DMA_START 0x1u
#define EDU_DMA_TO_MEMORY 0x2u
#define EDU_DMA_IRQ 0x4u
#define EDU_BUFFER 0x40000u /* its own address of the buffer */

#endif
