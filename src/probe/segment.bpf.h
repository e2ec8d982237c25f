/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * From a packet to records: its headers, how much of it is wanted, and the records that tell it. For packets of sockets
 * (stream.bpf.c) and for those that only pass through (forward.bpf.c).
 */
#pragma once

#include "probe/stream.bpf.h"

#include "abi/flow_packet.h"

#define XC_NO_RECORD (-1)

/* ---- one packet ---------------------------------------------------------------------------- */

struct xc_head {
	u8 addr[2][16];		/* source, destination */
	u32 ip_at;		/* in what the program is given: behind a link header, where there is one */
	u32 at;			/* of the payload, from there on */
	u32 ip_bytes;		/* length of the packet as its IP header has it; 0 = larger than the field */
	u32 bytes;		/* of payload */
	u32 seq, ack;
	u16 port_he[2];
	u8 proto;
	u8 tcp_flags;
	u8 is_request;		/* ICMP: an echo request */
	u8 _pad0;
};

#define TCP_BYTES 20
#define UDP_BYTES 8		/* and those of an echo that are looked at */
#define IP4_BYTES 20
#define IP6_BYTES 40
#define READ_BYTES 64		/* IPv6 and TCP at least */

/* The transport header, which is not where it mostly is, behind the place of an IPv6 header. */
static __always_inline int read_transport(struct __sk_buff *skb, const struct xc_head *h, u8 *p)
{
	if (h->proto == IPPROTO_TCP)
		return bpf_skb_load_bytes(skb, h->ip_at + h->at, p + IP6_BYTES, TCP_BYTES);
	return bpf_skb_load_bytes(skb, h->ip_at + h->at, p + IP6_BYTES, UDP_BYTES);
}

static __always_inline int parse_ip4(struct __sk_buff *skb, struct xc_head *h, u8 *p)
{
	if (xc_be16(p + 6) & 0x1fff)
		return -1;
	h->at = (p[0] & 15) * 4;
	h->ip_bytes = xc_be16(p + 2);
	h->proto = p[9];
	xc_flow_addr4(h->addr[0], p + 12);
	xc_flow_addr4(h->addr[1], p + 16);
	return h->at == IP4_BYTES ? 0 : read_transport(skb, h, p);
}

static __always_inline int parse_ip6(struct __sk_buff *skb, struct xc_head *h, u8 *p)
{
	struct xc_flow_ip ip = { .proto = p[6] };

	h->at = IP6_BYTES;
	h->ip_bytes = xc_be16(p + 4) ? xc_be16(p + 4) + IP6_BYTES : 0;
	__builtin_memcpy(h->addr, p + 8, 32);
	for (int i = 0; i < XC_IP6_HEADERS && xc_flow_is_ip6_extension(ip.proto); i++) {
		if (bpf_skb_load_bytes(skb, h->ip_at + h->at, p + IP6_BYTES, 8))
			return -1;
		h->at += xc_flow_ip6_extension(p + IP6_BYTES, &ip);
		/* all ways through here look alike to the verifier then */
		asm volatile("%0 &= 4095" : "+r"(h->at));
		if (ip.flags & XC_PACKET_FRAGMENT)
			return -1;
	}
	h->proto = ip.proto;
	return h->at == IP6_BYTES ? 0 : read_transport(skb, h, p);
}

static __always_inline void parse_tcp(struct xc_head *h, const u8 *p)
{
	h->port_he[0] = xc_be16(p);
	h->port_he[1] = xc_be16(p + 2);
	h->seq = xc_be32(p + 4);
	h->ack = xc_be32(p + 8);
	h->at += (p[12] >> 4) * 4;
	h->tcp_flags = p[13];
}

/* UDP, and echoes, whose identifier stands for both ports. */
static __always_inline int parse_datagram(struct xc_head *h, const u8 *p)
{
	int is_ip4 = h->proto == IPPROTO_ICMP;

	h->at += UDP_BYTES;
	if (h->proto == IPPROTO_UDP) {
		h->port_he[0] = xc_be16(p);
		h->port_he[1] = xc_be16(p + 2);
		return 0;
	}
	h->port_he[0] = h->port_he[1] = xc_be16(p + 4);
	h->is_request = p[0] == (is_ip4 ? 8 : 128);
	return h->is_request || p[0] == (is_ip4 ? 0 : 129) ? 0 : -1;
}

