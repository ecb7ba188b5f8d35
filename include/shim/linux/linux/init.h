/* SPDX-License-Identifier: ISC */
/*
 * <linux/init.h>: code that runs once stays where it is.
 */
#ifndef METE_SHIM_LINUX_LINUX_INIT_H
#define METE_SHIM_LINUX_LINUX_INIT_H

#define __init
#define __exit
#define __initdata
#define __initconst

#endif
