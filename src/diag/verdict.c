/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Confidence by competing hypotheses. Each pattern's points are log-likelihood ratios; with
 * the prior they make a score z. "None of these" competes with z = 0, so
 *
 *	confidence_i = exp(z_i) / (exp(0) + sum_j exp(z_j))
 *
 * is a softmax over all explanations and the unknown one. It is capped below certainty:
 * without a decisive fact at 0.95, with one at 0.99 (0.90 if that is only the place of a drop), with an independent confirmation at
 * 0.999 (DIAGNOSIS.md A). Where only packets were seen, nothing is surer than 0.80.
 */
#include "diag/verdict.h"

#include "base/scope.h"

#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define PRIOR (-2)
#define CAP_BY_PLACE 0.90	/* some functions drop for more than one cause */
#define CAP_PACKETS 0.80	/* seen from outside: another cause may look the same */
#define CAP_PLAIN 0.95
#define CAP_DECISIVE 0.99
#define CAP_PROVEN 0.999
#define LOSS_FACTOR 0.8		/* records were lost: something that speaks against it may be missing */
#define SUSPECT_FROM 0.60	/* below this a pending flow is not worth a word */
#define SHOW_FROM 0.005		/* alternatives less likely than this are noise */

#define N_MAX 64

static bool ask_pattern(const struct xc_pattern *p, const struct xc_case *c, struct xc_opinion *o)
{
	memset(o, 0, sizeof(*o));
	o->pattern = p;
	o->severity = p->severity;
	return p->match(c, o);
}

/* All that decides is a drop, and this kernel tells where it drops but not why. */
static bool rests_on_a_place(const struct xc_case *c, const struct xc_opinion *o)
{
	bool is_by_place = false;

	for (uint32_t i = 0; i < c->n_drops; i++)
		is_by_place |= c->drops[i].is_by_place;
	for (size_t i = 0; i < o->n_evidence && is_by_place; i++)
		if (o->evidence[i].points >= XC_DECISIVE &&
		    strcmp(o->evidence[i].hook, "skb:kfree_skb"))
			return false;
	return is_by_place && o->has_decisive;
}

static double cap_of(const struct xc_case *c, const struct xc_opinion *o)
{
	if (c->is_packets_only)
		return CAP_PACKETS;
	if (o->is_proven)
		return CAP_PROVEN;
	if (rests_on_a_place(c, o))
		return CAP_BY_PLACE;
	return o->has_decisive ? CAP_DECISIVE : CAP_PLAIN;
}

struct ranked {
	const struct xc_pattern *pattern;
	double weight;		/* exp(z) */
	char against[160];
};

/* Keep the alternatives sorted, most likely first. */
static void insert_ranked(struct ranked *list, size_t *n, const struct xc_opinion *o, double weight)
{
	size_t at = *n < XC_FINDING_ALTERNATIVES + 1 ? (*n)++ : *n - 1;

	if (at == XC_FINDING_ALTERNATIVES && list[at].pattern && list[at].weight >= weight)
		return;
	while (at > 0 && list[at - 1].weight < weight) {
		list[at] = list[at - 1];
		at--;
	}
	list[at].pattern = o->pattern;
	list[at].weight = weight;
	(void)snprintf(list[at].against, sizeof(list[at].against), "%s", o->against);
}

void xc_judge(const struct xc_case *c, struct xc_verdict *ret_verdict)
{
	struct ranked list[XC_FINDING_ALTERNATIVES + 1] = { 0 };
	struct xc_opinion o;
	double sum = 1.0, best = 0.0;
	size_t n = 0;

	memset(ret_verdict, 0, sizeof(*ret_verdict));
	for (size_t i = 0; xc_patterns[i]; i++) {
		double weight;

		if (!ask_pattern(xc_patterns[i], c, &o))
			continue;
		weight = exp(PRIOR + o.points);
		sum += weight;
		insert_ranked(list, &n, &o, weight);
		if (weight > best && o.points > 0) {
			best = weight;
			ret_verdict->best = o;
		}
	}
	if (!ret_verdict->best.pattern)
		return;
	ret_verdict->confidence = fmin(best / sum, cap_of(c, &ret_verdict->best));
	if (c->lost)
		ret_verdict->confidence *= LOSS_FACTOR;
	for (size_t i = 0; i < n && ret_verdict->n_alternatives < XC_FINDING_ALTERNATIVES; i++) {
		struct xc_alternative *a = &ret_verdict->alternatives[ret_verdict->n_alternatives];

		if (list[i].pattern == ret_verdict->best.pattern ||
		    list[i].weight / sum < SHOW_FROM)
			continue;
		a->pattern_id = list[i].pattern->id;
		a->name = list[i].pattern->name;
		a->score = list[i].weight / sum;
		(void)snprintf(a->against, sizeof(a->against), "%s", list[i].against);
		ret_verdict->n_alternatives++;
	}
}

