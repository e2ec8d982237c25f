/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Processes whose connect() has just failed. A name has addresses of both families, and programs try
 * them one after the other (RFC 6724, RFC 8305): that the first fails is no failure while they go on.
 */
#pragma once

#include "abi/sock.h"
#include "probe/common.bpf.h"

#define N_TURNED_AWAY 256u	/* a power of two */

struct xc_turned_away {
	u64 ts_ns;		/* 0 = free */
	u32 tgid;
	u16 dport_he;
	u8 is_v4;
	u8 _pad0;
};

/* By process id; who comes later takes the place of another. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, N_TURNED_AWAY);
	__type(key, u32);
	__type(value, struct xc_turned_away);
} xc_turned_away SEC(".maps");

static __always_inline int xc_is_v4(const u8 addr[16])
{
	u64 high;
	u32 prefix;

	__builtin_memcpy(&high, addr, 8);
	__builtin_memcpy(&prefix, addr + 8, 4);
	return !high && prefix == bpf_htonl(0xffff);
}

static __always_inline struct xc_turned_away *turned_away_of(u32 tgid)
{
	u32 at = tgid & (N_TURNED_AWAY - 1);

	return bpf_map_lookup_elem(&xc_turned_away, &at);
}

/* connect() of @tgid to @daddr has failed. */
static __always_inline void xc_turn_away(u32 tgid, const u8 daddr[16], u16 dport_he)
{
	struct xc_turned_away *t = turned_away_of(tgid);

	if (!t || !tgid)
		return;
	t->ts_ns = bpf_ktime_get_ns();
	t->tgid = tgid;
	t->dport_he = dport_he;
	t->is_v4 = xc_is_v4(daddr);
}

/* Has @tgid just been turned away from this port, @now? One look, for hot paths. */
static __always_inline struct xc_turned_away *xc_just_turned_away(u32 tgid, u16 dport_he, u64 now)
{
	struct xc_turned_away *t = turned_away_of(tgid);

	if (!t || t->tgid != tgid || t->dport_he != dport_he || now - t->ts_ns > XC_GOES_ON_NS)
		return NULL;
	return t;
}
