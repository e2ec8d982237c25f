/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Programs on interfaces: where a packet's IP header begins. */
#pragma once

#include "probe/scope.bpf.h"

#define XC_NEXT (-1)		/* TCX_NEXT and TC_ACT_UNSPEC: what others decide holds */
#define XC_ETH_HEADER 14
#define XC_VLAN_HEADER 4
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8

/* Where the IP header starts; negative = no IP. A tag the card took off is not in the packet. */
static __always_inline int xc_ip_offset(struct __sk_buff *skb, int at)
{
	u16 proto_be = skb->protocol;

	for (int i = 0; i < 2; i++) {
		if (proto_be == bpf_htons(ETH_P_IP) || proto_be == bpf_htons(ETH_P_IPV6))
			return at;
		if (proto_be != bpf_htons(ETH_P_8021Q) && proto_be != bpf_htons(ETH_P_8021AD))
			return -1;
		if (bpf_skb_load_bytes(skb, at + 2, &proto_be, sizeof(proto_be)))
			return -1;
		at += XC_VLAN_HEADER;
	}
	return proto_be == bpf_htons(ETH_P_IP) || proto_be == bpf_htons(ETH_P_IPV6) ? at : -1;
}
