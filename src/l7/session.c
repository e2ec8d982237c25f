/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/session.h"

#include "model/net.h"

#include <stdlib.h>

#define MAX_OPEN_ALL 65536u	/* requests of all sessions */
#define MAX_OPEN 4096u		/* ... of one */
#define MAX_ATTEMPTS 16		/* looks at bytes nobody knows */
#define MAX_DESYNCS 8		/* then it was not that protocol */
#define MAX_REVOKED 8		/* then it is none of ours */
#define UNKNOWN_MAX 8192	/* bytes to tell a protocol from: a long line */
#define SYNC_TAIL 32		/* bytes kept while looking for the beginning of a message */
#define SKIP_FAR (1u << 30)	/* sequence numbers compare within half their range */
#define SURE 90			/* percent from which requests are told at once */
#define AGREED 95		/* both directions fit */

static struct xc_session *session_of(struct xc_l7 *l7)
{
	return (struct xc_session *)l7;
}

/* ---- requests ------------------------------------------------------------------------------------ */

static struct xc_request *get_request(struct xc_l7_engine *e)
{
	struct xc_request *r = e->spare;

	if (e->n_open >= e->max_open)
		return NULL;
	if (r)
		e->spare = r->next;
	else
		r = calloc(1, sizeof(*r));
	if (r)
		e->n_open++;
	return r;
}

static void put_request(struct xc_session *s, struct xc_request *r)
{
	struct xc_request **at = &s->first, *before = NULL;

	while (*at && *at != r) {
		before = *at;
		at = &(*at)->next;
	}
	if (*at) {
		*at = r->next;
		if (s->last == r)
			s->last = before;
		s->n_open--;
	}
	s->engine->n_open--;
	r->next = s->engine->spare;
	s->engine->spare = r;
}

static uint32_t known_flags(const struct xc_session *s)
{
	uint32_t flags = 0;

	if (s->l7.is_late[0] || s->l7.is_late[1])
		flags |= XC_REQUEST_JOINED_LATE;
	if (s->has_gap[0] || s->has_gap[1])
		flags |= XC_REQUEST_GAP;
	if (s->is_role_inferred)
		flags |= XC_REQUEST_ROLE_INFERRED;
	if (s->l7.is_plaintext)
		flags |= XC_REQUEST_ENCRYPTED;
	return flags;
}

static uint32_t count_resent(const struct xc_session *s)
{
	return s->stream[0].n_resent + s->stream[1].n_resent;
}

struct xc_request *xc_l7_open(struct xc_l7 *l7)
{
	struct xc_session *s = session_of(l7);
	struct xc_request *r = s->n_open < MAX_OPEN ? get_request(s->engine) : NULL;

	if (!r) {
		/* the answer to it will look like that of a later one */
		s->has_gap[XC_L7_CLIENT] = true;
		s->engine->stats.n_refused++;
		return NULL;
	}
	xc_request_reset(r, l7->proto->name);
	r->flags = known_flags(s);
	r->request_first_ns = xc_l7_ns(l7, XC_L7_CLIENT, 0);
	r->n_resent = count_resent(s);
	if (s->last)
		s->last->next = r;
	else
		s->first = r;
	s->last = r;
	s->n_open++;
	s->engine->stats.n_requests++;
	return r;
}

struct xc_request *xc_l7_first(struct xc_l7 *l7)
{
	return session_of(l7)->first;
}

struct xc_request *xc_l7_next(struct xc_request *r)
{
	return r->next;
}

struct xc_request *xc_l7_find(struct xc_l7 *l7, uint64_t id)
{
	struct xc_request *r = session_of(l7)->first;

	while (r && r->id != id)
		r = r->next;
	return r;
}

/* Segments overtake each other: a message whose last byte came first is complete when the first one is there. */
static void order(uint64_t first_ns, uint64_t *last_ns)
{
	if (*last_ns && *last_ns < first_ns)
		*last_ns = first_ns;
}

