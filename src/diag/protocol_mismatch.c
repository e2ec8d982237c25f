/* SPDX-License-Identifier: Apache-2.0 */
/* Each end speaks another protocol: plain HTTP to a TLS port, TLS to a plain one. */
#include "diag/pattern.h"
#include "diag/request.h"

#include <string.h>

static bool protocol_mismatch_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_request_fact *r = xc_request_mismatched(c);
	char server[XC_WORDS];
	bool wants_tls;

	if (!r)
		return false;
	wants_tls = !strcmp(r->mismatch, "tls");
	(void)xc_server_words(c, server);
	xc_for(o, XC_DECISIVE, r->last_ns, xc_request_hook,
	       "the client speaks %s, %s answers in %s", r->protocol, server, r->mismatch);
	xc_summary(o, "%s to a port that speaks %s: %s", r->protocol, r->mismatch, server);
	xc_subject(o, "%s spoken to %s", r->protocol, server);
	if (wants_tls)
		xc_fix(o, "The client must use TLS here (https:// in its URL), or another port.");
	else
		xc_fix(o,
		       "The client must not use TLS here (http:// in its URL), or the server must enable it on port %u.",
		       c->tuple.dport_he);
	return true;
}

const struct xc_pattern xc_pattern_protocol_mismatch = {
	.id = "protocol-mismatch",
	.name = "Protocol Mismatch",
	.layer = XC_LAYER_L7,
	.kind = XC_KIND_CONDITION,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The client speaks another protocol than the server does on this port.",
	.fix = "Use the protocol of the port, or the port of the protocol.",
	.match = protocol_mismatch_match,
};
