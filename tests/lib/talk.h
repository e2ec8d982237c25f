/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A conversation as a test writes it down, what the L7 engine reads from it, and the properties every
 * parser must have: however the bytes are cut, repeated, reordered, lost or joined late, what is told is what
 * the undisturbed conversation tells, or it is flagged.
 */
#pragma once

#include "l7/table.h"
#include "model/net.h"

#include <stdio.h>

#define TALK_MESSAGES 256
#define TALK_TEXT 262144
#define TALK_DOUBT                                                                                 \
	(XC_REQUEST_JOINED_LATE | XC_REQUEST_TRUNCATED | XC_REQUEST_GAP |                          \
	 XC_REQUEST_UNKNOWN_FIELDS | XC_REQUEST_INFERRED_STATUS)

/* One piece of a conversation: a segment, or a datagram. */
struct talk_message {
	enum xc_l7_dir dir;
	const uint8_t *p;
	size_t n;
	size_t n_cap;	/* captured of it; n = all */
};

struct talk {
	const struct xc_l7_proto *only;	/* NULL = detection decides among all */
	bool is_datagram;
	bool without_start;	/* no SYN, no FIN */
	uint16_t port;		/* of the server; 0 = 7777 */
	size_t n;
	struct talk_message m[TALK_MESSAGES];
};

/* Segments as they go over the wire, in the order they arrive. */
struct talk_wire {
	size_t n;
	struct xc_segment *seg;
};

/** Add what one side says; @p must live as long as the talk. */
static inline void talk_say(struct talk *t, enum xc_l7_dir dir, const void *p, size_t n)
{
	assert_true(t->n < TALK_MESSAGES);
	t->m[t->n++] = (struct talk_message){ dir, p, n, n };
}

#define TALK_C(t, text) talk_say(t, XC_L7_CLIENT, text, sizeof(text) - 1)
#define TALK_S(t, text) talk_say(t, XC_L7_SERVER, text, sizeof(text) - 1)

/* ---- what is read, as text: one line for each answer, abandoned request or notice ------------------- */

struct talk_out {
	char text[TALK_TEXT];
	size_t n;
	size_t n_lines;
};

static void talk_line(struct talk_out *o, const struct xc_request *r, enum xc_request_stage stage)
{
	static const char *const stages[] = { "?", "sent", "answered", "abandoned", "notice" };
	const char *value;

	o->n += (size_t)snprintf(o->text + o->n, sizeof(o->text) - o->n, "%s|%s|%llu|%s|%s|",
				 stages[stage], r->protocol, (unsigned long long)r->id, r->method,
				 r->target);
	if (r->status != XC_STATUS_NONE)
		o->n += (size_t)snprintf(o->text + o->n, sizeof(o->text) - o->n, "%d %s", r->status,
					 r->status_text);
	o->n += (size_t)snprintf(o->text + o->n, sizeof(o->text) - o->n, "|%s",
				 xc_result_str(r->result));
	for (const char *k = xc_request_next(r, NULL, &value); k; k = xc_request_next(r, k, &value))
		o->n += (size_t)snprintf(o->text + o->n, sizeof(o->text) - o->n, "|%s=%s", k,
					 value);
	o->n += (size_t)snprintf(o->text + o->n, sizeof(o->text) - o->n, "\n");
	o->n_lines++;
	assert_true(o->n < sizeof(o->text) - 8192);
}

struct talk_reader {
	struct talk_out *out;
	bool with_doubt;	/* requests that are flagged are written, too */
	bool with_sent;
};

static void talk_on_request(void *arg, struct xc_session *s, const struct xc_request *r,
			    enum xc_request_stage stage)
{
	struct talk_reader *t = arg;

	(void)s;
	assert_non_null(r->protocol);
	assert_true(r->confidence <= 100);
	if (stage == XC_REQUEST_SENT && !t->with_sent)
		return;
	if ((r->flags & TALK_DOUBT) && !t->with_doubt)
		return;
	talk_line(t->out, r, stage);
}

/* ---- the wire ---------------------------------------------------------------------------------------- */

