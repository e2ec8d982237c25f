/* SPDX-License-Identifier: Apache-2.0 */
#include "diag/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_NS 100000000ull	/* the error and the drop are one act: only their times differ */

void xc_state_filter_drop(struct xc_opinion *o, const struct xc_drop_fact *d)
{
	char packet[XC_WORDS], dev[XC_WORDS];

	xc_for(o, XC_DECISIVE, d->e.first_ns, "skb:kfree_skb", "%s dropped in %s%s (%s at %s)%s",
	       xc_packet_words(d, packet), xc_hook_str(d->e.hook),
	       xc_dev_words(d->e.dev[0] ? d->e.dev : d->e.out_dev, dev), d->name,
	       d->e.sym[0] ? d->e.sym : "?", d->e.count > 1 ? ", repeatedly" : "");
	xc_subject(o, "netfilter %s of namespace %u", xc_hook_str(d->e.hook), d->e.netns);
}

const char *xc_rule_short(const struct xc_rule_evt *rule, char out[XC_WORDS])
{
	(void)snprintf(out, XC_WORDS, "%.30s %.30s: %.60s", rule->table, rule->chain, rule->text);
	return out;
}

static const char *how_words(uint8_t how)
{
	switch (how) {
	case XC_RULE_TRACED:
		return "the kernel's own trace names it";
	case XC_RULE_COUNTED:
		return "its counter moved with the drops";
	default:
		return "found by evaluating the ruleset";
	}
}

void xc_state_rule(struct xc_opinion *o, const struct xc_rule_evt *rule,
		   const struct xc_drop_fact *d)
{
	char place[64] = "";

	if (!rule)
		return;
	if (rule->handle)
		(void)snprintf(place, sizeof(place), " handle %u", rule->handle);
	if (rule->n_candidates <= 1) {
		xc_for(o, XC_STRONG, d ? d->e.first_ns : 0, "ruleset",
		       "%s, table %s chain %s%s: %s (%s)", rule->engine, rule->table, rule->chain,
		       place, rule->text, how_words(rule->how));
		o->is_proven |= rule->how >= XC_RULE_COUNTED;
	} else {
		xc_for(o, XC_WEAK, d ? d->e.first_ns : 0, "ruleset",
		       "%u rules could have dropped it; first: table %s chain %s%s: %s",
		       rule->n_candidates, rule->table, rule->chain, place, rule->text);
	}
	xc_details(o, "%s table %s, chain %s%s%s: %s", rule->engine, rule->table, rule->chain,
		   place, rule->is_policy ? " (policy of the chain)" : "", rule->text);
	xc_subject(o, "%s %s %s%s", rule->engine, rule->table, rule->chain, place);
	if (rule->is_policy)
		xc_fix(o,
		       "Add an accept rule for this flow to chain %s of table %s, or change its policy.",
		       rule->chain, rule->table);
	else
		xc_fix(o, "Change or remove this rule: table %s, chain %s,%s %s", rule->table,
		       rule->chain, place[0] ? place : " rule", rule->text);
}

bool xc_has_forged_reset(const struct xc_case *c)
{
	return c->client.n_rst_rcvd && !c->n_resets && xc_filter_drop_of(c);
}

/* An error that a filter sends, for a packet that it drops: it is sent just before. */
static bool is_answer(const struct xc_icmp_evt *e, const struct xc_drop_fact *d)
{
	if (e->hdr.ts_ns + ANSWER_NS < d->e.first_ns)
		return false;	/* about a packet that was let through */
	return (e->family == 4 && e->type == 3 && e->code != 4) || (e->family == 6 && e->type == 1);
}

bool xc_was_answered_by_filter(const struct xc_case *c, const struct xc_drop_fact *d)
{
	const struct xc_rule_evt *rule = xc_case_rule(c, d);

	if (xc_is_neighbour_message(&d->e))
		return false;	/* an error that follows is about the neighbour */
	if (xc_has_forged_reset(c))
		return true;
	if (rule && rule->n_candidates == 1 && rule->verdict == XC_VERDICT_DROP)
		return false;
	for (uint32_t i = 0; i < c->n_icmps; i++)
		if (is_answer(&c->icmps[i].e, d))
			return true;
	return false;
}

static uint64_t note_number(const struct xc_case *c, const char *key)
{
	const char *v = xc_case_note(c, key);

	return v ? strtoull(v, NULL, 10) : 0;
}

bool xc_conntrack_is_full(const struct xc_case *c, const struct xc_drop_fact *d)
{
	uint64_t max = note_number(c, "net.netfilter.nf_conntrack_max");
	uint64_t count = note_number(c, "net.netfilter.nf_conntrack_count");

	if (d->e.ct != XC_CT_NONE ||
	    (d->e.hook != XC_HOOK_PREROUTING && d->e.hook != XC_HOOK_OUTPUT))
		return false;
	if (c->counters.netns == d->e.netns && c->counters.v[XC_CTR_CT_DROP])
		return true;
	return max && count >= max;
}

bool xc_drops_as_invalid(const struct xc_case *c, const struct xc_drop_fact *d)
{
	const struct xc_rule_evt *rule = xc_case_rule(c, d);

	if (d->e.ct != XC_CT_NONE || (d->e.tcp_flags & XC_TCP_SYN) || d->e.is_quoted)
		return false;
	if (rule)
		return strstr(rule->text, "invalid") || strstr(rule->text, "INVALID");
	/* Where conntrack is not in use no packet has an entry: that says nothing. */
	return c->was_established &&
	       (note_number(c, "net.netfilter.nf_conntrack_count") ||
		(c->counters.netns == d->e.netns && c->counters.v[XC_CTR_CT_COUNT]));
}
