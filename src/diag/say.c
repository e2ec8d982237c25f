/* SPDX-License-Identifier: Apache-2.0 */
/* What patterns share: stating facts, putting values into words, common questions. */
#include "diag/pattern.h"

#include <netinet/in.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void xc_for(struct xc_opinion *o, int points, uint64_t ts_ns, const char *hook, const char *fmt,
	    ...)
{
	struct xc_evidence *e;
	va_list ap;

	o->points += points;
	if (points >= XC_DECISIVE) {
		o->has_decisive = true;
		if (ts_ns && (!o->decisive_ns || ts_ns < o->decisive_ns))
			o->decisive_ns = ts_ns;
	} else if (points >= XC_STRONG && ts_ns && (!o->strong_ns || ts_ns < o->strong_ns)) {
		o->strong_ns = ts_ns;
	}
	if (o->n_evidence == XC_FINDING_EVIDENCE)
		return;
	e = &o->evidence[o->n_evidence++];
	e->ts_ns = ts_ns;
	e->points = points;
	e->layer = o->pattern->layer;
	(void)snprintf(e->hook, sizeof(e->hook), "%s", hook);
	va_start(ap, fmt);
	(void)vsnprintf(e->fact, sizeof(e->fact), fmt, ap);
	va_end(ap);
}

#define DEFINE_TEXT(name, field)                                                                   \
	void name(struct xc_opinion *o, const char *fmt, ...)                                      \
	{                                                                                          \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, fmt);                                                                 \
		(void)vsnprintf(o->field, sizeof(o->field), fmt, ap);                              \
		va_end(ap);                                                                        \
	}

DEFINE_TEXT(xc_summary, summary)
DEFINE_TEXT(xc_details, details)
DEFINE_TEXT(xc_fix, fix)
DEFINE_TEXT(xc_subject, subject)

void xc_against(struct xc_opinion *o, int points, const char *fmt, ...)
{
	va_list ap;

	o->points += points;
	if (o->against[0])
		return;		/* the first objection is the one worth a line */
	va_start(ap, fmt);
	(void)vsnprintf(o->against, sizeof(o->against), fmt, ap);
	va_end(ap);
}

const char *xc_flow_words(const struct xc_case *c, char out[XC_WORDS])
{
	char s[XC_ENDPOINT_LEN], d[XC_ENDPOINT_LEN];

	(void)snprintf(out, XC_WORDS, "%s > %s",
		       xc_endpoint_str(c->tuple.saddr, c->tuple.sport_he, s),
		       xc_endpoint_str(c->tuple.daddr, c->tuple.dport_he, d));
	return out;
}

const char *xc_server_words(const struct xc_case *c, char out[XC_WORDS])
{
	return xc_endpoint_str(c->tuple.daddr, c->tuple.dport_he, out);
}

const char *xc_client_words(const struct xc_case *c, char out[XC_WORDS])
{
	return xc_endpoint_str(c->tuple.saddr, c->tuple.sport_he, out);
}

const char *xc_owner_words(const struct xc_owner *o, char out[XC_WORDS])
{
	if (o->tgid)
		(void)snprintf(out, XC_WORDS, "%.15s (pid %u)", o->comm, o->tgid);
	else
		(void)snprintf(out, XC_WORDS, "an unknown process");
	return out;
}

static const char *neighbour_words(const struct xc_drop_evt *e)
{
	bool is_question = xc_neighbour_asker(e) == e->tuple.saddr;

	if (e->is_arp)
		return is_question ? "ARP request" : "ARP reply";
	return is_question ? "neighbour solicitation" : "neighbour advertisement";
}

