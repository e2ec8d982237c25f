/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A passive observer does not know what it has not seen: a capture may begin late, end early, hold
 * one direction only, or a packet twice (captured on two devices). So a connection is in trouble
 * only by what its ends repeat in vain or answer with a reset, and nothing is concluded from silence
 * that the end of the capture may have cut short.
 */
#include "source/tracker.h"

#include "abi/flow_update.h"
#include "abi/host.h"
#include "abi/packet.h"
#include "abi/sock.h"
#include "base/index.h"
#include "conn/evidence.h"
#include "model/net.h"
#include "source/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000ull
#define COPY_NS 10000000ull	/* sooner than any retransmission time-out */
#define N_LATEST 4		/* packets among which the copy of one is looked for */
#define STALL_NS 500000000ull	/* a window shut for less is flow control at work */
#define LONG_NS (3 * SECOND)	/* at the end of the capture: in vain for so long has failed */
#define MANY 3			/* repetitions in a row without any answer */
#define MSS_OPTIONS 12		/* time stamps (RFC 7323) take that much of a segment */
#define OWN_TTL_MAX 30		/* less than any system's default, less the longest way: chosen on purpose */
#define PROBE_PORT_MIN 33434	/* where traceroute sends its datagrams */
#define PROBE_PORT_MAX 33534
#define EPHEMERAL_MIN 32768	/* net.ipv4.ip_local_port_range default: only a hint */
#define NONE UINT32_MAX
#define WINDOW_NS (1ull << 62)	/* of xc_flow_update(): one for ever, this room asks packet by packet */

/* What one end of a connection sends again and again. */
struct end {
	uint64_t since_ns;	/* first of what is unanswered */
	uint64_t again_ns;	/* latest repetition or probe */
	uint64_t acked_bytes;	/* as far as seen */
	uint32_t n_resent;	/* segments */
	uint32_t n_unanswered;	/* repetitions and probes since the other end last sent anything */
	uint32_t n_probes;	/* of the other end's shut window, in this spell */
	uint32_t mss;		/* its SYN told; 0 = not seen */
	uint32_t seq, bytes;	/* of the latest segment */
	uint8_t flags;
	uint8_t ttl;
	bool has_sent_data;
	struct {
		uint64_t hash, ns;
	} latest[N_LATEST];	/* packets, in turn */
	uint32_t n_packets;
};

/* One connection. */
struct life {
	uint64_t no;
	uint64_t open_ns;	/* first SYN; 0 = not seen */
	uint64_t syn_ns;	/* latest */
	uint64_t established_ns;
	uint64_t stall_ns;	/* the shut window that was told last */
	uint32_t n_syn_retrans;
	int icmp_errno;		/* what an ICMP error makes of connect() */
	uint8_t client;		/* end of the key */
	bool has_synack;
	bool is_told;		/* there is a record about it */
	bool is_over;
	struct end end[2];
};

struct track {
	struct xc_flow_key key;
	struct xc_flow f;
	struct life life;
	uint32_t older, newer;	/* all, by latest packet */
	uint32_t prev, next;	/* those in trouble */
	bool is_in_trouble;
};

struct xc_tracker {
	struct xc_tracker_cfg cfg;
	struct track *slots;
	struct xc_index index;
	uint32_t n;		/* slots ever used */
	uint32_t oldest, newest;
	uint32_t troubled;	/* first in trouble */
	uint64_t now_ns;
	uint64_t tick_ns;	/* next */
	uint64_t n_lives;
	uint64_t n_records;
	uint64_t n_lost;	/* connections in trouble that made room */
};

int xc_tracker_new(const struct xc_tracker_cfg *cfg, struct xc_tracker **ret_tracker)
{
	_cleanup_(xc_tracker_freep) struct xc_tracker *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->cfg = *cfg;
	t->oldest = t->newest = t->troubled = NONE;
	t->slots = calloc(cfg->max_flows, sizeof(*t->slots));
	if (!t->slots || xc_index_init(&t->index, cfg->max_flows))
		return -ENOMEM;
	*ret_tracker = TAKE_PTR(t);
	return 0;
}

void xc_tracker_free(struct xc_tracker *t)
{
	if (!t)
		return;
	xc_index_done(&t->index);
	free(t->slots);
	free(t);
}

