/* SPDX-License-Identifier: ISC */
/*
 * Surroundings: what the process knows of an address.
 */
#ifndef SURROUNDINGS_H
#define SURROUNDINGS_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the CPU sees memory at `at`. */
bool mete__surroundings_memory(uintptr_t at);

/* Whether any of it lies on the stack of the thread that asks. */
bool mete__surroundings_stack(uintptr_t first, uintptr_t last);

/* Whether it lies in a part of the program, or of a library, that is not to be written: text or constants. */
bool mete__surroundings_constant(uintptr_t at);

/* Whether it lies in the C library, or in a sanitizer's. */
bool mete__surroundings_system(const void *at);

#endif
