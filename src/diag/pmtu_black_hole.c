/* SPDX-License-Identifier: Apache-2.0 */
/* Full-size packets vanish, small ones pass, and the ICMP that would tell does not arrive. */
#include "diag/pattern.h"

static const struct xc_side *full_size_sender(const struct xc_case *c)
{
	if (c->client.n_retrans_full >= c->server.n_retrans_full)
		return c->client.n_retrans_full ? &c->client : NULL;
	return &c->server;
}

/* The ICMP message about the size, dropped on this host on its way to the sender. */
static const struct xc_drop_fact *dropped_icmp(const struct xc_case *c)
{
	for (uint32_t i = 0; i < c->n_drops; i++) {
		const struct xc_drop_evt *e = &c->drops[i].e;

		if (e->is_quoted &&
		    ((xc_addr_is_v4(e->tuple.saddr) && e->icmp_type == 3 && e->icmp_code == 4) ||
		     (!xc_addr_is_v4(e->tuple.saddr) && e->icmp_type == 2)))
			return &c->drops[i];
	}
	return NULL;
}

static void state_icmp(struct xc_opinion *o, const struct xc_side *s, const struct xc_icmp_fact *i)
{
	bool goes_on = s && s->n_retrans_full >= 2 && s->n_full_seqs == 1;
	char from[XC_ENDPOINT_LEN] = "this host";

	if (!xc_addr_is_zero(i->e.from))
		(void)xc_addr_str(i->e.from, from);
	/* Once is normal path MTU discovery: the sender then shrinks and goes on. */
	xc_for(o, goes_on ? XC_DECISIVE : XC_WEAK, goes_on ? s->second_full_ns : i->e.hdr.ts_ns,
	       i->e.is_sent ? "icmp:icmp_send" : "raw ICMP socket",
	       "%s says the packets are too big (MTU %u)%s", from, i->e.info,
	       goes_on ? ", and full-size segments are still resent" : "");
	if (i->e.info)
		xc_fix(o,
		       "Let ICMP type 3 code 4 (ICMPv6 type 2) through to the sender, or lower the MTU of its route to %u, or clamp the MSS (`tcp option maxseg size set rt mtu`).",
		       i->e.info);
}

static void state_resends(struct xc_opinion *o, const struct xc_side *s)
{
	if (!s || s->n_retrans_full < 2)
		return;
	if (s->n_full_seqs > 1) {
		xc_against(o, XC_AGAINST * 2,
			   "different full-size segments are resent: some get through");
		return;
	}
	/* Twice happens to ordinary loss; the third time the sender waits for most of a second. */
	xc_for(o, s->n_retrans_full >= 3 ? XC_STRONG : XC_WEAK, s->second_full_ns,
	       "tcp:tcp_retransmit_skb", "%u resends of the same full-size segment (MSS %u)",
	       s->n_retrans_full, s->last.mss_bytes);
	if (s->last.bytes_acked || s->last.sacked_out)
		xc_for(o, XC_WEAK, s->second_full_ns, "tcp_sock", "smaller segments get through");
}

static bool pmtu_black_hole_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_side *s = full_size_sender(c);
	const struct xc_icmp_fact *i = xc_icmp_about(c, 4, 3, 4);
	const struct xc_drop_fact *big = xc_case_drop(c, XC_DROP_PKT_TOO_BIG);
	const struct xc_drop_fact *swallowed = dropped_icmp(c);
	char flow[XC_WORDS], packet[XC_WORDS];

	if (!i)
		i = xc_icmp_about(c, 6, 2, -1);
	if (!swallowed && !(s && s->n_retrans_full >= 2))
		return false;
	if (swallowed)
		xc_for(o, XC_DECISIVE, swallowed->e.first_ns, "skb:kfree_skb",
		       "the ICMP that tells the sender to shrink was dropped in %s (%s)",
		       xc_hook_str(swallowed->e.hook), swallowed->name);
	state_resends(o, s);
	if (i)
		state_icmp(o, s, i);
	if (big)
		xc_for(o, XC_STRONG, big->e.first_ns, "skb:kfree_skb",
		       "%s is %u bytes, the way on takes %u", xc_packet_words(big, packet),
		       big->e.len_bytes, big->e.mtu_bytes);
	xc_summary(o, "%s: full-size packets vanish (path MTU black hole)", xc_flow_words(c, flow));
	xc_subject(o, "MTU of the path to %s", xc_addr_str(c->tuple.daddr, packet));
	return o->points > 0;
}

const struct xc_pattern xc_pattern_pmtu_black_hole = {
	.id = "pmtu-black-hole",
	.name = "Path MTU Black Hole",
	.layer = XC_LAYER_L3,
	.kind = XC_KIND_CONDITION,
	.severity = XC_SEVERITY_ERROR,
	.cause =
		"Packets larger than the path takes are dropped, and the ICMP message about it does not arrive.",
	.fix = "Let ICMP 3/4 (ICMPv6 2) through, clamp the MSS, or set the right MTU.",
	.match = pmtu_black_hole_match,
};
