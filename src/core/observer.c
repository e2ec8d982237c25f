/* SPDX-License-Identifier: Apache-2.0 */
#include "core/observer.h"

#include "abi/host.h"
#include "abi/segment.h"
#include "base/index.h"
#include "core/limit.h"
#include "source/segment.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define N_HINTS (3 * XC_PORTS_MAX + 2)
#define PLAINTEXT_COOKIE (1ull << 63)	/* tells the inside of TLS from its outside */

/* What is kept of a connection beside its session. */
struct link {
	uint64_t id, cookie;
	uint32_t n_events, n_requests;
	struct xc_tuple tuple;		/* as its session had it first */
	struct xc_owner owner, peer;
	uint32_t tid, ifindex;
	uint64_t bytes[2],
		packets[2]; /* sent, received; a capture: by the client of `tuple`, by its server */
	uint64_t open_ns, syn_ns, handshake_ns;
	bool is_late;			/* it is older than our view */
	bool is_established;		/* and told so */
	bool was_reset;
	bool is_plaintext;
};

struct xc_observer {
	struct xc_observer_cfg cfg;
	const struct xc_observe_config *how;
	struct xc_l7_table *table;
	struct xc_l7_port hints[N_HINTS];
	struct xc_sampler sampler;
	struct xc_bucket bucket;
	struct xc_observer_stats stats;
	const struct xc_segment_evt *at;	/* the record at hand; NULL = time has passed */
	bool is_counted;	/* it is in the counters of its connection */
	int64_t wall_offset_ns;
	bool is_mock, is_ending, has_plaintext;
	int error;
};

/* ---- one event ---------------------------------------------------------------------------------------- */

static bool is_switched_on(const struct xc_observe_config *how, const struct xc_netevent *e)
{
	switch (e->type) {
	case XC_NETEVENT_CONNECTION:
	case XC_NETEVENT_CONNECTION_CLOSE:
		return e->tuple.proto == IPPROTO_TCP || how->with_flows;
	case XC_NETEVENT_HTTP_REQUEST:
	case XC_NETEVENT_HTTP_RESPONSE:
		return how->with_http;
	case XC_NETEVENT_GRPC_CALL:
	case XC_NETEVENT_GRPC_RESPONSE:
		return how->with_grpc;
	case XC_NETEVENT_DNS_QUERY:
	case XC_NETEVENT_DNS_RESPONSE:
		return how->with_dns;
	case XC_NETEVENT_TLS_HELLO:
		return how->with_https;
	case XC_NETEVENT_L7_REQUEST:
	case XC_NETEVENT_L7_RESPONSE:
	case XC_NETEVENT_L7_NOTICE:
	case _XC_NETEVENT_MAX:
		break;
	}
	return true;
}

static bool is_wanted(const struct xc_observer *o, const struct xc_netevent *e)
{
	const struct xc_config *cfg = o->cfg.cfg;
	const struct xc_observe_config *how = o->how;
	uint64_t took = e->last_byte_ns > e->first_byte_ns ? e->last_byte_ns : e->first_byte_ns;

	if (!is_switched_on(how, e) || !xc_filters_hold(cfg->filters, cfg->n_filters, &e->tuple))
		return false;
	if (cfg->pid && e->owner.tgid != cfg->pid && e->peer.tgid != cfg->pid)
		return false;
	if (how->min_latency_ns && took < how->min_latency_ns)
		return false;
	if (how->only_errors && !xc_netevent_is_failure(e))
		return false;
	return xc_reqfilters_hold(how->filters, how->n_filters, e);
}

static uint64_t hash_of_server(const struct xc_tuple *t)
{
	uint8_t key[20] = { 0 };

	memcpy(key, t->daddr, 16);
	memcpy(key + 16, &t->dport_he, 2);
	key[18] = t->proto;
	return xc_hash(key, sizeof(key));
}

