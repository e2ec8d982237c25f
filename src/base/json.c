/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void put_string(struct xc_buf *b, const char *s)
{
	static const char escapes[] = "\"\\\b\f\n\r\t";
	static const char letters[] = "\"\\bfnrt";

	xc_buf_putc(b, '"');
	while (*s) {
		const char *e = strchr(escapes, *s);
		unsigned char c = (unsigned char)*s;
		size_t n = 1;

		if (e) {
			xc_buf_printf(b, "\\%c", letters[e - escapes]);
		} else if (c < 0x20 || c == 0x7f) {
			xc_buf_printf(b, "\\u%04x", c);
		} else if (c >= 0x80 && !(n = xc_utf8_len(s))) {
			xc_buf_puts(b, "\\ufffd");
			n = 1;
		} else {
			xc_buf_put(b, s, n);
		}
		s += n;
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

void xc_json_int(struct xc_json *j, const char *key, int64_t value)
{
	begin(j, key);
	xc_buf_printf(j->out, "%" PRId64, value);
}

void xc_json_uint(struct xc_json *j, const char *key, uint64_t value)
{
	begin(j, key);
	xc_buf_printf(j->out, "%" PRIu64, value);
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