static void tell(struct xc_session *s, struct xc_request *r, enum xc_request_stage stage)
{
	uint64_t resent_ns = s->stream[0].resent_ns > s->stream[1].resent_ns ?
				     s->stream[0].resent_ns :
				     s->stream[1].resent_ns;

	r->confidence = s->l7.confidence;
	order(r->request_first_ns, &r->request_last_ns);
	order(r->response_first_ns, &r->response_last_ns);
	if (count_resent(s) != r->n_resent) {
		r->flags |= XC_REQUEST_RESENT;
		r->resent_ns = resent_ns;
	}
	s->engine->on_request(s->engine->arg, s, r, stage);
}

/* Suspicions are told when the other direction agrees. */
static void tell_if_sure(struct xc_session *s, struct xc_request *r)
{
	if (r->is_told || s->l7.confidence < SURE)
		return;
	r->is_told = true;
	tell(s, r, XC_REQUEST_SENT);
}

void xc_l7_sent(struct xc_l7 *l7, struct xc_request *r)
{
	tell_if_sure(session_of(l7), r);
}

void xc_l7_proven(struct xc_l7 *l7)
{
	struct xc_session *s = session_of(l7);

	if (l7->confidence < AGREED)
		l7->confidence = AGREED;
	for (struct xc_request *o = s->first; o; o = o->next)
		tell_if_sure(s, o);
}

void xc_l7_answered(struct xc_l7 *l7, struct xc_request *r)
{
	struct xc_session *s = session_of(l7);

	xc_l7_proven(l7);
	tell(s, r, XC_REQUEST_ANSWERED);
	s->n_answered++;
	s->answered_ns = r->response_last_ns;
	put_request(s, r);
}

void xc_l7_abandoned(struct xc_l7 *l7, struct xc_request *r, uint32_t flags)
{
	struct xc_session *s = session_of(l7);

	r->flags |= flags;
	if (!(flags & XC_REQUEST_GAP) && r->result < XC_RESULT_NO_ANSWER)
		r->result = XC_RESULT_NO_ANSWER;	/* half an answer is none */
	if (r->is_told)
		tell(s, r, XC_REQUEST_ABANDONED);
	put_request(s, r);
}

void xc_l7_notice(struct xc_l7 *l7, struct xc_request *r)
{
	struct xc_session *s = session_of(l7);

	if (l7->confidence >= SURE)
		tell(s, r, XC_REQUEST_NOTICE);
	put_request(s, r);
}

void xc_l7_forget(struct xc_l7 *l7, struct xc_request *r)
{
	put_request(session_of(l7), r);
}

void xc_l7_abandon_all(struct xc_l7 *l7, uint32_t flags)
{
	struct xc_session *s = session_of(l7);

	while (s->first)
		xc_l7_abandoned(l7, s->first, flags);
}

uint64_t xc_l7_ns(const struct xc_l7 *l7, enum xc_l7_dir dir, size_t at)
{
	const struct xc_session *s = (const struct xc_session *)l7;

	return l7->is_datagram ? s->now_ns : xc_stream_ns(&s->stream[dir], at);
}

uint64_t xc_l7_passed(const struct xc_l7 *l7, enum xc_l7_dir dir)
{
	return ((const struct xc_session *)l7)->stream[dir].n_bytes;
}

void xc_l7_become(struct xc_l7 *l7, const struct xc_l7_proto *to)
{
	struct xc_session *s = session_of(l7);

	s->becomes = to;
	s->wants_become = true;
}

void xc_l7_stop_both(struct xc_l7 *l7)
{
	session_of(l7)->wants_stop = true;
}

void xc_l7_resume(struct xc_l7 *l7)
{
	session_of(l7)->wants_resume = true;
}

/* ---- the protocol ---------------------------------------------------------------------------------- */