/* ---- the table ----------------------------------------------------------------------------- */

static uint32_t slot_of(const struct xc_tracker *t, const struct track *tr)
{
	return (uint32_t)(tr - t->slots);
}

static uint64_t hash_of(const struct xc_flow_key *key)
{
	return xc_hash(key, sizeof(*key));
}

static struct track *find(const struct xc_tracker *t, const struct xc_flow_key *key)
{
	uint32_t i = xc_index_first(&t->index, hash_of(key));

	while (i != XC_INDEX_END && memcmp(&t->slots[i].key, key, sizeof(*key)))
		i = xc_index_next(&t->index, i);
	return i == XC_INDEX_END ? NULL : &t->slots[i];
}

static void leave_age(struct xc_tracker *t, struct track *tr)
{
	*(tr->older == NONE ? &t->oldest : &t->slots[tr->older].newer) = tr->newer;
	*(tr->newer == NONE ? &t->newest : &t->slots[tr->newer].older) = tr->older;
}

static void make_newest(struct xc_tracker *t, struct track *tr)
{
	tr->older = t->newest;
	tr->newer = NONE;
	*(t->newest == NONE ? &t->oldest : &t->slots[t->newest].newer) = slot_of(t, tr);
	t->newest = slot_of(t, tr);
}

static void watch(struct xc_tracker *t, struct track *tr)
{
	if (tr->is_in_trouble)
		return;
	tr->is_in_trouble = true;
	tr->prev = NONE;
	tr->next = t->troubled;
	if (t->troubled != NONE)
		t->slots[t->troubled].prev = slot_of(t, tr);
	t->troubled = slot_of(t, tr);
}

static void unwatch(struct xc_tracker *t, struct track *tr)
{
	if (!tr->is_in_trouble)
		return;
	tr->is_in_trouble = false;
	*(tr->prev == NONE ? &t->troubled : &t->slots[tr->prev].next) = tr->next;
	if (tr->next != NONE)
		t->slots[tr->next].prev = tr->prev;
}

static struct track *take_slot(struct xc_tracker *t)
{
	struct track *tr;

	if (t->n < t->cfg.max_flows)
		return &t->slots[t->n++];
	tr = &t->slots[t->oldest];
	t->n_lost += tr->is_in_trouble;
	unwatch(t, tr);
	leave_age(t, tr);
	xc_index_del(&t->index, hash_of(&tr->key), slot_of(t, tr));
	return tr;
}

static struct track *find_or_add(struct xc_tracker *t, const struct xc_flow_key *key)
{
	struct track *tr = find(t, key);

	if (tr) {
		leave_age(t, tr);
	} else {
		tr = take_slot(t);
		memset(tr, 0, sizeof(*tr));
		tr->key = *key;
		xc_index_add(&t->index, hash_of(key), slot_of(t, tr));
	}
	make_newest(t, tr);
	return tr;
}

/* ---- records ------------------------------------------------------------------------------- */

static uint64_t since(const struct xc_tracker *t, uint64_t ns)
{
	return t->now_ns > ns ? t->now_ns - ns : 0;
}

static void tell(struct xc_tracker *t, const struct xc_evt *e)
{
	t->n_records++;
	t->cfg.on_record(t->cfg.arg, e);
}

static void tell_time(struct xc_tracker *t)
{
	struct xc_tick_evt e = {
		.hdr = { .ts_ns = t->now_ns, .size_bytes = sizeof(e), .kind = XC_EVT_TICK },
	};

	e.lost[XC_STAT_EMITTED] = t->n_records;
	e.lost[XC_STAT_LOST_MAP] = t->n_lost;
	t->tick_ns = t->now_ns + SECOND;
	tell(t, &e.hdr);
}

static void tell_kind_of_source(struct xc_tracker *t)
{
	struct xc_note_evt e = {
		.hdr = { .ts_ns = t->now_ns, .size_bytes = sizeof(e), .kind = XC_EVT_NOTE },
		.key = XC_NOTE_PACKETS_ONLY,
	};

	tell(t, &e.hdr);
}

