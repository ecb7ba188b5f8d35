/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * Backends: the allocators that are compared.
 *
 * Only mete knows of buses.  The others give memory that is contiguous for the CPU, which is what a program without a
 * DMA allocator would make do with; they are compared where the request says nothing but a length and an alignment.
 *
 * mimalloc is loaded and not linked: its library brings a malloc of its own, which would take glibc's place for the
 * whole program and so be measured twice.
 */
#include "bench.h"
#include "bench_arena.h"

#include <sys/pool.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void bench_die(const char *what, const char *why)
{
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(1);
}

static bool any_open(enum bench_use use)
{
	(void)use;
	return true;
}

static mete_baddr virtual_bus_of(void *cpu)
{
	return (uintptr_t)cpu;
}

/* null: the cost of the harness itself.  Its object is as large as any that is asked for, and aligned like it. */
static void *null_object;

static bool null_open(enum bench_use use)
{
	(void)use;
	null_object = aligned_alloc(METE_CLASS_MAX, METE_CLASS_MAX);
	return null_object != NULL;
}

static void *null_alloc(size_t len, size_t align)
{
	(void)len;
	(void)align;
	return null_object;
}

static void null_free(void *cpu, size_t len)
{
	(void)cpu;
	(void)len;
}

static void *null_run_alloc(const struct mete_constraint *limit, size_t len)
{
	(void)limit;
	(void)len;
	return null_object;
}

static bool mete_open(enum bench_use use)
{
	bench_arena_open(use);
	return true;
}

static void *mete_alloc(size_t len, size_t align)
{
	(void)align; /* the size class's, always */
	return dma_alloc(len, PR_NOWAIT);
}

static void mete_free(void *cpu, size_t len)
{
	dma_free(cpu, len);
}

static void *mete_run_alloc(const struct mete_constraint *limit, size_t len)
{
	void *cpu;
	return mete_device_alloc(&bench_arena_device, limit, len, METE_MEMORY_CACHED, 0, &cpu, NULL) ? NULL : cpu;
}

static void mete_run_free(void *cpu, size_t len)
{
	if (mete_device_free(&bench_arena_device, cpu, len))
		bench_die("mete", "a run could not be freed");
}

static mete_baddr mete_bus_of(void *cpu)
{
	mete_baddr bus;
	if (mete_device_address(&bench_arena_device, cpu, &bus))
		bench_die("mete", "a run has no address");
	return bus;
}

static void *glibc_alloc(size_t len, size_t align)
{
	(void)align; /* 16, whatever is asked */
	return malloc(len);
}

static void *glibc_alloc_aligned(size_t len, size_t align)
{
	void *cpu;
	return posix_memalign(&cpu, align, len) ? NULL : cpu;
}

static void glibc_free(void *cpu, size_t len)
{
	(void)len;
	free(cpu);
}

static void *glibc_run_alloc(const struct mete_constraint *limit, size_t len)
{
	return glibc_alloc_aligned(len, (size_t)limit->align);
}

static void *(*mi_malloc_aligned)(size_t len, size_t align);
static void (*mi_free)(void *cpu);
static int (*mi_version)(void);

/* A function's address in `library`, through memcpy because C has no conversion from void * for it. */
static bool mimalloc_find(void *library, const char *name, void *ret_function)
{
	void *address = dlsym(library, name);
	memcpy(ret_function, &address, sizeof address);
	return address != NULL;
}

static bool mimalloc_open(enum bench_use use)
{
	static const char *const names[] = { "libmimalloc.so.3", "libmimalloc.so.2", "libmimalloc.so" };
	void *library = NULL;

	(void)use;
	for (size_t i = 0; !library && i < sizeof names / sizeof names[0]; i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	return library && mimalloc_find(library, "mi_malloc_aligned", &mi_malloc_aligned) &&
	    mimalloc_find(library, "mi_free", &mi_free) && mimalloc_find(library, "mi_version", &mi_version);
}

int bench_mimalloc_version(void)
{
	return mimalloc_open(BENCH_OBJECTS) ? mi_version() : 0;
}

static void *mimalloc_alloc(size_t len, size_t align)
{
	return mi_malloc_aligned(len, align);
}

static void mimalloc_free(void *cpu, size_t len)
{
	(void)len;
	mi_free(cpu);
}

static void *mimalloc_run_alloc(const struct mete_constraint *limit, size_t len)
{
	return mi_malloc_aligned(len, (size_t)limit->align);
}

const struct backend bench_backend[BENCH_BACKENDS] = {
	[BENCH_NULL] = { "null", "", null_open, null_alloc, null_free, 0, null_run_alloc, null_free, NULL, true },
	[BENCH_METE] = { "mete", "", mete_open, mete_alloc, mete_free, 0, mete_run_alloc, mete_run_free, mete_bus_of,
	    true },
	[BENCH_MIMALLOC] = { "mimalloc", "aligned", mimalloc_open, mimalloc_alloc, mimalloc_free, 0, mimalloc_run_alloc,
	    mimalloc_free, virtual_bus_of, false },
	[BENCH_GLIBC] = { "glibc", "malloc", any_open, glibc_alloc, glibc_free, 16, NULL, NULL, NULL, false },
	[BENCH_GLIBC_ALIGNED] = { "glibc", "aligned", any_open, glibc_alloc_aligned, glibc_free, 0, glibc_run_alloc,
	    glibc_free, virtual_bus_of, false },
};
