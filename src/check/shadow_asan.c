/* SPDX-License-Identifier: ISC */
/*
 * Shadow by the address sanitizer: memory is poisoned by hand.
 *
 * Whether the program has the sanitizer is found out when it runs: its functions are weak here.  It poisons in granules of
 * 8 bytes, the last one only if all of it is to be closed, and never a byte too many.  A poisoned granule can be neither read nor written, so a read that is allowed is
 * reported to us, too, and forgotten.
 *
 * When instrumented code touches poisoned memory, the sanitizer calls __asan_on_error(), prints its report, calls back and
 * goes on, provided that the program is compiled with -fsanitize-recover=address and ASAN_OPTIONS has halt_on_error=0 and
 * suppress_equal_pcs=0 (else each place is seen once, and the 26th ends the program).  If the access is ours to judge, the
 * sanitizer's own report goes to nowhere in between.  Where it does not go on, what was caught is told as the program ends.
 */
#define _GNU_SOURCE

#include "shadow.h"

#include <execinfo.h>
#include <fcntl.h>
#include <unistd.h>

#define WEAK __attribute__((weak))

WEAK void __asan_poison_memory_region(void const volatile *at, size_t len);
WEAK void __asan_unpoison_memory_region(void const volatile *at, size_t len);
WEAK void *__asan_get_report_pc(void);
WEAK void *__asan_get_report_address(void);
WEAK int __asan_get_report_access_type(void);
WEAK void __asan_set_error_report_callback(void (*callback)(const char *report));
WEAK void __sanitizer_set_report_fd(void *fd);
WEAK void __sanitizer_set_death_callback(void (*callback)(void));

void __asan_on_error(void);

static int nowhere = -1; /* once there is a verifier with this shadow */
static bool silent;      /* inside the sanitizer's own lock */

/*
 * The frames from the instruction on.  Those before it are the sanitizer's, and ours.  The function that `pc` lies in is on
 * the stack with the place where it called them, which is near, if not the same.
 */
static size_t frames_of(uintptr_t pc, void **frames, size_t most)
{
	void *stack[FRAMES + 12];
	size_t n = (size_t)backtrace(stack, FRAMES + 12), found = 0, nearest = n;
	uintptr_t best = 4096;

	for (size_t i = 0; i < n; i++) {
		uintptr_t at = (uintptr_t)stack[i], far = at < pc ? pc - at : at - pc;
		if (far < best) {
			best = far;
			nearest = i;
		}
	}
	frames[found++] = (void *)(pc - 1); /* it is a return address, too */
	for (size_t i = nearest + 1; i < n && found < most; i++)
		frames[found++] = stack[i];
	return found;
}

void __asan_on_error(void)
{
	void *frames[FRAMES];

	if (nowhere < 0)
		return;
	uintptr_t pc = (uintptr_t)__asan_get_report_pc();
	if (mete__shadow_inside()) /* the verifier itself did it: that is for the sanitizer to tell */
		return;
	silent = mete__shadow_caught((uintptr_t)__asan_get_report_address(), __asan_get_report_access_type(), frames,
	    frames_of(pc, frames, FRAMES)) != CAUGHT_NOT_OURS;
	if (silent)
		__sanitizer_set_report_fd((void *)(intptr_t)nowhere);
}

static void asan_reported(const char *report)
{
	(void)report;
	if (silent)
		__sanitizer_set_report_fd((void *)(intptr_t)STDERR_FILENO);
	silent = false;
}

static bool asan_start(void)
{
	if (!__asan_poison_memory_region || !__asan_set_error_report_callback || !__sanitizer_set_report_fd ||
	    !__sanitizer_set_death_callback)
		return false;
	if (nowhere < 0)
		nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	__asan_set_error_report_callback(asan_reported);
	__sanitizer_set_death_callback(mete__shadow_last_words);
	return nowhere >= 0;
}

static void asan_close(struct mete_check *check, struct load *load, uintptr_t first, uintptr_t last, bool reads)
{
	(void)check;
	(void)load;
	(void)reads;
	__asan_poison_memory_region((void *)first, last - first + 1);
}

static void asan_open(struct mete_check *check, uintptr_t first, uintptr_t last)
{
	(void)check;
	__asan_unpoison_memory_region((void *)first, last - first + 1);
}

static void asan_hide(uintptr_t first, uintptr_t last)
{
	__asan_poison_memory_region((void *)first, last - first + 1);
}

const struct shadow mete__shadow_asan = {
	.name = "asan",
	.start = asan_start,
	.close = asan_close,
	.open = asan_open,
	.fresh = asan_open,
	.hide = asan_hide,
};
