/* SPDX-License-Identifier: Apache-2.0 */
/* What one iptables rule does to the packet. */
#include "meta/ipt_tree.h"

#include "base/scope.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	enum xc_ipt_action action;
} targets[] = {
	{ "ACCEPT", XC_IPT_ACCEPT },	 { "DROP", XC_IPT_DROP },
	{ "REJECT", XC_IPT_REJECT },	 { "RETURN", XC_IPT_RETURN },
	{ "QUEUE", XC_IPT_QUEUE },	 { "NFQUEUE", XC_IPT_QUEUE },
	{ "DNAT", XC_IPT_ACCEPT },	 { "SNAT", XC_IPT_ACCEPT },
	{ "MASQUERADE", XC_IPT_ACCEPT }, { "REDIRECT", XC_IPT_ACCEPT },
	{ "NETMAP", XC_IPT_ACCEPT },	 { "TPROXY", XC_IPT_ACCEPT },
	{ "TARPIT", XC_IPT_DROP },	 { "DELUDE", XC_IPT_DROP },
	{ "LOG", XC_IPT_NONE },		 { "NFLOG", XC_IPT_NONE },
	{ "ULOG", XC_IPT_NONE },	 { "MARK", XC_IPT_NONE },
	{ "CONNMARK", XC_IPT_NONE },	 { "CT", XC_IPT_NONE },
	{ "NOTRACK", XC_IPT_NONE },	 { "TCPMSS", XC_IPT_NONE },
	{ "TCPOPTSTRIP", XC_IPT_NONE },	 { "CHECKSUM", XC_IPT_NONE },
	{ "CLASSIFY", XC_IPT_NONE },	 { "DSCP", XC_IPT_NONE },
	{ "TOS", XC_IPT_NONE },		 { "ECN", XC_IPT_NONE },
	{ "HL", XC_IPT_NONE },		 { "TTL", XC_IPT_NONE },
	{ "SET", XC_IPT_NONE },		 { "TRACE", XC_IPT_NONE },
	{ "TEE", XC_IPT_NONE },		 { "AUDIT", XC_IPT_NONE },
	{ "SECMARK", XC_IPT_NONE },	 { "CONNSECMARK", XC_IPT_NONE },
	{ "RATEEST", XC_IPT_NONE },	 { "IDLETIMER", XC_IPT_NONE },
	{ "HMARK", XC_IPT_NONE },	 { "FLOWOFFLOAD", XC_IPT_NONE },
	{ "SNPT", XC_IPT_NONE },	 { "DNPT", XC_IPT_NONE },
	{ "LED", XC_IPT_NONE },
};

enum xc_ipt_action xc_ipt_target(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		if (!strcmp(targets[i].name, name))
			return targets[i].action;
	return XC_IPT_UNKNOWN;
}

bool xc_ipt_sets_mark(const char *target)
{
	static const char *const names[] = { "MARK", "CONNMARK", "HMARK", "TPROXY", "SET" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], target))
			return true;
	return false;
}

static bool addr_matches(const struct ipt_match *m, const uint8_t addr[16])
{
	if (m->kind == IPT_ADDR_RANGE)
		return memcmp(addr, m->a, 16) >= 0 && memcmp(addr, m->b, 16) <= 0;
	for (size_t i = 0; i < 16; i++)
		if ((addr[i] ^ m->a[i]) & m->b[i])
			return false;
	return true;
}

static enum xc_tri match_addr(const struct xc_walk *w, const struct ipt_match *m)
{
	const struct xc_tuple *t = &w->pkt->tuple;

	if (xc_walk_is_before_nat(w))
		return XC_MAYBE;
	return xc_tri(addr_matches(m, m->is_src ? t->saddr : t->daddr));
}

/* "eth+" is a prefix. */
static enum xc_tri match_if(const struct xc_walk *w, const struct ipt_match *m)
{
	const char *name = xc_walk_ifname(w, m->is_src);
	size_t n = strlen(m->ifname);

	if (!name)
		return XC_MAYBE;
	if (n > 0 && m->ifname[n - 1] == '+')
		return xc_tri(!strncmp(name, m->ifname, n - 1));
	return xc_tri(!strcmp(name, m->ifname));
}

