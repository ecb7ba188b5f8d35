/* SPDX-License-Identifier: ISC */
/*
 * What a program for FreeBSD is: its attach, its work and its detach, in one call.  0 or an errno.
 */
#ifndef CORPUS_FREEBSD_H
#define CORPUS_FREEBSD_H

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/endian.h>
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/bus.h>
#include <machine/bus.h>
#include <mete/sim_devices.h>
#include <string.h>

#include "corpus.h"

int corpus_run(bus_dma_tag_t dmat, bus_space_tag_t iot, bus_space_handle_t ioh);

struct nic_desc {
	uint64_t buffer;
	uint16_t len, flags;
	uint32_t tag;
};

struct copy_desc {
	uint64_t next, from, to;
	uint32_t len, flags, tag, pad;
	uint32_t done_tag, done_len, done_status, pad2[3];
};

#endif
