/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/table.h"

#include "base/index.h"
#include "model/net.h"

#include <errno.h>
#include <stdlib.h>

#define TICK_NS 50000000ull	/* how often a connection that waits for something is looked at */
#define TELL_BYTES                                                                                 \
	1024 /* of the kernel's budget (abi/segment.h); what is shorter is never told of */
#define TWIN_SEQ (1 << 20)	/* two ends of one connection are never further apart */
#define HUSK_NS                                                                                    \
	10000000000ull /* late segments of a connection that is over are none of a new one */

struct entry {
	struct xc_l7_conn c;	/* first member */
	uint32_t slot;
	uint64_t hash;
	struct entry *older, *newer;	/* of the same queue */
	struct entry *prev, *next;	/* those that wait for time to pass */
	bool is_waiting;
	bool is_husk;		/* over, and told so */
	bool is_swapped;	/* the ends have changed places since it was opened */
	struct xc_l7_want told[2];
	bool has_told[2];
};

struct queue {
	struct entry *oldest, *newest;
};

struct xc_l7_table {
	struct xc_l7_table_cfg cfg;
	struct xc_l7_engine engine;
	struct xc_index index;
	struct entry **slots;
	uint32_t *free_slots, n_free;
	struct queue live, husks;	/* by latest segment */
	struct entry *waiting;
	uint64_t now_ns, tick_ns, cleanup_ns;
	struct xc_l7_table_stats stats;
};

/* ---- finding ------------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct xc_tuple *t)
{
	struct xc_tuple k = *t;

	k._pad0[0] = k._pad0[1] = k._pad0[2] = 0;
	/* both directions alike */
	if (memcmp(k.saddr, k.daddr, 16) > 0 ||
	    (!memcmp(k.saddr, k.daddr, 16) && k.sport_he > k.dport_he))
		k = xc_tuple_swap(&k);
	return xc_hash(&k, sizeof(k));
}

static bool is_same_flow(const struct xc_tuple *a, const struct xc_tuple *b)
{
	struct xc_tuple swapped = xc_tuple_swap(b);

	return xc_tuple_equal(a, b) || xc_tuple_equal(a, &swapped);
}

/* Is @seg seen by the other end of @c, or on the way? What the one sends the other receives. */
static bool is_twin(const struct xc_l7_conn *c, const struct xc_segment *seg)
{
	const struct xc_session *s = &c->session;
	bool from_client = xc_tuple_equal(&seg->tuple, &s->tuple);
	const struct xc_stream *st = &s->stream[from_client ? XC_L7_CLIENT : XC_L7_SERVER];
	int32_t apart = (int32_t)(seg->seq - st->next);

	if (xc_is_socket(c->cookie) && xc_is_socket(seg->cookie) &&
	    (c->peer_cookie || c->is_outbound == (from_client == seg->is_outbound)))
		return false;
	if (c->netns != seg->netns && xc_addr_is_loopback(seg->tuple.daddr))
		return false;
	return seg->tuple.proto != 6 || !st->is_started || (apart > -TWIN_SEQ && apart < TWIN_SEQ);
}

static struct entry *find(const struct xc_l7_table *t, const struct xc_tuple *tuple,
			  uint64_t cookie)
{
	uint64_t hash = hash_of(tuple);

	for (uint32_t i = xc_index_first(&t->index, hash); i != XC_INDEX_END;
	     i = xc_index_next(&t->index, i)) {
		struct entry *e = t->slots[i];

		if ((e->c.cookie == cookie || (cookie && e->c.peer_cookie == cookie)) &&
		    is_same_flow(&e->c.session.tuple, tuple))
			return e;
	}
	return NULL;
}

static struct entry *find_twin(const struct xc_l7_table *t, const struct xc_segment *seg)
{
	uint64_t hash = hash_of(&seg->tuple);