/* Filters, sampling, the limit; and out. */
static void tell(struct xc_observer *o, struct xc_netevent *e)
{
	struct xc_sample sample = { .connection = e->conn_id,
				    .destination = hash_of_server(&e->tuple),
				    .ts_ns = e->ts_ns,
				    .is_failure = xc_netevent_is_failure(e) };

	if (o->how->count && o->stats.n_events >= o->how->count)
		return;		/* enough was told; the run ends before its next look */
	if (!is_wanted(o, e)) {
		o->stats.n_filtered++;
		return;
	}
	if (o->cfg.summary) {
		xc_summary_add(o->cfg.summary, e);
		o->stats.n_events++;
		return;
	}
	e->sampling_factor = xc_sampler_factor(&o->sampler, &sample);
	if (!o->cfg.file || !xc_eventfile_shows(o->cfg.file, e))
		return;
	if (e->sampling_factor == 0) {
		o->stats.n_unsampled++;
	} else if (!xc_bucket_take(&o->bucket, e->ts_ns)) {
		o->stats.n_suppressed++;
	} else {
		int r = xc_eventfile_put(o->cfg.file, e);

		o->error = o->error ? o->error : r;
		o->stats.n_events++;
	}
}

/* Is the record at hand about this connection, and not about a later one between the same ends? */
static bool is_at(const struct xc_observer *o, const struct link *l)
{
	struct xc_tuple swapped;
	uint8_t opens = XC_TCP_SYN | XC_TCP_ACK;

	if (!o->at || o->at->cookie != l->cookie)
		return false;
	if (l->is_established && (o->at->tcp_flags & opens) == XC_TCP_SYN)
		return false;
	swapped = xc_tuple_swap(&o->at->tuple);
	return xc_tuple_equal(&o->at->tuple, &l->tuple) || xc_tuple_equal(&swapped, &l->tuple);
}

/* Counters, and the process, as the record at hand tells them. */
static void count(struct xc_observer *o, struct link *l)
{
	const struct xc_segment_evt *e = o->at;
	bool is_back;

	if (o->is_counted)
		return;
	o->is_counted = true;
	if (!e->cookie) {
		is_back = !xc_addr_equal(e->tuple.saddr, l->tuple.saddr) ||
			  e->tuple.sport_he != l->tuple.sport_he;
		l->bytes[is_back] += e->wire_bytes;
		l->packets[is_back]++;
		return;
	}
	for (int i = 0; i < 2; i++) {
		l->bytes[i] = e->bytes[i];
		l->packets[i] = e->packets[i];
	}
	if (e->owner.tgid)
		l->owner = e->owner;
	l->tid = e->tid ? e->tid : l->tid;
	l->ifindex = e->ifindex ? e->ifindex : l->ifindex;
}

/* Packets are seen on their way: there is neither a process nor a local end. */
static bool is_forwarded(const struct xc_l7_conn *c)
{
	return c->cookie && !xc_is_socket(c->cookie);
}

static enum xc_direction direction_of(const struct xc_l7_conn *c)
{
	if (!c->cookie)
		return XC_DIRECTION_UNKNOWN;
	if (is_forwarded(c))
		return XC_DIRECTION_FORWARDED;
	return c->is_outbound ? XC_DIRECTION_OUTBOUND : XC_DIRECTION_INBOUND;
}

/* Do the counters begin with what the server sent? They begin with who opened the flow, as far as that is seen. */
static bool is_turned(const struct xc_l7_conn *c, const struct link *l)
{
	if (is_forwarded(c))
		return !c->is_outbound;
	/* a capture counts by who was taken for the client first */
	return !c->cookie && !xc_tuple_equal(&l->tuple, &c->session.tuple);
}

static struct xc_netevent event_of(struct xc_observer *o, const struct xc_l7_conn *c,
				   struct link *l, enum xc_netevent_type type)
{
	const struct xc_session *s = &c->session;
	bool is_swapped = is_turned(c, l);
	struct xc_netevent e;

