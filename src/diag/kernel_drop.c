/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel dropped packets of the flow and says why, in a way no other pattern knows better. */
#include "diag/pattern.h"

static bool is_told_by_others(const struct xc_drop_fact *d)
{
	switch (d->why) {
	case XC_DROP_OTHER:
	case XC_DROP_SECURITY_HOOK:
	case XC_DROP_PROTO_MEM:
	case XC_DROP_SOCKET_BACKLOG:
	case XC_DROP_SOCKET_RCVBUFF:
	case XC_DROP_QDISC_DROP:
	case XC_DROP_QDISC_OVERLIMIT:
	case XC_DROP_QDISC_CONGESTED:
	case XC_DROP_CPU_BACKLOG:
	case XC_DROP_FULL_RING:
	case XC_DROP_DEV_READY:
	case XC_DROP_TCP_OVERWINDOW:
	case XC_DROP_TCP_OFO_QUEUE_PRUNE:
		return d->e.is_quoted;
	default:
		return true;
	}
}

static bool kernel_drop_match(const struct xc_case *c, struct xc_opinion *o)
{
	char packet[XC_WORDS], dev[XC_WORDS], flow[XC_WORDS];

	for (uint32_t i = 0; i < c->n_drops; i++) {
		const struct xc_drop_fact *d = &c->drops[i];

		if (is_told_by_others(d))
			continue;
		xc_for(o, XC_STRONG, d->e.first_ns, "skb:kfree_skb",
		       "%s dropped%s: %s at %s, %llu times", xc_packet_words(d, packet),
		       xc_dev_words(d->e.dev, dev), d->name, d->e.sym[0] ? d->e.sym : "?",
		       (unsigned long long)d->e.count);
		if (d->e.count > 1)
			xc_for(o, XC_WEAK, d->e.first_ns, "skb:kfree_skb", "it happened again");
		xc_summary(o, "%s: the kernel drops packets (%s)", xc_flow_words(c, flow), d->name);
		xc_subject(o, "%s at %s in namespace %u", d->name, d->e.sym, d->e.netns);
		xc_fix(o,
		       "SKB_DROP_REASON_%s at %s: see include/net/dropreason-core.h of this kernel for what it means.",
		       d->name, d->e.sym[0] ? d->e.sym : "an unnamed place");
		return true;
	}
	return false;
}

const struct xc_pattern xc_pattern_kernel_drop = {
	.id = "kernel-drop",
	.name = "Kernel Drop",
	.layer = XC_LAYER_L4,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "The kernel dropped packets of the flow for a reason of its own.",
	.fix = "Look the drop reason up in the kernel's documentation.",
	.match = kernel_drop_match,
};