/* The flow as @end of the key sends it. */
static struct xc_tuple tuple_of(const struct track *tr, int end)
{
	struct xc_tuple u = { .sport_he = tr->key.port_he[end],
			      .dport_he = tr->key.port_he[!end],
			      .proto = tr->key.proto };

	memcpy(u.saddr, tr->key.addr[end], 16);
	memcpy(u.daddr, tr->key.addr[!end], 16);
	return u;
}

static uint8_t state_of(const struct track *tr, int end)
{
	uint8_t own = tr->f.half[end].has, peer = tr->f.half[!end].has;

	if (tr->f.state == XC_FLOW_NEW)
		return end == tr->life.client ? XC_TCP_SYN_SENT : XC_TCP_SYN_RECV;
	if (own & XC_HALF_FIN_ACKED)
		return peer & XC_HALF_FIN ? XC_TCP_TIME_WAIT : XC_TCP_FIN_WAIT2;
	if (own & XC_HALF_FIN)
		return peer & XC_HALF_FIN ? XC_TCP_LAST_ACK : XC_TCP_FIN_WAIT1;
	return peer & XC_HALF_FIN ? XC_TCP_CLOSE_WAIT : XC_TCP_ESTABLISHED;
}

static uint32_t mss_of(const struct life *l)
{
	uint32_t a = l->end[0].mss, b = l->end[1].mss, mss = a && (!b || a < b) ? a : b;

	return mss > MSS_OPTIONS ? mss - MSS_OPTIONS : 0;
}

/* The socket of @end as its packets show it. */
static struct xc_sock_evt socket_of(const struct xc_tracker *t, const struct track *tr, int end,
				    enum xc_sock_what what)
{
	const struct xc_flow_half *own = &tr->f.half[end], *peer = &tr->f.half[!end];
	const struct life *l = &tr->life;
	const struct end *s = &l->end[end];
	bool is_client = end == l->client;

	return (struct xc_sock_evt){
		.hdr = { .ts_ns = t->now_ns,
			 .size_bytes = sizeof(struct xc_sock_evt),
			 .kind = XC_EVT_SOCK },
		.cookie = l->no,
		.tuple = tuple_of(tr, end),
		.open_ns = is_client ? l->open_ns : 0,
		.established_ns = l->established_ns,
		.bytes_acked = s->acked_bytes,
		.bytes_received = l->end[!end].acked_bytes,
		.flags = (is_client ? XC_SOCK_F_CLIENT : 0) |
			 (own->has & XC_HALF_FIN ? XC_SOCK_F_ORPHAN : 0),
		.what = (uint8_t)what,
		.state_old = state_of(tr, end),
		.state = state_of(tr, end),
		.probes_out = (uint8_t)(s->n_unanswered < 255 ? s->n_unanswered : 255),
		.seg_flags = s->flags,
		.syn_retrans = (uint16_t)(is_client ? l->n_syn_retrans : 0),
		.total_retrans = s->n_resent,
		.seg_bytes = s->bytes,
		.seg_seq = s->seq,
		.snd_una = peer->last_ack,
		.snd_nxt = own->next_seq,
		.write_seq = own->next_seq,
		.rcv_nxt = own->last_ack,
		.snd_wnd = peer->window,
		.rcv_wnd = own->window,
		.mss_bytes = mss_of(l),
		.sacked_out = peer->dup_acks,
		.srtt_us = (uint32_t)(tr->f.srtt_ns / 1000),
		.idle_ms = (uint32_t)(peer->last_ns ? since(t, peer->last_ns) / 1000000 : 0),
	};
}

/* The client speaks first: that tells who is who. */
static void introduce(struct xc_tracker *t, struct track *tr)
{
	struct xc_sock_evt e = socket_of(t, tr, tr->life.client, XC_SOCK_ERROR);

	if (!tr->life.is_told)
		tell(t, &e.hdr);
	tr->life.is_told = true;
}

static void tell_socket(struct xc_tracker *t, struct track *tr, int end, enum xc_sock_what what)
{
	struct xc_sock_evt e = socket_of(t, tr, end, what);

	introduce(t, tr);
	tell(t, &e.hdr);
}

