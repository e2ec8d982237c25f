/* SPDX-License-Identifier: Apache-2.0 */
/* One network event, L3 to L7, with the process it belongs to: what `observe` tells. A plain value. */
#pragma once

#include "model/net.h"
#include "model/request.h"

#include <time.h>

enum xc_netevent_type {
	XC_NETEVENT_CONNECTION,		/* established; UDP and ICMP: the first packet of a flow */
	XC_NETEVENT_CONNECTION_CLOSE,
	XC_NETEVENT_HTTP_REQUEST,
	XC_NETEVENT_HTTP_RESPONSE,
	XC_NETEVENT_GRPC_CALL,
	XC_NETEVENT_GRPC_RESPONSE,
	XC_NETEVENT_DNS_QUERY,
	XC_NETEVENT_DNS_RESPONSE,
	XC_NETEVENT_TLS_HELLO,		/* what TLS and QUIC show in clear: hellos and alerts */
	XC_NETEVENT_L7_REQUEST,		/* of every other protocol */
	XC_NETEVENT_L7_RESPONSE,
	XC_NETEVENT_L7_NOTICE,
	_XC_NETEVENT_MAX,
};

/* Where the process is. */
enum xc_direction {
	XC_DIRECTION_UNKNOWN,		/* a capture does not tell */
	XC_DIRECTION_OUTBOUND,		/* the client is here */
	XC_DIRECTION_INBOUND,		/* the server is here */
	XC_DIRECTION_FORWARDED,		/* neither: it passes through */
};

enum xc_netevent_state {
	XC_NETEVENT_SYN_SENT,		/* nobody answered the SYN */
	XC_NETEVENT_ESTABLISHED,
	XC_NETEVENT_CLOSED,		/* in order, or the socket is gone */
	XC_NETEVENT_RESET,
	XC_NETEVENT_EXPIRED,		/* silent too long, or it made room: what became of it is not known */
	_XC_NETEVENT_STATE_MAX,
};

struct xc_netevent {
	enum xc_netevent_type type;
	uint64_t conn_id;	/* the same for all events of a connection, and on every replay */
	uint32_t no;		/* of the event in its connection, from 1 */
	uint64_t ts_ns;		/* arrival of the packet that completed what is told */
	int64_t wall_offset_ns;	/* CLOCK_REALTIME - CLOCK_MONOTONIC; 0 where ts_ns counts since the epoch */
	const char *source;	/* name of this observer */

	struct xc_tuple tuple;	/* s* = client */
	enum xc_direction direction;
	enum xc_netevent_state state;
	struct xc_owner owner;	/* of the local end; tgid 0 = not known */
	struct xc_owner peer;	/* of the other one, when it is on this host too */
	uint32_t tid;		/* 0 = not known */
	uint32_t netns;
	uint32_t ifindex;
	uint64_t bytes_sent,
		bytes_recv; /* payload so far, as the local end sees it; where there is none, the client */
	uint64_t packets_sent, packets_recv;

	uint64_t payload_bytes;	/* of this message */
	uint64_t
		first_byte_ns; /* of the request to that of the answer; a connection: of the SYN to its answer. 0 = not known */
	uint64_t last_byte_ns;
	uint64_t duration_ns;	/* of the connection so far; 0 = it is older than our view */
	uint32_t n_requests;	/* of the connection so far */
	enum xc_result result;
	uint32_t flags;		/* enum xc_request_flag */

	const char *l7_protocol;	/* NULL = not recognised */
	const struct xc_request *request;	/* borrowed; NULL = about the connection itself */
	enum xc_request_stage stage;

	double sampling_factor;	/* this event stands for so many */
	bool is_mock;
};

/** "http_request"; stable. */
const char *xc_netevent_type_str(enum xc_netevent_type type);

/** "outbound", "inbound"; NULL = not known. */
const char *xc_direction_str(enum xc_direction direction);

/** "established" ... */
const char *xc_netevent_state_str(enum xc_netevent_state state);

/** The type for stage @stage of @r. Pure. */
enum xc_netevent_type xc_netevent_type_of(const struct xc_request *r, enum xc_request_stage stage);

/** Did what it tells of fail? */
static inline bool xc_netevent_is_failure(const struct xc_netevent *e)
{
	return e->result > XC_RESULT_OK;
}

/** Word of one bit of enum xc_request_flag, by its number; NULL = there are no more. */
const char *xc_request_flag_str(unsigned int bit);

/** When it happened: seconds since 1970 and nanoseconds 0..999999999. */
struct timespec xc_netevent_time(const struct xc_netevent *e);