static void drop_proto(struct xc_session *s)
{
	if (s->l7.proto && s->l7.proto->done && s->l7.state)
		s->l7.proto->done(s->l7.state);
	free(s->l7.state);
	s->l7.state = NULL;
	s->l7.proto = NULL;
	s->l7.confidence = 0;
	s->n_desyncs = 0;
	s->has_spoken[0] = s->has_spoken[1] = false;
}

static void stop(struct xc_session *s, enum xc_l7_dir dir)
{
	s->is_stopped[dir] = true;
	s->stream[dir].skip = UINT64_MAX;
}

static bool is_off(const struct xc_l7_engine *e, const struct xc_l7_proto *p)
{
	for (size_t i = 0; e->off && i < 64 && xc_l7_protos[i]; i++)
		if (xc_l7_protos[i] == p)
			return e->off >> i & 1;
	return false;
}

static void take_proto(struct xc_session *s, const struct xc_l7_proto *p, uint8_t percent)
{
	if (is_off(s->engine, p)) {	/* recognised, so that no other one takes it */
		stop(s, XC_L7_CLIENT);
		stop(s, XC_L7_SERVER);
		return;
	}
	s->l7.proto = p;
	s->l7.confidence = percent;
	if (!p->state_bytes)
		return;
	s->l7.state = calloc(1, p->state_bytes);
	if (s->l7.state)
		return;
	s->l7.proto = NULL;	/* no memory */
	stop(s, XC_L7_CLIENT);
	stop(s, XC_L7_SERVER);
}

/* Has nothing of @dir been passed since the conversation began? Of datagrams every one is a beginning. */
static bool is_at_start(const struct xc_session *s, enum xc_l7_dir dir)
{
	return s->l7.is_datagram ||
	       (!s->l7.is_late[dir] && s->stream[dir].n_bytes == s->began[dir]);
}

#define SWAP(pair)                                                                                 \
	do {                                                                                       \
		__typeof__((pair)[0]) first = (pair)[0];                                           \
		(pair)[0] = (pair)[1];                                                             \
		(pair)[1] = first;                                                                 \
	} while (0)

/* The sender of what was taken for the server's bytes is the client. */
static void swap_ends(struct xc_session *s)
{
	SWAP(s->stream);
	SWAP(s->l7.is_late);
	SWAP(s->is_stopped);
	SWAP(s->has_ended);
	SWAP(s->has_gap);
	SWAP(s->n_attempts);
	SWAP(s->began);
	SWAP(s->fin_ns);
	s->tuple = xc_tuple_swap(&s->tuple);
	s->is_swapped = !s->is_swapped;
	s->l7.server_port_he = s->tuple.dport_he;
}

/* Nobody knows the bytes at the front of @dir. The other direction may still tell: this one may be within a long body. */
static void pass_unknown(struct xc_session *s, enum xc_l7_dir dir, struct xc_span in)
{
	xc_stream_take(&s->stream[dir], in.len, &s->engine->memory);
	if (++s->n_attempts[dir] >= MAX_ATTEMPTS)
		stop(s, dir);
}

/* True: the protocol is known now. @dir may have become the other direction. */
static bool detect(struct xc_session *s, enum xc_l7_dir *dir, struct xc_span in)
{
	struct xc_l7_hint hint = { .port_he = s->l7.server_port_he,
				   .is_start = is_at_start(s, *dir),
				   .is_datagram = s->l7.is_datagram,
				   .knows_role = s->knows_role,
				   .dir = *dir };
	struct xc_l7_guess g;
	const struct xc_l7_proto *p = xc_l7_guess_best(s->engine, in, &hint, &g);

	if (!p) {
		if (g.wants_more && in.len < UNKNOWN_MAX && !s->l7.is_datagram)
			return false;
		if (s->l7.is_datagram)
			in.len = 0;
		pass_unknown(s, *dir, in);
		return false;
	}
	if (!s->knows_role) {
		s->is_role_inferred = true;
		s->knows_role = true;
		if (g.dir != *dir) {
			swap_ends(s);
			*dir = g.dir;
		}
	}
	/* what passed unknown may have been half a message */
	for (int i = 0; i < 2; i++) {
		s->needs_sync[i] = !is_at_start(s, i);
		s->has_gap[i] |= s->needs_sync[i] && !s->l7.is_late[i];
		if (s->is_stopped[i])
			s->stream[i].skip = 0;
		s->is_stopped[i] = false;
		s->n_attempts[i] = 0;
	}
	s->needs_sync[*dir] = false;
	take_proto(s, p, g.percent);
	return s->l7.proto;
}

