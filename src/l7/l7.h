/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of a protocol: one file, one row. A parser sees the bytes of both directions in
 * order, each at the front of its stream, and turns them into requests. It has no clock, no I/O
 * and no globals; bytes may be cut anywhere, may be missing (gap), or may begin in the middle of
 * a conversation (sync). What it is not sure of it flags; it never guesses a value.
 */
#pragma once

#include "base/rd.h"
#include "base/scope.h"
#include "model/request.h"

/* Who sent the bytes. */
enum xc_l7_dir { XC_L7_CLIENT, XC_L7_SERVER };

/* What parse() makes of the front of a stream. */
enum xc_l7_what {
	XC_L7_MORE,	/* valid so far; call again with more bytes behind these */
	XC_L7_TOOK,	/* n bytes are done with, and the next `skip` wire bytes do not interest */
	XC_L7_BAD,	/* not this protocol, or malformed: resynchronise */
	XC_L7_STOP,	/* nothing that follows in this direction can be read (encrypted ...) */
};

struct xc_l7_step {
	enum xc_l7_what what;
	size_t n;
	uint64_t skip;	/* UINT64_MAX = up to the end of the stream */
};

static inline struct xc_l7_step xc_l7_more(void)
{
	return (struct xc_l7_step){ .what = XC_L7_MORE };
}

static inline struct xc_l7_step xc_l7_took(size_t n)
{
	return (struct xc_l7_step){ .what = XC_L7_TOOK, .n = n };
}

static inline struct xc_l7_step xc_l7_skip(size_t n, uint64_t skip)
{
	return (struct xc_l7_step){ .what = XC_L7_TOOK, .n = n, .skip = skip };
}

static inline struct xc_l7_step xc_l7_bad(void)
{
	return (struct xc_l7_step){ .what = XC_L7_BAD };
}

static inline struct xc_l7_step xc_l7_stop(void)
{
	return (struct xc_l7_step){ .what = XC_L7_STOP };
}

/* What detect() is told beside the bytes. */
struct xc_l7_hint {
	uint16_t port_he;	/* of the server, or the lower one */
	bool is_start;		/* the bytes are the first of their direction */
	bool is_datagram;
	bool knows_role;	/* dir is certain */
	enum xc_l7_dir dir;	/* who probably sent the bytes */
};

/*
 * What detect() says. percent: 0 = not this protocol; below 50 is a suspicion, told only when the other direction
 * agrees; from 90 on requests are told at once. wants_more: could be, with more bytes.
 */
struct xc_l7_guess {
	uint8_t percent;
	enum xc_l7_dir dir;	/* who sends such bytes */
	bool wants_more;
};

struct xc_l7;

/**
 * struct xc_l7_proto - one protocol
 * @name: stable identifier, printed as l7_protocol
 * @ports: 0-terminated; a hint that breaks ties, never trusted
 * @is_stream, @is_datagram: what it travels on
 * @timeout_ns: an unanswered request is given up after this time; 0 = when the connection ends
 * @state_bytes: zeroed memory for l7->state, for each connection
 * @detect: pure; looks at the front of one direction. NULL: it cannot be told from content, another protocol hands over
 * @parse: take the front of a stream; see enum xc_l7_what. @in is a whole datagram when l7->is_datagram. It is
 *	called with nothing in @in when a skip has been passed, so that a message can be completed the moment it ends.
 *	It must take or skip something, or say what else
 * @gap: @n bytes of a direction are lost (0 = not known how many). What was begun there cannot be finished; sync() is
 *	called next. NULL: all open requests are abandoned
 * @sync: where in @in does a message begin, after a gap or when joined late? Offset, or -1: nowhere; then all but
 *	the last bytes are dropped. NULL = it cannot
 * @end: a direction has ended in order (FIN): close-delimited messages are complete. May be NULL
 * @close: the connection is over, in order or not: the last chance to tell something. May be NULL
 * @done: release what state owns. May be NULL
 */
