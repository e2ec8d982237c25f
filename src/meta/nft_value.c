/* SPDX-License-Identifier: Apache-2.0 */
/* What an nftables expression yields for a packet of which we know only some fields. */
#include "meta/nft_expr.h"

#include <arpa/inet.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <string.h>

#define ETH_P_IPV4 0x0800
#define ETH_P_IPV6_ 0x86dd
#define NF_IPV4 2	/* NFPROTO_IPV4, linux/netfilter.h */
#define NF_IPV6 10

static const struct nft_val unknown = { .kind = NFT_VAL_UNKNOWN };
static const struct nft_val absent = { .kind = NFT_VAL_ABSENT };

static struct nft_val int_val(uint64_t n, uint32_t bits, const struct xc_symbol *sym)
{
	return (struct nft_val){ .kind = NFT_VAL_INT, .bits = bits, .n = n, .alt = n, .sym = sym };
}

static struct nft_val addr_val(const uint8_t addr[16], bool is_v4)
{
	struct nft_val v = { .kind = NFT_VAL_ADDR, .addr_len = is_v4 ? 4 : 16 };

	memcpy(v.addr, is_v4 ? addr + 12 : addr, v.addr_len);
	return v;
}

static struct nft_val name_val(const char *name)
{
	return name ? (struct nft_val){ .kind = NFT_VAL_NAME, .name = name } : unknown;
}

/* ---- header fields ---- */

enum field {
	F_SADDR,
	F_DADDR,
	F_SPORT,
	F_DPORT, /* tuple_eval() */
	F_PROTO,
	F_TTL,
	F_LEN4,
	F_LEN6,
	F_VERSION,
	F_TCP_FLAGS,
	F_ICMP_TYPE,
	F_ICMP_CODE,
	F_ICMP_ID,
	F_ICMPV6_TYPE,
	F_ICMPV6_CODE,
};

static const struct {
	const char *protocol;	/* NULL = any that has such a field */
	const char *name;
	enum field field;
} fields[] = {
	{ NULL, "saddr", F_SADDR },	     { NULL, "daddr", F_DADDR },
	{ NULL, "sport", F_SPORT },	     { NULL, "dport", F_DPORT },
	{ "ip", "protocol", F_PROTO },	     { "ip", "ttl", F_TTL },
	{ "ip", "length", F_LEN4 },	     { "ip", "version", F_VERSION },
	{ "ip6", "nexthdr", F_PROTO },	     { "ip6", "hoplimit", F_TTL },
	{ "ip6", "length", F_LEN6 },	     { "ip6", "version", F_VERSION },
	{ "tcp", "flags", F_TCP_FLAGS },     { "icmp", "type", F_ICMP_TYPE },
	{ "icmp", "code", F_ICMP_CODE },     { "icmp", "id", F_ICMP_ID },
	{ "icmpv6", "type", F_ICMPV6_TYPE }, { "icmpv6", "code", F_ICMPV6_CODE },
	{ "icmpv6", "id", F_ICMP_ID },
};

/* Does the packet have that header? */
static enum xc_tri has_header(const struct xc_packet *p, const char *protocol)
{
	bool is_v4 = xc_packet_is_v4(p);
	uint64_t proto;

	if (!strcmp(protocol, "ip"))
		return xc_tri(is_v4);
	if (!strcmp(protocol, "ip6"))
		return xc_tri(!is_v4);
	if (!strcmp(protocol, "arp"))
		return XC_NO;
	if (!strcmp(protocol, "th"))
		return xc_packet_has_ports(p) ? XC_YES : XC_MAYBE;
	if (!strcmp(protocol, "ether") || !strcmp(protocol, "vlan"))
		return XC_MAYBE;
	if (xc_symbol_find(xc_sym_proto, protocol, &proto))
		return xc_tri(proto == p->tuple.proto);
	return XC_MAYBE;
}

static struct nft_val echo_id(const struct xc_packet *p)
{
	bool is_echo = p->tuple.proto == IPPROTO_ICMP ? p->icmp_type == 0 || p->icmp_type == 8 :
							p->icmp_type == 128 || p->icmp_type == 129;

	return is_echo ? int_val(p->tuple.sport_he, 16, NULL) : unknown;
}

static struct nft_val icmp_eval(const struct xc_packet *p, enum field f)
{
	switch (f) {
	case F_ICMP_TYPE:
		return int_val(p->icmp_type, 8, xc_sym_icmp_type);
	case F_ICMP_CODE:
		return int_val(p->icmp_code, 8, xc_sym_icmp_code);
	case F_ICMPV6_TYPE:
		return int_val(p->icmp_type, 8, xc_sym_icmpv6_type);
	case F_ICMPV6_CODE:
		return int_val(p->icmp_code, 8, xc_sym_icmpv6_code);
	case F_ICMP_ID:
		return echo_id(p);
	default:
		return unknown;
	}
}

