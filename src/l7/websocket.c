/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WebSocket (RFC 6455), behind the "101 Switching Protocols" of HTTP. Frames are counted and passed over; nothing of a
 * payload is read but the code of a Close. One notice is told for each connection, when both directions have come to their
 * end: method CLOSE, the code of the first Close as status, and how many messages went each way. 1005 (a Close without a code) and 1006 (no Close at all) never are on the
 * wire: they are inferred.
 */
#include "l7/l7.h"

#define CONTROL_MAX 125
#define MASK_LEN 4
#define NO_CODE 1005
#define NO_CLOSE 1006

enum opcode {
	CONTINUATION,
	TEXT,
	BINARY,
	CLOSE = 8,
	PING,
	PONG,
};

/* One direction. */
struct side {
	uint64_t n_messages, n_bytes;
	uint64_t close_ns;	/* its Close came; 0 = none yet */
	uint16_t code;	/* of it */
	bool is_in_message;	/* fragments are still to come */
	bool is_done;	/* no message can follow */
};

struct websocket {
	struct side side[2];
	uint64_t first_ns;
	bool is_told;
};

struct frame {
	size_t head;	/* bytes before the payload */
	uint64_t payload;
	uint8_t opcode;
	bool is_final, is_masked;
	uint8_t mask[MASK_LEN];
};

static bool is_control(const struct frame *f)
{
	return f->opcode >= CLOSE;
}

/* What RFC 6455 5.2 to 5.5 forbid. RSV1 is that of compression (RFC 7692). */
static bool is_sound(const struct frame *f, uint8_t first, uint8_t len7)
{
	if (first & 0x30 || (f->opcode > BINARY && f->opcode < CLOSE) || f->opcode > PONG)
		return false;
	if (is_control(f) && (!f->is_final || len7 > CONTROL_MAX || first & 0x40))
		return false;
	return len7 < 126 || (f->payload >= (len7 == 126 ? 126 : 65536) && !(f->payload >> 63));
}

/* 1 = read, 0 = more bytes are needed, -1 = this is no frame. */
static int read_frame(struct xc_span in, struct frame *f)
{
	struct xc_rd rd = xc_rd(in);
	uint8_t first = xc_rd_u8(&rd), second = xc_rd_u8(&rd), len7 = second & 0x7f;
	struct xc_span mask;

	*f = (struct frame){ .opcode = first & 0xf,
			     .is_final = first & 0x80,
			     .is_masked = second & 0x80,
			     .payload = len7 };
	if (len7 > CONTROL_MAX)
		f->payload = xc_rd_be(&rd, len7 == 126 ? 2 : 8);
	mask = xc_rd_span(&rd, f->is_masked ? MASK_LEN : 0);
	if (rd.is_short)
		return 0;
	if (!is_sound(f, first, len7))
		return -1;	/* who masks what is for the peers to judge: not all clients do */
	if (f->is_masked)
		memcpy(f->mask, mask.p, MASK_LEN);
	f->head = (size_t)(rd.p - in.p);
	return 1;
}

static enum xc_result result_of(uint16_t code, bool by_server)
{
	switch (code) {
	case 1000:
	case 1001:	/* going away */
	case NO_CODE:
		return XC_RESULT_OK;
	case NO_CLOSE:
		return XC_RESULT_NO_ANSWER;
	case 1011:	/* an unexpected condition */
	case 1012:	/* restart */
	case 1013:	/* try again later */
	case 1014:	/* bad gateway */
		return XC_RESULT_SERVER_ERROR;
	case 1002:
	case 1003:
	case 1007:
	case 1008:
	case 1009:
	case 1010:	/* who closes blames the other side */
		return by_server ? XC_RESULT_CLIENT_ERROR : XC_RESULT_SERVER_ERROR;
	}
	return XC_RESULT_NONE;	/* 3000 to 4999: the application's own */
}

static const char *text_of(uint16_t code)
{
	static const char *const texts[] = {
		"Normal Closure",
		"Going Away",
		"Protocol Error",
		"Unsupported Data",
		"",
		"No Status Received",
		"Abnormal Closure",
		"Invalid Payload Data",
		"Policy Violation",
		"Message Too Big",
		"Mandatory Extension",
		"Internal Error",
		"Service Restart",
		"Try Again Later",
		"Bad Gateway",
	};

	return code >= 1000 && code < 1000 + ARRAY_SIZE(texts) ? texts[code - 1000] : "";
}

/* Who sent the first Close; -1 = nobody. */
static int closer_of(const struct websocket *w)
{
	uint64_t c = w->side[XC_L7_CLIENT].close_ns, s = w->side[XC_L7_SERVER].close_ns;

	if (!c && !s)
		return -1;
	return !s || (c && c <= s) ? XC_L7_CLIENT : XC_L7_SERVER;
}

