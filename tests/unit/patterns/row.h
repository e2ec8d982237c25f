/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows for the tests of patterns: facts in, verdict out. A row states only the facts that
 * matter; complete() fills in what every case has (addresses, times, counts).
 */
#pragma once

#include "xctest.h"

#include "diag/verdict.h"
#include "model/packet.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>

#define MS 1000000ull
#define T0 1000000000ull /* first evidence */

enum { NS_CLIENT = 11, NS_ROUTER = 12, NS_SERVER = 13 };

struct row {
	const char *what;
	struct xc_case c;
	const char *want; /* id of the best pattern; NULL = nothing explains it */
	const char *near; /* id of the pattern that must not win here; NULL = not a near miss */
	const char *says; /* part of any text of the verdict; "" = do not look */
};

/* A case and its cause. @said: some of the words a person must read. */
#define ROW(what_, want_, said, ...)                                                               \
	{                                                                                          \
		.what = what_, .want = want_, .says = said, .c = { __VA_ARGS__ }                   \
	}

/* Close to @near_, but it is @want_. */
#define NEAR(what_, near_, want_, ...)                                                             \
	{                                                                                          \
		.what = what_, .want = want_, .near = near_, .says = "", .c = { __VA_ARGS__ }      \
	}

/* ---- facts, to be used inside ROW() ------------------------------------------------------ */

#define V4(a, b, c, d)                                                                             \
	{                                                                                          \
		[10] = 0xff, [11] = 0xff, [12] = a, [13] = b, [14] = c, [15] = d                   \
	}
#define V6(last)                                                                                   \
	{                                                                                          \
		[0] = 0x20, [1] = 0x01, [2] = 0x0d, [3] = 0xb8, [15] = last                        \
	}
#define CLIENT_IP V4(10, 0, 0, 1)
#define SERVER_IP V4(10, 0, 0, 2)
#define ROUTER_IP V4(10, 0, 0, 254)
#define UDP .tuple = { .proto = IPPROTO_UDP }
#define IPV6 .tuple = { .saddr = V6(1), .daddr = V6(2), .proto = IPPROTO_TCP }

/* The client's socket. */
#define CLIENT(...) .client = { .is_seen = true, .netns = NS_CLIENT, __VA_ARGS__ }
#define SERVER(...) .server = { .is_seen = true, .netns = NS_SERVER, __VA_ARGS__ }
#define SYNS(n) .n_syn_retrans = (n)
/* A sender whose resends do not stop the stream: acknowledgements move on between them. */
#define MOVES(...) .n_retrans = 2, .first_una = 1000, .last = { .snd_una = 9000, __VA_ARGS__ }
#define FAILED(how, err) .outcome = XC_OUTCOME_##how, .error = (err), .ended_ns = T0 + 900 * MS

#define DROPS(...) .drops = { __VA_ARGS__ }
#define DROP(reason_, ...)                                                                         \
	{                                                                                          \
		.why = XC_DROP_##reason_, .name = #reason_, .to_server = true,                     \
		.e = { __VA_ARGS__ }                                                               \
	}
#define DROP_NAMED(name_, ...)                                                                     \
	{                                                                                          \
		.why = XC_DROP_OTHER, .name = name_, .to_server = true, .e = { __VA_ARGS__ }       \
	}
#define DROP_BACK(reason_, ...)                                                                    \
	{                                                                                          \
		.why = XC_DROP_##reason_, .name = #reason_, .e = { __VA_ARGS__ }                   \
	}
#define DROP_SEQS(n, reason_, ...)                                                                 \
	{                                                                                          \
		.why = XC_DROP_##reason_, .name = #reason_, .to_server = true, .n_seqs = (n),      \
		.e = { __VA_ARGS__ }                                                               \
	}
/* On a kernel without drop reasons, told by the function that dropped. */
#define DROP_AT(sym_, reason_, ...)                                                                \
	{                                                                                          \
		.why = XC_DROP_##reason_, .name = "no reason given", .is_by_place = true,          \
		.to_server = true,                                                                 \
		.e = {.sym = sym_,                                                                 \
		      __VA_ARGS__ }                                                                \
	}