	for (uint32_t i = xc_index_first(&t->index, hash); i != XC_INDEX_END;
	     i = xc_index_next(&t->index, i)) {
		struct entry *e = t->slots[i];

		if (is_same_flow(&e->c.session.tuple, &seg->tuple) && is_twin(&e->c, seg))
			return e;
	}
	return NULL;
}

struct xc_l7_conn *xc_l7_table_find(const struct xc_l7_table *t, const struct xc_tuple *tuple,
				    uint64_t cookie)
{
	struct entry *e = find(t, tuple, cookie);

	return e ? &e->c : NULL;
}

struct xc_l7_conn *xc_l7_table_find_flow(const struct xc_l7_table *t, const struct xc_tuple *tuple)
{
	uint64_t hash = hash_of(tuple);

	for (uint32_t i = xc_index_first(&t->index, hash); i != XC_INDEX_END;
	     i = xc_index_next(&t->index, i))
		if (!t->slots[i]->is_husk && is_same_flow(&t->slots[i]->c.session.tuple, tuple))
			return &t->slots[i]->c;
	return NULL;
}

/* ---- lists ----------------------------------------------------------------------------------------- */

static void leave(struct queue *q, struct entry *e)
{
	*(e->older ? &e->older->newer : &q->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &q->newest) = e->older;
	e->older = e->newer = NULL;
}

static void join(struct queue *q, struct entry *e)
{
	e->older = q->newest;
	e->newer = NULL;
	*(q->newest ? &q->newest->newer : &q->oldest) = e;
	q->newest = e;
}

static void stop_waiting(struct xc_l7_table *t, struct entry *e)
{
	if (!e->is_waiting)
		return;
	*(e->prev ? &e->prev->next : &t->waiting) = e->next;
	if (e->next)
		e->next->prev = e->prev;
	e->prev = e->next = NULL;
	e->is_waiting = false;
}

static void wait_if_needed(struct xc_l7_table *t, struct entry *e)
{
	const struct xc_session *s = &e->c.session;
	bool has_holes = xc_stream_waits(&s->stream[0]) || xc_stream_waits(&s->stream[1]);
	bool can_time_out = s->first && s->l7.proto && s->l7.proto->timeout_ns;

	if (!has_holes && !can_time_out) {
		stop_waiting(t, e);
		return;
	}
	if (e->is_waiting)
		return;
	e->is_waiting = true;
	e->prev = NULL;
	e->next = t->waiting;
	if (t->waiting)
		t->waiting->prev = e;
	t->waiting = e;
}

/* ---- one connection ---------------------------------------------------------------------------------- */

/* Content may have told that the ends are the other way round. */
static void follow_swap(struct entry *e)
{
	struct xc_l7_want told = e->told[0];

	if (e->is_swapped == e->c.session.is_swapped)
		return;
	e->is_swapped = e->c.session.is_swapped;
	e->c.is_outbound = !e->c.is_outbound;
	e->told[0] = e->told[1];
	e->told[1] = told;
	e->has_told[0] = e->has_told[1] = false;
}

static void on_request(void *arg, struct xc_session *s, const struct xc_request *r,
		       enum xc_request_stage stage)
{
	struct xc_l7_table *t = arg;

	follow_swap((struct entry *)s);
	if (t->cfg.events->request)
		t->cfg.events->request(t->cfg.arg, (struct xc_l7_conn *)s, r, stage);
}

/* The last word about @e. What remains of it keeps late segments from opening it again. */
static void make_husk(struct xc_l7_table *t, struct entry *e, bool is_timeout)
{
	struct xc_session *s = &e->c.session;

	xc_session_close(s, t->now_ns);
	if (t->cfg.events->closed)
		t->cfg.events->closed(t->cfg.arg, &e->c, is_timeout);
	xc_session_done(s);
	stop_waiting(t, e);
	leave(&t->live, e);
	e->is_husk = true;
	join(&t->husks, e);
	t->stats.n_conns--;
}

