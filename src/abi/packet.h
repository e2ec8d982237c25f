/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Records about one packet: dropped here, or an ICMP error sent or received. */
#pragma once

#include "abi/event.h"

/* Where in the stack a packet was; told from the packet's own state, not from a stack trace. */
enum xc_hook {
	XC_HOOK_NONE,
	XC_HOOK_PREROUTING,
	XC_HOOK_INPUT,
	XC_HOOK_FORWARD,
	XC_HOOK_OUTPUT,
	XC_HOOK_POSTROUTING,
	_XC_HOOK_MAX,
};

/* Conntrack state as seen on the packet. */
enum xc_ct {
	XC_CT_NONE,		/* no entry: untracked, invalid, or the table is full */
	XC_CT_NEW,
	XC_CT_ESTABLISHED,
	XC_CT_RELATED,
	XC_CT_UNKNOWN,		/* this kernel has no conntrack, or its layout is not readable */
};

struct xc_drop_evt {
	struct xc_evt hdr;
	__u64 cookie;		/* sending socket when dropped on its way out, else 0 */
	struct xc_tuple tuple;	/* as on the packet; of the quoted packet when is_quoted */
	struct xc_tuple
		orig; /* before NAT, from conntrack; with is_carried: inside the tunnel; proto 0 = the same */
	struct xc_owner owner;	/* OUTPUT in process context only */
	__u64 location;		/* kernel address that freed the packet */
	__u64 count;		/* drops of this flow for this reason so far, this one included */
	__u64 first_ns;
	__u32 netns;
	__u32 ifindex;
	__u32 reason;		/* enum skb_drop_reason of the RUNNING kernel */
	__u32 len_bytes;	/* from the network header */
	__u32 seq;
	__u32 ack;
	__s32 route_err;	/* last route lookup error of this CPU for this destination, 0 = none */
	__u32 mtu_bytes;	/* of the outgoing route, 0 = not known */
	__u32 mark;
	__u16 payload_bytes;	/* TCP or UDP payload, clipped to 65535 */
	__u8 tcp_flags;
	__u8 hook;		/* enum xc_hook */
	__u8 ct;		/* enum xc_ct */
	__u8 icmp_type;		/* of ARP: its operation, 1 request, 2 reply (RFC 826) */
	__u8 icmp_code;
	__u8 is_quoted;		/* 1: the packet is an ICMP error; tuple is the flow it quotes */
	__u8 rx_state;		/* TCP state of the receiving socket, 0 = none */
	__u8 ttl;
	__u8 has_next;		/* the route has a gateway or on-link next hop: nexthop valid */
	__u8 is_dev_down;	/* dev is down or has no carrier */
	__u8 nexthop[16];	/* of neighbour discovery and ARP: the address it is about */
	char dev[16];		/* the device the packet was on */
	char out_dev[16];	/* of its route, empty = none yet */
	char sym[32];		/* name of the function at location; empty = hidden */
	__u32 rx_netns;
	__u32 rx_unread_bytes;	/* receive queue of that socket */
	__u32 rx_rcvbuf_bytes;
	__u32 rx_accept_queue;
	__u32 rx_accept_max;
	__u32 rx_wnd;
	__u8 dst_mac[6];	/* of an Ethernet frame, all zero = none */
	__u8 dev_mac[6];
	__u8 is_arp;		/* the packet is ARP: tuple has the addresses of its sender and its target */
	__u8 is_carried;	/* the packet is a tunnel's: orig and what is said of TCP are of the flow inside */
	__u8 _pad1[2];
};

_Static_assert(sizeof(struct xc_drop_evt) == 328, "ABI: struct xc_drop_evt");

struct xc_icmp_evt {
	struct xc_evt hdr;
	struct xc_tuple tuple;	/* the flow the error quotes, as the sender of that flow sees it */
	__u8 from[16];		/* who reports the error */
	__u32 netns;
	__u32 info;		/* MTU of "fragmentation needed" / "packet too big", else 0 */
	__u32 quoted_seq;	/* TCP sequence number in the quote */
	__u8 family;		/* 4: ICMP, 6: ICMPv6 */
	__u8 type;
	__u8 code;
	__u8 is_sent;		/* 1: this host sends it, 0: this host received it */
	char dev[16];
};

_Static_assert(sizeof(struct xc_icmp_evt) == 104, "ABI: struct xc_icmp_evt");
