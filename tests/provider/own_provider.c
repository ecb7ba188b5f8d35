/* SPDX-License-Identifier: ISC */
/*
 * Own provider: five functions over aligned_alloc().
 *
 * Here physical addresses equal pointers, as they do in firmware without an MMU.  aligned_alloc() knows alignment only.
 * A boundary is met by aligning to the next power of two above the length; what it cannot be told (limits, phases) is
 * checked afterwards, and memory that does not comply is refused: such a port serves fewer wants, but none wrongly.
 */
#include "own_provider.h"

#include <stdlib.h>

#define OWN_FRAME 4096u

static size_t power2_from(size_t least)
{
	size_t power = OWN_FRAME;
	while (power < least)
		power *= 2;
	return power;
}

static bool complies(const struct mete_want *want, mete_paddr phys)
{
	mete_paddr last = phys + (mete_paddr)(want->len - 1);

	if (phys < want->first || (want->last && last > want->last))
		return false;
	if (want->hole_last && phys <= want->hole_last && last >= want->hole_first)
		return false;
	if (want->align && (phys & (want->align - 1)) != want->phase)
		return false;
	return !want->boundary ||
	    !(((phys - want->boundary_phase) ^ (last - want->boundary_phase)) & ~(want->boundary - 1));
}

static int own_take(void *ctx, const struct mete_want *want, struct mete_run *ret_run)
{
	struct own_provider *own = ctx;

	int error = mete_want_check(want);
	if (error)
		return error;
	if (want->memory != METE_MEMORY_CACHED && want->memory != METE_MEMORY_COHERENT)
		return METE_ENOTSUP;
	if (want->len > own->limit || (want->boundary && want->len > want->boundary))
		return METE_ERANGE;
	size_t len = (want->len + OWN_FRAME - 1) & ~(size_t)(OWN_FRAME - 1);
	size_t align = want->boundary ? power2_from(want->len) : OWN_FRAME;
	if (want->align > align)
		align = (size_t)want->align;
	if (len > own->limit - own->taken || align > own->limit)
		return METE_ENOMEM;
	void *cpu = aligned_alloc(align, (len + align - 1) & ~(align - 1));
	if (!cpu)
		return METE_ENOMEM;
	if (!complies(want, (mete_paddr)(uintptr_t)cpu)) {
		free(cpu);
		return METE_ENOMEM;
	}
	own->taken += len;
	ret_run->cpu = cpu;
	ret_run->phys = (mete_paddr)(uintptr_t)cpu;
	ret_run->len = len;
	return 0;
}

static void own_give(void *ctx, const struct mete_run *run)
{
	struct own_provider *own = ctx;

	own->taken -= run->len;
	free(run->cpu);
}

static int own_translate(void *ctx, const void *cpu, size_t len, mete_paddr *ret_phys, size_t *ret_len)
{
	(void)ctx;
	if (!cpu)
		return METE_EFAULT;
	*ret_phys = (mete_paddr)(uintptr_t)cpu;
	*ret_len = len;
	return 0;
}

static void *own_record_alloc(void *ctx, size_t len)
{
	(void)ctx;
	return len <= PTRDIFF_MAX ? calloc(1, len) : NULL;
}

static void own_record_free(void *ctx, void *record, size_t len)
{
	(void)ctx;
	(void)len;
	free(record);
}

static const struct mete_provider_ops own_ops = {
	.take = own_take,
	.give = own_give,
	.translate = own_translate,
	.record_alloc = own_record_alloc,
	.record_free = own_record_free,
};

int own_provider_start(struct own_provider *own, size_t limit)
{
	const struct mete_provider_config config = { .frame = OWN_FRAME };

	own->limit = limit;
	own->taken = 0;
	return mete_provider_init(&own->provider, &own_ops, own, &config);
}

int own_provider_end(struct own_provider *own)
{
	return mete_provider_fini(&own->provider);
}
