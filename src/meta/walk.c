/* SPDX-License-Identifier: Apache-2.0 */
#include "meta/walk.h"

#include <ctype.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>

/* Where the kernel itself works (linux/netfilter_ipv4.h, enum nf_ip_hook_priorities). */
#define PRIO_CONNTRACK (-200)
#define PRIO_NAT_DST (-100)
#define PRIO_NAT_SRC 100

void xc_candidates_init(struct xc_candidates *c)
{
	c->n = 0;
	c->n_lost = 0;
	c->stop_prio = INT_MAX;
}

static bool same_rule(const struct xc_rule *a, const struct xc_rule *b)
{
	return a->handle == b->handle && a->is_policy == b->is_policy &&
	       !strcmp(a->chain, b->chain) && !strcmp(a->table, b->table) &&
	       !strcmp(a->engine, b->engine);
}

void xc_candidates_add(struct xc_candidates *c, const struct xc_rule *r)
{
	for (size_t i = 0; i < c->n; i++) {
		if (!same_rule(&c->r[i], r))
			continue;
		c->r[i].is_certain |= r->is_certain;
		return;
	}
	if (c->n == XC_CANDIDATES_MAX)
		c->n_lost++;
	else
		c->r[c->n++] = *r;
}

size_t xc_candidates_finish(struct xc_candidates *c)
{
	size_t n = 0, n_certain = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct xc_rule r = c->r[i];

		if (r.prio > c->stop_prio)
			continue;
		c->r[n] = r;
		if (r.is_certain) {	/* stable: certain ones move to the front in their order */
			memmove(&c->r[n_certain + 1], &c->r[n_certain],
				(n - n_certain) * sizeof(r));
			c->r[n_certain++] = r;
		}
		n++;
	}
	c->n = n;
	return n + c->n_lost;
}

void xc_text_copy(char *dst, size_t size, const char *src, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && src[i]; i++) {
		char ch = isspace((unsigned char)src[i]) ? ' ' : src[i];

		if (ch == ' ' && (n == 0 || dst[n - 1] == ' '))
			continue;
		if (n == size - 1) {
			memcpy(dst + size - 4, "...", 4);
			return;
		}
		dst[n++] = ch;
	}
	while (n > 0 && dst[n - 1] == ' ')
		n--;
	dst[n] = '\0';
}

bool xc_packet_is_v4(const struct xc_packet *p)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(p->tuple.saddr, mapped, sizeof(mapped)) ||
	       !memcmp(p->tuple.daddr, mapped, sizeof(mapped));
}

bool xc_packet_has_ports(const struct xc_packet *p)
{
	switch (p->tuple.proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return true;
	default:
		return false;
	}
}

/* Neighbour discovery and MLD never enter conntrack (nf_conntrack_proto_icmpv6.c). */
static bool is_never_tracked(const struct xc_packet *p)
{
	return p->tuple.proto == IPPROTO_ICMPV6 &&
	       ((p->icmp_type >= 130 && p->icmp_type <= 137) || p->icmp_type == 143);
}

bool xc_walk_ct(const struct xc_walk *w, unsigned int *ret_bits, unsigned int *ret_alt)
{
	static const unsigned int bits[] = {
		[XC_CT_NONE] = XC_CT_BIT_INVALID,
		[XC_CT_NEW] = XC_CT_BIT_NEW,
		[XC_CT_ESTABLISHED] = XC_CT_BIT_ESTABLISHED,
		[XC_CT_RELATED] = XC_CT_BIT_RELATED,
	};
	const struct xc_packet *p = w->pkt;
	bool is_first_hook = w->base->hook == XC_HOOK_PREROUTING || w->base->hook == XC_HOOK_OUTPUT;
	enum xc_ct ct = p->ct;

	/* Before conntrack has looked there is no state; loopback packets keep their sender's. */
	if (is_first_hook && w->base->prio <= PRIO_CONNTRACK && strcmp(p->iif, "lo"))
		ct = XC_CT_NONE;
	if (ct >= XC_CT_UNKNOWN)
		return false;
	*ret_bits = bits[ct];
	*ret_alt = bits[ct];
	if (ct != XC_CT_NONE)
		return true;
	if (is_never_tracked(p))
		*ret_bits = *ret_alt = XC_CT_BIT_UNTRACKED;
	else if (w->has_notrack)
		*ret_alt = XC_CT_BIT_UNTRACKED;
	return true;
}

static bool has_nat(const struct xc_packet *p)
{
	const struct xc_tuple *t = &p->tuple, *o = &p->orig;

	return o->proto && (memcmp(t->saddr, o->saddr, 16) || memcmp(t->daddr, o->daddr, 16) ||
			    t->sport_he != o->sport_he || t->dport_he != o->dport_he);
}

bool xc_walk_is_before_nat(const struct xc_walk *w)
{
	enum xc_hook hook = w->base->hook;

	if (!has_nat(w->pkt))
		return false;
	if (hook == XC_HOOK_PREROUTING || hook == XC_HOOK_OUTPUT)
		return w->base->prio < PRIO_NAT_DST;
	return (hook == XC_HOOK_INPUT || hook == XC_HOOK_POSTROUTING) &&
	       w->base->prio < PRIO_NAT_SRC;
}

