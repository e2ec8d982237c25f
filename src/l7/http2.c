/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2 (RFC 9113): from frame to frame. Header blocks are decoded, DATA is passed over by its length, and what ends a
 * stream early is kept as evidence. Whoever joins late, or behind a gap, knows neither older streams nor the older part
 * of the header table: such fields are unknown.
 */
#include "l7/grpc.h"
#include "l7/hpack.h"
#include "l7/http.h"
#include "l7/http2_frame.h"

#include <stdlib.h>

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define PREFACE_LEN (sizeof(PREFACE) - 1)
#define CONTINUATIONS_MAX 64

enum error { NO_ERROR = 0, INTERNAL_ERROR = 2, REFUSED_STREAM = 7 };

/* Bits of r->progress; the upper byte is grpc.c's. */
enum progress {
	IS_ANSWERING = 1 << 0,	/* its final head was seen */
	IS_DOUBTFUL = 1 << 1,	/* a field of its answer is unknown */
	WAS_OPEN = 1 << 2,	/* at a loss of bytes of the server; since then it said nothing */
	MAY_BE_CALL = 1 << 3,	/* of gRPC: what the server said last has unknown fields */
};

/* What one direction sends. */
struct side {
	struct xc_hpack hpack;
	bool has_begun;
	/* newest stream that the client opened, or that the server answered unasked */
	uint32_t last;
	uint32_t ends;	/* stream that ends with the bytes being passed over; 0 = none */
};

struct http2 {
	struct side side[2];
};

/* A header block being decoded. */
struct head {
	struct xc_l7 *l7;
	enum xc_l7_dir dir;	/* of who sends it */
	bool is_promise;	/* a request all the same */
	bool is_cut;	/* its end is not there */
	struct xc_request *r;	/* NULL: only the table learns of it */
	bool is_new;	/* @r begins with it */
	bool is_request;	/* it has fields only a request has */
	bool is_doubtful;	/* some field is unknown */
	uint32_t status;	/* 0 = none */
};

/* ---- what it is ---------------------------------------------------------------------------------- */

/* Pseudo-fields of a block: who sends such? */
struct pseudo {
	bool is_request, is_answer;
};

static void on_pseudo(void *arg, const struct xc_hpack_field *f)
{
	struct pseudo *p = arg;

	p->is_request |= f->is_known && xc_span_is(f->name, ":method");
	p->is_answer |= f->is_known && xc_span_is(f->name, ":status");
}

static struct xc_l7_guess guess_start(struct xc_span in)
{
	struct xc_l7_guess g = { .dir = XC_L7_CLIENT };
	size_t n = in.len < PREFACE_LEN ? in.len : PREFACE_LEN;

	if (!memcmp(in.p, PREFACE, n)) {
		g.percent = n == PREFACE_LEN ? 99 : 0;
		g.wants_more = n < PREFACE_LEN;
	} else if (in.len < XC_HTTP2_FRAME_HEAD) {
		g.wants_more = !in.p[0];
	} else if (xc_http2_are_settings(in)) {
		g.dir = XC_L7_SERVER;
		g.percent = 90;
	}
	return g;
}

/* Can the block of @in be read, and does it begin a request or an answer? */
static bool reads_as_head(struct xc_span in, enum xc_l7_dir *ret_dir)
{
	struct xc_http2_frame f = xc_http2_frame_read(in);
	struct pseudo p = { 0 };
	struct xc_hpack hpack;
	struct xc_span block;
	int r;

	if (!(f.flags & XC_HTTP2_END_HEADERS) || xc_http2_payload(in, &f, &block) != block.len)
		return false;
	xc_hpack_init(&hpack, NULL);
	xc_hpack_lose(&hpack);
	r = xc_hpack_decode(&hpack, block, on_pseudo, &p);
	xc_hpack_done(&hpack);
	*ret_dir = p.is_request ? XC_L7_CLIENT : XC_L7_SERVER;
	return !r && p.is_request != p.is_answer;
}

/* In the middle of a conversation frames alone are a suspicion: told when an answer fits its request. */
static struct xc_l7_guess http2_detect(struct xc_span in, const struct xc_l7_hint *hint)
{
	struct xc_l7_guess g = guess_start(in);
	struct xc_http2_row row;