/* The connection of @end is over: with what its application gets, 0 = no error, or not known. */
static void tell_closed(struct xc_tracker *t, struct track *tr, int end, int error)
{
	struct xc_sock_evt e = socket_of(t, tr, end, XC_SOCK_CLOSED);

	e.state = XC_TCP_CLOSE;
	e.sk_err = (uint16_t)error;
	introduce(t, tr);
	tr->life.is_over = true;
	unwatch(t, tr);
	tell(t, &e.hdr);
}

/* ---- resets -------------------------------------------------------------------------------- */

/* @trigger: flags of the segment the RST answers, 0 = none; @state: of the socket that sends it. */
static void tell_reset(struct xc_tracker *t, const struct track *tr, uint8_t trigger, uint8_t state)
{
	int server = !tr->life.client;
	struct xc_reset_evt e = {
		.hdr = { .ts_ns = t->now_ns, .size_bytes = sizeof(e), .kind = XC_EVT_RESET },
		.tuple = tuple_of(tr, server),
		.reason = 0xffff,
		.state = state,
		.trigger_flags = trigger,
		.trigger_seq = tr->life.end[!server].seq,
	};

	tell(t, &e.hdr);
}

/* A RST instead of the SYN-ACK. */
static void on_refusal(struct xc_tracker *t, struct track *tr)
{
	struct xc_sock_evt e = socket_of(t, tr, tr->life.client, XC_SOCK_RST_RCVD);

	e.state = e.state_old = XC_TCP_SYN_SENT;
	tell(t, &e.hdr);
	tell_reset(t, tr, XC_TCP_SYN, 0);
	e.what = XC_SOCK_CLOSED;
	e.state = XC_TCP_CLOSE;
	e.sk_err = ECONNREFUSED;
	tr->life.is_over = true;
	unwatch(t, tr);
	tell(t, &e.hdr);
}

/* Has the server's RST taken something from the client it still waited for? */
static bool hurts_client(const struct track *tr, bool answers_segment)
{
	const struct end *client = &tr->life.end[tr->life.client];
	uint8_t client_has = tr->f.half[tr->life.client].has;
	uint8_t server_has = tr->f.half[!tr->life.client].has;

	if (!client->has_sent_data && !tr->life.established_ns)
		return false;	/* never a connection, or the capture begins with its end */
	if (client_has & XC_HALF_FIN)
		return client->has_sent_data && !tr->life.end[!tr->life.client].has_sent_data;
	if (server_has & XC_HALF_FIN)
		return answers_segment && client->bytes;
	return true;
}

/*
 * RFC 9293 3.10.7.1: a RST that answers a segment nobody there has a connection for has no ACK and
 * the number the segment acknowledges; one that a socket sends of its own accord has an ACK.
 */
static void on_server_reset(struct xc_tracker *t, struct track *tr, const struct xc_flow_packet *k)
{
	const struct end *client = &tr->life.end[tr->life.client];
	bool answers_segment = !(k->tcp_flags & XC_TCP_ACK);
	bool had_closed = tr->f.half[!tr->life.client].has & XC_HALF_FIN;
	uint8_t state = had_closed ? XC_TCP_TIME_WAIT : answers_segment ? 0 : XC_TCP_CLOSE;

	if (!hurts_client(tr, answers_segment)) {
		if (tr->life.is_told)
			tell_closed(t, tr, tr->life.client, 0);
		return;
	}
	tell_socket(t, tr, tr->life.client, XC_SOCK_RST_RCVD);
	tell_reset(t, tr, answers_segment ? client->flags : 0, state);
	tell_closed(t, tr, tr->life.client, ECONNRESET);
}

/* @was: state of the connection before the RST. */
static void on_reset(struct xc_tracker *t, struct track *tr, const struct xc_flow_packet *k, uint8_t was)
{
	struct life *l = &tr->life;
	bool is_connecting = was == XC_FLOW_NEW && l->open_ns && !l->has_synack;

	if (k->source == l->client) {
		/* who aborts what it began has not been failed by anybody, unless it lost patience */
		if (l->end[l->client].n_unanswered >= MANY && l->established_ns)
			tell_closed(t, tr, l->client, ETIMEDOUT);
		else if (l->is_told)
			tell_closed(t, tr, l->client, 0);
	} else if (l->end[!l->client].n_unanswered >= MANY) {
		tell_closed(t, tr, !l->client, ETIMEDOUT);
	} else if (is_connecting) {
		on_refusal(t, tr);
	} else {
		on_server_reset(t, tr, k);
	}
	l->is_over = true;
	unwatch(t, tr);
}

