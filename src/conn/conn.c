/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/conn.h"

#include "conn/attempts.h"
#include "conn/evidence.h"
#include "conn/flows.h"
#include "conn/questions.h"
#include "model/record.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define NEW_ATTEMPT_NS 5000000ull	/* calls without a port: this far apart is another call */
#define EPHEMERAL_MIN 32768		/* net.ipv4.ip_local_port_range default: only a hint */

struct xc_conn {
	struct xc_conn_cfg cfg;
	struct xc_conn_stats stats;
	struct xc_kernel_names names;
	struct xc_host host;
	struct xc_flows flows;
	struct xc_questions questions;
	struct xc_attempts attempts;
	struct xc_conn_flow *looked_at;	/* handed out by xc_conn_due() */
	uint64_t now_ns;
	int64_t wall_offset_ns;
	bool is_packets_only;
};

struct xc_conn *xc_conn_new(const struct xc_conn_cfg *cfg)
{
	struct xc_conn *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->cfg = *cfg;
	if (xc_flows_init(&t->flows, cfg->max_cases)) {
		xc_conn_free(t);
		return NULL;
	}
	return t;
}

void xc_conn_free(struct xc_conn *conn)
{
	if (!conn)
		return;
	xc_flows_done(&conn->flows);
	free(conn);
}

/* ---- the flow of a record ------------------------------------------------------------ */

/* Which end of a tuple began? */
enum began { BEGAN_UNKNOWN, BEGAN_SOURCE, BEGAN_DESTINATION };

static uint64_t lost_now(const struct xc_conn *t)
{
	return t->stats.lost[XC_STAT_LOST_RING] + t->stats.lost[XC_STAT_LOST_MAP];
}

/* Nothing says who began: the end that listens, else the lower port, is the server. */
static struct xc_tuple guess_client_first(const struct xc_conn *t, const struct xc_tuple *tuple)
{
	bool s_listens = xc_host_find_listener(&t->host, 0, tuple->saddr, tuple->sport_he,
					       tuple->proto) != NULL;
	bool d_listens = xc_host_find_listener(&t->host, 0, tuple->daddr, tuple->dport_he,
					       tuple->proto) != NULL;

	if (s_listens != d_listens)
		return s_listens ? xc_tuple_swap(tuple) : *tuple;
	if (tuple->sport_he && tuple->sport_he < EPHEMERAL_MIN && tuple->dport_he >= EPHEMERAL_MIN)
		return xc_tuple_swap(tuple);
	return *tuple;
}

/* The first segment of a connection. */
static bool is_syn(uint8_t flags)
{
	return (flags & (XC_TCP_SYN | XC_TCP_ACK)) == XC_TCP_SYN;
}

static enum began began_by_flags(uint8_t flags)
{
	if (!(flags & XC_TCP_SYN))
		return BEGAN_UNKNOWN;
	return flags & XC_TCP_ACK ? BEGAN_DESTINATION : BEGAN_SOURCE;
}

static enum began began_by_sock(const struct xc_sock_evt *e)
{
	if (e->what == XC_SOCK_SYNACK_RETRANS || e->what == XC_SOCK_DIED ||
	    e->state == XC_TCP_SYN_RECV)
		return BEGAN_DESTINATION;
	if ((e->flags & XC_SOCK_F_CLIENT) || e->state == XC_TCP_SYN_SENT ||
	    e->state_old == XC_TCP_SYN_SENT)
		return BEGAN_SOURCE;
	return BEGAN_UNKNOWN;
}

/* What a record says about which flow it belongs to. */
struct belongs {
	const struct xc_tuple *tuple;
	uint32_t netns;
	uint32_t isn;		/* of the client's SYN, when the record shows it; 0 = it does not */
	enum began began;
	bool is_clients_word;	/* the tuple is the one the client itself uses */
	bool may_open;		/* worth a case of its own */
};

/* Behind NAT the addresses differ, the SYN is the same. */
static struct xc_conn_flow *find_translated(struct xc_conn *t, const struct belongs *b)
{
	struct xc_conn_flow *f =
		b->isn ? xc_flows_find_isn(&t->flows, b->isn, b->tuple->proto) : NULL;

