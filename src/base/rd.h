/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounds-checked reader over untrusted bytes. The error is sticky: after the first short read
 * every getter yields zero and is_short says so. A parser reads straight through and checks once,
 * at the end. No getter touches a byte at or past the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes. */
struct xc_span {
	const uint8_t *p;
	size_t len;
};

struct xc_rd {
	const uint8_t *p, *end;
	bool is_short;
};

static inline struct xc_rd xc_rd(struct xc_span s)
{
	return (struct xc_rd){ .p = s.p, .end = s.len ? s.p + s.len : s.p };
}

static inline size_t xc_rd_left(const struct xc_rd *r)
{
	return r->is_short ? 0 : (size_t)(r->end - r->p);
}

/** The next @n bytes; none of them when there are fewer. */
static inline struct xc_span xc_rd_span(struct xc_rd *r, size_t n)
{
	if (r->is_short || (size_t)(r->end - r->p) < n) {
		r->is_short = true;
		return (struct xc_span){ 0 };
	}
	r->p += n;
	return (struct xc_span){ r->p - n, n };
}

/** Big-endian, @n <= 8 bytes. */
static inline uint64_t xc_rd_be(struct xc_rd *r, size_t n)
{
	struct xc_span s = xc_rd_span(r, n);
	uint64_t x = 0;

	for (size_t i = 0; i < s.len; i++)
		x = x << 8 | s.p[i];
	return x;
}

/** Little-endian, @n <= 8 bytes. */
static inline uint64_t xc_rd_le(struct xc_rd *r, size_t n)
{
	struct xc_span s = xc_rd_span(r, n);
	uint64_t x = 0;

	for (size_t i = s.len; i > 0; i--)
		x = x << 8 | s.p[i - 1];
	return x;
}

static inline uint8_t xc_rd_u8(struct xc_rd *r)
{
	return (uint8_t)xc_rd_be(r, 1);
}

static inline uint16_t xc_rd_be16(struct xc_rd *r)
{
	return (uint16_t)xc_rd_be(r, 2);
}

static inline uint32_t xc_rd_be32(struct xc_rd *r)
{
	return (uint32_t)xc_rd_be(r, 4);
}

static inline uint16_t xc_rd_le16(struct xc_rd *r)
{
	return (uint16_t)xc_rd_le(r, 2);
}

static inline uint32_t xc_rd_le32(struct xc_rd *r)
{
	return (uint32_t)xc_rd_le(r, 4);
}

/** Text up to a NUL, which is taken as well. */
static inline struct xc_span xc_rd_cstring(struct xc_rd *r)
{
	size_t left = xc_rd_left(r);
	const uint8_t *nul = left ? memchr(r->p, 0, left) : NULL;
	struct xc_span s = xc_rd_span(r, nul ? (size_t)(nul - r->p) + 1 : left + 1);

	return (struct xc_span){ s.p, s.len ? s.len - 1 : 0 };
}

/** Does @s begin with the text @word? */
static inline bool xc_span_starts(struct xc_span s, const char *word)
{
	size_t n = strlen(word);

	return s.len >= n && !memcmp(s.p, word, n);
}

/** Is @s the text @word, in ASCII and whatever its case? */
static inline bool xc_span_is(struct xc_span s, const char *word)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (!word[i] ||
		    (c != (uint8_t)word[i] && ((c | 0x20) != ((uint8_t)word[i] | 0x20) ||
					       (c | 0x20) < 'a' || (c | 0x20) > 'z')))
			return false;
	}
	return !word[s.len];
}

/** @s from byte @n on; empty when it is not that long. */
static inline struct xc_span xc_span_from(struct xc_span s, size_t n)
{
	return n < s.len ? (struct xc_span){ s.p + n, s.len - n } :
			   (struct xc_span){ s.len ? s.p + s.len : s.p, 0 };
}

/** The first @n bytes of @s, or all of it. */
static inline struct xc_span xc_span_first(struct xc_span s, size_t n)
{
	return (struct xc_span){ s.p, n < s.len ? n : s.len };
}
