/* SPDX-License-Identifier: Apache-2.0 */
#include "model/reason.h"

#include "base/scope.h"

#include <stdio.h>
#include <string.h>

static const char *const drop_names[] = { [XC_DROP_OTHER] = "",
#define R(name) [XC_DROP_##name] = #name,
					  XC_DROP_REASONS(R)
#undef R
};

static const char *const rst_names[] = { [XC_RST_OTHER] = "",
#define R(name) [XC_RST_##name] = #name,
					 XC_RST_REASONS(R)
#undef R
};

static void learn(struct xc_enum_names *n, unsigned int value, const char *name,
		  const char *const *ours, size_t n_ours)
{
	if (value >= XC_ENUM_VALUES)
		return;
	(void)snprintf(n->names[value], sizeof(n->names[value]), "%s", name);
	n->ours[value] = 0;
	for (size_t i = 1; i < n_ours; i++)
		if (!strcmp(name, ours[i]))
			n->ours[value] = (uint8_t)i;
}

static const char *without(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(name, prefix, len) ? name : name + len;
}

void xc_names_learn_drop(struct xc_enum_names *n, unsigned int value, const char *name)
{
	learn(n, value, without(name, "SKB_DROP_REASON_"), drop_names, ARRAY_SIZE(drop_names));
}

void xc_names_learn_rst(struct xc_enum_names *n, unsigned int value, const char *name)
{
	learn(n, value, without(name, "SK_RST_REASON_"), rst_names, ARRAY_SIZE(rst_names));
}

const char *xc_names_get(const struct xc_enum_names *n, unsigned int value)
{
	return value < XC_ENUM_VALUES && n->names[value][0] ? n->names[value] : NULL;
}

uint8_t xc_names_ours(const struct xc_enum_names *n, unsigned int value)
{
	return value < XC_ENUM_VALUES ? n->ours[value] : 0;
}

/* Read in the sources of 5.10 and 5.15: the function that calls kfree_skb() for each cause. */
static const struct {
	const char *sym;
	enum xc_drop drop;
} places[] = {
	{ "nf_hook_slow", XC_DROP_NETFILTER_DROP },
	{ "nft_do_chain", XC_DROP_NETFILTER_DROP },
	{ "tcp_v4_rcv", XC_DROP_NO_SOCKET },
	{ "tcp_v6_rcv", XC_DROP_NO_SOCKET },
	{ "__udp4_lib_rcv", XC_DROP_NO_SOCKET },
	{ "__udp6_lib_rcv", XC_DROP_NO_SOCKET },
	{ "udp_queue_rcv_one_skb", XC_DROP_SOCKET_RCVBUFF },
	{ "udpv6_queue_rcv_one_skb", XC_DROP_SOCKET_RCVBUFF },
	{ "neigh_invalidate", XC_DROP_NEIGH_FAILED },
	{ "arp_error_report", XC_DROP_NEIGH_FAILED },
	{ "ndisc_error_report", XC_DROP_NEIGH_FAILED },
	{ "__neigh_event_send", XC_DROP_NEIGH_FAILED },
	{ "ip_rcv_finish_core", XC_DROP_IP_RPFILTER },
	{ "ip_forward", XC_DROP_IP_INHDR },
	{ "ip6_forward", XC_DROP_IP_INHDR },
	{ "ip_error", XC_DROP_IP_INADDRERRORS },
	{ "ip6_pkt_drop", XC_DROP_IP_INNOROUTES },
	{ "__ip_queue_xmit", XC_DROP_IP_OUTNOROUTES },
	{ "ip_queue_xmit", XC_DROP_IP_OUTNOROUTES },
	{ "inet6_csk_xmit", XC_DROP_IP_OUTNOROUTES },
	{ "__netif_receive_skb_core", XC_DROP_TC_INGRESS },
	{ "sch_handle_ingress", XC_DROP_TC_INGRESS },
	{ "__dev_queue_xmit", XC_DROP_TC_EGRESS },
	{ "__ip_finish_output", XC_DROP_BPF_CGROUP_EGRESS },
	{ "ip_finish_output", XC_DROP_BPF_CGROUP_EGRESS },
	{ "ip6_finish_output", XC_DROP_BPF_CGROUP_EGRESS },
	{ "do_xdp_generic", XC_DROP_XDP },
	{ "veth_xdp_rcv_skb", XC_DROP_XDP },
	{ "veth_xdp_rcv", XC_DROP_XDP },	/* where the former is inlined, and so on */
	{ "veth_poll", XC_DROP_XDP },
	{ "netif_receive_generic_xdp", XC_DROP_XDP },
	{ "ip_rcv_core", XC_DROP_OTHERHOST },
	{ "kfree_skb_list",
	  XC_DROP_QDISC_DROP }, /* what a qdisc hands back to __dev_queue_xmit() */
};

/* The compiler may add ".constprop.0" or ".isra.0", the kernel " [module]". */
static bool is_place(const char *sym, const char *function)
{
	size_t n = strlen(function);

	return !strncmp(sym, function, n) && (!sym[n] || sym[n] == '.' || sym[n] == ' ');
}

enum xc_drop xc_drop_from_place(const char *sym)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (is_place(sym, places[i].sym))
			return places[i].drop;
	return XC_DROP_OTHER;
}

bool xc_place_is_noise(const char *sym)
{
	/* Places whose drops without a reason mean something even where reasons exist. */
	static const char *const telling[] = {
		"ip_error", "ip6_pkt_drop", "do_xdp_generic", "netif_receive_generic_xdp",
		"veth_xdp_rcv_skb",   "veth_xdp_rcv", "veth_poll",	"ip_forward",
		"ip6_forward",	      "nf_hook_slow", "nft_do_chain",	"__dev_queue_xmit",
		"ip_rcv_finish_core",
	};

	for (size_t i = 0; i < ARRAY_SIZE(telling); i++)
		if (is_place(sym, telling[i]))
			return false;
	return sym[0] != '\0';
}
