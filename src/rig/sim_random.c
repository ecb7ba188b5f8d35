/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * Numbers from the seed: xoshiro256** (Blackman and Vigna, public domain), one generator for each purpose, each started
 * by splitmix64 from the seed and the purpose.  So a driver that makes one more access moves the random numbers of
 * accesses, and leaves those of the cache where they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim_machine.h"

static uint64_t random_split(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint64_t random_rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

void mete__sim_random_init(struct sim_random *random, uint64_t seed, enum sim_stream stream)
{
	uint64_t state = seed + 0x632be59bd9b4e019u * ((uint64_t)stream + 1);

	for (int i = 0; i < 4; i++)
		random->state[i] = random_split(&state);
}

uint64_t mete__sim_random(struct sim_random *random)
{
	uint64_t *s = random->state;
	uint64_t result = random_rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = random_rotate(s[3], 45);
	return result;
}

/* The remainder favours small numbers by less than n / 2^64: nobody will see it. */
uint64_t mete__sim_below(struct sim_random *random, uint64_t n)
{
	return mete__sim_random(random) % n;
}

/* A number in words, and nothing after it. */
static bool seed_parse(const char *words, uint64_t *ret_seed)
{
	char *end;

	/* strtoull() would take spaces and a minus too. */
	if (*words < '0' || *words > '9')
		return false;
	errno = 0;
	unsigned long long seed = strtoull(words, &end, 0);
	*ret_seed = seed;
	return !errno && !*end && seed;
}

static uint64_t seed_draw(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t state = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	uint64_t seed = random_split(&state);
	return seed ? seed : 1;
}

/* The command that was typed, as far as the system knows it: words with spaces between them. */
static void seed_command(char *to, size_t room)
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, to, room - 1);

	if (fd >= 0)
		close(fd);
	to[n > 0 ? n : 0] = '\0';
	for (ssize_t i = 0; i < n - 1; i++) {
		if (!to[i])
			to[i] = ' ';
	}
}

int mete__sim_seed_init(struct sim *sim, uint64_t seed, char *text, size_t text_len)
{
	const char *words = getenv("METE_SEED");
	char command[4096];

	if (!seed && words && *words && !seed_parse(words, &seed)) {
		mete__rig_say(text, text_len, "METE_SEED=%s: not a number from 1 to 2^64 - 1", words);
		return METE_EINVAL;
	}
	sim->seed = seed ? seed : seed_draw();
	seed_command(command, sizeof(command));
	size_t room = strlen(command) + 40; /* "METE_SEED=0x", 16 digits, a space */
	sim->repeat = malloc(room);
	if (!sim->repeat)
		return METE_ENOMEM;
	mete__rig_say(sim->repeat, room, "METE_SEED=%#llx %s", (unsigned long long)sim->seed, command);
	return 0;
}

uint64_t mete_sim_seed(const struct mete_rig *rig)
{
	const struct sim *sim = mete__sim(rig);
	return sim ? sim->seed : 0;
}

const char *mete_sim_repeat(const struct mete_rig *rig)
{
	const struct sim *sim = mete__sim(rig);
	return sim ? sim->repeat : "";
}
