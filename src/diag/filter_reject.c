/* SPDX-License-Identifier: Apache-2.0 */
/* A filter answers with a RST or an ICMP error of its own. */
#include "diag/pattern.h"

#include "diag/rule.h"

#include <netinet/in.h>

/* ICMP errors that only a filter sends about TCP: a TCP stack answers with a RST. */
static const struct xc_icmp_fact *filter_icmp(const struct xc_case *c)
{
	/* RFC 1812 5.2.7.1: 9, 10, 13 administratively prohibited; 3 and 2 are nft and iptables defaults */
	static const int codes4[] = { 13, 10, 9, 3, 2 };
	/* RFC 4443: 1 prohibited, 4 port unreachable, 5 policy, 6 reject route */
	static const int codes6[] = { 1, 4, 5, 6 };
	const struct xc_icmp_fact *i;

	if (c->tuple.proto != IPPROTO_TCP)
		return NULL;
	for (size_t k = 0; k < sizeof(codes4) / sizeof(codes4[0]); k++)
		if ((i = xc_icmp_about(c, 4, 3, codes4[k])))
			return i;
	for (size_t k = 0; k < sizeof(codes6) / sizeof(codes6[0]); k++)
		if ((i = xc_icmp_about(c, 6, 1, codes6[k])))
			return i;
	return NULL;
}

static void state_icmp(const struct xc_case *c, struct xc_opinion *o, const struct xc_icmp_fact *i)
{
	char from[XC_ENDPOINT_LEN];
	bool is_prohibit_route = i->e.code == 13 && !xc_filter_drop_of(c) && i->e.is_sent;

	if (is_prohibit_route)
		return;		/* `ip route add prohibit` sends the same code and drops nothing in a filter */
	xc_for(o, XC_DECISIVE, i->e.hdr.ts_ns, i->e.is_sent ? "icmp:icmp_send" : "raw ICMP socket",
	       "ICMP%s %u/%u about the SYN%s%s: TCP itself never answers so",
	       i->e.family == 6 ? "v6" : "", i->e.type, i->e.code,
	       xc_addr_is_zero(i->e.from) ? "" : " from ",
	       xc_addr_is_zero(i->e.from) ? "" : xc_addr_str(i->e.from, from));
	xc_subject(o, "%s", xc_addr_is_zero(i->e.from) ? "filter on this host" : from);
}

static bool filter_reject_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_icmp_fact *i = filter_icmp(c);
	const struct xc_drop_fact *d = xc_filter_drop_of(c);
	const struct xc_rule_evt *rule = d ? xc_case_rule(c, d) : NULL;
	bool is_forged = xc_has_forged_reset(c);
	bool is_answered = d && xc_was_answered_by_filter(c, d);
	char flow[XC_WORDS], words[XC_WORDS];

	if (!i && !is_answered &&
	    !(d && (is_forged || (rule && (rule->verdict == XC_VERDICT_REJECT ||
					   rule->verdict == XC_VERDICT_REJECT_RST)))))
		return false;
	if (d)
		xc_state_filter_drop(o, d);
	if (is_forged)
		xc_for(o, XC_DECISIVE, c->client.last_ns, "tcp:tcp_receive_reset",
		       "the client got a RST that no TCP stack here sent: the filter forged it");
	if (i)
		state_icmp(c, o, i);
	else if (is_answered && !is_forged)
		xc_for(o, XC_STRONG, d->e.first_ns, "icmp",
		       "and the sender got an ICMP error for it");
	xc_state_rule(o, rule, d);
	if (!o->points)
		return false;
	xc_summary(o, "firewall rejects %s%s%s", xc_flow_words(c, flow), rule ? ": " : "",
		   rule ? xc_rule_short(rule, words) : "");
	return true;
}

const struct xc_pattern xc_pattern_filter_reject = {
	.id = "filter-reject",
	.name = "Firewall Reject",
	.layer = XC_LAYER_FILTER,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "A firewall rule refuses the connection with a forged RST or an ICMP error.",
	.fix = "Allow the flow in the firewall that answered; the ICMP source address names the host.",
	.match = filter_reject_match,
};
