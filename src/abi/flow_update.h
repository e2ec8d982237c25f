/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What one packet changes in its flow: O(1), integers only, no division but once a window, no
 * call. Compiled into the TC program and into the pcap path; a test runs the same packets
 * through both and wants the same bytes.
 *
 * A TCP segment is judged twice. By what was seen: the gaps of each stream are remembered, so a
 * byte is either new or a repetition (as tcptrace does, with XC_FLOW_HOLES gaps at most). And from
 * the wire: fast and spurious retransmissions and reordering are told by time and acknowledgements, as
 * Wireshark 4.0 does (tcp_analyze_sequence_number()).
 */
#pragma once

#include "abi/flow_packet.h"

#define XC_FAST_RETRANS_NS                                                                         \
	20000000ull /* Wireshark: a repetition this soon after duplicate ACKs is a fast one */
#define XC_REORDER_NS 3000000ull	/* Wireshark: reordering within this time, when no RTT is known */

/* a - b on the circle of sequence numbers. */
XC_INLINE __s32 xc_seq_diff(__u32 a, __u32 b)
{
	return (__s32)(a - b);
}

XC_INLINE void xc_moments_square(struct xc_moments *m, __u64 lo, __u64 hi)
{
	m->sq_lo += lo;
	m->sq_hi += hi + (m->sq_lo < lo);
}

XC_INLINE void xc_moments_add(struct xc_moments *m, __u64 x)
{
	__u64 low = (__u32)x, high = x >> 32;

	if (!m->n || x < m->min)
		m->min = x;
	if (x > m->max)
		m->max = x;
	m->n++;
	m->sum += x;
	xc_moments_square(m, low * low, 0);
	if (high)	/* rare: four seconds, as times go */
		xc_moments_square(m, (2 * high * low) << 32, high * high + (2 * high * low >> 32));
}

/* ---- windows ------------------------------------------------------------------------------ */

/* Time within [start, end) of the window during which @h was shut since h->zero_ns. */
XC_INLINE __u64 xc_flow_shut_ns(const struct xc_flow_half *h, __u64 start_ns, __u64 end_ns)
{
	__u64 from = h->zero_ns > start_ns ? h->zero_ns : start_ns;

	return h->zero_ns && end_ns > from ? end_ns - from : 0;
}

/* The window @ts_ns falls in becomes the one that is filled; what is older stays where it is. */
XC_INLINE void xc_flow_roll(struct xc_flow *f, __u64 ts_ns, __u64 window_ns)
{
	struct xc_flow_window *old = &f->window[f->filling & 1], *w;
	__u64 no = ts_ns / window_ns;

	if (old->no)
		for (int i = 0; i < 2; i++)
			old->dir[i].zero_window_ns += xc_flow_shut_ns(
				&f->half[i], f->window_end_ns - window_ns, f->window_end_ns);
	f->filling = no & 1;
	f->window_end_ns = (no + 1) * window_ns;
	w = &f->window[f->filling & 1];
	__builtin_memset(w, 0, sizeof(*w));
	w->no = no;
}

/* ---- latency ------------------------------------------------------------------------------ */

/* One sample. Jitter: RFC 3550 6.4.1 in integers; srtt: RFC 6298 2.3. Return: the sample, at least 1. */
XC_INLINE __u64 xc_flow_latency(struct xc_flow *f, struct xc_flow_window *w, __u64 ns)
{
	__u64 step;

	ns += !ns;
	xc_moments_add(&w->latency, ns);
	if (f->last_latency_ns) {
		step = ns > f->last_latency_ns ? ns - f->last_latency_ns : f->last_latency_ns - ns;
		xc_moments_add(&w->latency_step, step);
		if (step >= f->jitter_ns)
			f->jitter_ns += (step - f->jitter_ns) >> 4;
		else
			f->jitter_ns -= (f->jitter_ns - step) >> 4;
		f->srtt_ns += ns >> 3;
		f->srtt_ns -= f->srtt_ns >> 3;
	} else {
		f->srtt_ns = ns;
	}
	f->last_latency_ns = ns;
	w->jitter_ns = f->jitter_ns;
	return ns;
}

