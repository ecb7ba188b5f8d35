/* SPDX-License-Identifier: ISC */
/*
 * A model of edu, QEMU's teaching device, from QEMU's document docs/specs/edu and from how it behaves.
 *
 * It answers to its identity, inverts a word, computes factorials, raises interrupts, and copies between memory and a
 * buffer of 4 KiB that it sees at 0x40000.  A copy takes 100 ms.  It drives 28 address lines and drops the bits of an address
 * that it has no line for, without a word.
 *
 * QEMU stops the whole machine if a copy goes beyond the buffer, and its last byte counts as beyond; here such a copy moves
 * nothing and ends like any other.
 *
 *   BAR 0: 1 MiB; registers below 0x80 are 4 bytes wide, the others 4 or 8; narrower reads find 0, as QEMU's do
 */
#include <stdlib.h>
#include <string.h>

#include "sim_model.h"

#define EDU_LINES 28u
#define EDU_BUFFER_LEN 4096u
#define EDU_BUFFER 0x40000u
#define EDU_DMA_NS 100000000u
#define EDU_FACTORIAL_NS 1000000u

#define EDU_IDENTITY 0x010000edu
#define EDU_REG_ID 0x00
#define EDU_REG_LIVE 0x04
#define EDU_REG_FACTORIAL 0x08
#define EDU_REG_STATUS 0x20
#define EDU_STATUS_COMPUTES 0x01u
#define EDU_STATUS_INTERRUPTS 0x80u
#define EDU_REG_IRQ 0x24
#define EDU_REG_RAISE 0x60
#define EDU_REG_ACK 0x64
#define EDU_REG_FROM 0x80
#define EDU_REG_TO 0x88
#define EDU_REG_LEN 0x90
#define EDU_REG_COMMAND 0x98
#define EDU_COMMAND_RUN 0x1u
#define EDU_COMMAND_TO_MEMORY 0x2u
#define EDU_COMMAND_IRQ 0x4u
#define EDU_IRQ_FACTORIAL 0x001u
#define EDU_IRQ_DMA 0x100u

struct sim_edu {
	struct sim_function function; /* first: the two are cast into each other */
	uint32_t live, factorial, status, irq;
	uint64_t from, to, len, command;
	unsigned char buffer[EDU_BUFFER_LEN];
};

static struct sim_edu *edu_of(struct sim_function *function)
{
	return (struct sim_edu *)(void *)function;
}

static void edu_raise(struct sim_edu *e, uint32_t why)
{
	e->irq |= why;
	if (e->irq)
		mete__sim_line(&e->function, true);
}

static void edu_acknowledge(struct sim_edu *e, uint32_t what)
{
	e->irq &= ~what;
	if (!e->irq)
		mete__sim_line(&e->function, false);
}

static void edu_factorial(struct sim_function *function, uint64_t n)
{
	struct sim_edu *e = edu_of(function);
	uint32_t product = 1;

	/* Beyond 33 all the bits that are kept are 0. */
	for (uint32_t i = (uint32_t)n; i > 1 && product; i--)
		product *= i;
	e->factorial = product;
	e->status &= ~EDU_STATUS_COMPUTES;
	if (e->status & EDU_STATUS_INTERRUPTS)
		edu_raise(e, EDU_IRQ_FACTORIAL);
}

static bool edu_inside(uint64_t address, uint64_t len)
{
	return address >= EDU_BUFFER && address - EDU_BUFFER < EDU_BUFFER_LEN &&
	    len < EDU_BUFFER_LEN - (address - EDU_BUFFER);
}

static void edu_dma(struct sim_function *function, uint64_t arg)
{
	struct sim_edu *e = edu_of(function);
	const uint64_t lines = function->lines == 64 ? UINT64_MAX : (1ull << function->lines) - 1;

	(void)arg;
	if (e->command & EDU_COMMAND_TO_MEMORY) {
		if (edu_inside(e->from, e->len))
			(void)mete__sim_put(function, e->to & lines, e->buffer + (e->from - EDU_BUFFER), (size_t)e->len);
	} else if (edu_inside(e->to, e->len)) {
		(void)mete__sim_get(function, e->from & lines, e->buffer + (e->to - EDU_BUFFER), (size_t)e->len);
	}
	e->command &= ~(uint64_t)EDU_COMMAND_RUN;
	if (e->command & EDU_COMMAND_IRQ)
		edu_raise(e, EDU_IRQ_DMA);
}

static uint64_t *edu_dma_register(struct sim_edu *e, uint64_t offset)
{
	switch (offset) {
	case EDU_REG_FROM: return &e->from;
	case EDU_REG_TO: return &e->to;
	case EDU_REG_LEN: return &e->len;
	case EDU_REG_COMMAND: return &e->command;
	default: return NULL;
	}
}

static uint64_t edu_read(struct sim_function *function, uint64_t offset, unsigned width)
{
	struct sim_edu *e = edu_of(function);

	if (width < 4)
		return 0;
	if (width != 4 && offset < EDU_REG_FROM)
		return UINT64_MAX;
	const uint64_t *dma = edu_dma_register(e, offset);
	if (dma)
		return *dma;
	switch (offset) {
	case EDU_REG_ID: return EDU_IDENTITY;
	case EDU_REG_LIVE: return e->live;
	case EDU_REG_FACTORIAL: return e->factorial;
	case EDU_REG_STATUS: return e->status;
	case EDU_REG_IRQ: return e->irq;
	default: return UINT64_MAX;
	}
}

static void edu_write_dma(struct sim_edu *e, uint64_t *dma, uint64_t value)
{
	/* While it copies it listens to nothing. */
	if (e->command & EDU_COMMAND_RUN)
		return;
	if (dma != &e->command) {
		*dma = value;
		return;
	}
	if (!(value & EDU_COMMAND_RUN))
		return;
	e->command = value;
	mete__sim_later(&e->function, EDU_DMA_NS, edu_dma, 0);
}

static void edu_write(struct sim_function *function, uint64_t offset, unsigned width, uint64_t value)
{
	struct sim_edu *e = edu_of(function);

	if (width < 4 || (width != 4 && offset < EDU_REG_FROM))
		return;
	uint64_t *dma = edu_dma_register(e, offset);
	if (dma) {
		edu_write_dma(e, dma, value);
		return;
	}
	switch (offset) {
	case EDU_REG_LIVE: e->live = ~(uint32_t)value; break;
	case EDU_REG_FACTORIAL:
		if (e->status & EDU_STATUS_COMPUTES)
			break;
		e->status |= EDU_STATUS_COMPUTES;
		mete__sim_later(function, EDU_FACTORIAL_NS, edu_factorial, value);
		break;
	case EDU_REG_STATUS:
		e->status = (e->status & ~EDU_STATUS_INTERRUPTS) | (value & EDU_STATUS_INTERRUPTS);
		break;
	case EDU_REG_RAISE: edu_raise(e, (uint32_t)value); break;
	case EDU_REG_ACK: edu_acknowledge(e, (uint32_t)value); break;
	default: break;
	}
}

static void edu_destroy(struct sim_function *function)
{
	free(edu_of(function));
}

struct sim_function *mete__sim_edu(void)
{
	struct sim_edu *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->function = (struct sim_function){
		.read = edu_read,
		.write = edu_write,
		.destroy = edu_destroy,
		.vendor = 0x1234,
		.device = 0x11e8,
		.class_revision = 0x00ff0010u,
		.bar_len = 1u << 20,
		.bar_32 = true,
		.lines = EDU_LINES,
	};
	return &e->function;
}
