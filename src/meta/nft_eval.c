/* SPDX-License-Identifier: Apache-2.0 */
/* What one nftables rule does to the packet: statements from left to right. */
#include "meta/nft_expr.h"

#include "meta/iptables.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum stmt_kind {
	STMT_MATCH,
	STMT_VMAP,
	STMT_PASS,	/* has no say in where the packet goes */
	STMT_LIMIT,	/* lets some packets through: which ones, only the kernel knows */
	STMT_DYNSET,
	STMT_COUNTER,
	STMT_XT,
	STMT_VERDICT,	/* the rows below it end the rule */
	STMT_REJECT,
	STMT_ACCEPT,	/* NAT: the packet leaves the base chain alive */
	STMT_SYNPROXY,
};

static const struct {
	const char *key;
	enum stmt_kind kind;
} stmts[] = {
	{ "match", STMT_MATCH },      { "vmap", STMT_VMAP },	       { "counter", STMT_COUNTER },
	{ "log", STMT_PASS },	      { "mangle", STMT_PASS },	       { "notrack", STMT_PASS },
	{ "dup", STMT_PASS },	      { "flow", STMT_PASS },	       { "ct helper", STMT_PASS },
	{ "ct timeout", STMT_PASS },  { "ct expectation", STMT_PASS }, { "secmark", STMT_PASS },
	{ "last", STMT_PASS },	      { "reset", STMT_PASS },	       { "set", STMT_DYNSET },
	{ "map", STMT_DYNSET },	      { "limit", STMT_LIMIT },	       { "quota", STMT_LIMIT },
	{ "ct count", STMT_LIMIT },   { "meter", STMT_LIMIT },	       { "xt", STMT_XT },
	{ "reject", STMT_REJECT },    { "accept", STMT_VERDICT },      { "drop", STMT_VERDICT },
	{ "continue", STMT_VERDICT }, { "return", STMT_VERDICT },      { "jump", STMT_VERDICT },
	{ "goto", STMT_VERDICT },     { "queue", STMT_VERDICT },       { "snat", STMT_ACCEPT },
	{ "dnat", STMT_ACCEPT },      { "masquerade", STMT_ACCEPT },   { "redirect", STMT_ACCEPT },
	{ "fwd", STMT_ACCEPT },	      { "synproxy", STMT_SYNPROXY },   { "tproxy", STMT_LIMIT },
};

/* A statement nobody told us about might be a condition. */
static enum stmt_kind stmt_kind(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(stmts); i++)
		if (!strcmp(stmts[i].key, key))
			return stmts[i].kind;
	return STMT_LIMIT;
}

/* A rule on its way: how sure we are that the packet got to this statement. */
struct step {
	struct xc_walk *w;
	uint32_t rule;
	bool is_sure;		/* the packet meets the rule */
	enum xc_tri match;	/* its conditions so far */
};

static bool surely(const struct step *s)
{
	return s->is_sure && s->match == XC_YES;
}

/* nft 1.0.6 prints an anonymous chain ("jump { ... }") as plain text instead of JSON. */
static unsigned int anonymous_chain(struct step *s, const char *text)
{
	unsigned int out = XC_OUT_NEXT | XC_OUT_ACCEPT;

	if (!text || strstr(text, "drop"))
		out |= xc_walk_drop(s->w, s->rule, XC_VERDICT_DROP, false);
	else if (strstr(text, "reject"))
		out |= xc_walk_drop(s->w, s->rule, XC_VERDICT_REJECT, false);
	return out;
}

static unsigned int verdict(struct step *s, const char *key, const json_t *arg)
{
	const struct xc_nft *nft = s->w->ctx;
	const struct nft_table *t = &nft->tables[s->w->chain->owner];
	const char *target = nft_string(arg, "target");

	if (!strcmp(key, "accept"))
		return XC_OUT_ACCEPT;
	if (!strcmp(key, "drop"))
		return xc_walk_drop(s->w, s->rule, XC_VERDICT_DROP, surely(s));
	if (!strcmp(key, "return"))
		return XC_OUT_RETURN;
	if (!strcmp(key, "queue"))
		return xc_walk_drop(s->w, s->rule, XC_VERDICT_QUEUE, surely(s));
	if (!strcmp(key, "continue"))
		return XC_OUT_NEXT;
	if (!target)
		return anonymous_chain(s, NULL);
	return xc_walk_jump(s->w, nft_chain_find(nft, t->family, t->name, target),
			    !strcmp(key, "goto"), surely(s));
}