static void forget_all(struct xc_session *s)
{
	while (s->first)
		put_request(s, s->first);
}

/* It was not that protocol after all. */
static void unbelieve(struct xc_session *s)
{
	if (s->l7.confidence >= SURE)
		xc_l7_abandon_all(&s->l7, XC_REQUEST_GAP);
	else
		forget_all(s);
	s->engine->stats.n_revoked++;
	drop_proto(s);
	if (++s->n_revoked < MAX_REVOKED)
		return;
	stop(s, XC_L7_CLIENT);
	stop(s, XC_L7_SERVER);
}

/* ---- taking the front of a stream ------------------------------------------------------------------- */

static void on_gap(struct xc_session *s, enum xc_l7_dir dir, uint64_t n)
{
	s->engine->stats.n_gaps++;
	s->engine->stats.gap_bytes += n;
	s->has_gap[dir] = true;
	s->needs_sync[dir] = true;
	if (!s->l7.proto)
		return;
	if (s->l7.proto->gap)
		s->l7.proto->gap(&s->l7, dir, n);
	else
		xc_l7_abandon_all(&s->l7, XC_REQUEST_GAP);
}

static void on_bad(struct xc_session *s, enum xc_l7_dir dir, struct xc_span in)
{
	s->engine->stats.n_desyncs++;
	if (s->l7.confidence < SURE || !s->has_spoken[dir] || !s->l7.proto->sync ||
	    ++s->n_desyncs >= MAX_DESYNCS) {
		unbelieve(s);
		pass_unknown(s, dir, in);
		return;
	}
	xc_stream_take(&s->stream[dir], in.len > 0, &s->engine->memory);
	on_gap(s, dir, 0);
}

/* What a parser asked for beside its step. */
static void after_parse(struct xc_session *s)
{
	if (s->wants_stop) {
		stop(s, XC_L7_CLIENT);
		stop(s, XC_L7_SERVER);
	}
	if (s->wants_become) {
		const struct xc_l7_proto *to = s->becomes;
		uint8_t percent = s->l7.confidence;

		drop_proto(s);
		s->wants_resume = true;
		for (int i = 0; i < 2; i++) {
			s->began[i] = s->stream[i].n_bytes;
			s->n_attempts[i] = 0;
			s->has_gap[i] = false;
		}
		if (to)
			take_proto(s, to, percent);
	}
	s->wants_stop = s->wants_become = false;
}

/* Look for the beginning of a message. False: it is not there yet. */
static bool find_start(struct xc_session *s, enum xc_l7_dir dir, struct xc_span in)
{
	struct xc_stream *st = &s->stream[dir];
	ptrdiff_t at = s->l7.proto->sync ? s->l7.proto->sync(&s->l7, dir, in) : -1;

	if (at < 0) {
		if (in.len > SYNC_TAIL)
			xc_stream_take(st, in.len - SYNC_TAIL, &s->engine->memory);
		return false;
	}
	xc_stream_take(st, (size_t)at, &s->engine->memory);
	s->needs_sync[dir] = false;
	return true;
}

