/* SPDX-License-Identifier: Apache-2.0 */
/* The packet reached a host that is not its destination and does not forward. */
#include "diag/pattern.h"

#include <string.h>

static bool forwarding_off_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = xc_case_drop(c, XC_DROP_IP_INADDRERRORS);
	const char *v4 = xc_case_note(c, "net.ipv4.ip_forward");
	const char *v6 = xc_case_note(c, "net.ipv6.conf.all.forwarding");
	const char *key, *value;
	char packet[XC_WORDS], dev[XC_WORDS];
	size_t i = 0;

	/* ip6_forward() gives no reason of its own */
	for (const struct xc_drop_fact *p;
	     !d && (p = xc_case_next_drop(c, XC_DROP_NOT_SPECIFIED, &i));)
		if (!strcmp(p->e.sym, "ip6_forward") && v6 && !strcmp(v6, "0"))
			d = p;
	if (!d)
		return false;
	key = xc_addr_is_v4(d->e.tuple.daddr) ? "net.ipv4.ip_forward" :
						"net.ipv6.conf.all.forwarding";
	value = xc_addr_is_v4(d->e.tuple.daddr) ? v4 : v6;
	/* Without a reason from the kernel it may be another refusal of the same function. */
	xc_for(o, d->is_by_place && !(value && !strcmp(value, "0")) ? XC_STRONG : XC_DECISIVE,
	       d->e.first_ns, "skb:kfree_skb", "%s not forwarded%s (%s at %s)",
	       xc_packet_words(d, packet), xc_dev_words(d->e.dev, dev), d->name,
	       d->e.sym[0] ? d->e.sym : "?");
	if (value && !strcmp(value, "0"))
		xc_for(o, XC_STRONG, d->e.first_ns, "sysctl", "%s = 0 in that namespace", key);
	else if (value)
		xc_against(o, XC_AGAINST, "%s = %s there", key, value);
	xc_summary(o, "the router does not forward: %s is off", key);
	xc_subject(o, "%s of namespace %u", key, d->e.netns);
	xc_fix(o,
	       "On the host that received it%s: sysctl -w %s=1. If it should not route at all, correct the route that leads here.",
	       dev, key);
	return true;
}

const struct xc_pattern xc_pattern_forwarding_off = {
	.id = "forwarding-off",
	.name = "Forwarding Disabled",
	.layer = XC_LAYER_L3,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "A host that should route has forwarding switched off.",
	.fix = "Enable net.ipv4.ip_forward or net.ipv6.conf.all.forwarding on the router.",
	.match = forwarding_off_match,
};