static struct xc_tuple talk_tuple(const struct talk *t)
{
	struct xc_tuple k = { .sport_he = 40000,
			      .dport_he = t->port ? t->port : 7777,
			      .proto = t->is_datagram ? 17 : 6 };

	memcpy(k.saddr, (const uint8_t[16]){ [10] = 255, [11] = 255, [12] = 10, [15] = 1 }, 16);
	memcpy(k.daddr, (const uint8_t[16]){ [10] = 255, [11] = 255, [12] = 10, [15] = 2 }, 16);
	return k;
}

static void talk_put(struct talk_wire *w, const struct talk *t, const struct talk_message *m,
		     uint32_t seq[2])
{
	struct xc_tuple k = talk_tuple(t), back = k;

	memcpy(back.saddr, k.daddr, 16);
	memcpy(back.daddr, k.saddr, 16);
	back.sport_he = k.dport_he;
	back.dport_he = k.sport_he;
	w->seg = realloc(w->seg, (w->n + 1) * sizeof(*w->seg));
	assert_non_null(w->seg);
	w->seg[w->n++] = (struct xc_segment){ .tuple = m->dir == XC_L7_CLIENT ? k : back,
					      .seq = seq[m->dir],
					      .ack = seq[!m->dir],
					      .tcp_flags = t->is_datagram ? 0 : XC_TCP_ACK,
					      .wire_bytes = (uint32_t)m->n,
					      .n_bytes = (uint32_t)m->n_cap,
					      .data = m->p };
	seq[m->dir] += (uint32_t)m->n;
}

static void talk_put_flags(struct talk_wire *w, const struct talk *t, enum xc_l7_dir dir,
			   uint32_t seq[2], uint8_t flags)
{
	struct talk_message m = { .dir = dir };

	talk_put(w, t, &m, seq);
	w->seg[w->n - 1].tcp_flags = flags;
	seq[dir]++;
}

/** Each message one segment, but @cut_at bytes into message @cut there are two; @cut = SIZE_MAX: none; @by: pieces of so many bytes, 0 = whole. */
static struct talk_wire talk_wire(const struct talk *t, size_t cut, size_t cut_at, size_t by)
{
	struct talk_wire w = { 0 };
	uint32_t seq[2] = { 0xfffffff0u, 0x7ffffff8u };	/* both wrap soon */
	bool has_ends = !t->is_datagram && !t->without_start;

	if (has_ends) {
		talk_put_flags(&w, t, XC_L7_CLIENT, seq, XC_TCP_SYN);
		talk_put_flags(&w, t, XC_L7_SERVER, seq, XC_TCP_SYN | XC_TCP_ACK);
	}
	for (size_t i = 0; i < t->n; i++) {
		struct talk_message m = t->m[i], rest = m;

		for (size_t n; rest.n; rest.p += n, rest.n -= n) {
			n = i == cut && rest.n == m.n && cut_at && cut_at < m.n ? cut_at : rest.n;
			n = by && by < n ? by : n;
			m = rest;
			m.n = m.n_cap = n;
			if (t->m[i].n_cap < t->m[i].n) {	/* what is not captured is at the end */
				size_t off = (size_t)(rest.p - t->m[i].p);

				m.n_cap = t->m[i].n_cap > off ? t->m[i].n_cap - off : 0;
				m.n_cap = m.n_cap < n ? m.n_cap : n;
			}
			talk_put(&w, t, &m, seq);
			m = t->m[i];
		}
	}
	if (has_ends) {
		talk_put_flags(&w, t, XC_L7_CLIENT, seq, XC_TCP_FIN | XC_TCP_ACK);
		talk_put_flags(&w, t, XC_L7_SERVER, seq, XC_TCP_FIN | XC_TCP_ACK);
	}
	for (size_t i = 0; i < w.n; i++)
		w.seg[i].ts_ns = (i + 1) * 1000000;
	return w;
}

