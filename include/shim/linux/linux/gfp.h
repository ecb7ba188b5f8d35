/* SPDX-License-Identifier: ISC */
/*
 * <linux/gfp.h>: allocation flags, as distinct bits.
 *
 * The values are this library's; drivers use the names.
 */
#ifndef METE_SHIM_LINUX_LINUX_GFP_H
#define METE_SHIM_LINUX_LINUX_GFP_H

#include <linux/types.h>
#include <mete/linux.h>

#define __GFP_DMA 0x0001u
#define __GFP_HIGHMEM 0x0002u
#define __GFP_DMA32 0x0004u
#define __GFP_ZERO 0x0100u
#define __GFP_NOWARN 0x0200u
#define __GFP_COMP 0x0400u
#define __GFP_NORETRY 0x0800u
#define __GFP_DIRECT_RECLAIM 0x1000u
#define __GFP_RECLAIM __GFP_DIRECT_RECLAIM
#define __GFP_HIGH 0x2000u
#define __GFP_IO 0x4000u
#define __GFP_FS 0x8000u

#define GFP_ATOMIC __GFP_HIGH
#define GFP_NOWAIT 0u
#define GFP_KERNEL (__GFP_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_NOIO __GFP_RECLAIM
#define GFP_NOFS (__GFP_RECLAIM | __GFP_IO)
#define GFP_DMA __GFP_DMA
#define GFP_DMA32 __GFP_DMA32

/* What the face is told of them. */
static inline unsigned mete_linux_page_gfp(gfp_t gfp)
{
	return (gfp & __GFP_ZERO ? METE_LINUX_ZERO : 0) | (gfp & __GFP_DMA ? METE_LINUX_DMA : 0) |
	    (gfp & __GFP_DMA32 ? METE_LINUX_DMA32 : 0) | (gfp & __GFP_DIRECT_RECLAIM ? METE_LINUX_SLEEPS : 0);
}

#endif
