/* SPDX-License-Identifier: Apache-2.0 */
/* The server answers, and its answers do not reach the client. */
#include "diag/pattern.h"

static bool return_path_loss_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = xc_decisive_drop(c);
	char server[XC_WORDS], client[XC_WORDS];

	if (!c->server.n_synack_retrans || c->was_established)
		return false;
	if (c->is_packets_only && !c->n_syn_retrans)
		return false;	/* a client that is not there, or does not want to know: a scan */
	xc_for(o, c->n_syn_retrans || !c->client.is_seen ? XC_DECISIVE : XC_STRONG, c->now_ns,
	       "tcp:tcp_retransmit_synack", "%s resent its SYN-ACK %u times: the answers are lost",
	       xc_server_words(c, server), c->server.n_synack_retrans);
	if (c->n_syn_retrans)
		xc_for(o, XC_WEAK, c->client.last_ns, "tcp:tcp_retransmit_skb",
		       "the client resent its SYN %u times", c->n_syn_retrans);
	if (d)
		xc_against(o, XC_RULED_OUT, "the drop of the answer was seen on this host (%s)",
			   d->name);
	if (c->is_listener || c->counters.v[XC_CTR_REQQ_FULL_COOKIES] ||
	    c->counters.v[XC_CTR_REQQ_FULL_DROP])
		xc_against(o, XC_AGAINST * 2,
			   "the listener is flooded with SYNs that nobody means to finish");
	xc_summary(o, "answers from %s to %s are lost on the way back", server,
		   xc_client_words(c, client));
	xc_subject(o, "return path to %s", xc_addr_str(c->tuple.saddr, client));
	xc_fix(o,
	       "Compare the way back with the way there: an asymmetric route, or a filter that drops replies (`ip route get %s` on the server).",
	       xc_addr_str(c->tuple.saddr, client));
	return true;
}

const struct xc_pattern xc_pattern_return_path_loss = {
	.id = "return-path-loss",
	.name = "Return Path Loss",
	.layer = XC_LAYER_L3,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The server answers but its packets do not reach the client.",
	.fix = "Check routes and filters on the way back from the server.",
	.match = return_path_loss_match,
};
