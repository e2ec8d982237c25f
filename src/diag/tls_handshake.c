/* SPDX-License-Identifier: Apache-2.0 */
/* The two ends of a TLS connection do not come to terms: one of them says so in an alert. */
#include "diag/pattern.h"
#include "diag/request.h"

#include <string.h>

/* RFC 8446 6.2: what an alert asks for. @by_client: the client sent it. */
static const struct {
	int32_t alert;
	bool by_client;
	const char *fix;
} fixes[] = {
	{ 40, false,
	  "No common cipher, group or signature: compare what both sides allow (`openssl s_client -connect`)." },
	{ 42, true, "The client rejects the server's certificate: look at its chain and name." },
	{ 45, true, "The server's certificate has expired: renew it and reload the server." },
	{ 46, true,
	  "The client rejects the server's certificate: look at its chain, name and dates." },
	{ 48, true,
	  "The client does not know who signed the server's certificate: install that CA, or send the intermediate certificates." },
	{ 70, false, "No TLS version both sides allow: enable TLS 1.2 or 1.3 on the older one." },
	{ 70, true, "No TLS version both sides allow: enable TLS 1.2 or 1.3 on the older one." },
	{ 80, false, "The server failed inside: look at its log." },
	{ 112, false,
	  "The server has no certificate for this name: check the name asked for (SNI) and the server's virtual hosts." },
	{ 116, false, "The server wants a client certificate: configure one." },
	{ 120, false, "No common application protocol (ALPN): enable what the client offers." },
};

static const char *fix_of(const struct xc_request_fact *r)
{
	for (size_t i = 0; i < sizeof(fixes) / sizeof(fixes[0]); i++)
		if (fixes[i].alert == r->status && fixes[i].by_client == !r->by_server)
			return fixes[i].fix;
	return "Compare versions, ciphers and certificates of both sides (`openssl s_client -connect`).";
}

static void say_alert(const struct xc_case *c, const struct xc_request_fact *r,
		      struct xc_opinion *o)
{
	char server[XC_WORDS];
	const char *who = r->by_server ? "the server" : "the client";

	(void)xc_server_words(c, server);
	xc_for(o, XC_DECISIVE, r->last_ns, xc_request_hook, "%s sends the TLS alert %s (%d)", who,
	       r->status_text, r->status);
	xc_summary(o, "TLS handshake with %s%s%s%s fails: %s says %s", server,
		   r->target[0] ? " (" : "", r->target, r->target[0] ? ")" : "", who,
		   r->status_text);
	xc_subject(o, "%s at %s", r->status_text, server);
	xc_fix(o, "%s", fix_of(r));
}

static bool tls_handshake_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_request_fact *r = xc_request_about(c, "tls");
	char server[XC_WORDS];

	if (!r)
		return false;
	if (r->status > 0) {
		say_alert(c, r, o);
		return true;
	}
	if (!r->closed_ns)
		return false;	/* the client did not wait, or nobody saw the end */
	(void)xc_server_words(c, server);
	xc_for(o, r->is_reset ? XC_STRONG : XC_DECISIVE, r->first_ns, xc_request_hook,
	       "a ClientHello%s%s gets no ServerHello before the connection ends",
	       r->target[0] ? " for " : "", r->target);
	xc_summary(o, "TLS handshake with %s: the connection ends without an answer", server);
	xc_subject(o, "no ServerHello at %s", server);
	xc_fix(o,
	       "Does %s speak TLS on this port? A proxy or a firewall that inspects TLS may also drop the hello.",
	       server);
	return true;
}

const struct xc_pattern xc_pattern_tls_handshake = {
	.id = "tls-handshake",
	.name = "TLS Handshake Failure",
	.layer = XC_LAYER_L7,
	.kind = XC_KIND_CONDITION,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The two ends do not agree on how to encrypt, or one does not trust the other.",
	.fix = "Compare versions, ciphers and certificates of both sides.",
	.match = tls_handshake_match,
};
