/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows live in a fixed table and stand in one of three queues:
 *
 *   due    new evidence came; looked at once the grace time is over. All have the same
 *          grace, so the queue is in order of its deadlines without sorting.
 *   quiet  looked at, nothing final yet; waits for more evidence or for its end.
 *   done   the verdict is spoken; stays a moment, so that what trickles in (the RST after
 *          the error, the fourth drop of the same packet) does not open a second case.
 *
 * Grace is needed because event order is not causal: the true cause may arrive a hundred
 * microseconds after the failure it caused.
 */
#include "conn/conn.h"

#include "base/index.h"
#include "conn/evidence.h"

#include <errno.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define N_ASKS 64
#define NONE UINT32_MAX
#define DONE_NS 2000000000ull		/* how long a settled flow is remembered */
#define QUIET_NS 130000000000ull	/* longest gap between two SYNs is 64 s, a connect() takes 127 s */
#define NEW_ATTEMPT_NS 5000000ull	/* calls without a port: this far apart is another call */
#define EPHEMERAL_MIN 32768		/* net.ipv4.ip_local_port_range default: only a hint */

enum queue_id { Q_DUE, Q_QUIET, Q_DONE, N_QUEUES };

/* Both ends in a fixed order, so that either direction finds the flow. */
struct flow_key {
	uint8_t lo[16], hi[16];
	uint16_t lo_port, hi_port;
	uint32_t proto;
	uint32_t netns;		/* for addresses that mean something only inside one namespace */
};

struct flow {
	struct xc_case c;
	struct flow_key key;
	struct xc_said said;
	uint64_t at_ns;		/* deadline in its queue */
	uint64_t lost_before;
	uint32_t prev, next;
	uint8_t queue;
	bool is_used;
	bool is_oriented;	/* we know which end is the client */
	uint32_t asked;		/* bit per drop already asked about, then per drop asked again */
};

struct queue {
	uint32_t first, last;
};

struct xc_conn {
	struct xc_conn_cfg cfg;
	struct xc_conn_stats stats;
	struct xc_kernel_names names;
	struct xc_host host;
	struct xc_index index;
	struct flow *flows;
	uint32_t n_flows;	/* slots ever used */
	uint32_t free_first;
	struct queue queues[N_QUEUES];
	uint32_t looked_at;	/* slot handed out by xc_conn_due() */
	uint64_t now_ns;
	int64_t wall_offset_ns;
	struct xc_ask asks[N_ASKS];
	uint32_t ask_first, n_asks;
};

/* ---- queues ----------------------------------------------------------------------- */

static void queue_remove(struct xc_conn *t, uint32_t slot)
{
	struct flow *f = &t->flows[slot];
	struct queue *q = &t->queues[f->queue];

	if (f->prev != NONE)
		t->flows[f->prev].next = f->next;
	else
		q->first = f->next;
	if (f->next != NONE)
		t->flows[f->next].prev = f->prev;
	else
		q->last = f->prev;
}

static void queue_append(struct xc_conn *t, uint32_t slot, enum queue_id id, uint64_t at_ns)
{
	struct flow *f = &t->flows[slot];
	struct queue *q = &t->queues[id];

	f->queue = (uint8_t)id;
	f->at_ns = at_ns;
	f->prev = q->last;
	f->next = NONE;
	if (q->last != NONE)
		t->flows[q->last].next = slot;
	else
		q->first = slot;
	q->last = slot;
}

static void queue_move(struct xc_conn *t, uint32_t slot, enum queue_id id, uint64_t at_ns)
{
	queue_remove(t, slot);
	queue_append(t, slot, id, at_ns);
}

/* ---- table ------------------------------------------------------------------------ */

struct xc_conn *xc_conn_new(const struct xc_conn_cfg *cfg)
{
	struct xc_conn *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->cfg = *cfg;
	t->flows = calloc(cfg->max_cases, sizeof(*t->flows));
	if (!t->flows || xc_index_init(&t->index, cfg->max_cases)) {
		xc_conn_free(t);
		return NULL;
	}
	for (int i = 0; i < N_QUEUES; i++)
		t->queues[i] = (struct queue){ NONE, NONE };
	t->free_first = NONE;
	t->looked_at = NONE;
	return t;
}

void xc_conn_free(struct xc_conn *conn)
{
	if (!conn)
		return;
	xc_index_done(&conn->index);
	free(conn->flows);
	free(conn);
}