/* One step of the parser. True: go on. */
static bool step(struct xc_session *s, enum xc_l7_dir dir, struct xc_span in)
{
	struct xc_stream *st = &s->stream[dir];
	struct xc_l7_step x = s->l7.proto->parse(&s->l7, dir, in);

	switch (x.what) {
	case XC_L7_MORE:
		break;
	case XC_L7_TOOK:
		if (x.n > in.len || (in.len && !x.n && !x.skip && !s->wants_become)) {
			on_bad(s, dir, in);	/* a parser must get on */
			return true;
		}
		s->has_spoken[dir] = true;
		xc_stream_take(st, x.n, &s->engine->memory);
		st->skip = x.skip;
		break;
	case XC_L7_BAD:
		s->wants_stop = s->wants_become = false;
		on_bad(s, dir, in);
		return true;
	case XC_L7_STOP:
		stop(s, dir);
		break;
	}
	after_parse(s);
	return x.what != XC_L7_MORE && (in.len || x.skip);
}

/* Nothing will follow what is at the front: can the parser make do with it? */
static void make_do(struct xc_session *s, enum xc_l7_dir dir)
{
	struct xc_span in = xc_stream_front(&s->stream[dir], &s->engine->memory);

	if (!in.len || !s->l7.proto || s->needs_sync[dir] || s->l7.is_cut)
		return;
	s->l7.is_cut = true;
	(void)step(s, dir, in);
	s->l7.is_cut = false;
}

/* The parser wants more than there is. True: the front became longer, or was given up. */
static bool starved(struct xc_session *s, enum xc_l7_dir dir)
{
	struct xc_stream *st = &s->stream[dir];
	uint32_t before = st->next;
	bool is_hole;

	if (xc_stream_grow(st, &s->engine->memory))
		return true;
	if (!st->fresh.len && !xc_stream_is_lost(st, s->now_ns))
		return false;
	is_hole = !st->fresh.len && !st->blank;
	make_do(s, dir);
	/* what the other side said while the hole was waited for may have been about what follows */
	s->has_gap[dir] |= is_hole;
	if (st->next == before && !st->skip)
		on_gap(s, dir, xc_stream_jump(st, &s->engine->memory));
	return true;
}

static void maybe_end(struct xc_session *s, enum xc_l7_dir dir)
{
	if (s->has_ended[dir] || !xc_stream_has_ended(&s->stream[dir]))
		return;
	s->has_ended[dir] = true;
	if (s->l7.proto && s->l7.proto->end && !s->needs_sync[dir])
		s->l7.proto->end(&s->l7, dir);
	after_parse(s);
}

/* Take what there is at the front of *@dir; the directions may change places. True: go on. */
static bool advance(struct xc_session *s, enum xc_l7_dir *dir)
{
	struct xc_stream *st = &s->stream[*dir];
	struct xc_span in;

	if (st->skip || st->is_through) {
		bool is_through = xc_stream_pass(st, s->now_ns, &s->engine->memory);

		if (is_through && s->l7.proto && !s->is_stopped[*dir])
			(void)step(s, *dir, (struct xc_span){ st->fresh.p, 0 });
		return is_through;
	}
	in = xc_stream_front(st, &s->engine->memory);
	if (!in.len)
		return starved(s, *dir);
	if (s->is_stopped[*dir]) {
		st->skip = UINT64_MAX;
		return true;
	}
	if (!s->l7.proto) {
		if (detect(s, dir, in))
			return true;
		return xc_stream_front(&s->stream[*dir], &s->engine->memory).len < in.len ||
		       starved(s, *dir);
	}
	if (s->needs_sync[*dir] && !find_start(s, *dir, in))
		return starved(s, *dir);
	if (!s->needs_sync[*dir])
		in = xc_stream_front(st, &s->engine->memory);
	return step(s, *dir, in) || starved(s, *dir);
}

/*
 * Take what there is at the front of @dir. What the other direction has held back (for a protocol to be found, or for
 * what was read just now) came earlier than the rest of @dir, and goes first.
 */