	if (!f)
		return NULL;
	if (b->is_clients_word)
		xc_conn_flow_rename(&t->flows, f, b->tuple, b->netns);
	else if (!f->c.translated.proto)
		f->c.translated =
			b->began == BEGAN_DESTINATION ? xc_tuple_swap(b->tuple) : *b->tuple;
	return f;
}

/* The flow of a record; opened when there is none and it is worth one. NULL = none. */
static struct xc_conn_flow *flow_for(struct xc_conn *t, const struct belongs *b)
{
	struct xc_conn_flow *f = xc_flows_find(&t->flows, b->tuple, b->netns);
	struct xc_tuple guess;

	if (!f) {
		f = find_translated(t, b);
		if (f)
			return f;
		if (!b->may_open)
			return NULL;
		guess = guess_client_first(t, b->tuple);
		f = xc_flows_add(&t->flows, &guess, b->netns, t->now_ns);
		f->lost_before = lost_now(t);
	}
	if (b->began != BEGAN_UNKNOWN)
		xc_conn_flow_orient(f, b->tuple, b->began == BEGAN_DESTINATION);
	if (b->isn)
		xc_conn_flow_set_isn(&t->flows, f, b->isn);
	return f;
}

static void restart(struct xc_conn *t, struct xc_conn_flow *f)
{
	xc_conn_flow_restart(&t->flows, f, t->now_ns);
	f->lost_before = lost_now(t);
}

/* Drops of this flow: who can tell more about them? */
static void ask_about_drops(struct xc_conn *t, struct xc_conn_flow *f)
{
	for (uint32_t i = 0; i < f->c.n_drops; i++)
		xc_question_drop(&t->questions, &f->c, i, &f->asked);
}

/* A connection that cannot begin may wait for a neighbour, and somebody drops the question or the answer. */
static void join_neighbour_drops(struct xc_conn *t, struct xc_conn_flow *f)
{
	uint64_t since = t->now_ns > t->cfg.window_ns ? t->now_ns - t->cfg.window_ns : 0;
	const struct xc_drop_evt *e;
	uint32_t i = 0;

	if (f->c.was_established || f->c.n_resets || f->c.client.n_rst_rcvd)
		return;
	while ((e = xc_host_next_neigh_drop(&t->host, &f->c, since, &i))) {
		struct xc_drop_evt mine = *e;

		if (mine.first_ns < f->c.first_ns)
			mine.first_ns = f->c.first_ns;	/* before, it was about others */
		xc_evidence_drop(&f->c, &t->names, &mine);
	}
	if (i)
		ask_about_drops(t, f);
}

/* New evidence: look at the flow when the grace time is over. */
static void schedule(struct xc_conn *t, struct xc_conn_flow *f)
{
	join_neighbour_drops(t, f);
	if (f->queue == XC_QUEUE_QUIET)
		xc_conn_flow_move(&t->flows, f, XC_QUEUE_DUE, t->now_ns + t->cfg.grace_ns);
}

/* ---- records ------------------------------------------------------------------------- */

static void on_tick(struct xc_conn *t, const struct xc_tick_evt *e)
{
	t->wall_offset_ns = e->wall_offset_ns;
	memcpy(t->stats.lost, e->lost, sizeof(e->lost));
}

static void on_enum(struct xc_conn *t, const struct xc_enum_evt *e)
{
	const char *p = e->names, *end = (const char *)e + e->hdr.size_bytes;

	for (uint32_t i = 0; i < e->n; i++) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));
		const char *eq = nul ? strchr(p, '=') : NULL;

		if (!eq)
			return;
		if (e->which == XC_ENUM_DROP_REASON)
			xc_names_learn_drop(&t->names.drop, (unsigned int)strtoul(p, NULL, 10),
					    eq + 1);
		else if (e->which == XC_ENUM_RST_REASON)
			xc_names_learn_rst(&t->names.rst, (unsigned int)strtoul(p, NULL, 10),
					   eq + 1);
		p = nul + 1;
	}
}

