/* SPDX-License-Identifier: ISC */
/*
 * The Linux shim's messages, warnings and delays.  What a format must print is what the kernel's document on formats
 * says, with addresses written out by hand.
 */
#define DEBUG
#define pr_fmt(format) "drv: " format
#include "support.h"

#include <linux/bug.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/printk.h>
#include <mete/shim.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char last[2048];
static int last_level, nprinted;

/* In place of the shim's own. */
int mete_shim_vprintf(int level, const char *format, va_list args)
{
	int len = vsnprintf(last, sizeof last, format, args);

	assert_true(len > 0 && (size_t)len < sizeof last && last[len - 1] == '\n'); /* a line, whole */
	last[len - 1] = '\0';
	last_level = level;
	nprinted++;
	return len;
}

#define SAYS(level, text)                                                                                              \
	do {                                                                                                           \
		assert_int_equal(nprinted, 1);                                                                         \
		assert_string_equal(last, text);                                                                       \
		assert_int_equal(last_level, level);                                                                   \
		nprinted = 0;                                                                                          \
	} while (0)

#define FORMATS(want, ...)                                                                                             \
	do {                                                                                                           \
		char formats_to[200];                                                                                  \
		assert_int_equal(scnprintf(formats_to, sizeof formats_to, __VA_ARGS__), strlen(want));                 \
		assert_string_equal(formats_to, want);                                                                 \
	} while (0)

static void test_messages_have_a_level_and_end_the_line(void **state)
{
	(void)state;

	assert_int_equal(printk(KERN_ERR "no %s\n", "link"), 7);
	SAYS(3, "no link");
	printk("plain");
	SAYS(4, "plain");
	pr_emerg("a\n");
	SAYS(0, "drv: a");
	pr_err("%d of %d\n", 1, 2);
	SAYS(3, "drv: 1 of 2");
	pr_warn("w");
	SAYS(4, "drv: w");
	pr_notice("n");
	SAYS(5, "drv: n");
	pr_info("i");
	SAYS(6, "drv: i");
	pr_debug("d %u", 3u);
	SAYS(7, "drv: d 3");
	no_printk("never %d", 1);
	for (int i = 0; i < 3; i++)
		pr_warn_once("once %d", i);
	SAYS(4, "drv: once 0");
}

static void test_messages_about_a_device_begin_with_its_name(void **state)
{
	struct device dev;
	(void)state;

	mete_linux_device_init(&dev, "nic0", NULL);
	dev_err(&dev, "timeout after %u ms\n", 10u);
	SAYS(3, "nic0: timeout after 10 ms");
	dev_warn(&dev, "slow");
	SAYS(4, "nic0: slow");
	dev_info(&dev, "100%%");
	SAYS(6, "nic0: 100%");
	dev_dbg(&dev, "x");
	SAYS(7, "nic0: x");
	struct device *none = NULL;
	dev_err(none, "lost");
	SAYS(3, "(NULL device *): lost");
}

static void test_addresses_are_printed_at_their_whole_width(void **state)
{
	dma_addr_t bus = 0x1234abc0;
	phys_addr_t phys = 0xfee00000;
	(void)state;

	if (sizeof bus == 8) {
		FORMATS("ring at 0x000000001234abc0, 5", "ring at %pad, %d", (void *)&bus, 5);
		FORMATS("[0x00000000fee00000]", "[%pa]", (void *)&phys);
		FORMATS("0x00000000fee00000-", "%pap-", (void *)&phys);
	} else {
		FORMATS("ring at 0x1234abc0, 5", "ring at %pad, %d", (void *)&bus, 5);
		FORMATS("[0xfee00000]", "[%pa]", (void *)&phys);
		FORMATS("0xfee00000-", "%pap-", (void *)&phys);
	}
	FORMATS("(null)!", "%pad!", NULL);
}

static void test_pointers_are_hex_and_take_their_letters(void **state)
{
	static const unsigned char mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0xff };
	void *p = (void *)(uintptr_t)0xabcd1234u;
	(void)state;

	const char *hex = sizeof p == 8 ? "00000000abcd1234" : "abcd1234";
	char want[64];
	FORMATS(hex, "%p", p);
	FORMATS(hex, "%px", p);
	FORMATS(hex, "%pK", p);
	snprintf(want, sizeof want, "%s %s, 7", hex, hex);
	FORMATS(want, "%pS %pISpc, %d", p, p, 7); /* no symbols, no sockets: the address */
	FORMATS("52:54:00:12:34:ff", "%pM", (const void *)mac);
	FORMATS("52-54-00-12-34-ff", "%pMF", (const void *)mac);
	FORMATS("5254001234ff.", "%pm.", (const void *)mac);
	FORMATS("52 54 00", "%*ph", 3, (const void *)mac);
	FORMATS("52:54", "%*phC", 2, (const void *)mac);
	FORMATS("525400", "%*phN", 3, (const void *)mac);
	FORMATS("-12", "%pe", ERR_PTR(-ENOMEM));
	FORMATS(hex, "%pe", p);
}

