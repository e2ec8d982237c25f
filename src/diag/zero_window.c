/* SPDX-License-Identifier: Apache-2.0 */
/* The receiver's window is shut: its application does not read. */
#include "diag/pattern.h"

#include <stdio.h>

#define STALL_MS 200	/* shorter is flow control at work, not a stall */

static const struct xc_side *stuck_sender(const struct xc_case *c)
{
	if (c->client.stuck_ns)
		return &c->client;
	return c->server.stuck_ns ? &c->server : NULL;
}

static const struct xc_drop_fact *probe_drop(const struct xc_case *c)
{
	const struct xc_drop_fact *d = xc_case_drop(c, XC_DROP_TCP_ZEROWINDOW);

	return d ? d : xc_case_drop(c, XC_DROP_TCP_OLD_SEQUENCE);
}

static bool zero_window_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_side *s = stuck_sender(c);
	const struct xc_drop_fact *d = probe_drop(c);
	bool reader_is_server = s ? s == &c->client : d && d->to_server;
	const struct xc_side *reader = reader_is_server ? &c->server : &c->client;
	char who[XC_WORDS], flow[XC_WORDS];

	if (d && (d->e.rx_wnd || !d->e.rx_unread_bytes))
		d = NULL;	/* an old segment, not a probe of a shut window */
	if (!d && !(s && s->last.rwnd_limited_ms >= STALL_MS))
		return false;
	if (reader->owner.tgid)
		xc_owner_words(&reader->owner, who);
	else
		(void)snprintf(who, sizeof(who), "process (not known)");
	if (s)
		xc_for(o, s->last.rwnd_limited_ms >= STALL_MS ? XC_DECISIVE : XC_STRONG,
		       s->stuck_ns, "iter/tcp",
		       "the sender waits for a window: %u bytes offered, held back %u ms, %u probes unanswered",
		       s->last.snd_wnd, s->last.rwnd_limited_ms, s->last.probes_out);
	if (d)
		xc_for(o, XC_DECISIVE, d->e.first_ns, "skb:kfree_skb",
		       "a window probe found the receive window shut, %u bytes unread",
		       d->e.rx_unread_bytes);
	if (s && s->n_retrans)
		xc_against(o, -XC_WEAK, "segments are resent too");
	xc_summary(o, "%s: %s %s does not read (zero window)", xc_flow_words(c, flow),
		   reader_is_server ? "server" : "client", who);
	xc_subject(o, "reader %s", who);
	xc_fix(o,
	       "Find out why %s does not read its socket: blocked, throttled, swapping, or waiting for somebody else. A larger receive buffer only delays the stall.",
	       who);
	return true;
}

const struct xc_pattern xc_pattern_zero_window = {
	.id = "zero-window",
	.name = "Zero Window Stall",
	.layer = XC_LAYER_SOCKET,
	.kind = XC_KIND_CONDITION,
	.severity = XC_SEVERITY_WARNING,
	.cause =
		"The receiving application does not read, so its window is shut and the sender waits.",
	.fix = "Find out why the receiver does not read.",
	.match = zero_window_match,
};
