/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Records about what a socket sends and receives, for requests (never in `why`): a packet with the first bytes of its
 * payload, or the end of a socket. And the policy that keeps bytes nobody wants in the kernel.
 */
#pragma once

#include "abi/event.h"

#define XC_SEGMENT_BYTES 4096	/* in one record */
#define XC_SEGMENT_RECORDS                                                                         \
	32 /* of one packet: super-packets (GSO, GRO) have up to 128 KiB on loopback */

enum xc_segment_what {
	XC_SEGMENT_PACKET = 1,	/* a packet: handshake, payload, or FIN and RST */
	XC_SEGMENT_TOTALS,	/* nothing but the counters, and the owner: at most once a second while packets pass unrecorded, and when the owner becomes certain */
	XC_SEGMENT_CLOSED,	/* the socket is gone; the last record about it */
	XC_SEGMENT_PLAINTEXT,	/* what a TLS library was given or gave; seq counts its bytes from 0 */
	_XC_SEGMENT_WHAT_MAX,
};

/* What could not be told since the last record of that direction. */
enum xc_segment_lost {
	XC_SEGMENT_LOST_RING = 1 << 0,	/* records: the ring was full */
	XC_SEGMENT_LOST_BUDGET = 1 << 1,	/* payload beyond what is told before somebody wants it */
};

/* In a cookie: the flow has no socket in scope, it passes through this host; the rest tells flows apart. */
#define XC_SEGMENT_FORWARDED (1ull << 62)

struct xc_segment_evt {
	struct xc_evt hdr;	/* size_bytes includes data */
	__u64 cookie;		/* of the local socket, and of its peer where datagrams have many; with XC_SEGMENT_FORWARDED: of a flow; 0 = a capture: every packet comes */
	struct xc_tuple
		tuple; /* s* = who sent the packet; of CLOSED and TOTALS: this socket, or who began the flow */
	struct xc_owner owner;	/* of the local socket; tgid 0 = not known */
	__u64 bytes
		[2]; /* payload on the wire so far: sent, received; repetitions included; not of a capture */
	__u32 packets[2];	/* segments of super-packets (GSO, GRO) */
	__u64 open_ns;		/* first packet or connect(); 0 = before crosscut started */
	__u32 netns;
	__u32 ifindex;		/* 0 = not known */
	__u32 seq, ack;
	__u32 wire_bytes;	/* payload this record stands for: of a packet, or of a part of it */
	__u32 n_bytes;		/* of it in data */
	__u32 tid;		/* thread that sent it; 0 = not known */
	__u8 what;		/* enum xc_segment_what */
	__u8 tcp_flags;		/* of CLOSED: RST = this end gave the connection up */
	__u8 is_outbound;	/* sent by the local socket, or by who began the flow */
	__u8 is_first;		/* of this socket, as far as we know */
	__u8 lost;		/* enum xc_segment_lost */
	__u8 is_silent;		/* the other end of its connection is told: of this one only its process follows, and its end */
	__u8 _pad0[6];
	__u8 data[];		/* n_bytes */
};

_Static_assert(sizeof(struct xc_segment_evt) == 168, "ABI: struct xc_segment_evt");

/* What is wanted of one direction of one socket. No entry: bytes, up to the budget. */
enum xc_policy_mode {
	XC_POLICY_BYTES,
	XC_POLICY_SKIP,		/* no packet that ends before skip_until; one that ends there comes without data, one that goes on comes from there on */
	XC_POLICY_NOTHING,	/* FIN, RST and totals only */
};

struct xc_policy_key {
	__u64 cookie;
	__u32 is_outbound;
	__u32 _pad0;
};

struct xc_policy {
	__u32 mode;		/* enum xc_policy_mode */
	__u32 skip_until;	/* sequence number */
};

_Static_assert(sizeof(struct xc_policy_key) == 16 && sizeof(struct xc_policy) == 8, "ABI: policy");
