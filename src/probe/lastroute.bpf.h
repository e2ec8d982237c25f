/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The last failed route lookup of each CPU: joins a lookup with the packet or call it was made for. */
#pragma once

#include "probe/common.bpf.h"

/* The last route lookup that failed on this CPU: the packet that is dropped for it carries no trace. */
struct xc_last_route {
	u64 ts_ns;
	u8 daddr[16];
	s32 err;
	u32 _pad0;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct xc_last_route);
} xc_last_route SEC(".maps");

#define ROUTE_FRESH_NS                                                                             \
	2000000 /* same packet, same softirq: under 0.2 ms, more on a CPU that is shared or emulated */

/* Has a lookup just failed on this CPU, whatever its destination? One look, for hot paths. */
static __always_inline int xc_route_just_failed(void)
{
	u32 zero = 0;
	struct xc_last_route *r = bpf_map_lookup_elem(&xc_last_route, &zero);

	return r && r->err && bpf_ktime_get_ns() - r->ts_ns <= ROUTE_FRESH_NS;
}

/* Error of a lookup for @daddr just made on this CPU, 0 = none. */
static __always_inline s32 xc_route_error_for(const u8 daddr[16])
{
	u32 zero = 0;
	struct xc_last_route *r = bpf_map_lookup_elem(&xc_last_route, &zero);

	if (!r || !r->err || bpf_ktime_get_ns() - r->ts_ns > ROUTE_FRESH_NS)
		return 0;
	return xc_addr_equal(r->daddr, daddr) ? r->err : 0;
}