/* ---- repetitions --------------------------------------------------------------------------- */

static bool is_power_of_two(uint32_t n)
{
	return !(n & (n - 1));
}

static void on_syn(struct xc_tracker *t, struct track *tr)
{
	struct life *l = &tr->life;
	uint64_t gap_ns = since(t, l->syn_ns);

	l->syn_ns = t->now_ns;
	if (!l->open_ns) {
		l->open_ns = t->now_ns;
	} else if (tr->f.state == XC_FLOW_NEW && gap_ns >= COPY_NS) {
		l->n_syn_retrans++;
		tell_socket(t, tr, l->client, XC_SOCK_RETRANS);
		watch(t, tr);
	}
}

static void on_synack(struct xc_tracker *t, struct track *tr)
{
	if (tr->life.has_synack)
		tell_socket(t, tr, !tr->life.client, XC_SOCK_SYNACK_RETRANS);
	tr->life.has_synack = true;
}

/* @end repeats itself; @first_ns: when it said so first. */
static void count_again(struct xc_tracker *t, struct track *tr, int end, uint64_t first_ns)
{
	struct end *s = &tr->life.end[end];

	if (!s->n_unanswered++)
		s->since_ns = first_ns;
	s->again_ns = t->now_ns;
	watch(t, tr);
}

static void on_resend(struct xc_tracker *t, struct track *tr, int end)
{
	struct end *s = &tr->life.end[end];

	if (!tr->f.n_packets[!end])
		return;		/* the capture holds one direction only */
	s->n_resent++;
	count_again(t, tr, end, tr->f.half[end].next_ns);
	/* a FIN goes along with every acknowledgement until it is acknowledged itself */
	if (s->n_unanswered >= 2 || (is_power_of_two(s->n_resent) && !(s->flags & XC_TCP_FIN)))
		tell_socket(t, tr, end, XC_SOCK_RETRANS);
}

/* Is the window of the other end shut, and has @end asked in vain whether it opens? */
static void look_at_window(struct xc_tracker *t, struct track *tr, int end)
{
	const struct xc_flow_half *reader = &tr->f.half[!end];
	struct life *l = &tr->life;
	uint64_t shut_ns = reader->zero_ns ? since(t, reader->zero_ns) : 0;
	struct xc_sock_evt e;

	if (!shut_ns || !l->end[end].n_probes || shut_ns < STALL_NS || shut_ns < 2 * l->stall_ns)
		return;
	l->stall_ns = shut_ns;
	introduce(t, tr);
	e = socket_of(t, tr, end, XC_SOCK_SCAN);
	e.rwnd_limited_ms = (uint32_t)(shut_ns / 1000000);
	tell(t, &e.hdr);
}

/* @d: what this one packet added. */
static void on_segment(struct xc_tracker *t, struct track *tr, const struct xc_flow_packet *k,
		       const struct xc_flow_dir *d)
{
	int end = k->source;
	struct end *s = &tr->life.end[end];

	if (d->n_keepalives | d->n_window_probes) {
		s->n_probes += tr->f.half[!end].zero_ns != 0;
		count_again(t, tr, end, t->now_ns);
	} else if (d->n_retrans && !(k->tcp_flags & XC_TCP_SYN)) {
		on_resend(t, tr, end);
	}
	look_at_window(t, tr, end);
	if (!tr->f.half[end].zero_ns) {
		tr->life.end[!end].n_probes = 0;
		tr->life.stall_ns = 0;
	}
}

/* ---- one TCP packet ------------------------------------------------------------------------ */

/* Nobody has seen the SYN: the lower port is the server's, if it looks like one. */
static uint8_t client_of(const struct track *tr, const struct xc_flow_packet *k)
{
	uint16_t a = tr->key.port_he[0], b = tr->key.port_he[1];

	if (k->tcp_flags & XC_TCP_SYN || (a < EPHEMERAL_MIN) == (b < EPHEMERAL_MIN))
		return tr->f.initiator;
	return a < b;
}

