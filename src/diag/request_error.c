/* SPDX-License-Identifier: Apache-2.0 */
/* The server answered, and the answer is that it failed: a symptom of something behind it. */
#include "diag/pattern.h"
#include "diag/request.h"

#include <string.h>

#define BAD_GATEWAY 502
#define UNAVAILABLE 503
#define GATEWAY_TIMEOUT 504

static const char *advice(const struct xc_request_fact *r)
{
	bool is_http = !strcmp(r->protocol, "http") || !strcmp(r->protocol, "http2");

	if (is_http && (r->status == BAD_GATEWAY || r->status == GATEWAY_TIMEOUT))
		return "It is a gateway: what it forwards to fails. Look at the connections it makes itself (`crosscut why --from` its address).";
	if (is_http && r->status == UNAVAILABLE)
		return "It says it is overloaded or not ready: look at its limits, its queue and its own dependencies.";
	return "Look at the log of the server, and at the connections it makes itself (`crosscut why --from` its address).";
}

static bool request_error_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_request_fact *r = xc_request_about(c, NULL);
	char words[96], server[XC_WORDS];

	if (!r || r->result != XC_RESULT_SERVER_ERROR || !strcmp(r->protocol, "dns") ||
	    !strcmp(r->protocol, "tls"))
		return false;
	(void)xc_server_words(c, server);
	xc_for(o, XC_DECISIVE, r->last_ns, xc_request_hook, "%s answers %d %s to %s", server,
	       r->status, r->status_text, xc_request_words(r, words, sizeof(words)));
	xc_summary(o, "%s fails requests: %s %d %s", server, r->protocol, r->status,
		   r->status_text);
	xc_details(
		o,
		"%s got %d %s, %u time%s on this connection. The network did its part: this is a symptom of what happens in or behind the server.",
		words, r->status, r->status_text, r->n, r->n == 1 ? "" : "s");
	xc_subject(o, "%s %d at %s", r->protocol, r->status, server);
	xc_fix(o, "%s", advice(r));
	return true;
}

const struct xc_pattern xc_pattern_request_error = {
	.id = "request-error",
	.name = "Server Error",
	.layer = XC_LAYER_L7,
	.kind = XC_KIND_CONDITION,
	.severity = XC_SEVERITY_WARNING,
	.cause = "The server answers that it failed.",
	.fix = "Look at the server and at what it depends on.",
	.match = request_error_match,
};