/* ---- what of a segment is new ------------------------------------------------------------- */

/* Remember that [from, to) is missing; without room the lowest gap is given up. */
XC_INLINE void xc_hole_add(struct xc_flow_hole *hole, struct xc_flow_dir *d, __u32 from, __u32 to)
{
	__u32 at = 0;

	for (__u32 i = 1; i < XC_FLOW_HOLES; i++) {
		const struct xc_flow_hole *lowest = &hole[at & (XC_FLOW_HOLES - 1)];

		if (lowest->from == lowest->to)
			break;
		if (hole[i].from == hole[i].to || xc_seq_diff(hole[i].from, lowest->from) < 0)
			at = i;
	}
	at &= XC_FLOW_HOLES - 1;
	d->n_holes_lost += hole[at].from != hole[at].to;
	hole[at].from = from;
	hole[at].to = to;
}

/* Take [from, to) out of the gaps. Return: how many of these were missing. */
XC_INLINE __u32 xc_hole_fill(struct xc_flow_hole *hole, struct xc_flow_dir *d, __u32 from, __u32 to)
{
	__u32 filled = 0;

	for (__u32 i = 0; i < XC_FLOW_HOLES; i++) {
		__u32 behind = hole[i].to;
		__u32 lo = xc_seq_diff(from, hole[i].from) > 0 ? from : hole[i].from;
		__u32 hi = xc_seq_diff(to, behind) < 0 ? to : behind;

		if (xc_seq_diff(hi, lo) <= 0)
			continue;
		filled += hi - lo;
		if (lo == hole[i].from) {
			hole[i].from = hi;
			continue;
		}
		hole[i].to = lo;
		if (hi != behind)
			xc_hole_add(hole, d, hi, behind);
	}
	return filled;
}

/* ---- TCP ---------------------------------------------------------------------------------- */

enum {
	XC_STEP_KEEPALIVE = 1,	/* asks whether the other end is still there */
	XC_STEP_PROBE = 2,	/* ... whether its window is still shut */
};

/* What the steps of one segment share. */
struct xc_flow_step {
	struct xc_flow *f;
	struct xc_flow_window *w;
	struct xc_flow_dir *d;		/* of the sender */
	struct xc_flow_half *h, *peer;
	struct xc_flow_hole *hole;	/* of the sender */
	const struct xc_flow_packet *k;
	__u32 end;			/* sequence number behind the segment */
	__u32 kind;			/* XC_STEP_* */
};

enum { XC_TCP_NO_DATA_FLAGS = XC_TCP_SYN | XC_TCP_FIN | XC_TCP_RST };

/* Start the connection again with the state of its windows kept. */
XC_INLINE void xc_flow_begin(struct xc_flow *f, const struct xc_flow_packet *k)
{
	__u8 flags = k->tcp_flags & (XC_TCP_SYN | XC_TCP_ACK);
	int is_tcp = k->ends.proto == XC_IP_TCP;

	if (f->n_connections) {
		__builtin_memset(f->half, 0, sizeof(f->half));
		__builtin_memset(f->hole, 0, sizeof(f->hole));
	}
	f->first_ns = f->last_ns = f->active_ns = k->ts_ns;
	f->syn_ns = f->asked_ns = f->handshake_ns = 0;
	f->n_packets[0] = f->n_packets[1] = f->n_bytes[0] = f->n_bytes[1] = 0;
	f->proto = k->ends.proto;
	/* the sender of the SYN; of a SYN-ACK: who it answers; else who is seen first */
	f->initiator = (k->source ^ (is_tcp && flags == (XC_TCP_SYN | XC_TCP_ACK))) & 1;
	f->state = is_tcp && !(flags & XC_TCP_SYN) ? XC_FLOW_ESTABLISHED : XC_FLOW_NEW;
	f->n_connections++;
}