#define AT_INPUT .hook = XC_HOOK_INPUT, .netns = NS_SERVER
#define AT_OUTPUT .hook = XC_HOOK_OUTPUT, .netns = NS_CLIENT
#define AT_FORWARD .hook = XC_HOOK_FORWARD, .netns = NS_ROUTER
#define AT_PREROUTING .hook = XC_HOOK_PREROUTING, .netns = NS_ROUTER
#define SYN .tcp_flags = XC_TCP_SYN
#define DATA .tcp_flags = XC_TCP_ACK | XC_TCP_PSH

#define RESETS(...) .resets = { __VA_ARGS__ }
#define RST(reason_, ...)                                                                          \
	{                                                                                          \
		.why = XC_RST_##reason_, .name = #reason_, .by_server = true,                      \
		.e = {.netns = NS_SERVER,                                                          \
		      __VA_ARGS__ }                                                                \
	}
#define RST_BY_CLIENT(reason_, ...)                                                                \
	{                                                                                          \
		.why = XC_RST_##reason_, .name = #reason_, .e = {.netns = NS_CLIENT, __VA_ARGS__ } \
	}
#define ON_SYN .trigger_flags = XC_TCP_SYN
#define ON_DATA .trigger_flags = XC_TCP_ACK | XC_TCP_PSH

#define ICMPS(...) .icmps = { __VA_ARGS__ }
#define ICMP(family_, type_, code_, ...)                                                           \
	{                                                                                          \
		.to_client = true, .count = 1,                                                     \
		.e = {.family = family_,                                                           \
		      .type = type_,                                                               \
		      .code = code_,                                                               \
		      __VA_ARGS__ }                                                                \
	}

#define ROUTES(...)                                                                                \
	.routes = { { .netns = NS_CLIENT, .table = 254, .daddr = SERVER_IP, __VA_ARGS__ } }
#define NEIGHS(...)                                                                                \
	.neighs = { { .netns = NS_CLIENT, .addr = SERVER_IP, .dev = "eth0", __VA_ARGS__ } }
#define PROCS(...) .procs = { __VA_ARGS__ }
#define OOM(at)                                                                                    \
	{                                                                                          \
		.what = XC_PROC_OOM, .hdr = { .ts_ns = (at) }, .owner = {                          \
			.tgid = 70,                                                                \
			.comm = "java"                                                             \
		}                                                                                  \
	}
#define EXIT(at, code)                                                                             \
	{                                                                                          \
		.what = XC_PROC_EXIT, .hdr = { .ts_ns = (at) }, .exit_code = (code), .owner = {    \
			.tgid = 70,                                                                \
			.comm = "java"                                                             \
		}                                                                                  \
	}
#define NOTES(...) .notes = { __VA_ARGS__ }
#define NOTE(key_, value_)                                                                         \
	{                                                                                          \
		.key = key_, .value = value_                                                       \
	}
#define LISTENERS(...) .listeners = { __VA_ARGS__ }
#define LISTENER(...)                                                                              \
	{                                                                                          \
		.netns = NS_SERVER, .owner = { .tgid = 812, .comm = "nginx" }, __VA_ARGS__         \
	}
#define COUNTERS(...)                                                                              \
	.counters = { .netns = NS_SERVER, .v = { __VA_ARGS__ } }, .counters_first_ns = T0 + 5 * MS
#define RULES(...) .rules = { __VA_ARGS__ }
#define RULE(...)                                                                                  \
	{                                                                                          \
		.engine = "nftables", .table = "inet site", .chain = "input", __VA_ARGS__          \
	}

/* ---- completing and judging ---------------------------------------------------------------- */

static inline void complete_tuple(struct xc_tuple *t)
{
	static const uint8_t client[16] = CLIENT_IP, server[16] = SERVER_IP;

	if (xc_addr_is_zero(t->daddr)) {
		memcpy(t->saddr, client, 16);
		memcpy(t->daddr, server, 16);
	}
	t->proto = t->proto ? t->proto : IPPROTO_TCP;
	t->sport_he = t->sport_he ? t->sport_he : 40000;
	t->dport_he = t->dport_he ? t->dport_he : 80;
}

