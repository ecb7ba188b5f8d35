/* SPDX-License-Identifier: ISC */
/*
 * printk: the kernel's formats, by way of the C library's.
 *
 * A format is taken apart into conversions.  Each is done by snprintf() alone, with the widest integer type, so nothing
 * depends on how the two sides name their types.  What only the kernel has is the letters behind %p, and they are all
 * letters and digits that follow; without any of them, %p is an address in hex.  Where the kernel would say more than is
 * known here (%pS: the name of a symbol) it prints the address if it does not know either, and so does this.
 *
 * An unknown conversion ends the formatting: which argument would be next is unknown, too.  The rest of the format is
 * shown as it is.
 */
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/printk.h>
#include <mete/shim.h>

#include <stdio.h>
#include <string.h>

#define LINE 1024

struct text {
	char *to;
	size_t room, len; /* len is below room, if there is any */
};

struct conversion {
	char flags[6];
	int width, precision; /* -1: none */
	int size;             /* bytes of an integer argument */
	char letter;
};

static size_t left(const struct text *text)
{
	return text->room - text->len;
}

/* What snprintf() wanted to write is in the text now, as far as there was room. */
static void wrote(struct text *text, int n)
{
	if (n > 0 && text->room)
		text->len += (size_t)n < left(text) ? (size_t)n : left(text) - 1;
}

static void put(struct text *text, const char *from, size_t len)
{
	for (; len && left(text) > 1; len--)
		text->to[text->len++] = *from++;
	if (text->room)
		text->to[text->len] = '\0';
}

static bool alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A number of the format, at most four digits of it. */
static int number(const char **at)
{
	int n = 0;

	for (; **at >= '0' && **at <= '9'; ++*at)
		n = n < 1000 ? n * 10 + (**at - '0') : n;
	return n;
}

/* Integers of `size` bytes, as the widest. */
static long long signed_of(unsigned long long v, int size)
{
	switch (size) {
	case 1: return (signed char)v;
	case 2: return (short)v;
	case 4: return (int)v;
	default: return (long long)v;
	}
}

static unsigned long long unsigned_of(unsigned long long v, int size)
{
	return size < 8 ? v & (~0ull >> (64 - 8 * size)) : v;
}

/* snprintf() of one conversion with `tail` for its end, and one argument. */
#define ONE(text, c, tail, value)                                                                                      \
	do {                                                                                                           \
		char one_format[20];                                                                                   \
		(void)snprintf(one_format, sizeof one_format, "%%%s*.*" tail, (c)->flags);                             \
		wrote(text, snprintf((text)->to + (text)->len, left(text), one_format, (c)->width < 0 ? 0 : (c)->width, \
		    (c)->precision, value));                                                                           \
	} while (0)

static void put_hex(struct text *text, unsigned long long v, size_t size, const char *prefix)
{
	char hex[24];

	int n = snprintf(hex, sizeof hex, "%s%0*llx", prefix, (int)(2 * size), v);
	put(text, hex, (size_t)n);
}

static void put_bytes(struct text *text, const u8 *from, int n, const char *between)
{
	char hex[4];

	for (int i = 0; i < n; i++) {
		int len = snprintf(hex, sizeof hex, "%s%02x", i ? between : "", from[i]);
		put(text, hex, (size_t)len);
	}
}

/* %p and what follows it. */
static void put_pointer(struct text *text, const struct conversion *c, const char *kind, const void *p)
{
	switch (kind[0]) {
	case 'a':
		if (!p)
			put(text, "(null)", 6);
		else if (kind[1] == 'd')
			put_hex(text, *(const dma_addr_t *)p, sizeof(dma_addr_t), "0x");
		else
			put_hex(text, *(const phys_addr_t *)p, sizeof(phys_addr_t), "0x");
		return;
	case 'e':
		if (!IS_ERR(p))
			break;
		wrote(text, snprintf(text->to + text->len, left(text), "%ld", PTR_ERR(p)));
		return;
	case 'M':
	case 'm':
		if (!p)
			break;
		put_bytes(text, p, 6, kind[0] == 'm' ? "" : kind[1] == 'F' ? "-" : ":");
		return;
	case 'h':
		if (!p)
			break;
		put_bytes(text, p, c->width < 0 ? 1 : c->width > 64 ? 64 : c->width,
		    kind[1] == 'C' ? ":" : kind[1] == 'D' ? "-" : kind[1] == 'N' ? "" : " ");
		return;
	}
	put_hex(text, (uintptr_t)p, sizeof p, "");
}

