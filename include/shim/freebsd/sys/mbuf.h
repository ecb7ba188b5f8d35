/* SPDX-License-Identifier: ISC */
/*
 * <sys/mbuf.h>: of mbufs, what bus_dmamap_load_mbuf(9) walks along.
 *
 * A packet is a chain of pieces; who makes the chains is the program's business, so there is no allocator here.  A
 * program that has mbufs puts its own <sys/mbuf.h> in front of this one.
 */
#ifndef METE_SHIM_FREEBSD_SYS_MBUF_H
#define METE_SHIM_FREEBSD_SYS_MBUF_H

#include <sys/types.h>

#define M_PKTHDR 0x00000002 /* the first of a packet: m_pkthdr is valid */

struct pkthdr {
	int32_t len; /* bytes of the whole packet */
};

struct mbuf {
	struct mbuf *m_next;
	struct mbuf *m_nextpkt;
	caddr_t m_data;
	int32_t m_len;
	uint32_t m_flags;
	struct pkthdr m_pkthdr;
};

#define mtod(m, t) ((t)(m)->m_data)

#endif