static inline void complete_drops(struct xc_case *c)
{
	for (; c->n_drops < XC_CASE_DROPS && c->drops[c->n_drops].name; c->n_drops++) {
		struct xc_drop_fact *d = &c->drops[c->n_drops];

		d->n_seqs = d->n_seqs ? d->n_seqs : 1;
		d->e.count = d->e.count ? d->e.count : 1;
		d->e.first_ns = d->e.first_ns ? d->e.first_ns : T0 + MS;
		d->e.netns = d->e.netns ? d->e.netns : NS_ROUTER;
		if (!d->e.tuple.proto)
			d->e.tuple = d->to_server ? c->tuple : xc_tuple_swap(&c->tuple);
	}
}

static inline void complete_requests(struct xc_case *c)
{
	for (; c->n_requests < XC_CASE_REQUESTS && c->requests[c->n_requests].protocol;
	     c->n_requests++) {
		struct xc_request_fact *r = &c->requests[c->n_requests];

		r->n = r->n ? r->n : 1;
		r->status = r->status ? r->status : XC_STATUS_NONE;
		r->last_ns = r->last_ns ? r->last_ns : r->first_ns + MS;
	}
}

static inline void complete_answers(struct xc_case *c)
{
	for (; c->n_resets < XC_CASE_RESETS && c->resets[c->n_resets].name; c->n_resets++) {
		struct xc_reset_fact *r = &c->resets[c->n_resets];

		r->e.tuple = r->by_server ? xc_tuple_swap(&c->tuple) : c->tuple;
		r->e.hdr.ts_ns = r->e.hdr.ts_ns ? r->e.hdr.ts_ns : T0 + 2 * MS;
	}
	for (; c->n_icmps < XC_CASE_ICMPS && c->icmps[c->n_icmps].count; c->n_icmps++) {
		struct xc_icmp_fact *i = &c->icmps[c->n_icmps];

		i->e.tuple = c->tuple;
		i->e.hdr.ts_ns = T0 + 2 * MS;
	}
}

#define COUNT(c, list, is_there)                                                                   \
	while ((c)->n_##list < ARRAY_SIZE((c)->list) && (c)->list[(c)->n_##list].is_there)         \
	(c)->n_##list++

static inline void complete(struct xc_case *c)
{
	complete_tuple(&c->tuple);
	c->first_ns = c->first_ns ? c->first_ns : T0;
	c->now_ns = c->now_ns ? c->now_ns : T0 + 1000 * MS;
	c->client.last_ns = c->client.is_seen ? T0 + 3 * MS : 0;
	c->server.last_ns = c->server.is_seen ? T0 + 3 * MS : 0;
	complete_drops(c);
	complete_answers(c);
	complete_requests(c);
	COUNT(c, routes, err);
	COUNT(c, neighs, nud_state);
	COUNT(c, rules, text[0]);
	COUNT(c, procs, what);
	COUNT(c, notes, key[0]);
	COUNT(c, listeners, netns);
}

static inline const struct xc_verdict *judged(const struct xc_case *facts)
{
	static struct xc_verdict v;
	static struct xc_case c;

	c = *facts;
	complete(&c);
	xc_judge(&c, &v);
	return &v;
}

static inline const char *best_id(const struct xc_verdict *v)
{
	return v->best.pattern ? v->best.pattern->id : NULL;
}

/* Does any text of the verdict hold @words? */
static inline bool says(const struct xc_verdict *v, const char *words)
{
	const struct xc_opinion *o = &v->best;

	for (size_t i = 0; i < o->n_evidence; i++)
		if (strstr(o->evidence[i].fact, words))
			return true;
	return strstr(o->summary, words) || strstr(o->details, words) || strstr(o->fix, words) ||
	       strstr(o->subject, words);
}
