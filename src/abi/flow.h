/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One flow: what two ends have sent each other, in integers. Filled packet by packet by
 * abi/flow_update.h, in the kernel and in user space alike; turned into columns by flow/.
 *
 * Everything but the windows is since the flow (for TCP: the connection) began. Windows are
 * aligned to multiples of their length on the clock of the packets; two are kept, so that one
 * that has ended can be read while the next is filled.
 */
#pragma once

#include "abi/tcp.h"

#include <linux/types.h>

#define XC_INLINE static inline __attribute__((always_inline))
#define XC_WORDS __attribute__((aligned(8)))	/* bytes that are compared and copied as words */

/* Both directions have one key: the ends are sorted. */
struct xc_flow_key {
	__u8 addr
		[2]
		[16] XC_WORDS; /* IPv4 as IPv4-mapped IPv6; [0] is the lesser end (address, then port) */
	__u16 port_he[2];	/* ICMP echo: its identifier, twice; other ICMP and late fragments: 0 */
	__u8 proto;		/* IPPROTO_* */
	__u8 _pad0[3];
};

_Static_assert(sizeof(struct xc_flow_key) == 40, "ABI: struct xc_flow_key");

/* Sums from which mean, variance, minimum and maximum follow. 128 bits: nanoseconds square badly. */
struct xc_moments {
	__u64 n;
	__u64 sum;
	__u64 sq_lo, sq_hi;	/* sum of squares */
	__u64 min, max;
};

_Static_assert(sizeof(struct xc_moments) == 48, "ABI: struct xc_moments");

#define XC_FLOW_PAUSE_NS 1000000000ull	/* this long without a packet, and a flow was idle */
#define XC_FLOW_HOLES 4		/* gaps in a stream that are remembered, each way */

/* What one end has sent so far (TCP). Sequence numbers compare as in RFC 9293 3.4. */
struct xc_flow_half {
	__u64 last_ns;		/* latest packet of this direction, of any protocol */
	__u64 next_ns;		/* when next_seq last moved */
	__u64 ack_ns;		/* when last_ack was first sent */
	__u64 zero_ns;		/* since when the window is shut; 0 = it is open */
	__u32 next_seq;		/* highest sequence number sent, plus one */
	__u32 last_ack;
	__u32 timed_seq;	/* the acknowledgement that ends the timing */
	__u32 window;		/* advertised last, in bytes (scaled once the scale is known) */
	__u32 retrans_run;	/* retransmissions in a row */
	__u16 raw_window;	/* as in the header */
	__u16 first_window;	/* bytes, of the SYN: never scaled (RFC 7323 2.2); valid with XC_HALF_SYN */
	__u8 has;		/* XC_HALF_* */
	__u8 wscale;		/* RFC 7323; valid with XC_HALF_WSCALE */
	__u8 dup_acks;		/* in a row, at most 255 */
	__u8 _pad0;
	__u32 isn;		/* of the SYN; valid with XC_HALF_SYN */
	__u64 timed_ns;		/* when the segment being timed was sent */
};

_Static_assert(sizeof(struct xc_flow_half) == 72, "ABI: struct xc_flow_half");

struct xc_flow_hole {
	__u32 from, to;		/* [from, to) was not seen yet; equal = none */
};

enum {
	XC_HALF_NEXT = 1,	/* next_seq is valid: something was sent */
	XC_HALF_ACK = 2,	/* last_ack, window are valid */
	XC_HALF_SYN = 4,	/* its SYN was seen */
	XC_HALF_WSCALE = 8,	/* its SYN told a scale */
	XC_HALF_FIN = 16,	/* its FIN was seen */
	XC_HALF_FIN_ACKED = 32,	/* ... and acknowledged */
	XC_HALF_TIMED = 64,	/* a segment is being timed */
	XC_HALF_KEEPALIVE = 128,	/* the latest segment was a keep-alive */
};

/* What one direction did within one window. */
struct xc_flow_dir {
	/* what every packet changes, in as few cache lines as can be */
	__u64 bytes;		/* IP headers and payload, of every segment of a super-packet */
	__u64 header_bytes;	/* IP and transport headers */
	__u64 new_bytes;	/* payload not seen before */
	__u64 size_sq;		/* sum of squared packet sizes; their sum is bytes */
	__u64 window_sum;	/* bytes; n_windows samples */
	__u64 ttl_sq;		/* sum of squares; as many samples as packets */
	struct xc_moments gap;	/* between packets of this direction, ns */
	__u32 ttl_sum;
	__u32 n_packets;
	__u32 size_min, size_max;	/* IP bytes of one segment */
	__u32 window_min, n_windows;
	__u32 n_data;		/* packets with payload */
	__u8 ttl_min;
	__u8 _pad0[3];
	__u32 n_flags[8];	/* packets with flag 1 << i; n_flags[1]: with SYN, ACK or not */
	/* what only some do */
	__u64 retrans_bytes;	/* payload seen before */
	__u64 zero_window_ns;	/* time in this window during which the peer might not send */
	__u32 n_window_drops;	/* the window fell below half of what it was */
	__u32 n_syn_acks;
	__u32 n_retrans;	/* segments with a byte, SYN or FIN that was seen before */
	__u32 n_out_of_order;	/* segments that fill a gap, no byte of them seen before (RFC 4737) */
	__u32 n_zero_windows;
	__u32 n_dup_acks;	/* RFC 5681 */
	__u32 n_keepalives;
	__u32 n_window_probes;
	__u32 n_gaps;		/* a segment before this one was not seen */
	__u32 n_fast, n_spurious;	/* as Wireshark tells them; parts of n_wire_retrans */
	__u32 n_wire_retrans, n_wire_out_of_order;	/* guessed from the wire, as Wireshark does */
	__u32 retrans_run_max;
	__u32 n_holes_lost;	/* more gaps than are remembered: a later fill counts as retransmission */
	__u32 _pad1;
};

