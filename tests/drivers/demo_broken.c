/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * mete-demo-broken: see the verifier at work.
 *
 * The demo's NVMe driver with three mistakes (broken.py) reads FILE.  All bytes arrive, as the machine is a friendly one;
 * the verifier names the three lines all the same.  It also reads FILE on a machine whose devices do not see the CPU's
 * cache, without the verifier, for people to see that one of the three is as bad as it is called.
 *
 * Exit status: 0 if it found the three and nothing else, 1 if not, 2 for a file or an option that will not do.
 */
#include "nvme.h"
#include "linux_rig.h"

#include <mete/check.h>
#include <mete/device.h>
#include <mete/rig.h>
#include <mete/sim.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUFFER (1u << 20)
#define LINE 64
#define PLANTED 8
#define MARK "/* planted: " /* then the misuse, a comma, words, and the end of the comment */

/* A mistake, as the driver's source tells. */
struct planted {
	char name[16], words[64], code[256];
	unsigned line, times;
};

struct demo {
	const char *path, *rig_name;
	bool noncoherent;
	struct mete_rig *rig;
	struct mete_rig_function pci;
	struct mete_check *check;
	struct mete_device core;
	struct device dev;
	struct linux_plug plug;
	struct nvme nvme;
	struct planted planted[PLANTED];
	size_t nplanted, nothers;
	size_t ncompared, ndifferent;
};

static int complain(const char *what, const char *why, int status)
{
	fprintf(stderr, "mete-demo-broken: %s: %s\n", what, why);
	return status;
}

/* Find the mistakes in the source, and show them. */
static int planted_read(struct demo *demo)
{
	char text[512];
	FILE *source = fopen(BROKEN_SOURCE, "r");

	if (!source)
		return complain(BROKEN_SOURCE, "cannot be read", 1);
	printf("Three mistakes are planted in %s:\n\n", BROKEN_SOURCE);
	for (unsigned line = 1; fgets(text, sizeof text, source); line++) {
		char *mark = strstr(text, MARK);
		struct planted *p = &demo->planted[demo->nplanted];
		if (!mark || demo->nplanted == PLANTED ||
		    sscanf(mark + strlen(MARK), "%15[^,], %63[^\n]", p->name, p->words) != 2)
			continue;
		while (mark > text && mark[-1] == ' ')
			mark--;
		*mark = '\0';
		p->words[strcspn(p->words, "*") - 1] = '\0';
		p->line = line;
		snprintf(p->code, sizeof p->code, "%s", text + strspn(text, "\t"));
		printf("  %-14s  line %-3u  %s\n", p->words, line, p->code);
		demo->nplanted++;
	}
	fclose(source);
	putchar('\n');
	return 0;
}

static void report(void *ctx, const struct mete_check_report *report)
{
	struct demo *demo = ctx;
	size_t i = 0;

	printf("%s\n", report->text);
	while (i < demo->nplanted && (strcmp(demo->planted[i].name, report->name) || demo->planted[i].line != report->line))
		i++;
	if (i < demo->nplanted)
		demo->planted[i].times++;
	else
		demo->nothers++;
}

static int options(struct demo *demo, int argc, char **argv)
{
	int i = 1;

	if (argc > 2 && !strcmp(argv[1], "--rig")) {
		demo->rig_name = argv[2];
		i = 3;
	}
	if (argc - i > 1 || (i < argc && !strncmp(argv[i], "--", 2)) ||
	    (demo->rig_name && strcmp(demo->rig_name, "qemu") && strcmp(demo->rig_name, "sim"))) {
		fputs("usage: mete-demo-broken [--rig qemu|sim] [FILE]\n", stderr);
		return 2;
	}
	demo->path = i < argc ? argv[i] : BROKEN_SOURCE;
	return 0;
}

static int machine_start(struct demo *demo)
{
	static const struct mete_sim_config cache = { .seed = 1, .cache = { .line = LINE } };
	const struct mete_rig_qemu qemu = { .disk = demo->path };
	const struct mete_rig_sim sim = { .disk = demo->path, .more = demo->noncoherent ? &cache : NULL };
	const struct mete_check_config verifier = { .report = report, .ctx = demo };
	bool want_sim = demo->noncoherent || !demo->rig_name || !strcmp(demo->rig_name, "sim");
	char text[2048];

	int error = want_sim ? mete_rig_start_sim(&sim, &demo->rig, text, sizeof text) :
	    mete_rig_start_qemu(&qemu, &demo->rig, text, sizeof text);
	if (error)
		return complain("the machine does not start", text, 1);
	const struct mete_device_config config = { .name = "nvme", .provider = mete_rig_provider(demo->rig),
		.noncoherent = demo->noncoherent, .line = LINE };
	if ((!demo->noncoherent && (error = mete_check_create(config.provider, &verifier, &demo->check))) ||
	    (error = mete_rig_find(demo->rig, 0x1b36, 0x0010, 0, &demo->pci)) ||
	    (error = mete_device_init(&demo->core, &config)) || (error = linux_rig_open(&demo->plug, &demo->pci)))
		return complain("the machine is of no use", mete_error_text(error), 1);
	mete_linux_device_init(&demo->dev, "nvme", &demo->core);
	return 0;
}

