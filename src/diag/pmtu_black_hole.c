/* SPDX-License-Identifier: Apache-2.0 */
/* Full-size packets vanish, small ones pass, and the ICMP that would tell does not arrive. */
#include "diag/pattern.h"

static const struct xc_side *full_size_sender(const struct xc_case *c)
{
	if (c->client.n_retrans_full >= c->server.n_retrans_full)
		return c->client.n_retrans_full ? &c->client : NULL;
	return &c->server;
}

static void state_icmp(const struct xc_case *c, struct xc_opinion *o, const struct xc_side *s,
		       const struct xc_icmp_fact *i)
{
	char from[XC_ENDPOINT_LEN] = "this host";

	if (!xc_addr_is_zero(i->e.from))
		(void)xc_addr_str(i->e.from, from);
	/* Once is normal path MTU discovery: the sender then shrinks and goes on. */
	xc_for(o, s && s->n_retrans_full >= 2 ? XC_DECISIVE : XC_WEAK, i->e.hdr.ts_ns,
	       i->e.is_sent ? "icmp:icmp_send" : "raw ICMP socket",
	       "%s says the packets are too big (MTU %u), and full-size segments are still resent", from,
	       i->e.info);
	if (i->e.info)
		xc_fix(o, "Let ICMP type 3 code 4 (ICMPv6 type 2) through to the sender, or lower the MTU of its route to %u, or clamp the MSS (`tcp option maxseg size set rt mtu`).",
		       i->e.info);
	for (uint32_t k = 0; k < c->n_drops; k++)
		if (c->drops[k].e.is_quoted)
			xc_for(o, XC_STRONG, c->drops[k].e.first_ns, "skb:kfree_skb",
			       "that ICMP was dropped in %s (%s)", xc_hook_str(c->drops[k].e.hook), c->drops[k].name);
}

static bool pmtu_black_hole_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_side *s = full_size_sender(c);
	const struct xc_icmp_fact *i = xc_icmp_about(c, 4, 3, 4);
	const struct xc_drop_fact *d = xc_case_drop(c, XC_DROP_PKT_TOO_BIG);
	char flow[XC_WORDS], packet[XC_WORDS];

	if (!i)
		i = xc_icmp_about(c, 6, 2, -1);
	if (!c->was_established && !i && !d)
		return false;
	if (!s || s->n_retrans_full < 2)
		return false;
	xc_for(o, s->n_retrans_small > s->n_retrans_full ? XC_WEAK : XC_STRONG, s->first_full_ns,
	       "tcp:tcp_retransmit_skb", "%u resends of full-size segments (MSS %u)", s->n_retrans_full,
	       s->last.mss_bytes);
	if (s->last.bytes_acked || s->last.sacked_out)
		xc_for(o, XC_WEAK, s->first_full_ns, "tcp_sock", "smaller segments get through");
	if (i)
		state_icmp(c, o, s, i);
	if (d)
		xc_for(o, XC_STRONG, d->e.first_ns, "skb:kfree_skb", "%s is %u bytes, the way on takes %u",
		       xc_packet_words(d, packet), d->e.len_bytes, d->e.mtu_bytes);
	if (s->last.ca_state < 4 && !i && !d)
		xc_against(o, XC_AGAINST, "the sender recovers");
	xc_summary(o, "%s: full-size packets vanish (path MTU black hole)", xc_flow_words(c, flow));
	xc_subject(o, "MTU of the path to %s", xc_addr_str(c->tuple.daddr, packet));
	return true;
}

const struct xc_pattern xc_pattern_pmtu_black_hole = {
	.id = "pmtu-black-hole",
	.name = "Path MTU Black Hole",
	.layer = XC_LAYER_L3,
	.kind = XC_KIND_CONDITION,
	.severity = XC_SEVERITY_ERROR,
	.cause = "Packets larger than the path takes are dropped, and the ICMP message about it does not arrive.",
	.fix = "Let ICMP 3/4 (ICMPv6 2) through, clamp the MSS, or set the right MTU.",
	.match = pmtu_black_hole_match,
};