static bool is_local_scope(const uint8_t addr[16])
{
	return xc_addr_is_loopback(addr) || xc_addr_is_link_local(addr) || xc_addr_is_zero(addr);
}

static struct flow_key key_of(const struct xc_tuple *t, uint32_t netns)
{
	struct flow_key k;
	int order = memcmp(t->saddr, t->daddr, 16);
	bool swap = order > 0 || (order == 0 && t->sport_he > t->dport_he);

	memset(&k, 0, sizeof(k));
	memcpy(k.lo, swap ? t->daddr : t->saddr, 16);
	memcpy(k.hi, swap ? t->saddr : t->daddr, 16);
	k.lo_port = swap ? t->dport_he : t->sport_he;
	k.hi_port = swap ? t->sport_he : t->dport_he;
	k.proto = t->proto;
	if (is_local_scope(t->saddr) || is_local_scope(t->daddr))
		k.netns = netns;
	return k;
}

static uint32_t find(const struct xc_conn *t, const struct flow_key *k)
{
	uint32_t slot = xc_index_first(&t->index, xc_hash(k, sizeof(*k)));

	while (slot != XC_INDEX_END && memcmp(&t->flows[slot].key, k, sizeof(*k)))
		slot = xc_index_next(&t->index, slot);
	return slot;
}

static void release(struct xc_conn *t, uint32_t slot)
{
	struct flow *f = &t->flows[slot];

	queue_remove(t, slot);
	xc_index_del(&t->index, xc_hash(&f->key, sizeof(f->key)), slot);
	f->is_used = false;
	f->next = t->free_first;
	t->free_first = slot;
}

/* A slot: never used, freed, or of the flow that will be missed least. */
static uint32_t take_slot(struct xc_conn *t)
{
	static const enum queue_id order[] = { Q_DONE, Q_QUIET, Q_DUE };
	uint32_t slot;

	for (size_t i = 0; t->free_first == NONE && i < N_QUEUES; i++) {
		if (t->n_flows < t->cfg.max_cases)
			return t->n_flows++;
		if (t->queues[order[i]].first == NONE)
			continue;
		if (order[i] != Q_DONE)
			t->stats.n_evicted++;
		release(t, t->queues[order[i]].first);
	}
	slot = t->free_first;
	t->free_first = t->flows[slot].next;
	return slot;
}

static uint64_t lost_now(const struct xc_conn *t)
{
	return t->stats.lost[XC_STAT_LOST_RING] + t->stats.lost[XC_STAT_LOST_MAP];
}

static struct flow *flow_new(struct xc_conn *t, const struct xc_tuple *tuple, uint32_t netns)
{
	uint32_t slot = take_slot(t);
	struct flow *f = &t->flows[slot];

	memset(f, 0, sizeof(*f));
	f->key = key_of(tuple, netns);
	f->c.tuple = *tuple;
	f->c.first_ns = t->now_ns;
	f->lost_before = lost_now(t);
	f->is_used = true;
	xc_index_add(&t->index, xc_hash(&f->key, sizeof(f->key)), slot);
	queue_append(t, slot, Q_QUIET, t->now_ns + QUIET_NS);
	t->stats.n_cases++;
	return f;
}

/* Start over: the same addresses and ports, but another connection. */
static void flow_again(struct xc_conn *t, struct flow *f)
{
	struct xc_tuple tuple = f->c.tuple;
	uint32_t slot = (uint32_t)(f - t->flows);

	memset(&f->c, 0, sizeof(f->c));
	memset(&f->said, 0, sizeof(f->said));
	f->c.tuple = tuple;
	f->c.first_ns = t->now_ns;
	f->lost_before = lost_now(t);
	f->asked = 0;
	queue_move(t, slot, Q_QUIET, t->now_ns + QUIET_NS);
	t->stats.n_cases++;
}

/* ---- orientation ------------------------------------------------------------------- */

