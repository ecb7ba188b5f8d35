/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * The hooks of shims on a host, as they are when the program defines none.
 */
#include "support.h"

#include <mete/shim.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int say(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int say(int level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = mete_shim_vprintf(level, format, args);
	va_end(args);
	return len;
}

/* Run `child` in a process whose standard error is a file; its status and the file's text. */
static int run(void (*child)(void), char *text, size_t text_len)
{
	const struct rlimit no_core = { 0, 0 };
	int fd = memfd_create("output", 0), status;

	assert_true(fd >= 0);
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(fd, 2);
		signal(SIGABRT, SIG_DFL); /* cmocka looks for it */
		setrlimit(RLIMIT_CORE, &no_core);
		child();
		fflush(NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	ssize_t n = pread(fd, text, text_len - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	return status;
}

static void child_says(void)
{
	if (say(3, "%d %s\n", 7, "words") != 8)
		_exit(1);
}

static void child_halts(void)
{
	say(0, "the end\n");
	mete_shim_halt();
}

static void test_the_console_is_standard_error(void **state)
{
	(void)state;
	char text[64];

	assert_int_equal(run(child_says, text, sizeof(text)), 0);
	assert_string_equal(text, "7 words\n");
}

static void test_a_halt_aborts_after_what_was_said(void **state)
{
	(void)state;
	static const char said[] = "the end\n";
	char text[128];

	int status = run(child_halts, text, sizeof(text));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_memory_equal(text, said, sizeof(said) - 1); /* an emulator may add a word of its own about the signal */
}

static volatile sig_atomic_t nsignals;

static void on_signal(int number)
{
	(void)number;
	nsignals++;
}

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A lower bound only: how late the machine is, is its own affair. */
static void test_a_delay_is_not_shorter_even_with_signals(void **state)
{
	(void)state;
	const struct sigaction action = { .sa_handler = on_signal };
	const struct itimerspec every = { .it_interval.tv_nsec = 1000000, .it_value.tv_nsec = 1000000 };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	timer_t timer;

	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
	assert_int_equal(timer_settime(timer, 0, &every, NULL), 0);
	int64_t began = now_us();
	mete_shim_delay(20000000, false);
	assert_true(now_us() - began >= 20000);
	assert_true(nsignals > 0);
	timer_delete(timer);
	mete_shim_delay(0, true);
}

static void test_time_only_goes_on(void **state)
{
	(void)state;
	uint64_t before = mete_shim_now();

	mete_shim_relax();
	mete_shim_barrier(); /* nothing, for a host */
	mete_shim_delay(1000000, true);
	assert_true(mete_shim_now() - before >= 1000000);
	assert_true((int64_t)(mete_shim_now() - before) < INT64_MAX / 2);
}

static void test_memory_is_the_hosts(void **state)
{
	(void)state;
	unsigned char *p = mete_shim_alloc(100);

	assert_non_null(p);
	memset(p, 1, 100);
	mete_shim_free(p); /* the sanitizer tells if it leaks */
	mete_shim_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_console_is_standard_error),
		cmocka_unit_test(test_a_halt_aborts_after_what_was_said),
		cmocka_unit_test(test_a_delay_is_not_shorter_even_with_signals),
		cmocka_unit_test(test_time_only_goes_on),
		cmocka_unit_test(test_memory_is_the_hosts),
	};
	return cmocka_run_group_tests_name("shim on a host", tests, NULL, NULL);
}
