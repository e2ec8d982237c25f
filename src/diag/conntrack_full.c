/* SPDX-License-Identifier: Apache-2.0 */
/* No room for a new connection in the conntrack table. */
#include "diag/pattern.h"

#include "diag/rule.h"

static bool conntrack_full_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = xc_filter_drop_of(c);
	const char *count = xc_case_note(c, "net.netfilter.nf_conntrack_count");
	const char *max = xc_case_note(c, "net.netfilter.nf_conntrack_max");

	if (!d || !xc_conntrack_is_full(c, d))
		return false;
	xc_state_filter_drop(o, d);
	if (c->counters.v[XC_CTR_CT_DROP])
		xc_for(o, XC_DECISIVE, c->counters_first_ns, "nf_conntrack statistics",
		       "conntrack dropped %llu packets for want of room",
		       (unsigned long long)c->counters.v[XC_CTR_CT_DROP]);
	if (count && max)
		xc_for(o, XC_STRONG, d->e.first_ns, "sysctl", "%s of %s conntrack entries in use",
		       count, max);
	if (d->e.tcp_flags & XC_TCP_SYN)
		xc_for(o, XC_WEAK, d->e.first_ns, "skb:kfree_skb",
		       "a new connection without a conntrack entry");
	xc_summary(o, "conntrack table full: new connections are dropped in %s",
		   xc_hook_str(d->e.hook));
	xc_subject(o, "conntrack of namespace %u", d->e.netns);
	xc_fix(o,
	       "Raise net.netfilter.nf_conntrack_max (now %s), shorten the nf_conntrack timeouts, or find who holds the entries with `conntrack -L`.",
	       max ? max : "?");
	return true;
}

const struct xc_pattern xc_pattern_conntrack_full = {
	.id = "conntrack-full",
	.name = "Conntrack Table Full",
	.layer = XC_LAYER_FILTER,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The connection tracking table has no room for new connections.",
	.fix = "Raise net.netfilter.nf_conntrack_max or shorten the timeouts.",
	.match = conntrack_full_match,
};