/* Addresses and ports: what NAT changes. */
static struct nft_val tuple_eval(const struct xc_walk *w, enum field f)
{
	const struct xc_tuple *t = &w->pkt->tuple;
	bool is_v4 = xc_packet_is_v4(w->pkt);

	if (xc_walk_is_before_nat(w))
		return unknown;
	switch (f) {
	case F_SADDR:
		return addr_val(t->saddr, is_v4);
	case F_DADDR:
		return addr_val(t->daddr, is_v4);
	case F_SPORT:
		return int_val(t->sport_he, 16, NULL);
	default:
		return int_val(t->dport_he, 16, NULL);
	}
}

static struct nft_val field_eval(const struct xc_walk *w, enum field f)
{
	const struct xc_packet *p = w->pkt;

	if (f <= F_DPORT)
		return tuple_eval(w, f);
	switch (f) {
	case F_PROTO:
		return int_val(p->tuple.proto, 8, xc_sym_proto);
	case F_TTL:
		return p->ttl ? int_val(p->ttl, 8, NULL) : unknown;
	case F_LEN4:
		return p->len_bytes ? int_val(p->len_bytes, 16, NULL) : unknown;
	case F_LEN6:	/* without the fixed header (RFC 8200, 3) */
		return p->len_bytes >= 40 ? int_val(p->len_bytes - 40, 16, NULL) : unknown;
	case F_VERSION:
		return int_val(xc_packet_is_v4(p) ? 4 : 6, 4, NULL);
	case F_TCP_FLAGS:
		return int_val(p->tcp_flags, 8, xc_sym_tcp_flag);
	default:
		return icmp_eval(p, f);
	}
}

static struct nft_val payload_eval(const struct xc_walk *w, const json_t *o)
{
	const char *protocol = nft_string(o, "protocol"), *name = nft_string(o, "field");
	enum xc_tri has;

	if (!protocol || !name)
		return unknown;		/* raw @base,offset,len */
	has = has_header(w->pkt, protocol);
	if (has != XC_YES)
		return has == XC_NO ? absent : unknown;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!strcmp(fields[i].name, name) &&
		    (!fields[i].protocol || !strcmp(fields[i].protocol, protocol)))
			return field_eval(w, fields[i].field);
	return unknown;
}

/* ---- meta ---- */

static struct nft_val iiftype(const char *ifname)
{
	if (!ifname || strcmp(ifname, "lo"))
		return unknown;
	return int_val(ARPHRD_LOOPBACK, 16, NULL);
}

static struct nft_val owner_id(const struct xc_walk *w, int64_t id)
{
	if (w->base->hook == XC_HOOK_FORWARD)
		return absent;		/* a forwarded packet has no socket here */
	return id >= 0 ? int_val((uint64_t)id, 32, NULL) : unknown;
}

static struct nft_val mark_eval(const struct xc_walk *w)
{
	const struct xc_nft *nft = w->ctx;

	/* We know the mark at the drop; a rule before "mark set" has seen another one. */
	if (nft->tables[w->chain->owner].sets_mark)
		return unknown;
	return int_val(w->pkt->mark, 32, NULL);
}

/* iif, iifname, iiftype and the same of the outgoing side. */
static struct nft_val device_eval(const struct xc_walk *w, const char *key)
{
	const char *name = xc_walk_ifname(w, key[0] == 'i');

	key++;
	if (!strcmp(key, "if") || !strcmp(key, "ifname"))
		return name_val(name);
	return !strcmp(key, "iftype") ? iiftype(name) : unknown;
}

static struct nft_val meta_eval(const struct xc_walk *w, const json_t *o)
{
	const char *key = nft_string(o, "key");
	const struct xc_packet *p = w->pkt;
	bool is_v4 = xc_packet_is_v4(p);

	if (!key)
		return unknown;
	if (!strcmp(key, "l4proto"))
		return int_val(p->tuple.proto, 8, xc_sym_proto);
	if (!strcmp(key, "nfproto"))
		return int_val(is_v4 ? NF_IPV4 : NF_IPV6, 8, xc_sym_nfproto);
	if (!strcmp(key, "protocol"))
		return int_val(is_v4 ? ETH_P_IPV4 : ETH_P_IPV6_, 16, xc_sym_ether);
	if (!strcmp(key, "mark"))
		return mark_eval(w);
	if (!strcmp(key, "skuid"))
		return owner_id(w, p->uid);
	if (!strcmp(key, "skgid"))
		return owner_id(w, p->gid);
	if (!strcmp(key, "length") && p->len_bytes)
		return int_val(p->len_bytes, 32, NULL);
	if (key[0] == 'i' || key[0] == 'o')
		return device_eval(w, key);
	return unknown;
}