static void orient(struct flow *f, const struct xc_tuple *t, enum xc_began began)
{
	struct xc_tuple want = began == XC_BEGAN_DESTINATION ? xc_tuple_swap(t) : *t;
	struct xc_side side;

	if (began == XC_BEGAN_UNKNOWN || f->is_oriented)
		return;
	f->is_oriented = true;
	if (xc_tuple_equal(&want, &f->c.tuple))
		return;
	/* What was gathered under the wrong guess changes sides with it. */
	f->c.tuple = want;
	side = f->c.client;
	f->c.client = f->c.server;
	f->c.server = side;
	for (uint32_t i = 0; i < f->c.n_drops; i++)
		f->c.drops[i].to_server = !f->c.drops[i].to_server;
	for (uint32_t i = 0; i < f->c.n_resets; i++)
		f->c.resets[i].by_server = !f->c.resets[i].by_server;
	for (uint32_t i = 0; i < f->c.n_icmps; i++)
		f->c.icmps[i].to_client = !f->c.icmps[i].to_client;
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

static enum xc_began began_by_flags(uint8_t flags)
{
	if (!(flags & XC_TCP_SYN))
		return XC_BEGAN_UNKNOWN;
	return flags & XC_TCP_ACK ? XC_BEGAN_DESTINATION : XC_BEGAN_SOURCE;
}

static enum xc_began began_by_sock(const struct xc_sock_evt *e)
{
	if (e->what == XC_SOCK_SYNACK_RETRANS || e->what == XC_SOCK_DIED || e->state == XC_TCP_SYN_RECV)
		return XC_BEGAN_DESTINATION;
	if ((e->flags & XC_SOCK_F_CLIENT) || e->state == XC_TCP_SYN_SENT ||
	    e->state_old == XC_TCP_SYN_SENT)
		return XC_BEGAN_SOURCE;
	return XC_BEGAN_UNKNOWN;
}

/* The flow of @tuple; opened when there is none and @may_open. */
static struct flow *flow_for(struct xc_conn *t, const struct xc_tuple *tuple, uint32_t netns,
			     enum xc_began began, bool may_open)
{
	struct flow_key k = key_of(tuple, netns);
	uint32_t slot = find(t, &k);
	struct xc_tuple guess;
	struct flow *f;

	if (slot != XC_INDEX_END) {
		f = &t->flows[slot];
	} else {
		if (!may_open)
			return NULL;
		guess = guess_client_first(t, tuple);
		f = flow_new(t, &guess, netns);
	}
	orient(f, tuple, began);
	return f;
}

/* New evidence: look at the flow when the grace time is over. */
static void schedule(struct xc_conn *t, struct flow *f)
{
	if (f->queue == Q_QUIET)
		queue_move(t, (uint32_t)(f - t->flows), Q_DUE, t->now_ns + t->cfg.grace_ns);
}

/* ---- questions --------------------------------------------------------------------- */

static void ask(struct xc_conn *t, const struct xc_ask *a)
{
	if (t->n_asks == N_ASKS) {
		t->stats.n_asks_lost++;
		return;
	}
	t->asks[(t->ask_first + t->n_asks++) % N_ASKS] = *a;
}

static void ask_sysctl(struct xc_conn *t, uint32_t netns, const char *fmt, const char *dev)
{
	struct xc_ask a = { .kind = XC_ASK_SYSCTL, .netns = netns };

	/* fmt is one of the literals below; dev is a device name of the kernel (at most 15 bytes) */
	(void)snprintf(a.key, sizeof(a.key), "net.%s%.15s%s", fmt, dev ? dev : "",
		       dev ? ".rp_filter" : "");
	ask(t, &a);
}

static void ask_about_drop(struct xc_conn *t, struct flow *f, uint32_t i)
{
	const struct xc_drop_fact *d = &f->c.drops[i];
	struct xc_ask a = { .netns = d->e.netns, .ifindex = d->e.ifindex, .drop = d->e,
			    .id = d->e.owner.cgroup_id };
	uint32_t bit = 1u << i, again = bit << XC_CASE_DROPS;

	/* A filter drop is worth a second question: by then a rule's counter has moved. */
	if (d->why == XC_DROP_NETFILTER_DROP && (f->asked & bit) && !(f->asked & again) && d->e.count > 1) {
		f->asked |= again;
		a.kind = XC_ASK_RULE;
		ask(t, &a);
	}
	if (f->asked & bit)
		return;
	f->asked |= bit;
	switch (d->why) {
	case XC_DROP_NETFILTER_DROP:
		a.kind = XC_ASK_RULE;
		ask(t, &a);
		ask_sysctl(t, d->e.netns, "netfilter.nf_conntrack_max", NULL);
		ask_sysctl(t, d->e.netns, "netfilter.nf_conntrack_count", NULL);
		break;
	case XC_DROP_BPF_CGROUP_EGRESS:
	case XC_DROP_SOCKET_FILTER:
		a.ifindex = 0;
		/* fallthrough */
	case XC_DROP_TC_INGRESS:
	case XC_DROP_TC_EGRESS:
	case XC_DROP_XDP:
		a.kind = XC_ASK_PROGRAMS;
		ask(t, &a);
		break;
	case XC_DROP_IP_RPFILTER:
		ask_sysctl(t, d->e.netns, "ipv4.conf.", d->e.dev);
		ask_sysctl(t, d->e.netns, "ipv4.conf.all.rp_filter", NULL);
		break;
	case XC_DROP_IP_INADDRERRORS:
	case XC_DROP_IP_INNOROUTES:
		ask_sysctl(t, d->e.netns, "ipv4.ip_forward", NULL);
		ask_sysctl(t, d->e.netns, "ipv6.conf.all.forwarding", NULL);
		break;
	default:
		break;
	}
}

static void ask_cgroup(struct xc_conn *t, uint64_t cgroup_id)
{
	struct xc_ask a = { .kind = XC_ASK_CGROUP, .id = cgroup_id };

	if (cgroup_id)
		ask(t, &a);
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
			xc_names_learn_drop(&t->names.drop, (unsigned int)strtoul(p, NULL, 10), eq + 1);
		else if (e->which == XC_ENUM_RST_REASON)
			xc_names_learn_rst(&t->names.rst, (unsigned int)strtoul(p, NULL, 10), eq + 1);
		p = nul + 1;
	}
}

