/* SPDX-License-Identifier: ISC */
/*
 * <asm/io.h>: see <linux/io.h>.
 */
#include <linux/io.h>
