/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection, or one UDP flow: its two streams, the protocol they turn out to speak, and its open requests. Tells
 * what it reads through the callback of the engine all sessions share. Time is that of the segments.
 */
#pragma once

#include "l7/l7.h"
#include "l7/stream.h"

struct xc_session;

/* @r is borrowed, and changes or dies on return. */
typedef void (*xc_request_fn)(void *arg, struct xc_session *s, const struct xc_request *r,
			      enum xc_request_stage stage);

struct xc_l7_stats {
	uint64_t n_segments;
	uint64_t n_requests;	/* opened */
	uint64_t n_refused;	/* requests that found the queue, or memory, full */
	uint64_t n_gaps;	/* holes that stayed */
	uint64_t gap_bytes;
	uint64_t n_desyncs;	/* bytes that were not what the protocol allows */
	uint64_t n_revoked;	/* protocols that turned out to be none */
};

/* A port that speaks for a protocol, as a hint that breaks ties. */
struct xc_l7_port {
	uint16_t port_he;	/* 0 ends a list */
	const struct xc_l7_proto *proto;
};

/* What sessions share. */
struct xc_l7_engine {
	struct xc_stream_memory memory;
	uint32_t n_open, max_open;	/* requests of all sessions */
	struct xc_request *spare;
	xc_request_fn on_request;
	void *arg;
	bool with_query;	/* see struct xc_l7 */
	const struct xc_l7_proto *only;	/* NULL = any: tests parse one protocol */
	uint64_t off;	/* bit i: xc_l7_protos[i] is not read */
	const struct xc_l7_port *ports;	/* hints beside those of the protocols; NULL = none */
	struct xc_l7_stats stats;
};

/* What a session wants of the next bytes of one direction: the policy of the capture. */
enum xc_l7_want_mode { XC_L7_WANT_BYTES, XC_L7_WANT_SKIP, XC_L7_WANT_NOTHING };

struct xc_l7_want {
	enum xc_l7_want_mode mode;
	uint32_t seq;	/* SKIP: nothing before this sequence number is looked at */
};

struct xc_session {
	struct xc_l7 l7;	/* what a parser sees; first member */
	struct xc_l7_engine *engine;
	struct xc_stream stream[2];	/* by enum xc_l7_dir */
	struct xc_tuple tuple;	/* s* = client */
	uint64_t cookie;
	uint64_t first_ns, last_ns;
	uint64_t now_ns;	/* of the segment at hand */
	struct xc_request *first, *last;
	const struct xc_l7_proto *becomes;
	uint32_t n_open;
	uint64_t began
		[2]; /* n_bytes of each stream when this conversation began: CONNECT hands over in the middle */
	uint8_t n_attempts[2];	/* to find the protocol in a direction */
	uint8_t n_desyncs, n_revoked;
	bool knows_role;	/* a SYN, or whoever opened the session, told who is the client */
	bool is_role_inferred;
	bool is_swapped;	/* ... and the ends are not as xc_session_init() had them */
	bool is_stopped[2];
	bool needs_sync[2];
	bool has_gap[2];	/* since this conversation began */
	bool has_spoken[2];	/* a message of this direction was understood */
	bool wants_become, wants_stop, wants_resume;
	bool has_ended[2];	/* in order */
	bool is_reset;
	bool is_closed;
	/* Was the connection used before, and who closed it when? Of a request without an answer that tells the keep-alive
	 * race: the server had closed an idle connection, or did so while the request was on its way. */
	uint32_t n_answered;
	uint64_t answered_ns;	/* last byte of the latest answer */
	uint64_t fin_ns[2];	/* first FIN of this direction; 0 = none */
	uint32_t n_resent;	/* of both streams, when last looked at */
	void *user;		/* of whoever owns the session */
};

/**
 * The protocol that fits @in best; a port breaks ties. NULL: none does, but wants_more tells whether more bytes could
 * help.
 */
const struct xc_l7_proto *xc_l7_guess_best(const struct xc_l7_engine *e, struct xc_span in,
					   const struct xc_l7_hint *hint,
					   struct xc_l7_guess *ret_guess);

void xc_l7_engine_init(struct xc_l7_engine *e, xc_request_fn on_request, void *arg);

/** Sessions must be gone. */
void xc_l7_engine_done(struct xc_l7_engine *e);

/** @tuple: as the client sends; @knows_role: that is certain. */
void xc_session_init(struct xc_session *s, struct xc_l7_engine *e, const struct xc_tuple *tuple,
		     bool knows_role);

/** What is spoken is known from elsewhere. */
void xc_session_speaks(struct xc_session *s, const struct xc_l7_proto *proto);

/** Take one segment. Its sender may be either end. */
void xc_session_feed(struct xc_session *s, const struct xc_segment *seg);

/** Time has passed: holes are given up, requests time out. */
void xc_session_tick(struct xc_session *s, uint64_t now_ns);

/** The kernel could not hand over some segments of this connection. */
void xc_session_lost(struct xc_session *s);

/** The connection is over: what is open gets no answer. The session can be asked, but not fed any more. */
void xc_session_close(struct xc_session *s, uint64_t now_ns);

struct xc_l7_want xc_session_want(const struct xc_session *s, enum xc_l7_dir dir);

/** Release everything; closes first. */
void xc_session_done(struct xc_session *s);
