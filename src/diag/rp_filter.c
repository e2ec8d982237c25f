/* SPDX-License-Identifier: Apache-2.0 */
/* Reverse path filtering: the answer would leave by another interface. */
#include "diag/pattern.h"

#include <stdio.h>
#include <string.h>

static bool rp_filter_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = xc_case_drop(c, XC_DROP_IP_RPFILTER);
	const char *all = xc_case_note(c, "net.ipv4.conf.all.rp_filter");
	char packet[XC_WORDS], dev[XC_WORDS], src[XC_ENDPOINT_LEN], key[64];
	const char *own;

	if (!d)
		return false;
	(void)snprintf(key, sizeof(key), "net.ipv4.conf.%.15s.rp_filter", d->e.dev);
	own = xc_case_note(c, key);
	xc_addr_str(d->e.tuple.saddr, src);
	xc_for(o, XC_DECISIVE, d->e.first_ns, "skb:kfree_skb",
	       "%s dropped by reverse path filter%s", xc_packet_words(d, packet),
	       xc_dev_words(d->e.dev, dev));
	if (own || all)
		xc_for(o, XC_WEAK, d->e.first_ns, "sysctl", "%s = %s, all = %s", key,
		       own ? own : "?", all ? all : "?");
	if (d->is_by_place && own && all && !strcmp(own, "0") && !strcmp(all, "0"))
		xc_against(o, XC_RULED_OUT,
			   "rp_filter is off there; the drop is at the same place");
	xc_summary(o, "reverse path filter drops packets from %s%s", src, dev);
	xc_subject(o, "rp_filter%s of namespace %u", dev, d->e.netns);
	xc_fix(o,
	       "Add a route back to %s through %s, or set %s=2 (loose); the larger of it and net.ipv4.conf.all.rp_filter counts.",
	       src, xc_dev_or(d->e.dev, "that interface"), key);
	return true;
}

const struct xc_pattern xc_pattern_rp_filter = {
	.id = "rp-filter",
	.name = "Reverse Path Filter",
	.layer = XC_LAYER_L3,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause =
		"Reverse path filtering drops packets whose answer would leave by another interface.",
	.fix = "Add a route back to the source, or set rp_filter to 2 (loose) on that interface.",
	.match = rp_filter_match,
};
