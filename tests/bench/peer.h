/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One event of the stand-in for bpftrace. */
#pragma once

#include <linux/types.h>

enum peer_what {
	PEER_STATE,
	PEER_RETRANSMIT,
	PEER_SEND_RESET,
	PEER_RECEIVE_RESET,
	PEER_DROP,
	PEER_NO_ROUTE,
	_PEER_WHAT_MAX,
};

struct peer_evt {
	__u64 place;
	__u32 what;	/* enum peer_what */
	__u32 tgid;
	__u32 a, b;	/* states, or the reason of a drop */
	__u32 saddr_be, daddr_be;
	__u16 sport_he, dport_be;
	__u32 _pad0;
	char comm[16];
};

_Static_assert(sizeof(struct peer_evt) == 56, "peer: struct peer_evt");
