/* SPDX-License-Identifier: Apache-2.0 */
/* Data for a connection the peer no longer knows: it was restarted, replaced, or had closed. */
#include "diag/pattern.h"
#include "diag/request.h"

#include <errno.h>

/* That side had closed properly before the segment came. */
static bool had_closed(const struct xc_reset_fact *r)
{
	return r->e.state == XC_TCP_TIME_WAIT || r->why == XC_RST_TCP_TIMEWAIT_SOCKET ||
	       r->why == XC_RST_TCP_ABORT_ON_DATA;
}

/* Both had closed: their FINs met a socket that was gone, and nobody misses anything. */
static bool is_harmless(const struct xc_reset_fact *r)
{
	uint8_t flags = r->e.trigger_flags;

	return had_closed(r) && (flags & XC_TCP_FIN) && !(flags & XC_TCP_PSH);
}

/* That side sent a RST on its own: what is still on its way finds nobody, and that is no news. */
static bool had_aborted(const struct xc_case *c, bool by_server)
{
	for (uint32_t i = 0; i < c->n_resets; i++)
		if (c->resets[i].by_server == by_server && !c->resets[i].e.trigger_flags)
			return true;
	return false;
}

/* An answer that tells of a close comes before those of nobody who came after it. */
static const struct xc_reset_fact *stateless_reset(const struct xc_case *c)
{
	const struct xc_reset_fact *found = NULL;

	for (uint32_t i = 0; i < c->n_resets; i++) {
		const struct xc_reset_fact *r = &c->resets[i];

		if (!r->e.trigger_flags || (r->e.trigger_flags & XC_TCP_SYN) || is_harmless(r) ||
		    had_aborted(c, r->by_server))
			continue;
		/* Without a socket, met by a listener (the reason is then TCP_FLAGS), in TIME_WAIT, or
		 * by an orphan that had closed: in all of them nobody holds the connection any more. */
		if (had_closed(r))
			return r;
		if (!found && (!r->e.state || r->e.state == XC_TCP_LISTEN))
			found = r;
	}
	return found;
}

static void say_what_happened(const struct xc_case *c, struct xc_opinion *o,
			      const struct xc_reset_fact *r)
{
	char flow[XC_WORDS], peer[XC_ENDPOINT_LEN];

	xc_flow_words(c, flow);
	xc_addr_str(r->e.tuple.saddr, peer);
	if (had_closed(r) && !r->by_server) {
		/* Who closes what it began has not been failed by anybody. */
		o->severity = XC_SEVERITY_INFO;
		xc_summary(o, "%s: the client closed while the server was still sending", flow);
		xc_fix(o,
		       "Nothing at the server. If clients should wait for the end: a time-out of theirs, or a user who cancelled.");
	} else if (had_closed(r)) {
		xc_summary(o, "%s: data for a connection the peer had closed", flow);
		xc_fix(o,
		       "A pooled connection was used after the peer closed it: keep the client's idle time-out below the server's, and retry idempotent requests once.");
	} else {
		xc_summary(o,
			   "%s: the peer lost the state of the connection (restart or replacement)",
			   flow);
		xc_fix(o,
		       "%s was restarted or replaced while the connection was open; clients must reconnect (it will re-establish automatically). Drain connections before a restart, use keep-alives.",
		       peer);
	}
	xc_subject(o, "state of %s", peer);
}

/* No RST was seen leaving: the other end is not watched, or its kernel does not tell. */
static bool told_by_client(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = xc_unwanted_segment(c, false);
	char packet[XC_WORDS];

	if (!c->was_established || c->n_resets || !c->client.n_rst_rcvd ||
	    (c->error != ECONNRESET && c->error != EPIPE))
		return false;
	xc_for(o, XC_STRONG - XC_WEAK, c->client.last_ns, "tcp:tcp_receive_reset",
	       "the peer answered data with a RST");
	if (d)
		xc_for(o, d->is_by_place ? XC_STRONG : XC_DECISIVE, d->e.first_ns, "skb:kfree_skb",
		       "no socket there takes %s (%s at %s)", xc_packet_words(d, packet), d->name,
		       d->e.sym[0] ? d->e.sym : "?");
	if (d && xc_died_before(c, d->e.first_ns))
		xc_against(o, XC_AGAINST * 2,
			   "the process that held the connection died: that is the cause");
	return true;
}

static bool lost_state_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_request_fact *raced = xc_request_cut_short(c);
	const struct xc_reset_fact *r = stateless_reset(c);
	char peer[XC_ENDPOINT_LEN], flags[32];

	if (!r)
		return told_by_client(c, o);
	xc_addr_str(r->e.tuple.saddr, peer);
	xc_for(o, XC_DECISIVE, r->e.hdr.ts_ns, "tcp:tcp_send_reset",
	       "%s answered a %s segment with a RST: %s (%s)", peer,
	       xc_tcp_flags_str(r->e.trigger_flags, flags),
	       had_closed(r) ? "that side had closed already" :
			       "no socket there knows this connection",
	       r->name);
	if (xc_died_before(c, r->e.hdr.ts_ns))
		xc_against(o, XC_AGAINST * 2,
			   "the process that held the connection died: that is the cause");
	if (!c->was_established && !c->client.is_seen)
		xc_against(o, XC_AGAINST, "no socket of an established connection was seen");
	say_what_happened(c, o, r);
	if (had_closed(r) && !r->by_server &&
	    c->client.n_retrans + c->server.n_retrans >= XC_MANY_RESENT)
		xc_against(o, XC_AGAINST * 2,
			   "the client gave up a connection that was losing segments");
	if (xc_request_tells_why(c))
		xc_against(o, XC_RULED_OUT, "its requests tell why it was given up");
	if (raced && xc_request_raced(raced))
		xc_against(o, XC_AGAINST, "the server had just let the idle connection go");
	return true;
}

const struct xc_pattern xc_pattern_lost_state = {
	.id = "lost-state",
	.name = "Lost Connection State",
	.layer = XC_LAYER_SOCKET,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause =
		"The peer does not know the connection any more: it was restarted, replaced or had closed.",
	.fix = "Clients must reconnect; drain before restarts and keep idle time-outs below the server's.",
	.match = lost_state_match,
};
