/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets in, records out: what the sockets at both ends would have told about these packets, as
 * far as packets show it. Driven by the time of the packets; reads no clock, does no I/O.
 */
#pragma once

#include "abi/flow_packet.h"
#include "source/source.h"

struct xc_tracker_cfg {
	uint32_t max_flows;	/* remembered at one time; the longest silent ones make room */
	xc_record_fn on_record;
	void *arg;
};

struct xc_tracker;

/** Ownership of *ret_tracker to the caller. 0 or -ENOMEM. */
int xc_tracker_new(const struct xc_tracker_cfg *cfg, struct xc_tracker **ret_tracker);

/** Accepts NULL. */
void xc_tracker_free(struct xc_tracker *t);

XC_DEFINE_FREEP(struct xc_tracker, xc_tracker_free)

/** One packet: its facts (ts_ns since the epoch), and its captured bytes from the IP header on. */
void xc_tracker_add(struct xc_tracker *t, const struct xc_flow_packet *packet,
		    const struct xc_flow_bytes *bytes);

/** The time is @now_ns (since the epoch), although there is no packet. Not before the first one. */
void xc_tracker_tick(struct xc_tracker *t, uint64_t now_ns);

/** There are no more packets: tell what has waited too long by now. */
void xc_tracker_end(struct xc_tracker *t);
