/* SPDX-License-Identifier: Apache-2.0 */
/* The interface the packets should leave by is down or has no carrier. */
#include "diag/pattern.h"

static bool link_down_match(const struct xc_case *c, struct xc_opinion *o)
{
	char packet[XC_WORDS], dev[XC_WORDS];

	for (uint32_t i = 0; i < c->n_drops; i++) {
		const struct xc_drop_fact *d = &c->drops[i];

		if (!d->e.is_dev_down ||
		    (d->why != XC_DROP_QDISC_DROP && d->why != XC_DROP_DEV_READY &&
		     d->why != XC_DROP_NOT_SPECIFIED && d->why != XC_DROP_OTHER))
			continue;
		xc_for(o, XC_DECISIVE, d->e.first_ns, "skb:kfree_skb",
		       "%s dropped%s, which is down or has no carrier (%s at %s)",
		       xc_packet_words(d, packet), xc_dev_words(d->e.dev, dev), d->name,
		       d->e.sym[0] ? d->e.sym : "?");
		xc_summary(o, "the link%s is down", dev);
		xc_subject(o, "link %s of namespace %u", d->e.dev, d->e.netns);
		xc_fix(o,
		       "Bring the link up at both ends (`ip link show dev %s`, `ip link set dev %s up`); for a veth, its peer must be up too.",
		       d->e.dev, d->e.dev);
		return true;
	}
	return false;
}

const struct xc_pattern xc_pattern_link_down = {
	.id = "link-down",
	.name = "Link Down",
	.layer = XC_LAYER_L2,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The outgoing interface is down or has no carrier.",
	.fix = "Bring the interface up at both ends.",
	.match = link_down_match,
};
