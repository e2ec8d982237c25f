/* SPDX-License-Identifier: Apache-2.0 */
/* Reading one iptables rule: the words after "-A CHAIN" become matches and a target. */
#include "meta/ipt_tree.h"

#include "base/scope.h"
#include "meta/symbols.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct option {
	const char *name;
	enum ipt_match_kind kind;
	bool is_src;
	bool is_dst;
	/* Fill @m from the argument. false = not understood: the match stays unknown. */
	bool (*read)(struct xc_ipt *ipt, struct ipt_match *m, char *arg);
};

static bool number(const char *s, uint32_t *ret)
{
	uint64_t n;

	if (!xc_symbol_find(NULL, s, &n) || n > UINT32_MAX)
		return false;
	*ret = (uint32_t)n;
	return true;
}

/* "5", "5:9", ":9", "5:"; owner ranges are written with '-'. */
static bool range(char *arg, char sep, uint32_t max, struct ipt_match *m)
{
	char *at = strchr(arg, sep);

	m->lo = 0;
	m->hi = max;
	if (!at)
		return number(arg, &m->lo) && number(arg, &m->hi);
	*at = '\0';
	return (!arg[0] || number(arg, &m->lo)) && (!at[1] || number(at + 1, &m->hi));
}

/* IPv4 is kept v4-mapped, like the packet's addresses. */
static bool address(bool is_v6, const char *s, uint8_t out[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (is_v6)
		return inet_pton(AF_INET6, s, out) == 1;
	memcpy(out, mapped, sizeof(mapped));
	return inet_pton(AF_INET, s, out + 12) == 1;
}

static bool read_addr(struct xc_ipt *ipt, struct ipt_match *m, char *arg)
{
	char *slash = strchr(arg, '/');
	uint32_t len = 128;

	if (slash)
		*slash = '\0';
	if (!address(ipt->is_v6, arg, m->a))
		return false;
	if (slash && strpbrk(slash + 1, ".:")) {	/* a mask written as an address */
		memset(m->b, 0xff, 12);
		return inet_pton(ipt->is_v6 ? AF_INET6 : AF_INET, slash + 1,
				 ipt->is_v6 ? m->b : m->b + 12) == 1;
	}
	if (slash && (!number(slash + 1, &len) || len > (ipt->is_v6 ? 128 : 32)))
		return false;
	if (slash && !ipt->is_v6)
		len += 96;
	for (uint32_t i = 0; i < len; i++)
		m->b[i / 8] |= (uint8_t)(0x80 >> (i % 8));
	return true;
}

static bool read_addr_range(struct xc_ipt *ipt, struct ipt_match *m, char *arg)
{
	char *dash = strchr(arg, '-');

	if (!dash)
		return address(ipt->is_v6, arg, m->a) && address(ipt->is_v6, arg, m->b);
	*dash = '\0';
	return address(ipt->is_v6, arg, m->a) && address(ipt->is_v6, dash + 1, m->b);
}

static bool read_if(struct xc_ipt *ipt, struct ipt_match *m, char *arg)
{
	(void)ipt;
	return snprintf(m->ifname, sizeof(m->ifname), "%s", arg) < (int)sizeof(m->ifname);
}

static bool read_proto(struct xc_ipt *ipt, struct ipt_match *m, char *arg)
{
	uint64_t n = 0;

	(void)ipt;
	if (strcmp(arg, "all") && !xc_symbol_find(xc_sym_proto, arg, &n))
		return false;
	m->lo = (uint32_t)n;
	return true;
}

static bool read_port(struct xc_ipt *ipt, struct ipt_match *m, char *arg)
{
	(void)ipt;
	return range(arg, ':', 65535, m);
}

static bool read_ports(struct xc_ipt *ipt, struct ipt_match *m, char *arg)
{
	struct ipt_match one;

	m->first_port = ipt->ports.n;
	for (char *p = arg, *next; p; p = next) {
		struct ipt_range *slot;

		next = strchr(p, ',');
		if (next)
			*next++ = '\0';
		if (!range(p, ':', 65535, &one))
			return false;
		slot = ipt_push(&ipt->ports, sizeof(*slot));
		if (!slot)
			return false;	/* no memory: unknown is true as well */
		*slot = (struct ipt_range){ (uint16_t)one.lo, (uint16_t)one.hi };
		m->n_ports++;
	}
	return true;
}

static bool names(const struct xc_symbol *list, char *arg, uint32_t *ret)
{
	uint32_t bits = 0;
	uint64_t one;

	for (char *p = arg, *next; p; p = next) {
		next = strchr(p, ',');
		if (next)
			*next++ = '\0';
		if (!xc_symbol_find(list, p, &one))
			return false;
		bits |= (uint32_t)one;
	}
	*ret = bits;
	return true;
}

static bool read_ctstate(struct xc_ipt *ipt, struct ipt_match *m, char *arg)
{
	(void)ipt;
	for (char *p = arg, *next; p; p = next) {
		uint64_t one;

		next = strchr(p, ',');
		if (next)
			*next++ = '\0';
		if (!strcasecmp(p, "SNAT") || !strcasecmp(p, "DNAT"))
			m->hi = 1;	/* whether the connection was translated */
		else if (xc_symbol_find(xc_sym_ct_state, p, &one))
			m->lo |= (uint32_t)one;
		else
			return false;
	}
	return true;
}

static bool read_icmp(struct xc_ipt *ipt, struct ipt_match *m, char *arg)
{
	const struct xc_symbol *types = ipt->is_v6 ? xc_sym_icmpv6_type : xc_sym_icmp_type;
	char *slash = strchr(arg, '/');
	uint64_t type = IPT_ANY_TYPE;

	m->hi = IPT_ANY_CODE;
	if (slash) {
		*slash = '\0';
		if (!number(slash + 1, &m->hi))
			return false;
	}
	if (strcmp(arg, "any") && !xc_symbol_find(types, arg, &type))
		return false;
	m->lo = (uint32_t)type;
	return true;
}

static bool read_mark(struct xc_ipt *ipt, struct ipt_match *m, char *arg)
{
	char *slash = strchr(arg, '/');

	(void)ipt;
	m->hi = UINT32_MAX;
	if (slash)
		*slash = '\0';
	return number(arg, &m->lo) && (!slash || number(slash + 1, &m->hi));
}

static bool read_id(struct xc_ipt *ipt, struct ipt_match *m, char *arg)
{
	(void)ipt;
	return range(arg, '-', UINT32_MAX, m);
}

static bool read_ttl_lt(struct xc_ipt *ipt, struct ipt_match *m, char *arg)
{
	(void)ipt;
	return number(arg, &m->hi) && m->hi-- > 0;
}

static bool read_ttl_gt(struct xc_ipt *ipt, struct ipt_match *m, char *arg)
{
	(void)ipt;
	m->hi = UINT8_MAX;
	return number(arg, &m->lo) && m->lo++ < UINT8_MAX;
}

static const struct option options[] = {
	{ "-s", IPT_ADDR, true, false, read_addr },
	{ "-d", IPT_ADDR, false, true, read_addr },
	{ "-i", IPT_IF, true, false, read_if },
	{ "-o", IPT_IF, false, true, read_if },
	{ "-p", IPT_PROTO, false, false, read_proto },
	{ "--sport", IPT_PORT, true, false, read_port },
	{ "--dport", IPT_PORT, false, true, read_port },
	{ "--sports", IPT_MULTIPORT, true, false, read_ports },
	{ "--dports", IPT_MULTIPORT, false, true, read_ports },
	{ "--ports", IPT_MULTIPORT, true, true, read_ports },
	{ "--ctstate", IPT_CT, false, false, read_ctstate },
	{ "--state", IPT_CT, false, false, read_ctstate },
	{ "--icmp-type", IPT_ICMP, false, false, read_icmp },
	{ "--icmpv6-type", IPT_ICMP, false, false, read_icmp },
	{ "--mark", IPT_MARK, false, false, read_mark },
	{ "--uid-owner", IPT_UID, false, false, read_id },
	{ "--gid-owner", IPT_GID, false, false, read_id },
	{ "--length", IPT_LENGTH, false, false, read_port },
	{ "--ttl-eq", IPT_TTL, false, false, read_port },
	{ "--ttl-lt", IPT_TTL, false, false, read_ttl_lt },
	{ "--ttl-gt", IPT_TTL, false, false, read_ttl_gt },
	{ "--hl-eq", IPT_TTL, false, false, read_port },
	{ "--hl-lt", IPT_TTL, false, false, read_ttl_lt },
	{ "--hl-gt", IPT_TTL, false, false, read_ttl_gt },
	{ "--src-range", IPT_ADDR_RANGE, true, false, read_addr_range },
	{ "--dst-range", IPT_ADDR_RANGE, false, true, read_addr_range },
};

/* Modules all of whose usual options stand in the table; others are unknown as a whole. */
static bool is_known_module(const char *name)
{
	static const char *const known[] = {
		"tcp",	 "udp",	   "udplite",	"sctp",	 "dccp",    "icmp",
		"icmp6", "icmpv6", "multiport", "state", "comment", "conntrack",
		"mark",	 "owner",  "length",	"ttl",	 "hl",	    "iprange",
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i], name))
			return true;
	return false;
}