static void run(struct xc_session *s, enum xc_l7_dir dir)
{
	bool is_pending[2] = { dir == XC_L7_CLIENT, dir == XC_L7_SERVER };

	while (is_pending[0] || is_pending[1]) {
		const struct xc_l7_proto *before = s->l7.proto;
		bool was_swapped = s->is_swapped;

		dir = is_pending[dir] ? dir : !dir;
		s->wants_resume = false;
		while (!s->wants_resume && advance(s, &dir))
			;
		if (s->is_swapped != was_swapped)
			SWAP(is_pending);
		is_pending[dir] = s->wants_resume;
		if (!s->wants_resume)
			maybe_end(s, dir);
		is_pending[!dir] |= s->wants_resume || s->l7.proto != before;
		if (s->wants_resume)
			dir = !dir;
	}
}

static void feed_stream(struct xc_session *s, const struct xc_segment *seg, enum xc_l7_dir dir)
{
	struct xc_stream *st = &s->stream[dir];

	if ((seg->tcp_flags & XC_TCP_SYN) && !s->knows_role) {
		bool is_answer = seg->tcp_flags & XC_TCP_ACK;

		s->knows_role = true;
		if ((dir == XC_L7_SERVER) != is_answer) {
			swap_ends(s);
			dir = !dir;
			st = &s->stream[dir];
		}
	}
	if (seg->tcp_flags & XC_TCP_ACK)
		xc_stream_acked(&s->stream[!dir], seg->ack, s->now_ns);
	/* an acknowledgement may tell that a hole stays; what it acknowledges came before what it comes with */
	if (xc_stream_waits(&s->stream[!dir])) {
		bool was_swapped = s->is_swapped;

		run(s, !dir);
		dir = s->is_swapped == was_swapped ? dir : !dir;
		st = &s->stream[dir];
	}
	xc_stream_put(st, seg, &s->engine->memory);
	s->l7.is_late[dir] = st->is_late;
	if ((seg->tcp_flags & XC_TCP_FIN) && !s->fin_ns[dir])
		s->fin_ns[dir] = seg->ts_ns;
	run(s, dir);
	xc_stream_rest(&s->stream[0], &s->engine->memory);
	xc_stream_rest(&s->stream[1], &s->engine->memory);
}

static void feed_datagram(struct xc_session *s, const struct xc_segment *seg, enum xc_l7_dir dir)
{
	struct xc_span in = { seg->data, seg->n_bytes };
	struct xc_l7_step x;

	s->stream[dir].n_bytes += seg->wire_bytes;
	if (s->is_stopped[dir] || !in.len)
		return;
	if (!s->l7.proto && !detect(s, &dir, in))
		return;
	s->l7.is_cut = seg->n_bytes < seg->wire_bytes;
	x = s->l7.proto->parse(&s->l7, dir, in);
	s->l7.is_cut = false;
	if (x.what == XC_L7_BAD && !s->has_spoken[dir] && s->l7.confidence < AGREED)
		unbelieve(s);
	else if (x.what == XC_L7_BAD)
		s->engine->stats.n_desyncs++;
	else
		s->has_spoken[dir] = true;
	if (x.what == XC_L7_STOP)
		stop(s, dir);
	after_parse(s);
}

void xc_session_feed(struct xc_session *s, const struct xc_segment *seg)
{
	enum xc_l7_dir dir = seg->tuple.sport_he == s->tuple.sport_he &&
					     xc_addr_equal(seg->tuple.saddr, s->tuple.saddr) ?
				     XC_L7_CLIENT :
				     XC_L7_SERVER;

	if (s->is_closed)
		return;
	s->engine->stats.n_segments++;
	if (seg->ts_ns > s->now_ns)
		s->now_ns = seg->ts_ns;
	s->last_ns = s->now_ns;
	if (!s->first_ns)
		s->first_ns = s->now_ns;
	if (s->l7.is_datagram)
		feed_datagram(s, seg, dir);
	else
		feed_stream(s, seg, dir);
	if (seg->tcp_flags & XC_TCP_RST) {
		s->is_reset = true;
		xc_session_close(s, s->now_ns);
	}
}

/* ---- the life of a session --------------------------------------------------------------------------- */

