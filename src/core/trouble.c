/* SPDX-License-Identifier: Apache-2.0 */
#include "core/trouble.h"

#include "core/policy.h"
#include "l7/table.h"
#include "source/segment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_NS 300000000000ull
#define CLEANUP_NS 30000000000ull
#define N_HELD 32			/* names that did not exist, until the search list is through */
#define PAUSE_NS 50000000ull		/* a resolver asks for the next name of its search list sooner */
#define ANSWER_NS 5000000000ull		/* ... and waits so long for the answer */
#define RCODE_NXDOMAIN 3		/* RFC 1035 4.1.1 */
#define RCODE_REFUSED 5			/* those behind it ask for another try, or answer an update */

/* What must be known of a connection beyond its requests. */
struct track {
	struct xc_owner owner;
	uint32_t n_answered;
	uint64_t said_ns;	/* latest byte of a request or an answer before the request at hand */
	uint64_t closed_ns;	/* FIN or RST of the server, if it was first */
	uint64_t given_up_ns;	/* FIN or RST of the client, if it was first */
	bool is_reset;
	bool is_heard;		/* something of the server was seen */
};

struct held {
	struct xc_failed_request r;
	struct xc_owner owner;
	uint64_t due_ns;	/* 0 = free */
};

struct xc_trouble {
	struct xc_trouble_cfg cfg;
	struct xc_l7_table *table;
	struct held held[N_HELD];
	const struct xc_owner *owner;	/* of the record at hand */
	uint64_t now_ns;
	uint64_t seen_ns;	/* latest segment */
};

/* ---- names a resolver tries one after the other ------------------------------------------------ */

static void tell_held(struct xc_trouble *t, struct held *h)
{
	h->due_ns = 0;
	h->r.owner = h->owner.tgid ? &h->owner : NULL;
	t->cfg.failed(t->cfg.failed_arg, &h->r);
}

static void hold(struct xc_trouble *t, const struct xc_failed_request *r)
{
	struct held *at = &t->held[0];

	for (size_t i = 0; i < N_HELD && at->due_ns; i++)
		if (t->held[i].due_ns < at->due_ns)
			at = &t->held[i];
	if (at->due_ns)
		tell_held(t, at);
	*at = (struct held){ .r = *r, .due_ns = r->fact.last_ns + PAUSE_NS };
	if (r->owner)
		at->owner = *r->owner;
}

/*
 * Names of the same search list as @name that did not exist are told at @due_ns: later when @name is asked for now, never
 * (0) when it exists.
 */
static void put_off(struct xc_trouble *t, const struct xc_tuple *client, const char *name,
		    uint64_t due_ns)
{
	for (size_t i = 0; i < N_HELD; i++) {
		struct held *h = &t->held[i];

		if (h->due_ns && !memcmp(h->r.client.saddr, client->saddr, 16) &&
		    xc_request_is_same_search(h->r.fact.target, name))
			h->due_ns = due_ns;
	}
}

/* ---- requests ------------------------------------------------------------------------------------ */

