/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of HTTP/2, written by hand: what was put since the last h2_say() is one segment of a talk. */
#pragma once

#include "talk.h"

#define H2_MAX (1 << 20)

enum {
	DATA,
	HEADERS,
	PRIORITY,
	RST_STREAM,
	SETTINGS,
	PUSH_PROMISE,
	PING,
	GOAWAY,
	WINDOW_UPDATE,
	CONTINUATION
};
enum { ENDS = 1, WHOLE = 4, PADDED = 8, WEIGHTED = 32 };

static uint8_t h2_bytes[H2_MAX];
static size_t h2_n, h2_n_said;

static inline void h2_put(const void *p, size_t n)
{
	assert_true(h2_n + n <= H2_MAX);
	memcpy(h2_bytes + h2_n, p, n);
	h2_n += n;
}

static inline void h2_put_be(uint64_t value, int n)
{
	while (n--)
		h2_put(&(uint8_t){ (uint8_t)(value >> n * 8) }, 1);
}

static inline void h2_put_text(const char *s, size_t n)
{
	assert_true(n < 127);
	h2_put_be(n, 1);
	h2_put(s, n);
}

/*
 * A header block, a field a line: "#N" by index; "+name|value" into the table; ".name|value" not; "!name|value" never;
 * "@N|value" into the table, the name by index; "%N" size of the table.
 */
static inline void h2_put_fields(const char *lines)
{
	for (const char *at = lines; *at; at += strcspn(at, "\n") + (at[strcspn(at, "\n")] != 0)) {
		size_t n = strcspn(at, "\n"), n_name = strcspn(at + 1, "|\n");
		unsigned long number = strtoul(at + 1, NULL, 10);

		if (*at == '#')
			h2_put_be(0x80 | number, 1);
		else if (*at == '%')
			h2_put_be(0x20 | number, 1);
		else if (*at == '@')
			h2_put_be(0x40 | number, 1);
		else
			h2_put_be(*at == '+' ? 0x40 : *at == '!' ? 0x10 : 0, 1);
		if (strchr("+.!", *at))
			h2_put_text(at + 1, n_name);
		if (strchr("+.!@", *at))
			h2_put_text(at + 2 + n_name, n - n_name - 2);
	}
}

/* The bytes put since @from become the payload of a frame. */
static inline void h2_wrap(size_t from, int type, int flags, uint32_t stream)
{
	size_t n = h2_n - from;

	h2_put("123456789", 9);
	memmove(h2_bytes + from + 9, h2_bytes + from, n);
	h2_n = from;
	h2_put_be(n, 3);
	h2_put_be((uint64_t)type, 1);
	h2_put_be((uint64_t)flags, 1);
	h2_put_be(stream, 4);
	h2_n += n;
}

static inline void h2_frame(int type, int flags, uint32_t stream, const char *payload, size_t n)
{
	size_t from = h2_n;

	h2_put(payload, n);
	h2_wrap(from, type, flags, stream);
}

static inline void h2_headers(int flags, uint32_t stream, const char *lines)
{
	size_t from = h2_n;

	h2_put_fields(lines);
	h2_wrap(from, HEADERS, flags | WHOLE, stream);
}

static inline void h2_number(int type, uint32_t stream, uint64_t value, int n)
{
	size_t from = h2_n;

	h2_put_be(value, n);
	h2_wrap(from, type, 0, stream);
}

/* gRPC messages of @n bytes of letters each, in one frame. */
static inline void h2_messages(int flags, uint32_t stream, unsigned count, unsigned n)
{
	size_t from = h2_n;

	for (unsigned i = 0; i < count; i++) {
		h2_put_be(n, 5);
		for (unsigned k = 0; k < n; k++)
			h2_put_be('a' + k % 26, 1);
	}
	h2_wrap(from, DATA, flags, stream);
}

static inline void h2_preface(void)
{
	h2_put("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	h2_frame(SETTINGS, 0, 0, "\0\4\0\0\xff\xff", 6);
}

/* What was put since the last time is one segment. */
static inline void h2_say(struct talk *t, enum xc_l7_dir dir)
{
	talk_say(t, dir, h2_bytes + h2_n_said, h2_n - h2_n_said);
	h2_n_said = h2_n;
}

static inline void h2_start(struct talk *t)
{
	h2_n = h2_n_said = 0;
	*t = (struct talk){ .port = 7777 };
}
