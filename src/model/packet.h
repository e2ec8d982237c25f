/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a filter rule can look at in a packet, and what a filter rule is once it has
 * been named. Plain values, no I/O; the text forms live with the engines (meta/).
 */
#pragma once

#include "abi/event.h"
#include "abi/host.h"
#include "abi/packet.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * One packet at one hook. Zero or "" means "not known" unless said otherwise, and a
 * rule that asks for something not known is answered "could have", never guessed.
 */
struct xc_packet {
	struct xc_tuple tuple;	/* as on the packet; IPv4 is v4-mapped IPv6 */
	struct xc_tuple orig;	/* before NAT, from conntrack; proto 0 = no NAT, or not known */
	int64_t uid;		/* of the sending socket, -1 = not known */
	int64_t gid;		/* -1 = not known */
	uint64_t cgroup_id;
	uint32_t mark;		/* as it was when the packet was dropped; always known */
	uint32_t len_bytes;	/* from the network header */
	enum xc_hook hook;	/* XC_HOOK_NONE: every hook is tried, nothing is certain */
	enum xc_ct ct;
	char iif[16];
	char oif[16];
	uint8_t tcp_flags;	/* always known when tuple.proto is TCP */
	uint8_t icmp_type;	/* ICMP and ICMPv6; always known */
	uint8_t icmp_code;
	uint8_t ttl;		/* or hop limit */
};

/* What the rule does. Stable: recordings carry it (struct xc_rule_evt). */
enum xc_rule_verdict {
	XC_VERDICT_DROP = 1,	/* silently */
	XC_VERDICT_REJECT,	/* answers with an ICMP error */
	XC_VERDICT_REJECT_RST,	/* answers with a TCP RST */
	XC_VERDICT_QUEUE,	/* hands the packet to a user-space program, which decides */
	_XC_VERDICT_MAX,
};

/* One rule, or chain policy, that could have dropped the packet. */
struct xc_rule {
	char engine[16];	/* nftables, iptables-nft, iptables-legacy */
	char table[32];		/* with its family: "inet filter" */
	char chain[32];
	char text[192];		/* as the engine prints it; ends in "..." when cut */
	uint32_t handle;	/* nftables: its handle; iptables: place in the chain; policy: 0 */
	int32_t prio;		/* of the base chain it was reached from */
	int64_t packets;	/* its own counter, -1 = it has none */
	enum xc_hook hook;	/* of that base chain */
	enum xc_rule_verdict verdict;
	enum xc_rule_how how;
	bool is_policy;
	bool is_certain;	/* all its conditions hold; false: one could not be evaluated */
};
