/* SPDX-License-Identifier: ISC */
/*
 * <linux/container_of.h>: from a member to the struct around it.
 */
#ifndef METE_SHIM_LINUX_LINUX_CONTAINER_OF_H
#define METE_SHIM_LINUX_LINUX_CONTAINER_OF_H

#include <stddef.h>
#include <stdint.h>

/* The choice that is never taken lets the compiler complain if `ptr` is of another type than the member. */
#define container_of(ptr, type, member)                                                                                \
	((type *)((uintptr_t)(1 ? (ptr) : &((type *)0)->member) - offsetof(type, member)))

#endif
