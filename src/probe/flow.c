/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "flow.skel.h"

/* Atomic exchange came with 5.12. BTF does not tell of it, but of a helper of the same release. */
#define NEW .func = "bpf_get_socket_ptr_cookie"
#define OLD .func = "bpf_get_socket_ptr_cookie", .wants_no_func = true

static const struct xc_program programs[] = {
	{ .name = "flow_in", NEW },
	{ .name = "flow_out", NEW },
	{ .name = "flow_in_l3", NEW },
	{ .name = "flow_out_l3", NEW },
	{ .name = "flow_in_old", OLD },
	{ .name = "flow_out_old", OLD },
	{ .name = "flow_in_l3_old", OLD },
	{ .name = "flow_out_l3_old", OLD },
	{ .name = NULL },
};

const struct xc_probe xc_probe_flow = {
	.name = "flow",
	.text = "flows: every packet of an interface, counted where it enters and leaves",
	.needs = "TC programs (TCX since 6.6) with spin locks (5.1); CAP_BPF, CAP_NET_ADMIN",
	.without = "features can be had from captures only",
	.serves = XC_FOR_FLOWS,
	.elf = flow_bpf__elf_bytes,
	.programs = programs,
};
