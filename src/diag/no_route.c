/* SPDX-License-Identifier: Apache-2.0 */
/* No route, or a route that says no: on this host, or told by a router. */
#include "diag/pattern.h"

#include <errno.h>
#include <string.h>

static const char *route_words(int err)
{
	switch (err) {
	case -EINVAL:
		return "a blackhole route";
	case -EHOSTUNREACH:
		return "an unreachable route";
	case -EACCES:
		return "a prohibit route";
	default:
		return "no route";
	}
}

static void name_the_route(struct xc_opinion *o, int err, const char *dst, uint32_t netns)
{
	xc_summary(o, "%s to %s", route_words(err), dst);
	xc_subject(o, "route to %s in namespace %u", dst, netns);
	if (err == -EINVAL || err == -EHOSTUNREACH || err == -EACCES)
		xc_fix(o,
		       "Remove or correct %s that covers %s (`ip route get %s`, `ip route show type %s`).",
		       route_words(err), dst, dst,
		       err == -EINVAL ? "blackhole" :
		       err == -EACCES ? "prohibit" :
					"unreachable");
	else
		xc_fix(o,
		       "Add a route to %s or a default route there (`ip route get %s`); with a CNI, check that it installed its routes.",
		       dst, dst);
}

static void local_lookup(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_route_evt *r = &c->routes[0];
	const char *err = xc_errno_name(c->error);
	char dst[XC_ENDPOINT_LEN];

	xc_addr_str(r->daddr, dst);
	xc_for(o, XC_DECISIVE, r->hdr.ts_ns, "fib:fib_table_lookup",
	       "route lookup for %s in table %u: %s, the call returns %s", dst, r->table,
	       route_words(r->err), err ? err : "an error");
	if (r->err == -EINVAL || r->err == -EACCES)
		xc_details(o, "%s looks like a bug in the program; it is %s.", err,
			   route_words(r->err));
	name_the_route(o, r->err, dst, r->netns);
}

/* A packet of the flow that was dropped for want of a route. */
static const struct xc_drop_fact *route_drop(const struct xc_case *c)
{
	for (uint32_t i = 0; i < c->n_drops; i++) {
		const struct xc_drop_fact *d = &c->drops[i];

		if (d->why == XC_DROP_IP_INNOROUTES || d->why == XC_DROP_IP_OUTNOROUTES)
			return d;
		if (d->why == XC_DROP_NOT_SPECIFIED && d->e.route_err &&
		    (!strcmp(d->e.sym, "ip_error") || !strcmp(d->e.sym, "ip6_pkt_drop")))
			return d;	/* a blackhole route drops without a reason */
	}
	return NULL;
}

static void dropped_here(struct xc_opinion *o, const struct xc_drop_fact *d)
{
	char packet[XC_WORDS], dev[XC_WORDS], dst[XC_ENDPOINT_LEN];

	xc_for(o, XC_DECISIVE, d->e.first_ns, "skb:kfree_skb", "%s dropped%s: %s (%s at %s)",
	       xc_packet_words(d, packet), xc_dev_words(d->e.dev, dev), route_words(d->e.route_err),
	       d->name, d->e.sym[0] ? d->e.sym : "?");
	name_the_route(o, d->e.route_err, xc_addr_str(d->e.tuple.daddr, dst), d->e.netns);
}

/* What is seen on the way there is enough: the server may have no way back because the same link is down. */
static bool is_stopped_before(const struct xc_case *c)
{
	return xc_decisive_drop(c) || c->n_neighs || c->client.n_err_ebusy || c->client.n_err_eperm;
}

/* The server takes the SYN and finds no way for its answer: it is not even made. */
static void no_way_back(const struct xc_case *c, struct xc_opinion *o, int err)
{
	char server[XC_WORDS], client[XC_ENDPOINT_LEN];

	(void)xc_addr_str(xc_case_at_server(c)->saddr, client);
	xc_for(o, XC_DECISIVE, c->client.last_ns, "rtnetlink",
	       "the host of %s has %s to %s: it cannot send a SYN-ACK", xc_server_words(c, server),
	       route_words(err), client);
	name_the_route(o, err, client, c->server.netns);
	xc_summary(o, "%s back from %s to %s", route_words(err), server, client);
}

/* RFC 1812 5.2.7.1: 0, 6 and 11 net unreachable or unknown; RFC 4443: 0 no route, 6 reject route. */
static const struct xc_icmp_fact *told_by_router(const struct xc_case *c)
{
	const struct xc_icmp_fact *i = xc_icmp_about(c, 4, 3, 0);

	if (!i)
		i = xc_icmp_about(c, 4, 3, 6);
	if (!i)
		i = xc_icmp_about(c, 6, 1, 0);
	if (!i)
		i = xc_icmp_about(c, 6, 1, 6);
	return i;
}

static bool no_route_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_icmp_fact *i = told_by_router(c);
	const struct xc_drop_fact *d = route_drop(c);
	int way_back = xc_way_back_error(c);
	char from[XC_ENDPOINT_LEN], dst[XC_ENDPOINT_LEN];

	if (c->n_routes)
		local_lookup(c, o);
	else if (d)
		dropped_here(o, d);
	else if (way_back && xc_case_is_silent_connect(c) && !is_stopped_before(c))
		no_way_back(c, o, way_back);
	if (i) {
		xc_for(o, XC_DECISIVE, i->e.hdr.ts_ns,
		       i->e.is_sent ? "icmp:icmp_send" : "raw ICMP socket",
		       "%s reports: network unreachable",
		       xc_addr_is_zero(i->e.from) ? "this host" : xc_addr_str(i->e.from, from));
		if (!o->summary[0])
			name_the_route(o, 0, xc_addr_str(c->tuple.daddr, dst), i->e.netns);
	}
	if (!c->n_routes && !d && xc_icmp_about(c, 4, 3, 1))
		xc_for(o, XC_WEAK, 0, "raw ICMP socket", "a router reports: host unreachable");
	if (xc_filter_drop_of(c))
		xc_against(o, XC_AGAINST * 2, "a filter dropped the packet and sent that answer");
	return o->n_evidence > 0;
}

const struct xc_pattern xc_pattern_no_route = {
	.id = "no-route",
	.name = "No Route",
	.layer = XC_LAYER_L3,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "There is no route to the destination, or a route that refuses it.",
	.fix = "Check the routes with `ip route get` on the host that reports it.",
	.match = no_route_match,
};
