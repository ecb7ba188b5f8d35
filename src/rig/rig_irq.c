/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * Interrupts, without a CPU to take them.
 *
 * A message-signalled interrupt is a write of 32 bits to an address that software chose.  We choose a word of RAM for
 * each vector: raising is the device's own DMA write, waiting is looking at the word, and reporting sets it back to 0.
 * So messages arrive in order with the device's data, as they do on a real bus, and no emulated interrupt controller
 * is needed.
 *
 * For a line there is the status bit of PCI 2.3: set while the function asserts its INTx.  Looking at the bit was
 * preferred to intercepting the interrupt controller's inputs, which also brings every tick of every timer and does not
 * say which of the functions on a shared line it was.
 */
#include "rig_ops.h"

#include <stdatomic.h>
#include <time.h>

#define PCI_COMMAND 0x04
#define PCI_COMMAND_INTX_OFF 0x400u
#define PCI_STATUS 0x06
#define PCI_STATUS_INTX 0x8u
#define PCI_STATUS_CAPABILITIES 0x10u
#define PCI_CAPABILITIES 0x34
#define PCI_INTERRUPT_PIN 0x3d

#define MSI_ID 0x05
#define MSI_CONTROL 2         /* from the capability's start, as all below */
#define MSI_CONTROL_ON 0x1u
#define MSI_CONTROL_COUNT 0x70u
#define MSI_CONTROL_64 0x80u
#define MSI_ADDRESS 4

#define MSIX_ID 0x11
#define MSIX_CONTROL 2
#define MSIX_CONTROL_SIZE 0x7ffu
#define MSIX_CONTROL_MASK 0x4000u
#define MSIX_CONTROL_ON 0x8000u
#define MSIX_TABLE 4          /* BAR number in the low 3 bits, offset in the others */
#define MSIX_ENTRY 16         /* bytes: address low, address high, data, control */

/* What a vector's message writes: anything but 0. */
#define IRQ_MESSAGE 1u

static uint32_t irq_word_phys(const struct mete_rig_known *known, unsigned vector)
{
	size_t index = (size_t)(known - known->rig->known);
	return (uint32_t)(known->rig->place->ram + RIG_WORDS + (index * RIG_VECTORS + vector) * sizeof(uint32_t));
}

static _Atomic(uint32_t) *irq_word(const struct mete_rig_known *known, unsigned vector)
{
	return (_Atomic(uint32_t) *)(void *)rig_at(known->rig, irq_word_phys(known, vector));
}

static int irq_config_read(const struct mete_rig_known *known, unsigned offset, unsigned width, uint32_t *ret_value)
{
	return known->rig->ops->config_read(known->rig, known->devfn, offset, width, ret_value);
}

static int irq_config_write(const struct mete_rig_known *known, unsigned offset, unsigned width, uint32_t value)
{
	return known->rig->ops->config_write(known->rig, known->devfn, offset, width, value);
}

/* Where the capability `id` is; 0 if the function has none. */
static int irq_capability(const struct mete_rig_known *known, unsigned id, unsigned *ret_offset)
{
	uint32_t status, at, head;

	*ret_offset = 0;
	int error = irq_config_read(known, PCI_STATUS, 2, &status);
	if (error || !(status & PCI_STATUS_CAPABILITIES))
		return error;
	if ((error = irq_config_read(known, PCI_CAPABILITIES, 1, &at)))
		return error;

	/* 48 = what fits between the header's end and 256: a list that is longer runs in a circle. */
	for (unsigned n = 0; n < 48 && (at &= 0xfcu) >= 0x40; n++) {
		if ((error = irq_config_read(known, at, 2, &head)))
			return error;
		if ((head & 0xff) == id) {
			*ret_offset = at;
			return 0;
		}
		at = head >> 8;
	}
	return 0;
}

/* Messages replace the line; a function must not use both. */
static int irq_line(const struct mete_rig_known *known, bool on)
{
	uint32_t command;
	int error = irq_config_read(known, PCI_COMMAND, 2, &command);
	if (error)
		return error;
	command = on ? command & ~PCI_COMMAND_INTX_OFF : command | PCI_COMMAND_INTX_OFF;
	return irq_config_write(known, PCI_COMMAND, 2, command);
}

static int irq_msix_entry(const struct mete_rig_known *known, unsigned at, unsigned vector)
{
	const uint32_t entry[4] = { irq_word_phys(known, vector), 0, IRQ_MESSAGE, 0 };
	uint32_t table;

	int error = irq_config_read(known, at + MSIX_TABLE, 4, &table);
	if (error)
		return error;
	unsigned bar = table & 7;
	uint64_t offset = (table & ~7u) + (uint64_t)vector * MSIX_ENTRY;
	if (bar > 5 || !known->bar[bar].base || offset > known->bar[bar].len - MSIX_ENTRY)
		return METE_EIO; /* the device contradicts itself */

	/* The control word, which unmasks, comes last. */
	for (unsigned i = 0; i < 4 && !error; i++)
		error = known->rig->ops->write(known->rig, known->bar[bar].base + offset + 4 * i, 4, entry[i]);
	return error;
}

