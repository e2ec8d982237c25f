/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Records about the host around the connections, and answers the live edge looked up. */
#pragma once

#include "abi/event.h"

/* One kernel enum: n NUL-terminated "value=NAME" strings follow. */
enum xc_enum_id { XC_ENUM_DROP_REASON = 1, XC_ENUM_RST_REASON };

struct xc_enum_evt {
	struct xc_evt hdr;
	__u16 which;		/* enum xc_enum_id */
	__u16 _pad0;
	__u32 n;
	char names[];
};

struct xc_tick_evt {
	struct xc_evt hdr;
	__s64 wall_offset_ns;	/* CLOCK_REALTIME - CLOCK_MONOTONIC */
	__u64 lost[8];		/* enum xc_stat, totals since start */
};

_Static_assert(sizeof(struct xc_tick_evt) == 88, "ABI: struct xc_tick_evt");

enum xc_proc_what { XC_PROC_OOM = 1, XC_PROC_EXIT };

struct xc_proc_evt {
	struct xc_evt hdr;
	struct xc_owner owner;
	__u32 netns;
	__u32 exit_code;	/* as in wait(2): status << 8, or the signal */
	__u8 what;		/* enum xc_proc_what */
	__u8 _pad0[7];
};

_Static_assert(sizeof(struct xc_proc_evt) == 64, "ABI: struct xc_proc_evt");

/* Deltas since the previous record of that netns; TcpExt unless said. */
enum xc_counter {
	XC_CTR_LISTEN_OVERFLOWS,
	XC_CTR_LISTEN_DROPS,
	XC_CTR_REQQ_FULL_COOKIES,
	XC_CTR_REQQ_FULL_DROP,
	XC_CTR_SYNCOOKIES_SENT,
	XC_CTR_CT_DROP,		/* conntrack: no room for a new entry */
	XC_CTR_CT_COUNT,	/* conntrack: entries now (not a delta) */
	XC_CTR_CT_MAX,		/* conntrack: the limit (not a delta) */
	_XC_CTR_MAX,
};

struct xc_counters_evt {
	struct xc_evt hdr;
	__u32 netns;
	__u32 interval_ms;	/* since the previous look */
	__u64 v[8];		/* enum xc_counter */
};

_Static_assert(sizeof(struct xc_counters_evt) == 88, "ABI: struct xc_counters_evt");

/* Which rule drops this flow here: the answer to a question the engine asked. */
enum xc_rule_how {
	XC_RULE_EVALUATED = 1,	/* L1: the ruleset evaluated for this packet */
	XC_RULE_COUNTED,	/* L2: and its counter moved with the drops */
	XC_RULE_TRACED,		/* L3: the kernel's own trace said so */
};

struct xc_rule_evt {
	struct xc_evt hdr;
	struct xc_tuple tuple;	/* of the drop the question was about */
	__u32 netns;
	__u32 handle;		/* 0 = a chain policy, or not known */
	__u8 hook;		/* enum xc_hook */
	__u8 how;		/* enum xc_rule_how */
	__u8 n_candidates;	/* rules that could have done it; 1 = unique */
	__u8 is_policy;		/* the chain's policy, no rule */
	__u8 verdict;		/* enum xc_rule_verdict of model/packet.h */
	__u8 _pad0[3];
	char engine[16];	/* nftables, iptables-legacy, ip6tables-legacy */
	char table[32];		/* "inet filter" */
	char chain[32];
	char text[192];		/* the rule as the engine prints it */
};

_Static_assert(sizeof(struct xc_rule_evt) == 344, "ABI: struct xc_rule_evt");

/*
 * A named value: key such as "sysctl net.ipv4.ip_forward" or "cgroup path". Of id 0: about the
 * stream of records itself.
 */
#define XC_NOTE_PACKETS_ONLY                                                                       \
	"packets only" /* made from a capture: no kernel, no process told anything */
#define XC_NOTE_ROUTE "route to "	/* and an address: the error of a lookup, in decimal */
#define XC_NOTE_PROCESS "process "	/* and its id: a letter, its state as in proc_pid_stat(5) */

#define XC_NOTE_MOCK "mock"	/* made up */

struct xc_note_evt {
	struct xc_evt hdr;
	__u64 id;		/* netns inode, cgroup id or BPF program id: what the key belongs to */
	char key[64];
	char value[168];
};

_Static_assert(sizeof(struct xc_note_evt) == 256, "ABI: struct xc_note_evt");

/* An address of a watched namespace: tells which namespace a flow's end is in. */
struct xc_addr_evt {
	struct xc_evt hdr;
	__u8 addr[16];
	__u32 netns;
	__u32 ifindex;
	__u32 mtu_bytes;
	__u8 prefix_len;	/* in the IPv4-mapped form, 0..128 */
	__u8 is_up;
	__u8 is_gone;
	__u8 _pad0;
	char dev[16];
};

_Static_assert(sizeof(struct xc_addr_evt) == 64, "ABI: struct xc_addr_evt");

/* Last record of a recording. */
struct xc_end_evt {
	struct xc_evt hdr;
	__u64 n_records;	/* before this one */
	__u32 crc32;		/* of all their bytes (ISO-HDLC, as in zlib) */
	__u32 _pad0;
};

_Static_assert(sizeof(struct xc_end_evt) == 32, "ABI: struct xc_end_evt");
