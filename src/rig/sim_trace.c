/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * Trace: what happened on the bus, as records of 32 bytes, a hash over them, and a file of them.
 *
 *   0   time, ns        8 bytes, little-endian as all numbers here
 *   8   source          2
 *   10  operation       1   read, write, register read, register write, interrupt
 *   11  detail          1   of an access its result, of a register access its width
 *   12  length          4   bytes
 *   16  place           8   bus address, register offset, vector
 *   24  hash of the data 8
 *
 * A file is a head, "METETRC1" and the seed, then the records, then their count and the hash over them: whatever is
 * missing or changed shows.  The hash over records is FNV-1a with 64 bits; that of data takes eight bytes at a time, which
 * is as good for telling two runs apart and much faster.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim_machine.h"

#define TRACE_MAGIC "METETRC1"
#define TRACE_HEAD 16u
#define TRACE_TAIL 16u
#define TRACE_RECORD 32u
#define TRACE_FILE_MAX (1ull << 30)
#define FNV_BASIS 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

static uint64_t trace_hash(uint64_t hash, const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ data[i]) * FNV_PRIME;
	return hash;
}

static uint64_t trace_hash_data(const unsigned char *data, size_t len)
{
	uint64_t hash = FNV_BASIS ^ len;

	for (; len >= 8; data += 8, len -= 8) {
		hash = (hash ^ sim_load(data, 8)) * FNV_PRIME;
		hash ^= hash >> 32;
	}
	return trace_hash(hash, data, len);
}

static const char *trace_op(unsigned op)
{
	static const char *const name[] = { "?", "read", "write", "register read", "register write", "interrupt" };
	return op < sizeof(name) / sizeof(*name) ? name[op] : name[0];
}

static void trace_describe(const unsigned char *r, char *text, size_t text_len)
{
	mete__rig_say(text, text_len, "%s of %u at %#llx by %02x.%u, %llu ns, data %016llx", trace_op(r[10]),
	    (unsigned)sim_load(r + 12, 4), (unsigned long long)sim_load(r + 16, 8), (unsigned)sim_load(r + 8, 2) >> 3,
	    r[8] & 7u, (unsigned long long)sim_load(r, 8), (unsigned long long)sim_load(r + 24, 8));
}

static void trace_compare(struct sim_trace *trace, const unsigned char *record)
{
	char here[120], there[120];

	if (trace->differs)
		return;
	if (trace->count >= trace->ncompare) {
		trace->differs = true;
		trace_describe(record, here, sizeof(here));
		mete__rig_say(trace->text, sizeof(trace->text), "event %llu: the trace has ended, and here is: %s",
		    (unsigned long long)trace->count, here);
		return;
	}
	const unsigned char *want = trace->compare + TRACE_HEAD + (size_t)trace->count * TRACE_RECORD;
	if (!memcmp(want, record, TRACE_RECORD))
		return;
	trace->differs = true;
	trace_describe(record, here, sizeof(here));
	trace_describe(want, there, sizeof(there));
	mete__rig_say(trace->text, sizeof(trace->text), "event %llu: %s; in the trace: %s",
	    (unsigned long long)trace->count, here, there);
}

void mete__sim_trace_add(struct sim *sim, enum sim_op op, unsigned detail, uint16_t source, uint64_t place,
    const void *data, size_t len)
{
	struct sim_trace *trace = &sim->trace;
	unsigned char record[TRACE_RECORD];

	sim_store(record, 8, sim->clock.now);
	sim_store(record + 8, 2, source);
	record[10] = (unsigned char)op;
	record[11] = (unsigned char)detail;
	sim_store(record + 12, 4, len);
	sim_store(record + 16, 8, place);
	sim_store(record + 24, 8, trace_hash_data(data, len));
	trace->hash = trace_hash(trace->hash, record, sizeof(record));
	if (trace->record && fwrite(record, sizeof(record), 1, trace->record) != 1)
		trace->damaged = true;
	if (trace->compare)
		trace_compare(trace, record);
	trace->count++;
}

/* `len` bytes of the file; NULL if they cannot be had. */
static unsigned char *trace_read(int fd, size_t len)
{
	unsigned char *data = malloc(len);

	for (size_t done = 0; data && done < len;) {
		ssize_t n = read(fd, data + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			free(data);
			return NULL;
		}
		done += (size_t)n;
	}
	return data;
}

