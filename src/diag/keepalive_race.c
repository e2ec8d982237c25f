/* SPDX-License-Identifier: Apache-2.0 */
/* A pooled connection: the client sent the next request just when the server let the idle connection go. */
#include "diag/pattern.h"
#include "diag/request.h"

static bool keepalive_race_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_request_fact *r = xc_request_cut_short(c);
	char words[96], server[XC_WORDS];

	if (!r || !xc_request_raced(r))
		return false;
	(void)xc_server_words(c, server);
	xc_for(o, XC_DECISIVE, r->closed_ns, xc_request_hook,
	       "%s closes the connection within a round trip of %s, after %.1f s of silence",
	       server, xc_request_words(r, words, sizeof(words)), (double)r->idle_ns / 1e9);
	xc_for(o, XC_WEAK, r->first_ns, xc_request_hook,
	       "%u requests on this connection had been answered", r->n_answered);
	xc_summary(o, "%s closed an idle pooled connection as a request was sent on it", server);
	xc_details(
		o,
		"The server's keep-alive time-out ran out at the moment the client used the connection again. The request was not processed, so it can be repeated.");
	xc_subject(o, "keep-alive time-out of %s", server);
	xc_fix(o,
	       "Make the client drop idle connections sooner than the server does (its pool's idle time-out below %.0f s), and retry requests that may be repeated.",
	       (double)r->idle_ns / 1e9);
	return true;
}

const struct xc_pattern xc_pattern_keepalive_race = {
	.id = "keepalive-race",
	.name = "Keep-Alive Race",
	.layer = XC_LAYER_L7,
	.kind = XC_KIND_CONDITION,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The server let an idle pooled connection go as the client used it again.",
	.fix = "Let the client's pool time out before the server's keep-alive does.",
	.match = keepalive_race_match,
};
