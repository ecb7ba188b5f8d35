/* SPDX-License-Identifier: ISC */
/*
 * Contract: the promises of <mete/provider.h>, one function each.
 *
 * Runs are checked against the want by arithmetic that is written out here, byte by byte where that is affordable, and
 * shares nothing with the library.  Every run is filled with a pattern of its own, so that two runs that share memory,
 * in the CPU view or physically, give themselves away.
 */
#include "contract.h"

#define LIVE_MAX 256

struct live {
	struct mete_run run;
	unsigned char mark;
};

struct session {
	struct mete_provider *provider;
	const struct contract *contract;
	struct live live[LIVE_MAX];
	size_t nlive;
	size_t longest;
	uint32_t seed;
	unsigned long broken;
};

static void expect(struct session *s, bool kept, const char *promise)
{
	if (kept)
		return;
	s->broken++;
	if (s->contract->broken)
		s->contract->broken(s->contract->ctx, promise);
}

static uint32_t draw(struct session *s, uint32_t below)
{
	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 17;
	s->seed ^= s->seed << 5;
	return s->seed % below;
}

static int take(struct session *s, const struct mete_want *want, struct mete_run *ret)
{
	return s->provider->ops->take(s->provider->ctx, want, ret);
}

static void give(struct session *s, const struct mete_run *run)
{
	s->provider->ops->give(s->provider->ctx, run);
}

static struct mete_want plain_want(size_t len)
{
	struct mete_want want;
	unsigned char *byte = (unsigned char *)&want;

	for (size_t i = 0; i < sizeof want; i++)
		byte[i] = 0;
	want.len = len;
	want.memory = METE_MEMORY_CACHED;
	return want;
}

static bool run_obeys(const struct mete_want *want, const struct mete_run *run)
{
	mete_paddr last = run->phys + (mete_paddr)(want->len - 1);

	if (last < run->phys || run->phys < want->first || (want->last && last > want->last))
		return false;
	if (want->hole_last && run->phys <= want->hole_last && last >= want->hole_first)
		return false;
	if (want->align && run->phys % want->align != want->phase)
		return false;
	for (size_t i = 1; want->boundary && i < want->len; i++) {
		if ((run->phys + (mete_paddr)i) % want->boundary == want->boundary_phase)
			return false;
	}
	return true;
}

static void check_run(struct session *s, const struct mete_want *want, const struct mete_run *run)
{
	size_t frame = s->provider->frame, contiguous = 0;
	mete_paddr phys = 0;

	expect(s, run_obeys(want, run), "a run satisfies its want");
	expect(s, run->cpu != NULL, "a run has a CPU view");
	expect(s, run->len >= want->len && run->len - want->len < frame, "a run is rounded up to frames, no further");
	expect(s, run->len % frame == 0 && run->phys % frame == 0, "a run is whole frames");
	for (size_t off = 0; off < run->len; off += frame) {
		const unsigned char *at = (const unsigned char *)run->cpu + off;
		int error = s->provider->ops->translate(s->provider->ctx, at, run->len - off, &phys, &contiguous);
		expect(s, !error && phys == run->phys + (mete_paddr)off, "translate agrees with take");
		expect(s, contiguous == run->len - off, "a run is contiguous to its end");
		void *cpu = NULL;
		if (!s->provider->ops->view)
			continue;
		error = s->provider->ops->view(s->provider->ctx, run->phys + (mete_paddr)off, run->len - off, &cpu, &contiguous);
		expect(s, !error && cpu == at && contiguous == run->len - off, "view is the reverse of translate");
	}
}

static void fill(const struct live *live)
{
	volatile unsigned char *byte = live->run.cpu;
	for (size_t i = 0; i < live->run.len; i += 61)
		byte[i] = live->mark;
}

static bool intact(const struct live *live)
{
	const volatile unsigned char *byte = live->run.cpu;
	for (size_t i = 0; i < live->run.len; i += 61) {
		if (byte[i] != live->mark)
			return false;
	}
	return true;
}

