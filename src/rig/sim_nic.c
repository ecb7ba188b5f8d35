/* SPDX-License-Identifier: ISC */
/*
 * A model of a network interface with two rings and a cable between them; what drivers see is in <mete/sim_devices.h>.
 *
 * One event a frame: fetch the descriptor, fetch the frame, hand the descriptor back, receive.  Flaws are those of
 * reception, where a device decides what the driver will believe.
 */
#include <mete/sim_devices.h>
#include <stdlib.h>
#include <string.h>

#include "sim_model.h"

#define NIC_IDENTITY 0x6d020001u
#define NIC_ERROR 2u
#define NIC_FRAME_MAX 2048u
#define NIC_COUNT_MAX 1024u
#define NIC_NS 1000u          /* for a frame: so much to twice that */
#define NIC_REORDER_NS 5000u
#define NIC_LATE_NS 1000000000u
#define NIC_HELD 8u
#define NIC_TX_VECTOR 0u
#define NIC_RX_VECTOR 1u

struct nic_ring {
	uint64_t base;
	uint32_t count, at;
};

struct nic_descriptor {
	uint64_t bus, buffer;        /* its own place, and its buffer's */
	uint32_t len, flags, tag;
};

struct sim_nic {
	struct sim_function function; /* first: the two are cast into each other */
	uint32_t control, status, dropped;
	bool runs;                    /* a frame is on its way */
	uint64_t run;                 /* counts resets: events from before one are nobody's */
	struct nic_ring tx, rx;
	struct nic_descriptor held[NIC_HELD];
	unsigned nheld;
	unsigned char frame[NIC_FRAME_MAX + 16];
};

static struct sim_nic *nic_of(struct sim_function *function)
{
	return (struct sim_nic *)(void *)function;
}

/* The descriptor that is next in the ring.  False: it is not the device's, or cannot be had. */
static bool nic_fetch(struct sim_nic *n, const struct nic_ring *ring, struct nic_descriptor *ret)
{
	unsigned char d[METE_SIM_NIC_DESCRIPTOR];
	uint64_t bus = ring->base + (uint64_t)ring->at * sizeof(d);

	if (ring->count < 2 || ring->count > NIC_COUNT_MAX)
		return false;
	if (ring->base % sizeof(d) || mete__sim_get(&n->function, bus, d, sizeof(d))) {
		n->status |= NIC_ERROR;
		return false;
	}
	*ret = (struct nic_descriptor){ .bus = bus, .buffer = sim_load(d, 8),
		.len = (uint32_t)sim_load(d + METE_SIM_NIC_LEN, 2), .flags = (uint32_t)sim_load(d + METE_SIM_NIC_FLAGS, 2),
		.tag = (uint32_t)sim_load(d + METE_SIM_NIC_TAG, 4) };
	return ret->flags & METE_SIM_NIC_OWN;
}

static void nic_advance(struct nic_ring *ring)
{
	ring->at = (ring->at + 1) % ring->count;
}

/* Hand a descriptor back.  Length, flags and tag are one word of the bus: OWN never goes before the rest. */
static void nic_return(struct sim_nic *n, const struct nic_descriptor *d, unsigned vector)
{
	unsigned char words[8];

	sim_store(words, 2, mete__sim_tell(&n->function, d->len) & 0xffff);
	sim_store(words + 2, 2, d->flags & ~METE_SIM_NIC_OWN);
	sim_store(words + 4, 4, mete__sim_tell(&n->function, d->tag));
	if (mete__sim_put(&n->function, d->bus + METE_SIM_NIC_LEN, words, sizeof(words)))
		n->status |= NIC_ERROR;
	mete__sim_raise(&n->function, vector);
}

static void nic_held(struct sim_function *function, uint64_t i)
{
	struct sim_nic *n = nic_of(function);
	nic_return(n, &n->held[i % NIC_HELD], NIC_RX_VECTOR);
}

static void nic_hold(struct sim_nic *n, const struct nic_descriptor *d, uint64_t ns)
{
	n->held[n->nheld % NIC_HELD] = *d;
	mete__sim_later(&n->function, ns, nic_held, n->nheld++);
}

static void nic_received(struct sim_nic *n, struct nic_descriptor *d, unsigned flaws)
{
	if (flaws & METE_SIM_UNKNOWN_TAG)
		d->tag ^= 0x80000000u;
	if (flaws & METE_SIM_LATE)
		nic_hold(n, d, NIC_LATE_NS);
	else if (flaws & METE_SIM_REORDER)
		nic_hold(n, d, NIC_REORDER_NS);
	else if (!(flaws & METE_SIM_LOSE))
		nic_return(n, d, NIC_RX_VECTOR);
	if (flaws & METE_SIM_DUPLICATE)
		nic_hold(n, d, NIC_REORDER_NS);
	if (flaws & METE_SIM_SPURIOUS)
		mete__sim_raise(&n->function, NIC_RX_VECTOR);
}

