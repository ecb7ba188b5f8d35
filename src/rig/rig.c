/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * Rig: the part that every machine has: RAM, its provider, and a door to each operation.
 *
 * RAM is a nameless file in memory (memfd), mapped shared, so that another process can be the one that owns the
 * devices.  The arena over it keeps its records in this process's own heap: a device can reach all of RAM, and nothing
 * else.  Those records are linked here as well, because mete_rig_stop() frees everything, also for a driver that
 * leaked.
 *
 * Not here: finding and setting up functions (rig_pci.c), interrupts (rig_irq.c).
 */
#include "rig_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct rig_record {
	struct rig_record *next, *prev;
	_Alignas(max_align_t) unsigned char body[];
};

static void *rig_record_alloc(void *ctx, size_t len)
{
	struct mete_rig *rig = ctx;

	if (len > SIZE_MAX - sizeof(struct rig_record))
		return NULL;
	struct rig_record *record = calloc(1, sizeof(*record) + len);
	if (!record)
		return NULL;

	record->next = rig->records;
	if (record->next)
		record->next->prev = record;
	rig->records = record;
	return record->body;
}

static void rig_record_free(void *ctx, void *body, size_t len)
{
	struct mete_rig *rig = ctx;

	(void)len;
	if (!body)
		return;
	void *start = (unsigned char *)body - offsetof(struct rig_record, body);
	struct rig_record *record = start;
	if (record->next)
		record->next->prev = record->prev;
	if (record->prev)
		record->prev->next = record->next;
	else
		rig->records = record->next;
	free(record);
}