	if (g.percent || g.wants_more)
		return g;
	row = xc_http2_row_read(in);
	if (!row.has_other || row.n < XC_HTTP2_PROOF - 1)
		return g;
	g.percent = row.n >= XC_HTTP2_PROOF ? 60 : 40;
	g.dir = hint->dir;
	if (row.headers != SIZE_MAX && reads_as_head(xc_span_from(in, row.headers), &g.dir))
		g.percent = 90;
	return g;
}

/* ---- fields -------------------------------------------------------------------------------------- */

/* An authority may begin with a name and a password. */
static struct xc_span without_user(struct xc_span authority)
{
	for (size_t i = authority.len; i > 0; i--)
		if (authority.p[i - 1] == '@')
			return xc_span_from(authority, i);
	return authority;
}

static void on_request_pseudo(struct head *h, struct xc_span name, struct xc_span value)
{
	if (!h->is_new)
		return;	/* trailers have none */
	if (xc_span_is(name, ":method"))
		xc_request_method(h->r, value);
	else if (xc_span_is(name, ":path"))
		xc_http_target(h->l7, h->r, value);
	else if (xc_span_is(name, ":authority"))
		xc_request_attr(h->r, "server.address", without_user(value));
	else if (xc_span_is(name, ":scheme"))
		xc_request_attr(h->r, "url.scheme", value);
	h->is_request = true;
}

static void on_response_pseudo(struct head *h, struct xc_span name, struct xc_span value)
{
	uint32_t status = 0;

	if (!xc_span_is(name, ":status") || value.len != 3)
		return;
	for (size_t i = 0; i < value.len; i++)
		status = status * 10 + (uint32_t)(value.p[i] - '0');
	h->status = status >= 100 && status <= 999 ? status : 0;
}

static bool is_interim(const struct head *h)
{
	return h->status && h->status < 200;
}

static void on_field(void *arg, const struct xc_hpack_field *f)
{
	static const char hidden[] = "[redacted]";
	struct head *h = arg;
	bool is_answer = h->dir == XC_L7_SERVER && !h->is_promise;
	struct xc_span value = f->value;

	if (!h->r || is_interim(h))
		return;
	h->is_doubtful |= !f->is_known;
	if (!f->is_known || !f->name.len)
		return;
	if (f->is_cut)
		h->r->flags |= XC_REQUEST_TRUNCATED;
	if (f->name.p[0] == ':') {
		if (is_answer)
			on_response_pseudo(h, f->name, value);
		else
			on_request_pseudo(h, f->name, value);
		return;
	}
	xc_grpc_field(h->r, is_answer, f->name, value);
	if (f->is_secret)
		value = (struct xc_span){ (const uint8_t *)hidden, sizeof(hidden) - 1 };
	xc_http_field(h->r, is_answer, f->name, value);
}

/* ---- streams ------------------------------------------------------------------------------------- */

static void count(struct xc_request *r, enum xc_l7_dir dir, uint64_t n)
{
	if (dir == XC_L7_CLIENT) {
		r->request_bytes += n;
		return;
	}
	r->response_bytes += n;
	r->progress &= (uint16_t) ~(WAS_OPEN | MAY_BE_CALL);
}

/* @dir has said everything on @stream; @at: the last byte of that in what parse() was given. */
static void finish(struct xc_l7 *l7, enum xc_l7_dir dir, uint32_t stream, size_t at)
{
	struct xc_request *r = xc_l7_find(l7, stream);

	if (!r)
		return;
	if (dir == XC_L7_CLIENT) {
		r->request_last_ns = xc_l7_ns(l7, dir, at);
		return;
	}
	r->response_last_ns = xc_l7_ns(l7, dir, at);
	if (xc_grpc_is(r))
		xc_grpc_end(r, !(r->progress & IS_DOUBTFUL));
	else if (r->progress & MAY_BE_CALL && r->result == XC_RESULT_OK)
		r->result = XC_RESULT_NONE;	/* 200 says nothing about a call */
	xc_l7_answered(l7, r);
}