static bool port_matches(const struct xc_ipt *ipt, const struct ipt_match *m, uint16_t port)
{
	if (m->kind == IPT_PORT)
		return port >= m->lo && port <= m->hi;
	for (uint32_t i = m->first_port; i < m->first_port + m->n_ports; i++) {
		const struct ipt_range *r = IPT_AT(ipt->ports, struct ipt_range, i);

		if (port >= r->lo && port <= r->hi)
			return true;
	}
	return false;
}

static enum xc_tri match_port(const struct xc_walk *w, const struct ipt_match *m)
{
	const struct xc_tuple *t = &w->pkt->tuple;

	if (xc_walk_is_before_nat(w))
		return XC_MAYBE;
	return xc_tri((m->is_src && port_matches(w->ctx, m, t->sport_he)) ||
		      (m->is_dst && port_matches(w->ctx, m, t->dport_he)));
}

static enum xc_tri match_ct(const struct xc_walk *w, const struct ipt_match *m)
{
	unsigned int bits, alt;

	if (!xc_walk_ct(w, &bits, &alt))
		return XC_MAYBE;
	if ((bits & m->lo) && (alt & m->lo))
		return XC_YES;
	return (bits & m->lo) || (alt & m->lo) || m->hi ? XC_MAYBE : XC_NO;
}

static enum xc_tri match_mark(const struct xc_walk *w, const struct ipt_match *m)
{
	const struct xc_ipt *ipt = w->ctx;

	/* We know the mark at the drop; a rule before "-j MARK" has seen another one. */
	if (IPT_AT(ipt->tables, struct ipt_table, w->chain->owner)->sets_mark)
		return XC_MAYBE;
	return xc_tri((w->pkt->mark & m->hi) == m->lo);
}

static enum xc_tri match_icmp(const struct xc_walk *w, const struct ipt_match *m)
{
	const struct xc_ipt *ipt = w->ctx;

	if (m->lo == IPT_ANY_TYPE && !ipt->is_v6)
		return XC_YES;
	return xc_tri(w->pkt->icmp_type == m->lo &&
		      (m->hi == IPT_ANY_CODE || w->pkt->icmp_code == m->hi));
}

static enum xc_tri in_range(int64_t value, const struct ipt_match *m)
{
	return value < 0 ? XC_MAYBE : xc_tri(value >= m->lo && value <= m->hi);
}

static enum xc_tri match_plain(const struct xc_walk *w, const struct ipt_match *m)
{
	const struct xc_packet *p = w->pkt;

	switch (m->kind) {
	case IPT_ADDR:
	case IPT_ADDR_RANGE:
		return match_addr(w, m);
	case IPT_IF:
		return match_if(w, m);
	case IPT_PROTO:
		return xc_tri(m->lo == 0 || m->lo == p->tuple.proto);
	case IPT_PORT:
	case IPT_MULTIPORT:
		return match_port(w, m);
	case IPT_TCP_FLAGS:
		return xc_tri((p->tcp_flags & m->lo) == m->hi);
	case IPT_ICMP:
		return match_icmp(w, m);
	case IPT_MARK:
		return match_mark(w, m);
	case IPT_CT:
		return match_ct(w, m);
	case IPT_UID:
		return in_range(p->uid, m);
	case IPT_GID:
		return in_range(p->gid, m);
	case IPT_LENGTH:
		return in_range(p->len_bytes ? (int64_t)p->len_bytes : -1, m);
	case IPT_TTL:
		return in_range(p->ttl ? p->ttl : -1, m);
	case IPT_UNKNOWN:
		break;
	}
	return XC_MAYBE;
}

enum xc_tri ipt_match_eval(const struct xc_walk *w, const struct ipt_match *m)
{
	const struct xc_packet *p = w->pkt;
	bool is_icmp = p->tuple.proto == IPPROTO_ICMP || p->tuple.proto == IPPROTO_ICMPV6;
	enum xc_tri t;

	/* A header that is not there makes the rule fail, with "!" as well. */
	if (((m->kind == IPT_PORT || m->kind == IPT_MULTIPORT) && !xc_packet_has_ports(p)) ||
	    (m->kind == IPT_TCP_FLAGS && p->tuple.proto != IPPROTO_TCP) ||
	    (m->kind == IPT_ICMP && !is_icmp))
		return XC_NO;
	t = match_plain(w, m);
	return m->is_not ? xc_tri_not(t) : t;
}

