/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/host.h"

#include <netinet/in.h>
#include <string.h>

#define FULL_SPELL_NS 5000000000ull	/* not seen full for so long: another spell */
#define COUNTER_WINDOW_NS 10000000000ull	/* counters older than this are another story */

/* Slot for a new entry of a table of @size entries of which *@n are used; overwrites in turn. */
static uint32_t take_slot(uint32_t *n, uint32_t size, uint64_t *n_evicted)
{
	if (*n >= size)
		(*n_evicted)++;
	return (*n)++ % size;
}

static uint32_t used(uint32_t n, uint32_t size)
{
	return n < size ? n : size;
}

static bool listener_fits(const struct xc_listener_fact *l, const uint8_t addr[16])
{
	if (xc_addr_equal(l->addr, addr))
		return true;
	if (!xc_addr_is_zero(l->addr))
		return false;
	/* 0.0.0.0 takes IPv4; :: takes IPv6, and IPv4 too unless IPV6_V6ONLY is set */
	if (xc_addr_is_v4(l->addr))
		return xc_addr_is_v4(addr);
	return !xc_addr_is_v4(addr) || !l->is_v6only;
}

static struct xc_host_listener *find_by_cookie(struct xc_host *h, const struct xc_sock_evt *e)
{
	uint32_t n = used(h->n_listeners, XC_HOST_LISTENERS);

	for (uint32_t i = 0; i < n; i++) {
		struct xc_host_listener *l = &h->listeners[i];

		if (l->fact.netns != e->netns || l->proto != e->tuple.proto ||
		    l->port_he != e->tuple.sport_he || !xc_addr_equal(l->fact.addr, e->tuple.saddr))
			continue;
		/* Several sockets may share a port (SO_REUSEPORT); without a cookie the first is it. */
		if (!e->cookie || !l->cookie || l->cookie == e->cookie || l->fact.gone_ns)
			return l;
	}
	return NULL;
}

void xc_host_listener(struct xc_host *h, const struct xc_sock_evt *e)
{
	struct xc_host_listener *l = find_by_cookie(h, e);

	if (e->what == XC_SOCK_UNLISTEN) {
		if (l)
			l->fact.gone_ns = e->hdr.ts_ns;
		return;
	}
	if (!l) {
		l = &h->listeners[take_slot(&h->n_listeners, XC_HOST_LISTENERS, &h->n_evicted)];
		*l = (struct xc_host_listener){ .port_he = e->tuple.sport_he,
						.proto = e->tuple.proto };
		memcpy(l->fact.addr, e->tuple.saddr, 16);
		l->fact.netns = e->netns;
	}
	if (l->fact.gone_ns)
		l->fact.full_ns = 0;
	l->fact.gone_ns = 0;
	if (e->cookie)
		l->cookie = e->cookie;
	if (e->owner.tgid)
		l->fact.owner = e->owner;
	if (e->open_ns)
		l->fact.since_ns = e->open_ns;
	l->fact.accept_queue = e->accept_queue;
	l->fact.accept_max = e->accept_max;
	l->fact.request_queue = e->request_queue;
	l->fact.is_v6only = e->flags & XC_SOCK_F_V6ONLY;
	if (e->listener_full) {
		if (e->hdr.ts_ns - l->fact.full_ns > FULL_SPELL_NS)
			l->fact.full_since_ns = e->hdr.ts_ns;
		l->fact.full_ns = e->hdr.ts_ns;
	}
}

void xc_host_proc(struct xc_host *h, const struct xc_proc_evt *e)
{
	h->procs[take_slot(&h->n_procs, XC_HOST_PROCS, &h->n_evicted)] = *e;
}

void xc_host_neigh(struct xc_host *h, const struct xc_neigh_evt *e)
{
	uint32_t n = used(h->n_neighs, XC_HOST_NEIGHS);

	for (uint32_t i = 0; i < n; i++) {
		struct xc_neigh_evt *k = &h->neighs[i];

		if (k->netns == e->netns && xc_addr_equal(k->addr, e->addr)) {
			*k = *e;
			return;
		}
	}
	h->neighs[take_slot(&h->n_neighs, XC_HOST_NEIGHS, &h->n_evicted)] = *e;
}

