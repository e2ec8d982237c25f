/* SPDX-License-Identifier: Apache-2.0 */
/* The close is never acknowledged: the peer is gone. */
#include "diag/pattern.h"

#define MIN_FINS 2		/* a single FIN may just be lost */
#define MIN_FINS_LOSSY 5	/* 0.25^5: one in a thousand at 25 % loss */

static bool is_closing(uint8_t state)
{
	return state == XC_TCP_FIN_WAIT1 || state == XC_TCP_LAST_ACK || state == XC_TCP_CLOSING;
}

static bool side_is_half_open(const struct xc_side *s)
{
	uint8_t state = s->last.state == XC_TCP_CLOSE ? s->last.state_old : s->last.state;

	if (!s->is_seen || !is_closing(state))
		return false;
	/* On a path that loses packets a FIN may be lost as well: then only a long silence counts. */
	return s->n_fin_retrans >= (s->n_retrans > s->n_fin_retrans ? MIN_FINS_LOSSY : MIN_FINS);
}

static bool is_queue_full(const struct xc_case *c)
{
	const struct xc_listener_fact *l = xc_fitting_listener(c);

	return l && l->full_ns && c->counters.v[XC_CTR_LISTEN_OVERFLOWS];
}

static bool half_open_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_side *s = side_is_half_open(&c->client) ? &c->client :
				  side_is_half_open(&c->server) ? &c->server :
								  NULL;
	char flow[XC_WORDS], who[XC_WORDS];

	if (!s)
		return false;
	xc_for(o, XC_DECISIVE, s->second_retrans_ns, "tcp:tcp_retransmit_skb",
	       "%s: %s, its FIN resent %u times, never acknowledged", xc_flow_words(c, flow),
	       xc_tcp_state_str(s->last.state == XC_TCP_CLOSE ? s->last.state_old : s->last.state),
	       s->n_retrans);
	if (s->last.flags & XC_SOCK_F_ORPHAN)
		xc_for(o, XC_WEAK, s->last_ns, "tcp_sock",
		       "the application has closed the socket: nobody will hear of it");
	if (xc_decisive_drop(c))
		xc_against(o, XC_AGAINST * 3,
			   "a drop on this host explains why the FIN is not acknowledged");
	if (c->n_neighs)
		xc_against(o, XC_AGAINST * 3, "the next hop is gone: that is the cause");
	if (s->stuck_ns)
		xc_against(o, XC_AGAINST * 3,
			   "the peer answers with a shut window: it is there and does not read");
	if (is_queue_full(c))
		xc_against(o, XC_AGAINST * 3,
			   "the server's accept queue is full: it never took the connection");
	if (c->is_packets_only && s == &c->client && !s->last.bytes_acked &&
	    !s->last.bytes_received)
		xc_against(
			o, XC_AGAINST * 3,
			"the server has never acknowledged anything: it may not have the connection");
	xc_summary(o, "%s: close never acknowledged, the peer is gone", flow);
	xc_subject(o, "peer of %s", xc_owner_words(&s->owner, who));
	return true;
}

const struct xc_pattern xc_pattern_half_open = {
	.id = "half-open",
	.name = "Half-Open Connection",
	.layer = XC_LAYER_L4,
	.kind = XC_KIND_CONDITION,
	.severity = XC_SEVERITY_WARNING,
	.cause = "The FIN is never acknowledged: the peer vanished without closing.",
	.fix = "Harmless when rare: the kernel gives up by itself (net.ipv4.tcp_orphan_retries). When many: find out why peers vanish (hosts killed, NAT or firewall state lost).",
	.match = half_open_match,
};
