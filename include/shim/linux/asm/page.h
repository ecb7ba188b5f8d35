/* SPDX-License-Identifier: ISC */
/*
 * <asm/page.h>: PAGE_SIZE and its kin are in <linux/mm.h>.
 */
#include <linux/mm.h>
