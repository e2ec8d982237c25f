/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and what became of it, whatever the protocol. Names of attributes are those of the
 * OpenTelemetry semantic conventions where they exist. What is secret never gets in here:
 * xc_request_header() and the parsers redact before they store.
 */
#pragma once

#include "base/buf.h"
#include "base/rd.h"

#include <stdbool.h>
#include <stdint.h>

#define XC_REQUEST_METHOD 24
#define XC_REQUEST_TARGET 256
#define XC_REQUEST_STATUS_TEXT 48
#define XC_REQUEST_ATTRS 4096	/* bytes of all attributes of one request */
#define XC_STATUS_NONE INT32_MIN

/* What is told of a request, in this order. */
enum xc_request_stage {
	XC_REQUEST_SENT = 1,	/* its head was read */
	XC_REQUEST_ANSWERED,	/* the answer is complete */
	XC_REQUEST_ABANDONED,	/* there will be no answer, or it cannot be told which it is: see result, flags */
	XC_REQUEST_NOTICE,	/* one message that asks for no answer: a hello, a push, an alert */
};

/* How it ended. A higher value is worse. */
enum xc_result {
	XC_RESULT_NONE,		/* not yet, or not known (a gap) */
	XC_RESULT_OK,
	XC_RESULT_CLIENT_ERROR,	/* the asker is to blame: 4xx, NXDOMAIN, a syntax error */
	XC_RESULT_NO_ANSWER,	/* closed, reset or timed out before the answer was complete */
	XC_RESULT_SERVER_ERROR,
};

/* Why a value may be less than the whole truth. */
enum xc_request_flag {
	XC_REQUEST_JOINED_LATE = 1 << 0,	/* the connection is older than our view of it */
	XC_REQUEST_TRUNCATED = 1 << 1,	/* part of a message was not captured */
	XC_REQUEST_GAP =
		1 << 2, /* bytes before it, or of it, were lost: the pairing may be wrong */
	XC_REQUEST_ROLE_INFERRED = 1 << 3,	/* who asks was told from content */
	XC_REQUEST_UNKNOWN_FIELDS = 1 << 4,	/* some could not be read (HPACK before our time ...) */
	XC_REQUEST_RESENT = 1 << 5,	/* parts were retransmitted while it was open */
	XC_REQUEST_INFERRED_STATUS = 1 << 6,	/* no status on the wire; told from how it ended */
	XC_REQUEST_STREAMING = 1 << 7,	/* more than one message in a direction */
	XC_REQUEST_ENCRYPTED = 1 << 8,	/* read from the plaintext side of a TLS library */
};

struct xc_request {
	const char *protocol;	/* "http", "grpc" ...: static text */
	uint64_t id;		/* stream, correlation id ...; 0 where the protocol has none */
	char method[XC_REQUEST_METHOD];	/* GET, A, SELECT, Produce ... */
	char target
		[XC_REQUEST_TARGET]; /* path without query, name asked for, statement without literals, key ... */
	int32_t status;		/* the protocol's own number; XC_STATUS_NONE = none */
	char status_text[XC_REQUEST_STATUS_TEXT];	/* "Not Found", "NXDOMAIN", "42P01" ... */
	enum xc_result result;
	uint32_t flags;		/* enum xc_request_flag */
	uint8_t confidence;	/* percent that the protocol is what we say */
	bool by_server;		/* a notice the server sent */
	uint64_t request_bytes, response_bytes;	/* on the wire, heads included, as far as known */
	/* Arrival of bytes at the point of capture; 0 = not known. */
	uint64_t request_first_ns, request_last_ns;
	uint64_t response_first_ns,
		response_last_ns; /* first byte of the final answer (1xx are none) */
	uint64_t resent_ns;	/* latest repetition of any segment while it was open */
	struct xc_buf attrs;	/* "key\0value\0" ...; use the functions below */

	/* the session's own */
	struct xc_request *next;
	uint32_t n_resent;
	uint16_t progress;	/* of the parser: what it has seen of request and answer */
	uint64_t left[2];	/* of the parser: bytes to come of what was begun in each direction */
	bool is_told;
};

/** Make @r as good as new for @protocol; its memory for attributes is kept. */
void xc_request_reset(struct xc_request *r, const char *protocol);

/** Copy text, cut to what fits at a character's boundary. */
void xc_request_method(struct xc_request *r, struct xc_span text);
void xc_request_method_text(struct xc_request *r, const char *text);
void xc_request_target(struct xc_request *r, struct xc_span text);
void xc_request_status(struct xc_request *r, int32_t status, struct xc_span text);

/** Add an attribute; NULs and line ends in @value become spaces. What does not fit any more sets XC_REQUEST_TRUNCATED. */
void xc_request_attr(struct xc_request *r, const char *key, struct xc_span value);
void xc_request_attr_text(struct xc_request *r, const char *key, const char *value);
void xc_request_attr_uint(struct xc_request *r, const char *key, uint64_t value);

/** Take the first value of @key away again, if there is one. */
void xc_request_unset(struct xc_request *r, const char *key);

/**
 * Add a header field as "http.request.header.NAME" or "http.response.header.NAME", name in lower case. The value of
 * one that carries a secret (authorization, cookie ...) is replaced by "[redacted]".
 */
void xc_request_header(struct xc_request *r, bool is_response, struct xc_span name,
		       struct xc_span value);

/** Does a header field of this name carry a secret? */
bool xc_request_is_secret(struct xc_span name);

/** First value of @key, or NULL. */
const char *xc_request_get(const struct xc_request *r, const char *key);

/** The next attribute after @at (NULL = the first). Returns its key, or NULL; *ret_value follows it. */
const char *xc_request_next(const struct xc_request *r, const char *at, const char **ret_value);

/** First byte of the request to first, or last, byte of the answer, ns; 0 = not known. */
uint64_t xc_request_first_byte_ns(const struct xc_request *r);
uint64_t xc_request_last_byte_ns(const struct xc_request *r);

/** Are these two names a resolver may try one after the other (search list): the same first label, and yet different? */
bool xc_request_is_same_search(const char *a, const char *b);

/** "ok", "client_error", "no_answer", "server_error"; "unknown" for none. */
const char *xc_result_str(enum xc_result result);

/* Whose quotes and comments a statement has: what is "text" to one is a "name" to the other. */
enum xc_sql_dialect { XC_SQL_STANDARD, XC_SQL_MYSQL };

/**
 * A statement with its literals, text and numbers, as "?" and without comments. Where it cannot be told what is text, the rest is
 * one "?". @out is NUL-terminated. Returns @out.
 */
const char *xc_redact_sql(struct xc_span statement, enum xc_sql_dialect dialect, char *out,
			  size_t size);
