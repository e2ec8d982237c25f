/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP/1 message (RFC 9112): its first line, its fields, and what they say about the bytes behind it. */
#pragma once

#include "l7/l7.h"

#define XC_HTTP1_METHOD_MAX 20
#define XC_HTTP1_LINE_MAX 16384u

struct xc_http1_framing {
	uint64_t length;
	bool has_length, has_coding, is_chunked, wants_upgrade;
	bool is_unclear;	/* nobody can tell where the body ends */
	const char *violation;	/* what is not as RFC 9112 wants it; static text, NULL = nothing */
	struct xc_span upgrade, type;	/* values of these fields */
};

/** The next line without its end; @in moves behind it. False: it is not all there. */
bool xc_http1_line(struct xc_span *in, struct xc_span *ret_line);

/** Bytes of the head, its empty line included; 0 = not all there. */
size_t xc_http1_head_len(struct xc_span in);

/** "GET /path HTTP/1.1" */
bool xc_http1_request_line(struct xc_span line, struct xc_span *method, struct xc_span *target);

/** "HTTP/1.1 200 OK" */
bool xc_http1_status_line(struct xc_span line, int32_t *status, struct xc_span *reason);

/** The fields behind the first line; they are added to @r, unless that is NULL. */
struct xc_http1_framing xc_http1_fields(struct xc_span in, struct xc_request *r, bool is_response);

/** Can a head of @dir begin like @in, which is not all of it? */
bool xc_http1_may_begin(enum xc_l7_dir dir, struct xc_span in);

/** Where in @in a head of @dir begins, or -1. */
ptrdiff_t xc_http1_find(enum xc_l7_dir dir, struct xc_span in);