static char *next_word(struct ipt_words *words)
{
	return words->at < words->n ? words->w[words->at++] : NULL;
}

/* The arguments of an option nobody knows. */
static void skip_arguments(struct ipt_words *words)
{
	while (words->at < words->n && words->w[words->at][0] != '-' &&
	       strcmp(words->w[words->at], "!"))
		words->at++;
}

static void read_tcp_flags(struct ipt_words *words, struct ipt_match *m)
{
	char *mask = next_word(words), *value = next_word(words);

	if (mask && value && names(xc_sym_tcp_flag, mask, &m->lo) &&
	    names(xc_sym_tcp_flag, value, &m->hi))
		m->kind = IPT_TCP_FLAGS;
}

/* One option with its arguments becomes a match; IPT_UNKNOWN when it is not understood. */
static void read_option(struct xc_ipt *ipt, struct ipt_words *words, const char *name,
			struct ipt_match *m)
{
	char *arg;

	if (!strcmp(name, "--tcp-flags")) {
		read_tcp_flags(words, m);
		return;
	}
	if (!strcmp(name, "--syn")) {
		m->kind = IPT_TCP_FLAGS;
		m->lo = 0x17;	/* FIN, SYN, RST, ACK */
		m->hi = 0x02;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];

		if (strcmp(o->name, name))
			continue;
		m->is_src = o->is_src;
		m->is_dst = o->is_dst;
		arg = next_word(words);
		if (arg && o->read(ipt, m, arg))
			m->kind = o->kind;
		return;
	}
	skip_arguments(words);
}

