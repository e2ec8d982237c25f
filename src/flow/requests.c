/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/requests.h"

#include "base/index.h"
#include "base/scope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define N_RECENT 16			/* names that did not exist, of late */
#define SEARCH_NS 1000000000ull		/* a resolver has gone through its search list by then */
#define RCODE_NXDOMAIN 3		/* RFC 1035 4.1.1 */

struct entry {
	struct xc_flow_key key;
	uint64_t no;
	uint64_t hash;
	struct entry *next, *prev;	/* all */
	uint32_t slot;
	struct xc_flow_requests sum;
};

/* A name that did not exist: forgiven when a later one of the same search list does. */
struct recent {
	struct entry *entry;	/* NULL = none, or forgiven */
	uint64_t ns;
	uint8_t client[16];
	char name[XC_REQUEST_TARGET];
};

struct xc_requests {
	uint32_t max, n_free;
	struct xc_index index;
	struct entry **slot;
	uint32_t *free_slot;
	struct entry *first;
	struct recent recent[N_RECENT];
	uint32_t n_recent;
	uint64_t n_refused;
};

/* ---- the table ----------------------------------------------------------------------------- */

static uint64_t hash_of(const struct xc_flow_key *key, uint64_t no)
{
	return xc_hash(key, sizeof(*key)) ^ (no * 0x9e3779b97f4a7c15ull);
}

static struct entry *find(const struct xc_requests *t, const struct xc_flow_key *key, uint64_t no)
{
	uint64_t hash = hash_of(key, no);

	for (uint32_t i = xc_index_first(&t->index, hash); i != XC_INDEX_END;
	     i = xc_index_next(&t->index, i)) {
		struct entry *e = t->slot[i];

		if (e->no == no && !memcmp(&e->key, key, sizeof(*key)))
			return e;
	}
	return NULL;
}

static struct entry *get(struct xc_requests *t, const struct xc_flow_key *key, uint64_t no)
{
	struct entry *e = find(t, key, no);

	if (e)
		return e;
	e = t->n_free ? calloc(1, sizeof(*e)) : NULL;
	if (!e) {
		t->n_refused++;
		return NULL;
	}
	e->key = *key;
	e->no = no;
	e->hash = hash_of(key, no);
	e->slot = t->free_slot[--t->n_free];
	t->slot[e->slot] = e;
	xc_index_add(&t->index, e->hash, e->slot);
	e->next = t->first;
	if (t->first)
		t->first->prev = e;
	t->first = e;
	return e;
}

static void drop(struct xc_requests *t, struct entry *e)
{
	for (size_t i = 0; i < N_RECENT; i++)
		if (t->recent[i].entry == e)
			t->recent[i].entry = NULL;
	*(e->prev ? &e->prev->next : &t->first) = e->next;
	if (e->next)
		e->next->prev = e->prev;
	xc_index_del(&t->index, e->hash, e->slot);
	t->free_slot[t->n_free++] = e->slot;
	xc_hist_done(&e->sum.http_latency);
	xc_hist_done(&e->sum.dns_latency);
	free(e);
}

/* ---- what stands for the others ---------------------------------------------------------------- */

static uint64_t number_of(const struct xc_request *r, const char *key)
{
	const char *text = xc_request_get(r, key);

	return text ? strtoull(text, NULL, 10) : 0;
}

static bool is_worse(const struct xc_flow_request *a, const struct xc_request *r)
{
	if (!a->is_set || r->result != a->result)
		return !a->is_set || r->result > a->result;
	return xc_request_first_byte_ns(r) > a->first_byte_ns;
}

static void represent(struct xc_flow_request *a, const struct xc_request *r, const char *number)
{
	if (!is_worse(a, r))
		return;
	a->is_set = true;
	a->result = r->result;
	a->status = r->status;
	a->first_byte_ns = xc_request_first_byte_ns(r);
	a->last_byte_ns = xc_request_last_byte_ns(r);
	a->number = number ? number_of(r, number) : 0;
	memcpy(a->method, r->method, sizeof(a->method));
	memcpy(a->target, r->target, sizeof(a->target));
}

static bool is_http(const struct xc_request *r)
{
	return !strcmp(r->protocol, "http") || !strcmp(r->protocol, "http2");
}

static void add_http(struct xc_flow_requests *s, const struct xc_request *r,
		     enum xc_request_stage stage)
{
	uint64_t ns = xc_request_first_byte_ns(r);

	represent(&s->http, r, NULL);
	if (stage == XC_REQUEST_SENT)
		return;
	s->n_http++;
	s->n_http_4xx += r->status >= 400 && r->status < 500;
	s->n_http_5xx += r->status >= 500 && r->status < 600;
	if (stage == XC_REQUEST_ANSWERED && ns)
		(void)xc_hist_add(&s->http_latency, xc_hist_bucket(ns), 1);
}

