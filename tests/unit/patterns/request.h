/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that fail: names, answers, handshakes, and connections that end too early. */
#pragma once

#include "row.h"

#define REQUESTS(...) .requests = { __VA_ARGS__ }
#define REQUEST(protocol_, ...)                                                                    \
	{                                                                                          \
		.protocol = protocol_, .first_ns = T0, __VA_ARGS__                                 \
	}
#define QUERY(...) REQUEST("dns", .method = "A", .target = "db.example", __VA_ARGS__)
#define GET(...) REQUEST("http", .method = "GET", .target = "/a", __VA_ARGS__)
#define HELLO(...) REQUEST("tls", .method = "ClientHello", .target = "db.example", __VA_ARGS__)
#define CUT .result = XC_RESULT_NO_ANSWER
#define SECONDS(n) ((n)*1000 * MS)

static const struct row request_rows[] = {
	/* ---- dns-failure */
	ROW("no such name", "dns-failure", "spelling of db.example", UDP,
	    REQUESTS(QUERY(.status = 3, .status_text = "NXDOMAIN",
			   .result = XC_RESULT_CLIENT_ERROR))),
	ROW("the server failed", "dns-failure", "says SERVFAIL", UDP,
	    REQUESTS(QUERY(.status = 2, .status_text = "SERVFAIL",
			   .result = XC_RESULT_SERVER_ERROR))),
	ROW("the server does not answer", "dns-failure", "asked 3 times", UDP,
	    REQUESTS(QUERY(.n_retries = 2, CUT, .last_ns = T0 + SECONDS(5)))),
	NEAR("a rule drops the queries", "dns-failure", "filter-drop", UDP, REQUESTS(QUERY(CUT)),
	     DROPS(DROP(NETFILTER_DROP, AT_FORWARD))),

	/* ---- request-error */
	ROW("an HTTP server error", "request-error", "answers 503", .was_established = true,
	    REQUESTS(GET(.status = 503, .status_text = "Service Unavailable",
			 .result = XC_RESULT_SERVER_ERROR))),
	ROW("a gateway whose server fails", "request-error", "It is a gateway",
	    .was_established = true,
	    REQUESTS(GET(.status = 502, .status_text = "Bad Gateway",
			 .result = XC_RESULT_SERVER_ERROR))),
	ROW("a gRPC call that failed", "request-error", "grpc 14 UNAVAILABLE",
	    .was_established = true,
	    REQUESTS(REQUEST("grpc", .target = "/shop.Cart/Add", .status = 14,
			     .status_text = "UNAVAILABLE", .result = XC_RESULT_SERVER_ERROR))),
	NEAR("the client is to blame", "request-error", NULL, .was_established = true,
	     REQUESTS(GET(.status = 404, .result = XC_RESULT_CLIENT_ERROR))),

	/* ---- tls-handshake */
	ROW("the certificate has expired", "tls-handshake", "has expired: renew it",
	    .was_established = true,
	    REQUESTS(HELLO(.status = 45, .status_text = "certificate_expired",
			   .result = XC_RESULT_SERVER_ERROR))),
	ROW("no common version", "tls-handshake", "enable TLS 1.2", .was_established = true,
	    REQUESTS(HELLO(.status = 70, .status_text = "protocol_version", .by_server = true,
			   .result = XC_RESULT_CLIENT_ERROR))),
	ROW("no answer to the hello", "tls-handshake", "no ServerHello", .was_established = true,
	    REQUESTS(HELLO(CUT, .closed_ns = T0 + MS))),
	NEAR("what the peer still sent found it closed", "lost-state", "tls-handshake",
	     .was_established = true, CLIENT(.n_rst_rcvd = 1),
	     RESETS(RST(TCP_TIMEWAIT_SOCKET, ON_DATA, .state = XC_TCP_TIME_WAIT)),
	     REQUESTS(HELLO(.status = 48, .status_text = "unknown_ca",
			    .result = XC_RESULT_CLIENT_ERROR))),
	NEAR("nobody saw the end", "tls-handshake", NULL, .was_established = true,
	     REQUESTS(HELLO(CUT))),
	NEAR("the other end does not speak TLS", "tls-handshake", "protocol-mismatch",
	     .was_established = true, REQUESTS(HELLO(CUT, .mismatch = "http"))),

	ROW("and the client drops the connection", "tls-handshake", "does not know who signed",
	    .was_established = true,
	    REQUESTS(HELLO(.status = 48, .status_text = "unknown_ca",
			   .result = XC_RESULT_CLIENT_ERROR)),
	    RESETS(RST_BY_CLIENT(TCP_ABORT_ON_CLOSE, .unread_bytes = 131))),

	/* ---- protocol-mismatch */
	ROW("HTTP to a TLS port", "protocol-mismatch", "https://", .was_established = true,
	    REQUESTS(GET(.status = 400, .mismatch = "tls", .result = XC_RESULT_CLIENT_ERROR))),
	ROW("TLS to an HTTP port", "protocol-mismatch", "enable it on port 80",
	    .was_established = true, REQUESTS(HELLO(CUT, .mismatch = "http"))),
	NEAR("a request cut short", "protocol-mismatch", "no-response", .was_established = true,
	     REQUESTS(GET(CUT, .closed_ns = T0 + MS))),

	/* ---- no-response */
	ROW("closed without a byte", "no-response", "without a byte of an answer",
	    .was_established = true, REQUESTS(GET(CUT, .closed_ns = T0 + MS))),
	ROW("closed within the answer", "no-response", "in the middle of its answer",
	    .was_established = true,
	    REQUESTS(GET(CUT, .status = 200, .is_begun = true, .closed_ns = T0 + MS))),
	NEAR("the client did not wait", "no-response", NULL, .was_established = true,
	     REQUESTS(GET(CUT))),

	/* ---- request-timeout */
	ROW("the client gave up", "request-timeout", "after 1.50 s without a byte",
	    .was_established = true, REQUESTS(GET(CUT, .given_up_ns = T0 + 1500 * MS))),
	ROW("the server is stopped", "request-timeout", "kill -CONT 812", .was_established = true,
	    .server = { .netns = NS_SERVER }, REQUESTS(GET(CUT, .given_up_ns = T0 + SECONDS(2))),
	    LISTENERS(LISTENER(.addr = SERVER_IP, .fits = true)), NOTES(NOTE("process 812", "T"))),
	ROW("nobody accepts", "request-timeout", "3 connections wait for nginx (pid 812)",
	    .was_established = true, .server = { .netns = NS_SERVER },
	    REQUESTS(GET(CUT, .given_up_ns = T0 + SECONDS(2))),
	    LISTENERS(LISTENER(.addr = SERVER_IP, .fits = true, .accept_queue = 3))),
	NEAR("nobody saw the end", "request-timeout", NULL, .was_established = true,
	     REQUESTS(GET(CUT, .last_ns = T0 + SECONDS(300)))),
	NEAR("it lost interest at once", "request-timeout", NULL, .was_established = true,
	     REQUESTS(GET(CUT, .given_up_ns = T0 + 100 * MS))),
	NEAR("the answer had begun", "request-timeout", NULL, .was_established = true,
	     REQUESTS(GET(CUT, .status = 200, .is_begun = true, .given_up_ns = T0 + SECONDS(9)))),
	NEAR("a request that waits for something to happen", "request-timeout", NULL,
	     .was_established = true,
	     REQUESTS(REQUEST("redis", .method = "BLPOP", CUT, .given_up_ns = T0 + SECONDS(9)))),
	NEAR("a rule drops the segments", "request-timeout", "filter-drop", .was_established = true,
	     CLIENT(.n_retrans = 4, .first_una = 7, .last = { .snd_una = 7 }),
	     REQUESTS(GET(CUT, .given_up_ns = T0 + SECONDS(2))),
	     DROPS(DROP_SEQS(2, NETFILTER_DROP, AT_FORWARD, DATA, .ct = XC_CT_ESTABLISHED))),

	/* ---- keepalive-race */
	ROW("closed as it was sent", "keepalive-race", "time-out ran out at the moment",
	    .was_established = true,
	    REQUESTS(GET(CUT, .closed_ns = T0 + MS, .n_answered = 7, .idle_ns = SECONDS(60)))),
	NEAR("the connection was busy", "keepalive-race", "no-response", .was_established = true,
	     REQUESTS(GET(CUT, .closed_ns = T0 + MS, .n_answered = 7, .idle_ns = 5 * MS))),
	NEAR("the first request", "keepalive-race", "no-response", .was_established = true,
	     REQUESTS(GET(CUT, .closed_ns = T0 + MS, .idle_ns = SECONDS(60)))),
};
