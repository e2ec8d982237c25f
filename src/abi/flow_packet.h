/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The facts of one packet, read from its first bytes. One parser for the TC program and for
 * captures: no branch depends on where it runs, no access leaves the first XC_FLOW_HEADERS bytes.
 */
#pragma once

#include "abi/flow.h"

#define XC_FLOW_HEADERS 128	/* bytes from the IP header on that are looked at; a power of two */
#define XC_FLOW_SLACK 64	/* a buffer is this much longer, so that reads need one check only */
#define XC_FLOW_NO_WSCALE 0xff

enum {
	XC_PACKET_FRAGMENT = 1,	/* not the first fragment: no ports */
	XC_PACKET_FIRST_FRAGMENT = 2,
	XC_PACKET_BAD_CHECKSUM = 4,	/* of the IPv4 header */
	XC_PACKET_QUOTES = 8,	/* an ICMP error; quoted is valid */
};

/* Addresses and ports as one side sends them. */
struct xc_flow_ends {
	__u8 addr[2][16] XC_WORDS;	/* source, destination */
	__u16 port_he[2];
	__u8 proto;
	__u8 _pad0[3];
};

struct xc_flow_packet {
	struct xc_flow_ends ends;
	__u64 ts_ns;
	__u32 bytes;		/* IP header and payload of all segments */
	__u32 payload_bytes;	/* behind the transport header, of all segments */
	__u32 header_bytes;	/* IP and transport header of one segment */
	__u32 n_segments;	/* of a super-packet (GSO, GRO); else 1 */
	__u32 segment_bytes;	/* payload of each but the last */
	__u32 fragment_id;
	__u32 seq, ack;
	__u16 window;
	__u8 tcp_flags;
	__u8 wscale;		/* XC_FLOW_NO_WSCALE = not told */
	__u8 ttl;
	__u8 flags;		/* XC_PACKET_* */
	__u8 source;		/* end of the key that sends: 0 or 1; set by xc_flow_key_of() */
	__u8 _pad0;
	struct xc_flow_ends quoted;	/* flow an ICMP error speaks of; valid with XC_PACKET_QUOTES */
};

/* What joins the fragments of one packet, as it is sent: later ones have no ports of their own. */
struct xc_fragment_key {
	__u8 addr[2][16] XC_WORDS;
	__u32 id;
	__u8 proto;
	__u8 _pad0[3];
};

_Static_assert(sizeof(struct xc_fragment_key) == 40, "ABI: struct xc_fragment_key");

XC_INLINE void xc_fragment_key_of(const struct xc_flow_packet *k, struct xc_fragment_key *ret_key)
{
	__builtin_memset(ret_key, 0, sizeof(*ret_key));
	__builtin_memcpy(ret_key->addr, k->ends.addr, sizeof(ret_key->addr));
	ret_key->id = k->fragment_id;
	ret_key->proto = k->ends.proto;
}

_Static_assert(sizeof(struct xc_flow_packet) == 128, "xc_flow_parse() clears it in two parts");

/* What is parsed: @bytes of them are there, at @data, of which XC_FLOW_HEADERS + XC_FLOW_SLACK may be read. */
struct xc_flow_bytes {
	const __u8 *data;
	__u32 n;
};

/*
 * What the compiler has in registers is read again. For the BPF verifier that is forgetting: what it
 * knew of a value would multiply the paths it walks, at every step anew.
 */
#ifdef __bpf__
#define XC_FORGET() asm volatile("" ::: "memory")
#define XC_OPAQUE(x) asm volatile("" : "+r"(x))	/* the compiler knows nothing of it any more */
#else
#define XC_FORGET() ((void)0)
#define XC_OPAQUE(x) ((void)0)
#endif

enum { XC_IP_ICMP = 1, XC_IP_TCP = 6, XC_IP_UDP = 17, XC_IP_ICMP6 = 58, XC_IP_SCTP = 132 };

/* @need bytes (at most XC_FLOW_SLACK) at @at, or NULL. */
XC_INLINE const __u8 *xc_flow_at(const struct xc_flow_bytes *b, __u32 at, __u32 need)
{
	if (at >= XC_FLOW_HEADERS || at + need > b->n)
		return 0;
	/* says nothing new to a compiler, but everything to the BPF verifier */
	return b->data + (at & (XC_FLOW_HEADERS - 1));
}