/* ---- names ------------------------------------------------------------------------------------- */

static const uint8_t *client_of(const struct xc_flow_key *key)
{
	return key->addr[key->port_he[0] == 53];
}

static void remember(struct xc_requests *t, struct entry *e, const struct xc_request *r)
{
	struct recent *x = &t->recent[t->n_recent++ % N_RECENT];

	x->entry = e;
	x->ns = r->request_first_ns;
	memcpy(x->client, client_of(&e->key), sizeof(x->client));
	memcpy(x->name, r->target, sizeof(x->name));
}

static void forgive(struct xc_requests *t, struct entry *e, const struct xc_request *r)
{
	for (size_t i = 0; i < N_RECENT; i++) {
		struct recent *x = &t->recent[i];

		if (!x->entry || memcmp(x->client, client_of(&e->key), sizeof(x->client)) ||
		    r->request_first_ns > x->ns + SEARCH_NS ||
		    !xc_request_is_same_search(x->name, r->target))
			continue;
		x->entry->sum.n_dns_failures--;
		x->entry = NULL;
	}
}

static void add_dns(struct xc_requests *t, struct entry *e, const struct xc_request *r,
		    enum xc_request_stage stage)
{
	struct xc_flow_requests *s = &e->sum;
	uint64_t ns = xc_request_first_byte_ns(r);
	bool is_timeout = stage == XC_REQUEST_ABANDONED && r->result == XC_RESULT_NO_ANSWER;

	if (!is_timeout)
		represent(&s->dns, r, "dns.answer.count");
	if (stage == XC_REQUEST_SENT)
		return;
	s->n_dns++;
	s->n_dns_timeouts += is_timeout;
	s->n_dns_failures += is_timeout || r->status > 0;
	if (stage == XC_REQUEST_ANSWERED && ns)
		(void)xc_hist_add(&s->dns_latency, xc_hist_bucket(ns), 1);
	if (r->status == RCODE_NXDOMAIN)
		remember(t, e, r);
	else if (r->result == XC_RESULT_OK)
		forgive(t, e, r);
}

/* ---- outside ------------------------------------------------------------------------------------ */

void xc_requests_add(struct xc_requests *t, const struct xc_flow_key *key, uint64_t no,
		     const struct xc_request *r, enum xc_request_stage stage)
{
	struct entry *e = get(t, key, no);

	if (!e)
		return;
	e->sum.protocol = r->protocol;
	if (is_http(r))
		add_http(&e->sum, r, stage);
	else if (!strcmp(r->protocol, "grpc"))
		represent(&e->sum.grpc, r, NULL);
	else if (!strcmp(r->protocol, "dns"))
		add_dns(t, e, r, stage);
	else if (!strcmp(r->protocol, "kafka"))
		represent(&e->sum.kafka, r, "messaging.kafka.api_key");
}

void xc_requests_speaks(struct xc_requests *t, const struct xc_flow_key *key, uint64_t no,
			const char *protocol)
{
	struct entry *e = get(t, key, no);

	if (e && !e->sum.protocol)
		e->sum.protocol = protocol;
}

const struct xc_flow_requests *xc_requests_find(const struct xc_requests *t,
						const struct xc_flow_key *key, uint64_t no)
{
	const struct entry *e = find(t, key, no);

	return e ? &e->sum : NULL;
}

void xc_requests_end(struct xc_requests *t, uint64_t no)
{
	for (struct entry *e = t->first, *next; e; e = next) {
		next = e->next;
		if (e->no <= no)
			drop(t, e);
	}
}

uint64_t xc_requests_n_refused(const struct xc_requests *t)
{
	return t->n_refused;
}

void xc_requests_free(struct xc_requests *t)
{
	if (!t)
		return;
	while (t->first)
		drop(t, t->first);
	xc_index_done(&t->index);
	free(t->slot);
	free(t->free_slot);
	free(t);
}

XC_DEFINE_FREEP(struct xc_requests, xc_requests_free)

int xc_requests_new(uint32_t max, struct xc_requests **ret_requests)
{
	_cleanup_(xc_requests_freep) struct xc_requests *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->max = max;
	t->slot = calloc(max, sizeof(*t->slot));
	t->free_slot = calloc(max, sizeof(*t->free_slot));
	if (xc_index_init(&t->index, max) || !t->slot || !t->free_slot)
		return -ENOMEM;
	for (uint32_t i = max; i > 0; i--)
		t->free_slot[t->n_free++] = i - 1;
	*ret_requests = TAKE_PTR(t);
	return 0;
}
