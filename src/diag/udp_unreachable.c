/* SPDX-License-Identifier: Apache-2.0 */
/* A UDP datagram reached the host, and no socket wants it. */
#include "diag/pattern.h"

#include <netinet/in.h>

/*
 * Of what the client sent. An answer that finds its socket gone is late and no more: a resolver that asks two servers
 * takes the first answer and closes.
 */
static const struct xc_drop_fact *unwanted_datagram(const struct xc_case *c)
{
	const struct xc_drop_fact *d;
	size_t i = 0;

	while ((d = xc_case_next_drop(c, XC_DROP_NO_SOCKET, &i)))
		if (d->to_server)
			return d;
	return NULL;
}

static const struct xc_icmp_fact *told_to_client(const struct xc_case *c)
{
	for (uint32_t i = 0; i < c->n_icmps; i++) {
		const struct xc_icmp_fact *f = &c->icmps[i];

		if (f->to_client && ((f->e.family == 4 && f->e.type == 3 && f->e.code == 3) ||
				     (f->e.family == 6 && f->e.type == 1 && f->e.code == 4)))
			return f;
	}
	return NULL;
}

static bool udp_unreachable_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = unwanted_datagram(c);
	const struct xc_icmp_fact *i = told_to_client(c);
	char server[XC_WORDS], packet[XC_WORDS], from[XC_ENDPOINT_LEN], who[XC_WORDS];

	if (c->tuple.proto != IPPROTO_UDP)
		return false;
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
	if (xc_is_traceroute(c))
		o->severity = XC_SEVERITY_INFO;
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