void xc_host_counted(struct xc_host *h, const struct xc_counters_evt *e)
{
	uint32_t n = used(h->n_counters, XC_HOST_COUNTERS);
	struct xc_host_counters *k = NULL;

	for (uint32_t i = 0; i < n && !k; i++)
		if (h->counters[i].sum.netns == e->netns)
			k = &h->counters[i];
	if (!k || e->hdr.ts_ns - k->last_ns > COUNTER_WINDOW_NS) {
		if (!k)
			k = &h->counters[take_slot(&h->n_counters, XC_HOST_COUNTERS,
						   &h->n_evicted)];
		*k = (struct xc_host_counters){ .sum = *e, .first_ns = e->hdr.ts_ns };
	} else {
		for (size_t i = 0; i < XC_CTR_CT_COUNT; i++)
			k->sum.v[i] += e->v[i];
		k->sum.v[XC_CTR_CT_COUNT] = e->v[XC_CTR_CT_COUNT];
		k->sum.v[XC_CTR_CT_MAX] = e->v[XC_CTR_CT_MAX];
	}
	k->last_ns = e->hdr.ts_ns;
}

void xc_host_noted(struct xc_host *h, const struct xc_note_evt *e)
{
	uint32_t n = used(h->n_notes, XC_HOST_NOTES);

	for (uint32_t i = 0; i < n; i++) {
		if (h->notes[i].id == e->id && !strncmp(h->notes[i].key, e->key, sizeof(e->key))) {
			h->notes[i] = *e;
			return;
		}
	}
	h->notes[take_slot(&h->n_notes, XC_HOST_NOTES, &h->n_evicted)] = *e;
}

void xc_host_address(struct xc_host *h, const struct xc_addr_evt *e)
{
	uint32_t n = used(h->n_addrs, XC_HOST_ADDRS);

	for (uint32_t i = 0; i < n; i++) {
		struct xc_addr_evt *a = &h->addrs[i];

		if (a->netns == e->netns && xc_addr_equal(a->addr, e->addr)) {
			*a = *e;
			return;
		}
	}
	if (!e->is_gone)
		h->addrs[take_slot(&h->n_addrs, XC_HOST_ADDRS, &h->n_evicted)] = *e;
}

uint32_t xc_host_netns_of(const struct xc_host *h, const uint8_t addr[16])
{
	uint32_t n = used(h->n_addrs, XC_HOST_ADDRS), netns = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct xc_addr_evt *a = &h->addrs[i];

		if (a->is_gone || !xc_addr_equal(a->addr, addr))
			continue;
		if (netns && netns != a->netns)
			return 0;
		netns = a->netns;
	}
	return netns;
}

const struct xc_host_listener *xc_host_find_listener(const struct xc_host *h, uint32_t netns,
						     const uint8_t addr[16], uint16_t port_he,
						     uint8_t proto)
{
	uint32_t n = used(h->n_listeners, XC_HOST_LISTENERS);
	const struct xc_host_listener *gone = NULL;

	for (uint32_t i = 0; i < n; i++) {
		const struct xc_host_listener *l = &h->listeners[i];

		if (l->port_he != port_he || l->proto != proto ||
		    (netns && l->fact.netns != netns) || !listener_fits(&l->fact, addr))
			continue;
		if (!l->fact.gone_ns)
			return l;
		gone = l;
	}
	return gone;
}

static void join_listeners(const struct xc_host *h, struct xc_case *c)
{
	uint32_t n = used(h->n_listeners, XC_HOST_LISTENERS);
	const struct xc_tuple *at = xc_case_at_server(c);
	uint32_t netns = c->server.netns;

	c->n_listeners = 0;
	for (uint32_t i = 0; i < n && c->n_listeners < XC_CASE_LISTENERS; i++) {
		const struct xc_host_listener *l = &h->listeners[i];
		struct xc_listener_fact *f = &c->listeners[c->n_listeners];

		if (l->port_he != at->dport_he || l->proto != at->proto)
			continue;
		if (netns && l->fact.netns != netns)
			continue;
		*f = l->fact;
		f->fits = listener_fits(&l->fact, at->daddr);
		/* Without the server's own word a socket on another address is no server of ours. */
		if (netns || f->fits)
			c->n_listeners++;
	}
}

/* The server's process: of its socket, else of the socket that listens there. */
static void join_server_owner(const struct xc_host *h, struct xc_case *c)
{
	const struct xc_tuple *at = xc_case_at_server(c);
	const struct xc_host_listener *l;

	l = xc_host_find_listener(h, c->server.netns, at->daddr, at->dport_he, at->proto);
	if (c->server.owner.tgid || !l)
		return;
	/* An address may exist in several namespaces; only a namespace we know to be the
	 * server's, or an address that only one listener has, names a process. */
	if (!c->server.netns && xc_addr_is_zero(l->fact.addr))
		return;
	c->server.owner = l->fact.owner;
	c->server.is_owner_listeners = true;
}