/* ---- what to say ------------------------------------------------------------------------- */

static struct xc_decision nothing(bool is_final)
{
	return (struct xc_decision){ .say = XC_SAY_NOTHING, .is_final = is_final };
}

static bool was_said(const struct xc_before *b, const struct xc_verdict *v, enum xc_status status,
		     enum xc_severity severity)
{
	const char *id = v->best.pattern ? v->best.pattern->id : NULL;
	bool same = id == b->pattern_id || (id && b->pattern_id && !strcmp(id, b->pattern_id));

	return b->has_said && same && b->status == status && b->severity >= severity;
}

/* Nobody is waiting for this flow to fail: what is seen is all there will be. */
static bool has_no_socket_to_wait_for(const struct xc_case *c)
{
	const struct xc_drop_fact *d = xc_decisive_drop(c);

	if (c->tuple.proto != IPPROTO_TCP || c->is_listener)
		return true;
	return !c->client.is_seen && d && d->e.count >= 2;
}

static struct xc_decision decide_pending(const struct xc_case *c, const struct xc_verdict *v,
					 const struct xc_before *b)
{
	struct xc_decision d = { .say = XC_SAY_FINDING };

	if (!v->best.pattern || (!v->best.has_decisive && v->confidence < SUSPECT_FROM))
		return nothing(false);
	d.status = XC_STATUS_SUSPECTED;
	d.severity =
		v->best.severity < XC_SEVERITY_WARNING ? v->best.severity : XC_SEVERITY_WARNING;
	if (v->best.has_decisive &&
	    (v->best.pattern->kind == XC_KIND_CONDITION || has_no_socket_to_wait_for(c))) {
		d.status = XC_STATUS_CONFIRMED;
		d.severity = v->best.severity;
	}
	if (c->is_overdue) {
		d.status = XC_STATUS_CONFIRMED;
		d.severity = v->best.severity;
	}
	if (was_said(b, v, d.status, d.severity))
		return nothing(false);
	return d;
}

/*
 * A program that has addresses of both families tries one after the other. That this host has no
 * route for one of them is its normal state; anything else may be news.
 */
static bool is_done_without(const struct xc_case *c)
{
	return c->instead.proto && c->n_routes;
}

/* The end came without an error for anybody: is there still something to tell? */
static bool is_worth_telling_after_quiet_end(const struct xc_case *c, const struct xc_verdict *v)
{
	if (c->outcome == XC_OUTCOME_GAVE_UP && c->n_syn_retrans)
		return true;
	return v->best.pattern && v->best.has_decisive && v->best.pattern->kind == XC_KIND_FAILURE;
}

static bool nobody_saw_the_error(const struct xc_case *c)
{
	/* An orphan's error reaches no application. */
	return (c->client.is_seen ? c->client.last.flags & XC_SOCK_F_ORPHAN :
				    c->server.last.flags & XC_SOCK_F_ORPHAN) &&
	       c->was_established;
}