	if (is_at(o, l))
		count(o, l);
	e = (struct xc_netevent){ .type = type,
				  .conn_id = l->id,
				  .no = ++l->n_events,
				  .ts_ns = s->now_ns,
				  .wall_offset_ns = o->wall_offset_ns,
				  .source = o->how->name,
				  .tuple = s->tuple,
				  .direction = direction_of(c),
				  .state = XC_NETEVENT_ESTABLISHED,
				  .owner = l->owner,
				  .peer = l->peer,
				  .tid = l->tid,
				  .netns = c->netns,
				  .ifindex = l->ifindex,
				  .bytes_sent = l->bytes[is_swapped],
				  .bytes_recv = l->bytes[!is_swapped],
				  .packets_sent = l->packets[is_swapped],
				  .packets_recv = l->packets[!is_swapped],
				  .duration_ns = l->open_ns && s->now_ns > l->open_ns ?
							 s->now_ns - l->open_ns :
							 0,
				  .n_requests = l->n_requests,
				  .l7_protocol = s->l7.proto ? s->l7.proto->name : NULL,
				  .flags = l->is_late ? XC_REQUEST_JOINED_LATE : 0,
				  .is_mock = o->is_mock };

	return e;
}

/* ---- connections ---------------------------------------------------------------------------------------- */

static void establish(struct xc_observer *o, struct xc_l7_conn *c)
{
	struct link *l = c->session.user;
	struct xc_netevent e;

	if (l->is_established)
		return;
	l->is_established = true;
	if (l->is_plaintext)
		return;		/* its outside is told of */
	e = event_of(o, c, l, XC_NETEVENT_CONNECTION);
	e.first_byte_ns = l->handshake_ns;
	e.result = XC_RESULT_OK;
	tell(o, &e);
}

static uint64_t id_of(const struct xc_segment *seg)
{
	struct {
		struct xc_tuple tuple;
		uint64_t ts_ns, cookie;
	} key;

	memset(&key, 0, sizeof(key));
	key.tuple = seg->tuple;
	key.ts_ns = seg->ts_ns;
	key.cookie = seg->cookie;
	return xc_hash(&key, sizeof(key));
}

static void on_opened(void *arg, struct xc_l7_conn *c, const struct xc_segment *seg)
{
	struct link *l = calloc(1, sizeof(*l));
	struct xc_observer *o = arg;

	c->session.user = l;
	if (!l)
		return;		/* the connection is read, but not told */
	l->id = id_of(seg);
	l->cookie = o->at->cookie;
	l->tuple = c->session.tuple;
	l->is_late = seg->tuple.proto == IPPROTO_TCP && !(seg->tcp_flags & XC_TCP_SYN);
	l->open_ns = o->at->open_ns ? o->at->open_ns : l->is_late ? 0 : seg->ts_ns;
	l->is_plaintext = o->at->what == XC_SEGMENT_PLAINTEXT;
	c->session.l7.is_plaintext = l->is_plaintext;
	l->owner = o->at->owner;
	if ((seg->tcp_flags & (XC_TCP_SYN | XC_TCP_ACK)) == XC_TCP_SYN)
		l->syn_ns = seg->ts_ns;
}

static enum xc_netevent_state state_at_end(const struct xc_observer *o, const struct link *l,
					   bool is_timeout)
{
	if (l->was_reset)
		return XC_NETEVENT_RESET;
	if (!l->is_established)
		return XC_NETEVENT_SYN_SENT;
	if (o->is_ending)
		return XC_NETEVENT_ESTABLISHED;
	return is_timeout ? XC_NETEVENT_EXPIRED : XC_NETEVENT_CLOSED;
}

static void on_closed(void *arg, struct xc_l7_conn *c, bool is_timeout)
{
	struct link *l = c->session.user;
	struct xc_observer *o = arg;
	struct xc_netevent e;

	c->session.user = NULL;
	if (!l)
		return;
	if (is_at(o, l) && o->at->tcp_flags & XC_TCP_RST)
		l->was_reset = true;
	e = event_of(o, c, l, XC_NETEVENT_CONNECTION_CLOSE);
	e.state = state_at_end(o, l, is_timeout);
	e.first_byte_ns = l->handshake_ns;
	e.result = l->is_established		 ? XC_RESULT_OK :
		   o->is_ending && !l->was_reset ? XC_RESULT_NONE :
						   XC_RESULT_NO_ANSWER;
	if (!l->is_plaintext)
		tell(o, &e);
	free(l);
}

/* ---- requests ------------------------------------------------------------------------------------------- */

