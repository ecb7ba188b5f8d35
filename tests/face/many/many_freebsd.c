/* SPDX-License-Identifier: ISC */
/*
 * The driver that is written to FreeBSD's interface.
 *
 * Memory takes a tag of its own, as long as the memory.  Its map belongs to it and cannot load other memory; so the
 * driver has another tag, with two maps, for what others allocated.  Loads of the first map never wait; those of the
 * second do, and go on when the application says so.
 */
#include <sys/types.h>
#include <sys/errno.h>
#include <machine/bus.h>
#include <sys/bus_dma.h>

#include "many.h"

#define MAXSIZE 65536

static struct mete_freebsd_bus bus;
static bus_dma_tag_t tag, memory_tag;
static bus_dmamap_t map, late_map, memory_map;
static void *memory;

/* Where a callback puts what it is told. */
struct told {
	struct mete_segment *segs;
	size_t *n;
	int error;
};

static struct told late;

const int many_freebsd_waits = EINPROGRESS;

/* One thread needs no lock, but without a lock function no load is deferred. */
static void lockfunc(void *arg, bus_dma_lock_op_t op)
{
	(void)arg;
	(void)op;
}

static int make_tag(bus_size_t maxsize, bus_dma_tag_t *ret)
{
	return bus_dma_tag_create(bus.tag, 1, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, maxsize,
	    MANY_SEGMENTS, 4096, 0, lockfunc, NULL, ret);
}

static int attach(struct mete_device *device)
{
	int error = mete_freebsd_bus_init(&bus, device, NULL, NULL);

	if (!error)
		error = make_tag(MAXSIZE, &tag);
	if (!error)
		error = bus_dmamap_create(tag, 0, &map);
	return error ? error : bus_dmamap_create(tag, 0, &late_map);
}

/* The driver's own tag goes only if its memory has gone, so that a refused end can be repeated. */
static int detach(void)
{
	if (memory)
		return mete_freebsd_bus_fini(&bus);
	int error = bus_dmamap_destroy(tag, map);
	if (!error)
		error = bus_dmamap_destroy(tag, late_map);
	if (!error)
		error = bus_dma_tag_destroy(tag);
	return error ? error : mete_freebsd_bus_fini(&bus);
}

static void *dmamem_alloc(size_t len)
{
	if (make_tag((bus_size_t)len, &memory_tag))
		return NULL;
	if (bus_dmamem_alloc(memory_tag, &memory, BUS_DMA_NOWAIT, &memory_map)) {
		(void)bus_dma_tag_destroy(memory_tag);
		memory = NULL;
	}
	return memory;
}

static void dmamem_release(void *cpu, size_t len)
{
	(void)len; /* the tag knows */
	if (cpu != memory) {
		bus_dmamem_free(tag, cpu, map);
		return;
	}
	bus_dmamem_free(memory_tag, cpu, memory_map);
	(void)bus_dma_tag_destroy(memory_tag);
	memory = NULL;
}

static void callback(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
{
	struct told *told = arg;

	told->error = error;
	*told->n = (size_t)nsegs;
	for (int i = 0; i < nsegs; i++) {
		told->segs[i].bus = segs[i].ds_addr;
		told->segs[i].len = segs[i].ds_len;
	}
}

static int load(void *cpu, size_t len, struct mete_segment ret[MANY_SEGMENTS], size_t *ret_n)
{
	struct told told = { ret, ret_n, 0 };
	int error = bus_dmamap_load(tag, map, cpu, (bus_size_t)len, callback, &told, BUS_DMA_NOWAIT);

	return error ? error : told.error;
}

int many_freebsd_load_late(void *cpu, size_t len, struct mete_segment ret[MANY_SEGMENTS], size_t *ret_n)
{
	late = (struct told){ ret, ret_n, 0 };
	*ret_n = 0;
	int error = bus_dmamap_load(tag, late_map, cpu, (bus_size_t)len, callback, &late, BUS_DMA_WAITOK);
	return error ? error : late.error;
}

size_t many_freebsd_pump(void)
{
	return mete_freebsd_bus_pump(&bus);
}

void many_freebsd_late_to_device(void)
{
	bus_dmamap_sync(tag, late_map, BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE);
}

void many_freebsd_unload_late(void)
{
	bus_dmamap_unload(tag, late_map);
}

static void to_device(void)
{
	bus_dmamap_sync(tag, map, BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE);
}

static void to_cpu(void)
{
	bus_dmamap_sync(tag, map, BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE);
}

static void unload(void)
{
	bus_dmamap_unload(tag, map);
}

const struct many_driver many_freebsd = {
	"freebsd", ENOMEM, EINVAL,
	{ { "bus_dmamem_alloc", false, dmamem_alloc, dmamem_release } },
	attach, detach, load, to_device, to_cpu, unload,
};
