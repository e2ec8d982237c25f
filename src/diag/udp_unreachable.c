/* SPDX-License-Identifier: Apache-2.0 */
/* A UDP datagram reached the host, and no socket wants it. */
#include "diag/pattern.h"

#include <netinet/in.h>

static bool udp_unreachable_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = xc_case_drop(c, XC_DROP_NO_SOCKET);
	const struct xc_icmp_fact *i = xc_icmp_about(c, 4, 3, 3);
	char server[XC_WORDS], packet[XC_WORDS], from[XC_ENDPOINT_LEN], who[XC_WORDS];

	if (c->tuple.proto != IPPROTO_UDP)
		return false;
	if (!i)
		i = xc_icmp_about(c, 6, 1, 4);
	if (!d && !i)
		return false;
	if (d)
		xc_for(o, XC_DECISIVE, d->e.first_ns, "skb:kfree_skb", "%s: no socket for it",
		       xc_packet_words(d, packet));
	if (i)
		xc_for(o, XC_DECISIVE, i->e.hdr.ts_ns,
		       i->e.is_sent ? "icmp:icmp_send" : "raw ICMP socket",
		       "port unreachable, reported by %s",
		       xc_addr_is_zero(i->e.from) ? "this host" : xc_addr_str(i->e.from, from));
	if (xc_filter_drop_of(c))
		xc_against(o, XC_AGAINST * 3, "a filter dropped the datagram and answered itself");
	xc_server_words(c, server);
	xc_summary(o, "no service on UDP %s", server);
	xc_subject(o, "UDP %s", server);
	for (uint32_t k = 0; k < c->n_listeners; k++)
		if (!c->listeners[k].fits) {
			xc_details(o, "%s is bound to another address of that port: %s.",
				   xc_owner_words(&c->listeners[k].owner, who),
				   xc_endpoint_str(c->listeners[k].addr, c->tuple.dport_he, from));
			xc_for(o, XC_WEAK, 0, "listener table", "%s is bound to %s only", who,
			       from);
		}
	xc_fix(o,
	       "Start the service on UDP %s or correct the port. A client with an unconnected socket sees only a time-out: connect() it to get ECONNREFUSED at once.",
	       server);
	return true;
}

const struct xc_pattern xc_pattern_udp_unreachable = {
	.id = "udp-unreachable",
	.name = "UDP Port Unreachable",
	.layer = XC_LAYER_SOCKET,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "No socket is bound to the UDP port.",
	.fix = "Start the service or correct the port.",
	.match = udp_unreachable_match,
};