/* A SYN that does not repeat the one seen: the ports are used again. */
XC_INLINE int xc_flow_is_reused(const struct xc_flow *f, const struct xc_flow_packet *k)
{
	const struct xc_flow_half *h = &f->half[k->source & 1];

	if (k->ends.proto != XC_IP_TCP || (k->tcp_flags & (XC_TCP_SYN | XC_TCP_ACK)) != XC_TCP_SYN)
		return 0;
	return h->has & XC_HALF_NEXT && !(h->has & XC_HALF_SYN && h->isn == k->seq);
}

/* Steps 1 and 4: a probe of a shut window, and a keep-alive. */
XC_INLINE void xc_tcp_kind(struct xc_flow_step *s)
{
	const struct xc_flow_packet *k = s->k;

	if (!(s->h->has & XC_HALF_NEXT) || k->payload_bytes > 1)
		return;
	if (k->payload_bytes == 1 && k->seq == s->h->next_seq && s->peer->has & XC_HALF_ACK &&
	    !s->peer->raw_window)
		s->kind = XC_STEP_PROBE;
	else if (k->seq == s->h->next_seq - 1 && !(k->tcp_flags & XC_TCP_NO_DATA_FLAGS))
		s->kind = XC_STEP_KEEPALIVE;
	s->d->n_window_probes += s->kind == XC_STEP_PROBE;
	s->d->n_keepalives += s->kind == XC_STEP_KEEPALIVE;
}

/* Steps 7 to 9: the same acknowledgement again. */
XC_INLINE void xc_tcp_dup_ack(struct xc_flow_step *s)
{
	const struct xc_flow_packet *k = s->k;
	struct xc_flow_half *h = s->h;

	if (!(h->has & XC_HALF_ACK) || k->ack != h->last_ack) {
		h->dup_acks = 0;
		return;
	}
	if (k->payload_bytes || k->tcp_flags & XC_TCP_NO_DATA_FLAGS || k->window != h->raw_window)
		return;
	if (!k->window || k->seq != h->next_seq || s->peer->has & XC_HALF_KEEPALIVE)
		return;
	if (h->dup_acks < 0xff)
		h->dup_acks++;
	/* RFC 5681 2: only while the other end waits for an acknowledgement */
	s->d->n_dup_acks +=
		s->peer->has & XC_HALF_NEXT && xc_seq_diff(s->peer->next_seq, k->ack) > 0;
}

/* Step 10: what Wireshark calls it. */
XC_INLINE void xc_tcp_wire(struct xc_flow_step *s)
{
	const struct xc_flow_packet *k = s->k;
	struct xc_flow_half *h = s->h, *peer = s->peer;
	__u64 reorder_ns = s->f->handshake_ns ? s->f->handshake_ns : XC_REORDER_NS;
	int is_behind = h->has & XC_HALF_NEXT && xc_seq_diff(k->seq, h->next_seq) < 0;

	if (k->payload_bytes > 1 && k->seq == h->next_seq - 1)
		is_behind = 0;	/* a keep-alive byte and more */
	if (k->payload_bytes && peer->has & XC_HALF_ACK &&
	    xc_seq_diff(k->seq + k->payload_bytes, peer->last_ack) <= 0) {
		s->d->n_spurious += k->n_segments;
	} else if (!is_behind) {
		return;
	} else if (peer->dup_acks >= 2 && peer->last_ack == k->seq &&
		   k->ts_ns - peer->ack_ns < XC_FAST_RETRANS_NS) {
		s->d->n_fast += k->n_segments;
	} else if (k->ts_ns - h->next_ns < reorder_ns && h->next_seq != s->end) {
		s->d->n_wire_out_of_order += k->n_segments;
		return;
	}
	s->d->n_wire_retrans += k->n_segments;
}

