/* SPDX-License-Identifier: Apache-2.0 */
#include "conn/questions.h"

#include <stdio.h>

#define ASKED_WAY_BACK (1u << 31)	/* the bits below are of drops */

_Static_assert(2 * XC_CASE_DROPS < 31, "bits of what was asked");

static void put(struct xc_questions *q, const struct xc_ask *a)
{
	if (q->n == XC_QUESTIONS_MAX) {
		q->n_lost++;
		return;
	}
	q->asks[(q->first + q->n++) % XC_QUESTIONS_MAX] = *a;
}

bool xc_questions_take(struct xc_questions *q, struct xc_ask *ret_ask)
{
	if (!q->n)
		return false;
	*ret_ask = q->asks[q->first];
	q->first = (q->first + 1) % XC_QUESTIONS_MAX;
	q->n--;
	return true;
}

void xc_question_sysctl(struct xc_questions *q, uint32_t netns, const char *key)
{
	struct xc_ask a = { .kind = XC_ASK_SYSCTL, .netns = netns };

	(void)snprintf(a.key, sizeof(a.key), "%s", key);
	put(q, &a);
}

void xc_question_cgroup(struct xc_questions *q, uint64_t cgroup_id)
{
	struct xc_ask a = { .kind = XC_ASK_CGROUP, .id = cgroup_id };

	if (cgroup_id)
		put(q, &a);
}

void xc_question_programs(struct xc_questions *q, uint32_t netns, uint64_t cgroup_id)
{
	struct xc_ask a = { .kind = XC_ASK_PROGRAMS, .netns = netns, .id = cgroup_id };

	put(q, &a);
}

void xc_question_way_back(struct xc_questions *q, const struct xc_case *c, uint32_t *asked)
{
	struct xc_ask a = { .kind = XC_ASK_ROUTE,
			    .netns = c->server.netns,
			    .tuple = xc_tuple_swap(xc_case_at_server(c)) };

	if (*asked & ASKED_WAY_BACK || !c->has_server_view || c->server.netns == c->client.netns ||
	    !xc_case_is_silent_connect(c))
		return;
	*asked |= ASKED_WAY_BACK;
	put(q, &a);
}

void xc_question_process(struct xc_questions *q, uint32_t netns, uint32_t tgid)
{
	struct xc_ask a = { .kind = XC_ASK_PROCESS, .netns = netns, .id = tgid };

	if (tgid)
		put(q, &a);
}

void xc_question_listeners(struct xc_questions *q, uint32_t netns)
{
	xc_question_sysctl(q, netns, "net.core.somaxconn");
	xc_question_sysctl(q, netns, "net.ipv4.tcp_syncookies");
	xc_question_sysctl(q, netns, "net.ipv4.tcp_max_syn_backlog");
}

static void ask_rp_filter(struct xc_questions *q, const struct xc_drop_evt *e)
{
	char key[64];

	(void)snprintf(key, sizeof(key), "net.ipv4.conf.%.15s.rp_filter", e->dev);
	xc_question_sysctl(q, e->netns, key);
	xc_question_sysctl(q, e->netns, "net.ipv4.conf.all.rp_filter");
}

static void ask_kind(struct xc_questions *q, const struct xc_drop_evt *e, enum xc_ask_kind kind,
		     uint32_t ifindex)
{
	struct xc_ask a = { .kind = kind,
			    .netns = e->netns,
			    .ifindex = ifindex,
			    .drop = *e,
			    .id = e->owner.cgroup_id };

	put(q, &a);
}

static void ask_first(struct xc_questions *q, const struct xc_drop_fact *d)
{
	const struct xc_drop_evt *e = &d->e;

	switch (d->why) {
	case XC_DROP_NETFILTER_DROP:
		if (e->is_arp)
			break;	/* rulesets are evaluated for IP */
		ask_kind(q, e, XC_ASK_RULE, e->ifindex);
		xc_question_sysctl(q, e->netns, "net.netfilter.nf_conntrack_max");
		xc_question_sysctl(q, e->netns, "net.netfilter.nf_conntrack_count");
		break;
	case XC_DROP_BPF_CGROUP_EGRESS:
	case XC_DROP_SOCKET_FILTER:
		ask_kind(q, e, XC_ASK_PROGRAMS, 0);
		break;
	case XC_DROP_TC_INGRESS:
	case XC_DROP_TC_EGRESS:
	case XC_DROP_XDP:
		ask_kind(q, e, XC_ASK_PROGRAMS, e->ifindex);
		break;
	case XC_DROP_IP_RPFILTER:
		ask_rp_filter(q, e);
		break;
	case XC_DROP_IP_INADDRERRORS:
	case XC_DROP_IP_INNOROUTES:
	case XC_DROP_NOT_SPECIFIED:
		xc_question_sysctl(q, e->netns, "net.ipv4.ip_forward");
		xc_question_sysctl(q, e->netns, "net.ipv6.conf.all.forwarding");
		break;
	case XC_DROP_NO_SOCKET:
		if (e->tuple.proto == 17)	/* UDP: who is bound to that port now? */
			ask_kind(q, e, XC_ASK_OWNERS, 0);
		break;
	default:
		break;
	}
}

void xc_question_drop(struct xc_questions *q, const struct xc_case *c, uint32_t i, uint32_t *asked)
{
	const struct xc_drop_fact *d = &c->drops[i];
	uint32_t bit = 1u << i, again = bit << XC_CASE_DROPS;

	if (!(*asked & bit)) {
		*asked |= bit;
		ask_first(q, d);
	} else if (d->why == XC_DROP_NETFILTER_DROP && !d->e.is_arp && d->e.count > 1 &&
		   !(*asked & again)) {
		/* by now the counter of the rule has moved */
		*asked |= again;
		ask_kind(q, &d->e, XC_ASK_RULE, d->e.ifindex);
	}
}
