/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "sock.skel.h"

static const struct xc_program programs[] = {
	{ .name = "sock_state", .tracepoint = "inet_sock_set_state", .n_args = 3 },
	{ .name = "sock_error",
	  .tracepoint = "inet_sk_error_report",
	  .n_args = 1,
	  .lacks = "sock:inet_sk_error_report (5.14)",
	  .so = "an error that leaves a socket open is told only when the socket closes" },
	{ .name = "sock_retrans_err",
	  .tracepoint = "tcp_retransmit_skb",
	  .n_args = 3,
	  .lacks = "result of tcp:tcp_retransmit_skb (6.15)",
	  .so = "a resend that a local filter or a missing neighbour stops looks like one that left" },
	{ .name = "sock_retrans", .tracepoint = "tcp_retransmit_skb", .n_args = 2 },
	{ .name = "sock_synack", .tracepoint = "tcp_retransmit_synack", .n_args = 2 },
	{ .name = "sock_rst", .tracepoint = "tcp_receive_reset", .n_args = 1 },
	{ .name = NULL },
};

const struct xc_probe xc_probe_sock = {
	.name = "sock",
	.text = "TCP sockets: failed connects, errors, retransmissions, resets received, full accept queues",
	.needs =
		"tracepoints sock:inet_sock_set_state, tcp:tcp_retransmit_skb; CAP_BPF, CAP_PERFMON",
	.without = "no connection failures are seen at all",
	.serves = XC_FOR_FAILURES,
	.elf = sock_bpf__elf_bytes,
	.programs = programs,
};