static void nic_receive(struct sim_nic *n, uint32_t len)
{
	struct nic_descriptor d;

	if (!nic_fetch(n, &n->rx, &d)) {
		n->dropped++;
		return;
	}
	nic_advance(&n->rx);
	unsigned flaws = mete__sim_flaws(&n->function);
	if (len > d.len) {
		d.flags |= METE_SIM_NIC_CUT;
		len = d.len;
	}
	uint32_t written = flaws & METE_SIM_PARTIAL ? len / 2 : flaws & METE_SIM_OVERRUN ? d.len + 16 : len;
	/* An overrun goes beyond the room there is, if the model has so many bytes itself. */
	written = written < sizeof(n->frame) ? written : (uint32_t)sizeof(n->frame);
	d.len = len;
	if (mete__sim_put(&n->function, d.buffer, n->frame, written))
		d.flags |= METE_SIM_NIC_ERROR;
	nic_received(n, &d, flaws);
}

static void nic_run(struct sim_function *function, uint64_t run)
{
	struct sim_nic *n = nic_of(function);
	struct nic_descriptor d;

	if (run != n->run)
		return;
	n->runs = false;
	if (!(n->control & 1) || !nic_fetch(n, &n->tx, &d))
		return;
	nic_advance(&n->tx);
	bool ok = d.len && d.len <= NIC_FRAME_MAX && !mete__sim_get(function, d.buffer, n->frame, d.len);
	if (!ok)
		d.flags |= METE_SIM_NIC_ERROR;
	nic_return(n, &d, NIC_TX_VECTOR);
	if (ok)
		nic_receive(n, d.len);
	n->runs = true;
	mete__sim_later(function, mete__sim_about(function, NIC_NS), nic_run, run);
}

static void nic_kick(struct sim_nic *n)
{
	if (n->runs || !(n->control & 1))
		return;
	n->runs = true;
	mete__sim_later(&n->function, mete__sim_about(&n->function, NIC_NS), nic_run, n->run);
}

static void nic_control(struct sim_nic *n, uint32_t value)
{
	n->control = value & 1;
	if (n->control)
		return;
	n->run++;
	n->runs = false;
	n->status = n->dropped = n->tx.at = n->rx.at = 0;
}

static uint64_t nic_read(struct sim_function *function, uint64_t offset, unsigned width)
{
	const struct sim_nic *n = nic_of(function);

	if (width < 4)
		return UINT64_MAX;
	switch (offset) {
	case METE_SIM_NIC_ID: return NIC_IDENTITY;
	case METE_SIM_NIC_CONTROL: return n->control;
	case METE_SIM_NIC_STATUS: return n->status;
	case METE_SIM_NIC_DROPPED: return n->dropped;
	case METE_SIM_NIC_TX: return n->tx.base;
	case METE_SIM_NIC_TX + 4: return n->tx.base >> 32;
	case METE_SIM_NIC_TX_COUNT: return n->tx.count;
	case METE_SIM_NIC_RX: return n->rx.base;
	case METE_SIM_NIC_RX + 4: return n->rx.base >> 32;
	case METE_SIM_NIC_RX_COUNT: return n->rx.count;
	default: return 0;
	}
}

static void nic_write4(struct sim_nic *n, uint64_t offset, uint32_t value)
{
	struct nic_ring *ring = offset & METE_SIM_NIC_RX ? &n->rx : &n->tx;

	switch (offset) {
	case METE_SIM_NIC_CONTROL: nic_control(n, value); break;
	case METE_SIM_NIC_TX:
	case METE_SIM_NIC_RX: ring->base = (ring->base & ~0xffffffffull) | value; break;
	case METE_SIM_NIC_TX + 4:
	case METE_SIM_NIC_RX + 4: ring->base = (ring->base & 0xffffffffu) | (uint64_t)value << 32; break;
	case METE_SIM_NIC_TX_COUNT:
	case METE_SIM_NIC_RX_COUNT:
		ring->count = value;
		ring->at = 0;
		break;
	case METE_SIM_NIC_TX_KICK:
	case METE_SIM_NIC_RX_KICK: nic_kick(n); break;
	default: break;
	}
}

static void nic_write(struct sim_function *function, uint64_t offset, unsigned width, uint64_t value)
{
	if (width < 4)
		return;
	nic_write4(nic_of(function), offset, (uint32_t)value);
	if (width == 8)
		nic_write4(nic_of(function), offset + 4, (uint32_t)(value >> 32));
}

static void nic_destroy(struct sim_function *function)
{
	free(nic_of(function));
}

struct sim_function *mete__sim_nic(void)
{
	struct sim_nic *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->function = (struct sim_function){
		.read = nic_read,
		.write = nic_write,
		.destroy = nic_destroy,
		.vendor = METE_SIM_VENDOR,
		.device = METE_SIM_NIC_DEVICE,
		.class_revision = 0x02800001u, /* network, other */
		.bar_len = 0x10000,
		.msix_table = 0x8000,
		.nvectors = 2,
		.flawed = true,
	};
	return &n->function;
}