static void remove_entry(struct xc_l7_table *t, struct entry *e, bool is_timeout)
{
	if (!e->is_husk)
		make_husk(t, e, is_timeout);
	leave(&t->husks, e);
	xc_index_del(&t->index, e->hash, e->slot);
	t->slots[e->slot] = NULL;
	t->free_slots[t->n_free++] = e->slot;
	free(e);
}

void xc_l7_table_close(struct xc_l7_table *t, struct xc_l7_conn *c, uint64_t now_ns)
{
	struct entry *e = (struct entry *)c;

	if (now_ns > t->now_ns)
		t->now_ns = now_ns;
	if (c->peer_cookie && !e->is_husk)
		make_husk(t, e, false);	/* the other end still has something to send */
	else
		remove_entry(t, e, false);
}

/* Who is the client, as far as the first segment tells: the sender of a SYN, the receiver of a SYN-ACK, else who has
 * the higher port. */
static bool sender_is_client(const struct xc_segment *seg, bool *ret_is_known)
{
	uint8_t flags = seg->tcp_flags;

	*ret_is_known = seg->tuple.proto == 6 && (flags & XC_TCP_SYN);
	if (*ret_is_known)
		return !(flags & XC_TCP_ACK);
	return seg->tuple.sport_he >= seg->tuple.dport_he;
}

static struct entry *add(struct xc_l7_table *t, const struct xc_segment *seg)
{
	struct entry *e = calloc(1, sizeof(*e));
	bool knows_role, is_client = sender_is_client(seg, &knows_role);
	struct xc_tuple tuple = is_client ? seg->tuple : xc_tuple_swap(&seg->tuple);

	if (!e) {
		t->stats.n_no_memory++;
		return NULL;
	}
	if (!t->n_free && t->husks.oldest)
		remove_entry(t, t->husks.oldest, false);
	if (!t->n_free) {
		t->stats.n_evicted++;
		remove_entry(t, t->live.oldest, true);
	}
	xc_session_init(&e->c.session, &t->engine, &tuple, knows_role);
	e->c.session.cookie = e->c.cookie = seg->cookie;
	e->c.netns = seg->netns;
	e->c.is_outbound = is_client == seg->is_outbound;
	e->c.session.first_ns = e->c.session.now_ns = seg->ts_ns;
	e->slot = t->free_slots[--t->n_free];
	e->hash = hash_of(&tuple);
	t->slots[e->slot] = e;
	xc_index_add(&t->index, e->hash, e->slot);
	join(&t->live, e);
	t->stats.n_conns++;
	t->stats.n_opened++;
	if (t->cfg.events->opened)
		t->cfg.events->opened(t->cfg.arg, &e->c, seg);
	return e;
}

/* The same addresses and ports, but another connection: a SYN with another sequence number. */
static bool is_new_life(const struct xc_l7_conn *c, const struct xc_segment *seg)
{
	const struct xc_session *s = &c->session;
	bool from_client = xc_tuple_equal(&seg->tuple, &s->tuple);
	const struct xc_stream *st = &s->stream[from_client ? XC_L7_CLIENT : XC_L7_SERVER];

	if (seg->tuple.proto != 6 || !(seg->tcp_flags & XC_TCP_SYN))
		return false;
	if (s->is_closed)
		return !(seg->tcp_flags & XC_TCP_ACK);
	if (st->is_started && st->next - (uint32_t)st->n_bytes == seg->seq + 1)
		return false;	/* repeated */
	if (seg->tcp_flags & XC_TCP_ACK)
		return st->n_bytes > 0;	/* its SYN may have been lost */
	return st->is_started || s->l7.is_late[XC_L7_CLIENT] || s->l7.is_late[XC_L7_SERVER];
}

/*
 * @seg is of the flow of @e, seen elsewhere. A socket knows more than whoever passes packets on, and takes over: both tell
 * the same bytes. Return: the cookie from which nothing is wanted any more.
 */