/* ---- conntrack ---- */

/* The connection's first packet before NAT: what "ct original" looks at. */
static struct nft_val ct_original(const struct xc_packet *p, const char *key)
{
	bool is_v4 = xc_packet_is_v4(p);

	if (!p->orig.proto)
		return unknown;
	if (!strcmp(key, "proto-src"))
		return int_val(p->orig.sport_he, 16, NULL);
	if (!strcmp(key, "proto-dst"))
		return int_val(p->orig.dport_he, 16, NULL);
	if (strncmp(key, "ip", 2))
		return unknown;
	if ((key[2] == '6') == is_v4)
		return absent;
	key = strchr(key, ' ');
	if (key && !strcmp(key, " saddr"))
		return addr_val(p->orig.saddr, is_v4);
	if (key && !strcmp(key, " daddr"))
		return addr_val(p->orig.daddr, is_v4);
	return unknown;
}

static struct nft_val ct_eval(const struct xc_walk *w, const json_t *o)
{
	const char *key = nft_string(o, "key"), *dir = nft_string(o, "dir");
	unsigned int bits, alt;
	struct nft_val v;

	if (!key)
		return unknown;
	if (dir && !strcmp(dir, "original"))
		return ct_original(w->pkt, key);
	if (strcmp(key, "state") || !xc_walk_ct(w, &bits, &alt))
		return unknown;
	v = int_val(bits, 32, xc_sym_ct_state);
	v.alt = alt;
	return v;
}

/* ---- bit operations ---- */

static bool addr_mask(struct nft_val *v, char op, const json_t *right)
{
	const char *s = json_string_value(right);
	uint8_t mask[16];

	if (!s || inet_pton(v->addr_len == 4 ? AF_INET : AF_INET6, s, mask) != 1)
		return false;
	for (size_t i = 0; i < v->addr_len; i++) {
		if (op == '&')
			v->addr[i] &= mask[i];
		else if (op == '|')
			v->addr[i] |= mask[i];
		else if (op == '^')
			v->addr[i] ^= mask[i];
		else
			return false;
	}
	return true;
}

static uint64_t int_op(uint64_t a, char op, uint64_t b)
{
	switch (op) {
	case '&':
		return a & b;
	case '|':
		return a | b;
	case '^':
		return a ^ b;
	case '<':
		return b < 64 ? a << b : 0;
	default:	/* '>' */
		return b < 64 ? a >> b : 0;
	}
}

static struct nft_val binop_eval(const struct xc_walk *w, char op, const json_t *args)
{
	struct nft_val v = nft_val_eval(w, json_array_get(args, 0));
	uint64_t n;

	for (size_t i = 1; i < json_array_size(args); i++) {
		const json_t *right = json_array_get(args, i);

		if (v.kind == NFT_VAL_ADDR && addr_mask(&v, op, right))
			continue;
		if (v.kind != NFT_VAL_INT || !nft_number(right, v.sym, &n))
			return v.kind == NFT_VAL_ABSENT ? absent : unknown;
		v.n = int_op(v.n, op, n);
		v.alt = int_op(v.alt, op, n);
	}
	return v;
}

bool nft_number(const json_t *j, const struct xc_symbol *sym, uint64_t *ret_n)
{
	const json_t *list = json_is_array(j) ? j : json_object_get(j, "|");
	uint64_t n = 0, one;

	if (json_is_integer(j) || json_is_boolean(j)) {
		*ret_n = json_is_integer(j) ? (uint64_t)json_integer_value(j) : json_is_true(j);
		return true;
	}
	if (json_is_string(j))
		return xc_symbol_find(sym, json_string_value(j), ret_n);
	if (!json_is_array(list) || !json_array_size(list))
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (!nft_number(json_array_get(list, i), sym, &one))
			return false;
		n |= one;
	}
	*ret_n = n;
	return true;
}

struct nft_val nft_val_eval(const struct xc_walk *w, const json_t *expr)
{
	json_t *arg = NULL;
	const char *key = nft_single(expr, &arg);

	if (!key)
		return unknown;
	if (!strcmp(key, "payload"))
		return payload_eval(w, arg);
	if (!strcmp(key, "meta"))
		return meta_eval(w, arg);
	if (!strcmp(key, "ct"))
		return ct_eval(w, arg);
	if (!strcmp(key, "&") || !strcmp(key, "|") || !strcmp(key, "^") || !strcmp(key, "<<") ||
	    !strcmp(key, ">>"))
		return binop_eval(w, key[0], arg);
	return unknown;
}
