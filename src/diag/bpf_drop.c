/* SPDX-License-Identifier: Apache-2.0 */
/* A BPF program (TC, XDP, cgroup) drops the packet or denies the call. */
#include "diag/pattern.h"

static const struct {
	enum xc_drop why;
	const char *where;
	const char *note;	/* key under which the live source names the programs */
	const char *show;	/* command that shows it, in front of the device; NULL = on a cgroup */
} kinds[] = {
	{ XC_DROP_TC_INGRESS, "a TC ingress program or action", "programs tcx/ingress",
	  "tc filter show ingress dev" },
	{ XC_DROP_TC_EGRESS, "a TC egress program or action", "programs tcx/egress",
	  "tc filter show egress dev" },
	{ XC_DROP_XDP, "an XDP program", "programs xdp", "ip link show dev" },
	{ XC_DROP_BPF_CGROUP_EGRESS, "a cgroup_skb egress program", "programs cgroup_skb/egress",
	  NULL },
	{ XC_DROP_SOCKET_FILTER, "a cgroup_skb ingress program or socket filter",
	  "programs cgroup_skb/ingress", NULL },
};

static bool denied_call(const struct xc_case *c, struct xc_opinion *o)
{
	const char *key = xc_addr_is_v4(c->tuple.daddr) ? "programs cgroup/connect4" :
							  "programs cgroup/connect6";
	const char *programs = xc_case_note(c, key);
	char who[XC_WORDS], server[XC_WORDS];

	if (c->denied.by != XC_DENIED_CGROUP)
		return false;
	xc_for(o, XC_DECISIVE, c->denied.hdr.ts_ns, "cgroup/connect",
	       "a cgroup connect program denied the call of %s",
	       xc_owner_words(&c->denied.owner, who));
	if (programs)
		xc_for(o, XC_STRONG, c->denied.hdr.ts_ns, "bpf_prog_query", "attached there: %s",
		       programs);
	xc_summary(o, "connect to %s denied by a cgroup BPF program", xc_server_words(c, server));
	xc_subject(o, "cgroup/connect of cgroup %llu",
		   (unsigned long long)c->denied.owner.cgroup_id);
	xc_fix(o, "Look at `bpftool cgroup tree`: a connect program on the cgroup of %s denies it.",
	       who);
	return true;
}

/* A kernel without drop reasons: a socket is there, the segment was dropped before it, no RST went out. */
static bool dropped_before_socket(const struct xc_case *c, struct xc_opinion *o)
{
	const struct xc_drop_fact *d = xc_unwanted_segment(c, true);
	char packet[XC_WORDS], flow[XC_WORDS];

	if (!d || !d->is_by_place || !xc_fitting_listener(c) || c->client.n_rst_rcvd ||
	    c->counters.v[XC_CTR_LISTEN_OVERFLOWS])
		return false;
	xc_for(o, XC_STRONG, d->e.first_ns, "skb:kfree_skb",
	       "%s dropped at %s although a socket listens there, and no RST followed",
	       xc_packet_words(d, packet), d->e.sym);
	xc_summary(
		o,
		"%s dropped in front of the listening socket, as a cgroup program or socket filter does",
		xc_flow_words(c, flow));
	xc_subject(o, "in front of the listener in namespace %u", d->e.netns);
	xc_fix(o,
	       "See `bpftool cgroup tree` for the cgroup of the receiver, and filters it attached itself (SO_ATTACH_FILTER). This kernel does not tell drop reasons: an IPsec policy or a TCP MD5 key would look the same.");
	return true;
}

static bool bpf_drop_match(const struct xc_case *c, struct xc_opinion *o)
{
	char packet[XC_WORDS], dev[XC_WORDS], flow[XC_WORDS];

	if (denied_call(c, o))
		return true;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct xc_drop_fact *d = xc_case_drop(c, kinds[i].why);
		const char *programs;

		if (!d || d->e.is_quoted)
			continue;
		xc_for(o, XC_DECISIVE, d->e.first_ns, "skb:kfree_skb",
		       "%s dropped by %s%s (%s at %s)", xc_packet_words(d, packet), kinds[i].where,
		       xc_dev_words(d->e.dev, dev), d->name, d->e.sym[0] ? d->e.sym : "?");
		programs = xc_case_note(c, kinds[i].note);
		if (programs)
			xc_for(o, XC_STRONG, d->e.first_ns, "bpf_prog_query", "attached there: %s",
			       programs);
		xc_summary(o, "%s dropped by %s%s", xc_flow_words(c, flow), kinds[i].where, dev);
		xc_subject(o, "%s%s of namespace %u", kinds[i].where, dev, d->e.netns);
		if (kinds[i].show)
			xc_fix(o,
			       "The program decides, not the network: see `%s %s` and `bpftool net show`; with a CNI, its policies and its agent.",
			       kinds[i].show, xc_dev_or(d->e.dev, "DEV"));
		else
			xc_fix(o,
			       "The program decides, not the network: see `bpftool cgroup tree` for the cgroup of the %s, and filters it attached itself (SO_ATTACH_FILTER).",
			       kinds[i].why == XC_DROP_SOCKET_FILTER ? "receiver" : "sender");
		if (xc_is_making_progress(c))
			xc_against(o, XC_AGAINST * 2, "other segments of the same connection pass");
		return true;
	}
	return dropped_before_socket(c, o);
}

const struct xc_pattern xc_pattern_bpf_drop = {
	.id = "bpf-drop",
	.name = "BPF Program Drop",
	.layer = XC_LAYER_FILTER,
	.kind = XC_KIND_FAILURE,
	.severity = XC_SEVERITY_ERROR,
	.cause = "A BPF program (TC, XDP or cgroup) drops the packets or denies the call.",
	.fix = "Find the program with `bpftool net show` and `bpftool cgroup tree`.",
	.match = bpf_drop_match,
};
