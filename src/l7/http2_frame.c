/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/http2_frame.h"

#include "base/scope.h"

#define PLAIN_MAX                                                                                  \
	16384 /* of a frame other than DATA, unless the peer was told otherwise: none does */
#define SETTINGS_MAX 120	/* bytes of a connection's first ones: nobody sends more */
#define FRAME_MAX (1u << 20)	/* larger ones are taken for nonsense */

struct xc_http2_frame xc_http2_frame_read(struct xc_span in)
{
	struct xc_rd rd = xc_rd(in);
	struct xc_http2_frame f;

	f.len = (uint32_t)xc_rd_be(&rd, 3);
	f.type = xc_rd_u8(&rd);
	f.flags = xc_rd_u8(&rd);
	f.stream = xc_rd_be32(&rd);
	f.is_reserved = f.stream >> 31;
	f.stream &= INT32_MAX;
	return f;
}

bool xc_http2_frame_is_sound(const struct xc_http2_frame *f)
{
	switch (f->type) {
	case XC_HTTP2_PRIORITY:
		return f->stream && f->len == 5;
	case XC_HTTP2_RST_STREAM:
		return f->stream && f->len == 4;
	case XC_HTTP2_SETTINGS:
		return !f->stream && f->len % 6 == 0 && f->len <= PLAIN_MAX;
	case XC_HTTP2_PING:
		return !f->stream && f->len == 8;
	case XC_HTTP2_GOAWAY:
		return !f->stream && f->len >= 8 && f->len <= PLAIN_MAX;
	case XC_HTTP2_WINDOW_UPDATE:
		return f->len == 4;
	case XC_HTTP2_DATA:
	case XC_HTTP2_HEADERS:
	case XC_HTTP2_PUSH_PROMISE:
	case XC_HTTP2_CONTINUATION:
		return f->stream;
	default:
		return f->len <= FRAME_MAX;
	}
}

/* Would one take it for a frame who does not know that it is one? */
static bool is_plausible(const struct xc_http2_frame *f)
{
	static const uint8_t flags[XC_HTTP2_N_TYPES] = {
		[XC_HTTP2_DATA] = XC_HTTP2_END_STREAM | XC_HTTP2_PADDED,
		[XC_HTTP2_HEADERS] = XC_HTTP2_END_STREAM | XC_HTTP2_END_HEADERS | XC_HTTP2_PADDED |
				     XC_HTTP2_WITH_PRIORITY,
		[XC_HTTP2_SETTINGS] = XC_HTTP2_ACK,
		[XC_HTTP2_PUSH_PROMISE] = XC_HTTP2_END_HEADERS | XC_HTTP2_PADDED,
		[XC_HTTP2_PING] = XC_HTTP2_ACK,
		[XC_HTTP2_CONTINUATION] = XC_HTTP2_END_HEADERS,
	};

	if (f->type >= XC_HTTP2_N_TYPES || f->is_reserved || f->flags & ~flags[f->type] ||
	    !xc_http2_frame_is_sound(f))
		return false;
	if (f->type == XC_HTTP2_SETTINGS && f->flags & XC_HTTP2_ACK && f->len)
		return false;
	if ((f->type == XC_HTTP2_DATA || f->type == XC_HTTP2_HEADERS) && !(f->stream & 1))
		return false;
	return f->len <= (f->type == XC_HTTP2_DATA ? FRAME_MAX : PLAIN_MAX);
}

struct xc_http2_row xc_http2_row_read(struct xc_span in)
{
	struct xc_http2_row row = { .headers = SIZE_MAX };
	size_t at = 0;

	while (row.n < XC_HTTP2_PROOF && in.len - at >= XC_HTTP2_FRAME_HEAD) {
		struct xc_http2_frame f = xc_http2_frame_read(xc_span_from(in, at));

		if (!is_plausible(&f))
			return (struct xc_http2_row){ .headers = SIZE_MAX };
		row.n++;
		row.has_other |= f.type != XC_HTTP2_DATA;
		if (f.type == XC_HTTP2_HEADERS && row.headers == SIZE_MAX)
			row.headers = at;
		if (in.len - at - XC_HTTP2_FRAME_HEAD <= f.len) {
			row.n += f.len && in.len - at - XC_HTTP2_FRAME_HEAD == f.len ? 2 : 0;
			return row;
		}
		at += XC_HTTP2_FRAME_HEAD + f.len;
	}
	return row;
}

bool xc_http2_are_settings(struct xc_span in)
{
	struct xc_http2_frame f = xc_http2_frame_read(in);
	struct xc_rd rd = xc_rd(xc_span_first(xc_span_from(in, XC_HTTP2_FRAME_HEAD), f.len));

	if (f.type != XC_HTTP2_SETTINGS || f.flags || !is_plausible(&f) || !f.len ||
	    f.len > SETTINGS_MAX)
		return false;
	while (xc_rd_left(&rd)) {
		uint16_t id = xc_rd_be16(&rd);

		/* those of the standards, and ?a?a: sent to see that they are passed over */
		if (id > 16 && (id & 0x0f0f) != 0x0a0a)
			return false;
		(void)xc_rd_be32(&rd);
	}
	return true;
}

size_t xc_http2_payload(struct xc_span in, struct xc_http2_frame *f, struct xc_span *ret_there)
{
	struct xc_span payload = xc_span_first(xc_span_from(in, XC_HTTP2_FRAME_HEAD), f->len);
	struct xc_rd rd = xc_rd(payload);
	size_t n = f->flags & XC_HTTP2_PADDED ? xc_rd_u8(&rd) : 0;

	if (f->type == XC_HTTP2_PUSH_PROMISE)
		f->stream = xc_rd_be32(&rd) & INT32_MAX;
	else if (f->type == XC_HTTP2_HEADERS && f->flags & XC_HTTP2_WITH_PRIORITY)
		(void)xc_rd_span(&rd, 5);
	n += (size_t)(rd.p - payload.p);
	if (rd.is_short || n > f->len) {
		*ret_there = xc_span_first(payload, 0);
		return SIZE_MAX;
	}
	*ret_there = xc_span_first((struct xc_span){ rd.p, xc_rd_left(&rd) }, f->len - n);
	return f->len - n;
}

const char *xc_http2_error(uint32_t code)
{
	static const char *const names[] = {
		"NO_ERROR",
		"PROTOCOL_ERROR",
		"INTERNAL_ERROR",
		"FLOW_CONTROL_ERROR",
		"SETTINGS_TIMEOUT",
		"STREAM_CLOSED",
		"FRAME_SIZE_ERROR",
		"REFUSED_STREAM",
		"CANCEL",
		"COMPRESSION_ERROR",
		"CONNECT_ERROR",
		"ENHANCE_YOUR_CALM",
		"INADEQUATE_SECURITY",
		"HTTP_1_1_REQUIRED",
	};

	return code < ARRAY_SIZE(names) ? names[code] : "unknown";
}
