/* SPDX-License-Identifier: Apache-2.0 */
/* The request queue of a listener is full of half-open connections. */
#include "diag/pattern.h"

static bool syn_flood_match(const struct xc_case *c, struct xc_opinion *o)
{
	uint64_t cookies = c->counters.v[XC_CTR_REQQ_FULL_COOKIES];
	uint64_t drops = c->counters.v[XC_CTR_REQQ_FULL_DROP];
	const char *syncookies = xc_case_note(c, "net.ipv4.tcp_syncookies");
	const struct xc_listener_fact *l = xc_fitting_listener(c);
	char server[XC_WORDS], bound[XC_ENDPOINT_LEN];

	if (!cookies && !drops)
		return false;
	xc_server_words(c, server);
	xc_for(o, XC_DECISIVE, c->counters_first_ns, "TcpExt",
	       "request queue full: TCPReqQFullDoCookies +%llu, TCPReqQFullDrop +%llu",
	       (unsigned long long)cookies, (unsigned long long)drops);
	if (l && l->request_queue >= l->accept_max)
		xc_for(o, XC_STRONG, c->counters_first_ns, "listener",
		       "%u half-open connections, %u allowed", l->request_queue, l->accept_max);
	if (c->counters.v[XC_CTR_LISTEN_OVERFLOWS])
		xc_against(o, XC_AGAINST, "the accept queue overflows too");
	if (!c->is_listener && !c->n_syn_retrans && !c->server.n_synack_retrans)
		xc_against(o, XC_AGAINST, "this connection was not affected");
	xc_summary(o, "SYN flood on %s: %s", server,
		   drops ? "new connections are dropped" : "SYN cookies keep it open");
	xc_subject(o, "listener %s of namespace %u",
		   l ? xc_endpoint_str(l->addr, c->tuple.dport_he, bound) : server,
		   c->server.netns);
	if (drops)
		xc_fix(o,
		       "Switch SYN cookies on: sysctl -w net.ipv4.tcp_syncookies=1 (now %s); raise net.ipv4.tcp_max_syn_backlog; limit SYNs per source in front of it.",
		       syncookies ? syncookies : "?");
	else
		xc_fix(o,
		       "SYN cookies answer for now; limit SYNs per source in front of %s and see where they come from (`ss -tn state syn-recv`).",
		       server);
	o->severity = drops ? XC_SEVERITY_ERROR : XC_SEVERITY_WARNING;
	return true;
}

const struct xc_pattern xc_pattern_syn_flood = {
	.id = "syn-flood",
	.name = "SYN Flood",
	.layer = XC_LAYER_SOCKET,
	.kind = XC_KIND_CONDITION,
	.severity = XC_SEVERITY_ERROR,
	.cause = "Half-open connections fill the listener's request queue.",
	.fix = "Enable SYN cookies and limit SYNs per source.",
	.match = syn_flood_match,
};
