/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which iptables rule drops this packet? Evaluates the text of iptables-save -c and
 * ip6tables-save -c, of the legacy and of the nft variant. Pure: ruleset.c runs them.
 *
 * Evaluated: -s -d -p -i -o; --sport --dport; multiport; --tcp-flags, --syn; icmp and
 * icmp6 types; conntrack/state --ctstate; mark; owner --uid-owner, --gid-owner;
 * length; ttl, hl; iprange; comment; "!"; user chains with -j and -g, RETURN, policies.
 * "Could have" by design: every other match, fragments (-f), marks in a table that
 * sets marks, ctstate SNAT and DNAT. An unknown target may accept or do nothing.
 */
#pragma once

#include "meta/walk.h"

struct xc_ipt;

/**
 * Parse a ruleset. Lines it does not understand become "could have" or are skipped.
 * @text: copied
 * @engine: static string, "iptables-legacy" or "iptables-nft"
 * @is_v6: made by ip6tables-save
 * Return: 0, -ENOMEM
 */
int xc_ipt_parse(const char *text, const char *engine, bool is_v6, struct xc_ipt **ret);

void xc_ipt_free(struct xc_ipt *ipt);

/** Table number @i, NULL = there is none: "filter", "nat" ... */
const char *xc_ipt_table(const struct xc_ipt *ipt, uint32_t i);

/** Add every rule that could have dropped @pkt to @out; nothing if it is of the other family. */
void xc_ipt_eval(const struct xc_ipt *ipt, const struct xc_packet *pkt, struct xc_candidates *out);

enum xc_ipt_action {
	XC_IPT_NONE,		/* no target, or one that only notes or changes something */
	XC_IPT_ACCEPT,
	XC_IPT_DROP,
	XC_IPT_REJECT,
	XC_IPT_QUEUE,
	XC_IPT_RETURN,
	XC_IPT_JUMP,
	XC_IPT_GOTO,
	XC_IPT_UNKNOWN,
};

/** What a target that is not a user chain does. */
enum xc_ipt_action xc_ipt_target(const char *name);

/** The target changes the packet mark. */
bool xc_ipt_sets_mark(const char *target);
