/* SPDX-License-Identifier: ISC */
/*
 * Corpus: correct drivers, to measure the verifier on.
 *
 * A program here is one file: a small driver as a kernel has them, and what a user of it would do, some hundred times, with
 * every byte checked.  It sees its kernel's headers and this one.  The harness runs it on many machines: see machine.c.
 *
 * The verifier must be silent about all of them on every machine; and it must report what sensitivity.py breaks in them.
 */
#ifndef CORPUS_H
#define CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum corpus_device { CORPUS_COPY, CORPUS_NIC, CORPUS_EDU };

/* Which device the program drives; its to define. */
extern const enum corpus_device corpus_device;

/* Sleep until the device interrupts on `vector`: 0, or a positive errno.  At most 10 s of the machine's time. */
int corpus_wait(unsigned vector);

/* A barrier of this machine's CPU. */
void corpus_barrier(void);

/* From 0 to `below` - 1, from the run's seed. */
uint32_t corpus_random(uint32_t below);

/* Bytes that depend on `seed`, and whether they are there. */
void corpus_fill(void *to, size_t len, uint32_t seed);
bool corpus_same(const void *from, size_t len, uint32_t seed);

/*
 * Memory as a network stack or a disk cache has it: in whole lines, apart from everything else, and not known to any driver.
 * NULL: there is none.
 */
void *corpus_buffer(size_t len);
void corpus_buffer_free(void *cpu);

#endif