/* A UDP client's process: of the socket bound to its port, where a look at the owners found it. */
static void join_udp_client(const struct xc_host *h, struct xc_case *c)
{
	const struct xc_host_listener *l;

	if (c->tuple.proto != IPPROTO_UDP || c->client.owner.tgid)
		return;
	if (!c->client.netns)
		c->client.netns = xc_host_netns_of(h, c->tuple.saddr);
	l = c->client.netns ? xc_host_find_listener(h, c->client.netns, c->tuple.saddr,
						    c->tuple.sport_he, IPPROTO_UDP) :
			      NULL;
	if (l)
		c->client.owner = l->fact.owner;
}

static void join_procs(const struct xc_host *h, struct xc_case *c, uint64_t window_ns)
{
	uint32_t n = used(h->n_procs, XC_HOST_PROCS);

	c->n_procs = 0;
	for (uint32_t i = 0; i < n && c->n_procs < XC_CASE_PROCS; i++) {
		const struct xc_proc_evt *p = &h->procs[i];

		if (c->server.owner.tgid && p->owner.tgid == c->server.owner.tgid &&
		    p->hdr.ts_ns + window_ns >= c->now_ns)
			c->procs[c->n_procs++] = *p;
	}
}

/* Is @n the next hop of a packet of this flow? */
static bool is_next_hop(const struct xc_case *c, const struct xc_neigh_evt *n)
{
	const struct xc_side *sides[] = { &c->client, &c->server };

	for (size_t i = 0; i < 2; i++)
		if (sides[i]->is_seen && sides[i]->netns == n->netns &&
		    xc_addr_equal(sides[i]->last.nexthop, n->addr))
			return true;
	for (uint32_t i = 0; i < c->n_drops; i++)
		if (c->drops[i].e.netns == n->netns && c->drops[i].e.has_next &&
		    xc_addr_equal(c->drops[i].e.nexthop, n->addr))
			return true;
	/* On-link, and no socket told a route: the peer itself. */
	return xc_addr_equal(n->addr, c->tuple.daddr) || xc_addr_equal(n->addr, c->tuple.saddr);
}

void xc_host_neigh_drop(struct xc_host *h, const struct xc_drop_evt *e)
{
	h->neigh_drops[take_slot(&h->n_neigh_drops, XC_HOST_NEIGH_DROPS, &h->n_evicted)] = *e;
}

/* Does it ask for the next hop of @side, which has the address @own, or answer? */
static bool is_asked_by(const struct xc_side *side, const uint8_t own[16],
			const struct xc_drop_evt *e)
{
	const uint8_t *hop = side->last.nexthop;

	if (side->is_seen && !xc_addr_is_zero(hop))
		/* each link has its own link-local addresses */
		return xc_addr_equal(hop, e->nexthop) &&
		       (side->netns == e->netns || !xc_addr_is_link_local(hop));
	return side->netns == e->netns && xc_addr_equal(own, xc_neighbour_asker(e));
}

bool xc_host_is_about_next_hop(const struct xc_case *c, const struct xc_drop_evt *e)
{
	const struct xc_tuple *at = xc_case_at_server(c);

	return xc_addr_equal(e->nexthop, at->daddr) || xc_addr_equal(e->nexthop, c->tuple.saddr) ||
	       is_asked_by(&c->client, c->tuple.saddr, e) || is_asked_by(&c->server, at->daddr, e);
}

/* Somebody asks for it in vain: a neighbour that is known is not lost with one message. */
static bool is_missed(const struct xc_host *h, const struct xc_drop_evt *e, uint64_t since_ns)
{
	uint32_t n = used(h->n_neighs, XC_HOST_NEIGHS);

	for (uint32_t i = 0; i < n; i++)
		if (h->neighs[i].hdr.ts_ns >= since_ns &&
		    xc_addr_equal(h->neighs[i].addr, e->nexthop))
			return true;
	return false;
}

const struct xc_drop_evt *xc_host_next_neigh_drop(const struct xc_host *h, const struct xc_case *c,
						  uint64_t since_ns, uint32_t *i)
{
	uint32_t n = used(h->n_neigh_drops, XC_HOST_NEIGH_DROPS);

	while (*i < n) {
		const struct xc_drop_evt *e = &h->neigh_drops[(*i)++];

		if (e->hdr.ts_ns >= since_ns && xc_host_is_about_next_hop(c, e) &&
		    is_missed(h, e, since_ns))
			return e;
	}
	return NULL;
}

