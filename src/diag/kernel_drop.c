/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel dropped packets of the flow and says why, in a way no other pattern knows better. */
#include "diag/pattern.h"

#include "base/scope.h"

#include <string.h>

/* What the commoner reasons mean: include/net/dropreason-core.h and the places that give them. */
static const struct meaning {
	const char *name;
	const char *what;
	const char *fix;
} meanings[] = {
	{ "XFRM_POLICY", "an IPsec policy demands protection that the packet lacks",
	  "Compare `ip xfrm policy` and `ip xfrm state` at both ends; is the IKE daemon up?" },
	{ "TCP_MD5NOTFOUND", "the socket demands a TCP MD5 signature and there is none (RFC 2385)",
	  "Give both ends the same TCP MD5 password for each other (BGP: the neighbour's password)." },
	{ "TCP_MD5UNEXPECTED",
	  "a TCP MD5 signature where the socket has no key for this peer (RFC 2385)",
	  "Give both ends the same TCP MD5 password for each other (BGP: the neighbour's password)." },
	{ "TCP_MD5FAILURE", "the TCP MD5 signature does not fit: the keys differ (RFC 2385)",
	  "Give both ends the same TCP MD5 password for each other (BGP: the neighbour's password)." },
	{ "TCP_AONOTFOUND", "the socket demands TCP-AO and the segment is not signed (RFC 5925)",
	  "Give both ends the same TCP-AO keys, with key ids that match." },
	{ "TCP_AOUNEXPECTED", "signed with TCP-AO where the socket has no key (RFC 5925)",
	  "Give both ends the same TCP-AO keys, with key ids that match." },
	{ "TCP_AOKEYNOTFOUND", "signed with a TCP-AO key id that the socket does not have",
	  "Give both ends the same TCP-AO keys, with key ids that match." },
	{ "TCP_AOFAILURE", "the TCP-AO signature does not fit: the keys differ (RFC 5925)",
	  "Give both ends the same TCP-AO keys, with key ids that match." },
	{ "TCP_MINTTL", "it comes from more hops away than the socket allows (IP_MINTTL, RFC 5082)",
	  "Send with TTL 255 from a direct neighbour, or allow more hops (BGP: ttl-security, ebgp-multihop)." },
	{ "TCP_RFC7323_PAWS", "its timestamp is older than one seen before (PAWS, RFC 7323 5)",
	  "Do several hosts share this address (NAT) with clocks of their own? Look at the translator, or at net.ipv4.tcp_timestamps." },
	{ "IP_CSUM", "its IPv4 header checksum is wrong",
	  "Look for a card or a middlebox that rewrites packets; checksum offload: `ethtool -k`." },
	{ "TCP_CSUM", "its TCP checksum is wrong",
	  "Look for a card or a middlebox that rewrites packets; checksum offload: `ethtool -k` at the sender." },
	{ "UDP_CSUM", "its UDP checksum is wrong",
	  "Look for a card, a tunnel or a middlebox that rewrites packets; checksum offload: `ethtool -k` at the sender." },
	{ "IPV6DISABLED", "IPv6 is switched off on that interface",
	  "Look at net.ipv6.conf.DEV.disable_ipv6 of the interface." },
	{ "UNICAST_IN_L2_MULTICAST", "sent to this address in a frame for many",
	  "Look at what sends it: a load balancer or a wireless network that floods (net.ipv4.conf.DEV.drop_unicast_in_l2_multicast)." },
	{ "SECURITY_HOOK", "a security module refuses it (SELinux, Smack, BPF LSM)",
	  "Look into the audit log: `ausearch -m avc -ts recent`." },
	{ "PROTO_MEM", "its protocol has reached its limit of memory",
	  "Look at /proc/net/sockstat against net.ipv4.tcp_mem and net.ipv4.udp_mem: who holds so much unread?" },
	{ "CPU_BACKLOG", "the receive queue of a CPU is full",
	  "Raise net.core.netdev_max_backlog, or spread the load over CPUs (RPS)." },
	{ "QDISC_OVERLIMIT", "the queue of the interface has reached its limit",
	  "Look at `tc -s qdisc show`: a shaper below the load, or a limit too small." },
};

static const struct meaning *meaning_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (!strcmp(meanings[i].name, name))
			return &meanings[i];
	return NULL;
}

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

static void state_drop(const struct xc_case *c, struct xc_opinion *o, const struct xc_drop_fact *d)
{
	const struct meaning *m = meaning_of(d->name);
	const char *place = d->e.sym[0] ? d->e.sym : "?";
	char packet[XC_WORDS], dev[XC_WORDS], flow[XC_WORDS];
	bool is_kept_out = xc_is_kept_out(c, d);

	xc_for(o, is_kept_out ? XC_DECISIVE : XC_STRONG, d->e.first_ns, "skb:kfree_skb",
	       "%s dropped%s: %s at %s, %llu times%s%s", xc_packet_words(d, packet),
	       xc_dev_words(d->e.dev, dev), d->name, place, (unsigned long long)d->e.count,
	       m ? ": " : "", m ? m->what : "");
	if (d->e.count > 1)
		xc_for(o, XC_WEAK, d->e.first_ns, "skb:kfree_skb", "it happened again");
	xc_summary(o, "%s: the kernel drops packets (%s%s%s)", xc_flow_words(c, flow), d->name,
		   m ? ": " : "", m ? m->what : "");
	xc_subject(o, "%s at %s in namespace %u", d->name, d->e.sym, d->e.netns);
	if (m)
		xc_fix(o, "%s", m->fix);
	else
		xc_fix(o,
		       "SKB_DROP_REASON_%s at %s: see include/net/dropreason-core.h of this kernel for what it means.",
		       d->name, d->e.sym[0] ? d->e.sym : "an unnamed place");
}

static bool kernel_drop_match(const struct xc_case *c, struct xc_opinion *o)
{
	for (uint32_t i = 0; i < c->n_drops; i++)
		if (!is_told_by_others(&c->drops[i])) {
			state_drop(c, o, &c->drops[i]);
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
