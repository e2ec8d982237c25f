/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/probe.h"

#include "path.skel.h"

static const struct xc_program programs[] = {
	{ .name = "path_neigh_timer", .tracepoint = "neigh_timer_handler", .n_args = 2 },
	{ .name = "path_neigh_dead", .tracepoint = "neigh_event_send_dead", .n_args = 2 },
	{ .name = "path_fib4",
	  .tracepoint = "fib_table_lookup",
	  .n_args = 4,
	  .lacks = "fib:fib_table_lookup",
	  .so = "missing IPv4 routes show only as error numbers" },
	{ .name = "path_fib6",
	  .tracepoint = "fib6_table_lookup",
	  .n_args = 4,
	  .lacks = "fib6:fib6_table_lookup",
	  .so = "missing IPv6 routes show only as error numbers" },
	{ .name = "path_icmp",
	  .tracepoint = "icmp_send",
	  .n_args = 3,
	  .lacks = "icmp:icmp_send (5.14)",
	  .so = "ICMP errors are seen where they arrive, not where they are sent" },
	{ .name = NULL },
};

const struct xc_probe xc_probe_path = {
	.name = "path",
	.text = "neighbours that do not answer, route lookups that fail, ICMP errors sent",
	.needs =
		"tracepoints neigh:*, fib:fib_table_lookup, fib6:fib6_table_lookup, icmp:icmp_send",
	.without = "missing hosts and routes show only as time-outs or error numbers",
	.serves = XC_FOR_FAILURES,
	.elf = path_bpf__elf_bytes,
	.programs = programs,
};