/* One window of one flow. */
struct xc_flow_window {
	__u64 no;		/* start / length; 0 = empty */
	__u32 n_connections;	/* that began here (TCP: first SYN; else the first packet) */
	__u32 n_ended_fin;
	__u32 n_ended_rst;
	__u32 n_errors;		/* bad IP header checksums, ICMP errors that quote the flow */
	__u32 n_reversals;	/* packets older than the one before: gap 0 */
	__u8 initiator;		/* end of the key, at the latest packet */
	__u8 state;		/* enum xc_flow_state, likewise */
	__u8 _pad0[2];
	struct xc_moments gap;	/* between packets of either direction, ns */
	struct xc_flow_dir dir[2];	/* by end of the key that sends */
	__u64 handshake_ns;	/* SYN to final ACK (or to SYN-ACK while that is the last seen), 0 = none */
	__u64 jitter_ns;	/* RFC 3550 6.4.1 on latency samples; state at the end of the window */
	__u64 completed_ns;	/* duration of the connection that ended here */
	struct xc_moments latency;	/* ns */
	struct xc_moments
		active; /* times without a pause of XC_FLOW_PAUSE_NS that ended here, ns */
	struct xc_moments idle;	/* the pauses between them, ns */
	struct xc_moments latency_step;	/* |difference of two latencies in a row|, ns */
};

enum xc_flow_state { XC_FLOW_NEW = 1, XC_FLOW_ESTABLISHED, XC_FLOW_CLOSING, XC_FLOW_CLOSED };

struct xc_flow {
	/* what every packet changes or wants, in as few cache lines as can be: two CPUs may have them in turn */
	__u64 window_end_ns;	/* of the window that is being filled */
	__u64 last_ns;		/* of this connection */
	__u64 n_packets[2], n_bytes[2];	/* by end of the key that sends */
	__u32 hook
		[2]; /* where each end's packets are counted: interface << 1 | is_egress; 0 = not yet */
	__u32 n_connections;	/* on this pair of ports, this one included */
	__u8 initiator;		/* end of the key */
	__u8 state;		/* enum xc_flow_state */
	__u8 proto;
	__u8 filling;		/* index of the window that is being filled */
	__u64 asked_ns;		/* UDP, ICMP: request that waits for an answer; 0 = none */
	struct xc_flow_half half[2];	/* by end of the key */
	/* what only some do */
	__u64 first_ns;		/* of this connection */
	__u64 active_ns;	/* since when there was no pause */
	__u64 syn_ns;		/* latest SYN of the initiator */
	__u64 srtt_ns;		/* smoothed latency, 1/8 (RFC 6298); 0 = none yet */
	__u64 handshake_ns;	/* of this connection, 0 = not seen */
	__u64 last_latency_ns;
	__u64 jitter_ns;
	struct xc_flow_hole hole[2][XC_FLOW_HOLES];	/* by end of the key */
	struct xc_flow_window window[2];	/* by window number & 1 */
};

_Static_assert(sizeof(struct xc_flow) == 1888, "ABI: struct xc_flow");

/*
 * What the kernel's own hooks know of a flow: counters since the flow began, all 0 when neither
 * end is a socket of this host. Kept beside struct xc_flow, because tracing programs cannot take its lock.
 */
struct xc_flow_kernel {
	__u64 cookie;		/* of the local socket, 0 = none seen */
	__u64 cgroup_id;	/* it belongs to (cgroup v2), 0 = not known */
	__u32 tgid;		/* process that holds it, 0 = not known */
	__u32 netns;		/* inode of the network namespace of the socket */
	char comm[16];
	__u32 srtt_us, mdev_us;	/* RFC 6298, of the local socket; 0 = no sample */
	__u32 n_retrans;	/* segments sent again, SYN-ACKs included */
	__u32 n_policy_drops;	/* packets dropped by a rule, a program or a limiter */
	__u32 n_drops;		/* packets dropped for any reason, those included */
	__u32 _pad0;
};

_Static_assert(sizeof(struct xc_flow_kernel) == 64, "ABI: struct xc_flow_kernel");
