/* SPDX-License-Identifier: Apache-2.0 */
#include "meta/symbols.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

/* As /etc/protocols of Debian 12 names them; read from here so that evaluation stays pure. */
const struct xc_symbol xc_sym_proto[] = {
	{ "icmp", 1 },	 { "igmp", 2 },	      { "ipencap", 4 }, { "ipip", 4 },	 { "tcp", 6 },
	{ "udp", 17 },	 { "dccp", 33 },      { "ipv6", 41 },	{ "gre", 47 },	 { "esp", 50 },
	{ "ah", 51 },	 { "ipv6-icmp", 58 }, { "icmpv6", 58 }, { "icmp6", 58 }, { "ospf", 89 },
	{ "pim", 103 },	 { "ipcomp", 108 },   { "comp", 108 },	{ "vrrp", 112 }, { "l2tp", 115 },
	{ "sctp", 132 }, { "udplite", 136 },  { "ip", 0 },	{ NULL, 0 },
};

const struct xc_symbol xc_sym_nfproto[] = {
	{ "ipv4", 2 },
	{ "ipv6", 10 },
	{ NULL, 0 },
};

const struct xc_symbol xc_sym_ether[] = {
	{ "ip", 0x0800 },    { "ip6", 0x86dd },	   { "arp", 0x0806 }, { "vlan", 0x8100 },
	{ "8021q", 0x8100 }, { "8021ad", 0x88a8 }, { NULL, 0 },
};

const struct xc_symbol xc_sym_ct_state[] = {
	{ "invalid", 1 }, { "established", 2 }, { "related", 4 },
	{ "new", 8 },	  { "untracked", 64 },	{ NULL, 0 },
};

const struct xc_symbol xc_sym_tcp_flag[] = {
	{ "fin", 0x01 }, { "syn", 0x02 }, { "rst", 0x04 }, { "psh", 0x08 },
	{ "ack", 0x10 }, { "urg", 0x20 }, { "ecn", 0x40 }, { "ece", 0x40 },
	{ "cwr", 0x80 }, { "all", 0x3f }, { "none", 0 },   { NULL, 0 },
};

const struct xc_symbol xc_sym_icmp_type[] = {
	{ "echo-reply", 0 },	       { "destination-unreachable", 3 },
	{ "source-quench", 4 },	       { "redirect", 5 },
	{ "echo-request", 8 },	       { "router-advertisement", 9 },
	{ "router-solicitation", 10 }, { "time-exceeded", 11 },
	{ "parameter-problem", 12 },   { "timestamp-request", 13 },
	{ "timestamp-reply", 14 },     { "info-request", 15 },
	{ "info-reply", 16 },	       { "address-mask-request", 17 },
	{ "address-mask-reply", 18 },  { NULL, 0 },
};

const struct xc_symbol xc_sym_icmp_code[] = {
	{ "net-unreachable", 0 },   { "host-unreachable", 1 }, { "prot-unreachable", 2 },
	{ "port-unreachable", 3 },  { "frag-needed", 4 },      { "net-prohibited", 9 },
	{ "host-prohibited", 10 },  { "admin-prohibited", 13 }, { NULL, 0 },
};

const struct xc_symbol xc_sym_icmpv6_type[] = {
	{ "destination-unreachable", 1 }, { "packet-too-big", 2 },
	{ "time-exceeded", 3 },		  { "parameter-problem", 4 },
	{ "echo-request", 128 },	  { "echo-reply", 129 },
	{ "mld-listener-query", 130 },	  { "mld-listener-report", 131 },
	{ "mld-listener-done", 132 },	  { "mld-listener-reduction", 132 },
	{ "nd-router-solicit", 133 },	  { "nd-router-advert", 134 },
	{ "nd-neighbor-solicit", 135 },	  { "nd-neighbor-advert", 136 },
	{ "nd-redirect", 137 },		  { "router-renumbering", 138 },
	{ "ind-neighbor-solicit", 141 },  { "ind-neighbor-advert", 142 },
	{ "mld2-listener-report", 143 },  { NULL, 0 },
};

const struct xc_symbol xc_sym_icmpv6_code[] = {
	{ "no-route", 0 },
	{ "admin-prohibited", 1 },
	{ "addr-unreachable", 3 },
	{ "port-unreachable", 4 },
	{ "policy-fail", 5 },
	{ "reject-route", 6 },
	{ NULL, 0 },
};

bool xc_symbol_find(const struct xc_symbol *list, const char *name, uint64_t *ret_value)
{
	unsigned long long v;
	char *end;

	for (; list && list->name; list++) {
		if (!strcasecmp(list->name, name)) {
			*ret_value = list->value;
			return true;
		}
	}
	if (!isdigit((unsigned char)name[0]))
		return false;	/* strtoull would take "-1" */
	errno = 0;
	v = strtoull(name, &end, 0);
	if (*end || errno)
		return false;
	*ret_value = v;
	return true;
}
