/* SPDX-License-Identifier: ISC */
/*
 * Host: an arena over anonymous memory, with addresses from a seed.
 *
 * One reservation holds the three spans, so that the CPU extent is small; a guard page between them keeps an overrun
 * from entering the next.  Physical addresses are drawn per span and agree with the pointers modulo `congruent` only.
 *
 * Foreign memory gets physical addresses far above every span.  The page number goes through four rounds of a Feistel
 * network keyed by the seed: neighbours part, no two pages meet, and the way back is the same network in reverse, so a
 * simulated device can find the bytes without a table.
 */
#define _GNU_SOURCE
#include <mete/arena.h>
#include <mete/host.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bits.h"
#include "checked.h"

#define MIB ((size_t)1 << 20)
#define LOW_END ((mete_paddr)1 << 24)
#define NSPANS 3
#define GUARD 65536u

/* User-space pointers have 47 bits at most; foreign frames take the 2^48 addresses from 2^52 on. */
#define FOREIGN_BITS 48
#define FOREIGN_BASE ((uint64_t)1 << 52)
#define LAST_PAGE 4096u /* no system maps anything there, for errors to be told in pointers */

struct mete_host {
	struct mete_arena arena;
	pthread_mutex_t mutex;    /* the guard, where the library is built to use the lock hook */
	pthread_mutex_t sleepers; /* taken around sleeping and waking */
	pthread_cond_t freed;
	uint64_t key[4];
	void *reserved;
	size_t reserved_len;
	size_t twin;              /* from the CPU's view of a span to the device's; 0: they are the same */
};

static void host_lock(void *ctx)
{
	struct mete_host *host = ctx;
	pthread_mutex_lock(&host->mutex);
}

static void host_unlock(void *ctx)
{
	struct mete_host *host = ctx;
	pthread_mutex_unlock(&host->mutex);
}

static void host_pause(void *ctx)
{
	(void)ctx;
	sched_yield();
}

static void host_wait(void *ctx, bool (*asleep)(void *arg), void *arg)
{
	struct mete_host *host = ctx;

	pthread_mutex_lock(&host->sleepers);
	while (asleep(arg))
		pthread_cond_wait(&host->freed, &host->sleepers);
	pthread_mutex_unlock(&host->sleepers);
}

static void host_wake(void *ctx)
{
	struct mete_host *host = ctx;

	pthread_mutex_lock(&host->sleepers);
	pthread_cond_broadcast(&host->freed);
	pthread_mutex_unlock(&host->sleepers);
}

static const struct mete_hooks host_hooks = {
	.lock = host_lock,
	.unlock = host_unlock,
	.pause = host_pause,
	.wait = host_wait,
	.wake = host_wake,
};

/* A step of the splitmix64 generator (Vigna, public domain): advances `*state`, returns 64 mixed bits. */
static uint64_t seed_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t scramble_round(uint64_t half, uint64_t key, unsigned bits)
{
	uint64_t state = half ^ key;
	return seed_next(&state) & (((uint64_t)1 << bits) - 1);
}

/* A permutation of the numbers below 2^(2 * bits), and its inverse. */
static uint64_t scramble(const struct mete_host *host, uint64_t number, unsigned bits, bool back)
{
	uint64_t mask = ((uint64_t)1 << bits) - 1, left = number >> bits, right = number & mask;

	for (int i = 0; i < 4; i++) {
		if (back) {
			uint64_t swapped = right ^ scramble_round(left, host->key[3 - i], bits);
			right = left;
			left = swapped;
		} else {
			uint64_t swapped = left ^ scramble_round(right, host->key[i], bits);
			left = right;
			right = swapped;
		}
	}
	return left << bits | right;
}

/* Half the bits of a foreign frame's number, rounded up. */
static unsigned foreign_half(const struct mete_host *host)
{
	return (FOREIGN_BITS - host->arena.frames.frame_shift + 1u) / 2;
}

/* May memory be at `at`?  Null pointers land in the first frame, error pointers such as MAP_FAILED in the last page. */
static bool foreign_may_be(const struct mete_host *host, uint64_t at)
{
	return at >= host->arena.frames.frame && at <= UINTPTR_MAX - LAST_PAGE && !(at >> FOREIGN_BITS);
}

