/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "forward.skel.h"

static const struct xc_program programs[] = {
	{ .name = "forward_in" },     { .name = "forward_out" }, { .name = "forward_in_l3" },
	{ .name = "forward_out_l3" }, { .name = NULL },
};

const struct xc_probe xc_probe_forward = {
	.name = "forward",
	.text = "requests that only pass through this host; only with --forwarded",
	.needs =
		"TC programs (TCX since 6.6) that look up sockets (5.2); CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON",
	.without = "requests between other hosts are not seen",
	.serves = XC_FOR_FORWARDED,
	.elf = forward_bpf__elf_bytes,
	.programs = programs,
};