/* What stands between % and the letter.  The arguments of * are taken. */
static const char *parse(const char *at, struct conversion *c, va_list *arguments)
{
	size_t n = 0;

	memset(c, 0, sizeof *c);
	c->width = c->precision = -1;
	for (; *at && strchr("-+ #0", *at); at++)
		if (n < sizeof c->flags - 1 && !strchr(c->flags, *at))
			c->flags[n++] = *at;
	if (*at == '*') {
		at++;
		c->width = va_arg(*arguments, int);
		if (c->width < 0 && !strchr(c->flags, '-'))
			c->flags[n] = '-';
		c->width = c->width < -LINE || c->width > LINE ? LINE : c->width < 0 ? -c->width : c->width;
	} else if (*at >= '1' && *at <= '9') {
		c->width = number(&at);
	}
	if (*at == '.') {
		at++;
		c->precision = *at == '*' ? (at++, va_arg(*arguments, int)) : number(&at);
	}
	c->size = (int)sizeof(int);
	for (; *at && strchr("hlLqjzt", *at); at++) {
		switch (*at) {
		case 'h': c->size = c->size == 2 ? 1 : 2; break;
		case 'l': c->size = c->size == (int)sizeof(long) && at[-1] == 'l' ? 8 : (int)sizeof(long); break;
		case 'z':
		case 't': c->size = (int)sizeof(size_t); break;
		default: c->size = 8; break;
		}
	}
	c->letter = *at;
	return *at ? at + 1 : at;
}

static unsigned long long integer(const struct conversion *c, va_list *arguments)
{
	return c->size > (int)sizeof(int) ? va_arg(*arguments, unsigned long long) : va_arg(*arguments, unsigned int);
}

/* One conversion; false: an unknown one. */
static bool convert(struct text *text, const struct conversion *c, const char **at, va_list *arguments)
{
	const char *string;
	char one;

	switch (c->letter) {
	case 'd':
	case 'i':
		ONE(text, c, "lld", signed_of(integer(c, arguments), c->size));
		return true;
	case 'u':
		ONE(text, c, "llu", unsigned_of(integer(c, arguments), c->size));
		return true;
	case 'x':
		ONE(text, c, "llx", unsigned_of(integer(c, arguments), c->size));
		return true;
	case 'X':
		ONE(text, c, "llX", unsigned_of(integer(c, arguments), c->size));
		return true;
	case 'o':
		ONE(text, c, "llo", unsigned_of(integer(c, arguments), c->size));
		return true;
	case 'c':
		one = (char)va_arg(*arguments, int);
		put(text, &one, 1);
		return true;
	case 's':
		string = va_arg(*arguments, const char *);
		ONE(text, c, "s", string ? string : "(null)");
		return true;
	case '%':
		put(text, "%", 1);
		return true;
	case 'p':
		string = *at;
		while (alnum(**at))
			++*at;
		put_pointer(text, c, string, va_arg(*arguments, const void *));
		return true;
	default:
		return false;
	}
}

int mete_linux_vscnprintf(char *to, size_t room, const char *format, va_list arguments)
{
	struct text text = { to, room, 0 };
	struct conversion c;
	va_list rest;

	if (room)
		to[0] = '\0';
	va_copy(rest, arguments);
	while (*format) {
		size_t plain = strcspn(format, "%");
		put(&text, format, plain);
		format += plain;
		if (!*format)
			break;
		const char *after = parse(format + 1, &c, &rest);
		if (!convert(&text, &c, &after, &rest)) {
			put(&text, format, strlen(format));
			break;
		}
		format = after;
	}
	va_end(rest);
	return (int)text.len;
}

int mete_linux_scnprintf(char *to, size_t room, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int len = vscnprintf(to, room, format, arguments);
	va_end(arguments);
	return len;
}

/* The level in front of a format, 4 if there is none. */
static int level_of(const char **format)
{
	if ((*format)[0] != KERN_SOH[0] || (*format)[1] < '0' || (*format)[1] > '7')
		return 4;
	*format += 2;
	return (*format)[-1] - '0';
}

static void say(int level, const char *format, ...) __attribute__((__format__(__printf__, 2, 3)));

static void say(int level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)mete_shim_vprintf(level, format, arguments);
	va_end(arguments);
}

/* A line ends with the message. */
static int print(int level, char *line, int len)
{
	if (len && line[len - 1] == '\n')
		line[--len] = '\0';
	say(level, "%s\n", line);
	return len;
}

int mete_linux_printk(const char *format, ...)
{
	char line[LINE];
	va_list arguments;

	int level = level_of(&format);
	va_start(arguments, format);
	int len = vscnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	return print(level, line, len);
}

void mete_linux_dev_printk(const char *level, const char *name, const char *format, ...)
{
	char line[LINE];
	va_list arguments;

	int len = scnprintf(line, sizeof line, "%s: ", name ? name : "(NULL device *)");
	va_start(arguments, format);
	len += vscnprintf(line + len, sizeof line - (size_t)len, format, arguments);
	va_end(arguments);
	(void)print(level_of(&level), line, len);
}

void mete_linux_warn(const char *file, int line, const char *function)
{
	printk(KERN_WARNING "WARNING at %s:%d: %s()", file, line, function);
}

void mete_linux_bug(const char *file, int line, const char *function)
{
	printk(KERN_EMERG "BUG at %s:%d: %s()", file, line, function);
	mete_shim_halt();
}
