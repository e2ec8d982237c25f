/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ladder to a rule's name: evaluate the ruleset for the packet (L1); look again when the
 * flow is dropped again and see whose counter moved (L2); let the kernel trace it, if asked
 * to (L3). Each answer is a record; a better one replaces it in the case.
 */
#include "source/naming.h"

#include "base/log.h"
#include "meta/ruleset.h"
#include "meta/trace_rule.h"

#include <errno.h>
#include <string.h>

#define N_PLACES 256
#define N_FLOWS 64
#define N_TRACES 4
#define N_CANDIDATES 8
#define TRACE_NS 5000000000ull	/* a table of ours stays no longer than this */

struct place {
	uint64_t location;
	char name[32];
};

/* What was answered about a flow, for the second look. */
struct asked_flow {
	struct xc_tuple tuple;
	uint32_t netns;
	struct xc_rule rules[N_CANDIDATES];
	size_t n;
};

struct trace {
	struct xc_trace *t;
	struct xc_drop_evt drop;
	int netns_fd;
	uint64_t until_ns;
};

struct xc_naming {
	struct xc_ruleset *rules;
	struct place places[N_PLACES];
	struct asked_flow flows[N_FLOWS];
	struct trace traces[N_TRACES];
	size_t next_flow;
	bool has_warned;
};

int xc_naming_new(struct xc_naming **ret_naming)
{
	struct xc_naming *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->rules = xc_ruleset_new();
	if (!n->rules) {
		free(n);
		return -ENOMEM;
	}
	*ret_naming = n;
	return 0;
}

void xc_naming_free(struct xc_naming *naming)
{
	if (!naming)
		return;
	for (size_t i = 0; i < N_TRACES; i++)
		xc_trace_stop(naming->traces[i].t);
	xc_ruleset_free(naming->rules);
	free(naming);
}

bool xc_naming_place(struct xc_naming *naming, uint64_t location, char *out, size_t size)
{
	struct place *p = &naming->places[(location >> 4) % N_PLACES];

	if (p->location != location) {
		p->location = location;
		p->name[0] = '\0';
		(void)xc_kallsyms_name(location, p->name, sizeof(p->name));
	}
	(void)snprintf(out, size, "%s", p->name);
	return p->name[0] != '\0';
}

static struct xc_packet packet_of(const struct xc_drop_evt *d)
{
	bool is_out = d->hook == XC_HOOK_OUTPUT || d->hook == XC_HOOK_POSTROUTING;
	struct xc_packet p = {
		.tuple = d->tuple,
		.uid = -1,
		.gid = -1,
		.mark = d->mark,
		.len_bytes = d->len_bytes,
		.hook = d->hook,
		.ct = d->ct,
		.tcp_flags = d->tcp_flags,
		.icmp_type = d->icmp_type,
		.icmp_code = d->icmp_code,
		.ttl = d->ttl,
		.cgroup_id = d->owner.cgroup_id,
	};

	if (!d->is_carried)	/* rules see the tunnel */
		p.orig = d->orig;
	if (d->owner.tgid)
		p.uid = d->owner.uid;
	if (!is_out)
		memcpy(p.iif, d->dev, sizeof(p.iif));
	if (is_out || d->hook == XC_HOOK_FORWARD)
		memcpy(p.oif, d->out_dev, sizeof(p.oif));
	return p;
}

static void deliver(const struct xc_drop_evt *d, const struct xc_rule *r, size_t n,
		    const struct xc_source_env *env)
{
	struct xc_rule_evt e = { .hdr = { .kind = XC_EVT_RULE, .size_bytes = sizeof(e) } };

	e.hdr.ts_ns = xc_now_ns();
	e.tuple = d->tuple;
	e.netns = d->netns;
	e.handle = r->handle;
	e.hook = d->hook;
	e.how = (uint8_t)r->how;
	e.n_candidates = n > 255 ? 255 : (uint8_t)n;
	e.is_policy = r->is_policy;
	e.verdict = (uint8_t)r->verdict;
	(void)snprintf(e.engine, sizeof(e.engine), "%s", r->engine);
	(void)snprintf(e.table, sizeof(e.table), "%s", r->table);
	(void)snprintf(e.chain, sizeof(e.chain), "%s", r->chain);
	(void)snprintf(e.text, sizeof(e.text), "%s", r->text);
	env->on_record(env->arg, &e.hdr);
}

