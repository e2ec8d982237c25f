/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fixed table of flows in trouble. Each stands in one of three queues:
 *
 *   due    new evidence came; looked at once the grace time is over. All have the same
 *          grace, so the queue is in order of its deadlines without sorting.
 *   quiet  looked at, nothing final yet; waits for more evidence or for its end.
 *   done   the verdict is spoken; stays a moment, so that what trickles in (the RST after
 *          the error, the fourth drop of the same packet) does not open a second case.
 *
 * Grace is needed because event order is not causal: the true cause may arrive a hundred
 * microseconds after the failure it caused.
 */
#pragma once

#include "base/index.h"
#include "conn/conn.h"

#define XC_NO_SLOT UINT32_MAX

enum xc_queue_id { XC_QUEUE_DUE, XC_QUEUE_QUIET, XC_QUEUE_DONE, _XC_QUEUE_MAX };

/* Both ends in a fixed order, so that either direction finds the flow. */
struct xc_conn_flow_key {
	uint8_t lo[16], hi[16];
	uint16_t lo_port, hi_port;
	uint32_t proto;
	uint32_t netns;		/* for addresses that mean something only inside one namespace */
};

struct xc_conn_flow {
	struct xc_case c;
	struct xc_conn_flow_key key;
	struct xc_said said;
	uint64_t at_ns;		/* deadline in its queue */
	uint32_t isn;		/* of the client's SYN; 0 = not seen */
	uint64_t lost_before;	/* records lost before it was opened */
	uint32_t prev, next;
	uint32_t
		asked; /* bit per drop already asked about, then per drop asked again; 31: for the way back */
	uint8_t queue;
	bool is_used;
	bool is_oriented;	/* we know which end is the client */
};

struct xc_flows {
	struct xc_conn_flow *slots;
	struct xc_index index;
	struct xc_index by_isn;	/* the same flow has another tuple behind NAT, but the same SYN */
	uint32_t max;
	uint32_t n;		/* slots ever used */
	uint32_t free_first;
	struct {
		uint32_t first, last;
	} queues[_XC_QUEUE_MAX];
	uint64_t n_opened;
	uint64_t n_evicted;	/* made room before their verdict */
};

/** 0 or -ENOMEM. */
int xc_flows_init(struct xc_flows *t, uint32_t max);

void xc_flows_done(struct xc_flows *t);

/** The flow of @tuple in either direction, or NULL. @netns counts for local addresses only. */
struct xc_conn_flow *xc_flows_find(struct xc_flows *t, const struct xc_tuple *tuple,
				   uint32_t netns);

/** The flow whose SYN had sequence number @isn (not 0) and that has another tuple, or NULL. */
struct xc_conn_flow *xc_flows_find_isn(struct xc_flows *t, uint32_t isn, uint8_t proto);

/** Learn the sequence number of the client's SYN. */
void xc_conn_flow_set_isn(struct xc_flows *t, struct xc_conn_flow *f, uint32_t isn);

/** Give the flow the tuple its client uses; what it had is the translated one. */
void xc_conn_flow_rename(struct xc_flows *t, struct xc_conn_flow *f, const struct xc_tuple *tuple,
			 uint32_t netns);

/** A new quiet flow; the one missed least makes room. @tuple: client first, as far as known. */
struct xc_conn_flow *xc_flows_add(struct xc_flows *t, const struct xc_tuple *tuple, uint32_t netns,
				  uint64_t now_ns);

/** Same addresses and ports, but another connection: start over, quiet. */
void xc_conn_flow_restart(struct xc_flows *t, struct xc_conn_flow *f, uint64_t now_ns);

/** It got through after all: who it is stays, what went wrong goes. The queue stays. */
void xc_conn_flow_forget_trouble(struct xc_conn_flow *f, uint64_t now_ns);

/** Learn which way round the flow is: @t went from the client (or, @is_reply, to it). */
void xc_conn_flow_orient(struct xc_conn_flow *f, const struct xc_tuple *t, bool is_reply);

/** Put the flow at the end of a queue, due at @at_ns. */
void xc_conn_flow_move(struct xc_flows *t, struct xc_conn_flow *f, enum xc_queue_id queue,
		       uint64_t at_ns);

/** First of a queue, or NULL. */
struct xc_conn_flow *xc_flows_first(const struct xc_flows *t, enum xc_queue_id queue);

/** Would the next new flow push out one that is due and has not been looked at? */
bool xc_flows_are_pressed(const struct xc_flows *t);

/** Forget flows whose time in quiet or done is over. */
void xc_flows_expire(struct xc_flows *t, uint64_t now_ns);

#define XC_FLOW_DONE_NS 2000000000ull	/* how long a settled flow is remembered */
#define XC_FLOW_QUIET_NS                                                                           \
	130000000000ull /* the longest gap between two SYNs is 64 s, a connect() takes 127 s */