/* Wake every open flow for which @concerns holds: something about its host became known. */
static void wake(struct xc_conn *t, bool (*concerns)(const struct xc_conn_flow *, const void *),
		 const void *what)
{
	for (uint32_t i = 0; i < t->flows.n; i++) {
		struct xc_conn_flow *f = &t->flows.slots[i];

		if (f->is_used && f->queue == XC_QUEUE_QUIET && concerns(f, what))
			schedule(t, f);
	}
}

static bool goes_to_listener(const struct xc_conn_flow *f, const void *what)
{
	const struct xc_sock_evt *e = what;

	return f->c.tuple.dport_he == e->tuple.sport_he && f->c.tuple.proto == e->tuple.proto;
}

static bool has_next_hop(const struct xc_conn_flow *f, const void *what)
{
	const struct xc_neigh_evt *e = what;

	return xc_addr_equal(f->c.client.last.nexthop, e->addr) ||
	       xc_addr_equal(f->c.server.last.nexthop, e->addr) ||
	       xc_addr_equal(f->c.tuple.daddr, e->addr);
}

static bool has_server_process(const struct xc_conn_flow *f, const void *what)
{
	const struct xc_proc_evt *e = what;

	return f->c.server.owner.tgid == e->owner.tgid;
}

static bool is_any_open(const struct xc_conn_flow *f, const void *what)
{
	(void)what;
	return f->c.n_syn_retrans || f->c.server.n_synack_retrans || f->c.is_listener;
}

/* One case for a listening socket as a whole: its overflow hits clients we may not see. */
static void open_listener_case(struct xc_conn *t, const struct xc_host_listener *l)
{
	struct xc_tuple tuple = { .proto = l->proto, .dport_he = l->port_he };
	struct xc_conn_flow *f;

	memcpy(tuple.daddr, l->fact.addr, 16);
	if (xc_addr_is_v4(tuple.daddr))
		memcpy(tuple.saddr, (uint8_t[16]){ [10] = 0xff, [11] = 0xff }, 16);
	f = flow_for(t, &(struct belongs){ .tuple = &tuple,
					   .netns = l->fact.netns,
					   .began = BEGAN_SOURCE,
					   .may_open = true });
	f->c.is_listener = true;
	f->c.server.netns = l->fact.netns;
	schedule(t, f);
}

static void on_counters(struct xc_conn *t, const struct xc_counters_evt *e)
{
	xc_host_counted(&t->host, e);
	if (!(e->v[XC_CTR_LISTEN_OVERFLOWS] | e->v[XC_CTR_LISTEN_DROPS] |
	      e->v[XC_CTR_REQQ_FULL_COOKIES] | e->v[XC_CTR_REQQ_FULL_DROP]))
		return;
	for (uint32_t i = 0; i < t->host.n_listeners && i < XC_HOST_LISTENERS; i++) {
		const struct xc_host_listener *l = &t->host.listeners[i];

		if (l->fact.netns == e->netns && l->proto == IPPROTO_TCP && !l->fact.gone_ns &&
		    (l->fact.full_ns || l->fact.request_queue))
			open_listener_case(t, l);
	}
	xc_question_listeners(&t->questions, e->netns);
	wake(t, is_any_open, NULL);
}

static bool is_new_attempt(const struct xc_conn *t, const struct xc_conn_flow *f, uint64_t cookie)
{
	const struct xc_side *s = &f->c.client;

	if (cookie && s->is_seen && s->last.cookie)
		return s->last.cookie != cookie;
	return f->queue == XC_QUEUE_DONE && t->now_ns - f->c.ended_ns > NEW_ATTEMPT_NS;
}

