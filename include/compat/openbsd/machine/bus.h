/* SPDX-License-Identifier: ISC */
/*
 * <machine/bus.h>: OpenBSD's bus_dma(9).
 *
 * Written from the manual page.  Each native name is an inline call of a prefixed one, so that a program may own other
 * functions of these names.  A tag is made by the application, with mete_openbsd_tag_init().  The values of flags and
 * operations are our own, as they differ between OpenBSD's machines too.
 *
 * struct mbuf and struct uio are the driver's environment's: this file only knows the members that it walks along.
 * Differences: COMPATIBILITY in the manual pages, docs/FIDELITY.md.
 */
#ifndef METE_COMPAT_OPENBSD_MACHINE_BUS_H
#define METE_COMPAT_OPENBSD_MACHINE_BUS_H

#ifdef METE_FACE
#if METE_FACE != 3
#error "one native include root per translation unit"
#endif
#else
#define METE_FACE 3 /* openbsd */
#endif

#include <sys/types.h>
#include <sys/mbuf.h>
#include <sys/uio.h>
#include <mete/map.h>
#include <mete/bsd/object.h>
#include <mete/openbsd.h>

#define BUS_DMA_WAITOK 0x0000    /* may wait */
#define BUS_DMA_NOWAIT 0x0001    /* fail rather than wait */
#define BUS_DMA_ALLOCNOW 0x0002  /* no effect: create always allocates all that a load needs */
#define BUS_DMA_COHERENT 0x0004  /* hint: memory that needs no sync; syncs are still required */
#define BUS_DMA_STREAMING 0x0008 /* hint, no effect */
#define BUS_DMA_BUS1 0x0010      /* no effect */
#define BUS_DMA_BUS2 0x0020
#define BUS_DMA_BUS3 0x0040
#define BUS_DMA_BUS4 0x0080
#define BUS_DMA_READ 0x0100      /* the device will only write the memory */
#define BUS_DMA_WRITE 0x0200     /* the device will only read it */
#define BUS_DMA_NOCACHE 0x0400   /* hint: uncached memory */
#define BUS_DMA_ZERO 0x0800      /* clear the memory */
#define BUS_DMA_64BIT 0x1000     /* bus addresses of 4 GiB and more will do */

/* Seen from main memory: READ is from the device into memory. */
#define BUS_DMASYNC_PREREAD 0x1
#define BUS_DMASYNC_POSTREAD 0x2
#define BUS_DMASYNC_PREWRITE 0x4
#define BUS_DMASYNC_POSTWRITE 0x8

typedef mete_baddr bus_addr_t;
typedef mete_baddr bus_size_t;
typedef struct mete_openbsd_tag *bus_dma_tag_t;

typedef struct bus_dma_segment {
	bus_addr_t ds_addr;
	bus_size_t ds_len;
	void *_ds_cpu; /* of bus_dmamem_alloc: its CPU view; else NULL */
} bus_dma_segment_t;

/* Drivers read these; what else there is to a map lies behind them. */
typedef struct bus_dmamap {
	bus_size_t dm_mapsize; /* bytes loaded; 0: nothing is */
	int dm_nsegs;
	bus_dma_segment_t *dm_segs;
} *bus_dmamap_t;

struct proc;

#ifdef __cplusplus
extern "C" {
#endif

int mete_openbsd_bus_dmamap_create(bus_dma_tag_t t, bus_size_t size, int nsegments, bus_size_t maxsegsz,
    bus_size_t boundary, int flags, bus_dmamap_t *ret_map);
void mete_openbsd_bus_dmamap_destroy(bus_dma_tag_t t, bus_dmamap_t map);
int mete_openbsd_bus_dmamap_load(bus_dma_tag_t t, bus_dmamap_t map, void *buf, bus_size_t buflen, int flags);
int mete_openbsd_bus_dmamap_load_pieces(bus_dma_tag_t t, bus_dmamap_t map, const struct mete_pieces *pieces,
    size_t len, int flags);
int mete_openbsd_bus_dmamap_load_raw(bus_dma_tag_t t, bus_dmamap_t map, bus_dma_segment_t *segs, int nsegs,
    bus_size_t size, int flags);
void mete_openbsd_bus_dmamap_unload(bus_dma_tag_t t, bus_dmamap_t map);
void mete_openbsd_bus_dmamap_sync(bus_dma_tag_t t, bus_dmamap_t map, bus_addr_t offset, bus_size_t len, int ops);
int mete_openbsd_bus_dmamem_alloc(bus_dma_tag_t t, bus_size_t size, bus_size_t alignment, bus_size_t boundary,
    bus_dma_segment_t *segs, int nsegs, int *ret_nsegs, int flags);
void mete_openbsd_bus_dmamem_free(bus_dma_tag_t t, bus_dma_segment_t *segs, int nsegs);
int mete_openbsd_bus_dmamem_map(bus_dma_tag_t t, bus_dma_segment_t *segs, int nsegs, size_t size, void **ret_kva,
    int flags);
void mete_openbsd_bus_dmamem_unmap(bus_dma_tag_t t, void *kva, size_t size);
mete_paddr mete_openbsd_bus_dmamem_mmap(bus_dma_tag_t t, bus_dma_segment_t *segs, int nsegs, off_t off, int prot,
    int flags);

#ifdef __cplusplus
}
#endif

