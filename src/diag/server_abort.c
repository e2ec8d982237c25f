/* SPDX-License-Identifier: Apache-2.0 */
/* One end aborts the connection on purpose: closed with unread data, or SO_LINGER 0. */
#include "diag/pattern.h"
#include "diag/request.h"

#include <errno.h>

static bool is_abort(const struct xc_reset_fact *r)
{
	switch (r->why) {
	case XC_RST_TCP_ABORT_ON_CLOSE:
	case XC_RST_TCP_ABORT_ON_LINGER:
	case XC_RST_TCP_STATE:
	case XC_RST_TCP_DISCONNECT_WITH_DATA:
		return true;
	default:
		/* no reason before 6.10: a RST that answers nothing, from a socket being closed */
		return r->why == XC_RST_OTHER && !r->e.trigger_flags && r->e.state == XC_TCP_CLOSE;
	}
}

static void name_the_cause(const struct xc_case *c, struct xc_opinion *o,
			   const struct xc_reset_fact *r)
{
	const char *side = r->by_server ? "server" : "client";
	char who[XC_WORDS], flow[XC_WORDS];

	xc_owner_words(r->e.owner.tgid ? &r->e.owner :
		       r->by_server    ? &c->server.owner :
					 &c->client.owner,
		       who);
	xc_flow_words(c, flow);
	if (r->e.unread_bytes || r->why == XC_RST_TCP_ABORT_ON_CLOSE) {
		xc_summary(o, "%s: the %s %s closed without reading what was sent (%u bytes)", flow,
			   side, who, r->e.unread_bytes);
		xc_fix(o,
		       "In %s: read the request to its end (or shutdown() and drain) before close(); look for a size limit or a time-out there.",
		       who);
	} else if (xc_fitting_listener(c) || !c->n_listeners) {
		xc_summary(o, "%s: the %s %s aborted the connection (SO_LINGER 0 or disconnect)",
			   flow, side, who);
		xc_fix(o,
		       "In %s: SO_LINGER with time 0 sends a RST instead of a FIN; remove it, or close after the peer has finished.",
		       who);
	} else {
		xc_summary(
			o,
			"%s: the %s stopped listening while the connection waited to be accepted",
			flow, side);
		xc_fix(o,
		       "The service stopped with connections in its accept queue: drain before stopping.");
	}
}

/* A RST that answers nothing, and nobody to say who sent it. */
static void state_seen_abort(const struct xc_case *c, struct xc_opinion *o,
			     const struct xc_reset_fact *r)
{
	const char *side = r->by_server ? "server" : "client";
	char words[XC_WORDS];

	xc_for(o, XC_DECISIVE, r->e.hdr.ts_ns, "capture",
	       "the %s sent a RST that answers no segment: its socket was aborted", side);
	xc_summary(o, "%s: the %s aborted the connection", xc_flow_words(c, words), side);
	xc_fix(o,
	       "At the %s: a socket that is closed with data unread, or with SO_LINGER and time 0, sends a RST instead of a FIN. Read to the end before close().",
	       side);
	xc_subject(o, "abort by %s",
		   r->by_server ? xc_server_words(c, words) : xc_client_words(c, words));
}

/* No RST was seen leaving: all that is known is who got one. */
static bool state_peers_reset(const struct xc_case *c, struct xc_opinion *o)
{
	char words[XC_WORDS];

	if (!c->was_established || c->n_resets)
		return false;
	if (c->error == ECONNRESET && c->client.n_rst_rcvd) {
		xc_for(o, XC_STRONG, c->client.last_ns, "tcp:tcp_receive_reset",
		       "the peer sent a RST on an established connection");
		return true;
	}
	/* EPIPE: it had closed before */
	if ((c->error != ECONNRESET && c->error != EPIPE) || !c->server.n_rst_rcvd ||
	    c->client.is_seen)
		return false;
	xc_for(o, XC_STRONG, c->server.last_ns, "tcp:tcp_receive_reset",
	       "the client sent a RST on an established connection");
	xc_summary(o, "%s: the client gave the connection up", xc_flow_words(c, words));
	xc_fix(o,
	       "At the client: it closed before it had read everything (a cancelled download, a time-out of its own), or its host was restarted.");
	xc_subject(o, "abort by %s", xc_client_words(c, words));
	o->severity =
		XC_SEVERITY_INFO; /* who aborts what it began has not been failed by anybody */
	return true;
}

static bool server_abort_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_reset_fact *r = NULL;
	char who[XC_WORDS];

	for (uint32_t i = 0; i < c->n_resets && !r; i++)
		if (is_abort(&c->resets[i]))
			r = &c->resets[i];
	if (!r)
		return state_peers_reset(c, o);
	if (c->is_packets_only) {
		state_seen_abort(c, o, r);
		return true;
	}
	xc_owner_words(&r->e.owner, who);
	xc_for(o, XC_DECISIVE, r->e.hdr.ts_ns, "tcp:tcp_send_reset",
	       "%s sent the RST itself (%s), %u bytes unread", who, r->name, r->e.unread_bytes);
	name_the_cause(c, o, r);
	if (xc_died_before(c, r->e.hdr.ts_ns))
		xc_against(o, XC_AGAINST * 2, "the process was dying, it did not choose to abort");
	if (xc_request_tells_why(c))
		xc_against(o, XC_RULED_OUT, "what was said before tells why it gave up");
	xc_subject(o, "%s", who);
	/* Who aborts what it began has not been failed by anybody. */
	if (!r->by_server)
		o->severity = XC_SEVERITY_INFO;
	return true;
}

const struct xc_pattern xc_pattern_server_abort = {
	.id = "server-abort",
	.name = "Peer Aborted",
	.layer = XC_LAYER_SOCKET,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause =
		"The peer's application aborted the connection: unread data at close, or SO_LINGER 0.",
	.fix = "Fix the aborting side: read everything before close(), do not use SO_LINGER 0.",
	.match = server_abort_match,
};
