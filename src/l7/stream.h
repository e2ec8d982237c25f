/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One direction of a TCP connection, put into order: what came twice is dropped (and counted), what came early waits,
 * what is missing is waited for until it is known to be lost. The front is the first byte nobody has taken. Bytes may be
 * missing by intent: a packet is captured up to a limit only, and what a parser skips is not captured at all.
 */
#pragma once

#include "base/rd.h"
#include "model/segment.h"

#define XC_STREAM_HELD_MAX 65536u	/* bytes of an unfinished message */
#define XC_STREAM_EARLY_MAX 65536u	/* bytes that wait for a hole to be filled */
#define XC_STREAM_EARLY_N 128u		/* ... in so many pieces */
#define XC_STREAM_PATIENCE_NS                                                                      \
	200000000ull /* a hole the receiver has acknowledged is looked for so long */

/* Memory of all streams together. */
struct xc_stream_memory {
	size_t used, max;	/* bytes */
	uint64_t n_refused;	/* bytes that found no room: gaps */
};

struct xc_stream_held;
struct xc_stream_early;

struct xc_stream {
	uint32_t next;		/* sequence number of the front */
	uint32_t fin;		/* ... of the end, when has_fin */
	uint32_t acked;		/* the receiver has everything before it */
	bool is_started, has_fin, has_acked;
	bool is_late;		/* it began before our view of it */
	bool is_lossy;		/* the kernel could not hand over everything: no patience with the next hole */
	bool is_full;		/* something early found no room: the front is not waited for any longer */
	uint64_t skip;		/* wire bytes to pass over */
	bool is_through;	/* a hole was the last of them: xc_stream_pass() has still to say so */
	uint64_t n_bytes;	/* passed so far */
	uint64_t last_ns;	/* arrival of the byte before the front */
	uint64_t seen_ns;	/* latest segment of either direction */
	uint64_t hole_ns;	/* the front is missing although the receiver has it, since; 0 = not so */
	uint32_t passed[2];	/* sequence numbers of the latest hole that was skipped: from, to */
	uint32_t n_resent;	/* segments of which some byte had been seen */
	uint64_t resent_ns;	/* latest of them */
	struct xc_span fresh;	/* behind what is held: of the segment at hand, borrowed */
	uint64_t fresh_ns;
	uint64_t blank;		/* behind it: bytes that were on the wire but not captured */
	struct xc_stream_early *taken;	/* what fresh points into, when it is not a segment */
	struct xc_stream_held *held;	/* bytes before fresh; NULL = none */
	struct xc_stream_early *early;	/* in order of sequence numbers */
	uint32_t n_early, n_early_bytes;
};

/** Take a segment of this direction; its data must live until xc_stream_rest(). */
void xc_stream_put(struct xc_stream *s, const struct xc_segment *seg, struct xc_stream_memory *m);

/** The receiver acknowledges everything before @ack, at @now_ns. */
void xc_stream_acked(struct xc_stream *s, uint32_t ack, uint64_t now_ns);

/** Bytes in order at the front; valid until any other call. Empty: there is nothing, or a gap. */
struct xc_span xc_stream_front(struct xc_stream *s, struct xc_stream_memory *m);

/** Arrival of byte @at behind the front, ns. */
uint64_t xc_stream_ns(const struct xc_stream *s, size_t at);

/** @n bytes of the front are done with. */
void xc_stream_take(struct xc_stream *s, size_t n, struct xc_stream_memory *m);

/** Make the front longer with what came early. False: there is nothing to add, or no room. */
bool xc_stream_grow(struct xc_stream *s, struct xc_stream_memory *m);

/**
 * Pass over what is to be skipped, as far as it has come or is lost. True: something was passed, and nothing is left to
 * skip.
 */
bool xc_stream_pass(struct xc_stream *s, uint64_t now_ns, struct xc_stream_memory *m);

/** What comes next is known to be missing for good: the caller has to take it as a gap. */
bool xc_stream_is_lost(const struct xc_stream *s, uint64_t now_ns);

/** Give up what is at the front and go to where bytes are again. Returns how many were given up: held ones and missing ones. */
uint64_t xc_stream_jump(struct xc_stream *s, struct xc_stream_memory *m);

/** Is the front waited for: by bytes behind it, or by an ACK? */
static inline bool xc_stream_waits(const struct xc_stream *s)
{
	return s->early || s->hole_ns;
}

/** Bytes that FIN or an ACK tell of, behind all that came, and that are not to be skipped: no more comes, so they are lost. */
uint64_t xc_stream_missing(const struct xc_stream *s);

/** The segment's data is about to die: keep what nobody has taken. */
void xc_stream_rest(struct xc_stream *s, struct xc_stream_memory *m);

/** All bytes up to its FIN have been passed. */
static inline bool xc_stream_has_ended(const struct xc_stream *s)
{
	return s->has_fin && s->next == s->fin;
}

void xc_stream_done(struct xc_stream *s, struct xc_stream_memory *m);