static int host_translate(void *ctx, const void *cpu, size_t len, mete_paddr *ret_phys, size_t *ret_len)
{
	struct mete_host *host = ctx;
	size_t frame = host->arena.frames.frame, off = (uintptr_t)cpu & (frame - 1);
	uint64_t number = (uint64_t)(uintptr_t)cpu >> host->arena.frames.frame_shift;

	if (!foreign_may_be(host, (uintptr_t)cpu))
		return METE_EFAULT;
	uint64_t far = scramble(host, number, foreign_half(host), false);
	*ret_phys = (mete_paddr)(FOREIGN_BASE + (far << host->arena.frames.frame_shift) + off);
	*ret_len = len < frame - off ? len : frame - off;
	return 0;
}

/* The CPU's view of foreign memory; of the provider's own, the arena knows it. */
static int host_view(void *ctx, mete_paddr phys, size_t len, void **ret_cpu, size_t *ret_len)
{
	const struct mete_host *host = ctx;
	size_t frame = host->arena.frames.frame;

	if (!len || (uint64_t)phys < FOREIGN_BASE)
		return METE_EFAULT;
	uint64_t far = ((uint64_t)phys - FOREIGN_BASE) >> host->arena.frames.frame_shift;
	unsigned half = foreign_half(host);
	if (far >> (2 * half))
		return METE_EFAULT;
	size_t off = (size_t)phys & (frame - 1);
	uint64_t at = (scramble(host, far, half, true) << host->arena.frames.frame_shift) + off;
	if (!foreign_may_be(host, at))
		return METE_EFAULT;
	*ret_cpu = (void *)(uintptr_t)at;
	*ret_len = len < frame - off ? len : frame - off;
	return 0;
}

int mete_host_device_view(struct mete_host *host, mete_paddr phys, size_t len, void **ret_cpu, size_t *ret_len)
{
	const struct mete_provider *p = &host->arena.provider;
	void *cpu;

	int error = len ? p->ops->view(p->ctx, phys, len, &cpu, ret_len) : METE_EFAULT;
	if (!error) /* what is not foreign, devices see by a mapping of their own */
		*ret_cpu = (unsigned char *)cpu + ((uint64_t)phys < FOREIGN_BASE ? host->twin : 0);
	return error;
}

static void *host_record_alloc(void *ctx, size_t len)
{
	(void)ctx;
	return len <= PTRDIFF_MAX ? calloc(1, len) : NULL; /* more is refused anyway, but some checkers stop at it */
}

static void host_record_free(void *ctx, void *record, size_t len)
{
	(void)ctx;
	(void)len;
	free(record);
}

/* An address in [low, high - len] that agrees with `cpu` modulo `congruent` and with nothing else. */
static mete_paddr invent(uint64_t *state, uint64_t low, uint64_t high, size_t len, const void *cpu, size_t congruent)
{
	uint64_t rest = (uintptr_t)cpu & (congruent - 1);
	uint64_t first = (low + congruent - 1 - rest) / congruent, last = (high - len - rest) / congruent;
	return (mete_paddr)((first + seed_next(state) % (last - first + 1)) * congruent + rest);
}

static void config_fill(const struct mete_host_config *given, struct mete_host_config *ret)
{
	static const struct mete_host_config defaults = { 0 };

	*ret = given ? *given : defaults;
	if (!ret->frame)
		ret->frame = 4096;
	if (!ret->large)
		ret->large = 256 * MIB;
	if (!ret->small)
		ret->small = 32 * MIB;
	if (!ret->tiny)
		ret->tiny = MIB;
	if (!ret->congruent)
		ret->congruent = METE_CONGRUENT;
}

static bool config_sane(const struct mete_host_config *c)
{
	return bits_is_power2(c->frame) && c->frame >= 4096 && c->frame <= 65536 && bits_is_power2(c->congruent) &&
	    c->congruent >= c->frame && c->congruent <= MIB && c->tiny <= 8 * MIB && c->small <= 2048 * MIB &&
	    c->large <= SIZE_MAX / 4 && c->large < (uint64_t)1 << 46;
}

/* Nameless memory of `len` bytes in place of [at, at + len), and once more `len` bytes behind it. */
static int host_twice(unsigned char *at, size_t len)
{
	int fd = memfd_create("mete-host", MFD_CLOEXEC);
	if (fd < 0)
		return METE_ENOMEM;
	bool done = !ftruncate(fd, (off_t)len);
	for (size_t i = 0; done && i < 2; i++)
		done = mmap(at + i * len, len, PROT_NONE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, 0) != MAP_FAILED;
	close(fd); /* the mappings keep it */
	return done ? 0 : METE_ENOMEM;
}