static int irq_enable_msix(struct mete_rig_known *known, unsigned at, unsigned vector)
{
	uint32_t control;

	int error = irq_config_read(known, at + MSIX_CONTROL, 2, &control);
	if (error)
		return error;
	known->nvectors = (control & MSIX_CONTROL_SIZE) + 1;
	if (vector >= known->nvectors)
		return METE_EINVAL;
	if ((error = irq_msix_entry(known, at, vector)) || (error = irq_line(known, false)))
		return error;
	control = (control | MSIX_CONTROL_ON) & ~MSIX_CONTROL_MASK;
	return irq_config_write(known, at + MSIX_CONTROL, 2, control);
}

static int irq_enable_msi(struct mete_rig_known *known, unsigned at, unsigned vector)
{
	uint32_t control;

	int error = irq_config_read(known, at + MSI_CONTROL, 2, &control);
	if (error)
		return error;
	known->nvectors = 1;
	if (vector)
		return METE_EINVAL;

	unsigned data_at = at + MSI_ADDRESS + 4;
	if ((error = irq_config_write(known, at + MSI_ADDRESS, 4, irq_word_phys(known, 0))))
		return error;
	if (control & MSI_CONTROL_64) {
		if ((error = irq_config_write(known, data_at, 4, 0)))
			return error;
		data_at += 4;
	}
	if ((error = irq_config_write(known, data_at, 2, IRQ_MESSAGE)) || (error = irq_line(known, false)))
		return error;
	control = (control | MSI_CONTROL_ON) & ~MSI_CONTROL_COUNT; /* a count of 0 is one message */
	return irq_config_write(known, at + MSI_CONTROL, 2, control);
}

static int irq_enable_line(struct mete_rig_known *known, unsigned vector)
{
	uint32_t pin;

	int error = irq_config_read(known, PCI_INTERRUPT_PIN, 1, &pin);
	if (error)
		return error;
	if (!pin)
		return METE_ENOTSUP;
	known->nvectors = 1;
	return vector ? METE_EINVAL : irq_line(known, true);
}

int mete_rig_irq_enable(struct mete_rig_function *function, unsigned vector)
{
	struct mete_rig_known *known = function->known;
	enum rig_irq irq;
	unsigned at;

	if (vector >= RIG_VECTORS)
		return METE_EINVAL;
	/* Before the device may write there, or its first message could be lost. */
	atomic_store(irq_word(known, vector), 0);

	int error = irq_capability(known, MSIX_ID, &at);
	if (error)
		return error;
	if (at) {
		irq = RIG_IRQ_MSIX;
		error = irq_enable_msix(known, at, vector);
	} else {
		if ((error = irq_capability(known, MSI_ID, &at)))
			return error;
		irq = at ? RIG_IRQ_MSI : RIG_IRQ_INTX;
		error = at ? irq_enable_msi(known, at, vector) : irq_enable_line(known, vector);
	}
	if (error)
		return error;

	known->irq = irq;
	known->enabled[vector / 8] |= (uint8_t)(1u << vector % 8);
	return 0;
}

const char *mete_rig_irq_kind(const struct mete_rig_function *function)
{
	static const char *const name[] = { "none", "MSI-X", "MSI", "INTx" };
	return name[function->known->irq];
}

static int irq_pending(const struct mete_rig_known *known, unsigned vector, bool *ret_pending)
{
	uint32_t status;

	if (known->irq != RIG_IRQ_INTX) {
		*ret_pending = atomic_exchange(irq_word(known, vector), 0) != 0;
		return 0;
	}
	int error = irq_config_read(known, PCI_STATUS, 2, &status);
	if (!error)
		*ret_pending = status & PCI_STATUS_INTX;
	return error;
}

static int64_t irq_now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* How long to rest before look number `n`: most interrupts are a few microseconds away, the others can wait. */
static unsigned irq_rest_us(unsigned n)
{
	return n < 20 ? 0 : n < 100 ? 20 : n < 200 ? 100 : 1000;
}

/* The same on a machine with a clock of its own: nothing happens there while we rest. */
static int irq_wait_advancing(const struct mete_rig_known *known, unsigned vector, unsigned timeout_ms)
{
	const struct rig_ops *ops = known->rig->ops;
	int64_t deadline = ops->now_us(known->rig) + (int64_t)timeout_ms * 1000;
	bool pending;

	for (int late = 0;;) {
		int error = irq_pending(known, vector, &pending);
		if (error || pending)
			return error;
		/* After the last thing has happened, look once more: it may have happened since the last look. */
		if (late)
			return late;
		error = ops->advance(known->rig, deadline);
		if (error && error != METE_ETIMEDOUT)
			return error;
		late = error;
	}
}

int mete_rig_irq_wait(struct mete_rig_function *function, unsigned vector, unsigned timeout_ms)
{
	struct mete_rig_known *known = function->known;
	bool pending;

	if (vector >= RIG_VECTORS || !(known->enabled[vector / 8] >> vector % 8 & 1))
		return METE_EINVAL;
	if (known->rig->ops->advance)
		return irq_wait_advancing(known, vector, timeout_ms);

	int64_t deadline = irq_now_us() + (int64_t)timeout_ms * 1000;
	for (unsigned n = 0;; n++) {
		int error = irq_pending(known, vector, &pending);
		if (error || pending)
			return error;
		if (irq_now_us() >= deadline)
			return METE_ETIMEDOUT;
		if ((error = known->rig->ops->pause(known->rig, irq_rest_us(n))))
			return error;
	}
}
