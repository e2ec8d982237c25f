/* SPDX-License-Identifier: Apache-2.0 */
/* A netfilter rule or chain policy on this host drops the packets silently. */
#include "diag/pattern.h"

#include "diag/rule.h"

/* What is dropped is not of the flow: without it the next hop cannot be found. */
static void say_neighbour(struct xc_opinion *o, const struct xc_drop_fact *d,
			  const struct xc_rule_evt *rule)
{
	char packet[XC_WORDS], dev[XC_WORDS];

	xc_summary(o, "firewall drops the %s%s in %s%s%s", xc_packet_words(d, packet),
		   xc_dev_words(d->e.dev[0] ? d->e.dev : d->e.out_dev, dev), xc_hook_str(d->e.hook),
		   rule ? ": " : "", rule ? xc_rule_short(rule, (char[XC_WORDS]){ 0 }) : "");
	if (d->e.is_arp)
		xc_fix(o, "Allow ARP in that namespace (`nft list tables arp`, `arptables-save`).");
	else
		xc_fix(o,
		       "Accept ICMPv6 types 135 and 136 at both ends (RFC 4890 4.4.1), before the rule that drops them.");
}

static bool filter_drop_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = xc_filter_drop_of(c);
	const struct xc_rule_evt *rule;
	char flow[XC_WORDS];

	if (!d)
		return false;
	xc_state_filter_drop(o, d);
	rule = xc_case_rule(c, d);
	xc_state_rule(o, rule, d);
	xc_summary(o, "firewall drops %s in %s%s%s", xc_flow_words(c, flow), xc_hook_str(d->e.hook),
		   rule ? ": " : "", rule ? xc_rule_short(rule, (char[XC_WORDS]){ 0 }) : "");
	if (xc_is_neighbour_message(&d->e))
		say_neighbour(o, d, rule);
	if (rule && (rule->verdict == XC_VERDICT_REJECT || rule->verdict == XC_VERDICT_REJECT_RST))
		xc_against(o, XC_AGAINST, "the rule answers, it does not drop silently");
	if (xc_was_answered_by_filter(c, d))
		xc_against(o, XC_AGAINST, "the client got an answer: the rule rejects");
	if (xc_is_making_progress(c))
		xc_against(o, XC_AGAINST * 2, "other segments of the same connection pass");
	if (xc_conntrack_is_full(c, d))
		xc_against(o, XC_AGAINST * 2, "the conntrack table is full: no rule was reached");
	else if (xc_drops_as_invalid(c, d))
		xc_against(o, XC_AGAINST * 2, "the packet was dropped for its conntrack state");
	return true;
}

const struct xc_pattern xc_pattern_filter_drop = {
	.id = "filter-drop",
	.name = "Firewall Drop",
	.layer = XC_LAYER_FILTER,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "A firewall rule on this host drops the packets without an answer.",
	.fix = "Find the rule with `nft list ruleset` or `iptables-save` in that namespace and allow the flow.",
	.match = filter_drop_match,
};