static struct xc_decision decide_ended(const struct xc_case *c, const struct xc_verdict *v,
				       const struct xc_before *b)
{
	struct xc_decision d = { .say = XC_SAY_FINDING,
				 .status = XC_STATUS_CONFIRMED,
				 .is_final = true };
	bool has_error = c->outcome == XC_OUTCOME_REFUSED || c->outcome == XC_OUTCOME_BROKEN;

	if (is_done_without(c) || (!has_error && !is_worth_telling_after_quiet_end(c, v)))
		return nothing(true);
	if (has_error && nobody_saw_the_error(c) && !(v->best.pattern && v->best.has_decisive))
		return nothing(true);
	d.severity = v->best.pattern ? v->best.severity : XC_SEVERITY_ERROR;
	if (has_error && v->best.pattern && v->best.pattern->kind == XC_KIND_CONDITION &&
	    d.severity == XC_SEVERITY_WARNING)
		d.severity = XC_SEVERITY_ERROR;	/* the condition has now cost a connection */
	if (c->instead.proto)
		d.severity =
			XC_SEVERITY_INFO; /* ... and the program got what it wanted elsewhere */
	if (was_said(b, v, d.status, d.severity))
		return nothing(true);
	return d;
}

struct xc_decision xc_decide(const struct xc_case *c, const struct xc_verdict *v,
			     const struct xc_before *before)
{
	struct xc_decision d;

	if (c->outcome == XC_OUTCOME_PENDING)
		return decide_pending(c, v, before);
	if (c->outcome != XC_OUTCOME_RECOVERED)
		return decide_ended(c, v, before);
	d = nothing(false);
	d.starts_over = true;
	if (before->has_said && before->status == XC_STATUS_SUSPECTED) {
		d.say = XC_SAY_CLEARED;
		d.status = XC_STATUS_CLEARED;
		d.severity = XC_SEVERITY_INFO;
		d.cleared_id = before->pattern_id;
	}
	return d;
}

/* ---- the finding --------------------------------------------------------------------------- */

/* What the application sees; empty while it still waits. */
static void write_app_sees(const struct xc_case *c, struct xc_finding *f)
{
	const char *err = xc_errno_name(c->error);
	char instead[XC_ENDPOINT_LEN];
	size_t size = sizeof(f->app_sees);

	switch (c->outcome) {
	case XC_OUTCOME_REFUSED:
		(void)snprintf(f->app_sees, size, "connect failed: %s%s%s", err ? err : "an error",
			       c->instead.proto ? "; it went on with " : "",
			       c->instead.proto ? xc_endpoint_str(c->instead.daddr,
								  c->instead.dport_he, instead) :
						  "");
		break;
	case XC_OUTCOME_BROKEN:
		if (err)
			(void)snprintf(f->app_sees, size, "connection broke: %s", err);
		else
			(void)snprintf(f->app_sees, size, "connection ended early");
		break;
	case XC_OUTCOME_GAVE_UP:
		(void)snprintf(f->app_sees, size, "its own time-out: gave up after %.1f s",
			       (double)c->waited_ns / 1e9);
		break;
	default:
		f->app_sees[0] = '\0';
	}
}

static void write_unknown(const struct xc_case *c, struct xc_finding *f)
{
	char flow[XC_WORDS];

	f->pattern_id = "unknown";
	f->pattern = "Unknown";
	f->layer = XC_LAYER_L4;
	f->confidence = 0.1;	/* S2-28 */
	(void)snprintf(f->summary, sizeof(f->summary), "%s: %s, cause unknown",
		       xc_flow_words(c, flow), f->app_sees[0] ? f->app_sees : "in trouble");
	(void)snprintf(
		f->details, sizeof(f->details),
		"No hook told why. SYN resends %u, data resends %u, drops seen %u, resets seen %u, ICMP errors %u.",
		c->n_syn_retrans, c->client.n_retrans + c->server.n_retrans, c->n_drops,
		c->n_resets, c->n_icmps);
	(void)snprintf(
		f->resolution, sizeof(f->resolution),
		"Run crosscut on the other end too, or record this with `crosscut record` and report it.");
	(void)snprintf(f->subject, sizeof(f->subject), "unknown");
}

/* The flow works: whatever its evidence looks like now, what is taken back is what was said. */
static void write_cleared(const struct xc_case *c, const struct xc_decision *d,
			  struct xc_finding *f)
{
	char flow[XC_WORDS];

	for (size_t i = 0; d->cleared_id && xc_patterns[i]; i++) {
		if (strcmp(xc_patterns[i]->id, d->cleared_id))
			continue;
		f->pattern_id = xc_patterns[i]->id;
		f->pattern = xc_patterns[i]->name;
		f->layer = xc_patterns[i]->layer;
	}
	(void)snprintf(f->summary, sizeof(f->summary), "%s: works after all",
		       xc_flow_words(c, flow));
	(void)snprintf(f->details, sizeof(f->details), "What was suspected did not come true.");
	(void)snprintf(f->resolution, sizeof(f->resolution),
		       "Nothing to do, unless it happens often.");
	f->confidence = 0;
}

