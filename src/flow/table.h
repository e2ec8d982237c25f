/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flow table of user space (captures): the packets of a capture in, ended windows out. Driven
 * by the time of the packets. Bounded; what had to make room is counted, and its row is not lost.
 */
#pragma once

#include "abi/flow_packet.h"
#include "flow/rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xc_flow_table_cfg {
	uint64_t window_ns;	/* not 0 */
	uint64_t idle_ns;	/* a flow without a packet for this long is over; 0 = never */
	uint32_t max_flows;	/* not 0; a window with more of them goes out in parts */
};

struct xc_flow_table_stats {
	uint64_t n_packets;	/* taken */
	uint64_t n_flows;	/* connections and first packets of others */
	uint64_t n_evicted;	/* flows that made room for others before they ended */
	uint64_t n_expired;	/* idle */
	uint64_t n_windows;
	uint64_t n_late;	/* packets older than the window that is open: counted in that one */
	size_t memory_bytes;	/* now held */
};

/* A window has ended; @seen dies on return. 0, or a negative errno that ends the run. */
typedef int (*xc_window_fn)(void *arg, uint64_t no, const struct xc_flow_seen *seen, size_t n_seen);

struct xc_flow_table;

/** Ownership of *ret_table to the caller. 0 or -ENOMEM. */
int xc_flow_table_new(const struct xc_flow_table_cfg *cfg, xc_window_fn on_window, void *arg,
		      struct xc_flow_table **ret_table);

/** Accepts NULL. Rows not flushed are lost. */
void xc_flow_table_free(struct xc_flow_table *t);

/**
 * One packet; closes the windows its time has passed. Its key end and, for a late fragment, its ports are set.
 * @bytes: from the IP header on, for the payload sample; NULL = take none
 * Return: 0, -ENOMEM, or what on_window returned.
 */
int xc_flow_table_add(struct xc_flow_table *t, struct xc_flow_packet *k,
		      const struct xc_flow_bytes *bytes);

/** The capture is over: close the open window. */
int xc_flow_table_flush(struct xc_flow_table *t);

void xc_flow_table_get_stats(const struct xc_flow_table *t, struct xc_flow_table_stats *ret_stats);

/** The flow of @key, or NULL; for tests and for the tracker of why. Borrowed until the next call. */
const struct xc_flow *xc_flow_table_find(const struct xc_flow_table *t,
					 const struct xc_flow_key *key);