/* The maximum segment size a SYN tells (RFC 9293 3.7.1), 0 = none. */
static uint32_t read_mss(const struct xc_flow_packet *k, const struct xc_flow_bytes *b)
{
	struct xc_flow_ip ip;
	__u8 addr[2][16];
	uint32_t at, end = k->header_bytes;

	if (xc_flow_parse_ip(b, 0, &ip, addr))
		return 0;
	for (at = ip.header_bytes + 20; at + 4 <= end;) {
		const uint8_t *o = xc_flow_at(b, at, 4);

		if (!o || o[0] == 0 || (o[0] != 1 && o[1] < 2))
			return 0;
		if (o[0] == 2)
			return xc_be16(o + 2);
		at += o[0] == 1 ? 1 : o[1];
	}
	return 0;
}

static void begin(struct xc_tracker *t, struct track *tr, const struct xc_flow_packet *k)
{
	unwatch(t, tr);
	memset(&tr->life, 0, sizeof(tr->life));
	tr->life.no = ++t->n_lives;
	tr->life.client = client_of(tr, k);
}

static void note_segment(struct end *s, const struct xc_flow_packet *k)
{
	s->seq = k->seq;
	s->bytes = k->payload_bytes;
	s->flags = k->tcp_flags;
	s->has_sent_data |= k->payload_bytes != 0;
}

/* What became of the handshake. @was: state before this packet */
static void on_handshake(struct xc_tracker *t, struct track *tr, const struct xc_flow_packet *k,
			 uint8_t was)
{
	uint8_t flags = k->tcp_flags & (XC_TCP_SYN | XC_TCP_ACK);

	if (flags == XC_TCP_SYN && k->source == tr->life.client)
		on_syn(t, tr);
	if (flags == (XC_TCP_SYN | XC_TCP_ACK) && k->source != tr->life.client)
		on_synack(t, tr);
	if (was != XC_FLOW_NEW || tr->f.state == XC_FLOW_NEW || k->tcp_flags & XC_TCP_RST)
		return;
	tr->life.established_ns = t->now_ns;
	if (tr->life.is_told)
		tell_socket(t, tr, tr->life.client, XC_SOCK_ESTABLISHED);
}

static void on_tcp(struct xc_tracker *t, struct track *tr, const struct xc_flow_packet *k, uint8_t was)
{
	struct life *l = &tr->life;

	if (l->is_over)
		return;
	note_segment(&l->end[k->source], k);
	if (k->tcp_flags & XC_TCP_RST) {
		on_reset(t, tr, k, was);
		return;
	}
	l->end[!k->source].n_unanswered = 0;
	on_handshake(t, tr, k, was);
	on_segment(t, tr, k, &tr->f.window[tr->f.filling].dir[k->source]);
	if (tr->f.state == XC_FLOW_CLOSED && l->is_told)
		tell_closed(t, tr, l->client, 0);
	l->is_over = tr->f.state == XC_FLOW_CLOSED;
	if (l->is_over || (tr->f.state != XC_FLOW_NEW && !l->end[k->source].n_unanswered))
		unwatch(t, tr);
}

/* ---- ICMP errors --------------------------------------------------------------------------- */

static bool is_about_size(const struct xc_icmp_evt *e)
{
	return e->family == 4 ? e->type == 3 && e->code == 4 : e->type == 2;
}

static bool is_time_exceeded(const struct xc_icmp_evt *e)
{
	return e->type == (e->family == 4 ? 11 : 3);
}

/* Looking for the way, not for a service. */
static bool is_traceroute(const struct xc_icmp_evt *e, const struct end *sender)
{
	if (e->tuple.proto == XC_IP_TCP)
		return false;
	if (e->tuple.proto == XC_IP_UDP && e->tuple.dport_he >= PROBE_PORT_MIN &&
	    e->tuple.dport_he <= PROBE_PORT_MAX)
		return true;
	return is_time_exceeded(e) && (!sender || sender->ttl <= OWN_TTL_MAX);
}

/* An error about a flow that was not seen: does it quote who asked, not who answered? */
static bool quotes_client(const struct xc_icmp_evt *e)
{
	return e->tuple.sport_he >= EPHEMERAL_MIN || e->tuple.dport_he < EPHEMERAL_MIN;
}

