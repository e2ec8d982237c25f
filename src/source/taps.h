/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live flows: BPF programs on interfaces count packets into flows, the kernel's own hooks add what
 * they know, and whenever a window has ended it is handed over as flow/table.h does for captures.
 * Nothing is sent per packet: the table in the kernel is read once a window.
 */
#pragma once

#include "flow/rows.h"
#include "flow/table.h"
#include "probe/cfg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xc_taps_cfg {
	const char *iface;	/* NULL or "all": every one, those that come later too */
	const char *netns;	/* name, path or process id; NULL = our own */
	uint64_t window_ns;	/* not 0 */
	uint64_t idle_ns;	/* a flow without a packet for this long is over; 0 = never */
	uint32_t
		max_flows; /* in the kernel: about 2 KB each, and as much here for those of a window */
	struct xc_probe_cfg scope;	/* match, n_match: decided in the kernel, in either direction */
	bool without_tcx;	/* attach as kernels before 6.6 need it */
};

struct xc_taps_stats {
	uint64_t n_packets;	/* in rows handed over */
	uint64_t n_flows;	/* connections and first packets of others, likewise */
	uint64_t n_evicted;	/* flows that made room for others before they ended */
	uint64_t n_expired;	/* idle */
	uint64_t n_windows;
	uint64_t
		n_late_windows; /* passed over, because nobody polled in time: their rows are lost */
	uint64_t n_untracked_packets, n_untracked_bytes;	/* seen, but without room for their flow */
	uint64_t n_lost_latencies;	/* samples there was no room for */
	uint64_t n_lost_truths;	/* events of the kernel (retransmissions, drops) likewise */
	uint64_t n_raced;	/* flows that had a packet in the instant they were removed */
	uint32_t n_live_flows;	/* in the kernel's table, when it was read last */
	uint32_t n_interfaces;	/* watched now */
	bool has_tcx;		/* else clsact */
	bool has_truth;		/* the kernel's own hooks are there */
	size_t memory_bytes;	/* held here */
};

struct xc_taps;

/**
 * Load, attach, and start with the window that is open now. @on_window gets flows as at the end
 * of the window; their cgroup and netns are NULL: who knows the host's health (kernel->cgroup_id, kernel->netns) fills them in.
 * A flow that only failed (its packets were dropped before any interface) is there with a window without packets.
 * Return: 0, or -errno (logged; -ENODEV names the interfaces there are).
 */
int xc_taps_open(const struct xc_taps_cfg *cfg, xc_window_fn on_window, void *arg,
		 struct xc_taps **ret_taps);

/**
 * Wait until @deadline_ns (CLOCK_MONOTONIC) at most, follow interfaces, hand over windows that have ended.
 * Returns early after a window and when a signal arrives. 0, -errno (logged), or what on_window returned.
 */
int xc_taps_poll(struct xc_taps *t, uint64_t deadline_ns);

/** The run is over: hand over the open window. */
int xc_taps_flush(struct xc_taps *t);

void xc_taps_get_stats(const struct xc_taps *t, struct xc_taps_stats *ret_stats);

/** Detach and unload. Accepts NULL. */
void xc_taps_close(struct xc_taps *t);