int mete__rig_ram(struct mete_rig *rig, size_t len, int *ret_fd)
{
	if (!len)
		len = RIG_RAM_DEFAULT;
	if (len < RIG_RAM_MIN || len > RIG_RAM_MAX || len % RIG_MIB)
		return METE_EINVAL;
	if (len > SIZE_MAX - METE_CONGRUENT)
		return METE_ENOMEM;

	int fd = memfd_create("mete-rig-ram", MFD_CLOEXEC);
	if (fd < 0)
		return METE_ENOMEM;
	if (ftruncate(fd, (off_t)len))
		goto fail;

	/* Pointers and physical addresses must be congruent, and mmap() only knows pages: reserve more, then choose. */
	size_t map_len = len + METE_CONGRUENT;
	void *map = mmap(NULL, map_len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		goto fail;
	size_t skip = (size_t)(-(uintptr_t)map & (METE_CONGRUENT - 1));
	unsigned char *ram = (unsigned char *)map + skip;
	if (mmap(ram, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
		munmap(map, map_len);
		goto fail;
	}

	rig->ram = ram;
	rig->ram_len = len;
	rig->ram_map = map;
	rig->ram_map_len = map_len;
	*ret_fd = fd;
	return 0;

fail:
	close(fd);
	return METE_ENOMEM;
}

int mete__rig_twin(struct mete_rig *rig, int fd)
{
	void *twin = mmap(NULL, rig->ram_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (twin == MAP_FAILED)
		return METE_ENOMEM;
	rig->ram_twin = twin;
	return 0;
}

int mete__rig_init(struct mete_rig *rig)
{
	const struct mete_span span = {
		.cpu = rig->ram + RIG_MIB,
		.phys = (mete_paddr)rig->place->ram + RIG_MIB,
		.len = rig->ram_len - RIG_MIB,
		/* Memory is coherent whatever it is called; combining and uncached views do no harm either. */
		.memory = 1u << METE_MEMORY_CACHED | 1u << METE_MEMORY_COHERENT | 1u << METE_MEMORY_COMBINED |
		    1u << METE_MEMORY_UNCACHED,
	};
	return mete__rig_arena(rig, &span, 1);
}

int mete__rig_arena(struct mete_rig *rig, const struct mete_span *spans, size_t nspans)
{
	const struct mete_arena_config config = {
		.spans = spans,
		.nspans = nspans,
		.record_alloc = rig_record_alloc,
		.record_free = rig_record_free,
		.record_ctx = rig,
		.twice = true, /* a verifier may close the program's mapping: devices have the other one, or are in QEMU */
	};
	rig->provider = mete_arena_provider(&rig->arena);
	return mete_arena_init(&rig->arena, &config);
}

void mete__rig_fini(struct mete_rig *rig)
{
	while (rig->records)
		rig_record_free(rig, rig->records->body, 0);
	if (rig->ram_map)
		munmap(rig->ram_map, rig->ram_map_len);
	if (rig->ram_twin)
		munmap(rig->ram_twin, rig->ram_len);
	rig->ram_twin = NULL;
	rig->ram_map = NULL;
}

int mete__rig_disk(const char *path, int *ret_fd, uint64_t *ret_len, char *text, size_t text_len)
{
	struct stat st;

	/* Without O_NONBLOCK, opening a FIFO that nobody writes to would wait for ever. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st)) {
		mete__rig_say(text, text_len, "%s: %s", path, strerror(errno));
		goto fail;
	}
	if (!S_ISREG(st.st_mode)) {
		mete__rig_say(text, text_len, "%s: not a regular file", path);
		goto fail;
	}
	*ret_fd = fd;
	*ret_len = (uint64_t)st.st_size;
	return 0;

fail:
	if (fd >= 0)
		close(fd);
	return METE_EIO;
}

void mete__rig_say(char *text, size_t text_len, const char *format, ...)
{
	va_list args;

	if (!text || !text_len)
		return;
	va_start(args, format);
	vsnprintf(text, text_len, format, args);
	va_end(args);
}

size_t mete_rig_stop(struct mete_rig *rig)
{
	if (!rig)
		return 0;
	size_t held = mete_provider_held(rig->provider);

	/* The machine first: until it is gone, its devices may still write to RAM. */
	rig->ops->stop(rig);
	mete__rig_fini(rig);
	free(rig);
	return held;
}

struct mete_provider *mete_rig_provider(struct mete_rig *rig)
{
	return rig->provider;
}

const char *mete_rig_kind(const struct mete_rig *rig)
{
	return rig->ops->kind;
}

const char *mete_rig_last_words(struct mete_rig *rig)
{
	return rig->ops->last_words(rig);
}

long mete_rig_process(const struct mete_rig *rig)
{
	return rig->ops->process(rig);
}

/* Whether a cycle of `width` bytes at `offset` is aligned and ends inside `len` bytes. */
static bool rig_cycle_ok(uint64_t offset, unsigned width, unsigned widest, uint64_t len)
{
	if (width != 1 && width != 2 && width != 4 && width != 8)
		return false;
	return width <= widest && offset % width == 0 && width <= len && offset <= len - width;
}

int mete_rig_config_read(const struct mete_rig_function *function, unsigned offset, unsigned width,
    uint32_t *ret_value)
{
	if (!rig_cycle_ok(offset, width, 4, 256))
		return METE_EINVAL;
	return function->rig->ops->config_read(function->rig, function->known->devfn, offset, width, ret_value);
}

int mete_rig_config_write(const struct mete_rig_function *function, unsigned offset, unsigned width, uint32_t value)
{
	if (!rig_cycle_ok(offset, width, 4, 256))
		return METE_EINVAL;
	return function->rig->ops->config_write(function->rig, function->known->devfn, offset, width, value);
}

/* The BAR of that number; NULL if there is none. */
static struct rig_bar *rig_bar(const struct mete_rig_function *function, unsigned bar)
{
	return bar < 6 && function->known->bar[bar].base ? &function->known->bar[bar] : NULL;
}

/* Whose BAR it is, is only asked if somebody wants to know. */
static void rig_told(const struct rig_bar *bar, bool write, uint64_t offset, unsigned width, uint64_t value, int error)
{
	const struct mete_rig *rig = bar->rig;
	struct mete_rig_cycle cycle = { .write = write, .width = width, .offset = offset, .value = error ? 0 : value,
		.error = error };

	for (size_t i = 0; i < rig->nknown; i++) {
		const struct mete_rig_known *known = &rig->known[i];
		if (bar >= known->bar && bar < known->bar + 6) {
			cycle.source = (uint16_t)known->devfn;
			cycle.bar = (unsigned)(bar - known->bar);
		}
	}
	rig->watch(rig->watch_ctx, &cycle);
}

void mete_rig_watch(struct mete_rig *rig, void (*watch)(void *ctx, const struct mete_rig_cycle *cycle), void *ctx)
{
	rig->watch = watch;
	rig->watch_ctx = ctx;
}

static int rig_bar_read(void *ctx, uint64_t offset, unsigned width, uint64_t *ret_value)
{
	const struct rig_bar *bar = ctx;

	if (!bar || !rig_cycle_ok(offset, width, 8, bar->len))
		return METE_EINVAL;
	int error = bar->rig->ops->read(bar->rig, bar->base + offset, width, ret_value);
	/* What the register announced is in memory: later loads must not have been made earlier. */
	atomic_thread_fence(memory_order_seq_cst);
	if (bar->rig->watch)
		rig_told(bar, false, offset, width, error ? 0 : *ret_value, error);
	return error;
}

static int rig_bar_write_as(const struct rig_bar *bar, uint64_t offset, unsigned width, uint64_t value, bool relaxed)
{
	if (!bar || !rig_cycle_ok(offset, width, 8, bar->len))
		return METE_EINVAL;
	const struct rig_ops *ops = bar->rig->ops;
	if (!relaxed)
		atomic_thread_fence(memory_order_seq_cst);
	int error = (relaxed && ops->write_relaxed ? ops->write_relaxed : ops->write)(bar->rig, bar->base + offset, width,
	    value);
	if (bar->rig->watch)
		rig_told(bar, true, offset, width, value, error);
	return error;
}

static int rig_bar_write(void *ctx, uint64_t offset, unsigned width, uint64_t value)
{
	return rig_bar_write_as(ctx, offset, width, value, false);
}

static int rig_bar_write_relaxed(void *ctx, uint64_t offset, unsigned width, uint64_t value)
{
	return rig_bar_write_as(ctx, offset, width, value, true);
}

int mete_rig_read(const struct mete_rig_function *function, unsigned bar, uint64_t offset, unsigned width,
    uint64_t *ret_value)
{
	return rig_bar_read(rig_bar(function, bar), offset, width, ret_value);
}

int mete_rig_write(const struct mete_rig_function *function, unsigned bar, uint64_t offset, unsigned width,
    uint64_t value)
{
	return rig_bar_write(rig_bar(function, bar), offset, width, value);
}

int mete_rig_registers(const struct mete_rig_function *function, unsigned bar, struct mete_registers *ret_registers)
{
	static const struct mete_registers_ops ops = { .read = rig_bar_read, .write = rig_bar_write,
		.write_relaxed = rig_bar_write_relaxed };
	struct rig_bar *found = rig_bar(function, bar);

	if (!found)
		return METE_EINVAL;
	*ret_registers = (struct mete_registers){ .ops = &ops, .ctx = found, .len = found->len };
	return 0;
}

int mete_rig_write_relaxed(const struct mete_rig_function *function, unsigned bar, uint64_t offset, unsigned width,
    uint64_t value)
{
	return rig_bar_write_relaxed(rig_bar(function, bar), offset, width, value);
}
