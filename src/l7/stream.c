/* SPDX-License-Identifier: Apache-2.0 */
#include "l7/stream.h"

#include "model/net.h"

#include <stdlib.h>

#define N_MARKS 8

/* Bytes of an unfinished message, and when they came: marks[i] tells of the bytes before its end. */
struct xc_stream_held {
	uint32_t off;	/* bytes taken */
	uint32_t len, cap;
	uint32_t n_marks;
	struct {
		uint32_t end;
		uint64_t ns;
	} marks[N_MARKS];
	uint8_t bytes[];
};

/* A segment that came before its turn. */
struct xc_stream_early {
	struct xc_stream_early *next;
	uint64_t ns;
	uint32_t seq, wire, n;
	uint8_t bytes[];
};

static int32_t ahead(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

/* ---- memory ------------------------------------------------------------------------------------ */

static void *get(struct xc_stream_memory *m, size_t n)
{
	void *p = m->used + n <= m->max ? malloc(n) : NULL;

	if (p)
		m->used += n;
	return p;
}

static void put(struct xc_stream_memory *m, void *p, size_t n)
{
	m->used -= n;
	free(p);
}

static void free_early(struct xc_stream_early *e, struct xc_stream_memory *m)
{
	put(m, e, sizeof(*e) + e->n);
}

static void free_held(struct xc_stream *s, struct xc_stream_memory *m)
{
	if (s->held)
		put(m, s->held, sizeof(*s->held) + s->held->cap);
	s->held = NULL;
}

/* ---- what is held ------------------------------------------------------------------------------ */

static uint32_t n_held(const struct xc_stream *s)
{
	return s->held ? s->held->len : 0;
}

static bool make_room(struct xc_stream *s, size_t n, struct xc_stream_memory *m)
{
	struct xc_stream_held *old = s->held, *new;
	size_t len = old ? old->len : 0, cap = 512;

	if (old && len + n <= old->cap) {
		if (old->off + len + n > old->cap) {
			memmove(old->bytes, old->bytes + old->off, len);
			old->off = 0;
		}
		return true;
	}
	while (cap < len + n)
		cap *= 2;
	new = get(m, sizeof(*new) + cap);
	if (!new)
		return false;
	if (old) {
		*new = *old;
		memcpy(new->bytes, old->bytes + old->off, len);
	} else {
		new->len = new->n_marks = 0;
	}
	new->off = 0;
	new->cap = (uint32_t)cap;
	free_held(s, m);
	s->held = new;
	return true;
}

static void mark(struct xc_stream_held *h, uint64_t ns)
{
	if (h->n_marks && h->marks[h->n_marks - 1].ns == ns)
		h->n_marks--;	/* the same segment goes on */
	if (h->n_marks == N_MARKS) {
		/* too many to tell apart: the first stays, for the time of the first byte counts */
		memmove(h->marks + 1, h->marks + 2, sizeof(h->marks) - 2 * sizeof(h->marks[0]));
		h->n_marks--;
	}
	h->marks[h->n_marks].end = h->len;
	h->marks[h->n_marks++].ns = ns;
}

/* What is fresh goes behind what is held. False: there is no room for all of it. */
static bool hold(struct xc_stream *s, struct xc_stream_memory *m)
{
	size_t room = XC_STREAM_HELD_MAX - n_held(s);
	size_t n = s->fresh.len < room ? s->fresh.len : room;

	if (!s->fresh.len)
		return true;
	if (!n || !make_room(s, n, m))
		return false;
	memcpy(s->held->bytes + s->held->off + s->held->len, s->fresh.p, n);
	s->held->len += (uint32_t)n;
	mark(s->held, s->fresh_ns);
	s->fresh = xc_span_from(s->fresh, n);
	return !s->fresh.len;
}

static void take_held(struct xc_stream *s, uint32_t n, struct xc_stream_memory *m)
{
	struct xc_stream_held *h = s->held;
	uint32_t kept = 0;

	s->last_ns = xc_stream_ns(s, n - 1);
	if (n == h->len) {
		free_held(s, m);
		return;
	}
	h->len -= n;
	h->off += n;
	for (uint32_t i = 0; i < h->n_marks; i++) {
		if (h->marks[i].end <= n)
			continue;
		h->marks[kept] = h->marks[i];
		h->marks[kept++].end -= n;
	}
	h->n_marks = kept;
}

uint64_t xc_stream_ns(const struct xc_stream *s, size_t at)
{
	const struct xc_stream_held *h = s->held;

	for (uint32_t i = 0; h && i < h->n_marks; i++)
		if (at < h->marks[i].end)
			return h->marks[i].ns;
	return s->fresh.len || s->blank ? s->fresh_ns : s->last_ns;
}

/* ---- what came early ----------------------------------------------------------------------------- */

/* Behind the fresh bytes and the blank. */
static uint32_t end_of_known(const struct xc_stream *s)
{
	return s->next + n_held(s) + (uint32_t)s->fresh.len + (uint32_t)s->blank;
}

static void resent(struct xc_stream *s, uint64_t ns)
{
	s->n_resent++;
	s->resent_ns = ns;
}

uint64_t xc_stream_missing(const struct xc_stream *s)
{
	int32_t n;

	if (!s->is_started || s->early || !(s->has_fin || s->has_acked))
		return 0;
	n = ahead(s->has_fin ? s->fin : s->acked, end_of_known(s));
	if (n <= (s->has_fin ? 0 : 1))
		return 0;	/* a FIN nobody saw takes a number, too */
	return (uint64_t)n > s->skip ? (uint64_t)n - s->skip : 0;
}

/*
 * Patience begins when the receiver is known to have what we miss: an ACK can overtake its data, and before the ACK the
 * sender will repeat it. Data of the other side proves nothing.
 */
static void look_at_hole(struct xc_stream *s, uint64_t now_ns)
{
	bool is_hole = s->early ? ahead(s->acked, s->early->seq) >= 0 :
				  ahead(s->acked, s->next) > 0 && xc_stream_missing(s);

	if (!s->has_acked || !is_hole)
		s->hole_ns = 0;
	else if (!s->hole_ns)
		s->hole_ns = now_ns;
}

static void keep_early(struct xc_stream *s, const struct xc_segment *seg,
		       struct xc_stream_memory *m)
{
	struct xc_stream_early **at = &s->early, *e;

	while (*at && ahead((*at)->seq, seg->seq) < 0)
		at = &(*at)->next;
	if (*at && (*at)->seq == seg->seq && (*at)->wire >= seg->wire_bytes) {
		resent(s, seg->ts_ns);
		return;
	}
	e = s->n_early < XC_STREAM_EARLY_N &&
			    s->n_early_bytes + seg->n_bytes <= XC_STREAM_EARLY_MAX ?
		    get(m, sizeof(*e) + seg->n_bytes) :
		    NULL;
	if (!e) {
		m->n_refused += seg->n_bytes;
		s->is_full = true;
		return;
	}
	*e = (struct xc_stream_early){ .next = *at,
				       .ns = seg->ts_ns,
				       .seq = seg->seq,
				       .wire = seg->wire_bytes,
				       .n = seg->n_bytes };
	memcpy(e->bytes, seg->data, seg->n_bytes);
	*at = e;
	s->n_early++;
	s->n_early_bytes += e->n;
	look_at_hole(s, seg->ts_ns);
}

static struct xc_stream_early *pop_early(struct xc_stream *s)
{
	struct xc_stream_early *e = s->early;

	s->early = e->next;
	s->n_early--;
	s->n_early_bytes -= e->n;
	s->is_lossy &= s->early != NULL;
	s->hole_ns = 0;	/* look_at_hole() once it is known what comes next */
	return e;
}

/* @wire bytes from @p, of which @n were captured, come next, but for the first @old that are known. */
static void make_fresh(struct xc_stream *s, struct xc_span captured, uint32_t wire, uint32_t old)
{
	s->fresh = xc_span_from(captured, old);
	s->blank = wire - old - s->fresh.len;
}

/* Fresh bytes are used up and nothing is blank: the early ones whose turn has come follow. */
static bool refill(struct xc_stream *s, struct xc_stream_memory *m)
{
	if (s->taken && !s->fresh.len) {
		free_early(s->taken, m);
		s->taken = NULL;
	}
	while (s->early && !s->fresh.len && !s->blank) {
		uint32_t known = end_of_known(s);
		int32_t d = ahead(s->early->seq, known);
		struct xc_stream_early *e;

		if (d > 0)
			break;
		e = pop_early(s);
		if ((uint32_t)-d >= e->wire) {
			free_early(e, m);	/* other segments brought all of it */
			continue;
		}
		make_fresh(s, (struct xc_span){ e->bytes, e->n }, e->wire, (uint32_t)-d);
		s->fresh_ns = e->ns;
		s->taken = e;
		look_at_hole(s, s->seen_ns);
		return true;
	}
	look_at_hole(s, s->seen_ns);
	return false;
}

/* ---- the front ----------------------------------------------------------------------------------- */

/* @n bytes nobody looks at. */
static void passed(struct xc_stream *s, uint64_t n)
{
	s->skip -= s->skip == UINT64_MAX ? 0 : n;
	s->next += (uint32_t)n;
	s->n_bytes += n;
}

/* A hole within what is skipped is none. */
static void pass_hole(struct xc_stream *s, uint32_t n, uint64_t ns)
{
	if (s->passed[1] != s->next)
		s->passed[0] = s->next;
	passed(s, n);
	s->passed[1] = s->next;
	s->last_ns = ns;
}

/* Not repeated, but late: it was passed over before it came. */
static bool fills_passed(const struct xc_stream *s, const struct xc_segment *seg)
{
	return s->passed[0] != s->passed[1] && ahead(seg->seq, s->passed[0]) >= 0 &&
	       ahead(seg->seq + seg->wire_bytes, s->passed[1]) <= 0;
}

static bool is_untouched(const struct xc_stream *s)
{
	return !s->n_bytes && !n_held(s) && !s->fresh.len && !s->blank && !s->early;
}

static void start(struct xc_stream *s, const struct xc_segment *seg)
{
	bool is_syn = seg->tcp_flags & XC_TCP_SYN;
	uint32_t first = seg->seq + is_syn;

	if (s->is_started && is_syn && s->next - (uint32_t)s->n_bytes == first) {
		s->is_late = false;	/* repeated, or overtaken by data */
		return;
	}
	/* Data decides where a late stream begins: a keep-alive probe is one number behind. A SYN of another life is told
	 * apart by whoever keeps connections. */
	if (s->is_started &&
	    !(is_untouched(s) && (is_syn || (s->is_late && ahead(first, s->next) <= 1))))
		return;
	s->is_late = !is_syn;
	s->next = first;
	s->is_started = true;
}

void xc_stream_put(struct xc_stream *s, const struct xc_segment *seg, struct xc_stream_memory *m)
{
	struct xc_segment k = *seg;
	int32_t d;

	if (seg->tcp_flags & XC_TCP_RST)
		return;	/* its sequence number may be anything, its data is a message to humans */
	start(s, seg);
	s->seen_ns = seg->ts_ns;
	k.seq += !!(seg->tcp_flags & XC_TCP_SYN);
	if (seg->tcp_flags & XC_TCP_FIN) {
		s->has_fin = true;
		s->fin = k.seq + k.wire_bytes;
	}
	d = ahead(k.seq, end_of_known(s));
	if (d > 0 && s->skip >= (uint64_t)d && !s->early && end_of_known(s) == s->next) {
		pass_hole(s, (uint32_t)d, seg->ts_ns);	/* not even captured, perhaps */
		s->is_through = !s->skip;
		d = 0;
	}
	if (!k.wire_bytes)
		return;
	if (d > 0 || s->fresh.len || s->blank) {
		keep_early(s, &k, m);
		return;
	}
	if (d < 0 && !(d == -1 && k.wire_bytes == 1) &&	/* that is a keep-alive probe */
	    !fills_passed(s, &k))
		resent(s, k.ts_ns);
	if ((uint32_t)-d >= k.wire_bytes)
		return;
	s->fresh_ns = k.ts_ns;
	make_fresh(s, (struct xc_span){ k.data, k.n_bytes }, k.wire_bytes, (uint32_t)-d);
	if (s->hole_ns)
		look_at_hole(s, k.ts_ns);	/* this may be what was acknowledged */
}

void xc_stream_acked(struct xc_stream *s, uint32_t ack, uint64_t now_ns)
{
	if (!s->has_acked || ahead(ack, s->acked) > 0)
		s->acked = ack;
	s->has_acked = true;
	s->seen_ns = now_ns;
	look_at_hole(s, now_ns);
}

struct xc_span xc_stream_front(struct xc_stream *s, struct xc_stream_memory *m)
{
	(void)refill(s, m);
	if (!s->held)
		return s->fresh;
	while (s->fresh.len && hold(s, m))
		(void)refill(s, m);
	return (struct xc_span){ s->held->bytes + s->held->off, s->held->len };
}

void xc_stream_take(struct xc_stream *s, size_t n, struct xc_stream_memory *m)
{
	size_t old = n < n_held(s) ? n : n_held(s);

	if (!n)
		return;
	if (old)
		take_held(s, (uint32_t)old, m);
	if (n > old) {
		s->fresh = xc_span_from(s->fresh, n - old);
		s->last_ns = s->fresh_ns;
	}
	s->next += (uint32_t)n;
	s->n_bytes += n;
}

bool xc_stream_grow(struct xc_stream *s, struct xc_stream_memory *m)
{
	return hold(s, m) && refill(s, m) && s->fresh.len;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Bytes at the front that can be skipped now. */
static uint64_t skippable(const struct xc_stream *s, uint64_t now_ns)
{
	uint64_t hole;

	if (s->blank)
		return smaller(s->skip, s->blank);
	if (!s->early && s->skip == UINT64_MAX)
		return 0;	/* up to the end, of which nothing is there yet */
	hole = s->early ? (uint32_t)ahead(s->early->seq, s->next) : UINT64_MAX;
	/* one that goes on behind what is skipped may still be filled */
	return hole <= s->skip ? hole : xc_stream_is_lost(s, now_ns) ? s->skip : 0;
}

bool xc_stream_pass(struct xc_stream *s, uint64_t now_ns, struct xc_stream_memory *m)
{
	bool has_passed = s->is_through;

	s->is_through = false;
	while (s->skip) {
		uint64_t n;

		(void)refill(s, m);
		n = smaller(s->skip, n_held(s) + s->fresh.len);
		if (n) {
			s->skip -= s->skip == UINT64_MAX ? 0 : n;
			xc_stream_take(s, n, m);
			has_passed = true;
			continue;
		}
		n = skippable(s, now_ns);
		if (!n)
			break;
		if (s->blank) {
			s->blank -= n;
			s->last_ns = s->fresh_ns;
			passed(s, n);
		} else {
			pass_hole(s, (uint32_t)n, s->early ? s->early->ns : s->seen_ns);
		}
		has_passed = true;
	}
	return has_passed && !s->skip;
}

bool xc_stream_is_lost(const struct xc_stream *s, uint64_t now_ns)
{
	if (s->fresh.len)
		return false;
	if (s->blank)
		return true;
	if (s->is_full && xc_stream_waits(s))
		return true;
	if (!s->hole_ns)
		return false;
	return s->is_lossy || now_ns >= s->hole_ns + XC_STREAM_PATIENCE_NS;
}

uint64_t xc_stream_jump(struct xc_stream *s, struct xc_stream_memory *m)
{
	uint64_t n = n_held(s) + s->fresh.len + s->blank;
	bool is_hole = xc_stream_waits(s) && !s->fresh.len && !s->blank;

	m->n_refused += s->fresh.len;	/* still fresh: there was no room to hold it */
	free_held(s, m);
	s->next += (uint32_t)n;
	s->fresh.len = 0;
	s->blank = 0;
	s->last_ns = s->fresh_ns;
	if (is_hole) {
		uint32_t hole = s->early ? (uint32_t)ahead(s->early->seq, s->next) :
					   (uint32_t)xc_stream_missing(s);

		n += hole;
		s->next += hole;
	}
	s->n_bytes += n;
	s->is_full = false;
	look_at_hole(s, s->seen_ns);
	(void)refill(s, m);
	return n;
}

void xc_stream_rest(struct xc_stream *s, struct xc_stream_memory *m)
{
	if (s->fresh.len && !s->taken && !hold(s, m)) {
		m->n_refused += s->fresh.len;
		s->blank += s->fresh.len;	/* lost after all */
		s->fresh.len = 0;
	}
	(void)refill(s, m);
}

void xc_stream_done(struct xc_stream *s, struct xc_stream_memory *m)
{
	while (s->early)
		free_early(pop_early(s), m);
	if (s->taken)
		free_early(s->taken, m);
	s->taken = NULL;
	s->fresh.len = 0;
	s->blank = 0;
	free_held(s, m);
}
