/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which nftables rule drops this packet? Evaluates the ruleset as `nft -j list
 * ruleset` prints it. Pure: who asks the kernel for it is ruleset.c.
 *
 * Evaluated: payload ip/ip6/tcp/udp/udplite/sctp/dccp/icmp/icmpv6/th; meta l4proto,
 * nfproto, protocol, iif(name), oif(name), iiftype, mark, skuid, skgid, length; ct
 * state; ct original addresses and ports when conntrack told us; sets and maps, named
 * and anonymous, with intervals, prefixes, concatenations and catch-all; verdict
 * maps; bit operations; all comparison operators; jump, goto, return; chain policies.
 * "Could have" by design: limit, quota, numgen, hashes, fib, socket, rt, ether, time,
 * ct mark/status/count, header fields not listed, a set filled by the packet path,
 * marks in a table that sets marks, anonymous chains.
 */
#pragma once

#include "meta/walk.h"

struct xc_nft;

/**
 * Parse a ruleset.
 * @json: `nft -j list ruleset`
 * Return: 0, -EBADMSG (not a ruleset), -ENOMEM
 */
int xc_nft_parse(const char *json, struct xc_nft **ret);

void xc_nft_free(struct xc_nft *nft);

/**
 * Attach the text form, so that rules are named the way people wrote them; without it
 * they are named by handle. A table the text does not have is no error.
 * @text: `nft -a -s list ruleset`; copied
 * Return: 0, -ENOMEM
 */
int xc_nft_add_text(struct xc_nft *nft, const char *text);

struct xc_nft_table {
	const char *family;
	const char *name;
	bool has_xt;	/* has xt expressions (iptables-nft): the JSON hides their arguments */
};

/** Table number @i; strings borrow. Return: false = there is none. */
bool xc_nft_table(const struct xc_nft *nft, uint32_t i, struct xc_nft_table *ret);

/** Leave a table out: another engine has evaluated it (iptables-nft). */
void xc_nft_skip_table(struct xc_nft *nft, const char *family, const char *table);

/** Add every rule that could have dropped @pkt to @out. */
void xc_nft_eval(const struct xc_nft *nft, const struct xc_packet *pkt, struct xc_candidates *out);

/**
 * Complete a rule known by table, chain and handle (or chain and is_policy): text,
 * counter, verdict, priority, hook.
 * Return: false = this ruleset does not have it.
 */
bool xc_nft_describe(const struct xc_nft *nft, struct xc_rule *rule);
