/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What every BPF program is told once, before it is loaded: scope and what this kernel has. */
#pragma once

#include <linux/types.h>

#define XC_MATCH_MAX 16
#define XC_REASON_MAX 256
#define XC_OWN_WAYS 4	/* connections in one entry of xc_socks */

enum xc_match_what { XC_MATCH_FROM = 1, XC_MATCH_TO, XC_MATCH_EITHER };

/* One filter; rules of one group are alternatives, groups must all hold. */
struct xc_match {
	__u64 addr[2];		/* the bytes of the address, IPv4 as IPv4-mapped IPv6, masked */
	__u64 mask[2];		/* all zero = any address */
	__u8 what;		/* enum xc_match_what */
	__u8 is_not;		/* must NOT match, whatever the group */
	__u8 group;
	__u8 _pad0;
	__u16 port_he;
	__u16 port_mask;	/* 0 = any port, else 0xffff */
};

struct xc_probe_cfg {
	__u64 cgroup_id;	/* 0 = any; this group or one below it */
	__u32 tgid;		/* 0 = any */
	__u32 ifindex;		/* 0 = any */
	__u32 netns_only;	/* the one namespace in scope: spares the look into xc_netns; 0 = not one */
	__u32 n_match;
	__u32 hz;		/* jiffies per second */
	__u32 own_set_mask;	/* entries of xc_socks, a power of two, minus one */
	__u32 drop_budget;	/* drop records per CPU and 100 ms; the rest is counted */
	__u32 payload_budget;	/* bytes of each direction of a socket before its policy is known, once the ring is half full; ~0 = any */
	__u64 window_ns;	/* of flows; 0 = no flows are wanted */
	__u8 has_netns_scope;	/* only namespaces in xc_netns */
	__u8 has_sock_cookie;	/* bpf_get_socket_cookie() in tracing programs (5.12) */
	__u8 has_task_btf;	/* bpf_get_current_task_btf() (5.11) */
	__u8 has_snprintf;	/* bpf_snprintf() (5.13): symbol names from the kernel itself */
	__u8 has_reasons;	/* kfree_skb carries a reason (5.17) */
	__u8 has_time_in_skb;	/* tests: packets bring their time and their length */
	__u8 is_payload_only;	/* the sock probe is not there */
	__u8 has_tls;		/* the tls probe is */
	__u8 with_both_ends;	/* of a connection within this host; else one of them is told */
	struct xc_match match[XC_MATCH_MAX];
	__u8 reason_action
		[XC_REASON_MAX]; /* enum xc_reason_action by number of the RUNNING kernel */
	__u32 reason_not_specified;
	__u32 reason_no_socket;
	__u32 reason_socket_filter;
	__u32 reason_old_sequence;
	__u32 forwarded_netns;	/* where packets that pass through are read */
};

enum xc_reason_action {
	XC_REASON_KEEP,
	XC_REASON_IGNORE,	/* belongs to normal operation */
	XC_REASON_BY_PLACE,	/* says nothing by itself: decided by the function that dropped */
	XC_REASON_POLICY,	/* somebody decided so: a rule, a program, a limiter; kept */
};
