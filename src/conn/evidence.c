/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/evidence.h"

#include "base/scope.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* One function, several causes: what else is known of the packet tells them apart. */
static enum xc_drop reason_of_place(const struct xc_drop_evt *e)
{
	enum xc_drop why = xc_drop_from_place(e->sym);

	if (why == XC_DROP_IP_INADDRERRORS && e->route_err)	/* ip_error(), for want of a route */
		return e->route_err == -EINVAL ? XC_DROP_NOT_SPECIFIED : XC_DROP_IP_INNOROUTES;
	if (why == XC_DROP_QDISC_DROP &&
	    !e->has_next) /* kfree_skb_list(): fragments put together */
		return XC_DROP_OTHER;
	return why;
}

enum xc_drop xc_evidence_drop_reason(const struct xc_kernel_names *names,
				     const struct xc_drop_evt *e, const char **ret_name)
{
	const char *name = xc_names_get(&names->drop, e->reason);
	enum xc_drop why = xc_names_ours(&names->drop, e->reason);

	/* A kernel without reasons has an empty table: the place is the reason. */
	if (!name || why == XC_DROP_NOT_SPECIFIED) {
		enum xc_drop by_place = reason_of_place(e);

		if (!name)
			why = by_place;
		else if (by_place == XC_DROP_XDP)
			why = XC_DROP_XDP;	/* XDP frees without a reason */
		else if (by_place == XC_DROP_IP_OUTNOROUTES)
			why = by_place;		/* nor does TCP over IPv6 */
		else if (by_place == XC_DROP_IP_RPFILTER)
			why = XC_DROP_IP_INVALID_SOURCE;	/* to 6.12 only the filter gives one there */
	}
	*ret_name = name ? name : e->sym[0] ? "no reason given" : "unknown";
	return why;
}

int xc_icmp_errno(uint8_t family, uint8_t type, uint8_t code)
{
	static const int unreach4[] = {
		ENETUNREACH, EHOSTUNREACH, ENOPROTOOPT, ECONNREFUSED, EMSGSIZE, EOPNOTSUPP,
		ENETUNREACH, EHOSTDOWN, ENONET, ENETUNREACH, EHOSTUNREACH, ENETUNREACH,
		EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH,
	};
	/* net/ipv6/icmp.c tab_unreach */
	static const int unreach6[] = { ENETUNREACH, EACCES, EHOSTUNREACH, EHOSTUNREACH,
					ECONNREFUSED, EACCES, EACCES };

	if (family == 4 && type == 3)
		return code < ARRAY_SIZE(unreach4) ? unreach4[code] : EHOSTUNREACH;
	if (family == 4 && type == 11)
		return EHOSTUNREACH;
	if (family == 6 && type == 1)
		return code < ARRAY_SIZE(unreach6) ? unreach6[code] : EHOSTUNREACH;
	if (family == 6 && type == 2)
		return EMSGSIZE;
	if (family == 6 && type == 3)
		return EHOSTUNREACH;
	return 0;
}

/* Went a packet with this tuple from the client to the server, on either side of a NAT? */
static bool is_of_client(const struct xc_case *c, const struct xc_tuple *t)
{
	if (t->dport_he == c->tuple.dport_he && xc_addr_equal(t->daddr, c->tuple.daddr))
		return true;
	return c->translated.proto && t->dport_he == c->translated.dport_he &&
	       xc_addr_equal(t->daddr, c->translated.daddr);
}

static void side_snapshot(struct xc_side *s, const struct xc_sock_evt *e)
{
	uint8_t nexthop[16];

	if (!s->is_seen)
		s->first_ns = e->hdr.ts_ns;
	s->is_seen = true;
	s->netns = e->netns;
	s->last_ns = e->hdr.ts_ns;
	if (e->owner.tgid) {
		s->owner = e->owner;
		s->is_owner_listeners = false;
	} else if (!s->owner.cgroup_id) {
		s->owner.cgroup_id = e->owner.cgroup_id;
	}
	/* A closing socket has lost its route; what it was stays interesting. */
	memcpy(nexthop, s->last.nexthop, sizeof(nexthop));
	s->last = *e;
	if (xc_addr_is_zero(e->nexthop))
		memcpy(s->last.nexthop, nexthop, sizeof(nexthop));
}