/* The same where @at is a sum of what the packet says: the compiler would leave the mask out, and older verifiers (6.1) lose the bound. */
XC_INLINE const __u8 *xc_flow_at_sum(const struct xc_flow_bytes *b, __u32 at, __u32 need)
{
	if (at >= XC_FLOW_HEADERS || at + need > b->n)
		return 0;
	XC_OPAQUE(at);
	return b->data + (at & (XC_FLOW_HEADERS - 1));
}

/*
 * BPF reads what may be unaligned byte by byte. Headers start at multiples of four from the IP
 * header on, which is aligned there; captures have it anywhere.
 */
#ifdef __bpf__
#define XC_ALIGNED(p, n) __builtin_assume_aligned((p), (n))
#else
#define XC_ALIGNED(p, n) (p)
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define XC_SWAP(bits, x) __builtin_bswap##bits(x)
#else
#define XC_SWAP(bits, x) (x)
#endif

XC_INLINE __u32 xc_be16(const __u8 *p)
{
	__u16 x;

	__builtin_memcpy(&x, XC_ALIGNED(p, 2), 2);
	return XC_SWAP(16, x);
}

XC_INLINE __u32 xc_be32(const __u8 *p)
{
	__u32 x;

	__builtin_memcpy(&x, XC_ALIGNED(p, 4), 4);
	return XC_SWAP(32, x);
}

/* ::ffff:a.b.c.d, in two words: they are read as words soon after, and small stores would hold that up. */
XC_INLINE void xc_flow_addr4(__u8 out[16], const __u8 *p)
{
	__u64 word[2] = { 0, 0 };
	__u32 addr;

	__builtin_memcpy(&addr, XC_ALIGNED(p, 4), 4);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	word[1] = (__u64)addr << 32 | 0xffff0000u;
#else
	word[1] = 0xffff00000000ull | addr;
#endif
	__builtin_memcpy(XC_ALIGNED(out, 8), word, 16);
}

/* RFC 1071 over the header; 0 in the field = left to the network card. */
XC_INLINE int xc_flow_checksum_is_bad(const __u8 *ip, __u32 header_bytes)
{
	__u64 sum = 0;
	__u32 word;

	if (header_bytes != 20 || !xc_be16(ip + 10))
		return 0;
	for (int i = 0; i < 20; i += 4) {	/* the sum is the same in any word size and byte order */
		__builtin_memcpy(&word, XC_ALIGNED(ip + i, 4), 4);
		sum += word;
	}
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum != 0xffff;
}

/* An IP header of either version. */
struct xc_flow_ip {
	__u32 bytes;		/* total length; 0 = larger than the field (RFC 2675, GRO) */
	__u32 header_bytes;	/* options and extension headers included */
	__u32 fragment_id;
	__u8 proto;
	__u8 ttl;
	__u8 flags;		/* XC_PACKET_* */
	__u8 _pad0;
};

XC_INLINE int xc_flow_parse_ip4(const __u8 *p, struct xc_flow_ip *ip, __u8 addr[2][16])
{
	__u32 fragment = xc_be16(p + 6);

	ip->header_bytes = (p[0] & 15) * 4;
	if (ip->header_bytes < 20)
		return -1;
	ip->bytes = xc_be16(p + 2);
	ip->fragment_id = xc_be16(p + 4);
	ip->ttl = p[8];
	ip->proto = p[9];
	ip->flags = 0;
	if (fragment & 0x3fff)
		ip->flags = fragment & 0x1fff ? XC_PACKET_FRAGMENT : XC_PACKET_FIRST_FRAGMENT;
	if (xc_flow_checksum_is_bad(p, ip->header_bytes))
		ip->flags |= XC_PACKET_BAD_CHECKSUM;
	xc_flow_addr4(addr[0], p + 12);
	xc_flow_addr4(addr[1], p + 16);
	return 0;
}

#define XC_IP6_HEADERS 6	/* extension headers followed (RFC 8200 4.1 has six) */

XC_INLINE int xc_flow_is_ip6_extension(__u8 proto)
{
	/* hop-by-hop, routing, fragment, AH, destination options, mobility */
	return proto == 0 || proto == 43 || proto == 44 || proto == 51 || proto == 60 ||
	       proto == 135;
}

/* One extension header at @h: its length, and what it says. */
XC_INLINE __u32 xc_flow_ip6_extension(const __u8 *h, struct xc_flow_ip *ip)
{
	__u8 kind = ip->proto;

	ip->proto = h[0];
	if (kind == 51)		/* RFC 4302 2.2: 32-bit words, minus two */
		return ((__u32)h[1] + 2) * 4;
	if (kind != 44)
		return ((__u32)h[1] + 1) * 8;
	ip->fragment_id = xc_be32(h + 4);
	if (xc_be16(h + 2) & 0xfff8)
		ip->flags |= XC_PACKET_FRAGMENT;
	else if (h[3] & 1)
		ip->flags |= XC_PACKET_FIRST_FRAGMENT;
	return 8;
}