/* Wake every open flow for which @concerns holds: something about its host became known. */
static void wake(struct xc_conn *t, bool (*concerns)(const struct flow *, const void *),
		 const void *what)
{
	for (uint32_t i = 0; i < t->n_flows; i++)
		if (t->flows[i].is_used && t->flows[i].queue == Q_QUIET &&
		    concerns(&t->flows[i], what))
			schedule(t, &t->flows[i]);
}

static bool goes_to_listener(const struct flow *f, const void *what)
{
	const struct xc_sock_evt *e = what;

	return f->c.tuple.dport_he == e->tuple.sport_he && f->c.tuple.proto == e->tuple.proto;
}

static bool has_next_hop(const struct flow *f, const void *what)
{
	const struct xc_neigh_evt *e = what;

	return xc_addr_equal(f->c.client.last.nexthop, e->addr) ||
	       xc_addr_equal(f->c.server.last.nexthop, e->addr) ||
	       xc_addr_equal(f->c.tuple.daddr, e->addr);
}

static bool has_server_process(const struct flow *f, const void *what)
{
	const struct xc_proc_evt *e = what;

	return f->c.server.owner.tgid == e->owner.tgid;
}

static bool is_any_open(const struct flow *f, const void *what)
{
	(void)what;
	return f->c.n_syn_retrans || f->c.server.n_synack_retrans || f->c.is_listener;
}

/* One case for a listening socket as a whole: its overflow hits clients we may not see. */
static void open_listener_case(struct xc_conn *t, const struct xc_host_listener *l)
{
	struct xc_tuple tuple = { .proto = l->proto, .dport_he = l->port_he };
	struct flow *f;

	memcpy(tuple.daddr, l->fact.addr, 16);
	if (xc_addr_is_v4(tuple.daddr))
		memcpy(tuple.saddr, (uint8_t[16]){ [10] = 0xff, [11] = 0xff }, 16);
	f = flow_for(t, &tuple, l->fact.netns, XC_BEGAN_SOURCE, true);
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
	ask_sysctl(t, e->netns, "core.somaxconn", NULL);
	ask_sysctl(t, e->netns, "ipv4.tcp_syncookies", NULL);
	ask_sysctl(t, e->netns, "ipv4.tcp_max_syn_backlog", NULL);
	wake(t, is_any_open, NULL);
}

static bool is_new_attempt(const struct xc_conn *t, const struct flow *f, uint64_t cookie)
{
	const struct xc_side *s = &f->c.client;

	if (cookie && s->is_seen && s->last.cookie)
		return s->last.cookie != cookie;
	return f->queue == Q_DONE && t->now_ns - f->c.ended_ns > NEW_ATTEMPT_NS;
}

