/* SPDX-License-Identifier: Apache-2.0 */
#include "diag/request.h"

#include <stdio.h>
#include <string.h>

#define IDLE_NS 1000000000ull	/* a pooled connection nobody used for so long may be let go */
#define RACE_NS 500000000ull	/* both ends act before they hear of each other: a round trip */

const char xc_request_hook[] = "cgroup_skb payload";

const struct xc_request_fact *xc_request_about(const struct xc_case *c, const char *protocol)
{
	const struct xc_request_fact *worst = NULL;

	for (uint32_t i = 0; i < c->n_requests; i++) {
		const struct xc_request_fact *r = &c->requests[i];

		if (r->mismatch[0] || (protocol && strcmp(r->protocol, protocol)))
			continue;
		if (!worst || r->result > worst->result)
			worst = r;
	}
	return worst;
}

const struct xc_request_fact *xc_request_mismatched(const struct xc_case *c)
{
	for (uint32_t i = 0; i < c->n_requests; i++)
		if (c->requests[i].mismatch[0])
			return &c->requests[i];
	return NULL;
}

const struct xc_request_fact *xc_request_cut_short(const struct xc_case *c)
{
	for (uint32_t i = 0; i < c->n_requests; i++) {
		const struct xc_request_fact *r = &c->requests[i];

		if (r->result == XC_RESULT_NO_ANSWER && !r->mismatch[0] &&
		    strcmp(r->protocol, "dns") && strcmp(r->protocol, "tls") &&
		    strcmp(r->protocol, "quic"))
			return r;
	}
	return NULL;
}

bool xc_request_tells_why(const struct xc_case *c)
{
	const struct xc_request_fact *tls = xc_request_about(c, "tls");

	return xc_request_mismatched(c) || (tls && tls->status > 0);
}

bool xc_request_raced(const struct xc_request_fact *r)
{
	return r->closed_ns && !r->is_begun && r->n_answered && r->idle_ns >= IDLE_NS &&
	       (r->closed_ns <= r->first_ns || r->closed_ns - r->first_ns <= RACE_NS);
}

const char *xc_request_words(const struct xc_request_fact *r, char *out, size_t size)
{
	(void)snprintf(out, size, "%s%s%s", r->method, r->method[0] && r->target[0] ? " " : "",
		       r->target);
	return out;
}