/* The header itself. */
XC_INLINE void xc_flow_parse_ip6_fixed(const __u8 *p, struct xc_flow_ip *ip, __u8 addr[2][16])
{
	ip->bytes = xc_be16(p + 4) ? xc_be16(p + 4) + 40 : 0;
	ip->header_bytes = 40;
	ip->proto = p[6];
	ip->ttl = p[7];
	ip->flags = 0;
	ip->fragment_id = 0;
	__builtin_memcpy(XC_ALIGNED(addr[0], 8), XC_ALIGNED(p + 8, 4), 16);
	__builtin_memcpy(XC_ALIGNED(addr[1], 8), XC_ALIGNED(p + 24, 4), 16);
}

XC_INLINE int xc_flow_parse_ip6(const struct xc_flow_bytes *b, __u32 at, struct xc_flow_ip *ip,
				__u8 addr[2][16])
{
	const __u8 *p = xc_flow_at(b, at, 40);

	if (!p)
		return -1;
	xc_flow_parse_ip6_fixed(p, ip, addr);
	for (int i = 0; i < XC_IP6_HEADERS; i++) {
		const __u8 *h;

		if (!xc_flow_is_ip6_extension(ip->proto))
			break;
		h = xc_flow_at(b, at + ip->header_bytes, 8);
		if (!h || ip->flags & XC_PACKET_FRAGMENT)
			break;
		ip->header_bytes += xc_flow_ip6_extension(h, ip);
	}
	return 0;
}

XC_INLINE int xc_flow_parse_ip(const struct xc_flow_bytes *b, __u32 at, struct xc_flow_ip *ip,
			       __u8 addr[2][16])
{
	const __u8 *p = xc_flow_at(b, at, 20);

	if (!p)
		return -1;
	if (p[0] >> 4 == 4)
		return xc_flow_parse_ip4(p, ip, addr);
	if (p[0] >> 4 == 6)
		return xc_flow_parse_ip6(b, at, ip, addr);
	return -1;
}

/* The window scale among the options (RFC 7323 2.2): @n bytes at @at. */
XC_INLINE __u8 xc_flow_wscale(const struct xc_flow_bytes *b, __u32 at, __u32 n)
{
	for (int i = 0; i < 12 && n >= 3; i++) {	/* a SYN has 40 bytes of options */
		const __u8 *o = xc_flow_at_sum(b, at, 3);
		__u32 len;

		if (!o || o[0] == 0)
			return XC_FLOW_NO_WSCALE;
		if (o[0] == 3)	/* RFC 7323 2.3: above 14 counts as 14 */
			return o[2] > 14 ? 14 : o[2];
		len = o[0] == 1 ? 1 : o[1];
		if (!len || len > n)
			return XC_FLOW_NO_WSCALE;	/* RFC 9293 3.1: the rest cannot be read */
		at += len;
		n -= len;
	}
	return XC_FLOW_NO_WSCALE;
}

/* What precedes the options; the length the header says it has. */
XC_INLINE __u32 xc_flow_parse_tcp_fixed(const __u8 *p, struct xc_flow_packet *k)
{
	k->seq = xc_be32(p + 4);
	k->ack = xc_be32(p + 8);
	k->tcp_flags = p[13];
	k->window = (__u16)xc_be16(p + 14);
	return (p[12] >> 4) * 4;
}

/* The length of the header, 0 = not a TCP header. */
XC_INLINE __u32 xc_flow_parse_tcp(const struct xc_flow_bytes *b, __u32 at, struct xc_flow_packet *k)
{
	const __u8 *p = xc_flow_at(b, at, 20);
	__u32 len;

	if (!p)
		return 0;
	len = xc_flow_parse_tcp_fixed(p, k);
	if (len < 20)
		return 0;
	if (k->tcp_flags & XC_TCP_SYN)
		k->wscale = xc_flow_wscale(b, at + 20, len - 20);
	return len;
}

/* TCP, UDP and SCTP begin with them. */
XC_INLINE void xc_flow_parse_ports(const __u8 *p, struct xc_flow_ends *ends)
{
	ends->port_he[0] = (__u16)xc_be16(p);
	ends->port_he[1] = (__u16)xc_be16(p + 2);
}

