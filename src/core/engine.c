/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine.h"

#include "base/index.h"
#include "core/trouble.h"
#include "diag/verdict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define N_GROUPS 512
#define N_OTHERS 4	/* other flows named in "impact" */

/* Flows that fail of one cause, within the correlation window. */
struct group {
	uint64_t id;
	uint64_t first_ns, last_ns;
	uint32_t n;
	struct xc_tuple others[N_OTHERS];
};

struct xc_engine {
	const struct xc_config *cfg;
	const struct xc_sink *sink;
	void *sink_state;
	struct xc_conn *conn;
	struct xc_trouble *trouble;	/* NULL = requests are not read */
	struct xc_engine_stats stats;
	uint64_t last_id;
	struct group groups[N_GROUPS];
};

int xc_engine_new(const struct xc_config *cfg, const struct xc_sink *sink, void *sink_state,
		  struct xc_engine **ret_engine)
{
	struct xc_conn_cfg conn = { .max_cases = cfg->max_cases,
				    .grace_ns = cfg->grace_ns,
				    .syn_timeout_ns = cfg->syn_timeout_ns,
				    .arp_timeout_ns = cfg->arp_timeout_ns,
				    .window_ns = cfg->correlation_window_ns };
	struct xc_engine *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->cfg = cfg;
	e->sink = sink;
	e->sink_state = sink_state;
	e->conn = xc_conn_new(&conn);
	if (!e->conn) {
		xc_engine_free(e);
		return -ENOMEM;
	}
	*ret_engine = e;
	return 0;
}

static void on_failed_request(void *arg, const struct xc_failed_request *r)
{
	struct xc_engine *e = arg;

	xc_conn_request(e->conn, r);
}

int xc_engine_read_requests(struct xc_engine *engine, xc_want_fn want, void *arg)
{
	struct xc_trouble_cfg cfg = { .max_conns = engine->cfg->max_connections,
				      .failed = on_failed_request,
				      .failed_arg = engine,
				      .want = want,
				      .want_arg = arg };

	return xc_trouble_new(&cfg, &engine->trouble);
}

void xc_engine_free(struct xc_engine *engine)
{
	if (!engine)
		return;
	xc_trouble_free(engine->trouble);
	xc_conn_free(engine->conn);
	free(engine);
}

/* ---- groups and impact ------------------------------------------------------------------- */

static uint64_t group_id(const struct xc_finding *f)
{
	uint64_t h = xc_hash(f->pattern_id, strlen(f->pattern_id));

	h ^= xc_hash(f->subject, strlen(f->subject));
	/* JSON numbers are exact up to 2^53 in every reader */
	return (h & ((1ull << 53) - 1)) | 1;
}

static struct group *group_of(struct xc_engine *e, const struct xc_finding *f, uint64_t now)
{
	uint64_t id = group_id(f);
	struct group *oldest = &e->groups[0];

	for (size_t i = 0; i < N_GROUPS; i++) {
		struct group *g = &e->groups[i];

		if (g->id == id) {
			if (now - g->last_ns > e->cfg->correlation_window_ns)
				*g = (struct group){ .id = id, .first_ns = now };
			return g;
		}
		if (g->last_ns < oldest->last_ns)
			oldest = g;
	}
	*oldest = (struct group){ .id = id, .first_ns = now };
	return oldest;
}

static void write_impact(struct xc_finding *f, const struct group *g)
{
	char s[XC_ENDPOINT_LEN], d[XC_ENDPOINT_LEN];
	uint32_t n_kept = g->n < N_OTHERS ? g->n : N_OTHERS, named = 0;
	size_t n;

	f->n_same = g->n;
	if (g->n <= 1) {
		(void)snprintf(f->impact, sizeof(f->impact), "this connection only, so far");
		return;
	}
	n = (size_t)snprintf(f->impact, sizeof(f->impact),
			     "%u connections hit by this cause in %.1f s, also ", g->n,
			     (double)(g->last_ns - g->first_ns) / 1e9);
	/* the newest first; two names say enough */
	for (uint32_t i = 0; i < n_kept && named < 2 && n < sizeof(f->impact); i++) {
		const struct xc_tuple *t = &g->others[(g->n - 1 - i) % N_OTHERS];

		if (xc_tuple_equal(t, &f->tuple))
			continue;	/* this very flow */
		n += (size_t)snprintf(f->impact + n, sizeof(f->impact) - n, "%s%s > %s",
				      named++ ? ", " : "",
				      xc_endpoint_str(t->saddr, t->sport_he, s),
				      xc_endpoint_str(t->daddr, t->dport_he, d));
	}
	if (!named)
		(void)snprintf(f->impact, sizeof(f->impact), "hit %u times by this cause in %.1f s",
			       g->n, (double)(g->last_ns - g->first_ns) / 1e9);
}

/* It leaves the story it was counted in; nobody else is better off for it. */
static void leave_group(struct xc_finding *f, const struct xc_said *said)
{
	f->group = said->group;
	f->n_same = said->n_same;
	(void)snprintf(f->impact, sizeof(f->impact), "none: this connection works");
}