/* Each kind of answer fits some packets only; nft does not print that as a condition. */
static unsigned int reject(struct step *s, const json_t *arg)
{
	const struct xc_packet *p = s->w->pkt;
	const char *type = nft_string(arg, "type");
	bool is_rst = type && !strcmp(type, "tcp reset");

	if ((is_rst && p->tuple.proto != IPPROTO_TCP) ||
	    (type && !strcmp(type, "icmp") && !xc_packet_is_v4(p)) ||
	    (type && !strcmp(type, "icmpv6") && xc_packet_is_v4(p))) {
		s->match = XC_NO;
		return XC_OUT_NEXT;
	}
	return xc_walk_drop(s->w, s->rule, is_rst ? XC_VERDICT_REJECT_RST : XC_VERDICT_REJECT,
			    surely(s));
}

/* Every entry that may match is a possible way; one that does match ends the search. */
static unsigned int vmap(struct step *s, const json_t *arg)
{
	const json_t *catchall = NULL, *entry;
	enum xc_tri best = XC_NO, before = s->match;
	struct nft_elems map;
	struct nft_key key;
	unsigned int out = 0;
	json_t *v = NULL;
	const char *name;

	if (nft_key_eval(s->w, json_object_get(arg, "key"), &key) == XC_NO) {
		s->match = XC_NO;
		return XC_OUT_NEXT;
	}
	if (!nft_elements(s->w, json_object_get(arg, "data"), &map))
		return XC_OUT_NEXT | XC_OUT_RETURN | XC_OUT_ACCEPT;
	xc_walk_spend(s->w, json_array_size(map.list));
	for (size_t i = 0; i <= json_array_size(map.list) && best != XC_YES; i++) {
		enum xc_tri t = XC_YES;

		entry = i < json_array_size(map.list) ? json_array_get(map.list, i) : catchall;
		if (i < json_array_size(map.list) && nft_is_catchall(json_array_get(entry, 0))) {
			catchall = entry;	/* only when nothing else matches: at the end */
			continue;
		}
		if (i < json_array_size(map.list))
			t = nft_key_is(s->w, &key, json_array_get(entry, 0));
		name = nft_single(json_array_get(entry, 1), &v);
		if (t == XC_NO || !name)
			continue;
		s->match = xc_tri_and(before, best == XC_MAYBE ? XC_MAYBE : t);
		out |= verdict(s, name, v);
		best = xc_tri_or(best, t);
	}
	s->match = best == XC_NO && !map.is_dynamic ? XC_NO : before;
	if (map.is_dynamic || best != XC_YES)
		out |= XC_OUT_NEXT;
	return out;
}

static unsigned int xt(struct step *s, const json_t *arg)
{
	const char *type = nft_string(arg, "type"), *name = nft_string(arg, "name");

	if (!type || !name || strcmp(type, "target")) {
		if (!name || strcmp(name, "comment"))
			s->match = XC_MAYBE;	/* its arguments are not in the JSON */
		return XC_OUT_NEXT;
	}
	switch (xc_ipt_target(name)) {
	case XC_IPT_ACCEPT:
		return XC_OUT_ACCEPT;
	case XC_IPT_REJECT:
		return xc_walk_drop(s->w, s->rule, XC_VERDICT_REJECT, surely(s));
	case XC_IPT_QUEUE:
		return xc_walk_drop(s->w, s->rule, XC_VERDICT_QUEUE, surely(s));
	case XC_IPT_DROP:
		return xc_walk_drop(s->w, s->rule, XC_VERDICT_DROP, surely(s));
	case XC_IPT_UNKNOWN:
		return XC_OUT_NEXT | XC_OUT_ACCEPT;
	default:
		return XC_OUT_NEXT;
	}
}

static bool has_limit(const json_t *dynset)
{
	return json_array_size(json_object_get(dynset, "stmt")) > 0;
}

