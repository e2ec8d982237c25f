/* SPDX-License-Identifier: Apache-2.0 */
/* Data for a connection the peer no longer knows: it was restarted, replaced, or had closed. */
#include "diag/pattern.h"

#include <errno.h>

static const struct xc_reset_fact *stateless_reset(const struct xc_case *c)
{
	for (uint32_t i = 0; i < c->n_resets; i++) {
		const struct xc_reset_fact *r = &c->resets[i];

		if (!r->e.trigger_flags || (r->e.trigger_flags & XC_TCP_SYN))
			continue;
		if (r->why == XC_RST_NO_SOCKET || r->why == XC_RST_TCP_TIMEWAIT_SOCKET ||
		    (r->why == XC_RST_OTHER && (!r->e.state || r->e.state == XC_TCP_TIME_WAIT)))
			return r;
	}
	return NULL;
}

static bool lost_state_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_reset_fact *r = stateless_reset(c);
	char flow[XC_WORDS], peer[XC_ENDPOINT_LEN], flags[32];
	bool is_timewait;

	if (!r) {
		if (!c->was_established || c->n_resets || !c->client.n_rst_rcvd ||
		    (c->error != ECONNRESET && c->error != EPIPE))
			return false;
		xc_for(o, XC_STRONG - XC_WEAK, c->client.last_ns, "tcp:tcp_receive_reset",
		       "the peer answered data with a RST");
		return true;
	}
	is_timewait = r->why == XC_RST_TCP_TIMEWAIT_SOCKET || r->e.state == XC_TCP_TIME_WAIT;
	xc_addr_str(r->e.tuple.saddr, peer);
	xc_for(o, XC_DECISIVE, r->e.hdr.ts_ns, "tcp:tcp_send_reset", "%s answered a %s segment with a RST: %s (%s)",
	       peer, xc_tcp_flags_str(r->e.trigger_flags, flags),
	       is_timewait ? "that side had closed already" : "no socket there knows this connection", r->name);
	if (c->n_procs)
		xc_against(o, XC_AGAINST * 2, "the process that held the connection died: that is the cause");
	if (!c->was_established && !c->client.is_seen)
		xc_against(o, XC_AGAINST, "no socket of an established connection was seen");
	xc_flow_words(c, flow);
	if (is_timewait) {
		xc_summary(o, "%s: data for a connection the peer had closed", flow);
		xc_fix(o, "A pooled connection was used after the peer closed it: keep the client's idle time-out below the server's, and retry idempotent requests once.");
	} else {
		xc_summary(o, "%s: the peer lost the state of the connection (restart or replacement)", flow);
		xc_fix(o, "%s was restarted or replaced while the connection was open; clients must reconnect (it will re-establish automatically). Drain connections before a restart, use keep-alives.",
		       peer);
	}
	xc_subject(o, "state of %s", peer);
	return true;
}

const struct xc_pattern xc_pattern_lost_state = {
	.id = "lost-state",
	.name = "Lost Connection State",
	.layer = XC_LAYER_SOCKET,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The peer does not know the connection any more: it was restarted, replaced or had closed.",
	.fix = "Clients must reconnect; drain before restarts and keep idle time-outs below the server's.",
	.match = lost_state_match,
};
