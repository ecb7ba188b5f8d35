/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * Apertures: addresses without memory that stand for a device's registers.
 *
 * Drivers compute with an __iomem address, and some mistake it for memory.  So an aperture is address space that nobody
 * may touch: arithmetic works, and a load or store of the CPU's traps there, on the first day.
 *
 * The list is the process's, as its address space is.  It is short, and locked only while it is walked: a register
 * function may take its time.
 */
#include <linux/io.h>
#include <linux/spinlock.h>
#include <stdlib.h>
#include <sys/mman.h>

struct aperture {
	struct aperture *next;
	unsigned char *start;
	size_t len;
	struct mete_registers registers;
};

static struct aperture *apertures;
static spinlock_t lock;

void *mete_linux_iomap(const struct mete_registers *registers)
{
	if (!registers || !registers->ops || !registers->len || registers->len > SIZE_MAX / 2)
		return NULL;
	struct aperture *aperture = malloc(sizeof *aperture);
	if (!aperture)
		return NULL;
	aperture->registers = *registers;
	aperture->len = (size_t)registers->len;
	aperture->start = mmap(NULL, aperture->len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (aperture->start == MAP_FAILED) {
		free(aperture);
		return NULL;
	}
	spin_lock(&lock);
	aperture->next = apertures;
	apertures = aperture;
	spin_unlock(&lock);
	return aperture->start;
}

bool mete_linux_iounmap(const volatile void *io)
{
	struct aperture **place = &apertures;

	spin_lock(&lock);
	while (*place && (*place)->start != io)
		place = &(*place)->next;
	struct aperture *aperture = *place;
	if (aperture)
		*place = aperture->next;
	spin_unlock(&lock);
	if (!aperture)
		return false;
	(void)munmap(aperture->start, aperture->len);
	free(aperture);
	return true;
}

/* The registers at `io`, and how far behind their start it is.  False: no aperture is there. */
static bool find(const volatile void *io, struct mete_registers *ret_registers, uint64_t *ret_offset)
{
	struct aperture *aperture;

	spin_lock(&lock);
	for (aperture = apertures; aperture; aperture = aperture->next) {
		uintptr_t offset = (uintptr_t)io - (uintptr_t)aperture->start;
		if (offset < aperture->len) {
			*ret_registers = aperture->registers;
			*ret_offset = offset;
			break;
		}
	}
	spin_unlock(&lock);
	return aperture != NULL;
}

u64 mete_linux_io_read(const volatile void *io, unsigned width)
{
	struct mete_registers registers;
	uint64_t offset;

	return find(io, &registers, &offset) ? mete_registers_read(&registers, offset, width) : METE_REGISTERS_ONES(width);
}

void mete_linux_io_write(volatile void *io, unsigned width, u64 value)
{
	struct mete_registers registers;
	uint64_t offset;

	if (find(io, &registers, &offset))
		mete_registers_write(&registers, offset, width, value);
}

void mete_linux_io_write_relaxed(volatile void *io, unsigned width, u64 value)
{
	struct mete_registers registers;
	uint64_t offset;

	if (find(io, &registers, &offset))
		mete_registers_write_relaxed(&registers, offset, width, value);
}
