/* SPDX-License-Identifier: ISC */
/*
 * Shadow by Valgrind's Memcheck: memory is made inaccessible by client requests.
 *
 * Memcheck reports by itself, with the stack of the access, and does not tell the program which access it was.  So nothing
 * is counted here; valgrind --error-exitcode makes the program fail.  What a device owns is described to Memcheck, so that
 * its report says what it is, and where it was mapped.
 *
 * It cannot forbid writes alone: memory that a device only reads stays open.  It knows which bytes were ever written,
 * though, so that bytes which are sent and were not can be told.  What a device wrote counts as written.
 */
#include "shadow.h"

#include <stdio.h>

#if METE_HAVE_VALGRIND
#include <valgrind/memcheck.h>

static bool valgrind_start(void)
{
	/* Another tool than Memcheck answers its requests with 0. */
	return RUNNING_ON_VALGRIND && VALGRIND_MAKE_MEM_DEFINED(&(char){ 0 }, 1);
}

/* Memcheck takes a copy of the words, and remembers who called us: that is where it was mapped, or passed to the device. */
static void load_describe(struct load *load)
{
	char words[160];

	snprintf(words, sizeof words, "mapping owned by the device \"%s\" (DMA-O01 if written, DMA-O02 if read)",
	    load->device->name ? load->device->name : "?");
	load->shown = (unsigned)VALGRIND_CREATE_BLOCK(load->ranges[0].first, load->len, words) + 1;
}

static void valgrind_close(struct mete_check *check, struct load *load, uintptr_t first, uintptr_t last, bool reads)
{
	(void)check;
	if (!reads)
		return;
	if (!load->shown && load->nranges == 1)
		load_describe(load);
	(void)VALGRIND_MAKE_MEM_NOACCESS(first, last - first + 1);
}

static void valgrind_open(struct mete_check *check, uintptr_t first, uintptr_t last)
{
	(void)check;
	(void)VALGRIND_MAKE_MEM_DEFINED(first, last - first + 1);
}

static void valgrind_fresh(struct mete_check *check, uintptr_t first, uintptr_t last)
{
	(void)check;
	(void)VALGRIND_MAKE_MEM_UNDEFINED(first, last - first + 1);
}

static void valgrind_hide(uintptr_t first, uintptr_t last)
{
	(void)VALGRIND_MAKE_MEM_NOACCESS(first, last - first + 1);
}

static void valgrind_peek(bool on)
{
	if (on)
		VALGRIND_DISABLE_ERROR_REPORTING;
	else
		VALGRIND_ENABLE_ERROR_REPORTING;
}

static bool valgrind_written(uintptr_t first, uintptr_t last, uintptr_t *ret_at)
{
	valgrind_peek(true);
	*ret_at = VALGRIND_CHECK_MEM_IS_DEFINED(first, last - first + 1);
	valgrind_peek(false);
	return !*ret_at;
}

static void valgrind_ended(struct load *load)
{
	if (load->shown)
		(void)VALGRIND_DISCARD(load->shown - 1u);
	load->shown = 0;
}
#else
static bool valgrind_start(void)
{
	return false; /* it was built without Valgrind's headers */
}
#endif

const struct shadow mete__shadow_valgrind = {
	.name = "valgrind",
	.start = valgrind_start,
#if METE_HAVE_VALGRIND
	.close = valgrind_close,
	.open = valgrind_open,
	.fresh = valgrind_fresh,
	.hide = valgrind_hide,
	.peek = valgrind_peek,
	.written = valgrind_written,
	.ended = valgrind_ended,
#endif
};