/* Count the flow once, however often it is spoken of. */
static void join_group(struct xc_engine *e, struct xc_finding *f, bool is_new, uint64_t now)
{
	struct group *g = group_of(e, f, now);

	if (is_new || !g->n) {
		g->last_ns = now;
		g->others[g->n++ % N_OTHERS] = f->tuple;
	}
	write_impact(f, g);
	f->group = g->id;
}

/* ---- saying it --------------------------------------------------------------------------- */

static bool is_wanted(const struct xc_config *cfg, const struct xc_finding *f)
{
	if (f->severity < cfg->min_severity && f->status != XC_STATUS_CLEARED)
		return false;
	if (cfg->pid && f->client.tgid != cfg->pid && f->server.tgid != cfg->pid)
		return false;
	return xc_filters_hold(cfg->filters, cfg->n_filters, &f->tuple);
}

static void count(struct xc_engine_stats *s, const struct xc_finding *f)
{
	if (f->status == XC_STATUS_SUSPECTED) {
		s->n_suspected++;
	} else if (f->status == XC_STATUS_CLEARED) {
		s->n_cleared++;
	} else {
		s->worst = f->severity > s->worst || !s->n_findings ? f->severity : s->worst;
		s->n_findings++;
	}
}

static int emit(struct xc_engine *e, struct xc_finding *f, struct xc_said *said)
{
	bool is_same =
		said->finding_id && said->pattern_id && !strcmp(said->pattern_id, f->pattern_id);

	f->reported_ns = xc_conn_now(e->conn);
	f->wall_offset_ns = xc_conn_wall_offset(e->conn);
	if (e->cfg->count && e->stats.n_findings >= e->cfg->count)
		return 0;	/* enough was said; the run ends before its next look */
	if (!is_wanted(e->cfg, f)) {
		e->stats.n_filtered++;
		return 0;
	}
	f->replaces = said->finding_id;
	f->id = ++e->last_id;
	if (f->status == XC_STATUS_CLEARED)
		leave_group(f, said);
	else
		join_group(e, f, !is_same, f->reported_ns);
	*said = (struct xc_said){ .finding_id = f->id,
				  .pattern_id = f->pattern_id,
				  .status = f->status,
				  .severity = f->severity,
				  .group = f->group,
				  .n_same = f->n_same,
				  .n = said->n + 1 };
	count(&e->stats, f);
	return e->sink ? e->sink->emit(e->sink_state, f) : 0;
}

static int look(struct xc_engine *e, const struct xc_case *c, struct xc_said *said)
{
	struct xc_before before = { .has_said = said->finding_id != 0,
				    .pattern_id = said->pattern_id,
				    .status = said->status,
				    .severity = said->severity };
	struct xc_verdict v;
	struct xc_decision d;
	struct xc_finding f;
	int r = 0;

	if (before.pattern_id && !strcmp(before.pattern_id, "unknown"))
		before.pattern_id = NULL;
	xc_judge(c, &v);
	d = xc_decide(c, &v, &before);
	if (d.say != XC_SAY_NOTHING) {
		xc_write_finding(c, &v, &d, &f);
		r = emit(e, &f, said);
	}
	xc_conn_settle(e->conn, d.starts_over ? XC_SETTLE_AGAIN :
				d.is_final    ? XC_SETTLE_DONE :
						XC_SETTLE_WAIT);
	return r;
}

static void read_request(struct xc_engine *engine, const struct xc_evt *e)
{
	uint64_t now = xc_conn_now(engine->conn);

	if (e->kind == XC_EVT_SEGMENT && e->size_bytes >= sizeof(struct xc_segment_evt))
		xc_trouble_feed(engine->trouble, (const struct xc_segment_evt *)e);
	if (now >= xc_trouble_deadline(engine->trouble))
		xc_trouble_tick(engine->trouble, now);
}

int xc_engine_feed(struct xc_engine *engine, const struct xc_evt *e)
{
	const struct xc_case *c;
	struct xc_said *said;
	int r = 0, first = 0;

	xc_conn_feed(engine->conn, e);
	if (engine->trouble)
		read_request(engine, e);
	while ((c = xc_conn_due(engine->conn, &said))) {
		r = look(engine, c, said);
		first = first ? first : r;
	}
	if (e->kind == XC_EVT_TICK && engine->sink && engine->sink->tick)
		engine->sink->tick(engine->sink_state, xc_conn_now(engine->conn));
	return first;
}

uint64_t xc_engine_deadline(const struct xc_engine *engine)
{
	uint64_t conn = xc_conn_deadline(engine->conn);
	uint64_t trouble = engine->trouble ? xc_trouble_deadline(engine->trouble) : UINT64_MAX;

	return conn < trouble ? conn : trouble;
}

bool xc_engine_next_ask(struct xc_engine *engine, struct xc_ask *ret_ask)
{
	return xc_conn_next_ask(engine->conn, ret_ask);
}

void xc_engine_get_stats(const struct xc_engine *engine, struct xc_engine_stats *ret_stats)
{
	*ret_stats = engine->stats;
	xc_conn_get_stats(engine->conn, &ret_stats->conn);
}