static bool trace_check(const unsigned char *data, size_t n, const char *path, char *text, size_t text_len)
{
	const unsigned char *tail = data + TRACE_HEAD + n * TRACE_RECORD;

	if (memcmp(data, TRACE_MAGIC, 8))
		mete__rig_say(text, text_len, "%s: no trace: it does not begin with %s", path, TRACE_MAGIC);
	else if (sim_load(tail, 8) != n ||
	    sim_load(tail + 8, 8) != trace_hash(FNV_BASIS, data + TRACE_HEAD, n * TRACE_RECORD))
		mete__rig_say(text, text_len, "%s: a damaged trace: its records do not add up", path);
	else
		return true;
	return false;
}

static int trace_load(struct sim_trace *trace, const char *path, char *text, size_t text_len)
{
	uint64_t len;
	int fd;

	int error = mete__rig_disk(path, &fd, &len, text, text_len);
	if (error)
		return error;
	bool whole = len >= TRACE_HEAD + TRACE_TAIL && len <= TRACE_FILE_MAX &&
	    (len - TRACE_HEAD - TRACE_TAIL) % TRACE_RECORD == 0;
	if (!whole)
		mete__rig_say(text, text_len, "%s: %llu bytes are not a whole trace", path, (unsigned long long)len);
	else if (!(trace->compare = trace_read(fd, (size_t)len)))
		mete__rig_say(text, text_len, "%s: cannot be read", path);
	close(fd);
	if (!trace->compare)
		return METE_EIO;
	trace->ncompare = (size_t)(len - TRACE_HEAD - TRACE_TAIL) / TRACE_RECORD;
	return trace_check(trace->compare, trace->ncompare, path, text, text_len) ? 0 : METE_EIO;
}

static int trace_record(struct sim *sim, const char *path, char *text, size_t text_len)
{
	unsigned char head[TRACE_HEAD];

	/* Without O_NONBLOCK, opening a FIFO that nobody reads would wait for ever. */
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
	if (fd >= 0 && !(sim->trace.record = fdopen(fd, "wb")))
		close(fd);
	if (!sim->trace.record) {
		mete__rig_say(text, text_len, "%s: %s", path, strerror(errno));
		return METE_EIO;
	}
	memcpy(head, TRACE_MAGIC, 8);
	sim_store(head + 8, 8, sim->seed);
	return fwrite(head, sizeof(head), 1, sim->trace.record) == 1 ? 0 : METE_EIO;
}

int mete__sim_trace_init(struct sim *sim, const struct mete_sim_config *config, char *text, size_t text_len)
{
	int error = 0;

	sim->trace.hash = FNV_BASIS;
	if (config->compare)
		error = trace_load(&sim->trace, config->compare, text, text_len);
	if (!error && config->record)
		error = trace_record(sim, config->record, text, text_len);
	return error;
}

void mete__sim_trace_fini(struct sim *sim)
{
	struct sim_trace *trace = &sim->trace;
	unsigned char tail[TRACE_TAIL];

	if (trace->record) {
		/* Without its tail a trace is not whole: so nobody trusts one that could not be written. */
		sim_store(tail, 8, trace->count);
		sim_store(tail + 8, 8, trace->hash);
		if (!trace->damaged)
			(void)fwrite(tail, sizeof(tail), 1, trace->record);
		fclose(trace->record);
	}
	trace->record = NULL;
	free(trace->compare);
	trace->compare = NULL;
}

uint64_t mete_sim_hash(struct mete_rig *rig)
{
	struct sim *sim = mete__sim(rig);

	if (!sim)
		return 0;
	mete__sim_lock(sim);
	uint64_t hash = sim->trace.hash;
	mete__sim_unlock(sim);
	return hash;
}

int mete_sim_compared(struct mete_rig *rig, bool whole, char *text, size_t text_len)
{
	struct sim *sim = mete__sim(rig);
	char there[120];

	mete__rig_say(text, text_len, "%s", "");
	if (!sim)
		return METE_ENOTSUP;
	const struct sim_trace *trace = &sim->trace;
	if (!trace->compare)
		return METE_EINVAL;
	if (trace->differs) {
		mete__rig_say(text, text_len, "%s", trace->text);
		return METE_EIO;
	}
	if (whole && trace->count < trace->ncompare) {
		trace_describe(trace->compare + TRACE_HEAD + (size_t)trace->count * TRACE_RECORD, there, sizeof(there));
		mete__rig_say(text, text_len, "event %llu: nothing more here; in the trace: %s",
		    (unsigned long long)trace->count, there);
		return METE_EIO;
	}
	return 0;
}
