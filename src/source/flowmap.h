/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's flow table, read once a window: what a window was becomes a list of flows, what is
 * over is removed. Holds copies of the flows of one window, at most as many as the table holds.
 */
#pragma once

#include "flow/rows.h"
#include "probe/flow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xc_flowmap_cfg {
	int flows_fd, truth_fd;		/* borrowed */
	int latency_fd[2];
	uint64_t window_ns, idle_ns;	/* 0 idle = never */
	uint32_t max_flows;
	uint32_t netns;		/* whose failed flows are told; others are not ours */
};

struct xc_flowmap_stats {
	uint64_t n_packets, n_flows, n_evicted, n_expired, n_raced;
	uint64_t n_late_latencies;	/* samples of windows read already */
	uint32_t n_live;
	size_t memory_bytes;
};

struct xc_flowmap;

/** 0 or -ENOMEM. */
int xc_flowmap_new(const struct xc_flowmap_cfg *cfg, struct xc_flowmap **ret_map);

/** Accepts NULL. */
void xc_flowmap_free(struct xc_flowmap *m);

/**
 * The flows of window @no, and what must be known of others (half open, given up as idle).
 * Removes from the kernel what is over, and when the table is fuller than three quarters the flows that have been idle longest.
 * *ret_seen is borrowed until the next call. 0 or -errno.
 */
int xc_flowmap_read(struct xc_flowmap *m, uint64_t no, const struct xc_flow_seen **ret_seen,
		    size_t *ret_n);

void xc_flowmap_get_stats(const struct xc_flowmap *m, struct xc_flowmap_stats *ret_stats);
