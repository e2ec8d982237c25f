/* SPDX-License-Identifier: Apache-2.0 */
/* What one packet carried, as far as it was captured: the unit requests are read from. A plain value. */
#pragma once

#include "abi/segment.h"

#include <stdbool.h>
#include <stdint.h>

struct xc_segment {
	uint64_t ts_ns;
	uint64_t
		cookie; /* of the local socket (abi/segment.h); 0 = none: the tuple alone tells the connection */
	uint32_t netns;		/* 0 = not known */
	struct xc_tuple tuple;	/* s* = who sends it */
	uint32_t seq, ack;	/* TCP: of the first byte of payload (a SYN takes one before it) */
	uint32_t wire_bytes;	/* payload on the wire */
	uint32_t n_bytes;	/* captured of it, from its beginning */
	const uint8_t *data;	/* borrowed */
	uint8_t tcp_flags;
	bool is_outbound;	/* sent by the socket of cookie */
	bool is_silent;		/* of a socket whose peer is read: nothing else comes from it */
	bool has_lost;		/* segments before it could not be handed over */
};

/* A socket tells when it is gone; a capture and a flow that is forwarded do not. */
static inline bool xc_is_socket(uint64_t cookie)
{
	return cookie && !(cookie & XC_SEGMENT_FORWARDED);
}

/* What whoever reads requests wants of the next packets of one direction of one socket (abi/segment.h: enum xc_policy_mode). */
struct xc_segment_want {
	uint64_t cookie;
	bool is_outbound;
	uint8_t mode;
	uint32_t skip_until;
};