static void on_request(void *arg, struct xc_l7_conn *c, const struct xc_request *r,
		       enum xc_request_stage stage)
{
	struct link *l = c->session.user;
	struct xc_observer *o = arg;
	bool is_answer = stage == XC_REQUEST_ANSWERED || stage == XC_REQUEST_ABANDONED;
	struct xc_netevent e;

	if (!l)
		return;
	establish(o, c);
	l->n_requests += !is_answer;
	e = event_of(o, c, l, xc_netevent_type_of(r, stage));
	e.request = r;
	e.stage = stage;
	e.l7_protocol = r->protocol;
	e.flags = r->flags;
	e.result = stage == XC_REQUEST_SENT ? XC_RESULT_NONE : r->result;
	e.payload_bytes = is_answer || r->by_server ? r->response_bytes : r->request_bytes;
	if (is_answer) {
		e.first_byte_ns = xc_request_first_byte_ns(r);
		e.last_byte_ns = xc_request_last_byte_ns(r);
	}
	if (o->is_ending && stage == XC_REQUEST_ABANDONED)
		e.result = XC_RESULT_NONE;	/* nobody waited for the answer */
	tell(o, &e);
}

static void on_want(void *arg, struct xc_l7_conn *c, enum xc_l7_dir dir, struct xc_l7_want w)
{
	const struct link *l = c->session.user;
	struct xc_observer *o = arg;

	if (!l || !l->is_plaintext)	/* that is no socket's */
		xc_policy_tell(c, dir, w, o->cfg.want, o->cfg.want_arg);
}

static void on_twin(void *arg, struct xc_l7_conn *c, uint64_t cookie, bool is_silent)
{
	struct xc_observer *o = arg;
	struct link *l = c->session.user;

	if (l && cookie == c->peer_cookie)
		l->peer = o->at->owner;
	else if (l)
		l->cookie = c->cookie;
	if (!is_silent)
		xc_policy_silence(cookie, o->cfg.want, o->cfg.want_arg);
}

static const struct xc_l7_events events = {
	.opened = on_opened,
	.request = on_request,
	.want = on_want,
	.twin = on_twin,
	.closed = on_closed,
};

/* ---- records -------------------------------------------------------------------------------------------- */

static bool is_icmp(const struct xc_tuple *t)
{
	return t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6;
}

/* ICMP has no ports: the id of an echo stands on both sides, whoever sends. */
static void fold_icmp(struct xc_segment *seg)
{
	uint16_t id = seg->tuple.sport_he > seg->tuple.dport_he ? seg->tuple.sport_he :
								  seg->tuple.dport_he;

	seg->tuple.sport_he = seg->tuple.dport_he = id;
	seg->n_bytes = 0;	/* there is nothing to read in it */
}

static bool is_transport_on(const struct xc_observe_config *how, const struct xc_tuple *t)
{
	if (!(xc_addr_is_v4(t->saddr) ? how->with_ipv4 : how->with_ipv6))
		return false;
	switch (t->proto) {
	case IPPROTO_TCP:
		return how->with_tcp;
	case IPPROTO_UDP:
		return how->with_udp;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return how->with_icmp;
	default:
		return false;
	}
}

/* What a packet says of the connection itself. */
static void follow(struct xc_observer *o, struct xc_l7_conn *c, const struct xc_segment *seg)
{
	struct link *l = c->session.user;
	uint8_t flags = seg->tcp_flags;

	if (flags & XC_TCP_RST)
		l->was_reset = true;
	if (l->is_established || flags & XC_TCP_RST)
		return;
	if (seg->tuple.proto == IPPROTO_TCP && (flags & XC_TCP_SYN) && !(flags & XC_TCP_ACK))
		return;
	if (flags & XC_TCP_SYN && l->syn_ns)
		l->handshake_ns = seg->ts_ns - l->syn_ns;
	establish(o, c);
}

/* The process at the other end became known after its first packet. */
static void find_peer(struct xc_observer *o, const struct xc_segment_evt *e)
{
	struct xc_l7_conn *c = e->cookie && e->owner.tgid ?
				       xc_l7_table_find(o->table, &e->tuple, e->cookie) :
				       NULL;
	struct link *l = c ? c->session.user : NULL;

	if (l && c->peer_cookie == e->cookie)
		l->peer = e->owner;
}

