/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The flow inside a packet of a tunnel: what is dropped with it. Not for tunnels that encrypt. */
#pragma once

#include "probe/link.bpf.h"
#include "probe/packet.bpf.h"

#define IPPROTO_IPIP 4
#define IPPROTO_IPV6 41
#define IPPROTO_GRE 47
#define PORT_VXLAN 4789		/* RFC 7348 */
#define PORT_VXLAN_OLD 8472	/* Linux before it had one */
#define PORT_GENEVE 6081	/* RFC 8926 */
#define VXLAN_HAS_ID 0x08
#define GENEVE_OPTIONS 0x3f	/* words */
#define GRE_CHECKSUM 0x8000	/* RFC 2784, RFC 2890: each makes the header four bytes longer */
#define GRE_KEY 0x2000
#define GRE_SEQUENCE 0x1000
#define GRE_VERSION 0x0007
#define UDP_HEADER 8
#define ETHERTYPE_ETHERNET 0x6558	/* transparent bridging: a frame follows */
#define INNER_MIN 28		/* IPv4 and the ports */

/* Behind a header of @bytes at @at comes what @type says: offset of an IP header, 0 = none. */
static __always_inline u32 behind(const u8 *head, u32 at, u32 bytes, u16 type)
{
	u16 inner_be = 0;

	at += bytes;
	if (type == ETHERTYPE_ETHERNET) {
		at += XC_ETH_HEADER;
		if (bpf_probe_read_kernel(&inner_be, 2, head + at - 2))
			return 0;
		type = bpf_ntohs(inner_be);
	}
	return type == ETH_P_IP || type == ETH_P_IPV6 ? at : 0;
}

static __always_inline u32 in_gre(const u8 *head, u32 at)
{
	u16 h[2];
	u32 flags;

	if (bpf_probe_read_kernel(h, sizeof(h), head + at))
		return 0;
	flags = bpf_ntohs(h[0]);
	if (flags & GRE_VERSION)
		return 0;
	return behind(
		head, at,
		4 + 4 * (!!(flags & GRE_CHECKSUM) + !!(flags & GRE_KEY) + !!(flags & GRE_SEQUENCE)),
		bpf_ntohs(h[1]));
}

static __always_inline u32 in_udp(const u8 *head, u32 at, u16 port_he)
{
	u16 h[2];
	u8 first;

	at += UDP_HEADER;
	if (bpf_probe_read_kernel(h, sizeof(h), head + at))
		return 0;
	first = (u8)(bpf_ntohs(h[0]) >> 8);
	if (port_he == PORT_VXLAN || port_he == PORT_VXLAN_OLD)
		return first & VXLAN_HAS_ID ? behind(head, at, 8, ETHERTYPE_ETHERNET) : 0;
	if (port_he == PORT_GENEVE && !(first >> 6))
		return behind(head, at, 8 + (first & GENEVE_OPTIONS) * 4, bpf_ntohs(h[1]));
	return 0;
}

static __always_inline u32 carried_at(const u8 *head, const struct pkt *k)
{
	switch (k->tuple.proto) {
	case IPPROTO_IPIP:
	case IPPROTO_IPV6:
		return k->l4_at;
	case IPPROTO_GRE:
		return in_gre(head, k->l4_at);
	case IPPROTO_UDP:
		return in_udp(head, k->l4_at, k->tuple.dport_he);
	default:
		return 0;
	}
}

/* The headers of the packet that @k carries into @in. False: it is no tunnel that can be read. */
static __always_inline int xc_parse_carried(const struct sk_buff *skb, const struct pkt *k,
					    struct pkt *in)
{
	const u8 *head = BPF_CORE_READ(skb, head);
	u32 at, end = BPF_CORE_READ(skb, tail);
	u8 *ip, *l4;

	if (!k->l4_at || k->is_quoted)
		return 0;
	at = carried_at(head, k);
	if (!at || at + INNER_MIN > end)
		return 0;
	ip = (u8 *)head + at;
	l4 = parse_ip(ip, in);
	if (!l4 || (in->tuple.proto != IPPROTO_TCP && in->tuple.proto != IPPROTO_UDP))
		return 0;
	parse_l4(l4, l4 - ip, in);
	return 1;
}