static void on_connection(struct xc_conn *t, const struct xc_sock_evt *e)
{
	enum xc_began began = began_by_sock(e);
	struct flow *f;

	f = flow_for(t, &e->tuple, e->netns, began, e->what != XC_SOCK_ESTABLISHED);
	if (!f)
		return;
	if (began == XC_BEGAN_SOURCE && is_new_attempt(t, f, e->cookie))
		flow_again(t, f);
	xc_evidence_sock(&f->c, e);
	if (e->what == XC_SOCK_CLOSED && !e->tuple.sport_he)
		ask_sysctl(t, e->netns, "ipv4.ip_local_port_range", NULL);
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
	case XC_DROP_OTHER:
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

static void on_drop(struct xc_conn *t, const struct xc_drop_evt *e)
{
	const struct xc_tuple *tuple = e->orig.proto ? &e->orig : &e->tuple;
	const char *name;
	enum xc_drop why = xc_evidence_drop_reason(&t->names, e, &name);
	struct flow *f;

	if (!is_connection(e) || (why == XC_DROP_NOT_SPECIFIED && xc_place_is_noise(e->sym)))
		return;
	f = flow_for(t, tuple, e->netns, began_by_flags(e->tcp_flags), drop_opens_case(t, why, e));
	if (!f)
		return;
	xc_evidence_drop(&f->c, &t->names, e);
	for (uint32_t i = 0; i < f->c.n_drops; i++)
		ask_about_drop(t, f, i);
	schedule(t, f);
}

static void on_reset(struct xc_conn *t, const struct xc_reset_evt *e)
{
	enum xc_began began = XC_BEGAN_UNKNOWN;
	struct flow *f;

	if ((e->trigger_flags & (XC_TCP_SYN | XC_TCP_ACK)) == XC_TCP_SYN)
		began = XC_BEGAN_DESTINATION;	/* a SYN was answered: the resetting side is the server */
	f = flow_for(t, &e->tuple, e->netns, began, true);
	xc_evidence_reset(&f->c, &t->names, e);
	schedule(t, f);
}

static void on_icmp(struct xc_conn *t, const struct xc_icmp_evt *e)
{
	struct flow *f = flow_for(t, &e->tuple, e->netns, XC_BEGAN_UNKNOWN, true);

	xc_evidence_icmp(&f->c, e);
	schedule(t, f);
}

static void on_route(struct xc_conn *t, const struct xc_route_evt *e)
{
	struct xc_tuple tuple = { .proto = e->proto, .dport_he = e->dport_he };
	struct flow *f;

	memcpy(tuple.saddr, e->saddr, 16);
	memcpy(tuple.daddr, e->daddr, 16);
	f = flow_for(t, &tuple, e->netns, XC_BEGAN_SOURCE, e->err != 0);
	if (!f)
		return;
	if (e->err && is_new_attempt(t, f, 0))
		flow_again(t, f);
	xc_evidence_route(&f->c, e);
	schedule(t, f);
}

static void on_denied(struct xc_conn *t, const struct xc_denied_evt *e)
{
	struct xc_ask programs = { .kind = XC_ASK_PROGRAMS, .netns = e->netns,
				   .id = e->owner.cgroup_id };
	struct flow *f = flow_for(t, &e->tuple, e->netns, XC_BEGAN_SOURCE, true);

	if (is_new_attempt(t, f, 0))
		flow_again(t, f);
	xc_evidence_denied(&f->c, e);
	ask(t, &programs);
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
		ask_cgroup(t, e->owner.cgroup_id);
	wake(t, has_server_process, e);
}

static bool has_dropped_tuple(const struct flow *f, const void *what)
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
	for (uint32_t i = 0; i < t->n_flows; i++) {
		struct flow *f = &t->flows[i];

		if (!f->is_used || !has_dropped_tuple(f, e))
			continue;
		xc_evidence_rule(&f->c, e);
		schedule(t, f);
	}
}