static void take_segment(struct xc_observer *o, const struct xc_segment_evt *e)
{
	struct xc_l7_conn *c;
	struct xc_segment seg;

	if (!xc_segment_of_record(e, &seg)) {
		o->stats.n_damaged++;
		return;
	}
	if (!is_transport_on(o->how, &seg.tuple))
		return;
	if (is_icmp(&seg.tuple))
		fold_icmp(&seg);
	if (e->what == XC_SEGMENT_PLAINTEXT) {
		seg.cookie |= PLAINTEXT_COOKIE;
		o->has_plaintext = true;
	}
	o->stats.n_over_budget += !!(e->lost & XC_SEGMENT_LOST_BUDGET);
	c = xc_l7_table_feed(o->table, &seg);
	if (!c)
		find_peer(o, e);
	if (!c || !c->session.user)
		return;
	count(o, c->session.user);
	follow(o, c, &seg);
}

static struct xc_l7_conn *find(struct xc_observer *o, const struct xc_segment_evt *e,
			       uint64_t cookie)
{
	struct xc_segment seg = { .tuple = e->tuple };
	struct xc_l7_conn *c;

	if (is_icmp(&seg.tuple))
		fold_icmp(&seg);
	c = xc_l7_table_find(o->table, &seg.tuple, cookie);

	return c && c->cookie == cookie ? c : NULL;
}

/* A flow of ICMP: live, there are only counters of it. */
static struct xc_l7_conn *open_icmp(struct xc_observer *o, const struct xc_segment_evt *e)
{
	struct xc_segment seg = { .ts_ns = e->hdr.ts_ns,
				  .cookie = e->cookie,
				  .netns = e->netns,
				  .tuple = e->tuple,
				  .is_outbound = true };	/* this socket's side comes first */

	if (!is_icmp(&e->tuple) || !is_transport_on(o->how, &e->tuple))
		return NULL;
	fold_icmp(&seg);
	return xc_l7_table_feed(o->table, &seg);
}

static void take_end(struct xc_observer *o, const struct xc_segment_evt *e)
{
	struct xc_l7_conn *c = find(o, e, e->cookie);

	if (!c)
		find_peer(o, e);
	if (!c && e->what == XC_SEGMENT_TOTALS)
		c = open_icmp(o, e);
	if (c && c->session.user) {
		count(o, c->session.user);
		if (is_icmp(&e->tuple))
			establish(o, c);
	}
	if (c && e->what == XC_SEGMENT_TOTALS)
		xc_l7_table_touch(o->table, c, e->hdr.ts_ns);
	else if (c)
		xc_l7_table_close(o->table, c, e->hdr.ts_ns);
	c = o->has_plaintext && e->what == XC_SEGMENT_CLOSED ?
		    find(o, e, e->cookie | PLAINTEXT_COOKIE) :
		    NULL;
	if (c)
		xc_l7_table_close(o->table, c, e->hdr.ts_ns);
}

static void take_packet(struct xc_observer *o, const struct xc_segment_evt *e)
{
	o->at = e;
	o->is_counted = false;
	switch (e->what) {
	case XC_SEGMENT_PACKET:
	case XC_SEGMENT_PLAINTEXT:
		take_segment(o, e);
		break;
	case XC_SEGMENT_TOTALS:
	case XC_SEGMENT_CLOSED:
		take_end(o, e);
		break;
	default:
		break;
	}
	o->at = NULL;
}

int xc_observer_feed(struct xc_observer *o, const struct xc_evt *e)
{
	o->stats.n_records++;
	if (e->ts_ns >= xc_l7_table_deadline(o->table))
		xc_l7_table_tick(o->table, e->ts_ns);
	if (e->kind == XC_EVT_SEGMENT && e->size_bytes < sizeof(struct xc_segment_evt)) {
		o->stats.n_damaged++;
	} else if (e->kind == XC_EVT_SEGMENT) {
		take_packet(o, (const struct xc_segment_evt *)e);
	} else if (e->kind == XC_EVT_TICK && e->size_bytes >= sizeof(struct xc_tick_evt)) {
		const struct xc_tick_evt *t = (const struct xc_tick_evt *)e;

		o->wall_offset_ns = t->wall_offset_ns;
		memcpy(o->stats.lost, t->lost, sizeof(o->stats.lost));
	} else if (e->kind == XC_EVT_NOTE && e->size_bytes >= sizeof(struct xc_note_evt)) {
		const struct xc_note_evt *n = (const struct xc_note_evt *)e;

		o->is_mock |= !n->id && !strcmp(n->key, XC_NOTE_MOCK);
	}
	return o->error;
}