struct xc_l7_proto {
	const char *name;
	uint16_t ports[8];
	bool is_stream, is_datagram;
	uint64_t timeout_ns;
	size_t state_bytes;
	struct xc_l7_guess (*detect)(struct xc_span in, const struct xc_l7_hint *hint);
	struct xc_l7_step (*parse)(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in);
	void (*gap)(struct xc_l7 *l7, enum xc_l7_dir dir, uint64_t n);
	ptrdiff_t (*sync)(struct xc_l7 *l7, enum xc_l7_dir dir, struct xc_span in);
	void (*end)(struct xc_l7 *l7, enum xc_l7_dir dir);
	void (*close)(struct xc_l7 *l7);
	void (*done)(void *state);
};

extern const struct xc_l7_proto
	*const xc_l7_protos[]; /* NULL-terminated, in the order of meson.build */

/** The protocol called @name, or NULL: this build has none. */
const struct xc_l7_proto *xc_l7_proto_named(const char *name);

/* What a parser knows of its connection. Read only, but for *state. */
struct xc_l7 {
	const struct xc_l7_proto *proto;	/* NULL = not recognised */
	void *state;
	uint16_t server_port_he;
	uint8_t confidence;	/* percent */
	bool is_datagram;
	bool is_late[2];	/* this direction was not seen from its first byte */
	bool is_plaintext;	/* of a TLS library */
	bool is_cut;	/* what follows the bytes parse() is given is lost: make do with them (flag TRUNCATED), or say MORE */
	bool with_query;	/* query strings may be kept */
};

/* ---- requests: in the order they were sent --------------------------------------------------- */

/**
 * A new request, the last of the queue. Its protocol is that of the connection, request_first_ns the arrival of the
 * front byte, its flags what the connection already knows (late, gaps).
 * Return: NULL when there are too many (counted; the message is passed over).
 */
struct xc_request *xc_l7_open(struct xc_l7 *l7);

/** The oldest request, or NULL. Then the next one. */
struct xc_request *xc_l7_first(struct xc_l7 *l7);
struct xc_request *xc_l7_next(struct xc_request *r);

/** The oldest with this id, or NULL. */
struct xc_request *xc_l7_find(struct xc_l7 *l7, uint64_t id);

/** Its head is read: tell it. */
void xc_l7_sent(struct xc_l7 *l7, struct xc_request *r);

/** Both directions agree on the protocol, as an answer has begun that fits: what was held back is told. */
void xc_l7_proven(struct xc_l7 *l7);

/** Its answer is complete: tell it. @r is gone after this and the next two. */
void xc_l7_answered(struct xc_l7 *l7, struct xc_request *r);

/** It will not be answered, or not known to be: tell it, with @flags added. */
void xc_l7_abandoned(struct xc_l7 *l7, struct xc_request *r, uint32_t flags);

/** A message that asks for nothing: tell it. */
void xc_l7_notice(struct xc_l7 *l7, struct xc_request *r);

/** Forget @r untold: it was none. */
void xc_l7_forget(struct xc_l7 *l7, struct xc_request *r);

/** Every open request, as xc_l7_abandoned(). */
void xc_l7_abandon_all(struct xc_l7 *l7, uint32_t flags);

/* ---- time: arrival of a byte, ns ------------------------------------------------------------- */

/** Of byte @at of what parse() was given; with nothing given, of the last byte that was skipped. */
uint64_t xc_l7_ns(const struct xc_l7 *l7, enum xc_l7_dir dir, size_t at);

/** Wire bytes of @dir before what parse() was given, from its first one. */
uint64_t xc_l7_passed(const struct xc_l7 *l7, enum xc_l7_dir dir);

/* ---- handing over ----------------------------------------------------------------------------- */

/**
 * What follows in both directions is another protocol (@to; NULL = find out). Takes effect after this parse(), whose
 * step is carried out first. State is released; open requests are kept where both have the same ones, else abandon first.
 */
void xc_l7_become(struct xc_l7 *l7, const struct xc_l7_proto *to);

/** One direction, or both, cannot be read from here on. */
void xc_l7_stop_both(struct xc_l7 *l7);

/** The other direction waited for this one (parse() said MORE): try it again. */
void xc_l7_resume(struct xc_l7 *l7);
