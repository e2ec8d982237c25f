/* SPDX-License-Identifier: Apache-2.0 */
#include "source/track.h"

#include "abi/host.h"
#include "model/net.h"

#include <string.h>

#define MSS_OPTIONS 12		/* time stamps (RFC 7323) take that much of a segment */

/* ---- the table ----------------------------------------------------------------------------- */

static uint32_t slot_of(const struct xc_tracker *t, const struct xc_track *tr)
{
	return (uint32_t)(tr - t->slots);
}

static uint64_t hash_of(const struct xc_flow_key *key)
{
	return xc_hash(key, sizeof(*key));
}

struct xc_track *xc_track_find(const struct xc_tracker *t, const struct xc_flow_key *key)
{
	uint32_t i = xc_index_first(&t->index, hash_of(key));

	while (i != XC_INDEX_END && memcmp(&t->slots[i].key, key, sizeof(*key)))
		i = xc_index_next(&t->index, i);
	return i == XC_INDEX_END ? NULL : &t->slots[i];
}

static void leave_age(struct xc_tracker *t, struct xc_track *tr)
{
	*(tr->older == XC_TRACK_NONE ? &t->oldest : &t->slots[tr->older].newer) = tr->newer;
	*(tr->newer == XC_TRACK_NONE ? &t->newest : &t->slots[tr->newer].older) = tr->older;
}

static void make_newest(struct xc_tracker *t, struct xc_track *tr)
{
	tr->older = t->newest;
	tr->newer = XC_TRACK_NONE;
	*(t->newest == XC_TRACK_NONE ? &t->oldest : &t->slots[t->newest].newer) = slot_of(t, tr);
	t->newest = slot_of(t, tr);
}

void xc_track_watch(struct xc_tracker *t, struct xc_track *tr)
{
	if (tr->is_in_trouble)
		return;
	tr->is_in_trouble = true;
	tr->prev = XC_TRACK_NONE;
	tr->next = t->troubled;
	if (t->troubled != XC_TRACK_NONE)
		t->slots[t->troubled].prev = slot_of(t, tr);
	t->troubled = slot_of(t, tr);
}

void xc_track_unwatch(struct xc_tracker *t, struct xc_track *tr)
{
	if (!tr->is_in_trouble)
		return;
	tr->is_in_trouble = false;
	*(tr->prev == XC_TRACK_NONE ? &t->troubled : &t->slots[tr->prev].next) = tr->next;
	if (tr->next != XC_TRACK_NONE)
		t->slots[tr->next].prev = tr->prev;
}

static struct xc_track *take_slot(struct xc_tracker *t)
{
	struct xc_track *tr;

	if (t->n < t->cfg.max_flows)
		return &t->slots[t->n++];
	tr = &t->slots[t->oldest];
	t->n_lost += tr->is_in_trouble;
	xc_track_unwatch(t, tr);
	leave_age(t, tr);
	xc_index_del(&t->index, hash_of(&tr->key), slot_of(t, tr));
	return tr;
}

struct xc_track *xc_track_get(struct xc_tracker *t, const struct xc_flow_key *key)
{
	struct xc_track *tr = xc_track_find(t, key);

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

void xc_tell(struct xc_tracker *t, const struct xc_evt *e)
{
	t->n_records++;
	t->cfg.on_record(t->cfg.arg, e);
}

void xc_tell_time(struct xc_tracker *t)
{
	struct xc_tick_evt e = {
		.hdr = { .ts_ns = t->now_ns, .size_bytes = sizeof(e), .kind = XC_EVT_TICK },
	};

	e.lost[XC_STAT_EMITTED] = t->n_records;
	e.lost[XC_STAT_LOST_MAP] = t->n_lost;
	t->tick_ns = t->now_ns + XC_TRACK_SECOND;
	xc_tell(t, &e.hdr);
}

void xc_tell_packets_only(struct xc_tracker *t)
{
	struct xc_note_evt e = {
		.hdr = { .ts_ns = t->now_ns, .size_bytes = sizeof(e), .kind = XC_EVT_NOTE },
		.key = XC_NOTE_PACKETS_ONLY,
	};

	xc_tell(t, &e.hdr);
}

/* The flow as @end of the key sends it. */
struct xc_tuple xc_track_tuple(const struct xc_track *tr, int end)
{
	struct xc_tuple u = { .sport_he = tr->key.port_he[end],
			      .dport_he = tr->key.port_he[!end],
			      .proto = tr->key.proto };

	memcpy(u.saddr, tr->key.addr[end], 16);
	memcpy(u.daddr, tr->key.addr[!end], 16);
	return u;
}

static uint8_t state_of(const struct xc_track *tr, int end)
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

static uint32_t mss_of(const struct xc_track_life *l)
{
	uint32_t a = l->end[0].mss, b = l->end[1].mss, mss = a && (!b || a < b) ? a : b;

	return mss > MSS_OPTIONS ? mss - MSS_OPTIONS : 0;
}

/* The socket of @end as its packets show it. */
struct xc_sock_evt xc_track_socket(const struct xc_tracker *t, const struct xc_track *tr, int end,
				   enum xc_sock_what what)
{
	const struct xc_flow_half *own = &tr->f.half[end], *peer = &tr->f.half[!end];
	const struct xc_track_life *l = &tr->life;
	const struct xc_track_end *s = &l->end[end];
	bool is_client = end == l->client;

	return (struct xc_sock_evt){
		.hdr = { .ts_ns = t->now_ns,
			 .size_bytes = sizeof(struct xc_sock_evt),
			 .kind = XC_EVT_SOCK },
		.cookie = l->no,
		.tuple = xc_track_tuple(tr, end),
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
		.idle_ms = (uint32_t)(peer->last_ns ? xc_since(t, peer->last_ns) / 1000000 : 0),
	};
}

/* The client speaks first: that tells who is who. */
void xc_introduce(struct xc_tracker *t, struct xc_track *tr)
{
	struct xc_sock_evt e = xc_track_socket(t, tr, tr->life.client, XC_SOCK_ERROR);

	if (!tr->life.is_told)
		xc_tell(t, &e.hdr);
	tr->life.is_told = true;
}

void xc_tell_socket(struct xc_tracker *t, struct xc_track *tr, int end, enum xc_sock_what what)
{
	struct xc_sock_evt e = xc_track_socket(t, tr, end, what);

	xc_introduce(t, tr);
	xc_tell(t, &e.hdr);
}

/* The connection of @end is over: with what its application gets, 0 = no error, or not known. */
void xc_tell_closed(struct xc_tracker *t, struct xc_track *tr, int end, int error)
{
	struct xc_sock_evt e = xc_track_socket(t, tr, end, XC_SOCK_CLOSED);

	e.state = XC_TCP_CLOSE;
	e.sk_err = (uint16_t)error;
	xc_introduce(t, tr);
	tr->life.is_over = true;
	xc_track_unwatch(t, tr);
	xc_tell(t, &e.hdr);
}