static uint64_t meet_twin(struct entry *e, const struct xc_segment *seg)
{
	struct xc_l7_conn *c = &e->c;
	uint64_t cookie = c->cookie;

	if (!xc_is_socket(cookie) && xc_is_socket(seg->cookie) && !e->is_husk) {
		c->session.cookie = c->cookie = seg->cookie;
		c->netns = seg->netns;
		c->is_outbound = xc_tuple_equal(&seg->tuple, &c->session.tuple) == seg->is_outbound;
		e->told[0] = e->told[1] = (struct xc_l7_want){ 0 };
		e->has_told[0] = e->has_told[1] = false;
		return cookie;
	}
	if (xc_is_socket(seg->cookie) && !c->peer_cookie) {
		c->peer_cookie = seg->cookie;
		c->peer_netns = seg->netns;
	}
	return seg->cookie;
}

static struct entry *entry_for(struct xc_l7_table *t, const struct xc_segment *seg)
{
	struct entry *e = find(t, &seg->tuple, seg->cookie);
	uint64_t other;

	if (e && seg->cookie == e->c.cookie && is_new_life(&e->c, seg)) {
		remove_entry(t, e, false);
		e = NULL;
	}
	if (e || !seg->cookie)
		return e ? e : add(t, seg);
	e = find_twin(t, seg);
	if (!e)
		return seg->is_silent ? NULL : add(t, seg);
	other = meet_twin(e, seg);
	if (t->cfg.events->twin)
		t->cfg.events->twin(t->cfg.arg, &e->c, other,
				    seg->is_silent && other == seg->cookie);
	return e;
}

/* The kernel hands over so much before it is told anything; short conversations never tell it. */
static bool is_news(const struct entry *e, int dir, struct xc_l7_want w)
{
	if (w.mode != e->told[dir].mode || w.seq != e->told[dir].seq)
		return true;
	return !e->has_told[dir] && e->c.session.stream[dir].n_bytes >= TELL_BYTES;
}

static void tell_wants(struct xc_l7_table *t, struct entry *e)
{
	follow_swap(e);
	if (!t->cfg.events->want || e->c.session.is_closed)
		return;
	for (int dir = 0; dir < 2; dir++) {
		struct xc_l7_want w = xc_session_want(&e->c.session, dir);

		if (!is_news(e, dir, w))
			continue;
		e->told[dir] = w;
		e->has_told[dir] = true;
		t->cfg.events->want(t->cfg.arg, &e->c, dir, w);
	}
}

static bool is_over(const struct xc_session *s)
{
	return s->is_closed || (s->has_ended[XC_L7_CLIENT] && s->has_ended[XC_L7_SERVER]);
}

struct xc_l7_conn *xc_l7_table_feed(struct xc_l7_table *t, const struct xc_segment *seg)
{
	struct entry *e = entry_for(t, seg);

	if (seg->ts_ns > t->now_ns)
		t->now_ns = seg->ts_ns;
	if (!e || e->is_husk || e->c.cookie != seg->cookie)
		return NULL;
	if (e != t->live.newest) {
		leave(&t->live, e);
		join(&t->live, e);
	}
	if (seg->has_lost)
		xc_session_lost(&e->c.session);
	xc_session_feed(&e->c.session, seg);
	tell_wants(t, e);
	wait_if_needed(t, e);
	if (xc_is_socket(e->c.cookie) || !is_over(&e->c.session))
		return &e->c;
	make_husk(t, e, false);	/* no socket tells when it is gone */
	return NULL;
}

void xc_l7_table_close_socket(struct xc_l7_table *t, const struct xc_tuple *tuple, uint64_t cookie,
			      uint64_t now_ns)
{
	struct xc_l7_conn *c = xc_l7_table_find(t, tuple, cookie);

	if (c && c->cookie == cookie)
		xc_l7_table_close(t, c, now_ns);
}