/* Return: outcomes; XC_OUT_NEXT alone = on to the next statement (or rule, if match is NO). */
static unsigned int stmt_eval(struct step *s, const json_t *stmt)
{
	json_t *arg = NULL;
	const char *key = nft_single(stmt, &arg);

	if (!key)
		return anonymous_chain(s, json_string_value(stmt));
	switch (stmt_kind(key)) {
	case STMT_MATCH:
		s->match = xc_tri_and(s->match, nft_match_eval(s->w, arg));
		return XC_OUT_NEXT;
	case STMT_LIMIT:
		s->match = xc_tri_and(s->match, XC_MAYBE);
		return XC_OUT_NEXT;
	case STMT_DYNSET:
		s->match = xc_tri_and(s->match, has_limit(arg) ? XC_MAYBE : XC_YES);
		return XC_OUT_NEXT;
	case STMT_VMAP:
		return vmap(s, arg);
	case STMT_XT:
		return xt(s, arg);
	case STMT_REJECT:
		return reject(s, arg);
	case STMT_ACCEPT:
		return XC_OUT_ACCEPT;
	case STMT_SYNPROXY:	/* answers the SYN itself; drops an ACK whose cookie is wrong */
		return xc_walk_drop(s->w, s->rule, XC_VERDICT_DROP, false) | XC_OUT_ACCEPT;
	case STMT_VERDICT:
		return verdict(s, key, arg);
	case STMT_PASS:
	case STMT_COUNTER:
		break;
	}
	return XC_OUT_NEXT;
}

static unsigned int rule_eval(struct xc_walk *w, uint32_t rule, bool is_sure)
{
	const struct xc_nft *nft = w->ctx;
	const json_t *expr = nft->rules[rule].expr;
	struct step s = { .w = w, .rule = rule, .is_sure = is_sure, .match = XC_YES };
	unsigned int out = XC_OUT_NEXT;

	for (size_t i = 0; i < json_array_size(expr) && out == XC_OUT_NEXT; i++) {
		out = stmt_eval(&s, json_array_get(expr, i));
		if (s.match == XC_NO)
			return XC_OUT_NEXT;
	}
	return s.match == XC_YES ? out : out | (unsigned int)XC_OUT_NEXT;
}

/* The device a netdev chain is bound to; nft 1.0.6 tells it in the text form only. */
static enum xc_tri on_device(const struct nft_chain *c, const char *ifname)
{
	const char *text = c->text ? strstr(c->text, " device") : NULL;
	char quoted[20];

	if (!ifname[0])
		return XC_MAYBE;
	if (json_is_string(c->dev))
		return xc_tri(!strcmp(json_string_value(c->dev), ifname));
	for (size_t i = 0; i < json_array_size(c->dev); i++) {
		const char *dev = json_string_value(json_array_get(c->dev, i));

		if (dev && !strcmp(dev, ifname))
			return XC_YES;
	}
	if (c->dev)
		return XC_NO;
	(void)snprintf(quoted, sizeof(quoted), "\"%s\"", ifname);
	if (!text || !strchr(text, '"'))
		return XC_MAYBE;
	return xc_tri(strstr(text, quoted) != NULL);
}

static enum xc_tri applies(const struct xc_walk *w, const struct xc_chain *c)
{
	const struct xc_nft *nft = w->ctx;
	const struct nft_chain *n = &nft->chain_names[c - nft->chains];
	bool is_edge = !strcmp(n->hook, "ingress") || !strcmp(n->hook, "egress");
	bool is_v4 = xc_packet_is_v4(w->pkt);

	if (nft->tables[c->owner].is_skipped)
		return XC_NO;
	if (is_edge)
		return on_device(n, n->hook[0] == 'i' ? w->pkt->iif : w->pkt->oif);
	if (!strcmp(n->family, "inet"))
		return XC_YES;
	return xc_tri(!strcmp(n->family, is_v4 ? "ip" : "ip6"));	/* not bridge, not arp */
}

/* Its own counter proves a rule only if nothing after it can still say no. */
static int64_t counter_of(const json_t *expr)
{
	int64_t packets = -1;
	json_t *stmt, *v = NULL;
	size_t i;

	json_array_foreach(expr, i, stmt) {
		const char *key = nft_single(stmt, &v);
		enum stmt_kind kind = key ? stmt_kind(key) : STMT_VMAP;

		if (kind == STMT_COUNTER && json_is_object(v))
			packets = json_integer_value(json_object_get(v, "packets"));
		else if (kind == STMT_MATCH || kind == STMT_VMAP || kind == STMT_LIMIT ||
			 kind == STMT_DYNSET)
			packets = -1;
	}
	return packets;
}