/* 0, or -1: nothing that is read, or not its first fragment. @ip_at: where the IP header begins. */
static __always_inline int xc_head_parse(struct __sk_buff *skb, struct xc_head *h, u32 ip_at)
{
	u8 p[READ_BYTES] XC_WORDS = { 0 }, *transport = p + IP6_BYTES;
	u32 n = skb->len - ip_at, ip_bytes = n;

	h->ip_at = ip_at;
	h->tcp_flags = h->is_request = 0;
	h->seq = h->ack = 0;
	if (n > READ_BYTES)
		n = READ_BYTES;
	if (n < IP4_BYTES || bpf_skb_load_bytes(skb, ip_at, p, xc_bounded(n, READ_BYTES)))
		return -1;
	if (p[0] >> 4 == 4 ? parse_ip4(skb, h, p) : parse_ip6(skb, h, p))
		return -1;
	if (h->at == IP4_BYTES)
		transport = p + IP4_BYTES;
	if (h->ip_bytes && h->ip_bytes < ip_bytes)
		ip_bytes = h->ip_bytes;	/* what is behind it pads the frame */
	if (h->at + (h->proto == IPPROTO_TCP ? TCP_BYTES : UDP_BYTES) > ip_bytes)
		return -1;
	if (h->proto == IPPROTO_TCP)
		parse_tcp(h, transport);
	else if (h->proto != IPPROTO_UDP && h->proto != IPPROTO_ICMP && h->proto != IPPROTO_ICMPV6)
		return -1;
	else if (parse_datagram(h, transport))
		return -1;
	h->bytes = ip_bytes > h->at ? ip_bytes - h->at : 0;
	return 0;
}

/* One end of a packet, mixed (xor, shift, multiply by odd constants): keys, not secrets. */
static __always_inline u64 xc_hash_end(const struct xc_head *h, int end)
{
	u64 a[2], hash;

	__builtin_memcpy(a, h->addr[end], 16);
	hash = (a[0] ^ h->port_he[end]) * 0x9e3779b97f4a7c15ull;
	return ((hash ^ hash >> 32) + a[1]) * 0x9e3779b97f4a7c15ull;
}

static __always_inline int xc_is_syn(const struct xc_head *h)
{
	return (h->tcp_flags & (XC_TCP_SYN | XC_TCP_ACK)) == XC_TCP_SYN;
}

/* ---- what is told ---------------------------------------------------------------------------- */

/* What is told of a packet. */
struct xc_told {
	u64 key;
	u32 from, n;	/* of the payload, in the record */
	u32 wire;	/* ... that the record stands for; up to the end, in the last record of a packet */
	u32 tid;
	u32 dir;
	u32 lost;	/* what the next record has to tell: enum xc_segment_lost */
	u32 is_news;	/* there is something to tell even without the packet */
};

/* For payload nobody has asked for yet; the other half of the ring is for what is wanted. */
static __always_inline int has_room(void)
{
	return bpf_ringbuf_query(&xc_events, BPF_RB_AVAIL_DATA) <
	       bpf_ringbuf_query(&xc_events, BPF_RB_RING_SIZE) / 2;
}

/* How much of the payload, from t->from on; XC_NO_RECORD = the packet is not told. */
static __always_inline int xc_wanted(struct xc_stream *s, const struct xc_head *h,
				     struct xc_told *t)
{
	u32 dir = t->dir & 1;
	struct xc_policy_key k = { .cookie = t->key, .is_outbound = dir == XC_OUT };
	int always = h->tcp_flags & (XC_TCP_SYN | XC_TCP_FIN | XC_TCP_RST) ? 0 : XC_NO_RECORD;
	u32 n = h->bytes, budget = s->budget[dir];
	struct xc_policy *p;
	s32 left;

	if (!n || h->proto == IPPROTO_ICMP || h->proto == IPPROTO_ICMPV6)
		return always;
	p = bpf_map_lookup_elem(&xc_policies, &k);
	if (p)
		s->has_policy = 1;
	if (p && p->mode == XC_POLICY_NOTHING)
		return always;
	if (p && p->mode == XC_POLICY_SKIP && h->proto == IPPROTO_TCP) {
		left = (s32)(p->skip_until - h->seq);
		if (left > (s32)n)
			return always;
		t->from = left > 0 && left < (s32)n ? left : 0;
		if (left == (s32)n)
			return 0;
		n -= t->from;
	}
	if (p || budget == ~0u || (n > budget && has_room()))
		return n;
	if (n > budget) {
		t->lost = XC_SEGMENT_LOST_BUDGET;
		n = budget;
	}
	s->budget[dir] = budget - n;
	return n ? (int)n : always;
}

