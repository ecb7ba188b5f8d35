/* SPDX-License-Identifier: ISC */
/*
 * Shadow by page protection: pages are closed, and SIGSEGV tells.
 *
 * For memory that devices reach by another mapping than the CPU, in any program.  A page is closed if one load has all of
 * it, where what is left over behind an allocation counts as the load's if all of the allocation is.  So buffers shorter than
 * a page are seen if they were allocated apart, and those from a pool are not.  Freed memory and margins stay open.
 *
 * The handler judges the access, opens the page until the memory is passed on next, and returns: the access is done then.
 * System calls do not fault, they fail with EFAULT.
 *
 * Faults that are not ours go to whoever had the signal before, or took it since: before a page is closed, the handler looks
 * whether it still has the signal, and takes it back.  Those it was taken from are kept in order, since each may pass a fault
 * on to the one it replaced, which may be this one; then it goes on to the next below.
 */
#define _GNU_SOURCE

#include "shadow.h"

#include <execinfo.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define BELOW 8            /* handlers under ours; with more, the oldest is forgotten */
#define PASSED 0x6d657400u /* and how many of them have a fault, in its si_errno */

static struct sigaction below[BELOW]; /* the newest last */
static size_t nbelow;
static pthread_mutex_t below_lock = PTHREAD_MUTEX_INITIALIZER;

static uintptr_t trap_page(void)
{
	static uintptr_t page;

	if (!page)
		page = (uintptr_t)sysconf(_SC_PAGESIZE);
	return page;
}

/* The address of the instruction, and whether it wrote. */
#if defined(__x86_64__) || defined(__i386__)
#ifdef __x86_64__
#define TRAP_PC REG_RIP
#else
#define TRAP_PC REG_EIP
#endif
static void *trap_pc(const ucontext_t *context, bool *ret_write)
{
	*ret_write = context->uc_mcontext.gregs[REG_ERR] & 2; /* the page fault's error code: it was a write */
	return (char *)(uintptr_t)context->uc_mcontext.gregs[TRAP_PC];
}
#else
/* What other machines tell differs.  A page that may be read was written; of others it is not known. */
static void *trap_pc(const ucontext_t *context, bool *ret_write)
{
	(void)context;
	*ret_write = true;
	return NULL;
}
#endif

/* The frames from the instruction on: those before it are the handler's. */
static size_t trap_frames(void *pc, void **frames)
{
	void *stack[FRAMES + 6];
	size_t n = (size_t)backtrace(stack, FRAMES + 6), found = 0, i = 0;

	while (i < n && stack[i] != pc)
		i++;
	if (i == n && pc)
		frames[found++] = pc;
	for (i = i < n ? i : 0; i < n && found < FRAMES; i++)
		frames[found++] = stack[i];
	return found;
}

static bool page_open(uintptr_t at)
{
	return !mprotect((void *)(at & ~(trap_page() - 1)), trap_page(), PROT_READ | PROT_WRITE);
}

static void trap_handler(int sig, siginfo_t *info, void *context);

/*
 * Somebody else's fault.  How many of those below have it already is noted in the fault itself, where the system puts 0: they
 * may leave by longjmp(), so that nothing of ours is told when they are done.
 */
static void trap_below(int sig, siginfo_t *info, void *context)
{
	size_t depth = (unsigned)info->si_errno - PASSED <= BELOW ? (unsigned)info->si_errno - PASSED : 0;

	const struct sigaction *next = depth < nbelow ? &below[nbelow - 1 - depth] : NULL;
	if (!next || (!(next->sa_flags & SA_SIGINFO) && (next->sa_handler == SIG_DFL || next->sa_handler == SIG_IGN))) {
		signal(sig, SIG_DFL); /* the instruction is tried again, and now it is fatal, as it would have been */
		return;
	}
	info->si_errno = (int)(PASSED + depth + 1);
	if (next->sa_flags & SA_SIGINFO)
		next->sa_sigaction(sig, info, context);
	else
		next->sa_handler(sig);
}

static void trap_handler(int sig, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;
	void *frames[FRAMES];
	bool write;

	if (info->si_code == SEGV_ACCERR) {
		void *pc = trap_pc(context, &write);
		if (mete__shadow_inside()) { /* it looks at a margin, and knows what it does */
			if (page_open(at))
				return;
		} else if (mete__shadow_caught(at, write, frames, trap_frames(pc, frames)) != CAUGHT_NOT_OURS && page_open(at)) {
			return;
		}
	}
	trap_below(sig, info, context);
}

/* Whether `action` is among those below: then those above it are gone.  Else it becomes the top. */
static void below_note(const struct sigaction *action)
{
	for (size_t i = 0; i < nbelow; i++) {
		if (below[i].sa_sigaction == action->sa_sigaction && below[i].sa_flags == action->sa_flags) {
			nbelow = i + 1;
			return;
		}
	}
	if (nbelow == BELOW)
		memmove(&below[0], &below[1], --nbelow * sizeof below[0]);
	below[nbelow++] = *action;
}

/* Have the signal, whoever took it meanwhile. */
static void trap_take(void)
{
	struct sigaction now, ours = { .sa_sigaction = trap_handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	if (sigaction(SIGSEGV, NULL, &now) || (now.sa_flags & SA_SIGINFO && now.sa_sigaction == trap_handler))
		return;
	pthread_mutex_lock(&below_lock);
	below_note(&now);
	sigemptyset(&ours.sa_mask);
	(void)sigaction(SIGSEGV, &ours, NULL);
	pthread_mutex_unlock(&below_lock);
}

static bool trap_start(void)
{
	void *warm[1];

	(void)backtrace(warm, 1); /* the first call loads a library, which a handler must not */
	return true;
}

/* Give the signal back, if nobody has taken it. */
static void trap_stop(void)
{
	struct sigaction now;

	pthread_mutex_lock(&below_lock);
	if (nbelow && !sigaction(SIGSEGV, NULL, &now) && now.sa_flags & SA_SIGINFO && now.sa_sigaction == trap_handler)
		(void)sigaction(SIGSEGV, &below[--nbelow], NULL);
	pthread_mutex_unlock(&below_lock);
}

static bool trap_may(const struct mete_check *check, uintptr_t first, size_t len)
{
	const struct mete_provider *p = check->provider;
	return p->ops->traits && p->ops->traits(p->ctx, (const void *)first, len) & METE_TRAIT_TWICE;
}

static void trap_close(struct mete_check *check, struct load *load, uintptr_t first, uintptr_t last, bool reads)
{
	uintptr_t page = trap_page();
	const struct block *block = mete__ledger_block(&check->ledger, first);

	(void)load;
	if (block && first == block->first && last == block->last)
		last = first + (block->room - 1);
	first = (first + (page - 1)) & ~(page - 1);
	uintptr_t end = (last + 1) & ~(page - 1);
	if (first >= end || !trap_may(check, first, end - first))
		return;
	trap_take();
	if (mprotect((void *)first, end - first, reads ? PROT_NONE : PROT_READ))
		check->ledger.lacking = true;
}

static void trap_open(struct mete_check *check, uintptr_t first, uintptr_t last)
{
	uintptr_t page = trap_page();

	first &= ~(page - 1);
	last |= page - 1;
	if (trap_may(check, first, last - first + 1) && mprotect((void *)first, last - first + 1, PROT_READ | PROT_WRITE))
		check->ledger.lacking = true;
}

const struct shadow mete__shadow_trap = {
	.name = "trap",
	.start = trap_start,
	.stop = trap_stop,
	.close = trap_close,
	.open = trap_open,
	.fresh = trap_open,
};