static void name_chain(const struct xc_nft *nft, const struct xc_chain *c, struct xc_rule *out)
{
	const struct nft_chain *n = &nft->chain_names[c - nft->chains];
	char table[320];

	(void)snprintf(out->engine, sizeof(out->engine), "nftables");
	(void)snprintf(table, sizeof(table), "%s %s", n->family, n->table);
	xc_text_copy(out->table, sizeof(out->table), table, sizeof(table));
	xc_text_copy(out->chain, sizeof(out->chain), n->name, strlen(n->name));
}

static void describe_rule(const struct xc_nft *nft, const struct nft_rule *r, struct xc_rule *out)
{
	out->handle = r->handle;
	out->packets = counter_of(r->expr);
	if (r->text)
		xc_text_copy(out->text, sizeof(out->text), r->text, strlen(r->text));
	else
		(void)snprintf(out->text, sizeof(out->text), "rule handle %u", r->handle);
	name_chain(nft, &nft->chains[r->chain], out);
}

static void describe_policy(const struct xc_nft *nft, const struct xc_chain *c, struct xc_rule *out)
{
	const struct nft_chain *n = &nft->chain_names[c - nft->chains];
	const char *text = n->text ? n->text : "policy drop;";

	xc_text_copy(out->text, sizeof(out->text), text, strlen(text));
	name_chain(nft, c, out);
}

static void describe(const struct xc_walk *w, uint32_t rule, struct xc_rule *out)
{
	const struct xc_nft *nft = w->ctx;

	if (rule == XC_WALK_POLICY)
		describe_policy(nft, w->base, out);
	else
		describe_rule(nft, &nft->rules[rule], out);
}

static const struct xc_walk_ops ops = {
	.rule = rule_eval,
	.applies = applies,
	.describe = describe,
};

void xc_nft_eval(const struct xc_nft *nft, const struct xc_packet *pkt, struct xc_candidates *out)
{
	struct xc_walk w = {
		.ops = &ops,
		.ctx = nft,
		.chains = nft->chains,
		.n_chains = nft->n_chains,
		.pkt = pkt,
		.out = out,
		.has_notrack = nft->has_notrack,
	};

	xc_walk_run(&w);
}

/* The verdict a rule ends in, for a rule the kernel has named for us. */
static enum xc_rule_verdict verdict_of(const json_t *expr)
{
	json_t *stmt, *v = NULL;
	size_t i;

	json_array_foreach(expr, i, stmt) {
		const char *key = nft_single(stmt, &v);
		const char *type = nft_string(v, "type"), *name = nft_string(v, "name");

		if (key && !strcmp(key, "reject"))
			return type && !strcmp(type, "tcp reset") ? XC_VERDICT_REJECT_RST :
								    XC_VERDICT_REJECT;
		if (key && !strcmp(key, "xt") && name && !strcmp(name, "REJECT"))
			return XC_VERDICT_REJECT;
		if (key && !strcmp(key, "queue"))
			return XC_VERDICT_QUEUE;
	}
	return XC_VERDICT_DROP;
}

/* Names longer than the fields of a rule are cut there: compare what is left of them. */
static bool is_named(const struct xc_nft *nft, const struct xc_chain *c, const struct xc_rule *rule)
{
	struct xc_rule own;

	name_chain(nft, c, &own);
	return !strcmp(own.table, rule->table) && !strcmp(own.chain, rule->chain);
}

static const struct nft_rule *rule_of(const struct xc_nft *nft, const struct xc_chain *c,
				      uint32_t handle)
{
	for (uint32_t i = c->first_rule; i < c->first_rule + c->n_rules; i++)
		if (nft->rules[i].handle == handle)
			return &nft->rules[i];
	return NULL;
}

bool xc_nft_describe(const struct xc_nft *nft, struct xc_rule *rule)
{
	for (uint32_t i = 0; i < nft->n_chains; i++) {
		const struct xc_chain *c = &nft->chains[i];
		const struct nft_rule *r;

		if (!is_named(nft, c, rule))
			continue;
		if (rule->is_policy) {
			rule->verdict = XC_VERDICT_DROP;
			describe_policy(nft, c, rule);
			return true;
		}
		r = rule_of(nft, c, rule->handle);
		if (!r)
			continue;	/* another name that is cut the same way */
		rule->verdict = verdict_of(r->expr);
		describe_rule(nft, r, rule);
		return true;
	}
	return false;
}