static void count_retransmission(struct xc_case *c, struct xc_side *s, const struct xc_sock_evt *e)
{
	s->n_err_ebusy += e->retrans_err == -EBUSY;
	s->n_err_eperm += e->retrans_err == -EPERM;
	if (e->state == XC_TCP_SYN_SENT) {
		c->n_syn_retrans = e->syn_retrans ? e->syn_retrans : c->n_syn_retrans + 1;
		return;
	}
	s->n_fin_retrans += (e->seg_flags & XC_TCP_FIN) != 0;
	if (++s->n_retrans == 1) {
		s->first_retrans_ns = e->hdr.ts_ns;
		s->first_una = e->snd_una;
		s->first_total_retrans = e->total_retrans;
	} else if (s->n_retrans == 2) {
		s->second_retrans_ns = e->hdr.ts_ns;
	}
	if (e->mss_bytes && e->seg_bytes >= e->mss_bytes) {
		if (++s->n_retrans_full == 1)
			s->first_full_ns = e->hdr.ts_ns;
		else if (s->n_retrans_full == 2)
			s->second_full_ns = e->hdr.ts_ns;
		if (!s->n_full_seqs || s->full_seq != e->seg_seq)
			s->n_full_seqs++;
		s->full_seq = e->seg_seq;
	} else {
		s->n_retrans_small++;
	}
}

/* The socket is gone: what did its application see? */
static void side_closed(struct xc_case *c, struct xc_side *s, const struct xc_sock_evt *e)
{
	bool was_connecting = e->state_old == XC_TCP_SYN_SENT;
	bool is_client = s == &c->client;
	int err = e->sk_err ? e->sk_err : (e->flags & XC_SOCK_F_ERRQ) ? e->errq_errno : 0;

	s->has_error = err != 0;
	/* The client's word counts; the server's only while nothing is known of the client's. */
	if (!is_client && c->outcome != XC_OUTCOME_PENDING)
		return;
	c->ended_ns = e->hdr.ts_ns;
	if (e->open_ns && is_client)
		c->waited_ns = e->hdr.ts_ns - e->open_ns;
	if (err) {
		c->outcome = was_connecting ? XC_OUTCOME_REFUSED : XC_OUTCOME_BROKEN;
		c->error = err;
	} else if (was_connecting && !e->tuple.sport_he) {
		c->outcome = XC_OUTCOME_REFUSED;	/* no port was ever found: TRICKS C2 */
		c->error = EADDRNOTAVAIL;
	} else {
		c->outcome = was_connecting ? XC_OUTCOME_GAVE_UP : XC_OUTCOME_CLOSED;
	}
}

void xc_evidence_sock(struct xc_case *c, const struct xc_sock_evt *e)
{
	bool is_client = is_of_client(c, &e->tuple);
	struct xc_side *s = is_client ? &c->client : &c->server;

	if (e->what == XC_SOCK_SYNACK_RETRANS) {
		c->server.n_synack_retrans++;
		c->server.netns = e->netns;
		c->was_established |= e->established_ns != 0;	/* its client's ACK was seen */
		if (e->owner.tgid)
			c->server.owner = e->owner;
		return;
	}
	if (e->what == XC_SOCK_RETRANS)
		count_retransmission(c, s, e);
	if (e->what == XC_SOCK_DIED) {
		s->died_ns = e->hdr.ts_ns;
		c->outcome = XC_OUTCOME_BROKEN;
		c->ended_ns = e->hdr.ts_ns;
	}
	if (e->what == XC_SOCK_RST_RCVD)
		s->n_rst_rcvd++;
	if (e->what == XC_SOCK_SCAN && !s->stuck_ns)
		s->stuck_ns = e->hdr.ts_ns;
	side_snapshot(s, e);
	if (e->state == XC_TCP_ESTABLISHED ||
	    (e->what == XC_SOCK_CLOSED && e->state_old != XC_TCP_SYN_SENT))
		c->was_established = true;
	if (e->what == XC_SOCK_ESTABLISHED)
		c->outcome = XC_OUTCOME_RECOVERED;
	else if (e->what == XC_SOCK_CLOSED)
		side_closed(c, s, e);
	else if (e->what == XC_SOCK_ERROR && e->tuple.proto == IPPROTO_UDP && e->sk_err) {
		c->outcome = XC_OUTCOME_BROKEN;
		c->error = e->sk_err;
		c->ended_ns = e->hdr.ts_ns;
	}
	if (c->outcome == XC_OUTCOME_PENDING && e->open_ns && is_client)
		c->waited_ns = e->hdr.ts_ns - e->open_ns;
}

static bool is_same_drop(const struct xc_drop_fact *d, const struct xc_drop_evt *e, bool to_server)
{
	return d->e.reason == e->reason && d->e.location == e->location && d->e.netns == e->netns &&
	       d->e.hook == e->hook && d->to_server == to_server;
}

