/* SPDX-License-Identifier: ISC */
/*
 * Bytes: the loops behind bytes.h.
 *
 * Both go by words where the addresses allow it; copying serves small structs and takes one word at a time.  The empty
 * asm statements hide the loops' meaning from the compiler, which would otherwise replace them by calls of memset()
 * and memcpy().  Do not "simplify" them.
 */
#include "bytes.h"

#include <stdint.h>

#if defined(__GNUC__)
#define BYTES_OPAQUE(p) __asm__ volatile("" : "+r"(p) : : "memory")
typedef uintptr_t __attribute__((may_alias)) bytes_word;
#else
#define BYTES_OPAQUE(p) ((void)(p))
typedef unsigned char bytes_word;
#endif

void mete__bytes_zero(void *p, size_t len)
{
	unsigned char *byte = p;

	while (len && ((uintptr_t)byte & (sizeof(bytes_word) - 1))) {
		*byte++ = 0;
		len--;
		BYTES_OPAQUE(byte);
	}

	bytes_word *word = (bytes_word *)(void *)byte;
	for (; len >= 4 * sizeof *word; len -= 4 * sizeof *word, word += 4) {
		word[0] = 0;
		word[1] = 0;
		word[2] = 0;
		word[3] = 0;
		BYTES_OPAQUE(word);
	}

	for (byte = (unsigned char *)word; len; len--) {
		*byte++ = 0;
		BYTES_OPAQUE(byte);
	}
}

void mete__bytes_copy(void *to, const void *from, size_t len)
{
	unsigned char *target = to;
	const unsigned char *source = from;

	/* Structs, which is what the library copies, are aligned. */
	if (!(((uintptr_t)to | (uintptr_t)from) & (sizeof(bytes_word) - 1))) {
		for (; len >= sizeof(bytes_word); len -= sizeof(bytes_word)) {
			*(bytes_word *)(void *)target = *(const bytes_word *)(const void *)source;
			target += sizeof(bytes_word);
			source += sizeof(bytes_word);
			BYTES_OPAQUE(target);
		}
	}
	for (; len; len--) {
		*target++ = *source++;
		BYTES_OPAQUE(target);
	}
}
