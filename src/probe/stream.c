/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "stream.skel.h"

static const struct xc_program programs[] = {
	{ .name = "stream_in" },
	{ .name = "stream_out" },
	{ .name = "stream_state",
	  .tracepoint = "inet_sock_set_state",
	  .n_args = 3,
	  .func = "bpf_get_socket_ptr_cookie",
	  .lacks = "cookies of sockets in tracing programs (5.12)",
	  .so = "the beginning of accepted connections is not seen: who is the client is told from ports and content" },
	{ .name = "stream_state_old",
	  .tracepoint = "inet_sock_set_state",
	  .n_args = 3,
	  .func = "bpf_get_socket_ptr_cookie",
	  .wants_no_func = true },
	{ .name = NULL },
};

const struct xc_probe xc_probe_stream = {
	.name = "stream",
	.text = "requests: what sockets send and receive, as far as it is wanted",
	.needs =
		"cgroup v2, cgroup_skb programs and their links (5.7), tracepoint sock:inet_sock_set_state; CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON",
	.without = "no requests are seen",
	.serves = XC_FOR_REQUESTS,
	.elf = stream_bpf__elf_bytes,
	.programs = programs,
};
