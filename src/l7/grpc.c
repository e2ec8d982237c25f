/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/grpc.h"

#include <stdlib.h>

#define HTTP_STATUS "http.response.status_code"
#define MESSAGE_MAX XC_REQUEST_STATUS_TEXT

/* Bits of r->progress; the lower byte is http2.c's. */
enum progress {
	HAS_STATUS = 1 << 8,
	HAS_MESSAGE = 1 << 9,
	COUNTS = 1 << 10,	/* r->left is that of the first message; << dir */
	LOST_COUNT = 1 << 12,	/* << dir */
	IS_NAMED = 1 << 14,
};

enum code {
	OK,
	CANCELLED,
	UNKNOWN,
	PERMISSION_DENIED = 7,
	RESOURCE_EXHAUSTED = 8,
	UNIMPLEMENTED = 12,
	INTERNAL = 13,
	UNAVAILABLE = 14,
	UNAUTHENTICATED = 16,
};

/* Whose fault a status is: as the semantic conventions of OpenTelemetry see it. */
static const struct {
	const char *name;
	enum xc_result result;
} codes[] = {
	{ "OK", XC_RESULT_OK },
	{ "CANCELLED", XC_RESULT_CLIENT_ERROR },
	{ "UNKNOWN", XC_RESULT_SERVER_ERROR },
	{ "INVALID_ARGUMENT", XC_RESULT_CLIENT_ERROR },
	{ "DEADLINE_EXCEEDED", XC_RESULT_SERVER_ERROR },
	{ "NOT_FOUND", XC_RESULT_CLIENT_ERROR },
	{ "ALREADY_EXISTS", XC_RESULT_CLIENT_ERROR },
	{ "PERMISSION_DENIED", XC_RESULT_CLIENT_ERROR },
	{ "RESOURCE_EXHAUSTED", XC_RESULT_CLIENT_ERROR },
	{ "FAILED_PRECONDITION", XC_RESULT_CLIENT_ERROR },
	{ "ABORTED", XC_RESULT_CLIENT_ERROR },
	{ "OUT_OF_RANGE", XC_RESULT_CLIENT_ERROR },
	{ "UNIMPLEMENTED", XC_RESULT_SERVER_ERROR },
	{ "INTERNAL", XC_RESULT_SERVER_ERROR },
	{ "UNAVAILABLE", XC_RESULT_SERVER_ERROR },
	{ "DATA_LOSS", XC_RESULT_SERVER_ERROR },
	{ "UNAUTHENTICATED", XC_RESULT_CLIENT_ERROR },
};

bool xc_grpc_is(const struct xc_request *r)
{
	return !strcmp(r->protocol, "grpc");
}

/* ---- fields -------------------------------------------------------------------------------------- */

static struct xc_span text_span(const char *s)
{
	return (struct xc_span){ (const uint8_t *)s, strlen(s) };
}

static void set_status(struct xc_request *r, uint32_t code)
{
	const char *name = code < ARRAY_SIZE(codes) ? codes[code].name : "";

	xc_request_status(r, (int32_t)code,
			  r->progress & HAS_MESSAGE ? (struct xc_span){ 0 } : text_span(name));
}

/* "application/grpc", "application/grpc+proto" ...; not -web, whose status is in the body. */
static bool is_grpc_type(struct xc_span type)
{
	static const char prefix[] = "application/grpc";
	size_t n = sizeof(prefix) - 1;

	return xc_span_is(xc_span_first(type, n), prefix) &&
	       (type.len == n || type.p[n] == '+' || type.p[n] == ';');
}

/* Messages of @dir cannot be counted (any more). */
static void lose_count(struct xc_request *r, enum xc_l7_dir dir)
{
	r->progress |= (uint16_t)(LOST_COUNT << dir);
}

static void become_call(struct xc_request *r)
{
	if (xc_grpc_is(r))
		return;
	r->protocol = "grpc";
	if (r->request_bytes)
		lose_count(r, XC_L7_CLIENT);	/* who knows what has passed */
	if (r->response_bytes)
		lose_count(r, XC_L7_SERVER);
	if (r->status == XC_STATUS_NONE)
		return;
	xc_request_attr_uint(r, HTTP_STATUS, (uint64_t)r->status);
	xc_request_status(r, XC_STATUS_NONE, text_span(""));
	r->result = XC_RESULT_NONE;
}