/* Ports of the flow an ICMP error quotes; its addresses are read already. */
XC_INLINE void xc_flow_quoted_ports(const struct xc_flow_bytes *b, __u32 at, struct xc_flow_ends *q)
{
	const __u8 *p = xc_flow_at(b, at, 8);	/* RFC 792: 8 bytes at least */

	q->port_he[0] = q->port_he[1] = 0;
	if (!p)
		return;
	if (q->proto == XC_IP_TCP || q->proto == XC_IP_UDP || q->proto == XC_IP_SCTP) {
		xc_flow_parse_ports(p, q);
	} else if ((q->proto == XC_IP_ICMP && p[0] == 8) ||
		   (q->proto == XC_IP_ICMP6 && p[0] == 128)) {
		q->port_he[0] = q->port_he[1] = (__u16)xc_be16(p + 4);
	}
}

/* ICMP has no ports: the identifier of an echo stands for both. An error tells the flow it quotes. */
XC_INLINE __u32 xc_flow_parse_icmp(const struct xc_flow_bytes *b, __u32 at,
				   struct xc_flow_packet *k)
{
	const __u8 *p = xc_flow_at(b, at, 8);
	int is_v6 = k->ends.proto == XC_IP_ICMP6;
	struct xc_flow_ip ip;

	if (!p)
		return 0;
	if (is_v6 ? p[0] == 128 || p[0] == 129 : p[0] == 8 || p[0] == 0) {
		k->ends.port_he[0] = k->ends.port_he[1] = (__u16)xc_be16(p + 4);
		return 8;
	}
	/* errors: RFC 4443 2.1 types below 128; RFC 792 types 3, 4, 5, 11, 12 */
	if (is_v6 ? p[0] >= 128 :
		    !(p[0] == 3 || p[0] == 4 || p[0] == 5 || p[0] == 11 || p[0] == 12))
		return 8;
	if (xc_flow_parse_ip(b, at + 8, &ip, k->quoted.addr) || ip.flags & XC_PACKET_FRAGMENT)
		return 8;
	k->quoted.proto = ip.proto;
	xc_flow_quoted_ports(b, at + 8 + ip.header_bytes, &k->quoted);
	k->flags |= XC_PACKET_QUOTES;
	return 8;
}

/* The length of the transport header; what cannot be read has none, and the packet counts all the same. */
XC_INLINE __u32 xc_flow_parse_transport(const struct xc_flow_bytes *b, __u32 at,
					struct xc_flow_packet *k)
{
	__u8 proto = k->ends.proto;
	const __u8 *p;

	if (proto == XC_IP_ICMP || proto == XC_IP_ICMP6)
		return xc_flow_parse_icmp(b, at, k);
	if (proto != XC_IP_TCP && proto != XC_IP_UDP && proto != XC_IP_SCTP)
		return 0;
	p = xc_flow_at(b, at, 4);
	if (!p)
		return 0;
	xc_flow_parse_ports(p, &k->ends);
	if (proto == XC_IP_TCP)
		return xc_flow_parse_tcp(b, at, k);
	return proto == XC_IP_UDP ? 8 : 12;
}

XC_INLINE void xc_flow_ip_facts(struct xc_flow_packet *k, const struct xc_flow_ip *ip,
				__u32 wire_bytes)
{
	k->ends.proto = ip->proto;
	k->ttl = ip->ttl;
	k->flags = ip->flags;
	k->fragment_id = ip->fragment_id;
	k->bytes = ip->bytes ? ip->bytes : wire_bytes;
	k->header_bytes = ip->header_bytes;
	k->wscale = XC_FLOW_NO_WSCALE;
	k->n_segments = 1;
}

XC_INLINE void xc_flow_transport_facts(struct xc_flow_packet *k, __u32 transport_bytes)
{
	k->header_bytes += transport_bytes;
	XC_FORGET();
	k->payload_bytes = k->bytes > k->header_bytes ? k->bytes - k->header_bytes : 0;
	k->segment_bytes = k->payload_bytes;
}

/**
 * xc_flow_parse() - the facts of the IP packet at @at
 * @wire_bytes: length of the packet on the wire, from the IP header on; stands in where the header tells none
 * Everything but ts_ns, source and what a super-packet has (xc_flow_segments()) is filled. Pure.
 * Return: 0, or -1: no IP packet, or one cut before its transport header.
 */
XC_INLINE int xc_flow_parse(const struct xc_flow_bytes *b, __u32 at, __u32 wire_bytes,
			    struct xc_flow_packet *k)
{
	__u32 transport = 0;
	struct xc_flow_ip ip;

