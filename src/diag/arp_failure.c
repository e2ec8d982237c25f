/* SPDX-License-Identifier: Apache-2.0 */
/* The next hop does not answer ARP or neighbour discovery. */
#include "diag/pattern.h"

#define NUD_FAILED 0x20
#define NUD_INCOMPLETE 0x01

static const struct xc_drop_fact *neighbour_drop(const struct xc_case *c)
{
	static const enum xc_drop why[] = { XC_DROP_NEIGH_FAILED, XC_DROP_NEIGH_CREATEFAIL,
					    XC_DROP_NEIGH_DEAD, XC_DROP_NEIGH_QUEUEFULL };

	for (size_t i = 0; i < sizeof(why) / sizeof(why[0]); i++) {
		const struct xc_drop_fact *d = xc_case_drop(c, why[i]);

		if (d)
			return d;
	}
	return NULL;
}

static void state_neighbour(const struct xc_case *c, struct xc_opinion *o,
			    const struct xc_neigh_evt *n)
{
	/* the neighbour may have failed before this flow asked for it */
	uint64_t since = n->hdr.ts_ns > c->first_ns ? n->hdr.ts_ns : c->first_ns;
	const char *proto = xc_addr_is_v4(n->addr) ? "ARP" : "neighbour discovery";
	char addr[XC_ENDPOINT_LEN], dev[XC_WORDS];

	xc_addr_str(n->addr, addr);
	xc_dev_words(n->dev, dev);
	if (n->nud_state & NUD_FAILED)
		xc_for(o, XC_DECISIVE, since, "neigh:neigh_timer_handler",
		       "%s for %s%s failed: %u requests, no reply", proto, addr, dev, n->probes);
	else
		xc_for(o, c->is_neigh_overdue ? XC_STRONG : XC_WEAK, n->hdr.ts_ns,
		       "neigh:neigh_timer_handler", "%s for %s%s not answered yet", proto, addr,
		       dev);
	xc_subject(o, "neighbour %s%s of namespace %u", addr, dev, n->netns);
	xc_summary(o, "%s%s does not answer %s", addr, dev, proto);
	xc_details(o, "The next hop towards %s is %s%s, and nobody there answers %s.",
		   xc_server_words(c, (char[XC_WORDS]){ 0 }), addr, dev, proto);
	xc_fix(o,
	       "Is %s up and in this subnet? Check the address, the VLAN and the interface%s; in Kubernetes whether the pod exists and the CNI set it up (`ip neigh show%s%s`).%s",
	       addr, dev, n->dev[0] ? " dev " : "", n->dev,
	       xc_addr_is_v4(n->addr) ?
		       "" :
		       " A firewall at either end must let ICMPv6 types 135 and 136 through (RFC 4890 4.4.1).");
}

static bool arp_failure_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = neighbour_drop(c);
	const struct xc_icmp_fact *host = xc_icmp_about(c, 4, 3, 1);
	char packet[XC_WORDS], addr[XC_ENDPOINT_LEN];

	for (uint32_t i = 0; i < c->n_neighs; i++)
		state_neighbour(c, o, &c->neighs[i]);
	if (d) {
		xc_for(o, XC_DECISIVE, d->e.first_ns, "skb:kfree_skb", "%s dropped: %s",
		       xc_packet_words(d, packet), d->name);
		if (!o->summary[0] && d->e.has_next) {
			xc_summary(o, "%s does not answer ARP or neighbour discovery",
				   xc_addr_str(d->e.nexthop, addr));
			xc_subject(o, "neighbour %s of namespace %u", addr, d->e.netns);
		}
	}
	/* of an open connection it may as well wait in the queue of the card: skb_still_in_host_queue() */
	if (c->client.n_err_ebusy && (!c->was_established || c->n_neighs))
		xc_for(o, XC_STRONG, c->client.last_ns, "tcp:tcp_retransmit_skb",
		       "a resent %s still waits for the neighbour (EBUSY): nothing has left this host",
		       c->was_established ? "segment" : "SYN");
	if (!host)
		host = xc_icmp_about(c, 6, 1, 3);	/* RFC 4443: address unreachable */
	if (host && (!xc_addr_is_zero(host->e.from) || host->e.is_sent))
		xc_for(o, XC_STRONG, host->e.hdr.ts_ns,
		       host->e.is_sent ? "icmp:icmp_send" : "raw ICMP socket",
		       "%s reports the host unreachable",
		       host->e.is_sent ? "this host" : xc_addr_str(host->e.from, addr));
	if (xc_is_kept_from_neighbour(c))
		xc_against(o, XC_RULED_OUT * 2,
			   "the question or its answer was dropped on this host");
	else if (xc_filter_drop_of(c))
		xc_against(o, XC_AGAINST * 2, "a filter dropped the packet and sent that answer");
	return o->n_evidence > 0;
}

const struct xc_pattern xc_pattern_arp_failure = {
	.id = "arp-failure",
	.name = "ARP Failure",
	.layer = XC_LAYER_L2,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The next hop does not answer ARP (IPv4) or neighbour discovery (IPv6).",
	.fix = "Check if the pod or host exists and is in this subnet; verify CNI, VLAN and cabling.",
	.match = arp_failure_match,
};
