/* SPDX-License-Identifier: ISC */
/*
 * Surroundings.
 */
#define _GNU_SOURCE

#include "surroundings.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

bool mete__surroundings_stack(uintptr_t first, uintptr_t last)
{
	static _Thread_local uintptr_t low, high; /* asked once; `high` 0: not yet */

	if (!high) {
		pthread_attr_t attr;
		void *start;
		size_t len;
		if (pthread_getattr_np(pthread_self(), &attr))
			return false;
		if (!pthread_attr_getstack(&attr, &start, &len)) {
			low = (uintptr_t)start;
			high = low + (len - 1);
		}
		pthread_attr_destroy(&attr);
	}
	return last >= low && first <= high;
}

bool mete__surroundings_memory(uintptr_t at)
{
	unsigned char in;
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	return !mincore((void *)(at & ~(page - 1)), 1, &in) || errno != ENOMEM;
}

struct search {
	uintptr_t at;
	bool found;
};

static int search_object(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct search *search = ctx;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + part->p_vaddr;
		if (part->p_type == PT_LOAD && !(part->p_flags & PF_W) && search->at - start < part->p_memsz)
			search->found = true;
	}
	return search->found;
}

bool mete__surroundings_constant(uintptr_t at)
{
	struct search search = { at, false };

	(void)dl_iterate_phdr(search_object, &search);
	return search.found;
}

/* The start of the object that `at` lies in; NULL if it is none, or the program itself. */
static const void *object_start(const void *at)
{
	Dl_info info, program;

	if (!dladdr(at, &info) || (dladdr((const void *)(uintptr_t)mete__surroundings_system, &program) &&
	        program.dli_fbase == info.dli_fbase))
		return NULL;
	return info.dli_fbase;
}

bool mete__surroundings_system(const void *at)
{
	const void *start = object_start(at);

	/* Sanitizers have a memcpy() of their own, and no getauxval(). */
	return start && (start == object_start((const void *)(uintptr_t)getauxval) ||
	    start == object_start((const void *)(uintptr_t)memcpy));
}