void xc_l7_table_touch(struct xc_l7_table *t, struct xc_l7_conn *c, uint64_t now_ns)
{
	struct entry *e = (struct entry *)c;

	if (now_ns > t->now_ns)
		t->now_ns = now_ns;
	if (e->is_husk)
		return;
	c->session.last_ns = t->now_ns;
	leave(&t->live, e);
	join(&t->live, e);
}

/* ---- time ---------------------------------------------------------------------------------------------- */

static uint64_t silent_ns(const struct xc_l7_table *t, const struct entry *e)
{
	uint64_t last_ns = e->c.session.last_ns;

	return last_ns < t->now_ns ? t->now_ns - last_ns : 0;
}

static void clean_up(struct xc_l7_table *t)
{
	while (t->live.oldest && silent_ns(t, t->live.oldest) > t->cfg.timeout_ns) {
		t->stats.n_timed_out++;
		remove_entry(t, t->live.oldest, true);
	}
	while (t->husks.oldest && silent_ns(t, t->husks.oldest) > HUSK_NS)
		remove_entry(t, t->husks.oldest, false);
	t->cleanup_ns = t->now_ns + t->cfg.cleanup_ns;
}

void xc_l7_table_tick(struct xc_l7_table *t, uint64_t now_ns)
{
	if (now_ns > t->now_ns)
		t->now_ns = now_ns;
	if (t->now_ns >= t->tick_ns) {
		for (struct entry *e = t->waiting, *next; e; e = next) {
			next = e->next;
			xc_session_tick(&e->c.session, t->now_ns);
			tell_wants(t, e);
			wait_if_needed(t, e);
		}
		t->tick_ns = t->now_ns + TICK_NS;
	}
	if (t->now_ns >= t->cleanup_ns)
		clean_up(t);
}

uint64_t xc_l7_table_deadline(const struct xc_l7_table *t)
{
	if (t->waiting)
		return t->tick_ns;
	return t->live.oldest || t->husks.oldest ? t->cleanup_ns : UINT64_MAX;
}

struct xc_l7_conn *xc_l7_table_next(struct xc_l7_table *t, struct xc_l7_conn *c)
{
	struct entry *e = c ? ((struct entry *)c)->newer : t->live.oldest;

	return e ? &e->c : NULL;
}

void xc_l7_table_get_stats(const struct xc_l7_table *t, struct xc_l7_table_stats *ret_stats)
{
	*ret_stats = t->stats;
	ret_stats->l7 = t->engine.stats;
	ret_stats->bytes_held = t->engine.memory.used;
	ret_stats->bytes_refused = t->engine.memory.n_refused;
}

/* ---- the table ------------------------------------------------------------------------------------------ */

void xc_l7_table_free(struct xc_l7_table *t)
{
	if (!t)
		return;
	while (t->live.oldest)
		remove_entry(t, t->live.oldest, true);
	while (t->husks.oldest)
		remove_entry(t, t->husks.oldest, true);
	xc_l7_engine_done(&t->engine);
	xc_index_done(&t->index);
	free(t->slots);
	free(t->free_slots);
	free(t);
}

XC_DEFINE_FREEP(struct xc_l7_table, xc_l7_table_free)

int xc_l7_table_new(const struct xc_l7_table_cfg *cfg, struct xc_l7_table **ret_table)
{
	_cleanup_(xc_l7_table_freep) struct xc_l7_table *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->cfg = *cfg;
	xc_l7_engine_init(&t->engine, on_request, t);
	t->engine.with_query = cfg->with_query;
	t->engine.off = cfg->off;
	t->engine.ports = cfg->ports;
	t->slots = calloc(cfg->max_conns, sizeof(*t->slots));
	t->free_slots = calloc(cfg->max_conns, sizeof(*t->free_slots));
	r = xc_index_init(&t->index, cfg->max_conns);
	if (r || !t->slots || !t->free_slots)
		return -ENOMEM;
	for (uint32_t i = cfg->max_conns; i > 0; i--)
		t->free_slots[t->n_free++] = i - 1;
	*ret_table = TAKE_PTR(t);
	return 0;
}
