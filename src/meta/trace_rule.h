/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the kernel which nftables rule drops a flow: opt-in (--trace-rule), because it
 * adds a table of ours for a moment. The user's tables are not touched, no packet is
 * changed but for its trace flag, at most five packets a second are traced.
 *
 *	table inet crosscut_trace: one chain in prerouting and one in output, priority
 *	-350, that set "meta nftrace" on the packets of one flow.
 *
 * The table is gone after xc_trace_stop(), at exit, and when the process is killed
 * (flag "owner", Linux 5.12: it lives as long as our socket). What an older kernel
 * leaves behind is removed by the next start.
 *
 * It sees packets that come again (retransmissions, new tries), only nftables rules
 * (iptables-nft included), and no netdev ingress, which lies before it.
 */
#pragma once

#include "model/packet.h"

struct xc_trace;

/**
 * Start tracing the flow of @pkt.
 * @netns_fd: open namespace file, -1 = the own; borrowed
 * Return: 0, -EBUSY (another crosscut traces there, or too many traces), -EPERM,
 * -EOPNOTSUPP, -errno
 */
int xc_trace_start(int netns_fd, const struct xc_packet *pkt, struct xc_trace **ret);

/** A descriptor that is readable when xc_trace_read() has work. */
int xc_trace_fd(const struct xc_trace *t);

/**
 * Look, without waiting, whether the kernel has named the rule.
 * @ret_rule: engine, table, chain, handle or is_policy, how; xc_ruleset_describe() adds the rest
 * Return: 1 (it has), 0 (not yet), -errno
 */
int xc_trace_read(struct xc_trace *t, struct xc_rule *ret_rule);

/** Remove the table. NULL is allowed. */
void xc_trace_stop(struct xc_trace *t);

/**
 * All of the above: wait up to @timeout_ms.
 * Return: 1 (named), 0 (no packet of the flow was dropped by a rule), -errno
 */
int xc_trace_rule(int netns_fd, const struct xc_packet *pkt, int timeout_ms,
		  struct xc_rule *ret_rule);

/**
 * Remove what a killed crosscut may have left in a namespace.
 * Return: 0 (also when there was nothing), -EPERM, -EBUSY (it is in use), -errno
 */
int xc_trace_clean(int netns_fd);
