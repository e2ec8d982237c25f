/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A passive observer does not know what it has not seen: a capture may begin late, end early, hold
 * one direction only, or a packet twice (captured on two devices). So a connection is in trouble
 * only by what its ends repeat in vain or answer with a reset, and nothing is concluded from silence
 * that the end of the capture may have cut short.
 */
#include "source/track.h"

#include "abi/flow_update.h"
#include "abi/packet.h"
#include "conn/evidence.h"
#include "model/net.h"
#include "source/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COPY_NS 10000000ull	/* sooner than any retransmission time-out */
#define STALL_NS 500000000ull	/* a window shut for less is flow control at work */
#define LONG_NS                                                                                    \
	(3 * XC_TRACK_SECOND) /* at the end of the capture: in vain for so long has failed */
#define N_TOLD 16		/* segments sent again that are told one by one; later every doubling */
#define MANY 3			/* repetitions in a row without any answer */
#define OWN_TTL_MAX 30		/* less than any system's default, less the longest way: chosen on purpose */
#define PROBE_PORT_MIN 33434	/* where traceroute sends its datagrams */
#define PROBE_PORT_MAX 33534
#define EPHEMERAL_MIN 32768	/* net.ipv4.ip_local_port_range default: only a hint */
#define WINDOW_NS                                                                                  \
	(1ull << 62) /* of xc_flow_update(): one for ever, this room asks packet by packet */