static void read_target(struct ipt_words *words, bool is_goto, struct ipt_rule *rule,
			const char **ret_target)
{
	const char *name = next_word(words);

	*ret_target = name;
	rule->action = is_goto ? XC_IPT_GOTO : XC_IPT_NONE;
	rule->verdict = XC_VERDICT_DROP;
	if (!name || strcmp(name, "REJECT"))
		return;
	rule->verdict = XC_VERDICT_REJECT;
	for (size_t i = words->at; i + 1 < words->n; i++)
		if (!strcmp(words->w[i], "--reject-with") && !strcmp(words->w[i + 1], "tcp-reset"))
			rule->verdict = XC_VERDICT_REJECT_RST;
}

/* Return: the option is no condition of its own. */
static bool is_silent(struct ipt_words *words, const char *name)
{
	if (!strcmp(name, "--comment")) {
		(void)next_word(words);
		return true;
	}
	if (!strcmp(name, "-m")) {
		name = next_word(words);
		return !name || is_known_module(name);
	}
	return false;
}

int ipt_read_rule(struct xc_ipt *ipt, struct ipt_words *words, struct ipt_rule *rule,
		  const char **ret_target)
{
	bool is_not = false;
	const char *name;

	rule->first_match = ipt->matches.n;
	while ((name = next_word(words))) {
		struct ipt_match m = { 0 }, *slot;

		if (!strcmp(name, "!")) {
			is_not = true;
			continue;
		}
		if (!strcmp(name, "-j") || !strcmp(name, "-g")) {
			read_target(words, name[1] == 'g', rule, ret_target);
			return 0;
		}
		m.is_not = is_not;
		is_not = false;
		if (is_silent(words, name))
			continue;
		read_option(ipt, words, name, &m);
		slot = ipt_push(&ipt->matches, sizeof(*slot));
		if (!slot)
			return -ENOMEM;
		*slot = m;
		rule->n_matches++;
	}
	return 0;
}
