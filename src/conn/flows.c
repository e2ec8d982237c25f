/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/flows.h"

#include <errno.h>
#include <string.h>

static uint32_t slot_of(const struct xc_flows *t, const struct xc_conn_flow *f)
{
	return (uint32_t)(f - t->slots);
}

int xc_flows_init(struct xc_flows *t, uint32_t max)
{
	memset(t, 0, sizeof(*t));
	t->max = max;
	t->free_first = XC_NO_SLOT;
	for (int i = 0; i < _XC_QUEUE_MAX; i++)
		t->queues[i].first = t->queues[i].last = XC_NO_SLOT;
	t->slots = calloc(max, sizeof(*t->slots));
	if (!t->slots)
		return -ENOMEM;
	if (xc_index_init(&t->index, max))
		return -ENOMEM;
	return xc_index_init(&t->by_isn, max);
}

void xc_flows_done(struct xc_flows *t)
{
	xc_index_done(&t->index);
	xc_index_done(&t->by_isn);
	free(t->slots);
	t->slots = NULL;
}

/* ---- queues ----------------------------------------------------------------------- */

static void unlink_flow(struct xc_flows *t, struct xc_conn_flow *f)
{
	if (f->prev != XC_NO_SLOT)
		t->slots[f->prev].next = f->next;
	else
		t->queues[f->queue].first = f->next;
	if (f->next != XC_NO_SLOT)
		t->slots[f->next].prev = f->prev;
	else
		t->queues[f->queue].last = f->prev;
}

static void append(struct xc_flows *t, struct xc_conn_flow *f, enum xc_queue_id queue,
		   uint64_t at_ns)
{
	uint32_t slot = slot_of(t, f), last = t->queues[queue].last;

	f->queue = (uint8_t)queue;
	f->at_ns = at_ns;
	f->prev = last;
	f->next = XC_NO_SLOT;
	if (last != XC_NO_SLOT)
		t->slots[last].next = slot;
	else
		t->queues[queue].first = slot;
	t->queues[queue].last = slot;
}

void xc_conn_flow_move(struct xc_flows *t, struct xc_conn_flow *f, enum xc_queue_id queue,
		       uint64_t at_ns)
{
	unlink_flow(t, f);
	append(t, f, queue, at_ns);
}

struct xc_conn_flow *xc_flows_first(const struct xc_flows *t, enum xc_queue_id queue)
{
	uint32_t slot = t->queues[queue].first;

	return slot == XC_NO_SLOT ? NULL : &t->slots[slot];
}

/* ---- finding ---------------------------------------------------------------------- */

static bool is_local_scope(const uint8_t addr[16])
{
	return xc_addr_is_loopback(addr) || xc_addr_is_link_local(addr) || xc_addr_is_zero(addr);
}

static struct xc_conn_flow_key key_of(const struct xc_tuple *t, uint32_t netns)
{
	struct xc_conn_flow_key k;
	int order = memcmp(t->saddr, t->daddr, 16);
	bool swap = order > 0 || (order == 0 && t->sport_he > t->dport_he);

	memset(&k, 0, sizeof(k));
	memcpy(k.lo, swap ? t->daddr : t->saddr, 16);
	memcpy(k.hi, swap ? t->saddr : t->daddr, 16);
	k.lo_port = swap ? t->dport_he : t->sport_he;
	k.hi_port = swap ? t->sport_he : t->dport_he;
	k.proto = t->proto;
	if (is_local_scope(t->saddr) || is_local_scope(t->daddr))
		k.netns = netns;
	return k;
}

struct xc_conn_flow *xc_flows_find(struct xc_flows *t, const struct xc_tuple *tuple, uint32_t netns)
{
	struct xc_conn_flow_key k = key_of(tuple, netns);
	uint32_t slot = xc_index_first(&t->index, xc_hash(&k, sizeof(k)));

	while (slot != XC_INDEX_END && memcmp(&t->slots[slot].key, &k, sizeof(k)))
		slot = xc_index_next(&t->index, slot);
	return slot == XC_INDEX_END ? NULL : &t->slots[slot];
}

/* ---- one flow behind NAT: other addresses, the same SYN ------------------------------ */

struct xc_conn_flow *xc_flows_find_isn(struct xc_flows *t, uint32_t isn, uint8_t proto)
{
	uint32_t slot = xc_index_first(&t->by_isn, xc_hash(&isn, sizeof(isn)));

	while (slot != XC_INDEX_END &&
	       (t->slots[slot].isn != isn || t->slots[slot].c.tuple.proto != proto))
		slot = xc_index_next(&t->by_isn, slot);
	return slot == XC_INDEX_END ? NULL : &t->slots[slot];
}

static void drop_isn(struct xc_flows *t, struct xc_conn_flow *f)
{
	if (f->isn)
		xc_index_del(&t->by_isn, xc_hash(&f->isn, sizeof(f->isn)), slot_of(t, f));
	f->isn = 0;
}

void xc_conn_flow_set_isn(struct xc_flows *t, struct xc_conn_flow *f, uint32_t isn)
{
	if (f->isn == isn)
		return;
	drop_isn(t, f);
	f->isn = isn;
	if (isn)
		xc_index_add(&t->by_isn, xc_hash(&isn, sizeof(isn)), slot_of(t, f));
}