static void join_neighs(const struct xc_host *h, struct xc_case *c, uint64_t window_ns)
{
	uint32_t n = used(h->n_neighs, XC_HOST_NEIGHS);

	c->n_neighs = 0;
	for (uint32_t i = 0; i < n && c->n_neighs < XC_CASE_NEIGHS; i++)
		if (h->neighs[i].hdr.ts_ns + window_ns >= c->now_ns &&
		    is_next_hop(c, &h->neighs[i]))
			c->neighs[c->n_neighs++] = h->neighs[i];
}

static void join_counters(const struct xc_host *h, struct xc_case *c)
{
	uint32_t n = used(h->n_counters, XC_HOST_COUNTERS);

	memset(&c->counters, 0, sizeof(c->counters));
	for (uint32_t i = 0; i < n; i++) {
		const struct xc_host_counters *k = &h->counters[i];
		bool of_drop = false;

		for (uint32_t d = 0; d < c->n_drops; d++)
			of_drop |= c->drops[d].e.netns == k->sum.netns;
		if ((k->sum.netns != c->server.netns && !of_drop) ||
		    k->last_ns + COUNTER_WINDOW_NS < c->now_ns)
			continue;
		c->counters = k->sum;
		c->counters_first_ns = k->first_ns;
		if (k->sum.netns == c->server.netns)
			return;
	}
}

static bool concerns(const struct xc_case *c, const struct xc_note_evt *note)
{
	if (note->id == c->client.netns || note->id == c->server.netns ||
	    note->id == c->client.owner.cgroup_id || note->id == c->server.owner.cgroup_id)
		return true;
	for (uint32_t i = 0; i < c->n_drops; i++)
		if (note->id == c->drops[i].e.netns || note->id == c->drops[i].e.owner.cgroup_id)
			return true;
	for (uint32_t i = 0; i < c->n_procs; i++)
		if (note->id == c->procs[i].owner.cgroup_id)
			return true;
	return c->denied.by && note->id == c->denied.netns;
}

static void join_notes(const struct xc_host *h, struct xc_case *c)
{
	uint32_t n = used(h->n_notes, XC_HOST_NOTES);

	c->n_notes = 0;
	for (uint32_t i = 0; i < n && c->n_notes < XC_CASE_NOTES; i++)
		if (h->notes[i].id && concerns(c, &h->notes[i]))
			c->notes[c->n_notes++] = h->notes[i];
}

/* Where the server is: the namespace that answered, received or dropped as the destination. */
static void find_server_netns(const struct xc_host *h, struct xc_case *c)
{
	const struct xc_tuple *at = xc_case_at_server(c);
	const struct xc_host_listener *l;

	for (uint32_t i = 0; i < c->n_resets && !c->server.netns; i++)
		if (c->resets[i].by_server)
			c->server.netns = c->resets[i].e.netns;
	for (uint32_t i = 0; i < c->n_drops && !c->server.netns; i++) {
		const struct xc_drop_fact *d = &c->drops[i];

		if (d->to_server && !d->e.is_quoted && !d->e.is_carried &&
		    (d->e.hook == XC_HOOK_INPUT || d->why == XC_DROP_NO_SOCKET || d->e.rx_state))
			c->server.netns = d->e.rx_netns ? d->e.rx_netns : d->e.netns;
	}
	if (!c->server.netns)
		c->server.netns = xc_addr_is_loopback(at->daddr) ? c->client.netns :
								   xc_host_netns_of(h, at->daddr);
	if (c->server.netns)
		return;
	/* One listener, bound to exactly this address, is the server. */
	l = xc_host_find_listener(h, 0, at->daddr, at->dport_he, at->proto);
	if (l && xc_addr_equal(l->fact.addr, at->daddr))
		c->server.netns = l->fact.netns;
}

void xc_host_join(const struct xc_host *h, struct xc_case *c, uint64_t window_ns)
{
	find_server_netns(h, c);
	c->has_server_view = c->server.netns != 0;
	join_listeners(h, c);
	join_server_owner(h, c);
	join_udp_client(h, c);
	join_procs(h, c, window_ns);
	join_neighs(h, c, window_ns);
	join_counters(h, c);
	join_notes(h, c);
}
