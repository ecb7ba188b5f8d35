/* SPDX-License-Identifier: ISC */
/*
 * A model of a copy engine with a list of descriptors; what drivers see of it is in <mete/sim_devices.h>.
 *
 * One event a descriptor.  What a flaw holds back is completed by an event of its own, which writes to the descriptor
 * whoever has it by then.
 */
#include <mete/sim_devices.h>
#include <stdlib.h>
#include <string.h>

#include "sim_model.h"

#define COPY_IDENTITY 0x6d010001u
#define COPY_BUSY 1u
#define COPY_ERROR 2u
#define COPY_LEN_MAX (1u << 20)
#define COPY_LIST_MAX 4096u
#define COPY_DONE 1u
#define COPY_FAILED 2u
#define COPY_NS 2000u         /* for a descriptor: so much to twice that */
#define COPY_REORDER_NS 10000u
#define COPY_LATE_NS 1000000000u
#define COPY_HELD 8u

struct copy_done {
	uint64_t bus;
	uint32_t tag, len, status, flags;
};

struct sim_copy {
	struct sim_function function; /* first: the two are cast into each other */
	uint64_t start, next;
	uint32_t status, done, taken;
	uint64_t run;                 /* counts resets: events from before one are nobody's */
	struct copy_done held[COPY_HELD];
	unsigned nheld;
	unsigned char data[4096];
};

static struct sim_copy *copy_of(struct sim_function *function)
{
	return (struct sim_copy *)(void *)function;
}

static bool copy_write_back(struct sim_copy *c, const struct copy_done *done)
{
	unsigned char words[12];

	sim_store(words, 4, mete__sim_tell(&c->function, done->tag));
	sim_store(words + 4, 4, mete__sim_tell(&c->function, done->len));
	sim_store(words + 8, 4, done->status);
	c->done++;
	bool ok = mete__sim_put(&c->function, done->bus + METE_SIM_COPY_DONE_TAG, words, sizeof(words)) == METE_SIM_OK;
	if (done->flags & 1)
		mete__sim_raise(&c->function, 0);
	return ok;
}

static void copy_held(struct sim_function *function, uint64_t i)
{
	struct sim_copy *c = copy_of(function);
	(void)copy_write_back(c, &c->held[i % COPY_HELD]);
}

static void copy_hold(struct sim_copy *c, const struct copy_done *done, uint64_t ns)
{
	c->held[c->nheld % COPY_HELD] = *done;
	mete__sim_later(&c->function, ns, copy_held, c->nheld++);
}

static bool copy_complete(struct sim_copy *c, struct copy_done done, unsigned flaws)
{
	bool ok = true;

	if (flaws & METE_SIM_UNKNOWN_TAG)
		done.tag ^= 0x80000000u;
	if (flaws & METE_SIM_LATE)
		copy_hold(c, &done, COPY_LATE_NS);
	else if (flaws & METE_SIM_REORDER)
		copy_hold(c, &done, COPY_REORDER_NS);
	else if (!(flaws & METE_SIM_LOSE))
		ok = copy_write_back(c, &done);
	if (flaws & METE_SIM_DUPLICATE)
		copy_hold(c, &done, COPY_REORDER_NS);
	if (flaws & METE_SIM_SPURIOUS)
		mete__sim_raise(&c->function, 0);
	return ok;
}

/* Move `len` bytes, of which the last may be held back, or followed by more. */
static bool copy_move(struct sim_copy *c, uint64_t from, uint64_t to, uint32_t len, unsigned flaws)
{
	uint32_t written = flaws & METE_SIM_PARTIAL ? len / 2 : len;

	for (uint32_t done = 0, step; done < written; done += step) {
		step = written - done < sizeof(c->data) ? written - done : (uint32_t)sizeof(c->data);
		if (mete__sim_get(&c->function, from + done, c->data, step) ||
		    mete__sim_put(&c->function, to + done, c->data, step))
			return false;
	}
	if (flaws & METE_SIM_OVERRUN) {
		memset(c->data, 0xee, 16);
		(void)mete__sim_put(&c->function, to + len, c->data, 16);
	}
	return true;
}

