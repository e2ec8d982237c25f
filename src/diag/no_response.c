/* SPDX-License-Identifier: Apache-2.0 */
/* The connection ended while a request was waiting for its answer. */
#include "diag/pattern.h"
#include "diag/request.h"

static bool no_response_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_request_fact *r = xc_request_cut_short(c);
	char words[96], server[XC_WORDS];

	if (!r || !r->closed_ns)
		return false;
	(void)xc_server_words(c, server);
	/* what a reset is about, its own patterns know better */
	xc_for(o, r->is_reset ? XC_STRONG : XC_DECISIVE, r->closed_ns, xc_request_hook,
	       "the server ends the connection %.3f s after %s, %s",
	       r->closed_ns > r->first_ns ? (double)(r->closed_ns - r->first_ns) / 1e9 : 0.0,
	       xc_request_words(r, words, sizeof(words)),
	       r->is_begun ? "in the middle of its answer" : "without a byte of an answer");
	if (xc_request_raced(r))
		xc_against(o, XC_RULED_OUT,
			   "the connection had been idle: the server let it go at the same time");
	xc_summary(o, "%s closed the connection without %s", server,
		   r->is_begun ? "finishing its answer" : "an answer");
	xc_details(o, "%s was sent and the server closed before its answer was complete.", words);
	xc_subject(o, "no answer from %s", server);
	xc_fix(o,
	       "Look at the server's log at this moment: a crash, a time-out of its own, or a worker that was stopped. A proxy in between has time-outs, too.");
	return true;
}

const struct xc_pattern xc_pattern_no_response = {
	.id = "no-response",
	.name = "No Response",
	.layer = XC_LAYER_L7,
	.kind = XC_KIND_CONDITION,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The server ended the connection before it had answered.",
	.fix = "Look at the server's log and time-outs.",
	.match = no_response_match,
};
