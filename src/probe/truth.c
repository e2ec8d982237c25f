/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "truth.skel.h"

static const struct xc_program programs[] = {
	{ .name = "truth_state", .tracepoint = "inet_sock_set_state", .n_args = 3 },
	{ .name = "truth_retrans_err",
	  .tracepoint = "tcp_retransmit_skb",
	  .n_args = 3,
	  .lacks = "result of tcp:tcp_retransmit_skb (6.15)",
	  .so = "a resend that a local filter or a missing neighbour stops counts as sent" },
	{ .name = "truth_retrans", .tracepoint = "tcp_retransmit_skb", .n_args = 2 },
	{ .name = "truth_synack", .tracepoint = "tcp_retransmit_synack", .n_args = 2 },
	{ .name = "truth_drop_rx", .tracepoint = "kfree_skb", .n_args = 4 },
	{ .name = "truth_drop",
	  .tracepoint = "kfree_skb",
	  .n_args = 3,
	  .lacks = "drop reasons (5.17)",
	  .so = "drops by this host are not counted per flow" },
	{ .name = "truth_files" },
	{ .name = "truth_tcp" },
	{ .name = NULL },
};

const struct xc_probe xc_probe_truth = {
	.name = "truth",
	.text = "flows: what the kernel itself knows: resends, drops, the socket and its round-trip time",
	.needs =
		"tracepoints sock:inet_sock_set_state, tcp:tcp_retransmit_skb, skb:kfree_skb with reasons (5.17)",
	.without = "retransmissions and drops are guessed from the packets, owners stay unknown",
	.serves = XC_FOR_FLOWS,
	.elf = truth_bpf__elf_bytes,
	.programs = programs,
};