/* A frame of @dir ends @r before it was answered. */
static void break_off(struct xc_l7 *l7, struct xc_request *r, const char *frame, enum xc_l7_dir dir,
		      uint32_t code)
{
	const char *name = xc_http2_error(code);

	xc_request_attr_text(r, "error.type", name);
	xc_request_attr_text(r, "http2.frame.type", frame);
	xc_request_attr_text(r, "http2.frame.sender", dir == XC_L7_CLIENT ? "client" : "server");
	if (xc_grpc_is(r))
		xc_grpc_reset(r, code);
	else if (r->status == XC_STATUS_NONE)
		xc_request_status(r, r->status,
				  (struct xc_span){ (const uint8_t *)name, strlen(name) });
	xc_l7_abandoned(l7, r, 0);
}

/* Their end was among the bytes of the server that were lost, as far as one can tell. */
static void give_up(struct xc_l7 *l7)
{
	struct xc_request *r = xc_l7_first(l7), *next;

	for (; r; r = next) {
		next = xc_l7_next(r);
		if (r->progress & WAS_OPEN)
			xc_l7_abandoned(l7, r, XC_REQUEST_GAP);
	}
}

/* ---- header blocks ------------------------------------------------------------------------------- */

/* The request a block on @stream is about; a client's first block on a stream opens it. */
static void find_request(struct head *h, uint32_t stream)
{
	struct http2 *state = h->l7->state;
	struct side *side = &state->side[h->dir];
	bool is_known = stream <= side->last;

	h->r = xc_l7_find(h->l7, stream);
	if (h->r)
		return;
	if (!h->is_promise && stream & 1 && !is_known)
		side->last = stream;
	if (!h->is_promise && (h->dir == XC_L7_SERVER || is_known))
		return;
	h->r = xc_l7_open(h->l7);
	if (!h->r)
		return;
	h->is_new = true;
	h->r->id = stream;
	h->r->request_first_ns = xc_l7_ns(h->l7, h->dir, 0);
	if (h->is_promise)
		xc_request_attr_text(h->r, "http2.pushed", "true");
}

/* A request was read, or was it? Trailers of one that is gone look like it but for their fields. */
static void begin_request(struct head *h, size_t n)
{
	struct http2 *state = h->l7->state;
	struct xc_request *r = h->r;

	if (!h->is_request) {
		xc_l7_forget(h->l7, r);
		return;
	}
	r->request_last_ns = xc_l7_ns(h->l7, h->dir, n - 1);
	xc_request_attr_text(r, "network.protocol.version", "2");
	if (xc_grpc_is(r))
		xc_grpc_block(r, 0);
	xc_l7_sent(h->l7, r);
	/* a hole may have held it up for so long that its answer has passed */
	if (!h->is_promise && r->id <= state->side[XC_L7_SERVER].last)
		xc_l7_abandoned(h->l7, r, XC_REQUEST_GAP);
}

/* A head, or the trailers, of an answer. */
static void take_answer(struct head *h)
{
	struct xc_request *r = h->r;

	if (is_interim(h))
		return;	/* the final answer is still to come */
	if (!(r->progress & IS_ANSWERING))
		r->response_first_ns = xc_l7_ns(h->l7, XC_L7_SERVER, 0);
	r->progress |= IS_ANSWERING;
	if (h->is_doubtful)
		r->progress |= IS_DOUBTFUL | (!strcmp(r->method, "POST") ? MAY_BE_CALL : 0);
	if (xc_grpc_is(r))
		xc_grpc_block(r, h->status);
	else if (h->status)
		xc_http_status(r, (int32_t)h->status, (struct xc_span){ 0 });
}

/* The fields of @block on @stream, which came in frames of @n bytes. */
static void take_fields(struct head *h, uint32_t stream, struct xc_span block, size_t n)
{
	struct http2 *state = h->l7->state;
	struct xc_hpack *hpack = &state->side[h->dir].hpack;

	find_request(h, stream);
	if (xc_hpack_decode(hpack, block, on_field, h) || h->is_cut) {
		xc_hpack_lose(hpack);
		h->is_doubtful = true;
	}
	if (!h->r)
		return;
	count(h->r, h->dir, n);
	if (h->is_doubtful)
		h->r->flags |= XC_REQUEST_UNKNOWN_FIELDS;
	if (h->is_cut)
		h->r->flags |= XC_REQUEST_TRUNCATED;
	if (h->is_new)
		begin_request(h, n);
	else if (h->dir == XC_L7_SERVER)
		take_answer(h);
}

