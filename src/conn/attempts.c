/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/attempts.h"

#include "base/scope.h"

static struct xc_attempt *next_of(struct xc_attempts *a)
{
	return &a->list[a->n++ % XC_ATTEMPTS_MAX];
}

void xc_attempts_goes_on(struct xc_attempts *a, const struct xc_sock_evt *e)
{
	*next_of(a) = (struct xc_attempt){ .ts_ns = e->hdr.ts_ns,
					   .cookie = e->cookie,
					   .tuple = e->tuple,
					   .tgid = e->owner.tgid,
					   .netns = e->netns };
}

/* The same call: by its socket, or by where it went when it got none. */
static bool is_same(const struct xc_attempt *a, const struct xc_case *c)
{
	uint64_t cookie = c->client.last.cookie;

	if (a->tgid != c->client.owner.tgid || a->netns != c->client.netns)
		return false;
	if (a->cookie || cookie)
		return a->cookie == cookie;
	return a->tuple.dport_he == c->tuple.dport_he && a->tuple.proto == c->tuple.proto &&
	       xc_addr_equal(a->tuple.daddr, c->tuple.daddr);
}

void xc_attempts_failed(struct xc_attempts *a, const struct xc_case *c)
{
	struct xc_attempt *known = NULL;

	if (!c->client.owner.tgid ||
	    (c->outcome != XC_OUTCOME_REFUSED && c->outcome != XC_OUTCOME_GAVE_UP))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(a->list) && !known; i++)
		if (a->list[i].ts_ns && is_same(&a->list[i], c))
			known = &a->list[i];
	known = known ? known : next_of(a);
	*known = (struct xc_attempt){ .ts_ns = c->ended_ns,
				      .cookie = c->client.last.cookie,
				      .tuple = c->tuple,
				      .tgid = c->client.owner.tgid,
				      .netns = c->client.netns,
				      .has_failed = true,
				      .has_no_route = c->n_routes > 0 };
}

/* Another address of the same service, tried by the same process? */
static bool is_alternative(const struct xc_attempt *a, const struct xc_case *c)
{
	uint64_t apart = a->ts_ns > c->ended_ns ? a->ts_ns - c->ended_ns : c->ended_ns - a->ts_ns;

	return a->ts_ns && apart <= XC_GOES_ON_NS && a->tgid == c->client.owner.tgid &&
	       a->netns == c->client.netns && a->tuple.dport_he == c->tuple.dport_he &&
	       xc_addr_is_v4(a->tuple.daddr) != xc_addr_is_v4(c->tuple.daddr);
}

const struct xc_tuple *xc_attempts_instead(const struct xc_attempts *a, const struct xc_case *c)
{
	if (c->outcome != XC_OUTCOME_REFUSED || !c->client.owner.tgid)
		return NULL;
	for (uint32_t i = 0; i < XC_ATTEMPTS_MAX && i < a->n; i++) {
		const struct xc_attempt *t = &a->list[(a->n - 1 - i) % XC_ATTEMPTS_MAX];

		if (is_alternative(t, c) && (!t->has_failed || (c->n_routes && !t->has_no_route)))
			return &t->tuple;
	}
	return NULL;
}
