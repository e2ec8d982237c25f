/* SPDX-License-Identifier: Apache-2.0 */
/* An established connection timed out: keep-alive, TCP_USER_TIMEOUT or resends without answer. */
#include "diag/pattern.h"

#include <errno.h>

static bool keepalive_timeout_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_reset_fact *r = xc_case_reset(c, XC_RST_TCP_KEEPALIVE_TIMEOUT);
	const struct xc_side *s = c->client.has_error ? &c->client : &c->server;
	bool timed_out =
		c->was_established && c->outcome == XC_OUTCOME_BROKEN && c->error == ETIMEDOUT;
	char flow[XC_WORDS];

	if (!r && !timed_out)
		return false;
	if (timed_out && c->is_packets_only)
		xc_for(o, XC_DECISIVE, c->ended_ns, "capture",
		       "%u repetitions and probes in a row stayed without any answer",
		       s->last.probes_out);
	else if (r)
		xc_for(o, XC_DECISIVE, r->e.hdr.ts_ns, "tcp:tcp_send_reset",
		       "keep-alive probes stayed unanswered (%s)", r->name);
	else if (s->last.user_timeout_ms)
		xc_for(o, XC_DECISIVE, c->ended_ns, "sock:inet_sock_set_state",
		       "ETIMEDOUT with TCP_USER_TIMEOUT of %u ms, no RST", s->last.user_timeout_ms);
	else
		xc_for(o, XC_DECISIVE, c->ended_ns, "sock:inet_sock_set_state",
		       "ETIMEDOUT on an established connection after %u unanswered resends, %u probes",
		       s->n_retrans, s->last.probes_out);
	xc_for(o, XC_WEAK, c->ended_ns, "tcp_sock", "nothing heard from the peer for %.1f s",
	       (double)s->last.idle_ms / 1e3);
	if (xc_decisive_drop(c))
		xc_against(o, XC_AGAINST * 2, "a drop on this host explains the silence");
	if (c->n_neighs)
		xc_against(o, XC_AGAINST * 2, "the next hop is gone: that is the cause");
	xc_summary(o, "%s: the peer fell silent and the connection timed out",
		   xc_flow_words(c, flow));
	xc_fix(o,
	       "The path or the peer went away silently. If the connection was idle, a NAT or firewall on the way forgot it: send keep-alives%s more often than its time-out, often a multiple of 60 s.",
	       c->is_packets_only  ? "" :
	       s->last.keepalive_s ? " (now on)" :
				     " (now off)");
	xc_subject(o, "silence on %s", flow);
	return true;
}

const struct xc_pattern xc_pattern_keepalive_timeout = {
	.id = "keepalive-timeout",
	.name = "Connection Timed Out",
	.layer = XC_LAYER_L4,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause =
		"The peer stopped answering on an established connection until a time-out ended it.",
	.fix = "Keep-alives more frequent than the time-outs of NATs and firewalls on the way.",
	.match = keepalive_timeout_match,
};