/* Bytes of the frames of the block that begins with @f, more than @in has when they are not all there; 0 = malformed. */
static size_t block_size(struct xc_span in, struct xc_http2_frame f)
{
	uint32_t stream = f.stream;
	size_t at = 0;

	for (unsigned i = 0; i < CONTINUATIONS_MAX; i++) {
		at += XC_HTTP2_FRAME_HEAD + f.len;
		if (f.flags & XC_HTTP2_END_HEADERS)
			return at;
		if (in.len < at + XC_HTTP2_FRAME_HEAD)
			return at + XC_HTTP2_FRAME_HEAD;
		f = xc_http2_frame_read(xc_span_from(in, at));
		if (f.type != XC_HTTP2_CONTINUATION || f.stream != stream)
			return 0;
	}
	return 0;
}

/* The block of which @first is the beginning, in @room: of the @in.len bytes its frames have. */
static struct xc_span join(struct xc_span in, size_t n_frame, struct xc_span first, uint8_t *room)
{
	size_t n = first.len;

	memcpy(room, first.p, first.len);
	for (in = xc_span_from(in, n_frame); in.len; in = xc_span_from(in, n_frame)) {
		n_frame = XC_HTTP2_FRAME_HEAD + xc_http2_frame_read(in).len;
		memcpy(room + n, in.p + XC_HTTP2_FRAME_HEAD, n_frame - XC_HTTP2_FRAME_HEAD);
		n += n_frame - XC_HTTP2_FRAME_HEAD;
	}
	return (struct xc_span){ room, n };
}

/* ---- frames, one by one -------------------------------------------------------------------------- */

/* @n bytes from the front on are done with, those that are not there yet as well. The stream may end with them. */
static struct xc_l7_step pass(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in,
			      const struct xc_http2_frame *f, size_t n)
{
	struct http2 *state = l7->state;
	bool ends = (f->type == XC_HTTP2_DATA || f->type == XC_HTTP2_HEADERS) &&
		    f->flags & XC_HTTP2_END_STREAM;

	if (n > in.len) {
		state->side[dir].ends = ends ? f->stream : 0;
		return xc_l7_skip(in.len, n - in.len);
	}
	if (ends)
		finish(l7, dir, f->stream, n - 1);
	return xc_l7_took(n);
}

static struct xc_l7_step take_block(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in,
				    struct xc_http2_frame *f)
{
	size_t n = block_size(in, *f), n_frame = XC_HTTP2_FRAME_HEAD + f->len;
	struct head h = { .l7 = l7,
			  .dir = dir,
			  .is_promise = f->type == XC_HTTP2_PUSH_PROMISE,
			  .is_cut = n > in.len };
	_cleanup_free_ uint8_t *room = NULL;
	struct xc_span block;

	if (!n || (h.is_promise && dir == XC_L7_CLIENT))
		return xc_l7_bad();
	if (h.is_cut && !l7->is_cut)
		return xc_l7_more();
	if (xc_http2_payload(in, f, &block) == SIZE_MAX && !h.is_cut)
		return xc_l7_bad();
	if (h.is_promise && f->stream & 1)
		return xc_l7_bad();	/* such streams are the client's */
	if (h.is_cut)
		n = n_frame;	/* what continues it, if anything, comes by itself */
	else if (n > n_frame)
		room = malloc(n);
	if (room)
		block = join(xc_span_first(in, n), n_frame, block, room);
	else if (n > n_frame)
		h.is_cut = true;
	take_fields(&h, f->stream, block, n);
	return pass(l7, dir, in, f, n);
}

static struct xc_l7_step take_data(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in,
				   struct xc_http2_frame *f)
{
	struct xc_request *r = xc_l7_find(l7, f->stream);
	size_t n = XC_HTTP2_FRAME_HEAD + f->len,
	       n_wanted = XC_HTTP2_FRAME_HEAD + 1 + XC_GRPC_PREFIX;
	struct xc_span there;