#if defined(__GNUC__)
#define METE_NATIVE static inline __attribute__((always_inline, unused))
#else
#define METE_NATIVE static inline
#endif

METE_NATIVE int bus_dmamap_create(bus_dma_tag_t tag, bus_size_t size, int nsegments, bus_size_t maxsegsz,
    bus_size_t boundary, int flags, bus_dmamap_t *dmamp)
{
	return mete_openbsd_bus_dmamap_create(tag, size, nsegments, maxsegsz, boundary, flags, dmamp);
}

METE_NATIVE void bus_dmamap_destroy(bus_dma_tag_t tag, bus_dmamap_t dmam)
{
	mete_openbsd_bus_dmamap_destroy(tag, dmam);
}

METE_NATIVE int bus_dmamap_load(bus_dma_tag_t tag, bus_dmamap_t dmam, void *buf, bus_size_t buflen, struct proc *p,
    int flags)
{
	(void)p; /* there is one address space */
	return mete_openbsd_bus_dmamap_load(tag, dmam, buf, buflen, flags);
}

METE_NATIVE int bus_dmamap_load_mbuf(bus_dma_tag_t tag, bus_dmamap_t dmam, struct mbuf *m, int flags)
{
	struct mete_bsd_object object = mete_bsd_mbufs(m);
	struct mete_pieces pieces = mete_bsd_pieces(&object);
	size_t len = m && (m->m_flags & M_PKTHDR) && m->m_pkthdr.len > 0 ? (size_t)m->m_pkthdr.len : 0;

	return mete_openbsd_bus_dmamap_load_pieces(tag, dmam, &pieces, len, flags);
}

METE_NATIVE int bus_dmamap_load_uio(bus_dma_tag_t tag, bus_dmamap_t dmam, struct uio *uio, int flags)
{
	struct mete_bsd_object object = mete_bsd_uio(uio);
	struct mete_pieces pieces = mete_bsd_pieces(&object);

	return mete_openbsd_bus_dmamap_load_pieces(tag, dmam, &pieces, object.len, flags);
}

METE_NATIVE int bus_dmamap_load_raw(bus_dma_tag_t tag, bus_dmamap_t dmam, bus_dma_segment_t *segs, int nsegs,
    bus_size_t size, int flags)
{
	return mete_openbsd_bus_dmamap_load_raw(tag, dmam, segs, nsegs, size, flags);
}

METE_NATIVE void bus_dmamap_unload(bus_dma_tag_t tag, bus_dmamap_t dmam)
{
	mete_openbsd_bus_dmamap_unload(tag, dmam);
}

METE_NATIVE void bus_dmamap_sync(bus_dma_tag_t tag, bus_dmamap_t dmam, bus_addr_t offset, bus_size_t len, int ops)
{
	mete_openbsd_bus_dmamap_sync(tag, dmam, offset, len, ops);
}

METE_NATIVE int bus_dmamem_alloc(bus_dma_tag_t tag, bus_size_t size, bus_size_t alignment, bus_size_t boundary,
    bus_dma_segment_t *segs, int nsegs, int *rsegs, int flags)
{
	return mete_openbsd_bus_dmamem_alloc(tag, size, alignment, boundary, segs, nsegs, rsegs, flags);
}

METE_NATIVE void bus_dmamem_free(bus_dma_tag_t tag, bus_dma_segment_t *segs, int nsegs)
{
	mete_openbsd_bus_dmamem_free(tag, segs, nsegs);
}

METE_NATIVE int bus_dmamem_map(bus_dma_tag_t tag, bus_dma_segment_t *segs, int nsegs, size_t size, caddr_t *kvap,
    int flags)
{
	void *kva;
	int error = mete_openbsd_bus_dmamem_map(tag, segs, nsegs, size, &kva, flags);

	if (!error)
		*kvap = (caddr_t)kva;
	return error;
}

METE_NATIVE void bus_dmamem_unmap(bus_dma_tag_t tag, caddr_t kva, size_t size)
{
	mete_openbsd_bus_dmamem_unmap(tag, kva, size);
}

METE_NATIVE mete_paddr bus_dmamem_mmap(bus_dma_tag_t tag, bus_dma_segment_t *segs, int nsegs, off_t off, int prot,
    int flags)
{
	return mete_openbsd_bus_dmamem_mmap(tag, segs, nsegs, off, prot, flags);
}

#undef METE_NATIVE

#if defined(__has_include)
#if __has_include(<machine/bus_space.h>)
#include <machine/bus_space.h> /* bus_space(9) is the shim's */
#endif
#endif

#endif