static void copy_stop(struct sim_copy *c, uint32_t error)
{
	c->status = (c->status & ~COPY_BUSY) | error;
}

static void copy_run(struct sim_function *function, uint64_t run)
{
	struct sim_copy *c = copy_of(function);
	unsigned char d[METE_SIM_COPY_DESCRIPTOR];

	if (run != c->run)
		return;
	if (c->next % METE_SIM_COPY_DESCRIPTOR || ++c->taken > COPY_LIST_MAX ||
	    mete__sim_get(function, c->next, d, sizeof(d))) {
		copy_stop(c, COPY_ERROR);
		return;
	}
	unsigned flaws = mete__sim_flaws(function);
	struct copy_done done = { .bus = c->next, .tag = (uint32_t)sim_load(d + METE_SIM_COPY_TAG, 4),
		.len = (uint32_t)sim_load(d + METE_SIM_COPY_LEN, 4), .status = COPY_DONE,
		.flags = (uint32_t)sim_load(d + METE_SIM_COPY_FLAGS, 4) };
	if (!done.len || done.len > COPY_LEN_MAX ||
	    !copy_move(c, sim_load(d + METE_SIM_COPY_FROM, 8), sim_load(d + METE_SIM_COPY_TO, 8), done.len, flaws))
		done.status = COPY_FAILED;
	if (!copy_complete(c, done, flaws) || done.status != COPY_DONE) {
		copy_stop(c, COPY_ERROR);
		return;
	}
	c->next = sim_load(d + METE_SIM_COPY_NEXT, 8);
	if (c->next)
		mete__sim_later(function, mete__sim_about(function, COPY_NS), copy_run, run);
	else
		copy_stop(c, 0);
}

static void copy_start(struct sim_copy *c)
{
	if (c->status & (COPY_BUSY | COPY_ERROR))
		return;
	c->status |= COPY_BUSY;
	c->taken = 0;
	c->next = c->start;
	mete__sim_later(&c->function, mete__sim_about(&c->function, COPY_NS), copy_run, c->run);
}

static uint64_t copy_read(struct sim_function *function, uint64_t offset, unsigned width)
{
	const struct sim_copy *c = copy_of(function);

	if (width < 4)
		return UINT64_MAX;
	switch (offset) {
	case METE_SIM_COPY_ID: return COPY_IDENTITY;
	case METE_SIM_COPY_STATUS: return c->status;
	case METE_SIM_COPY_DONE: return c->done;
	case METE_SIM_COPY_START: return c->start;
	case METE_SIM_COPY_START + 4: return c->start >> 32;
	default: return 0;
	}
}

static void copy_write(struct sim_function *function, uint64_t offset, unsigned width, uint64_t value)
{
	struct sim_copy *c = copy_of(function);

	if (width < 4)
		return;
	switch (offset) {
	case METE_SIM_COPY_CONTROL:
		if (value & 1) {
			c->run++;
			c->status = c->done = 0;
		}
		break;
	case METE_SIM_COPY_START:
		c->start = width == 8 ? value : (c->start & ~0xffffffffull) | (uint32_t)value;
		if (width == 8)
			copy_start(c);
		break;
	case METE_SIM_COPY_START + 4:
		c->start = (c->start & 0xffffffffu) | value << 32;
		copy_start(c);
		break;
	default: break;
	}
}

static void copy_destroy(struct sim_function *function)
{
	free(copy_of(function));
}

struct sim_function *mete__sim_copy(void)
{
	struct sim_copy *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->function = (struct sim_function){
		.read = copy_read,
		.write = copy_write,
		.destroy = copy_destroy,
		.vendor = METE_SIM_VENDOR,
		.device = METE_SIM_COPY_DEVICE,
		.class_revision = 0x08010001u, /* system, DMA controller */
		.bar_len = 0x10000,
		.msix_table = 0x8000,
		.nvectors = 1,
		.flawed = true,
	};
	return &c->function;
}
