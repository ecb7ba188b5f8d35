/* SPDX-License-Identifier: ISC */
/*
 * <linux/string.h>: the host's, and copies in memory of kmalloc().
 */
#ifndef METE_SHIM_LINUX_LINUX_STRING_H
#define METE_SHIM_LINUX_LINUX_STRING_H
#if defined(__GNUC__)
#pragma GCC system_header /* lets #include_next pass -Wpedantic */
#endif
#if defined(__has_include)
#if __has_include(<string.h>)
#include <string.h>
#endif
#endif

#include <linux/slab.h>

/* NULL: no memory.  Byte by byte, since firmware may have no memcpy(). */
static inline void *kmemdup(const void *from, size_t len, gfp_t gfp)
{
	unsigned char *to = (unsigned char *)kmalloc(len, gfp);

	for (size_t i = 0; to && i < len; i++)
		to[i] = ((const unsigned char *)from)[i];
	return to;
}

/* NULL also for NULL. */
static inline char *kstrdup(const char *from, gfp_t gfp)
{
	size_t len = 0;

	if (!from)
		return NULL;
	while (from[len])
		len++;
	return (char *)kmemdup(from, len + 1, gfp);
}

/*
 * Copy a string into `room` bytes; it always ends.  Its length, or -E2BIG if it was cut or there is no room at all.
 */
static inline long strscpy(char *to, const char *from, size_t room)
{
	size_t i = 0;

	for (; i < room; i++) {
		to[i] = from[i];
		if (!from[i])
			return (long)i;
	}
	if (room)
		to[room - 1] = '\0';
	return -7; /* -E2BIG */
}

/* Clear what nobody will read again: compilers leave memset() out then. */
static inline void memzero_explicit(void *cpu, size_t len)
{
	volatile unsigned char *p = (volatile unsigned char *)cpu;

	while (len--)
		*p++ = 0;
}

#endif
