/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of `features`: segments in, for each flow and window what its requests add up to. */
#pragma once

#include "abi/segment.h"
#include "core/policy.h"
#include "flow/requests.h"
#include "l7/table.h"

struct xc_payload;

struct xc_payload_cfg {
	uint64_t window_ns;
	uint32_t max_flows;
	uint64_t idle_ns;	/* a connection that is silent for so long is forgotten; 0 = 5 minutes */
	xc_want_fn want;	/* of a socket's next packets; NULL for captures */
	void *arg;
};

/** 0 or -ENOMEM. */
int xc_payload_new(const struct xc_payload_cfg *cfg, struct xc_payload **ret_payload);

/** Accepts NULL. */
void xc_payload_free(struct xc_payload *p);

/** Take a segment; its time counts in ns since the epoch. */
void xc_payload_feed(struct xc_payload *p, const struct xc_segment *seg);

/** Take a record of the live source. @wall_offset_ns: what makes its time one since the epoch. */
void xc_payload_record(struct xc_payload *p, const struct xc_segment_evt *e,
		       int64_t wall_offset_ns);

/** Time has passed. */
void xc_payload_tick(struct xc_payload *p, uint64_t now_ns);

/** What is known of flow @key in window @no; NULL = nothing. Borrowed until xc_payload_end(). */
const struct xc_flow_requests *xc_payload_of(struct xc_payload *p, const struct xc_flow_key *key,
					     uint64_t no);

/** Window @no is over. */
void xc_payload_end(struct xc_payload *p, uint64_t no);

void xc_payload_get_stats(const struct xc_payload *p, struct xc_l7_table_stats *ret_stats);
