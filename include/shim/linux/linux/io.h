/* SPDX-License-Identifier: ISC */
/*
 * <linux/io.h>: a device's registers.
 *
 * An __iomem address lies in an aperture that mete_linux_iomap() made.  Nothing is there: the CPU traps on it, and only
 * the calls below know which registers it stands for.  Where nothing answers, since the device is gone, or the address
 * is in no aperture, or not aligned, a read is all ones and a write does nothing.
 *
 * A write makes visible what was written to memory before; a relaxed one does not, and needs a wmb() in front where that
 * matters.  Relaxed reads are ordered as the others are.
 */
#ifndef METE_SHIM_LINUX_LINUX_IO_H
#define METE_SHIM_LINUX_LINUX_IO_H

#include <asm/barrier.h>
#include <linux/compiler.h>
#include <linux/types.h>
#include <mete/registers.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * An aperture for `registers`, which are copied; what they lead to must stay until iounmap().  NULL: there are none, or
 * no addresses.  For whoever runs the driver.
 */
void __iomem *mete_linux_iomap(const struct mete_registers *registers);

/* Whether `io` is where an aperture starts that is no more now. */
bool mete_linux_iounmap(const volatile void __iomem *io);

/* The accesses below: `width` is 1, 2, 4 or 8. */
u64 mete_linux_io_read(const volatile void __iomem *io, unsigned width);
void mete_linux_io_write(volatile void __iomem *io, unsigned width, u64 value);
void mete_linux_io_write_relaxed(volatile void __iomem *io, unsigned width, u64 value);

#ifdef __cplusplus
}
#endif

/* NULL and what is no aperture's start: nothing. */
static inline void iounmap(volatile void __iomem *io)
{
	(void)mete_linux_iounmap(io);
}

#define METE_LINUX_IO(type, width, in, out, write)                                                                     \
	static inline type in(const volatile void __iomem *io)                                                         \
	{                                                                                                              \
		return (type)mete_linux_io_read(io, width);                                                            \
	}                                                                                                              \
	static inline void out(type value, volatile void __iomem *io)                                                  \
	{                                                                                                              \
		write(io, width, value);                                                                               \
	}
METE_LINUX_IO(u8, 1, readb, writeb, mete_linux_io_write)
METE_LINUX_IO(u16, 2, readw, writew, mete_linux_io_write)
METE_LINUX_IO(u32, 4, readl, writel, mete_linux_io_write)
METE_LINUX_IO(u64, 8, readq, writeq, mete_linux_io_write)
METE_LINUX_IO(u8, 1, readb_relaxed, writeb_relaxed, mete_linux_io_write_relaxed)
METE_LINUX_IO(u16, 2, readw_relaxed, writew_relaxed, mete_linux_io_write_relaxed)
METE_LINUX_IO(u32, 4, readl_relaxed, writel_relaxed, mete_linux_io_write_relaxed)
METE_LINUX_IO(u64, 8, readq_relaxed, writeq_relaxed, mete_linux_io_write_relaxed)
METE_LINUX_IO(u8, 1, ioread8, iowrite8, mete_linux_io_write)
METE_LINUX_IO(u16, 2, ioread16, iowrite16, mete_linux_io_write)
METE_LINUX_IO(u32, 4, ioread32, iowrite32, mete_linux_io_write)
METE_LINUX_IO(u64, 8, ioread64, iowrite64, mete_linux_io_write)
#undef METE_LINUX_IO

#endif