/** Read a wire. Every segment's data ends at its own end of memory, so that a sanitizer sees one byte too many. */
static void talk_read(const struct talk *t, const struct talk_wire *w,
		      const struct talk_reader *how, struct talk_out *out)
{
	struct xc_l7_engine engine;
	struct xc_session s;
	struct xc_tuple tuple = talk_tuple(t);
	struct talk_reader reader = *how;

	out->n = out->n_lines = 0;
	out->text[0] = '\0';
	reader.out = out;
	xc_l7_engine_init(&engine, talk_on_request, &reader);
	engine.only = t->only;
	xc_session_init(&s, &engine, &tuple, !t->without_start);
	if (t->only && !t->only->detect)
		xc_session_speaks(&s, t->only);
	for (size_t i = 0; i < w->n; i++) {
		struct xc_segment seg = w->seg[i];
		uint8_t *copy = malloc(seg.n_bytes ? seg.n_bytes : 1);

		assert_non_null(copy);
		if (seg.n_bytes)
			memcpy(copy, seg.data, seg.n_bytes);
		seg.data = copy;
		xc_session_feed(&s, &seg);
		free(copy);
	}
	xc_session_tick(&s, s.now_ns + 60000000000ull);
	xc_session_done(&s);
	assert_int_equal(engine.memory.used, 0);
	assert_int_equal(engine.n_open, 0);
	xc_l7_engine_done(&engine);
}

/** The undisturbed conversation as text; with_sent also what is asked. @out->text is what was read. */
static inline void talk_plain(const struct talk *t, struct talk_out *out)
{
	struct talk_wire w = talk_wire(t, SIZE_MAX, 0, 0);
	struct talk_reader how = { .with_doubt = true };

	talk_read(t, &w, &how, out);
	free(w.seg);
}

/* ---- properties -------------------------------------------------------------------------------------- */

static bool talk_has_line(const struct talk_out *o, const char *line, size_t n)
{
	for (const char *at = o->text; *at; at += strcspn(at, "\n") + 1)
		if (strcspn(at, "\n") == n && !memcmp(at, line, n))
			return true;
	return false;
}

/* Every line without doubt must be one of the undisturbed conversation. */
static void talk_check_subset(const struct talk_out *got, const struct talk_out *want,
			      const char *what, size_t i)
{
	for (const char *at = got->text; *at; at += strcspn(at, "\n") + 1) {
		size_t n = strcspn(at, "\n");

		/* a request that was never answered in what could be seen is no wrong value */
		if (!strncmp(at, "abandoned|", 10) || talk_has_line(want, at, n))
			continue;
		fail_msg("%s %zu: told without doubt\n  %.*s\nbut undisturbed\n%s", what, i, (int)n,
			 at, want->text);
	}
}

static void talk_check_equal(const struct talk_out *got, const struct talk_out *want,
			     const char *what, size_t i)
{
	if (strcmp(got->text, want->text))
		fail_msg("%s %zu: got\n%sbut undisturbed\n%s", what, i, got->text, want->text);
}

/* What all the checks of one talk share. */
struct talk_check {
	const struct talk *t;
	const struct talk_out *want;
	struct talk_out *got;
	struct talk_wire w;	/* undisturbed */
	size_t first;	/* segment with content */
};

static const struct talk_reader talk_all = { .with_doubt = true }, talk_sure = { 0 };

static struct talk_wire talk_copy(const struct talk_wire *w)
{
	struct talk_wire x = { .n = w->n, .seg = malloc((w->n + 1) * sizeof(*x.seg)) };

	assert_non_null(x.seg);
	memcpy(x.seg, w->seg, w->n * sizeof(*x.seg));
	return x;
}

static void talk_remove(struct talk_wire *w, size_t i)
{
	memmove(w->seg + i, w->seg + i + 1, (w->n - i - 1) * sizeof(*w->seg));
	w->n--;
}

static void talk_swap(struct talk_wire *w, size_t i)
{
	struct xc_segment a = w->seg[i];

	w->seg[i] = w->seg[i + 1];
	w->seg[i + 1] = a;
}

static void talk_check_repeated(const struct talk_check *c)
{
	for (size_t i = c->first; i < c->w.n; i++) {
		struct talk_wire x = talk_copy(&c->w);

		memmove(x.seg + i + 1, x.seg + i, (x.n - i) * sizeof(*x.seg));
		x.n++;
		talk_read(c->t, &x, &talk_all, c->got);
		talk_check_equal(c->got, c->want, "repeated segment", i);
		free(x.seg);
	}
}