static void add(struct session *s, const struct mete_run *run)
{
	struct live *live = &s->live[s->nlive++];

	for (size_t i = 0; i + 1 < s->nlive; i++) {
		const struct mete_run *other = &s->live[i].run;
		expect(s, run->phys + (mete_paddr)(run->len - 1) < other->phys ||
		    other->phys + (mete_paddr)(other->len - 1) < run->phys, "runs do not overlap physically");
	}
	live->run = *run;
	live->mark = (unsigned char)(1 + draw(s, 255));
}

static void drop(struct session *s, size_t i)
{
	expect(s, intact(&s->live[i]), "nobody else writes into a run that is held");
	give(s, &s->live[i].run);
	s->live[i] = s->live[--s->nlive];
}

static void drop_all(struct session *s)
{
	while (s->nlive)
		drop(s, s->nlive - 1);
}

/* A power of two of at most `most` frames, or a part of one. */
static mete_paddr draw_power(struct session *s, unsigned most)
{
	return (mete_paddr)s->provider->frame << draw(s, most) >> draw(s, 3);
}

static struct mete_want draw_want(struct session *s, const struct mete_run *somewhere)
{
	size_t frame = s->provider->frame;
	struct mete_want want = plain_want(1 + draw(s, (uint32_t)s->longest));

	if (!draw(s, 3))
		want.align = draw_power(s, 5);
	if (want.align > frame && draw(s, 2))
		want.phase = (mete_paddr)frame * draw(s, (uint32_t)(want.align / frame));
	if (!draw(s, 3)) {
		want.boundary = draw_power(s, 6);
		if (draw(s, 2))
			want.boundary_phase = draw(s, (uint32_t)want.boundary);
	}
	if (!draw(s, 4))
		want.first = somewhere->phys;
	if (!draw(s, 4))
		want.last = somewhere->phys + (mete_paddr)(somewhere->len - 1);
	if (!draw(s, 4)) {
		want.hole_first = somewhere->phys;
		want.hole_last = somewhere->phys + (mete_paddr)draw(s, (uint32_t)somewhere->len);
	}
	if (want.last && want.first > want.last)
		want.last = 0;
	return want;
}

static void check_random_wants(struct session *s)
{
	unsigned rounds = s->contract->rounds ? s->contract->rounds : 2000;
	struct mete_want first = plain_want(s->provider->frame);
	struct mete_run somewhere, run;

	if (take(s, &first, &somewhere)) {
		expect(s, false, "a frame can be had");
		return;
	}
	give(s, &somewhere);
	for (unsigned i = 0; i < rounds; i++) {
		if (s->nlive == LIVE_MAX || (s->nlive && draw(s, 2))) {
			drop(s, draw(s, (uint32_t)s->nlive));
			continue;
		}
		struct mete_want want = draw_want(s, &somewhere);
		struct mete_run before = { (void *)s, 4711, 4712 };
		run = before;
		int error = take(s, &want, &run);
		if (error) {
			expect(s, error == METE_ENOMEM || error == METE_ERANGE, "a well-formed want fails for lack of memory");
			expect(s, run.cpu == before.cpu && run.phys == before.phys && run.len == before.len,
			    "a failure leaves the output alone");
			continue;
		}
		check_run(s, &want, &run);
		add(s, &run);
		fill(&s->live[s->nlive - 1]);
	}
	drop_all(s);
}

static void check_malformed_wants(struct session *s)
{
	size_t frame = s->provider->frame;
	struct mete_want bad[9];
	struct mete_run run = { NULL, 0, 0 };

	for (size_t i = 0; i < 9; i++)
		bad[i] = plain_want(frame);
	bad[0].len = 0;
	bad[1].align = 3;
	bad[2].align = 8;
	bad[2].phase = 8;
	bad[3].phase = 1;
	bad[4].boundary = 5;
	bad[5].boundary = 8;
	bad[5].boundary_phase = 8;
	bad[6].first = 2;
	bad[6].last = 1;
	bad[7].hole_first = 1;
	bad[8].memory = (enum mete_memory)99;
	for (size_t i = 0; i < 9; i++) {
		expect(s, take(s, &bad[i], &run) == METE_EINVAL, "a malformed want is METE_EINVAL");
		expect(s, mete_want_check(&bad[i]) == METE_EINVAL, "mete_want_check() knows malformed wants");
	}
	expect(s, run.cpu == NULL && run.len == 0, "a failure leaves the output alone");
}