static struct asked_flow *find_flow(struct xc_naming *n, const struct xc_drop_evt *d)
{
	for (size_t i = 0; i < N_FLOWS; i++)
		if (n->flows[i].n && n->flows[i].netns == d->netns &&
		    !memcmp(&n->flows[i].tuple, &d->tuple, sizeof(d->tuple)))
			return &n->flows[i];
	return NULL;
}

/* L1. True = answered. */
static bool evaluate(struct xc_naming *n, struct xc_netns *ns, const struct xc_drop_evt *d,
		     const struct xc_source_env *env)
{
	struct asked_flow *f = &n->flows[n->next_flow];
	struct xc_packet p = packet_of(d);
	int found = xc_ruleset_name(n->rules, ns->fd, ns->inum, &p, f->rules, N_CANDIDATES);

	if (found < 0) {
		f->n = 0;
		if (!n->has_warned)
			(void)xc_warn(found, "cannot read the firewall rules of %s", ns->name);
		n->has_warned = true;
		return false;
	}
	f->tuple = d->tuple;
	f->netns = d->netns;
	f->n = (size_t)found < N_CANDIDATES ? (size_t)found : N_CANDIDATES;
	if (!found)
		return false;
	n->next_flow = (n->next_flow + 1) % N_FLOWS;
	deliver(d, &f->rules[0], (size_t)found, env);
	return true;
}

/* L2: the same flow was dropped again. */
static void recount(struct xc_naming *n, struct xc_netns *ns, struct asked_flow *f,
		    const struct xc_drop_evt *d, const struct xc_source_env *env)
{
	struct xc_rule_list list = { f->rules, f->n };
	struct xc_packet p = packet_of(d);

	if (xc_ruleset_counted(n->rules, ns->fd, ns->inum, &p, &list) == 1)
		deliver(d, &f->rules[0], 1, env);
}

static void start_trace(struct xc_naming *n, struct xc_netns *ns, const struct xc_drop_evt *d)
{
	struct xc_packet p = packet_of(d);

	for (size_t i = 0; i < N_TRACES; i++) {
		struct trace *t = &n->traces[i];

		if (t->t)
			continue;
		if (!xc_trace_start(ns->fd, &p, &t->t)) {
			t->drop = *d;
			t->netns_fd = ns->fd;
			t->until_ns = xc_now_ns() + TRACE_NS;
		}
		return;
	}
}

void xc_naming_rule(struct xc_naming *naming, struct xc_netns *ns, const struct xc_drop_evt *drop,
		    const struct xc_source_env *env)
{
	struct asked_flow *f = find_flow(naming, drop);

	if (f) {
		recount(naming, ns, f, drop, env);
		return;
	}
	(void)evaluate(naming, ns, drop, env);
	if (env->with_trace)
		start_trace(naming, ns, drop);
}

void xc_naming_poll(struct xc_naming *naming, const struct xc_source_env *env)
{
	for (size_t i = 0; i < N_TRACES; i++) {
		struct trace *t = &naming->traces[i];
		struct xc_rule rule;
		int r;

		if (!t->t)
			continue;
		r = xc_trace_read(t->t, &rule);
		if (r == 1) {
			(void)xc_ruleset_describe(naming->rules, t->netns_fd, t->drop.netns, &rule);
			deliver(&t->drop, &rule, 1, env);
		}
		if (r || xc_now_ns() >= t->until_ns) {
			xc_trace_stop(t->t);
			t->t = NULL;
		}
	}
}
