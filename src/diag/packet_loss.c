/* SPDX-License-Identifier: Apache-2.0 */
/* Segments of a live connection are lost, others get through. */
#include "diag/pattern.h"

#include "diag/rule.h"

#include <errno.h>

#define MIN_RETRANS_SEEN 6	/* from outside: what the ends think of it is not known */
#define MIN_SHARE_PCT                                                                              \
	1 /* ... of the segments sent: fewer are no trouble, and captures lose some themselves */
#define MSS_DEFAULT 536		/* RFC 9293 3.7.1 */

/* A drop on this host of segments of a connection that otherwise works. */
static const struct xc_drop_fact *partial_drop(const struct xc_case *c)
{
	for (uint32_t i = 0; i < c->n_drops; i++) {
		const struct xc_drop_fact *d = &c->drops[i];

		if (d->e.is_quoted || d->n_seqs < 2)
			continue;
		switch (d->why) {
		case XC_DROP_NETFILTER_DROP:
		case XC_DROP_TC_INGRESS:
		case XC_DROP_TC_EGRESS:
		case XC_DROP_XDP:
		case XC_DROP_QDISC_DROP:
		case XC_DROP_QDISC_OVERLIMIT:
		case XC_DROP_QDISC_CONGESTED:
		case XC_DROP_CPU_BACKLOG:
		case XC_DROP_FULL_RING:
		case XC_DROP_SOCKET_BACKLOG:
			return d;
		default:
			break;
		}
	}
	return NULL;
}

static void state_resends(const struct xc_case *c, struct xc_opinion *o, const struct xc_side *s,
			  const char *side)
{
	if (!s->n_retrans)
		return;
	if (s->last.sacked_out && s->last.snd_wnd)
		xc_for(o, XC_STRONG, s->first_retrans_ns, "tcp:tcp_retransmit_skb",
		       "%s resends; later segments arrived (%u %s), the window is open", side,
		       s->last.sacked_out, c->is_packets_only ? "duplicate ACKs" : "SACKed");
	if (s->last.total_retrans >= XC_MANY_RESENT)
		xc_for(o, XC_WEAK, s->first_retrans_ns, "tcp:tcp_retransmit_skb",
		       "%s resent %u segments, %llu bytes acknowledged", side,
		       s->last.total_retrans, (unsigned long long)s->last.bytes_acked);
	if (s->stuck_ns)
		xc_against(o, XC_RULED_OUT, "the receiver's window is shut: it does not read");
	if (s->n_retrans_full >= 2 && s->n_full_seqs == 1 && !s->n_retrans_small &&
	    !partial_drop(c))
		xc_against(o, XC_AGAINST, "only one full-size segment is resent, again and again");
	if (s->n_full_seqs >= 2)
		xc_for(o, XC_STRONG, s->second_full_ns, "tcp:tcp_retransmit_skb",
		       "%s resent %u different full-size segments: the stream moves on", side,
		       s->n_full_seqs);
}

static bool is_share(const struct xc_side *s, uint64_t n_lost, uint64_t acked_bytes)
{
	uint64_t n_sent = acked_bytes / (s->last.mss_bytes ? s->last.mss_bytes : MSS_DEFAULT);

	return n_lost * 100 >= n_sent * MIN_SHARE_PCT;
}

static bool is_seen_to_lose(const struct xc_side *s)
{
	return s->last.total_retrans >= MIN_RETRANS_SEEN &&
	       is_share(s, s->last.total_retrans, s->last.bytes_acked);
}

/* Since it began to resend, or all the while: @n_lost of what it sends are trouble. */
static bool is_trouble(const struct xc_side *s, uint64_t n_lost)
{
	uint64_t acked = s->n_retrans ? s->last.snd_una - s->first_una : s->last.bytes_acked;

	return n_lost && is_share(s, n_lost, acked);
}

static uint64_t n_resent(const struct xc_side *s)
{
	return s->n_retrans ? s->last.total_retrans - s->first_total_retrans + 1 : 0;
}

/* One or two are resent before anything is acknowledged again: they are no share yet. */
static bool resends_much(const struct xc_side *s)
{
	return n_resent(s) >= XC_MANY_RESENT && is_trouble(s, n_resent(s));
}

static bool loses_much(const struct xc_case *c, const struct xc_drop_fact *d)
{
	if (c->is_packets_only)
		return is_seen_to_lose(&c->client) || is_seen_to_lose(&c->server);
	return resends_much(&c->client) || resends_much(&c->server) ||
	       (d && is_trouble(d->to_server ? &c->client : &c->server, d->e.count));
}

static bool packet_loss_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = partial_drop(c);
	char flow[XC_WORDS], packet[XC_WORDS], dev[XC_WORDS] = "";

	if (!c->was_established)
		return false;
	if (d && xc_is_making_progress(c)) {
		xc_for(o, XC_DECISIVE, d->e.first_ns, "skb:kfree_skb",
		       "%llu segments dropped on this host in %s%s (%s), e.g. %s",
		       (unsigned long long)d->e.count, xc_hook_str(d->e.hook),
		       xc_dev_words(d->e.dev, dev), d->name, xc_packet_words(d, packet));
		xc_subject(o, "%s%s of namespace %u", d->name, dev, d->e.netns);
		if (d->why == XC_DROP_NETFILTER_DROP)
			xc_state_rule(o, xc_case_rule(c, d), d);
	}
	state_resends(c, o, &c->client, "the client");
	state_resends(c, o, &c->server, "the server");
	if (!c->client.n_retrans && !c->server.n_retrans && !o->has_decisive)
		return false;
	if (!loses_much(c, d))
		return false;
	if (!c->client.last.bytes_acked && !c->server.last.bytes_acked && !o->has_decisive)
		xc_against(o, XC_AGAINST, "nothing gets through at all");
	if (c->is_packets_only && c->error == ETIMEDOUT)
		xc_against(o, XC_AGAINST, "in the end nothing gets through at all");
	xc_summary(o, "%s loses packets%s", xc_flow_words(c, flow), d ? " on this host" : "");
	if (!o->subject[0])
		xc_subject(o, "loss towards %s", xc_addr_str(c->tuple.daddr, packet));
	return o->points > 0;
}

const struct xc_pattern xc_pattern_packet_loss = {
	.id = "packet-loss",
	.name = "Packet Loss",
	.layer = XC_LAYER_L3,
	.kind = XC_KIND_CONDITION,
	.severity = XC_SEVERITY_WARNING,
	.cause = "Some packets of the connection are lost and have to be sent again.",
	.fix = "Look at the place of the drops; without one, at errors and queues of the links on the path (`ip -s link`, `tc -s qdisc`).",
	.match = packet_loss_match,
};