/* Read the whole namespace, and compare. */
static int file_compare(struct demo *demo, int file)
{
	struct nvme *nvme = &demo->nvme;
	unsigned char *expected = calloc(1, BUFFER);
	void *buffer;
	int status = 0;

	if (!expected || mete_device_alloc(&demo->core, NULL, BUFFER, METE_MEMORY_CACHED, 0, &buffer, NULL)) {
		free(expected);
		return complain("memory", "there is none", 1);
	}
	uint64_t step = BUFFER / nvme->block_len;
	for (uint64_t block = 0; block < nvme->nblocks && !status; block += step) {
		uint64_t n = nvme->nblocks - block < step ? nvme->nblocks - block : step;
		if (nvme_read(nvme, block, n, buffer)) {
			status = complain("the driver failed to read", mete_rig_last_words(demo->rig), 1);
			break;
		}
		ssize_t len = pread(file, expected, (size_t)n * nvme->block_len, (off_t)(block * nvme->block_len));
		for (ssize_t i = 0; i < len; i++)
			demo->ndifferent += ((unsigned char *)buffer)[i] != expected[i];
		demo->ncompared += len > 0 ? (size_t)len : 0;
	}
	if (mete_device_free(&demo->core, buffer, BUFFER))
		status = 1;
	free(expected);
	return status;
}

/* What was found, as against what was planted. */
static int sum_up(const struct demo *demo, const struct demo *second)
{
	size_t nfound = 0;

	printf("%zu of %zu bytes arrived as they are in the file: this machine hides the mistakes.\n",
	    demo->ncompared - demo->ndifferent, demo->ncompared);
	printf("Where devices do not see the CPU's cache, the same driver gets %zu of %zu right.\n\n",
	    second->ncompared - second->ndifferent, second->ncompared);
	for (size_t i = 0; i < demo->nplanted; i++) {
		const struct planted *p = &demo->planted[i];
		printf("  %-14s  line %-3u  %s\n", p->words, p->line, p->times ? p->name : "NOT FOUND");
		nfound += p->times != 0;
	}
	printf("%zu planted, %zu found, %zu more.\n", demo->nplanted, nfound, demo->nothers);
	return nfound == 3 && demo->nplanted == 3 && !demo->nothers && !demo->ndifferent && second->ndifferent ? 0 : 1;
}

/* One machine, from its start to its end. */
static int run(struct demo *demo, int file)
{
	int status = machine_start(demo);
	if (!status && nvme_start(&demo->nvme, &demo->dev, &demo->plug))
		status = complain("the driver does not start", mete_rig_last_words(demo->rig), 1);
	if (!status)
		status = file_compare(demo, file);
	nvme_stop(&demo->nvme);
	(void)mete_check_destroy(demo->check); /* tells what leaked; what does is the rig's again when it stops */
	(void)linux_rig_close(&demo->plug);
	(void)mete_rig_stop(demo->rig);
	return status;
}

/* The same in a process of its own: there is one Linux to each, and this driver's leak would keep it from ending. */
static int run_apart(struct demo *demo, int file)
{
	int ends[2];

	if (pipe(ends))
		return complain("pipe", strerror(errno), 1);
	fflush(stdout);
	pid_t child = fork();
	if (!child) {
		int status = run(demo, file);
		size_t counts[2] = { demo->ncompared, demo->ndifferent };
		_exit(write(ends[1], counts, sizeof counts) == (ssize_t)sizeof counts ? status : 1);
	}
	close(ends[1]);
	size_t counts[2];
	ssize_t len = child < 0 ? -1 : read(ends[0], counts, sizeof counts);
	int status = 1;
	close(ends[0]);
	if (child > 0)
		(void)waitpid(child, &status, 0);
	if (len != (ssize_t)sizeof counts || status)
		return complain("the second machine", "it failed", 1);
	demo->ncompared = counts[0];
	demo->ndifferent = counts[1];
	return 0;
}

int main(int argc, char **argv)
{
	static struct demo demo, second;
	struct stat st;
	int status = options(&demo, argc, argv);

	if (status)
		return status;
	int file = open(demo.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0 || fstat(file, &st) || !S_ISREG(st.st_mode) || !st.st_size)
		return complain(demo.path, "is not a file with bytes in it", 2);
	if ((status = planted_read(&demo)))
		return status;
	second.path = demo.path;
	second.noncoherent = true;
	status = run_apart(&second, file);
	printf("The driver reads %s, and the verifier says:\n\n", demo.path);
	if (!status)
		status = run(&demo, file);
	if (!status)
		status = sum_up(&demo, &second);
	close(file);
	return status;
}
