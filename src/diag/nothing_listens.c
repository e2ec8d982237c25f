/* SPDX-License-Identifier: Apache-2.0 */
/* The SYN arrived and nothing listens on that port. */
#include "diag/pattern.h"

#include <errno.h>
#include <netinet/in.h>

/* Somebody listens on the port, but not on this address: name it. */
static void name_the_near_miss(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_tuple *at = xc_case_at_server(c);
	char addr[XC_ENDPOINT_LEN], who[XC_WORDS], server[XC_WORDS];

	for (uint32_t i = 0; i < c->n_listeners; i++) {
		const struct xc_listener_fact *l = &c->listeners[i];

		if (l->fits && l->gone_ns) {
			xc_for(o, XC_WEAK, l->gone_ns, "sock:inet_sock_set_state",
			       "%s stopped listening %.1f s before", xc_owner_words(&l->owner, who),
			       (double)(c->now_ns - l->gone_ns) / 1e9);
			xc_fix(o, "Start %s again: it stopped listening on port %u.",
			       l->owner.tgid ? l->owner.comm : "the service", at->dport_he);
			return;
		}
		if (l->fits || l->gone_ns)
			continue;
		xc_for(o, XC_STRONG, 0, "listener table", "%s listens on %s only",
		       xc_owner_words(&l->owner, who),
		       xc_endpoint_str(l->addr, at->dport_he, addr));
		xc_details(o, "%s listens on %s, so connections to %s are refused.",
			   xc_owner_words(&l->owner, who), addr,
			   xc_endpoint_str(at->daddr, at->dport_he, server));
		xc_fix(o, "Make %s listen on 0.0.0.0:%u, [::]:%u or %s instead of %s.",
		       l->owner.tgid ? l->owner.comm : "it", at->dport_he, at->dport_he, server,
		       addr);
		return;
	}
}

static bool syn_found_no_socket(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = xc_unwanted_segment(c, true);
	char packet[XC_WORDS];

	if (!d)
		return false;
	xc_for(o, d->is_by_place ? XC_STRONG : XC_DECISIVE, d->e.first_ns, "skb:kfree_skb",
	       "no socket for %s (%s at %s)", xc_packet_words(d, packet), d->name,
	       d->e.sym[0] ? d->e.sym : "?");
	if (c->client.n_rst_rcvd)
		xc_for(o, XC_STRONG, c->client.last_ns, "tcp:tcp_receive_reset",
		       "a RST answered it");
	return true;
}

static bool nothing_listens_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_tuple *at = xc_case_at_server(c);
	char server[XC_WORDS], asked[XC_WORDS];
	bool said = false;

	if (c->tuple.proto != IPPROTO_TCP || c->was_established)
		return false;
	for (uint32_t i = 0; i < c->n_resets && !said; i++) {
		const struct xc_reset_fact *r = &c->resets[i];

		/* Before 6.10 there is no reason: a RST without a socket that answers a SYN is it. */
		if (!r->by_server || !(r->e.trigger_flags & XC_TCP_SYN) || r->e.state ||
		    (r->why != XC_RST_NO_SOCKET && r->why != XC_RST_OTHER))
			continue;
		said = true;
		xc_for(o, XC_DECISIVE, r->e.hdr.ts_ns, "tcp:tcp_send_reset",
		       "%s answered the SYN with a RST: no socket (%s)",
		       xc_endpoint_str(at->daddr, at->dport_he, server), r->name);
	}
	said = said || syn_found_no_socket(c, o);
	if (!said && !(c->error == ECONNREFUSED && c->client.n_rst_rcvd))
		return false;
	if (!said)
		xc_for(o, XC_STRONG + (c->has_server_view ? 0 : XC_WEAK), c->client.last_ns,
		       "tcp:tcp_receive_reset", "a RST answered the SYN");
	if (xc_fitting_listener(c))
		xc_against(o, XC_AGAINST, "a process does listen on %s",
			   xc_endpoint_str(at->daddr, at->dport_he, server));
	if (xc_filter_drop_of(c))
		xc_against(o, XC_RULED_OUT, "a filter dropped the SYN before it reached a socket");
	if (c->is_packets_only)
		xc_details(
			o,
			"The SYN was answered with a RST. A filter that rejects with a RST looks the same in a capture.");
	name_the_near_miss(c, o);
	xc_endpoint_str(at->daddr, at->dport_he, server);
	if (c->translated.proto)
		xc_summary(o, "connection refused: nothing listens on %s, where %s leads (NAT)",
			   server, xc_server_words(c, asked));
	else
		xc_summary(o, "connection refused: nothing listens on %s", server);
	return true;
}

const struct xc_pattern xc_pattern_nothing_listens = {
	.id = "nothing-listens",
	.name = "Connection Refused",
	.layer = XC_LAYER_SOCKET,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "Nothing listens on the port the client connects to.",
	.fix = "Start the service, or correct the port the client uses (targetPort in Kubernetes).",
	.match = nothing_listens_match,
};