static uint32_t number_of(const struct xc_request *r, const char *key)
{
	const char *text = xc_request_get(r, key);

	return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static struct xc_request_fact fact_of(const struct xc_l7_conn *c, const struct xc_request *r,
				      enum xc_request_stage stage)
{
	const struct track *k = c->session.user;
	const char *mismatch = xc_request_get(r, "crosscut.mismatch");
	struct xc_request_fact f = { .protocol = r->protocol,
				     .status = r->status,
				     .result = r->result,
				     .first_ns = r->request_first_ns,
				     .last_ns = stage == XC_REQUEST_ABANDONED ?
							c->session.now_ns :
							later(r->response_last_ns,
							      r->request_first_ns),
				     .is_begun = r->response_first_ns != 0,
				     .by_server = r->by_server,
				     .n_retries = number_of(r, "dns.retries") };

	memcpy(f.method, r->method, sizeof(f.method));
	(void)snprintf(f.target, sizeof(f.target), "%.*s", (int)sizeof(f.target) - 1, r->target);
	memcpy(f.status_text, r->status_text, sizeof(f.status_text));
	(void)snprintf(f.mismatch, sizeof(f.mismatch), "%s", mismatch ? mismatch : "");
	if (k) {
		f.n_answered = k->n_answered;
		f.closed_ns = k->closed_ns;
		/* a capture of one direction has no answers */
		f.given_up_ns = c->cookie || k->is_heard ? k->given_up_ns : 0;
		f.is_reset = k->is_reset;
		f.idle_ns = k->said_ns && f.first_ns > k->said_ns ? f.first_ns - k->said_ns : 0;
	}
	return f;
}

static bool is_dns(const struct xc_request *r)
{
	return !strcmp(r->protocol, "dns");
}

/* A capture that ends before an answer was due tells nothing of it. */
static bool was_waited_for(const struct xc_trouble *t, const struct xc_l7_conn *c,
			   const struct xc_request *r)
{
	return c->cookie || t->seen_ns >= r->request_first_ns + ANSWER_NS;
}

static bool has_failed(const struct xc_trouble *t, const struct xc_l7_conn *c,
		       const struct xc_request *r, enum xc_request_stage stage)
{
	if (stage == XC_REQUEST_SENT || (r->flags & XC_REQUEST_GAP))
		return false;
	if (xc_request_get(r, "crosscut.mismatch"))
		return true;
	if (is_dns(r))
		return (r->result == XC_RESULT_NO_ANSWER && was_waited_for(t, c, r)) ||
		       (r->status > 0 && r->status <= RCODE_REFUSED);
	if (!strcmp(r->protocol, "tls"))
		return r->status > 0 || r->result >= XC_RESULT_NO_ANSWER;
	return r->result >= XC_RESULT_NO_ANSWER;
}

static void tell(struct xc_trouble *t, const struct xc_request *r,
		 const struct xc_failed_request *failed)
{
	if (!is_dns(r) || r->status != RCODE_NXDOMAIN) {
		t->cfg.failed(t->cfg.failed_arg, failed);
		return;
	}
	put_off(t, &failed->client, r->target, failed->fact.last_ns + PAUSE_NS);
	hold(t, failed);
}

static void on_request(void *arg, struct xc_l7_conn *c, const struct xc_request *r,
		       enum xc_request_stage stage)
{
	struct xc_trouble *t = arg;
	struct track *k = c->session.user;
	struct xc_failed_request failed = { .client = c->session.tuple,
					    .netns = c->netns,
					    .is_clients = c->is_outbound };

	if (has_failed(t, c, r, stage)) {
		failed.owner = k && k->owner.tgid ? &k->owner : NULL;
		failed.fact = fact_of(c, r, stage);
		tell(t, r, &failed);
	} else if (is_dns(r)) {
		put_off(t, &c->session.tuple, r->target,
			stage == XC_REQUEST_ANSWERED ? 0 : c->session.now_ns + ANSWER_NS);
	}
	if (k && stage == XC_REQUEST_ANSWERED) {
		k->n_answered++;
		k->said_ns = later(r->response_last_ns, r->request_last_ns);
	}
}

/* ---- connections --------------------------------------------------------------------------------- */

static void on_opened(void *arg, struct xc_l7_conn *c, const struct xc_segment *seg)
{
	struct xc_trouble *t = arg;
	struct track *k = calloc(1, sizeof(*k));

	(void)seg;
	c->session.user = k;
	if (k && t->owner)
		k->owner = *t->owner;
}

static void on_closed(void *arg, struct xc_l7_conn *c, bool is_timeout)
{
	(void)arg;
	(void)is_timeout;
	free(c->session.user);
	c->session.user = NULL;
}

static void on_want(void *arg, struct xc_l7_conn *c, enum xc_l7_dir dir, struct xc_l7_want w)
{
	struct xc_trouble *t = arg;

	xc_policy_tell(c, dir, w, t->cfg.want, t->cfg.want_arg);
}

static void on_twin(void *arg, struct xc_l7_conn *c, uint64_t cookie, bool is_silent)
{
	struct xc_trouble *t = arg;

	(void)c;
	if (!is_silent)
		xc_policy_silence(cookie, t->cfg.want, t->cfg.want_arg);
}

static const struct xc_l7_events events = {
	.opened = on_opened,
	.request = on_request,
	.want = on_want,
	.twin = on_twin,
	.closed = on_closed,
};

/* The end of a connection is known before what it does to its requests is told. */
static void note_ends(struct xc_trouble *t, const struct xc_segment *seg)
{
	struct xc_l7_conn *c = xc_l7_table_find(t->table, &seg->tuple, seg->cookie);
	struct track *k = c ? c->session.user : NULL;
	bool is_clients = c && xc_tuple_equal(&seg->tuple, &c->session.tuple);

	if (!k)
		return;
	k->is_heard |= !is_clients;
	if (!(seg->tcp_flags & (XC_TCP_FIN | XC_TCP_RST)) || k->closed_ns || k->given_up_ns)
		return;
	if (is_clients) {
		k->given_up_ns = seg->ts_ns;
		return;
	}
	k->closed_ns = seg->ts_ns;
	k->is_reset = seg->tcp_flags & XC_TCP_RST;
}

void xc_trouble_feed(struct xc_trouble *t, const struct xc_segment_evt *e)
{
	struct xc_segment seg;

	t->now_ns = later(t->now_ns, e->hdr.ts_ns);
	t->owner = e->owner.tgid ? &e->owner : NULL;
	if (e->what == XC_SEGMENT_CLOSED) {
		xc_l7_table_close_socket(t->table, &e->tuple, e->cookie, e->hdr.ts_ns);
	} else if (e->what != XC_SEGMENT_TOTALS && xc_segment_of_record(e, &seg)) {
		t->seen_ns = later(t->seen_ns, seg.ts_ns);
		/* that something was heard matters for captures alone: their segments have no cookie */
		if (!seg.cookie || seg.tcp_flags & (XC_TCP_FIN | XC_TCP_RST))
			note_ends(t, &seg);
		(void)xc_l7_table_feed(t->table, &seg);
	}
	t->owner = NULL;
}

void xc_trouble_tick(struct xc_trouble *t, uint64_t now_ns)
{
	t->now_ns = later(t->now_ns, now_ns);
	xc_l7_table_tick(t->table, t->now_ns);
	for (size_t i = 0; i < N_HELD; i++)
		if (t->held[i].due_ns && t->held[i].due_ns <= t->now_ns)
			tell_held(t, &t->held[i]);
}

uint64_t xc_trouble_deadline(const struct xc_trouble *t)
{
	uint64_t deadline = xc_l7_table_deadline(t->table);

	for (size_t i = 0; i < N_HELD; i++)
		if (t->held[i].due_ns && t->held[i].due_ns < deadline)
			deadline = t->held[i].due_ns;
	return deadline;
}

void xc_trouble_free(struct xc_trouble *t)
{
	if (!t)
		return;
	xc_l7_table_free(t->table);
	free(t);
}

XC_DEFINE_FREEP(struct xc_trouble, xc_trouble_free)

int xc_trouble_new(const struct xc_trouble_cfg *cfg, struct xc_trouble **ret_trouble)
{
	_cleanup_(xc_trouble_freep) struct xc_trouble *t = calloc(1, sizeof(*t));
	struct xc_l7_table_cfg table = { .max_conns = cfg->max_conns,
					 .timeout_ns = TIMEOUT_NS,
					 .cleanup_ns = CLEANUP_NS,
					 .events = &events,
					 .arg = t };
	int r;

	if (!t)
		return -ENOMEM;
	t->cfg = *cfg;
	r = xc_l7_table_new(&table, &t->table);
	if (r)
		return r;
	*ret_trouble = TAKE_PTR(t);
	return 0;
}