static unsigned int act(struct xc_walk *w, uint32_t rule, bool is_sure)
{
	const struct xc_ipt *ipt = w->ctx;
	const struct ipt_rule *r = IPT_AT(ipt->rules, struct ipt_rule, rule);

	switch (r->action) {
	case XC_IPT_ACCEPT:
		return XC_OUT_ACCEPT;
	case XC_IPT_DROP:
	case XC_IPT_REJECT:
		return xc_walk_drop(w, rule, r->verdict, is_sure);
	case XC_IPT_QUEUE:
		return xc_walk_drop(w, rule, XC_VERDICT_QUEUE, is_sure);
	case XC_IPT_RETURN:
		return XC_OUT_RETURN;
	case XC_IPT_JUMP:
		return xc_walk_jump(w, r->target, false, is_sure);
	case XC_IPT_GOTO:
		return xc_walk_jump(w, r->target, true, is_sure);
	case XC_IPT_UNKNOWN:
		return XC_OUT_NEXT | XC_OUT_ACCEPT;
	case XC_IPT_NONE:
		break;
	}
	return XC_OUT_NEXT;
}

static unsigned int rule_eval(struct xc_walk *w, uint32_t rule, bool is_sure)
{
	const struct xc_ipt *ipt = w->ctx;
	const struct ipt_rule *r = IPT_AT(ipt->rules, struct ipt_rule, rule);
	enum xc_tri t = XC_YES;

	for (uint32_t i = 0; i < r->n_matches && t != XC_NO; i++)
		t = xc_tri_and(t, ipt_match_eval(w, IPT_AT(ipt->matches, struct ipt_match,
							   r->first_match + i)));
	if (t == XC_NO)
		return XC_OUT_NEXT;
	if (t == XC_YES)
		return act(w, rule, is_sure);
	return act(w, rule, false) | XC_OUT_NEXT;
}

static enum xc_tri applies(const struct xc_walk *w, const struct xc_chain *c)
{
	const struct xc_ipt *ipt = w->ctx;

	(void)c;
	return xc_tri(ipt->is_v6 != xc_packet_is_v4(w->pkt));
}

static void describe(const struct xc_walk *w, uint32_t rule, struct xc_rule *out)
{
	const struct xc_ipt *ipt = w->ctx;
	const struct xc_chain *chains = ipt->chains.p, *c = w->base;
	const struct ipt_rule *r = NULL;
	char text[320];

	if (rule != XC_WALK_POLICY) {
		r = IPT_AT(ipt->rules, struct ipt_rule, rule);
		c = &chains[r->chain];
		out->handle = r->number;
		xc_text_copy(out->text, sizeof(out->text), r->text, strlen(r->text));
	}
	out->packets = r ? r->packets : c->packets;
	(void)snprintf(text, sizeof(text), "%s %s", ipt->is_v6 ? "ip6" : "ip",
		       IPT_AT(ipt->tables, struct ipt_table, c->owner)->name);
	xc_text_copy(out->table, sizeof(out->table), text, sizeof(text));
	(void)snprintf(out->engine, sizeof(out->engine), "%s", ipt->engine);
	(void)snprintf(text, sizeof(text), "%s", *IPT_AT(ipt->names, const char *, c - chains));
	xc_text_copy(out->chain, sizeof(out->chain), text, sizeof(text));
	if (!r) {	/* as iptables -S prints it */
		(void)snprintf(text, sizeof(text), "-P %s DROP", out->chain);
		xc_text_copy(out->text, sizeof(out->text), text, sizeof(text));
	}
}

static const struct xc_walk_ops ops = {
	.rule = rule_eval,
	.applies = applies,
	.describe = describe,
};

void xc_ipt_eval(const struct xc_ipt *ipt, const struct xc_packet *pkt, struct xc_candidates *out)
{
	struct xc_walk w = {
		.ops = &ops,
		.ctx = ipt,
		.chains = ipt->chains.p,
		.n_chains = ipt->chains.n,
		.pkt = pkt,
		.out = out,
		.has_notrack = ipt->has_notrack,
	};

	xc_walk_run(&w);
}
