/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * Support for rig tests; see rig_support.h.
 */
#include "rig_support.h"

#include <dirent.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static size_t rig_count_entries(const char *folder)
{
	size_t n = 0;
	DIR *dir = opendir(folder);

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

void rig_folder_enter(void)
{
	char folder[] = "/tmp/mete-test-XXXXXX";

	if (!mkdtemp(folder) || chdir(folder) || setenv("TMPDIR", folder, 1)) {
		perror("a folder for the test");
		exit(1);
	}
}

int rig_folder_leave(int status)
{
	const char *folder = getenv("TMPDIR");

	if (chdir("/") || rmdir(folder)) {
		fprintf(stderr, "%s: %s\n", folder, strerror(errno));
		return 1;
	}
	return status;
}

struct rig_traces rig_traces_now(void)
{
	return (struct rig_traces){ .nfds = rig_count_entries("/proc/self/fd"), .nfiles = rig_count_entries(".") };
}

void rig_traces_check(const struct rig_traces *before)
{
	struct rig_traces now = rig_traces_now();

	assert_int_equal(now.nfds, before->nfds);
	assert_int_equal(now.nfiles, before->nfiles);
	errno = 0;
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

unsigned char *rig_file_make(size_t len, unsigned seed, int *ret_fd, char path[32])
{
	unsigned char *content = malloc(len + 1);
	uint32_t x = seed * 2654435761u + 1;

	assert_non_null(content);
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		content[i] = (unsigned char)(x >> 24);
	}
	*ret_fd = memfd_create("mete-test", MFD_CLOEXEC);
	assert_true(*ret_fd >= 0);
	for (size_t done = 0; done < len;) {
		ssize_t n = write(*ret_fd, content + done, len - done);
		assert_true(n > 0);
		done += (size_t)n;
	}
	snprintf(path, 32, "/proc/self/fd/%d", *ret_fd);
	return content;
}

void rig_device_init(struct mete_device *device, struct mete_rig *rig)
{
	const struct mete_device_config config = { .name = "test", .provider = mete_rig_provider(rig) };
	assert_ok(mete_device_init(device, &config));
}

void *rig_alloc(struct mete_device *device, size_t len, uint64_t *ret_bus)
{
	mete_baddr bus;
	void *cpu;

	assert_ok(mete_device_alloc(device, NULL, len, METE_MEMORY_COHERENT, METE_ZERO, &cpu, &bus));
	*ret_bus = bus;
	return cpu;
}

uint64_t rig_get(const struct mete_rig_function *function, uint64_t offset, unsigned width)
{
	uint64_t value;
	assert_ok(mete_rig_read(function, 0, offset, width, &value));
	return value;
}

void rig_put(const struct mete_rig_function *function, uint64_t offset, unsigned width, uint64_t value)
{
	assert_ok(mete_rig_write(function, 0, offset, width, value));
}

/* The rig's errors are negative and have the magnitudes of errno. */
int rig_intr_wait(void *function, unsigned ms)
{
	return -mete_rig_irq_wait(function, 0, ms);
}

int64_t rig_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
