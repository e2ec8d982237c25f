/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection table: turns records into cases. Only flows in trouble are here, because
 * the kernel half sends nothing about the others. Time is record time; nothing in this
 * room reads a clock or touches the world.
 */
#pragma once

#include "base/scope.h"
#include "conn/host.h"
#include "model/ask.h"
#include "model/finding.h"

struct xc_conn_cfg {
	uint32_t max_cases;	/* flows in trouble at one time; the oldest make room, counted */
	uint64_t grace_ns;	/* how long to wait for more evidence before a verdict */
	uint64_t syn_timeout_ns;	/* a connect() without an answer for so long has failed */
	uint64_t arp_timeout_ns;	/* a neighbour that takes longer has failed */
	uint64_t window_ns;	/* how long evidence stays related, and a silent case open */
};

struct xc_conn_stats {
	uint64_t n_records;
	uint64_t n_unknown;	/* of a kind this crosscut does not know */
	uint64_t n_short;	/* shorter than their kind: damaged */
	uint64_t n_cases;
	uint64_t n_evicted;	/* cases that made room before their verdict */
	uint64_t n_asks_lost;	/* questions that found the queue full */
	uint64_t lost[8];	/* enum xc_stat, newest totals from the kernel half */
};

/* What was already said about a flow, so that it is neither repeated nor contradicted. */
struct xc_said {
	uint64_t finding_id;	/* 0 = nothing yet */
	const char *pattern_id;
	enum xc_status status;
	enum xc_severity severity;
	uint64_t group;		/* of that finding */
	uint32_t n_same;	/* flows in that group when it was said */
	uint32_t n;		/* findings said about this flow */
};

struct xc_conn;

/** A new table. Returns NULL when memory runs out. */
struct xc_conn *xc_conn_new(const struct xc_conn_cfg *cfg);

/** @conn may be NULL. */
void xc_conn_free(struct xc_conn *conn);

XC_DEFINE_FREEP(struct xc_conn, xc_conn_free)

/**
 * Take one record. @e: header and at least size_bytes bytes; dies on return.
 * Records may be a little out of order; time never runs backwards in here.
 */
void xc_conn_feed(struct xc_conn *conn, const struct xc_evt *e);

/* A request that failed, and the connection it was sent on. */
struct xc_failed_request {
	struct xc_tuple client;		/* the flow as its client sends it */
	uint32_t netns;
	bool is_clients;		/* owner is the client's */
	const struct xc_owner *owner;	/* borrowed; NULL = not known */
	struct xc_request_fact fact;
};

/** Take a request that failed: evidence about its flow, which may be the first. */
void xc_conn_request(struct xc_conn *conn, const struct xc_failed_request *r);

/** Record time so far. */
uint64_t xc_conn_now(const struct xc_conn *conn);

/** CLOCK_REALTIME - CLOCK_MONOTONIC, from the newest tick. */
int64_t xc_conn_wall_offset(const struct xc_conn *conn);

/**
 * The next case that is due for a look, joined with what is known about the host; NULL =
 * none. Valid until the next call into this room. Call xc_conn_settle() after the look.
 */
const struct xc_case *xc_conn_due(struct xc_conn *conn, struct xc_said **ret_said);

/* What becomes of a case after a look at it. */
enum xc_settle {
	XC_SETTLE_WAIT,		/* for more evidence */
	XC_SETTLE_DONE,		/* the verdict is spoken */
	XC_SETTLE_AGAIN,	/* the connection lives: forget the trouble it had */
};

/** The look at the case of the last xc_conn_due() is over. */
void xc_conn_settle(struct xc_conn *conn, enum xc_settle how);

/** When the next case is due; UINT64_MAX = none is waiting. */
uint64_t xc_conn_deadline(const struct xc_conn *conn);

/** Take the next question for the live source. False = none. */
bool xc_conn_next_ask(struct xc_conn *conn, struct xc_ask *ret_ask);

void xc_conn_get_stats(const struct xc_conn *conn, struct xc_conn_stats *ret_stats);
