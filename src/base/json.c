/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/digits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Bytes of @s that stand for themselves. */
static size_t plain_len(const char *s)
{
	static const bool is_plain[256] = { [0x20 ... 0x21] = true, /* all but " and \ */
					    [0x23 ... 0x5b] = true,
					    [0x5d ... 0x7e] = true };
	size_t n = 0;

	while (is_plain[(unsigned char)s[n]])
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

	if (p) { /* nearly all are plain */
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
	size_t comma = j->needs_comma, n = key ? plain_len(key) : 0;
	char *p;

	j->needs_comma = true;
	if (key && !key[n] && (p = xc_buf_extend(j->out, comma + n + 3))) { /* in one piece */
		p[0] = ',';
		p[comma] = p[comma + n + 1] = '"';
		memcpy(p + comma + 1, key, n);
		p[comma + n + 2] = ':';
		return;
	}
	if (comma)
		xc_buf_putc(j->out, ',');
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
	char text[XC_DIGITS_MAX], *end = text + sizeof(text), *start = xc_digits(end, value, 1);

	xc_buf_put(b, start, (size_t)(end - start));
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
	xc_buf_put(j->out, value ? "true" : "false", value ? 4 : 5);
}

void xc_json_null(struct xc_json *j, const char *key)
{
	begin(j, key);
	xc_buf_put(j->out, "null", 4);
}
