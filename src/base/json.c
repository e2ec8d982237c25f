/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Bytes of @s that stand for themselves. */
static size_t plain_len(const char *s)
{
	size_t n = 0;

	while ((unsigned char)s[n] >= 0x20 && (unsigned char)s[n] < 0x7f && s[n] != '"' &&
	       s[n] != '\\')
		n++;
	return n;
}

/* The character at @s, escaped where it has to be. Returns its length in bytes. */
static size_t put_char(struct xc_buf *b, const char *s)
{
	static const char escapes[] = "\"\\\b\f\n\r\t";
	static const char letters[] = "\"\\bfnrt";
	const char *e = strchr(escapes, *s);
	unsigned char c = (unsigned char)*s;
	size_t n = c >= 0x80 ? xc_utf8_len(s) : 1;

	if (e)
		xc_buf_printf(b, "\\%c", letters[e - escapes]);
	else if (c < 0x20 || c == 0x7f)
		xc_buf_printf(b, "\\u%04x", c);
	else if (!n)
		xc_buf_puts(b, "\\ufffd");
	else
		xc_buf_put(b, s, n);
	return n ? n : 1;
}

static void put_string(struct xc_buf *b, const char *s)
{
	size_t n = plain_len(s);
	char *p = s[n] ? NULL : xc_buf_extend(b, n + 2);

	if (p) {	/* nearly all are plain */
		p[0] = p[n + 1] = '"';
		memcpy(p + 1, s, n);
		return;
	}
	xc_buf_putc(b, '"');
	while (*s) {
		xc_buf_put(b, s, n);
		s += n;
		if (*s)
			s += put_char(b, s);
		n = plain_len(s);
	}
	xc_buf_putc(b, '"');
}

static void begin(struct xc_json *j, const char *key)
{
	if (j->needs_comma)
		xc_buf_putc(j->out, ',');
	j->needs_comma = true;
	if (key) {
		put_string(j->out, key);
		xc_buf_putc(j->out, ':');
	}
}

void xc_json_open(struct xc_json *j, const char *key, char bracket)
{
	begin(j, key);
	xc_buf_putc(j->out, bracket);
	j->needs_comma = false;
}

void xc_json_close(struct xc_json *j, char bracket)
{
	xc_buf_putc(j->out, bracket);
	j->needs_comma = true;
}

void xc_json_str(struct xc_json *j, const char *key, const char *value)
{
	if (!value) {
		xc_json_null(j, key);
		return;
	}
	begin(j, key);
	put_string(j->out, value);
}

static void put_number(struct xc_buf *b, uint64_t value)
{
	char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	xc_buf_put(b, digits + n, sizeof(digits) - n);
}

void xc_json_int(struct xc_json *j, const char *key, int64_t value)
{
	begin(j, key);
	if (value < 0)
		xc_buf_putc(j->out, '-');
	put_number(j->out, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void xc_json_uint(struct xc_json *j, const char *key, uint64_t value)
{
	begin(j, key);
	put_number(j->out, value);
}

void xc_json_fixed(struct xc_json *j, const char *key, double value, int decimals)
{
	if (!isfinite(value)) {
		xc_json_null(j, key);
		return;
	}
	begin(j, key);
	xc_buf_printf(j->out, "%.*f", decimals, value);
}

void xc_json_bool(struct xc_json *j, const char *key, bool value)
{
	begin(j, key);
	xc_buf_puts(j->out, value ? "true" : "false");
}

void xc_json_null(struct xc_json *j, const char *key)
{
	begin(j, key);
	xc_buf_puts(j->out, "null");
}
