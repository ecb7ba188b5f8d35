/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * mete-demo: read a file through a real device's DMA, and compare.
 *
 * QEMU's NVMe controller serves FILE; a driver written to the Linux DMA interface reads all of it, block by block, into
 * memory that it allocates and maps with mete.  The same bytes are read once more with read(2) and compared.  So the
 * result depends on every address that the library computed: one wrong bus address, and the data differ.
 *
 * Without QEMU the same driver object runs on the simulated machine.
 *
 * Exit status: 0 if all bytes were equal and nothing was left held, 1 if not, 2 for a file or an option that will not
 * do.
 */
#include "linux_rig.h"
#include "nvme.h"

#include <mete/device.h>
#include <mete/rig.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DEMO_BUFFER (4u << 20)
#define DEMO_LINE(name, ...) (printf("  %-12s ", name), printf(__VA_ARGS__), putchar('\n'))

struct demo {
	const char *path;
	int file;
	uint64_t file_len;
	const char *rig_name;              /* asked for; NULL: qemu, or sim where there is none */

	struct mete_rig *rig;
	struct mete_rig_function pci;
	struct linux_plug plug;
	struct mete_device core;
	struct device dev;
	struct nvme nvme;
	unsigned char *buffer, *expected;  /* the device's data, the file's */

	uint64_t ncompared;
	uint32_t crc_device, crc_file;
	bool equal;
	double seconds;
};

/* CRC-32 as in Ethernet, zip and PNG: reflected polynomial 0xedb88320, ones before and after. */
static uint32_t crc32_update(uint32_t crc, const unsigned char *data, size_t len)
{
	static uint32_t table[256];

	for (uint32_t i = 0; !table[255] && i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
	}
	crc = ~crc;
	while (len--)
		crc = crc >> 8 ^ table[(crc ^ *data++) & 0xff];
	return ~crc;
}

static double demo_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int demo_complain(const char *what, const char *why, int status)
{
	fprintf(stderr, "mete-demo: %s: %s\n", what, why);
	return status;
}

static int demo_options(struct demo *demo, int argc, char **argv)
{
	static const char usage[] = "usage: mete-demo [--rig qemu|sim] [FILE]\n";
	int i = 1;

	for (; i < argc && !strncmp(argv[i], "--", 2); i++) {
		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		const char *rig = i + 1 < argc ? argv[++i] : "";
		if (strcmp(argv[i - 1], "--rig") || (strcmp(rig, "qemu") && strcmp(rig, "sim"))) {
			fputs(usage, stderr);
			return 2;
		}
		demo->rig_name = rig;
	}
	if (argc - i > 1) {
		fputs(usage, stderr);
		return 2;
	}
	demo->path = i < argc ? argv[i] : "/proc/self/exe"; /* any file is good enough, and this one is there */
	return 0;
}

