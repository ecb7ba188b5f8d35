/* SPDX-License-Identifier: ISC */
/*
 * What the files of the Linux face share: from masks to constraints.
 */
#ifndef LINUX_FACE_H
#define LINUX_FACE_H

#include <mete/linux.h>

#include "bytes.h"

/* All that `mask` and `bus_limit` reach, as one constraint; a mask of 0 is unset and limits nothing. */
void mete__linux_limit(uint64_t mask, uint64_t bus_limit, struct mete_constraint *ret);

#endif