static void write_opinion(const struct xc_case *c, const struct xc_verdict *v, struct xc_finding *f)
{
	const struct xc_opinion *o = &v->best;
	char flow[XC_WORDS], server[XC_WORDS];

	f->pattern_id = o->pattern->id;
	f->pattern = o->pattern->name;
	f->layer = o->pattern->layer;
	f->confidence = v->confidence;
	if (o->summary[0])
		(void)snprintf(f->summary, sizeof(f->summary), "%s", o->summary);
	else
		(void)snprintf(f->summary, sizeof(f->summary), "%s: %s", xc_flow_words(c, flow),
			       o->pattern->cause);
	(void)snprintf(f->details, sizeof(f->details), "%s",
		       o->details[0] ? o->details : o->pattern->cause);
	(void)snprintf(f->resolution, sizeof(f->resolution), "%s",
		       o->fix[0] ? o->fix : o->pattern->fix);
	(void)snprintf(f->subject, sizeof(f->subject), "%s",
		       o->subject[0] ? o->subject : xc_server_words(c, server));
	memcpy(f->evidence, o->evidence, sizeof(f->evidence));
	f->n_evidence = o->n_evidence;
	memcpy(f->alternatives, v->alternatives, sizeof(f->alternatives));
	f->n_alternatives = v->n_alternatives;
	f->first_signal_ns = o->decisive_ns ? o->decisive_ns : o->strong_ns;
}

/* Which of two facts came first; those without a time go last. */
static int by_time(const struct xc_evidence *a, const struct xc_evidence *b)
{
	uint64_t x = a->ts_ns ? a->ts_ns : UINT64_MAX, y = b->ts_ns ? b->ts_ns : UINT64_MAX;

	return x < y ? -1 : x > y;
}

static void sort_evidence(struct xc_finding *f)
{
	for (size_t i = 1; i < f->n_evidence; i++) {
		struct xc_evidence e = f->evidence[i];
		size_t at = i;

		for (; at > 0 && by_time(&f->evidence[at - 1], &e) > 0; at--)
			f->evidence[at] = f->evidence[at - 1];
		f->evidence[at] = e;
	}
}

/* No hook has told any of this. */
static void write_packets_only(struct xc_finding *f)
{
	struct xc_evidence *e;

	for (size_t i = 0; i < f->n_evidence; i++)
		(void)snprintf(f->evidence[i].hook, sizeof(f->evidence[i].hook), "capture");
	if (f->n_evidence < XC_FINDING_EVIDENCE)
		f->n_evidence++;
	e = &f->evidence[f->n_evidence - 1];
	*e = (struct xc_evidence){ .layer = f->layer, .hook = "capture" };
	(void)snprintf(e->fact, sizeof(e->fact),
		       "only packets were seen: no kernel and no process told anything");
}

void xc_write_finding(const struct xc_case *c, const struct xc_verdict *v,
		      const struct xc_decision *d, struct xc_finding *ret_finding)
{
	struct xc_finding *f = ret_finding;

	memset(f, 0, sizeof(*f));
	write_app_sees(c, f);
	if (v->best.pattern && d->status != XC_STATUS_CLEARED)
		write_opinion(c, v, f);
	else
		write_unknown(c, f);
	if (d->status == XC_STATUS_CLEARED)
		write_cleared(c, d, f);
	sort_evidence(f);
	if (c->is_packets_only)
		write_packets_only(f);
	f->severity = d->severity;
	f->status = d->status;
	f->tuple = c->tuple;
	f->client = c->client.owner;
	f->server = c->server.owner;
	f->netns = c->client.netns ? c->client.netns : c->server.netns;
	if (!f->netns && c->n_drops)
		f->netns = c->drops[0].e.netns;
	f->error = c->error;
	if (!f->first_signal_ns)
		f->first_signal_ns = c->ended_ns ? c->ended_ns : c->first_ns;
	f->lost = c->lost;
}