void xc_evidence_drop(struct xc_case *c, const struct xc_kernel_names *names,
		      const struct xc_drop_evt *e)
{
	const char *name;
	enum xc_drop why = xc_evidence_drop_reason(names, e, &name);
	bool to_server = is_of_client(c, xc_drop_flow(e, why));
	struct xc_drop_fact *d = NULL;

	for (uint32_t i = 0; i < c->n_drops && !d; i++)
		if (is_same_drop(&c->drops[i], e, to_server))
			d = &c->drops[i];
	if (d) {
		if (d->n_seqs < 3 && e->seq != d->e.seq)
			d->n_seqs++;
		d->e.count = e->count;
		d->e.rx_unread_bytes = e->rx_unread_bytes;
		return;
	}
	if (c->n_drops == XC_CASE_DROPS)
		return;
	c->drops[c->n_drops++] = (struct xc_drop_fact){
		.e = *e,
		.name = name,
		.why = why,
		.to_server = to_server,
		.n_seqs = 1,
		.is_by_place = !xc_names_get(&names->drop, e->reason),
	};
	if (e->owner.tgid && to_server && !c->client.owner.tgid)
		c->client.owner = e->owner;
	if (e->hook == XC_HOOK_OUTPUT && !e->is_carried) {
		struct xc_side *s = to_server ? &c->client : &c->server;

		if (!s->netns)
			s->netns = e->netns;
	}
}

void xc_evidence_reset(struct xc_case *c, const struct xc_kernel_names *names,
		       const struct xc_reset_evt *e)
{
	const char *name = xc_names_get(&names->rst, e->reason);
	bool by_server = !is_of_client(c, &e->tuple);
	struct xc_side *s = by_server ? &c->server : &c->client;

	if (e->owner.tgid && !s->owner.tgid)
		s->owner = e->owner;
	if (!s->netns)
		s->netns = e->netns;
	if (c->n_resets == XC_CASE_RESETS)
		return;
	c->resets[c->n_resets++] = (struct xc_reset_fact){
		.e = *e,
		.name = name ? name : "no reason given",
		.why = xc_names_ours(&names->rst, e->reason),
		.by_server = by_server,
	};
}

void xc_evidence_icmp(struct xc_case *c, const struct xc_icmp_evt *e)
{
	bool to_client = is_of_client(c, &e->tuple);

	for (uint32_t i = 0; i < c->n_icmps; i++) {
		struct xc_icmp_fact *k = &c->icmps[i];

		if (k->e.type == e->type && k->e.code == e->code && k->e.is_sent == e->is_sent &&
		    k->e.netns == e->netns && k->to_client == to_client) {
			k->count++;
			return;
		}
	}
	if (c->n_icmps < XC_CASE_ICMPS)
		c->icmps[c->n_icmps++] = (struct xc_icmp_fact){ *e, to_client, 1 };
}

/* A damaged record may hold any number. */
static int positive_errno(int32_t err)
{
	return err < 0 && err > -4096 ? -err : 0;	/* MAX_ERRNO of the kernel */
}

void xc_evidence_route(struct xc_case *c, const struct xc_route_evt *e)
{
	if (!c->client.netns)
		c->client.netns = e->netns;
	if (e->owner.tgid)
		c->client.owner = e->owner;
	if (!e->err) {
		c->n_routes = 0;	/* another table had the route */
		c->outcome = XC_OUTCOME_RECOVERED;
		return;
	}
	if (c->n_routes < XC_CASE_ROUTES)
		c->routes[c->n_routes++] = *e;
	c->outcome = XC_OUTCOME_REFUSED;
	c->ended_ns = e->hdr.ts_ns;
	/* "nothing in this table" of the last table asked is what the caller gets as ENETUNREACH */
	c->error = e->err == -EAGAIN ? ENETUNREACH : positive_errno(e->err);
}

void xc_evidence_denied(struct xc_case *c, const struct xc_denied_evt *e)
{
	c->denied = *e;
	c->client.netns = e->netns;
	c->client.owner = e->owner;
	c->outcome = XC_OUTCOME_REFUSED;
	c->ended_ns = e->hdr.ts_ns;
	c->error = positive_errno(e->err);
}

void xc_evidence_rule(struct xc_case *c, const struct xc_rule_evt *e)
{
	for (uint32_t i = 0; i < c->n_rules; i++) {
		if (c->rules[i].netns == e->netns && c->rules[i].hook == e->hook) {
			if (e->how >= c->rules[i].how)
				c->rules[i] = *e;
			return;
		}
	}
	if (c->n_rules < XC_CASE_RULES)
		c->rules[c->n_rules++] = *e;
}

static bool is_alike(const struct xc_request_fact *a, const struct xc_request_fact *b)
{
	return a->protocol == b->protocol && a->status == b->status && a->result == b->result &&
	       !strcmp(a->mismatch, b->mismatch) &&
	       (strcmp(a->protocol, "dns") || !strcmp(a->target, b->target));
}

void xc_evidence_request(struct xc_case *c, const struct xc_request_fact *fact)
{
	struct xc_request_fact *r;

	for (uint32_t i = 0; i < c->n_requests; i++) {
		r = &c->requests[i];
		if (!is_alike(r, fact))
			continue;
		r->n++;
		r->last_ns = fact->last_ns;
		return;
	}
	if (c->n_requests == XC_CASE_REQUESTS)
		return;
	r = &c->requests[c->n_requests++];
	*r = *fact;
	r->n = 1;
}
