/* SPDX-License-Identifier: ISC */
/*
 * <machine/intr.h>: interrupt priority levels, as names for pool_init(9).
 *
 * The library has one lock hook for all levels; the values only keep the native order.
 */
#ifndef METE_SHIM_OPENBSD_MACHINE_INTR_H
#define METE_SHIM_OPENBSD_MACHINE_INTR_H

#define IPL_NONE 0
#define IPL_SOFTCLOCK 1
#define IPL_SOFTNET 2
#define IPL_SOFTTTY 3
#define IPL_BIO 4
#define IPL_NET 5
#define IPL_TTY 6
#define IPL_VM 7
#define IPL_AUDIO 8
#define IPL_CLOCK 9
#define IPL_SCHED 10
#define IPL_HIGH 11
#define IPL_MPSAFE 0x100

#endif