/* The first segment of a direction: before it, everything is unknown, but for what a SYN tells. */
XC_INLINE void xc_tcp_first(struct xc_flow_step *s)
{
	struct xc_flow_half *h = s->h;

	h->has |= XC_HALF_NEXT;
	h->next_seq = s->k->seq;
	h->next_ns = s->k->ts_ns;
	if (!(s->k->tcp_flags & XC_TCP_SYN))
		xc_hole_add(s->hole, s->d, s->k->seq - 0x40000000u, s->k->seq);
}

/* Which bytes of the segment are new, which fill a gap, which were seen. Return: seen ones. */
XC_INLINE __u32 xc_tcp_stream(struct xc_flow_step *s)
{
	const struct xc_flow_packet *k = s->k;
	struct xc_flow_half *h = s->h;
	__u32 old_end, filled, seen;

	if (xc_seq_diff(k->seq, h->next_seq) >= 0)
		return 0;
	old_end = xc_seq_diff(s->end, h->next_seq) > 0 ? h->next_seq : s->end;
	filled = xc_hole_fill(s->hole, s->d, k->seq, old_end);
	seen = old_end - k->seq - filled;
	if (filled && !seen && old_end == s->end)
		s->d->n_out_of_order += k->n_segments;
	return seen;
}

/* Karn's algorithm: one segment is timed, and none while anything is sent twice (RFC 6298 3). */
XC_INLINE void xc_tcp_time(struct xc_flow_step *s, __u32 seen)
{
	struct xc_flow_half *h = s->h;

	if (seen) {
		h->has &= (__u8)~XC_HALF_TIMED;
	} else if (s->k->payload_bytes && !(h->has & XC_HALF_TIMED) &&
		   xc_seq_diff(s->end, h->next_seq) > 0) {
		h->has |= XC_HALF_TIMED;
		h->timed_seq = s->end;
		h->timed_ns = s->k->ts_ns;
	}
}

/* A segment that takes sequence numbers. */
XC_INLINE void xc_tcp_segment(struct xc_flow_step *s)
{
	const struct xc_flow_packet *k = s->k;
	struct xc_flow_half *h = s->h;
	struct xc_flow_dir *d = s->d;
	__u32 seen, seen_bytes;

	xc_tcp_wire(s);
	seen = xc_tcp_stream(s);
	xc_tcp_time(s, seen);
	seen_bytes = seen < k->payload_bytes ? seen : k->payload_bytes;
	d->retrans_bytes += seen_bytes;
	d->new_bytes += k->payload_bytes - seen_bytes;
	if (!seen) {
		h->retrans_run = 0;
		return;
	}
	d->n_retrans += k->n_segments;
	h->retrans_run += k->n_segments;
	if (h->retrans_run > d->retrans_run_max)
		d->retrans_run_max = h->retrans_run;
}

/* Step 11. */
XC_INLINE void xc_tcp_advance(struct xc_flow_step *s)
{
	struct xc_flow_half *h = s->h;
	const struct xc_flow_packet *k = s->k;

	if (s->kind == XC_STEP_PROBE || xc_seq_diff(s->end, h->next_seq) <= 0)
		return;
	if (xc_seq_diff(k->seq, h->next_seq) > 0) {
		if (!(k->tcp_flags & XC_TCP_RST))
			s->d->n_gaps++;
		xc_hole_add(s->hole, s->d, h->next_seq, k->seq);
	}
	h->next_seq = s->end;
	h->next_ns = k->ts_ns;
}

/* The advertised window, and how long it has been shut. */
XC_INLINE void xc_tcp_window(struct xc_flow_step *s, __u64 window_ns)
{
	const struct xc_flow_packet *k = s->k;
	struct xc_flow_half *h = s->h;
	struct xc_flow_dir *d = s->d;
	__u32 window = k->window;

	if (k->tcp_flags & (XC_TCP_SYN | XC_TCP_RST))
		return;		/* a SYN's is never scaled (RFC 7323 2.2), a RST's means nothing */
	if (h->has & s->peer->has & XC_HALF_WSCALE)
		window <<= h->wscale & 15;
	if (h->window && window < h->window / 2)
		d->n_window_drops++;
	if (!d->n_windows || window < d->window_min)
		d->window_min = window;
	d->n_windows += k->n_segments;
	d->window_sum += (__u64)window * k->n_segments;
	h->window = window;
	if (!window) {
		d->n_zero_windows++;
		h->zero_ns = h->zero_ns ? h->zero_ns : k->ts_ns;
	} else if (h->zero_ns) {
		d->zero_window_ns += xc_flow_shut_ns(h, s->f->window_end_ns - window_ns, k->ts_ns);
		h->zero_ns = 0;
	}
}

