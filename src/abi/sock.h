/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Records about one TCP socket: a snapshot when something went wrong, and RSTs sent. */
#pragma once

#include "abi/event.h"

/* Why a snapshot was taken. */
enum xc_sock_what {
	XC_SOCK_CLOSED = 1,	/* became CLOSE after something had gone wrong */
	XC_SOCK_ERROR,		/* sk_error_report: an error is pending for the application */
	XC_SOCK_RETRANS,	/* a segment was retransmitted (1st, 2nd, 4th, 8th ...; every SYN) */
	XC_SOCK_SYNACK_RETRANS,	/* a listener resent a SYN-ACK; tuple = listener > peer */
	XC_SOCK_RST_RCVD,	/* a RST arrived */
	XC_SOCK_ESTABLISHED,	/* connected after SYN retransmits: the trouble is over */
	XC_SOCK_LISTEN,		/* listens, or its queues changed: backlog fields are valid */
	XC_SOCK_UNLISTEN,	/* no longer listens */
	XC_SOCK_SCAN,		/* found by the scan: stuck (probing, FIN unacknowledged ...) */
	XC_SOCK_OWNER,		/* only the owner is news (back-fill) */
	XC_SOCK_DIED,		/* closed by the exit of a process that died of a signal */
	XC_SOCK_GOES_ON,	/* connect() of a process that was just refused the same port at an address
				   of the other family; only cookie, tuple (without its own port), owner */
	_XC_SOCK_WHAT_MAX,
};

#define XC_GOES_ON_NS 1000000000ull	/* what a process tries within this time belongs together */

enum xc_sock_flag {
	XC_SOCK_F_CLIENT = 1 << 0,	/* this socket called connect() */
	XC_SOCK_F_ORPHAN = 1 << 1,	/* SOCK_DEAD: the application has closed it */
	XC_SOCK_F_ERRQ = 1 << 2,	/* errq_* is valid */
	XC_SOCK_F_V6ONLY = 1 << 3,	/* listener on :: that does not take IPv4 */
};

struct xc_sock_evt {
	struct xc_evt hdr;
	__u64 cookie;		/* with netns the key of the socket; 0 = none yet */
	struct xc_tuple tuple;	/* s* = this socket, d* = its peer */
	struct xc_owner owner;
	__u64 open_ns;		/* connect() or listen(); 0 = before crosscut started */
	__u64 established_ns;	/* 0 = never, or not known */
	__u64 bytes_acked;
	__u64 bytes_received;
	__u32 netns;
	__u32 flags;		/* enum xc_sock_flag */
	__u8 what;		/* enum xc_sock_what */
	__u8 state_old;		/* TCP_* state before, = state where nothing changed */
	__u8 state;
	__u8 ca_state;		/* TCP_CA_*: 0 Open 1 Disorder 2 CWR 3 Recovery 4 Loss */
	__u8 retransmits;	/* icsk_retransmits: consecutive time-outs */
	__u8 probes_out;	/* unanswered window or keep-alive probes */
	__u8 seg_flags;		/* TCP flags of the segment the record is about */
	__u8 shutdown;		/* 1 receive, 2 send */
	__u16 sk_err;
	__u16 sk_err_soft;
	__s16 retrans_err;	/* result of the retransmission, 0 = left the host */
	__u16 syn_retrans;	/* SYN retransmissions counted by the probe */
	__u32 total_retrans;
	__u32 seg_bytes;	/* payload of that segment */
	__u32 seg_seq;
	__u32 snd_una;
	__u32 snd_nxt;
	__u32 write_seq;
	__u32 rcv_nxt;
	__u32 unread_bytes;	/* in the receive queue, not yet read by the application */
	__u32 snd_wnd;
	__u32 rcv_wnd;
	__u32 mss_bytes;	/* current sending MSS */
	__u32 sacked_out;
	__u32 lost_out;
	__u32 srtt_us;
	__u32 rto_us;
	__u32 rwnd_limited_ms;	/* time the peer's window held this sender back */
	__u32 rcvbuf_bytes;
	__u32 user_timeout_ms;
	__u32 keepalive_s;	/* idle time before the first probe, 0 = off */
	__u32 idle_ms;		/* since the last segment arrived */
	__u32 accept_queue;
	__u32 accept_max;
	__u32 request_queue;
	__u32 sk_drops;
	__u8 nexthop[16];	/* next hop of the cached route; all zero = none */
	__u32 oif;		/* its interface */
	char dev[16];
	__u16 errq_errno;	/* from sk_error_queue (IP_RECVERR) */
	__u8 errq_origin;
	__u8 errq_type;
	__u8 errq_code;
	__u8 listener_full;	/* probe's own word: accept_queue > accept_max at this instant */
	__u16 _pad0;
	__u8 errq_from[16];	/* who sent the ICMP error */
	__u32 _pad1;
};

_Static_assert(sizeof(struct xc_sock_evt) == 312, "ABI: struct xc_sock_evt");

/* RST sent by this host. Forged ones (netfilter reject) do not come this way. */
struct xc_reset_evt {
	struct xc_evt hdr;
	__u64 cookie;
	struct xc_tuple tuple;	/* s* = the side that resets */
	struct xc_owner owner;	/* of the closing process, active resets only */
	__u32 netns;
	__u16 reason;		/* enum sk_rst_reason of the RUNNING kernel; 0xffff = none given */
	__u8 state;		/* TCP state of the socket, 0 = no socket */
	__u8 trigger_flags;	/* TCP flags of the segment that was answered, 0 = active reset */
	__u32 trigger_seq;
	__u32 unread_bytes;
};

_Static_assert(sizeof(struct xc_reset_evt) == 112, "ABI: struct xc_reset_evt");