static void on_connection(struct xc_conn *t, const struct xc_sock_evt *e)
{
	enum began began = began_by_sock(e);
	bool is_connecting = e->state == XC_TCP_SYN_SENT || e->state_old == XC_TCP_SYN_SENT;
	/* a call that failed before its SYN has no sequence number yet */
	uint32_t isn = is_connecting && e->write_seq ? e->write_seq - 1 : 0;
	struct xc_conn_flow *f;

	f = flow_for(t, &(struct belongs){ .tuple = &e->tuple,
					   .netns = e->netns,
					   .began = began,
					   .isn = isn,
					   .is_clients_word = is_connecting,
					   .may_open = e->what != XC_SOCK_ESTABLISHED });
	if (!f)
		return;
	if (began == BEGAN_SOURCE && is_new_attempt(t, f, e->cookie)) {
		restart(t, f);
		xc_conn_flow_set_isn(&t->flows, f, isn);
	}
	xc_evidence_sock(&f->c, e);
	if (e->what == XC_SOCK_CLOSED)
		xc_attempts_failed(&t->attempts, &f->c);
	if (e->what == XC_SOCK_CLOSED && !e->tuple.sport_he)
		xc_question_sysctl(&t->questions, e->netns, "net.ipv4.ip_local_port_range");
	schedule(t, f);
}

static void on_sock(struct xc_conn *t, const struct xc_sock_evt *e)
{
	switch (e->what) {
	case XC_SOCK_LISTEN:
	case XC_SOCK_UNLISTEN:
	case XC_SOCK_OWNER:
		xc_host_listener(&t->host, e);
		if (e->listener_full)
			wake(t, goes_to_listener, e);
		break;
	case XC_SOCK_GOES_ON:
		xc_attempts_goes_on(&t->attempts, e);
		break;
	default:
		on_connection(t, e);
	}
}

/* Weak reasons speak only about flows that are in trouble anyway. */
static bool drop_opens_case(const struct xc_conn *t, enum xc_drop why, const struct xc_drop_evt *e)
{
	switch (why) {
	case XC_DROP_NOT_SPECIFIED:
		return e->route_err != 0;	/* a blackhole route drops without a reason */
	case XC_DROP_OTHER:	/* ... or cannot begin, if this kernel tells reasons at all */
		return xc_names_get(&t->names.drop, e->reason) &&
		       (e->tuple.proto == IPPROTO_UDP || is_syn(e->tcp_flags));
	case XC_DROP_TCP_INVALID_SYN:
	case XC_DROP_TCP_OVERWINDOW:
	case XC_DROP_TCP_OFO_QUEUE_PRUNE:
		return false;
	case XC_DROP_OTHERHOST:
		/* a promiscuous interface sees other hosts' frames; our address with another's MAC is wrong */
		return xc_host_netns_of(&t->host, e->tuple.daddr) == e->netns;
	case XC_DROP_NO_SOCKET:
		return e->tuple.proto == IPPROTO_UDP || !(e->tcp_flags & XC_TCP_RST);
	default:
		return true;
	}
}

/* Chatter of the network itself (discovery, multicast) is nobody's connection. */
static bool is_connection(const struct xc_drop_evt *e)
{
	if (xc_addr_is_multicast(e->tuple.daddr) || xc_addr_is_multicast(e->tuple.saddr))
		return false;
	if (e->is_quoted)
		return true;
	switch (e->tuple.proto) {
	case IPPROTO_ICMP:
		return e->icmp_type == 8 || e->icmp_type == 0;		/* echo, RFC 792 */
	case IPPROTO_ICMPV6:
		return e->icmp_type == 128 || e->icmp_type == 129;	/* echo, RFC 4443 */
	default:
		return true;
	}
}

/* A question for a neighbour, or its answer, that somebody keeps out: news for every flow that waits for it. */
static void on_neighbour_drop(struct xc_conn *t, const struct xc_drop_evt *e, enum xc_drop why)
{
	if (why != XC_DROP_NETFILTER_DROP && why != XC_DROP_TC_INGRESS &&
	    why != XC_DROP_TC_EGRESS && why != XC_DROP_XDP)
		return;
	xc_host_neigh_drop(&t->host, e);
	for (uint32_t i = 0; i < t->flows.n; i++) {
		struct xc_conn_flow *f = &t->flows.slots[i];

		if (f->is_used && f->queue != XC_QUEUE_DONE && xc_host_is_about_next_hop(&f->c, e))
			schedule(t, f);
	}
}

