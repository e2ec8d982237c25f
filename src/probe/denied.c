/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "denied.skel.h"

static const struct xc_program programs[] = {
	{ .name = "denied_connect4" },
	{ .name = "denied_connect6" },
	{ .name = NULL },
};

const struct xc_probe xc_probe_denied = {
	.name = "denied",
	.text = "connect() calls that a cgroup program denies",
	.needs = "cgroup v2, bpf_get_retval() (5.18); CAP_BPF, CAP_NET_ADMIN",
	.without = "EPERM from a cgroup program has no explanation",
	.needs_func = "bpf_get_retval",
	.serves = XC_FOR_FAILURES,
	.about = BPF_PROG_TYPE_CGROUP_SOCK_ADDR,	/* 0.2 us of every connect() */
	.elf = denied_bpf__elf_bytes,
	.programs = programs,
};