/* Pointers for the three spans in one reservation, and invented addresses for them. */
static int host_spans(struct mete_host *host, const struct mete_host_config *c, struct mete_span *spans)
{
	size_t lens[NSPANS] = { c->tiny, c->small, c->large };
	uint64_t low[NSPANS] = { MIB, LOW_END, (uint64_t)1 << 32 };
	uint64_t high[NSPANS] = { LOW_END, (uint64_t)1 << 32, (uint64_t)1 << 47 };
	uint64_t state = c->seed ^ 0x6d657465u;
	size_t total = MIB; /* room to align the first span */

	for (int i = 0; i < NSPANS; i++) {
		if (!checked_up(lens[i], c->frame, &lens[i]) || !checked_add(total, lens[i] + 2 * GUARD, &total))
			return METE_EINVAL;
	}
	if (c->twice) { /* a whole number of frames, whatever the machine's are */
		host->twin = total = (total + MIB) & ~(MIB - 1);
		if (!checked_mul(total, 2, &total))
			return METE_EINVAL;
	}
	void *memory = mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return METE_ENOMEM;
	host->reserved = memory;
	host->reserved_len = total;
	if (host->twin && host_twice(memory, host->twin))
		return METE_ENOMEM;

	unsigned char *at = (unsigned char *)(((uintptr_t)memory + (MIB - 1)) & ~(uintptr_t)(MIB - 1));
	for (int i = 0; i < NSPANS; i++) {
		if (mprotect(at, lens[i], PROT_READ | PROT_WRITE) ||
		    (host->twin && mprotect(at + host->twin, lens[i], PROT_READ | PROT_WRITE)))
			return METE_ENOMEM;
		spans[i].cpu = at;
		spans[i].len = lens[i];
		spans[i].phys = invent(&state, low[i], high[i], lens[i], at, c->congruent);
		spans[i].memory = 1u << METE_MEMORY_CACHED | 1u << METE_MEMORY_COHERENT | 1u << METE_MEMORY_COMBINED |
		    1u << METE_MEMORY_UNCACHED;
		at += lens[i];
		at = (unsigned char *)(((uintptr_t)at + 2 * GUARD - 1) & ~(uintptr_t)(GUARD - 1));
	}
	for (int i = 0; i < 4; i++)
		host->key[i] = seed_next(&state);
	return 0;
}

static void host_release(struct mete_host *host)
{
	if (host->reserved)
		munmap(host->reserved, host->reserved_len);
	pthread_cond_destroy(&host->freed);
	pthread_mutex_destroy(&host->sleepers);
	pthread_mutex_destroy(&host->mutex);
	free(host);
}

int mete_host_create(const struct mete_host_config *given, struct mete_host **ret_host)
{
	struct mete_host_config config;
	struct mete_span spans[NSPANS] = { { 0 } };

	config_fill(given, &config);
	if (!ret_host || !config_sane(&config))
		return METE_EINVAL;
	if (METE_ADDR_BITS < 64)
		return METE_ENOTSUP;
	struct mete_host *host = calloc(1, sizeof *host);
	if (!host)
		return METE_ENOMEM;
	pthread_mutex_init(&host->mutex, NULL);
	pthread_mutex_init(&host->sleepers, NULL);
	pthread_cond_init(&host->freed, NULL);
	int error = host_spans(host, &config, spans);
	if (!error) {
		const struct mete_arena_config arena = {
			.frame = config.frame,
			.spans = spans,
			.nspans = NSPANS,
			.congruent = config.congruent,
			.record_alloc = host_record_alloc,
			.record_free = host_record_free,
			.hooks = config.single ? NULL : &host_hooks,
			.hooks_ctx = host,
			.translate = host_translate,
			.view = host_view,
			.translate_ctx = host,
			.twice = config.twice,
		};
		error = mete_arena_init(&host->arena, &arena);
	}
	if (error) {
		host_release(host);
		return error;
	}
	*ret_host = host;
	return 0;
}

int mete_host_destroy(struct mete_host *host)
{
	if (!host)
		return 0;
	int error = mete_arena_fini(&host->arena);
	if (!error)
		host_release(host);
	return error;
}

struct mete_provider *mete_host_provider(struct mete_host *host)
{
	return mete_arena_provider(&host->arena);
}

size_t mete_host_free(struct mete_host *host)
{
	return mete_arena_free(&host->arena);
}