static void on_drop(struct xc_conn *t, const struct xc_drop_evt *e)
{
	const char *name;
	enum xc_drop why = xc_evidence_drop_reason(&t->names, e, &name);
	struct xc_conn_flow *f;

	if (xc_is_neighbour_message(e))
		return on_neighbour_drop(t, e, why);
	if (!is_connection(e) || (why == XC_DROP_NOT_SPECIFIED && xc_place_is_noise(e->sym)))
		return;
	f = flow_for(t, &(struct belongs){ .tuple = xc_drop_flow(e, why),
					   .netns = e->netns,
					   .began = began_by_flags(e->tcp_flags),
					   .isn = is_syn(e->tcp_flags) ? e->seq : 0,
					   .may_open = drop_opens_case(t, why, e) });
	if (!f)
		return;
	xc_evidence_drop(&f->c, &t->names, e);
	ask_about_drops(t, f);
	schedule(t, f);
}

static void on_reset(struct xc_conn *t, const struct xc_reset_evt *e)
{
	bool answers_syn = is_syn(e->trigger_flags);	/* then the resetting side is the server */
	struct xc_conn_flow *f;

	f = flow_for(t, &(struct belongs){ .tuple = &e->tuple,
					   .netns = e->netns,
					   .began = answers_syn ? BEGAN_DESTINATION : BEGAN_UNKNOWN,
					   .isn = answers_syn ? e->trigger_seq : 0,
					   .may_open = true });
	xc_evidence_reset(&f->c, &t->names, e);
	schedule(t, f);
}

static void on_icmp(struct xc_conn *t, const struct xc_icmp_evt *e)
{
	struct xc_conn_flow *f = flow_for(
		t, &(struct belongs){ .tuple = &e->tuple, .netns = e->netns, .may_open = true });

	xc_evidence_icmp(&f->c, e);
	schedule(t, f);
}

/* IPv6 looks twice, first to choose its own address: one call, and one case. */
static void own_address(struct xc_conn *t, const struct xc_route_evt *e, struct xc_tuple *tuple)
{
	const struct xc_conn_flow *f = xc_flows_find(&t->flows, tuple, e->netns);

	if (!f || is_new_attempt(t, f, 0))
		memcpy(tuple->saddr, e->saddr, 16);
}

static void on_route(struct xc_conn *t, const struct xc_route_evt *e)
{
	struct xc_tuple tuple = { .proto = e->proto, .dport_he = e->dport_he };
	struct xc_conn_flow *f;

	memcpy(tuple.daddr, e->daddr, 16);
	own_address(t, e, &tuple);
	f = flow_for(t, &(struct belongs){ .tuple = &tuple,
					   .netns = e->netns,
					   .began = BEGAN_SOURCE,
					   .may_open = e->err != 0 });
	if (!f)
		return;
	if (e->err && is_new_attempt(t, f, 0))
		restart(t, f);
	xc_evidence_route(&f->c, e);
	xc_attempts_failed(&t->attempts, &f->c);
	schedule(t, f);
}

static void on_denied(struct xc_conn *t, const struct xc_denied_evt *e)
{
	struct xc_conn_flow *f = flow_for(t, &(struct belongs){ .tuple = &e->tuple,
								.netns = e->netns,
								.began = BEGAN_SOURCE,
								.may_open = true });

	if (is_new_attempt(t, f, 0))
		restart(t, f);
	xc_evidence_denied(&f->c, e);
	xc_question_programs(&t->questions, e->netns, e->owner.cgroup_id);
	schedule(t, f);
}

static void on_neigh(struct xc_conn *t, const struct xc_neigh_evt *e)
{
	xc_host_neigh(&t->host, e);
	wake(t, has_next_hop, e);
}

static void on_proc(struct xc_conn *t, const struct xc_proc_evt *e)
{
	xc_host_proc(&t->host, e);
	if (e->what == XC_PROC_OOM)
		xc_question_cgroup(&t->questions, e->owner.cgroup_id);
	wake(t, has_server_process, e);
}

