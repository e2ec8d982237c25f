/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "reset.skel.h"

static const struct xc_program programs[] = {
	{ .name = "reset_reason",
	  .tracepoint = "tcp_send_reset",
	  .n_args = 3,
	  .lacks = "reset reason (6.10)",
	  .so = "why a RST was sent is told from the socket's state, and one without a socket from the drop it answers" },
	{ .name = "reset_plain", .tracepoint = "tcp_send_reset", .n_args = 2 },
	{ .name = NULL },
};

const struct xc_probe xc_probe_reset = {
	.name = "reset",
	.text = "RSTs this host sends, and why",
	.needs = "tracepoint tcp:tcp_send_reset; its reason argument since 6.10",
	.without = "a refused or reset connection cannot be traced to its sender",
	.serves = XC_FOR_FAILURES,
	.elf = reset_bpf__elf_bytes,
	.programs = programs,
};