uint64_t xc_observer_deadline(const struct xc_observer *o)
{
	return xc_l7_table_deadline(o->table);
}

int xc_observer_end(struct xc_observer *o)
{
	o->is_ending = true;
	xc_observer_get_stats(o, &o->stats);
	xc_l7_table_free(o->table);
	o->table = NULL;
	return o->error;
}

void xc_observer_get_stats(const struct xc_observer *o, struct xc_observer_stats *ret_stats)
{
	if (ret_stats != &o->stats)
		*ret_stats = o->stats;
	if (o->table)
		xc_l7_table_get_stats(o->table, &ret_stats->table);
}

/* ---- life ------------------------------------------------------------------------------------------------- */

static const struct xc_l7_proto *proto_of(const char *name, size_t *ret_i)
{
	for (size_t i = 0; xc_l7_protos[i]; i++)
		if (!strcmp(xc_l7_protos[i]->name, name)) {
			*ret_i = i;
			return xc_l7_protos[i];
		}
	return NULL;
}

static uint64_t off_bit(const char *name)
{
	size_t i;

	return proto_of(name, &i) ? 1ull << i : 0;
}

/* gRPC travels on HTTP/2: that is read while either is wanted. */
static uint64_t protocols_off(const struct xc_observe_config *how)
{
	uint64_t off = 0;

	if (!how->with_l7)
		return UINT64_MAX;
	if (!how->with_http)
		off |= off_bit("http");
	if (!how->with_http && !how->with_grpc)
		off |= off_bit("http2");
	if (!how->with_https)
		off |= off_bit("tls") | off_bit("quic");
	if (!how->with_dns)
		off |= off_bit("dns");
	return off;
}

static size_t add_hints(struct xc_observer *o, size_t n, const struct xc_ports *ports,
			const char *protocol)
{
	size_t no;
	const struct xc_l7_proto *p = proto_of(protocol, &no);

	for (size_t i = 0; p && i < ports->n; i++)
		o->hints[n++] = (struct xc_l7_port){ ports->v[i], p };
	return n;
}

static void make_hints(struct xc_observer *o)
{
	struct xc_ports dns = { .n = 1, .v = { (uint16_t)o->how->dns_port } };
	size_t n = 0;

	n = add_hints(o, n, &o->how->http_ports, "http");
	n = add_hints(o, n, &o->how->https_ports, "tls");
	n = add_hints(o, n, &o->how->grpc_ports, "http2");
	(void)add_hints(o, n, &dns, "dns");
}

void xc_observer_free(struct xc_observer *o)
{
	if (!o)
		return;
	o->cfg.file = NULL;	/* what is told now, nobody asked for */
	o->cfg.summary = NULL;
	xc_l7_table_free(o->table);
	free(o);
}

int xc_observer_new(const struct xc_observer_cfg *cfg, struct xc_observer **ret_observer)
{
	const struct xc_observe_config *how = &cfg->cfg->observe;
	struct xc_observer *o = calloc(1, sizeof(*o));
	struct xc_l7_table_cfg table = { .max_conns = how->max_connections,
					 .timeout_ns = how->connection_timeout_ns,
					 .cleanup_ns = how->connection_cleanup_ns,
					 .events = &events,
					 .arg = o,
					 .with_query = how->with_query,
					 .off = protocols_off(how) };
	int r;

	if (!o)
		return -ENOMEM;
	o->cfg = *cfg;
	o->how = how;
	o->sampler.per_million = how->sampling_rate;
	o->bucket.per_s = cfg->is_limited ? how->max_events_per_second : 0;
	make_hints(o);
	table.ports = o->hints;
	r = xc_l7_table_new(&table, &o->table);
	if (r) {
		xc_observer_free(o);
		return r;
	}
	*ret_observer = o;
	return 0;
}
