/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.0 and 1.1 (RFC 9112): heads are read, bodies are passed over by their length, chunks or the end of the stream. */
#include "l7/graphql.h"
#include "l7/http.h"
#include "l7/http1_head.h"

#include <ctype.h>

#define CHUNK_LINE_MAX 256
#define PEEK XC_GRAPHQL_PEEK	/* bytes of a body that are looked at */

enum phase {
	HEAD,
	PEEKING,	/* the first bytes of a body are waited for */
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
	bool wants_peek;	/* into the body of the message at hand */
	bool is_chunk;	/* what is peeked into */
	uint64_t left;	/* ... and its length */
	uint64_t began;	/* where a body up to the end begins */
};

struct http1 {
	struct side side[2];
	struct xc_request *asking;	/* its body is being sent */
	bool wants_other;	/* the latest request asks for another protocol */
};

/* Bits of r->progress. */
enum progress {
	IS_GRAPHQL = 1 << 0,
};

static size_t count_blank(struct xc_span in)
{
	size_t n = 0;

	while (n < in.len && (in.p[n] == '\r' || in.p[n] == '\n'))
		n++;
	return n;
}

static struct xc_l7_guess http1_detect(struct xc_span in, const struct xc_l7_hint *hint)
{
	struct xc_l7_guess g = { .dir = XC_L7_CLIENT };
	struct xc_span text = xc_span_from(in, count_blank(in)), rest = text, line, a, b;
	int32_t status;

	(void)hint;
	if (!xc_http1_line(&rest, &line)) {
		size_t n = 0;

		while (n < text.len && n <= XC_HTTP1_METHOD_MAX && isupper(text.p[n]))
			n++;
		g.wants_more = n == text.len ||
			       (n && n <= XC_HTTP1_METHOD_MAX && text.p[n] == ' ') ||
			       (n == 4 && xc_span_starts(text, "HTTP/"));
		return g;
	}
	if (xc_http1_status_line(line, &status, &a)) {
		g.dir = XC_L7_SERVER;
		g.percent = 95;
	} else if (xc_http1_request_line(line, &a, &b)) {
		g.percent = 95;
	}
	return g;
}

/* ---- messages -------------------------------------------------------------------------------------- */

/* @at: last byte of the message in what parse() was given. */
static void finish_request(struct xc_l7 *l7, size_t at)
{
	struct http1 *h = l7->state;

	h->side[XC_L7_CLIENT].phase = h->wants_other ? WAITING : HEAD;
	if (h->asking)
		h->asking->request_last_ns = xc_l7_ns(l7, XC_L7_CLIENT, at);
	h->asking = NULL;
}

/* The client speaks HTTP after all, if it was that request that asked for something else. */
static void stop_waiting(struct xc_l7 *l7)
{
	struct http1 *h = l7->state;

	if (!h->wants_other || xc_l7_first(l7))
		return;
	h->wants_other = false;
	if (h->side[XC_L7_CLIENT].phase != WAITING)
		return;
	h->side[XC_L7_CLIENT].phase = HEAD;
	xc_l7_resume(l7);
}

/* The answer of the oldest request is complete. */
static void finish_response(struct xc_l7 *l7, size_t at)
{
	struct http1 *h = l7->state;
	struct xc_request *r = xc_l7_first(l7);
	bool is_blind = h->side[XC_L7_SERVER].is_blind;

	h->side[XC_L7_SERVER] = (struct side){ .phase = HEAD };
	if (r && !is_blind) {
		r->response_last_ns = xc_l7_ns(l7, XC_L7_SERVER, at);
		if (h->asking == r) {	/* answered before it was asked to its end */
			r->flags |=
				h->side[XC_L7_CLIENT].wants_peek ? XC_REQUEST_UNKNOWN_FIELDS : 0;
			h->asking = NULL;
		}
		xc_l7_answered(l7, r);
	}
	stop_waiting(l7);
}

static void finish(struct xc_l7 *l7, enum xc_l7_dir dir, size_t at)
{
	if (dir == XC_L7_CLIENT)
		finish_request(l7, at);
	else
		finish_response(l7, at);
}

/* The request the message at hand belongs to, or NULL. */
static struct xc_request *request_of(struct xc_l7 *l7, enum xc_l7_dir dir)
{
	struct http1 *h = l7->state;

	if (h->side[dir].is_blind)
		return NULL;
	return dir == XC_L7_CLIENT ? h->asking : xc_l7_first(l7);
}

