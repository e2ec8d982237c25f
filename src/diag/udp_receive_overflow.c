/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams arrive faster than the application reads them. */
#include "diag/pattern.h"

#include <netinet/in.h>

static bool udp_receive_overflow_match(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = xc_case_drop(c, XC_DROP_SOCKET_RCVBUFF);
	const struct xc_listener_fact *l = xc_fitting_listener(c);
	char to[XC_ENDPOINT_LEN], who[XC_WORDS] = "the receiver";

	if (!d || c->tuple.proto != IPPROTO_UDP)
		return false;
	xc_endpoint_str(d->e.tuple.daddr, d->e.tuple.dport_he, to);
	if (l && l->owner.tgid)
		(void)xc_owner_words(&l->owner, who);
	xc_for(o, XC_DECISIVE, d->e.first_ns, "skb:kfree_skb",
	       "receive buffer of UDP %s is full: %u of %u bytes, %llu datagrams dropped", to,
	       d->e.rx_unread_bytes, d->e.rx_rcvbuf_bytes, (unsigned long long)d->e.count);
	xc_summary(o, "UDP %s: %s does not read fast enough, datagrams are dropped", to, who);
	xc_subject(o, "UDP buffer of %s", to);
	xc_fix(o,
	       "Find out why %s does not keep up (blocked, throttled?), or give the socket a larger SO_RCVBUF (now %u bytes; net.core.rmem_max limits it).",
	       who, d->e.rx_rcvbuf_bytes);
	return true;
}

const struct xc_pattern xc_pattern_udp_receive_overflow = {
	.id = "udp-receive-overflow",
	.name = "UDP Receive Overflow",
	.layer = XC_LAYER_SOCKET,
	.kind = XC_KIND_CONDITION,
	.severity = XC_SEVERITY_ERROR,
	.cause =
		"The UDP socket's receive buffer is full because the application reads too slowly.",
	.fix = "Read faster, or enlarge SO_RCVBUF and net.core.rmem_max.",
	.match = udp_receive_overflow_match,
};
