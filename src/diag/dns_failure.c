/* SPDX-License-Identifier: Apache-2.0 */
/* A name was asked for and could not be resolved: the server says so, or says nothing. */
#include "diag/pattern.h"
#include "diag/request.h"

#include <string.h>

#define NXDOMAIN 3	/* RFC 1035 4.1.1 */
#define REFUSED 5

/* Nobody else is known to have kept the answer away. */
static bool is_only_silence(const struct xc_case *c)
{
	return !c->n_drops && !c->n_icmps && !c->n_routes && !c->n_neighs;
}

static void say_answer(const struct xc_request_fact *r, const char *server, struct xc_opinion *o)
{
	xc_for(o, XC_DECISIVE, r->last_ns, xc_request_hook, "%s answers %s for %s %s", server,
	       r->status_text, r->method, r->target);
	xc_summary(o, "%s cannot be resolved: %s says %s", r->target, server, r->status_text);
	if (r->status == NXDOMAIN) {
		o->severity =
			XC_SEVERITY_WARNING; /* many programs ask for names that may not exist */
		xc_fix(o,
		       "Check the spelling of %s and the search and ndots lines of resolv.conf; if the name is right, its zone lacks it.",
		       r->target);
	} else if (r->status == REFUSED) {
		xc_fix(o,
		       "%s refuses to answer this client: allow it there (allow-query, access-control), or use another server.",
		       server);
	} else {
		xc_fix(o,
		       "Look at the log of the DNS server %s: it could not get an answer itself (forwarder, DNSSEC, zone).",
		       server);
	}
}

static void say_silence(const struct xc_case *c, const struct xc_request_fact *r,
			const char *server, struct xc_opinion *o)
{
	int points = is_only_silence(c) ? XC_DECISIVE : XC_WEAK;

	xc_for(o, points, r->last_ns, xc_request_hook,
	       "no answer for %s %s in %.1f s, asked %u times", r->method, r->target,
	       (double)(r->last_ns - r->first_ns) / 1e9, r->n_retries + 1);
	xc_summary(o, "%s cannot be resolved: %s does not answer", r->target, server);
	xc_fix(o,
	       "Is a DNS server running at %s, and can it be reached (UDP and TCP port 53 in firewalls and network policies)? See resolv.conf.",
	       server);
}

static bool dns_failure_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_request_fact *r = xc_request_about(c, "dns");
	char server[XC_WORDS];

	if (!r)
		return false;
	(void)xc_server_words(c, server);
	if (r->status > 0)
		say_answer(r, server, o);
	else
		say_silence(c, r, server, o);
	xc_subject(o, "%s at %s", r->status > 0 ? r->status_text : "no answer", server);
	xc_details(o, "%s %s was asked for %u time%s on this flow.", r->method, r->target,
		   r->n + r->n_retries, r->n + r->n_retries == 1 ? "" : "s");
	return true;
}

const struct xc_pattern xc_pattern_dns_failure = {
	.id = "dns-failure",
	.name = "DNS Failure",
	.layer = XC_LAYER_L7,
	.kind = XC_KIND_CONDITION,
	.severity = XC_SEVERITY_ERROR,
	.cause = "A name could not be resolved.",
	.fix = "Check the name, resolv.conf and the DNS server.",
	.match = dns_failure_match,
};