/* Neighbours of one direction change places. */
static void talk_check_reordered(const struct talk_check *c)
{
	for (size_t i = c->first; i + 1 < c->w.n; i++) {
		struct talk_wire x = talk_copy(&c->w);

		if (x.seg[i].tuple.sport_he == x.seg[i + 1].tuple.sport_he) {
			talk_swap(&x, i);
			talk_read(c->t, &x, &talk_all, c->got);
			talk_check_equal(c->got, c->want, "reordered segments", i);
		}
		free(x.seg);
	}
}

/*
 * Segment @k of @w is lost for good; the peer acknowledges it all the same. Once the conversation is over before the hole
 * is given up, once it goes on behind it.
 */
static void talk_check_loss(const struct talk_check *c, const struct talk_wire *w, size_t k,
			    const char *what, size_t at)
{
	struct talk_wire x = talk_copy(w);

	talk_remove(&x, k);
	talk_read(c->t, &x, &talk_sure, c->got);
	talk_check_subset(c->got, c->want, what, at);
	for (size_t i = 0; i < x.n; i++)
		x.seg[i].ts_ns = (i + 1) * (XC_STREAM_PATIENCE_NS + 1);
	talk_read(c->t, &x, &talk_sure, c->got);
	talk_check_subset(c->got, c->want, what, at);
	free(x.seg);
}

static void talk_check_lost(const struct talk_check *c)
{
	for (size_t i = c->first; i < c->w.n; i++)
		talk_check_loss(c, &c->w, i, "lost segment", i);
}

static void talk_check_joined_late(const struct talk_check *c)
{
	struct talk late = *c->t;

	late.without_start = true;
	for (size_t i = c->first; i < c->w.n; i++) {
		struct talk_wire x = { .n = c->w.n - i, .seg = c->w.seg + i };

		talk_read(&late, &x, &talk_sure, c->got);
		talk_check_subset(c->got, c->want, "joined at segment", i);
	}
}

static void talk_check_pieces(const struct talk_check *c)
{
	for (size_t by = 1; by < 8; by++) {
		struct talk_wire w = talk_wire(c->t, SIZE_MAX, 0, by);

		talk_read(c->t, &w, &talk_all, c->got);
		talk_check_equal(c->got, c->want, "pieces of bytes", by);
		free(w.seg);
	}
}

/* Message @i in two halves: in order, in disorder, and either of them lost. */
static void talk_check_cut(const struct talk_check *c, size_t i, size_t at)
{
	struct talk_wire w = talk_wire(c->t, i, at, 0);
	size_t k = c->first + i;

	talk_read(c->t, &w, &talk_all, c->got);
	talk_check_equal(c->got, c->want, "cut at byte", at);
	talk_check_loss(c, &w, k, "first half lost at byte", at);
	talk_check_loss(c, &w, k + 1, "second half lost at byte", at);
	talk_swap(&w, k);
	talk_read(c->t, &w, &talk_all, c->got);
	talk_check_equal(c->got, c->want, "cut and swapped at byte", at);
	free(w.seg);
}

/**
 * All of them. Cutting, repeating and reordering must change nothing; losing or joining late may only make less be told,
 * or flag it. Datagrams are not cut, repeated or reordered. @t must be told without doubt when undisturbed.
 */
static inline void talk_check_properties(const struct talk *t)
{
	static struct talk_out want, got;
	struct talk_check c = { .t = t,
				.want = &want,
				.got = &got,
				.w = talk_wire(t, SIZE_MAX, 0, 0),
				.first = t->is_datagram || t->without_start ? 0 : 2 };

	talk_read(t, &c.w, &talk_all, &want);
	assert_true(want.n_lines > 0);
	talk_check_lost(&c);
	talk_check_joined_late(&c);
	if (!t->is_datagram) {
		talk_check_repeated(&c);
		talk_check_reordered(&c);
		talk_check_pieces(&c);
		for (size_t i = 0; i < t->n; i++)
			for (size_t at = 1; at < t->m[i].n; at++)
				talk_check_cut(&c, i, at);
	}
	free(c.w.seg);
}