	if (r && xc_grpc_is(r)) {
		size_t n_payload = xc_http2_payload(in, f, &there);

		if (in.len < n && in.len < n_wanted && !l7->is_cut)
			return xc_l7_more();
		xc_grpc_data(r, dir, there, n_payload);
	}
	if (r)
		count(r, dir, n);
	return pass(l7, dir, in, f, n);
}

static struct xc_l7_step take_reset(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in,
				    const struct xc_http2_frame *f)
{
	struct xc_rd rd = xc_rd(xc_span_from(in, XC_HTTP2_FRAME_HEAD));
	uint32_t code = xc_rd_be32(&rd);
	struct xc_request *r = xc_l7_find(l7, f->stream);

	if (rd.is_short && !l7->is_cut)
		return xc_l7_more();
	if (r && !rd.is_short)
		break_off(l7, r, "RST_STREAM", dir, code);
	return pass(l7, dir, in, f, XC_HTTP2_FRAME_HEAD + f->len);
}

/* Requests the server will not look at end; the others learn that the connection is about to. */
static void leave(struct xc_l7 *l7, uint32_t last, uint32_t code)
{
	struct xc_request *r = xc_l7_first(l7), *next;

	for (; r; r = next) {
		next = xc_l7_next(r);
		if (r->id > last && r->id & 1)
			break_off(l7, r, "GOAWAY", XC_L7_SERVER, code ? code : REFUSED_STREAM);
		else if (code && !xc_request_get(r, "http2.goaway"))
			xc_request_attr_text(r, "http2.goaway", xc_http2_error(code));
	}
}

static struct xc_l7_step take_goaway(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in,
				     const struct xc_http2_frame *f)
{
	struct xc_rd rd = xc_rd(xc_span_from(in, XC_HTTP2_FRAME_HEAD));
	uint32_t last = xc_rd_be32(&rd) & INT32_MAX, code = xc_rd_be32(&rd);
	const char *name = xc_http2_error(code);
	struct xc_request *r;

	if (rd.is_short)
		return l7->is_cut ? pass(l7, dir, in, f, XC_HTTP2_FRAME_HEAD + f->len) :
				    xc_l7_more();
	if (dir == XC_L7_SERVER)
		leave(l7, last, code);
	r = xc_l7_open(l7);
	if (r) {
		r->by_server = dir == XC_L7_SERVER;
		r->request_first_ns = xc_l7_ns(l7, dir, 0);
		xc_request_method(r, (struct xc_span){ (const uint8_t *)"GOAWAY", 6 });
		xc_request_status(r, (int32_t)(code & INT32_MAX),
				  (struct xc_span){ (const uint8_t *)name, strlen(name) });
		r->result = code == NO_ERROR			   ? XC_RESULT_OK :
			    r->by_server && code == INTERNAL_ERROR ? XC_RESULT_SERVER_ERROR :
								     XC_RESULT_CLIENT_ERROR;
		xc_l7_notice(l7, r);
	}
	return pass(l7, dir, in, f, XC_HTTP2_FRAME_HEAD + f->len);
}

static struct xc_l7_step take_frame(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in,
				    struct xc_http2_frame *f)
{
	struct http2 *state = l7->state;

	switch (f->type) {
	case XC_HTTP2_DATA:
		return take_data(l7, dir, in, f);
	case XC_HTTP2_HEADERS:
	case XC_HTTP2_PUSH_PROMISE:
		return take_block(l7, dir, in, f);
	case XC_HTTP2_RST_STREAM:
		return take_reset(l7, dir, in, f);
	case XC_HTTP2_GOAWAY:
		return take_goaway(l7, dir, in, f);
	case XC_HTTP2_CONTINUATION:	/* of a block whose beginning was not seen */
		xc_hpack_lose(&state->side[dir].hpack);
		return pass(l7, dir, in, f, XC_HTTP2_FRAME_HEAD + f->len);
	default:
		return pass(l7, dir, in, f, XC_HTTP2_FRAME_HEAD + f->len);
	}
}

/* ---- the conversation ---------------------------------------------------------------------------- */

