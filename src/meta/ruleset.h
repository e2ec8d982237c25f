/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names the rule that drops a packet: fetches the rulesets of a network namespace
 * (nftables through libnftables, iptables through its save programs), keeps them
 * while they do not change, and lets the pure evaluators decide.
 *
 * Ladder: xc_ruleset_name() evaluates (L1), xc_ruleset_counted() compares counters
 * between two looks (L2), trace_rule.h asks the kernel (L3).
 *
 * Freshness: nftables is read again when its generation moved (or the namespace is
 * another one under the same inode), iptables when older than 1 s. A dump that takes
 * longer than 50 ms is reused for twenty times as long as it took.
 *
 * Reads only. Needs CAP_NET_ADMIN; CAP_SYS_ADMIN for other namespaces than the own;
 * iptables-legacy-save needs root. Blocks for as long as a dump takes (about 1 ms for
 * a hundred rules). Not thread-safe; moves the calling thread between namespaces.
 */
#pragma once

#include "model/packet.h"

#include <stddef.h>

struct xc_ruleset;

/** Return: NULL = no memory. */
struct xc_ruleset *xc_ruleset_new(void);

void xc_ruleset_free(struct xc_ruleset *rs);

/**
 * Rules that could have dropped @pkt in a namespace, certain ones first.
 * @netns_fd: open namespace file, -1 = the own; borrowed
 * @netns: inode of that namespace, the key of the cache
 * @out: at most @max are stored
 * Return: how many there are (it may exceed @max; 1 = that one and no other; 0 = no
 * rule drops it), -EPERM, -EOPNOTSUPP (no packet filter can be read here), -errno
 */
int xc_ruleset_name(struct xc_ruleset *rs, int netns_fd, uint32_t netns,
		    const struct xc_packet *pkt, struct xc_rule *out, size_t max);

/* What xc_ruleset_name() returned, for a second look. */
struct xc_rule_list {
	struct xc_rule *rules;
	size_t n;
};

/**
 * Look again after more packets of the flow were dropped: if exactly one counter of
 * the candidates moved, that rule becomes rules[0] with how = XC_RULE_COUNTED.
 * Counters in @list are brought up to date. Other traffic may move counters as well:
 * call it soon after.
 * Return: 1 (found), 0 (none or several moved), -errno
 */
int xc_ruleset_counted(struct xc_ruleset *rs, int netns_fd, uint32_t netns,
		       const struct xc_packet *pkt, struct xc_rule_list *list);

/**
 * Complete a rule that a trace named by table, chain and handle.
 * Return: 1 (done), 0 (not in the ruleset), -errno
 */
int xc_ruleset_describe(struct xc_ruleset *rs, int netns_fd, uint32_t netns, struct xc_rule *rule);

/** Forget what is kept: the next question reads the rulesets anew. */
void xc_ruleset_refresh(struct xc_ruleset *rs);