/* Return: a latency sample, 0 = none. */
XC_INLINE __u64 xc_tcp_ack(struct xc_flow_step *s)
{
	const struct xc_flow_packet *k = s->k;
	struct xc_flow_half *h = s->h, *peer = s->peer;
	int is_progress = !(h->has & XC_HALF_ACK) || xc_seq_diff(k->ack, h->last_ack) > 0;

	if (is_progress) {
		peer->retrans_run = 0;
		if (peer->has & XC_HALF_FIN && k->ack == peer->next_seq)
			peer->has |= XC_HALF_FIN_ACKED;
	}
	h->ack_ns = k->ts_ns;
	h->last_ack = k->ack;
	h->raw_window = k->window;
	h->has |= XC_HALF_ACK;
	if (!(peer->has & XC_HALF_TIMED) || xc_seq_diff(k->ack, peer->timed_seq) < 0)
		return 0;
	peer->has &= (__u8)~XC_HALF_TIMED;
	return xc_flow_latency(s->f, s->w,
			       k->ts_ns > peer->timed_ns ? k->ts_ns - peer->timed_ns : 0);
}

/* Since the SYN of the initiator, at least 1 (a coarse clock may stand still); 0 = none was seen. */
XC_INLINE __u64 xc_flow_since_syn(const struct xc_flow *f, __u64 ts_ns)
{
	if (!f->syn_ns || ts_ns < f->syn_ns)
		return 0;
	return ts_ns - f->syn_ns + (ts_ns == f->syn_ns);
}

/* SYN and SYN-ACK. */
XC_INLINE void xc_tcp_syn(struct xc_flow_step *s)
{
	const struct xc_flow_packet *k = s->k;
	struct xc_flow *f = s->f;

	s->h->isn = k->seq;
	s->h->first_window = k->window;
	s->h->has |= XC_HALF_SYN;
	if (k->wscale != XC_FLOW_NO_WSCALE) {
		s->h->wscale = k->wscale;
		s->h->has |= XC_HALF_WSCALE;
	}
	if (k->source == f->initiator) {
		f->syn_ns = k->ts_ns;
	} else if (f->state == XC_FLOW_NEW) {
		s->w->handshake_ns = xc_flow_since_syn(f, k->ts_ns);
	}
}

XC_INLINE void xc_flow_end(struct xc_flow *f, struct xc_flow_window *w,
			   const struct xc_flow_packet *k)
{
	f->state = XC_FLOW_CLOSED;
	w->completed_ns = k->ts_ns > f->first_ns ? k->ts_ns - f->first_ns : 0;
	if (k->tcp_flags & XC_TCP_RST)
		w->n_ended_rst++;
	else
		w->n_ended_fin++;
}

/* Where the connection stands after this segment. */
XC_INLINE void xc_tcp_state(struct xc_flow_step *s)
{
	const struct xc_flow_packet *k = s->k;
	struct xc_flow *f = s->f;

	if (f->state == XC_FLOW_CLOSED)
		return;
	if (f->state == XC_FLOW_NEW && !(k->tcp_flags & (XC_TCP_SYN | XC_TCP_RST))) {
		f->state = XC_FLOW_ESTABLISHED;
		if (s->peer->has & XC_HALF_SYN && k->source == f->initiator)
			s->w->handshake_ns = f->handshake_ns = xc_flow_since_syn(f, k->ts_ns);
	}
	if (k->tcp_flags & XC_TCP_FIN) {
		s->h->has |= XC_HALF_FIN;
		f->state = XC_FLOW_CLOSING;
	}
	if (k->tcp_flags & XC_TCP_RST || s->h->has & s->peer->has & XC_HALF_FIN_ACKED)
		xc_flow_end(f, s->w, k);
}