/* Smallest valid record of each kind. */
static const uint32_t min_size[_XC_EVT_MAX] = {
	[XC_EVT_ENUM] = sizeof(struct xc_enum_evt),
	[XC_EVT_TICK] = sizeof(struct xc_tick_evt),
	[XC_EVT_SOCK] = sizeof(struct xc_sock_evt),
	[XC_EVT_RESET] = sizeof(struct xc_reset_evt),
	[XC_EVT_DROP] = sizeof(struct xc_drop_evt),
	[XC_EVT_ICMP] = sizeof(struct xc_icmp_evt),
	[XC_EVT_NEIGH] = sizeof(struct xc_neigh_evt),
	[XC_EVT_ROUTE] = sizeof(struct xc_route_evt),
	[XC_EVT_DENIED] = sizeof(struct xc_denied_evt),
	[XC_EVT_PROC] = sizeof(struct xc_proc_evt),
	[XC_EVT_COUNTERS] = sizeof(struct xc_counters_evt),
	[XC_EVT_RULE] = sizeof(struct xc_rule_evt),
	[XC_EVT_NOTE] = sizeof(struct xc_note_evt),
	[XC_EVT_ADDR] = sizeof(struct xc_addr_evt),
};

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
		return xc_host_noted(&t->host, (const void *)e);
	case XC_EVT_ADDR:
		return xc_host_address(&t->host, (const void *)e);
	case XC_EVT_END:
	case _XC_EVT_MAX:
		break;
	}
}

void xc_conn_feed(struct xc_conn *conn, const struct xc_evt *e)
{
	conn->stats.n_records++;
	if (e->ts_ns > conn->now_ns)
		conn->now_ns = e->ts_ns;
	if (e->kind == 0 || e->kind >= _XC_EVT_MAX)
		conn->stats.n_unknown++;
	else if (e->size_bytes < min_size[e->kind])
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

/* Flows nobody waits for any more. */
static void expire(struct xc_conn *t)
{
	static const enum queue_id both[] = { Q_QUIET, Q_DONE };

	for (size_t i = 0; i < 2; i++) {
		struct queue *q = &t->queues[both[i]];

		while (q->first != NONE && t->flows[q->first].at_ns <= t->now_ns)
			release(t, q->first);
	}
}

const struct xc_case *xc_conn_due(struct xc_conn *conn, struct xc_said **ret_said)
{
	uint32_t slot = conn->queues[Q_DUE].first;
	struct flow *f;

	expire(conn);
	if (slot == NONE || conn->flows[slot].at_ns > conn->now_ns)
		return NULL;
	f = &conn->flows[slot];
	conn->looked_at = slot;
	f->c.now_ns = conn->now_ns;
	f->c.lost = lost_now(conn) - f->lost_before;
	xc_host_join(&conn->host, &f->c, conn->cfg.window_ns);
	*ret_said = &f->said;
	return &f->c;
}

/* A connection that got through after all: who it is stays, what went wrong goes. */
static void forget_trouble(struct xc_conn *t, struct flow *f)
{
	struct xc_case was = f->c;

	memset(&f->c, 0, sizeof(f->c));
	memset(&f->said, 0, sizeof(f->said));
	f->asked = 0;
	f->c.tuple = was.tuple;
	f->c.first_ns = t->now_ns;
	f->c.was_established = true;
	f->c.client.owner = was.client.owner;
	f->c.client.netns = was.client.netns;
	f->c.server.owner = was.server.owner;
	f->c.server.netns = was.server.netns;
}

void xc_conn_settle(struct xc_conn *conn, enum xc_settle how)
{
	uint32_t slot = conn->looked_at;

	assert(slot != NONE);
	conn->looked_at = NONE;
	if (how == XC_SETTLE_AGAIN)
		forget_trouble(conn, &conn->flows[slot]);
	if (how == XC_SETTLE_DONE)
		queue_move(conn, slot, Q_DONE, conn->now_ns + DONE_NS);
	else
		queue_move(conn, slot, Q_QUIET, conn->now_ns + QUIET_NS);
}

uint64_t xc_conn_deadline(const struct xc_conn *conn)
{
	uint32_t slot = conn->queues[Q_DUE].first;

	return slot == NONE ? UINT64_MAX : conn->flows[slot].at_ns;
}

bool xc_conn_next_ask(struct xc_conn *conn, struct xc_ask *ret_ask)
{
	if (!conn->n_asks)
		return false;
	*ret_ask = conn->asks[conn->ask_first];
	conn->ask_first = (conn->ask_first + 1) % N_ASKS;
	conn->n_asks--;
	return true;
}

void xc_conn_get_stats(const struct xc_conn *conn, struct xc_conn_stats *ret_stats)
{
	*ret_stats = conn->stats;
}