int xc_tracker_new(const struct xc_tracker_cfg *cfg, struct xc_tracker **ret_tracker)
{
	_cleanup_(xc_tracker_freep) struct xc_tracker *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->cfg = *cfg;
	t->oldest = t->newest = t->troubled = XC_TRACK_NONE;
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

/* ---- resets -------------------------------------------------------------------------------- */

/* @trigger: flags of the segment the RST answers, 0 = none; @state: of the socket that sends it. */
static void tell_reset(struct xc_tracker *t, const struct xc_track *tr, uint8_t trigger,
		       uint8_t state)
{
	int server = !tr->life.client;
	struct xc_reset_evt e = {
		.hdr = { .ts_ns = t->now_ns, .size_bytes = sizeof(e), .kind = XC_EVT_RESET },
		.tuple = xc_track_tuple(tr, server),
		.reason = 0xffff,
		.state = state,
		.trigger_flags = trigger,
		.trigger_seq = tr->life.end[!server].seq,
	};

	xc_tell(t, &e.hdr);
}

/* A RST instead of the SYN-ACK. */
static void on_refusal(struct xc_tracker *t, struct xc_track *tr)
{
	struct xc_sock_evt e = xc_track_socket(t, tr, tr->life.client, XC_SOCK_RST_RCVD);

	e.state = e.state_old = XC_TCP_SYN_SENT;
	xc_tell(t, &e.hdr);
	tell_reset(t, tr, XC_TCP_SYN, 0);
	e.what = XC_SOCK_CLOSED;
	e.state = XC_TCP_CLOSE;
	e.sk_err = ECONNREFUSED;
	tr->life.is_over = true;
	xc_track_unwatch(t, tr);
	xc_tell(t, &e.hdr);
}

/* Has the server's RST taken something from the client it still waited for? */
static bool hurts_client(const struct xc_track *tr, bool answers_segment)
{
	const struct xc_track_end *client = &tr->life.end[tr->life.client];
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
static void on_server_reset(struct xc_tracker *t, struct xc_track *tr,
			    const struct xc_flow_packet *k)
{
	const struct xc_track_end *client = &tr->life.end[tr->life.client];
	bool answers_segment = !(k->tcp_flags & XC_TCP_ACK);
	bool had_closed = tr->f.half[!tr->life.client].has & XC_HALF_FIN;
	uint8_t state = had_closed ? XC_TCP_TIME_WAIT : answers_segment ? 0 : XC_TCP_CLOSE;

	if (!hurts_client(tr, answers_segment)) {
		if (tr->life.is_told)
			xc_tell_closed(t, tr, tr->life.client, 0);
		return;
	}
	xc_tell_socket(t, tr, tr->life.client, XC_SOCK_RST_RCVD);
	tell_reset(t, tr, answers_segment ? client->flags : 0, state);
	xc_tell_closed(t, tr, tr->life.client, ECONNRESET);
}

/* @was: state of the connection before the RST. */
static void on_reset(struct xc_tracker *t, struct xc_track *tr, const struct xc_flow_packet *k,
		     uint8_t was)
{
	struct xc_track_life *l = &tr->life;
	bool is_connecting = was == XC_FLOW_NEW && l->open_ns && !l->has_synack;

	if (k->source == l->client) {
		/* who aborts what it began has not been failed by anybody, unless it lost patience */
		if (l->end[l->client].n_unanswered >= MANY && l->established_ns)
			xc_tell_closed(t, tr, l->client, ETIMEDOUT);
		else if (l->is_told)
			xc_tell_closed(t, tr, l->client, 0);
	} else if (l->end[!l->client].n_unanswered >= MANY) {
		xc_tell_closed(t, tr, !l->client, ETIMEDOUT);
	} else if (is_connecting) {
		/* any other number is not from who got the SYN, and the client ignores it (RFC 9293 3.10.7.3) */
		if (k->ack == tr->f.half[l->client].next_seq)
			on_refusal(t, tr);
	} else {
		on_server_reset(t, tr, k);
	}
	l->is_over = true;
	xc_track_unwatch(t, tr);
}

/* ---- repetitions --------------------------------------------------------------------------- */

static bool is_power_of_two(uint32_t n)
{
	return !(n & (n - 1));
}

static void on_syn(struct xc_tracker *t, struct xc_track *tr)
{
	struct xc_track_life *l = &tr->life;
	uint64_t gap_ns = xc_since(t, l->syn_ns);

	l->syn_ns = t->now_ns;
	if (!l->open_ns) {
		l->open_ns = t->now_ns;
	} else if (tr->f.state == XC_FLOW_NEW && gap_ns >= COPY_NS) {
		l->n_syn_retrans++;
		xc_tell_socket(t, tr, l->client, XC_SOCK_RETRANS);
		xc_track_watch(t, tr);
	}
}

static void on_synack(struct xc_tracker *t, struct xc_track *tr)
{
	if (tr->life.has_synack)
		xc_tell_socket(t, tr, !tr->life.client, XC_SOCK_SYNACK_RETRANS);
	tr->life.has_synack = true;
}

/* @end repeats itself; @first_ns: when it said so first. */
static void count_again(struct xc_tracker *t, struct xc_track *tr, int end, uint64_t first_ns)
{
	struct xc_track_end *s = &tr->life.end[end];

	if (!s->n_unanswered++)
		s->since_ns = first_ns;
	s->again_ns = t->now_ns;
	xc_track_watch(t, tr);
}

static void on_resend(struct xc_tracker *t, struct xc_track *tr, int end)
{
	struct xc_track_end *s = &tr->life.end[end];

	if (!tr->f.n_packets[!end])
		return;		/* the capture holds one direction only */
	s->n_resent++;
	count_again(t, tr, end, tr->f.half[end].next_ns);
	/* a FIN goes along with every acknowledgement until it is acknowledged itself */
	if (s->flags & XC_TCP_FIN && s->n_unanswered < 2)
		return;
	if (s->n_unanswered >= 2 || s->n_resent <= N_TOLD || is_power_of_two(s->n_resent))
		xc_tell_socket(t, tr, end, XC_SOCK_RETRANS);
}

/* Is the window of the other end shut, and has @end asked in vain whether it opens? */
static void look_at_window(struct xc_tracker *t, struct xc_track *tr, int end)
{
	const struct xc_flow_half *reader = &tr->f.half[!end];
	struct xc_track_life *l = &tr->life;
	uint64_t shut_ns = reader->zero_ns ? xc_since(t, reader->zero_ns) : 0;
	struct xc_sock_evt e;

	if (!shut_ns || !l->end[end].n_probes || shut_ns < STALL_NS || shut_ns < 2 * l->stall_ns)
		return;
	l->stall_ns = shut_ns;
	xc_introduce(t, tr);
	e = xc_track_socket(t, tr, end, XC_SOCK_SCAN);
	e.rwnd_limited_ms = (uint32_t)(shut_ns / 1000000);
	xc_tell(t, &e.hdr);
}

/* @d: what this one packet added. */
static void on_segment(struct xc_tracker *t, struct xc_track *tr, const struct xc_flow_packet *k,
		       const struct xc_flow_dir *d)
{
	int end = k->source;
	struct xc_track_end *s = &tr->life.end[end];

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
static uint8_t client_of(const struct xc_track *tr, const struct xc_flow_packet *k)
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

static void begin(struct xc_tracker *t, struct xc_track *tr, const struct xc_flow_packet *k)
{
	xc_track_unwatch(t, tr);
	memset(&tr->life, 0, sizeof(tr->life));
	tr->life.no = ++t->n_lives;
	tr->life.client = client_of(tr, k);
}

static void note_segment(struct xc_track_end *s, const struct xc_flow_packet *k)
{
	s->seq = k->seq;
	s->bytes = k->payload_bytes;
	s->flags = k->tcp_flags;
	s->has_sent_data |= k->payload_bytes != 0;
	s->has_closed |= (k->tcp_flags & XC_TCP_FIN) != 0;
}

/* What became of the handshake. @was: state before this packet */
static void on_handshake(struct xc_tracker *t, struct xc_track *tr, const struct xc_flow_packet *k,
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
		xc_tell_socket(t, tr, tr->life.client, XC_SOCK_ESTABLISHED);
}

static void on_tcp(struct xc_tracker *t, struct xc_track *tr, const struct xc_flow_packet *k,
		   uint8_t was)
{
	struct xc_track_life *l = &tr->life;
	struct xc_track_end *s = &l->end[k->source];
	bool closes = k->tcp_flags & XC_TCP_FIN && !s->has_closed;

	if (l->is_over)
		return;
	note_segment(s, k);
	if (k->tcp_flags & XC_TCP_RST) {
		on_reset(t, tr, k, was);
		return;
	}
	l->end[!k->source].n_unanswered = 0;
	on_handshake(t, tr, k, was);
	on_segment(t, tr, k, &tr->f.window[tr->f.filling].dir[k->source]);
	if (closes && s->n_unanswered >= MANY)
		xc_tell_closed(t, tr, k->source, ETIMEDOUT);	/* it has waited in vain */
	else if (tr->f.state == XC_FLOW_CLOSED && l->is_told)
		xc_tell_closed(t, tr, l->client, 0);
	l->is_over |= tr->f.state == XC_FLOW_CLOSED;
	if (l->is_over || (tr->f.state != XC_FLOW_NEW && !s->n_unanswered))
		xc_track_unwatch(t, tr);
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
static bool is_traceroute(const struct xc_icmp_evt *e, const struct xc_track_end *sender)
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
static bool concerns(struct xc_tracker *t, struct xc_track *tr, const struct xc_icmp_evt *e,
		     int end)
{
	struct xc_track_life *l = &tr->life;

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
	xc_track_watch(t, tr);
	return true;
}

static void on_icmp(struct xc_tracker *t, const struct xc_flow_packet *k,
		    const struct xc_flow_bytes *b)
{
	bool is_v4 = k->ends.proto == XC_IP_ICMP;
	uint32_t at = is_v4 ? 0 : k->header_bytes - 8;
	struct xc_icmp_evt e;
	struct xc_flow_key key;
	struct xc_track *tr;
	int end;

	if (b->n < at || !xc_icmp_decode(b->data + at, b->n - at, is_v4 ? 4 : 6, &e) ||
	    !xc_icmp_errno(e.family, e.type, e.code))
		return;
	if (xc_addr_is_multicast(e.tuple.daddr) || xc_addr_is_multicast(e.tuple.saddr))
		return;
	end = xc_flow_key_of(&k->quoted, &key);
	tr = xc_track_find(t, &key);
	if (is_traceroute(&e, tr ? &tr->life.end[end] : NULL) ||
	    !(tr ? concerns(t, tr, &e, end) : quotes_client(&e)))
		return;
	if (tr && tr->key.proto == XC_IP_TCP)
		xc_tell_socket(t, tr, end, XC_SOCK_ERROR);
	e.hdr = (struct xc_evt){ .ts_ns = t->now_ns, .size_bytes = sizeof(e), .kind = XC_EVT_ICMP };
	memcpy(e.from, k->ends.addr[0], 16);
	xc_tell(t, &e.hdr);
}

/* ---- time ---------------------------------------------------------------------------------- */

/* The end that has repeated itself in vain for so long that it counts; -1 = none. */
static int desperate_end(const struct xc_track *tr)
{
	for (int i = 0; i < 2; i++)
		if (tr->life.end[i].n_unanswered >= MANY && tr->f.n_packets[!i])
			return i;
	return -1;
}

/* A FIN that is never acknowledged reaches no application; data does. */
static void give_up(struct xc_tracker *t, struct xc_track *tr, int end)
{
	xc_tell_closed(t, tr, end, tr->f.half[end].has & XC_HALF_FIN ? 0 : ETIMEDOUT);
}

/*
 * Repetitions come ever more slowly, the next no later than the time all of them took so far. Silent
 * for longer than that? Then its end has given up.
 */
static bool has_given_up(const struct xc_tracker *t, uint64_t first_ns, uint64_t last_ns)
{
	return xc_since(t, last_ns) > 2 * (last_ns - first_ns) + XC_TRACK_SECOND;
}

static void look_at(struct xc_tracker *t, struct xc_track *tr)
{
	struct xc_track_life *l = &tr->life;
	int end = desperate_end(tr);

	if (tr->f.state == XC_FLOW_NEW) {
		if (has_given_up(t, l->open_ns, l->syn_ns))
			xc_tell_closed(t, tr, l->client, l->icmp_errno);
	} else if (end >= 0 && has_given_up(t, l->end[end].since_ns, l->end[end].again_ns)) {
		give_up(t, tr, end);
	}
}

/* The same at the end of the capture, which may have cut it short. */
static void look_last(struct xc_tracker *t, struct xc_track *tr)
{
	struct xc_track_life *l = &tr->life;
	int end = desperate_end(tr);

	if (tr->f.state == XC_FLOW_NEW) {
		if (l->icmp_errno)
			xc_tell_closed(t, tr, l->client, l->icmp_errno);
		else
			xc_tell_socket(t, tr, l->client,
				       XC_SOCK_ERROR); /* how long it has waited */
	} else if (end >= 0 && xc_since(t, l->end[end].since_ns) >= LONG_NS) {
		give_up(t, tr, end);
	}
}

static void sweep(struct xc_tracker *t, void (*look)(struct xc_tracker *t, struct xc_track *tr))
{
	for (uint32_t i = t->troubled, next; i != XC_TRACK_NONE; i = next) {
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
		xc_tell_packets_only(t);
	if (t->now_ns < t->tick_ns)
		return;
	sweep(t, look_at);
	xc_tell_time(t);
}

void xc_tracker_tick(struct xc_tracker *t, uint64_t now_ns)
{
	t->tick_ns = 0;
	advance(t, now_ns);
}

/* ---- packets ------------------------------------------------------------------------------- */

static void count_acked(struct xc_track_life *l, const struct xc_flow_half *was,
			const struct xc_flow_half *is, int end)
{
	if (was->has & XC_HALF_ACK && xc_seq_diff(is->last_ack, was->last_ack) > 0)
		l->end[!end].acked_bytes += is->last_ack - was->last_ack;
}

/* The same packet again, captured on another device? A repetition is later, or has another IP id. */
static bool is_copy(const struct xc_tracker *t, struct xc_track_end *s,
		    const struct xc_flow_packet *k)
{
	const uint32_t facts[] = {
		k->seq, k->ack, k->bytes, k->fragment_id, k->window, k->tcp_flags
	};
	uint64_t hash = xc_hash(facts, sizeof(facts));

	for (int i = 0; i < XC_TRACK_LATEST; i++)
		if (s->latest[i].hash == hash && xc_since(t, s->latest[i].ns) < COPY_NS)
			return true;
	s->latest[s->n_packets % XC_TRACK_LATEST].hash = hash;
	s->latest[s->n_packets++ % XC_TRACK_LATEST].ns = t->now_ns;
	return false;
}

static void on_packet(struct xc_tracker *t, struct xc_track *tr, const struct xc_flow_packet *k,
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
	on_packet(t, xc_track_get(t, &key), &k, bytes);
}

void xc_tracker_end(struct xc_tracker *t)
{
	if (!t->now_ns)
		return;
	sweep(t, look_at);
	sweep(t, look_last);
	xc_tell_time(t);
}
