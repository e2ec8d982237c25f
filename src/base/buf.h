/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable text buffer with a maximum. Writing past the maximum sets is_full and
 * keeps what was there, so a caller writes straight through and checks once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct xc_buf {
	char *p;	/* always NUL-terminated once something was written */
	size_t len;
	size_t cap;
	size_t max;	/* bytes, the NUL included */
	bool is_full;	/* something did not fit, or memory ran out */
};

/** An empty buffer that never grows beyond @max bytes. Owns nothing yet. */
static inline struct xc_buf xc_buf(size_t max)
{
	return (struct xc_buf){ .max = max };
}

/** Release the memory; the buffer can be used again. */
void xc_buf_done(struct xc_buf *b);

/** Forget the contents, keep the memory. */
void xc_buf_reset(struct xc_buf *b);

/* xc_buf_extend(), when there may be no room. */
char *xc_buf_grow(struct xc_buf *b, size_t n);

/** Append @n bytes for the caller to write. NULL, and is_full, when they do not fit. */
static inline char *xc_buf_extend(struct xc_buf *b, size_t n)
{
	if (b->is_full || b->cap - b->len <= n)
		return xc_buf_grow(b, n);
	b->len += n;
	b->p[b->len] = '\0';
	return b->p + b->len - n;
}

/** Append @n bytes of @p. */
static inline void xc_buf_put(struct xc_buf *b, const void *p, size_t n)
{
	char *out = xc_buf_extend(b, n);

	if (out)
		memcpy(out, p, n);
}

/** Append a string. */
void xc_buf_puts(struct xc_buf *b, const char *s);

/** Append one character. */
static inline void xc_buf_putc(struct xc_buf *b, char c)
{
	char *out = xc_buf_extend(b, 1);

	if (out)
		*out = c;
}

/** Append formatted text. */
void xc_buf_printf(struct xc_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Append @s with control characters, DEL and bytes of broken UTF-8 written as \xNN: safe on a terminal. */
void xc_buf_put_safe(struct xc_buf *b, const char *s);

/** Length of the valid multi-byte UTF-8 sequence at @s (RFC 3629), 2..4; 0 = broken. Reads no further than a NUL. */
size_t xc_utf8_len(const char *s);
