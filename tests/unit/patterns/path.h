/* SPDX-License-Identifier: Apache-2.0 */
/* The way there and back: neighbours, routes, MTU, loss, silence. */
#pragma once

#include "row.h"

#define NUD_FAILED 0x20
#define NUD_INCOMPLETE 0x01
/* A sender whose full-size segment is resent again and again. */
#define STUCK_FULL(n, seqs)                                                                        \
	.n_retrans = (n), .n_retrans_full = (n), .n_full_seqs = (seqs),                            \
	.first_retrans_ns = T0 + 200 * MS, .first_full_ns = T0 + 200 * MS,                         \
	.second_full_ns = T0 + 600 * MS

/* Five segments, of a stream that had 65704856 bytes acknowledged in the end. */
#define FIVE_RESENT                                                                                \
	.n_retrans = 5, .n_full_seqs = 5, .first_total_retrans = 1,                                \
	.last = { .sacked_out = 5,                                                                 \
		  .snd_wnd = 60000,                                                                \
		  .snd_una = 65704856,                                                             \
		  .total_retrans = 5,                                                              \
		  .mss_bytes = 1460,                                                               \
		  .bytes_acked = 65704856 }

static const struct row path_rows[] = {
	/* ---- arp-failure */
	ROW("the neighbour failed", "arp-failure", "ARP for 10.0.0.2 on eth0 failed: 3 requests",
	    CLIENT(), SYNS(1), NEIGHS(.nud_state = NUD_FAILED, .probes = 3)),
	ROW("IPv6 says neighbour discovery", "arp-failure", "neighbour discovery", IPV6, CLIENT(),
	    SYNS(1), .neighs = { { .addr = V6(2), .nud_state = NUD_FAILED, .probes = 3 } }),
	ROW("the queued SYN was dropped", "arp-failure", "10.0.0.254 does not answer", SYNS(1),
	    DROPS(DROP(NEIGH_FAILED, AT_OUTPUT, SYN, .has_next = 1, .nexthop = ROUTER_IP))),
	ROW("the resent SYN still waits", "arp-failure", "EBUSY", CLIENT(.n_err_ebusy = 1), SYNS(1),
	    NEIGHS(.nud_state = NUD_INCOMPLETE)),
	ROW("a router says host unreachable", "arp-failure",
	    "10.0.0.254 reports the host unreachable", CLIENT(),
	    ICMPS(ICMP(4, 3, 1, .from = ROUTER_IP)), FAILED(REFUSED, EHOSTUNREACH)),
	ROW("a router says address unreachable", "arp-failure", "reports the host unreachable",
	    IPV6, CLIENT(), ICMPS(ICMP(6, 1, 3, .from = V6(9))), FAILED(REFUSED, EHOSTUNREACH)),
	NEAR("not answered yet is not failed", "arp-failure", NULL, CLIENT(),
	     .neighs = { { .addr = SERVER_IP, .nud_state = 0 } }),
	NEAR("no route is not no neighbour", "arp-failure", "no-route", CLIENT(),
	     ICMPS(ICMP(4, 3, 0, .from = ROUTER_IP)), FAILED(REFUSED, ENETUNREACH)),

	/* ---- wrong-mac */
	ROW("a frame for somebody else's MAC", "wrong-mac",
	    "02:00:00:00:00:01 instead of 02:00:00:00:00:02", SYNS(1),
	    DROPS(DROP(OTHERHOST, AT_INPUT, SYN, .dev = "eth0", .dst_mac = { 2, 0, 0, 0, 0, 1 },
		       .dev_mac = { 2, 0, 0, 0, 0, 2 }))),
	NEAR("no frame, only silence", "wrong-mac", "black-hole", CLIENT(), SYNS(3)),

	/* ---- no-route */
	ROW("no route at all", "no-route", "no route to 10.0.0.2", FAILED(REFUSED, ENETUNREACH),
	    ROUTES(.err = -ENETUNREACH)),
	ROW("a blackhole route", "no-route", "looks like a bug in the program",
	    FAILED(REFUSED, EINVAL), ROUTES(.err = -EINVAL)),
	ROW("an unreachable route", "no-route", "unreachable route", FAILED(REFUSED, EHOSTUNREACH),
	    ROUTES(.err = -EHOSTUNREACH)),
	ROW("a prohibit route", "no-route", "prohibit", FAILED(REFUSED, EACCES),
	    ROUTES(.err = -EACCES)),
	ROW("the router has none", "no-route", "10.0.0.254 reports: network unreachable", CLIENT(),
	    ICMPS(ICMP(4, 3, 0, .from = ROUTER_IP)), FAILED(REFUSED, ENETUNREACH)),
	ROW("an IPv6 router has none", "no-route", "network unreachable", IPV6, CLIENT(),
	    ICMPS(ICMP(6, 1, 0, .from = V6(9))), FAILED(REFUSED, ENETUNREACH)),
	ROW("a blackhole route in a router drops without a reason", "no-route", "blackhole",
	    SYNS(1), DROPS(DROP(NOT_SPECIFIED, .sym = "ip_error", .route_err = -EINVAL, SYN))),
	ROW("dropped for want of a route", "no-route", "Add a route to 10.0.0.2", SYNS(1),
	    DROPS(DROP(IP_INNOROUTES, .sym = "ip_error", .route_err = -ENETUNREACH, SYN))),
	NEAR("a drop without a reason and without a route error", "no-route", NULL,
	     DROPS(DROP(NOT_SPECIFIED, .sym = "ip_error", SYN))),
	NEAR("host unreachable means the last hop", "no-route", "arp-failure", CLIENT(),
	     ICMPS(ICMP(4, 3, 1, .from = ROUTER_IP))),

	/* ---- forwarding-off */
	ROW("IPv4", "forwarding-off", "net.ipv4.ip_forward = 0", SYNS(1),
	    DROPS(DROP(IP_INADDRERRORS, .sym = "ip_error", .dev = "lan0", SYN)),
	    NOTES(NOTE("net.ipv4.ip_forward", "0"))),
	ROW("the value is not known", "forwarding-off", "sysctl -w net.ipv4.ip_forward=1", SYNS(1),
	    DROPS(DROP(IP_INADDRERRORS, .sym = "ip_error", SYN))),
	ROW("IPv6 gives no reason", "forwarding-off", "net.ipv6.conf.all.forwarding", IPV6, SYNS(1),
	    DROPS(DROP(NOT_SPECIFIED, .sym = "ip6_forward", SYN)),
	    NOTES(NOTE("net.ipv6.conf.all.forwarding", "0"))),
	NEAR("IPv6 forwards: it was something else", "forwarding-off", NULL, IPV6,
	     DROPS(DROP(NOT_SPECIFIED, .sym = "ip6_forward", SYN)),
	     NOTES(NOTE("net.ipv6.conf.all.forwarding", "1"))),

	/* ---- rp-filter */
	ROW("dropped by the reverse path filter", "rp-filter", "rp_filter = 1, all = 0", SYNS(1),
	    DROPS(DROP(IP_RPFILTER, AT_PREROUTING, SYN, .dev = "lan0")),
	    NOTES(NOTE("net.ipv4.conf.lan0.rp_filter", "1"),
		  NOTE("net.ipv4.conf.all.rp_filter", "0"))),
	NEAR("a martian source is another check", "rp-filter", "martian-source", SYNS(1),
	     DROPS(DROP(IP_LOCAL_SOURCE, AT_PREROUTING, SYN, .dev = "lan0"))),

	/* ---- ttl-exceeded */
	ROW("a router drops it", "ttl-exceeded", "TTL 1", SYNS(1),
	    DROPS(DROP(IP_INHDR, AT_FORWARD, SYN, .sym = "ip_forward", .ttl = 1))),
	ROW("a router says so", "ttl-exceeded", "reported by 10.0.0.254", CLIENT(),
	    ICMPS(ICMP(4, 11, 0, .from = ROUTER_IP)), FAILED(REFUSED, EHOSTUNREACH)),
	ROW("an IPv6 router says so", "ttl-exceeded", "time exceeded", IPV6,
	    ICMPS(ICMP(6, 3, 0, .from = V6(9)))),
	NEAR("a broken header with hops left", "ttl-exceeded", NULL,
	     DROPS(DROP(IP_INHDR, AT_FORWARD, SYN, .ttl = 60))),
	NEAR("reassembly time exceeded is no hop count", "ttl-exceeded", NULL,
	     ICMPS(ICMP(4, 11, 1, .from = SERVER_IP))),

	/* ---- martian-source */
	ROW("our own address", "martian-source", "an address of this very host", SYNS(1),
	    DROPS(DROP(IP_LOCAL_SOURCE, AT_PREROUTING, SYN, .dev = "lan0"))),
	ROW("an invalid one", "martian-source", "its source cannot come from there",
	    DROPS(DROP(IP_INVALID_SOURCE, AT_PREROUTING, SYN))),
	ROW("loopback from outside", "martian-source", "loopback", DROPS(DROP(IP_LOCALNET, SYN))),
	ROW("an invalid destination", "martian-source", "destination",
	    DROPS(DROP(IP_INVALID_DEST, SYN))),
	ROW("an old kernel, and the reverse path filter is off", "martian-source",
	    "rp_filter is off",
	    DROPS(DROP_AT("ip_rcv_finish_core", IP_RPFILTER, SYN, .dev = "lan0")),
	    NOTES(NOTE("net.ipv4.conf.lan0.rp_filter", "0"),
		  NOTE("net.ipv4.conf.all.rp_filter", "0"))),
	NEAR("an old kernel, and the filter is on", "martian-source", "rp-filter",
	     DROPS(DROP_AT("ip_rcv_finish_core", IP_RPFILTER, SYN, .dev = "lan0")),
	     NOTES(NOTE("net.ipv4.conf.lan0.rp_filter", "1"),
		   NOTE("net.ipv4.conf.all.rp_filter", "0"))),
	NEAR("the wrong interface is another check", "martian-source", "rp-filter",
	     DROPS(DROP(IP_RPFILTER, AT_PREROUTING, SYN))),

	/* ---- black-hole */
	ROW("SYNs into the void", "black-hole", "4 SYNs in 3.0 s", CLIENT(), SYNS(3),
	    .waited_ns = 3000 * MS),
	ROW("one resend, and the application gave up", "black-hole", "tracepath -p 80 10.0.0.2",
	    CLIENT(), SYNS(1), FAILED(GAVE_UP, 0)),
	ROW("the kernel gave up", "black-hole", "SYNs vanish", CLIENT(), SYNS(6),
	    FAILED(REFUSED, ETIMEDOUT)),
	ROW("the same in a capture", "black-hole", "beyond the place of the capture",
	    .is_packets_only = true, CLIENT(), SYNS(3), .waited_ns = 3000 * MS),
	NEAR("one resend is not silence yet", "black-hole", NULL, CLIENT(), SYNS(1)),
	NEAR("a drop here explains it", "black-hole", "filter-drop", CLIENT(), SYNS(3),
	     DROPS(DROP(NETFILTER_DROP, AT_FORWARD, SYN))),
	NEAR("the neighbour does not answer", "black-hole", "arp-failure", CLIENT(.n_err_ebusy = 2),
	     SYNS(3)),
	NEAR("the server answers", "black-hole", "return-path-loss", CLIENT(),
	     SERVER(.n_synack_retrans = 2), SYNS(3)),
	NEAR("the server's queue is full", "black-hole", "accept-queue-overflow", CLIENT(), SYNS(3),
	     LISTENERS(LISTENER(.fits = true, .full_ns = T0, .accept_queue = 3, .accept_max = 2))),
	NEAR("a RST is an answer", "black-hole", "nothing-listens", CLIENT(.n_rst_rcvd = 1),
	     SYNS(3), FAILED(REFUSED, ECONNREFUSED)),

	/* ---- return-path-loss */
	ROW("both ends resend", "return-path-loss", "resent its SYN-ACK 2 times", CLIENT(), SYNS(1),
	    .server = { .n_synack_retrans = 2 }),
	ROW("only the server is seen", "return-path-loss",
	    "answers from 10.0.0.2:80 to 10.0.0.1:40000", .server = { .n_synack_retrans = 1 }),
	NEAR("a scan in a capture", "return-path-loss", NULL, .is_packets_only = true, CLIENT(),
	     .server = { .n_synack_retrans = 3 }),
	NEAR("the drop of the answer was seen", "return-path-loss", "filter-drop", CLIENT(),
	     SYNS(1), .server = { .n_synack_retrans = 2 },
	     DROPS(DROP_BACK(NETFILTER_DROP, AT_FORWARD, .tcp_flags = XC_TCP_SYN | XC_TCP_ACK))),
	NEAR("a flood: nobody means to finish", "return-path-loss", "syn-flood",
	     .server = { .n_synack_retrans = 2 }, COUNTERS([XC_CTR_REQQ_FULL_DROP] = 50)),
	NEAR("it got through in the end", "return-path-loss", NULL, .was_established = true,
	     .server = { .n_synack_retrans = 2 }),

	/* ---- packet-loss */
	ROW("segments dropped here while others pass", "packet-loss", "on this host",
	    .was_established = true, CLIENT(MOVES(.bytes_acked = 100000)),
	    DROPS(DROP_SEQS(3, NETFILTER_DROP, AT_FORWARD, DATA, .count = 9))),
	ROW("resends with SACK and an open window", "packet-loss", "5 SACKed",
	    .was_established = true,
	    CLIENT(.n_retrans = 4, .last = { .sacked_out = 5,
					     .snd_wnd = 60000,
					     .total_retrans = 4,
					     .bytes_acked = 90000 })),
	NEAR("a few resends in a capture", "packet-loss", NULL, .is_packets_only = true,
	     .was_established = true,
	     CLIENT(.n_retrans = 4, .n_full_seqs = 4,
		    .last = { .sacked_out = 5, .snd_wnd = 60000, .total_retrans = 4 })),
	ROW("many resends in a capture", "packet-loss", "5 duplicate ACKs", .is_packets_only = true,
	    .was_established = true,
	    CLIENT(.n_retrans = 9, .n_full_seqs = 4,
		   .last = { .sacked_out = 5, .snd_wnd = 60000, .total_retrans = 9 })),
	NEAR("resends in a capture, few of very many", "packet-loss", NULL, .is_packets_only = true,
	     .was_established = true,
	     CLIENT(.n_retrans = 9, .n_full_seqs = 9,
		    .last = { .sacked_out = 1,
			      .snd_wnd = 60000,
			      .total_retrans = 9,
			      .mss_bytes = 1460,
			      .bytes_acked = 65704856 })),
	NEAR("a few of very many, in a bulk transfer", "packet-loss", NULL, .was_established = true,
	     CLIENT(FIVE_RESENT)),
	ROW("after much that went well", "packet-loss", "5 SACKed", .was_established = true,
	    CLIENT(FIVE_RESENT, .first_una = 65604856)),
	ROW("a full queue", "packet-loss", "QDISC_OVERLIMIT", .was_established = true,
	    SERVER(MOVES(.bytes_acked = 100000)),
	    DROPS(DROP_SEQS(2, QDISC_OVERLIMIT, .dev = "eth0", DATA))),
	NEAR("one segment, again and again: a block", "packet-loss", "filter-drop",
	     .was_established = true, CLIENT(.n_retrans = 3, .last = { .total_retrans = 3 }),
	     DROPS(DROP(NETFILTER_DROP, AT_FORWARD, DATA, .ct = XC_CT_ESTABLISHED, .count = 4))),
	NEAR("the receiver does not read", "packet-loss", "zero-window", .was_established = true,
	     CLIENT(.n_retrans = 3, .stuck_ns = T0 + MS,
		    .last = { .total_retrans = 3, .rwnd_limited_ms = 900, .bytes_acked = 9000 })),
	NEAR("one resend is everyday life", "packet-loss", NULL, .was_established = true,
	     CLIENT(.n_retrans = 1, .last = { .total_retrans = 1, .bytes_acked = 5000 })),
	NEAR("only the full-size segment is lost", "packet-loss", "pmtu-black-hole",
	     .was_established = true,
	     CLIENT(STUCK_FULL(3, 1),
		    .last = { .total_retrans = 3, .mss_bytes = 1448, .bytes_acked = 500 })),

	/* ---- pmtu-black-hole */
	ROW("the ICMP that would tell is dropped", "pmtu-black-hole", "tells the sender to shrink",
	    .was_established = true,
	    CLIENT(STUCK_FULL(2, 1), .last = { .mss_bytes = 1448, .bytes_acked = 9 }),
	    DROPS(DROP(NETFILTER_DROP, AT_INPUT, .is_quoted = 1, .icmp_type = 3, .icmp_code = 4,
		       .tuple = { .saddr = SERVER_IP, .daddr = CLIENT_IP, .proto = IPPROTO_TCP }))),
	ROW("a router said so, and nothing changed", "pmtu-black-hole", "MTU 1280",
	    .was_established = true,
	    CLIENT(STUCK_FULL(3, 1), .last = { .mss_bytes = 1448, .sacked_out = 1 }),
	    ICMPS(ICMP(4, 3, 4, .info = 1280, .from = ROUTER_IP)),
	    DROPS(DROP(PKT_TOO_BIG, AT_FORWARD, DATA, .len_bytes = 1500, .mtu_bytes = 1280))),
	ROW("ICMPv6", "pmtu-black-hole", "MTU 1280", IPV6, .was_established = true,
	    CLIENT(STUCK_FULL(3, 1), .last = { .mss_bytes = 1428, .bytes_acked = 9 }),
	    ICMPS(ICMP(6, 2, 0, .info = 1280, .from = V6(9)))),
	NEAR("discovery at work: once, then smaller", "pmtu-black-hole", NULL,
	     .was_established = true,
	     CLIENT(STUCK_FULL(1, 1), .last = { .mss_bytes = 1448, .bytes_acked = 9 }),
	     ICMPS(ICMP(4, 3, 4, .info = 1280, .from = ROUTER_IP))),
	NEAR("different full-size segments get through", "pmtu-black-hole", "packet-loss",
	     .was_established = true,
	     CLIENT(STUCK_FULL(4, 3), .last = { .mss_bytes = 1448,
						.total_retrans = 4,
						.bytes_acked = 90000,
						.sacked_out = 3,
						.snd_wnd = 60000 })),

	/* ---- link-down */
	ROW("no carrier", "link-down", "ip link set dev eth0 up", SYNS(1),
	    DROPS(DROP(QDISC_DROP, AT_OUTPUT, SYN, .is_dev_down = 1, .out_dev = "eth0",
		       .dev = "eth0"))),
	ROW("the device is not ready", "link-down", "down or has no carrier",
	    DROPS(DROP(DEV_READY, AT_OUTPUT, SYN, .is_dev_down = 1, .dev = "eth0"))),
	NEAR("a queue that is up and drops", "link-down", "kernel-drop",
	     DROPS(DROP(QDISC_DROP, AT_OUTPUT, SYN, .dev = "eth0"))),
	NEAR("a filter, and the link happens to be down", "link-down", "filter-drop",
	     DROPS(DROP(NETFILTER_DROP, AT_OUTPUT, SYN, .is_dev_down = 1, .dev = "eth0"))),
};
