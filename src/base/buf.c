/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 256

void xc_buf_done(struct xc_buf *b)
{
	free(b->p);
	*b = xc_buf(b->max);
}

void xc_buf_reset(struct xc_buf *b)
{
	b->len = 0;
	b->is_full = false;
	if (b->p)
		b->p[0] = '\0';
}

/* Make room for @n more bytes and the NUL. */
static bool reserve(struct xc_buf *b, size_t n)
{
	size_t need = b->len + n + 1;
	size_t cap = b->cap ? b->cap : FIRST_CAP;
	char *p;

	if (need <= b->cap)
		return true;
	if (need > b->max)
		return false;
	while (cap < need)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	p = realloc(b->p, cap);
	if (!p)
		return false;
	b->p = p;
	b->cap = cap;
	return true;
}

char *xc_buf_grow(struct xc_buf *b, size_t n)
{
	if (b->is_full || !reserve(b, n)) {
		b->is_full = true;
		return NULL;
	}
	b->len += n;
	b->p[b->len] = '\0';
	return b->p + b->len - n;
}

void xc_buf_puts(struct xc_buf *b, const char *s)
{
	xc_buf_put(b, s, strlen(s));
}

void xc_buf_printf(struct xc_buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || b->is_full || !reserve(b, (size_t)n))
		b->is_full = true;
	else
		b->len += (size_t)vsnprintf(b->p + b->len, (size_t)n + 1, fmt, again);
	va_end(again);
}

size_t xc_utf8_len(const char *str)
{
	const unsigned char *s = (const unsigned char *)str;
	size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

void xc_buf_put_safe(struct xc_buf *b, const char *str)
{
	const unsigned char *s = (const unsigned char *)str;

	while (*s) {
		size_t n = *s < 0x80 ? (*s >= 0x20 && *s != 0x7f) : xc_utf8_len((const char *)s);

		/* U+0080..U+009F are control characters in UTF-8 too (C1). */
		if (n == 2 && s[0] == 0xc2 && s[1] < 0xa0)
			n = 0;
		if (n) {
			xc_buf_put(b, s, n);
			s += n;
		} else {
			xc_buf_printf(b, "\\x%02x", *s++);
		}
	}
}
