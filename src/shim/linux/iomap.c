/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * Windows: addresses without memory that stand for a device's registers.
 *
 * Drivers compute with an __iomem address, and some mistake it for memory.  So a window is address space that nobody may
 * touch: arithmetic works, and a load or store of the CPU's traps there, on the first day.
 *
 * The list is the process's, as its address space is.  It is short, and locked only while it is walked: a register
 * function may take its time.
 */
#include <linux/io.h>
#include <linux/spinlock.h>
#include <stdlib.h>
#include <sys/mman.h>

struct window {
	struct window *next;
	unsigned char *start;
	size_t len;
	struct mete_registers registers;
};

static struct window *windows;
static spinlock_t lock;

void *mete_linux_iomap(const struct mete_registers *registers)
{
	if (!registers || !registers->ops || !registers->len || registers->len > SIZE_MAX / 2)
		return NULL;
	struct window *window = malloc(sizeof *window);
	if (!window)
		return NULL;
	window->registers = *registers;
	window->len = (size_t)registers->len;
	window->start = mmap(NULL, window->len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (window->start == MAP_FAILED) {
		free(window);
		return NULL;
	}
	spin_lock(&lock);
	window->next = windows;
	windows = window;
	spin_unlock(&lock);
	return window->start;
}

bool mete_linux_iounmap(const volatile void *io)
{
	struct window **place = &windows;

	spin_lock(&lock);
	while (*place && (*place)->start != io)
		place = &(*place)->next;
	struct window *window = *place;
	if (window)
		*place = window->next;
	spin_unlock(&lock);
	if (!window)
		return false;
	(void)munmap(window->start, window->len);
	free(window);
	return true;
}

/* The registers at `io`, and how far behind their start it is.  False: no window is there. */
static bool find(const volatile void *io, struct mete_registers *ret_registers, uint64_t *ret_offset)
{
	struct window *window;

	spin_lock(&lock);
	for (window = windows; window; window = window->next) {
		uintptr_t offset = (uintptr_t)io - (uintptr_t)window->start;
		if (offset < window->len) {
			*ret_registers = window->registers;
			*ret_offset = offset;
			break;
		}
	}
	spin_unlock(&lock);
	return window != NULL;
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
