/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Records about the way out of this host: neighbours, routes, denied calls. */
#pragma once

#include "abi/event.h"

struct xc_neigh_evt {
	struct xc_evt hdr;
	__u8 addr[16];
	__u32 netns;
	__u32 ifindex;
	__u32 probes;		/* solicitations sent */
	__u8 nud_state;		/* NUD_*; 0x20 = FAILED, 0x01 = INCOMPLETE */
	__u8 _pad0[3];
	char dev[16];
};

_Static_assert(sizeof(struct xc_neigh_evt) == 64, "ABI: struct xc_neigh_evt");

struct xc_route_evt {
	struct xc_evt hdr;
	struct xc_owner owner;
	__u8 saddr[16];
	__u8 daddr[16];
	__u32 netns;		/* 0 = not told by this kernel's tracepoint */
	__u32 table;
	__s32 err;		/* -ENETUNREACH, -EHOSTUNREACH, -EACCES, -EINVAL, -EAGAIN (= no rule matched) */
	__u16 dport_he;		/* 0 = not part of the lookup */
	__u8 proto;		/* 0 = not part of the lookup */
	__u8 is_local_output;	/* the lookup was for a packet of this host, in process context */
};

_Static_assert(sizeof(struct xc_route_evt) == 96, "ABI: struct xc_route_evt");

/* connect() refused before a packet existed. */
enum xc_denied_by {
	XC_DENIED_CGROUP = 1,	/* a cgroup connect program */
	XC_DENIED_SYSCALL,	/* connect() returned an error and no other hook says why */
};

struct xc_denied_evt {
	struct xc_evt hdr;
	struct xc_owner owner;
	struct xc_tuple tuple;
	__u64 cookie;
	__u32 netns;
	__s32 err;
	__u8 by;		/* enum xc_denied_by */
	__u8 _pad0[7];
};

_Static_assert(sizeof(struct xc_denied_evt) == 112, "ABI: struct xc_denied_evt");
