/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the maps of flows hold: written by flow.bpf.c and truth.bpf.c, read by source/taps.c. */
#pragma once

#include "abi/flow.h"

#include <linux/bpf.h>

/*
 * xc_flows: by struct xc_flow_key. Both directions write it, on any CPU. Who reads it while it is
 * written gets each word whole; a window that has ended is not written any more.
 */
struct xc_flow_entry {
	struct bpf_spin_lock lock;	/* before 5.12 */
	__u32 is_taken;		/* since: by the CPU that writes */
	__u64 id;		/* names the flow in xc_latency*; 0 = none yet */
	struct xc_flow flow;
};

_Static_assert(sizeof(struct xc_flow_entry) == 1904, "ABI: struct xc_flow_entry");
/* The kernel adds the key and 56 bytes, and takes memory in pieces of 2048 or 4096. */
_Static_assert(sizeof(struct xc_flow_entry) + sizeof(struct xc_flow_key) + 56 <= 2048,
	       "a flow must not take 4096 bytes");

/*
 * xc_latency0 (even windows), xc_latency1: a row of buckets of one flow. What is alike stays together: a
 * sample that finds its place in no cache costs more than the rest of its packet.
 */
#define XC_LATENCY_ROW 8

struct xc_latency_key {
	__u64 id;
	__u32 window;		/* low half of its number */
	__u32 row;		/* its first bucket is row * XC_LATENCY_ROW */
};

_Static_assert(sizeof(struct xc_latency_key) == 16, "ABI: struct xc_latency_key");

struct xc_latency_row {
	__u32 n[XC_LATENCY_ROW];	/* samples */
};

/* xc_flow_stats: since the program was loaded, per CPU. */
struct xc_flow_losses {
	__u64 n_packets, n_bytes;	/* the table had no room for their flow */
	__u64 n_busy;		/* ... or another CPU kept it for too long; in n_packets */
	__u64 n_latencies;		/* samples likewise */
	__u64 n_truths;			/* events of the kernel likewise */
};

_Static_assert(sizeof(struct xc_flow_losses) == 40, "ABI: struct xc_flow_losses");

/* What the kernel's own hooks saw of a flow in one window. */
struct xc_truth_window {
	__u64 no;
	__u32 n_retrans, n_policy_drops, n_drops;
	__u32 _pad0;
};

/* xc_truth: by struct xc_flow_key, beside the flow, because tracing programs cannot take its lock. */
struct xc_truth {
	__u64 cookie, cgroup_id;	/* as in struct xc_flow_kernel */
	__u32 tgid, netns;
	char comm[16];
	__u32 srtt_us, mdev_us;
	__u8 initiator;		/* end of the key whose packet was dropped first */
	__u8 is_server;		/* the socket named is the one that was connected to */
	__u8 _pad0[6];
	struct xc_truth_window window[2];	/* by window number & 1 */
};

_Static_assert(sizeof(struct xc_truth) == 104, "ABI: struct xc_truth");