/* Return: a latency sample, 0 = none. */
XC_INLINE __u64 xc_tcp_update(struct xc_flow_step *s, __u64 window_ns)
{
	const struct xc_flow_packet *k = s->k;
	__u64 sample = 0;

	s->end = k->seq + k->payload_bytes + !!(k->tcp_flags & XC_TCP_SYN) +
		 !!(k->tcp_flags & XC_TCP_FIN);
	xc_tcp_kind(s);
	if (!(s->h->has & XC_HALF_NEXT))
		xc_tcp_first(s);
	if (k->tcp_flags & XC_TCP_SYN)
		xc_tcp_syn(s);
	if (k->tcp_flags & XC_TCP_ACK)
		xc_tcp_dup_ack(s);
	if (s->end != k->seq && !s->kind)
		xc_tcp_segment(s);
	xc_tcp_advance(s);
	if (k->tcp_flags & XC_TCP_ACK) {
		xc_tcp_window(s, window_ns);
		sample = xc_tcp_ack(s);
	}
	xc_tcp_state(s);
	s->h->has &= (__u8)~XC_HALF_KEEPALIVE;
	s->h->has |= s->kind == XC_STEP_KEEPALIVE ? XC_HALF_KEEPALIVE : 0;
	return sample;
}

/* ---- every protocol ----------------------------------------------------------------------- */

XC_INLINE void xc_flow_count_flags(struct xc_flow_dir *d, const struct xc_flow_packet *k)
{
	__u32 flags = k->tcp_flags;

	d->n_flags[3] += flags >> 3 & 1;
	d->n_flags[4] += flags >> 4 & 1;
	if (flags & ~(__u32)(XC_TCP_PSH | XC_TCP_ACK))	/* the rest is rare */
		for (int i = 0; i < 8; i++)
			d->n_flags[i] += i != 3 && i != 4 ? flags >> i & 1 : 0;
	/* all segments of a super-packet acknowledge and echo congestion; the rest is in one of them */
	if (k->n_segments > 1) {
		d->n_flags[4] += flags & XC_TCP_ACK ? k->n_segments - 1 : 0;
		d->n_flags[6] += flags & XC_TCP_ECE ? k->n_segments - 1 : 0;
	}
	d->n_syn_acks += (flags & (XC_TCP_SYN | XC_TCP_ACK)) == (XC_TCP_SYN | XC_TCP_ACK);
}

XC_INLINE void xc_flow_count(struct xc_flow_dir *d, const struct xc_flow_packet *k)
{
	__u32 n = k->n_segments, full = n > 1 ? k->header_bytes + k->segment_bytes : k->bytes;
	__u32 last = k->bytes - (n - 1) * full;

	if (!d->n_packets || last < d->size_min)
		d->size_min = last;
	if (full > d->size_max)
		d->size_max = full;
	d->size_sq += (__u64)full * full * (n - 1) + (__u64)last * last;
	if (!d->n_packets || k->ttl < d->ttl_min)
		d->ttl_min = k->ttl;
	d->ttl_sum += k->ttl * n;
	d->ttl_sq += (__u64)k->ttl * k->ttl * n;
	d->n_packets += n;
	d->bytes += k->bytes;
	d->header_bytes += (__u64)k->header_bytes * n;
	if (k->payload_bytes)
		d->n_data += n;
}

/* A pause ends one active time and begins the next. */
XC_INLINE void xc_flow_pause(struct xc_flow *f, struct xc_flow_window *w, __u64 ts_ns)
{
	xc_moments_add(&w->active, f->last_ns - f->active_ns);
	xc_moments_add(&w->idle, ts_ns - f->last_ns);
	f->active_ns = ts_ns;
}

