/* SPDX-License-Identifier: Apache-2.0 */
#include "model/netevent.h"

#include "base/scope.h"
#include "base/wall.h"

#include <string.h>

const char *xc_netevent_type_str(enum xc_netevent_type type)
{
	static const char *const words[] = {
		[XC_NETEVENT_CONNECTION] = "connection",
		[XC_NETEVENT_CONNECTION_CLOSE] = "connection_close",
		[XC_NETEVENT_HTTP_REQUEST] = "http_request",
		[XC_NETEVENT_HTTP_RESPONSE] = "http_response",
		[XC_NETEVENT_GRPC_CALL] = "grpc_call",
		[XC_NETEVENT_GRPC_RESPONSE] = "grpc_response",
		[XC_NETEVENT_DNS_QUERY] = "dns_query",
		[XC_NETEVENT_DNS_RESPONSE] = "dns_response",
		[XC_NETEVENT_TLS_HELLO] = "tls_hello",
		[XC_NETEVENT_L7_REQUEST] = "l7_request",
		[XC_NETEVENT_L7_RESPONSE] = "l7_response",
		[XC_NETEVENT_L7_NOTICE] = "l7_notice",
	};

	_Static_assert(ARRAY_SIZE(words) == _XC_NETEVENT_MAX, "a word for each type");
	return words[type];
}

const char *xc_direction_str(enum xc_direction direction)
{
	static const char *const words[] = { NULL, "outbound", "inbound", "forwarded" };

	return words[direction];
}

const char *xc_netevent_state_str(enum xc_netevent_state state)
{
	static const char *const words[] = { "syn_sent", "established", "closed", "reset",
					     "expired" };

	_Static_assert(ARRAY_SIZE(words) == _XC_NETEVENT_STATE_MAX, "a word for each state");
	return words[state];
}

const char *xc_request_flag_str(unsigned int bit)
{
	static const char *const words[] = { "joined_late",	"truncated", "gap",
					     "role_inferred",	"unknown_fields", "resent",
					     "inferred_status", "streaming",	  "tls_plaintext" };

	return bit < ARRAY_SIZE(words) ? words[bit] : NULL;
}

enum xc_netevent_type xc_netevent_type_of(const struct xc_request *r, enum xc_request_stage stage)
{
	static const struct {
		const char *protocol;
		enum xc_netevent_type asked, answered;
	} rows[] = {
		{ "http", XC_NETEVENT_HTTP_REQUEST, XC_NETEVENT_HTTP_RESPONSE },
		{ "http2", XC_NETEVENT_HTTP_REQUEST, XC_NETEVENT_HTTP_RESPONSE },
		{ "grpc", XC_NETEVENT_GRPC_CALL, XC_NETEVENT_GRPC_RESPONSE },
		{ "dns", XC_NETEVENT_DNS_QUERY, XC_NETEVENT_DNS_RESPONSE },
		{ "tls", XC_NETEVENT_TLS_HELLO, XC_NETEVENT_TLS_HELLO },
		{ "quic", XC_NETEVENT_TLS_HELLO, XC_NETEVENT_TLS_HELLO },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].protocol, r->protocol))
			continue;
		if (stage == XC_REQUEST_SENT)
			return rows[i].asked;
		if (stage != XC_REQUEST_NOTICE || rows[i].asked == rows[i].answered)
			return rows[i].answered;
		break;
	}
	return stage == XC_REQUEST_SENT	  ? XC_NETEVENT_L7_REQUEST :
	       stage == XC_REQUEST_NOTICE ? XC_NETEVENT_L7_NOTICE :
					    XC_NETEVENT_L7_RESPONSE;
}

struct timespec xc_netevent_time(const struct xc_netevent *e)
{
	return xc_wall_time(e->ts_ns, e->wall_offset_ns);
}
