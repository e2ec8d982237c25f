/* SPDX-License-Identifier: Apache-2.0 */
/* A filter lost the state of a live connection and drops its packets as invalid. */
#include "diag/pattern.h"

#include "diag/rule.h"

static bool conntrack_invalid_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = xc_filter_drop_of(c);
	const struct xc_rule_evt *rule;
	char flow[XC_WORDS];

	if (!d || !xc_drops_as_invalid(c, d) || xc_conntrack_is_full(c, d))
		return false;
	rule = xc_case_rule(c, d);
	xc_state_filter_drop(o, d);
	xc_for(o, XC_STRONG, d->e.first_ns, "skb:kfree_skb",
	       "the packet has no conntrack entry although the connection %s",
	       c->was_established ? "is established" : "is past its SYN");
	xc_state_rule(o, rule, d);
	if (xc_is_making_progress(c))
		xc_against(o, XC_AGAINST * 2, "other segments of the same connection pass");
	xc_summary(o, "%s: the firewall forgot the connection and drops it as invalid",
		   xc_flow_words(c, flow));
	xc_fix(o,
	       "Find who flushed or expired the conntrack entry (`conntrack -D/-F`, a restarted firewall, net.netfilter.nf_conntrack_tcp_timeout_established shorter than the idle time); reconnect, and use keep-alives shorter than the timeout.");
	return true;
}

const struct xc_pattern xc_pattern_conntrack_invalid = {
	.id = "conntrack-invalid",
	.name = "Conntrack State Lost",
	.layer = XC_LAYER_FILTER,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The firewall no longer knows an established connection and drops its packets.",
	.fix = "Find who removed the conntrack entry; use keep-alives shorter than the conntrack timeout.",
	.match = conntrack_invalid_match,
};