const char *xc_packet_words(const struct xc_drop_fact *d, char out[XC_WORDS])
{
	char s[XC_ENDPOINT_LEN], t[XC_ENDPOINT_LEN], flags[32] = "";

	if (xc_is_neighbour_message(&d->e)) {
		(void)snprintf(out, XC_WORDS, "%s for %s", neighbour_words(&d->e),
			       xc_addr_str(d->e.nexthop, s));
		return out;
	}
	if (d->e.is_quoted)
		(void)snprintf(flags, sizeof(flags), "ICMP error about");
	else if (d->e.tuple.proto == 6)
		(void)xc_tcp_flags_str(d->e.tcp_flags, flags);
	else
		(void)snprintf(flags, sizeof(flags), "%s", xc_proto_str(d->e.tuple.proto));
	(void)snprintf(out, XC_WORDS, "%s%s %s > %s", d->e.is_carried ? "tunnel packet " : "",
		       flags, xc_endpoint_str(d->e.tuple.saddr, d->e.tuple.sport_he, s),
		       xc_endpoint_str(d->e.tuple.daddr, d->e.tuple.dport_he, t));
	return out;
}

const char *xc_dev_words(const char dev[16], char out[XC_WORDS])
{
	if (dev[0])
		(void)snprintf(out, XC_WORDS, " on %.15s", dev);
	else
		out[0] = '\0';
	return out;
}

static bool is_decisive(enum xc_drop why)
{
	switch (why) {
	case XC_DROP_NETFILTER_DROP:
	case XC_DROP_TC_INGRESS:
	case XC_DROP_TC_EGRESS:
	case XC_DROP_XDP:
	case XC_DROP_BPF_CGROUP_EGRESS:
	case XC_DROP_SOCKET_FILTER:
	case XC_DROP_NEIGH_FAILED:
	case XC_DROP_NEIGH_CREATEFAIL:
	case XC_DROP_NEIGH_DEAD:
	case XC_DROP_IP_OUTNOROUTES:
	case XC_DROP_IP_INNOROUTES:
	case XC_DROP_IP_INADDRERRORS:
	case XC_DROP_IP_RPFILTER:
	case XC_DROP_IP_INHDR:
	case XC_DROP_IP_LOCAL_SOURCE:
	case XC_DROP_IP_INVALID_SOURCE:
	case XC_DROP_OTHERHOST:
	case XC_DROP_QDISC_DROP:
	case XC_DROP_TCP_LISTEN_OVERFLOW:
	case XC_DROP_PKT_TOO_BIG:
		return true;
	default:
		return false;
	}
}

bool xc_is_kept_out(const struct xc_case *c, const struct xc_drop_fact *d)
{
	bool is_tcp = c->tuple.proto == IPPROTO_TCP;
	bool is_syn = (d->e.tcp_flags & (XC_TCP_SYN | XC_TCP_ACK)) == XC_TCP_SYN;

	if (d->e.is_quoted || d->is_by_place || !d->to_server || (is_tcp && !is_syn))
		return false;
	if (d->why != XC_DROP_OTHER && d->why != XC_DROP_SECURITY_HOOK &&
	    d->why != XC_DROP_PROTO_MEM)
		return false;
	if (!is_tcp || !c->client.is_seen)
		return !c->was_established && d->e.count >= 2;
	/* a repeat is told a second after the one before it, and may be on its way */
	return xc_case_is_silent_connect(c) && d->e.count >= c->n_syn_retrans;
}

/* Does this drop by itself explain why the flow fails? */
static bool explains(const struct xc_case *c, const struct xc_drop_fact *d)
{
	if (d->e.is_quoted)
		return false;
	if (xc_is_kept_out(c, d))
		return true;
	/* a blackhole route drops without a reason; the lookup that failed just before is one */
	if (d->why == XC_DROP_NOT_SPECIFIED)
		return d->e.route_err != 0;
	/* tcp_v4_rcv() drops for more than want of a socket: no RST follows then */
	return is_decisive(d->why) || (d->is_by_place && d->why == XC_DROP_NO_SOCKET);
}