/* Is it worth telling? Routers report much that a living connection does not notice. */
static bool concerns(struct xc_tracker *t, struct track *tr, const struct xc_icmp_evt *e, int end)
{
	struct life *l = &tr->life;

	if (end != l->client)
		return false;
	if (tr->key.proto != XC_IP_TCP)
		return true;
	if (l->is_over)
		return false;
	if (tr->f.state != XC_FLOW_NEW)
		return is_about_size(e) || l->end[end].n_unanswered;
	if (!is_about_size(e))
		l->icmp_errno = xc_icmp_errno(e->family, e->type, e->code);
	watch(t, tr);
	return true;
}

static void on_icmp(struct xc_tracker *t, const struct xc_flow_packet *k, const struct xc_flow_bytes *b)
{
	bool is_v4 = k->ends.proto == XC_IP_ICMP;
	uint32_t at = is_v4 ? 0 : k->header_bytes - 8;
	struct xc_icmp_evt e;
	struct xc_flow_key key;
	struct track *tr;
	int end;

	if (b->n < at || !xc_icmp_decode(b->data + at, b->n - at, is_v4 ? 4 : 6, &e) ||
	    !xc_icmp_errno(e.family, e.type, e.code))
		return;
	if (xc_addr_is_multicast(e.tuple.daddr) || xc_addr_is_multicast(e.tuple.saddr))
		return;
	end = xc_flow_key_of(&k->quoted, &key);
	tr = find(t, &key);
	if (is_traceroute(&e, tr ? &tr->life.end[end] : NULL) ||
	    !(tr ? concerns(t, tr, &e, end) : quotes_client(&e)))
		return;
	if (tr && tr->key.proto == XC_IP_TCP)
		tell_socket(t, tr, end, XC_SOCK_ERROR);
	e.hdr = (struct xc_evt){ .ts_ns = t->now_ns, .size_bytes = sizeof(e), .kind = XC_EVT_ICMP };
	memcpy(e.from, k->ends.addr[0], 16);
	tell(t, &e.hdr);
}

/* ---- time ---------------------------------------------------------------------------------- */

/* The end that has repeated itself in vain for so long that it counts; -1 = none. */
static int desperate_end(const struct track *tr)
{
	for (int i = 0; i < 2; i++)
		if (tr->life.end[i].n_unanswered >= MANY && tr->f.n_packets[!i])
			return i;
	return -1;
}

/* A FIN that is never acknowledged reaches no application; data does. */
static void give_up(struct xc_tracker *t, struct track *tr, int end)
{
	tell_closed(t, tr, end, tr->f.half[end].has & XC_HALF_FIN ? 0 : ETIMEDOUT);
}

/*
 * Repetitions come ever more slowly, the next no later than the time all of them took so far. Silent
 * for longer than that? Then its end has given up.
 */
static bool has_given_up(const struct xc_tracker *t, uint64_t first_ns, uint64_t last_ns)
{
	return since(t, last_ns) > 2 * (last_ns - first_ns) + SECOND;
}

static void look_at(struct xc_tracker *t, struct track *tr)
{
	struct life *l = &tr->life;
	int end = desperate_end(tr);

	if (tr->f.state == XC_FLOW_NEW) {
		if (has_given_up(t, l->open_ns, l->syn_ns))
			tell_closed(t, tr, l->client, l->icmp_errno);
	} else if (end >= 0 && has_given_up(t, l->end[end].since_ns, l->end[end].again_ns)) {
		give_up(t, tr, end);
	}
}

/* The same at the end of the capture, which may have cut it short. */
static void look_last(struct xc_tracker *t, struct track *tr)
{
	struct life *l = &tr->life;
	int end = desperate_end(tr);

	if (tr->f.state == XC_FLOW_NEW) {
		if (l->icmp_errno)
			tell_closed(t, tr, l->client, l->icmp_errno);
		else
			tell_socket(t, tr, l->client, XC_SOCK_ERROR);	/* how long it has waited */
	} else if (end >= 0 && since(t, l->end[end].since_ns) >= LONG_NS) {
		give_up(t, tr, end);
	}
}