static void count_bytes(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t n)
{
	struct xc_request *r = request_of(l7, dir);

	if (r && dir == XC_L7_CLIENT)
		r->request_bytes += n;
	else if (r)
		r->response_bytes += n;
}

/* Servers answer so when they expect TLS: nginx, Apache, Go. */
static bool says_tls_wanted(struct xc_span body)
{
	static const char *const texts[] = {
		"The plain HTTP request was sent to HTTPS port",
		"speaking plain HTTP to an SSL-enabled server",
		"sent an HTTP request to an HTTPS server",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (memmem(body.p, body.len, texts[i], strlen(texts[i])))
			return true;
	return false;
}

/* The first bytes of a body. */
static void peek(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span body)
{
	struct http1 *h = l7->state;
	struct xc_request *r = request_of(l7, dir);

	h->side[dir].wants_peek = false;
	body = xc_span_first(body, PEEK);
	if (!r || !body.len)
		return;
	if (dir == XC_L7_CLIENT && xc_graphql_request(r, body))
		r->progress |= IS_GRAPHQL;
	if (dir == XC_L7_SERVER && r->status == 400 && says_tls_wanted(body))
		xc_request_attr_text(r, "crosscut.mismatch", "tls");
	else if (dir == XC_L7_SERVER && r->progress & IS_GRAPHQL)
		xc_graphql_response(r, body);
}

/* Not all that is to be looked at is there. */
static void doubt(struct xc_l7 *l7, enum xc_l7_dir dir)
{
	struct xc_request *r = request_of(l7, dir);

	if (r)
		r->flags |= XC_REQUEST_UNKNOWN_FIELDS;
}

/* Is there as much of a body of @len bytes as is looked at, or as will ever be? */
static bool is_peekable(const struct xc_l7 *l7, struct xc_span body, uint64_t len)
{
	return body.len >= PEEK || body.len >= len || l7->is_cut;
}

/* @len bytes of a body, or of a chunk, come behind the first @n bytes of @in. */
static struct xc_l7_step skip_body(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in,
				   size_t n, uint64_t len)
{
	struct http1 *h = l7->state;
	struct side *side = &h->side[dir];
	struct xc_span body = xc_span_from(in, n);

	if (side->wants_peek && !is_peekable(l7, body, len)) {
		side->phase = PEEKING;
		side->left = len;
		return xc_l7_took(n);
	}
	if (side->wants_peek && body.len < PEEK && body.len < len)
		doubt(l7, dir);
	if (side->wants_peek)
		peek(l7, dir, len < body.len ? xc_span_first(body, (size_t)len) : body);
	side->phase = side->is_chunk ? CHUNK_SKIPPED : BODY_SKIPPED;
	return xc_l7_skip(n, len);
}

/* Behind a head of @n bytes, with a body as @f says. */
static struct xc_l7_step begin_body(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in,
				    size_t n, const struct xc_http1_framing *f)
{
	struct http1 *h = l7->state;
	struct side *side = &h->side[dir];

	count_bytes(l7, dir, n);
	side->is_chunk = f->is_chunked;
	if (f->is_chunked) {
		side->phase = CHUNK_SIZE;
		return xc_l7_took(n);
	}
	if (f->is_unclear && dir == XC_L7_CLIENT)
		return xc_l7_stop();	/* the server has to close the connection (RFC 9112 6.3) */
	if (f->has_length && f->length) {
		count_bytes(l7, dir, f->length);
		return skip_body(l7, dir, in, n, f->length);
	}
	if (!f->has_length && dir == XC_L7_SERVER) {
		side->phase = UNTIL_CLOSE;
		side->began = xc_l7_passed(l7, dir) + n;
		return side->wants_peek ? xc_l7_took(n) : xc_l7_skip(n, UINT64_MAX);
	}
	return xc_l7_took(n);
}

/* Of a head that was cut only its first lines are known, and not what follows. */
static struct xc_l7_step take_cut(struct xc_request *r, struct xc_span in)
{
	if (r)
		r->flags |= XC_REQUEST_TRUNCATED;
	return xc_l7_took(in.len);
}

static void describe(struct xc_l7 *l7, struct xc_request *r, struct xc_span line, size_t n)
{
	struct xc_span method, target;

	(void)xc_http1_request_line(line, &method, &target);
	xc_request_method(r, method);
	if (xc_span_is(method, "CONNECT")) {
		xc_request_target(r, target);
		xc_http_host(r, target);
	} else {
		xc_http_target(l7, r, target);
	}
	xc_request_attr(r, "network.protocol.version",
			(struct xc_span){ line.p + line.len - 3, 3 });
	r->request_last_ns = xc_l7_ns(l7, XC_L7_CLIENT, n - 1);
}

/* GraphQL is asked in the body of a POST, or in the URL. */
static bool may_be_graphql(struct xc_request *r, struct xc_span target,
			   const struct xc_http1_framing *f)
{
	const uint8_t *query = memchr(target.p, '?', target.len);

	if (query && memmem(query, (size_t)(target.p + target.len - query), "query=", 6) &&
	    xc_graphql_url(r, xc_span_from(target, (size_t)(query - target.p) + 1)))
		r->progress |= IS_GRAPHQL;
	return f->type.len && !strcmp(r->method, "POST") && xc_graphql_fits(f->type);
}

static struct xc_l7_step take_request(struct xc_l7 *l7, struct xc_span in, size_t n)
{
	struct http1 *h = l7->state;
	struct side *side = &h->side[XC_L7_CLIENT];
	struct xc_span rest = xc_span_first(in, n), line = in, method, target;
	struct xc_http1_framing f;
	struct xc_request *r;
	struct xc_l7_step x;

	if (!xc_http1_line(&rest, &line) || !xc_http1_request_line(line, &method, &target))
		return xc_l7_bad();
	r = xc_l7_open(l7);
	if (r)
		describe(l7, r, line, n);
	f = xc_http1_fields(rest, r, false);
	h->asking = r;
	side->is_blind = !r;
	side->wants_peek = r && may_be_graphql(r, target, &f);
	h->wants_other = xc_span_is(method, "CONNECT") || (f.wants_upgrade && f.upgrade.len);
	x = l7->is_cut ? take_cut(r, in) : begin_body(l7, XC_L7_CLIENT, in, n, &f);
	if (r)
		xc_l7_sent(l7, r);
	if (side->phase == HEAD)
		finish_request(l7, n - 1);
	return x;
}

/* HTTP/2 goes on with the request: the answer comes on its stream 1 (RFC 7540 3.2). */
static struct xc_l7_step go_on_as_http2(struct xc_l7 *l7, struct xc_request *r, size_t n)
{
	const struct xc_l7_proto *http2 = xc_l7_proto_named("http2");

	r->protocol = http2 ? http2->name : r->protocol;
	r->id = 1;
	r->progress = 0;
	r->response_bytes += n;
	r->response_first_ns = r->response_last_ns = 0;
	xc_request_status(r, XC_STATUS_NONE, (struct xc_span){ (const uint8_t *)"", 0 });
	r->result = XC_RESULT_NONE;
	xc_l7_become(l7, http2);
	return xc_l7_took(n);
}

/* After "101 Switching Protocols" or a successful CONNECT: the connection speaks something else. */
static struct xc_l7_step hand_over(struct xc_l7 *l7, struct xc_request *r, size_t n,
				   const struct xc_http1_framing *f)
{
	const struct xc_l7_proto *to = NULL;

	if (r && r->status == 101 && xc_span_is(f->upgrade, "h2c"))
		return go_on_as_http2(l7, r, n);
	if (r) {
		r->response_bytes += n;
		if (r->status == 101 && xc_span_is(f->upgrade, "websocket"))
			to = xc_l7_proto_named("websocket");
		xc_l7_answered(l7, r);
	}
	xc_l7_abandon_all(l7, XC_REQUEST_GAP);	/* there are none, unless the server skipped some */
	xc_l7_become(l7, to);
	return xc_l7_took(n);
}

static bool has_no_body(const struct xc_request *r, int32_t status)
{
	return status == 204 || status == 304 || (r && !strcmp(r->method, "HEAD"));
}

static bool is_hand_over(const struct xc_request *r, int32_t status)
{
	return status == 101 || (r && status < 300 && !strcmp(r->method, "CONNECT"));
}

static struct xc_l7_step take_response(struct xc_l7 *l7, struct xc_span in, size_t n)
{
	struct http1 *h = l7->state;
	struct side *side = &h->side[XC_L7_SERVER];
	struct xc_request *r = xc_l7_first(l7);
	struct xc_span rest = xc_span_first(in, n), line, reason;
	struct xc_http1_framing f;
	struct xc_l7_step x;
	int32_t status;

	if (!xc_http1_line(&rest, &line) || !xc_http1_status_line(line, &status, &reason))
		return xc_l7_bad();
	if (status < 200 && status != 101)
		return xc_l7_took(n);	/* interim: the final answer is still to come */
	side->is_blind = !r;
	f = xc_http1_fields(rest, r, true);
	if (r) {
		xc_http_status(r, status, reason);
		r->response_first_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
		r->response_last_ns = xc_l7_ns(l7, XC_L7_SERVER, n - 1);
		side->wants_peek = status == 400 || r->progress & IS_GRAPHQL;
	}
	if (l7->is_cut)
		return take_cut(r, in);
	if (is_hand_over(r, status))
		return hand_over(l7, r, n, &f);
	if (has_no_body(r, status))
		f = (struct xc_http1_framing){ .has_length = true };
	x = begin_body(l7, XC_L7_SERVER, in, n, &f);
	if (side->phase == HEAD)
		finish_response(l7, n - 1);
	return x;
}

/* A request that is answered with a TLS record was sent to a port that wants TLS (RFC 8446 5.1: an alert). */
static bool is_tls_alert(struct xc_span in)
{
	return in.p[0] == 0x15 && (in.len < 2 || in.p[1] == 3);
}

static struct xc_l7_step take_alert(struct xc_l7 *l7, struct xc_span in)
{
	struct xc_request *r = xc_l7_first(l7);

	if (in.len < 2 && !l7->is_cut)
		return xc_l7_more();
	if (!r)
		return xc_l7_bad();
	xc_request_attr_text(r, "crosscut.mismatch", "tls");
	r->response_first_ns = r->response_last_ns = xc_l7_ns(l7, XC_L7_SERVER, 0);
	xc_l7_abandon_all(l7, 0);
	xc_l7_stop_both(l7);
	return xc_l7_took(in.len);
}

static struct xc_l7_step take_head(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	size_t blank = count_blank(in), n;

	/* an empty line before a message is to be ignored (RFC 9112 2.2) */
	if (blank)
		return xc_l7_took(blank);
	if (dir == XC_L7_SERVER && is_tls_alert(in))
		return take_alert(l7, in);
	n = xc_http1_head_len(in);
	if (!n && l7->is_cut)
		n = in.len;
	if (!n)
		return xc_http1_may_begin(dir, in) ? xc_l7_more() : xc_l7_bad();
	return dir == XC_L7_CLIENT ? take_request(l7, in, n) : take_response(l7, in, n);
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

	if (!xc_http1_line(&rest, &line))
		return in.len > CHUNK_LINE_MAX ? xc_l7_bad() : xc_l7_more();
	if (!read_chunk_size(line, &size))
		return xc_l7_bad();
	count_bytes(l7, dir, (size_t)(rest.p - in.p) + size + (size ? 2 : 0));
	if (!size) {
		h->side[dir].phase = TRAILER;
		return xc_l7_took((size_t)(rest.p - in.p));
	}
	return skip_body(l7, dir, in, (size_t)(rest.p - in.p),
			 size + 2); /* with the line end behind it */
}

static struct xc_l7_step take_trailer(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct xc_span rest = in, line;
	size_t n;

	if (!xc_http1_line(&rest, &line))
		return in.len > XC_HTTP1_LINE_MAX ? xc_l7_bad() : xc_l7_more();
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
	case PEEKING:
		return is_peekable(l7, in, h->side[dir].left) ?
			       skip_body(l7, dir, in, 0, h->side[dir].left) :
			       xc_l7_more();
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
		if (in.len && h->side[dir].wants_peek)
			peek(l7, dir, in);
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
	else
		h->wants_other = false;
	stop_waiting(l7);
}

static ptrdiff_t http1_sync(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	(void)l7;
	return xc_http1_find(dir, in);
}

/* Behind its end the server says nothing any more: what is open gets no answer. */
static void http1_end(struct xc_l7 *l7, enum xc_l7_dir dir)
{
	struct http1 *h = l7->state;

	if (dir == XC_L7_CLIENT)
		return;
	if (h->side[dir].phase == UNTIL_CLOSE) {
		count_bytes(l7, dir, xc_l7_passed(l7, dir) - h->side[dir].began);
		finish(l7, dir, 0);
	}
	h->asking = NULL;
	xc_l7_abandon_all(l7, 0);
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