	/* in two parts, which a compiler turns into plain stores */
	__builtin_memset(k, 0, 64);
	__builtin_memset((__u8 *)k + 64, 0, sizeof(*k) - 64);
	if (xc_flow_parse_ip(b, at, &ip, k->ends.addr))
		return -1;
	xc_flow_ip_facts(k, &ip, wire_bytes);
	XC_FORGET();
	if (!(k->flags & XC_PACKET_FRAGMENT)) {
		transport = xc_flow_parse_transport(b, at + k->header_bytes, k);
		if (k->ends.proto == XC_IP_TCP && !transport)
			return -1;
	}
	xc_flow_transport_facts(k, transport);
	return 0;
}

/*
 * Nearly every packet is plain: an IP header without options or extensions, then UDP, or TCP that is no SYN, whose
 * options tell nothing. All that is wanted of it lies in its first bytes, at places that are known beforehand.
 */
#define XC_FLOW_PLAIN4 40	/* bytes */
#define XC_FLOW_PLAIN6 60

XC_INLINE int xc_flow_is_plain_transport(__u8 proto, const __u8 *p)
{
	return proto == XC_IP_UDP ||
	       (proto == XC_IP_TCP && !(p[13] & XC_TCP_SYN) && p[12] >> 4 >= 5);
}

/* @p: XC_FLOW_PLAIN4 bytes */
XC_INLINE int xc_flow_is_plain4(const __u8 *p)
{
	return p[0] == 0x45 && !(xc_be16(p + 6) & 0x3fff) &&
	       xc_flow_is_plain_transport(p[9], p + 20);
}

/* @p: XC_FLOW_PLAIN6 bytes */
XC_INLINE int xc_flow_is_plain6(const __u8 *p)
{
	return p[0] >> 4 == 6 && xc_flow_is_plain_transport(p[6], p + 40);
}

/* As xc_flow_parse(), of a packet that is plain; @p is its transport header. */
XC_INLINE void xc_flow_parse_plain(const __u8 *p, const struct xc_flow_ip *ip, __u32 wire_bytes,
				   struct xc_flow_packet *k)
{
	__u32 transport = 8;

	k->seq = k->ack = 0;
	k->window = 0;
	k->tcp_flags = 0;
	xc_flow_ip_facts(k, ip, wire_bytes);
	xc_flow_parse_ports(p, &k->ends);
	if (ip->proto == XC_IP_TCP)
		transport = xc_flow_parse_tcp_fixed(p, k);
	xc_flow_transport_facts(k, transport);
}

/* The packet stands for @n segments of @segment_bytes payload each: their headers were on the wire, too. */
XC_INLINE void xc_flow_segments(struct xc_flow_packet *k, __u32 n, __u32 segment_bytes)
{
	if (n < 2 || !segment_bytes)
		return;
	k->n_segments = n;
	k->segment_bytes = segment_bytes;
	k->bytes = k->payload_bytes + n * k->header_bytes;
}

XC_INLINE __u64 xc_flow_word(const __u8 *p)
{
	__u64 word;

	__builtin_memcpy(&word, XC_ALIGNED(p, 8), 8);
	return XC_SWAP(64, word);
}

/* Is the source the greater end? */
XC_INLINE int xc_flow_is_swapped(const struct xc_flow_ends *e)
{
	__u64 s = xc_flow_word(e->addr[0]), d = xc_flow_word(e->addr[1]);

	if (s == d) {
		s = xc_flow_word(e->addr[0] + 8);
		d = xc_flow_word(e->addr[1] + 8);
	}
	return s == d ? e->port_he[0] > e->port_he[1] : s > d;
}

/* The key of @ends. Return: which end of it sends, 0 or 1. */
XC_INLINE __u8 xc_flow_key_of(const struct xc_flow_ends *ends, struct xc_flow_key *ret_key)
{
	int is_swapped = xc_flow_is_swapped(ends);

	if (is_swapped) {
		__builtin_memcpy(ret_key->addr[0], ends->addr[1], 16);
		__builtin_memcpy(ret_key->addr[1], ends->addr[0], 16);
		ret_key->port_he[0] = ends->port_he[1];
		ret_key->port_he[1] = ends->port_he[0];
	} else {
		__builtin_memcpy(ret_key->addr, ends->addr, 32);
		ret_key->port_he[0] = ends->port_he[0];
		ret_key->port_he[1] = ends->port_he[1];
	}
	ret_key->proto = ends->proto;
	__builtin_memset(ret_key->_pad0, 0, sizeof(ret_key->_pad0));
	return (__u8)is_swapped;
}