static void sweep(struct xc_tracker *t, void (*look)(struct xc_tracker *t, struct track *tr))
{
	for (uint32_t i = t->troubled, next; i != NONE; i = next) {
		next = t->slots[i].next;
		look(t, &t->slots[i]);
	}
}

/* Time of the packets, never backwards. */
static void advance(struct xc_tracker *t, uint64_t ts_ns)
{
	bool is_first = !t->now_ns;

	t->now_ns = ts_ns > t->now_ns ? ts_ns : t->now_ns + is_first;	/* 0 means never */
	if (is_first)
		tell_kind_of_source(t);
	if (t->now_ns < t->tick_ns)
		return;
	sweep(t, look_at);
	tell_time(t);
}

void xc_tracker_tick(struct xc_tracker *t, uint64_t now_ns)
{
	t->tick_ns = 0;
	advance(t, now_ns);
}

/* ---- packets ------------------------------------------------------------------------------- */

static void count_acked(struct life *l, const struct xc_flow_half *was, const struct xc_flow_half *is,
			int end)
{
	if (was->has & XC_HALF_ACK && xc_seq_diff(is->last_ack, was->last_ack) > 0)
		l->end[!end].acked_bytes += is->last_ack - was->last_ack;
}

/* The same packet again, captured on another device? A repetition is later, or has another IP id. */
static bool is_copy(const struct xc_tracker *t, struct end *s, const struct xc_flow_packet *k)
{
	const uint32_t facts[] = { k->seq,   k->ack,	   k->bytes, k->fragment_id,
				   k->window, k->tcp_flags };
	uint64_t hash = xc_hash(facts, sizeof(facts));

	for (int i = 0; i < N_LATEST; i++)
		if (s->latest[i].hash == hash && since(t, s->latest[i].ns) < COPY_NS)
			return true;
	s->latest[s->n_packets % N_LATEST].hash = hash;
	s->latest[s->n_packets++ % N_LATEST].ns = t->now_ns;
	return false;
}

static void on_packet(struct xc_tracker *t, struct track *tr, const struct xc_flow_packet *k,
		      const struct xc_flow_bytes *b)
{
	struct xc_flow_half was = tr->f.half[k->source];
	uint32_t n_connections = tr->f.n_connections;
	uint8_t state = tr->f.state;

	if (is_copy(t, &tr->life.end[k->source], k))
		return;
	/* what the update adds to the window is then this packet's alone */
	memset(&tr->f.window[tr->f.filling].dir[k->source], 0, sizeof(struct xc_flow_dir));
	(void)xc_flow_update(&tr->f, k, WINDOW_NS);
	if (tr->f.n_connections != n_connections) {
		begin(t, tr, k);
		state = tr->f.state;
	}
	tr->life.end[k->source].ttl = k->ttl;
	if (k->ends.proto != XC_IP_TCP)
		return;
	count_acked(&tr->life, &was, &tr->f.half[k->source], k->source);
	if (k->tcp_flags & XC_TCP_SYN)
		tr->life.end[k->source].mss = read_mss(k, b);
	on_tcp(t, tr, k, state);
}

void xc_tracker_add(struct xc_tracker *t, const struct xc_flow_packet *packet,
		    const struct xc_flow_bytes *bytes)
{
	struct xc_flow_packet k = *packet;
	struct xc_flow_key key;

	advance(t, k.ts_ns);
	k.ts_ns = t->now_ns;
	if (k.flags & XC_PACKET_QUOTES) {
		on_icmp(t, &k, bytes);
		return;
	}
	if (k.flags & XC_PACKET_FRAGMENT ||
	    (k.ends.proto != XC_IP_TCP && k.ends.proto != XC_IP_UDP && !k.ends.port_he[0]))
		return;
	k.source = xc_flow_key_of(&k.ends, &key);
	on_packet(t, find_or_add(t, &key), &k, bytes);
}

void xc_tracker_end(struct xc_tracker *t)
{
	if (!t->now_ns)
		return;
	sweep(t, look_at);
	sweep(t, look_last);
	tell_time(t);
	t->now_ns += SECOND;	/* the grace of the last evidence */
	tell_time(t);
}
