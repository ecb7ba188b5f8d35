/* SPDX-License-Identifier: ISC */
/*
 * Claims about our own state: METE_ASSERT.
 *
 * For invariants of the library only; a caller's mistake is an error code.  The default costs nothing; tests define
 * METE_ASSERT to something that stops.
 */
#ifndef CLAIM_H
#define CLAIM_H

#include <mete/config.h>

#ifndef METE_ASSERT
#define METE_ASSERT(claim) ((void)sizeof(claim))
#endif

#endif