const struct xc_drop_fact *xc_decisive_drop(const struct xc_case *c)
{
	for (uint32_t i = 0; i < c->n_drops; i++)
		if (explains(c, &c->drops[i]))
			return &c->drops[i];
	return NULL;
}

bool xc_is_kept_from_neighbour(const struct xc_case *c)
{
	for (uint32_t i = 0; i < c->n_drops; i++)
		if (xc_is_neighbour_message(&c->drops[i].e))
			return true;
	return false;
}

const struct xc_drop_fact *xc_unwanted_segment(const struct xc_case *c, bool is_syn)
{
	const struct xc_drop_fact *d;
	size_t i = 0;

	while ((d = xc_case_next_drop(c, XC_DROP_NO_SOCKET, &i)))
		if (!d->e.is_quoted && d->to_server && !(d->e.tcp_flags & XC_TCP_RST) &&
		    !(d->e.tcp_flags & XC_TCP_SYN) == !is_syn)
			return d;
	return NULL;
}

const struct xc_drop_fact *xc_filter_drop_of(const struct xc_case *c)
{
	const struct xc_drop_fact *d;
	size_t i = 0;

	while ((d = xc_case_next_drop(c, XC_DROP_NETFILTER_DROP, &i)))
		if (!d->e.is_quoted)
			return d;
	return NULL;
}

/* Acknowledgements moved on between two resends. */
static bool stream_moves(const struct xc_side *s)
{
	return s->n_retrans >= 2 && (int32_t)(s->last.snd_una - s->first_una) > 0;
}

bool xc_is_making_progress(const struct xc_case *c)
{
	uint32_t n = 0;

	if (!c->was_established)
		return false;
	for (uint32_t i = 0; i < c->n_drops; i++)
		n = c->drops[i].n_seqs > n ? c->drops[i].n_seqs : n;
	if (!c->client.is_seen && !c->server.is_seen)
		return n >= 3;	/* packets only: new data kept coming while some were dropped */
	return n >= 2 && (stream_moves(&c->client) || stream_moves(&c->server));
}

const struct xc_icmp_fact *xc_icmp_about(const struct xc_case *c, uint8_t family, uint8_t type,
					 int code)
{
	for (uint32_t i = 0; i < c->n_icmps; i++) {
		const struct xc_icmp_evt *e = &c->icmps[i].e;

		if (e->family == family && e->type == type && (code < 0 || e->code == code))
			return &c->icmps[i];
	}
	return NULL;
}

int xc_way_back_error(const struct xc_case *c)
{
	char key[64], addr[XC_ENDPOINT_LEN];
	const char *error;

	(void)snprintf(key, sizeof(key), XC_NOTE_ROUTE "%s",
		       xc_addr_str(xc_case_at_server(c)->saddr, addr));
	error = xc_case_note(c, key);
	return error ? (int)strtol(error, NULL, 10) : 0;
}

const struct xc_listener_fact *xc_fitting_listener(const struct xc_case *c)
{
	for (uint32_t i = 0; i < c->n_listeners; i++)
		if (c->listeners[i].fits && !c->listeners[i].gone_ns)
			return &c->listeners[i];
	return NULL;
}

bool xc_died_before(const struct xc_case *c, uint64_t ts_ns)
{
	for (uint32_t i = 0; i < c->n_procs; i++)
		if (c->procs[i].hdr.ts_ns <= ts_ns)
			return true;
	return false;
}

bool xc_has_failed(const struct xc_case *c)
{
	return c->outcome == XC_OUTCOME_REFUSED || c->outcome == XC_OUTCOME_BROKEN ||
	       (c->outcome == XC_OUTCOME_GAVE_UP && c->n_syn_retrans);
}

bool xc_is_traceroute(const struct xc_case *c)
{
	/* traceroute(8): 33434 and up, a port for each probe; mtr and others up to 33534 */
	return c->tuple.proto == IPPROTO_UDP && c->tuple.dport_he >= 33434 &&
	       c->tuple.dport_he <= 33534;
}
