/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Reading the headers of a packet anywhere in the stack. Headers only, never payload. */
#pragma once

#include "abi/packet.h"
#include "probe/common.bpf.h"
#include "probe/lastroute.bpf.h"

struct pkt {
	struct xc_tuple tuple;
	u32 seq;
	u32 ack;
	u16 len_bytes;		/* from the IP header on */
	u16 payload_bytes;
	u16 family;
	u16 l4_at;		/* transport header, from skb->head on; 0 = not found */
	u8 tcp_flags;
	u8 ttl;
	u8 icmp_type;
	u8 icmp_code;
	u8 is_quoted;
	u8 is_arp;
	u8 neighbour[16];	/* neighbour discovery, ARP: the address it is about */
};

/* RFC 826, for IPv4 over Ethernet. */
struct arp_head {
	u16 hw_be, proto_be;
	u8 hw_bytes, proto_bytes;
	u16 op_be;
	u8 sender_hw[6], sender[4], target_hw[6], target[4];
};

struct ip4_head {
	u8 ver_ihl, tos;
	u16 tot_len_be, id_be, frag_be;
	u8 ttl, proto;
	u16 csum;
	u32 saddr, daddr;
};

struct ip6_head {
	u32 ver_class_flow;
	u16 payload_len_be;
	u8 next, hop_limit;
	u8 saddr[16], daddr[16];
};

struct tcp_head {
	u16 sport_be, dport_be;
	u32 seq_be, ack_be;
	u8 offset, flags;
};

/* IPv6 extension headers (RFC 8200 4.1) up to the transport header; 0 = none to be found. */
static __always_inline u8 *skip_ext(u8 *p, u8 *next)
{
#pragma unroll
	for (int i = 0; i < 4; i++) {
		u8 h[4];

		if (*next != 0 && *next != 43 && *next != 44 && *next != 60)
			return p;
		if (bpf_probe_read_kernel(h, sizeof(h), p))
			return NULL;
		if (*next == 44) {
			if (h[2] || (h[3] & 0xf8))
				return NULL;	/* not the first fragment: no ports here */
			p += 8;
		} else {
			p += 8 + (u32)h[1] * 8;
		}
		*next = h[0];
	}
	return p;
}

/* The IP header at @p; returns where the transport header starts, or NULL. Ports stay 0 then. */
static __always_inline u8 *parse_ip(u8 *p, struct pkt *k)
{
	u8 ver = 0;

	if (bpf_probe_read_kernel(&ver, 1, p))
		return NULL;
	if (ver >> 4 == 4) {
		struct ip4_head h;

		if (bpf_probe_read_kernel(&h, sizeof(h), p))
			return NULL;
		k->family = AF_INET;
		xc_addr4(k->tuple.saddr, h.saddr);
		xc_addr4(k->tuple.daddr, h.daddr);
		k->tuple.proto = h.proto;
		k->ttl = h.ttl;
		k->len_bytes = bpf_ntohs(h.tot_len_be);
		if (bpf_ntohs(h.frag_be) & 0x1fff)
			return NULL;
		return p + (h.ver_ihl & 15) * 4;
	}
	if (ver >> 4 == 6) {
		struct ip6_head h;
		u8 next, *l4;

		if (bpf_probe_read_kernel(&h, sizeof(h), p))
			return NULL;
		k->family = AF_INET6;
		__builtin_memcpy(k->tuple.saddr, h.saddr, 16);
		__builtin_memcpy(k->tuple.daddr, h.daddr, 16);
		k->ttl = h.hop_limit;
		k->len_bytes = bpf_ntohs(h.payload_len_be) + 40;
		next = h.next;
		l4 = skip_ext(p + 40, &next);
		k->tuple.proto = next;
		return l4;
	}
	return NULL;
}

static __always_inline void parse_l4(u8 *p, u32 header_bytes, struct pkt *k)
{
	struct tcp_head h;
	u32 used = header_bytes;

	if (k->tuple.proto != IPPROTO_TCP && k->tuple.proto != IPPROTO_UDP)
		return;
	if (bpf_probe_read_kernel(&h, 8, p))	/* a quote may hold no more than 8 bytes (RFC 792) */
		return;
	k->tuple.sport_he = bpf_ntohs(h.sport_be);
	k->tuple.dport_he = bpf_ntohs(h.dport_be);
	if (k->tuple.proto == IPPROTO_TCP) {
		k->seq = bpf_ntohl(h.seq_be);
		if (k->is_quoted || bpf_probe_read_kernel(&h, sizeof(h), p))
			return;
		k->ack = bpf_ntohl(h.ack_be);
		k->tcp_flags = h.flags;
		used += (h.offset >> 4) * 4;
	} else {
		used += 8;
	}
	k->payload_bytes = k->len_bytes > used ? k->len_bytes - used : 0;
}

static __always_inline int is_icmp_error(const struct pkt *k)
{
	if (k->tuple.proto == IPPROTO_ICMP)
		return k->icmp_type == 3 || k->icmp_type == 11 || k->icmp_type == 12;
	return k->icmp_type >= 1 && k->icmp_type <= 4;
}

/* RFC 4861 4.3, 4.4: neighbour solicitation and advertisement. */
static __always_inline int is_neighbour_discovery(const struct pkt *k)
{
	return k->tuple.proto == IPPROTO_ICMPV6 && (k->icmp_type == 135 || k->icmp_type == 136);
}

/* Headers of @skb into @k. False when it is no IP packet or its headers are not readable. */
static __always_inline int xc_skb_parse(const struct sk_buff *skb, struct pkt *k)
{
	u16 off = BPF_CORE_READ(skb, network_header);
	unsigned char *head = BPF_CORE_READ(skb, head);
	u8 *ip, *l4, type_code[2] = { 0 };

	if (off == 0 || off == 0xffff)
		return 0;
	ip = head + off;
	l4 = parse_ip(ip, k);
	if (!k->family)
		return 0;
	if (!l4)
		return 1;
	k->l4_at = (u16)(l4 - head);
	if (k->tuple.proto == IPPROTO_ICMP || k->tuple.proto == IPPROTO_ICMPV6) {
		bpf_probe_read_kernel(type_code, 2, l4);
		k->icmp_type = type_code[0];
		k->icmp_code = type_code[1];
		if (is_neighbour_discovery(k))
			bpf_probe_read_kernel(k->neighbour, 16, l4 + 8);
		if (!is_icmp_error(k))
			return 1;
		k->is_quoted = 1;
		ip = l4 + 8;	/* RFC 792, RFC 4443: the quoted packet follows 8 bytes */
		l4 = parse_ip(ip, k);
		if (!l4)
			return 1;
	}
	parse_l4(l4, l4 - ip, k);
	return 1;
}
