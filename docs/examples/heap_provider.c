/* SPDX-License-Identifier: ISC */
/*
 * A provider of one's own: five functions over aligned_alloc(), and hooks over POSIX threads.
 *
 * docs/PORTING.md walks through it.  Addresses are identical in all three number spaces, as on a machine without an
 * MMU.  The heap is counted, so that it can run out; what is taken is more than the run where the want has an alignment
 * or a boundary, because aligned_alloc() knows neither phases nor boundaries.
 */
#include "heap_provider.h"

#include <stdlib.h>

#define FRAME ((size_t)4096)

/* A run, and the memory around it. */
struct piece {
	struct piece *next;
	unsigned char *memory;
	unsigned char *cpu;
	size_t room;
};

static mete_paddr phys_of(const void *cpu)
{
	return (mete_paddr)(uintptr_t)cpu;
}

/* Whether a run for `want` may start at `start`.  This is the definition of a want; every provider obeys it. */
static bool fits(const struct mete_want *want, mete_paddr start)
{
	mete_paddr end = start + (want->len - 1);

	if (start < want->first || (want->last && end > want->last))
		return false;
	if (want->hole_last && start <= want->hole_last && end >= want->hole_first)
		return false;
	if (want->align && ((start - want->phase) & (want->align - 1)))
		return false;
	return !want->boundary ||
	    !(((start - want->boundary_phase) ^ (end - want->boundary_phase)) & ~(want->boundary - 1));
}

/* Take `room` bytes off what is left, if there are so many. */
static bool heap_reserve(struct heap *heap, size_t room)
{
	pthread_mutex_lock(&heap->mutex);
	bool enough = room <= heap->left;
	if (enough)
		heap->left -= room;
	pthread_mutex_unlock(&heap->mutex);
	return enough;
}

static void heap_restore(struct heap *heap, size_t room)
{
	pthread_mutex_lock(&heap->mutex);
	heap->left += room;
	pthread_mutex_unlock(&heap->mutex);
}

static struct piece *piece_new(size_t room)
{
	struct piece *piece = malloc(sizeof *piece);
	if (!piece)
		return NULL;
	piece->room = room;
	piece->memory = aligned_alloc(FRAME, room);
	if (piece->memory)
		return piece;
	free(piece);
	return NULL;
}

/* Where in the piece the run goes; false if nowhere. */
static bool piece_fit(struct piece *piece, const struct mete_want *want, size_t len)
{
	for (size_t off = 0; off <= piece->room - len; off += FRAME) {
		if (fits(want, phys_of(piece->memory + off))) {
			piece->cpu = piece->memory + off;
			return true;
		}
	}
	return false;
}

static int heap_take(void *ctx, const struct mete_want *want, struct mete_run *ret_run)
{
	struct heap *heap = ctx;

	int error = mete_want_check(want);
	if (error)
		return error;
	if (want->memory != METE_MEMORY_CACHED && want->memory != METE_MEMORY_COHERENT)
		return METE_ENOTSUP;
	/* Never, even with the whole heap free. */
	if (want->len > heap->all || want->align > heap->all || (want->boundary && want->len > want->boundary))
		return METE_ERANGE;
	size_t len = (want->len + (FRAME - 1)) & ~(FRAME - 1);
	/* Wherever so much memory starts, there is a start in it that is aligned and respects the boundary. */
	size_t room = len + (want->align > FRAME ? (size_t)want->align : 0) + (want->boundary ? len : 0);
	if (room > heap->all)
		return METE_ERANGE;

	if (!heap_reserve(heap, room))
		return METE_ENOMEM;
	struct piece *piece = piece_new(room);
	bool fit = piece && piece_fit(piece, want, len);
	if (!fit) {
		heap_restore(heap, room);
		error = piece ? METE_ERANGE : METE_ENOMEM; /* malloc's memory lies where it lies: asking again moves nothing */
		if (piece)
			free(piece->memory);
		free(piece);
		return error;
	}
	pthread_mutex_lock(&heap->mutex);
	piece->next = heap->pieces;
	heap->pieces = piece;
	pthread_mutex_unlock(&heap->mutex);
	ret_run->cpu = piece->cpu;
	ret_run->phys = phys_of(piece->cpu);
	ret_run->len = len;
	return 0;
}

static void heap_give(void *ctx, const struct mete_run *run)
{
	struct heap *heap = ctx;

	pthread_mutex_lock(&heap->mutex);
	struct piece **at = &heap->pieces, *piece;
	while (*at && (*at)->cpu != run->cpu)
		at = &(*at)->next;
	piece = *at;
	if (piece) {
		*at = piece->next;
		heap->left += piece->room;
	}
	pthread_mutex_unlock(&heap->mutex);
	if (piece)
		free(piece->memory);
	free(piece);
}

static int heap_translate(void *ctx, const void *cpu, size_t len, mete_paddr *ret_phys, size_t *ret_len)
{
	(void)ctx;
	if (!cpu)
		return METE_EFAULT;
	*ret_phys = phys_of(cpu);
	*ret_len = len; /* without an MMU everything is contiguous */
	return 0;
}

static void *heap_record_alloc(void *ctx, size_t len)
{
	(void)ctx;
	return len <= PTRDIFF_MAX ? calloc(1, len) : NULL;
}

static void heap_record_free(void *ctx, void *record, size_t len)
{
	(void)ctx;
	(void)len;
	free(record);
}

static const struct mete_provider_ops heap_ops = {
	.take = heap_take,
	.give = heap_give,
	.translate = heap_translate,
	.record_alloc = heap_record_alloc,
	.record_free = heap_record_free,
};

static void hook_lock(void *ctx)
{
	struct heap *heap = ctx;
	pthread_mutex_lock(&heap->guard);
}

static void hook_unlock(void *ctx)
{
	struct heap *heap = ctx;
	pthread_mutex_unlock(&heap->guard);
}

static void hook_wait(void *ctx, bool (*asleep)(void *arg), void *arg)
{
	struct heap *heap = ctx;

	pthread_mutex_lock(&heap->sleepers);
	while (asleep(arg))
		pthread_cond_wait(&heap->freed, &heap->sleepers);
	pthread_mutex_unlock(&heap->sleepers);
}

static void hook_wake(void *ctx)
{
	struct heap *heap = ctx;

	pthread_mutex_lock(&heap->sleepers);
	pthread_cond_broadcast(&heap->freed);
	pthread_mutex_unlock(&heap->sleepers);
}

static const struct mete_hooks hooks = {
	.lock = hook_lock,
	.unlock = hook_unlock,
	.wait = hook_wait,
	.wake = hook_wake,
};

int heap_start(struct heap *heap, size_t len)
{
	const struct mete_provider_config config = { .frame = FRAME, .hooks = &hooks, .hooks_ctx = heap };

	heap->all = heap->left = len;
	heap->pieces = NULL;
	pthread_mutex_init(&heap->mutex, NULL);
	pthread_mutex_init(&heap->guard, NULL);
	pthread_mutex_init(&heap->sleepers, NULL);
	pthread_cond_init(&heap->freed, NULL);
	return mete_provider_init(&heap->provider, &heap_ops, heap, &config);
}