static bool waits_for_answer_of(const struct xc_conn_flow *f, const void *what)
{
	const struct xc_note_evt *e = what;

	return f->c.server.netns == e->id && xc_case_is_silent_connect(&f->c);
}

static void on_note(struct xc_conn *t, const struct xc_note_evt *e)
{
	if (!e->id && !strncmp(e->key, XC_NOTE_PACKETS_ONLY, sizeof(e->key))) {
		t->is_packets_only = true;
		return;
	}
	xc_host_noted(&t->host, e);
	if (!strncmp(e->key, XC_NOTE_ROUTE, strlen(XC_NOTE_ROUTE)))
		wake(t, waits_for_answer_of, e);
}

static bool has_dropped_tuple(const struct xc_conn_flow *f, const void *what)
{
	const struct xc_rule_evt *e = what;

	for (uint32_t i = 0; i < f->c.n_drops; i++)
		if (f->c.drops[i].e.netns == e->netns &&
		    xc_tuple_equal(&f->c.drops[i].e.tuple, &e->tuple))
			return true;
	return false;
}

static void on_rule(struct xc_conn *t, const struct xc_rule_evt *e)
{
	for (uint32_t i = 0; i < t->flows.n; i++) {
		struct xc_conn_flow *f = &t->flows.slots[i];

		if (!f->is_used || !has_dropped_tuple(f, e))
			continue;
		xc_evidence_rule(&f->c, e);
		schedule(t, f);
	}
}

/* A request that got no answer: what is the process doing that should have given it? */
static void ask_who_is_silent(struct xc_conn *t, const struct xc_conn_flow *f)
{
	const struct xc_tuple *at = xc_case_at_server(&f->c);
	const struct xc_host_listener *l = xc_host_find_listener(
		&t->host, f->c.server.netns, at->daddr, at->dport_he, at->proto);

	if (l)
		xc_question_process(&t->questions, l->fact.netns, l->fact.owner.tgid);
}

void xc_conn_request(struct xc_conn *conn, const struct xc_failed_request *r)
{
	struct xc_conn_flow *f = flow_for(conn, &(struct belongs){ .tuple = &r->client,
								   .netns = r->netns,
								   .began = BEGAN_SOURCE,
								   .is_clients_word = r->is_clients,
								   .may_open = true });
	struct xc_side *side = r->is_clients ? &f->c.client : &f->c.server;

	if (r->owner && r->owner->tgid && !side->owner.tgid)
		side->owner = *r->owner;
	if (!side->netns)
		side->netns = r->netns;
	xc_evidence_request(&f->c, &r->fact);
	if (r->fact.result == XC_RESULT_NO_ANSWER && r->fact.given_up_ns)
		ask_who_is_silent(conn, f);
	schedule(conn, f);
}

static void dispatch(struct xc_conn *t, const struct xc_evt *e)
{
	switch ((enum xc_evt_kind)e->kind) {
	case XC_EVT_ENUM:
		return on_enum(t, (const void *)e);
	case XC_EVT_TICK:
		return on_tick(t, (const void *)e);
	case XC_EVT_SOCK:
		return on_sock(t, (const void *)e);
	case XC_EVT_RESET:
		return on_reset(t, (const void *)e);
	case XC_EVT_DROP:
		return on_drop(t, (const void *)e);
	case XC_EVT_ICMP:
		return on_icmp(t, (const void *)e);
	case XC_EVT_NEIGH:
		return on_neigh(t, (const void *)e);
	case XC_EVT_ROUTE:
		return on_route(t, (const void *)e);
	case XC_EVT_DENIED:
		return on_denied(t, (const void *)e);
	case XC_EVT_PROC:
		return on_proc(t, (const void *)e);
	case XC_EVT_COUNTERS:
		return on_counters(t, (const void *)e);
	case XC_EVT_RULE:
		return on_rule(t, (const void *)e);
	case XC_EVT_NOTE:
		return on_note(t, (const void *)e);
	case XC_EVT_ADDR:
		return xc_host_address(&t->host, (const void *)e);
	case XC_EVT_END:
	case XC_EVT_SEGMENT:	/* requests are read elsewhere */
	case _XC_EVT_MAX:
		break;
	}
}

