/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records for tests: a macro for each kind, times in milliseconds after T0, and the names
 * of the kernel enums as a recording carries them.
 */
#pragma once

#include "xctest.h"

#include "abi/host.h"
#include "abi/packet.h"
#include "abi/path.h"
#include "abi/sock.h"
#include "model/net.h"
#include "model/reason.h"

#include <netinet/in.h>
#include <stdio.h>

#define MS 1000000ull
#define T0 1000000000ull

#define CLIENT_IP                                                                                  \
	{                                                                                          \
		[10] = 0xff, [11] = 0xff, 10, 0, 0, 1                                              \
	}
#define SERVER_IP                                                                                  \
	{                                                                                          \
		[10] = 0xff, [11] = 0xff, 10, 0, 0, 2                                              \
	}
#define OTHER_IP                                                                                   \
	{                                                                                          \
		[10] = 0xff, [11] = 0xff, 10, 0, 0, 3                                              \
	}
#define LOOPBACK                                                                                   \
	{                                                                                          \
		[10] = 0xff, [11] = 0xff, 127, 0, 0, 1                                             \
	}
#define ANY4                                                                                       \
	{                                                                                          \
		[10] = 0xff, [11] = 0xff                                                           \
	}
enum { NS_CLIENT = 11, NS_ROUTER = 12, NS_SERVER = 13 };

/* A flow of client port @port to the server's port 80, and its way back. */
#define FLOW(port)                                                                                 \
	{                                                                                          \
		.saddr = CLIENT_IP, .daddr = SERVER_IP, .sport_he = (port), .dport_he = 80,        \
		.proto = IPPROTO_TCP                                                               \
	}
#define BACK(port)                                                                                 \
	{                                                                                          \
		.saddr = SERVER_IP, .daddr = CLIENT_IP, .sport_he = 80, .dport_he = (port),        \
		.proto = IPPROTO_TCP                                                               \
	}

/* Numbers of the "running kernel": far from crosscut's own, so that nobody mixes them up. */
#define REASON(name) (100 + XC_DROP_##name)
#define RST_REASON(name) (50 + XC_RST_##name)

#define RECORD(ms_, type_, kind_, ...)                                                             \
	(&((struct type_){ .hdr = { .ts_ns = T0 + (ms_)*MS,                                        \
				    .size_bytes = sizeof(struct type_),                            \
				    .kind = kind_ },                                               \
			   __VA_ARGS__ }                                                           \
		   .hdr))
#define SOCK(ms, ...) RECORD(ms, xc_sock_evt, XC_EVT_SOCK, __VA_ARGS__)
#define DROP(ms, ...) RECORD(ms, xc_drop_evt, XC_EVT_DROP, __VA_ARGS__)
#define RESET(ms, ...) RECORD(ms, xc_reset_evt, XC_EVT_RESET, __VA_ARGS__)
#define ICMP(ms, ...) RECORD(ms, xc_icmp_evt, XC_EVT_ICMP, __VA_ARGS__)
#define NEIGH(ms, ...) RECORD(ms, xc_neigh_evt, XC_EVT_NEIGH, __VA_ARGS__)
#define ROUTE(ms, ...) RECORD(ms, xc_route_evt, XC_EVT_ROUTE, __VA_ARGS__)
#define DENIED(ms, ...) RECORD(ms, xc_denied_evt, XC_EVT_DENIED, __VA_ARGS__)
#define PROC(ms, ...) RECORD(ms, xc_proc_evt, XC_EVT_PROC, __VA_ARGS__)
#define COUNTERS(ms, ...) RECORD(ms, xc_counters_evt, XC_EVT_COUNTERS, __VA_ARGS__)
#define RULE(ms, ...) RECORD(ms, xc_rule_evt, XC_EVT_RULE, __VA_ARGS__)
#define NOTE(ms, ...) RECORD(ms, xc_note_evt, XC_EVT_NOTE, __VA_ARGS__)
#define ADDR(ms, ...) RECORD(ms, xc_addr_evt, XC_EVT_ADDR, __VA_ARGS__)
#define TICK(ms, ...) RECORD(ms, xc_tick_evt, XC_EVT_TICK, __VA_ARGS__)

/* Of the client's SYN: another one for each connection. */
#define ISN(port) (7000000u + (port))

/* Records seen again and again. */
#define SYN_DROP(ms, port)                                                                         \
	DROP(ms, .tuple = FLOW(port), .reason = REASON(NETFILTER_DROP), .netns = NS_SERVER,        \
	     .hook = XC_HOOK_INPUT, .tcp_flags = XC_TCP_SYN, .count = 1, .first_ns = T0 + (ms)*MS, \
	     .ct = XC_CT_NEW)
#define SYN_RETRANS(ms, port, n, ...)                                                              \
	SOCK(ms, .tuple = FLOW(port), .netns = NS_CLIENT, .what = XC_SOCK_RETRANS,                 \
	     .state = XC_TCP_SYN_SENT, .state_old = XC_TCP_SYN_SENT, .syn_retrans = (n),           \
	     .flags = XC_SOCK_F_CLIENT, .open_ns = T0, .write_seq = ISN(port) + 1, __VA_ARGS__)

/* One kernel enum as a record. @buf: 16 KiB, aligned. */
static inline const struct xc_evt *enum_record(void *buf, enum xc_enum_id which)
{
	static const char *const drops[] = {
#define R(name) [XC_DROP_##name] = #name,
		XC_DROP_REASONS(R)
#undef R
	};
	static const char *const rsts[] = {
#define R(name) [XC_RST_##name] = #name,
		XC_RST_REASONS(R)
#undef R
	};
	bool is_drop = which == XC_ENUM_DROP_REASON;
	size_t n = is_drop ? ARRAY_SIZE(drops) : ARRAY_SIZE(rsts), len = sizeof(struct xc_enum_evt);
	struct xc_enum_evt *e = buf;

	memset(buf, 0, 16384);
	for (size_t i = 1; i < n; i++, e->n++)
		len += 1 + (size_t)snprintf((char *)buf + len, 16384 - len, "%zu=%s%s",
					    i + (is_drop ? 100 : 50),
					    is_drop ? "SKB_DROP_REASON_" : "SK_RST_REASON_",
					    is_drop ? drops[i] : rsts[i]);
	e->which = (uint16_t)which;
	e->hdr = (struct xc_evt){ .ts_ns = T0,
				  .size_bytes = (uint32_t)((len + 7) & ~7ul),
				  .kind = XC_EVT_ENUM };
	return &e->hdr;
}
