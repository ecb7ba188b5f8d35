/* SPDX-License-Identifier: ISC */
/*
 * What an NVMe controller looks like, for every driver of it: registers, commands and completions, from the NVM Express
 * Base Specification 1.4.
 *
 * Nothing here belongs to an operating system, so drivers of each idiom include it beside their own native headers.
 * What a driver chooses (depths, timeouts, the longest transfer) is its own.
 */
#ifndef NVME_REGS_H
#define NVME_REGS_H

#include <stdint.h>

#define NVME_PAGE 4096u

#define NVME_CAP 0x00
#define NVME_CC 0x14
#define NVME_CC_ENABLE 0x1u
#define NVME_CC_SHUTDOWN 0x4000u
#define NVME_CC_ENTRIES (4u << 20 | 6u << 16) /* completions of 2^4 bytes, commands of 2^6 */
#define NVME_CSTS 0x1c
#define NVME_CSTS_READY 0x1u
#define NVME_CSTS_FATAL 0x2u
#define NVME_CSTS_SHUTDOWN 0xcu
#define NVME_CSTS_SHUTDOWN_DONE 0x8u
#define NVME_AQA 0x24
#define NVME_ASQ 0x28
#define NVME_ACQ 0x30
#define NVME_DOORBELLS 0x1000u

/* Admin commands, then I/O. */
enum {
	NVME_DELETE_SQ = 0x00,
	NVME_CREATE_SQ = 0x01,
	NVME_DELETE_CQ = 0x04,
	NVME_CREATE_CQ = 0x05,
	NVME_IDENTIFY = 0x06,
	NVME_SET_FEATURES = 0x09,

	NVME_WRITE = 0x01,
	NVME_READ = 0x02,
};

/* Little-endian fields of shared memory.  As types of their own, none is ever used without conversion. */
struct le16 { uint8_t byte[2]; };
struct le32 { uint8_t byte[4]; };
struct le64 { uint8_t byte[8]; };

struct nvme_command {
	uint8_t opcode, flags;
	struct le16 id;
	struct le32 nsid;
	struct le64 reserved, metadata, prp1, prp2;
	struct le32 dw10, dw11, dw12, dw13, dw14, dw15;
};

struct nvme_completion {
	struct le32 result, reserved;
	struct le16 sq_head, sq_id, id, status;
};

_Static_assert(sizeof(struct nvme_command) == 64, "a command is 64 bytes");
_Static_assert(sizeof(struct nvme_completion) == 16, "a completion is 16 bytes");

static inline struct le16 le16(uint32_t v)
{
	return (struct le16){ { (uint8_t)v, (uint8_t)(v >> 8) } };
}

static inline struct le32 le32(uint32_t v)
{
	return (struct le32){ { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) } };
}

static inline struct le64 le64(uint64_t v)
{
	struct le64 le;
	for (unsigned i = 0; i < 8; i++)
		le.byte[i] = (uint8_t)(v >> 8 * i);
	return le;
}

static inline uint16_t cpu16(struct le16 v)
{
	return (uint16_t)(v.byte[0] | v.byte[1] << 8);
}

static inline uint64_t cpu64(struct le64 v)
{
	uint64_t value = 0;
	for (unsigned i = 8; i-- > 0;)
		value = value << 8 | v.byte[i];
	return value;
}

#endif
