/* SPDX-License-Identifier: ISC */
/*
 * A small driver of Intel's 8254x network controllers as OpenBSD's drivers are written: frames out and in.
 *
 * Memory and addresses come from bus_dma(9) alone, registers from bus_space(9).  Frames are mbufs, which belong to the
 * program: it brings what takes and gives them.  The driver never waits for an interrupt: whoever gets it calls
 * e1000_intr().  One thread.  Errors are positive numbers, as in that kernel.
 */
#ifndef E1000_OPENBSD_H
#define E1000_OPENBSD_H

#include <sys/types.h>
#include <sys/mbuf.h>
#include <sys/device.h>
#include <machine/bus.h>
#include <stdbool.h>

#define E1000_RING 16u       /* descriptors of each ring; a multiple of 8 */
#define E1000_SEGS 8         /* pieces of a frame that is sent */
#define E1000_FRAME_MIN 60u
#define E1000_FRAME_MAX 1514u
#define E1000_BUFFER 2048u   /* bytes of a buffer to receive in */

/* Memory that both sides use from attach to detach. */
struct e1000_ring {
	bus_dma_segment_t seg;
	bus_dmamap_t map; /* NULL: there is none */
	caddr_t kva;
};

/* What a descriptor's memory is; of a frame that is sent, the slot of its first descriptor has it. */
struct e1000_slot {
	bus_dmamap_t map;
	struct mbuf *m;   /* NULL: nothing is loaded */
	unsigned last;    /* the frame's last descriptor */
};

/* Mistakes for a test to order: each is one that drivers make, and nobody should make here. */
enum e1000_mistake {
	E1000_NO_MISTAKE,
	E1000_SKIP_POSTREAD,   /* a frame that was received is not synced */
	E1000_SKIP_PREWRITE,   /* a frame is not synced before it is sent */
	E1000_TX_UNLOAD_EARLY, /* it is unloaded before it is sent */
	E1000_RX_UNLOAD_EARLY, /* a buffer is unloaded when it is given to the device */
};

/* What a bus, and a network stack, tell a driver. */
struct e1000_attach_args {
	const char *aa_xname;                           /* "em0" */
	bus_dma_tag_t aa_dmat;
	bus_space_tag_t aa_iot;                         /* the controller's registers ... */
	bus_space_handle_t aa_ioh;
	struct mbuf *(*aa_get)(void *arg);              /* an mbuf with E1000_BUFFER bytes of memory, or NULL */
	void (*aa_put)(void *arg, struct mbuf *m);      /* the end of a chain */
	void (*aa_input)(void *arg, struct mbuf *m);    /* a frame that was received, in one mbuf */
	void *aa_arg;
};

/* Storage belongs to the caller.  To be read, not written, but for the mistake. */
struct e1000_softc {
	struct device sc_dev;
	struct e1000_attach_args sc_aa;
	uint8_t sc_address[6];
	enum e1000_mistake sc_mistake;
	unsigned long sc_ntx, sc_nrx;      /* frames sent and received */
	unsigned long sc_ndescs;           /* descriptors that frames were sent with */
	unsigned long sc_nlost;            /* frames for which there was no fresh buffer, or that had errors */
	bus_addr_t sc_tx_bus;              /* where the last frame sent began on the bus, */
	bus_addr_t sc_rx_bus;              /* and where the device receives into first */

	bool sc_running;
	struct e1000_ring sc_tx, sc_rx;
	unsigned sc_tx_next, sc_tx_done;   /* next descriptor to fill; the oldest that is not known to be done */
	bus_dmamap_t sc_rx_spare;          /* never loaded between calls */
	unsigned sc_rx_next;               /* next descriptor to look at */
	struct e1000_slot sc_tx_slot[E1000_RING], sc_rx_slot[E1000_RING];
};

/*
 * Start the controller: its link is up, and it receives.  0, or a positive errno (ENXIO: it does not answer; ETIMEDOUT:
 * no link; ENOBUFS: no mbufs; ENOMEM), and then there is nothing to undo.
 */
int e1000_attach(struct e1000_softc *sc, const struct e1000_attach_args *aa);

/*
 * Send a frame without its checksum; the driver writes its own address as the source.  0, and the chain is the driver's
 * until `aa_put`; else it stays the caller's: ENETDOWN; EINVAL for a length that no frame has, or a first mbuf that does
 * not hold both addresses; EFBIG for more than E1000_SEGS pieces on the bus; ENOBUFS while the ring is full; ENOMEM.
 */
int e1000_start(struct e1000_softc *sc, struct mbuf *m);

/* See to an interrupt.  1 if it was the controller's, else 0. */
int e1000_intr(struct e1000_softc *sc);

/* Stop the controller and give everything back.  After an attach that failed: nothing. */
void e1000_detach(struct e1000_softc *sc);

#endif