void xc_conn_feed(struct xc_conn *conn, const struct xc_evt *e)
{
	conn->stats.n_records++;
	if (e->ts_ns > conn->now_ns)
		conn->now_ns = e->ts_ns;
	xc_flows_expire(&conn->flows, conn->now_ns);
	if (!xc_record_min_size(e->kind))
		conn->stats.n_unknown++;
	else if (e->size_bytes < xc_record_min_size(e->kind))
		conn->stats.n_short++;
	else
		dispatch(conn, e);
}

uint64_t xc_conn_now(const struct xc_conn *conn)
{
	return conn->now_ns;
}

int64_t xc_conn_wall_offset(const struct xc_conn *conn)
{
	return conn->wall_offset_ns;
}

/* ---- looks ----------------------------------------------------------------------------- */

/* What has taken too long counts as failed, whatever the application still hopes for. */
static void find_overdue(struct xc_case *c, const struct xc_conn_cfg *cfg)
{
	c->is_overdue = c->outcome == XC_OUTCOME_PENDING && c->n_syn_retrans &&
			c->waited_ns >= cfg->syn_timeout_ns;
	c->is_neigh_overdue = false;
	for (uint32_t i = 0; i < c->n_neighs; i++)
		c->is_neigh_overdue |= c->now_ns - c->first_ns >= cfg->arp_timeout_ns;
}

const struct xc_case *xc_conn_due(struct xc_conn *conn, struct xc_said **ret_said)
{
	const struct xc_tuple *instead;
	struct xc_conn_flow *f;

	f = xc_flows_first(&conn->flows, XC_QUEUE_DUE);
	/* A storm shortens the grace: an early verdict is better than none. */
	if (!f || (f->at_ns > conn->now_ns && !xc_flows_are_pressed(&conn->flows)))
		return NULL;
	conn->looked_at = f;
	f->c.now_ns = conn->now_ns;
	f->c.is_packets_only = conn->is_packets_only;
	f->c.lost = lost_now(conn) - f->lost_before;
	xc_host_join(&conn->host, &f->c, conn->cfg.window_ns);
	find_overdue(&f->c, &conn->cfg);
	instead = xc_attempts_instead(&conn->attempts, &f->c);
	f->c.instead = instead ? *instead : (struct xc_tuple){ 0 };
	xc_question_way_back(&conn->questions, &f->c, &f->asked);
	*ret_said = &f->said;
	return &f->c;
}

void xc_conn_settle(struct xc_conn *conn, enum xc_settle how)
{
	struct xc_conn_flow *f = conn->looked_at;

	assert(f);
	conn->looked_at = NULL;
	if (how == XC_SETTLE_AGAIN)
		xc_conn_flow_forget_trouble(f, conn->now_ns);
	if (how == XC_SETTLE_DONE)
		xc_conn_flow_move(&conn->flows, f, XC_QUEUE_DONE, conn->now_ns + XC_FLOW_DONE_NS);
	else
		xc_conn_flow_move(&conn->flows, f, XC_QUEUE_QUIET, conn->now_ns + XC_FLOW_QUIET_NS);
}

uint64_t xc_conn_deadline(const struct xc_conn *conn)
{
	const struct xc_conn_flow *f = xc_flows_first(&conn->flows, XC_QUEUE_DUE);

	return f ? f->at_ns : UINT64_MAX;
}

bool xc_conn_next_ask(struct xc_conn *conn, struct xc_ask *ret_ask)
{
	return xc_questions_take(&conn->questions, ret_ask);
}

void xc_conn_get_stats(const struct xc_conn *conn, struct xc_conn_stats *ret_stats)
{
	*ret_stats = conn->stats;
	ret_stats->n_cases = conn->flows.n_opened;
	ret_stats->n_evicted = conn->flows.n_evicted;
	ret_stats->n_asks_lost = conn->questions.n_lost;
}