static void test_numbers_and_strings_are_those_of_c(void **state)
{
	char want[100];
	(void)state;

	FORMATS("-7 7 4294967295 ff FF 0xff 017", "%d %i %u %x %X %#x %#o", -7, 7, 0xffffffffu, 255u, 255u, 255u, 15u);
	FORMATS("-3 -1 65535 1", "%hhd %hd %hu %hhu", (signed char)-3, (short)-1, (unsigned short)65535, (unsigned char)1);
	snprintf(want, sizeof want, "%ld %lu %zu %zx", -5L, 5UL, (size_t)77, (size_t)77);
	FORMATS(want, "%ld %lu %zu %zx", -5L, 5UL, (size_t)77, (size_t)77);
	FORMATS("-1 18446744073709551615 123456789abcdef0", "%lld %llu %llx", -1LL, ~0ULL, 0x123456789abcdef0ULL);
	FORMATS("|    42|42    |000042|+42| 42|", "|%6d|%-6d|%06d|%+d|% d|", 42, 42, 42, 42, 42);
	FORMATS("|   042|  7|7  |", "|%6.3d|%*d|%*d|", 42, 3, 7, -3, 7);
	FORMATS("abc|  abc|abc  |ab|a", "%s|%5s|%-5s|%.2s|%.*s", "abc", "abc", "abc", "abc", 1, "abc");
	FORMATS("(null) x%", "%s %c%%", (const char *)NULL, 'x');
}

static void test_text_is_cut_and_always_ends(void **state)
{
	static char many[3000];
	char to[8];
	(void)state;

	assert_int_equal(scnprintf(to, sizeof to, "%s-%d", "123456", 42), 7);
	assert_string_equal(to, "123456-");
	assert_int_equal(scnprintf(to, 5, "%d%s", 12345678, "x"), 4);
	assert_string_equal(to, "1234");
	assert_int_equal(scnprintf(to, 1, "%pS", (void *)to), 0);
	assert_string_equal(to, "");
	to[0] = '!';
	assert_int_equal(scnprintf(to, 0, "abc%d", 1), 0);
	assert_int_equal(to[0], '!');
	memset(many, 'y', sizeof many - 1);
	assert_int_equal(printk("%s", many), 1023);
	assert_int_equal(strlen(last), 1023);
	nprinted = 0;
}

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-extra-args"

static void test_what_is_no_conversion_stays_as_it_is(void **state)
{
	int untouched = 3;
	(void)state;

	FORMATS("1 %y %d", "%d %y %d", 1, 2);
	FORMATS("load %n", "load %n", &untouched);
	assert_int_equal(untouched, 3);
	FORMATS("half %", "half %");
	FORMATS("half %-08.3l", "half %-08.3l");
	FORMATS("%f", "%f", 1.5); /* the kernel has none */
}

static void test_warnings_are_said_and_return_their_condition(void **state)
{
	(void)state;

	assert_false(WARN_ON(nprinted != 0));
	assert_int_equal(nprinted, 0);
	assert_true(WARN_ON(7));
	assert_non_null(strstr(last, "WARNING at "));
	assert_non_null(strstr(last, "test_printk.c:"));
	assert_non_null(strstr(last, "test_warnings_are_said_and_return_their_condition()"));
	assert_int_equal(nprinted, 1);
	nprinted = 0;
	assert_true(WARN(1, "queue %d", 4));
	assert_string_equal(last, "queue 4");
	assert_int_equal(nprinted, 2);
	assert_true(!WARN(0, "queue %d", 4));
	nprinted = 0;
	for (int i = 0; i < 4; i++) {
		assert_true(WARN_ON_ONCE(i > 0) == (i > 0));
		assert_true(WARN_ONCE(i > 1, "i is %d", i) == (i > 1));
	}
	assert_int_equal(nprinted, 3);
	assert_string_equal(last, "i is 2");
	nprinted = 0;
}

/* What a child that runs into `bug` leaves. */
static int ends_with(int bug)
{
	int status;

	fflush(NULL);
	pid_t child = fork();
	if (!child) {
		BUG_ON(bug);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_a_bug_ends_the_program(void **state)
{
	(void)state;
	assert_int_equal(ends_with(0), 0);
	assert_int_equal(ends_with(1), SIGABRT);
}

static void test_delays_are_at_least_as_long(void **state)
{
	(void)state;

	ktime_t start = ktime_get();
	udelay(300);
	assert_true(ktime_us_delta(ktime_get(), start) >= 300);
	start = ktime_get();
	msleep(2);
	mdelay(1);
	usleep_range(500, 600);
	fsleep(500);
	ndelay(1000);
	assert_true(ktime_ms_delta(ktime_get(), start) >= 4);

	ktime_t later = ktime_add_us(start, 7);
	assert_int_equal(ktime_to_ns(ktime_sub(later, start)), 7000);
	assert_true(ktime_after(later, start) && ktime_before(start, later) && !ktime_after(start, start));
	assert_int_equal(ktime_compare(start, later), -1);
	assert_int_equal(ktime_compare(later, start), 1);
	assert_int_equal(ktime_compare(start, start), 0);
	assert_int_equal(ktime_to_ns(ktime_sub(ktime_add_ms(start, 2), start)), 2000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_have_a_level_and_end_the_line),
		cmocka_unit_test(test_messages_about_a_device_begin_with_its_name),
		cmocka_unit_test(test_addresses_are_printed_at_their_whole_width),
		cmocka_unit_test(test_pointers_are_hex_and_take_their_letters),
		cmocka_unit_test(test_numbers_and_strings_are_those_of_c),
		cmocka_unit_test(test_text_is_cut_and_always_ends),
		cmocka_unit_test(test_what_is_no_conversion_stays_as_it_is),
		cmocka_unit_test(test_warnings_are_said_and_return_their_condition),
		cmocka_unit_test(test_a_bug_ends_the_program),
		cmocka_unit_test(test_delays_are_at_least_as_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