const char *xc_walk_ifname(const struct xc_walk *w, bool is_input)
{
	const char *name = is_input ? w->pkt->iif : w->pkt->oif;
	enum xc_hook hook = w->base->hook;
	bool has_none = is_input ? hook == XC_HOOK_OUTPUT :
				   hook == XC_HOOK_PREROUTING || hook == XC_HOOK_INPUT;

	if (has_none)
		return "";
	return name[0] ? name : NULL;
}

static void describe(struct xc_walk *w, uint32_t rule, enum xc_rule_verdict verdict, bool is_sure)
{
	struct xc_rule r = {
		.prio = w->base->prio,
		.hook = w->base->hook,
		.packets = -1,
		.verdict = verdict,
		.how = XC_RULE_EVALUATED,
		.is_policy = rule == XC_WALK_POLICY,
		.is_certain = is_sure && w->n_steps <= XC_WALK_STEPS_MAX,
	};

	w->ops->describe(w, rule, &r);
	xc_candidates_add(w->out, &r);
}

unsigned int xc_walk_drop(struct xc_walk *w, uint32_t rule, enum xc_rule_verdict verdict,
			  bool is_sure)
{
	if (verdict == XC_VERDICT_QUEUE) {	/* the program may as well let it pass */
		describe(w, rule, verdict, false);
		return XC_OUT_DROP | XC_OUT_ACCEPT;
	}
	describe(w, rule, verdict, is_sure);
	return XC_OUT_DROP;
}

/* Outcomes of one whole chain; never XC_OUT_NEXT. */
static unsigned int walk_chain(struct xc_walk *w, const struct xc_chain *c, bool is_sure)
{
	const struct xc_chain *caller = w->chain;
	unsigned int out = 0, o = XC_OUT_NEXT;

	w->chain = c;
	for (uint32_t i = 0; i < c->n_rules && (o & XC_OUT_NEXT); i++) {
		if (++w->n_steps > XC_WALK_STEPS_MAX) {
			o = XC_OUT_RETURN | XC_OUT_ACCEPT;	/* given up: all is possible */
		} else {
			o = w->ops->rule(w, c->first_rule + i, is_sure);
			w->chain = c;
		}
		out |= o & ~(unsigned int)XC_OUT_NEXT;
	}
	w->chain = caller;
	return o & XC_OUT_NEXT ? out | XC_OUT_RETURN : out;
}

unsigned int xc_walk_jump(struct xc_walk *w, uint32_t chain, bool is_goto, bool is_sure)
{
	unsigned int o;

	if (chain >= w->n_chains || w->depth >= XC_WALK_DEPTH_MAX)
		return XC_OUT_NEXT | XC_OUT_ACCEPT;	/* a damaged ruleset: all is possible */
	w->depth++;
	o = walk_chain(w, &w->chains[chain], is_sure);
	w->depth--;
	if ((o & XC_OUT_RETURN) && !is_goto)
		o = (o & ~(unsigned int)XC_OUT_RETURN) | XC_OUT_NEXT;
	return o;
}

/* Return: the packet may be alive after this base chain. */
static bool walk_base(struct xc_walk *w, const struct xc_chain *c, bool is_sure)
{
	unsigned int o;

	w->base = c;
	w->depth = 0;
	o = walk_chain(w, c, is_sure);
	if (!(o & XC_OUT_RETURN))
		return o & XC_OUT_ACCEPT;
	if (!c->is_drop)
		return true;
	w->chain = c;
	(void)xc_walk_drop(w, XC_WALK_POLICY, XC_VERDICT_DROP, is_sure);
	return o & XC_OUT_ACCEPT;
}

static enum xc_tri sees_packet(const struct xc_walk *w, const struct xc_chain *c)
{
	enum xc_tri t = w->ops->applies(w, c);

	if (!c->is_nat || t == XC_NO || w->pkt->ct == XC_CT_NEW)
		return t;
	return w->pkt->ct == XC_CT_UNKNOWN ? XC_MAYBE : XC_NO;
}

static bool is_after(const struct xc_chain *c, const struct xc_chain *last)
{
	if (!last)
		return true;
	return c->prio != last->prio ? c->prio > last->prio : c > last;
}

/* Next base chain of @hook after @last; equal priorities run in the order of the listing. */
static const struct xc_chain *next_base(const struct xc_walk *w, enum xc_hook hook,
					const struct xc_chain *last)
{
	const struct xc_chain *best = NULL;

	for (size_t i = 0; i < w->n_chains; i++) {
		const struct xc_chain *c = &w->chains[i];

		if (c->hook == hook && is_after(c, last) && (!best || c->prio < best->prio))
			best = c;
	}
	return best;
}

static void walk_hook(struct xc_walk *w, enum xc_hook hook, bool is_sure)
{
	const struct xc_chain *c = NULL;

	while ((c = next_base(w, hook, c)) && c->prio <= w->out->stop_prio) {
		enum xc_tri sees = sees_packet(w, c);

		if (sees == XC_NO || walk_base(w, c, is_sure && sees == XC_YES) || sees != XC_YES)
			continue;
		if (is_sure)
			w->out->stop_prio = c->prio;
		return;
	}
}

void xc_walk_run(struct xc_walk *w)
{
	w->n_steps = 0;
	if (w->pkt->hook != XC_HOOK_NONE) {
		walk_hook(w, w->pkt->hook, true);
		return;
	}
	for (enum xc_hook h = XC_HOOK_PREROUTING; h < _XC_HOOK_MAX; h++)
		walk_hook(w, h, false);
}