/* A record without a packet. */
static __always_inline void xc_tell(struct xc_stream *s, u64 key, u8 what, u8 tcp_flags)
{
	struct xc_segment_evt *e = bpf_ringbuf_reserve(&xc_events, sizeof(*e), 0);

	if (!e) {
		xc_count(XC_STAT_LOST_RING);
		return;
	}
	xc_stream_fill(e, s, key);
	e->what = what;
	e->tcp_flags = tcp_flags;
	e->is_outbound = 1;
	e->lost = s->lost[XC_OUT] | s->lost[XC_IN];
	xc_stream_told(s);
	xc_submit(e);
}

/*
 * A ring entry's size must be known to the verifier, so there are several; the record itself is as long as its
 * size says. 0 = done, or nothing more can be done.
 */
static __always_inline int tell_packet(struct __sk_buff *skb, struct xc_stream *s,
				       const struct xc_head *h, const struct xc_told *t, u32 room)
{
	struct xc_segment_evt *e;
	u32 n = t->n, dir = t->dir & 1;
	int is_last = t->from + t->wire == h->bytes;

	if (n > room)
		return -1;
	e = bpf_ringbuf_reserve(&xc_events, sizeof(*e) + room, 0);
	if (!e) {
		s->lost[dir] |= XC_SEGMENT_LOST_RING;
		xc_count(XC_STAT_LOST_RING);
		return 0;
	}
	xc_stream_fill(e, s, t->key);
	if (dir == XC_IN)
		xc_tuple_turn(&e->tuple);
	e->what = XC_SEGMENT_PACKET;
	e->is_outbound = dir == XC_OUT;
	e->tcp_flags = is_last ? h->tcp_flags : h->tcp_flags & XC_TCP_ACK;
	e->seq = h->seq + t->from;
	e->ack = h->ack;
	e->wire_bytes = t->wire;
	e->tid = t->tid;
	e->lost = s->lost[dir];
	if (room && n &&
	    !bpf_skb_load_bytes(skb, h->ip_at + h->at + t->from, e->data, xc_bounded(n, room))) {
		e->n_bytes = n;
		e->hdr.size_bytes += n;
	}
	s->lost[dir] = is_last ? t->lost : 0;
	xc_stream_told(s);
	xc_submit(e);
	return 0;
}

static __noinline int tell_any(struct __sk_buff *skb, struct xc_stream *s, const struct xc_head *h,
			       const struct xc_told *t)
{
	if (!s || !h || !t)
		return 0;
	if (tell_packet(skb, s, h, t, 0) && tell_packet(skb, s, h, t, 256) &&
	    tell_packet(skb, s, h, t, 2048))
		(void)tell_packet(skb, s, h, t, XC_SEGMENT_BYTES);
	return 0;
}

/* The first @n bytes that are wanted: a super-packet may have as many messages as many packets, and makes many records. */
static __noinline int xc_tell_packet(struct __sk_buff *skb, struct xc_stream *s,
				     const struct xc_head *parsed, struct xc_told *t, u32 n)
{
	struct xc_head copy, *h = &copy;

	/* The verifier forgets what it knew of each kind of packet: it would walk what follows for each of them. */
	if (!s || !parsed || !t || bpf_probe_read_kernel(h, sizeof(*h), parsed))
		return 0;
	for (int i = 1; i < XC_SEGMENT_RECORDS && n > XC_SEGMENT_BYTES; i++) {
		t->n = t->wire = XC_SEGMENT_BYTES;
		(void)tell_packet(skb, s, h, t, XC_SEGMENT_BYTES);
		t->from += XC_SEGMENT_BYTES;
		n -= XC_SEGMENT_BYTES;
	}
	t->n = n < XC_SEGMENT_BYTES ? n : XC_SEGMENT_BYTES;
	t->wire = h->bytes - t->from;
	return tell_any(skb, s, h, t);
}

/* Tell @n bytes of a packet, as xc_wanted() has it. Of one that is not told, the totals: at once, or once a second. */
static __always_inline void xc_tell_or_wait(struct __sk_buff *skb, struct xc_stream *s,
					    const struct xc_head *h, struct xc_told *t, int n)
{
	if (n >= 0) {
		xc_tell_packet(skb, s, h, t, n);
		return;
	}
	s->lost[t->dir & 1] |= t->lost;
	if (t->is_news || bpf_jiffies64() - s->told >= cfg.hz)
		xc_tell(s, t->key, XC_SEGMENT_TOTALS, 0);
}