/* What was there before is not known. */
static void begin_late(struct side *side)
{
	if (!side->has_begun)
		xc_hpack_init(&side->hpack, xc_request_is_secret);
	xc_hpack_lose(&side->hpack);
	side->has_begun = true;
	side->ends = 0;
}

/* Each direction has its preface (RFC 9113 3.4), unless we joined late. */
static struct xc_l7_step begin(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct http2 *state = l7->state;
	struct side *side = &state->side[dir], *client = &state->side[XC_L7_CLIENT];
	size_t n = in.len < PREFACE_LEN ? in.len : PREFACE_LEN;
	bool has_preface, sees_all = !l7->is_late[dir];
	struct xc_http2_frame f;

	if (dir == XC_L7_CLIENT) {
		has_preface = !memcmp(in.p, PREFACE, n);
		if (has_preface && n < PREFACE_LEN)
			return xc_l7_more();
	} else {
		if (in.len < XC_HTTP2_FRAME_HEAD)
			return xc_l7_more();
		n = 0;
		f = xc_http2_frame_read(in);
		has_preface = f.type == XC_HTTP2_SETTINGS && !(f.flags & XC_HTTP2_ACK);
		sees_all |= client->has_begun && !client->hpack.has_past;
	}
	if (!has_preface && !l7->is_late[dir])
		return xc_l7_bad();
	begin_late(side);
	if (!has_preface || (!sees_all && dir == XC_L7_SERVER))
		return xc_l7_took(0);
	xc_hpack_init(&side->hpack, xc_request_is_secret);
	return xc_l7_took(n);
}

static struct xc_l7_step http2_parse(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct http2 *state = l7->state;
	struct side *side = &state->side[dir];
	struct xc_http2_frame f;

	if (!in.len) {
		if (side->ends)
			finish(l7, dir, side->ends, 0);
		side->ends = 0;
		return xc_l7_took(0);
	}
	if (!side->has_begun) {
		struct xc_l7_step x = begin(l7, dir, in);

		if (x.what != XC_L7_TOOK || x.n)
			return x;
	}
	if (in.len < XC_HTTP2_FRAME_HEAD)
		return xc_l7_more();
	f = xc_http2_frame_read(in);
	return xc_http2_frame_is_sound(&f) ? take_frame(l7, dir, in, &f) : xc_l7_bad();
}

static void http2_gap(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t n)
{
	struct http2 *state = l7->state;

	(void)n;
	begin_late(&state->side[dir]);
	if (dir == XC_L7_SERVER)
		give_up(l7);
	for (struct xc_request *r = xc_l7_first(l7); r; r = xc_l7_next(r)) {
		r->flags |= XC_REQUEST_GAP;
		r->progress |= dir == XC_L7_SERVER ? WAS_OPEN : 0;
		if (xc_grpc_is(r))
			xc_grpc_data(r, dir, (struct xc_span){ 0 }, UINT64_MAX);
	}
}

static ptrdiff_t http2_sync(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct http2 *state = l7->state;

	for (size_t at = 0; at + XC_HTTP2_FRAME_HEAD <= in.len; at++) {
		if (xc_http2_row_read(xc_span_from(in, at)).n < XC_HTTP2_PROOF)
			continue;
		if (!state->side[dir].has_begun)
			begin_late(&state->side[dir]);
		return (ptrdiff_t)at;
	}
	return -1;
}

static void http2_end(struct xc_l7 *l7, enum xc_l7_dir dir)
{
	if (dir == XC_L7_SERVER)
		give_up(l7);
}

static void http2_done(void *state)
{
	struct http2 *h = state;

	xc_hpack_done(&h->side[XC_L7_CLIENT].hpack);
	xc_hpack_done(&h->side[XC_L7_SERVER].hpack);
}

const struct xc_l7_proto xc_l7_http2 = {
	.name = "http2",
	.ports = { 80, 443, 8080, 8443, 50051 },
	.is_stream = true,
	.state_bytes = sizeof(struct http2),
	.detect = http2_detect,
	.parse = http2_parse,
	.gap = http2_gap,
	.sync = http2_sync,
	.end = http2_end,
	.done = http2_done,
};
