/* SPDX-License-Identifier: Apache-2.0 */
/* No local port is left for a connection to that destination. */
#include "diag/pattern.h"

#include <errno.h>

static bool port_exhaustion_match(const struct xc_case *c, struct xc_opinion *o)
{
	const char *range = xc_case_note(c, "net.ipv4.ip_local_port_range");
	char server[XC_WORDS], who[XC_WORDS];

	if (c->outcome != XC_OUTCOME_REFUSED || c->error != EADDRNOTAVAIL)
		return false;
	xc_server_words(c, server);
	xc_owner_words(&c->client.owner, who);
	xc_for(o, XC_DECISIVE, c->ended_ns, "sock:inet_sock_set_state",
	       "connect() of %s ended %.0f us after it began, without a port and without a packet",
	       who, (double)c->waited_ns / 1e3);
	if (range)
		xc_for(o, XC_WEAK, c->ended_ns, "sysctl", "net.ipv4.ip_local_port_range = %s",
		       range);
	xc_summary(o, "no local port left for connections to %s", server);
	xc_subject(o, "ports to %s", server);
	xc_fix(o,
	       "Reuse connections to %s (pooling, keep-alive); widen net.ipv4.ip_local_port_range%s%s%s; see who holds the ports with `ss -tan dst %s`.",
	       server, range ? " (now " : "", range ? range : "", range ? ")" : "",
	       xc_addr_str(c->tuple.daddr, who));
	return true;
}

const struct xc_pattern xc_pattern_port_exhaustion = {
	.id = "port-exhaustion",
	.name = "Port Exhaustion",
	.layer = XC_LAYER_SOCKET,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "Every local port to that destination is in use.",
	.fix = "Reuse connections, or widen net.ipv4.ip_local_port_range.",
	.match = port_exhaustion_match,
};
