/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All connections and UDP flows whose payload is read. A segment finds its session by the tuple and, where sockets are
 * known, by their cookies: when both ends of a connection are on this host, one of them is read and the other only
 * remembered. Bounded: what was silent longest makes room, counted.
 */
#pragma once

#include "l7/session.h"

struct xc_l7_table;

/* One connection, as the table keeps it. Read only for others, but for session.user. */
struct xc_l7_conn {
	struct xc_session session;	/* first member */
	uint64_t cookie;	/* of the socket whose packets are read (abi/segment.h); 0 = a capture */
	uint64_t peer_cookie;	/* of the other end's socket, when it is on this host */
	uint32_t netns, peer_netns;
	bool is_outbound;	/* the socket of cookie is the client's; without one: who was taken for it began the flow */
};

/* Callbacks; those that are NULL are not called. Nothing may be fed from within. */
struct xc_l7_events {
	void (*opened)(void *arg, struct xc_l7_conn *c, const struct xc_segment *seg);
	void (*request)(void *arg, struct xc_l7_conn *c, const struct xc_request *r,
			enum xc_request_stage stage);
	/* What the capture should do with the next bytes of @dir has changed. */
	void (*want)(void *arg, struct xc_l7_conn *c, enum xc_l7_dir dir, struct xc_l7_want want);
	/* Packets of @c are seen at @cookie as well: nothing is wanted from there. Mostly it is the peer's socket. @is_silent: nothing comes from there. */
	void (*twin)(void *arg, struct xc_l7_conn *c, uint64_t cookie, bool is_silent);
	/* The last word about @c; it is freed behind this. @is_timeout: nothing ended it, it was silent too long or made room */
	void (*closed)(void *arg, struct xc_l7_conn *c, bool is_timeout);
};

struct xc_l7_table_cfg {
	uint32_t max_conns;
	uint64_t timeout_ns;	/* a silent one is dropped after it */
	uint64_t cleanup_ns;	/* how often that is looked at */
	const struct xc_l7_events *events;	/* borrowed */
	void *arg;
	bool with_query;	/* see struct xc_l7 */
	uint64_t off;		/* see struct xc_l7_engine */
	const struct xc_l7_port *ports;	/* the same; borrowed */
};

struct xc_l7_table_stats {
	struct xc_l7_stats l7;
	uint64_t n_conns;	/* now */
	uint64_t n_opened, n_evicted, n_timed_out;
	uint64_t n_no_memory;
	uint64_t bytes_held;	/* of unfinished messages */
	uint64_t bytes_refused;	/* they found no room: gaps */
};

/** 0 or -ENOMEM. */
int xc_l7_table_new(const struct xc_l7_table_cfg *cfg, struct xc_l7_table **ret_table);

/** Everything still open is closed and told. Accepts NULL. */
void xc_l7_table_free(struct xc_l7_table *t);

/** Take a segment (TCP or UDP). Its connection, or NULL: it belongs to a twin, is over, or there is no memory. */
struct xc_l7_conn *xc_l7_table_feed(struct xc_l7_table *t, const struct xc_segment *seg);

/** The connection with the socket @cookie, or NULL. */
struct xc_l7_conn *xc_l7_table_find(const struct xc_l7_table *t, const struct xc_tuple *tuple,
				    uint64_t cookie);

/** Any connection between these ends, in either direction, or NULL. */
struct xc_l7_conn *xc_l7_table_find_flow(const struct xc_l7_table *t, const struct xc_tuple *tuple);

/** The connection is over. Without sockets (cookie 0) the table tells that from FINs and RST. */
void xc_l7_table_close(struct xc_l7_table *t, struct xc_l7_conn *c, uint64_t now_ns);

/** The socket @cookie of @tuple is gone: its connection is over, unless it is only remembered as the other end of one. */
void xc_l7_table_close_socket(struct xc_l7_table *t, const struct xc_tuple *tuple, uint64_t cookie,
			      uint64_t now_ns);

/** Something passed on @c that nobody wanted to see: it is not silent. */
void xc_l7_table_touch(struct xc_l7_table *t, struct xc_l7_conn *c, uint64_t now_ns);

/** Time has passed: holes, time-outs, clean-up. */
void xc_l7_table_tick(struct xc_l7_table *t, uint64_t now_ns);

/** When it wants to be ticked; UINT64_MAX = no need. */
uint64_t xc_l7_table_deadline(const struct xc_l7_table *t);

/** @ret_c: walk over all, NULL = begin. Returns the next, or NULL. */
struct xc_l7_conn *xc_l7_table_next(struct xc_l7_table *t, struct xc_l7_conn *c);

void xc_l7_table_get_stats(const struct xc_l7_table *t, struct xc_l7_table_stats *ret_stats);
