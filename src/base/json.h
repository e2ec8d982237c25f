/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON writer (RFC 8259) onto a xc_buf. It places the commas; nesting is the
 * caller's. A NULL key means "inside an array". Text that is not UTF-8 is written
 * with U+FFFD in place of each broken byte, so the output is always valid JSON.
 */
#pragma once

#include "base/buf.h"

#include <stdint.h>

struct xc_json {
	struct xc_buf *out;
	bool needs_comma;
};

static inline struct xc_json xc_json(struct xc_buf *out)
{
	return (struct xc_json){ .out = out };
}

void xc_json_open(struct xc_json *j, const char *key, char bracket);	/* '{' or '[' */
void xc_json_close(struct xc_json *j, char bracket);			/* '}' or ']' */
void xc_json_str(struct xc_json *j, const char *key, const char *value);	/* NULL = null */
void xc_json_int(struct xc_json *j, const char *key, int64_t value);
void xc_json_uint(struct xc_json *j, const char *key, uint64_t value);
void xc_json_fixed(struct xc_json *j, const char *key, double value, int decimals);
void xc_json_bool(struct xc_json *j, const char *key, bool value);
void xc_json_null(struct xc_json *j, const char *key);
