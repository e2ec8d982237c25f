/* SPDX-License-Identifier: Apache-2.0 */
/* The packet ran out of hops. */
#include "diag/pattern.h"

#include <string.h>

static const struct xc_drop_fact *forward_drop(const struct xc_case *c)
{
	const struct xc_drop_fact *d;
	size_t i = 0;

	while ((d = xc_case_next_drop(c, XC_DROP_IP_INHDR, &i)))
		if (d->e.ttl <= 1)
			return d;
	return NULL;
}

static bool ttl_exceeded_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_icmp_fact *i = xc_icmp_about(c, 4, 11, 0);
	const struct xc_drop_fact *d = forward_drop(c);
	char packet[XC_WORDS], dev[XC_WORDS], from[XC_ENDPOINT_LEN], server[XC_WORDS];

	if (!i)
		i = xc_icmp_about(c, 6, 3, 0);
	if (!i && !d)
		return false;
	if (d)
		xc_for(o, XC_DECISIVE, d->e.first_ns, "skb:kfree_skb",
		       "%s has TTL %u and is not forwarded%s", xc_packet_words(d, packet), d->e.ttl,
		       xc_dev_words(d->e.dev, dev));
	if (i)
		xc_for(o, XC_DECISIVE, i->e.hdr.ts_ns,
		       i->e.is_sent ? "icmp:icmp_send" : "raw ICMP socket",
		       "time exceeded, reported by %s",
		       xc_addr_is_zero(i->e.from) ? "this host" : xc_addr_str(i->e.from, from));
	if (xc_is_traceroute(c))
		o->severity = XC_SEVERITY_INFO;
	xc_summary(o, "packets to %s run out of hops (TTL exceeded)", xc_server_words(c, server));
	xc_subject(o, "TTL to %s", xc_addr_str(c->tuple.daddr, from));
	xc_fix(o,
	       "Look for a routing loop (`tracepath %s`); if the sender sets its own TTL (IP_TTL, a TTL rule), raise it.",
	       xc_addr_str(c->tuple.daddr, from));
	return true;
}

const struct xc_pattern xc_pattern_ttl_exceeded = {
	.id = "ttl-exceeded",
	.name = "TTL Exceeded",
	.layer = XC_LAYER_L3,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The packets run out of hops before they arrive: a routing loop or a small TTL.",
	.fix = "Look for a routing loop with tracepath; raise the TTL the sender uses.",
	.match = ttl_exceeded_match,
};
