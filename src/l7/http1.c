/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.0 and 1.1 (RFC 9112): heads are read, bodies are passed over by their length, chunks or the end of the stream. */
#include "l7/http.h"

#include <ctype.h>

#define METHOD_MAX 20
#define LINE_MAX_BYTES 16384
#define CHUNK_LINE_MAX 256

enum phase {
	HEAD,
	BODY_SKIPPED,	/* a body of known length has been passed over */
	CHUNK_SIZE,
	CHUNK_SKIPPED,
	TRAILER,
	UNTIL_CLOSE,
	WAITING,	/* for the answer to CONNECT or Upgrade: it tells what the next bytes are */
};

/* One direction: where it is in its message. */
struct side {
	enum phase phase;
	bool is_blind;	/* the message at hand belongs to nobody we know */
};

struct http1 {
	struct side side[2];
	struct xc_request *asking;	/* its body is being sent */
};

/* What a head says about the bytes behind it. */
struct framing {
	uint64_t length;
	bool has_length, is_chunked, wants_upgrade, is_malformed;
	struct xc_span upgrade;
};

/* ---- reading ------------------------------------------------------------------------------------- */

static bool is_token(uint8_t c)
{
	return isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* The next line without its end; false when it is not there. */
static bool next_line(struct xc_span *in, struct xc_span *ret_line)
{
	const uint8_t *end = in->len ? memchr(in->p, '\n', in->len) : NULL;

	if (!end)
		return false;
	*ret_line = (struct xc_span){ in->p, (size_t)(end - in->p) };
	*in = xc_span_from(*in, ret_line->len + 1);
	if (ret_line->len && ret_line->p[ret_line->len - 1] == '\r')
		ret_line->len--;
	return true;
}

/* Bytes of the head, its empty line included; 0 = not all there. */
static size_t head_len(struct xc_span in)
{
	for (size_t at = 0; at < in.len;) {
		const uint8_t *nl = memchr(in.p + at, '\n', in.len - at);

		if (!nl)
			return 0;
		at = (size_t)(nl - in.p) + 1;
		if (at < in.len && in.p[at] == '\n')
			return at + 1;
		if (at + 1 < in.len && in.p[at] == '\r' && in.p[at + 1] == '\n')
			return at + 2;
	}
	return 0;
}

/* "GET /path HTTP/1.1" */
static bool split_request(struct xc_span line, struct xc_span *method, struct xc_span *target)
{
	size_t n = 0, end;

	while (n < line.len && n <= METHOD_MAX && is_token(line.p[n]))
		n++;
	if (!n || n > METHOD_MAX || n >= line.len || line.p[n] != ' ')
		return false;
	end = line.len;
	if (end < n + 11 || memcmp(line.p + end - 9, " HTTP/1.", 8) || !isdigit(line.p[end - 1]))
		return false;
	*method = xc_span_first(line, n);
	*target = (struct xc_span){ line.p + n + 1, end - 9 - n - 1 };
	return target->len && target->p[0] != ' ';
}

/* "HTTP/1.1 200 OK" */
static bool split_status(struct xc_span line, int32_t *status, struct xc_span *reason)
{
	if (line.len < 12 || memcmp(line.p, "HTTP/1.", 7) || !isdigit(line.p[7]) ||
	    line.p[8] != ' ')
		return false;
	*status = 0;
	for (size_t i = 9; i < 12; i++) {
		if (!isdigit(line.p[i]))
			return false;
		*status = *status * 10 + (line.p[i] - '0');
	}
	if (*status < 100 || (line.len > 12 && line.p[12] != ' '))
		return false;
	*reason = xc_span_from(line, 13);
	return true;
}

static bool read_length(struct xc_span value, struct framing *f)
{
	uint64_t n = 0;

	for (size_t i = 0; i < value.len; i++) {
		if (!isdigit(value.p[i]) || n > (UINT64_MAX >> 8) / 10)
			return false;
		n = n * 10 + (value.p[i] - '0');
	}
	if (!value.len || (f->has_length && f->length != n))
		return false;
	f->has_length = true;
	f->length = n;
	return true;
}

static void read_field(struct xc_span name, struct xc_span value, struct framing *f)
{
	if (xc_span_is(name, "content-length"))
		f->is_malformed |= !read_length(value, f);
	else if (xc_span_is(name, "transfer-encoding"))
		f->is_chunked |= xc_http_has(value, "chunked");
	else if (xc_span_is(name, "upgrade"))
		f->upgrade = value;
	else if (xc_span_is(name, "connection"))
		f->wants_upgrade |= xc_http_has(value, "upgrade");
}

/* The fields of a head; @r may be NULL. */
static struct framing read_fields(struct xc_span in, struct xc_request *r, bool is_response)
{
	struct framing f = { 0 };
	struct xc_span line;

	while (next_line(&in, &line) && line.len) {
		const uint8_t *colon = memchr(line.p, ':', line.len);
		struct xc_span name, value;

		if (!colon)
			continue;
		name = (struct xc_span){ line.p, (size_t)(colon - line.p) };
		value = xc_http_trim(xc_span_from(line, name.len + 1));
		if (!name.len || !is_token(name.p[name.len - 1]))
			continue;
		read_field(name, value, &f);
		if (r)
			xc_http_field(r, is_response, name, value);
	}
	return f;
}

static struct xc_l7_guess http1_detect(struct xc_span in, const struct xc_l7_hint *hint)
{
	struct xc_l7_guess g = { .dir = XC_L7_CLIENT };
	struct xc_span line, rest = in, method, target;
	int32_t status;

	(void)hint;
	if (!next_line(&rest, &line)) {
		size_t n = 0;

		while (n < in.len && n <= METHOD_MAX && isupper(in.p[n]))
			n++;
		g.wants_more = n == in.len || (n && n <= METHOD_MAX && in.p[n] == ' ') ||
			       (n == 4 && xc_span_starts(in, "HTTP/"));
		return g;
	}
	if (split_status(line, &status, &method)) {
		g.dir = XC_L7_SERVER;
		g.percent = 95;
	} else if (split_request(line, &method, &target)) {
		g.percent = 95;
	}
	return g;
}

/* ---- messages -------------------------------------------------------------------------------------- */

/* @at: last byte of the message in what parse() was given. */
static void finish_request(struct xc_l7 *l7, size_t at)
{
	struct http1 *h = l7->state;

	h->side[XC_L7_CLIENT].phase = HEAD;
	if (h->asking)
		h->asking->request_last_ns = xc_l7_ns(l7, XC_L7_CLIENT, at);
	h->asking = NULL;
}

/* The answer of the oldest request is complete. */
static void finish_response(struct xc_l7 *l7, size_t at)
{
	struct http1 *h = l7->state;
	struct xc_request *r = xc_l7_first(l7);
	bool is_blind = h->side[XC_L7_SERVER].is_blind;

	h->side[XC_L7_SERVER] = (struct side){ .phase = HEAD };
	if (h->side[XC_L7_CLIENT].phase == WAITING)
		h->side[XC_L7_CLIENT].phase = HEAD;	/* no other protocol after all */
	if (!r || is_blind)
		return;
	r->response_last_ns = xc_l7_ns(l7, XC_L7_SERVER, at);
	if (h->asking == r)
		h->asking = NULL;	/* answered before it was asked to its end */
	xc_l7_answered(l7, r);
}

static void finish(struct xc_l7 *l7, enum xc_l7_dir dir, size_t at)
{
	if (dir == XC_L7_CLIENT)
		finish_request(l7, at);
	else
		finish_response(l7, at);
}

static void count_bytes(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t n)
{
	struct http1 *h = l7->state;
	struct xc_request *r = dir == XC_L7_CLIENT ? h->asking : xc_l7_first(l7);

	if (!r || h->side[dir].is_blind)
		return;
	if (dir == XC_L7_CLIENT)
		r->request_bytes += n;
	else
		r->response_bytes += n;
}

/* Behind a head of @n bytes, with a body as @f says. */
static struct xc_l7_step begin_body(struct xc_l7 *l7, enum xc_l7_dir dir, size_t n,
				    const struct framing *f)
{
	struct http1 *h = l7->state;
	struct side *side = &h->side[dir];

	count_bytes(l7, dir, n);
	if (f->is_chunked) {
		side->phase = CHUNK_SIZE;
		return xc_l7_took(n);
	}
	if (f->has_length && f->length) {
		side->phase = BODY_SKIPPED;
		count_bytes(l7, dir, f->length);
		return xc_l7_skip(n, f->length);
	}
	if (!f->has_length && dir == XC_L7_SERVER) {
		side->phase = UNTIL_CLOSE;
		return xc_l7_skip(n, UINT64_MAX);
	}
	return xc_l7_took(n);
}

static struct xc_l7_step take_request(struct xc_l7 *l7, struct xc_span in, size_t n)
{
	struct http1 *h = l7->state;
	struct xc_span rest = in, line = in, method, target;
	struct framing f;
	struct xc_request *r;
	struct xc_l7_step x;

	if (!next_line(&rest, &line) || !split_request(line, &method, &target))
		return xc_l7_bad();
	r = xc_l7_open(l7);
	f = read_fields(rest, r, false);
	h->asking = r;
	h->side[XC_L7_CLIENT].is_blind = !r;
	if (r) {
		xc_request_method(r, method);
		xc_http_target(l7, r, target);
		xc_request_attr(r, "network.protocol.version",
				(struct xc_span){ line.p + line.len - 3, 3 });
		r->request_last_ns = xc_l7_ns(l7, XC_L7_CLIENT, n - 1);
		if (f.is_malformed || l7->is_cut)
			r->flags |= XC_REQUEST_TRUNCATED;
		xc_l7_sent(l7, r);
	}
	x = begin_body(l7, XC_L7_CLIENT, n, &f);
	if (h->side[XC_L7_CLIENT].phase == HEAD)
		h->asking = NULL;
	if (xc_span_is(method, "CONNECT") || (f.wants_upgrade && f.upgrade.len))
		h->side[XC_L7_CLIENT].phase = WAITING;
	return x;
}

/* After "101 Switching Protocols" or a successful CONNECT: the connection speaks something else. */
static struct xc_l7_step hand_over(struct xc_l7 *l7, struct xc_request *r, size_t n)
{
	r->response_bytes += n;
	r->response_last_ns = xc_l7_ns(l7, XC_L7_SERVER, n - 1);
	xc_l7_answered(l7, r);
	xc_l7_become(l7, NULL);
	return xc_l7_took(n);
}

static bool has_no_body(const struct xc_request *r, int32_t status)
{
	return status == 204 || status == 304 || (r && !strcmp(r->method, "HEAD"));
}

static struct xc_l7_step take_response(struct xc_l7 *l7, struct xc_span in, size_t n)
{
	struct http1 *h = l7->state;
	struct xc_request *r = xc_l7_first(l7);
	struct xc_span rest = in, line, reason;
	struct framing f;
	struct xc_l7_step x;
	int32_t status;

	if (!next_line(&rest, &line) || !split_status(line, &status, &reason))
		return xc_l7_bad();
	if (status < 200 && status != 101)
		return xc_l7_took(n);	/* interim: the final answer is still to come */
	h->side[XC_L7_SERVER].is_blind = !r;
	f = read_fields(rest, r, true);
	if (r) {
		xc_http_status(r, status, reason);
		r->response_first_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
		r->response_last_ns = xc_l7_ns(l7, XC_L7_SERVER, n - 1);
		if (f.is_malformed || l7->is_cut)
			r->flags |= XC_REQUEST_TRUNCATED;
		if (status == 101 || (status < 300 && !strcmp(r->method, "CONNECT")))
			return hand_over(l7, r, n);
	}
	if (has_no_body(r, status))
		f = (struct framing){ .has_length = true };
	x = begin_body(l7, XC_L7_SERVER, n, &f);
	if (h->side[XC_L7_SERVER].phase == HEAD)
		finish_response(l7, n - 1);
	return x;
}

static struct xc_l7_step take_head(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	size_t blank = 0, n;
	struct xc_l7_step x;

	/* an empty line before a message is to be ignored (RFC 9112 2.2) */
	while (blank < in.len && (in.p[blank] == '\r' || in.p[blank] == '\n'))
		blank++;
	if (blank)
		return xc_l7_took(blank);
	n = head_len(in);
	if (!n && l7->is_cut)
		n = in.len;
	if (!n)
		return in.len > LINE_MAX_BYTES && !memchr(in.p, '\n', in.len) ? xc_l7_bad() :
										xc_l7_more();
	in.len = n;
	x = dir == XC_L7_CLIENT ? take_request(l7, in, n) : take_response(l7, in, n);
	return x;
}

/* ---- chunks ------------------------------------------------------------------------------------------ */

static bool read_chunk_size(struct xc_span line, uint64_t *ret_size)
{
	uint64_t n = 0;
	size_t i = 0;

	for (; i < line.len && isxdigit(line.p[i]); i++) {
		if (n >> 52)
			return false;
		n = n * 16 + (uint64_t)(isdigit(line.p[i]) ? line.p[i] - '0' :
							     (line.p[i] | 0x20) - 'a' + 10);
	}
	*ret_size = n;
	return i && (i == line.len || line.p[i] == ';' || line.p[i] == ' ');
}

static struct xc_l7_step take_chunk(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct http1 *h = l7->state;
	struct xc_span rest = in, line;
	uint64_t size;

	if (!next_line(&rest, &line))
		return in.len > CHUNK_LINE_MAX ? xc_l7_bad() : xc_l7_more();
	if (!read_chunk_size(line, &size))
		return xc_l7_bad();
	count_bytes(l7, dir, (size_t)(rest.p - in.p) + size + (size ? 2 : 0));
	if (!size) {
		h->side[dir].phase = TRAILER;
		return xc_l7_took((size_t)(rest.p - in.p));
	}
	h->side[dir].phase = CHUNK_SKIPPED;
	return xc_l7_skip((size_t)(rest.p - in.p), size + 2);	/* with the line end behind it */
}

static struct xc_l7_step take_trailer(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct xc_span rest = in, line;
	size_t n;

	if (!next_line(&rest, &line))
		return in.len > LINE_MAX_BYTES ? xc_l7_bad() : xc_l7_more();
	n = (size_t)(rest.p - in.p);
	count_bytes(l7, dir, n);
	if (!line.len)
		finish(l7, dir, n - 1);
	return xc_l7_took(n);
}

static struct xc_l7_step http1_parse(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct http1 *h = l7->state;

	switch (h->side[dir].phase) {
	case HEAD:
		return in.len ? take_head(l7, dir, in) : xc_l7_more();
	case BODY_SKIPPED:
		finish(l7, dir, 0);
		return xc_l7_took(0);
	case CHUNK_SKIPPED:
		h->side[dir].phase = CHUNK_SIZE;
		return xc_l7_took(0);
	case CHUNK_SIZE:
		return in.len ? take_chunk(l7, dir, in) : xc_l7_more();
	case TRAILER:
		return in.len ? take_trailer(l7, dir, in) : xc_l7_more();
	case UNTIL_CLOSE:
		return xc_l7_skip(in.len, UINT64_MAX);
	case WAITING:
		return xc_l7_more();
	}
	return xc_l7_bad();
}

/* ---- what is missing --------------------------------------------------------------------------------- */

/*
 * Requests before a hole in what the client sent keep their answers: those come first. Behind a hole in what the server
 * sent nobody can tell whose answer comes next.
 */
static void http1_gap(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t n)
{
	struct http1 *h = l7->state;

	(void)n;
	h->side[dir] = (struct side){ .phase = HEAD, .is_blind = true };
	if (h->asking)
		h->asking->flags |= XC_REQUEST_GAP;
	h->asking = NULL;
	if (dir == XC_L7_SERVER)
		xc_l7_abandon_all(l7, XC_REQUEST_GAP);
}

static bool begins_message(enum xc_l7_dir dir, struct xc_span in)
{
	struct xc_span rest = in, line, a, b;
	int32_t status;

	if (!next_line(&rest, &line))
		return false;
	return dir == XC_L7_CLIENT ? split_request(line, &a, &b) : split_status(line, &status, &a);
}

static ptrdiff_t http1_sync(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	(void)l7;
	for (size_t at = 0; at < in.len; at++) {
		bool is_line = !at || in.p[at - 1] == '\n';

		if (dir == XC_L7_CLIENT ? is_line : in.p[at] == 'H')
			if (begins_message(dir, xc_span_from(in, at)))
				return (ptrdiff_t)at;
	}
	return -1;
}

static void http1_end(struct xc_l7 *l7, enum xc_l7_dir dir)
{
	struct http1 *h = l7->state;

	if (h->side[dir].phase == UNTIL_CLOSE)
		finish(l7, dir, 0);
}

const struct xc_l7_proto xc_l7_http1 = {
	.name = "http",
	.ports = { 80, 8080, 8000, 8081, 3000, 5000, 9000 },
	.is_stream = true,
	.state_bytes = sizeof(struct http1),
	.detect = http1_detect,
	.parse = http1_parse,
	.gap = http1_gap,
	.sync = http1_sync,
	.end = http1_end,
};
