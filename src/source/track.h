/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the tracker: what is remembered of each connection, and the records it is told with. */
#pragma once

#include "abi/flow.h"
#include "abi/sock.h"
#include "base/index.h"
#include "source/tracker.h"

#define XC_TRACK_NONE UINT32_MAX
#define XC_TRACK_LATEST 4	/* packets among which the copy of one is looked for */
#define XC_TRACK_SECOND 1000000000ull

/* What one end of a connection sends again and again. */
struct xc_track_end {
	uint64_t since_ns;	/* first of what is unanswered */
	uint64_t again_ns;	/* latest repetition or probe */
	uint64_t acked_bytes;	/* as far as seen */
	uint32_t n_resent;	/* segments */
	uint32_t n_unanswered;	/* repetitions and probes since the other end last sent anything */
	uint32_t n_probes;	/* of the other end's shut window, in this spell */
	uint32_t mss;		/* its SYN told; 0 = not seen */
	uint32_t seq, bytes;	/* of the latest segment */
	uint8_t flags;
	uint8_t ttl;
	bool has_sent_data, has_closed;
	struct {
		uint64_t hash, ns;
	} latest[XC_TRACK_LATEST];	/* packets, in turn */
	uint32_t n_packets;
};

/* One connection. */
struct xc_track_life {
	uint64_t no;
	uint64_t open_ns;	/* first SYN; 0 = not seen */
	uint64_t syn_ns;	/* latest */
	uint64_t established_ns;
	uint64_t stall_ns;	/* the shut window that was told last */
	uint32_t n_syn_retrans;
	int icmp_errno;		/* what an ICMP error makes of connect() */
	uint8_t client;		/* end of the key */
	bool has_synack;
	bool is_told;		/* there is a record about it */
	bool is_over;
	struct xc_track_end end[2];
};

struct xc_track {
	struct xc_flow_key key;
	struct xc_flow f;
	struct xc_track_life life;
	uint32_t older, newer;	/* all, by latest packet */
	uint32_t prev, next;	/* those in trouble */
	bool is_in_trouble;
};

struct xc_tracker {
	struct xc_tracker_cfg cfg;
	struct xc_track *slots;
	struct xc_index index;
	uint32_t n;		/* slots ever used */
	uint32_t oldest, newest;
	uint32_t troubled;	/* first in trouble */
	uint64_t now_ns;
	uint64_t tick_ns;	/* next */
	uint64_t n_lives;
	uint64_t n_records;
	uint64_t n_lost;	/* connections in trouble that made room */
};

/** The connection of @key, or NULL. */
struct xc_track *xc_track_find(const struct xc_tracker *t, const struct xc_flow_key *key);

/** The same; a new one if there is none: then what was silent longest makes room. */
struct xc_track *xc_track_get(struct xc_tracker *t, const struct xc_flow_key *key);

/** Take it among those in trouble, or out again. */
void xc_track_watch(struct xc_tracker *t, struct xc_track *tr);
void xc_track_unwatch(struct xc_tracker *t, struct xc_track *tr);

/** The flow as @end of the key sends it. */
struct xc_tuple xc_track_tuple(const struct xc_track *tr, int end);

/** A record of the socket of @end, as its packets show it. */
struct xc_sock_evt xc_track_socket(const struct xc_tracker *t, const struct xc_track *tr, int end,
				   enum xc_sock_what what);

/** Hand on one record. */
void xc_tell(struct xc_tracker *t, const struct xc_evt *e);

void xc_tell_packets_only(struct xc_tracker *t);
void xc_tell_time(struct xc_tracker *t);

/** The client speaks first: that tells who is who. */
void xc_introduce(struct xc_tracker *t, struct xc_track *tr);

void xc_tell_socket(struct xc_tracker *t, struct xc_track *tr, int end, enum xc_sock_what what);

/** The connection of @end is over: with what its application gets, 0 = no error, or not known. */
void xc_tell_closed(struct xc_tracker *t, struct xc_track *tr, int end, int error);

/** Time since @ns; 0 = that is still to come. */
static inline uint64_t xc_since(const struct xc_tracker *t, uint64_t ns)
{
	return t->now_ns > ns ? t->now_ns - ns : 0;
}
