/* SPDX-License-Identifier: Apache-2.0 */
/* SYNs leave and nothing at all comes back, and nothing on this host explains it. */
#include "diag/pattern.h"

#define MANY_SYNS 5	/* S2-23; 5 s with net.ipv4.tcp_syn_linear_timeouts, 31 s without */

static bool black_hole_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = xc_decisive_drop(c);
	bool has_ended = c->outcome == XC_OUTCOME_REFUSED || c->outcome == XC_OUTCOME_GAVE_UP;
	char server[XC_WORDS], flow[XC_WORDS];

	if (!xc_case_is_silent_connect(c) || (c->n_syn_retrans < 2 && !has_ended))
		return false;
	xc_server_words(c, server);
	xc_for(o, XC_STRONG, c->client.last_ns, "tcp:tcp_retransmit_skb",
	       "%u SYNs in %.1f s, no SYN-ACK, no RST, no ICMP", c->n_syn_retrans + 1,
	       (double)c->waited_ns / 1e9);
	if (c->n_syn_retrans >= MANY_SYNS)
		xc_for(o, XC_WEAK, c->client.last_ns, "tcp:tcp_retransmit_skb",
		       "%u SYN retransmissions", c->n_syn_retrans);
	if (d)
		xc_against(o, XC_RULED_OUT, "a drop on this host explains the silence (%s)",
			   d->name);
	else if (!c->is_packets_only)
		xc_for(o, XC_WEAK, 0, "skb:kfree_skb",
		       "no packet of this flow was dropped on this host");
	if (c->client.n_err_ebusy || c->n_neighs)
		xc_against(o, XC_RULED_OUT,
			   "the next hop does not answer: nothing has left this host");
	else if (!c->is_packets_only)
		xc_for(o, XC_WEAK, 0, "neigh", "the next hop is resolved");
	if (c->client.n_err_eperm)
		xc_against(o, XC_RULED_OUT, "a filter on this host refuses to send the SYN");
	if (c->server.n_synack_retrans)
		xc_against(o, XC_RULED_OUT, "the server answers; its SYN-ACKs are lost");
	if (xc_way_back_error(c))
		xc_against(o, XC_RULED_OUT, "the server has no route to answer by");
	for (uint32_t i = 0; i < c->n_listeners; i++)
		if (c->listeners[i].fits && c->listeners[i].full_ns)
			xc_against(o, XC_RULED_OUT, "the server's accept queue is full");
	xc_summary(o, "%s: SYNs vanish without an answer", xc_flow_words(c, flow));
	xc_subject(o, "silence from %s", server);
	xc_fix(o,
	       "Something beyond %s drops them silently: a DROP rule (check iptables/nft rules there), a security group, a CNI fault, or a host that is down behind a router. Try `tracepath -p %u %s`, and run crosscut on the next hop or on the server.",
	       c->is_packets_only ? "the place of the capture" : "this host", c->tuple.dport_he,
	       xc_addr_str(c->tuple.daddr, server));
	return true;
}

const struct xc_pattern xc_pattern_black_hole = {
	.id = "black-hole",
	.name = "Black Hole",
	.layer = XC_LAYER_L3,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "A device beyond this host drops the SYNs silently.",
	.fix = "Check iptables rules, security groups and the CNI between the two hosts.",
	.match = black_hole_match,
};
