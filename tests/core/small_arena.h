/* SPDX-License-Identifier: ISC */
/*
 * Small arena: a megabyte of real memory at an invented address, and a device on it, for the tests of core.
 *
 * Everything is static or in the caller's hands, so that a test sees every byte.  small_arena_end() asserts that nothing
 * is held, that all memory is free again and that it is one run.
 */
#ifndef METE_TESTS_SMALL_ARENA_H
#define METE_TESTS_SMALL_ARENA_H

#include <mete/arena.h>
#include <mete/device.h>

#define SMALL_LEN ((size_t)1 << 20)
#define SMALL_FRAME 4096u
#define SMALL_PHYS 0x40000000u

struct small_arena {
	struct mete_arena arena;
	struct mete_device device;
	unsigned char *memory;
	void *records;
	size_t fail_records; /* let so many record allocations succeed, then fail; SIZE_MAX: never fail */
	size_t nrecords;     /* records in use */
	size_t fail_takes;   /* the same for runs */
	size_t ntakes;       /* runs asked for, over time */
	const struct mete_provider_ops *real_ops;
	struct mete_provider_ops ops;
};

/* Start; the device sees everything at its physical address. */
void small_arena_start(struct small_arena *small);

/* The same with hooks. */
void small_arena_start_hooked(struct small_arena *small, const struct mete_hooks *hooks, void *ctx);

/* Assert that nothing is left, and end. */
void small_arena_end(struct small_arena *small);

/* A copy of the counters. */
struct mete_counters small_arena_counters(struct small_arena *small);

#endif