static void check_impossible_wants(struct session *s)
{
	struct mete_want want = plain_want(SIZE_MAX);
	struct mete_run run;

	expect(s, take(s, &want, &run) == METE_ERANGE, "what can never be is METE_ERANGE");
	want.len = SIZE_MAX - s->provider->frame;
	expect(s, take(s, &want, &run) == METE_ERANGE, "what can never be is METE_ERANGE");
	want.len = 2;
	want.boundary = 1;
	expect(s, take(s, &want, &run) == METE_ERANGE, "longer than its boundary can never be");
}

static void check_kinds_of_memory(struct session *s)
{
	for (int memory = METE_MEMORY_CACHED; memory <= METE_MEMORY_UNCACHED; memory++) {
		struct mete_want want = plain_want(s->provider->frame);
		struct mete_run run;
		want.memory = (enum mete_memory)memory;
		int error = take(s, &want, &run);
		expect(s, !error || error == METE_ENOTSUP, "each kind of memory is given or METE_ENOTSUP");
		if (!error) {
			check_run(s, &want, &run);
			give(s, &run);
		}
	}
}

/* All memory there is, in the longest runs that can be had; then back.  Returns the bytes. */
static size_t take_all(struct session *s)
{
	struct mete_run run;
	size_t bytes = 0;

	for (size_t len = SIZE_MAX / 4 + 1; len >= s->provider->frame; len /= 2) {
		struct mete_want want = plain_want(len);
		while (s->nlive < LIVE_MAX && !take(s, &want, &run)) {
			add(s, &run);
			bytes += run.len;
		}
	}
	while (s->nlive)
		give(s, &s->live[--s->nlive].run);
	return bytes;
}

/* Losing even one frame in so many shows: everything is taken and given several times. */
static void check_nothing_is_lost(struct session *s)
{
	size_t first = take_all(s);

	expect(s, first >= 8 * s->provider->frame, "at least 8 frames can be had");
	for (int i = 0; i < 3; i++)
		expect(s, take_all(s) == first, "what is given back can be had again");
}

static void check_records(struct session *s)
{
	enum { NRECORDS = 8 };
	static const size_t lens[NRECORDS] = { 1, 16, 31, 64, 100, 300, 1000, 5000 };
	const struct mete_provider_ops *ops = s->provider->ops;
	unsigned char *record[NRECORDS];

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < NRECORDS; i++) {
			record[i] = ops->record_alloc(s->provider->ctx, lens[i]);
			expect(s, record[i] != NULL, "there are records");
			if (!record[i])
				continue;
			expect(s, (uintptr_t)record[i] % sizeof(uint64_t) == 0, "a record is aligned for any type");
			for (size_t j = 0; j < lens[i]; j++)
				expect(s, record[i][j] == 0, "a record is zeroed");
			for (size_t j = 0; j < lens[i]; j++)
				record[i][j] = (unsigned char)(i + 1);
		}
		for (size_t i = 0; i < NRECORDS; i++) {
			for (size_t j = 0; record[i] && j < lens[i]; j++)
				expect(s, record[i][j] == i + 1, "records do not overlap");
			if (record[i])
				ops->record_free(s->provider->ctx, record[i], lens[i]);
		}
	}
	expect(s, ops->record_alloc(s->provider->ctx, SIZE_MAX) == NULL, "a record that cannot be is NULL");
}

unsigned long contract_run(struct mete_provider *provider, const struct contract *contract)
{
	struct session session;
	struct session *s = &session;

	s->provider = provider;
	s->contract = contract;
	s->nlive = 0;
	s->longest = contract->longest ? contract->longest : 16 * provider->frame;
	s->seed = contract->seed ? contract->seed : 1;
	s->broken = 0;
	check_malformed_wants(s);
	check_impossible_wants(s);
	check_kinds_of_memory(s);
	check_random_wants(s);
	check_nothing_is_lost(s);
	check_records(s);
	return s->broken;
}
