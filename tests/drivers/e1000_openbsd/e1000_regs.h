/* SPDX-License-Identifier: ISC */
/*
 * Intel's 8254x gigabit controllers, from the manual for software developers (317453): the registers and descriptors that
 * a small driver needs.  QEMU's e1000 is an 82540EM.
 */
#ifndef E1000_REGS_H
#define E1000_REGS_H

#include <stdint.h>

#define E1000_CTRL 0x0000
#define E1000_CTRL_ASDE 0x00000020u /* the PHY tells the speed */
#define E1000_CTRL_SLU 0x00000040u  /* link up */
#define E1000_CTRL_RST 0x04000000u
#define E1000_STATUS 0x0008
#define E1000_STATUS_LU 0x00000002u
#define E1000_EERD 0x0014           /* one word of the EEPROM: its number in bits 8 to 15, its value in 16 to 31 */
#define E1000_EERD_START 0x00000001u
#define E1000_EERD_DONE 0x00000010u

#define E1000_ICR 0x00c0            /* causes of interrupts; reading clears them */
#define E1000_IMS 0x00d0            /* 1: let it interrupt ... */
#define E1000_IMC 0x00d8            /* ... or not */
#define E1000_INT_TXDW 0x00000001u  /* a descriptor that asked for it was done */
#define E1000_INT_LSC 0x00000004u   /* the link changed */
#define E1000_INT_RXDMT0 0x00000010u
#define E1000_INT_RXO 0x00000040u
#define E1000_INT_RXT0 0x00000080u  /* frames were received */

#define E1000_RCTL 0x0100
#define E1000_RCTL_EN 0x00000002u
#define E1000_RCTL_BAM 0x00008000u  /* broadcasts too */
#define E1000_RCTL_SECRC 0x04000000u /* without the frame's checksum.  Buffers of 2048 bytes: bits 16 and 17 are 0 */
#define E1000_TCTL 0x0400
#define E1000_TCTL_EN 0x00000002u
#define E1000_TCTL_PSP 0x00000008u  /* pad short frames */
#define E1000_TCTL_CT 0x00000100u   /* 16 attempts after collisions */
#define E1000_TCTL_COLD 0x00040000u /* 64 byte times, for full duplex */
#define E1000_TIPG 0x0410
#define E1000_TIPG_COPPER 0x0060200au /* between frames: 10, 8 and 6, as the manual wants for copper */

/* Of each ring: its address, its length in bytes (a multiple of 128), what the device does next, and where it stops. */
#define E1000_RX_RING 0x2800
#define E1000_TX_RING 0x3800
#define E1000_RING_LOW 0x00
#define E1000_RING_HIGH 0x04
#define E1000_RING_LEN 0x08
#define E1000_RING_HEAD 0x10
#define E1000_RING_TAIL 0x18

#define E1000_MTA 0x5200            /* filter for multicasts: 128 registers */
#define E1000_MTA_COUNT 128u
#define E1000_RAL0 0x5400           /* our address */
#define E1000_RAH0 0x5404
#define E1000_RAH_VALID 0x80000000u

/* A descriptor for sending; numbers are little-endian. */
struct e1000_tx_desc {
	uint64_t address;
	uint16_t len;
	uint8_t checksum_offset;
	uint8_t command;
	uint8_t status;
	uint8_t checksum_start;
	uint16_t special;
};

#define E1000_TX_EOP 0x01u  /* the frame's last */
#define E1000_TX_IFCS 0x02u /* append the checksum */
#define E1000_TX_RS 0x08u   /* report when done */

/* And one for receiving. */
struct e1000_rx_desc {
	uint64_t address;
	uint16_t len;
	uint16_t checksum;
	uint8_t status;
	uint8_t errors;
	uint16_t special;
};

#define E1000_DONE 0x01u    /* in `status` of both */
#define E1000_RX_EOP 0x02u

_Static_assert(sizeof(struct e1000_tx_desc) == 16 && sizeof(struct e1000_rx_desc) == 16, "as the device has them");

#endif
