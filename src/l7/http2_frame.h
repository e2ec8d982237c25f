/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of HTTP/2 (RFC 9113 4 to 6): what one says of itself, and where one begins. Pure. */
#pragma once

#include "base/rd.h"

#define XC_HTTP2_FRAME_HEAD 9	/* bytes before the payload */
#define XC_HTTP2_PROOF 3	/* frames in a row that show where a frame begins */

enum xc_http2_type {
	XC_HTTP2_DATA,
	XC_HTTP2_HEADERS,
	XC_HTTP2_PRIORITY,
	XC_HTTP2_RST_STREAM,
	XC_HTTP2_SETTINGS,
	XC_HTTP2_PUSH_PROMISE,
	XC_HTTP2_PING,
	XC_HTTP2_GOAWAY,
	XC_HTTP2_WINDOW_UPDATE,
	XC_HTTP2_CONTINUATION,
	XC_HTTP2_N_TYPES,
};

enum xc_http2_flag {
	XC_HTTP2_END_STREAM = 0x1,
	XC_HTTP2_ACK = 0x1,
	XC_HTTP2_END_HEADERS = 0x4,
	XC_HTTP2_PADDED = 0x8,
	XC_HTTP2_WITH_PRIORITY = 0x20,
};

struct xc_http2_frame {
	uint32_t len, stream;
	uint8_t type, flags;
	bool is_reserved;	/* the bit before the stream is set */
};

/** The head of the frame @in begins with; it must be there. */
struct xc_http2_frame xc_http2_frame_read(struct xc_span in);

/** Do length and stream fit the type? Types nobody knows are to be passed over. */
bool xc_http2_frame_is_sound(const struct xc_http2_frame *f);

/**
 * What of the frame @in begins with is neither padding nor priority nor promised stream; SIZE_MAX: it does not say.
 * *@ret_there: as much of that as @in has. Of a promise @f->stream becomes the promised one.
 */
size_t xc_http2_payload(struct xc_span in, struct xc_http2_frame *f, struct xc_span *ret_there);

/* Plausible frames in a row. */
struct xc_http2_row {
	unsigned
		n; /* up to XC_HTTP2_PROOF; that the last one ends where the bytes end counts for two */
	bool has_other;	/* not only DATA */
	size_t headers;	/* where the first HEADERS begin; SIZE_MAX = there are none */
};

/** Frames as one would take for such who does not know that they are; n = 0: some is none. */
struct xc_http2_row xc_http2_row_read(struct xc_span in);

/** Is the first frame the SETTINGS a connection begins with? An empty one could be anything: not it. */
bool xc_http2_are_settings(struct xc_span in);

/** Name of an error code (RFC 9113 7), or "unknown". */
const char *xc_http2_error(uint32_t code);
