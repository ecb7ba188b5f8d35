/* SPDX-License-Identifier: ISC */
/*
 * Steps: calls that do nothing.
 */
#ifndef METE_TESTS_STEPS_H
#define METE_TESTS_STEPS_H

#include <stddef.h>

void *steps_null_alloc(size_t len, int flags);
void steps_null_free(void *cpu, size_t len);
void steps_mark(void);

#endif