XC_INLINE void xc_flow_gaps(struct xc_flow_step *s)
{
	__u64 ts_ns = s->k->ts_ns, last_ns = s->f->last_ns, own_last_ns = s->h->last_ns;

	if (s->f->n_packets[0] | s->f->n_packets[1])
		xc_moments_add(&s->w->gap, ts_ns > last_ns ? ts_ns - last_ns : 0);
	if (own_last_ns)
		xc_moments_add(&s->d->gap, ts_ns > own_last_ns ? ts_ns - own_last_ns : 0);
	if (ts_ns >= last_ns + XC_FLOW_PAUSE_NS)
		xc_flow_pause(s->f, s->w, ts_ns);
	if (ts_ns < last_ns)
		s->w->n_reversals++;
	else
		s->f->last_ns = ts_ns;
	if (ts_ns > own_last_ns)
		s->h->last_ns = ts_ns;
}

/* What has no handshake is a request and its answer. Return: a latency sample, 0 = none. */
XC_INLINE __u64 xc_flow_answer(struct xc_flow *f, struct xc_flow_window *w,
			       const struct xc_flow_packet *k)
{
	__u64 asked_ns = f->asked_ns;

	if (k->source == f->initiator) {
		f->asked_ns = asked_ns ? asked_ns : k->ts_ns;
		return 0;
	}
	f->state = XC_FLOW_ESTABLISHED;
	if (!asked_ns)
		return 0;
	f->asked_ns = 0;
	return xc_flow_latency(f, w, k->ts_ns > asked_ns ? k->ts_ns - asked_ns : 0);
}

/* An ICMP error that quotes the flow: it belongs to the window of @ts_ns. */
XC_INLINE void xc_flow_error(struct xc_flow *f, __u64 ts_ns, __u64 window_ns)
{
	struct xc_flow_window *w;

	if (ts_ns >= f->window_end_ns)
		xc_flow_roll(f, ts_ns, window_ns);
	w = &f->window[f->filling & 1];
	w->n_errors++;
	w->initiator = f->initiator;
	w->state = f->state;
}

/**
 * xc_flow_update() - one packet of a flow
 * @f: all zero before its first packet
 * @k: filled by xc_flow_parse(), xc_flow_key_of() and the clock
 * @window_ns: length of a window, the same for every packet; not 0
 * Return: a latency sample in ns for the histogram, 0 = none.
 */
XC_INLINE __u64 xc_flow_update(struct xc_flow *f, const struct xc_flow_packet *k, __u64 window_ns)
{
	struct xc_flow_step s = { .f = f, .k = k };
	__u64 sample;

	if (k->ts_ns >= f->window_end_ns)
		xc_flow_roll(f, k->ts_ns, window_ns);
	s.w = &f->window[f->filling & 1];
	if (!f->n_connections || xc_flow_is_reused(f, k)) {
		xc_flow_begin(f, k);
		s.w->n_connections++;
	}
	s.h = &f->half[k->source & 1];
	s.peer = &f->half[(k->source & 1) ^ 1];
	s.d = &s.w->dir[k->source & 1];
	s.hole = f->hole[k->source & 1];
	/* else compilers work them out anew at every use */
	XC_OPAQUE(s.w);
	XC_OPAQUE(s.h);
	XC_OPAQUE(s.peer);
	XC_OPAQUE(s.d);
	xc_flow_gaps(&s);
	xc_flow_count(s.d, k);
	f->n_packets[k->source & 1] += k->n_segments;
	f->n_bytes[k->source & 1] += k->bytes;
	s.w->n_errors += !!(k->flags & XC_PACKET_BAD_CHECKSUM);
	if (k->ends.proto == XC_IP_TCP && !(k->flags & XC_PACKET_FRAGMENT)) {
		xc_flow_count_flags(s.d, k);
		sample = xc_tcp_update(&s, window_ns);
	} else {
		s.d->new_bytes += k->payload_bytes;
		sample = xc_flow_answer(f, s.w, k);
	}
	s.w->initiator = f->initiator;
	s.w->state = f->state;
	return sample;
}