static int demo_open_file(struct demo *demo)
{
	struct stat st;

	/* O_NONBLOCK: opening a FIFO must not wait for a writer. */
	demo->file = open(demo->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (demo->file < 0 || fstat(demo->file, &st))
		return demo_complain(demo->path, strerror(errno), 2);
	if (!S_ISREG(st.st_mode))
		return demo_complain(demo->path, "not a regular file", 2);
	demo->file_len = (uint64_t)st.st_size;
	char byte;
	if (!demo->file_len && read(demo->file, &byte, 1) > 0)
		return demo_complain(demo->path, "is longer than it says, as the files of /proc are", 2);
	return 0;
}

static int demo_start_rig(struct demo *demo)
{
	const struct mete_rig_qemu qemu = { .disk = demo->path };
	const struct mete_rig_sim sim = { .disk = demo->path };
	bool want_sim = demo->rig_name && !strcmp(demo->rig_name, "sim");
	char text[2048];

	int error = want_sim ? mete_rig_start_sim(&sim, &demo->rig, text, sizeof(text)) :
	    mete_rig_start_qemu(&qemu, &demo->rig, text, sizeof(text));
	if (error == METE_ENODEV && !demo->rig_name) {
		fprintf(stderr, "mete-demo: %s; running on the simulated machine instead\n", text);
		error = mete_rig_start_sim(&sim, &demo->rig, text, sizeof(text));
	}
	return error ? demo_complain("the machine does not start", text, 1) : 0;
}

/* What Linux would have done before it calls a driver's probe(). */
static int demo_find_device(struct demo *demo)
{
	struct mete_device_config config = { .name = "nvme", .provider = mete_rig_provider(demo->rig) };
	void *buffer;

	int error = mete_rig_find(demo->rig, 0x1b36, 0x0010, 0, &demo->pci);
	if (error)
		return demo_complain("no NVMe controller", mete_error_text(error), 1);
	if ((error = mete_device_init(&demo->core, &config)) ||
	    (error = mete_device_alloc(&demo->core, NULL, DEMO_BUFFER, METE_MEMORY_CACHED, 0, &buffer, NULL)))
		return demo_complain("no memory for the device", mete_error_text(error), 1);
	demo->buffer = buffer;
	demo->expected = malloc(DEMO_BUFFER);
	if (!demo->expected)
		return demo_complain("memory", strerror(errno), 1);
	mete_linux_device_init(&demo->dev, "nvme", &demo->core);
	return 0;
}

/* The file's bytes at `offset`, with zeros after its end. */
static int demo_read_file(struct demo *demo, uint64_t offset, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(demo->file, demo->expected + done, len - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return demo_complain(demo->path, strerror(errno), 1);
		if (!n) {
			memset(demo->expected + done, 0, len - done);
			break;
		}
		done += (size_t)n;
	}
	return 0;
}

static void demo_progress(const struct demo *demo, double *next)
{
	double now = demo_now();

	if (now < *next || !isatty(STDERR_FILENO) || !demo->file_len)
		return;
	*next = now + 0.25;
	fprintf(stderr, "\r%3.0f %% of %.0f MiB\r", 100.0 * (double)demo->ncompared / (double)demo->file_len,
	    (double)demo->file_len / 1048576);
}

static int demo_compare(struct demo *demo)
{
	struct nvme *nvme = &demo->nvme;
	const uint64_t per_chunk = DEMO_BUFFER / nvme->block_len;
	double next = demo_now() + 1;

	/* One block stands for an empty file; otherwise the namespace is the file, rounded up. */
	uint64_t blocks = demo->file_len ? (demo->file_len - 1) / nvme->block_len + 1 : 1;
	demo->equal = nvme->nblocks == blocks;
	for (uint64_t block = 0; block < nvme->nblocks; block += per_chunk) {
		uint64_t n = nvme->nblocks - block < per_chunk ? nvme->nblocks - block : per_chunk;
		uint64_t offset = block * nvme->block_len;
		size_t len = (size_t)n * nvme->block_len;

		memset(demo->buffer, 0xa5, len);
		int error = nvme_read(nvme, block, n, demo->buffer);
		if (error) {
			const char *words = mete_rig_last_words(demo->rig);
			return demo_complain("the driver failed to read", *words ? words : strerror(-error), 1);
		}
		if (demo_read_file(demo, offset, len))
			return 1;
		if (memcmp(demo->buffer, demo->expected, len))
			demo->equal = false;

		/* Checksums are of the file's own bytes, so that other programs can confirm them. */
		uint64_t left = demo->file_len > offset ? demo->file_len - offset : 0;
		size_t summed = left < len ? (size_t)left : len;
		demo->crc_device = crc32_update(demo->crc_device, demo->buffer, summed);
		demo->crc_file = crc32_update(demo->crc_file, demo->expected, summed);
		demo->ncompared += summed;
		demo_progress(demo, &next);
	}
	return 0;
}

/* Give everything back.  The number of things that were not. */
static unsigned long demo_stop(struct demo *demo)
{
	const struct nvme_counts *c = &demo->nvme.counts;

	nvme_stop(&demo->nvme);
	unsigned long held = c->mapped - c->unmapped + c->lists - c->lists_freed + c->coherent - c->coherent_freed;
	if (demo->buffer)
		held += mete_device_free(&demo->core, demo->buffer, DEMO_BUFFER) != 0;
	if (demo->core.provider)
		held += mete_device_fini(&demo->core) != 0;
	held += linux_rig_close(&demo->plug) != 0;
	held += mete_rig_stop(demo->rig);
	demo->rig = NULL;
	return held;
}

/* A path, with a mark for each byte that could upset a terminal. */
static void demo_print_path(const char *path)
{
	printf("  %-12s ", "file");
	for (; *path; path++)
		putchar((unsigned char)*path < 0x20 || *path == 0x7f ? '?' : *path);
	putchar('\n');
}

static void demo_report(const struct demo *demo, const char *rig, const char *irq, unsigned long held)
{
	const struct nvme *nvme = &demo->nvme;
	const struct nvme_counts *c = &nvme->counts;

	DEMO_LINE("device", "%s (%04x:%04x), serial %s", nvme->model, demo->pci.vendor, demo->pci.device, nvme->serial);
	DEMO_LINE("machine", "%s, interrupts by %s", rig, irq);
	demo_print_path(demo->path);
	DEMO_LINE("namespace", "%" PRIu64 " blocks of %u bytes", nvme->nblocks, nvme->block_len);
	DEMO_LINE("queues", "admin and I/O, the latter with %u entries; up to %u KiB a command", NVME_DEPTH,
	    nvme->max_transfer / 1024);
	DEMO_LINE("buffer", "%u KiB of the machine's memory", DEMO_BUFFER / 1024);
	DEMO_LINE("coherent", "%lu allocated, %lu freed", c->coherent, c->coherent_freed);
	DEMO_LINE("pool blocks", "%lu allocated, %lu freed", c->lists, c->lists_freed);
	DEMO_LINE("mappings", "%lu made, %lu released", c->mapped, c->unmapped);
	DEMO_LINE("commands", "%lu", c->commands);
	DEMO_LINE("interrupts", "%lu", c->interrupts);
	DEMO_LINE("bytes", "%" PRIu64 " of %" PRIu64 " compared", demo->ncompared, demo->file_len);
	DEMO_LINE("CRC-32", "%08x from the device, %08x from the file", demo->crc_device, demo->crc_file);
	DEMO_LINE("equal", "%s", demo->equal ? "yes" : "NO");
	DEMO_LINE("still held", "%lu", held);
	DEMO_LINE("seconds", "%.2f", demo->seconds);
}

static int demo_run(struct demo *demo)
{
	int status = demo_start_rig(demo);
	if (!status)
		status = demo_find_device(demo);
	if (status)
		return status;

	int error = linux_rig_open(&demo->plug, &demo->pci);
	if (!error)
		error = nvme_start(&demo->nvme, &demo->dev, &demo->plug);
	if (error) {
		const char *words = mete_rig_last_words(demo->rig);
		return demo_complain("the driver does not start", *words ? words : strerror(-error), 1);
	}
	double began = demo_now();
	status = demo_compare(demo);
	demo->seconds = demo_now() - began;
	return status;
}

int main(int argc, char **argv)
{
	static struct demo demo = { .file = -1 };
	int status = demo_options(&demo, argc, argv);

	if (status || (status = demo_open_file(&demo)))
		return status;
	status = demo_run(&demo);
	/* Names that outlive the rig. */
	const char *rig = demo.rig ? mete_rig_kind(demo.rig) : "";
	const char *irq = demo.pci.known ? mete_rig_irq_kind(&demo.pci) : "";
	unsigned long held = demo.rig ? demo_stop(&demo) : 0;
	if (!status)
		demo_report(&demo, rig, irq, held);
	free(demo.expected);
	close(demo.file);
	if (fflush(stdout) || ferror(stdout))
		return demo_complain("standard output", strerror(errno), 1);
	return status ? status : demo.equal && !held ? 0 : 1;
}