static void describe(const struct websocket *w, struct xc_request *r, uint64_t now_ns)
{
	static const char *const names[] = { "client", "server" };
	int by = closer_of(w);
	uint16_t code = by < 0 ? NO_CLOSE : w->side[by].code;
	const char *text = text_of(code);

	r->by_server = by == XC_L7_SERVER;
	xc_request_method_text(r, "CLOSE");
	xc_request_status(r, code, (struct xc_span){ (const uint8_t *)text, strlen(text) });
	r->result = result_of(code, r->by_server);
	r->flags |= code == NO_CODE || code == NO_CLOSE ? XC_REQUEST_INFERRED_STATUS : 0;
	r->request_first_ns = w->first_ns;
	r->request_last_ns = now_ns > w->first_ns ? now_ns : w->first_ns;
	r->request_bytes = w->side[XC_L7_CLIENT].n_bytes;
	r->response_bytes = w->side[XC_L7_SERVER].n_bytes;
	xc_request_attr_uint(r, "websocket.client.messages", w->side[XC_L7_CLIENT].n_messages);
	xc_request_attr_uint(r, "websocket.server.messages", w->side[XC_L7_SERVER].n_messages);
	if (by >= 0)
		xc_request_attr_text(r, "websocket.closed_by", names[by]);
}

/* The one notice of the connection. */
static void tell(struct xc_l7 *l7, uint64_t now_ns)
{
	struct websocket *w = l7->state;
	struct xc_request *r = w->is_told || !w->first_ns ? NULL : xc_l7_open(l7);

	w->is_told = true;
	if (!r)
		return;
	describe(w, r, now_ns);
	xc_l7_notice(l7, r);
}

static void be_done(struct xc_l7 *l7, enum xc_l7_dir dir)
{
	struct websocket *w = l7->state;

	w->side[dir].is_done = true;
	if (w->side[!dir].is_done)
		tell(l7, xc_l7_ns(l7, dir, 0));
}

static uint16_t code_of(struct xc_span payload, const struct frame *f)
{
	if (f->payload < 2)
		return NO_CODE;
	return (uint16_t)((payload.p[0] ^ f->mask[0]) << 8 | (payload.p[1] ^ f->mask[1]));
}

static struct xc_l7_step take_close(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in,
				    const struct frame *f)
{
	struct side *side = &((struct websocket *)l7->state)->side[dir];

	if (!side->close_ns) {
		side->close_ns = xc_l7_ns(l7, dir, 0);
		side->code = code_of(xc_span_from(in, f->head), f);
	}
	be_done(l7, dir);
	return xc_l7_skip(f->head, f->payload);
}

/* False: a frame that may not be here (RFC 6455 5.4). */
static bool count(struct side *side, const struct frame *f)
{
	if (is_control(f))
		return true;
	if ((f->opcode == CONTINUATION) != side->is_in_message)
		return false;
	side->is_in_message = !f->is_final;
	side->n_messages += f->is_final;
	return true;
}

static struct xc_l7_step websocket_parse(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	struct websocket *w = l7->state;
	struct frame f;
	int r = read_frame(in, &f);

	if (r < 0)
		return xc_l7_bad();
	if (!r || (f.opcode == CLOSE && f.payload >= 2 && in.len < f.head + 2))
		return xc_l7_more();
	if (!w->first_ns)
		w->first_ns = xc_l7_ns(l7, dir, 0);
	if (!count(&w->side[dir], &f))
		return xc_l7_bad();
	w->side[dir].n_bytes += f.head + f.payload;
	if (f.opcode == CLOSE)
		return take_close(l7, dir, in, &f);
	return xc_l7_skip(f.head, f.payload);
}

/* The rest of a message that lost some of its frames is not counted. */
static void websocket_gap(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t n)
{
	struct websocket *w = l7->state;

	(void)n;
	w->side[dir].is_in_message = false;
}

/* A frame, and behind it another one or the end of what there is. */
static bool is_boundary(enum xc_l7_dir dir, struct xc_span in)
{
	struct frame f, next;
	uint64_t end;

	if (read_frame(in, &f) <= 0 || f.opcode == CONTINUATION ||
	    f.is_masked != (dir == XC_L7_CLIENT))
		return false;
	end = f.head + f.payload;
	return end == in.len ||
	       (end < in.len && read_frame(xc_span_from(in, (size_t)end), &next) > 0 &&
		next.is_masked == f.is_masked);
}

static ptrdiff_t websocket_sync(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in)
{
	(void)l7;
	for (size_t at = 0; at < in.len; at++)
		if (is_boundary(dir, xc_span_from(in, at)))
			return (ptrdiff_t)at;
	return -1;
}

static void websocket_end(struct xc_l7 *l7, enum xc_l7_dir dir)
{
	be_done(l7, dir);
}

static void websocket_close(struct xc_l7 *l7)
{
	uint64_t c = xc_l7_ns(l7, XC_L7_CLIENT, 0), s = xc_l7_ns(l7, XC_L7_SERVER, 0);

	tell(l7, c > s ? c : s);
}

const struct xc_l7_proto xc_l7_websocket = {
	.name = "websocket",
	.is_stream = true,
	.state_bytes = sizeof(struct websocket),
	.parse = websocket_parse,
	.gap = websocket_gap,
	.sync = websocket_sync,
	.end = websocket_end,
	.close = websocket_close,
};
