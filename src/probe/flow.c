/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "flow.skel.h"

static const struct xc_program programs[] = {
	{ .name = "flow_in" },
	{ .name = "flow_out" },
	{ .name = "flow_in_l3" },
	{ .name = "flow_out_l3" },
	{ .name = NULL },
};

const struct xc_probe xc_probe_flow = {
	.name = "flow",
	.text = "flows: every packet of an interface, counted where it enters and leaves",
	.needs = "TC programs (4.1; TCX since 6.6) with spin locks (5.1); CAP_BPF, CAP_NET_ADMIN",
	.without = "features can be had from captures only",
	.is_for_flows = true,
	.elf = flow_bpf__elf_bytes,
	.programs = programs,
};
