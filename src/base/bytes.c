/* SPDX-License-Identifier: ISC */
/*
 * Bytes: the loops behind bytes.h.
 *
 * Both go by words, four at a time, with bytes at the ends.  A copy aligns what it writes; what it reads may lie anywhere.
 * The empty asm statements hide the loops' meaning from the compiler, which would otherwise replace them by calls of
 * memset() and memcpy().  Do not "simplify" them.
 */
#include "bytes.h"

#include <stdint.h>

#if defined(__GNUC__)
#define BYTES_OPAQUE(p) __asm__ volatile("" : "+r"(p) : : "memory")
typedef uintptr_t __attribute__((may_alias)) bytes_word;
/* A word that need not be aligned; the compiler knows how its machine loads one. */
typedef struct __attribute__((packed, may_alias)) {
	uintptr_t word;
} bytes_anywhere;
#else
#define BYTES_OPAQUE(p) ((void)(p))
typedef unsigned char bytes_word;
typedef struct {
	unsigned char word;
} bytes_anywhere;
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

	while (len && ((uintptr_t)target & (sizeof(bytes_word) - 1))) {
		*target++ = *source++;
		len--;
		BYTES_OPAQUE(target);
	}

	bytes_word *word = (bytes_word *)(void *)target;
	const bytes_anywhere *next = (const bytes_anywhere *)(const void *)source;
	for (; len >= 4 * sizeof *word; len -= 4 * sizeof *word, word += 4, next += 4) {
		bytes_word a = next[0].word, b = next[1].word, c = next[2].word, d = next[3].word;
		word[0] = a;
		word[1] = b;
		word[2] = c;
		word[3] = d;
		BYTES_OPAQUE(word);
	}
	for (; len >= sizeof *word; len -= sizeof *word) {
		*word++ = (next++)->word;
		BYTES_OPAQUE(word);
	}

	target = (unsigned char *)word;
	for (source = (const unsigned char *)next; len; len--) {
		*target++ = *source++;
		BYTES_OPAQUE(target);
	}
}
