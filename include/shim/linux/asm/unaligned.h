/* SPDX-License-Identifier: ISC */
/*
 * <asm/unaligned.h>: where <linux/unaligned.h> was before Linux 6.12.
 */
#include <linux/unaligned.h>
