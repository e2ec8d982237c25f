/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Maps that the packet path and the kernel's own hooks share. */
#pragma once

#include "probe/scope.bpf.h"

#include "abi/flow_packet.h"
#include "probe/flow.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct xc_flow_key);
	__type(value, struct xc_truth);
} xc_truth SEC(".maps");

/* ns to add to bpf_ktime_get_ns() for the time of day; user space keeps it current. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} xc_clock SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct xc_flow_losses);
} xc_flow_stats SEC(".maps");

static __always_inline u64 xc_wall_ns(void)
{
	u32 zero = 0;
	u64 *offset = bpf_map_lookup_elem(&xc_clock, &zero);

	return bpf_ktime_get_ns() + (offset ? *offset : 0);
}

static __always_inline struct xc_flow_losses *xc_flow_losses(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&xc_flow_stats, &zero);
}