void xc_conn_flow_rename(struct xc_flows *t, struct xc_conn_flow *f, const struct xc_tuple *tuple,
			 uint32_t netns)
{
	f->c.translated = f->c.tuple;
	f->c.tuple = *tuple;
	xc_index_del(&t->index, xc_hash(&f->key, sizeof(f->key)), slot_of(t, f));
	f->key = key_of(tuple, netns);
	xc_index_add(&t->index, xc_hash(&f->key, sizeof(f->key)), slot_of(t, f));
}

static void release(struct xc_flows *t, struct xc_conn_flow *f)
{
	unlink_flow(t, f);
	drop_isn(t, f);
	xc_index_del(&t->index, xc_hash(&f->key, sizeof(f->key)), slot_of(t, f));
	f->is_used = false;
	f->next = t->free_first;
	t->free_first = slot_of(t, f);
}

/* Never used, freed, or of the flow that will be missed least. */
static struct xc_conn_flow *take_slot(struct xc_flows *t)
{
	static const enum xc_queue_id order[] = { XC_QUEUE_DONE, XC_QUEUE_QUIET, XC_QUEUE_DUE };
	struct xc_conn_flow *f;

	if (t->free_first == XC_NO_SLOT && t->n < t->max)
		return &t->slots[t->n++];
	for (size_t i = 0; t->free_first == XC_NO_SLOT && i < ARRAY_SIZE(order); i++) {
		f = xc_flows_first(t, order[i]);
		if (!f)
			continue;
		t->n_evicted += order[i] != XC_QUEUE_DONE;
		release(t, f);
	}
	f = &t->slots[t->free_first];
	t->free_first = f->next;
	return f;
}

bool xc_flows_are_pressed(const struct xc_flows *t)
{
	return t->free_first == XC_NO_SLOT && t->n == t->max && !xc_flows_first(t, XC_QUEUE_DONE) &&
	       !xc_flows_first(t, XC_QUEUE_QUIET);
}

struct xc_conn_flow *xc_flows_add(struct xc_flows *t, const struct xc_tuple *tuple, uint32_t netns,
				  uint64_t now_ns)
{
	struct xc_conn_flow *f = take_slot(t);

	memset(f, 0, sizeof(*f));
	f->key = key_of(tuple, netns);
	f->c.tuple = *tuple;
	f->c.first_ns = now_ns;
	f->is_used = true;
	xc_index_add(&t->index, xc_hash(&f->key, sizeof(f->key)), slot_of(t, f));
	append(t, f, XC_QUEUE_QUIET, now_ns + XC_FLOW_QUIET_NS);
	t->n_opened++;
	return f;
}

void xc_flows_expire(struct xc_flows *t, uint64_t now_ns)
{
	static const enum xc_queue_id both[] = { XC_QUEUE_QUIET, XC_QUEUE_DONE };

	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		struct xc_conn_flow *f;

		while ((f = xc_flows_first(t, both[i])) && f->at_ns <= now_ns)
			release(t, f);
	}
}

/* ---- one flow --------------------------------------------------------------------- */

static void clear_case(struct xc_conn_flow *f, uint64_t now_ns)
{
	struct xc_tuple tuple = f->c.tuple;

	memset(&f->c, 0, sizeof(f->c));
	memset(&f->said, 0, sizeof(f->said));
	f->asked = 0;
	f->c.tuple = tuple;
	f->c.first_ns = now_ns;
}

void xc_conn_flow_restart(struct xc_flows *t, struct xc_conn_flow *f, uint64_t now_ns)
{
	clear_case(f, now_ns);
	drop_isn(t, f);
	xc_conn_flow_move(t, f, XC_QUEUE_QUIET, now_ns + XC_FLOW_QUIET_NS);
	t->n_opened++;
}

void xc_conn_flow_forget_trouble(struct xc_conn_flow *f, uint64_t now_ns)
{
	struct xc_side client = f->c.client, server = f->c.server;

	clear_case(f, now_ns);
	f->c.was_established = true;
	f->c.client.owner = client.owner;
	f->c.client.netns = client.netns;
	f->c.server.owner = server.owner;
	f->c.server.netns = server.netns;
}

void xc_conn_flow_orient(struct xc_conn_flow *f, const struct xc_tuple *t, bool is_reply)
{
	struct xc_tuple want = is_reply ? xc_tuple_swap(t) : *t;
	struct xc_side side;

	if (f->is_oriented)
		return;
	f->is_oriented = true;
	if (xc_tuple_equal(&want, &f->c.tuple))
		return;
	/* What was gathered under the wrong guess changes sides with it. */
	f->c.tuple = want;
	if (f->c.translated.proto)
		f->c.translated = xc_tuple_swap(&f->c.translated);
	side = f->c.client;
	f->c.client = f->c.server;
	f->c.server = side;
	for (uint32_t i = 0; i < f->c.n_drops; i++)
		f->c.drops[i].to_server = !f->c.drops[i].to_server;
	for (uint32_t i = 0; i < f->c.n_resets; i++)
		f->c.resets[i].by_server = !f->c.resets[i].by_server;
	for (uint32_t i = 0; i < f->c.n_icmps; i++)
		f->c.icmps[i].to_client = !f->c.icmps[i].to_client;
}