static void read_status(struct xc_request *r, struct xc_span value)
{
	uint32_t code = 0;

	for (size_t i = 0; i < value.len; i++) {
		if (value.p[i] < '0' || value.p[i] > '9' || i > 3)
			return;
		code = code * 10 + (value.p[i] - '0');
	}
	if (!value.len)
		return;
	become_call(r);
	r->progress |= HAS_STATUS;
	set_status(r, code);
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-encoded; what is encoded wrongly stays as it is. */
static void read_message(struct xc_request *r, struct xc_span value)
{
	uint8_t text[MESSAGE_MAX];
	size_t n = 0;

	for (size_t i = 0; i < value.len && n < sizeof(text); i++) {
		bool is_code = value.p[i] == '%' && i + 2 < value.len;
		int high = is_code ? hex_digit(value.p[i + 1]) : -1;
		int low = is_code ? hex_digit(value.p[i + 2]) : -1;

		text[n++] = high >= 0 && low >= 0 ? (uint8_t)(high << 4 | low) : value.p[i];
		if (high >= 0 && low >= 0)
			i += 2;
	}
	if (!n)
		return;
	r->progress |= HAS_MESSAGE;
	xc_request_status(r, r->status, (struct xc_span){ text, n });
}

void xc_grpc_field(struct xc_request *r, bool is_answer, struct xc_span name, struct xc_span value)
{
	if (xc_span_is(name, "content-type") && is_grpc_type(value))
		become_call(r);
	else if (is_answer && xc_span_is(name, "grpc-status"))
		read_status(r, value);
	else if (is_answer && xc_span_is(name, "grpc-message"))
		read_message(r, value);
}

/* "/package.Service/Method"; one that was cut has no method to show */
static void name_method(struct xc_request *r)
{
	const char *slash = strrchr(r->target, '/');

	if (r->target[0] != '/' || slash == r->target || strlen(r->target) + 1 == sizeof(r->target))
		return;
	xc_request_attr(r, "rpc.service",
			(struct xc_span){ (const uint8_t *)r->target + 1,
					  (size_t)(slash - r->target - 1) });
	xc_request_attr_text(r, "rpc.method", slash + 1);
}

void xc_grpc_block(struct xc_request *r, uint32_t http_status)
{
	if (http_status)
		xc_request_attr_uint(r, HTTP_STATUS, http_status);
	if (r->progress & IS_NAMED)
		return;
	r->progress |= IS_NAMED;
	xc_request_attr_text(r, "rpc.system", "grpc");
	name_method(r);
}

/* ---- messages ------------------------------------------------------------------------------------ */

/* Where the first message ends is enough: what follows is a second one. */
void xc_grpc_data(struct xc_request *r, enum xc_l7_dir dir, struct xc_span front, uint64_t n)
{
	struct xc_rd rd = xc_rd(front);
	uint8_t compressed = xc_rd_u8(&rd);
	uint32_t len = xc_rd_be32(&rd);
	bool counts = r->progress & (COUNTS << dir);

	if (!n || r->progress & (LOST_COUNT << dir))
		return;
	if (n == UINT64_MAX || (!counts && (rd.is_short || compressed > 1))) {
		lose_count(r, dir);
		return;
	}
	if (!counts)
		r->left[dir] = (uint64_t)len + XC_GRPC_PREFIX;
	r->progress |= (uint16_t)(COUNTS << dir);
	if (n > r->left[dir])
		r->flags |= XC_REQUEST_STREAMING;
	r->left[dir] -= n < r->left[dir] ? n : r->left[dir];
}

/* ---- the end ------------------------------------------------------------------------------------- */

static void infer(struct xc_request *r, uint32_t code)
{
	r->flags |= XC_REQUEST_INFERRED_STATUS;
	set_status(r, code);
}

/* No status of its own: what a client makes of that of HTTP (doc/http-grpc-status-mapping.md). */
static uint32_t code_of_http(const char *status)
{
	static const struct {
		const char *status;
		uint32_t code;
	} rows[] = {
		{ "400", INTERNAL },	{ "401", UNAUTHENTICATED }, { "403", PERMISSION_DENIED },
		{ "404", UNIMPLEMENTED }, { "429", UNAVAILABLE },   { "502", UNAVAILABLE },
		{ "503", UNAVAILABLE }, { "504", UNAVAILABLE },
	};

	for (size_t i = 0; status && i < ARRAY_SIZE(rows); i++)
		if (!strcmp(status, rows[i].status))
			return rows[i].code;
	return UNKNOWN;
}

void xc_grpc_end(struct xc_request *r, bool knows_all)
{
	if (!(r->progress & HAS_STATUS) && knows_all)
		infer(r, code_of_http(xc_request_get(r, HTTP_STATUS)));
	if (r->status == XC_STATUS_NONE)
		r->result = XC_RESULT_NONE;
	else
		r->result = (size_t)r->status < ARRAY_SIZE(codes) ? codes[r->status].result :
								    XC_RESULT_SERVER_ERROR;
}

void xc_grpc_reset(struct xc_request *r, uint32_t code)
{
	/* doc/PROTOCOL-HTTP2.md, "Errors"; by the codes of RFC 9113 7 */
	static const uint8_t rows[] = { INTERNAL,	  INTERNAL, INTERNAL, INTERNAL,
					UNKNOWN,	  UNKNOWN,  INTERNAL, UNAVAILABLE,
					CANCELLED,	  INTERNAL, INTERNAL, RESOURCE_EXHAUSTED,
					PERMISSION_DENIED };

	if (!(r->progress & HAS_STATUS))
		infer(r, code < ARRAY_SIZE(rows) ? rows[code] : UNKNOWN);
}
