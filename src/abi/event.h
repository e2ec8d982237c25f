/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The record header and the small values every record is made of. Shared by BPF
 * programs (clang) and user space (gcc); knows nothing else.
 *
 * Rules: fixed-width types only; no enum, bool, long or pointer as a field; no
 * hidden padding (name it _padN); unit or byte order in the field name (_ns,
 * _bytes; _be = network order, _he = host order). A record is as long as its own
 * size says; readers check size_bytes against the struct they know and ignore the
 * rest, so a recording made by a newer crosscut stays readable.
 */
#pragma once

#include <linux/types.h>

/* Kinds are stable for ever: recordings carry them. Append only. */
enum xc_evt_kind {
	XC_EVT_ENUM = 1,	/* names of one kernel enum, from the running kernel's BTF */
	XC_EVT_TICK,		/* time passed; losses and clock offset so far */
	XC_EVT_SOCK,		/* something happened to a TCP socket: abi/sock.h */
	XC_EVT_RESET,		/* this host sent a RST: abi/sock.h */
	XC_EVT_DROP,		/* this host dropped a packet: abi/packet.h */
	XC_EVT_ICMP,		/* ICMP error sent or received: abi/packet.h */
	XC_EVT_NEIGH,		/* neighbour resolution failed: abi/path.h */
	XC_EVT_ROUTE,		/* route lookup failed: abi/path.h */
	XC_EVT_DENIED,		/* a cgroup program denied connect(): abi/path.h */
	XC_EVT_PROC,		/* OOM kill or process exit: abi/host.h */
	XC_EVT_COUNTERS,	/* per-netns counters that moved: abi/host.h */
	XC_EVT_RULE,		/* answer: the rule that drops: abi/host.h */
	XC_EVT_NOTE,		/* answer: a named value of a netns or cgroup: abi/host.h */
	XC_EVT_ADDR,		/* an address of a watched namespace: abi/host.h */
	XC_EVT_END,		/* a recording was closed properly: abi/host.h */
	XC_EVT_SEGMENT,		/* payload of a socket, or its end: abi/segment.h */
	_XC_EVT_MAX,
};

struct xc_evt {
	__u64 ts_ns;		/* CLOCK_MONOTONIC */
	__u32 size_bytes;	/* whole record, this header included */
	__u16 kind;		/* enum xc_evt_kind */
	__u16 cpu;
};

_Static_assert(sizeof(struct xc_evt) == 16, "ABI: struct xc_evt");

#define XC_EVT_SIZE_MAX 65536	/* a longer record is a damaged recording */

/*
 * One flow as one endpoint sees it. IPv4 addresses are kept as IPv4-mapped IPv6
 * (RFC 4291 2.5.5.2), so that a dual-stack socket and the IPv4 packets it causes
 * compare equal.
 */
struct xc_tuple {
	__u8 saddr[16];
	__u8 daddr[16];
	__u16 sport_he;		/* ICMP: the echo id, or 0 */
	__u16 dport_he;
	__u8 proto;		/* IPPROTO_* */
	__u8 _pad0[3];
};

_Static_assert(sizeof(struct xc_tuple) == 40, "ABI: struct xc_tuple");

/* The process a socket belongs to; tgid 0 = not known. Learnt in process context only. */
struct xc_owner {
	__u64 cgroup_id;	/* cgroup v2 id (inode of its directory) */
	__u32 tgid;
	__u32 uid;
	char comm[16];
};

_Static_assert(sizeof(struct xc_owner) == 32, "ABI: struct xc_owner");

/* What the kernel half could not keep; monotonic counters, index = enum xc_stat. */
enum xc_stat {
	XC_STAT_EMITTED,	/* records handed to user space */
	XC_STAT_LOST_RING,	/* ring buffer full */
	XC_STAT_LOST_MAP,	/* evidence map full: owner or start time unknown */
	XC_STAT_SUPPRESSED,	/* repeats folded into a count, or over the drop budget */
	XC_STAT_NOISE,		/* drops that belong to normal operation */
	XC_STAT_OUT_OF_SCOPE,	/* events outside --netns, --pid ... */
	_XC_STAT_MAX,
};