void xc_session_tick(struct xc_session *s, uint64_t now_ns)
{
	uint64_t timeout;

	if (now_ns > s->now_ns)
		s->now_ns = now_ns;
	for (int dir = 0; dir < 2; dir++)
		if (!s->is_closed && xc_stream_waits(&s->stream[dir]))
			run(s, dir);
	timeout = s->l7.proto ? s->l7.proto->timeout_ns : 0;
	for (struct xc_request *r = s->first, *next; r && timeout; r = next) {
		next = r->next;
		if (r->request_first_ns && s->now_ns - r->request_first_ns > timeout)
			xc_l7_abandoned(&s->l7, r, 0);
	}
	xc_stream_rest(&s->stream[0], &s->engine->memory);
	xc_stream_rest(&s->stream[1], &s->engine->memory);
}

void xc_session_lost(struct xc_session *s)
{
	s->stream[0].is_lossy = s->stream[1].is_lossy = true;
}

/* No more bytes come: holes stay holes. */
static void flush(struct xc_session *s, enum xc_l7_dir dir)
{
	struct xc_stream *st = &s->stream[dir];

	while (xc_stream_waits(st)) {
		st->is_full = true;
		run(s, dir);
	}
	if (!xc_stream_missing(st))
		return;
	make_do(s, dir);
	on_gap(s, dir, xc_stream_missing(st));
}

void xc_session_close(struct xc_session *s, uint64_t now_ns)
{
	if (s->is_closed)
		return;
	if (now_ns > s->now_ns)
		s->now_ns = now_ns;
	if (!s->l7.is_datagram) {
		flush(s, XC_L7_CLIENT);
		flush(s, XC_L7_SERVER);
	}
	if (s->l7.proto && s->l7.proto->close)
		s->l7.proto->close(&s->l7);
	if (s->l7.proto)
		xc_l7_abandon_all(&s->l7, 0);
	xc_stream_done(&s->stream[XC_L7_CLIENT], &s->engine->memory);
	xc_stream_done(&s->stream[XC_L7_SERVER], &s->engine->memory);
	s->is_closed = true;
}

struct xc_l7_want xc_session_want(const struct xc_session *s, enum xc_l7_dir dir)
{
	const struct xc_stream *st = &s->stream[dir];
	uint64_t skip = st->skip < SKIP_FAR ? st->skip : SKIP_FAR;

	if (s->is_stopped[dir] || s->is_closed)
		return (struct xc_l7_want){ .mode = XC_L7_WANT_NOTHING };
	if (skip)
		return (struct xc_l7_want){ .mode = XC_L7_WANT_SKIP,
					    .seq = st->next + (uint32_t)skip };
	return (struct xc_l7_want){ .mode = XC_L7_WANT_BYTES };
}

void xc_session_init(struct xc_session *s, struct xc_l7_engine *e, const struct xc_tuple *tuple,
		     bool knows_role)
{
	memset(s, 0, sizeof(*s));
	s->engine = e;
	s->tuple = *tuple;
	s->knows_role = knows_role;
	s->l7.is_datagram = tuple->proto != 6;
	s->l7.with_query = e->with_query;
	s->l7.server_port_he = tuple->dport_he;
}

void xc_session_speaks(struct xc_session *s, const struct xc_l7_proto *proto)
{
	drop_proto(s);
	take_proto(s, proto, AGREED);
}

void xc_session_done(struct xc_session *s)
{
	xc_session_close(s, s->now_ns);
	forget_all(s);
	drop_proto(s);
}

void xc_l7_engine_init(struct xc_l7_engine *e, xc_request_fn on_request, void *arg)
{
	*e = (struct xc_l7_engine){ .memory = { .max = 256u << 20 },
				    .max_open = MAX_OPEN_ALL,
				    .on_request = on_request,
				    .arg = arg };
}

void xc_l7_engine_done(struct xc_l7_engine *e)
{
	while (e->spare) {
		struct xc_request *r = e->spare;

		e->spare = r->next;
		xc_buf_done(&r->attrs);
		free(r);
	}
}
