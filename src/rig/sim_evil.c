/* SPDX-License-Identifier: ISC */
/*
 * Malice and flaws: devices that do what they should not.
 *
 * A malicious one follows bytes, so that a fuzzer can drive it, and any run can be had again from them.  After each access
 * that the function makes one byte is taken, and says what else it does; its own extra accesses take none.  They go
 * the same way as all others, through lines, IOMMU and grants: what is stopped there is stopped.
 *
 * A flaw is simpler: a device of ours that does one thing wrong with some of its completions.
 */
#include <stdlib.h>
#include <string.h>

#include "sim_machine.h"

#define EVIL_BYTES_MAX (1u << 20)
#define EVIL_FLAWS 0xffu

enum evil { EVIL_CHANGE, EVIL_BEHIND, EVIL_BEFORE, EVIL_WRITE_READ, EVIL_AGAIN, EVIL_OWN, EVIL_LIE, EVIL_INTERRUPT };

/* Write `len` bytes, at most 16, of a pattern. */
static void evil_write(struct sim_function *f, uint64_t bus, size_t len, unsigned operand)
{
	unsigned char pattern[16];

	memset(pattern, (int)(0xe0 | operand), sizeof(pattern));
	(void)mete__sim_put(f, bus, pattern, len < sizeof(pattern) ? len : sizeof(pattern));
}

/* Somewhere it once was; it may not be its any more. */
static void evil_again(struct sim_function *f, unsigned operand)
{
	const size_t n = sizeof(f->evil.been) / sizeof(*f->evil.been);
	unsigned char seen[16];
	size_t i = (operand >> 1) % (f->evil.nbeen < n ? f->evil.nbeen : n);
	size_t len = f->evil.been[i].len < sizeof(seen) ? f->evil.been[i].len : sizeof(seen);

	if (operand & 1)
		evil_write(f, f->evil.been[i].bus, len, operand);
	else
		(void)mete__sim_get(f, f->evil.been[i].bus, seen, len);
}

static void evil_do(struct sim_function *f, enum evil what, unsigned operand, bool write, uint64_t bus, size_t len)
{
	switch (what) {
	case EVIL_CHANGE:
		if (!write)
			evil_write(f, bus + operand % len, 1, operand);
		break;
	case EVIL_BEHIND: evil_write(f, bus + len, operand + 1, operand); break;
	case EVIL_BEFORE: evil_write(f, bus - (operand + 1), operand + 1, operand); break;
	case EVIL_WRITE_READ:
		if (!write)
			evil_write(f, bus, len, operand);
		break;
	case EVIL_AGAIN: evil_again(f, operand); break;
	case EVIL_OWN: evil_write(f, sim_load(&f->config[0x10], 4) & ~0xfull, operand + 1, operand); break;
	case EVIL_LIE:
		f->evil.lie = (uint8_t)((operand & 7) + 1);
		f->evil.honest = (uint8_t)(operand >> 3);
		break;
	case EVIL_INTERRUPT: mete__sim_raise(f, 0); break;
	}
}

void mete__sim_tempt(struct sim_function *f, bool write, uint64_t bus, size_t len)
{
	const size_t n = sizeof(f->evil.been) / sizeof(*f->evil.been);
	struct sim_evil *evil = &f->evil;

	if (evil->busy || evil->next == evil->len)
		return;
	evil->been[evil->nbeen % n].bus = bus;
	evil->been[evil->nbeen % n].len = (uint32_t)len;
	evil->nbeen++;
	unsigned byte = evil->bytes[evil->next++];
	if (byte < 0x80)
		return;
	evil->busy = true;
	evil_do(f, (enum evil)(byte & 7), byte >> 3 & 15, write, bus, len);
	evil->busy = false;
}

uint32_t mete__sim_tell(struct sim_function *f, uint32_t number)
{
	const uint32_t lie = f->evil.lie;

	if (!lie || f->evil.honest) {
		f->evil.honest = 0;
		return number;
	}
	f->evil.lie = 0;
	/* Off by little, or by much. */
	return lie & 1 ? number + lie : number ^ (lie << 20 | 0x8000u | lie);
}

void mete__sim_evil_fini(struct sim_function *f)
{
	free(f->evil.bytes);
	f->evil.bytes = NULL;
}

int mete_sim_evil(const struct mete_rig_function *function, const void *bytes, size_t len)
{
	struct sim_function *f = mete__sim_function(function);

	if (!f)
		return METE_ENOTSUP;
	if (len > EVIL_BYTES_MAX || (len && !bytes))
		return METE_EINVAL;
	unsigned char *copy = malloc(len + 1);
	if (!copy)
		return METE_ENOMEM;
	if (len)
		memcpy(copy, bytes, len);
	mete__sim_lock(f->sim);
	free(f->evil.bytes);
	f->evil = (struct sim_evil){ .bytes = copy, .len = len };
	mete__sim_unlock(f->sim);
	return 0;
}

unsigned mete__sim_flaws(struct sim_function *f)
{
	struct sim_flaw *flaw = &f->flaw;

	if (!flaw->flaws)
		return 0;
	uint64_t n = flaw->seen++;
	return n >= flaw->skip && (!flaw->count || n - flaw->skip < flaw->count) ? flaw->flaws : 0;
}

int mete_sim_flaw(const struct mete_rig_function *function, unsigned flaws, uint64_t skip, uint64_t count)
{
	struct sim_function *f = mete__sim_function(function);

	if (!f || !f->flawed)
		return METE_ENOTSUP;
	if (flaws & ~EVIL_FLAWS)
		return METE_EINVAL;
	mete__sim_lock(f->sim);
	f->flaw = (struct sim_flaw){ .flaws = flaws, .skip = skip, .count = count };
	mete__sim_unlock(f->sim);
	return 0;
}
