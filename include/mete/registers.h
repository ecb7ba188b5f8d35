/* SPDX-License-Identifier: ISC */
/*
 * Registers: a device's, or a whole bus's, as the functions that read and write them.
 *
 * Shims turn their system's register access (bus_space(9), readl() and writel()) into these; where they end is the
 * program's choice: a rig's BAR (mete_rig_registers(3)), memory-mapped registers of a machine that the program runs on,
 * or a model in a test.  A value is a number; in what order its bytes cross the bus is the functions' business.
 *
 * Nothing here is an error: a driver's instruction has none.  An access that cannot be reads as a bus does that nobody
 * answers on, all ones, and writes nothing.
 */
#ifndef METE_REGISTERS_H
#define METE_REGISTERS_H

#include <mete/types.h>

/*
 * `width` is 1, 2, 4 or 8 bytes, `offset` a multiple of it, and the access ends within `len`: that is checked before.
 * 0 or a negative error: which is not looked at.  A write makes all memory that was written before visible to the
 * device; a read is complete before later loads from memory are made.  A relaxed write may leave that out: the device may
 * see it before it sees what was written to memory earlier.  NULL: as `write`.
 */
struct mete_registers_ops {
	int (*read)(void *ctx, uint64_t offset, unsigned width, uint64_t *ret_value);
	int (*write)(void *ctx, uint64_t offset, unsigned width, uint64_t value);
	int (*write_relaxed)(void *ctx, uint64_t offset, unsigned width, uint64_t value);
};

struct mete_registers {
	const struct mete_registers_ops *ops;
	void *ctx;
	uint64_t len; /* bytes */
};

/* What is read where nothing answers. */
#define METE_REGISTERS_ONES(width) (~(uint64_t)0 >> ((width) == 1 ? 56 : (width) == 2 ? 48 : (width) == 4 ? 32 : 0))

#ifdef __cplusplus
extern "C" {
#endif

/* Whether `len` bytes at `offset` are among them.  `registers` may be NULL: nothing is then.  Any context. */
static inline bool mete_registers_have(const struct mete_registers *registers, uint64_t offset, uint64_t len)
{
	return registers && len <= registers->len && offset <= registers->len - len;
}

/* Whether an access of `width` bytes can be made at `offset`: 1, 2, 4 or 8 bytes, aligned, and all there.  Any context. */
static inline bool mete_registers_allow(const struct mete_registers *registers, uint64_t offset, unsigned width)
{
	return (width == 1 || width == 2 || width == 4 || width == 8) && offset % width == 0 &&
	    mete_registers_have(registers, offset, width);
}

/*
 * The register of `width` bytes at `offset`.  All ones, in as many bits as a `width` of 1, 2 or 4 has and else in 64, if
 * the access cannot be made or the function behind it fails: the device is gone.  In whatever context that function may
 * be called.
 */
static inline uint64_t mete_registers_read(const struct mete_registers *registers, uint64_t offset, unsigned width)
{
	uint64_t value;

	if (!mete_registers_allow(registers, offset, width) ||
	    registers->ops->read(registers->ctx, offset, width, &value))
		return METE_REGISTERS_ONES(width);
	return value & METE_REGISTERS_ONES(width);
}

/*
 * Write it.  Bits of `value` beyond `width` are dropped.  Nothing happens if the access cannot be made.  In whatever
 * context the function behind it may be called.
 */
static inline void mete_registers_write(const struct mete_registers *registers, uint64_t offset, unsigned width,
    uint64_t value)
{
	if (mete_registers_allow(registers, offset, width))
		(void)registers->ops->write(registers->ctx, offset, width, value & METE_REGISTERS_ONES(width));
}

/* The same, but not a barrier: for a driver that has one where it needs it. */
static inline void mete_registers_write_relaxed(const struct mete_registers *registers, uint64_t offset, unsigned width,
    uint64_t value)
{
	const struct mete_registers_ops *ops;

	if (!mete_registers_allow(registers, offset, width))
		return;
	ops = registers->ops;
	(void)(ops->write_relaxed ? ops->write_relaxed : ops->write)(registers->ctx, offset, width,
	    value & METE_REGISTERS_ONES(width));
}

#ifdef __cplusplus
}
#endif
#endif
