/* SPDX-License-Identifier: ISC */
/*
 * <sys/memdesc.h>: one type for all that can be loaded, for drivers that are handed different things; see memdesc(9) and
 * bus_dmamap_load_mem(9).
 *
 * A descriptor is a value; what it leads to stays its owner's.  In a list, `ds_addr` of each segment is an address as a
 * number, the CPU's in a vlist and a physical one in a plist.  Descriptors of CAM's control blocks and of VM pages are not
 * here, as neither are those.
 */
#ifndef METE_SHIM_FREEBSD_SYS_MEMDESC_H
#define METE_SHIM_FREEBSD_SYS_MEMDESC_H

#include <sys/types.h>
#include <sys/bio.h>
#include <mete/types.h>

typedef mete_paddr vm_paddr_t;

struct bus_dma_segment;
struct mbuf;
struct uio;

#define MEMDESC_VADDR 1
#define MEMDESC_PADDR 2
#define MEMDESC_VLIST 3
#define MEMDESC_PLIST 4
#define MEMDESC_UIO 6
#define MEMDESC_MBUF 7

struct memdesc {
	union {
		void *md_vaddr;
		vm_paddr_t md_paddr;
		struct bus_dma_segment *md_list;
		struct uio *md_uio;
		struct mbuf *md_mbuf;
	} u;
	union {
		size_t md_len; /* VADDR, PADDR: bytes */
		int md_nseg;   /* VLIST, PLIST: segments */
	};
	uint32_t md_type;
};

#if defined(__GNUC__)
#define METE_NATIVE static inline __attribute__((unused))
#else
#define METE_NATIVE static inline
#endif

METE_NATIVE struct memdesc memdesc_vaddr(void *vaddr, size_t len)
{
	struct memdesc mem;

	mem.u.md_vaddr = vaddr;
	mem.md_len = len;
	mem.md_type = MEMDESC_VADDR;
	return mem;
}

METE_NATIVE struct memdesc memdesc_paddr(vm_paddr_t paddr, size_t len)
{
	struct memdesc mem;

	mem.u.md_paddr = paddr;
	mem.md_len = len;
	mem.md_type = MEMDESC_PADDR;
	return mem;
}

METE_NATIVE struct memdesc memdesc_vlist(struct bus_dma_segment *vlist, int sglist_cnt)
{
	struct memdesc mem;

	mem.u.md_list = vlist;
	mem.md_nseg = sglist_cnt;
	mem.md_type = MEMDESC_VLIST;
	return mem;
}

METE_NATIVE struct memdesc memdesc_plist(struct bus_dma_segment *plist, int sglist_cnt)
{
	struct memdesc mem;

	mem.u.md_list = plist;
	mem.md_nseg = sglist_cnt;
	mem.md_type = MEMDESC_PLIST;
	return mem;
}

METE_NATIVE struct memdesc memdesc_uio(struct uio *uio)
{
	struct memdesc mem;

	mem.u.md_uio = uio;
	mem.md_len = 0; /* uio_resid tells */
	mem.md_type = MEMDESC_UIO;
	return mem;
}

METE_NATIVE struct memdesc memdesc_mbuf(struct mbuf *mbuf)
{
	struct memdesc mem;

	mem.u.md_mbuf = mbuf;
	mem.md_len = 0; /* the chain tells */
	mem.md_type = MEMDESC_MBUF;
	return mem;
}

/* The buffer of a request; of one whose buffer has no CPU address, nothing. */
METE_NATIVE struct memdesc memdesc_bio(struct bio *bio)
{
	bool none = bio->bio_flags & BIO_UNMAPPED || bio->bio_bcount < 0;

	return memdesc_vaddr(bio->bio_data, none ? 0 : (size_t)bio->bio_bcount);
}

#undef METE_NATIVE

#endif
