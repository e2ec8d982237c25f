/* SPDX-License-Identifier: Apache-2.0 */
/* The listener's accept queue is full: the application does not accept fast enough. */
#include "diag/pattern.h"

static void name_the_listener(const struct xc_case *c, struct xc_opinion *o,
			      const struct xc_listener_fact *l)
{
	const char *somaxconn = xc_case_note(c, "net.core.somaxconn");
	char server[XC_WORDS], who[XC_WORDS];

	xc_owner_words(&l->owner, who);
	xc_server_words(c, server);
	xc_summary(o, "accept queue of %s is full (%u of %u): %s does not accept", server,
		   l->accept_queue, l->accept_max, who);
	xc_details(
		o,
		"%s holds %u finished connections in a queue of %u and does not call accept() fast enough; further SYNs are dropped silently.",
		who, l->accept_queue, l->accept_max);
	xc_fix(o,
	       "Find out why %s does not accept (blocked or throttled?), give it more workers, or a longer queue: its listen() backlog%s%s%s.",
	       who, somaxconn ? " and net.core.somaxconn (now " : "", somaxconn ? somaxconn : "",
	       somaxconn ? ")" : "");
}

/*
 * The client holds the connection established and the server's kernel never did: the last ACK was
 * dropped. Only newer kernels give that drop a reason, the counter is everywhere.
 */
static bool is_never_taken(const struct xc_case *c)
{
	return c->counters.v[XC_CTR_LISTEN_OVERFLOWS] && c->client.n_retrans &&
	       !c->client.last.bytes_acked && !c->server.owner.tgid;
}

/* From outside: the server repeats its SYN-ACK as if the ACKs of the client had not come. */
static void state_unheard_acks(const struct xc_case *c, struct xc_opinion *o)
{
	char server[XC_WORDS];

	if (!c->is_packets_only || !c->was_established || c->server.n_synack_retrans < 2)
		return;
	xc_server_words(c, server);
	xc_for(o, c->client.n_retrans ? XC_DECISIVE : XC_STRONG, c->client.last_ns, "capture",
	       "%s resent its SYN-ACK %u times although the client had acknowledged it", server,
	       c->server.n_synack_retrans);
	if (c->client.n_retrans && !c->client.last.bytes_acked)
		xc_for(o, XC_STRONG, c->client.first_retrans_ns, "capture",
		       "the client's data was resent %u times and never acknowledged",
		       c->client.last.total_retrans);
	xc_summary(o, "%s does not take the connection: its accept queue is full", server);
	xc_fix(o,
	       "See on %s whether the queue is full (`ss -ltn`: Recv-Q above Send-Q), and why the application does not accept().",
	       xc_addr_str(c->tuple.daddr, server));
}

static bool accept_queue_overflow_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = xc_case_drop(c, XC_DROP_TCP_LISTEN_OVERFLOW);
	const struct xc_listener_fact *l = xc_fitting_listener(c);
	uint64_t overflows = c->counters.v[XC_CTR_LISTEN_OVERFLOWS];
	uint64_t turned_away = c->is_listener ? c->counters_first_ns : c->first_ns;
	char server[XC_WORDS];

	xc_server_words(c, server);
	if (d) {
		xc_for(o, XC_DECISIVE, d->e.first_ns, "skb:kfree_skb",
		       "the last ACK of the handshake found the accept queue full (%u of %u)",
		       d->e.rx_accept_queue, d->e.rx_accept_max);
		xc_summary(o, "accept queue of %s is full (%u of %u)", server, d->e.rx_accept_queue,
			   d->e.rx_accept_max);
	}
	if (l && l->full_ns &&
	    (c->is_listener ? overflows : c->n_syn_retrans || d || is_never_taken(c))) {
		/* a full queue alone hurts nobody: it counts from when somebody was turned away */
		xc_for(o, XC_DECISIVE,
		       l->full_since_ns > turned_away ? l->full_since_ns : turned_away, "listener",
		       "accept queue %u of %u: full", l->accept_queue, l->accept_max);
		name_the_listener(c, o, l);
	}
	state_unheard_acks(c, o);
	if (!o->points)
		return false;
	if (overflows)
		xc_for(o, XC_STRONG, c->counters_first_ns, "TcpExt",
		       "ListenOverflows +%llu in that namespace", (unsigned long long)overflows);
	xc_subject(o, "listener %s of namespace %u",
		   l ? xc_endpoint_str(l->addr, c->tuple.dport_he, server) : server,
		   c->server.netns);
	return true;
}

const struct xc_pattern xc_pattern_accept_queue_overflow = {
	.id = "accept-queue-overflow",
	.name = "Accept Queue Overflow",
	.layer = XC_LAYER_SOCKET,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The server's accept queue is full, so the kernel drops new connections silently.",
	.fix = "More workers or faster accept(), a larger listen() backlog and net.core.somaxconn.",
	.match = accept_queue_overflow_match,
};
